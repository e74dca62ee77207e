//! The doing: the keeper that watches over a command, the lines to other machines, and the attempt that judges what
//! a command did.
//!
//! *Invariant:* nothing here knows of a run's state; an attempt goes in, its ending comes out.

mod attempt;
mod capture;
mod copy;
mod cut_short;
mod expect;
pub mod keeper;
mod outputs;
mod place;
mod pool;
mod processes;
mod program;
mod protocol;
mod reboot;
mod reported;
mod secrets;
mod socket;
pub mod ssh;
mod wait;
mod work;

pub use copy::{Copy, End};
pub use outputs::remove_left;
pub use pool::{Calls, Lost, Pool, Setting, Urge};
pub use processes::is_alive;
pub use protocol::Limits;
pub use reboot::Reboot;
pub use secrets::Wanted;
pub use wait::{Until, Wait};
pub use work::{Attempt, Done, Expected, Part, Reported, Work};
