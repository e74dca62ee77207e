//! What a new driver must assume of a run whose last driver is gone.

use std::collections::BTreeSet;

use super::event::Event;
use super::node::State;
use super::outcome::Interruption;
use super::state::Run;

impl Run {
    /// The attempts that may have run without their end being known.
    ///
    /// When only the engine died, these are the ones recorded as started. When the machine rebooted, records of the
    /// last second may be missing, so it is every engine's step that could have started after the log's end:
    /// those that were ready, and all that can follow them without somebody being asked.
    pub fn interrupted(&self, rebooted: bool) -> Vec<Event> {
        let cause = if rebooted { Interruption::Rebooted } else { Interruption::EngineDied };
        let event = |n: usize, attempt: usize| Event::StepInterrupted {
            step: self.nodes[n].instance.clone(),
            attempt: u32::try_from(attempt).unwrap_or(u32::MAX),
            cause,
        };
        let mut events: Vec<Event> =
            self.running.iter().map(|n| event(*n, self.nodes[*n].attempts.len())).collect();
        if rebooted && self.guards_done == self.plan.guards.len() && !self.is_ending() {
            let possible = self.possible().into_iter();
            events.extend(possible.map(|n| event(n, self.nodes[n].attempts.len() + 1)));
        }
        events
    }

    /// The nodes that could have started since, those that run aside.
    fn possible(&self) -> BTreeSet<usize> {
        let first = self.ready.iter().map(|(_, n)| *n);
        let mut todo: Vec<usize> = first.chain(self.delayed.iter().map(|(_, n)| *n)).collect();
        let running: Vec<usize> = self.running.iter().copied().collect();
        let mut found: BTreeSet<usize> = BTreeSet::new();
        let after = |n: usize| {
            self.after[n].iter().map(|(next, _)| *next).chain(self.targets[n].iter().copied())
        };
        todo.extend(running.into_iter().flat_map(after).collect::<Vec<_>>());
        while let Some(n) = todo.pop() {
            let node = &self.nodes[n];
            let step = self.step(node);
            let startable = matches!(node.state, State::Waiting | State::Ready | State::Delayed(_))
                && !step.is_asked()
                && step.unmet.is_none()
                && !self.pending.contains_key(&n);
            if startable && found.insert(n) {
                todo.extend(after(n));
            }
        }
        found
    }
}
