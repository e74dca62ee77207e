//! Outputs: each is used only where it exists on every path, or with a default.

use std::borrow::Cow;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use super::{fan, graph, scripts};
use crate::diagnostic::{At, Code, Diagnostic};
use crate::expr::Ref;
use crate::ids::{Name, StepId};
use crate::value::strings;
use crate::workflow::{Action, Edge, EdgeKind, Join, Names, OnError, Stdin, Step, Workflow};

pub(super) fn check(workflow: &Workflow, names: &Names<'_>, problems: &mut Vec<Diagnostic>) {
    let paths = LazyCell::new(|| Paths::of(workflow));
    for step in workflow.steps.iter().chain(&workflow.finally) {
        for (text, output) in used(names, referring(step)) {
            if let Some(problem) = paths.problem(workflow, step, &output) {
                problems.push(problem.at(text.place, "used here"));
            }
        }
    }
    let texts = workflow.outputs.iter().map(|(_, text)| text.clone()).collect();
    for (text, output) in used(names, texts) {
        if let Some(problem) = paths.at_the_end(workflow, &output) {
            problems.push(problem.at(text.place, "used here"));
        }
    }
}

struct Use {
    step: StepId,
    output: Name,
    has_default: bool,
}

/// A step's texts that may refer to outputs.
fn referring(step: &Step) -> Vec<At<String>> {
    let mut texts: Vec<At<String>> = step.env.iter().map(|(_, value)| value.clone()).collect();
    texts.extend(super::secrets::texts(&step.secrets).cloned());
    texts.extend(step.cwd.clone());
    texts.extend(fan::texts(step));
    let own = |value: &str, place| At { value: value.to_owned(), place };
    match &step.stdin {
        Some(At { value: Stdin::Text(text), place }) => texts.push(own(text, *place)),
        Some(At { value: Stdin::Json(json), place }) => {
            strings(json, &mut |s| texts.push(own(s, *place)));
        }
        _ => {}
    }
    if let Some(At { value: Action::Argv(words), .. }) = &step.run {
        texts.extend(words.iter().cloned());
    }
    texts.extend(step.run.iter().flat_map(|run| run.value.values(run.place)));
    texts.extend(scripts::of_step(step));
    texts.extend(step.expectations().flat_map(|expect| expect.values(expect.place)));
    texts
}

/// The outputs that texts refer to.
fn used(names: &Names<'_>, texts: Vec<At<String>>) -> Vec<(At<String>, Use)> {
    let mut found = Vec::new();
    for text in texts {
        let Ok(template) = names.template(&text) else { continue };
        for placeholder in template.placeholders() {
            let Ref::Output(step, output) = &placeholder.to else { continue };
            let has_default = placeholder.default.is_some();
            let used = Use { step: step.clone(), output: output.clone(), has_default };
            found.push((text.clone(), used));
        }
    }
    found
}

/// The problem that a step has no such output.
fn unknown(maker: &Step, used: &Use) -> Option<Diagnostic> {
    let known = || maker.outputs.iter().map(|(name, _)| name.as_str());
    let message = || format!("step `{}` has no output `{}`", used.step, used.output);
    let is_known = known().any(|name| name == used.output.as_str());
    (!is_known).then(|| {
        Diagnostic::new(Code::UnknownName, message()).suggest(used.output.as_str(), known())
    })
}

struct Paths<'w> {
    steps: BTreeMap<&'w StepId, &'w Step>,
    edges: BTreeMap<&'w StepId, Cow<'w, [Edge]>>,
    targets: BTreeSet<&'w StepId>,
}

impl<'w> Paths<'w> {
    fn of(workflow: &'w Workflow) -> Self {
        let mut paths =
            Self { steps: BTreeMap::new(), edges: BTreeMap::new(), targets: BTreeSet::new() };
        for steps in [&workflow.steps, &workflow.finally] {
            for (step, edges) in steps.iter().zip(graph::edges(workflow, steps)) {
                paths.steps.insert(&step.id.value, step);
                paths.edges.insert(&step.id.value, edges);
                paths.targets.extend(step.on_error.targets().iter().map(|t| &t.value));
            }
        }
        paths
    }

    fn problem(&self, workflow: &Workflow, step: &Step, used: &Use) -> Option<Diagnostic> {
        let maker = self.steps.get(&used.step)?;
        if let Some(problem) = unknown(maker, used) {
            return Some(problem);
        }
        let releases = maker.release.as_ref().is_some_and(|r| r.value == step.id.value);
        if used.has_default || releases || self.surely_passed(&step.id.value, &used.step, workflow)
        {
            return None;
        }
        let what = format!("`{}` may not have passed when `{}` runs", used.step, step.id.value);
        Some(
            Diagnostic::new(Code::MaybeMissing, what)
                .with(maker.id.place, "gives the output")
                .hint(format!(
                    "give a default: {{steps.{}.outputs.{}:-none}}",
                    used.step, used.output
                ))
                .hint(format!("or need it to pass: needs = [\"{}\"]", used.step)),
        )
    }

    /// What is wrong with an output that a run hands to its caller.
    fn at_the_end(&self, workflow: &Workflow, used: &Use) -> Option<Diagnostic> {
        let maker = self.steps.get(&used.step)?;
        if let Some(problem) = unknown(maker, used) {
            return Some(problem);
        }
        if workflow.finally.iter().any(|step| step.id.value == used.step) {
            let what = format!("`{}` is a `finally` step", used.step);
            let hint = "what a run hands on comes from its steps";
            return Some(Diagnostic::new(Code::AcrossFinally, what).hint(hint));
        }
        if used.has_default || self.passes_or_stops(&used.step, workflow) {
            return None;
        }
        let what = format!("`{}` may not have passed when the run passes", used.step);
        let hint = format!("give a default: {{steps.{}.outputs.{}:-none}}", used.step, used.output);
        let problem = Diagnostic::new(Code::MaybeMissing, what);
        Some(problem.with(maker.id.place, "gives the output").hint(hint))
    }

    /// Whether `before` has passed whenever `step` runs: a chain of edges, each of which proves the next.
    fn surely_passed(&self, step: &StepId, before: &StepId, workflow: &Workflow) -> bool {
        let mut seen = BTreeSet::new();
        let mut todo = vec![step.clone()];
        while let Some(here) = todo.pop() {
            if here == *before && here != *step {
                return true;
            }
            if !seen.insert(here.clone()) {
                continue;
            }
            let (Some(at), Some(edges)) = (self.steps.get(&here), self.edges.get(&here)) else {
                continue;
            };
            if at.join == Join::Any && edges.len() > 1 {
                continue;
            }
            let proves = |e: &&Edge| match e.kind {
                EdgeKind::OnSuccess => true,
                EdgeKind::Always => self.passes_or_stops(&e.step.value, workflow),
                EdgeKind::OnFailure => false,
            };
            todo.extend(edges.iter().filter(proves).map(|e| e.step.value.clone()));
        }
        false
    }

    /// Whether the run goes on after this step only if it passed: it is never skipped, and its failure stops the run.
    fn passes_or_stops(&self, id: &StepId, workflow: &Workflow) -> bool {
        let none = crate::workflow::Requires::default();
        let mut todo = vec![id.clone()];
        let mut seen = BTreeSet::new();
        while let Some(id) = todo.pop() {
            if !seen.insert(id.clone()) {
                continue;
            }
            let (Some(step), Some(edges)) = (self.steps.get(&id), self.edges.get(&id)) else {
                return false;
            };
            let stops = matches!(step.on_error.finally(), OnError::Stop);
            let skippable = !step.when.is_empty()
                || step.requires != none
                || workflow.requires != none
                || self.targets.contains(&id);
            if !stops || skippable {
                return false;
            }
            for edge in edges.iter() {
                match edge.kind {
                    _ if edge.condition.is_some() => return false,
                    EdgeKind::OnFailure => return false,
                    EdgeKind::OnSuccess => todo.push(edge.step.value.clone()),
                    EdgeKind::Always => {}
                }
            }
        }
        true
    }
}
