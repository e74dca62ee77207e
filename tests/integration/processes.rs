//! Nothing is left running: every way out of a step against every way in which it can end.
//!
//! Behaviours shown here (`docs/behaviours.md`): K17, K18, C15, H26.

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::marks::Marks;
use crate::support::{Test, found, status, wait_until};

/// What a step does so that something of it stays: a shell text run in the background of its leader.
///
/// `$1` is the mark, `$2` the file that says it is done, `$3` the keeper's process id, `$4` a count.
const ARTISTS: &[(&str, &str)] = &[
    ("child", "bash -c 'touch $2; exec sleep 300 $1' x $1 $2 &"),
    ("session", "setsid bash -c 'touch $2; exec sleep 300 $1' x $1 $2 &"),
    (
        "daemon",
        "( ( setsid bash -c 'exec <&- >&- 2>&-; touch $2; exec sleep 300 $1' x $1 $2 & ) & ) &",
    ),
    (
        "deaf",
        "setsid bash -c 'trap \"\" TERM INT HUP QUIT; touch $2; while [ -e go ]; do sleep 300 $1; done' x $1 $2 &",
    ),
    ("scrubbed", "env -i setsid bash -c 'touch $2; trap \"\" TERM; sleep 300 $1' x $1 $2 &"),
    (
        "stopped",
        "setsid bash -c 'trap \"\" TERM; sleep 300 $1 & kill -STOP $!; touch $2; kill -STOP $$; wait' x $1 $2 &",
    ),
    (
        // Whoever is asked to end starts a successor first, in a session of its own.
        "heir",
        "touch $2; n=${4:-0}
         trap '[ -e go ] && [ $n -lt 500 ] && setsid bash art/heir $1 $2 $3 $((n+1)) & exit' TERM
         while [ -e go ]; do sleep 300 $1 & wait; done",
    ),
    (
        // Each generation starts the next and is gone.
        "chain",
        "trap '' TERM; n=${4:-0}; [ $n -eq 5 ] && touch $2
         [ -e go ] && [ $n -lt 4000 ] && setsid bash art/chain $1 $2 $3 $((n+1)) &",
    ),
    // Kills its keeper at once, or stops it.
    (
        "assassin",
        "setsid bash -c 'trap \"\" TERM; touch $2; kill -9 $3; sleep 300 $1' x $1 $2 $3 &",
    ),
    (
        "jailer",
        "setsid bash -c 'trap \"\" TERM; kill -STOP $3; touch $2; sleep 300 $1' x $1 $2 $3 &",
    ),
    // Kills its keeper when it is asked to end.
    (
        "avenger",
        "trap 'kill -9 $3; sleep 300 $1' TERM; touch $2; while [ -e go ]; do sleep 300 $1 & wait; done",
    ),
];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Ending {
    Pass,
    Failure,
    Timeout,
    Stall,
    Deadline,
    Cancel,
    Signal(Signal),
    SignalTwice,
    EngineKilled,
}

impl Ending {
    /// What the leaders do once their artists are done.
    fn leader(self, mark: &str) -> String {
        match self {
            Self::Pass => "exit 0".to_owned(),
            Self::Failure => "exit 3".to_owned(),
            _ => format!("exec sleep 300 {mark}"),
        }
    }

    /// Lines for each step, and for the workflow.
    fn limits(self) -> (&'static str, &'static str) {
        match self {
            Self::Timeout => ("timeout = '3s'", ""),
            Self::Stall => ("stall_timeout = '3s'", ""),
            Self::Deadline => ("", "timeout = '3s'"),
            _ => ("", ""),
        }
    }

    /// Long where the second signal must not wait for it.
    fn grace(self) -> f64 {
        if self == Self::SignalTwice { 60.0 } else { 0.3 }
    }

    fn leaves_finally(self) -> bool {
        matches!(self, Self::SignalTwice | Self::EngineKilled)
    }

    fn exit(self) -> i32 {
        match self {
            Self::Pass | Self::Failure | Self::Timeout | Self::Stall => 9,
            Self::Deadline => 4,
            Self::Cancel | Self::Signal(_) | Self::SignalTwice => 7,
            Self::EngineKilled => -9,
        }
    }
}

/// How long after the grace the last of them may be alive.
const REST: Duration = Duration::from_secs(2);
/// What a busy machine may add to that: eleven keepers look through all processes at once here.
const BUSY: Duration = Duration::from_secs(20);

struct Stage {
    // Goes first: it knows its own by the workspace, too.
    marks: Marks,
    test: Test,
    artists: Vec<&'static str>,
}

impl Stage {
    /// A verb in which every artist is a step, all at once.
    fn new(ending: Ending, without: &[&str]) -> Self {
        let artists = ARTISTS.iter().filter(|(name, _)| !without.contains(name));
        let mut test = Test::new().file("ostler.toml", &format!("grace_s = {}", ending.grace()));
        let marks = Marks::new(&test);
        let (each, whole) = ending.limits();
        let mut text = format!("{whole}\n");
        for (name, script) in artists.clone() {
            test = test.file(&format!("art/{name}"), script);
            let mark = marks.of(name);
            let leader = ending.leader(&mark);
            text += &format!(
                "[[steps]]\nid = '{name}'\non_error = 'Continue'\non_interrupt = 'Fail'\n{each}\n\
                 cmd = '''bash art/{name} {mark} ready-{name} $PPID &\n\
                 until [ -e ready-{name} ]; do sleep 0.01; done; {leader}'''\n"
            );
        }
        text += "[[finally]]\nid = 'last'\ncmd = 'touch finally-ran'\n";
        let artists = artists.map(|(name, _)| *name).collect();
        Self { test: test.verb("art", &text), marks, artists }
    }

    fn start(&self) -> Child {
        let jobs = self.artists.len().to_string();
        let engine = self.test.start(&["run", "--jobs", &jobs, "art"]);
        for name in &self.artists {
            self.test.wait_for(&format!("ready-{name}"));
        }
        engine
    }

    /// What killed its keeper is dealt with while the others go on.
    fn assassin_is_gone(&self) {
        wait_until("the assassin's end is recorded", || {
            self.test.ostler(&["runs", "log"]).stdout.contains("\"lost\"")
        });
        assert_eq!(self.marks.with(&self.marks.of("assassin")), []);
    }

    fn attempt(report: &Value, step: &str) -> Value {
        found(report, step)["attempts"][0].clone()
    }
}

/// Runs all artists to one ending, and looks at what is left.
fn ends_with_nothing_left(ending: Ending, without: &[&str]) {
    let stage = Stage::new(ending, without);
    let (test, marks) = (&stage.test, &stage.marks);
    let engine = stage.start();
    let pid = Pid::from_child(&engine);
    let limit = REST + Duration::from_secs_f64(ending.grace());
    let mut since = Instant::now();
    match ending {
        Ending::Cancel => {
            stage.assassin_is_gone();
            since = Instant::now();
            test.ostler(&["runs", "cancel"]).code(0);
        }
        Ending::Signal(signal) => {
            stage.assassin_is_gone();
            since = Instant::now();
            kill_process(pid, signal).unwrap();
        }
        Ending::SignalTwice => {
            stage.assassin_is_gone();
            kill_process(pid, Signal::INT).unwrap();
            wait_until("the first signal is recorded", || {
                test.ostler(&["runs", "log"]).stdout.contains("cancel_requested")
            });
            since = Instant::now();
            kill_process(pid, Signal::INT).unwrap();
        }
        Ending::EngineKilled => {
            stage.assassin_is_gone();
            since = Instant::now();
            kill_process(pid, Signal::KILL).unwrap();
        }
        // These come by themselves.
        _ => {}
    }
    let ran = marks.ended(engine).code(ending.exit());
    let own_clock = matches!(ending, Ending::Timeout | Ending::Stall | Ending::Deadline);
    let limit = if own_clock { limit + Duration::from_secs(3) } else { limit };
    let took = if ending == Ending::EngineKilled {
        marks.gone_within(since, limit + BUSY)
    } else {
        let took = since.elapsed();
        assert_eq!(marks.all(), [], "{ran:?}");
        took
    };
    eprintln!("{ending:?}: all gone after {took:?}");
    let limit = if ending == Ending::SignalTwice { REST } else { limit };
    assert!(took < limit + BUSY, "{took:?}");

    assert_eq!(test.path().join("finally-ran").exists(), !ending.leaves_finally(), "{ran:?}");
    if ending.leaves_finally() {
        test.ostler(&["runs", "resume"]);
        assert!(test.path().join("finally-ran").exists());
        assert_eq!(marks.all(), []);
    }
    let report = test.report();
    assert_eq!(report["owes_finally"], false);
    assert_eq!(status(&report, "last"), "passed");
    judge(&stage, ending, &report);
}

/// What the report says of each artist.
fn judge(stage: &Stage, ending: Ending, report: &Value) {
    for name in &stage.artists {
        let attempt = Stage::attempt(report, name);
        let what = format!("{name} in {ending:?}: {attempt}");
        let outcome = attempt["outcome"].as_str().unwrap();
        let leaked = attempt["leaked"].as_array().unwrap();
        assert!(leaked.iter().all(|l| l["survived"] == false), "{what}");
        if *name == "assassin" || (*name == "avenger" && outcome == "lost") {
            assert_eq!(outcome, "lost", "{what}");
            continue;
        }
        let expected = match ending {
            Ending::Pass | Ending::Failure => "exited",
            Ending::Timeout => "timed_out",
            Ending::Stall => "stalled",
            Ending::EngineKilled => "interrupted",
            // Whoever went at the first signal was recorded; the others were killed unrecorded.
            Ending::SignalTwice if outcome == "cancelled" => "cancelled",
            Ending::SignalTwice => "interrupted",
            _ => "cancelled",
        };
        assert_eq!(outcome, expected, "{what}");
        let mark = stage.marks.of(name);
        // A link of the chain may be gone before its arguments are read; its program is named even then.
        let named = leaked
            .iter()
            .map(|l| l["command"].as_str().unwrap())
            .any(|command| command.contains(&mark) || (*name == "chain" && command == "[bash]"));
        let remains = match ending {
            Ending::Pass | Ending::Failure => true,
            // There the leader ends when it is asked to, and those that do not listen stay behind.
            Ending::SignalTwice | Ending::EngineKilled => false,
            _ => *name == "deaf" || *name == "scrubbed",
        };
        assert!(named || !remains, "{what}");
    }
}

#[test]
fn pass() {
    ends_with_nothing_left(Ending::Pass, &[]);
}

#[test]
fn failure() {
    ends_with_nothing_left(Ending::Failure, &[]);
}

#[test]
fn step_timeout() {
    ends_with_nothing_left(Ending::Timeout, &[]);
}

#[test]
fn stall() {
    ends_with_nothing_left(Ending::Stall, &[]);
}

#[test]
fn workflow_deadline() {
    ends_with_nothing_left(Ending::Deadline, &[]);
}

#[test]
fn cancelled_by_another_process() {
    ends_with_nothing_left(Ending::Cancel, &[]);
}

#[test]
fn interrupted_once() {
    ends_with_nothing_left(Ending::Signal(Signal::INT), &[]);
}

#[test]
fn terminated() {
    ends_with_nothing_left(Ending::Signal(Signal::TERM), &[]);
}

#[test]
fn hung_up() {
    ends_with_nothing_left(Ending::Signal(Signal::HUP), &[]);
}

#[test]
fn interrupted_twice() {
    ends_with_nothing_left(Ending::SignalTwice, &[]);
}

#[test]
fn engine_killed() {
    // Engine and keeper both killed leave nobody to watch: that is the limit that the design states.
    ends_with_nothing_left(Ending::EngineKilled, &["avenger"]);
}

/// A step that kills its keeper is told from steps that start meanwhile.
#[test]
fn killed_keepers_take_no_other_step_with_them() {
    let mut text = String::new();
    for n in 0..40 {
        text += &format!("[[steps]]\nid = 'good-{n}'\ncmd = 'sleep 0.02; true'\n");
        text += &format!(
            "[[steps]]\nid = 'bad-{n}'\non_error = 'Continue'\ncmd = 'kill -9 $PPID; sleep 300'\n"
        );
    }
    let test = Test::with("many", &text).file("ostler.toml", "grace_s = 0.3");
    let marks = Marks::new(&test);
    test.ostler(&["run", "--jobs", "6", "many"]).code(9);
    assert_eq!(marks.all(), []);
    let report = test.report();
    for n in 0..40 {
        assert_eq!(status(&report, &format!("good-{n}")), "passed");
        let bad = &found(&report, &format!("bad-{n}"))["attempts"][0];
        assert_eq!(bad["outcome"], "lost", "{bad}");
    }
}
