//! How a session ends.

use std::io::Write;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;

use crate::client::Client;
use crate::support::Test;

const HELLO: &str =
    r#"{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"x","version":"1"}}"#;

#[test]
fn it_ends_with_its_input_and_answers_what_was_asked() {
    let test = Test::new();
    let mut client = Client::new(&test);
    let asked = client.request("tools/list", &json!({}));
    // The last line has no end.
    client.bytes(br#"{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"verbs"}}"#);
    client.close();
    assert!(client.answer(asked)["result"]["tools"].is_array());
    client.said(77).done();
    let (status, errors) = client.wait();
    assert!(status.success() && errors.is_empty(), "{status}: {errors}");
}

#[test]
fn it_ends_without_a_word_where_nothing_was_said() {
    let test = Test::new();
    let (status, errors) = Client::silent(&test, &["mcp"]).end();
    assert!(status.success() && errors.is_empty(), "{status}: {errors}");
}

#[test]
fn who_does_not_read_is_not_waited_for() {
    let test = Test::new();
    let mut command = test.command(&["mcp"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // More answers than fit into a pipe.
    for id in 0..500 {
        writeln!(input, r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{HELLO}}}"#)
            .unwrap();
    }
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn signals_end_it_cleanly() {
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        for begun in [false, true] {
            let test = Test::new();
            let mut client = Client::silent(&test, &["mcp"]);
            // Once it answers, it listens for signals.
            client.ask("ping", &json!({}));
            if begun {
                client.begin("x");
            }
            kill_process(Pid::from_child(&client.child), signal).unwrap();
            let (status, errors) = client.wait();
            assert!(status.success() && errors.is_empty(), "{signal:?}: {status}: {errors}");
        }
    }
}
