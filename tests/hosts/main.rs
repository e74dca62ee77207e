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
mod fleet;
mod lost;
mod matrix;
#[path = "../integration/page.rs"]
#[expect(dead_code, reason = "pages without hosts use the rest")]
mod page;
mod pages;
mod sshd;
#[path = "../integration/support.rs"]
#[expect(dead_code, reason = "tests without hosts use the rest")]
mod support;
