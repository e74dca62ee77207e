//! A plan as it is shown: what is known, what is not known until the run, who is asked.

use std::fmt::Write as _;

use super::args::{Format, PlanArgs};
use super::{Context, Exit, verb};
use crate::diagnostic::printable;
use crate::ops::{self, Error};
use crate::plan::{Action, Origin, Plan, Step};
use crate::report::{Paint, Tone};
use crate::workflow::{EdgeKind, OnError};

impl Context {
    pub(super) fn plan(&self, args: &PlanArgs) -> Result<Exit, Error> {
        let (verb, words) = verb::split(&args.words);
        let (workflow, checked) = ops::check_verb(&self.workspace, &verb, &self.cwd)?;
        let (given, driving) = match verb::parse(&workflow, words, "ostler plan") {
            Ok(parsed) => parsed,
            Err(error) => return Ok(self.usage(&error)),
        };
        let plan = ops::plan(&self.workspace, &workflow, &checked, &given)?;
        match driving.showing.format.or(args.format).unwrap_or(Format::Text) {
            Format::Json => {
                let body: serde_json::Value =
                    serde_json::from_str(&plan.to_json()).unwrap_or_default();
                let whole = serde_json::json!({ "digest": plan.digest(), "plan": body });
                self.print(&format!("{whole:#}\n"));
            }
            Format::Text => self.print(&text(&plan, &self.out)),
        }
        Ok(Exit::Passed)
    }
}

fn text(plan: &Plan, paint: &dyn Paint) -> String {
    let mut out = String::new();
    let about =
        plan.description.as_ref().map(|d| format!("  {}", printable(d))).unwrap_or_default();
    let _ = writeln!(out, "{}{about}", paint.paint(Tone::Strong, plan.workflow.as_str()));
    let width = plan.params.keys().map(|n| n.as_str().len()).max().unwrap_or(0);
    for (name, param) in &plan.params {
        let from = match param.from {
            Origin::Given => "given",
            Origin::Default => "default",
        };
        let value = printable(&param.value.to_string());
        let _ = writeln!(out, "  {name:width$}  {value}  {}", paint.paint(Tone::Faint, from));
    }
    for guard in &plan.guards {
        let _ = writeln!(
            out,
            "guard {}  {}",
            guard.id,
            paint.paint(Tone::Faint, &short(&guard.run.shown()))
        );
    }
    for (wave, steps) in plan.waves().into_iter().enumerate() {
        let _ = writeln!(out, "{}", paint.paint(Tone::Faint, &format!("wave {}", wave + 1)));
        steps.into_iter().for_each(|step| line(&mut out, step, paint));
    }
    if let Some(converge) = &plan.converge {
        let _ = writeln!(
            out,
            "converge until {}, at most {} times more",
            paint.paint(Tone::Faint, &short(&converge.condition.shown())),
            converge.max_iterations
        );
    }
    if !plan.finally.is_empty() {
        let _ = writeln!(out, "{}", paint.paint(Tone::Faint, "finally, whatever happened"));
        plan.finally.iter().for_each(|step| line(&mut out, step, paint));
    }
    let _ = writeln!(out, "{}", paint.paint(Tone::Faint, &format!("digest {}", plan.digest())));
    out
}

fn line(out: &mut String, step: &Step, paint: &dyn Paint) {
    let what = match &step.run {
        _ if step.is_asked() => "asked of somebody".to_owned(),
        Some(Action::Checks(checks)) => format!("{} checks", checks.len()),
        Some(action) => short(&action.shown().unwrap_or_default()),
        None => String::new(),
    };
    let mut notes: Vec<String> = Vec::new();
    for edge in &step.edges {
        let kind = match edge.kind {
            EdgeKind::Always => "after",
            EdgeKind::OnSuccess => "if passed:",
            EdgeKind::OnFailure => "if failed:",
        };
        notes.push(format!("{kind} {}", edge.step.value));
    }
    notes.extend(step.when.iter().map(|w| format!("when {}", w.condition.value)));
    match &step.on_error {
        OnError::Stop => {}
        OnError::Continue => notes.push("failure: go on".to_owned()),
        OnError::Retry(retry) => notes.push(format!("failure: {} more tries", retry.max)),
        OnError::Fallback { target } => notes.push(format!("failure: {} instead", target.value)),
        OnError::Branch { target, .. } => notes.push(format!("failure: take {}", target.value)),
    }
    notes.extend(step.unmet.iter().map(|why| format!("cannot be tried: {why}")));
    let _ = writeln!(
        out,
        "  {}  {}  {}",
        step.id,
        printable(&what.replace('\n', "⏎")),
        paint.paint(Tone::Faint, &printable(&notes.join(", ")))
    );
}

/// The first line of a text, shortened.
fn short(text: &str) -> String {
    let mut lines = text.trim().lines();
    let first: String = lines.next().unwrap_or_default().chars().take(80).collect();
    if lines.next().is_some() || text.trim().len() > first.len() {
        format!("{first} …")
    } else {
        first
    }
}
