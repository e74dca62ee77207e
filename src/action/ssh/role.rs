//! Our binary in the role of what becomes `ssh`: it dies with the engine, and no terminal reaches it.

use std::ffi::OsString;
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::process::Command;

use rustix::process::{Signal, set_parent_process_death_signal, setsid};

/// The argument by which our binary knows that it is to become `ssh`.
pub(super) const ROLE: &str = "__ssh";

/// Becomes the program that the arguments name. Returns an exit code, that of a failed ssh, only where it could not.
pub fn main(mut words: impl Iterator<Item = OsString>) -> u8 {
    // Without a terminal nobody is asked for a password or a host key, nor by a jump host's ssh; and what is typed
    // to end the run reaches the engine alone.
    let _ = setsid();
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let Some(program) = words.next() else { return 2 };
    let error = Command::new(&program).args(words).exec();
    let _ = writeln!(std::io::stderr(), "{}: {error}", program.to_string_lossy());
    255
}
