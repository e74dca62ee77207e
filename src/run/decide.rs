//! What to do next, from the state alone: asking twice gives the same answer.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::event::{Event, Probe};
use super::node::State;
use super::state::{Converged, Note, Run};
use crate::ids::{Instance, Name, StepId};
use crate::value::Time;
use crate::workflow::{ConvergeStrategy, OnInterrupt};

/// What there is room for: facts from outside the run.
#[derive(Debug, Clone, Default)]
pub struct Room {
    /// How many more commands may run at once here.
    pub slots: usize,
    /// How many more steps may run at once on hosts.
    pub on_hosts: usize,
    /// Locks that other runs hold.
    pub busy: BTreeSet<Name>,
}

impl Room {
    /// Takes a place for one more attempt, here or on a host.
    pub fn take(&mut self, on_host: bool) {
        let room = if on_host { &mut self.on_hosts } else { &mut self.slots };
        *room = room.saturating_sub(1);
    }
}

/// Something to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Record this event; it has no other effect.
    Record(Event),
    /// Record `StepStarted`, then start the attempt.
    Start {
        /// Of what.
        step: Instance,
        /// Its number.
        attempt: u32,
        /// Params that differ from the plan's.
        params: BTreeMap<Name, Value>,
    },
    /// Record `ProbeStarted`, then ask.
    Ask(Probe),
    /// End the attempts and probes that run: the run is cancelled.
    EndAll,
    /// Look again at this time.
    Wake(Time),
}

impl Run {
    /// What to do next. Events to record come alone: they may change what follows.
    pub fn decide(&self, room: &Room) -> Vec<Command> {
        if self.finished.is_some() || self.opened.is_none() {
            return Vec::new();
        }
        if !self.may_begin() {
            return Vec::new();
        }
        let mut commands = Vec::new();
        if self.is_ending()
            && !self.finally_started
            && !(self.running.is_empty() && self.probing.is_empty())
        {
            commands.push(Command::EndAll);
        }
        if let Some(ask) = self.next_guard(room) {
            commands.extend(ask);
            return commands;
        }
        if !self.pending.is_empty() {
            // What may stop the run changes what follows, so nothing comes after it.
            let last = self.pending.iter().position(|(n, note)| self.may_stop(*n, note));
            let count = last.map_or(self.pending.len(), |at| at + 1);
            commands.extend(self.notes().take(count).map(Command::Record));
            return commands;
        }
        let open = if self.finally_started { self.open_finally } else { self.open_steps };
        if open == 0 {
            commands.extend(self.next_phase());
            return commands;
        }
        self.starts(room, &mut commands);
        if let Some((until, _)) = self.delayed.first() {
            commands.push(Command::Wake(*until));
        }
        commands
    }

    /// The steps whose wait before a retry is over at this time.
    pub fn due(&self, now: Time) -> Vec<Instance> {
        let due = self.delayed.iter().take_while(|(until, _)| *until <= now);
        due.filter(|(_, n)| !self.pending.contains_key(n))
            .map(|(_, n)| self.nodes[*n].instance.clone())
            .collect()
    }

    /// The next guard, while there are any; nothing to do but wait while one runs.
    fn next_guard(&self, room: &Room) -> Option<Vec<Command>> {
        let guard = self.plan.guards.get(self.guards_done).filter(|_| !self.is_ending())?;
        let probe = Probe::Guard(guard.id.clone());
        let free = self.probing.is_empty() && room.slots > 0;
        Some(free.then_some(Command::Ask(probe)).into_iter().collect())
    }

    /// What is decided and only has to be recorded.
    fn notes(&self) -> impl Iterator<Item = Event> {
        self.pending.iter().map(|(n, note)| {
            let step = self.nodes[*n].instance.clone();
            match note.clone() {
                Note::Skip(reason) => Event::StepSkipped { step, reason },
                Note::Fail(reason) => Event::StepFailed { step, reason },
                Note::Unproven(reason) => Event::StepUnproven { step, reason },
                Note::Ask(reason) => Event::StepAsked { step, reason },
                Note::Expand(items) => Event::StepExpanded { step, items },
                Note::Cancel => Event::StepCancelled { step },
            }
        })
    }

    /// Whether recording a note may stop the run: a failure, or the end of a step that stands in for another.
    fn may_stop(&self, n: usize, note: &Note) -> bool {
        let stands_in = self.target_of[n].is_some_and(|(source, _)| self.nodes[source].standby);
        !self.is_winding_up() && (matches!(note, Note::Fail(_)) || stands_in)
    }

    /// Attempts and probes, as many as there is room for, the longest way to go first.
    fn starts(&self, room: &Room, commands: &mut Vec<Command>) {
        let mut slots = room.slots;
        for n in &self.unsure {
            let probe = Probe::Step(self.nodes[*n].instance.clone());
            let wanted = matches!(self.step(&self.nodes[*n]).on_interrupt, OnInterrupt::Probe(_));
            if wanted && slots > 0 && !self.probing.contains(&probe) {
                commands.push(Command::Ask(probe));
                slots -= 1;
            }
        }
        let elsewhere = &room.busy;
        let mut taken: BTreeSet<&Name> = BTreeSet::new();
        for (queue, mut slots) in self.ready.iter().zip([slots, room.on_hosts]) {
            for (_, n) in queue {
                if slots == 0 {
                    break;
                }
                let node = &self.nodes[*n];
                if self.is_for_somebody(node) {
                    continue;
                }
                let locks = &self.step(node).locks;
                let busy = |l: &Name| {
                    self.held.contains_key(l) || elsewhere.contains(l) || taken.contains(l)
                };
                if locks.iter().any(busy) {
                    continue;
                }
                taken.extend(locks);
                let attempt = u32::try_from(node.attempts.len()).unwrap_or(u32::MAX) + 1;
                let params = self.next_params(node);
                commands.push(Command::Start { step: node.instance.clone(), attempt, params });
                slots -= 1;
            }
        }
    }

    /// All nodes of a phase have ended: converge, then `finally`, then the end.
    fn next_phase(&self) -> Option<Command> {
        if self.finally_started {
            // What is vetoed has not passed.
            return (!self.is_vetoed()).then(|| Command::Record(self.finish()));
        }
        if let Some(converge) = self.plan.converge.as_ref().filter(|_| !self.is_ending()) {
            match self.converged {
                Converged::Unknown => {
                    let probe = Probe::Converge(self.iterations);
                    return self.probing.is_empty().then_some(Command::Ask(probe));
                }
                Converged::No if self.iterations < converge.max_iterations => {
                    let steps = self.to_reset(converge.strategy);
                    if !steps.is_empty() {
                        let iteration = self.iterations + 1;
                        return Some(Command::Record(Event::ConvergeReset { iteration, steps }));
                    }
                }
                Converged::No | Converged::Yes => {}
            }
        }
        if !self.probing.is_empty() {
            return None;
        }
        let started = self.nodes.iter().any(|node| !node.attempts.is_empty());
        if self.plan.finally.is_empty() || !started {
            return Some(Command::Record(self.finish()));
        }
        Some(Command::Record(Event::FinallyStarted { steps: self.finally_instances() }))
    }

    /// The steps that another iteration runs again or gives their chance, and all that comes after them.
    fn to_reset(&self, strategy: ConvergeStrategy) -> Vec<StepId> {
        let first = |n: &usize| match strategy {
            // What a stop kept from starting was not judged by anything: it gets its chance.
            ConvergeStrategy::RetryFailed => match self.nodes[*n].state {
                State::Failed => true,
                State::Skipped => self.stopped.is_some(),
                _ => false,
            },
            ConvergeStrategy::RetryAll => {
                let node = &self.nodes[*n];
                !(self.step(node).is_asked() && node.state == State::Passed)
            }
        };
        let mut reset: BTreeSet<usize> = BTreeSet::new();
        let mut todo: Vec<usize> = (0..self.plan.steps.len()).filter(first).collect();
        while let Some(n) = todo.pop() {
            if reset.insert(n) {
                todo.extend(self.after[n].iter().map(|(next, _)| *next));
                todo.extend(&self.targets[n]);
                // What was recovered by a step that runs again is no longer.
                let recovered = |s: &usize| self.nodes[*s].state == State::Recovered;
                todo.extend(self.target_of[n].map(|(source, _)| source).filter(recovered));
            }
        }
        reset.into_iter().map(|n| self.nodes[n].instance.step.clone()).collect()
    }

    /// One instance of each `finally` step, but of a releaser one for each attempt that may hold something.
    fn finally_instances(&self) -> Vec<Instance> {
        let mut instances = Vec::new();
        for step in &self.plan.finally {
            let releases = |s: &&crate::plan::Step| s.release.as_ref() == Some(&step.id);
            let Some(holder) = self.plan.steps.iter().find(releases) else {
                instances.push(Instance::only(step.id.clone()));
                continue;
            };
            let node = self.node(&Instance::only(holder.id.clone()));
            for node in node.into_iter().flat_map(|whole| {
                std::iter::once(whole).chain(self.nodes.iter().filter(|n| self.is_of(n, whole)))
            }) {
                let of = |attempt: &super::Attempt| {
                    Instance::release(step.id.clone(), &node.instance, attempt.n)
                };
                instances.extend(node.attempts.iter().map(of));
            }
        }
        instances
    }
}
