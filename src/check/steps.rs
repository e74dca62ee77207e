//! Ids and references: unique steps, edges and targets that exist, releasers that release.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::all_steps;
use crate::diagnostic::{At, Code, Diagnostic, Place};
use crate::ids::StepId;
use crate::workflow::{EdgeKind, Join, OnError, Step, Workflow};

/// Checks ids and references; `true` if the graph can be built.
pub(super) fn check(workflow: &Workflow, problems: &mut Vec<Diagnostic>) -> bool {
    let breaks = |p: &&Diagnostic| p.is_error() && p.code != Code::Unreachable;
    let before = problems.iter().filter(breaks).count();
    let known = ids(workflow, problems);
    let in_finally = |id: &StepId| workflow.finally.iter().any(|s| s.id.value == *id);
    for (step, finally) in
        workflow.steps.iter().map(|s| (s, false)).chain(workflow.finally.iter().map(|s| (s, true)))
    {
        edges(step, finally, &known, &in_finally, problems);
    }
    targets(workflow, &known, problems);
    releases(workflow, &known, problems);
    guards(workflow, problems);
    problems.iter().filter(breaks).count() == before
}

type Known<'w> = HashMap<&'w StepId, &'w Step>;

fn ids<'w>(workflow: &'w Workflow, problems: &mut Vec<Diagnostic>) -> Known<'w> {
    let mut known = Known::new();
    for step in all_steps(workflow) {
        if let Some(first) = known.insert(&step.id.value, step) {
            problems.push(
                Diagnostic::new(Code::DuplicateId, format!("two steps called `{}`", step.id.value))
                    .at(step.id.place, "the second")
                    .with(first.id.place, "the first"),
            );
        }
    }
    known
}

fn guards(workflow: &Workflow, problems: &mut Vec<Diagnostic>) {
    let mut seen = BTreeMap::new();
    for guard in &workflow.guards {
        if let Some(first) = seen.insert(&guard.id.value, guard.id.place) {
            problems.push(
                Diagnostic::new(
                    Code::DuplicateId,
                    format!("two guards called `{}`", guard.id.value),
                )
                .at(guard.id.place, "the second")
                .with(first, "the first"),
            );
        }
    }
}

fn unknown(id: &At<StepId>, known: &Known<'_>) -> Diagnostic {
    Diagnostic::new(Code::UnknownStep, format!("no step is called `{}`", id.value))
        .at(id.place, "not a step of this workflow")
        .suggest(id.as_str(), known.keys().map(|k| k.as_str()).collect::<BTreeSet<_>>())
}

fn edges(
    step: &Step,
    finally: bool,
    known: &Known<'_>,
    in_finally: &impl Fn(&StepId) -> bool,
    problems: &mut Vec<Diagnostic>,
) {
    for edge in &step.depends_on {
        if !known.contains_key(&edge.step.value) {
            problems.push(unknown(&edge.step, known));
        } else if in_finally(&edge.step.value) != finally {
            problems.push(
                Diagnostic::new(Code::AcrossFinally, "`finally` steps wait only for each other")
                    .at(
                        edge.step.place,
                        if finally { "not in `finally`" } else { "this is in `finally`" },
                    )
                    .hint("`finally` runs after all steps anyway, whatever happened"),
            );
        }
    }
    let kinds = |kind| step.depends_on.iter().filter(move |e| e.kind == kind);
    if step.join == Join::All {
        for yes in kinds(EdgeKind::OnSuccess) {
            if let Some(no) = kinds(EdgeKind::OnFailure).find(|e| e.step.value == yes.step.value) {
                problems.push(
                    Diagnostic::new(
                        Code::Unreachable,
                        format!(
                            "`{}` needs `{}` both to pass and to fail",
                            step.id.value, yes.step.value
                        ),
                    )
                    .at(no.step.place, "to fail")
                    .with(yes.step.place, "to pass")
                    .hint("`join = \"Any\"` runs it when one of the edges holds"),
                );
            }
        }
    }
}

fn targets(workflow: &Workflow, known: &Known<'_>, problems: &mut Vec<Diagnostic>) {
    let mut taken: BTreeMap<&StepId, Place> = BTreeMap::new();
    for step in all_steps(workflow) {
        for target in step.on_error.targets() {
            let Some(found) = known.get(&target.value) else {
                problems.push(unknown(target, known));
                continue;
            };
            if let Some(other) = taken.insert(&target.value, target.place) {
                problems.push(
                    Diagnostic::new(
                        Code::BadTarget,
                        format!("`{}` is a target twice", target.value),
                    )
                    .at(target.place, "the second time")
                    .with(other, "the first time")
                    .hint("a target belongs to one road of one step"),
                );
            }
            if let Some(why) = unfit(workflow, step, found) {
                problems.push(
                    Diagnostic::new(Code::BadTarget, why)
                        .at(target.place, "cannot stand here")
                        .with(found.id.place, "the target"),
                );
            }
        }
    }
}

/// Why `target` cannot be a target of `step`, if so.
fn unfit(workflow: &Workflow, step: &Step, target: &Step) -> Option<String> {
    let here = |s: &Step| workflow.finally.iter().any(|f| f.id.value == s.id.value);
    if step.id.value == target.id.value {
        return Some("a step cannot be its own target: use Retry".to_owned());
    }
    let gives_back = |s: &Step| s.release.as_ref().is_some_and(|r| r.value == target.id.value);
    if workflow.steps.iter().any(gives_back) {
        return Some("a releaser runs once for each attempt, whatever road is taken".to_owned());
    }
    if here(step) != here(target) {
        return Some("a target and its step are both in `steps` or both in `finally`".to_owned());
    }
    let OnError::Fallback { .. } = step.on_error.finally() else { return None };
    let missing = step.outputs.iter().find(|(name, spec)| {
        let same = |(n, s): &(At<crate::ids::Name>, crate::workflow::OutputSpec)| {
            n.value == name.value && s.kind == spec.kind
        };
        !target.outputs.iter().any(same)
    });
    if let Some((name, spec)) = missing {
        return Some(format!(
            "a fallback needs the same outputs: `{}` ({}) is missing",
            name.value, spec.kind
        ));
    }
    let edge = target.depends_on.iter().find(|e| e.step.value == step.id.value)?;
    (edge.kind == EdgeKind::OnSuccess)
        .then(|| "a fallback runs only when its step failed, and it needs it to pass".to_owned())
}

fn releases(workflow: &Workflow, known: &Known<'_>, problems: &mut Vec<Diagnostic>) {
    for step in all_steps(workflow) {
        let Some(release) = &step.release else { continue };
        let bad = |message: &str, label: &str| {
            Diagnostic::new(Code::BadRelease, message).at(release.place, label)
        };
        let Some(releaser) = known.get(&release.value) else {
            problems.push(unknown(release, known));
            continue;
        };
        if !workflow.finally.iter().any(|s| s.id.value == releaser.id.value) {
            problems.push(
                bad("a releaser is a `finally` step", "not in `finally`")
                    .with(releaser.id.place, "write it under [[finally]]"),
            );
        } else if !releaser.on_error.targets().is_empty() {
            problems.push(
                bad(
                    "a releaser runs once for each attempt, so it takes no other road",
                    "this releaser",
                )
                .with(releaser.on_error.place, "remove the target"),
            );
        } else if workflow.finally.iter().any(|s| s.id.value == step.id.value) {
            problems.push(bad("a `finally` step cannot acquire anything", "not here"));
        } else if let Some(other) = workflow.steps.iter().find(|s| {
            s.id.value != step.id.value
                && s.release.as_ref().is_some_and(|r| r.value == release.value)
        }) {
            problems.push(
                bad("a releaser serves one step", "the same releaser")
                    .with(other.release.as_ref().map_or(other.place, |r| r.place), "also here"),
            );
        }
    }
}
