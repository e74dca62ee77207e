//! What a run as a whole is, and how it ends.

use super::event::{Event, RunStatus};
use super::node::State;
use super::state::{Converged, Run};

impl Run {
    /// What the run is now.
    pub fn status(&self) -> RunStatus {
        if let Some((status, _)) = &self.finished {
            return *status;
        }
        let could_move = self.all_ready().next().is_some()
            || !self.delayed.is_empty()
            || !self.unsure.is_empty()
            || !self.pending.is_empty();
        let held = self.is_held();
        let moving = !self.running.is_empty()
            || !self.probing.is_empty()
            || could_move && (!held || self.finally_started);
        let waits = held || !self.asked.is_empty();
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
        match missing
            .filter(|_| matches!(status, RunStatus::Passed | RunStatus::PassedWithFailures))
        {
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
        if failed + unproven > 0 {
            let mut parts = Vec::new();
            if failed > 0 {
                parts.push(format!("{failed} failed"));
            }
            if unproven > 0 {
                parts.push(format!("{unproven} unproven"));
            }
            return (RunStatus::PassedWithFailures, Some(parts.join(", ")));
        }
        (RunStatus::Passed, None)
    }
}
