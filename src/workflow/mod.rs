//! What was written, typed: a workflow file after reading and before checking. No I/O.
#![deny(clippy::disallowed_methods)]

mod action;
mod call;
mod expect;
mod fan;
mod millis;
mod names;
mod param;
mod requires;
mod secret;
mod step;
mod tags;

pub use action::{Action, Check, Copy, Reboot, Until, Wait};
pub use call::Call;
pub use expect::{Expect, FileExpect, Json, TextExpect};
pub use fan::{Batch, ForEach, HostRef, Items, LOCAL, Lease};
pub use millis::Millis;
pub use names::Names;
pub use param::{Group, Param, ParamGroup, ParamType, ValueType};
pub use requires::Requires;
pub use secret::{Secret, SecretSource};
pub use step::{Edge, OnError, OnInterrupt, OutputSpec, Retry, Shell, Stdin, Step, Verify, When};
pub use tags::{
    Actor, ConvergeStrategy, EdgeKind, Effect, ErrorTag, Interrupt, Join, OUTCOMES, OnDisconnect,
    Order, Severity, Strategy, Tag,
};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{At, Place};
use crate::ids::{Name, StepId, WorkflowId};

/// One verb, as its author wrote it. Fields as in `docs/reference.md`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Workflow {
    /// The verb's name.
    pub id: At<WorkflowId>,
    /// Why and when one runs it.
    pub trigger: Option<String>,
    /// What it does, in a line.
    pub description: Option<String>,
    /// Level resolution.
    pub strategy: Strategy,
    /// Steps taken over from the parent, with `Compose`.
    pub extends: Vec<At<StepId>>,
    /// Prose: what should hold before. Never executed.
    pub preconditions: Vec<At<String>>,
    /// Prose: what should hold after. Never executed.
    pub postconditions: Vec<At<String>>,
    /// What the caller gives, in the order of positions.
    pub params: Vec<Param>,
    /// Which params go together.
    pub param_groups: Vec<ParamGroup>,
    /// Commands that must pass before any step.
    pub guards: Vec<Guard>,
    /// What the machine must have.
    pub requires: Requires,
    /// Whether steps also follow the order of the file.
    pub order: Order,
    /// The steps.
    pub steps: Vec<Step>,
    /// The steps that run whatever happened.
    pub finally: Vec<Step>,
    /// What a run of it hands to its caller: texts with placeholders.
    pub outputs: Vec<(At<Name>, At<String>)>,
    /// What to do until a condition holds.
    pub converge: Option<Converge>,
    /// The most any step may do to the world.
    pub effect: Effect,
    /// Where steps and guards run that do not say it themselves.
    pub host: Option<At<HostRef>>,
    /// The steps' default shell.
    pub shell: Option<At<Shell>>,
    /// The steps' common environment.
    pub env: Vec<(At<String>, At<String>)>,
    /// The secrets that every step gets.
    pub secrets: Vec<Secret>,
    /// The steps' default folder.
    pub cwd: Option<At<String>>,
    /// The deadline of the whole run, `finally` aside.
    pub timeout: Option<Millis>,
    /// The steps' default limit of silence.
    pub stall_timeout: Option<Millis>,
    /// Locks the run holds from its start to its end.
    pub locks: Vec<At<Name>>,
    /// All of it.
    #[serde(skip)]
    pub place: Place,
}

impl Workflow {
    /// The calls that its steps make, `finally` included.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        let runs = self.steps.iter().chain(&self.finally).filter_map(|step| step.run.as_ref());
        runs.filter_map(|run| match &run.value {
            Action::Call(call) => Some(call),
            _ => None,
        })
    }

    /// All steps, those of `finally` last.
    pub fn all_steps(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().chain(&self.finally)
    }

    /// Whether anything in it says that it runs on a host.
    pub fn asks_for_hosts(&self) -> bool {
        let on_hosts = |step: &Step| step.host.is_some() || !step.hosts.is_empty();
        let guards = self.guards.iter().any(|guard| guard.host.is_some());
        self.host.is_some() || guards || self.all_steps().any(on_hosts)
    }
}

/// A command that must pass before any step starts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Guard {
    /// Its name in the report.
    pub id: At<Name>,
    /// Shell text; exit 0 is a pass.
    pub cmd: At<String>,
    /// Where it runs, if not where the workflow says.
    pub host: Option<At<HostRef>>,
    /// Shown when it fails.
    pub reason: String,
    /// Whether a failure blocks the run or is only said.
    pub severity: Severity,
    /// Its deadline.
    pub timeout: Option<Millis>,
}

/// Repeat until a condition holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Converge {
    /// Shell text; exit 0 means converged.
    pub condition: At<String>,
    /// How often steps may be reset.
    pub max_iterations: u32,
    /// Which steps are reset.
    pub strategy: ConvergeStrategy,
}
