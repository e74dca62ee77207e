//! In whose hands the steps of a run are, in words.

use std::fmt::Write as _;

use super::Context;
use crate::ops::{Hands, Held};
use crate::report::lines::one_line;
use crate::report::{Paint, Tone};
use crate::workflow::Millis;

/// How many steps are named.
const NAMED: usize = 3;

/// Until when somebody holds a step, from now.
fn left(held: &Held) -> String {
    let ms = held.until.since(crate::exec::now());
    // To the second, to the minute where there are many: nobody needs more.
    let ms = if ms >= 120_000 { ms / 60_000 * 60_000 } else { ms / 1_000 * 1_000 };
    if ms == 0 { "whose time is over".to_owned() } else { format!("for {} more", Millis(ms)) }
}

fn few(all: &[String]) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
    let others = all.len().saturating_sub(NAMED);
    if others == 0 { named } else { format!("{named} and {others} more") }
}

/// In a few words, for a row of a list.
pub(super) fn short(hands: &Hands) -> String {
    let held = hands.held.iter().map(|held| format!("{} by {}", held.step, held.by));
    let held: Vec<String> = held.collect();
    let open: Vec<String> = hands.offered.iter().chain(&hands.asked).cloned().collect();
    let mut text = String::new();
    for (what, steps) in [("held: ", held), ("open: ", open)] {
        if !steps.is_empty() {
            let _ = write!(text, "  {what}{}", few(&steps));
        }
    }
    text
}

impl Context {
    /// A run that is stepped through: who holds what, what is open, and how one goes on with it.
    pub(super) fn in_hands(&self, verb: &str, run: &str, hands: &Hands) -> String {
        let line = |tone: Tone, sign: &str, what: &str| {
            let (sign, what) = (self.out.paint(tone, sign), self.out.paint(tone, what));
            format!("  {sign} {verb} {what}\n")
        };
        let mut lines: Vec<String> = Vec::new();
        for held in hands.held.iter().take(NAMED) {
            let what = format!("is held by {}: {}, {}", held.by, held.step, left(held));
            lines.push(line(Tone::Strong, "▸", &what));
        }
        let others = hands.held.len().saturating_sub(NAMED);
        if others > 0 {
            lines.push(line(Tone::Strong, "▸", &format!("is held: {others} more steps")));
        }
        let open: Vec<String> = hands.offered.iter().chain(&hands.asked).cloned().collect();
        if !open.is_empty() {
            let what = format!("waits for somebody: {}", few(&open));
            lines.push(line(Tone::Warn, "!", &what));
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
