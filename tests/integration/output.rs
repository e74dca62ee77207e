//! What steps write and read: counted exactly, kept within limits, and never a reason to hang.
//!
//! Behaviours shown here (`docs/behaviours.md`): C28.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::marks::Marks;
use crate::support::{Ran, Test, found, status, wait_until};

/// What engine and keepers may use at most, in kB.
const MEMORY: u64 = 100 * 1024;
/// What is kept of a stream: its first 32 MiB and its last one.
const KEPT: u64 = 33 << 20;

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

/// Runs a verb `v` and says how much memory that took at its peak.
fn watched(test: &Test, marks: &Marks) -> (Ran, u64) {
    let mut engine = test.start(&["run", "v"]);
    let (start, mut peak) = (Instant::now(), 0);
    while engine.try_wait().unwrap().is_none() {
        peak = peak.max(marks.peak_kb());
        assert!(start.elapsed() < Duration::from_mins(2), "alive: {:?}", marks.all());
        std::thread::sleep(Duration::from_millis(10));
    }
    let ran = marks.ended(engine);
    eprintln!("{:?}, at most {peak} kB", start.elapsed());
    assert_eq!(marks.all(), []);
    assert!(peak > 0 && peak < MEMORY, "{peak} kB");
    (ran, peak)
}

fn attempt<'r>(report: &'r Value, step: &str) -> &'r Value {
    &found(report, step)["attempts"][0]
}

/// What is kept of a step's standard output, as `runs log` gives it, is what the report says it is.
fn kept(test: &Test, step: &str) -> Vec<u8> {
    let mut log = test.command(&["runs", "log", step]).output().unwrap().stdout;
    let err = test.command(&["runs", "log", step, "--stderr"]).output().unwrap().stdout;
    assert!(log.ends_with(&err));
    log.truncate(log.len() - err.len());
    let report = test.report();
    for (stream, bytes) in [("stdout", &log), ("stderr", &err)] {
        let said = attempt(&report, step)[stream]["sha256"].as_str();
        assert_eq!(
            said.unwrap_or_default(),
            if bytes.is_empty() { String::new() } else { hex(bytes) }
        );
    }
    log
}

#[test]
fn five_gibibytes_are_counted_and_their_ends_kept() {
    let test = Test::with(
        "v",
        "[[steps]]\nid = 'a'\ncmd = 'head -c 5368709120 /dev/zero; echo the end'\n",
    );
    let marks = Marks::new(&test);
    watched(&test, &marks).0.code(0);
    let report = test.report();
    let stdout = &attempt(&report, "a")["stdout"];
    assert_eq!(
        (stdout["bytes"].as_u64(), stdout["kept"].as_u64()),
        (Some((5 << 30) + 8), Some(KEPT))
    );
    assert!(kept(&test, "a").ends_with(b"\0the end\n"));
}

#[test]
fn one_line_of_a_gibibyte_is_no_pass_for_who_wanted_to_read_it() {
    let test = Test::with(
        "v",
        "[[steps]]\nid = 'a'\ncmd = \"head -c 1073741824 /dev/zero | tr '\\\\0' x\"\nexpect = { stdout = { contains = 'x' } }\n",
    );
    let marks = Marks::new(&test);
    watched(&test, &marks).0.code(4);
    let report = test.report();
    assert_eq!(attempt(&report, "a")["stdout"]["bytes"], 1 << 30);
    let check = &found(&report, "a")["checks"][0];
    assert!(check["observed"].as_str().unwrap().contains("too many to judge"), "{check}");
}

#[test]
fn both_streams_at_once() {
    let test = Test::with(
        "v",
        "[[steps]]\nid = 'a'\ncmd = 'head -c 67108864 /dev/zero & head -c 67108864 /dev/zero >&2; wait'\n",
    );
    let marks = Marks::new(&test);
    watched(&test, &marks).0.code(0);
    let report = test.report();
    for stream in ["stdout", "stderr"] {
        assert_eq!(attempt(&report, "a")[stream]["bytes"], 64 << 20);
    }
    kept(&test, "a");
}

#[test]
fn bytes_that_are_no_text_come_back_as_they_were() {
    let bytes: Vec<u8> = (0..=255).chain([0xff, 0xc3, 0x28]).collect();
    for times in [1, 100] {
        let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'cat bytes'\n");
        let all = bytes.repeat(times);
        std::fs::write(test.path().join("bytes"), &all).unwrap();
        test.ostler(&["run", "v"]).code(0);
        assert!(kept(&test, "a") == all);
    }
}

#[test]
fn a_child_that_keeps_the_output_open_is_named_and_ended() {
    for child in [
        "sleep 300 MARK",
        "bash -c 'trap \"\" TERM; while [ -e go ]; do echo; sleep 0.02; done' MARK",
    ] {
        let test = Test::new().file("ostler.toml", "grace_s = 0.3");
        let marks = Marks::new(&test);
        let child = child.replace("MARK", &marks.of("child"));
        let test = test.verb("v", &format!("[[steps]]\nid = 'a'\ncmd = '''{child} & echo hi'''\n"));
        watched(&test, &marks).0.code(0);
        let report = test.report();
        let leaked = &attempt(&report, "a")["leaked"][0];
        assert!(leaked["command"].as_str().unwrap().contains(&marks.of("child")), "{report}");
        assert!(attempt(&report, "a")["duration_ms"].as_u64().unwrap() < 10_000);
    }
}

/// This process is no descendant of the step: it takes the step's output and keeps it open, silent or writing.
#[test]
fn a_stranger_that_keeps_the_output_open_holds_nobody_up() {
    for chatty in [false, true] {
        let test = Test::with(
            "v",
            "[[steps]]\nid = 'a'\ncmd = 'echo $$ > pid.new; mv pid.new pid; until [ -e held ]; do sleep 0.01; done; echo hi'\n",
        );
        let marks = Marks::new(&test);
        let engine = test.start(&["run", "v"]);
        test.wait_for("pid");
        let pid = test.read("pid");
        let mut held =
            File::options().write(true).open(format!("/proc/{}/fd/1", pid.trim())).unwrap();
        std::fs::write(test.path().join("held"), "").unwrap();
        if chatty {
            std::thread::spawn(move || while held.write_all(b"more\n").is_ok() {});
        } else {
            std::mem::forget(held);
        }
        let start = Instant::now();
        marks.ended(engine).code(0);
        assert!(start.elapsed() < Duration::from_secs(20));
        let report = test.report();
        let bytes = attempt(&report, "a")["stdout"]["bytes"].as_u64().unwrap();
        assert!(bytes == 3 || (chatty && bytes > 3), "{bytes}");
        assert_eq!(marks.all(), []);
    }
}

#[test]
fn outputs_that_are_no_plain_file_or_too_large_are_refused() {
    for (how, why) in [
        ("head -c 17825792 /dev/zero > $OSTLER_OUTPUT", "more than 16 MiB"),
        ("mkfifo $OSTLER_OUTPUT", "no longer a file"),
        ("mkdir $OSTLER_OUTPUT", "no longer a file"),
        ("echo n=1 > there; ln -sf $PWD/there $OSTLER_OUTPUT", "no longer a file"),
        ("ln -sf /dev/zero $OSTLER_OUTPUT", "no longer a file"),
        ("ln -sf nowhere $OSTLER_OUTPUT", "no longer a file"),
    ] {
        let text = format!("[[steps]]\nid = 'a'\ncmd = '{how}'\noutputs = {{ n = 'int' }}\n");
        let test = Test::with("v", &text);
        let marks = Marks::new(&test);
        watched(&test, &marks).0.code(4);
        let report = test.report();
        let said = attempt(&report, "a")["bad_output"].as_str().unwrap_or_default();
        assert!(said.contains(why), "{how}: {report}");
    }
}

#[test]
fn a_step_reads_nothing_or_exactly_what_it_was_given() {
    let line = "twenty million bytes\n";
    let given = line.repeat(20_000_000 / line.len());
    let text = format!(
        "[[steps]]\nid = 'none'\ncmd = 'readlink /proc/self/fd/0; cat'\nexpect = {{ stdout = {{ equals = '/dev/null' }} }}\n\
         [[steps]]\nid = 'much'\ncmd = 'sha256sum'\nexpect = {{ stdout = {{ equals = '{}  -' }} }}\nstdin = '''\n{given}'''\n",
        hex(given.as_bytes())
    );
    let test = Test::with("v", &text);
    let start = Instant::now();
    test.ostler(&["run", "v"]).code(0);
    eprintln!("20 MB of stdin: {:?}", start.elapsed());
}

#[test]
fn what_cannot_be_started_says_why() {
    let long = "x".repeat(100_000);
    let many = format!("argv = ['/bin/true'{}]", format!(", '{long}'").repeat(80));
    for (what, outcome, why) in [
        ("cwd = 'no/such'\ncmd = 'true'", "could_not_start", "does not exist"),
        ("argv = ['no-such-program']", "could_not_start", "was not found"),
        ("argv = ['./no-such-program']", "could_not_start", "was not found"),
        ("argv = ['./plain']", "could_not_start", "ermission denied"),
        ("argv = ['./workflows']", "could_not_start", "ermission denied"),
        ("cmd = 'no-such-program'", "exited", "exit 127"),
        ("cmd = './plain'", "exited", "exit 126"),
        (&many, "could_not_start", "too long"),
    ] {
        let test = Test::with("v", &format!("[[steps]]\nid = 'a'\n{what}\n")).file("plain", "true");
        let marks = Marks::new(&test);
        let ran = marks.ended(test.start(&["run", "v"])).code(4);
        let report = test.report();
        let attempt = attempt(&report, "a");
        assert_eq!(attempt["outcome"], outcome, "{attempt}");
        assert!(attempt["detail"].as_str().unwrap().contains(why), "{attempt}");
        assert!(ran.stdout.contains(why), "{ran:?}");
    }
}

#[test]
fn two_hundred_steps_write_on_both_streams() {
    let mut text = String::new();
    for n in 0..200 {
        text += &format!(
            "[[steps]]\nid = 's{n}'\ncmd = 'yes {n} | head -c 10240; yes {n} | head -c 10240 >&2'\nshell = ['bash', '-c']\n"
        );
    }
    let test = Test::with("v", &text);
    let marks = Marks::new(&test);
    let start = Instant::now();
    test.ostler(&["run", "--jobs", "4", "v"]).code(0);
    eprintln!("200 steps: {:?}", start.elapsed());
    assert_eq!(marks.all(), []);
    let report = test.report();
    for n in 0..200 {
        let step = format!("s{n}");
        assert_eq!(status(&report, &step), "passed");
        let expected: Vec<u8> = format!("{n}\n").bytes().cycle().take(10_240).collect();
        for stream in ["stdout", "stderr"] {
            let stream = &attempt(&report, &step)[stream];
            assert_eq!(stream["bytes"], 10_240);
            assert_eq!(stream["sha256"], hex(&expected));
        }
    }
    wait_until("nobody is left", || marks.all().is_empty());
}
