//! What happens in a run: the events whose fold is its state.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::claim::Recheck;
use super::fan::Item;
use super::lease::Parting;
use super::linked::Parent;
use super::node::TakenOver;
use super::outcome::{Ending, Interruption, Outcome};
use super::status::RunStatus;
use crate::ids::{Instance, Name, RunId, StepId, WorkflowId};
use crate::plan::Clause;
use crate::value::Time;

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// The command line.
    Cli,
    /// An agent.
    Agent,
    /// A schedule.
    Schedule,
    /// A program.
    Api,
    /// Another run.
    Parent,
}

/// A question whose answer is a command's exit code. Asking it changes nothing, so it may be asked again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// May the run begin?
    Guard(Name),
    /// Has it converged, after so many iterations?
    Converge(u32),
    /// Was the interrupted step done?
    Step(Instance),
}

/// What somebody said of a step that was asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Passed,
    /// It is not, and will not be.
    Failed,
    /// The engine shall run it again.
    Rerun,
}

/// What somebody reports of a step that they did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// It is done, and is as it should be.
    Passed,
    /// It is not.
    Failed,
    /// It is not to be done, for the reason they note.
    Skipped,
}

impl Said {
    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Passed => "pass",
            Self::Failed => "fail",
            Self::Skipped => "skip",
        }
    }
}

/// What happens in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The run exists; its plan is stored beside it.
    RunOpened {
        /// The verb.
        workflow: WorkflowId,
        /// The plan's SHA-256.
        plan_digest: String,
        /// What started it.
        trigger: Trigger,
        /// Where the chance in retries comes from.
        seed: u64,
        /// The run that it retries, where it does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retries: Option<RunId>,
        /// The attempt that called it, where one did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        parent: Option<Parent>,
        /// Whether its steps are handed out one by one, rather than run by the engine.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        stepped: bool,
        /// What it is for, in the words of who opened it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        task: Option<String>,
    },
    /// It passed in an earlier run and does not run again; what it handed on there is handed on here.
    StepTakenOver {
        /// What.
        step: Instance,
        /// How it passed, and where.
        from: Box<TakenOver>,
    },
    /// A process drives the run from here on.
    DriverTook {
        /// Its process id.
        pid: u32,
        /// The machine's boot, as Linux identifies it.
        boot_id: String,
        /// The program's version.
        version: String,
        /// Whether it forces every record to disk before its effect.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        forced: bool,
        /// The environment that steps inherit; the value only where it is known to be harmless.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        inherited: BTreeMap<String, Option<String>>,
    },
    /// The driver leaves in good order: nothing runs, and all of the log is on disk.
    DriverLeft,
    /// A question is about to be asked.
    ProbeStarted {
        /// Which.
        probe: Probe,
    },
    /// It was answered.
    ProbeFinished {
        /// Which.
        probe: Probe,
        /// How its command ended.
        outcome: Outcome,
    },
    /// It fans out: from here on it has an instance for each of these.
    StepExpanded {
        /// What.
        step: Instance,
        /// The items.
        items: Vec<Item>,
    },
    /// An attempt is about to start.
    StepStarted {
        /// Of what.
        step: Instance,
        /// Its number, from 1, never used again.
        attempt: u32,
        /// Params that differ from the plan's in this attempt.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        params: BTreeMap<Name, Value>,
        /// The host it runs on, if it is not this machine.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
    },
    /// Somebody will do it, and nobody else may, until the lease ends.
    StepTaken {
        /// What.
        step: Instance,
        /// The lease's fencing token, which is the number of this record.
        token: u64,
        /// When the lease ends, unless it is renewed.
        until: Time,
    },
    /// Its holder needs longer.
    LeaseRenewed {
        /// What.
        step: Instance,
        /// The lease.
        token: u64,
        /// When it ends now.
        until: Time,
    },
    /// A lease ended without a report.
    LeaseEnded {
        /// Of what.
        step: Instance,
        /// The lease.
        token: u64,
        /// How.
        how: Parting,
        /// What its holder noted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// The engine does it for somebody who could have.
    StepHandedOver {
        /// What.
        step: Instance,
    },
    /// Its holder did it, and said how that ended; what can be seen of it was looked at.
    StepReported {
        /// What.
        step: Instance,
        /// The lease.
        token: u64,
        /// What the holder said.
        said: Said,
        /// What that comes to.
        ending: Box<Ending>,
        /// What the holder noted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// The holder's own name for this report: the same report again changes nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        report: Option<String>,
    },
    /// Somebody wanted something that they may not.
    Refused {
        /// What: `next`, `take`, `report`, `run`, `release`, `answer`, `attest`, `resume`, `retry`, `cancel`, `recheck`, `veto` or `lift`.
        what: String,
        /// Of which step, as they named it; empty where it is of none.
        step: String,
        /// Why not.
        reason: String,
        /// The token they showed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        token: Option<u64>,
    },
    /// It ended.
    StepFinished {
        /// Of what.
        step: Instance,
        /// Its number.
        attempt: u32,
        /// How.
        ending: Box<Ending>,
    },
    /// It may have run, and how it ended is not known.
    StepInterrupted {
        /// Of what.
        step: Instance,
        /// Its number; a new one if it may have started without a record.
        attempt: u32,
        /// What interrupted it.
        cause: Interruption,
        /// What is known of it beside that, such as what it wrote until then.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        ending: Option<Box<Ending>>,
    },
    /// Somebody must act on it.
    StepAsked {
        /// On what.
        step: Instance,
        /// Why.
        reason: String,
    },
    /// Somebody did.
    StepAnswered {
        /// On what.
        step: Instance,
        /// What they said.
        answer: Answer,
        /// The outputs they gave.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<Name, Value>,
        /// What they noted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
        /// What was seen of it, where it was looked at.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<Box<Ending>>,
        /// Their own name for what they said: the same again changes nothing.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        report: Option<String>,
    },
    /// It will not run.
    StepSkipped {
        /// What.
        step: Instance,
        /// Why.
        reason: String,
    },
    /// It cannot be tried on this machine.
    StepUnproven {
        /// What.
        step: Instance,
        /// Why.
        reason: String,
    },
    /// It failed without an attempt, or after its last one.
    StepFailed {
        /// What.
        step: Instance,
        /// Why.
        reason: String,
    },
    /// The run was cancelled before it could run.
    StepCancelled {
        /// What.
        step: Instance,
    },
    /// The wait before a retry is over.
    TimerFired {
        /// Of what.
        step: Instance,
    },
    /// The steps were reset and run again.
    ConvergeReset {
        /// Which time, from 1.
        iteration: u32,
        /// The steps.
        steps: Vec<StepId>,
    },
    /// All steps are done with; `finally` begins.
    FinallyStarted {
        /// The instances of the `finally` steps.
        steps: Vec<Instance>,
    },
    /// Somebody, or a signal, wants the run to end.
    CancelRequested {
        /// What asked for it.
        by: String,
    },
    /// The workflow's own deadline passed.
    DeadlinePassed {
        /// The deadline in milliseconds of driven time.
        after_ms: u64,
    },
    /// Nothing more happens.
    RunFinished {
        /// How it ended.
        status: RunStatus,
        /// The first cause, where it did not pass.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// What it hands to its caller.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        outputs: BTreeMap<Name, Value>,
    },
    /// Somebody looked again at what a step claims.
    ClaimChecked(Box<Recheck>),
    /// Somebody says that a condition in prose holds.
    Attested {
        /// Which.
        clause: Clause,
        /// What they noted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    },
    /// Somebody will not have it: nothing new starts until that is lifted.
    Vetoed {
        /// Why.
        note: String,
    },
    /// A veto is lifted.
    VetoLifted {
        /// The record that it is.
        veto: u64,
        /// Why.
        note: String,
    },
}

impl Event {
    /// An answer that hands on nothing.
    pub fn answered(step: Instance, answer: Answer, note: Option<String>) -> Self {
        let outputs = BTreeMap::new();
        Self::StepAnswered { step, answer, outputs, note, seen: None, report: None }
    }

    /// Whether it only says something beside what happens: it changes no step, and may come after the end.
    pub fn is_remark(&self) -> bool {
        use Event::{Attested, ClaimChecked, Refused, VetoLifted, Vetoed};
        matches!(
            self,
            Refused { .. } | Attested { .. } | ClaimChecked(_) | Vetoed { .. } | VetoLifted { .. }
        )
    }
}
