//! Waiting, ready to run.

use serde::{Deserialize, Serialize};

use super::Shell;
use crate::expr::Template;
use crate::expr::template::Placeholder;
use crate::workflow::Millis;

/// Waiting until something holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// What is waited for.
    pub until: Until,
    /// The time between two tries.
    #[serde(rename = "every_ms")]
    pub every: Millis,
    /// How long it must hold without a break; none if once is enough.
    #[serde(rename = "stays_ms", default, skip_serializing_if = "Option::is_none")]
    pub stays: Option<Millis>,
    /// When it has waited long enough in vain; without one, the step's deadline.
    #[serde(rename = "deadline_ms", default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Millis>,
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// A command exits with 0.
    Passes(Shell),
    /// Somebody listens at a port.
    Answers(Template),
    /// A time is over.
    Over(Millis),
}

impl Wait {
    /// What is waited for, with placeholders as they were written, for people.
    pub fn shown(&self) -> String {
        let what = match &self.until {
            Until::Passes(shell) => format!("wait until {}", shell.shown()),
            Until::Answers(port) => format!("wait until {} answers", port.shown()),
            Until::Over(span) => return format!("wait {span}"),
        };
        let stays = self.stays.map(|stays| format!(", stays {stays}")).unwrap_or_default();
        format!("{what}{stays}")
    }

    pub(super) fn placeholders(&self) -> Vec<&Placeholder> {
        match &self.until {
            Until::Passes(shell) => shell.values.iter().collect(),
            Until::Answers(port) => port.placeholders().collect(),
            Until::Over(_) => Vec::new(),
        }
    }
}
