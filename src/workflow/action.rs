//! What a step does, as its author wrote it.

use serde::{Deserialize, Serialize};

use super::{Call, Expect, Millis};
use crate::diagnostic::{At, Place};

/// What a step runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Shell text.
    Cmd(String),
    /// A script file and nothing else; params arrive as `OSTLER_PARAM_NAME`.
    Script(String),
    /// A program and its arguments, without a shell.
    Argv(Vec<At<String>>),
    /// Several commands, each with a result of its own.
    Checks(Vec<Check>),
    /// Nothing but waiting until something holds.
    Wait(Wait),
    /// Another verb, in a run of its own.
    Call(Call),
    /// Files and folders brought to a place.
    Copy(Copy),
    /// A restart of the step's host.
    Reboot(Reboot),
}

impl Action {
    /// Its shell text; `place` is its own.
    pub fn scripts(&self, place: Place) -> Vec<At<String>> {
        match self {
            Self::Cmd(text) => vec![At { value: text.clone(), place }],
            Self::Checks(checks) => checks.iter().map(|check| check.cmd.clone()).collect(),
            Self::Wait(Wait { until: Until::Passes(text), .. }) => vec![text.clone()],
            Self::Reboot(reboot) => reboot.cmd.iter().cloned().collect(),
            Self::Script(_) | Self::Argv(_) | Self::Wait(_) | Self::Copy(_) | Self::Call(_) => {
                Vec::new()
            }
        }
    }

    /// Whether it does no harm to do it again where it may have been done: what the engine does itself sees that.
    pub fn may_be_repeated(&self) -> bool {
        matches!(self, Self::Wait(_) | Self::Copy(_) | Self::Reboot(_))
    }

    /// The texts that become one value each, words of `argv` aside; `place` is its own.
    pub fn values(&self, place: Place) -> Vec<At<String>> {
        match self {
            Self::Script(path) => vec![At { value: path.clone(), place }],
            Self::Wait(Wait { until: Until::Answers(port), .. }) => vec![port.clone()],
            Self::Call(call) => call.texts(),
            Self::Copy(copy) => vec![copy.from.clone(), copy.to.clone()],
            Self::Cmd(_) | Self::Argv(_) | Self::Checks(_) | Self::Wait(_) | Self::Reboot(_) => {
                Vec::new()
            }
        }
    }
}

/// Waiting until something holds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Wait {
    /// What is waited for.
    pub until: Until,
    /// The time between two tries.
    pub every: Millis,
    /// How long it must hold without a break; none if once is enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stays: Option<Millis>,
    /// When it has waited long enough in vain; without one, the step's `timeout`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Millis>,
}

impl Wait {
    /// The time between two tries where nobody says.
    pub const EVERY: Millis = Millis(2_000);
}

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Until {
    /// Shell text exits with 0.
    Passes(At<String>),
    /// Somebody listens at a port: `host:port`, or the port alone.
    Answers(At<String>),
    /// A time is over.
    Over(Millis),
}

/// One of several checks of a step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name in the report.
    pub name: At<String>,
    /// Shell text.
    pub cmd: At<String>,
    /// What a pass is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<At<Expect>>,
}

/// Files and folders brought to a place. A path that begins with [`Copy::THERE`] is the step's host's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Copy {
    /// What is copied.
    pub from: At<String>,
    /// What the copy is called.
    pub to: At<String>,
    /// Whether folders above it are made.
    #[serde(default)]
    pub parents: bool,
}

impl Copy {
    /// What stands before a path of the step's host.
    pub const THERE: &str = "host:";
}

/// A restart of the step's host.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Reboot {
    /// Shell text that orders it; without it, what the host's system has for that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cmd: Option<At<String>>,
    /// How long it may take until the host is back.
    pub deadline: Millis,
}

impl Reboot {
    /// How long it may take where nobody says.
    pub const DEADLINE: Millis = Millis(600_000);
}
