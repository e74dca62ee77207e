//! Called runs: what their engine is told, and what their end is to the caller.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::action::Done;
use crate::ids::{Instance, Name, RunId, WorkflowId};
use crate::run::{Outcome, Parent, Run};
use crate::store::{self, Store};

/// The argument by which our binary knows that it is to be the engine of a called run.
pub const ROLE: &str = "__call";

/// What the engine of a called run is told, on its standard input.
#[derive(Debug, Serialize, Deserialize)]
pub struct Request {
    /// The run, which it opens, or goes on with if it is there.
    pub run: RunId,
    /// The attempt that calls it.
    pub parent: Parent,
    /// The runs of earlier attempts, which must have ended before.
    pub older: Vec<RunId>,
    /// The verb.
    pub verb: WorkflowId,
    /// The file it is in, as it is shown.
    pub file: String,
    /// What it was when its caller was planned.
    pub digest: String,
    /// Its params.
    pub params: BTreeMap<Name, Value>,
    /// The outputs that its caller takes.
    pub outputs: Vec<Name>,
    /// Whether passing with failures is a pass.
    pub lenient: bool,
    /// How many commands may run at once.
    pub jobs: usize,
    /// How many steps may run at once on hosts.
    pub host_jobs: usize,
    /// Whether steps that ask fail instead.
    pub no_ask: bool,
    /// Folders that imports may come from, beside the workspace.
    pub imports: Vec<PathBuf>,
    /// Whether to refuse where reading cannot be confined.
    pub untrusted: bool,
}

/// Puts into what an attempt gave, if it is a call, what became of its run.
pub(super) fn judge(store: &Store, run: &Run, step: &Instance, attempt: u32, done: &mut Done) {
    let Some(node) = run.node(step) else { return };
    let Some(call) = run.call(node) else { return };
    match store.load(&run.linked(node, attempt)) {
        Ok(child) => done.ending.called(&call.verb, child.run()),
        Err(store::Error::NoRun(_)) => {
            if let Outcome::Exited { code: 1.. } = done.ending.outcome {
                done.ending.outcome = Outcome::CouldNotStart { reason: refusal(done) };
            }
        }
        Err(error) => done.ending.outcome = Outcome::Lost { reason: error.to_string() },
    }
}

/// Why a run was not even opened, as its engine said it.
fn refusal(done: &Done) -> String {
    let said = done.inline.iter().find(|(name, _)| name.ends_with(".stderr"));
    let said = said.map(|(_, bytes)| bytes.shown().into_owned()).unwrap_or_default();
    let lines = said.lines().map(|line| line.trim().trim_start_matches("error: "));
    let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
    if lines.is_empty() { done.ending.outcome.to_string() } else { lines.join("; ") }
}
