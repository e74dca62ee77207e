//! What a step was expected to be, and what it was.

use schemars::JsonSchema;
use serde::Serialize;

use super::lines::one_line;
use crate::run::Check;

/// One expectation.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckReport {
    /// What was looked at.
    pub what: String,
    /// What would have passed.
    pub expected: String,
    /// What was there.
    pub observed: String,
    /// `passed` or `failed`.
    pub status: String,
}

impl CheckReport {
    pub(crate) fn of(check: &Check) -> Self {
        Self {
            what: check.what.clone(),
            expected: check.expected.clone(),
            observed: check.observed.clone(),
            status: if check.passed { "passed" } else { "failed" }.to_owned(),
        }
    }

    /// What was there instead of what would have passed, if it failed.
    pub(crate) fn unmet(&self) -> Option<String> {
        let Self { what, expected, observed, status } = self;
        let unmet = || format!("{what}: expected {expected}, observed {observed}");
        (status == "failed").then(|| one_line(&unmet()))
    }
}
