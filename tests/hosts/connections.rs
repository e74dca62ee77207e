//! The ways to a host, and the obstacles on them, each told from the others.

use std::time::Instant;

use ostler::action::ssh::AskError;
use ostler::run::{NoConnection, Outcome};

use crate::sshd::{Engine, Sshd, With, below, block_on, key_pair};
use crate::support::wait_until;

/// Why a host cannot be reached.
fn obstacle(engine: &Engine, host: &ostler::fleet::Host) -> (NoConnection, String) {
    block_on(async {
        let done = engine.make(engine.attempt(host, "a.1", &["true"])).await;
        let asked = engine.hosts.ask(host, "true", &[], &[]).await;
        match (done.ending.outcome, asked) {
            (Outcome::NoConnection { why, said }, Err(AskError::Unreached(asked))) => {
                assert_eq!(asked.why, why);
                assert!(!done.ending.passed);
                (why, said)
            }
            other => panic!("{other:?}"),
        }
    })
}

#[test]
fn each_obstacle_is_told_from_the_others() {
    let sshd = Sshd::new();
    let engine = sshd.engine();
    let mut host = sshd.host();

    host.address = "no-such-host.invalid".to_owned();
    let (why, said) = obstacle(&engine, &host);
    assert_eq!(why, NoConnection::Unreachable);
    assert!(said.contains("Could not resolve hostname"), "{said}");

    host = sshd.host();
    host.port = Some(1);
    assert_eq!(obstacle(&engine, &host).0, NoConnection::Refused);

    host = sshd.host();
    host.user = Some("nobody-of-that-name".to_owned());
    let (why, said) = obstacle(&engine, &host);
    assert_eq!(why, NoConnection::AuthFailed);
    assert!(said.contains("Permission denied"), "{said}");

    key_pair(&sshd.at("another"));
    let another = std::fs::read_to_string(sshd.at("another.pub")).unwrap();
    host = sshd.host();
    host.host_key = Some(another.clone());
    let (why, said) = obstacle(&engine, &host);
    assert_eq!(why, NoConnection::HostKeyChanged);
    assert!(said.contains("has changed"), "{said}");

    std::fs::write(sshd.at("known"), format!("[127.0.0.1]:{} {another}", sshd.port())).unwrap();
    assert_eq!(obstacle(&engine, &sshd.host()).0, NoConnection::HostKeyChanged);
    std::fs::write(sshd.at("known"), "").unwrap();
    let (why, said) = obstacle(&engine, &sshd.host());
    assert_eq!(why, NoConnection::HostKeyUnknown);
    assert!(said.contains("host key is known"), "{said}");

    host = sshd.host();
    host.host_key = Some(std::fs::read_to_string(sshd.at("host.pub")).unwrap());
    let told = block_on(engine.run(&host, "b.1", &["echo", "hi"]));
    assert_eq!(told, ("exit 0".to_owned(), "hi\n".to_owned(), String::new()));
}

#[test]
fn who_has_no_shell_is_told_from_who_is_not_there() {
    for (login, said) in [
        (
            "echo 'This account is currently not available.'; exit 1",
            "This account is currently not available.",
        ),
        ("exit 127", "exit 127"),
        ("echo 'sh: command not found' >&2; exit 127", "sh: command not found"),
    ] {
        let sshd = Sshd::with(&With { login, ..With::default() });
        let (why, told) = obstacle(&sshd.engine(), &sshd.host());
        assert_eq!(why, NoConnection::NoShell, "{told}");
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn login_shells_of_all_kinds_will_do() {
    for shell in ["bash", "dash", "busybox sh", "zsh", "fish"] {
        let login = format!(
            "echo 'Welcome!'; echo 'to this host' >&2; printf 'no newline'; exec {shell} -c \"$SSH_ORIGINAL_COMMAND\""
        );
        let sshd = Sshd::with(&With { login: &login, ..With::default() });
        let (engine, host) = (sshd.engine(), sshd.host());
        block_on(async {
            let told =
                engine.run(&host, "a.1", &["sh", "-c", "echo out; echo err >&2; exit 3"]).await;
            assert_eq!(
                told,
                ("exit 3".to_owned(), "out\n".to_owned(), "err\n".to_owned()),
                "{shell}"
            );
        });
    }
}

#[test]
fn a_host_behind_another_is_reached_through_it() {
    let (gate, sshd) = (Sshd::new(), Sshd::new());
    let config = format!(
        "{}Host 127.0.0.1\nUserKnownHostsFile {} {}\nIdentityFile {}\n",
        "IdentitiesOnly yes\nIdentityAgent none\nKexAlgorithms curve25519-sha256\nGlobalKnownHostsFile /dev/null\n",
        gate.at("known").display(),
        sshd.at("known").display(),
        gate.at("client").display()
    ) + &format!("IdentityFile {}\n", sshd.at("client").display());
    std::fs::write(sshd.at("both"), config).unwrap();
    let engine = Engine::new(&sshd.at("both"), |_| {});
    let mut host = sshd.host();
    host.jump = vec![format!("127.0.0.1:{}", gate.port())];
    let told = block_on(async {
        let told = engine.run(&host, "a.1", &["sh", "-c", "echo $SSH_CONNECTION"]).await;
        engine.hosts.close(true).await;
        told
    });
    assert_eq!(told.0, "exit 0");
    wait_until("the gate saw it", || {
        std::fs::read_to_string(gate.at("log")).unwrap().contains("Accepted publickey")
    });
    // The gate is not there: that is said of it, and not of the host.
    let refused = format!("127.0.0.1:{}", 1);
    host.jump = vec![refused];
    assert_eq!(obstacle(&engine, &host).0, NoConnection::Refused);
}

#[test]
fn steps_of_one_host_share_a_connection() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        let each = (0..12).map(|n| {
            let attempt = engine.attempt(&host, &format!("a.{n}"), &["sh", "-c", "sleep 0.3"]);
            engine.make(attempt)
        });
        let began = Instant::now();
        let all = join(each.collect()).await;
        assert!(all.iter().all(|done| done.ending.passed), "{all:?}");
        println!("12 at once: {:?}", began.elapsed());
        engine.hosts.close(true).await;
    });
    let log = std::fs::read_to_string(sshd.at("log")).unwrap();
    assert_eq!(log.matches("Accepted publickey").count(), 1, "{log}");
    // Nobody of them is left once the run is over.
    wait_until("the server has no child", || below(sshd.pid()).is_empty());
}

#[test]
fn a_host_that_takes_one_session_gets_one() {
    let sshd = Sshd::with(&With { config: "MaxSessions 1\n", ..With::default() });
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        let each = (0..6).map(|n| {
            engine.make(engine.attempt(
                &host,
                &format!("a.{n}"),
                &["sh", "-c", "sleep 0.1; echo x"],
            ))
        });
        let all = join(each.collect()).await;
        assert!(
            all.iter().all(|done| done.ending.passed && done.ending.stdout.bytes == 2),
            "{all:?}"
        );
        engine.hosts.close(true).await;
    });
    let log = std::fs::read_to_string(sshd.at("log")).unwrap();
    assert_eq!(log.matches("Accepted publickey").count(), 1, "{log}");
}

#[test]
fn a_host_that_drops_connections_is_tried_again() {
    let sshd = Sshd::with(&With { config: "MaxStartups 2:90:3\n", ..With::default() });
    block_on(async {
        // Hosts of different names share nothing, so each connects.
        let engine = sshd.engine();
        let each = (0..12).map(|n| {
            let mut host = sshd.host();
            host.name = ostler::ids::HostName::parse(&format!("box{n}")).unwrap();
            engine.make(engine.attempt(&host, &format!("a.{n}"), &["true"]))
        });
        let all = join(each.collect()).await;
        let told: Vec<_> = all.iter().map(|done| done.ending.outcome.to_string()).collect();
        assert!(told.iter().all(|told| told == "exit 0"), "{told:?}");
        engine.hosts.close(true).await;
    });
}

#[test]
fn hosts_that_nobody_uses_do_not_stay_open_in_any_number() {
    let sshd = Sshd::new();
    let engine = Engine::new(&sshd.at("config"), |reach| reach.idle = 2);
    block_on(async {
        for n in 0..5 {
            let mut host = sshd.host();
            host.name = ostler::ids::HostName::parse(&format!("box{n}")).unwrap();
            assert_eq!(engine.run(&host, &format!("a.{n}"), &["true"]).await.0, "exit 0");
        }
        while below(sshd.pid()).iter().filter(|pid| is_guard(**pid)).count() > 2 {
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        engine.hosts.close(true).await;
    });
}

/// Whether a process is the first shell of a guard.
fn is_guard(pid: i32) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let parent = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let parent = parent
        .rsplit_once(')')
        .and_then(|(_, rest)| rest.split_whitespace().nth(1)?.parse::<i32>().ok());
    let parents =
        std::fs::read(format!("/proc/{}/cmdline", parent.unwrap_or(0))).unwrap_or_default();
    line.starts_with(b"sh\0-c\0IFS=") && parents.starts_with(b"sshd")
}

/// Waits for all of them at once.
pub(crate) async fn join<T>(all: Vec<impl Future<Output = T>>) -> Vec<T> {
    let mut waiting: Vec<_> = all.into_iter().map(Box::pin).map(Some).collect();
    let mut ready: Vec<Option<T>> = waiting.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (one, ready) in waiting.iter_mut().zip(&mut ready) {
            if let Some(future) = one
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *ready = Some(value);
                *one = None;
            }
        }
        if waiting.iter().all(Option::is_none) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    ready.into_iter().flatten().collect()
}
