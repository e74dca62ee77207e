//! The report for people: a line a step, and for what failed, why and what to do next.

use std::fmt::Write as _;

use super::{AttemptReport, Report, StepReport};
use crate::diagnostic::printable;
use crate::run::RunStatus;
use crate::workflow::Millis;

/// What a stretch of text is, for those who give it a colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// It failed.
    Bad,
    /// It needs a look.
    Warn,
    /// It matters less.
    Faint,
    /// It matters more.
    Strong,
}

/// Gives texts a colour, or not.
pub trait Paint {
    /// The text as it is to be shown.
    fn paint(&self, tone: Tone, text: &str) -> String;
}

/// No colours.
#[derive(Debug)]
pub struct Plain;

impl Paint for Plain {
    fn paint(&self, _: Tone, text: &str) -> String {
        text.to_owned()
    }
}

/// The report as text. `tail` gives the last lines of a failed attempt's output.
pub fn text(
    report: &Report,
    paint: &dyn Paint,
    tail: &mut dyn FnMut(&StepReport, &AttemptReport) -> Vec<String>,
) -> String {
    let mut out = String::new();
    let steps = || report.steps.iter().chain(&report.finally);
    let width = steps().map(|s| s.id.chars().count()).max().unwrap_or(0).min(40);
    for warning in &report.warnings {
        let _ = writeln!(out, "{} {}", paint.paint(Tone::Warn, "!"), printable(warning));
    }
    for step in &report.steps {
        line(&mut out, step, width, paint);
    }
    if !report.finally.is_empty() {
        let _ = writeln!(out, "{}", paint.paint(Tone::Faint, "finally"));
        report.finally.iter().for_each(|step| line(&mut out, step, width, paint));
    }
    for step in steps().filter(|s| s.status == "failed") {
        failure(&mut out, report, step, paint, tail);
    }
    summary(&mut out, report, paint);
    out
}

/// A step's sign and its tone.
fn sign(status: &str) -> (&'static str, Tone) {
    match status {
        "passed" | "recovered" => ("✓", Tone::Good),
        "failed" => ("✗", Tone::Bad),
        "asked" | "unsure" => ("?", Tone::Warn),
        "unproven" => ("~", Tone::Warn),
        "running" => ("▸", Tone::Strong),
        "cancelled" => ("■", Tone::Warn),
        _ => ("-", Tone::Faint),
    }
}

fn line(out: &mut String, step: &StepReport, width: usize, paint: &dyn Paint) {
    let (sign, tone) = sign(&step.status);
    let last = step.attempts.last();
    let mut more = Vec::new();
    if step.status != "passed" {
        more.push(step.status.clone());
    }
    if let Some(ms) = last.and_then(|a| a.duration_ms) {
        more.push(Millis(ms).to_string());
    }
    if step.attempts.len() > 1 {
        more.push(format!("{} attempts", step.attempts.len()));
    }
    if step.status == "failed" {
        let causes = step.checks.iter().filter(|c| c.status == "failed" && c.what != "exit");
        let what: Vec<String> = causes.map(|c| c.what.clone()).collect();
        let outcome = last.and_then(|a| a.detail.clone());
        more.extend(if what.is_empty() { outcome } else { Some(what.join(", ")) });
    }
    more.extend(step.reason.clone());
    if last.is_some_and(|a| !a.leaked.is_empty()) {
        more.push("left processes behind".to_owned());
    }
    let id = format!("{:width$}", step.id);
    let more = printable(&more.join(", ").replace('\n', " "));
    let line = format!("{} {id}  {}", paint.paint(tone, sign), paint.paint(Tone::Faint, &more));
    let _ = writeln!(out, "{}", line.trim_end());
}

/// A failed step: what was expected, the end of its output, and how to see more.
fn failure(
    out: &mut String,
    report: &Report,
    step: &StepReport,
    paint: &dyn Paint,
    tail: &mut dyn FnMut(&StepReport, &AttemptReport) -> Vec<String>,
) {
    let Some(last) = step.attempts.last() else { return };
    let _ =
        writeln!(out, "\n{} {}", paint.paint(Tone::Bad, "✗"), paint.paint(Tone::Strong, &step.id));
    for check in step.checks.iter().filter(|c| c.status == "failed") {
        let _ = writeln!(out, "  {}: expected {}", check.what, printable(&check.expected));
        let _ = writeln!(
            out,
            "  {}  observed {}",
            " ".repeat(check.what.chars().count()),
            printable(&check.observed)
        );
    }
    if step.checks.iter().all(|c| c.status != "failed") {
        let _ = writeln!(out, "  {}", printable(last.detail.as_deref().unwrap_or("failed")));
    }
    if let Some(why) = &last.bad_output {
        let _ = writeln!(out, "  {}", printable(why));
    }
    for leak in &last.leaked {
        let fate = if leak.survived { "could not be ended" } else { "was ended" };
        let _ =
            writeln!(out, "  left behind: {} {}, which {fate}", leak.pid, printable(&leak.command));
    }
    for output in tail(step, last) {
        let _ = writeln!(out, "  {} {}", paint.paint(Tone::Faint, "│"), printable(&output));
    }
    let more = format!("  ostler runs log {} {}", report.run, step.id);
    let _ = writeln!(out, "{}", paint.paint(Tone::Faint, &more));
}

fn summary(out: &mut String, report: &Report, paint: &dyn Paint) {
    let (word, tone) = match report.status {
        RunStatus::Passed => ("passed", Tone::Good),
        RunStatus::PassedWithFailures => ("passed with failures", Tone::Warn),
        RunStatus::Failed => ("failed", Tone::Bad),
        RunStatus::Cancelled => ("cancelled", Tone::Warn),
        RunStatus::Blocked => ("blocked", Tone::Bad),
        RunStatus::Refused => ("refused", Tone::Bad),
        RunStatus::Waiting => ("waits for somebody", Tone::Warn),
        RunStatus::Running => ("running", Tone::Strong),
    };
    let mut counts: Vec<(String, usize)> = Vec::new();
    for step in report.steps.iter().chain(&report.finally) {
        let what = if step.taken_over.is_some() { "taken over" } else { &step.status };
        match counts.iter_mut().find(|(status, _)| status == what) {
            Some((_, count)) => *count += 1,
            None => counts.push((what.to_owned(), 1)),
        }
    }
    let counts: Vec<String> =
        counts.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let retries = report.retries.as_ref().map(|run| format!(", retries {run}")).unwrap_or_default();
    let run = format!("run {}{retries}", report.run);
    let reason = report.reason.as_ref().map(|r| format!(": {}", printable(r))).unwrap_or_default();
    let _ = writeln!(
        out,
        "\n{} {}{reason}  {}",
        paint.paint(Tone::Strong, &report.workflow),
        paint.paint(tone, word),
        paint.paint(Tone::Faint, &format!("({}; {run})", counts.join(", "))),
    );
    for step in report.steps.iter().chain(&report.finally).filter(|s| s.status == "asked") {
        let _ = writeln!(out, "  ostler step show {} {}", report.run, step.id);
    }
    if report.owes_finally && report.status == RunStatus::Running {
        let _ = writeln!(out, "  its `finally` steps are owed: ostler runs resume {}", report.run);
    }
}
