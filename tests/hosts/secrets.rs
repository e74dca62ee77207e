//! Secrets of steps on hosts: in the environment there, in no argument on either side, and masked in what comes back,
//! also where the engine that handed them over is no more.
//!
//! Behaviours shown here (`docs/behaviours.md`): K32, H24.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{found, status, wait_until};
use crate::there::{Fleet, end};

const OLD: &str = "correct'horse";
const NEW: &str = "battery\"staple";

/// A step that is given a secret, says that it has begun, waits, and shows the secret in every way it can.
fn telling(keep: &str, more: &str) -> Fleet {
    let fleet = Fleet::one().verb(
        "v",
        &format!(
            r#"
host = "box"
cwd = "WS"
[[steps]]
id = "s"
secrets = {{ TOKEN = {{ file = "token" }} }}
on_disconnect = "{keep}"
{more}
cmd = '''
test "$TOKEN" = "$(cat first)"
echo "it is $TOKEN"; echo "$TOKEN" | base64; echo "$TOKEN" >&2
echo x >> ran
until test -e go; do sleep 0.01; done
echo "it was $TOKEN"
test -z "${{OUT-}}" || echo "out=$TOKEN" >> "$OSTLER_OUTPUT"
touch over
exit 3
'''
[[finally]]
id = "last"
cmd = 'echo {{steps.s.outcome:-none}} {{steps.s.exit:-none}} > last'
"#
        ),
    );
    let fleet = fleet.file("first", OLD);
    give(&fleet, OLD);
    fleet
}

fn give(fleet: &Fleet, secret: &str) {
    let path = fleet.at("token");
    std::fs::write(&path, format!("{secret}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
}

/// Whether some bytes are in any file below a folder.
fn is_in(dir: &Path, part: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().flatten().any(|entry| {
        let path = entry.path();
        if path.is_dir() {
            return is_in(&path, part);
        }
        std::fs::read(path).unwrap_or_default().windows(part.len()).any(|found| found == part)
    })
}

/// Nothing that is kept or shown holds a secret, here or in the records there.
#[track_caller]
fn nowhere(fleet: &Fleet, secret: &str) {
    assert!(!is_in(&fleet.at(".ostler"), secret.as_bytes()), "{secret} is kept");
    for args in [&["runs", "show", "--verbose"][..], &["runs", "log"], &["runs", "log", "s"]] {
        let said = fleet.ostler(args);
        assert!(!said.stdout.contains(secret) && !said.stderr.contains(secret), "{said:?}");
    }
}

/// Whether a secret stands in the arguments of any process of this machine, which is also the host.
fn in_arguments(secret: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let words = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        words.windows(secret.len()).any(|part| part == secret.as_bytes())
    })
}

#[test]
fn a_secret_reaches_a_host_by_its_environment_and_is_masked_in_what_comes_back() {
    for keep in ["Kill", "Keep"] {
        let fleet = telling(keep, "expect = { exit = 3, stdout = { contains = 'it was' } }");
        let engine = fleet.test.start(&["run", "v", "--verbose"]);
        // From its beginning to its end.
        wait_until("it runs", || {
            assert!(!in_arguments(OLD), "it is in somebody's arguments");
            fleet.at("ran").exists()
        });
        assert!(!in_arguments(OLD), "it is in somebody's arguments");
        std::fs::write(fleet.at("go"), "").unwrap();
        let said = engine.wait_with_output().unwrap();
        assert_eq!(said.status.code(), Some(0), "{said:?}");
        assert!(!String::from_utf8_lossy(&said.stdout).contains(OLD), "{said:?}");
        assert!(!String::from_utf8_lossy(&said.stderr).contains(OLD), "{said:?}");
        fleet.ostler(&["runs", "log", "s"]).says("it is [secret TOKEN]\n");
        nowhere(&fleet, OLD);
    }
}

#[test]
fn a_secret_is_masked_by_the_engine_that_comes_later() {
    let fleet = telling("Keep", "expect = { exit = 3, stdout = { contains = 'it was' } }");
    let engine = fleet.start(&["run", "v"]);
    fleet.test.wait_for("ran");
    end(engine);
    std::fs::write(fleet.at("go"), "").unwrap();
    fleet.ostler(&["runs", "resume"]).code(0);
    fleet
        .ostler(&["runs", "log", "s"])
        .says("it is [secret TOKEN]\n")
        .says("it was [secret TOKEN]\n");
    assert_eq!(fleet.test.read("ran"), "x\n");
    nowhere(&fleet, OLD);
}

#[test]
fn what_was_written_with_a_secret_that_changed_meanwhile_is_not_shown() {
    for (keep, gone) in [("Keep", false), ("Keep", true), ("Kill", false), ("Kill", true)] {
        let fleet = telling(keep, "");
        let engine = fleet.start(&["run", "v"]);
        fleet.test.wait_for("ran");
        if keep == "Kill" {
            // It ends by itself just before its engine would have heard so.
            let engine = rustix::process::Pid::from_child(&engine);
            rustix::process::kill_process(engine, rustix::process::Signal::STOP).unwrap();
            std::fs::write(fleet.at("go"), "").unwrap();
            wait_until("its end is written down", || {
                is_in(&fleet.sshds[0].at("state/ostler"), b"\nexit 3 -\n")
            });
        }
        end(engine);
        if gone {
            std::fs::remove_file(fleet.at("token")).unwrap();
        } else {
            give(&fleet, NEW);
        }
        let resumed = fleet.start(&["runs", "resume"]);
        std::fs::write(fleet.at("go"), "").unwrap();
        let code = resumed.wait_with_output().unwrap().status.code();
        let report = fleet.test.report();
        // Its end is as true as ever.
        assert_eq!(code, Some(4), "{keep} {gone}: {report:#}");
        assert_eq!(fleet.test.read("last"), "exited 3\n", "{keep} {gone}: {report:#}");
        assert_eq!(fleet.test.read("ran"), "x\n");
        let lost = found(&report, "s")["attempts"][0]["stdout"]["lost"].to_string();
        let why = if gone { "not known any more" } else { "have changed" };
        assert!(lost.contains(why), "{keep} {gone}: {report:#}");
        nowhere(&fleet, OLD);
        nowhere(&fleet, NEW);
    }
}

#[test]
fn outputs_written_with_a_secret_that_changed_are_not_taken() {
    let fleet = telling(
        "Keep",
        "env = { OUT = 'yes' }\noutputs = { out = 'string' }\nexpect = { exit = 3, file = { path = 'over', exists = true } }\non_interrupt = 'Fail'",
    );
    let engine = fleet.start(&["run", "v"]);
    fleet.test.wait_for("ran");
    end(engine);
    give(&fleet, NEW);
    std::fs::write(fleet.at("go"), "").unwrap();
    fleet.ostler(&["runs", "resume"]).code(4);
    let report = fleet.test.report();
    assert_eq!(status(&report, "s"), "failed");
    assert_eq!(fleet.test.read("ran"), "x\n");
    nowhere(&fleet, OLD);
}
