//! What nobody should send: garbage, huge and deep lines, arguments of any shape. The server answers and goes on.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Map, Value, json};

use crate::client::Client;
use crate::support::Test;

const TOOLS: [&str; 11] = [
    "verbs", "check", "plan", "start", "next", "take", "run_step", "report", "release", "status",
    "log",
];

fn workspace() -> Test {
    Test::with("say", "[[params]]\nname = \"who\"\n[[steps]]\nid = \"a\"\ncmd = \"echo {who}\"\n")
}

/// A line that calls a tool with arguments as they are written.
fn written(id: i64, arguments: &str) -> String {
    let call = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"plan","arguments":"#;
    format!("{call}{arguments}}},\"id\":{id}}}")
}

#[test]
fn lines_that_are_no_messages_are_passed_over() {
    let test = workspace();
    let mut client = Client::silent(&test, &["mcp"]);
    let odd: [&[u8]; 8] = [b"", b"garbage", b"{", b"\xff\xfe\0", b"\"x", b"{\"id\":", b"  ", b"]"];
    let notice = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": {} });
    odd.iter().for_each(|line| client.line(line));
    client.line(notice.to_string());
    client.line(json!({ "jsonrpc": "2.0", "id": 7, "result": {} }).to_string());
    client.begin("x");
    odd.iter().for_each(|line| client.line(line));
    client.call("verbs", &json!({})).done();
    assert!(client.end().0.success());
}

/// Whoever asked is told, as far as it can be known who that is.
#[test]
fn requests_that_cannot_be_read_are_answered() {
    let test = workspace();
    let mut client = Client::new(&test);
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    client.line(written(901, &format!("{{\"verb\":{deep}}}")));
    client.said(901).refused("cannot be read");
    client.line(written(902, r#"{"verb":"\ud800"}"#));
    client.said(902).refused("cannot be read");
    client.line(written(903, "{\"verb\":\"\u{1}\"}"));
    client.said(903).refused("cannot be read");
    let mut line = written(904, r#"{"verb":"@"}"#).into_bytes();
    let at = line.iter().position(|b| *b == b'@').unwrap();
    line[at] = 0xff;
    client.line(line);
    client.said(904).refused("cannot be read");
    client.line(written(905, "[]"));
    client.said(905).refused("`arguments` an object");
    client.line(written(906, "7"));
    client.said(906).refused("`arguments` an object");
    client.line(r#"{"jsonrpc":"2.0","id":907,"method":"tools/call"}"#);
    client.said(907).refused("`name` is a text");
    client.line(r#"{"jsonrpc":"1.0","id":908,"method":"tools/list"}"#);
    assert_eq!(client.answer(908)["error"]["code"], -32600);
    client.line(r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#);
    assert_eq!(client.next()["error"]["code"], -32600);
    let unknown = client.ask("no/such/thing", &json!({}));
    assert_eq!(unknown["error"]["code"], -32601);
    client.call("verbs", &json!({})).done();
}

#[test]
fn what_is_too_long_is_refused_and_not_held() {
    let test = workspace();
    let mut client = Client::new(&test);
    client.call("plan", &json!({ "verb": "x".repeat(3 << 20) })).refused("put it in a file");
    let many: Map<String, Value> = (0..50_000).map(|n| (format!("a{n}"), json!(n))).collect();
    let said = client.call("plan", &Value::Object(many.clone())).refused("there is no `a0`");
    assert!(said.len() < 2_000, "{said}");
    let said = client.call("plan", &json!({ "verb": "say", "params": many }));
    assert!(said.failed && said.text.len() < 50_000, "{said:?}");
    let big = format!("{{\"verb\":\"{}\"}}", "x".repeat(5 << 20));
    client.line(written(901, &big));
    client.said(901).refused("more than 4194304");
    // Who sent this cannot be known without holding it.
    client.line(vec![b'x'; (64 << 20) + 10]);
    client.call("verbs", &json!({})).done();
}

#[test]
fn requests_are_answered_whatever_their_number() {
    let test = workspace();
    let mut client = Client::new(&test);
    let ids: Vec<i64> = (0..200)
        .map(|n| {
            let tool = ["verbs", "status", "nonsense", "log"][n % 4];
            client.request("tools/call", &json!({ "name": tool, "arguments": {} }))
        })
        .collect();
    for id in ids.into_iter().rev() {
        client.said(id);
    }
}

/// A value of some shape, often one that nearly fits.
fn value() -> impl Strategy<Value = Value> {
    let words = prop::sample::select(vec![
        "say", "a", "who", "pass", "stderr", "", "../..", "say/..", "\0",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        words.prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..5)
                .prop_map(|all| Value::Object(all.into_iter().collect())),
        ]
    })
}

fn arguments() -> impl Strategy<Value = Value> {
    let known = prop::sample::select(vec![
        "verb", "params", "names", "run", "step", "task", "lease_s", "status", "note", "outputs",
        "token", "id", "exit", "stdout", "stderr", "attempt", "stream", "offset", "limit", "x",
    ]);
    let fields = prop::collection::vec((known.prop_map(str::to_owned), value()), 0..8);
    fields.prop_map(|all| Value::Object(all.into_iter().collect()))
}

/// Whatever is asked: there is one answer, it is a result with a text, and it is not too long.
#[test]
fn arguments_of_any_shape_are_answered() {
    let test = workspace();
    test.ostler(&["say", "--who", "x"]).code(0);
    let client = std::cell::RefCell::new(Client::new(&test));
    let mut runner =
        TestRunner::new(Config { cases: 300, failure_persistence: None, ..Config::default() });
    let shapes = (prop::sample::select(TOOLS.to_vec()), arguments());
    let done = runner.run(&shapes, |(tool, arguments)| {
        let said = client.borrow_mut().call(tool, &arguments);
        prop_assert!(!said.text.is_empty() && said.text.len() < 50_000, "{said:?}");
        Ok(())
    });
    done.unwrap();
    let (status, errors) = client.into_inner().end();
    assert!(status.success() && errors.is_empty(), "{errors}");
}
