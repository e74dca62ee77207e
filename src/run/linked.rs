//! Linked runs: which run an attempt at a call opens or goes on with, and what its end is to the caller.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::node::{Node, State};
use super::outcome::{Check, Ending, Outcome};
use super::state::Run;
use super::status::RunStatus;
use crate::check::values;
use crate::expr::Ref;
use crate::expr::template::{Form, Part, Placeholder};
use crate::ids::{Instance, Name, RunId, WorkflowId};
use crate::plan::{Action, Call};
use crate::value;

/// The attempt that called a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// The run it is in.
    pub run: RunId,
    /// Its step.
    pub step: Instance,
    /// Its number.
    pub attempt: u32,
}

/// What became of the run that an attempt called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Called {
    /// The verb.
    pub verb: WorkflowId,
    /// The run.
    pub run: RunId,
    /// How it ended, or what it was when the attempt ended.
    pub status: RunStatus,
    /// The first cause, where it did not pass.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Run {
    /// The call that a node makes, if it makes one.
    pub fn call(&self, node: &Node) -> Option<&Call> {
        match &self.step(node).run {
            Some(Action::Call(call)) => Some(call),
            _ => None,
        }
    }

    /// The run of an attempt at a call.
    ///
    /// It follows from what is recorded, so that it is known before it is there, and whoever comes after an engine
    /// that died goes on with the same one: an attempt has the run of the attempts before it that were interrupted.
    pub fn linked(&self, node: &Node, attempt: u32) -> RunId {
        let before = node.attempts.iter().rev().filter(|a| a.n < attempt);
        let interrupted = before.take_while(|a| {
            let ending = a.ending.as_ref().map(|ending| &ending.outcome);
            matches!(ending, Some(Outcome::Interrupted { .. }))
        });
        let first = interrupted.last().map_or(attempt, |a| a.n);
        let digest = Sha256::digest(format!("{} {} {first}", self.id(), node.instance));
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&digest[..8]);
        RunId::from_random(bytes)
    }

    /// The runs that the attempts at a call may have opened.
    pub fn linked_by(&self, node: &Node) -> BTreeSet<RunId> {
        let attempts = node.attempts.iter().filter(|_| self.call(node).is_some());
        attempts.map(|attempt| self.linked(node, attempt.n)).collect()
    }

    /// The runs that this one may have opened.
    pub fn all_linked(&self) -> BTreeSet<RunId> {
        self.nodes.iter().flat_map(|node| self.linked_by(node)).collect()
    }

    /// The step whose failure is the first cause of the run's.
    fn first_cause(&self) -> Option<&Node> {
        let failed = |finally| {
            let of = move |n: &&Node| n.finally == finally && n.state == State::Failed;
            self.nodes.iter().find(of)
        };
        self.stopped.map(|n| &self.nodes[n]).or_else(|| failed(true)).or_else(|| failed(false))
    }

    /// What the run hands to its caller, and why it cannot hand on the rest, if so.
    pub(super) fn handed_on(&self) -> (BTreeMap<Name, Value>, Option<String>) {
        let mut found = BTreeMap::new();
        let mut missing = None;
        for (name, template) in &self.plan.outputs {
            let value = match template.0.as_slice() {
                [Part::Ref(one)] if one.form == Form::Plain => self.handed(one),
                parts => self.joined(parts),
            };
            match value {
                Ok(value) => drop(found.insert(name.clone(), value)),
                Err(what) => {
                    missing.get_or_insert(format!("no output `{name}`: {what} does not exist"));
                }
            }
        }
        (found, missing)
    }

    fn joined(&self, parts: &[Part]) -> Result<Value, String> {
        let mut bytes = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Part::Ref(one) => bytes.extend(value::to_bytes(&self.handed(one)?)),
            }
        }
        Ok(value::from_bytes(&bytes))
    }

    /// One value, of its own type also where it is a default.
    fn handed(&self, found: &Placeholder) -> Result<Value, String> {
        let Ref::Output(step, name) = &found.to else {
            let value = self.value_of(None, 0, &BTreeMap::new(), found);
            return value.ok_or_else(|| found.braced());
        };
        let node = self.node(&Instance::only(step.clone()));
        if let Some(value) = node.and_then(|node| node.outputs.get(name)) {
            return Ok(value.clone());
        }
        let default = found.default.as_ref().ok_or_else(|| found.braced())?;
        let spec = node.and_then(|node| self.step(node).outputs.get(name));
        let typed = spec.and_then(|spec| values::from_text(spec.kind, default).ok());
        Ok(typed.unwrap_or_else(|| Value::from(default.as_str())))
    }
}

impl Ending {
    /// Puts into the ending of a call what became of its run: the first cause there is the cause here.
    pub fn called(&mut self, verb: &WorkflowId, child: &Run) {
        let Some(run) = RunId::parse(child.id()) else { return };
        let (status, reason) = (child.status(), child.reason().map(str::to_owned));
        if !status.is_final() && !self.passed && is_by_itself(&self.outcome) {
            let reason = format!("its engine ended, {}: ostler runs show {run}", self.outcome);
            self.outcome = Outcome::Lost { reason };
        }
        self.called = Some(Called { verb: verb.clone(), run, status, reason });
        if self.passed || !status.is_final() || !is_by_itself(&self.outcome) {
            return;
        }
        if let Some(after_ms) = child.deadline {
            self.outcome = Outcome::TimedOut { after_ms };
        }
        let cause = child.first_cause().filter(|_| !child.is_ending());
        let Some((node, ending)) = cause.and_then(|node| Some((node, node.ending()?))) else {
            return;
        };
        if !matches!(ending.outcome, Outcome::Cancelled | Outcome::Interrupted { .. }) {
            self.outcome = ending.outcome.clone();
        }
        let step = &node.instance;
        let failed = ending.checks.iter().filter(|check| !check.passed && check.what != "exit");
        self.checks.extend(
            failed.map(|check| Check { what: format!("{step}: {}", check.what), ..check.clone() }),
        );
        self.bad_output = ending.bad_output.as_ref().map(|why| format!("`{step}`: {why}"));
    }
}

/// Whether nobody here ended it.
fn is_by_itself(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Exited { .. } | Outcome::Signaled { .. })
}
