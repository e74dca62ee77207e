//! Claims that somebody else looks at again, and vetoes that hold a run or what came of it.
//!
//! Behaviours shown here (`docs/behaviours.md`): S3, S14.

use serde_json::{Value, json};

use crate::history::History;
use crate::support::{Ran, Test, found};

/// A file that is made, one that is looked at, what is only said, and what nobody can look at again.
const BUILT: &str = r#"
postconditions = ["the users are told"]

[[params]]
name = "what"
default = "built"

[[steps]]
id = "make"
action = "Make it"
cmd = "echo once >> made; echo {what} > out; echo n=3 >> $OSTLER_OUTPUT"
outputs = { n = "int" }
expect = { file = { path = "out", contains = "built" } }
verify = { cmd = "test -s out" }

[[steps]]
id = "look"
needs = ["make"]
effect = "Read"
cmd = "echo looked >> looks; cat out"
expect = { stdout = { contains = "built" } }

[[steps]]
id = "checked"
needs = ["make"]
effect = "Read"
checks = [{ name = "size", cmd = "test -s out" }, { name = "three", cmd = "test {steps.make.outputs.n} = 3" }]

[[steps]]
id = "push"
needs = ["make"]
cmd = "echo pushed >> pushes"
verify = "it is on the server"

[[steps]]
id = "drop"
needs = ["make"]
cmd = "echo dropped >> drops"
"#;

fn built() -> (Test, String) {
    let test = Test::with("v", BUILT);
    test.ostler(&["run", "v"]).code(0);
    let run = test.run();
    (test, run)
}

/// Looks again, as somebody.
fn recheck(test: &Test, more: &[&str]) -> Ran {
    test.ostler(&[&["runs", "verify", "--recheck"], more].concat())
}

/// The claim of a step.
fn claim<'c>(said: &'c Value, step: &str) -> &'c Value {
    let all = said["recheck"]["claims"].as_array().unwrap();
    all.iter().find(|claim| claim["step"] == step).unwrap_or_else(|| panic!("{step}: {said:#}"))
}

#[test]
fn what_was_claimed_is_looked_at_again_by_another_and_recorded() {
    let (test, run) = built();
    test.ostler(&["step", "attest", &run, "post-1"]).code(0);
    let said = recheck(&test, &["--as", "human:bob", "--format", "json"]).code(0).json();
    assert_eq!((&said["sound"], &said["recheck"]["holds"]), (&true.into(), &true.into()));
    assert_eq!(said["recheck"]["by"], json!({ "kind": "human", "name": "bob" }));
    let standing = |step: &str| claim(&said, step)["standing"].as_str().unwrap().to_owned();
    let all = ["make", "look", "checked", "push", "drop"].map(standing);
    assert_eq!(all, ["holds", "holds", "holds", "attested", "unchecked"]);
    // What only reads ran once more, and nothing else did.
    let lines = |file: &str| test.read(file).lines().count();
    assert_eq!(["made", "looks", "pushes", "drops"].map(lines), [1, 2, 1, 1]);

    let make = claim(&said, "make");
    assert_eq!((&make["statement"], &make["host"]), (&"Make it".into(), &Value::Null));
    assert_eq!(make["independent"], true);
    let looks: Vec<(String, String)> = make["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|look| {
            assert_eq!(look["passed"], true);
            (
                look["how"].as_str().unwrap().to_owned(),
                look["expected"].as_str().unwrap().to_owned(),
            )
        })
        .collect();
    let look = |how: &str, expected: &str| (how.to_owned(), expected.to_owned());
    let wanted = [
        look("looking at it", "exists"),
        look("looking at it", "contains `built`"),
        look("test -s out", "exit 0"),
    ];
    assert_eq!(looks, wanted);
    let checks = &claim(&said, "checked")["checks"];
    assert_eq!(
        (&checks[1]["what"], &checks[1]["how"]),
        (&"three".into(), &"test {steps.make.outputs.n} = 3".into())
    );
    assert_eq!(claim(&said, "checked")["with"], json!({ "{steps.make.outputs.n}": 3 }));

    // Words are nobody's look.
    let words = said["recheck"]["claims"].as_array().unwrap();
    let attested: Vec<_> = words
        .iter()
        .filter(|c| c["standing"] == "attested")
        .map(|c| c["statement"].as_str().unwrap())
        .collect();
    assert_eq!(attested, ["it is on the server", "the users are told"]);

    // It is in the log, after the end, and in every report.
    let history = History::of(&test, &[]);
    let seen: Vec<_> =
        history.all("claim_checked").map(|(seq, event)| (seq, event.clone())).collect();
    assert_eq!(seen.len(), 3);
    let (first, event) = &seen[0];
    assert_eq!(history.records[*first]["actor"], json!({ "kind": "human", "name": "bob" }));
    assert_eq!(
        (&event["step"], &event["attempt"], &event["passed"]),
        (&"make".into(), &1.into(), &true.into())
    );
    assert_eq!(event["claimed_by"]["kind"], "human");
    assert!(history.all("run_finished").next().unwrap().0 < *first);
    test.ostler(&["runs", "show", &run]).code(0).says("verified by bob");
    let report = test.report();
    let rechecks = &found(&report, "make")["rechecks"];
    assert_eq!(
        (&rechecks[0]["independent"], &rechecks[0]["checks"][2]["how"]),
        (&true.into(), &"test -s out".into())
    );
    test.ostler(&["step", "show", "make"]).says("verified by bob");
}

#[test]
fn what_is_no_longer_so_is_said_everywhere() {
    let (test, run) = built();
    std::fs::write(test.path().join("out"), "rotten\n").unwrap();
    let ran = recheck(&test, &["--as", "human:bob"]).code(4);
    ran.says("✗ make  no longer so").says("observed  ✗ `rotten`").says("✓ checked  as claimed");
    let shown = test.ostler(&["runs", "show"]).code(0);
    shown.says("✗ `make` is no longer so, as bob saw: file").says("observed `rotten`");
    // Each look counts by itself, and the last one of a step is what is known.
    let named = ["runs", "verify", &run, "checked", "--recheck"];
    test.ostler(&named).code(0).says("✓ checked  as claimed, by the same hand");
    let junit = test.ostler(&["runs", "show", "--format", "junit"]).code(0);
    junit.says("failures=\"2\"").says("type=\"no_longer_so\"");
    let page = test.ostler(&["runs", "show", "--format", "markdown"]).code(0);
    page.says("- ! \\`make\\` is no longer so, as bob saw");
    std::fs::write(test.path().join("out"), "built\n").unwrap();
    recheck(&test, &["--as", "human:bob"]).code(0);
    let shown = test.ostler(&["runs", "show"]).code(0);
    assert!(!shown.stdout.contains("no longer so"), "{}", shown.stdout);
    shown.says("verified by bob");
}

#[test]
fn all_values_are_those_of_the_attempt_that_passed() {
    let text = r#"
[[params]]
name = "size"
default = "small"
[[steps]]
id = "tries"
cmd = "test {size} = large; echo {size} > size; echo {attempt} > number"
on_error = { strategy = "Retry", max = 3, backoff_s = 0, escalate = { size = ["small", "medium", "large"] } }
verify = { cmd = "test {size}-{attempt} = large-3; test $(cat number) = $OSTLER_ATTEMPT; test {run.id} = $OSTLER_RUN" }
[[steps]]
id = "each"
needs = ["tries"]
for_each = { items = ["x", "y"], as = "it" }
cmd = "touch {it}"
expect = { file = { path = "{it}" } }
[[finally]]
id = "swept"
cmd = "touch swept"
expect = { file = { path = "swept" } }
"#;
    let test = Test::with("v", text);
    test.ostler(&["run", "v"]).code(0);
    let run = test.run();
    let said = recheck(&test, &["--format", "json"]).code(0).json();
    assert_eq!(claim(&said, "tries")["attempt"], 3);
    assert_eq!(claim(&said, "tries")["with"]["{size}"], "large");
    std::fs::remove_file(test.path().join("y")).unwrap();
    // A step that fanned out is meant with all its instances.
    let said = test.ostler(&["runs", "verify", &run, "each", "--recheck", "--format", "json"]);
    let said = said.code(4).json();
    let standing = |step| &claim(&said, step)["standing"];
    assert_eq!((standing("each[x]"), standing("each[y]")), (&"holds".into(), &"broken".into()));
    test.ostler(&["runs", "verify", &run, "each[x]", "swept", "--recheck"]).code(0);
}

const SIGNED: &str = r#"
[[steps]]
id = "sign"
actor = "Human"
action = "Sign the build"
verify = { cmd = "test -e signed" }
"#;

#[test]
fn who_said_that_it_is_done_is_not_the_one_who_looks() {
    let test = Test::with("v", SIGNED);
    test.ostler(&["run", "v"]).code(5);
    let run = test.run();
    let mut answer = test.command(&["step", "answer", "sign", "passed", "--note", "done"]);
    assert!(answer.env("USER", "ada").status().unwrap().success());
    let ada =
        found(&test.report(), "sign")["attempts"][0]["by"]["name"].as_str().unwrap().to_owned();
    let by = |who: &str| {
        let who = format!("human:{who}");
        test.ostler(&["runs", "verify", &run, "sign", "--recheck", "--as", &who])
    };
    by(&ada).code(6).complains("said that `sign` is done: another must see").complains("--as");
    // Where all of the run is looked at, the rest is looked at all the same.
    let all = recheck(&test, &["--as", &format!("human:{ada}")]).code(6);
    all.says("✗ sign  refused").says("1 refused");
    by("bob").code(4).says("no longer so");
    std::fs::write(test.path().join("signed"), "").unwrap();
    by("bob").code(0).says(&format!("by        {ada}"));
    let claims = History::of(&test, &[]);
    assert_eq!(claims.all("claim_checked").count(), 2, "a refusal is no look");
    let refused: Vec<_> = claims.all("refused").map(|(_, event)| &event["step"]).collect();
    assert_eq!(refused, ["sign", "sign"]);
    test.ostler(&["runs", "verify", &run]).code(0).says("sound");
}

#[test]
fn an_agent_looks_and_stays_an_agent() {
    let (test, _) = built();
    let as_agent = |more: &[&str]| {
        let mut command = test.command(&[&["runs", "verify", "--recheck"], more].concat());
        Ran::new(&command.env("OSTLER_ACTOR", "agent:bot").output().unwrap())
    };
    as_agent(&["--as", "human:ada"]).code(6).complains("an agent cannot be a person");
    as_agent(&["--as", "robot:x"]).code(2).complains("is nobody");
    as_agent(&[]).code(0).says("looked at again by agent bot");
    as_agent(&["--as", "agent:other"]).code(6).complains("it acts under no other name");
    test.ostler(&["runs", "show"]).code(0).says("verified by agent bot");
}

#[test]
fn where_nothing_can_be_looked_at_nothing_is_proven() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    test.ostler(&["run", "v"]).code(0);
    recheck(&test, &[]).code(2).says("- a  not checkable again").says("neither `verify` nor");
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'false'\n");
    test.ostler(&["run", "v"]).code(4);
    recheck(&test, &[]).code(2).says("no step has passed");
    let run = test.run();
    let ran = test.ostler(&["runs", "verify", &run, "a", "--recheck"]);
    ran.code(2).complains("`a` is failed: only what passed claims something");
}

#[test]
fn what_passed_in_another_run_or_was_called_is_looked_at_there() {
    let child = "[[steps]]\nid = 'c'\ncmd = 'true'\nverify = { cmd = 'true' }\n";
    let text = "[[steps]]\nid = 'a'\ncmd = 'touch a'\nexpect = { file = { path = 'a' } }\n\
        [[steps]]\nid = 'calls'\ncall = 'child'\n\
        [[steps]]\nid = 'b'\nneeds = ['a', 'calls']\ncmd = 'test -e b'\n";
    let test = Test::with("v", text).verb("child", child);
    test.ostler(&["run", "v"]).code(4);
    let first = test.run();
    std::fs::write(test.path().join("b"), "").unwrap();
    test.ostler(&["runs", "retry", "--failed"]).code(0);
    let ran = recheck(&test, &[]).code(2);
    ran.says(&format!("ostler runs verify {first} a --recheck"));
    test.ostler(&["runs", "verify", &first, "a", "--recheck"]).code(0);
    let ran = test.ostler(&["runs", "verify", &first, "calls", "--recheck"]).code(2);
    let at = ran.stdout.find("has its own claims: ").unwrap();
    let called = ran.stdout[at..].split("verify ").nth(1).unwrap().split(' ').next().unwrap();
    test.ostler(&["runs", "verify", called, "--recheck"]).code(0).says("✓ c  as claimed");
}

#[test]
fn a_run_that_goes_on_is_looked_at_and_a_signal_records_nothing() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'true'\n\
        verify = { cmd = 'test ! -e slow || { touch looking; sleep 600; }' }\n\
        [[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'touch runs; until test -e go; do sleep 0.02; done'\n";
    let test = Test::with("v", text);
    let engine = test.start(&["run", "v"]);
    test.wait_for("runs");
    recheck(&test, &[]).code(0).says("✓ a  as claimed");
    std::fs::write(test.path().join("slow"), "").unwrap();
    let look = test.start(&["runs", "verify", "--recheck"]);
    test.wait_for("looking");
    let pid = rustix::process::Pid::from_raw(look.id().cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    Ran::new(&look.wait_with_output().unwrap()).code(7);
    std::fs::write(test.path().join("go"), "").unwrap();
    Ran::new(&engine.wait_with_output().unwrap()).code(0);
    let history = History::of(&test, &[]);
    assert_eq!(history.all("claim_checked").count(), 1);
    assert_eq!(history.end(), "passed");
}

#[test]
fn what_looks_leave_behind_is_nowhere() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'true'\n\
        verify = { cmd = 'seq 20000; echo $OSTLER_OUTPUT >> written; (sleep 600 &)' }\n";
    let test = Test::with("v", text);
    test.ostler(&["run", "v"]).code(0);
    let files = || {
        let folder = test.path().join(".ostler/runs").join(test.run());
        let mut all: Vec<_> =
            std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name()).collect();
        all.sort();
        all
    };
    let before = files();
    recheck(&test, &[]).code(0);
    assert_eq!(files(), before);
    let written = test.read("written");
    let there = written.lines().last().unwrap();
    assert!(!std::path::Path::new(there).parent().unwrap().exists(), "{there}");
    test.ostler(&["runs", "verify"]).code(0);
}

#[test]
fn a_claim_is_of_one_step_if_that_is_named() {
    let (test, run) = built();
    let of = |more: &[&str]| test.ostler(&[&["runs", "verify", &run], more].concat());
    let said = of(&["look", "--recheck", "--format", "json"]).code(0).json();
    assert_eq!(said["recheck"]["claims"].as_array().unwrap().len(), 1);
    of(&["lok", "--recheck"]).code(2).complains("did you mean `look`?");
    of(&["drop", "--recheck"]).code(2).says("not checkable again").says("may change something");
    of(&["look"]).code(2).complains("--recheck");
    of(&["--as", "bob"]).code(2).complains("--recheck");
    test.ostler(&["runs", "export"]).code(0);
    let export = format!("{run}.jsonl");
    test.ostler(&["runs", "verify", &export, "--recheck"]).code(2).complains("where it ran");
}

#[test]
fn what_is_looked_at_for_an_agent_is_told_so() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'true'\nverify = { cmd = 'test \"$OSTLER_ACTOR\" = agent:eve' }\n";
    let test = Test::with("who", text);
    test.ostler(&["start", "who"]).code(0);
    test.ostler(&["step", "run", "who", "a", "--as", "agent:eve"]).code(0);
    recheck(&test, &["--as", "agent:eve"]).code(0).says("as claimed");
    recheck(&test, &["--as", "human:bob"]).code(4).says("no longer so");
}
