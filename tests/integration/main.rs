//! The program from the outside: every test runs the real binary in a workspace of its own.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::format_collect,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::format_push_string,
    clippy::unused_self,
    reason = "tests, which say what they measured"
)]

mod basics;
mod calls;
mod claims;
mod copies;
mod crash;
mod diff;
mod docs;
mod doctor;
mod expected;
mod explain;
mod export;
mod feel;
mod fleet;
mod given_back;
mod hands;
mod history;
mod hostile;
mod leased;
mod levels;
mod linked;
mod marks;
mod modes;
mod odd;
mod output;
mod page;
mod pages;
mod params;
mod people;
mod pictures;
mod plans;
mod problems;
mod processes;
mod prune;
mod pty;
mod redaction;
mod reports;
mod retry;
mod secrets;
mod semantics;
mod steps;
mod store;
mod support;
mod terminal;
mod unchanged;
mod vetoes;
mod waits;
