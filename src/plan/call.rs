//! Calls: what a plan says of the verbs that its steps call.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::hex;
use crate::expr::Template;
use crate::expr::template::Placeholder;
use crate::ids::{Name, StepId, WorkflowId};
use crate::workflow::{self, Effect, Workflow};

/// A call ready to be made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The verb.
    pub verb: WorkflowId,
    /// What it is given.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub params: BTreeMap<Name, Argument>,
    /// Whether a run that passed with failures is a pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub lenient: bool,
    /// The verb as it was when this was planned: it runs so, or not at all.
    pub called: Callee,
}

/// What a param is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Argument {
    /// A text; one that is a lone placeholder is that very value.
    Text(Template),
    /// Several.
    List(Vec<Self>),
    /// A value as it stands.
    Value(Value),
}

impl Argument {
    fn of(value: &Value, template: &impl Fn(&str) -> Template) -> Self {
        match value {
            Value::String(text) => Self::Text(template(text)),
            Value::Array(all) => Self::List(all.iter().map(|v| Self::of(v, template)).collect()),
            other => Self::Value(other.clone()),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Text(template) => template.shown(),
            Self::List(all) => all.iter().map(Self::shown).collect::<Vec<_>>().join(","),
            Self::Value(value) => value.to_string(),
        }
    }

    fn placeholders(&self) -> Vec<&Placeholder> {
        match self {
            Self::Text(template) => template.placeholders().collect(),
            Self::List(all) => all.iter().flat_map(Self::placeholders).collect(),
            Self::Value(_) => Vec::new(),
        }
    }
}

/// A verb as its callers see it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Callee {
    /// The file it is in, as it is shown.
    pub file: String,
    /// The SHA-256 over it and all that it calls, in hexadecimal.
    pub digest: String,
    /// The most it may do to the world.
    pub effect: Effect,
    /// Its steps.
    pub steps: Vec<StepId>,
    /// Its steps that run whatever happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<StepId>,
}

impl Callee {
    /// A verb as its callers see it, given those that it calls itself.
    pub fn of(workflow: &Workflow, file: &str, called: &BTreeMap<WorkflowId, Self>) -> Self {
        let mut sum = Sha256::new();
        sum.update(serde_json::to_vec(workflow).unwrap_or_default());
        for call in workflow.calls() {
            sum.update(called.get(&call.verb.value).map_or("", |callee| &callee.digest));
        }
        let ids = |steps: &[workflow::Step]| steps.iter().map(|s| s.id.value.clone()).collect();
        Self {
            file: file.to_owned(),
            digest: hex(&sum.finalize()),
            effect: workflow.effect,
            steps: ids(&workflow.steps),
            finally: ids(&workflow.finally),
        }
    }
}

impl Call {
    /// A call of a verb that was found.
    pub(super) fn of(
        call: &workflow::Call,
        called: Callee,
        template: &impl Fn(&str) -> Template,
    ) -> Self {
        let given = call.params.iter();
        Self {
            verb: call.verb.value.clone(),
            params: given
                .map(|(name, value)| (name.value.clone(), Argument::of(value, template)))
                .collect(),
            lenient: call.lenient,
            called,
        }
    }

    /// The call as one would type it.
    pub(super) fn shown(&self) -> String {
        let one = |(name, given): (&Name, &Argument)| {
            format!(" {name}={}", super::quoted(&given.shown()))
        };
        format!("call {}{}", self.verb, self.params.iter().map(one).collect::<String>())
    }

    /// The steps of the called verb, in a line.
    pub fn inside(&self) -> String {
        let names =
            |steps: &[StepId]| steps.iter().map(StepId::as_str).collect::<Vec<_>>().join(", ");
        let Callee { steps, finally, .. } = &self.called;
        let last = if finally.is_empty() {
            String::new()
        } else {
            format!("; finally {}", names(finally))
        };
        format!("runs {}{last}", names(steps))
    }

    /// The placeholders in it.
    pub(super) fn placeholders(&self) -> Vec<&Placeholder> {
        self.params.values().flat_map(Argument::placeholders).collect()
    }
}
