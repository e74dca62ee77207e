//! Steps in somebody's hands: who holds one until when, what is open to whoever takes it, and how one goes on.

use schemars::JsonSchema;
use serde::Serialize;

use super::lines::one_line;
use super::{ActorReport, Report, StepReport};
use crate::run::Node;

/// The lease under which somebody does a step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct LeaseReport {
    /// Who holds it.
    pub by: ActorReport,
    /// Its fencing token.
    pub token: u64,
    /// Since when.
    pub since: String,
    /// Until when, unless it is renewed or the step is reported before.
    pub until: String,
}

impl LeaseReport {
    pub(super) fn of(node: &Node) -> Option<Self> {
        let lease = node.lease.as_ref()?;
        Some(Self {
            by: ActorReport::of(&lease.by),
            token: lease.token,
            since: lease.since.to_string(),
            until: lease.until.to_string(),
        })
    }
}

impl StepReport {
    /// In whose hands it is, in words.
    pub(crate) fn hands(&self) -> Option<String> {
        match &self.lease {
            Some(lease) => {
                Some(format!("held by {} until {}", lease.by.shown(), moment(&lease.until)))
            }
            None => (self.offered && self.status == "ready").then(|| "open to take".to_owned()),
        }
    }

    /// What it is about, if somebody can take it or say what became of it.
    pub(super) fn open(&self) -> Option<String> {
        let is_open = self.status == "asked" || self.offered;
        let about = self.question().or(self.action.as_deref()).or(self.command.as_deref());
        let about = about.map(|text| format!(": {}", one_line(text))).unwrap_or_default();
        is_open.then(|| format!("{}{about}", self.id))
    }
}

impl Report {
    /// Whether it waits for those who step through it.
    pub(super) fn is_open(&self) -> bool {
        self.stepped && !self.status.is_final()
    }

    /// The command by which one goes on with it.
    pub(super) fn way_on(&self) -> String {
        format!("ostler step next {}", self.run)
    }
}

/// A moment to the second, as people write it.
fn moment(at: &str) -> String {
    let second = at.split_once('.').map_or(at, |(second, _)| second);
    format!("{} UTC", second.replace('T', " "))
}
