//! What people are asked, and what they answered.

use std::collections::BTreeMap;

use serde_json::Value;

use super::lines::one_line;
use super::{StepReport, called};
use crate::expr::Template;
use crate::expr::template::{Part, Placeholder};
use crate::run::{Actor, Attempt, Interruption, Node, Outcome, Run, State};
use crate::value::readable;

/// A text of a step's author with the values that the run has; a placeholder without one stays as it is written.
pub(super) fn filled(run: &Run, node: &Node, text: &str) -> String {
    let (attempt, params) =
        node.last().map_or((1, BTreeMap::new()), |last| (last.n, last.params.clone()));
    filled_with(run, &|found| run.value_of(Some(node), attempt, &params, found), text)
}

/// The same, with these values.
pub(super) fn filled_with(
    run: &Run,
    value: &dyn Fn(&Placeholder) -> Option<Value>,
    text: &str,
) -> String {
    filled_in(value, &run.plan().template(text))
}

/// A text whose placeholders were found, with these values.
pub(super) fn filled_in(
    value: &dyn Fn(&Placeholder) -> Option<Value>,
    template: &Template,
) -> String {
    let part = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Ref(found) => match value(found) {
            Some(Value::String(text)) => one_line(&text),
            Some(value) => one_line(&readable(&value)),
            None => found.braced(),
        },
    };
    template.0.iter().map(part).collect()
}

/// The answers that a node takes now.
pub(super) fn answers(run: &Run, node: &Node) -> Vec<&'static str> {
    match (node.state, run.step(node).is_asked()) {
        (State::Asked, true) => vec!["passed", "failed"],
        (State::Asked, false) => vec!["passed", "failed", "rerun"],
        _ => Vec::new(),
    }
}

/// How an attempt ended, in words; who said so, and their note.
pub(super) fn detail(attempt: &Attempt, outcome: &Outcome) -> String {
    if let Some(called) = attempt.ending.as_ref().and_then(|ending| ending.called.as_ref()) {
        return called::detail(called, outcome);
    }
    let note = attempt.note.as_deref();
    let by = attempt.reporter().map(|by| {
        let note = note.map(|note| format!(": {note}")).unwrap_or_default();
        let did = if attempt.said.is_some() { "reported" } else { "answered" };
        format!("{did} by {by}{note}")
    });
    match (outcome, by) {
        (Outcome::Interrupted { cause: Interruption::LeaseExpired }, Some(_)) => {
            let by = attempt.reporter().map(Actor::to_string).unwrap_or_default();
            format!("{by} held it and did not report in time")
        }
        (Outcome::Interrupted { cause: Interruption::LeaseRevoked }, Some(_)) => {
            let by = attempt.reporter().map(Actor::to_string).unwrap_or_default();
            let note = note.map(|note| format!(": {note}")).unwrap_or_default();
            format!("{by} held it until a person ended that{note}")
        }
        (Outcome::Answered, Some(by)) => by,
        // The engine answers where nobody is to be asked, and says so.
        (Outcome::Answered, None) => note.map_or_else(|| outcome.to_string(), str::to_owned),
        (_, Some(by)) => format!("{outcome}, {by}"),
        (_, None) => outcome.to_string(),
    }
}

impl StepReport {
    /// What somebody is asked about it: to do it, or what became of it.
    pub(super) fn question(&self) -> Option<&str> {
        let todo = self.action.as_deref().filter(|_| !self.answers.contains(&"rerun"));
        todo.or(self.reason.as_deref())
    }

    /// What somebody answered, or the engine where nobody was to be asked.
    pub(crate) fn answered(&self) -> Option<&str> {
        let last = self.attempts.last().filter(|a| a.outcome.as_deref() == Some("answered"))?;
        last.detail.as_deref().filter(|_| self.answers.is_empty())
    }

    /// Why it is in its state, where its answer does not say so already.
    pub(crate) fn why(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| self.answered().is_none())
    }
}
