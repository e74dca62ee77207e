//! Prose for people: what looks like a command, and braces that come to nothing when it is shown.

use super::texts::find;
use super::{all_steps, fan};
use crate::diagnostic::{At, Code, Diagnostic, Sources, printable};
use crate::expr::Ref;
use crate::expr::template::{Form, Part, Placeholder};
use crate::ids::Name;
use crate::workflow::{Names, Step, Workflow};

pub(super) fn check(
    workflow: &Workflow,
    names: &Names<'_>,
    sources: &Sources,
    problems: &mut Vec<Diagnostic>,
) {
    let mut filled = |text: &At<String>, step: Option<&Step>| {
        for (part, why) in unfilled(workflow, names, text, step) {
            let message = format!("`{}` means nothing here: {why}", printable(&part));
            let place = find(sources, text, &part, 0);
            problems.push(Diagnostic::new(Code::NearMiss, message).at(place, "in prose"));
        }
    };
    let conditions = || workflow.preconditions.iter().chain(&workflow.postconditions);
    conditions().for_each(|text| filled(text, None));
    for step in all_steps(workflow) {
        for text in step.action.iter().chain(&step.note) {
            filled(&At { value: text.clone(), place: step.id.place }, Some(step));
        }
    }
    conditions().for_each(|text| command(text, problems));
}

/// The braces of a text that look like a reference and have no value, and why.
fn unfilled(
    workflow: &Workflow,
    names: &Names<'_>,
    text: &At<String>,
    step: Option<&Step>,
) -> Vec<(String, String)> {
    let template = match names.template(text) {
        Ok(template) => template,
        Err(bad) => return bad.into_iter().map(|one| (one.text, one.why)).collect(),
    };
    let mut found = Vec::new();
    for part in &template.0 {
        match part {
            Part::Text(text) => {
                let nothing = |word: &str| (format!("{{{word}}}"), "it refers to nothing".into());
                found.extend(dotted(text).map(nothing));
            }
            Part::Ref(reference) => found
                .extend(valueless(workflow, reference, step).map(|why| (reference.braced(), why))),
        }
    }
    found
}

/// What stands in braces and is written like a reference.
fn dotted(text: &str) -> impl Iterator<Item = &str> {
    let words = text.match_indices('{').filter_map(|(open, _)| {
        let inner = &text[open + 1..];
        let is_ours = !text[..open].ends_with(['$', '{']);
        inner.find('}').map(|close| &inner[..close]).filter(|_| is_ours)
    });
    let like = |word: &&str| word.contains('.') && word.split('.').all(|w| Name::parse(w).is_ok());
    words.filter(like)
}

/// Why a placeholder has no value in prose.
fn valueless(workflow: &Workflow, found: &Placeholder, step: Option<&Step>) -> Option<String> {
    if found.form != Form::Plain {
        return Some("in prose a value is written by its name alone".to_owned());
    }
    match &found.to {
        Ref::Output(id, _) | Ref::Field(id, _)
            if !all_steps(workflow).any(|step| step.id.value == *id) =>
        {
            Some(format!("no step is called `{id}`"))
        }
        Ref::Output(..) if step.is_none() => {
            Some("a condition knows params, and the status of steps".to_owned())
        }
        Ref::Item(name) if !step.is_some_and(|s| fan::has_item(workflow, s, name)) => {
            Some("only an instance of a step that fans out has an item".to_owned())
        }
        Ref::Host(_) if step.is_none() || !fan::may_have_host(workflow, step) => {
            Some("it runs on no host".to_owned())
        }
        Ref::ParamHost(name, _) if !fan::is_host_param(workflow, name) => {
            Some("only a param of type `host` has such fields".to_owned())
        }
        Ref::Attempt if step.is_none() => Some("attempts are of steps".to_owned()),
        _ => None,
    }
}

/// A condition that is written as if it were executed.
fn command(prose: &At<String>, problems: &mut Vec<Diagnostic>) {
    let starts = ["test ", "[ ", "./", "sudo ", "grep ", "curl ", "ls ", "! "];
    let holds = ["&&", "||", "$(", " | ", "2>"];
    if starts.iter().any(|s| prose.starts_with(s)) || holds.iter().any(|h| prose.contains(h)) {
        let message = "this looks like a command, but is never executed";
        let problem = Diagnostic::new(Code::LooksLikeCommand, message).at(prose.place, "prose");
        problems.push(problem.hint("a command that must pass before any step is a guard"));
    }
}
