//! What a machine must have.

use serde::{Deserialize, Serialize};

/// What the machine must have for a step to be tried at all.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Requires {
    /// Operating systems, one of which it must be (`linux`, `freebsd`, …).
    pub os: Vec<String>,
    /// Architectures, one of which it must be (`x86_64`, `aarch64`, …).
    pub arch: Vec<String>,
    /// Programs, all of which must be found.
    pub tools: Vec<String>,
}

impl Requires {
    /// Whether any machine will do.
    pub fn is_empty(&self) -> bool {
        self.os.is_empty() && self.arch.is_empty() && self.tools.is_empty()
    }
}
