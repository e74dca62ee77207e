//! Looking at runs: how they go, what their steps wrote, what was recorded.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::Args;
use super::caller::Caller;
use super::failure::Failure;
use super::tools::Said;
use crate::diagnostic::printable;
use crate::ids::RunId;
use crate::ops::{self, Engine, Hands, Listed, Wanted};
use crate::report::data::{between, shown};
use crate::report::{self, Detail, Look, Plain, Report, StepReport};
use crate::run::Run;
use crate::store::Store;

/// How many runs are listed.
pub(super) const LATEST: u32 = 20;
/// How many steps have a line; of more, those that need a look.
const STEPS: usize = 100;
/// How many bytes these lines have.
const ROOM: usize = 32 * 1024;
/// How many bytes a piece of a log has.
const PIECE: u64 = 8 * 1024;

/// Says how a run goes, or which there are.
pub(super) fn status(caller: &Caller<'_>, args: &Args) -> Said {
    let Some(named) = args.text("run") else { return latest(caller) };
    let store = caller.workspace.existing_store()?;
    let journal = store.load(&ops::run_named(&store, named)?)?;
    let run = journal.run();
    let report = report::report(run);
    let mut out = head(run, &report);
    if !ops::is_moving(run) {
        out.push_str("its engine died: a person resumes it\n");
    }
    let all: Vec<&StepReport> = report.steps.iter().chain(&report.finally).collect();
    let many = all.len() > STEPS;
    let quiet = |s: &StepReport| ["passed", "skipped", "pending"].contains(&s.status.as_str());
    let some = all.iter().filter(|step| !(many && quiet(step))).take(STEPS);
    let lines: Vec<String> = some.map(|step| line(step)).collect();
    let text = shown(lines.concat().as_bytes(), ROOM, false).text;
    let _ = writeln!(out, "{}", between(&nonce()?, "", text.trim_end()));
    if lines.len() < all.len() {
        let _ = writeln!(out, "{} more steps are not shown", all.len() - lines.len());
    }
    Ok(out)
}

/// A run in a line, and what its steps are.
fn head(run: &Run, report: &Report) -> String {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for node in run.leaves() {
        let name = node.state.name();
        match counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name, 1)),
        }
    }
    let counts: Vec<String> =
        counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
    let status = report.status.name().replace('_', " ");
    let mut out = format!(
        "{} of run {}: {status} ({}), opened {} by {}\n",
        report.workflow,
        report.run,
        counts.join(", "),
        report.started_at,
        report.actor.shown()
    );
    for veto in &report.vetoes {
        let _ = writeln!(out, "VETO {}", veto.says());
    }
    for clause in report.clauses() {
        let _ = writeln!(out, "{}", clause.says());
    }
    for why in report.reason.iter().chain(&report.warnings) {
        let _ = writeln!(out, "{why}");
    }
    printable(&out)
}

/// A step in a line, and if it failed why.
fn line(step: &StepReport) -> String {
    let nothing = |_: &StepReport, _: u32, _: &str| Vec::new();
    let look = Look { paint: &Plain, width: None, detail: Detail::Quiet, output: &nothing };
    let mut line = report::entry(step, 0, false, &look);
    if step.status == "failed" && !step.checks.is_empty() {
        let _ = writeln!(line, "  {}", step.cause());
    }
    line
}

fn latest(caller: &Caller<'_>) -> Said {
    let runs = ops::list(&caller.workspace, &Wanted { limit: LATEST, ..Wanted::default() })?;
    if runs.is_empty() {
        return Ok("No run yet: `start` opens one.".to_owned());
    }
    Ok(printable(&runs.iter().map(listed).collect::<String>()))
}

fn listed(run: &Listed) -> String {
    let Listed { summary, engine, hands, given } = run;
    let status = match engine {
        Some(Engine::Dead) => "its engine died".to_owned(),
        _ => summary.status.name().replace('_', " "),
    };
    let given = given.iter().map(|(name, value)| {
        let value: String = crate::value::readable(value).chars().take(80).collect();
        format!(" {name}={value}")
    });
    let given: String = given.collect();
    let hands = hands.iter().flat_map(Hands::short).map(|what| format!("; {what}"));
    let hands: String = hands.collect();
    let (id, verb, at) = (&summary.id, &summary.workflow, summary.opened_at);
    format!("{id} {verb}: {status}, opened {at}{given}{hands}\n")
}

/// Reads on in a log.
pub(super) fn log(caller: &Caller<'_>, args: &Args) -> Said {
    let store = caller.workspace.existing_store()?;
    let run = ops::run_named(&store, args.needed("run"))?;
    let from: u64 = args.whole("offset").unwrap_or(0);
    let most: u64 = args.whole("limit").unwrap_or(PIECE);
    match args.text("step") {
        Some(step) => output(&store, &run, step, args, (from, most)),
        None => events(&store, &run, (from, most)),
    }
}

/// A piece of what a step wrote.
fn output(store: &Store, run: &RunId, step: &str, args: &Args, (from, most): (u64, u64)) -> Said {
    let n = ops::attempt(store, run, step, args.whole("attempt"))?;
    let stream = args.text("stream").unwrap_or("stdout");
    let piece = ops::output_from(store, run, (step, n, stream), from, most);
    let from = from.min(piece.whole);
    let end = from + piece.bytes.len() as u64;
    let room = usize::try_from(most).unwrap_or(usize::MAX);
    let found = shown(&piece.bytes, room, end < piece.whole);
    let end = from + found.taken as u64;
    let other = if stream == "stdout" { "stderr" } else { "stdout" };
    let other_size = ops::output_from(store, run, (step, n, other), 0, 0).whole;
    let mut out = format!("{step}, attempt {n} of run {run}: ");
    let _ = match piece.whole {
        0 => writeln!(out, "nothing on {stream}"),
        whole => writeln!(out, "bytes {from} to {end} of {whole} on {stream}"),
    };
    if other_size > 0 {
        let _ = writeln!(out, "on {other} there are {other_size} bytes: stream = {other}");
    }
    if !found.text.is_empty() {
        let _ = writeln!(out, "{}", between(&nonce()?, "", &found.text));
    }
    out.push_str(&go_on(end, piece.whole));
    Ok(out)
}

/// Some of what was recorded, a line each; counted by record.
fn events(store: &Store, run: &RunId, (from, most): (u64, u64)) -> Said {
    let lines = store.lines(run)?;
    let (whole, room) = (lines.len() as u64, usize::try_from(most).unwrap_or(usize::MAX));
    let (mut text, mut end) = (String::new(), from.min(whole));
    for line in lines.iter().skip(usize::try_from(from).unwrap_or(usize::MAX)) {
        let event = event(line);
        if !text.is_empty() && text.len() + event.len() > room {
            break;
        }
        let piece = shown(event.as_bytes(), room, false);
        text.push_str(&piece.text);
        text.push_str(if piece.taken < event.len() { " …\n" } else { "\n" });
        end += 1;
    }
    let mut out = format!("records {} to {end} of {whole} of run {run}\n", from.min(end));
    let _ = writeln!(out, "{}", between(&nonce()?, "", text.trim_end()));
    out.push_str(&go_on(end, whole));
    Ok(out)
}

/// A record without what only its proof needs.
fn event(line: &[u8]) -> String {
    let record: Value = serde_json::from_slice(line).unwrap_or_default();
    let mut short =
        json!({ "seq": record["seq"], "at": record["at"], "by": record["actor"]["name"] });
    if let (Value::Object(short), Value::Object(event)) = (&mut short, &record["event"]) {
        short.extend(event.clone());
    }
    short.to_string()
}

/// How to go on.
fn go_on(end: u64, whole: u64) -> String {
    if end < whole { format!("there is more: offset = {end}\n") } else { String::new() }
}

/// A word that nobody knows before.
fn nonce() -> Result<String, Failure> {
    let mut bytes = [0; 8];
    let failed = |error| Failure::new(format!("no random numbers: {error}"));
    getrandom::fill(&mut bytes).map_err(failed)?;
    Ok(crate::plan::hex(&bytes))
}
