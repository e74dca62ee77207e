//! The shapes of where a step runs and over what it fans out.

use schemars::JsonSchema;

use super::scalars::{Items, Name, Share, Text};

/// The machine that something runs on.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum HostRef {
    /// A host of the fleet by its name, which may hold placeholders; or `local`, which is this machine.
    Named(#[schemars(regex(pattern = "\\S"), extend("examples" = ["web1"]))] String),
    /// A machine that is in no fleet, such as one that an earlier step acquired.
    Lease(Lease),
}

/// How a machine is reached that is in no fleet; all of it may hold placeholders.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Lease {
    /// Its address.
    address: Text,
    /// Its port.
    port: Option<NumberOrText>,
    /// Who logs in there.
    user: Option<Text>,
    /// The public key it must show, such as `ssh-ed25519 AAAA…`.
    host_key: Option<Text>,
}

/// A number, or a text with a placeholder.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum NumberOrText {
    /// As it is.
    Number(#[schemars(range(min = 0))] u32),
    /// With a placeholder.
    Text(Text),
}

/// The items, or a table that also says how many of them at once.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum ForEach {
    /// One placeholder whose value is a list.
    Of(Items),
    /// The items themselves.
    Each(Vec<NumberOrText>),
    /// More precisely.
    Table(ForEachTable),
}

/// Over what a step fans out, and how.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct ForEachTable {
    /// The items: a list, or one placeholder whose value is a list. A step with `hosts` has those.
    items: Option<ItemList>,
    /// What the item is called in placeholders and conditions.
    #[schemars(rename = "as", extend("default" = "item"))]
    name: Option<Name>,
    /// How many instances may be under way at once; as many as there is room for unless given.
    #[schemars(range(min = 1))]
    concurrency: Option<u32>,
    /// How many instances go first, and must pass before any other starts.
    #[schemars(extend("default" = 0))]
    canary: Option<u32>,
    /// How many instances start together, and end before the next ones start: a number, or a share such as `25%`.
    batch: Option<Batch>,
    /// How many failures there may be before no further instance starts: a number, or `all`.
    #[schemars(extend("default" = 0))]
    max_failures: Option<MaxFailures>,
    /// Whether having no items at all is a pass.
    #[schemars(extend("default" = false))]
    allow_empty: Option<bool>,
}

/// What is fanned out over.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum ItemList {
    /// One placeholder whose value is a list.
    Of(Items),
    /// The items themselves.
    Each(Vec<NumberOrText>),
}

/// How many instances are a batch.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Batch {
    /// So many.
    Count(#[schemars(range(min = 1))] u32),
    /// A share of all.
    Share(Share),
}

/// How many failures are borne.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum MaxFailures {
    /// So many.
    Count(u32),
    /// Any number.
    All(super::scalars::AllWord),
}
