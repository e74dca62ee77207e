//! A run as the fold of its events: `apply` changes it, `decide` says what to do next. Pure; it reads no clock.
#![deny(clippy::disallowed_methods)]

mod apply;
mod attest;
mod claim;
mod decide;
pub mod event;
mod fan;
mod flow;
mod interrupt;
mod lease;
mod lend;
mod linked;
mod locks;
mod node;
pub mod outcome;
mod place;
mod probes;
mod record;
mod rehearsal;
mod reset;
mod retry;
mod state;
mod status;
mod variables;
mod veto;

pub use apply::IllegalEvent;
pub use attest::Attestation;
pub use claim::{Claim, Look, Recheck, Seen, can_be_repeated};
pub use decide::{Command, Room};
pub use event::{Answer, Event, Probe, Said, Trigger};
pub use fan::Item;
pub use lease::{Lease, Parting, may_do};
pub use linked::{Called, Parent};
pub use node::{Attempt, Node, State, TakenOver};
pub use outcome::{Check, Ending, Interruption, Leak, NoConnection, Outcome, Stream};
pub use place::host_field;
pub use record::{Actor, ActorKind, Record, VERSION};
pub use rehearsal::{Rehearsal, rehearse, settled};
pub use state::Run;
pub use status::RunStatus;
pub use veto::{Veto, fold_vetoes};
