//! Connections that end in the middle of a step, and what then becomes of it.

use std::path::Path;
use std::time::{Duration, Instant};

use ostler::action::{Done, Urge};
use ostler::run::{Interruption, Outcome};
use rustix::process::Signal;

use crate::sshd::{Engine, Sshd, below, block_on, children, is_carried, kill};
use crate::support::wait_until;

/// Waits for a file while the engine goes on.
pub(crate) async fn there(path: &Path) {
    let until = Instant::now() + Duration::from_mins(1);
    while !path.exists() {
        assert!(Instant::now() < until, "waited for {}", path.display());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Ends the server's processes for its connections: to the client, the host is gone.
pub(crate) fn cut(sshd: &Sshd) {
    children(sshd.pid()).into_iter().for_each(|child| kill(child, Signal::KILL));
}

/// Makes an attempt, and does something once `file` is there.
async fn made(
    engine: &Engine,
    attempt: ostler::action::Attempt,
    file: &Path,
    then: impl FnOnce(),
) -> Done {
    let making = engine.make(attempt);
    let doing = async {
        there(file).await;
        then();
    };
    tokio::join!(making, doing).0
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

#[test]
fn a_command_whose_connection_is_lost_is_ended() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    let began = sshd.at("began");
    let script =
        format!("echo $$ >>{}; trap '' TERM; setsid sleep 1000 & sleep 1000", began.display());
    block_on(async {
        let attempt = engine.attempt(&host, "cut.1", &["sh", "-c", &script]);
        let done = made(&engine, attempt, &began, || cut(&sshd)).await;
        assert_eq!(
            done.ending.outcome,
            Outcome::Interrupted { cause: Interruption::ConnectionLost }
        );
        assert!(!done.ending.passed);
        assert_eq!(lines(&began), 1);
        // Its line is gone, and the next one is as good as the first.
        assert_eq!(engine.run(&host, "b.1", &["true"]).await.0, "exit 0");
    });
    assert!(!marked("cut.1"), "something is left");
}

/// Whether any process carries an attempt's mark.
pub(crate) fn marked(id: &str) -> bool {
    is_carried(&format!("OSTLER_GUARD={id}:"))
}

#[test]
fn what_ended_before_its_connection_is_known_all_the_same() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    let (began, claim) = (sshd.at("began"), sshd.at("state/ostler/known.1"));
    // The server is stopped, so the end is written down there and not heard of here; then it is gone.
    let script = format!(
        "echo out; touch {}; while [ ! -e {} ]; do sleep 0.01; done; exit 7",
        began.display(),
        sshd.at("go").display()
    );
    block_on(async {
        let attempt = engine.attempt(&host, "known.1", &["sh", "-c", &script]);
        let done = made(&engine, attempt, &began, || {
            let servers = servers(&sshd);
            servers.iter().for_each(|pid| kill(*pid, Signal::STOP));
            std::fs::write(sshd.at("go"), "").unwrap();
            wait_until("the end is written down", || {
                std::fs::read_to_string(&claim).unwrap_or_default().contains("exit 7 -\n")
            });
            servers.iter().for_each(|pid| kill(*pid, Signal::KILL));
        })
        .await;
        assert_eq!(done.ending.outcome, Outcome::Exited { code: 7 });
        assert!(done.ending.stdout.lost.as_ref().unwrap().contains("connection was lost"));
    });
}

#[test]
fn a_frozen_connection_is_given_up_and_its_command_ended() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    let began = sshd.at("began");
    let script = format!("touch {}; sleep 1000", began.display());
    block_on(async {
        let mut stopped = Vec::new();
        let attempt = engine.attempt(&host, "frozen.1", &["sh", "-c", &script]);
        let done = made(&engine, attempt, &began, || {
            stopped = servers(&sshd);
            stopped.iter().for_each(|pid| kill(*pid, Signal::STOP));
        })
        .await;
        assert_eq!(
            done.ending.outcome,
            Outcome::Interrupted { cause: Interruption::ConnectionLost }
        );
        assert!(!marked("frozen.1"), "something is left");
        stopped.iter().for_each(|pid| kill(*pid, Signal::KILL));
    });
}

#[test]
fn a_guard_that_hears_nothing_any_more_ends_its_command() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    let began = sshd.at("began");
    let script = format!("touch {}; trap '' TERM; setsid sleep 1000 & sleep 1000", began.display());
    let mut stopped = Vec::new();
    block_on(async {
        let attempt = engine.attempt(&host, "unheard.1", &["sh", "-c", &script]);
        let stop = async {
            there(&began).await;
            stopped = servers(&sshd);
            stopped.iter().for_each(|pid| kill(*pid, Signal::STOP));
        };
        tokio::select! {
            _ = engine.make(attempt) => panic!("it goes on"),
            () = stop => {}
        }
    });
    drop(engine);
    // Nothing there was closed: what tells it is the silence.
    assert!(marked("unheard.1"));
    wait_until("the guard has ended it", || !marked("unheard.1"));
    stopped.iter().for_each(|pid| kill(*pid, Signal::KILL));
}

/// The server's processes for its connections.
fn servers(sshd: &Sshd) -> Vec<i32> {
    let is_server = |pid: &i32| {
        std::fs::read(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with(b"sshd"))
    };
    below(sshd.pid()).into_iter().filter(is_server).collect()
}

#[test]
fn a_kept_command_goes_on_without_its_connection() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    let (began, go) = (sshd.at("began"), sshd.at("go"));
    let script = format!(
        "echo one; echo err >&2; echo $$ >>{}; while [ ! -e {} ]; do sleep 0.01; done; echo two; exit 4",
        began.display(),
        go.display()
    );
    block_on(async {
        let mut attempt = engine.attempt(&host, "went-on.1", &["sh", "-c", &script]);
        attempt.on.as_mut().unwrap().keep = true;
        let done = made(&engine, attempt, &began, || {
            cut(&sshd);
            std::fs::write(&go, "").unwrap();
        })
        .await;
        assert_eq!(done.ending.outcome, Outcome::Exited { code: 4 });
        assert_eq!(engine.text(&done, "went-on.1", "stdout"), "one\ntwo\n");
        assert_eq!(engine.text(&done, "went-on.1", "stderr"), "err\n");
        assert!(done.ending.stdout.lost.is_none());
        assert_eq!(lines(&began), 1);
    });
}

#[test]
fn another_engine_meets_what_was_left() {
    let sshd = Sshd::new();
    let host = sshd.host();
    let (began, go) = (sshd.at("began"), sshd.at("go"));
    let waits = format!(
        "echo out; echo $$ >>{}; while [ ! -e {} ]; do sleep 0.01; done",
        began.display(),
        go.display()
    );
    let first = sshd.engine();
    let age = Duration::from_secs(1);
    let recover = async |engine: &Engine, id: &str, keep: bool| {
        let (_urge, heard) = tokio::sync::watch::channel(Urge::None);
        let mut attempt = engine.attempt(&host, id, &["sh", "-c", "exit 99"]);
        attempt.on.as_mut().unwrap().keep = keep;
        attempt.recover(&engine.pool, &engine.hosts, age, heard).await
    };
    // The first engine leaves one that has ended, and one that goes on.
    block_on(async {
        assert_eq!(first.run(&host, "ended.1", &["sh", "-c", "echo x; exit 5"]).await.0, "exit 5");
        let mut kept = first.attempt(&host, "kept.1", &["sh", "-c", &waits]);
        kept.on.as_mut().unwrap().keep = true;
        tokio::select! {
            _ = first.make(kept) => panic!("it goes on"),
            () = there(&began) => {}
        }
    });
    drop(first);
    let second = sshd.engine();
    block_on(async {
        let never = recover(&second, "never.1", false).await;
        assert_eq!(
            never.ending.outcome,
            Outcome::Interrupted { cause: Interruption::NeverStarted }
        );
        let never = recover(&second, "never-kept.1", true).await;
        assert_eq!(
            never.ending.outcome,
            Outcome::Interrupted { cause: Interruption::NeverStarted }
        );
        // What is said never to start does not, also where the order comes late.
        let late = second.make(second.attempt(&host, "never.1", &["true"])).await;
        assert!(matches!(late.ending.outcome, Outcome::Lost { .. }), "{:?}", late.ending.outcome);
        let ended = recover(&second, "ended.1", false).await;
        assert_eq!(ended.ending.outcome, Outcome::Exited { code: 5 });
        let go_on = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            std::fs::write(&go, "").unwrap();
        };
        let (kept, ()) = tokio::join!(recover(&second, "kept.1", true), go_on);
        assert_eq!(kept.ending.outcome, Outcome::Exited { code: 0 });
        assert_eq!(second.text(&kept, "kept.1", "stdout"), "out\n");
        assert_eq!(lines(&began), 1);
        // What is recorded here is forgotten there.
        assert!(sshd.at("state/ostler/ended.1").exists());
        second.hosts.close(true).await;
        wait_until("it is forgotten", || !sshd.at("state/ostler/ended.1").exists());
        assert!(!sshd.at("state/ostler/kept.1.out").exists());
    });
}

#[test]
fn deadlines_and_cancels_end_what_runs_there() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        for keep in [false, true] {
            let id = format!("deadline.{keep}");
            let mut attempt = engine.attempt(
                &host,
                &id,
                &["sh", "-c", "trap '' TERM; sleep 1000 & sleep 1000; sleep 1000"],
            );
            attempt.limits.deadline_ms = Some(300);
            attempt.on.as_mut().unwrap().keep = keep;
            let done = engine.make(attempt).await;
            assert_eq!(done.ending.outcome, Outcome::TimedOut { after_ms: 300 });
            assert!(!marked(&id), "something is left");

            let id = format!("polite.{keep}");
            let script = "trap 'echo bye; exit 0' TERM; while :; do sleep 0.01; done";
            let mut attempt = engine.attempt(&host, &id, &["sh", "-c", script]);
            attempt.limits.stall_ms = Some(3_000);
            attempt.limits.grace_ms = 20_000;
            attempt.on.as_mut().unwrap().keep = keep;
            let done = engine.make(attempt).await;
            assert_eq!(done.ending.outcome, Outcome::Stalled { after_ms: 3_000 });
            assert_eq!(engine.text(&done, &id, "stdout"), "bye\n");

            let id = format!("cancel.{keep}");
            let (urge, heard) = tokio::sync::watch::channel(Urge::None);
            let began = sshd.at(&id);
            let script = format!("touch {}; sleep 1000", began.display());
            let mut attempt = engine.attempt(&host, &id, &["sh", "-c", &script]);
            attempt.on.as_mut().unwrap().keep = keep;
            let cancel = async {
                there(&began).await;
                urge.send_replace(Urge::End);
            };
            let (done, ()) = tokio::join!(attempt.make(&engine.pool, &engine.hosts, heard), cancel);
            assert_eq!(done.ending.outcome, Outcome::Cancelled);
            assert!(!marked(&id), "something is left");
        }
        assert_eq!(engine.run(&host, "after.1", &["true"]).await.0, "exit 0");
    });
}

#[test]
fn what_a_command_leaves_behind_is_ended_and_named() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        let script = "sleep 1000 & setsid sleep 1001 & echo done";
        let done = engine.make(engine.attempt(&host, "left.1", &["sh", "-c", script])).await;
        assert!(done.ending.passed, "{:?}", done.ending);
        let mut left: Vec<&str> = done.ending.leaked.iter().map(|leak| &*leak.command).collect();
        left.sort_unstable();
        assert_eq!(left, ["sleep 1000", "sleep 1001"]);
        assert!(done.ending.leaked.iter().all(|leak| !leak.survived));
        assert!(!marked("left.1"), "something is left");
    });
}
