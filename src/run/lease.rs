//! Steps in the hands of agents and people: what is offered, who holds what until when, and what they reported.

use serde::{Deserialize, Serialize};

use super::apply::Legal;
use super::event::{Event, Said};
use super::node::{Attempt, Node, State};
use super::outcome::{Ending, Interruption, Outcome};
use super::record::{Actor, ActorKind, Record};
use super::state::Run;
use crate::ids::Instance;
use crate::value::Time;
use crate::workflow;

/// The right to do a step until a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// The fencing token: greater than that of every earlier lease in the run.
    pub token: u64,
    /// Who holds it.
    pub by: Actor,
    /// Since when.
    pub since: Time,
    /// When it ends, unless it is renewed.
    pub until: Time,
}

/// How a lease ends without a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parting {
    /// Its holder gave it back.
    Released,
    /// Its time was over.
    Expired,
    /// A person ended it, for an agent that will not come back.
    Revoked,
    /// Its holder lets the engine do the step.
    HandedOver,
}

impl Lease {
    /// Whether somebody may end it for its holder: a person, that of an agent.
    pub fn may_be_revoked(&self, by: &Actor) -> bool {
        by.kind == ActorKind::Human && self.by.kind == ActorKind::Agent
    }
}

impl Run {
    /// Whether its steps are handed out one by one, rather than run by the engine.
    pub fn is_stepped(&self) -> bool {
        matches!(self.opened, Some(Event::RunOpened { stepped: true, .. }))
    }

    /// What it is for, in the words of who opened it.
    pub fn task(&self) -> Option<&str> {
        match &self.opened {
            Some(Event::RunOpened { task, .. }) => task.as_deref(),
            _ => None,
        }
    }

    /// Whether somebody does a step, rather than the engine by itself. In a stepped run that is every step, and
    /// `finally` only where it has to be.
    pub(super) fn is_for_somebody(&self, node: &Node) -> bool {
        self.is_stepped() && !node.finally && !node.handed_over
    }

    /// Whether the engine has it in hand: it runs it, or is to.
    pub fn is_the_engines(&self, node: &Node) -> bool {
        match node.state {
            State::Running => true,
            State::Ready | State::Delayed(_) => !self.is_for_somebody(node),
            _ => false,
        }
    }

    /// Whether a step whose turn it is is asked about at once: in a stepped run, what only a person may do.
    pub(super) fn asks(&self, node: &Node) -> bool {
        let step = self.step(node);
        if self.is_stepped() && !node.finally {
            step.actor == workflow::Actor::Human
        } else {
            step.is_asked()
        }
    }

    /// What somebody may take now, in the order of the file.
    pub fn offered(&self) -> impl Iterator<Item = &Node> {
        self.in_order(false).chain(self.in_order(true)).filter(|node| self.is_offered(node))
    }

    /// Whether somebody may take it now: its turn has come, the guards let the run begin, and its locks are free.
    pub fn is_offered(&self, node: &Node) -> bool {
        self.is_due(node) && self.guards_are_done() && self.locked_by(node).is_none()
    }

    /// Whether it is somebody's turn to do it.
    pub fn is_due(&self, node: &Node) -> bool {
        // What is decided about it has only to be recorded.
        let is_open = |n: &usize| !self.pending.contains_key(n);
        match node.state {
            _ if !self.may_begin() => false,
            _ if !self.index.get(&node.instance).is_some_and(is_open) => false,
            State::Ready => self.is_for_somebody(node),
            // After a stop nothing starts: what may have been done is answered for, and not done again.
            State::Asked if self.is_winding_up() && !node.finally && !node.untried() => false,
            State::Asked => self.step(node).is_asked(),
            _ => false,
        }
    }

    /// The number of the attempt that a report of a node is about: the next one, or the one that may have run.
    pub fn attempt_of_report(&self, node: &Node) -> u32 {
        let may_have_run = node.state == State::Asked && !self.step(node).is_asked();
        let made = u32::try_from(node.attempts.len()).unwrap_or(u32::MAX);
        if may_have_run { made } else { made.saturating_add(1) }
    }

    /// What is held now.
    pub fn held(&self) -> impl Iterator<Item = (&Node, &Lease)> {
        self.holding.iter().filter_map(|n| Some((&self.nodes[*n], self.nodes[*n].lease.as_ref()?)))
    }

    /// The ends of the leases whose time is over.
    pub fn lapsed(&self, now: Time) -> Vec<Event> {
        let over = self.held().filter(|(_, lease)| lease.until <= now);
        over.map(|(node, lease)| Event::LeaseEnded {
            step: node.instance.clone(),
            token: lease.token,
            how: Parting::Expired,
            note: None,
        })
        .collect()
    }

    /// Folds what happens to leases.
    pub(super) fn fold_lease(&mut self, record: &Record) -> Legal {
        match &record.event {
            Event::StepTaken { step, token, until } => self.taken(record, step, *token, *until),
            Event::LeaseRenewed { step, token, until } => {
                let n = self.held_under(step, *token)?;
                if let Some(lease) = &mut self.nodes[n].lease {
                    lease.until = *until;
                }
                Ok(())
            }
            Event::LeaseEnded { step, token, how, .. } => {
                let n = self.held_under(step, *token)?;
                self.parted(n, *how, record)
            }
            Event::StepHandedOver { step } => {
                let n = self.find(step, "be handed over", |s| s == State::Ready)?;
                self.hand_over(n)
            }
            Event::StepReported { step, token, .. } => {
                let n = self.held_under(step, *token)?;
                self.reported(n, record);
                Ok(())
            }
            _ => Err("an event of another kind".to_owned()),
        }
    }

    fn taken(&mut self, record: &Record, step: &Instance, token: u64, until: Time) -> Legal {
        let n = self.find(step, "be taken", |s| matches!(s, State::Ready | State::Asked))?;
        if !self.is_offered(&self.nodes[n]) {
            return Err(format!("`{step}` is not offered to anybody"));
        }
        if token != record.seq {
            return Err("a token is the number of its record".to_owned());
        }
        self.set(n, State::Held, None);
        let by = record.actor.clone();
        self.nodes[n].lease = Some(Lease { token, by, since: record.at, until });
        Ok(())
    }

    fn held_under(&self, step: &Instance, token: u64) -> Legal<usize> {
        let n = self.find(step, "be reported", |s| s == State::Held)?;
        let held = self.nodes[n].lease.as_ref().is_some_and(|lease| lease.token == token);
        if held { Ok(n) } else { Err(format!("`{step}` is not held under token {token}")) }
    }

    fn parted(&mut self, n: usize, how: Parting, record: &Record) -> Legal {
        match how {
            Parting::Released => {
                if let Event::LeaseEnded { note: Some(note), .. } = &record.event {
                    self.nodes[n].given_back = Some((record.actor.clone(), note.clone()));
                }
                self.restart(n);
            }
            Parting::HandedOver => {
                self.hand_over(n)?;
                self.restart(n);
            }
            Parting::Expired => self.cut_off(n, Interruption::LeaseExpired, record),
            Parting::Revoked => {
                let lease = self.nodes[n].lease.as_ref();
                if !lease.is_some_and(|lease| lease.may_be_revoked(&record.actor)) {
                    return Err("only a person ends a lease, and that of an agent".to_owned());
                }
                self.cut_off(n, Interruption::LeaseRevoked, record);
            }
        }
        Ok(())
    }

    /// What its holder may have begun is an attempt that was interrupted.
    fn cut_off(&mut self, n: usize, cause: Interruption, record: &Record) {
        let note = match &record.event {
            Event::LeaseEnded { note, .. } => note.clone(),
            _ => None,
        };
        self.attempted(n, record, note);
        self.interrupted_attempt(n, Ending::of(Outcome::Interrupted { cause }, false), record.at);
    }

    fn hand_over(&mut self, n: usize) -> Legal {
        if self.step(&self.nodes[n]).is_asked() {
            return Err(format!("the engine does not do `{}`", self.nodes[n].instance));
        }
        self.nodes[n].handed_over = true;
        Ok(())
    }

    /// Adds the attempt that the holder of a lease made.
    fn attempted(&mut self, n: usize, record: &Record, note: Option<String>) {
        let params = self.next_params(&self.nodes[n]);
        let node = &mut self.nodes[n];
        let lease = node.lease.take();
        node.given_back = None;
        let number = u32::try_from(node.attempts.len()).unwrap_or(u32::MAX) + 1;
        let mut attempt = Attempt::new(number, record);
        attempt.started_at = lease.as_ref().map(|lease| lease.since);
        attempt.token = lease.as_ref().map(|lease| lease.token);
        attempt.by = lease.map(|lease| lease.by);
        attempt.note = note;
        attempt.params = params;
        node.add_attempt(attempt);
    }

    /// The run ends, and takes a step from its holder, who may have begun with it.
    pub(super) fn taken_away(&mut self, n: usize, record: &Record) {
        self.attempted(n, record, None);
        self.close_attempt(n, Ending::of(Outcome::Cancelled, false), record.at);
    }

    fn reported(&mut self, n: usize, record: &Record) {
        let Event::StepReported { said, ending, note, report, .. } = &record.event else { return };
        self.attempted(n, record, note.clone());
        if let Some(attempt) = self.nodes[n].attempts.last_mut() {
            attempt.report.clone_from(report);
            attempt.said = Some(*said);
        }
        match said {
            Said::Passed | Said::Failed => self.finished_attempt(n, ending, record.at),
            Said::Skipped => {
                self.close_attempt(n, (**ending).clone(), record.at);
                self.end(n, State::Skipped, note.clone());
            }
        }
    }
}

/// Whether somebody may do what a step says that only some may do.
pub fn may_do(step: workflow::Actor, actor: &Actor) -> bool {
    step != workflow::Actor::Human || actor.kind == ActorKind::Human
}
