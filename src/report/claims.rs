//! What others say of a run: vetoes, and claims that were looked at again.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use super::lines::one_line;
use super::{CheckReport, Paint, StepReport, Tone};
use crate::run::{Actor, ActorKind, Look, Node, Run, Seen, Veto};

/// Who acts.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct ActorReport {
    /// `human`, `agent` or `engine`.
    pub kind: &'static str,
    /// Their name.
    pub name: String,
}

impl ActorReport {
    pub(crate) fn of(actor: &Actor) -> Self {
        let kind = match actor.kind {
            ActorKind::Engine => "engine",
            ActorKind::Human => "human",
            ActorKind::Agent => "agent",
        };
        Self { kind, name: actor.name.clone() }
    }

    /// Their name, and whether it is that of an agent.
    pub(crate) fn shown(&self) -> String {
        let name = one_line(&self.name);
        if self.kind == "agent" { format!("agent {name}") } else { name }
    }
}

/// A veto that stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VetoReport {
    /// The number of its record.
    pub record: u64,
    /// Whose it is.
    pub by: ActorReport,
    /// Since when.
    pub at: String,
    /// Why.
    pub note: String,
}

impl VetoReport {
    pub(super) fn of(veto: &Veto) -> Self {
        let (by, at) = (ActorReport::of(&veto.by), veto.at.to_string());
        Self { record: veto.record, by, at, note: veto.note.clone() }
    }

    /// Whose it is and why, in a line.
    pub(crate) fn says(&self) -> String {
        format!("by {}: {}", self.by.shown(), one_line(&self.note))
    }
}

/// That somebody looked again at what a step claims.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RecheckReport {
    /// Who looked.
    pub by: ActorReport,
    /// Who claims it.
    pub claimed_by: ActorReport,
    /// Whether these two are not the same.
    pub independent: bool,
    /// When.
    pub at: String,
    /// The attempt whose pass it is.
    pub attempt: u32,
    /// The host where it was looked at; none for this machine.
    pub host: Option<String>,
    /// Whether all of it was as it was claimed.
    pub passed: bool,
    /// What was looked at.
    pub checks: Vec<LookReport>,
}

/// One look at a claim.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LookReport {
    /// How: the command, or that a file is looked at.
    pub how: String,
    /// What was expected and observed.
    #[serde(flatten)]
    pub check: CheckReport,
}

impl RecheckReport {
    fn of(seen: &Seen) -> Self {
        let recheck = &seen.recheck;
        let look =
            |look: &Look| LookReport { how: look.how.clone(), check: CheckReport::of(&look.check) };
        Self {
            by: ActorReport::of(&seen.by),
            claimed_by: ActorReport::of(&recheck.claimed_by),
            independent: seen.is_independent(),
            at: seen.at.to_string(),
            attempt: recheck.attempt,
            host: recheck.host.clone(),
            passed: recheck.passed,
            checks: recheck.checks.iter().map(look).collect(),
        }
    }
}

/// Who looked again at what a node claims now.
pub(super) fn rechecks(node: &Node) -> Vec<RecheckReport> {
    node.rechecks().map(RecheckReport::of).collect()
}

impl StepReport {
    /// Who saw last whether it is as it was claimed, in a few words.
    pub(crate) fn verified(&self) -> Option<String> {
        let last = self.rechecks.last()?;
        let by = last.by.shown();
        Some(match (last.passed, last.independent) {
            (true, true) => format!("verified by {by}"),
            (true, false) => format!("looked at again by the same hand, {by}"),
            (false, _) => format!("no longer so, as {by} saw"),
        })
    }

    /// Why it is not as it was claimed any more, if somebody saw that.
    pub(super) fn broken(&self) -> Option<String> {
        let last = self.rechecks.last().filter(|last| !last.passed)?;
        let failed = last.checks.iter().find_map(|look| look.check.unmet());
        let cause = one_line(&failed.map(|unmet| format!(": {unmet}")).unwrap_or_default());
        Some(format!("`{}` is no longer so, as {} saw{cause}", self.id, last.by.shown()))
    }
}

/// Says first what others say against a run.
pub(super) fn against(out: &mut String, run: &Run, paint: &dyn Paint) {
    for veto in run.vetoes().iter().map(VetoReport::of) {
        let line = paint.paint(Tone::Bad, &format!("✗ VETO {}", veto.says()));
        let _ = writeln!(out, "{line}");
    }
    for node in run.leaves().filter(|node| !node.still_holds()) {
        if let Some(why) = super::step(run, node).broken() {
            let _ = writeln!(out, "{} {why}", paint.paint(Tone::Bad, "✗"));
        }
    }
}

/// How vetoes are lifted, if any stand.
pub(super) fn way_out(out: &mut String, run: &Run, paint: &dyn Paint) {
    if !run.vetoes().is_empty() {
        let lift = format!("  ostler runs veto {} --lift --note WHY", run.id());
        let _ = writeln!(out, "{}", paint.paint(Tone::Faint, &lift));
    }
}
