//! A workflow with its params and the machine's facts resolved: what a run executes, and its digest. Pure.
#![deny(clippy::disallowed_methods)]

mod action;
mod call;
mod clause;
mod evidence;
mod expect;
mod hosts;
mod named;
mod own;
mod params;
mod resolve;
mod secrets;
mod wait;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

pub use action::{Action, quoted};
pub use call::{Argument, Call, Callee};
pub use clause::Clause;
pub use evidence::Seen;
pub use expect::{Check, Expectation};
pub use hosts::{Fan, Items, Lease, On};
pub use named::no_step;
pub use own::{Copy, End, Reboot};
pub use params::{BadParam, Given};
pub use resolve::resolve;
pub use secrets::{Secrets, shown as shown_sources};
pub use wait::{Until, Wait};

use crate::expr::Template;
use crate::expr::template::{Named, Placeholder};
use crate::fleet::{Fleet, Host};
use crate::ids::{HostName, Name, StepId, WorkflowId};
use crate::shell;
use crate::value::Bytes;
use crate::workflow::{
    Actor, ConvergeStrategy, Edge, Effect, Join, Millis, OnError, OnInterrupt, OutputSpec,
    Severity, When,
};

/// What the machine is and has, gathered before planning.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    /// The operating system, as `std::env::consts::OS` names it.
    pub os: String,
    /// The architecture, as `std::env::consts::ARCH` names it.
    pub arch: String,
    /// Which of the programs that the workflow requires were found.
    pub tools: BTreeMap<String, bool>,
    /// The paths that the patterns of `glob` params match.
    pub globs: BTreeMap<String, Vec<String>>,
    /// The workspace's hosts, if the workflow asks for any.
    pub fleet: Fleet,
    /// The file the workflow was read from, as it is shown.
    pub file: String,
    /// Its SHA-256 in hexadecimal.
    pub sha256: String,
    /// The verbs that its steps call.
    pub called: BTreeMap<WorkflowId, Callee>,
}

/// A workflow ready to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The version of this form.
    pub version: u32,
    /// The verb.
    pub workflow: WorkflowId,
    /// What it does, in a line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The file it came from.
    pub file: String,
    /// That file's SHA-256.
    pub sha256: String,
    /// Every param with its value and where it came from.
    pub params: BTreeMap<Name, Param>,
    /// Prose: what should hold before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub preconditions: Vec<String>,
    /// Prose: what should hold after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub postconditions: Vec<String>,
    /// Commands that must pass before any step.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<Guard>,
    /// The hosts that steps may run on, as the fleet described them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub hosts: BTreeMap<HostName, Host>,
    /// The steps, in the order of the file.
    pub steps: Vec<Step>,
    /// The steps that run whatever happened.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub finally: Vec<Step>,
    /// What a run of it hands to its caller.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<Name, Template>,
    /// Repeat until.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converge: Option<Converge>,
    /// The deadline of the whole run.
    #[serde(rename = "timeout_ms", default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// Locks the run holds from start to end.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Name>,
    /// The folder of guards and of the converge condition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<Template>,
    /// The environment of guards and of the converge condition.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Template>,
    /// The secrets of guards and of the converge condition: their sources, never their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: Secrets,
}

/// A param's value and where it came from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Param {
    /// The value.
    pub value: Value,
    /// Where it came from.
    pub from: Origin,
}

/// Where a param's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The caller gave it.
    Given,
    /// The workflow's default.
    Default,
}

/// A command: a program's words, the last of which may be shell text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shell {
    /// The words before the text.
    pub prefix: Vec<String>,
    /// The text.
    pub text: String,
    /// Its placeholders: that of index n is handed over as `OSTLER_V<n+1>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Placeholder>,
    /// Whether nobody chose the shell: then a host may have one of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_usual: bool,
}

impl Shell {
    /// All the words.
    pub fn argv(&self) -> Vec<Bytes> {
        let words = self.prefix.iter().chain(std::iter::once(&self.text));
        words.map(|w| Bytes::from(w.as_str())).collect()
    }

    /// The text with its placeholders as they were written, for people.
    pub fn shown(&self) -> String {
        shell::shown(&self.text, &self.values)
    }
}

/// A guard ready to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// Its name.
    pub id: Name,
    /// What it runs.
    pub run: Shell,
    /// Where it runs; none for here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<On>,
    /// Shown when it fails.
    pub reason: String,
    /// What its failure does.
    pub severity: Severity,
    /// Its deadline.
    #[serde(rename = "timeout_ms", default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
}

/// Repeat until a condition holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Converge {
    /// The command that decides.
    pub condition: Shell,
    /// How often steps may be reset.
    pub max_iterations: u32,
    /// Which steps are reset.
    pub strategy: ConvergeStrategy,
}

/// One step ready to run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: StepId,
    /// What it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Prose for whoever does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who may do it.
    pub actor: Actor,
    /// What it runs, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Action>,
    /// Where it runs; none for here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<On>,
    /// Over what it fans out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fan: Option<Fan>,
    /// Whether its command goes on when the connection to its host ends.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keep: bool,
    /// Its environment, the workflow's included.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, Template>,
    /// Its secrets, the workflow's included: their sources, never their values.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets: Secrets,
    /// Its folder, from the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<Template>,
    /// What it reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<Stdin>,
    /// What comes before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edges: Vec<Edge>,
    /// How the edges combine.
    pub join: Join,
    /// Conditions under which it runs at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<When>,
    /// What follows a failure.
    pub on_error: OnError,
    /// Its deadline.
    #[serde(rename = "timeout_ms", default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// How long it may be silent.
    #[serde(rename = "stall_timeout_ms", default, skip_serializing_if = "Option::is_none")]
    pub stall_timeout: Option<Millis>,
    /// What a pass is beyond exit 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
    /// The claim that is checked once the step has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Check>,
    /// The claim in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify_prose: Option<String>,
    /// What it hands on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<Name, OutputSpec>,
    /// What it may do to the world.
    pub effect: Effect,
    /// Locks it holds while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<Name>,
    /// The step that gives back what this one acquires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<StepId>,
    /// What happens if the engine dies while it runs.
    pub on_interrupt: OnInterrupt,
    /// `on_interrupt`'s command, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Shell>,
    /// Why it cannot be tried on this machine, if so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unmet: Option<String>,
}

impl Step {
    /// Whether somebody is asked to do it, rather than the engine running it.
    pub fn is_asked(&self) -> bool {
        self.actor == Actor::Human || self.run.is_none()
    }

    /// Whether it runs on a host: a call is made here, also where it is made for a host.
    pub fn is_on_host(&self) -> bool {
        self.on.is_some() && !matches!(self.run, Some(Action::Call(_)))
    }
}

/// What a step reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// Text.
    Text(Template),
    /// Bytes as they are.
    Bytes(Bytes),
    /// A JSON value; the strings in it are templates as written.
    Json(Value),
}

impl Plan {
    /// The steps that others come after.
    pub fn followed(&self) -> BTreeSet<&StepId> {
        let all = self.steps.iter().chain(&self.finally);
        all.flat_map(|step| &step.edges).map(|edge| &edge.step.value).collect()
    }

    /// The plan as the one text that its digest is of.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The SHA-256 of the plan's text, in hexadecimal.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.to_json()))
    }

    /// What a bare name in braces stands for.
    fn named(&self, name: &str) -> Option<Named> {
        if self.params.contains_key(name) {
            return Some(Named::Param);
        }
        let mut fans = self.steps.iter().chain(&self.finally).filter_map(|step| step.fan.as_ref());
        if fans.any(|fan| fan.name.as_ref().is_some_and(|item| item.as_str() == name)) {
            return Some(Named::Item);
        }
        (name == "host").then_some(Named::Host)
    }

    /// Finds the placeholders of a text with this plan's params.
    pub fn template(&self, text: &str) -> Template {
        Template::parse(text, |name| self.named(name)).unwrap_or_else(|_| Template::literal(text))
    }
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
