//! One line of a run's log: what happened, when, by whom, and after what.

use serde::{Deserialize, Serialize};

use super::event::Event;
use crate::ids::RunId;
use crate::value::Time;

/// The version of the schema that this program writes. Version 1 had no `step_taken_over`, 2 no `step_expanded`, and 3 no
/// remarks and no leases.
pub const VERSION: u32 = 4;

/// One line of a run's log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// The schema's version.
    pub v: u32,
    /// The run.
    pub run: RunId,
    /// Its place in the log, from 0.
    pub seq: u64,
    /// The SHA-256 of the line before with its newline, in hexadecimal; 64 zeros for the first.
    pub prev: String,
    /// When it was recorded.
    pub at: Time,
    /// Who recorded it.
    pub actor: Actor,
    /// What caused it: the `seq` of an earlier record, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<u64>,
    /// What happened.
    pub event: Event,
}

/// Who acts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// What kind of actor.
    pub kind: ActorKind,
    /// Its name, such as `user@host`.
    pub name: String,
}

impl Actor {
    /// The agent's name, if it is one.
    pub fn agent(&self) -> Option<&str> {
        (self.kind == ActorKind::Agent).then_some(self.name.as_str())
    }
}

impl std::fmt::Display for Actor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.kind {
            ActorKind::Agent => write!(f, "agent {}", self.name),
            ActorKind::Engine | ActorKind::Human => f.write_str(&self.name),
        }
    }
}

/// What kind of actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// The engine.
    Engine,
    /// A person.
    Human,
    /// An agent.
    Agent,
}
