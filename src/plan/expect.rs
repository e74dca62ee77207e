//! What is expected of a command, and checks that are commands, with their placeholders found.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Action, Shell, Step};
use crate::expr::Template;
use crate::expr::template::Placeholder;
use crate::workflow::Expect;

/// One of several checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What it runs.
    pub run: Shell,
    /// What a pass is beyond exit 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<Expectation>,
}

/// An expectation with its placeholders found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expectation {
    /// What was written.
    pub that: Expect,
    /// The paths of `that.file`, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<Template>,
    /// The paths of `that.unchanged`, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unchanged: Vec<Template>,
    /// What the texts are that something is compared with, by how they were written; those that are as written are not
    /// here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub texts: BTreeMap<String, Template>,
}

impl Expectation {
    /// The placeholders in it.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        let texts = self.files.iter().chain(&self.unchanged).chain(self.texts.values());
        texts.flat_map(Template::placeholders)
    }
}

impl Step {
    /// What is expected of what it runs, of each of its checks and of its `verify`.
    pub fn expectations(&self) -> impl Iterator<Item = &Expectation> {
        let checks = match &self.run {
            Some(Action::Checks(checks)) => checks.as_slice(),
            _ => &[],
        };
        let checks = checks.iter().chain(&self.verify);
        self.expect.iter().chain(checks.filter_map(|check| check.expect.as_ref()))
    }
}
