//! A run's log from the outside, and what must hold of it however often its engine was killed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use rusqlite::Connection;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::{Ran, Test};

/// The sum that the first record has for its predecessor.
const NO_SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// A step and the number of an attempt at it.
type Tried = (String, u64);

/// The events of a run, in order.
#[derive(Debug)]
pub(crate) struct History {
    pub(crate) records: Vec<Value>,
}

impl History {
    /// The log of a run (of the latest without an id), its chain checked.
    #[track_caller]
    pub(crate) fn of(test: &Test, run: &[&str]) -> Self {
        let log = test.ostler(&[&["runs", "log"], run].concat()).code(0);
        let mut prev = NO_SUM.to_owned();
        let mut records = Vec::new();
        for (seq, line) in log.stdout.split_inclusive('\n').enumerate() {
            let record: Value = serde_json::from_str(line).unwrap();
            assert_eq!(record["seq"], seq, "{line}");
            assert_eq!(record["prev"], *prev, "the chain is broken at {line}");
            prev = sum(line.as_bytes());
            records.push(record);
        }
        Self { records }
    }

    /// The events of one kind, with their places.
    pub(crate) fn all<'h>(&'h self, kind: &'h str) -> impl Iterator<Item = (usize, &'h Value)> {
        let events = self.records.iter().map(|r| &r["event"]).enumerate();
        events.filter(move |(_, event)| event["type"] == kind)
    }

    /// The attempts that an event of one kind is of, from a place on.
    pub(crate) fn tried(&self, kind: &str, from: usize) -> Vec<Tried> {
        self.all(kind).filter(|(seq, _)| *seq >= from).map(|(_, event)| tried(event)).collect()
    }

    /// Whether something is recorded of an attempt's step after a place.
    pub(crate) fn later(&self, kind: &str, step: &str, seq: usize) -> bool {
        self.all(kind).any(|(at, event)| at > seq && event["step"] == step)
    }

    /// How the run ended.
    pub(crate) fn end(&self) -> &str {
        let (last, event) = self.all("run_finished").next().expect("the run did not end");
        assert_eq!(last + 1, self.records.len(), "something follows the end");
        event["status"].as_str().unwrap()
    }

    /// Each attempt is started once, has a number of its own, and one end, after its start.
    #[track_caller]
    pub(crate) fn check_attempts(&self) {
        let mut numbers: BTreeMap<String, u64> = BTreeMap::new();
        let mut open: Vec<Tried> = Vec::new();
        for record in &self.records {
            let event = &record["event"];
            match event["type"].as_str().unwrap() {
                "step_started" => open.push(new(&mut numbers, event)),
                "step_finished" => drop(open.remove(position(&open, event).expect("no start"))),
                // With a new number it may have started, and no record of it is left.
                "step_interrupted" => match position(&open, event) {
                    Some(at) => drop(open.remove(at)),
                    None => drop(new(&mut numbers, event)),
                },
                _ => {}
            }
        }
        assert!(open.is_empty(), "{open:?} were forgotten");
    }
}

fn new(numbers: &mut BTreeMap<String, u64>, event: &Value) -> Tried {
    let (step, attempt) = tried(event);
    let last = numbers.entry(step.clone()).or_default();
    *last += 1;
    assert_eq!(*last, attempt, "the number of {event} is not the next one");
    (step, attempt)
}

fn position(open: &[Tried], event: &Value) -> Option<usize> {
    open.iter().position(|one| *one == tried(event))
}

fn tried(event: &Value) -> Tried {
    (event["step"].as_str().unwrap().to_owned(), event["attempt"].as_u64().unwrap())
}

/// The SHA-256 of some bytes, in hexadecimal.
pub(crate) fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same by the system's own tool.
pub(crate) fn sha256sum(bytes: &[u8]) -> String {
    let mut command = Command::new("sha256sum");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    String::from_utf8(output.stdout).unwrap()[..64].to_owned()
}

/// The text of a step that says in `journal` when it begins and ends.
pub(crate) fn journaled(id: &str, more: &str) -> String {
    format!(
        "cmd = '''\necho \"start {id} $OSTLER_ATTEMPT\" >> journal\n{more}\necho \"end {id} $OSTLER_ATTEMPT\" >> journal'''\n"
    )
}

/// A chain with a parallel pair: one step for each answer to an interruption, a lease, and `finally`.
pub(crate) fn six() -> Test {
    six_on("", Test::new())
}

/// The same in a workspace that there is, with more that the workflow says.
pub(crate) fn six_on(more: &str, test: Test) -> Test {
    let step = |id: &str, options: &str, more: &str| {
        format!("[[steps]]\nid = '{id}'\n{options}\n{}", journaled(id, more))
    };
    let last = |id: &str| format!("[[finally]]\nid = '{id}'\n{}", journaled(id, ""));
    let text = [
        step("look", "effect = 'Read'", ""),
        step("fails", "needs = ['look']\non_interrupt = 'Fail'\non_error = 'Continue'", ""),
        step(
            "probed",
            "needs = ['look']\non_interrupt = { probe = 'test -e probed.done' }",
            "touch probed.done",
        ),
        step("asks", "depends_on = ['fails', 'probed']", ""),
        step(
            "hold",
            "needs = ['asks']\nrelease = 'drop'\non_interrupt = 'Rerun'\noutputs = { id = 'string' }",
            "echo id=$OSTLER_ATTEMPT >> $OSTLER_OUTPUT",
        ),
        step("last", "needs = ['hold']\non_interrupt = 'Rerun'", ""),
        last("drop"),
        last("sweep"),
    ];
    test.verb("six", &format!("{more}{}", text.concat()))
}

/// Resumes the latest run to its end, answering what is asked. `false` if there is no run.
#[track_caller]
pub(crate) fn finish(test: &Test, answer: &str) -> bool {
    for _ in 0..20 {
        let ran = test.ostler(&["runs", "resume"]);
        match ran.code {
            0 | 4 | 9 => return true,
            5 => answer_all(test, answer),
            2 if ran.stderr.contains("has ended") => return true,
            2 => return false,
            _ => panic!("{ran:?}"),
        }
    }
    panic!("the run does not come to its end: {:?}", test.ostler(&["runs", "show"]));
}

fn answer_all(test: &Test, answer: &str) {
    let report = test.report();
    let asked = report["steps"].as_array().unwrap().iter().filter(|s| s["status"] == "asked");
    for step in asked {
        let id = step["id"].as_str().unwrap();
        let ran: Ran = test.ostler(&["step", "answer", id, answer]);
        assert!(matches!(ran.code, 0 | 4 | 5 | 9), "{ran:?}");
    }
}

/// Leaves the first `n` records of the only run of a database, as if its engine had died then.
pub(crate) fn cut_at(path: &Path, n: usize) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute("DELETE FROM events WHERE seq >= ?", [n.cast_signed()]).unwrap();
    db.execute("UPDATE runs SET status = 'running', ended_at = NULL", []).unwrap();
    db
}

/// Runs `six` and kills the engine as it enters its `n`th system call of a kind. `false` if it ended before that.
fn killed_at(test: &Test, call: &str, n: usize) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "strace.log", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=SIGKILL:when={n}")]);
    let engine = test.command(&["run", "six"]);
    strace.arg(engine.get_program()).args(engine.get_args()).current_dir(test.path());
    strace.envs(engine.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let ran = Ran::new(&strace.output().expect("strace is needed"));
    assert!(matches!(ran.code, 0 | -9 | 137), "{ran:?}");
    ran.code != 0
}

/// Kills `six` at these calls of a kind in turn, each time in a workspace of its own, until a run is over before.
pub(crate) fn kill_at(
    call: &str,
    which: impl Iterator<Item = usize>,
    workspace: impl Fn() -> Test,
) {
    let (mut kills, mut resumed, mut interrupted) = (0, 0, 0);
    for n in which {
        let test = workspace();
        let killed = killed_at(&test, call, n);
        if finish(&test, if n % 2 == 0 { "passed" } else { "rerun" }) {
            interrupted += check_six(&test, 0).all("step_interrupted").count();
            resumed += usize::from(killed);
        } else {
            assert_eq!(test.read("journal"), "", "{call} {n}: something ran without a record");
        }
        if !killed {
            break;
        }
        kills += 1;
    }
    assert!(kills > 1, "{call} was never called");
    println!("{kills} kills at {call}, {resumed} resumed, {interrupted} attempts interrupted");
}

/// All that must hold of a run of `six` that ended. Its journal tells of what came from record `from` on.
#[track_caller]
pub(crate) fn check_six(test: &Test, from: usize) -> History {
    let history = History::of(test, &[]);
    history.check_attempts();
    check_journal(test, &history, from);
    check_interrupted(&history);
    // Each attempt that may hold something is released, and nothing is owed.
    let ended = history.tried("step_finished", 0);
    let ended = |step: &str| ended.iter().any(|(s, _)| s == step);
    let tries = ["step_started", "step_interrupted"].map(|kind| history.tried(kind, 0)).concat();
    for (_, attempt) in tries.iter().filter(|(step, _)| step == "hold") {
        assert!(ended(&format!("drop[hold#{attempt}]")), "attempt {attempt} was not released");
    }
    assert!(ended("sweep") || tries.is_empty());
    let failed = history
        .all("step_interrupted")
        .any(|(_, event)| event["step"] == "fails" && event["cause"] != "never_started");
    let expected = if failed { "passed_with_failures" } else { "passed" };
    assert_eq!(history.end(), expected);
    history
}

/// What really ran was recorded before, and what is recorded as passed really ran.
#[track_caller]
fn check_journal(test: &Test, history: &History, from: usize) {
    let journal = test.read("journal");
    let count = |line: &str| journal.lines().filter(|l| *l == line).count();
    let of = |tried: Vec<Tried>| {
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        for (step, attempt) in tried {
            let step = step.split('[').next().unwrap();
            *lines.entry(format!("{step} {attempt}")).or_default() += 1;
        }
        lines
    };
    let started = of(history.tried("step_started", from));
    for line in journal.lines() {
        let tried = line.trim_start_matches("start ").trim_start_matches("end ");
        let recorded = started.get(tried).copied().unwrap_or(0);
        assert!(count(line) <= recorded, "`{line}` too often in\n{journal}\n{history:#?}");
    }
    for (tried, recorded) in of(history.tried("step_finished", from)) {
        assert!(count(&format!("end {tried}")) >= recorded, "{tried} passed without running");
    }
}

/// What was interrupted went on as its step says.
#[track_caller]
fn check_interrupted(history: &History) {
    for (seq, event) in history.all("step_interrupted") {
        let step = event["step"].as_str().unwrap();
        let again = history.later("step_started", step, seq);
        match step {
            _ if event["cause"] == "never_started" => assert!(again, "{step} did not start anew"),
            "fails" => assert!(!again, "it was run again"),
            "asks" => assert!(history.later("step_answered", step, seq), "nobody was asked"),
            "probed" => {
                let probes = history.all("probe_finished").filter(|(at, _)| *at > seq);
                let answers: Vec<_> = probes.map(|(_, e)| e["outcome"]["code"] == 0).collect();
                assert!(!answers.is_empty(), "it was not probed");
                assert!(again || answers.contains(&true), "it is not done");
            }
            _ => assert!(again, "{step} was not run again: {history:#?}"),
        }
    }
}
