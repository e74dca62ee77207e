//! One command on one host: what it gets, what it gives, how it ends.

use std::time::Instant;

use ostler::value::Bytes;

use crate::sshd::{Sshd, block_on, part};

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
        let stdin: Vec<u8> = (0..200_000_u32).map(|n| (n * 7 % 256) as u8).collect();
        part(&mut attempt).stdin = Some(Bytes(stdin.clone()));
        let done = engine.make(attempt).await;
        assert!(done.ending.passed, "{:?}", done.ending);
        let mut wanted = b"/usr\nit's\n\xff\x01$x|0|nowhere|".to_vec();
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
