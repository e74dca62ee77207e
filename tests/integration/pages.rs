//! The pages that say what is so without another machine; those on hosts are run by `tests/hosts`.

use std::path::Path;

use crate::page::{Page, bash};

#[test]
fn the_readme_says_what_is_so_and_draws_its_verb() {
    let test = Page::open("../README.md").run();
    let drawn = test.ostler(&["plan", "greet", "Ada", "--format", "svg"]).code(0).stdout;
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images/greet.svg");
    if std::env::var_os("OSTLER_REGENERATE").is_some() {
        std::fs::write(&picture, &drawn).unwrap();
    }
    assert_eq!(std::fs::read_to_string(picture).unwrap(), drawn);
}

#[test]
fn the_pages_on_plans_and_reports_say_what_is_so() {
    Page::open("plan.md").run();
    Page::open("reports.md").run();
}

#[test]
fn the_page_on_calls_does_what_it_says() {
    Page::open("calls.md").run();
}

#[test]
fn the_page_on_secrets_does_what_it_says() {
    let test = Page::open("secrets.md").run();
    assert!(test.read("token").contains("k9-Tulip-447"));
}

#[test]
fn the_page_for_agents_is_played_and_its_configurations_start_a_server() {
    let test = Page::with("agents.md", vec![("OSTLER_ACTOR", "agent:ada".to_owned())]).run();
    let json =
        |file: &str| -> serde_json::Value { serde_json::from_str(&test.read(file)).unwrap() };
    let codex: toml::Table = test.read(".codex/config.toml").parse().unwrap();
    let codex = serde_json::to_value(codex).unwrap();
    let servers = [
        json(".mcp.json")["mcpServers"]["ostler"].clone(),
        json(".vscode/mcp.json")["servers"]["ostler"].clone(),
        codex["mcp_servers"]["ostler"].clone(),
    ];
    for server in servers {
        assert_eq!((&server["command"], &server["args"]), (&"ostler".into(), &json_args()));
    }
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"page","version":"1"}}}"#;
    let said = bash(&test, &format!("printf '%s\\n' '{hello}' | ostler mcp"));
    assert!(String::from_utf8_lossy(&said.stdout).contains("\"serverInfo\""), "{said:?}");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/agents.md"));
    let words = page.unwrap().split_whitespace().count();
    assert!(words < 1_500, "{words} words");
}

fn json_args() -> serde_json::Value {
    serde_json::json!(["mcp"])
}

#[test]
fn each_exit_code_is_what_its_example_ends_with() {
    Page::open("exit-codes.md").run();
}

#[test]
fn the_page_on_claims_does_what_it_says() {
    Page::open("claims.md").run();
}

#[test]
fn the_tutorial_does_what_it_says() {
    Page::open("tutorial.md").run();
}

#[test]
fn the_recipes_do_what_they_say() {
    Page::open("recipes.md").run();
}

#[test]
fn the_answers_to_questions_are_so() {
    Page::open("faq.md").run();
}

#[test]
fn the_page_on_the_fleet_says_what_is_so() {
    Page::open("fleet.md").run();
}
