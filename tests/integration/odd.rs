//! Odd surroundings: full outputs, odd settings, a state that goes away, conditions that would never end.

use std::fs::File;

use crate::support::{Ran, Test, status};

const PLAIN: &str = "[[steps]]\nid = 'a'\ncmd = 'true'\n";

#[test]
fn what_cannot_be_printed_is_a_failure_and_no_panic() {
    let test = Test::with("v", PLAIN);
    let full = || File::options().write(true).open("/dev/full").unwrap();
    let to_full = |args: &[&str]| Ran::new(&test.command(args).stdout(full()).output().unwrap());
    to_full(&["check"]).code(8).complains("could not be written");
    to_full(&["run", "v"]).code(8);
    to_full(&["runs", "log"]).code(8);
    let mut silent = test.command(&["run", "nope"]);
    assert_eq!(silent.stderr(full()).output().unwrap().status.code(), Some(2));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let test = Test::with("v", PLAIN);
    test.ostler(&["run", "v"]).code(0);
    let mut child = test.start(&["runs", "log"]);
    drop(child.stdout.take());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_step_that_removes_the_state_is_found_out() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'rm -rf .ostler'\n");
    test.ostler(&["run", "v"]).code(8).complains("removed or replaced");
}

#[test]
fn odd_settings_are_refused() {
    for text in
        ["jobs = 0", "grace_s = -1.0", "grace_s = nan", "grace_s = inf", "job = 2", "jobs ="]
    {
        let test = Test::with("v", PLAIN).file("ostler.toml", text);
        test.ostler(&["run", "v"]).code(3).complains("ostler.toml");
    }
    let test = Test::with("v", PLAIN);
    test.ostler(&["run", "v", "--jobs", "0"]).code(2);
    test.ostler(&["-C", "workflows/v.toml", "run", "v"]).code(2).complains("cannot be used");
    let made = std::process::Command::new("mkfifo").arg(test.path().join("ostler.toml")).status();
    assert!(made.unwrap().success());
    test.ostler(&["check"]).code(3).complains("not a regular file");
}

#[test]
fn a_lock_that_would_wait_for_itself_is_an_error() {
    let step = "[[steps]]\nid = 'a'\ncmd = 'true'\nlocks = ";
    Test::with("v", &format!("locks = ['l']\n{step}['l']\n"))
        .ostler(&["check"])
        .code(3)
        .says("lock `l`");
    Test::with("v", &format!("{step}['l', 'l']\n")).ostler(&["check"]).code(3).says("lock `l`");
}

/// Steps with one lock run one after the other, each in its turn.
#[test]
fn steps_share_a_lock() {
    let step = |id: &str| {
        format!("[[steps]]\nid = '{id}'\nlocks = ['l']\ncmd = 'mkdir held; rmdir held'\n")
    };
    let test = Test::with("v", &(0..12).map(|n| step(&format!("s{n}"))).collect::<String>());
    test.ostler(&["run", "v", "--jobs", "6"]).code(0);
}

#[test]
fn a_condition_that_would_never_end_fails_its_step() {
    let open: String = (0..8).map(|n| format!("[1,2,3,4,5,6,7,8,9].all(v{n}, ")).collect();
    let when = format!("{open}true{}", ")".repeat(8));
    let test = Test::with("v", &format!("[[steps]]\nid = 'a'\ncmd = 'true'\nwhen = '{when}'\n"));
    test.ostler(&["run", "v"]).code(4);
    assert_eq!(status(&test.report(), "a"), "failed");
}

#[test]
fn versions_and_globs_are_what_they_say() {
    let test = Test::with(
        "v",
        r#"
[[params]]
name = "version"
type = "version"
scheme = "semver"
[[params]]
name = "files"
type = "glob"
default = "p/*"
[[steps]]
id = "a"
argv = ["echo", "{version}", "--", "{files...}"]
"#,
    )
    .file("p/b", "")
    .file("p/a", "");
    for bad in ["1.2", "1.2.x", "01.2.3", "v1.2.3"] {
        test.ostler(&["run", "v", "--version", bad]).code(2);
    }
    test.ostler(&["run", "v", "--version", "1.2.3-rc.1+5"]).code(0);
    assert_eq!(test.ostler(&["runs", "log", "a"]).stdout, "1.2.3-rc.1+5 -- p/a p/b\n");
}

/// Results that keep coming must not drown a deadline.
#[test]
fn a_busy_run_keeps_its_deadline() {
    let mut text = "timeout = '1s'\n".to_owned();
    for n in 0..8_000 {
        text.push_str(&format!("[[steps]]\nid = 's{n}'\ncmd = '/bin/true'\n"));
    }
    let test = Test::with("v", &text);
    test.ostler(&["run", "v", "--jobs", "8", "--format", "json"]).code(4);
    let report = test.report();
    assert_eq!(report["reason"], "the deadline of 1s passed");
    assert_eq!(status(&report, "s7999"), "cancelled");
}
