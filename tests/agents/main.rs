//! Runs that agents and people step through together, from the outside: leases, reports, refusals, deaths.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "tests, which say what they measured"
)]

mod actors;
mod again;
mod attest;
#[path = "../integration/history.rs"]
#[expect(dead_code, reason = "what tests of engine-driven runs alone need")]
mod history;
mod killed;
mod many;
mod normal;
mod odd;
mod posing;
#[path = "../integration/pty.rs"]
#[expect(dead_code, reason = "what other tests alone need")]
mod pty;
mod refused;
mod seed;
mod steps;
mod stopped;
#[path = "../integration/support.rs"]
#[expect(dead_code, reason = "what other tests alone need")]
mod support;
mod together;
