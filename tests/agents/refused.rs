//! What an agent cannot do: each is refused with exit 6, and the refusal is in the log.

use crate::actors::status_of;
use crate::history::History;
use crate::support::Test;

const TWO: &str = "
[[steps]]
id = 'a'
cmd = 'true'
[[steps]]
id = 'b'
cmd = 'true'
[[steps]]
id = 'c'
needs = ['a', 'b']
cmd = 'true'
";

#[test]
fn an_agent_reports_only_what_it_holds() {
    let test = Test::with("two", TWO);
    let (x, y) = (test.who("agent:x"), test.who("agent:y"));
    let run = x.opens("two");
    let report = |step| ["step", "report", &run, step, "--status", "pass"];
    // It was handed `a`, and nobody holds `b`.
    x.refused(&run, &report("b"), "you do not hold `b`: take it first");
    y.refused(&run, &report("a"), "`a` is held by agent x until");
    y.refused(&run, &["step", "take", &run, "a"], "`a` is held by agent x until");
    y.refused(&run, &["step", "run", &run, "a"], "`a` is held by agent x until");
    y.refused(&run, &["step", "release", &run, "a"], "`a` is held by agent x until");
    y.refused(&run, &["step", "release", &run, "b"], "you do not hold `b`");
    // Also with the other's token.
    let token = x.takes(&run, "a");
    let with = [&report("a")[..], &["--token", &token]].concat();
    y.refused(&run, &with, "`a` is held by agent x until");
    let wrong = [&report("a")[..], &["--token", "1"]].concat();
    x.refused(&run, &wrong, "the lease under token 1 is over");
    x.refused(&run, &report("nothing"), "has no step `nothing`");
    assert_eq!(status_of(&test, &run, "a"), "held");
    assert_eq!(History::of(&test, &[&run]).all("step_reported").count(), 0);
}

#[test]
fn an_agent_reports_no_step_of_another_run_nor_out_of_order_nor_after_the_end() {
    let one = "[[steps]]\nid = 'only'\ncmd = 'true'\n";
    let test = Test::with("two", TWO).verb("one", one);
    let x = test.who("agent:x");
    let (two, other) = (x.opens("two"), x.opens("one"));
    let report = |run: &'static str, step| ["step", "report", run, step, "--status", "pass"];
    let two_: &'static str = two.clone().leak();
    let other_: &'static str = other.clone().leak();
    x.refused(&two, &report(two_, "only"), "has no step `only`");
    x.refused(&other, &report(other_, "a"), "has no step `a`");
    // A token of the other run is none of this one.
    let token = x.takes(&other, "only");
    let with = [&report(two_, "b")[..], &["--token", &token]].concat();
    x.refused(&two, &with, "is over");
    for what in [&["step", "take", two_, "c"][..], &["step", "run", two_, "c"], &report(two_, "c")]
    {
        x.refused(&two, what, "the turn of `c` has not come: it comes after `a`, `b`");
    }
    x.told(&report(other_, "only"));
    for args in [&report(other_, "only")[..], &["step", "take", other_, "only"]] {
        x.refused(&other, args, "has ended: passed");
    }
    x.runs(&["step", "take", other_]).code(2).complains("has ended: passed");
    x.refused(&other, &["step", "run", other_, "only"], "has ended: passed");
    x.refused(&other, &["step", "release", other_, "only"], "has ended: passed");
    test.ostler(&["runs", "verify", &other]).code(0).says("sound");
    test.ostler(&["runs", "show", &other]).code(0).says("passed");
}

#[test]
fn a_person_takes_a_step_from_an_agent_that_will_not_come_back() {
    let test = Test::with("two", TWO);
    let (x, y, ada) = (test.who("agent:x"), test.who("agent:y"), test.who("human:ada"));
    let run = x.opens("two");
    let token = x.takes(&run, "a");
    let release = ["step", "release", &run, "a"];
    y.refused(&run, &release, "`a` is held by agent x until");
    ada.told(&[&release[..], &["--note", "its machine is gone"]].concat());
    let late = ["step", "report", &run, "a", "--status", "pass", "--token", &token];
    x.refused(&run, &late, &format!("the lease under token {token} is over"));
    let brief = y.told(&["step", "take", &run, "a"]);
    assert_eq!(
        brief["step"]["before"],
        "agent x held it until a person ended that: its machine is gone"
    );
    // What a person holds nobody takes away.
    let bob = test.who("human:bob");
    bob.takes(&run, "b");
    ada.refused(&run, &["step", "release", &run, "b"], "`b` is held by bob until");
}

/// Steps that somebody does, each with something that its pass requires.
const LOOKED_AT: &str = "
[[steps]]
id = 'file'
action = 'write it'
expect = { file = [{ path = 'made', contains = 'good' }] }
[[steps]]
id = 'gone'
cmd = 'rm -f made'
depends_on = ['file']
expect = { file = [{ path = 'made', exists = false }] }
[[steps]]
id = 'stdout'
cmd = 'echo good'
expect = { stdout = { contains = 'good' } }
[[steps]]
id = 'count'
cmd = 'seq 3'
expect = { count = 3 }
[[steps]]
id = 'stderr'
cmd = 'true'
expect = { stderr = { empty = true } }
[[steps]]
id = 'exit'
cmd = 'exit 3'
expect = { exit = [3] }
[[steps]]
id = 'json'
cmd = 'cat state.json'
expect = { stdout = { json = { '/state' = 'ok' } } }
[[steps]]
id = 'verified'
action = 'see to it'
verify = { cmd = '[[ -e $OSTLER_STEP ]]' }
[[steps]]
id = 'checked'
checks = [{ name = 'one', cmd = 'true' }, { name = 'two', cmd = 'test -e checked' }]
[[steps]]
id = 'unchanged'
cmd = 'true'
expect = { unchanged = ['kept'] }
[[steps]]
id = 'waits'
wait = { until = 'true', deadline = '10s' }
[[steps]]
id = 'copies'
copy = { from = 'kept', to = 'copy' }
[[steps]]
id = 'calls'
call = { verb = 'one' }
[[steps]]
id = 'plain'
cmd = 'true'
";

fn looked_at() -> Test {
    let one = "[[steps]]\nid = 'only'\ncmd = 'true'\n";
    Test::with("looks", LOOKED_AT).verb("one", one).file("kept", "as it was\n")
}

#[test]
fn an_agent_passes_no_step_whose_expectations_are_not_met() {
    let test = looked_at();
    let x = test.who("agent:x");
    let run = x.opens("looks");
    let file = |name: &str, text: &str| std::fs::write(test.path().join(name), text).unwrap();
    file("bad", "bad\n");
    file("good", "good\n");
    file("three", "1\n2\n3\n");
    file("state.json", "{\"state\": \"ok\"}");
    file("none", "");
    // Each: what is shown, and what is said of it.
    let rows: &[(&str, &[&str], &str)] = &[
        ("stdout", &[], "report it with --stdout FILE"),
        ("stdout", &["--stdout", "bad"], "stdout: expected"),
        ("stdout", &["--stdout", "good", "--exit", "1"], "exit: expected exit 0, observed exit 1"),
        ("count", &[], "report it with --stdout FILE"),
        ("count", &["--stdout", "good"], "expected 3"),
        ("stderr", &[], "report it with --stderr FILE"),
        ("stderr", &["--stderr", "bad"], "stderr: expected"),
        ("exit", &[], "report it with --exit CODE"),
        ("exit", &["--exit", "0"], "exit: expected exit 3"),
        ("json", &["--stdout", "bad"], "stdout"),
        ("file", &[], "made"),
        ("verified", &[], "verify"),
        ("checked", &[], "two"),
        ("unchanged", &[], "the engine has to do that"),
        ("waits", &[], "the engine has to do that"),
        ("copies", &[], "the engine has to do that"),
        ("calls", &[], "the engine has to do that"),
        ("plain", &["--exit", "2"], "observed exit 2"),
    ];
    for (step, shown, why) in rows {
        x.takes(&run, step);
        let args = [&["step", "report", &run, step, "--status", "pass"], *shown].concat();
        x.refused(&run, &args, why);
        // It stays in hand.
        assert_eq!(status_of(&test, &run, step), "held", "{step}");
    }
    // Once it is so, the same report is a pass.
    file("made", "a good one\n");
    file("verified", "");
    file("checked", "");
    let rows: &[(&str, &[&str])] = &[
        ("stdout", &["--stdout", "good"]),
        ("count", &["--stdout", "three", "--exit", "0"]),
        ("stderr", &["--stderr", "none"]),
        ("exit", &["--exit", "3"]),
        ("json", &["--stdout", "state.json"]),
        ("file", &[]),
        ("verified", &[]),
        ("checked", &[]),
        ("plain", &[]),
    ];
    for (step, shown) in rows {
        x.told(&[&["step", "report", &run, step, "--status", "pass"], *shown].concat());
        assert_eq!(status_of(&test, &run, step), "passed", "{step}");
    }
    x.takes(&run, "gone");
    x.refused(&run, &["step", "report", &run, "gone", "--status", "pass"], "made");
    std::fs::remove_file(test.path().join("made")).unwrap();
    x.told(&["step", "report", &run, "gone", "--status", "pass"]);
    // And what only the engine can do, it does.
    for step in ["unchanged", "waits", "copies", "calls"] {
        x.told(&["step", "run", &run, step]);
    }
    let report = test.report();
    assert_eq!(report["status"], "passed", "{report:#}");
    test.ostler(&["runs", "verify", &run]).code(0).says("sound");
}

#[test]
fn an_agent_passes_no_step_without_its_outputs() {
    let text = "
[[steps]]
id = 'a'
action = 'count'
outputs = { n = 'int', name = 'string' }
[[steps]]
id = 'b'
needs = ['a']
cmd = 'echo {steps.a.outputs.n} > b'
";
    let test = Test::with("hands-on", text);
    let x = test.who("agent:x");
    let run = x.opens("hands-on");
    let report = ["step", "report", &run, "a", "--status", "pass"];
    let rows: &[(&[&str], &str)] = &[
        (&[], "`a` hands on `n`: give it with --output n=VALUE"),
        (&["--output", "n=7"], "`a` hands on `name`"),
        (&["--output", "n=seven", "--output", "name=x"], "output `n`"),
        (&["--output", "n=7", "--output", "name="], "output `name` is empty"),
        (&["--output", "n=7", "--output", "n=8", "--output", "name=x"], "is given twice"),
        (&["--output", "n=7", "--output", "name=x", "--output", "m=1"], "has no output `m`"),
    ];
    for (outputs, why) in rows {
        x.refused(&run, &[&report[..], outputs].concat(), why);
    }
    x.told(&[&report[..], &["--output", "n=7", "--output", "name=x"]].concat());
    x.told(&["step", "run", &run, "b"]);
    assert_eq!(test.read("b"), "7\n");
}

/// A step for an agent, one that only a person does, and one more.
pub(crate) const SIGN: &str = "
[[steps]]
id = 'build'
cmd = 'echo built >> journal'
[[steps]]
id = 'sign'
actor = 'Human'
needs = ['build']
action = 'sign it'
[[steps]]
id = 'ship'
needs = ['sign']
cmd = 'echo shipped >> journal'
";

#[test]
fn an_agent_does_no_persons_step_under_its_own_name() {
    let test = Test::with("sign", SIGN);
    let x = test.who("agent:x");
    let run = x.opens("sign");
    let brief = x.told(&["step", "run", &run, "build"]);
    assert!(brief["step"].is_null(), "{brief}");
    assert_eq!(brief["waits"][0]["what"], "person", "{brief}");
    let attempts: &[&[&str]] = &[
        &["step", "take", &run, "sign"],
        &["step", "run", &run, "sign"],
        &["step", "report", &run, "sign", "--status", "pass"],
        &["step", "report", &run, "sign", "--status", "fail"],
        &["step", "report", &run, "sign", "--status", "skip", "--note", "no need"],
        &["step", "release", &run, "sign"],
        &["step", "answer", &run, "sign", "passed"],
        &["step", "answer", &run, "sign", "failed"],
        &["step", "answer", "sign", "passed"],
    ];
    for args in attempts {
        x.refused(&run, args, "only a person may");
    }
    // By the option alone an agent is one, too.
    let args = ["step", "answer", &run, "sign", "passed", "--as", "agent:x"];
    test.ostler(&args).code(6).complains("only a person may");
    assert_eq!(status_of(&test, &run, "sign"), "asked");
    let p = test.who("human:ada");
    p.runs(&["step", "answer", &run, "sign", "passed"]).code(5);
    let record = &History::of(&test, &[&run]).records;
    let answered = record.iter().find(|r| r["event"]["type"] == "step_answered").unwrap();
    assert_eq!(
        (&answered["actor"]["kind"], &answered["actor"]["name"]),
        (&"human".into(), &"ada".into())
    );
    x.told(&["step", "run", &run, "ship"]);
    assert_eq!(test.read("journal"), "built\nshipped\n");
}

#[test]
fn an_answer_that_nobody_waits_for_is_refused_like_a_report() {
    let test = Test::with("sign", SIGN);
    let x = test.who("agent:x");
    let run = x.opens("sign");
    let answers = |step| ["passed", "failed", "rerun"].map(|a| ["step", "answer", &run, step, a]);
    for args in answers("sign") {
        x.refused(&run, &args, "only a person may answer `sign`");
    }
    for args in answers("ship") {
        x.refused(&run, &args, "`ship` is waiting: nobody is asked about it");
    }
    x.refused(&run, &["step", "answer", &run, "shop", "passed"], "did you mean `ship`?");
    x.runs(&["runs", "cancel", &run]).code(0);
    x.refused(&run, &["step", "answer", &run, "sign", "passed"], "has ended: cancelled");
}

#[test]
fn an_answer_of_an_agents_is_looked_at_like_a_report() {
    // The engine dies in a step that expects something.
    let text = "
[[steps]]
id = 'a'
cmd = 'touch runs; sleep 600'
expect = { file = [{ path = 'made' }] }
[[steps]]
id = 'b'
action = 'nothing to run'
";
    let test = Test::with("dies", text);
    let x = test.who("agent:x");
    let run = x.opens("dies");
    let mut engine = x.command(&["step", "run", &run, "a"]).spawn().unwrap();
    test.wait_for("runs");
    engine.kill().unwrap();
    engine.wait().unwrap();
    let brief = x.told(&["step", "next", &run]);
    assert_eq!(brief["step"]["id"], "a", "somebody has to say what became of it: {brief}");
    let answer = ["step", "answer", &run, "a", "passed"];
    x.refused(&run, &answer, "made");
    let answer_b = ["step", "answer", &run, "b", "passed"];
    x.refused(&run, &answer_b, "you do not hold `b`");
    std::fs::write(test.path().join("made"), "").unwrap();
    x.runs(&answer).code(5);
    assert_eq!(status_of(&test, &run, "a"), "passed");
}
