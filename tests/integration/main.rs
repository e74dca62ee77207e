//! The program from the outside: every test runs the real binary in a workspace of its own.
#![expect(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "tests")]

mod basics;
mod docs;
mod marks;
mod output;
mod params;
mod processes;
mod steps;
mod support;
