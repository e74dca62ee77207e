//! A call: another verb, run as a step in a run of its own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::{At, Place};
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

impl Call {
    /// The texts among what it is given, those in lists too.
    pub fn texts(&self) -> Vec<At<String>> {
        let mut found = Vec::new();
        let mut todo: Vec<(&Value, Place)> =
            self.params.iter().rev().map(|(_, value)| (&value.value, value.place)).collect();
        while let Some((value, place)) = todo.pop() {
            match value {
                Value::String(text) => found.push(At { value: text.clone(), place }),
                Value::Array(all) => todo.extend(all.iter().rev().map(|one| (one, place))),
                _ => {}
            }
        }
        found
    }
}
