//! Commands on other machines, against real `sshd`s on loopback.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "tests, which say what they measured"
)]

mod bytes;
mod commands;
mod connections;
mod copies;
mod fan;
mod fleet;
#[path = "../integration/given_back.rs"]
mod given_back;
#[path = "../integration/history.rs"]
#[expect(dead_code, reason = "what tests of this machine alone need")]
mod history;
mod killed;
mod leased;
mod lost;
mod many;
mod matrix;
#[path = "../integration/page.rs"]
#[expect(dead_code, reason = "pages without hosts use the rest")]
mod page;
mod pages;
mod secrets;
mod sshd;
mod steps;
#[path = "../integration/support.rs"]
#[expect(dead_code, reason = "what tests of this machine alone need")]
mod support;
mod there;
