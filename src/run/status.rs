//! What a run as a whole is, and how it ends.

use serde::{Deserialize, Serialize};

use super::event::{Event, Said};
use super::node::{Node, State};
use super::state::{Converged, Run};

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It is being driven, or could be.
    Running,
    /// Somebody must act.
    Waiting,
    /// Everything passed.
    Passed,
    /// Steps failed or are unproven, and the workflow says to go on.
    PassedWithFailures,
    /// It failed.
    Failed,
    /// A policy refused it.
    Refused,
    /// A guard or a block stopped it before any step.
    Blocked,
    /// Somebody cancelled it.
    Cancelled,
}

impl RunStatus {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Running,
        Self::Waiting,
        Self::Passed,
        Self::PassedWithFailures,
        Self::Failed,
        Self::Refused,
        Self::Blocked,
        Self::Cancelled,
    ];

    /// The status of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether it passed, with failures or without.
    pub fn has_passed(self) -> bool {
        matches!(self, Self::Passed | Self::PassedWithFailures)
    }

    /// Its name, as in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Waiting => "waiting",
            Self::Passed => "passed",
            Self::PassedWithFailures => "passed_with_failures",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Blocked => "blocked",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more can happen in the run.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Running | Self::Waiting)
    }
}

impl Run {
    /// What the run is now.
    pub fn status(&self) -> RunStatus {
        if let Some((status, _)) = &self.finished {
            return *status;
        }
        let could_move = self.all_ready().any(|n| !self.is_for_somebody(&self.nodes[n]))
            || self.delayed.iter().any(|(_, n)| !self.is_for_somebody(&self.nodes[*n]))
            || !self.unsure.is_empty()
            || !self.pending.is_empty();
        let moving =
            !self.running.is_empty() || !self.probing.is_empty() || could_move && self.may_begin();
        // What is delayed is offered again by whoever asks when its time has come.
        let waits = self.is_vetoed()
            || !self.asked.is_empty()
            || !self.holding.is_empty()
            || self.all_ready().next().is_some()
            || !self.delayed.is_empty();
        if !moving && waits { RunStatus::Waiting } else { RunStatus::Running }
    }

    /// Whether the steps are over or about to be: a deadline changes nothing any more.
    pub fn is_past_steps(&self) -> bool {
        self.finally_started || self.finished.is_some() || self.is_ending()
    }

    /// Why it ended as it did, where it did not pass.
    pub fn reason(&self) -> Option<&str> {
        self.finished.as_ref()?.1.as_deref()
    }

    /// The event that ends a run of which all nodes have ended.
    pub(super) fn finish(&self) -> Event {
        let (status, reason) = self.verdict();
        let (outputs, missing) = self.handed_on();
        // Who counts on an output must not take its absence for a pass.
        match missing.filter(|_| status.has_passed()) {
            Some(why) => {
                Event::RunFinished { status: RunStatus::Failed, reason: Some(why), outputs }
            }
            None => Event::RunFinished { status, reason, outputs },
        }
    }

    fn verdict(&self) -> (RunStatus, Option<String>) {
        let nodes = |finally: bool, state: State| {
            self.nodes.iter().filter(move |n| n.finally == finally && n.state == state)
        };
        let failed_finally = nodes(true, State::Failed).next();
        if let Some(by) = &self.cancelled {
            return (RunStatus::Cancelled, Some(format!("cancelled by {by}")));
        }
        if let Some(why) = &self.blocked {
            return (RunStatus::Blocked, Some(why.clone()));
        }
        if let Some(ms) = self.deadline {
            let why = format!("the deadline of {} passed", crate::workflow::Millis(ms));
            return (RunStatus::Failed, Some(why));
        }
        let not_converged = self.plan.converge.is_some() && self.converged != Converged::Yes;
        if let Some(stopper) = self.stopped {
            let why = format!("`{}` failed", self.nodes[stopper].instance);
            return (RunStatus::Failed, Some(why));
        }
        if not_converged {
            let why = format!("not converged after {} iterations", self.iterations);
            return (RunStatus::Failed, Some(why));
        }
        if let Some(node) = failed_finally {
            return (RunStatus::Failed, Some(format!("`{}` in finally failed", node.instance)));
        }
        let leaves = |state: State| self.leaves().filter(move |n| n.state == state);
        let failed = leaves(State::Failed).filter(|n| !n.finally).count();
        let unproven = leaves(State::Unproven).count();
        // What the workflow leaves out is as it should be; what somebody does is not.
        let said = |node: &Node| node.last().and_then(|attempt| attempt.said);
        let by_hand = |node: &&Node| !node.untried() && said(node) == Some(Said::Skipped);
        let skipped = leaves(State::Skipped).filter(by_hand).count();
        if failed + unproven + skipped > 0 {
            let mut parts = Vec::new();
            if failed > 0 {
                parts.push(format!("{failed} failed"));
            }
            if unproven > 0 {
                parts.push(format!("{unproven} unproven"));
            }
            if skipped > 0 {
                parts.push(format!("{skipped} skipped by somebody"));
            }
            return (RunStatus::PassedWithFailures, Some(parts.join(", ")));
        }
        (RunStatus::Passed, None)
    }
}
