//! What the engine does itself, ready to be done: copying, rebooting.

use serde::{Deserialize, Serialize};

use super::Shell;
use crate::expr::Template;
use crate::expr::template::Placeholder;
use crate::workflow::Millis;

/// Files and folders brought to a place.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// What is copied.
    pub from: End,
    /// What the copy is called.
    pub to: End,
    /// Whether folders above it are made.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parents: bool,
}

/// One end of a copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct End {
    /// Whether it is on the step's host, and not here.
    #[serde(rename = "host", default, skip_serializing_if = "std::ops::Not::not")]
    pub there: bool,
    /// The path.
    pub path: Template,
}

impl End {
    fn shown(&self) -> String {
        let there = if self.there { crate::workflow::Copy::THERE } else { "" };
        format!("{there}{}", self.path.shown())
    }
}

impl Copy {
    /// What is copied, with placeholders as they were written, for people.
    pub fn shown(&self) -> String {
        format!("copy {} to {}", self.from.shown(), self.to.shown())
    }

    pub(super) fn placeholders(&self) -> Vec<&Placeholder> {
        self.from.path.placeholders().chain(self.to.path.placeholders()).collect()
    }
}

/// A restart of the step's host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reboot {
    /// What orders it; none for what the host's system has for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<Shell>,
    /// How long it may take until the host is back.
    #[serde(rename = "deadline_ms")]
    pub deadline: Millis,
}

impl Reboot {
    /// What orders it, for people.
    pub fn shown(&self) -> String {
        self.cmd
            .as_ref()
            .map_or_else(|| "reboot".to_owned(), |cmd| format!("reboot by {}", cmd.shown()))
    }
}
