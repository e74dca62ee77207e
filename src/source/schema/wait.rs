//! The shape of `wait`.

use schemars::JsonSchema;

use super::scalars::{PortNumber, Shown, Span, Text};

/// What is waited for. Without a `deadline`, the step's `timeout` is it; one of the two must be given, unless it is a time.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum Wait {
    /// Shell text that exits with 0.
    Until {
        /// Shell text, tried until it exits with 0.
        until: Shown,
        /// The time between two tries.
        #[schemars(extend("default" = "2s"))]
        every: Option<Span>,
        /// How long it must hold without a break.
        stays: Option<Span>,
        /// When it has waited long enough in vain.
        deadline: Option<Span>,
    },
    /// A port that answers, tried from this machine.
    Port {
        /// The port, of this machine, or of another one as `host:port`.
        port: Port,
        /// The time between two tries.
        #[schemars(extend("default" = "2s"))]
        every: Option<Span>,
        /// How long it must hold without a break.
        stays: Option<Span>,
        /// When it has waited long enough in vain.
        deadline: Option<Span>,
    },
    /// A time.
    Duration {
        /// How long.
        duration: Span,
    },
}

/// A port.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Port {
    /// Its number.
    Number(PortNumber),
    /// With its machine.
    Text(Text),
}
