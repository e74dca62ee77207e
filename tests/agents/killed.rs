//! Killed at any instant between taking a step and reporting it, on either side: the run goes on as the leases say.
//!
//! Behaviours shown here (`docs/behaviours.md`): O3, O10, O11, O12.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::actors::{Until, Who, status_of};
use crate::history::{History, journaled};
use crate::many::count;
use crate::support::{Ran, Test};

/// Runs the program and kills it as it enters its `n`th system call of a kind; none if it ended before.
fn killed_at(who: Who<'_>, args: &[&str], call: &str, n: usize) -> Option<Ran> {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "strace.log", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=SIGKILL:when={n}")]);
    let program = who.command(args);
    strace.arg(program.get_program()).args(program.get_args()).current_dir(who.test.path());
    strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = Ran::new(&strace.output().expect("strace is needed"));
    assert!(matches!(ran.code, 0 | -9 | 137), "{ran:?}");
    (ran.code != 0).then_some(ran)
}

/// Kills at the calls of each kind in turn, until what is done ends before: how often it was killed.
fn kill_everywhere(calls: &[&str], mut at: impl FnMut(&str, usize) -> bool) {
    let every = count("OSTLER_TEST_EVERY", 5);
    for call in calls {
        let mut kills = 0;
        while at(call, 1 + kills * every) {
            kills += 1;
        }
        println!("{kills} kills at {call}");
        assert!(kills > 0, "{call} was never called");
    }
}

/// What a process does while it records.
const RECORDING: [&str; 5] = ["pwrite64", "fsync,fdatasync", "fcntl", "unlink,ftruncate", "write"];

/// Steps whose pass is looked at, and one after them.
fn looked_at() -> Test {
    let text = "
[[steps]]
id = 'a'
cmd = 'true'
verify = { cmd = 'echo looked >> looks' }
[[steps]]
id = 'b'
needs = ['a']
cmd = 'true'
";
    Test::with("two", text)
}

#[test]
fn a_report_is_wholly_there_or_not_at_all_and_making_it_again_changes_nothing() {
    let test = looked_at();
    let (opens, x) = (test.who("human:ada"), test.who("agent:x"));
    let (mut there, mut lost) = (0, 0);
    let calls = [&RECORDING[..], &["clone3,clone,vfork", "sendto"]].concat();
    kill_everywhere(&calls, |call, n| {
        let run = opens.opens("two");
        let token = x.takes(&run, "a");
        let report = ["step", "report", &run, "a", "--status", "pass"];
        // By the name of the report, or by the token alone.
        let by = if n % 2 == 0 { ["--id", "r-1"] } else { ["--token", &token] };
        let report = [&report[..], &by].concat();
        let ran = killed_at(x, &report, call, n);
        let reported = |history: &History| history.all("step_reported").count();
        let history = History::of(&test, &[&run]);
        if let Some(ran) = &ran {
            // What somebody was told is so.
            assert!(ran.stdout.is_empty() || reported(&history) == 1, "{call} {n}: {ran:?}");
            if reported(&history) == 1 { there += 1 } else { lost += 1 }
        }
        let brief = x.told(&report);
        assert_eq!(brief["last"]["status"], "passed", "{call} {n}: {brief:#}");
        assert_eq!(brief["step"]["id"], "b", "{call} {n}: it is handed the next: {brief:#}");
        let history = History::of(&test, &[&run]);
        assert_eq!(reported(&history), 1, "{call} {n}: {history:#?}");
        x.told(&report);
        assert_eq!(History::of(&test, &[&run]).records.len(), history.records.len());
        let other = x.runs(&[&report[..4], &["--status", "fail"], &by].concat()).code(6);
        other.complains("was reported under this token or id before, as pass");
        x.told(&["step", "report", &run, "b", "--status", "pass"]);
        test.ostler(&["runs", "verify", &run]).code(0).says("sound");
        ran.is_some()
    });
    println!("{there} were there, {lost} were not");
    assert!(there > 0 && lost > 0, "{there} were there, {lost} were not");
}

#[test]
fn a_step_is_taken_or_not_and_taking_it_again_gives_the_same_lease() {
    let test = looked_at();
    let (opens, x, y) = (test.who("human:ada"), test.who("agent:x"), test.who("agent:y"));
    kill_everywhere(&RECORDING[..4], |call, n| {
        let run = opens.opens("two");
        let ran = killed_at(x, &["step", "take", &run, "a"], call, n);
        let history = History::of(&test, &[&run]);
        let taken = history.all("step_taken").next().map(|(seq, _)| seq.to_string());
        if let Some(token) = taken {
            y.refused(&run, &["step", "take", &run, "a"], "`a` is held by agent x");
            assert_eq!(x.takes(&run, "a"), token, "{call} {n}");
        } else {
            y.takes(&run, "a");
            x.refused(&run, &["step", "take", &run, "a"], "`a` is held by agent y");
        }
        assert_eq!(History::of(&test, &[&run]).all("step_taken").count(), 1);
        ran.is_some()
    });
}

/// Steps that write down when the engine begins and ends them.
fn handed() -> Test {
    let step =
        |id: &str, more: &str| format!("[[steps]]\nid = '{id}'\n{more}{}", journaled(id, ""));
    let text = [step("a", ""), step("b", "needs = ['a']\n")].concat();
    let last = format!("[[finally]]\nid = 'last'\n{}", journaled("last", ""));
    Test::with("handed", &format!("{text}{last}"))
}

/// An agent goes on with a run to its end: what may have run it reports, or lets run again.
fn go_on(x: Who<'_>, run: &str, again: bool) {
    for _ in 0..20 {
        let brief = x.told(&["step", "next", run]);
        if brief["status"] != "waiting" {
            assert_eq!(brief["status"], "passed", "{brief:#}");
            return;
        }
        let step = brief["step"]["id"].as_str().unwrap_or_else(|| panic!("{brief:#}"));
        let asked = status_of(x.test, run, step) == "asked";
        if asked && !again {
            let report = ["step", "report", run, step, "--status", "pass", "--id", "r-1"];
            x.told(&report);
            let length = History::of(x.test, &[run]).records.len();
            x.told(&report);
            assert_eq!(
                History::of(x.test, &[run]).records.len(),
                length,
                "once more it is nothing"
            );
            let other = ["step", "report", run, step, "--status", "fail", "--id", "r-1"];
            x.refused(run, &other, "was reported under this token or id before, as pass");
        } else {
            let ran = x.runs(&["step", "run", run, step]);
            assert_eq!(ran.code, 0, "{ran:?}");
        }
    }
    panic!("the run does not come to its end");
}

#[test]
fn what_an_engine_that_died_was_handed_is_asked_about_and_reported_or_run_again() {
    let (mut asked, mut round) = (0, 0);
    let calls = [&RECORDING[..], &["clone3,clone,vfork", "sendto"]].concat();
    let test = handed();
    let (opens, x) = (test.who("human:ada"), test.who("agent:x"));
    kill_everywhere(&calls, |call, n| {
        round += 1;
        let _ = std::fs::remove_file(test.path().join("journal"));
        let run = opens.opens("handed");
        if n % 2 == 0 {
            x.takes(&run, "a");
        }
        let ran = killed_at(x, &["step", "run", &run, "a"], call, n);
        go_on(x, &run, round % 2 == 0);
        let history = History::of(&test, &[&run]);
        history.check_attempts();
        assert_eq!(history.end(), "passed");
        asked += history.all("step_interrupted").count();
        // What ran was recorded before, and nothing ran twice.
        let journal = test.read("journal");
        let lines: Vec<&str> = journal.lines().collect();
        assert_eq!(
            lines.iter().collect::<BTreeSet<_>>().len(),
            lines.len(),
            "{call} {n}: {journal}"
        );
        let started = history.tried("step_started", 0);
        for line in lines.iter().filter_map(|line| line.strip_prefix("start ")) {
            let is = |(step, n): &(String, u64)| format!("{step} {n}") == *line;
            assert!(started.iter().any(is), "{call} {n}: {line} has no record");
        }
        assert!(lines.iter().any(|line| line.starts_with("end last")), "{call} {n}: {journal}");
        test.ostler(&["runs", "verify", &run]).code(0).says("sound");
        ran.is_some()
    });
    println!("{asked} attempts interrupted");
    assert!(asked > 0, "no attempt was interrupted");
}

#[test]
fn one_engine_dies_while_others_report() {
    let text = "
[[steps]]
id = 'a'
cmd = 'touch runs; until test -e go; do sleep 0.01; done; echo a >> journal'
[[steps]]
id = 'b'
cmd = 'true'
[[steps]]
id = 'c'
needs = ['a', 'b']
cmd = 'true'
";
    let test = Test::with("three", text);
    let (x, y) = (test.who("agent:x"), test.who("agent:y"));
    let run = test.who("human:ada").opens("three");
    let engine = Until::starts(x.command(&["step", "run", &run, "a"]));
    test.wait_for("runs");
    // While it drives, what others say is recorded at once.
    let token = y.takes(&run, "b");
    let brief = y.told(&["step", "report", &run, "b", "--status", "pass", "--token", &token]);
    assert_eq!(brief["last"]["status"], "passed");
    assert_eq!(brief["waits"][0]["what"], "engine", "{brief:#}");
    y.refused(&run, &["step", "take", &run, "a"], "the engine runs `a`");
    drop(engine);
    // Who comes next finds that it died, and what may have run.
    let brief = y.told(&["step", "next", &run]);
    assert_eq!((&brief["step"]["id"], &brief["step"]["token"]), (&"a".into(), &Value::Null));
    assert!(brief["step"]["reason"].as_str().unwrap().contains("the engine died"), "{brief:#}");
    y.refused(&run, &["step", "take", &run, "a"], "`a` cannot be taken: it may have run");
    let skip = ["step", "report", &run, "a", "--status", "skip", "--note", "no"];
    y.refused(&run, &skip, "`a` may have run, so it is not skipped");
    std::fs::write(test.path().join("go"), "").unwrap();
    let brief = y.told(&["step", "run", &run, "a"]);
    assert_eq!(brief["step"]["id"], "c", "{brief:#}");
    assert_eq!(test.read("journal"), "a\n");
}
