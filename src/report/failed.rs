//! A failed step: what it ran, what was expected, the end of its output, and how to see more.

use std::fmt::Write as _;

use super::lines::{self, columns, cut, one_line};
use super::output::FAILED;
use super::text::output;
use super::{Look, Report, StepReport, Tone};
use crate::diagnostic::printable;
use crate::plan::quoted;
use crate::run::NoConnection;
use crate::value::readable;

/// How many columns of a value are shown.
const VALUE: usize = 60;

/// Says why a step failed.
pub(super) fn failed(out: &mut String, report: &Report, step: &StepReport, look: &Look<'_>) {
    let paint = look.paint;
    let _ =
        writeln!(out, "{} {}", paint.paint(Tone::Bad, "✗"), paint.paint(Tone::Strong, &step.id));
    let Some(last) = step.attempts.last() else {
        let why = step.reason.as_deref().unwrap_or("it failed without an attempt");
        let _ = writeln!(out, "  {}", printable(why));
        return;
    };
    command(out, step, look);
    let mut checks = step.checks.iter().filter(|c| c.status == "failed").peekable();
    if checks.peek().is_none() && last.bad_output.is_none() {
        let _ = writeln!(out, "  {}", printable(last.detail.as_deref().unwrap_or("it failed")));
    }
    for check in checks {
        let what = printable(&check.what);
        let gap = " ".repeat(columns(&what));
        let _ = writeln!(out, "  {what}: expected {}", one_line(&check.expected));
        let _ = writeln!(out, "  {gap}  observed {}", one_line(&check.observed));
    }
    let obstacle =
        NoConnection::ALL.into_iter().find(|why| last.outcome.as_deref() == Some(why.name()));
    if let Some(way) = obstacle.and_then(NoConnection::way_out) {
        let _ = writeln!(out, "  {way}");
    }
    for why in last.bad_output.iter().flat_map(|all| all.lines()) {
        let _ = writeln!(out, "  {}", printable(why));
    }
    for leak in &last.leaked {
        let fate = if leak.survived { "could not be ended" } else { "was ended" };
        let _ =
            writeln!(out, "  left behind: {} {}, which {fate}", leak.pid, printable(&leak.command));
    }
    ["stdout", "stderr"].iter().for_each(|stream| output(out, step, stream, FAILED, look));
    let more = format!("  ostler runs log {} {}", report.run, quoted(&step.id));
    let _ = writeln!(out, "{}", paint.paint(Tone::Faint, &more));
}

/// What a step ran, as it was written, and the values it was handed.
fn command(out: &mut String, step: &StepReport, look: &Look<'_>) {
    let Some(text) = &step.command else { return };
    for (nth, line) in lines::command(text).iter().enumerate() {
        let sign = look.paint.paint(Tone::Faint, if nth == 0 { "$" } else { " " });
        let _ = writeln!(out, "  {sign} {line}");
    }
    for (name, value) in &step.with {
        let value = cut(&printable(&readable(value)), VALUE);
        let line = format!("    {name} = {value}");
        let _ = writeln!(out, "{}", look.paint.paint(Tone::Faint, &line));
    }
}
