//! Variables that `env` sets: what is Ostler's own, such as who acts, no file says.

use super::all_steps;
use crate::diagnostic::{Code, Diagnostic};
use crate::workflow::Workflow;

/// How the names of Ostler's own variables begin.
pub(super) const OWN: &str = "OSTLER_";

pub(super) fn check(workflow: &Workflow, problems: &mut Vec<Diagnostic>) {
    let all = workflow.env.iter().chain(all_steps(workflow).flat_map(|step| &step.env));
    for (name, _) in all.filter(|(name, _)| name.starts_with(OWN)) {
        problems.push(
            Diagnostic::new(Code::OwnVariable, format!("`env` sets `{}`", name.value))
                .at(name.place, "what begins with OSTLER_ is Ostler's own")
                .hint("choose another name: Ostler says itself who acts, in which run and step"),
        );
    }
}
