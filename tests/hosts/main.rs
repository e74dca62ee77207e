//! Commands on other machines, against real `sshd`s on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests, which say what they measured"
)]

mod bytes;
mod commands;
mod connections;
mod copies;
mod fleet;
mod lost;
mod matrix;
mod sshd;
