//! The report as Markdown, for pages such as GitHub's step summary: a table, and details of what failed.

use std::fmt::Write as _;

use super::lines::one_line;
use super::output::{Output, both};
use super::text::{counts, sign, words};
use super::{Report, StepReport};
use crate::diagnostic::printable;
use crate::plan::quoted;
use crate::workflow::Millis;

/// The report as Markdown. What a run wrote stays text there: it makes no table, tag, link or fence.
pub fn markdown(report: &Report, output: Output<'_>) -> String {
    let steps = || report.steps.iter().chain(&report.finally);
    let (word, _) = words(report.status);
    let mut out = format!("## `{}` {word}\n\n", report.workflow);
    for veto in &report.vetoes {
        let _ = writeln!(out, "**VETO** {}\n", text(&veto.says()));
    }
    if let Some(reason) = &report.reason {
        let _ = writeln!(out, "{}\n", text(reason));
    }
    let statuses = steps().map(|s| (s.status.as_str(), s.taken_over.is_some()));
    let _ = writeln!(out, "Run `{}`: {}\n", report.run, counts(statuses));
    if let Some(task) = &report.task {
        let _ = writeln!(out, "For: {}\n", text(task));
    }
    let broken: Vec<String> = steps().filter_map(StepReport::broken).collect();
    for warning in broken.iter().chain(&report.warnings) {
        let _ = writeln!(out, "- ! {}", text(warning));
    }
    if !broken.is_empty() || !report.warnings.is_empty() {
        out.push('\n');
    }
    out.push_str("| | step | status | time | |\n| --- | --- | --- | ---: | --- |\n");
    report.steps.iter().for_each(|step| row(&mut out, step, ""));
    report.finally.iter().for_each(|step| row(&mut out, step, "finally: "));
    let mut clauses = report.clauses().peekable();
    if clauses.peek().is_some() {
        out.push('\n');
    }
    clauses.for_each(|clause| {
        let _ = writeln!(out, "- {}", text(&clause.says()));
    });
    if report.is_open() {
        let _ = writeln!(out, "\nIt goes on with `{}`", report.way_on());
    }
    for step in steps().filter(|step| step.status == "failed") {
        details(&mut out, report, step, output);
    }
    out
}

fn row(out: &mut String, step: &StepReport, part: &str) {
    let (sign, _) = sign(&step.status);
    let took: u64 = step.attempts.iter().filter_map(|attempt| attempt.duration_ms).sum();
    let took = if step.attempts.is_empty() { String::new() } else { Millis(took).to_string() };
    let mut more: Vec<String> = Vec::new();
    if step.attempts.len() > 1 {
        more.push(format!("{} attempts", step.attempts.len()));
    }
    if step.status == "failed" {
        more.push(text(&step.cause()));
    } else {
        more.extend(step.answered().map(text));
    }
    more.extend(step.why().map(text));
    more.extend(step.hands().map(|hands| text(&hands)));
    more.extend(step.verified().as_deref().map(text));
    more.dedup();
    let more = more.join(", ");
    let _ = writeln!(out, "| {sign} | {part}`{}` | {} | {took} | {more} |", step.id, step.status);
}

/// A failed step: what was expected, and the end of its output.
fn details(out: &mut String, report: &Report, step: &StepReport, output: Output<'_>) {
    let _ = writeln!(out, "\n<details open>\n<summary>✗ {}</summary>\n", step.id);
    if let Some(command) = &step.command {
        let lines: Vec<String> = command.trim().lines().map(printable).collect();
        let fence = fence(&lines);
        let _ = writeln!(out, "{fence}sh\n{}\n{fence}\n", lines.join("\n"));
    }
    for check in step.checks.iter().filter(|check| check.status == "failed") {
        let _ = writeln!(out, "- {}", text(&check.what));
        let _ = writeln!(out, "  - expected: {}", text(&check.expected));
        let _ = writeln!(out, "  - observed: {}", text(&check.observed));
    }
    let refused = step.attempts.last().and_then(|attempt| attempt.bad_output.as_deref());
    if refused.is_none() && step.checks.iter().all(|check| check.status != "failed") {
        let _ = writeln!(out, "- {}", text(&step.cause()));
    }
    for why in refused.iter().flat_map(|all| all.lines()) {
        let _ = writeln!(out, "- {}", text(why));
    }
    if !step.attempts.is_empty() {
        let lines: Vec<String> = both(step, output).iter().map(|line| printable(line)).collect();
        if !lines.is_empty() {
            let fence = fence(&lines);
            let _ = writeln!(out, "\n{fence}text\n{}\n{fence}", lines.join("\n"));
        }
    }
    let _ = writeln!(out, "\n`ostler runs log {} {}`\n\n</details>", report.run, quoted(&step.id));
}

/// A fence that none of these lines can close.
fn fence(lines: &[String]) -> String {
    let runs = lines.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len);
    "`".repeat(runs.max().unwrap_or(0).max(2) + 1)
}

/// A text in one line in which no sign means anything.
fn text(text: &str) -> String {
    let mut out = String::new();
    for c in one_line(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // An address is a link wherever it stands, unless its signs are broken up.
            ':' => out.push_str("&#58;"),
            '.' => out.push_str("&#46;"),
            '@' => out.push_str("&#64;"),
            c if c.is_ascii_punctuation() && !matches!(c, ',' | ';' | '/' | '%' | '\'') => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_within() {
        let lines = |all: &[&str]| all.iter().map(|l| (*l).to_owned()).collect::<Vec<_>>();
        assert_eq!(fence(&lines(&["plain"])), "```");
        assert_eq!(fence(&lines(&["```", "a ````` b"])), "``````");
    }

    #[test]
    fn no_sign_means_anything() {
        assert_eq!(text("a|b\n<i> `x` [l](u)"), "a\\|b⏎&lt;i&gt; \\`x\\` \\[l\\]\\(u\\)");
        assert_eq!(text("www.x.org @me"), "www&#46;x&#46;org &#64;me");
    }
}
