//! Vetoes: they hold a run that goes on, and stand on what came of one that has ended.
//!
//! Behaviours shown here (`docs/behaviours.md`): S14.

use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::crash::rewrite;
use crate::history::History;
use crate::prune::database;
use crate::support::{Ran, Test, status, wait_until};

/// Each step says that it began, and waits until it may end.
fn held(step: &str, more: &str) -> String {
    format!(
        "[[steps]]\nid = '{step}'\n{more}\ncmd = 'echo {step} >> began; touch {step}.began; \
         until test -e {step}.go; do sleep 0.02; done'\n"
    )
}

fn go(test: &Test, step: &str) {
    std::fs::write(test.path().join(format!("{step}.go")), "").unwrap();
}

fn veto(test: &Test, more: &[&str]) -> Ran {
    test.ostler(&[&["runs", "veto", "--note", "no backup"], more].concat())
}

fn lift(test: &Test, more: &[&str]) -> Ran {
    test.ostler(&[&["runs", "veto", "--lift", "--note", "there is one"], more].concat())
}

fn listed(test: &Test, run: &str) -> Value {
    let all = test.ostler(&["runs", "list", "--format", "json"]).code(0).json();
    all["runs"].as_array().unwrap().iter().find(|one| one["run"] == *run).unwrap().clone()
}

/// The end of an engine, whose run it was.
fn ended(engine: Child) -> Ran {
    Ran::new(&engine.wait_with_output().unwrap())
}

#[test]
fn what_runs_ends_and_nothing_new_starts() {
    let text = held("a", "") + &held("b", "needs = ['a']");
    let test = Test::with("v", &text);
    let engine = test.start(&["run", "v"]);
    test.wait_for("a.began");
    let run = test.run();
    veto(&test, &["--as", "human:bob"]).code(0).says("is vetoed by bob").says("nothing new starts");
    assert_eq!(listed(&test, &run)["status"], "running");
    go(&test, "a");
    // The engine leaves: nobody need be there while it waits.
    let left = ended(engine).code(5);
    left.complains("✗ vetoed by bob: no backup; nothing new starts").says("✗ VETO by bob");
    assert_eq!(test.read("began"), "a\n");
    assert_eq!(listed(&test, &run)["status"], "waiting");
    assert_eq!(listed(&test, &run)["vetoes"][0]["by"]["name"], "bob");
    test.ostler(&["runs", "list"]).says("vetoed by bob: no backup");
    test.ostler(&["list"]).says("! v vetoed by bob: no backup");
    test.ostler(&["doctor"]).code(0).says("is vetoed by bob");
    // To resume it settles what there is to settle, and starts nothing.
    let ran = test.ostler(&["runs", "resume"]).code(5);
    ran.says("v waits for somebody: vetoed by bob").says("runs veto").says("--lift --note WHY");
    assert_eq!(test.read("began"), "a\n");
    // Who started it does not lift another's veto; somebody else does, and it goes on.
    lift(&test, &[]).code(6).complains("started the run").complains("bob may");
    let history = History::of(&test, &[]);
    assert_eq!(history.all("refused").next().unwrap().1["what"], "lift");
    go(&test, "b");
    let ran = lift(&test, &["--as", "human:zoe"]).code(0);
    ran.complains("zoe lifts a veto: there is one").says("v passed");
    assert_eq!(test.read("began"), "a\nb\n");
    assert_eq!(listed(&test, &run)["vetoes"], serde_json::json!([]));
    lift(&test, &[]).code(2).complains("no veto stands");
    assert_eq!(History::of(&test, &[]).end(), "passed");
}

#[test]
fn an_answer_is_taken_and_nothing_follows_it() {
    let text = "[[steps]]\nid = 'sign'\nactor = 'Human'\n\
        [[steps]]\nid = 'b'\nneeds = ['sign']\ncmd = 'touch b'\n\
        [[finally]]\nid = 'swept'\ncmd = 'touch swept'\n";
    let test = Test::with("v", text);
    test.ostler(&["run", "v"]).code(5);
    veto(&test, &["--as", "agent:bot"]).code(0).says("vetoed by agent bot");
    let ran = test.ostler(&["step", "answer", "sign", "passed"]).code(5);
    ran.says("✗ VETO by agent bot: no backup").says("✓ sign");
    assert!(!test.path().join("b").exists());
    let report = test.report();
    assert_eq!((&report["status"], status(&report, "b")), (&"waiting".into(), "ready".to_owned()));
    assert_eq!(report["vetoes"][0]["by"], serde_json::json!({ "kind": "agent", "name": "bot" }));
    let junit = test.ostler(&["runs", "show", "--format", "junit"]).code(0);
    junit.says("<failure message=\"vetoed by agent bot: no backup\" type=\"vetoed\"");
    test.ostler(&["runs", "show", "--format", "markdown"]).says("**VETO** by agent bot");
    // An agent lifts its own and no other.
    veto(&test, &["--as", "human:bob"]).code(0);
    lift(&test, &["--as", "agent:bot"]).code(0).says("vetoed by bob");
    assert!(!test.path().join("b").exists());
    lift(&test, &["--as", "agent:bot"]).code(6).complains("lifts no veto but its own");
    lift(&test, &["--as", "human:bob"]).code(0);
    assert!(test.path().join("b").exists() && test.path().join("swept").exists());
}

#[test]
fn nothing_is_handed_out_and_what_is_in_hand_may_be_reported() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'true'\n[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'touch b'\n\
        [[steps]]\nid = 'sign'\nactor = 'Human'\n";
    let test = Test::with("v", text);
    let bot = |args: &[&str]| test.ostler(&[args, &["--as", "agent:bot"]].concat());
    bot(&["start", "v"]).code(0).says("step a");
    veto(&test, &["--as", "human:bob"]).code(0);
    let run = test.run();
    let told = bot(&["step", "report", &run, "a", "--status", "pass"]).code(0);
    told.says("a passed").says("VETO by bob: no backup; nothing new begins");
    let refused = format!("run {run} is vetoed by bob: no backup; nothing new begins");
    bot(&["step", "take", &run, "b"]).code(6).complains(&refused);
    bot(&["step", "take", &run]).code(6);
    bot(&["step", "run", &run, "b"]).code(6).complains(&refused);
    test.ostler(&["step", "report", &run, "b", "--status", "pass"]).code(6).complains(&refused);
    // A person's answer is taken.
    test.ostler(&["step", "report", &run, "sign", "--status", "pass"]).code(0);
    let told = bot(&["step", "next", &run]).code(0);
    assert!(!told.stdout.contains("step b"), "{}", told.stdout);
    assert_eq!(test.report()["status"], "waiting");
    lift(&test, &["--as", "human:bob"]).code(5);
    bot(&["step", "take", &run, "b"]).code(0).says("step b");
    bot(&["step", "run", &run, "b"]).code(0);
    assert!(test.path().join("b").exists());
    test.ostler(&["runs", "verify"]).code(0);
}

#[test]
fn a_vetoed_run_is_cancelled_with_its_finally() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'true'\n[[steps]]\nid = 'sign'\nneeds = ['a']\nactor = 'Human'\n\
        [[finally]]\nid = 'swept'\ncmd = 'touch swept'\n";
    let test = Test::with("v", text);
    test.ostler(&["run", "v"]).code(5);
    veto(&test, &[]).code(0);
    test.ostler(&["runs", "cancel"]).code(0).says("✗ VETO").says("v cancelled");
    assert!(test.path().join("swept").exists());
    test.ostler(&["runs", "verify"]).code(6).says("✗ VETO").says("sound");
    // One's own veto is lifted by oneself.
    lift(&test, &[]).code(0);
    test.ostler(&["runs", "verify"]).code(0);
}

#[test]
fn a_killed_engine_changes_nothing_of_a_veto() {
    let text = held("a", "on_interrupt = 'Rerun'") + &held("b", "needs = ['a']");
    let test = Test::with("v", &text);
    let mut engine = test.start(&["run", "v"]);
    test.wait_for("a.began");
    let run = test.run();
    veto(&test, &["--as", "human:bob"]).code(0);
    engine.kill().unwrap();
    engine.wait().unwrap();
    wait_until("what it ran was ended", || listed(&test, &run)["engine"] == "dead");
    test.ostler(&["runs", "resume"]).code(5).says("✗ VETO");
    assert_eq!(test.read("began"), "a\n");
    let history = History::of(&test, &[]);
    assert_eq!(
        (history.all("step_interrupted").count(), history.all("step_started").count()),
        (1, 1)
    );
    ["a", "b"].iter().for_each(|step| go(&test, step));
    lift(&test, &["--as", "human:bob"]).code(0).says("v passed");
    assert_eq!(test.read("began"), "a\na\nb\n");
    History::of(&test, &[]).check_attempts();
}

#[test]
fn a_killed_engine_is_gone_on_with_by_who_lifts_the_veto() {
    let test =
        Test::with("v", &(held("a", "on_interrupt = 'Rerun'") + &held("b", "needs = ['a']")));
    let engine = test.start(&["run", "v"]);
    test.wait_for("a.began");
    veto(&test, &["--as", "human:bob"]).code(0);
    let pid = Pid::from_raw(engine.id().cast_signed()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    drop(engine.wait_with_output());
    ["a", "b"].iter().for_each(|step| go(&test, step));
    lift(&test, &["--as", "human:bob"]).code(0).says("v passed");
    assert_eq!(test.read("began"), "a\na\nb\n");
}

#[test]
fn a_called_run_is_vetoed_by_itself() {
    let child = held("a", "") + "[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'touch b'\n";
    let test = Test::with("v", "[[steps]]\nid = 'calls'\ncall = 'child'\n").verb("child", &child);
    let engine = test.start(&["run", "v"]);
    test.wait_for("a.began");
    let all = test.ostler(&["runs", "list", "--verb", "child", "--format", "json"]).json();
    let called = all["runs"][0]["run"].as_str().unwrap().to_owned();
    veto(&test, &[&called, "--as", "human:bob"]).code(0);
    go(&test, "a");
    wait_until("it waits", || listed(&test, &called)["status"] == "waiting");
    assert!(!test.path().join("b").exists());
    // Its engine stays for its caller, and goes on with it.
    lift(&test, &[&called, "--as", "human:bob"]);
    ended(engine).code(0);
    assert!(test.path().join("b").exists());
}

#[test]
fn who_steps_through_a_vetoed_run_is_offered_nothing_that_is_refused() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'true'\n[[steps]]\nid = 'b'\ncmd = 'true'\n\
        [[steps]]\nid = 'sign'\nactor = 'Human'\n";
    let test = Test::with("v", text);
    let bot = |args: &[&str]| {
        test.ostler(&[args, &["--as", "agent:bot", "--format", "json"]].concat()).code(0).json()
    };
    bot(&["start", "v"]);
    let run = test.run();
    bot(&["step", "take", &run, "a"]);
    veto(&test, &["--as", "human:bob"]).code(0);
    // What it holds it reports; the engine begins nothing.
    let calls = bot(&["step", "next", &run])["step"]["calls"].clone();
    assert_eq!((&calls["take"], &calls["run"]), (&Value::Null, &Value::Null));
    assert!(calls["pass"].is_string() && calls["fail"].is_string(), "{calls}");
    bot(&["step", "report", &run, "a", "--status", "pass"]);
    let told = bot(&["step", "next", &run]);
    assert_eq!((&told["step"], &told["also"]), (&Value::Null, &serde_json::json!([])));
    let person = test.ostler(&["step", "next", &run]).code(0).says("VETO by bob: no backup");
    assert!(!person.stdout.contains("may have run"), "{}", person.stdout);
    let way = format!("`ostler runs veto {run} --lift --note WHY`");
    test.ostler(&["step", "take", &run, "b"]).code(6).complains(&way);
    test.ostler(&["runs", "retry", &run]).code(2).complains(&format!("`ostler step next {run}`"));
    // One that has ended is run again as a whole, or not at all.
    lift(&test, &["--as", "human:bob"]).code(5);
    bot(&["step", "take", &run, "b"]);
    let failed = ["step", "report", &run, "b", "--status", "fail", "--note", "no"];
    let again = format!("ostler runs retry {run} --failed");
    assert_eq!(bot(&failed)["again"], *again);
    veto(&test, &["--as", "human:bob"]).code(0);
    let told = bot(&["step", "next", &run]);
    assert_eq!((&told["status"], &told["again"]), (&"failed".into(), &Value::Null));
    test.ostler(&["runs", "retry", &run, "--failed"]).code(6).complains(&way);
}

const ENDED: &str = "[[steps]]\nid = 'a'\ncmd = 'true'\nverify = { cmd = 'true' }\n\
    [[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'test -e b'\n";

#[test]
fn a_veto_on_what_has_ended_stands_in_the_record_and_its_exports() {
    let test = Test::with("v", ENDED);
    std::fs::write(test.path().join("b"), "").unwrap();
    test.ostler(&["run", "v"]).code(0);
    let run = test.run();
    test.ostler(&["runs", "verify", "--recheck", "--as", "human:bob"]).code(0);
    veto(&test, &["--as", "human:bob"]).code(0).says("it has ended");
    let shown = test.ostler(&["runs", "show"]).code(0);
    assert!(shown.stdout.starts_with("✗ VETO by bob: no backup\n"), "{}", shown.stdout);
    shown.says("v passed");
    let said = test.ostler(&["runs", "verify", "--format", "json"]).code(6).json();
    assert_eq!((&said["sound"], &said["ended"]), (&true.into(), &"passed".into()));
    assert_eq!(said["vetoes"][0]["note"], "no backup");
    // All of it is in an export, and checked there without us knowing the run.
    test.ostler(&["runs", "export", "--to", "one"]).code(0);
    let verify = |file: &str| test.ostler(&["runs", "verify", file, "--format", "json"]);
    let export = format!("one/{run}.jsonl");
    let there = verify(&export).code(6).json();
    assert_eq!((&there["head"], &there["vetoes"]), (&said["head"], &said["vetoes"]));
    let text = test.read(&export);
    let changed =
        test.file("one/changed.jsonl", &text.replacen("\"claim_checked\"", "\"claim_Checked\"", 1));
    let verify = |file: &str| changed.ostler(&["runs", "verify", file, "--format", "json"]);
    verify("one/changed.jsonl").code(8);
    lift(&changed, &["--as", "human:bob"]).code(0).says("v passed");
    changed.ostler(&["runs", "verify"]).code(0);
    changed.ostler(&["runs", "export", "--to", "two"]).code(0);
    assert_eq!(verify(&format!("two/{run}.jsonl")).code(0).json()["ended"], "passed");
    changed.ostler(&["runs", "diff", &run, &run]).code(0);
    // The list of runs is held against the log.
    let other = "UPDATE runs SET vetoes = (SELECT '[{\"record\":1,\"by\":{\"kind\":\"human\",\"name\":\"x\"},\
        \"at\":\"2026-01-01T00:00:00.000Z\",\"note\":\"n\"}]')";
    database(&changed).execute(other, []).unwrap();
    changed.ostler(&["runs", "verify"]).code(8).says("it is listed with 1 vetoes, its log says 0");
}

#[test]
fn what_is_vetoed_is_not_let_go_nor_taken_over() {
    let test =
        Test::with("v", ENDED).file("ostler.toml", "[retention]\nfailed = '1ms'\nlogs = '1ms'\n");
    test.ostler(&["run", "v"]).code(4);
    let run = test.run();
    veto(&test, &["--as", "human:bob"]).code(0);
    test.ostler(&["runs", "prune"]).code(0).says("1 is vetoed");
    test.ostler(&["runs", "retry", "--failed"])
        .code(6)
        .complains("is vetoed by bob")
        .complains("--lift");
    test.ostler(&["runs", "retry"]).code(4);
    lift(&test, &[&run, "--as", "human:bob"]).code(0);
    test.ostler(&["runs", "retry", &run, "--failed"]).code(4);
    assert_eq!(test.report()["steps"][0]["taken_over"]["run"], *run);
    test.ostler(&["runs", "prune"]).code(0).says("3 go");
    test.ostler(&["runs", "veto", &run, "--note", "late"]).code(2).complains("was let go");
}

#[test]
fn a_veto_says_why_and_an_agent_is_no_person() {
    let test = Test::with("v", ENDED);
    test.ostler(&["runs", "veto", "--note", "x"]).code(2).complains("nothing was run");
    test.ostler(&["run", "v"]).code(4);
    test.ostler(&["runs", "veto"]).code(2).complains("--note");
    test.ostler(&["runs", "veto", "--note", " "]).code(2).complains("a veto says why");
    let as_agent = |args: &[&str]| {
        let mut command = test.command(args);
        Ran::new(&command.env("OSTLER_ACTOR", "agent").output().unwrap())
    };
    veto(&test, &["--as", "human:bob"]).code(0);
    let note = ["runs", "veto", "--lift", "--note", "x"];
    as_agent(&note).code(6).complains("lifts no veto but its own");
    as_agent(&[&note[..], &["--as", "human:zoe"]].concat()).code(6).complains("OSTLER_ACTOR");
}

#[test]
fn a_log_of_the_schema_before_is_read_and_written_on() {
    let test = Test::with("v", "[[steps]]\nid = 'sign'\nactor = 'Human'\n");
    test.ostler(&["run", "v"]).code(5);
    let mut records = History::of(&test, &[]).records;
    records.iter_mut().for_each(|record| record["v"] = 3.into());
    rewrite(&database(&test), &mut records);
    test.ostler(&["runs", "verify"]).code(0);
    veto(&test, &[]).code(0);
    lift(&test, &[]).code(5);
    test.ostler(&["step", "answer", "sign", "passed"]).code(0);
    let versions: Vec<u64> =
        History::of(&test, &[]).records.iter().map(|r| r["v"].as_u64().unwrap()).collect();
    assert!(versions.starts_with(&[3, 3]) && versions.ends_with(&[4, 4]), "{versions:?}");
}
