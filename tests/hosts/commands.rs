//! One command on one host: what it gets, what it gives, how it ends.

use std::time::Instant;

use ostler::run::{NoConnection, Outcome};
use ostler::value::Bytes;

use crate::sshd::{Sshd, With, block_on, part};
use crate::support::wait_until;

#[test]
fn a_command_runs_where_its_host_is() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        let began = Instant::now();
        let told = engine.run(&host, "a.1", &["sh", "-c", "echo out; echo err >&2; exit 3"]).await;
        let cold = began.elapsed();
        assert_eq!(told, ("exit 3".to_owned(), "out\n".to_owned(), "err\n".to_owned()));
        let began = Instant::now();
        for n in 0..100 {
            assert_eq!(engine.run(&host, &format!("b.{n}"), &["true"]).await.0, "exit 0");
        }
        println!("cold {cold:?}, then 100 in {:?}", began.elapsed());
        engine.hosts.close(true).await;
    });
}

#[test]
fn stdin_environment_and_folder_arrive() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        let script = "pwd; printf '%s|' \"$A\" \"$UID\" \"$LC_ALL\"; cat";
        let mut attempt = engine.attempt(&host, "a.1", &["bash", "-c", script]);
        attempt.cwd = "/usr".into();
        attempt.env = vec![
            ("A".to_owned(), Bytes(b"it's\n\xff\x01$x".to_vec())),
            ("LC_ALL".to_owned(), "nowhere".into()),
            ("a-b".to_owned(), "1".into()),
        ];
        let stdin: Vec<u8> = (0..=255).cycle().take(200_000).collect();
        part(&mut attempt).stdin = Some(Bytes(stdin.clone()));
        let done = engine.make(attempt).await;
        assert!(done.ending.passed, "{:?}", done.ending);
        let uid = rustix::process::geteuid().as_raw();
        let mut wanted = b"/usr\nit's\n\xff\x01$x|".to_vec();
        wanted.extend(format!("{uid}|nowhere|").bytes());
        wanted.extend(stdin);
        assert!(engine.bytes(&done, "a.1", "stdout") == wanted);
    });
}

#[test]
fn each_end_is_told_from_the_others() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        for (nth, (command, ended)) in [
            ("exit 255", "exit 255"),
            ("kill -TERM $$", "killed by signal 15"),
            ("exit 143", "exit 143"),
            ("kill -KILL $$", "killed by signal 9"),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(
                engine.run(&host, &format!("a.{nth}"), &["bash", "-c", command]).await.0,
                ended
            );
        }
        let told = engine.run(&host, "b.1", &["no-such-program"]).await.0;
        assert_eq!(told, "could not start: `no-such-program` was not found on the host");
        let mut attempt = engine.attempt(&host, "b.2", &["true"]);
        attempt.cwd = "/no/such".into();
        let told = engine.make(attempt).await.ending.outcome.to_string();
        assert_eq!(told, "could not start: the folder `/no/such` does not exist on the host");
    });
}

#[test]
fn a_host_without_room_starts_nothing() {
    // Beyond its size limit a file takes nothing more, as on a full disk.
    let login = "trap '' XFSZ; ulimit -f 0; exec sh -c \"$SSH_ORIGINAL_COMMAND\"";
    for shell in ["dash", "bash", "busybox sh"] {
        let sshd = Sshd::with(&With {
            login: &login.replace("exec sh", &format!("exec {shell}")),
            ..With::default()
        });
        let (engine, host) = (sshd.engine(), sshd.host());
        block_on(async {
            let done = engine
                .make(engine.attempt(&host, "full.1", &["touch", sshd.at("ran").to_str().unwrap()]))
                .await;
            let Outcome::NoConnection { why, .. } = done.ending.outcome else {
                panic!("{:?}", done.ending)
            };
            assert_eq!(why, NoConnection::DiskFull);
            assert!(!sshd.at("ran").exists());
            assert!(!sshd.at("state/ostler/full.1").exists());
            // With input on its way, too; and the next order finds a line.
            let mut attempt = engine.attempt(&host, "full.2", &["cat"]);
            part(&mut attempt).stdin = Some(Bytes(vec![b'x'; 300_000]));
            assert_eq!(engine.make(attempt).await.ending.outcome.name(), "host_disk_full");
            let said =
                engine.hosts.ask(&host, "echo \"$1\"", &[b"still there"], &[]).await.unwrap();
            assert_eq!(said.stdout, b"still there\n");
        });
    }
}

#[test]
fn an_end_that_cannot_be_written_down_is_said_all_the_same() {
    for shell in ["dash", "bash", "busybox sh"] {
        let sshd = Sshd::login(shell);
        let (engine, host) = (sshd.engine(), sshd.host());
        block_on(async {
            let script = "claim=${OSTLER_OUTPUT%.values}; rm \"$claim\"; mkdir \"$claim\"; exit 6";
            assert_eq!(
                engine.run(&host, "unwritten.1", &["sh", "-c", script]).await.0,
                "exit 6",
                "{shell}"
            );
        });
    }
}

#[test]
fn outputs_files_and_values_are_those_of_the_host() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        let ours = engine.dir.path().join("here.value");
        let script =
            format!("cat '{}'; echo \"n=7\" >>\"$OSTLER_OUTPUT\"; echo hi >made", ours.display());
        let mut attempt = engine.attempt(&host, "files.1", &["sh", "-c", &script]);
        attempt.cwd = sshd.at("state");
        attempt.value_files.push((ours.clone(), "large".into()));
        let spec = ostler::workflow::OutputSpec {
            kind: ostler::workflow::ParamType::parse("int").unwrap(),
            allow_empty: false,
        };
        attempt.outputs.insert(ostler::ids::Name::parse("n").unwrap(), spec);
        let done = engine.make(attempt).await;
        assert!(done.ending.passed, "{:?}", done.ending);
        assert_eq!(engine.text(&done, "files.1", "stdout"), "large");
        assert_eq!(done.ending.outputs.values().next().unwrap(), 7);
        assert!(!ours.exists() && sshd.at("state/made").exists());
        engine.hosts.close(true).await;
    });
    let left = || {
        std::fs::read_dir(sshd.at("state/ostler"))
            .unwrap()
            .flatten()
            .map(|e| e.file_name())
            .collect::<Vec<_>>()
    };
    wait_until("nothing is left there", || left().is_empty());
}
