//! Commands on other machines, against real `sshd`s on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests, which say what they measured"
)]

mod commands;
mod copies;
mod fleet;
mod sshd;
