//! A call: another verb, run as a step in a run of its own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::At;
use crate::ids::{Name, WorkflowId};

/// A verb that a step calls, and what it is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// The verb.
    pub verb: At<WorkflowId>,
    /// Its params: plain values, and texts that may hold placeholders.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub params: Vec<(At<Name>, At<Value>)>,
    /// Whether a run that passed with failures is a pass of the step.
    #[serde(default)]
    pub lenient: bool,
}
