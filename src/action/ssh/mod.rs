//! Commands on other machines: lines over the system's `ssh`, each with a guard at its end that runs them at most once.
//!
//! *Invariant:* what is not known to have ended there is never taken for ended, and nothing starts there twice.

mod ask;
mod connect;
mod folder;
mod hosts;
mod line;
mod marked;
mod quote;
mod recover;
mod remote;
mod said;
mod values;
mod watch;
mod words;

pub use ask::{Answered, AskError};
pub use connect::Reach;
pub use hosts::Hosts;
pub use line::Dropped;
pub(super) use remote::Command;
pub use remote::Remote;
pub use said::Unreached;
pub(super) use values::{fetch_outputs, hand_over, rename, seal};
