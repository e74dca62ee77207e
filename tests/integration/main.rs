//! The program from the outside: every test runs the real binary in a workspace of its own.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::format_collect,
    reason = "tests"
)]

mod basics;
mod crash;
mod docs;
mod history;
mod marks;
mod output;
mod params;
mod processes;
mod steps;
mod store;
mod support;
