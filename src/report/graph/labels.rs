//! What a step does, in a line.

use crate::plan::{Action, Step};
use crate::report::lines::one_line;
use crate::workflow::Actor;

/// What a step does, in a line that nothing in can act on a terminal.
pub(super) fn does(step: &Step) -> String {
    let text = match &step.run {
        _ if step.is_asked() => asks(step),
        Some(Action::Checks(checks)) => format!("{} checks", checks.len()),
        Some(action) => action.shown().unwrap_or_default(),
        None => String::new(),
    };
    one_line(&text)
}

/// Who is asked, and for what.
fn asks(step: &Step) -> String {
    let whom = match step.actor {
        Actor::Human => "a person",
        Actor::Agent => "an agent",
        Actor::Both => "somebody",
    };
    match &step.action {
        Some(action) => format!("asked of {whom}: {action}"),
        None => format!("asked of {whom}"),
    }
}
