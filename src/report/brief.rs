//! What whoever steps a run is told: a stub until the real one is merged.

use schemars::JsonSchema;
use serde::Serialize;

/// What is to be done next.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Brief {}

impl Brief {
    /// The same in words.
    pub fn text(&self) -> String {
        String::new()
    }
}
