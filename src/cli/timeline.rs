//! A run's events as people read them: when, what, which step, and what came of it.

use serde_json::Value;

use super::hands::handed;
use super::list::when;
use crate::diagnostic::printable;
use crate::report::lines::one_line;
use crate::run::{Event, Probe, Record};
use crate::workflow::Millis;

/// The lines of a log, each with the time since the first.
pub(super) fn timeline(lines: &[Vec<u8>]) -> String {
    let records: Vec<Record> =
        lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect();
    let Some(first) = records.first() else { return String::new() };
    let row = |record: &Record| {
        let event = serde_json::to_value(&record.event).unwrap_or_default();
        let text = |name: &str| event.get(name).and_then(Value::as_str).map(one_line);
        let what = text("type").unwrap_or_default().replace('_', " ");
        let step = text("step").unwrap_or_default();
        let more = match &record.event {
            Event::StepFinished { ending, .. } => ending.outcome.to_string(),
            Event::RunOpened { task, .. } => {
                let task = task.as_ref().map(|task| format!(", for: {}", one_line(task)));
                when(record.at) + &task.unwrap_or_default()
            }
            Event::StepAnswered { .. } => {
                let answer = text("answer").unwrap_or_default();
                handed(record).map(|(_, by)| format!("{answer} {by}")).unwrap_or(answer)
            }
            Event::ClaimChecked(recheck) => {
                let seen = if recheck.passed { "holds" } else { "no longer so" };
                format!("{seen}, as {} saw", record.actor)
            }
            Event::ProbeStarted { probe } => asked(probe),
            Event::ProbeFinished { probe, outcome } => format!("{}: {outcome}", asked(probe)),
            Event::RunFinished { status, reason, .. } => {
                let reason = reason.as_ref().map(|why| format!(": {}", one_line(why)));
                format!("{}{}", status.name().replace('_', " "), reason.unwrap_or_default())
            }
            Event::Attested { clause, note } => {
                let note = note.as_ref().map(|note| format!(": {}", one_line(note)));
                format!("{clause}, by {}{}", record.actor, note.unwrap_or_default())
            }
            Event::Vetoed { note } | Event::VetoLifted { note, .. } => {
                format!("{}: {}", record.actor, one_line(note))
            }
            Event::StepTaken { .. } => {
                let says = handed(record).unwrap_or_default().1;
                says.trim_start_matches("taken ").to_owned()
            }
            _ if handed(record).is_some() => handed(record).unwrap_or_default().1,
            _ => text("reason").or_else(|| text("answer")).unwrap_or_default(),
        };
        let since = Millis(record.at.since(first.at)).to_string();
        let line = format!("{since:>8}  {what:18}  {step:16}  {}", printable(&more));
        format!("{}\n", line.trim_end())
    };
    records.iter().map(row).collect()
}

/// Which question is asked.
fn asked(probe: &Probe) -> String {
    match probe {
        Probe::Guard(id) => format!("guard {id}"),
        Probe::Converge(_) => "whether it has converged".to_owned(),
        Probe::Step(step) => format!("whether {step} was done"),
    }
}
