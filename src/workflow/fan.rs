//! Where a step runs, and over what it fans out.

use serde::{Deserialize, Serialize};

use crate::diagnostic::At;
use crate::ids::Name;

/// The name that means this machine where a host is asked for.
pub const LOCAL: &str = "local";

/// The machine that a step runs on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostRef {
    /// A host of the fleet by its name, which may hold placeholders; or `local`.
    Named(String),
    /// A machine that is in no fleet, such as one that an earlier step acquired.
    Lease(Box<Lease>),
}

/// How a machine is reached that is in no fleet. All of it may hold placeholders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Its address.
    pub address: At<String>,
    /// Its port; 22 unless the user's configuration says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<At<String>>,
    /// Who logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<At<String>>,
    /// The public key it must show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<At<String>>,
}

impl Lease {
    /// Its texts.
    pub fn texts(&self) -> impl Iterator<Item = &At<String>> {
        [Some(&self.address), self.port.as_ref(), self.user.as_ref(), self.host_key.as_ref()]
            .into_iter()
            .flatten()
    }
}

/// One instance of a step for each of several items.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForEach {
    /// The items; none where the step has `hosts`, which then are the items.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<At<Items>>,
    /// What the item is called in placeholders and conditions.
    #[serde(rename = "as")]
    pub name: At<Name>,
    /// How many instances may be under way at once; none for as many as there is room for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How many instances must pass before the others start.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub canary: u32,
    /// How many instances start together and end before the next ones start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// How many failures there may be before no further instance starts; none for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u32>,
    /// Whether having no items is a pass.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub allow_empty: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "what serde asks for")]
fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// What is fanned out over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    /// These, which may hold placeholders.
    Each(Vec<At<String>>),
    /// A text that is one placeholder, whose value is a list.
    Of(String),
}

/// How many instances are a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Batch {
    /// So many.
    Count(u32),
    /// This share of all, rounded up, from 1 to 100.
    Percent(u32),
}

impl Batch {
    /// How many that is of `all`, at least one.
    pub fn of(self, all: usize) -> usize {
        match self {
            Self::Count(n) => (n as usize).max(1),
            Self::Percent(share) => (all * share as usize).div_ceil(100).max(1),
        }
    }
}
