//! The shapes of `copy` and `reboot`.

use schemars::JsonSchema;

use super::scalars::{Shown, Span, Truth};

/// Files brought to a place; a path with `host:` before it is the step's host's, any other is this machine's.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Copy {
    /// The file or folder that is copied.
    from: Shown,
    /// What the copy is called: its whole name, not a folder that it is put into.
    to: Shown,
    /// Whether the folders above it are made.
    #[schemars(extend("default" = false))]
    parents: Option<bool>,
}

/// A restart of the step's host, and that it is back.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum Reboot {
    /// By what the host's system has for that.
    Plain(Truth),
    /// With more said of it.
    Table {
        /// Shell text that orders it, instead of `systemctl reboot` or its like.
        cmd: Option<Shown>,
        /// How long it may take until the host is back.
        #[schemars(extend("default" = "10m"))]
        deadline: Option<Span>,
    },
}
