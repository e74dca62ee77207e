//! Whatever bytes: as arguments, in the environment, as input, as output, through every shell.

use std::time::Instant;

use ostler::value::Bytes;

use crate::sshd::{Sshd, block_on, part};

/// So many values go through each shell.
const VALUES: usize = 10_000;
/// So many of them at once.
const BATCH: usize = 1_000;

/// A generator of numbers, the same in each run of the test.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    /// Any bytes but NUL; every third string is of those that shells treat in a way of their own.
    fn value(&mut self) -> Vec<u8> {
        const ODD: &[u8] = b"\x01\x7f\x80\x81\x82\x83\x84\x85\x86\x87\x88\\'\"$`\n\r\t !*?[]{}~#&;|<>()=\xc3\xa9\xe2\x82\xac\xff";
        let odd = self.next(3) == 0;
        let length = self.next(40);
        (0..length)
            .map(|_| {
                if odd {
                    ODD[usize::try_from(self.next(ODD.len() as u64)).unwrap()]
                } else {
                    u8::try_from(self.next(255)).unwrap() + 1
                }
            })
            .collect()
    }
}

#[test]
fn values_arrive_byte_for_byte_through_each_shell() {
    for shell in ["dash", "bash", "busybox sh"] {
        // The guard's own `sh` is that shell too.
        let name = shell.split(' ').next().unwrap();
        let program = if shell == "busybox sh" {
            "exec busybox sh \"$@\""
        } else {
            &format!("exec {name} \"$@\"")
        };
        let sshd = Sshd::login(shell);
        std::fs::create_dir(sshd.at("bin")).unwrap();
        crate::sshd::script(&sshd.at("bin/sh"), program);
        crate::sshd::script(
            &sshd.at("login"),
            &format!(
                "PATH={}:$PATH; export PATH; LC_ALL=C.UTF-8; export LC_ALL; exec {shell} -c \"$SSH_ORIGINAL_COMMAND\"",
                sshd.at("bin").display()
            ),
        );
        let (engine, host) = (sshd.engine(), sshd.host());
        let mut numbers = Numbers(7);
        let began = Instant::now();
        block_on(async {
            for batch in 0..VALUES / BATCH {
                let values: Vec<Vec<u8>> = (0..BATCH).map(|_| numbers.value()).collect();
                let id = format!("{name}.{batch}");
                let mut attempt = engine.attempt(&host, &id, &[]);
                // Even ones as arguments, odd ones in the environment.
                let mut argv: Vec<Bytes> = vec!["python3".into(), "-c".into(), READ.into()];
                for (nth, value) in values.iter().enumerate() {
                    if nth % 2 == 0 {
                        argv.push(Bytes(value.clone()));
                    } else {
                        attempt.env.push((format!("V{nth}"), Bytes(value.clone())));
                    }
                }
                part(&mut attempt).argv = argv;
                let done = engine.make(attempt).await;
                assert!(
                    done.ending.passed,
                    "{shell}: {:?} {}",
                    done.ending,
                    engine.text(&done, &id, "stderr")
                );
                let mut wanted = Vec::new();
                values.iter().for_each(|value| {
                    wanted.extend_from_slice(value);
                    wanted.push(0);
                });
                assert!(engine.bytes(&done, &id, "stdout") == wanted, "{shell}, batch {batch}");
            }
        });
        println!("{shell}: {VALUES} values in {:?}", began.elapsed());
    }
}

/// Writes the values in their order, each with a NUL after it.
const READ: &str = "
import os, sys
args = [os.fsencode(a) for a in sys.argv[1:]]
n = 2 * len(args)
out = b''.join((args[i // 2] if i % 2 == 0 else os.environb[b'V%d' % i]) + b'\\0' for i in range(n))
sys.stdout.buffer.write(out)
";

#[test]
fn a_lot_of_output_is_exact() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        for keep in [false, true] {
            let id = format!("lots.{keep}");
            let script = "head -c 31000000 /dev/zero | tr '\\0' '\\036'; head -c 33000000 /dev/zero; echo end";
            let mut attempt = engine.attempt(&host, &id, &["sh", "-c", script]);
            attempt.on.as_mut().unwrap().keep = keep;
            let began = Instant::now();
            let done = engine.make(attempt).await;
            println!("64 MB of output, kept there {keep}: {:?}", began.elapsed());
            assert!(done.ending.passed, "{:?}", done.ending);
            assert_eq!(done.ending.stdout.bytes, 64_000_004);
            let kept = engine.bytes(&done, &id, "stdout");
            assert!(
                kept[..31_000_000].iter().all(|byte| *byte == 0x1e) && kept.ends_with(b"\0end\n")
            );
        }
    });
}

#[test]
fn a_large_input_arrives_and_files_go_in_pieces() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    block_on(async {
        let mut attempt = engine.attempt(&host, "sum.1", &["sha256sum"]);
        let stdin: Vec<u8> =
            (0..20_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
        part(&mut attempt).stdin = Some(Bytes(stdin.clone()));
        let done = engine.make(attempt).await;
        let sum = engine.text(&done, "sum.1", "stdout");
        let file = sshd.at("copied");
        let began = Instant::now();
        for piece in stdin.chunks(4 * 1024 * 1024) {
            let to = file.to_str().unwrap().as_bytes();
            let said =
                engine.hosts.ask(&host, "take \"$bytes\" >>\"$1\"", &[to], piece).await.unwrap();
            assert_eq!(said.code, 0);
        }
        println!("20 MB in pieces: {:?}", began.elapsed());
        assert!(std::fs::read(&file).unwrap() == stdin);
        let said = engine
            .hosts
            .ask(&host, "sha256sum; cat \"$1\"", &[file.to_str().unwrap().as_bytes()], &[])
            .await
            .unwrap();
        assert!(said.stdout.ends_with(&stdin));
        let again = engine
            .hosts
            .ask(&host, "sha256sum <\"$1\"", &[file.to_str().unwrap().as_bytes()], &[])
            .await
            .unwrap();
        assert_eq!(String::from_utf8_lossy(&again.stdout), sum);
        // A piece that cannot be written costs its line, and no more.
        let failed = engine
            .hosts
            .ask(&host, "take \"$bytes\" >\"$1\"", &[b"/no/such/file"], &stdin[..100_000])
            .await;
        assert!(failed.is_err() || failed.unwrap().code != 0);
        assert_eq!(engine.run(&host, "after-piece.1", &["echo", "x"]).await.1, "x\n");
    });
}
