//! `ostler mcp` from the outside: through its own pipes, line by line, and by the official Python client.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod calls;
mod client;
mod ends;
mod logs;
mod odd;
mod python;
mod running;
mod shape;
mod stepping;
#[path = "../integration/support.rs"]
#[expect(dead_code, reason = "what the program's other tests need")]
mod support;
