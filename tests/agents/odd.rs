//! What seldom happens: too much evidence, secrets in outputs, signals, steps that are skipped, questions to probes.

use rustix::process::{Pid, Signal, kill_process};

use crate::actors::{Until, status_of};
use crate::history::History;
use crate::support::{Test, wait_until};

#[test]
fn evidence_that_is_too_large_to_be_judged_is_no_evidence() {
    let text = "
[[steps]]
id = 'a'
cmd = 'seq 3'
expect = { count = 3 }
";
    let test = Test::with("counts", text);
    let x = test.who("agent:x");
    let run = x.opens("counts");
    // Cut off it would pass: three lines, and then one that never ends.
    let much = format!("1\n2\n{}\n4\n", "3".repeat(1024 * 1024));
    std::fs::write(test.path().join("much"), much).unwrap();
    let report = ["step", "report", &run, "a", "--status", "pass", "--stdout"];
    let ran = x.runs(&[&report[..], &["much"]].concat()).code(2);
    ran.complains("much: more than 1 MiB; keep what is expected of it");
    x.runs(&[&report[..], &["missing"]].concat()).code(8).complains("missing");
    assert_eq!(status_of(&test, &run, "a"), "held");
}

#[test]
fn that_there_is_nothing_to_take_is_said_and_not_recorded() {
    let test = Test::with("one", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    let (x, y) = (test.who("agent:x"), test.who("agent:y"));
    let run = x.opens("one");
    let before = History::of(&test, &[&run]).records.len();
    let ran = y.runs(&["step", "take", &run]).code(2);
    ran.complains("nothing can be taken now; see what is waited for: ostler step next");
    assert_eq!(
        History::of(&test, &[&run]).records.len(),
        before,
        "whoever asks often fills no log"
    );
}

#[test]
fn a_secret_among_reported_outputs_is_refused_and_not_stored() {
    let text = "
[[steps]]
id = 'a'
cmd = 'true'
secrets = { TOKEN = { env = 'TOKEN_HERE' } }
outputs = { said = 'string' }
on_error = 'Continue'
";
    let test = Test::with("tells", text);
    let x = test.who("agent:x");
    let secret = "s3cr3t-enough-to-be-known";
    let with = |args: &[&str]| {
        let mut command = x.command(args);
        command.env("TOKEN_HERE", secret);
        crate::support::Ran::new(&command.output().unwrap())
    };
    let run = x.opens("tells");
    let output = format!("said=it is {secret}");
    let rows = [("pass", "output `said` holds the secret"), ("fail", "leave out --output")];
    for (status, why) in rows {
        let report = ["step", "report", &run, "a", "--status", status, "--output", &output];
        with(&report).code(6).complains(why);
    }
    let held = std::fs::read(test.path().join(".ostler/state.db")).unwrap();
    let wal = std::fs::read(test.path().join(".ostler/state.db-wal")).unwrap_or_default();
    let is_there = |bytes: &[u8]| bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
    assert!(!is_there(&held) && !is_there(&wal), "the secret is stored");
    let report = ["step", "report", &run, "a", "--status", "pass", "--output", "said=nothing"];
    with(&report).code(0);
    assert_eq!(test.report()["status"], "passed");
}

#[test]
fn a_signal_to_who_lets_the_engine_run_a_step_ends_the_step_and_not_the_run() {
    let text = "
[[steps]]
id = 'a'
cmd = 'touch runs; until test -e go; do sleep 0.01; done'
[[steps]]
id = 'b'
cmd = 'true'
[[finally]]
id = 'last'
cmd = 'echo last >> journal'
";
    for signal in [Signal::TERM, Signal::INT] {
        let test = Test::with("signals", text);
        let (x, y) = (test.who("agent:x"), test.who("agent:y"));
        let run = test.who("human:ada").opens("signals");
        y.takes(&run, "b");
        let engine = Until::starts(x.command(&["step", "run", &run, "a"]));
        test.wait_for("runs");
        let pid = Pid::from_raw(i32::try_from(engine.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
        let ran = engine.ends();
        ran.code(5).says("a asked");
        // What others hold is theirs, and what was ended is asked about.
        let brief = x.told(&["step", "next", &run]);
        assert_eq!((&brief["step"]["id"], &brief["status"]), (&"a".into(), &"waiting".into()));
        assert_eq!(status_of(&test, &run, "b"), "held");
        std::fs::write(test.path().join("go"), "").unwrap();
        x.told(&["step", "run", &run, "a"]);
        y.told(&["step", "report", &run, "b", "--status", "pass"]);
        assert_eq!(
            (test.report()["status"].clone(), test.read("journal")),
            ("passed".into(), "last\n".into())
        );
    }
}

#[test]
fn a_run_of_which_somebody_skipped_steps_has_not_simply_passed() {
    let text = "
[[steps]]
id = 'a'
cmd = 'true'
[[steps]]
id = 'b'
depends_on = ['a']
cmd = 'true'
";
    let test = Test::with("skips", text);
    let x = test.who("agent:x");
    let run = x.opens("skips");
    let skip = ["step", "report", &run, "a", "--status", "skip", "--note", "not today"];
    x.told(&skip);
    x.told(&["step", "report", &run, "b", "--status", "pass"]);
    let report = test.report();
    assert_eq!(report["status"], "passed_with_failures", "{report:#}");
    assert_eq!(report["reason"], "1 skipped by somebody");
}

#[test]
fn a_lock_is_free_again_once_a_probe_has_said_what_became_of_its_step() {
    for (probe, ends) in [("true", "passed"), ("false", "held")] {
        let text = format!(
            "
[[steps]]
id = 'a'
locks = ['l']
on_interrupt = {{ probe = '{probe}' }}
cmd = 'true'
[[steps]]
id = 'b'
locks = ['l']
cmd = 'true'
"
        );
        let test = Test::with("locks", &text);
        let (x, y) = (test.who("agent:x"), test.who("agent:y"));
        let run =
            x.told(&["start", "locks", "--lease", "100ms"])["run"].as_str().unwrap().to_owned();
        let over = || y.told(&["step", "next", &run])["waits"].as_array().unwrap().is_empty();
        wait_until("the lease is over", over);
        let step = if ends == "passed" { "b" } else { "a" };
        y.takes(&run, step);
        assert_eq!(status_of(&test, &run, "a"), ends);
    }
}

#[test]
fn an_agent_does_not_let_a_persons_steps_fail_unasked() {
    let text = "
[[steps]]
id = 'build'
effect = 'Read'
cmd = 'touch runs; until test -e go; do sleep 0.01; done'
[[steps]]
id = 'sign'
actor = 'Human'
needs = ['build']
on_error = 'Continue'
[[steps]]
id = 'ship'
depends_on = ['sign']
cmd = 'true'
";
    let test = Test::with("signs", text);
    let x = test.who("agent:x");
    let run = x.opens("signs");
    let engine = Until::starts(x.command(&["step", "run", &run, "build"]));
    test.wait_for("runs");
    drop(engine);
    std::fs::write(test.path().join("go"), "").unwrap();
    // The engine would run it again, and then ask.
    x.refused(
        &run,
        &["runs", "resume", &run, "--no-ask"],
        "only a person may say that nobody is asked",
    );
    x.runs(&["runs", "resume", &run]).code(5);
    assert_eq!(status_of(&test, &run, "sign"), "asked");
    test.who("human:ada").runs(&["step", "answer", &run, "sign", "passed"]).code(5);
}

#[test]
fn that_nobody_is_asked_is_for_a_person_to_say() {
    let text = "
[[steps]]
id = 'sign'
actor = 'Human'
action = 'Sign it'
on_error = { strategy = 'Fallback', target = 'auto' }
[[steps]]
id = 'auto'
cmd = 'true'
[[steps]]
id = 'deploy'
needs = ['sign']
cmd = 'touch deployed'
";
    let test = Test::with("signed", text);
    let (x, ada) = (test.who("agent:x"), test.who("human:ada"));
    let why = "only a person may say that nobody is asked";
    for args in [&["run", "signed", "--no-ask"][..], &["signed", "--no-ask"]] {
        x.runs(args).code(6).complains(why);
    }
    assert_eq!(test.ostler(&["runs", "list"]).code(0).stdout, "", "none was opened");
    let run = x.opens("signed");
    ada.runs(&["runs", "cancel", &run]).code(0);
    x.refused(&run, &["runs", "retry", &run, "--no-ask"], why);
    let held = x.opens("signed");
    x.runs(&["runs", "veto", &held, "--note", "mine"]).code(0);
    x.refused(&held, &["runs", "veto", &held, "--lift", "--note", "go", "--no-ask"], why);
    assert!(!test.path().join("deployed").exists());
    ada.runs(&["run", "signed", "--no-ask"]).code(0);
    assert!(test.path().join("deployed").exists());
}

#[test]
fn a_persons_lease_that_is_over_is_not_their_consent() {
    let text = "
[[steps]]
id = 'sign'
actor = 'Human'
cmd = 'echo signed'
on_interrupt = { probe = 'test -e signed' }
[[steps]]
id = 'deploy'
needs = ['sign']
cmd = 'echo deploy'
";
    let test = Test::with("signed", text);
    let (x, ada) = (test.who("agent:x"), test.who("human:ada"));
    let run = x.opens("signed");
    ada.told(&["step", "take", &run, "sign", "--lease", "100ms"]);
    std::fs::write(test.path().join("signed"), "").unwrap();
    wait_until("the lease is over", || {
        x.told(&["step", "next", &run])["waits"][0]["what"] == "person"
    });
    assert_eq!(status_of(&test, &run, "sign"), "asked");
    x.refused(&run, &["step", "run", &run, "deploy"], "the turn of `deploy` has not come");
}

#[test]
fn an_agent_cancels_what_it_opened_and_a_person_the_run_that_goes_on() {
    let test = Test::with("two", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    let (x, y, ada) = (test.who("agent:x"), test.who("agent:y"), test.who("human:ada"));
    let run = x.opens("two");
    y.refused(&run, &["runs", "cancel", &run], "agent y cancels no run but those it opened");
    x.runs(&["runs", "cancel", &run]).code(0);
    let going = x.opens("two");
    test.ostler(&["two"]).code(0);
    // The latest has ended; without a name the one that goes on is meant.
    ada.runs(&["runs", "veto", "--note", "wait"]).code(0).says(&going);
    ada.runs(&["runs", "cancel"]).code(0).says(&going);
    ada.runs(&["runs", "cancel"]).code(2).complains("has ended: passed");
}

#[test]
fn a_pass_that_cannot_be_looked_at_is_refused() {
    let text = r#"
[[steps]]
id = 'make'
effect = 'Read'
outputs = { name = 'string' }
cmd = '''echo '{"name": {"b64": "//4="}}' >> "$OSTLER_OUTPUT"'''
[[steps]]
id = 'use'
needs = ['make']
expect = { file = { path = 'made', contains = '{steps.make.outputs.name}' } }
[[steps]]
id = 'seen'
needs = ['make']
cmd = 'true'
verify = { cmd = 'true', expect = { stdout = { contains = '{steps.make.outputs.name}' } } }
"#;
    let test = Test::with("bytes", text).file("made", "");
    let (x, p) = (test.who("agent:x"), test.who("human:ada"));
    let run = x.opens("bytes");
    x.told(&["step", "run", &run, "make"]);
    let report = |step| ["step", "report", &run, step, "--status", "pass"];
    x.refused(&run, &report("use"), "it cannot be looked at whether `use` is done: ");
    x.refused(&run, &report("use"), "; report fail\n");
    let engine = format!("; report fail, or let the engine run it: ostler step run {run} seen");
    p.refused(&run, &report("seen"), &engine);
    x.told(&["step", "report", &run, "use", "--status", "fail"]);
}
