//! CEL conditions: that they parse, and that the names in them exist.

use super::all_steps;
use crate::diagnostic::{At, Code, Diagnostic};
use crate::expr::Condition;
use crate::expr::template::StepField;
use crate::workflow::{Step, Workflow};

pub(super) fn check(workflow: &Workflow, problems: &mut Vec<Diagnostic>) {
    for step in all_steps(workflow) {
        let whens = step.when.iter().map(|w| &w.condition);
        let edges = step.depends_on.iter().filter_map(|e| e.condition.as_ref());
        whens.chain(edges).for_each(|text| one(workflow, text, problems));
    }
}

fn one(workflow: &Workflow, text: &At<String>, problems: &mut Vec<Diagnostic>) {
    match Condition::parse(text) {
        Err(why) => {
            problems.push(
                Diagnostic::new(Code::BadExpression, why).at(text.place, "not a CEL expression"),
            );
        }
        Ok(condition) => {
            for name in condition.names() {
                let path: Vec<&str> = name.iter().map(String::as_str).collect();
                problems.extend(
                    unknown(workflow, &path).map(|p| p.at(text.place, "in this condition")),
                );
            }
        }
    }
}

/// What is wrong with a name, if anything.
fn unknown(workflow: &Workflow, path: &[&str]) -> Option<Diagnostic> {
    let problem = |what: String| Diagnostic::new(Code::UnknownVariable, what);
    let params = || workflow.params.iter().map(|p| p.name.as_str());
    match path {
        ["params" | "steps"] | ["run", "id"] => None,
        ["params", name, ..] => {
            let missing = !params().any(|p| p == *name);
            missing.then(|| problem(format!("no param is called `{name}`")).suggest(name, params()))
        }
        ["steps", step, rest @ ..] => {
            let steps = || all_steps(workflow).map(|s| s.id.as_str());
            match all_steps(workflow).find(|s| s.id.as_str() == *step) {
                None => Some(problem(format!("no step is called `{step}`")).suggest(step, steps())),
                Some(found) if all_steps(workflow).any(|s| releases(s, found)) => {
                    Some(problem(format!(
                        "`{step}` runs once for each attempt that it releases: it has no one state"
                    )))
                }
                Some(found) => unknown_of_step(found, rest),
            }
        }
        [name, ..] => {
            let hint = if params().any(|p| p == *name) {
                format!("a param is written params.{name}")
            } else {
                "a condition sees `params`, `steps` and `run.id`".to_owned()
            };
            Some(problem(format!("`{name}` does not exist here")).hint(hint))
        }
        [] => None,
    }
}

fn releases(step: &Step, releaser: &Step) -> bool {
    step.release.as_ref().is_some_and(|r| r.value == releaser.id.value)
}

fn unknown_of_step(step: &Step, rest: &[&str]) -> Option<Diagnostic> {
    let outputs = || step.outputs.iter().map(|(name, _)| name.as_str());
    let problem = |what: String| Diagnostic::new(Code::UnknownVariable, what);
    match rest {
        [] | ["outputs"] => None,
        ["outputs", name, ..] => {
            let missing = !outputs().any(|o| o == *name);
            let what = format!("step `{}` has no output `{name}`", step.id.value);
            missing.then(|| problem(what).suggest(name, outputs()))
        }
        [field, ..] => {
            let known = StepField::NAMES.iter().any(|(name, _)| name == field);
            let what = format!("a step has no `{field}`");
            (!known)
                .then(|| problem(what).hint("it has outputs, status, outcome, exit and duration_s"))
        }
    }
}
