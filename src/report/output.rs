//! The end of what a step wrote, in lines.

use super::StepReport;

/// How many letters of a line are shown where no terminal says.
pub(super) const LETTERS: usize = 400;
/// How many lines are shown of what a failed step wrote, of each stream.
pub(super) const FAILED: usize = 15;

/// Gives the end of what an attempt wrote: of which step, which attempt, and `stdout` or `stderr`.
pub type Output<'o> = &'o dyn Fn(&StepReport, u32, &str) -> Vec<u8>;

/// The last lines of a stream of a step's last attempt, at most so many of so many letters, and how many are before.
/// They are as they were written: what they hold may act on a terminal.
pub(super) fn last_lines(
    step: &StepReport,
    stream: &str,
    limit: usize,
    letters: usize,
    output: Output<'_>,
) -> (usize, Vec<String>) {
    let Some(attempt) = step.attempts.last() else { return (0, Vec::new()) };
    let bytes = output(step, attempt.n, stream);
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let before = lines.len().saturating_sub(limit);
    let shown = lines[before..].iter().map(|line| line.chars().take(letters).collect());
    (before, shown.collect())
}

/// The last lines of both streams of a failed step.
pub(super) fn both(step: &StepReport, output: Output<'_>) -> Vec<String> {
    let streams = ["stdout", "stderr"].into_iter();
    streams.flat_map(|stream| last_lines(step, stream, FAILED, LETTERS, output).1).collect()
}
