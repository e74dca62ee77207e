//! Attestations: somebody says, under their name, that a condition holds that nothing but people and agents can read.

use serde::{Deserialize, Serialize};

use super::apply::Legal;
use super::record::{Actor, Record};
use super::state::Run;
use crate::plan::Clause;
use crate::value::Time;

/// That somebody said so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attestation {
    /// Which condition.
    pub clause: Clause,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Time,
    /// Whether something had been done by then: of a precondition, that is late.
    pub begun: bool,
    /// What they noted.
    pub note: Option<String>,
}

impl Run {
    /// What was attested, in the order in which it was.
    pub fn attestations(&self) -> &[Attestation] {
        &self.attestations
    }

    /// Whether an attempt of any step was made.
    pub fn has_begun(&self) -> bool {
        self.nodes.iter().any(|node| !node.attempts.is_empty())
    }

    /// Whether a condition can be attested now, else why not: what should hold after can only be seen after, of what passed.
    pub fn may_attest(&self, clause: Clause) -> Result<(), String> {
        let known = || self.plan.clauses().map(|(clause, _)| clause);
        if !known().any(|one| one == clause) {
            let all: Vec<String> = known().map(|one| one.to_string()).collect();
            let all = if all.is_empty() { "none".to_owned() } else { all.join(", ") };
            return Err(format!("there is no condition `{clause}` here: there is {all}"));
        }
        let id = self.id();
        match (clause, self.finished.as_ref()) {
            (Clause::Pre(_), Some(_)) => {
                Err(format!("`{clause}` is of before, and run {id} has ended"))
            }
            (Clause::Post(_), None) => Err(format!("`{clause}` is of after, and run {id} goes on")),
            (Clause::Post(_), Some((status, _))) if !status.has_passed() => {
                let ended = status.name().replace('_', " ");
                Err(format!("`{clause}` is of a run that passed, and run {id} is {ended}"))
            }
            _ => Ok(()),
        }
    }

    /// Whether somebody attested a condition already, and noted this, if anything.
    pub fn has_attested(&self, who: &Actor, clause: Clause, note: Option<&str>) -> bool {
        let said = |one: &&Attestation| one.clause == clause && one.by == *who;
        let mut said = self.attestations.iter().filter(said);
        said.any(|one| note.is_none() || one.note.as_deref() == note)
    }

    pub(super) fn attested(
        &mut self,
        record: &Record,
        clause: Clause,
        note: Option<&str>,
    ) -> Legal {
        self.may_attest(clause)?;
        if self.has_attested(&record.actor, clause, note) {
            return Err(format!("{} attested `{clause}` before", record.actor));
        }
        self.attestations.push(Attestation {
            clause,
            by: record.actor.clone(),
            at: record.at,
            begun: self.has_begun(),
            note: note.map(str::to_owned),
        });
        Ok(())
    }
}
