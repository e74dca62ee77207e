//! The claims of a run as somebody saw them: what, how, expected, observed, where.

use std::fmt::Write as _;

use super::Context;
use crate::ops::{Claim, Claims, Standing};
use crate::report::lines::one_line;
use crate::report::{Paint, Tone};

impl Context {
    pub(super) fn claims(&self, all: &Claims) {
        let mut out = format!("\nlooked at again by {}\n", one_line(&all.by.to_string()));
        for claim in &all.claims {
            self.claim(&mut out, claim);
        }
        let counts = [
            (Standing::Holds, "as claimed"),
            (Standing::Broken, "no longer so"),
            (Standing::Attested, "attested"),
            (Standing::Unchecked, "not checkable again"),
            (Standing::Refused, "refused"),
        ];
        let counts = counts.iter().filter_map(|(standing, what)| {
            let count = all.claims.iter().filter(|claim| claim.standing == *standing).count();
            (count > 0).then(|| format!("{count} {what}"))
        });
        let counts: Vec<String> = counts.collect();
        let none = "there is nothing to look at: no step has passed";
        let counts = if counts.is_empty() { none.to_owned() } else { counts.join(", ") };
        let _ = writeln!(out, "\n{counts}");
        self.print(&out);
    }

    fn claim(&self, out: &mut String, claim: &Claim) {
        let (sign, tone, word) = match claim.standing {
            Standing::Holds => ("✓", Tone::Good, "as claimed"),
            Standing::Broken => ("✗", Tone::Bad, "no longer so"),
            Standing::Attested => ("·", Tone::Faint, "attested, in words only"),
            Standing::Unchecked => ("-", Tone::Faint, "not checkable again"),
            Standing::Refused => ("✗", Tone::Bad, "refused"),
        };
        let step = claim.step.as_deref().unwrap_or("the run");
        let hand = if claim.independent == Some(false) { ", by the same hand" } else { "" };
        let (sign, what) = (self.out.paint(tone, sign), self.out.paint(tone, word));
        let _ = writeln!(out, "\n{sign} {step}  {what}{hand}");
        let mut row = |label: &str, text: &str| {
            let label = self.out.paint(Tone::Faint, &format!("{label:8}"));
            let _ = writeln!(out, "  {label}  {}", one_line(text));
        };
        claim.statement.iter().for_each(|text| row("claim", text));
        claim.claimed_by.iter().for_each(|actor| row("by", &actor.to_string()));
        claim.why.iter().for_each(|text| row("why", text));
        if !claim.checks.is_empty() {
            row("where", claim.host.as_deref().unwrap_or("here"));
        }
        for (name, value) in &claim.with {
            row("with", &format!("{name} = {value}"));
        }
        let root = format!("{}/", self.workspace.root.display());
        let mut how = "";
        for look in &claim.checks {
            if look.how != how {
                how = &look.how;
                row("how", how);
            }
            let sign = if look.check.passed { "" } else { "✗ " };
            let what = look.check.what.replace(&root, "");
            row("expected", &format!("{what}: {}", look.check.expected));
            row("observed", &format!("{sign}{}", look.check.observed));
        }
    }
}
