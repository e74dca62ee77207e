//! In whose hands the steps of a run are, in words.

use super::Context;
use crate::ops::{Hands, Held, few};
use crate::report::lines::one_line;
use crate::report::{Paint, Tone};
use crate::workflow::Millis;

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
            let what = format!("is held by {}: {}, {}", held.by, held.step, left(held));
            lines.push(line(Tone::Strong, "▸", &what));
        }
        let others = hands.held.len().saturating_sub(Hands::NAMED);
        if others > 0 {
            lines.push(line(Tone::Strong, "▸", &format!("is held: {others} more steps")));
        }
        let open = hands.open();
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
