//! In whose hands the steps of a run are, in words.

use super::Context;
use super::list::when;
use crate::ops::{Hands, Held, few};
use crate::report::lines::one_line;
use crate::report::{Paint, Tone};
use crate::run::{Event, Parting, Record};
use crate::workflow::Millis;

/// Whether what happened to a lease is told to those who watch: what the engine does with a step speaks for itself.
pub(super) fn told(event: &Event) -> bool {
    match event {
        // What was reported and is no end is followed by another attempt.
        Event::StepTaken { .. } | Event::StepReported { .. } | Event::Refused { .. } => true,
        Event::LeaseEnded { how, .. } => *how != Parting::HandedOver,
        _ => false,
    }
}

/// What somebody did who steps through a run: with which step, and what.
pub(super) fn handed(record: &Record) -> Option<(String, String)> {
    let by = one_line(&record.actor.to_string());
    let noted = |note: &Option<String>| {
        note.as_ref().map(|note| format!(": {}", one_line(note))).unwrap_or_default()
    };
    let (step, says) = match &record.event {
        Event::StepTaken { step, until, .. } => {
            (step, format!("taken by {by} until {}", when(*until)))
        }
        Event::LeaseRenewed { step, until, .. } => {
            (step, format!("still held by {by}, until {}", when(*until)))
        }
        Event::LeaseEnded { step, how, note, .. } => {
            let how = match how {
                Parting::Released => format!("given back by {by}"),
                Parting::Expired => "its lease is over: whoever held it did not report".to_owned(),
                Parting::Revoked => format!("taken from its holder by {by}"),
                Parting::HandedOver => format!("given to the engine by {by}"),
            };
            (step, how + &noted(note))
        }
        Event::StepHandedOver { step } => (step, format!("given to the engine by {by}")),
        Event::StepReported { step, said, note, .. } => {
            (step, format!("{} by {by}{}", said.name(), noted(note)))
        }
        Event::StepAnswered { step, note, .. } => (step, format!("by {by}{}", noted(note))),
        Event::Refused { what, step, reason, .. } => {
            return Some((one_line(step), format!("{what} by {by} refused: {}", one_line(reason))));
        }
        _ => return None,
    };
    Some((step.to_string(), says))
}

/// Until when somebody holds a step, from now.
fn left(held: &Held) -> String {
    let ms = held.until.since(crate::exec::now());
    // To the second, to the minute where there are many: nobody needs more.
    let ms = if ms >= 120_000 { ms / 60_000 * 60_000 } else { ms / 1_000 * 1_000 };
    if ms == 0 { "whose time is over".to_owned() } else { format!("for {} more", Millis(ms)) }
}

impl Context {
    /// A run that is stepped through: who holds what, what is open, and how one goes on with it.
    pub(super) fn in_hands(&self, verb: &str, run: &str, hands: &Hands) -> String {
        let line = |tone: Tone, sign: &str, what: &str| {
            let (sign, what) = (self.out.paint(tone, sign), self.out.paint(tone, what));
            format!("  {sign} {verb} {what}\n")
        };
        let mut lines: Vec<String> = Vec::new();
        for held in hands.held.iter().take(Hands::NAMED) {
            let what = format!("is held by {}: {}, {}", held.by.shown(), held.step, left(held));
            lines.push(line(Tone::Strong, "▸", &what));
        }
        let others = hands.held.len().saturating_sub(Hands::NAMED);
        if others > 0 {
            lines.push(line(Tone::Strong, "▸", &format!("is held: {others} more steps")));
        }
        let open = hands.open();
        if !open.is_empty() {
            lines.push(line(Tone::Warn, "!", &format!("is open: {}", few(&open))));
        }
        if lines.is_empty() {
            lines.push(line(Tone::Warn, "!", "waits"));
        }
        let task = hands.task.iter().map(|task| format!("for: {}", one_line(task)));
        let words = task.chain([format!("ostler step next {run}")]);
        let more = |text: String| format!("      {}\n", self.out.paint(Tone::Faint, &text));
        lines.into_iter().chain(words.map(more)).collect()
    }
}
