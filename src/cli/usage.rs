//! What is said of a verb's arguments that are not as they must be.

use clap::builder::StyledStr;
use clap::error::{ContextKind, ContextValue};

use super::Context;
use crate::diagnostic::printable;
use crate::plan::Given;
use crate::report::{Paint, Tone};
use crate::workflow::{Param, Workflow};

/// What some call a run that runs nothing.
const DRY: [&str; 4] = ["dry-run", "dry_run", "check", "n"];

/// clap's error, with a tip that helps here. Its own, to pass an unknown option as a value, does not.
pub(super) fn better(mut error: clap::Error, workflow: &Workflow, before: &str) -> clap::Error {
    let unknown = match error.get(ContextKind::InvalidArg) {
        Some(ContextValue::String(text)) => text.trim_start_matches('-').to_owned(),
        _ => return error,
    };
    if error.kind() != clap::error::ErrorKind::UnknownArgument {
        return error;
    }
    error.remove(ContextKind::Suggested);
    let named = |param: &&Param| param.positional && param.name.as_str() == unknown;
    let verb = &workflow.id.value;
    let tip = match workflow.params.iter().find(named) {
        Some(param) => {
            let value = param.value_name();
            Some(format!("`{unknown}` is given by its place: {before} {verb} {value}"))
        }
        None if DRY.contains(&unknown.as_str()) => {
            Some(format!("`ostler plan {verb}` says what it would do, and runs nothing"))
        }
        None => None,
    };
    if let Some(tip) = tip {
        error.remove(ContextKind::SuggestedArg);
        let tip = StyledStr::from(tip);
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip]));
    }
    error
}

/// What was given as `name=value` for a param that has no name on the command line: it is taken as it is.
fn named_by_mistake(workflow: &Workflow, given: &Given) -> Vec<String> {
    let positional = workflow.params.iter().filter(|param| param.positional);
    let mistaken = positional.filter_map(|param| {
        let name = param.name.as_str();
        let text = String::from_utf8_lossy(&given.get(name)?.first()?.0).into_owned();
        let value = printable(text.strip_prefix(&format!("{name}="))?);
        Some(format!(
            "`{name}` is given by its place: its value is `{name}={value}`, not `{value}`"
        ))
    });
    mistaken.collect()
}

impl Context {
    /// Warns of it.
    pub(super) fn named_by_mistake(&self, workflow: &Workflow, given: &Given) {
        for mistake in named_by_mistake(workflow, given) {
            super::say(&format!("{}: {mistake}", self.err.paint(Tone::Warn, "warning")));
        }
    }
}
