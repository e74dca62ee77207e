//! Steps that people do: what they are asked, how they find it, and what is kept of their answers.

use crate::support::{Test, found};

const SIGN: &str = r#"
[[params]]
name = "to"
positional = true
[[steps]]
id = "build"
cmd = "echo n=7 >> $OSTLER_OUTPUT"
outputs = { n = "int" }
[[steps]]
id = "sign"
actor = "Human"
needs = ["build"]
action = "sign build {steps.build.outputs.n} for {to}, not {other}"
note = "attempt {attempt} of {run.id}: {{to} is {to}"
"#;

#[test]
fn what_is_asked_is_filled_and_tamed() {
    let test = Test::with("sign", SIGN);
    let ran = test.ostler(&["sign", "prod\u{1b}[31m"]).code(5);
    let run = test.run();
    let asks = "sign build 7 for prod\\u{1b}[31m, not {other}";
    let end = format!(
        "  ? sign: {asks}\n    ostler step show {run} sign\n    ostler step answer {run} sign passed|failed\n"
    );
    assert!(ran.stdout.ends_with(&end), "{}", ran.stdout);
    ran.complains(&format!("asked, {asks}"));
    let shown = test.ostler(&["step", "show", "sign"]).code(0);
    shown.says(asks).says(&format!("attempt 1 of {run}: {{to}} is prod"));
    let report = test.report();
    assert_eq!(found(&report, "sign")["answers"], serde_json::json!(["passed", "failed"]));
}

#[test]
fn without_a_note_there_is_nothing_to_read_first() {
    let text = "[[steps]]\nid = 'a'\nactor = 'Human'\naction = 'look'\n";
    let ran = Test::with("w", text).ostler(&["w"]).code(5).says("  ? a: look\n");
    assert!(!ran.stdout.contains("step show"), "{}", ran.stdout);
}

#[test]
fn the_run_that_waits_is_meant_even_if_it_is_not_the_latest() {
    let other = "[[steps]]\nid = 'build'\ncmd = 'true'\n";
    let test = Test::with("sign", SIGN).verb("other", other);
    test.ostler(&["sign", "prod"]).code(5);
    let waits = test.run();
    test.ostler(&["other"]).code(0);
    test.ostler(&["step", "show", "sign"]).code(0).says("sign build 7");
    // One that somebody is not asked about is the latest run's.
    test.ostler(&["step", "show", "build"]).code(0).says("runs      true");
    let told = format!("nobody is asked about `sing`; somebody is about `sign` in run {waits}");
    test.ostler(&["step", "answer", "sing", "passed"]).code(2).complains(&told);
    test.ostler(&["runs", "resume"]).code(5).says(&waits);
    test.ostler(&["step", "answer", "sign", "passed"]).code(0).says(&waits);
    test.ostler(&["runs", "resume"]).code(2).complains("has ended: passed");
}

#[test]
fn who_answered_and_their_note_stay() {
    let test = Test::with("sign", SIGN);
    test.ostler(&["sign", "prod"]).code(5);
    let answer = ["step", "answer", "sign", "passed", "--note", "ok by me"];
    let mut answer = test.command(&answer);
    answer.env("USER", "ada");
    assert!(answer.status().unwrap().success());
    let by =
        found(&test.report(), "sign")["attempts"][0]["by"]["name"].as_str().unwrap().to_owned();
    assert!(by.starts_with("ada@"), "{by}");
    let answered = format!("answered by {by}: ok by me");
    test.ostler(&["runs", "show"]).code(0).says(&format!("✓ sign   {answered}\n"));
    test.ostler(&["step", "show", "sign"]).says(&format!("1  passed, {answered}\n"));
    let page = test.ostler(&["runs", "show", "--format", "markdown"]).stdout;
    assert!(page.contains("ok by me") && page.contains("answered by ada"), "{page}");

    test.ostler(&["sign", "prod"]).code(5);
    test.ostler(&["step", "answer", "sign", "failed", "--note", "not yet"]).code(4);
    let shown = test.ostler(&["runs", "show"]).code(0);
    assert_eq!(shown.stdout.matches("not yet").count(), 2, "{}", shown.stdout);
    shown.says(": not yet\n");
}

#[test]
fn where_nobody_is_asked_that_is_why() {
    let test = Test::with("sign", SIGN);
    let ran = test.ostler(&["sign", "prod", "--no-ask"]).code(4);
    assert!(!format!("{ran:?}").contains("answered"), "{ran:?}");
    ran.complains("✗ sign   failed: nobody is asked (--no-ask)\n");
    assert_eq!(found(&test.report(), "sign")["attempts"][0]["by"], serde_json::Value::Null);
}

#[test]
fn help_says_what_each_answer_means() {
    let test = Test::new();
    test.ostler(&["step", "show", "--help"])
        .code(0)
        .says("ostler step show [OPTIONS] [RUN] <STEP>");
    let help = test.ostler(&["step", "answer", "--help"]).code(0);
    help.says("[RUN] <STEP> <passed|failed|rerun>").says("may run once more");
}

#[test]
fn what_a_person_hands_on_is_empty_only_where_it_may_be() {
    let text = "
[[steps]]
id = 'look'
actor = 'Human'
action = 'look'
outputs = { who = 'string', all = '[string]', more = { type = 'string', allow_empty = true } }
";
    let test = Test::with("v", text);
    test.ostler(&["v"]).code(5);
    let passed = |who: &str, all: &str| {
        let (who, all) = (format!("who={who}"), format!("all={all}"));
        let outputs = ["--output", &who, "--output", &all, "--output", "more="];
        test.ostler(&[&["step", "answer", "look", "passed"][..], &outputs].concat())
    };
    passed("", "[\"x\"]").code(2).complains("output `who` is empty");
    passed("ada", "[]").code(2).complains("output `all` is empty");
    passed("ada", "[\"x\"]").code(0);
}
