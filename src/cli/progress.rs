//! What is said while a run goes on: one line for each end, on standard error.

use super::terminal::Terminal;
use crate::report::{Paint, Tone};
use crate::run::{Event, Probe, Record, Run, State};
use crate::workflow::Millis;

/// Says what a record means to somebody who watches; nothing for most.
pub(super) fn line(record: &Record, run: &Run, to: &Terminal) -> Option<String> {
    let text = match &record.event {
        Event::RunOpened { .. } => to.paint(Tone::Faint, &format!("run {}", record.run)),
        Event::StepFinished { step, attempt, ending } => {
            let node = run.node(step)?;
            let started = node.attempts.iter().find(|a| a.n == *attempt).and_then(|a| a.started_at);
            let took = started.map_or(String::new(), |at| Millis(record.at.since(at)).to_string());
            let (sign, what) = if ending.passed {
                (to.paint(Tone::Good, "✓"), took)
            } else {
                let again =
                    if matches!(node.state, State::Delayed(_)) { ", will retry" } else { "" };
                (to.paint(Tone::Bad, "✗"), format!("{}, {took}{again}", ending.outcome))
            };
            format!("{sign} {step}  {}", to.paint(Tone::Faint, &what))
        }
        Event::StepTakenOver { step, from } => {
            let what = to.paint(Tone::Faint, &format!("passed in run {}", from.run));
            format!("{} {step}  {what}", to.paint(Tone::Good, "✓"))
        }
        Event::StepInterrupted { step, cause, .. } => {
            let outcome = crate::run::Outcome::Interrupted { cause: *cause };
            format!("{} {step}  interrupted: {outcome}", to.paint(Tone::Warn, "!"))
        }
        Event::StepAsked { step, reason } => {
            format!("{} {step}  asked: {reason}", to.paint(Tone::Warn, "?"))
        }
        Event::ProbeFinished { probe: Probe::Guard(id), outcome }
            if outcome.exit_code() != Some(0) =>
        {
            format!("{} guard {id}  {outcome}", to.paint(Tone::Warn, "!"))
        }
        Event::ConvergeReset { iteration, steps } => {
            format!(
                "{} iteration {iteration}: {} steps again",
                to.paint(Tone::Strong, "↻"),
                steps.len()
            )
        }
        Event::CancelRequested { by } => {
            format!(
                "{} cancelled by {by}: ending what runs, then `finally`",
                to.paint(Tone::Warn, "■")
            )
        }
        Event::DeadlinePassed { after_ms } => {
            let after = Millis(*after_ms);
            format!("{} the deadline of {after} passed: ending what runs", to.paint(Tone::Bad, "■"))
        }
        _ => return None,
    };
    Some(text)
}
