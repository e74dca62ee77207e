//! Vetoes: somebody will not have what a run does, and nothing new starts in it until that is lifted.

use serde::{Deserialize, Serialize};

use super::apply::Legal;
use super::event::Event;
use super::record::{Actor, ActorKind, Record};
use super::state::Run;
use crate::value::Time;

/// A veto that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Veto {
    /// The record that it is.
    pub record: u64,
    /// Whose it is.
    pub by: Actor,
    /// Since when.
    pub at: Time,
    /// Why.
    pub note: String,
}

/// Folds a record into the vetoes that stand. Needs no run, so that a stranger's log can be asked too.
pub fn fold_vetoes(standing: &mut Vec<Veto>, record: &Record) {
    match &record.event {
        Event::Vetoed { note } => standing.push(Veto {
            record: record.seq,
            by: record.actor.clone(),
            at: record.at,
            note: note.clone(),
        }),
        Event::VetoLifted { veto, .. } => standing.retain(|one| one.record != *veto),
        _ => {}
    }
}

impl Run {
    /// The vetoes that stand.
    pub fn vetoes(&self) -> &[Veto] {
        &self.vetoes
    }

    /// Whether a veto keeps the run from going on. One that was cancelled ends all the same.
    pub fn is_vetoed(&self) -> bool {
        !self.vetoes.is_empty() && !self.is_ending()
    }

    /// Whether anything new may begin. `finally` that has begun goes on: nothing is to be left as it is.
    pub fn may_begin(&self) -> bool {
        !self.is_vetoed() || self.finally_started
    }

    pub(super) fn vetoed(&mut self, record: &Record) -> Legal {
        if let Event::VetoLifted { veto, .. } = &record.event {
            let standing = self.vetoes.iter().find(|one| one.record == *veto);
            self.may_lift(standing.ok_or("no such veto stands")?, &record.actor)?;
        }
        fold_vetoes(&mut self.vetoes, record);
        Ok(())
    }

    /// Whether somebody may lift a veto: it is theirs, or they are a person who did not do what it is about. Else why not.
    pub fn may_lift(&self, veto: &Veto, who: &Actor) -> Result<(), String> {
        if veto.by == *who {
            return Ok(());
        }
        let others = format!("{} may, or a person who did not", veto.by);
        if who.kind != ActorKind::Human {
            return Err(format!("{who} lifts no veto but its own: {}, or a person", veto.by));
        }
        match self.part_of(who) {
            Some(part) => Err(format!("{who} {part}, and does not lift a veto of it: {others}")),
            None => Ok(()),
        }
    }

    /// What somebody did in the run, if anything.
    fn part_of(&self, who: &Actor) -> Option<String> {
        if self.opened_by.as_ref() == Some(who) {
            return Some("started the run".to_owned());
        }
        let answered = |node: &&super::Node| {
            node.attempts.iter().any(|attempt| attempt.by.as_ref() == Some(who))
        };
        self.nodes.iter().find(answered).map(|node| format!("answered for `{}`", node.instance))
    }
}
