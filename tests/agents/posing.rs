//! Who says they are somebody else: an agent stays the agent that its environment says it is.

use std::os::unix::ffi::OsStrExt as _;

use crate::actors::status_of;
use crate::history::History;
use crate::refused::SIGN;
use crate::support::{Ran, Test};

#[test]
fn what_the_environment_calls_an_agent_becomes_no_person() {
    let test = Test::with("sign", SIGN);
    let x = test.who("agent:x");
    let run = x.opens("sign");
    x.told(&["step", "run", &run, "build"]);
    let human = ["--as", "human:ada"];
    let attempts: &[&[&str]] = &[
        &["step", "take", &run, "sign"],
        &["step", "next", &run],
        &["step", "run", &run, "ship"],
        &["step", "report", &run, "sign", "--status", "pass"],
        &["step", "release", &run, "sign"],
        &["step", "answer", &run, "sign", "passed"],
    ];
    for args in attempts {
        x.refused(&run, &[*args, &human].concat(), "an agent cannot be a person");
    }
    x.runs(&["start", "sign", "--as", "human"]).code(6).complains("an agent cannot be a person");
    x.runs(&["step", "next", &run, "--as", "nobody"]).code(2).complains("is nobody");
    test.who("human:bob").runs(&["runs", "veto", &run, "--note", "wait"]).code(0);
    let attempts: &[&[&str]] = &[
        &["runs", "veto", &run, "--note", "no"],
        &["runs", "veto", &run, "--lift", "--note", "go on"],
        &["runs", "verify", &run, "--recheck"],
        &["runs", "verify", &run, "build", "--recheck"],
    ];
    for args in attempts {
        x.refused(&run, &[*args, &human].concat(), "an agent cannot be a person");
    }
}

#[test]
fn who_poses_is_refused_in_a_run_whose_engine_died_too() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'touch runs; sleep 600'\n";
    let test = Test::with("dies", text);
    let mut engine = test.command(&["run", "dies"]).spawn().unwrap();
    test.wait_for("runs");
    engine.kill().unwrap();
    engine.wait().unwrap();
    let (run, x) = (test.run(), test.who("agent:x"));
    for args in [&["step", "next", &run][..], &["step", "answer", &run, "a", "passed"]] {
        x.runs(args).code(2).complains("died");
        x.refused(&run, &[args, &["--as", "human:ada"]].concat(), "cannot be a person");
    }
    test.ostler(&["runs", "resume", &run]).code(5);
}

#[test]
fn nothing_else_that_an_agent_can_say_answers_for_a_person() {
    let test = Test::with("sign", SIGN);
    let x = test.who("agent:x");
    let run = x.opens("sign");
    x.told(&["step", "run", &run, "build"]);
    x.runs(&["runs", "resume", &run]).code(5);
    let unasked = "only a person may say that nobody is asked";
    x.refused(&run, &["runs", "resume", &run, "--no-ask"], unasked);
    assert_eq!(status_of(&test, &run, "sign"), "asked");
    let history = History::of(&test, &[&run]);
    assert_eq!(history.all("step_answered").count(), 0);
    // It can end the run, in its own name; nothing has passed by that.
    x.runs(&["runs", "cancel", &run]).code(0);
    let history = History::of(&test, &[&run]);
    let cancel = &history.records[history.all("cancel_requested").next().unwrap().0];
    assert_eq!(cancel["event"]["by"], "agent x");
    assert_eq!(status_of(&test, &run, "sign"), "cancelled");
    // A retry takes over no more than what passed, and asks a person again.
    let told = x.told(&["runs", "retry", &run, "--failed"]);
    assert_eq!(
        (&told["waits"][0]["what"], &told["step"]),
        (&"person".into(), &serde_json::Value::Null)
    );
    assert_eq!(test.report()["steps"][1]["status"], "asked");
    assert_eq!(test.report()["trigger"], "agent");
}

#[test]
fn an_agent_of_a_name_acts_under_no_other() {
    let test = Test::with("sign", SIGN);
    let (a, b) = (test.who("agent:a"), test.who("agent:b"));
    let run = a.opens("sign");
    let token = a.takes(&run, "build");
    a.runs(&["runs", "veto", &run, "--note", "wait"]).code(0);
    let attempts: &[&[&str]] = &[
        &["step", "next", &run],
        &["step", "take", &run, "build"],
        &["step", "report", &run, "build", "--status", "fail", "--token", &token],
        &["step", "release", &run, "build"],
        &["step", "answer", &run, "build", "failed"],
        &["runs", "veto", &run, "--lift", "--note", "go on"],
        &["runs", "verify", &run, "--recheck"],
    ];
    for args in attempts {
        b.refused(&run, &[*args, &["--as", "agent:a"]].concat(), "it acts under no other name");
    }
    for args in [&["start", "sign", "--as", "agent:a"][..], &["mcp", "--as", "a"]] {
        b.runs(args).code(6).complains("it acts under no other name: leave out --as");
    }
    assert_eq!(status_of(&test, &run, "build"), "held");
    // By its kind alone it is who it is; and who has no name may give itself one.
    for own in ["agent", "agent:a"] {
        a.runs(&["mcp", "--as", own]).code(0);
        let brief = a.told(&["step", "next", &run, "--as", own]);
        assert_eq!(brief["step"]["id"], "build", "{brief}");
    }
    let brief = test.who("agent").told(&["step", "next", &run, "--as", "agent:a"]);
    assert_eq!(brief["step"]["id"], "build", "{brief}");
}

#[test]
fn whom_the_environment_names_is_read_or_an_error() {
    let test = Test::with("sign", SIGN);
    let run = test.who("agent:x").opens("sign");
    for actor in [&b"agent:\xff"[..], b"\xff", b"robot"] {
        for args in [&["step", "next", &run][..], &["runs", "resume", &run], &["mcp"]] {
            let mut command = test.command(args);
            command.env("OSTLER_ACTOR", std::ffi::OsStr::from_bytes(actor));
            let ran = Ran::new(&command.output().unwrap());
            ran.code(2).complains("OSTLER_ACTOR").complains("is nobody");
        }
    }
}
