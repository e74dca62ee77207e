//! `ostler explain`: what a code means, and which codes there are.

use serde_json::json;

use crate::support::Test;

#[test]
fn a_code_is_explained_in_either_case() {
    let test = Test::new();
    let said = test.ostler(&["explain", "E0202"]).code(0);
    assert_eq!(said.stdout, test.ostler(&["explain", "e0202"]).code(0).stdout);
    let said = said
        .says("error[E0202]: a reference to a step that does not exist\n\n")
        .says("\nwrong  workflows/ship.toml\n\n  id = \"ship\"\n")
        .says("\n  needs = [\"biuld\"]\n")
        .says("\nright  workflows/ship.toml\n\n  id = \"ship\"\n");
    assert_eq!(said.stderr, "");
    test.ostler(&["explain", "W0604"]).code(0).says("warning[W0604]: a pipeline under `sh`");
    test.ostler(&["explain", "E0101"]).code(0).says("wrong  made by these commands\n");
}

#[test]
fn every_text_fits_eighty_columns() {
    let test = Test::new();
    let listed = test.ostler(&["explain"]).code(0).stdout;
    let codes = listed.lines().filter(|line| line.starts_with(['E', 'W']));
    let codes: Vec<&str> = codes.filter_map(|line| line.split_whitespace().next()).collect();
    assert_eq!(codes.len(), ostler::diagnostic::Code::ALL.len());
    let texts = codes.iter().map(|code| test.ostler(&["explain", code]).code(0).stdout);
    for text in texts.chain([listed.clone()]) {
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
            assert!(!line.contains('\u{1b}') && line.trim_end() == line, "{line:?}");
        }
    }
}

#[test]
fn all_codes_are_listed_with_their_titles() {
    let said = Test::new().ostler(&["explain"]).code(0);
    said.says("\nE0203  steps wait for each other in a circle\nE0204  ")
        .says("\n\nmore about one: ostler explain CODE\n");
}

#[test]
fn an_unknown_code_is_refused_with_a_near_one() {
    let test = Test::new();
    let unknown = test.ostler(&["explain", "E0120"]).code(2);
    assert_eq!(unknown.stdout, "");
    unknown.complains("error: no code is called `E0120`\n  did you mean `E0").complains("explain");
    test.ostler(&["explain", "502"]).code(2).complains("did you mean `E0502`?");
    let far = test.ostler(&["explain", "\u{1b}[2Jzebra", "--format", "json"]).code(2);
    assert!(!far.stderr.contains("did you mean") && !far.stderr.contains('\u{1b}'));
    assert_eq!(far.complains("there is no verb `\\u{1b}[2Jzebra`").stdout, "");
}

#[test]
fn explanations_are_there_for_programs() {
    let test = Test::new();
    let one = test.ostler(&["explain", "E0110", "--format", "json"]).code(0).json();
    assert_eq!(one["code"], "E0110");
    assert_eq!(one["severity"], "error");
    assert_eq!(one["title"], "a workflow's id differs from its file's name");
    assert!(one["explanation"].as_str().unwrap().starts_with("A verb is found by its file"));
    assert_eq!(one["wrong"]["language"], "toml");
    assert_eq!(one["wrong"]["file"], "workflows/ship.toml");
    assert!(one["right"]["text"].as_str().unwrap().starts_with("id = \"release\"\n"));
    let commands = test.ostler(&["explain", "e0101", "--format", "json"]).code(0).json();
    assert_eq!(commands["wrong"]["language"], "sh");
    assert!(commands["wrong"]["file"].is_null());
    let all = test.ostler(&["explain", "--format", "json"]).code(0).json();
    let title = "a verb with the name of a built-in command";
    let expected = json!({ "code": "W0601", "severity": "warning", "title": title });
    assert!(all["codes"].as_array().unwrap().contains(&expected), "{all}");
}

#[test]
fn check_names_the_way_to_an_explanation_once_and_only_after_errors() {
    let wrong = "[[steps]]\nid = 'a'\ncmd = 'true'\nneeds = ['b', 'c']\n";
    let test = Test::with("v", wrong).verb("w", "[[steps]]\nid = 'A'\ncmd = 'true'\n");
    let said = test.ostler(&["check"]).code(3);
    let line = "\n3 errors in 2 files\nmore about a code: ostler explain E0202\n";
    assert!(said.stdout.ends_with(line), "{}", said.stdout);
    assert_eq!(said.stdout.matches("ostler explain").count(), 1);
    let json = test.ostler(&["check", "--format", "json"]).code(3);
    assert!(!json.stdout.contains("ostler explain"));
    let warned = Test::with("plan", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    let said = warned.ostler(&["check"]).code(0).says("1 warning in 1 file\n");
    assert!(!said.stdout.contains("ostler explain"));
}

#[test]
fn the_format_is_explained_without_a_workspace_that_can_be_used() {
    let test = Test::new().file("ostler.toml", "not toml");
    let text = test.ostler(&["explain", "format"]).code(0).says("depends_on").stdout;
    let json = test.ostler(&["explain", "format", "--format", "json"]).code(0).json();
    assert_eq!(json["text"], text);
}
