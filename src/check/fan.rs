//! Where steps run and over what they fan out: what contradicts itself, and what has no item or host.

use std::collections::BTreeMap;

use super::all_steps;
use crate::diagnostic::{At, Code, Diagnostic, Place};
use crate::expr::Ref;
use crate::expr::template::{Form, Part};
use crate::ids::Name;
use crate::workflow::{
    ForEach, HostRef, Items, LOCAL, Names, OnDisconnect, OnError, Step, ValueType, Workflow,
};

/// Names that an item cannot have, because they mean something else in placeholders and conditions.
const TAKEN: &[&str] = &["attempt", "host", "params", "run", "steps"];

pub(super) fn check(workflow: &Workflow, names: &Names<'_>, problems: &mut Vec<Diagnostic>) {
    for step in all_steps(workflow) {
        places(workflow, step, problems);
        if let Some(each) = &step.for_each {
            items(workflow, names, step, each, problems);
            name(workflow, each, problems);
        }
        if fans_out(step) {
            around(workflow, step, problems);
        }
    }
    for selector in all_steps(workflow).flat_map(|step| &step.hosts) {
        only_params(names, selector, problems);
    }
}

/// Whether a step has several instances.
pub(super) fn fans_out(step: &Step) -> bool {
    step.for_each.is_some() || !step.hosts.is_empty()
}

/// The step for whose instances this one stands in, if that one fans out.
fn stands_in_for<'w>(workflow: &'w Workflow, step: &Step) -> Option<&'w Step> {
    let fallback = |other: &&Step| match other.on_error.finally() {
        OnError::Fallback { target } => target.value == step.id.value && fans_out(other),
        _ => false,
    };
    all_steps(workflow).find(fallback)
}

/// What the item of an instance of this step is called, if it has one.
pub(super) fn item_name<'w>(workflow: &'w Workflow, step: &'w Step) -> Option<&'w Name> {
    let own = step.for_each.as_ref();
    let each = own.or_else(|| stands_in_for(workflow, step)?.for_each.as_ref())?;
    Some(&each.name.value)
}

/// Whether an instance of this step has an item of this name.
pub(super) fn has_item(workflow: &Workflow, step: &Step, name: &Name) -> bool {
    item_name(workflow, step) == Some(name)
}

/// Whether a condition on this step sees more than others: its item or its host.
pub(super) fn sees_more(workflow: &Workflow, step: &Step) -> bool {
    item_name(workflow, step).is_some() || may_have_host(workflow, Some(step))
}

/// Whether something may run on a host; `step` is none for what belongs to the workflow.
pub(super) fn may_have_host(workflow: &Workflow, step: Option<&Step>) -> bool {
    let own = |step: &Step| {
        let host = step.host.as_ref().or(workflow.host.as_ref());
        !step.hosts.is_empty() || host.is_some_and(is_another)
    };
    let Some(step) = step else {
        let guards = workflow.guards.iter().filter_map(|guard| guard.host.as_ref());
        return guards.chain(&workflow.host).any(is_another);
    };
    own(step) || stands_in_for(workflow, step).is_some_and(own)
}

/// Whether it may be another machine than this one.
fn is_another(host: &At<HostRef>) -> bool {
    !matches!(&host.value, HostRef::Named(name) if name == LOCAL)
}

/// Whether a param names one host.
pub(super) fn is_host_param(workflow: &Workflow, name: &Name) -> bool {
    let fits = |kind: crate::workflow::ParamType| kind.of == ValueType::Host && !kind.list;
    workflow.params.iter().any(|param| param.name.value == *name && fits(param.kind))
}

/// The words that items of this name are, if all of them are written in the file.
pub(super) fn words(workflow: &Workflow, names: &Names<'_>, name: &Name) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let each = all_steps(workflow).filter_map(|step| step.for_each.as_ref());
    for each in each.filter(|each| each.name.value == *name) {
        let Items::Each(all) = &each.items.as_ref()?.value else { return None };
        for text in all {
            words.push(names.template(text).ok()?.as_literal()?.to_owned());
        }
    }
    (!words.is_empty()).then_some(words)
}

/// The texts that say where a step runs and over what it fans out.
pub(super) fn texts(step: &Step) -> Vec<At<String>> {
    let mut found = step.hosts.clone();
    found.extend(step.host.iter().flat_map(of_host));
    if let Some(items) = step.for_each.as_ref().and_then(|each| each.items.as_ref()) {
        match &items.value {
            Items::Each(all) => found.extend(all.iter().cloned()),
            Items::Of(text) => found.push(At { value: text.clone(), place: items.place }),
        }
    }
    found
}

/// The texts that say what a host is.
pub(super) fn of_host(host: &At<HostRef>) -> Vec<At<String>> {
    match &host.value {
        HostRef::Named(name) => vec![At { value: name.clone(), place: host.place }],
        HostRef::Lease(lease) => lease.texts().cloned().collect(),
    }
}

fn contradiction(message: impl Into<String>, place: Place, label: &str) -> Diagnostic {
    Diagnostic::new(Code::Contradiction, message).at(place, label)
}

/// `host`, `hosts` and `on_disconnect` beside each other.
fn places(workflow: &Workflow, step: &Step, problems: &mut Vec<Diagnostic>) {
    if let (Some(host), Some(selector)) = (&step.host, step.hosts.first()) {
        let problem = contradiction("a step with both `host` and `hosts`", selector.place, "here");
        problems.push(problem.with(host.place, "and here").hint("keep one of them"));
    }
    if step.on_disconnect == OnDisconnect::Keep && !may_have_host(workflow, Some(step)) {
        let message = "`on_disconnect` says what happens on a host, and it runs on none";
        let problem = contradiction(message, step.id.place, "this step");
        problems.push(problem.hint("say where it runs: host = \"NAME\", or remove it"));
    }
}

/// What is fanned out over: once, a list, and nothing twice.
fn items(
    workflow: &Workflow,
    names: &Names<'_>,
    step: &Step,
    each: &At<ForEach>,
    problems: &mut Vec<Diagnostic>,
) {
    match (&each.items, step.hosts.first()) {
        (None, None) => {
            let problem = contradiction("there is nothing to fan out over", each.place, "no items");
            problems.push(problem.hint("give it items = [\"a\", \"b\"], or the step `hosts`"));
        }
        (Some(items), Some(selector)) => {
            let message = "a step that fans out both over `hosts` and over items";
            let problem = contradiction(message, items.place, "these items");
            problems.push(
                problem
                    .with(selector.place, "and these hosts")
                    .hint("keep one; for items on hosts, `call` a verb for each host"),
            );
        }
        (Some(At { value: Items::Of(text), place }), None) => {
            let text = At { value: text.clone(), place: *place };
            list(workflow, names, &text, problems);
        }
        (Some(At { value: Items::Each(all), place }), None) => {
            if all.is_empty() && !each.value.allow_empty {
                let problem = contradiction("a list without items", *place, "nothing here");
                problems.push(
                    problem.hint("give it some, or say that it may have none: allow_empty = true"),
                );
            }
            twice(all, problems);
        }
        (None, Some(_)) => {}
    }
}

/// One placeholder whose value is a list.
fn list(workflow: &Workflow, names: &Names<'_>, text: &At<String>, problems: &mut Vec<Diagnostic>) {
    let Ok(template) = names.template(text) else { return };
    let is_list = match template.0.as_slice() {
        [Part::Ref(found)] if found.form == Form::Plain => match &found.to {
            Ref::Param(name) => workflow
                .params
                .iter()
                .any(|p| p.name.value == *name && (p.kind.list || p.kind.of == ValueType::Glob)),
            Ref::Output(step, name) => {
                let step = all_steps(workflow).find(|s| s.id.value == *step);
                let output = |s: &Step| s.outputs.iter().find(|(n, _)| n.value == *name).cloned();
                // A step or output that does not exist is said elsewhere.
                step.and_then(output)
                    .is_none_or(|(_, spec)| spec.kind.list || spec.kind.of == ValueType::Json)
            }
            _ => false,
        },
        _ => false,
    };
    if !is_list {
        let problem = Diagnostic::new(Code::WrongType, "the items are a list");
        problems.push(problem.at(text.place, "not a list").hint(
            "write the items, or one placeholder of a list: a param or output of type [string]",
        ));
    }
}

fn twice(all: &[At<String>], problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&str, &At<String>> = BTreeMap::new();
    for item in all {
        if let Some(first) = seen.insert(item.as_str(), item) {
            let problem = contradiction("the same item twice", item.place, "the second");
            problems.push(problem.with(first.place, "the first"));
        }
    }
}

fn name(workflow: &Workflow, each: &At<ForEach>, problems: &mut Vec<Diagnostic>) {
    let name = &each.name;
    let param = workflow.params.iter().find(|param| param.name.value == name.value);
    if TAKEN.contains(&name.as_str()) || param.is_some() {
        let mut problem =
            Diagnostic::new(Code::BadParam, format!("an item cannot be called `{}`", name.value))
                .at(name.place, "this name means something else");
        if let Some(param) = param {
            problem = problem.with(param.name.place, "this param");
        }
        problems.push(problem.hint("give it another one: as = \"item\""));
    }
}

/// What stands around a step that fans out: its stand-in and its releaser have an instance for each of its own.
fn around(workflow: &Workflow, step: &Step, problems: &mut Vec<Diagnostic>) {
    let find = |id: &At<crate::ids::StepId>| all_steps(workflow).find(|s| s.id.value == id.value);
    if let OnError::Fallback { target } = step.on_error.finally()
        && find(target).is_some_and(fans_out)
    {
        let message = "a stand-in has an instance for each failed one, and cannot fan out itself";
        let problem = contradiction(message, target.place, "fans out too");
        problems.push(problem.hint("remove its `for_each` and `hosts`: it is given the same item"));
    }
    let releases = |s: &&Step| s.release.as_ref().is_some_and(|r| r.value == step.id.value);
    if let Some(holder) = all_steps(workflow).find(releases) {
        let message = "a releaser has an instance for each attempt, and cannot fan out";
        let problem = contradiction(message, step.id.place, "this step");
        problems.push(problem.with(holder.id.place, "it releases what this one acquires"));
    }
}

/// Selectors are resolved when the run is planned, and so know params only.
fn only_params(names: &Names<'_>, text: &At<String>, problems: &mut Vec<Diagnostic>) {
    let Ok(template) = names.template(text) else { return };
    let unknown = |part: &Part| match part {
        Part::Ref(found) => !matches!(found.to, Ref::Param(_)),
        Part::Text(_) => false,
    };
    if template.0.iter().any(unknown) {
        let message = "which hosts are selected is known before the run, from params only";
        let problem = Diagnostic::new(Code::NoPlaceholder, message).at(text.place, "here");
        problems.push(problem.hint(
            "for hosts that a step finds: for_each = \"{steps.STEP.outputs.NAME}\", host = \"{item}\"",
        ));
    }
}
