//! Linked runs: an engine that dies, is cancelled or waits for somebody, and the runs that its steps called.
//!
//! Behaviours shown here (`docs/behaviours.md`): O26, and O10 through calls.

use std::process::{Child, Command};

use rusqlite::{Connection, params};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::crash::{Chance, kill_after};
use crate::history::History;
use crate::support::{Ran, Test, found, status, wait_until};

/// The report of a run.
pub(crate) fn report(test: &Test, run: &str) -> Value {
    test.ostler(&["runs", "show", run, "--format", "json"]).code(0).json()
}

/// The run that the last attempt at a step called.
pub(crate) fn called(report: &Value, step: &str) -> String {
    let attempts = found(report, step)["attempts"].as_array().unwrap();
    attempts.last().unwrap()["called"]["run"].as_str().unwrap().to_owned()
}

/// How many runs of a verb there are.
pub(crate) fn runs(test: &Test, verb: &str) -> usize {
    let listed = test.ostler(&["runs", "list", "--verb", verb, "--format", "json"]).code(0).json();
    listed["runs"].as_array().unwrap().len()
}

fn kill(child: &mut Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A verb that waits in a step until `go` is there, and has a `finally`.
const SLOW: &str = "
[[steps]]
id = 'first'
cmd = 'echo first >> log'
[[steps]]
id = 'wait'
needs = ['first']
effect = 'Read'
cmd = '''
trap 'echo term >> log; exit 9' TERM
echo wait >> log
until test -e go; do sleep 0.02; done
'''
[[finally]]
id = 'clean'
cmd = 'sleep 0.3; echo clean >> log'
";

fn slow(outer: &str) -> Test {
    Test::with("slow", SLOW).verb("outer", outer).file("ostler.toml", "grace_s = 0.2\n")
}

const OUTER: &str =
    "[[steps]]\nid = 'a'\ncall = 'slow'\n[[finally]]\nid = 'end'\ncmd = 'echo end >> log'\n";

fn wait_for_line(test: &Test, line: &str, times: usize) {
    let many = || test.read("log").lines().filter(|l| *l == line).count() == times;
    wait_until(&format!("{line} {times} times"), many);
}

#[test]
fn a_killed_engine_leaves_a_called_run_that_goes_on() {
    // O26 with O10: one run for one attempt, whoever dies.
    let test = slow(OUTER);
    let mut engine = test.start(&["run", "outer"]);
    wait_for_line(&test, "wait", 1);
    kill(&mut engine);
    // Once what ran is ended, which the next driver waits for, the called run is there and was not cancelled.
    let mut engine = test.start(&["runs", "resume", &test.run()]);
    wait_for_line(&test, "wait", 2);
    kill(&mut engine);
    std::fs::write(test.path().join("go"), "").unwrap();
    test.ostler(&["runs", "resume", &test.run()]).code(0);
    let log = test.read("log");
    assert_eq!(log.lines().filter(|l| *l == "first").count(), 1, "{log}");
    assert!(log.ends_with("wait\nclean\nend\n"), "{log}");
    assert_eq!(log.matches("clean").count(), 1, "{log}");
    assert_eq!(runs(&test, "slow"), 1);
    let parent = test.report();
    let attempts = found(&parent, "a")["attempts"].as_array().unwrap();
    assert_eq!(attempts.len(), 3);
    assert!(
        attempts.iter().all(|a| a["called"]["run"] == attempts[0]["called"]["run"]),
        "{attempts:#?}"
    );
}

#[test]
fn a_called_run_is_cancelled_with_its_caller_and_has_the_time_it_needs() {
    let test = slow(OUTER);
    let engine = test.start(&["run", "outer"]);
    wait_for_line(&test, "wait", 1);
    let pid = i32::try_from(engine.id()).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    Ran::new(&engine.wait_with_output().unwrap()).code(7);
    assert_eq!(test.read("log"), "first\nwait\nterm\nclean\nend\n");
    let parent = test.report();
    assert_eq!(status(&parent, "a"), "cancelled");
    assert_eq!(report(&test, &called(&parent, "a"))["status"], "cancelled");
}

#[test]
fn a_deadline_ends_a_called_run_in_good_order() {
    let outer = OUTER.replace("call = 'slow'", "call = 'slow'\ntimeout = '2s'");
    let test = slow(&outer);
    test.ostler(&["run", "outer"]).code(4).says("timed out after 2s");
    assert!(test.read("log").ends_with("clean\nend\n"), "{}", test.read("log"));
}

#[test]
fn a_called_run_that_nobody_goes_on_with_is_ended_with_its_caller() {
    let test = slow(OUTER);
    let mut engine = test.start(&["run", "outer"]);
    wait_for_line(&test, "wait", 1);
    kill(&mut engine);
    test.ostler(&["runs", "cancel", &test.run()]).code(0);
    let log = test.read("log");
    assert!(log.starts_with("first\nwait\n") && log.ends_with("clean\nend\n"), "{log}");
    let listed = test.ostler(&["runs", "list", "--format", "json"]).json();
    for run in listed["runs"].as_array().unwrap() {
        assert_eq!(
            (&run["status"], &run["owes_finally"]),
            (&json!("cancelled"), &json!(false)),
            "{run}"
        );
    }
}

#[test]
fn a_called_engine_that_is_killed_alone_fails_the_step_and_is_cleaned_up_after() {
    let test = slow(OUTER);
    let engine = test.start(&["run", "outer"]);
    wait_for_line(&test, "wait", 1);
    let child = called(&test.report(), "a");
    let pid: i32 = test.read(&format!(".ostler/runs/{child}/driver")).trim().parse().unwrap();
    let pid = Pid::from_raw(pid).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    let ran = Ran::new(&engine.wait_with_output().unwrap()).code(4);
    ran.says("its engine ended");
    assert!(test.read("log").ends_with("end\nclean\n"), "{}", test.read("log"));
    assert_eq!(report(&test, &child)["status"], "cancelled");
}

#[test]
fn somebody_who_is_asked_in_a_called_run_answers_there() {
    let inner = "outputs = { n = '{steps.ask.outputs.n}' }\n[[steps]]\nid = 'ask'\nactor = 'Human'\naction = 'count {run.id}'\noutputs = { n = 'int' }\n";
    let outer = "[[steps]]\nid = 'a'\ncall = 'inner'\noutputs = { n = 'int' }\n[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'echo got {steps.a.outputs.n}'\n";
    let test = Test::with("inner", inner).verb("outer", outer);
    let engine = test.start(&["run", "outer"]);
    wait_until("it asks", || {
        let listed = test.ostler(&["runs", "list", "--verb", "inner", "--format", "json"]).json();
        listed["runs"][0]["status"] == "waiting"
    });
    let child = called(&test.report(), "a");
    test.ostler(&["step", "answer", &child, "ask", "passed", "--output", "n=6"]);
    Ran::new(&engine.wait_with_output().unwrap()).code(0).says("got 6");
    test.ostler(&["runs", "log", &test.run(), "a"])
        .says(&format!("ostler step answer {child} ask passed|failed"));
    test.ostler(&["run", "outer", "--no-ask"]).code(4).says("nobody is asked");
}

/// A verb that calls another one; both are done by the engine alone, whoever dies.
fn pair() -> Test {
    let inner = "
outputs = { n = '{steps.y.outputs.n}' }
[[steps]]
id = 'x'
cmd = 'echo x {attempt} >> log'
on_interrupt = 'Rerun'
[[steps]]
id = 'y'
needs = ['x']
cmd = 'echo y {attempt} >> log; echo n=3 >> $OSTLER_OUTPUT'
on_interrupt = 'Rerun'
outputs = { n = 'int' }
[[finally]]
id = 'z'
cmd = 'echo z {attempt} >> log'
";
    let outer = "
[[steps]]
id = 'a'
call = 'inner'
outputs = { n = 'int' }
[[steps]]
id = 'b'
needs = ['a']
cmd = 'echo b {attempt} {steps.a.outputs.n} >> log'
on_interrupt = 'Rerun'
";
    Test::with("outer", outer).verb("inner", inner)
}

/// What must hold of such a pair that was gone on with to its end.
#[track_caller]
fn check_pair(test: &Test, what: &str) {
    assert_eq!(runs(test, "inner"), 1, "{what}");
    let parent = test.report();
    assert_eq!(parent["status"], "passed", "{what}: {parent:#}");
    let attempts = found(&parent, "a")["attempts"].as_array().unwrap();
    let child = called(&parent, "a");
    assert!(attempts.iter().all(|a| a["called"]["run"] == *child), "{what}: {attempts:#?}");
    assert_eq!(report(test, &child)["status"], "passed", "{what}");
    assert_eq!(History::of(test, &[&child]).end(), "passed", "{what}");
    let log = test.read("log");
    let order: String = log.lines().filter_map(|line| line.chars().next()).collect();
    let (called, after) = order.split_at(order.find('b').unwrap_or_default());
    assert!(called.ends_with('z') && called.contains("xy") && !after.is_empty(), "{what}: {log}");
    assert!(after.chars().all(|step| step == 'b'), "{what}: {log}");
    let mut lines: Vec<&str> = log.lines().collect();
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), order.len(), "{what}: an attempt ran twice: {log}");
}

/// Goes on with whatever run there is; `false` if there is none.
fn finish(test: &Test) -> bool {
    let there = test.ostler(&["runs", "show"]).code == 0;
    if there && test.report()["status"] != "passed" {
        test.ostler(&["runs", "resume", &test.run()]).code(0);
    }
    there
}

#[test]
fn one_attempt_has_one_run_wherever_its_callers_engine_is_killed() {
    let mut kills = 0;
    for call in ["pwrite64", "clone3,clone,vfork", "sendto", "fsync,fdatasync"] {
        for n in 1.. {
            let test = pair();
            let mut strace = Command::new("strace");
            strace.args(["-qq", "-o", "strace.log", "-e", &format!("trace={call}")]);
            strace.args(["-e", &format!("inject={call}:signal=SIGKILL:when={n}")]);
            let engine = test.command(&["run", "outer"]);
            strace.arg(engine.get_program()).args(engine.get_args()).current_dir(test.path());
            let ran = Ran::new(&strace.output().expect("strace is needed"));
            if finish(&test) {
                check_pair(&test, &format!("{call} {n}"));
            }
            if ran.code == 0 {
                break;
            }
            kills += 1;
        }
    }
    assert!(kills > 10, "only {kills} kills");
}

#[test]
fn one_attempt_has_one_run_however_often_its_callers_are_killed() {
    let mut chance = Chance::new();
    for round in 0..6 {
        let test = pair();
        let most = std::time::Duration::from_millis(150);
        kill_after(&test, &["run", "outer"], chance.below(most));
        for _ in 0..8 {
            if test.ostler(&["runs", "show"]).code == 0 && test.report()["status"] != "passed" {
                let run = test.run();
                kill_after(&test, &["runs", "resume", &run], chance.below(most));
            }
        }
        if finish(&test) {
            check_pair(&test, &format!("round {round}"));
        }
    }
}

/// A copy of a workspace with only the first records of its two runs; without any, a run does not exist.
fn cut(whole: &Test, runs: [(&str, usize); 2]) -> Test {
    let test = pair();
    std::fs::create_dir_all(test.path().join(".ostler/runs")).unwrap();
    let path = test.path().join(".ostler/state.db");
    std::fs::copy(whole.path().join(".ostler/state.db"), &path).unwrap();
    let db = Connection::open(path).unwrap();
    for (run, n) in runs {
        let delete = "DELETE FROM events WHERE run = ? AND seq >= ?";
        if db.execute(delete, params![run, n.cast_signed()]).unwrap() > 0 {
            let update = "UPDATE runs SET status = 'running', ended_at = NULL WHERE id = ?";
            db.execute(update, [run]).unwrap();
        }
        if n == 0 {
            db.execute("DELETE FROM runs WHERE id = ?", [run]).unwrap();
        }
    }
    test
}

#[test]
fn whatever_is_recorded_of_two_linked_runs_they_go_on() {
    let whole = pair();
    whole.ostler(&["run", "outer"]).code(0);
    let (parent, child) = (whole.run(), called(&whole.report(), "a"));
    let logs = [&parent, &child].map(|run| History::of(&whole, &[run]));
    let started = logs[0].all("step_started").next().unwrap().0;
    let finished = logs[0].all("step_finished").next().unwrap().0;
    let all = logs[1].records.len();
    // The records of both were committed in one order: the called run lies between the attempt's start and its end.
    for n in 1..logs[0].records.len() {
        let possible = match n {
            n if n <= started => 0..=0,
            n if n <= finished => 0..=all,
            _ => all..=all,
        };
        for m in possible {
            let test = cut(&whole, [(&parent, n), (&child, m)]);
            test.ostler(&["runs", "resume", &parent]).code(0);
            assert_eq!(runs(&test, "inner"), 1, "cut at {n} and {m}");
            let resumed = report(&test, &parent);
            assert_eq!(called(&resumed, "a"), child, "cut at {n} and {m}");
            assert_eq!(found(&resumed, "a")["outputs"], json!({ "n": 3 }), "cut at {n} and {m}");
        }
    }
}
