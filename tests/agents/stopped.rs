//! A holder is stopped past its lease and goes on: what it then reports does not count, wherever it was stopped.
//!
//! Behaviours shown here (`docs/behaviours.md`): O3, O11.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::actors::{Until, Who};
use crate::history::History;
use crate::many::{count, steps};
use crate::support::{Ran, Test, wait_until};

fn send(pid: u32, signal: Signal) {
    let _ = kill_process(Pid::from_raw(i32::try_from(pid).unwrap()).unwrap(), signal);
}

/// What came of a report whose process was stopped for a while.
#[derive(Debug, Default)]
struct Tally {
    /// It was made before the stop.
    before: usize,
    /// It came too late, and is recorded as refused.
    stale: usize,
    /// It was under way, and nobody else could write.
    within: usize,
}

/// The step is taken under a short lease: the run and the token.
fn taken(x: Who<'_>) -> (String, String) {
    let run = x.test.who("human:ada").opens("stops");
    let brief = x.told(&["step", "take", &run, "s0", "--lease", "300ms"]);
    (run, brief["step"]["token"].to_string())
}

/// Another waits for the end of the lease and takes the step: whether it got it. None if it could not write.
fn next_takes(y: Who<'_>, run: &str) -> Option<bool> {
    loop {
        let take = Until::starts(y.command(&["step", "take", run, "s0"]));
        if held_up(&take) {
            return None;
        }
        let ran = take.ends();
        match ran.code {
            0 => return Some(true),
            6 if ran.stderr.contains("has ended") => return Some(false),
            6 => assert!(ran.stderr.contains("is held by agent x"), "{ran:?}"),
            _ => panic!("{ran:?}"),
        }
    }
}

/// Whether a process is held up, as it is by another that was stopped while it writes.
fn held_up(process: &Until) -> bool {
    let since = Instant::now();
    while process.runs() {
        if since.elapsed() > Duration::from_secs(3) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    false
}

/// `x` reports, is stopped by `stop`, and goes on once its lease is over.
fn stop_and_go_on(test: &Test, tally: &mut Tally, stop: impl FnOnce(&[&str]) -> Option<Stopped>) {
    let (x, y) = (test.who("agent:x"), test.who("agent:y"));
    let (run, token) = taken(x);
    let report =
        ["step", "report", &run, "s0", "--status", "pass", "--token", &token, "--id", "x-1"];
    let Some(stopped) = stop(&report) else { return };
    let next = next_takes(y, &run);
    send(stopped.pid, Signal::CONT);
    let ran = stopped.process.ends();
    let history = check(test, &run);
    let shown: u64 = token.parse().unwrap();
    let refused = history.all("refused").filter(|(_, event)| event["token"] == shown).count();
    match next {
        Some(true) => {
            assert_eq!((ran.code, refused), (6, 1), "{ran:?}");
            let told = format!("the lease under token {token} is over");
            assert!(ran.stderr.contains(&told), "{ran:?}");
            assert_eq!(history.all("step_reported").count(), 0, "{history:#?}");
            tally.stale += 1;
        }
        Some(false) => {
            assert_eq!(ran.code, 0, "{ran:?}");
            tally.before += 1;
        }
        None => {
            assert!(matches!(ran.code, 0 | 6), "{ran:?}");
            tally.within += 1;
        }
    }
}

/// A process that has stopped.
struct Stopped {
    process: Until,
    pid: u32,
}

/// What was recorded is sound: a report stands under the lease that was not over, by the clock of the records.
fn check(test: &Test, run: &str) -> History {
    let history = History::of(test, &[run]);
    for (seq, event) in history.all("step_reported") {
        let token = usize::try_from(event["token"].as_u64().unwrap()).unwrap();
        let until = history.records[token]["event"]["until"].as_str().unwrap();
        let at = history.records[seq]["at"].as_str().unwrap();
        assert!(at < until, "reported at {at}, and the lease was over at {until}");
        let ended = history.all("lease_ended").any(|(_, e)| e["token"] == event["token"]);
        assert!(!ended, "reported under a lease that has ended: {history:#?}");
    }
    history
}

#[test]
fn a_holder_who_is_stopped_past_its_lease_reports_in_vain() {
    let stops = count("OSTLER_TEST_STOPS", 12);
    let test = steps("stops", 1);
    let (mut tally, since) = (Tally::default(), Instant::now());
    for n in 0..stops {
        let x = test.who("agent:x");
        stop_and_go_on(&test, &mut tally, |report| {
            let process = Until::starts(x.command(report));
            // Somewhere on its way.
            std::thread::sleep(Duration::from_micros(500) * u32::try_from(n % 24).unwrap());
            send(process.id(), Signal::STOP);
            Some(Stopped { pid: process.id(), process })
        });
    }
    println!("{stops} stops: {tally:?}, {:?}", since.elapsed());
    assert!(tally.stale > 0, "{tally:?}");
}

/// Stops the program as it enters its `n`th system call of a kind; none if it ends before.
fn stopped_at(who: Who<'_>, args: &[&str], call: &str, n: usize) -> Option<Stopped> {
    let log = who.test.path().join("strace.log");
    let _ = std::fs::remove_file(&log);
    let mut strace = Command::new("strace");
    strace.args(["-o", "strace.log", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=SIGSTOP:when={n}")]);
    let program = who.command(args);
    strace.arg(program.get_program()).args(program.get_args()).current_dir(who.test.path());
    strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let process = Until::starts(strace);
    let stands =
        || std::fs::read_to_string(&log).unwrap_or_default().contains("stopped by SIGSTOP");
    wait_until("it stops or ends", || stands() || !process.runs());
    if !stands() {
        process.ends().code(0);
        return None;
    }
    let of = process.id();
    let children = std::fs::read_to_string(format!("/proc/{of}/task/{of}/children")).unwrap();
    Some(Stopped { process, pid: children.trim().parse().unwrap() })
}

#[test]
fn wherever_a_holder_is_stopped_a_late_report_does_not_count() {
    let every = count("OSTLER_TEST_EVERY", 9);
    let test = steps("stops", 1);
    for call in ["fcntl", "pwrite64", "fsync,fdatasync", "flock", "write"] {
        let (mut tally, mut n, since) = (Tally::default(), 1, Instant::now());
        let mut ended = false;
        while !ended {
            stop_and_go_on(&test, &mut tally, |report| {
                let stopped = stopped_at(test.who("agent:x"), report, call, n);
                ended = stopped.is_none();
                stopped
            });
            n += every;
        }
        println!("{call}: up to call {}: {tally:?}, {:?}", n - every, since.elapsed());
    }
}

/// The time is read once nobody else can write: what is stopped before acts by the time at which it goes on.
#[test]
fn a_holder_who_is_stopped_before_it_may_write_acts_by_the_time_at_which_it_goes_on() {
    let test = steps("stops", 1);
    let x = test.who("agent:x");
    let (run, token) = taken(x);
    // Another holds the store, so that the report waits for it with all that it has read.
    let store = rusqlite::Connection::open(test.path().join(".ostler/state.db")).unwrap();
    store.execute_batch("BEGIN IMMEDIATE").unwrap();
    let report = ["step", "report", &run, "s0", "--status", "pass", "--token", &token];
    let process = Until::starts(x.command(&report));
    let until = History::of(&test, &[&run]).records.last().unwrap()["event"]["until"].clone();
    let until: jiff::Timestamp = until.as_str().unwrap().parse().unwrap();
    wait_until("the lease is over", || jiff::Timestamp::now() > until);
    assert!(process.runs(), "it waits");
    store.execute_batch("COMMIT").unwrap();
    let ran: Ran = process.ends().code(6);
    assert!(ran.stderr.contains(&format!("the lease under token {token} is over")), "{ran:?}");
    let history = check(&test, &run);
    assert_eq!(history.all("refused").count(), 1);
}
