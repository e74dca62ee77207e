//! What should hold before and after a run, in prose, and who says that it does.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::Report;
use super::claims::ActorReport;
use super::lines::one_line;
use super::people::filled_with;
use crate::plan::Clause;
use crate::run::{Attestation, Run};

/// A condition in prose.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClauseReport {
    /// What it is called: `pre-1` is the first precondition, `post-2` the second postcondition.
    pub name: String,
    /// The condition, with the values of its params.
    pub text: String,
    /// Who says that it holds.
    pub attested: Vec<AttestationReport>,
}

/// That somebody says that a condition holds.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct AttestationReport {
    /// Who.
    pub by: ActorReport,
    /// When.
    pub at: String,
    /// Whether they said it of a precondition once something had been done.
    pub late: bool,
    /// What they noted.
    pub note: Option<String>,
}

impl AttestationReport {
    fn of(one: &Attestation) -> Self {
        Self {
            by: ActorReport::of(&one.by),
            at: one.at.to_string(),
            late: one.begun && matches!(one.clause, Clause::Pre(_)),
            note: one.note.clone(),
        }
    }

    fn says(&self) -> String {
        let late = if self.late { " once it had begun" } else { "" };
        let note = self.note.as_deref().map(|note| format!(" ({})", one_line(note)));
        format!("{}{late}{}", self.by.shown(), note.unwrap_or_default())
    }
}

impl ClauseReport {
    /// It in a line, with who says so.
    pub(crate) fn says(&self) -> String {
        let by: Vec<String> = self.attested.iter().map(AttestationReport::says).collect();
        let by = if by.is_empty() { "nobody".to_owned() } else { by.join(", ") };
        format!("{}: {}, attested by {by}", self.name, one_line(&self.text))
    }
}

impl Report {
    /// What is said of its conditions: who attested them; of the others, those that somebody could have by now.
    pub(crate) fn clauses(&self) -> impl Iterator<Item = &ClauseReport> {
        let ended = self.status.is_final();
        let passed = self.status.has_passed();
        let is_told = |one: &&ClauseReport, now: bool| now || !one.attested.is_empty();
        // Of a run that the engine drives by itself, nobody was told the preconditions.
        let before =
            self.preconditions.iter().filter(move |one| is_told(one, ended && self.stepped));
        before.chain(self.postconditions.iter().filter(move |one| is_told(one, passed)))
    }
}

/// A condition with the values of the params in it.
pub fn worded(run: &Run, text: &str) -> String {
    let params = BTreeMap::new();
    filled_with(run, &|found| run.value_of(None, 1, &params, found), text)
}

/// The preconditions of a run, and its postconditions.
pub(super) fn clauses(run: &Run) -> [Vec<ClauseReport>; 2] {
    let clause = |(clause, text): (Clause, &str)| ClauseReport {
        name: clause.to_string(),
        text: worded(run, text),
        attested: {
            let of_it = run.attestations().iter().filter(|one| one.clause == clause);
            of_it.map(AttestationReport::of).collect()
        },
    };
    let of = |before: bool| {
        let some = run.plan().clauses().filter(|(c, _)| matches!(c, Clause::Pre(_)) == before);
        some.map(clause).collect()
    };
    [of(true), of(false)]
}
