//! The report for people: a line a step, what its last steps said, and how it ended.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::claims::{against, way_out};
use super::failed::failed;
use super::lines::{columns, cut, one_line};
use super::output::{LETTERS, Output, last_lines};
use super::{Report, StepReport, head, step};
use crate::diagnostic::printable;
use crate::plan::quoted;
use crate::run::{Check, Node, Run, RunStatus, State};
use crate::value::readable;
use crate::workflow::Millis;

/// The widest that the names of steps may make their column.
const NAMES: usize = 40;
/// So many steps that were skipped for the same reason get a line each; more are counted.
pub const SKIPPED: usize = 10;
/// So many steps are said to be open; more are counted.
const OPEN: usize = 10;
/// How many lines are shown of what a step wrote that passed.
const OUTPUT: usize = 20;

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

/// How much is said of what went well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// Nothing but how the run ended.
    Quiet,
    /// A line a step, and what the last steps wrote.
    #[default]
    Usual,
    /// All that every step wrote.
    Verbose,
}

/// How a report is shown.
pub struct Look<'l> {
    /// Its colours.
    pub paint: &'l dyn Paint,
    /// How many columns a line may take; none: as many as it needs.
    pub width: Option<usize>,
    /// How much is said of what went well.
    pub detail: Detail,
    /// Gives the end of what an attempt wrote.
    pub output: Output<'l>,
}

/// The report as text, without the lines of steps that the reader has seen: `said` has
/// these and the states in which they were shown. Of many steps, one at a time is looked at.
pub fn text(run: &Run, look: &Look<'_>, said: &BTreeMap<String, String>) -> String {
    let mut out = String::new();
    let head = head(run);
    against(&mut out, run, look.paint);
    for warning in &head.warnings {
        let _ = writeln!(out, "{} {}", look.paint.paint(Tone::Warn, "!"), printable(warning));
    }
    if look.detail != Detail::Quiet {
        let names = run.nodes().iter().map(|node| columns(&node.instance.to_string()));
        let width = names.max().unwrap_or(0);
        lines(&mut out, run, false, width, look, said);
        let mut finally = String::new();
        lines(&mut finally, run, true, width, look, said);
        if !finally.is_empty() {
            let _ = writeln!(out, "{}\n{finally}", look.paint.paint(Tone::Faint, "finally"));
            out.pop();
        }
    }
    let parted = |out: &mut String| {
        if !out.is_empty() || !said.is_empty() {
            out.push('\n');
        }
    };
    for node in run.leaves().filter(|node| node.state == State::Failed) {
        parted(&mut out);
        failed(&mut out, &head, &step(run, node), look);
    }
    parted(&mut out);
    summary(&mut out, run, &head, look.paint);
    out
}

/// A line for each step, of `finally` or not, that was not seen yet; of many that were skipped alike, one for all.
fn lines(
    out: &mut String,
    run: &Run,
    finally: bool,
    width: usize,
    look: &Look<'_>,
    said: &BTreeMap<String, String>,
) {
    let nodes = || run.in_order(finally);
    let mut alike: BTreeMap<&Option<String>, usize> = BTreeMap::new();
    for node in nodes().filter(|node| node.state == State::Skipped) {
        *alike.entry(&node.reason).or_default() += 1;
    }
    let followed = run.plan().followed();
    for node in nodes() {
        let id = node.instance.to_string();
        if said.get(&id).is_some_and(|state| state == node.state.name()) {
            continue;
        }
        if node.state == State::Skipped
            && let Some(count) = alike.get_mut(&node.reason).filter(|count| **count > SKIPPED)
        {
            if *count < usize::MAX {
                let why = node.reason.as_ref().map(|why| format!(", {why}")).unwrap_or_default();
                let text = format!("- {count} steps  skipped{}", printable(&why));
                let _ = writeln!(out, "{}", look.paint.paint(Tone::Faint, &text));
            }
            // Said once.
            *count = usize::MAX;
            continue;
        }
        out.push_str(&entry(
            &step(run, node),
            width,
            !followed.contains(&node.instance.step),
            look,
        ));
    }
}

/// A step's line and, if it is one of the last or all is wanted, what it wrote.
pub fn entry(step: &StepReport, width: usize, last: bool, look: &Look<'_>) -> String {
    let mut out = line(step, width, look) + "\n";
    let streams: &[&str] = match look.detail {
        Detail::Verbose => &["stdout", "stderr"],
        Detail::Usual if last && step.status == "passed" => &["stdout"],
        _ => &[],
    };
    for stream in streams {
        let limit = if look.detail == Detail::Verbose { usize::MAX } else { OUTPUT };
        output(&mut out, step, stream, limit, look);
    }
    out
}

/// Shows the last lines of what a step wrote.
pub(super) fn output(
    out: &mut String,
    step: &StepReport,
    stream: &str,
    limit: usize,
    look: &Look<'_>,
) {
    // The cause of a failure may stand anywhere in its lines.
    let width = look.width.filter(|_| step.status != "failed");
    let room = width.map_or(usize::MAX, |width| width.saturating_sub(4));
    let (before, lines) = last_lines(step, stream, limit, LETTERS, look.output);
    let bar = look.paint.paint(Tone::Faint, "│");
    if before > 0 {
        let what = format!("… {before} earlier line{}", if before == 1 { "" } else { "s" });
        let _ = writeln!(out, "  {bar} {}", look.paint.paint(Tone::Faint, &what));
    }
    for line in lines {
        let line = printable(&line.replace('\t', "    "));
        let _ = writeln!(out, "  {bar} {}", cut(&line, room));
    }
}

/// A step's sign and its tone.
pub(super) fn sign(status: &str) -> (&'static str, Tone) {
    match status {
        "passed" | "recovered" => ("✓", Tone::Good),
        "failed" => ("✗", Tone::Bad),
        "delayed" => ("↻", Tone::Warn),
        "asked" | "unsure" => ("?", Tone::Warn),
        "unproven" => ("~", Tone::Warn),
        "running" | "held" => ("▸", Tone::Strong),
        "cancelled" => ("■", Tone::Warn),
        _ => ("-", Tone::Faint),
    }
}

/// What became of a step, in a line; `width` is that of the longest name beside it.
fn line(step: &StepReport, width: usize, look: &Look<'_>) -> String {
    let (sign, tone) = sign(&step.status);
    let last = step.attempts.last();
    let mut more = Vec::new();
    match step.status.as_str() {
        "passed" => {}
        "delayed" => more.push("tries again".to_owned()),
        status => more.push(step.hands().unwrap_or_else(|| status.to_owned())),
    }
    let answered = step.answered();
    let nobody = last.is_some_and(|a| a.by.is_none());
    match (answered, more.pop()) {
        // Nobody was asked: that is why, and no answer.
        (Some(why), Some(status)) if nobody => more.push(format!("{status}: {why}")),
        (answered, status) => {
            more.extend(status);
            more.extend(answered.map(str::to_owned));
        }
    }
    let took: Vec<u64> = step.attempts.iter().filter_map(|a| a.duration_ms).collect();
    if !took.is_empty() && answered.is_none() {
        more.push(Millis(took.iter().sum()).to_string());
    }
    if step.attempts.len() > 1 {
        more.push(format!("{} attempts", step.attempts.len()));
    }
    if answered.is_none() && (step.status == "failed" || step.status == "delayed") {
        let failed = || step.checks.iter().filter(|c| c.status == "failed").map(|c| &c.what);
        // How a command or a wait ended says something, unless it was as expected and something else was not.
        let ended = |what: &&String| Check::ENDS.contains(&what.as_str());
        let others: Vec<&str> = failed().filter(|w| !ended(w)).map(String::as_str).collect();
        if others.is_empty() || failed().any(|what| ended(&what)) {
            more.extend(last.and_then(|a| a.detail.clone()));
        }
        if !others.is_empty() {
            more.push(format!("{} not as expected", others.join(", ")));
        }
        if last.is_some_and(|a| a.bad_output.is_some()) {
            more.push("outputs refused".to_owned());
        }
    }
    // Of one that failed, its cause names it.
    let called = last.and_then(|a| a.called.as_ref()).filter(|_| step.status != "failed");
    more.extend(called.map(|called| format!("run {}", called.run)));
    let asks = step.question().filter(|_| step.status == "asked");
    more.extend(asks.or(step.why()).map(str::to_owned));
    if last.is_some_and(|a| !a.leaked.is_empty()) {
        more.push("left processes behind".to_owned());
    }
    more.extend(step.verified());
    let gap = width.min(NAMES).saturating_sub(columns(&step.id)) + 2;
    let more = printable(&more.join(", ").replace('\n', " "));
    let room = look.width.map(|all| all.saturating_sub(columns(&step.id) + gap + 2));
    let more = room.map_or(more.clone(), |room| cut(&more, room));
    let (sign, more) = (look.paint.paint(tone, sign), look.paint.paint(Tone::Faint, &more));
    format!("{sign} {}{}{more}", step.id, " ".repeat(gap)).trim_end().to_owned()
}

/// What became of a run, in words.
pub(super) fn words(status: RunStatus) -> (&'static str, Tone) {
    match status {
        RunStatus::Passed => ("passed", Tone::Good),
        RunStatus::PassedWithFailures => ("passed with failures", Tone::Warn),
        RunStatus::Failed => ("failed", Tone::Bad),
        RunStatus::Cancelled => ("cancelled", Tone::Warn),
        RunStatus::Blocked => ("blocked", Tone::Bad),
        RunStatus::Refused => ("refused", Tone::Bad),
        RunStatus::Waiting => ("waits for somebody", Tone::Warn),
        RunStatus::Running => ("running", Tone::Strong),
    }
}

impl Report {
    /// What became of it, in words. Whoever steps through it need not be a person.
    pub(super) fn words(&self) -> (&'static str, Tone) {
        let waits = self.status == RunStatus::Waiting && self.vetoes.is_empty();
        match words(self.status) {
            (_, tone) if waits && self.is_open() => ("is open", tone),
            words => words,
        }
    }
}

/// How many steps are in each state: its name, and whether they were taken over.
pub(super) fn counts<'s>(steps: impl Iterator<Item = (&'s str, bool)>) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for (status, taken_over) in steps {
        let what = if taken_over { "taken over" } else { status };
        match counts.iter_mut().find(|(status, _)| *status == what) {
            Some((_, count)) => *count += 1,
            None => counts.push((what, 1)),
        }
    }
    let each = counts.iter().map(|(status, count)| format!("{count} {status}"));
    each.collect::<Vec<_>>().join(", ")
}

/// What somebody is asked, and how it is answered.
fn asked(out: &mut String, report: &Report, step: &StepReport, paint: &dyn Paint) {
    let question = step.question().map(|text| format!(": {}", one_line(text)));
    let (sign, question) = (paint.paint(Tone::Warn, "?"), question.unwrap_or_default());
    let _ = writeln!(out, "  {sign} {}{question}", step.id);
    let mut command = |words: &str| {
        let _ = writeln!(out, "    {}", paint.paint(Tone::Faint, words));
    };
    if step.note.is_some() {
        command(&format!("ostler step show {} {}", report.run, quoted(&step.id)));
    }
    let answers = step.answers.join("|");
    command(&format!("ostler step answer {} {} {answers}", report.run, quoted(&step.id)));
}

/// Of a run that is stepped through, what is open, and how one goes on.
fn open(out: &mut String, run: &Run, report: &Report, paint: &dyn Paint) {
    let open: Vec<String> = run.nodes().iter().filter_map(|node| step(run, node).open()).collect();
    for what in open.iter().take(OPEN) {
        let _ = writeln!(out, "  {} {}", paint.paint(Tone::Warn, "?"), printable(what));
    }
    if open.len() > OPEN {
        let _ = writeln!(out, "  and {} more", open.len() - OPEN);
    }
    let _ = writeln!(out, "    {}", paint.paint(Tone::Faint, &report.way_on()));
}

fn summary(out: &mut String, run: &Run, report: &Report, paint: &dyn Paint) {
    let (word, tone) = report.words();
    let counts = counts(run.leaves().map(|n| (n.state.name(), n.taken_over.is_some())));
    let took = report.duration_ms.map(|ms| format!("{}; ", Millis(ms))).unwrap_or_default();
    let retries = report.retries.as_ref().map(|run| format!(", retries {run}"));
    let parent = report.parent.as_ref();
    let parent = parent.map(|from| format!(", called by {} of run {}", from.step, from.run));
    let links = [retries, parent].map(Option::unwrap_or_default).concat();
    let held = report.vetoes.first().filter(|_| !report.status.is_final());
    let held = held.map(|veto| format!("vetoed {}", veto.says()));
    let reason = report.reason.as_ref().map(|reason| printable(reason)).or(held);
    let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
    let _ = writeln!(
        out,
        "{} {}{reason}  {}",
        paint.paint(Tone::Strong, &report.workflow),
        paint.paint(tone, word),
        paint.paint(Tone::Faint, &format!("({counts}; {took}run {}{links})", report.run)),
    );
    for (name, value) in &report.outputs {
        let line = format!("  {name} = {}", one_line(&readable(value)));
        let _ = writeln!(out, "{}", paint.paint(Tone::Faint, &line));
    }
    if let Some(task) = &report.task {
        let _ =
            writeln!(out, "{}", paint.paint(Tone::Faint, &format!("  for: {}", one_line(task))));
    }
    for clause in report.clauses() {
        let _ = writeln!(out, "{}", paint.paint(Tone::Faint, &format!("  {}", clause.says())));
    }
    way_out(out, run, paint);
    if report.is_open() {
        open(out, run, report, paint);
    }
    let asked_about = |node: &&Node| node.state == State::Asked && !report.stepped;
    for node in run.nodes().iter().filter(asked_about) {
        asked(out, report, &step(run, node), paint);
    }
    let again = [RunStatus::Failed, RunStatus::PassedWithFailures, RunStatus::Cancelled];
    if again.contains(&report.status) {
        let again = format!("  ostler runs retry {} --failed", report.run);
        let _ = writeln!(out, "{}", paint.paint(Tone::Faint, &again));
    }
    if report.owes_finally && report.status == RunStatus::Running {
        let _ = writeln!(out, "  its `finally` steps are owed: ostler runs resume {}", report.run);
    }
}
