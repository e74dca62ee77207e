//! Verbs that pass, fail, wait and are refused, with their exit codes.
//!
//! Behaviours shown here (`docs/behaviours.md`): K48, O21, C6, H22, S20.

use crate::support::{Test, found, status};

#[test]
fn a_chain_passes_and_hands_on_its_outputs() {
    let test = Test::with(
        "greet",
        r#"
[[params]]
name = "name"
[[steps]]
id = "look"
cmd = "echo id=7 >> $OSTLER_OUTPUT"
outputs = { id = "int" }
[[steps]]
id = "say"
needs = ["look"]
argv = ["echo", "{name} {steps.look.outputs.id} {run.id}"]
"#,
    );
    let ran =
        test.ostler(&["run", "greet", "--name", "a $(touch pwned) b", "--format", "json"]).code(0);
    assert_eq!(ran.json()["status"], "passed");
    let log = test.ostler(&["runs", "log", "say"]).code(0);
    let run = ran.json()["run"].as_str().unwrap().to_owned();
    assert_eq!(log.stdout, format!("a $(touch pwned) b 7 {run}\n"));
    assert!(!test.path().join("pwned").exists());
}

#[test]
fn exit_codes_are_as_documented() {
    let test = Test::new()
        .verb("stop", "[[steps]]\nid = 'a'\ncmd = 'exit 3'\n[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'touch b'\n")
        .verb("go-on", "[[steps]]\nid = 'a'\ncmd = 'exit 3'\non_error = 'Continue'\n[[steps]]\nid = 'b'\ncmd = 'true'\n")
        .verb("ask", "[[steps]]\nid = 'a'\nactor = 'Human'\n")
        .verb("guarded", "[[guards]]\nid = 'g'\ncmd = 'false'\nreason = 'not today'\n[[steps]]\nid = 'a'\ncmd = 'touch ran'\n")
        .verb("broken", "[[steps]]\nid = 'a'\ncmmd = 'true'\n")
        .verb("locked", "locks = ['l']\n[[steps]]\nid = 'a'\nactor = 'Human'\n");
    test.ostler(&["run", "stop"]).code(4).says("`a` failed");
    assert_eq!(status(&test.report(), "b"), "skipped");
    test.ostler(&["run", "go-on"]).code(9).says("passed with failures");
    test.ostler(&["run", "go-on", "--lenient"]).code(0);
    test.ostler(&["run", "ask", "--no-ask"]).code(4);
    test.ostler(&["run", "guarded"]).code(6).says("not today");
    assert!(!test.path().join("ran").exists());
    test.ostler(&["run", "broken"]).code(3).complains("did you mean `cmd`?");
    test.ostler(&["run", "nope"]).code(2);
    test.ostler(&["frobnicate"]).code(2);
    test.ostler(&["run", "stop", "--no-such-param"]).code(2);
    test.ostler(&["run", "locked"]).code(5);
    test.ostler(&["run", "locked"]).code(6).complains("held by run");
    test.ostler(&["runs", "cancel"]).code(0).says("cancelled");
    test.ostler(&["run", "locked"]).code(5);
}

#[test]
fn a_person_is_asked_and_their_answer_moves_the_run() {
    let test = Test::with(
        "review",
        r#"
[[steps]]
id = "build"
cmd = "echo built"
[[steps]]
id = "look"
actor = "Human"
action = "Read the diff"
needs = ["build"]
outputs = { seen = "int" }
[[steps]]
id = "ship"
needs = ["look"]
cmd = "touch shipped"
"#,
    );
    test.ostler(&["run", "review"]).code(5).says("ostler step answer");
    test.ostler(&["step", "show", "look"]).code(0).says("Read the diff");
    test.ostler(&["step", "answer", "ship", "passed"]).code(2).complains("nobody is asked");
    test.ostler(&["step", "answer", "look", "rerun"]).code(2).complains("nothing to run");
    let twice = ["step", "answer", "look", "passed", "--output", "seen=1", "--output", "seen=2"];
    test.ostler(&twice).code(2).complains("given twice");
    test.ostler(&["step", "answer", "look", "passed"]).code(2).complains("--output seen=VALUE");
    let answer = ["step", "answer", "look", "passed", "--note", "fine", "--output", "seen=3"];
    test.ostler(&answer).code(0);
    assert!(test.path().join("shipped").exists());
    let report = test.report();
    assert_eq!(found(&report, "look")["attempts"][0]["note"], "fine");
}

#[test]
fn a_pipeline_fails_when_a_part_fails() {
    // behaviours §6.1: under a plain shell these three would be hollow passes.
    for text in ["false | true", "x=$(false; echo hi)", "false; true"] {
        let test = Test::with("v", &format!("[[steps]]\nid = 'a'\ncmd = '{text}'\n"));
        test.ostler(&["run", "v"]).code(4);
    }
}

#[test]
fn files_that_are_none_are_named_and_not_opened() {
    let test = Test::new()
        .file("workflows/a/b", "")
        .file("workflows/misnamed.toml", "id = 'other'\n[[steps]]\nid = 'a'\ncmd = 'true'\n");
    std::fs::write(test.path().join("workflows/bytes.toml"), b"id = '\xff'").unwrap();
    std::fs::create_dir(test.path().join("workflows/dir.toml")).unwrap();
    let made =
        std::process::Command::new("mkfifo").arg(test.path().join("workflows/fifo.toml")).status();
    assert!(made.unwrap().success());
    let ran = test.ostler(&["check"]).code(3);
    for part in [
        "dir.toml: is not a regular file",
        "fifo.toml: is not a regular file",
        "bytes.toml: is not UTF-8",
        "E0110",
        "E0101",
    ] {
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    }
    let json = test.ostler(&["check", "misnamed", "--format", "json"]).code(3).json();
    assert_eq!(json["files"][0]["problems"][0]["code"], "E0110");
    assert_eq!(json["files"][0]["problems"][0]["place"]["line"], 1);
}

#[test]
fn several_verbs_may_share_a_file() {
    let verb = |id: &str| {
        format!(
            "[[workflows]]\nid = '{id}'\n[[workflows.steps]]\nid = 'a'\nargv = ['echo', '{id}']\n"
        )
    };
    let test = Test::new().file("workflows/pair.toml", &format!("{}{}", verb("one"), verb("two")));
    test.ostler(&["check"]).code(0);
    test.ostler(&["run", "two"]).code(0);
    assert_eq!(test.ostler(&["runs", "log", "a"]).stdout, "two\n");
    test.ostler(&["run", "three"]).code(2);
}
