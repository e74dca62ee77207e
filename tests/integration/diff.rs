//! Two runs beside each other: what was to be done, and what came of it.

use serde_json::{Value, json};

use crate::support::Test;

/// A verb whose steps come out by what it is given.
fn verb() -> Test {
    let text = "[[params]]\nname = 'who'\npositional = true\n\
        [[steps]]\nid = 'look'\noutputs = { what = 'string' }\ncmd = 'echo what={who} >> $OSTLER_OUTPUT'\n\
        [[steps]]\nid = 'judge'\nneeds = ['look']\non_error = 'Continue'\n\
        argv = ['echo', '{who}']\nexpect = { stdout = { equals = 'Ada' } }\n\
        [[steps]]\nid = 'calm'\ncmd = 'true'\n";
    Test::with("v", text)
}

fn diff(test: &Test, args: &[&str]) -> Value {
    test.ostler(&[&["runs", "diff", "--format", "json"], args].concat()).code(0).json()
}

fn step<'d>(diff: &'d Value, id: &str) -> &'d Value {
    diff["steps"].as_array().unwrap().iter().find(|step| step["id"] == id).unwrap()
}

#[test]
fn params_outputs_and_checks_that_differ_are_shown() {
    let test = verb();
    test.ostler(&["run", "v", "Ada"]).code(0);
    let first = test.run();
    test.ostler(&["runs", "diff"]).code(2).complains("no run of `v` before");
    test.ostler(&["run", "v", "Bob"]).code(9);
    let second = test.run();
    let found = diff(&test, &[]);
    assert_eq!(
        (&found["runs"][0]["run"], &found["runs"][1]["run"]),
        (&json!(first), &json!(second))
    );
    assert_eq!(found["plan"]["same"], false);
    assert_eq!(found["plan"]["params"], json!({ "who": ["Ada", "Bob"] }));
    assert_eq!((&found["plan"]["file"], &found["plan"]["steps"]), (&Value::Null, &json!({})));
    assert_eq!(step(&found, "look")["outputs"], json!({ "what": ["Ada", "Bob"] }));
    let judge = step(&found, "judge");
    assert_eq!((&judge["same"], &judge["status"]), (&json!(false), &json!(["passed", "failed"])));
    assert_eq!(judge["checks"][0]["observed"].as_array().unwrap().len(), 2);
    let calm = step(&found, "calm");
    assert_eq!((&calm["same"], &calm["outputs"]), (&json!(true), &json!({})));
    assert!(calm["duration_ms"][0].is_u64());
    let said = test.ostler(&["runs", "diff"]).code(0);
    for part in [
        "param who  \"Ada\" → \"Bob\"",
        "≠ judge  passed → failed",
        "output what  \"Ada\" → \"Bob\"",
        "stdout observed  ",
        "2 steps differ",
        "  calm   passed ",
    ] {
        assert!(said.stdout.contains(part), "no {part:?} in\n{}", said.stdout);
    }
    // Named, and the other way round; with one named, the one before it.
    assert_eq!(diff(&test, &[&second, &first])["plan"]["params"], json!({ "who": ["Bob", "Ada"] }));
    assert_eq!(diff(&test, &[&second])["runs"], found["runs"]);
}

#[test]
fn changed_added_and_removed_steps_are_shown() {
    let test = verb().verb("other", "[[steps]]\nid = 'x'\ncmd = 'true'\n");
    test.ostler(&["run", "v", "Ada"]).code(0);
    test.ostler(&["run", "other"]).code(0);
    let text = test.read("workflows/v.toml").replace("'calm'\ncmd = 'true'", "'new'\ncmd = 'true'");
    let test = test.file("workflows/v.toml", &text.replace("'Continue'", "'Stop'"));
    test.ostler(&["run", "v", "Ada"]).code(0);
    // The run of the other verb lies between.
    let found = diff(&test, &[]);
    let steps = json!({ "calm": "removed", "judge": { "fields": ["on_error"] }, "new": "added" });
    assert_eq!(found["plan"]["steps"], steps);
    assert_eq!(found["plan"]["file"].as_array().unwrap().len(), 2);
    assert_eq!(step(&found, "calm")["status"], json!(["passed", null]));
    assert_eq!(step(&found, "new")["status"], json!([null, "passed"]));
    let said = test.ostler(&["runs", "diff"]).code(0);
    said.says("the file has changed").says("step calm  only in a").says("passed → –");
}

#[test]
fn runs_of_the_same_plan_differ_in_nothing() {
    let test = verb();
    test.ostler(&["run", "v", "Ada"]).code(0);
    test.ostler(&["run", "v", "Ada"]).code(0);
    test.ostler(&["runs", "diff"]).code(0).says("the same plan").says("no step differs");
}
