//! What a client is told at the beginning: golden, for models read it and every word costs.

use serde_json::json;

use crate::client::Client;
use crate::support::Test;

#[test]
fn the_tools_are_few_and_closed() {
    let test = Test::new();
    let mut client = Client::new(&test);
    let listed = client.ask("tools/list", &json!({}));
    let tools = listed["result"]["tools"].as_array().unwrap();
    for tool in tools {
        assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
        jsonschema::draft202012::new(&tool["inputSchema"]).unwrap();
    }
    insta::assert_snapshot!(format!("{:#}", listed["result"]));
    assert!(client.end().0.success());
}

#[test]
fn the_server_says_what_it_is_and_how_to_begin() {
    let test = Test::new();
    let mut client = Client::silent(&test, &["mcp"]);
    let mut hello = client.begin("x");
    hello["result"]["serverInfo"]["version"] = json!("(its version)");
    insta::assert_snapshot!(format!("{:#}", hello["result"]));
}

/// There are no tools for what a person decides.
#[test]
fn nobody_approves_or_answers_here() {
    let test =
        Test::with("ask", "[[steps]]\nid = \"sure\"\nactor = \"Human\"\naction = \"Sure?\"\n");
    test.ostler(&["ask"]).code(5);
    let mut client = Client::new(&test);
    for tool in ["answer", "approve", "resume", "cancel", "step_answer", "prune", "run"] {
        client.call(tool, &json!({ "step": "sure", "answer": "passed" })).refused("no tool");
    }
    let said = client.call("status", &json!({ "run": "ask" })).done();
    assert!(said.contains("1 asked") && !said.contains("step answer"), "{said}");
    assert_eq!(test.report()["status"], "waiting");
}

#[test]
fn whoever_says_to_be_a_person_is_refused() {
    let test = Test::new();
    test.ostler(&["mcp", "--as", "human:alice"]).code(2).complains("--as NAME");
    test.ostler(&["mcp", "--as", "coder"]).code(0);
}
