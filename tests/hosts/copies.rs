//! Copies to and from a host: exact, whole or not at all; and a reboot that is ordered once.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use ostler::action::{Attempt, Copy, End, Reboot, Work};
use ostler::fleet::Host;
use ostler::run::Outcome;
use ostler::value::Bytes;

use crate::sshd::{Engine, Sshd, With, block_on};

/// An attempt at a copy; `true` is the host's end.
fn copy(engine: &Engine, host: &Host, from: (bool, &Path), to: (bool, &Path)) -> Attempt {
    let end = |(there, path): (bool, &Path)| End { there, path: path.to_owned() };
    let copy = Copy { from: end(from), to: end(to), parents: false, mark: "run-a".to_owned() };
    Attempt { work: Work::Copy(copy), ..engine.attempt(host, "a.1", &[]) }
}

/// What a copy says, and whether it passed.
async fn said(engine: &Engine, attempt: Attempt) -> (bool, String) {
    let done = engine.make(attempt).await;
    (done.ending.passed, done.ending.checks[0].observed.clone())
}

/// All that is below a folder: names, kinds, modes and contents.
fn seen(top: &Path) -> Vec<String> {
    let mut all = Vec::new();
    let mut todo = vec![top.to_owned()];
    while let Some(path) = todo.pop() {
        let facts = std::fs::symlink_metadata(&path).unwrap();
        let mode = facts.permissions().mode();
        let what = if facts.is_dir() {
            todo.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            String::new()
        } else if facts.is_symlink() {
            std::fs::read_link(&path).unwrap().display().to_string()
        } else {
            format!("{:?}", std::fs::read(&path).unwrap())
        };
        all.push(format!("{:?} {mode:o} {what}", path.strip_prefix(top).unwrap()));
    }
    all.sort();
    all
}

#[test]
fn a_folder_goes_there_and_comes_back_as_it_was() {
    let sshd = Sshd::new();
    let (engine, host) = (sshd.engine(), sshd.host());
    let (source, there, back) = (sshd.at("source"), sshd.at("there"), sshd.at("back"));
    std::fs::create_dir_all(source.join("d/e")).unwrap();
    let odd: Vec<u8> = (0..=255).cycle().take(70_001).collect();
    std::fs::write(source.join("d/odd \n'\"$(x)\\ä"), &odd).unwrap();
    std::fs::write(source.join("empty"), "").unwrap();
    let large: Vec<u8> = (0..9_000_000_u32).map(|n| (n * 31 % 253) as u8).collect();
    std::fs::write(source.join("large"), &large).unwrap();
    symlink("no where\n", source.join("link")).unwrap();
    for (path, mode) in [("empty", 0o600), ("large", 0o2755), ("d/e", 0o500)] {
        std::fs::set_permissions(source.join(path), PermissionsExt::from_mode(mode)).unwrap();
    }
    block_on(async {
        let go = || copy(&engine, &host, (false, &source), (true, &there));
        let (passed, observed) = said(&engine, go()).await;
        assert!(passed && observed.starts_with("copied 3 files"), "{observed}");
        assert!(seen(&source) == seen(&there));
        let (passed, observed) = said(&engine, go()).await;
        assert!(passed && observed.starts_with("unchanged, 3 files"), "{observed}");
        std::fs::remove_file(source.join("empty")).unwrap();
        let (passed, observed) = said(&engine, go()).await;
        assert!(passed && observed.starts_with("copied 2 files"), "{observed}");
        assert!(seen(&source) == seen(&there));
        let fetch = copy(&engine, &host, (true, &there), (false, &back));
        let (passed, observed) = said(&engine, fetch).await;
        assert!(passed, "{observed}");
        assert!(seen(&source) == seen(&back));
        let single = sshd.at("single");
        let one = copy(&engine, &host, (false, &source.join("large")), (true, &single));
        assert!(said(&engine, one).await.0);
        assert!(std::fs::read(&single).unwrap() == large);
    });
    let all = std::fs::read_dir(sshd.at("")).unwrap();
    let left =
        all.filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains(".ostler-"));
    assert_eq!(left.count(), 0);
}

#[test]
fn what_cannot_be_copied_there_leaves_what_was_there() {
    // No file there may be larger than a megabyte.
    let limited = "ulimit -f 1024; exec sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let sshd = Sshd::with(&With { login: limited, ..With::default() });
    let (engine, host) = (sshd.engine(), sshd.host());
    let (source, there) = (sshd.at("source"), sshd.at("there"));
    std::fs::write(&source, vec![7; 5_000_000]).unwrap();
    std::fs::write(&there, "kept").unwrap();
    block_on(async {
        let (passed, observed) =
            said(&engine, copy(&engine, &host, (false, &source), (true, &there))).await;
        assert!(!passed, "{observed}");
        let nowhere = sshd.at("no/such");
        let (passed, observed) =
            said(&engine, copy(&engine, &host, (false, &source), (true, &nowhere))).await;
        assert!(!passed && observed.contains("`parents = true` makes it"), "{observed}");
        let none = sshd.at("none");
        let (passed, observed) =
            said(&engine, copy(&engine, &host, (true, &none), (false, &there))).await;
        assert!(!passed && observed.contains("does not exist"), "{observed}");
    });
    assert_eq!(std::fs::read_to_string(&there).unwrap(), "kept");
    assert!(!sshd.at(".there.ostler-run-a").exists());
}

/// A server whose boot is what the file `boot` says: a `cat` of its own comes first on its path.
fn bootable() -> Sshd {
    let login = "case $0 in */login) d=${0%/login} ;; esac\n\
        mkdir -p $d/bin; [ -e $d/boot ] || echo first >$d/boot\n\
        printf '#!/bin/sh\\ncase $1 in */boot_id) exec /bin/cat %s/boot ;; esac\\nexec /bin/cat \"$@\"\\n' $d >$d/bin/cat.$$\n\
        chmod +x $d/bin/cat.$$; mv $d/bin/cat.$$ $d/bin/cat\n\
        PATH=$d/bin:$PATH; export PATH; exec sh -c \"$SSH_ORIGINAL_COMMAND\"";
    Sshd::with(&With { login, ..With::default() })
}

fn reboot(engine: &Engine, host: &Host, order: &str) -> Attempt {
    let order = ["sh", "-c", order].map(Bytes::from).to_vec();
    let reboot = Reboot { mark: "run-a-0".to_owned(), order: Some(order) };
    let mut attempt = Attempt { work: Work::Reboot(reboot), ..engine.attempt(host, "a.1", &[]) };
    attempt.limits.deadline_ms = Some(60_000);
    attempt
}

#[test]
fn a_reboot_is_ordered_once_however_often_it_is_begun() {
    let sshd = bootable();
    let (engine, host) = (sshd.engine(), sshd.host());
    let (orders, boot) = (sshd.at("orders"), sshd.at("boot"));
    let order = format!("echo x >>{}; echo second >{}", orders.display(), boot.display());
    block_on(async {
        // It is ordered, and nothing comes of it.
        let mut attempt = reboot(&engine, &host, &format!("echo x >>{}", orders.display()));
        attempt.limits.deadline_ms = Some(5_000);
        let done = engine.make(attempt).await;
        assert_eq!(done.ending.outcome.name(), "timed_out", "{:?}", done.ending);
        assert_eq!(done.ending.checks[0].observed, "the same boot still answers");
        // It is still that boot, so it is ordered again, and this time it happens.
        let done = engine.make(reboot(&engine, &host, &order)).await;
        assert_eq!(done.ending.outcome, Outcome::Done, "{:?}", done.ending);
        assert_eq!(std::fs::read_to_string(&orders).unwrap().lines().count(), 2);
        // Begun once more, it has been rebooted already.
        for _ in 0..2 {
            let done = engine.make(reboot(&engine, &host, &order)).await;
            assert_eq!(done.ending.outcome, Outcome::Done, "{:?}", done.ending);
        }
        assert_eq!(std::fs::read_to_string(&orders).unwrap().lines().count(), 2);
        let failing = Reboot {
            mark: "run-b-0".to_owned(),
            order: Some(["sh", "-c", "echo no >&2; exit 7"].map(Bytes::from).to_vec()),
        };
        let attempt = Attempt { work: Work::Reboot(failing), ..engine.attempt(&host, "b.1", &[]) };
        let done = engine.make(attempt).await;
        let said = done.ending.outcome.to_string();
        assert!(said.contains("could not be ordered: exit 7: no"), "{said}");
    });
}
