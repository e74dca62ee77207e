//! What a new driver must assume of a run whose last driver is gone.

use std::collections::{BTreeMap, BTreeSet};

use super::event::Event;
use super::node::State;
use super::outcome::Interruption;
use super::state::{Note, Road, Run};
use crate::ids::Instance;
use crate::workflow::{EdgeKind, Join};

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
            ending: None,
        };
        // What runs on a host is not judged from here: the host is asked what became of it.
        let here = self.running.iter().filter(|n| !self.is_on_host(**n));
        let mut events: Vec<Event> =
            here.map(|n| event(*n, self.nodes[*n].attempts.len())).collect();
        let started = self.guards_are_done() && !self.is_ending() && !self.is_vetoed();
        if rebooted && !self.forced && (started || self.finally_started) {
            let possible = self.possible().into_iter();
            events.extend(possible.map(|n| event(n, self.nodes[n].attempts.len() + 1)));
        }
        events
    }

    /// Whether the attempt of a running node was started on a host.
    fn is_on_host(&self, n: usize) -> bool {
        self.nodes[n].last().is_some_and(|attempt| attempt.host.is_some())
    }

    /// Whose attempts a dead driver left on hosts, which are asked what became of them.
    pub fn left_on_hosts(&self) -> Vec<Instance> {
        let left = self.running.iter().filter(|n| self.is_on_host(**n));
        left.map(|n| self.nodes[*n].instance.clone()).collect()
    }

    /// The nodes that could have started since, those that run aside. What starts on a host, or fans out, is on disk
    /// before it does.
    fn possible(&self) -> BTreeSet<usize> {
        let first = self.all_ready();
        let first = first.chain(self.delayed.iter().map(|(_, n)| *n));
        let first = first.filter(|n| !self.is_for_somebody(&self.nodes[*n]));
        let mut todo: Vec<(usize, bool)> =
            first.chain(self.pending.keys().copied()).map(|n| (n, true)).collect();
        todo.extend(self.running.iter().flat_map(|n| self.may_follow(*n, true, true)));
        // Those that may have ended, and whether they may have started.
        let mut seen: BTreeMap<usize, bool> = BTreeMap::new();
        while let Some((n, startable)) = todo.pop() {
            let node = &self.nodes[n];
            let step = self.step(node);
            let open = matches!(node.state, State::Waiting | State::Ready | State::Delayed(_));
            let told = self.pending.get(&n);
            if !open || matches!(told, Some(Note::Ask(_))) {
                continue;
            }
            let asked = step.is_asked();
            let asked = asked || self.is_for_somebody(node);
            let forced = step.is_on_host() || (step.fan.is_some() && !node.is_instance());
            let starts = startable && told.is_none() && !asked && step.unmet.is_none() && !forced;
            let judged = !step.when.is_empty() || step.edges.iter().any(|e| e.condition.is_some());
            // What somebody is asked for does not end before the answer, unless it is not even asked for.
            let choosy = judged
                || node.taken.is_some()
                || step.edges.iter().any(|e| e.kind != EdgeKind::Always);
            if forced && told.is_none() && !choosy {
                continue;
            }
            let asks = asked && startable && told.is_none() && step.unmet.is_none() && !choosy;
            if asks || seen.get(&n).is_some_and(|known| *known || !starts) {
                continue;
            }
            seen.insert(n, starts);
            let fails = starts || judged || matches!(told, Some(Note::Fail(_)));
            todo.extend(self.may_follow(n, starts, fails));
        }
        seen.into_iter().filter(|(_, starts)| *starts).map(|(n, _)| n).collect()
    }

    /// The nodes whose fate the end of a node may decide, and whether they may start if it can pass or fail.
    fn may_follow(&self, n: usize, passes: bool, fails: bool) -> Vec<(usize, bool)> {
        let holds = |next: usize, edge: usize| {
            let step = self.step(&self.nodes[next]);
            passes || step.join == Join::Any || step.edges[edge].kind != EdgeKind::OnSuccess
        };
        let edges = |of: usize| self.after[of].iter().copied();
        let mut found: Vec<(usize, bool)> =
            edges(n).map(|(next, edge)| (next, holds(next, edge))).collect();
        found.extend(self.targets[n].iter().map(|target| (*target, passes || fails)));
        // The end of an instance lets others start, and may be the end of the whole.
        if let Some(whole) = self.nodes[n].whole {
            let members = self.nodes[whole].members.iter().flat_map(|members| &members.nodes);
            found.extend(members.map(|member| (*member, true)));
            found.extend(edges(whole).map(|(next, _)| (next, true)));
            found.extend(self.targets[whole].iter().map(|target| (*target, true)));
        }
        // The end of a fallback is the end of the step it stands in for.
        if let Some((source, Road::Fallback)) = self.target_of[n] {
            found.extend(edges(source).map(|(next, _)| (next, true)));
        }
        found
    }
}
