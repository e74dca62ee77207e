//! The links between a run and those that its steps called, in both directions.

use schemars::JsonSchema;
use serde::Serialize;

use super::text::words;
use crate::run::{Attempt, Called, Node, Outcome, Parent, Run, RunStatus};

/// The attempt that called a run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ParentReport {
    /// The run it is in.
    pub run: String,
    /// Its step.
    pub step: String,
    /// Its number.
    pub attempt: u32,
}

impl ParentReport {
    pub(super) fn of(parent: &Parent) -> Self {
        let (run, step) = (parent.run.to_string(), parent.step.to_string());
        Self { run, step, attempt: parent.attempt }
    }
}

/// The run that an attempt called.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CalledReport {
    /// The verb.
    pub workflow: String,
    /// The run.
    pub run: String,
    /// How it ended, or what it was when the attempt ended; none while that goes on.
    pub status: Option<RunStatus>,
    /// The first cause, where it did not pass.
    pub reason: Option<String>,
}

impl CalledReport {
    /// The run of an attempt: of one that goes on it is known by its name only; one that was refused has none.
    pub(super) fn of(run: &Run, node: &Node, attempt: &Attempt) -> Option<Self> {
        let call = run.call(node)?;
        if let Some(called) = attempt.ending.as_ref().and_then(|ending| ending.called.as_ref()) {
            return Some(Self {
                workflow: called.verb.to_string(),
                run: called.run.to_string(),
                status: Some(called.status),
                reason: called.reason.clone(),
            });
        }
        let may_be = match attempt.ending.as_ref().map(|ending| &ending.outcome) {
            None | Some(Outcome::Interrupted { .. }) => true,
            Some(_) => false,
        };
        may_be.then(|| Self {
            workflow: call.verb.to_string(),
            run: run.linked(node, attempt.n).to_string(),
            status: None,
            reason: None,
        })
    }
}

/// How a call ended, in words.
pub(super) fn detail(called: &Called, outcome: &Outcome) -> String {
    let Called { verb, run, status, reason } = called;
    let reason = reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default();
    match status {
        RunStatus::Passed => format!("{outcome}, run {run}"),
        status => format!("{verb} {} in run {run}{reason} ({outcome})", words(*status).0),
    }
}
