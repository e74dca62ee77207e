//! Runs that are stepped through, as people see them: who holds what, what is open, and how one goes on.
//!
//! Behaviours shown here (`docs/behaviours.md`): O3, O5.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, ChildStderr, Stdio};

use crate::feel::offered;
use crate::pty::Pty;
use crate::support::{Ran, Test, found, wait_until};
use crate::terminal::{both, golden, in_pipes, on_terminal};

const RELEASE: &str = r###"
description = "Prepares a release"
postconditions = ["The notes are published"]
[[params]]
name = "version"
positional = true
[[steps]]
id = "test"
action = "Test {version}"
cmd = "echo all is well"
[[steps]]
id = "notes"
actor = "Agent"
needs = ["test"]
action = "Write the notes of {version}"
expect = { file = { path = "notes.txt", contains = "## " } }
outputs = { title = "string" }
[[steps]]
id = "sign"
actor = "Human"
needs = ["notes"]
action = "Sign {version}: {steps.notes.outputs.title}"
[[steps]]
id = "publish"
needs = ["sign"]
for_each = ["linux", "macos"]
argv = ["echo", "published", "{version}", "{item}"]
"###;

fn workspace() -> Test {
    Test::with("release", RELEASE)
}

/// What the program does for somebody.
fn of(test: &Test, who: &str, args: &[&str]) -> Ran {
    let mut command = test.command(args);
    Ran::new(&command.env("OSTLER_ACTOR", who).output().unwrap())
}

fn ada(test: &Test, args: &[&str]) -> Ran {
    of(test, "agent:ada", args)
}

fn bob(test: &Test, args: &[&str]) -> Ran {
    of(test, "human:bob", args)
}

/// A run that an agent opened for a task.
fn started(test: &Test) {
    ada(test, &["start", "release", "1.2.0", "--task", "Release 1.2.0, as asked"]).code(0);
}

/// The same with the notes written and reported: a person is next.
fn written(test: Test) -> Test {
    started(&test);
    ada(&test, &["step", "run", "release", "test"]).code(0);
    let test = test.file("notes.txt", "## 1.2.0\n");
    let report = ["step", "report", "release", "notes", "--status=pass", "--output=title=Colours"];
    ada(&test, &report).code(0);
    test
}

#[test]
fn lists_and_reports_say_who_holds_what_and_how_it_goes_on() {
    let test = workspace();
    started(&test);
    both("hands_list", &test, &["list"], 0);
    both("hands_runs", &test, &["runs"], 0);
    both("hands_show", &test, &["runs", "show"], 0);
    in_pipes("hands_step", &test, &["step", "show", "test"], 0);
    let report = test.report();
    assert_eq!(report["task"], "Release 1.2.0, as asked");
    assert_eq!((&report["stepped"], &report["trigger"]), (&true.into(), &"agent".into()));
    let lease = &found(&report, "test")["lease"];
    assert_eq!(
        (&lease["by"]["name"], &lease["by"]["kind"], lease["token"].is_u64()),
        (&"ada".into(), &"agent".into(), true)
    );
    assert_eq!(found(&report, "test")["offered"], false);
    let run = &test.ostler(&["runs", "list", "--format", "json"]).json()["runs"][0];
    assert_eq!(run["hands"]["held"][0]["step"], "test");
    let run = &test.ostler(&["list", "--format", "json"]).json()["waiting"][0];
    assert_eq!((&run["hands"]["task"], &run["interrupted"]), (&report["task"], &false.into()));

    ada(&test, &["step", "release", "release", "test"]).code(0);
    in_pipes("hands_open", &test, &["runs", "show"], 0);
    assert_eq!(found(&test.report(), "test")["offered"], true);
    test.ostler(&[]).code(0).says("! release is open: test\n");
    test.ostler(&["runs"]).code(0).says("  open: test  version=1.2.0\n");
}

#[test]
fn markdown_and_junit_say_it_too() {
    let test = workspace();
    started(&test);
    let run = test.run();
    let page = test.ostler(&["runs", "show", "--format", "markdown"]).code(0);
    page.says("For: Release 1&#46;2&#46;0, as asked")
        .says(&format!("It goes on with `ostler step next {run}`"))
        .says("held by agent ada until");
    let xml = test.ostler(&["runs", "show", "--format", "junit"]).code(0);
    let xml = xml.says("<property name=\"task\" value=\"Release 1.2.0, as asked\"/>");
    let xml = xml.says("type=\"held\"").says("message=\"held by agent ada until ");
    xml.says(&format!("the run has not ended: ostler step next {run}"));
}

#[test]
fn a_person_is_told_in_colours_what_an_agent_is_told_without() {
    let test = written(workspace());
    in_pipes("hands_waits", &test, &["step", "next", "--as", "agent:ada"], 0);
    both("hands_person", &test, &["step", "next"], 0);
    let coloured = |env: &[(&str, &str)]| {
        let (_, _, bytes) = Pty::start(&test, &["step", "next"], 80, env).end();
        bytes.windows(2).any(|two| two == b"\x1b[")
    };
    assert!(coloured(&[]) && !coloured(&[("NO_COLOR", "1")]));
    let plain = test.ostler(&["step", "next"]).stdout;
    let (_, screen, _) = Pty::start(&test, &["step", "next"], 200, &[]).end();
    assert_eq!(screen.replace('\r', ""), plain);
    let report = ["step", "report", "release", "sign", "--status", "pass", "--note", "well done"];
    on_terminal("hands_reported", &test, &report, 80, 0);
    for item in ["linux", "macos"] {
        let step = format!("publish[{item}]");
        bob(&test, &["step", "run", "release", &step]).code(0);
    }
    in_pipes("hands_ended", &test, &["runs", "show"], 0);
}

/// Somebody who watches a run in a pipe.
struct Watch {
    child: Child,
    lines: BufReader<ChildStderr>,
    said: String,
}

impl Watch {
    /// Begins to watch the latest run, in which somebody holds a step.
    fn begin(test: &Test) -> Self {
        let mut command = test.command(&["runs", "watch"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap());
        let mut watch = Self { child, lines, said: String::new() };
        watch.sees("held by");
        watch
    }

    /// Waits until it says so: what comes after it is then said after it.
    fn sees(&mut self, part: &str) {
        let before = self.said.len();
        while !self.said[before..].contains(part) {
            let read = self.lines.read_line(&mut self.said).unwrap();
            assert!(read > 0, "no {part:?} in {}", self.said);
        }
    }

    /// What it said until the run ended, and its exit code.
    fn end(mut self) -> (String, Option<i32>) {
        self.lines.read_to_string(&mut self.said).unwrap();
        (self.said, self.child.wait().unwrap().code())
    }
}

#[test]
fn what_is_watched_and_logged_is_said_in_words() {
    let test = workspace();
    started(&test);
    let mut watch = Watch::begin(&test);
    ada(&test, &["step", "run", "release", "test"]).code(0);
    watch.sees("▸ notes");
    let report = ["step", "report", "release", "notes", "--status=pass", "--output=title=x"];
    ada(&test, &report).code(6);
    watch.sees("refused");
    ada(&test, &["step", "release", "release", "notes", "--note", "not for me"]).code(0);
    watch.sees("given back");
    of(&test, "agent:eve", &["step", "take", "release", "notes", "--lease", "100ms"]).code(0);
    watch.sees("taken by agent eve");
    wait_until("the lease is over", || {
        ada(&test, &["step", "next", "release"]).stdout.contains("attempt 2")
    });
    watch.sees("its lease is over");
    let test = test.file("notes.txt", "## 1.2.0\n");
    ada(&test, &["step", "take", "release"]).code(0);
    watch.sees("taken by agent ada");
    ada(&test, &report).code(0);
    watch.sees("asked");
    ada(&test, &["step", "report", "release", "sign", "--status=pass"]).code(6);
    watch.sees("refused");
    let no = ["step", "report", "release", "sign", "--status=fail", "--note", "not\nyet"];
    bob(&test, &no).code(0);
    let here = test.path().canonicalize().unwrap();
    let here = here.to_str().unwrap();
    let (said, code) = watch.end();
    assert_eq!(code, Some(4));
    golden("terminal_hands_watched_pipe", &said.replace(here, "HERE"));
    let log = test.ostler(&["runs", "log", "--format", "text"]).code(0).stdout;
    let log = log.replace(here, "HERE");
    let since = regex::Regex::new(r"(?m)^ *[0-9.]+m?s").unwrap().replace_all(&log, "  TIME");
    // When an engine came and went is up to who was quicker.
    let told = since.lines().filter(|line| !line.contains("driver"));
    golden("terminal_hands_log_pipe", &told.collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_list_is_reported_in_json_and_handed_on() {
    let text = "[[steps]]\nid = 'find'\nactor = 'Agent'\noutputs = { files = '[path]' }\n\
                [[steps]]\nid = 'use'\nneeds = ['find']\nfor_each = '{steps.find.outputs.files}'\n\
                argv = ['echo', '{item}']\n";
    let test = Test::with("list", text);
    ada(&test, &["start", "list"]).code(0).says("--output files='[\"PATH\"]'");
    let report = |value: &str| {
        let output = format!("--output=files={value}");
        ada(&test, &["step", "report", "list", "find", "--status=pass", &output])
    };
    report("a").code(6).complains("`a` is not a list in JSON, such as [\"a\", \"b\"]");
    report("[1]").code(6).complains("output `files`");
    report("[\"a b\", \"c\"]").code(0).says("runs: echo 'a b'\n");
}

#[test]
fn bash_completes_what_can_be_taken_run_and_reported() {
    let test = workspace();
    started(&test);
    let run = test.run();
    for command in ["run", "report", "release"] {
        assert_eq!(offered(&test, &["ostler", "step", command, "tes"]), ["test"]);
    }
    for command in ["next", "take"] {
        let runs = offered(&test, &["ostler", "step", command, &run[..3]]);
        assert_eq!(runs.first(), Some(&run));
    }
    assert_eq!(offered(&test, &["ostler", "step", "take", &run, "tes"]), ["test"]);
    assert_eq!(offered(&test, &["ostler", "start", "rel"]), ["release"]);
}

#[test]
fn words_that_are_nearly_right_are_known() {
    let test = workspace();
    for (word, meant) in [
        ("next", "step next"),
        ("take", "step take"),
        ("report", "step report"),
        ("done", "step report"),
        ("begin", "start"),
        ("open", "start"),
    ] {
        test.ostler(&[word]).code(2).complains(&format!("did you mean `ostler {meant}`?"));
    }
    let ran = test.ostler(&["start"]).code(2).complains("which verb?");
    ran.complains("Usage: ostler start [OPTIONS] <VERB> [PARAMS]...")
        .complains("  release VERSION");
    both("hands_help", &test, &["step", "--help"], 0);
    in_pipes("hands_help_start", &test, &["start", "--help"], 0);
    in_pipes("hands_help_report", &test, &["step", "report", "--help"], 0);
}
