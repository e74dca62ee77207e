//! What people see, on a terminal and in a pipe: golden screens.

use std::path::Path;

use crate::pty::Pty;
use crate::support::{Test, wait_until};

const GREET: &str = r#"
description = "Builds a greeting and sends it"
[[params]]
name = "name"
help = "Whom to greet"
positional = true
[[params]]
name = "tone"
type = "enum"
values = ["warm", "cool"]
default = "warm"
help = "How it sounds"
[[steps]]
id = "look"
cmd = "echo kind=letter >> $OSTLER_OUTPUT"
outputs = { kind = "string" }
[[steps]]
id = "write"
needs = ["look"]
cmd = "printf 'A %s %s\nfor %s\n' {tone} {steps.look.outputs.kind} {name}"
expect = { stdout = { contains = "letter" } }
"#;

const SHIP: &str = r#"
description = "Builds, signs and ships, in a description that is longer than a narrow terminal is wide"
[[steps]]
id = "build"
cmd = "echo built"
[[steps]]
id = "test"
needs = ["build"]
cmd = '''
echo one
echo two
echo "not good" >&2
exit 3
'''
expect = { stdout = { contains = "three" } }
[[steps]]
id = "ship"
needs = ["test"]
cmd = "true"
[[finally]]
id = "clean"
cmd = "true"
"#;

const SIGN: &str = r#"
description = "Waits for a signature"
[[steps]]
id = "build"
cmd = "echo built"
[[steps]]
id = "sign"
needs = ["build"]
actor = "Human"
action = "sign the build"
[[steps]]
id = "ship"
needs = ["sign"]
cmd = "echo shipped"
"#;

const WRONG: &str = r#"
descripton = "Five mistakes"
[[params]]
name = "to"
type = "hsot"
[[steps]]
id = "build"
cmd = "make"
timeout = "ten"
[[steps]]
id = "ship"
needs = ["biuld"]
cmd = "eval copy {to}"
"#;

fn workspace() -> Test {
    Test::with("greet", GREET).verb("ship", SHIP).verb("sign", SIGN)
}

/// What differs from run to run, made the same.
fn settled(text: &str) -> String {
    let fixed = [
        (
            r"\b(run|show|log|retry|answer|resume|cancel|step (?:next|take|report|release|attest)) [a-z0-9]{8}\b",
            "$1 RRRRRRRR",
        ),
        (r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d(\.\d+Z)?", "WHEN"),
        (r"(?m)^[a-z0-9]{8}  ", "RRRRRRRR  "),
        (r"for 14m more", "for MINUTES more"),
        (r"\b\d+(\.\d+)?m?s\b", "TIME"),
        (r"digest [0-9a-f]{64}", "digest SHA"),
        (r"(answered|reported) by [^\s:,]+@[^\s:,]+", "$1 by SOMEBODY"),
        // Where a line is cut depends on how many digits its time has.
        (r"(?m)(TIME, .{12}).*…$", "$1…"),
    ];
    fixed.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

pub(crate) fn golden(name: &str, text: &str) {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    insta::with_settings!({ snapshot_path => snapshots, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, settled(text));
    });
}

/// Compares what a command shows on a terminal and in pipes.
pub(crate) fn both(name: &str, test: &Test, args: &[&str], code: i32) {
    on_terminal(name, test, args, 80, code);
    in_pipes(name, test, args, code);
}

pub(crate) fn on_terminal(name: &str, test: &Test, args: &[&str], columns: u16, code: i32) {
    let (ended, screen, _) = Pty::start(test, args, columns, &[]).end();
    assert_eq!(ended, code, "{screen}");
    golden(&format!("terminal_{name}_{columns}"), &screen);
}

pub(crate) fn in_pipes(name: &str, test: &Test, args: &[&str], code: i32) {
    let ran = test.ostler(args).code(code);
    assert!(!ran.stdout.contains('\x1b') && !ran.stderr.contains('\x1b'), "{ran:?}");
    let text = format!("{}---- standard error\n{}", ran.stdout, ran.stderr);
    golden(&format!("terminal_{name}_pipe"), &text);
}

#[test]
fn the_list() {
    let test = workspace().verb("wrong", WRONG);
    test.ostler(&["sign"]).code(5);
    both("list", &test, &["list"], 0);
    on_terminal("list", &test, &[], 40, 0);
}

#[test]
fn help() {
    let test = workspace();
    both("help", &test, &["--help"], 0);
    both("help_verb", &test, &["greet", "--help"], 0);
}

#[test]
fn a_check_with_five_errors() {
    let test = Test::with("wrong", WRONG);
    both("check", &test, &["check"], 3);
}

#[test]
fn a_plan() {
    let test = workspace();
    both("plan", &test, &["plan", "greet", "Ada"], 0);
}

#[test]
fn a_passing_run() {
    let test = workspace();
    both("passing", &test, &["greet", "Ada"], 0);
    in_pipes("passing_verbose", &test, &["greet", "Ada", "-v"], 0);
    on_terminal("passing_verbose", &test, &["greet", "Ada", "-v"], 80, 0);
    both("passing_quiet", &test, &["greet", "Ada", "-q"], 0);
}

#[test]
fn what_a_failed_step_wrote_is_never_cut() {
    let long = "word ".repeat(20);
    let text = format!("[[steps]]\nid = 'a'\ncmd = 'seq 50; echo {long}CAUSE >&2; exit 1'\n");
    let test = Test::with("w", &text);
    let (_, screen, _) = Pty::start(&test, &["w"], 40, &[]).end();
    assert!(screen.replace('\n', "").contains("word CAUSE"), "{screen}");
    assert!(screen.contains("… 35 earlier lines"), "{screen}");
}

#[test]
fn verbose_shows_what_is_run_on_a_terminal_too() {
    let text = "[[steps]]\nid = 'a'\ncmd = '''\necho 1\necho 2\necho 3\necho 4\necho 5\necho 6\necho 7'''\n";
    let test = Test::with("w", text);
    let (_, screen, _) = Pty::start(&test, &["w", "-v"], 80, &[]).end();
    assert!(screen.contains("▸ a  echo 1\n     echo 2\n"), "{screen}");
    assert!(screen.contains("     echo 6\n     … and 1 more\n"), "{screen}");
    let told = "`a` had 1 attempt in run";
    test.ostler(&["runs", "log", "a", "--attempt", "9"]).code(2).complains(told);
}

#[test]
fn a_log_is_a_timeline_on_a_terminal() {
    let test = workspace();
    test.ostler(&["ship"]).code(4);
    let (code, screen, _) = Pty::start(&test, &["runs", "log"], 100, &[]).end();
    assert!(
        code == 0 && screen.contains("step finished       test              exit 3"),
        "{screen}"
    );
    let raw = test.ostler(&["runs", "log"]).code(0).stdout;
    assert_eq!(raw, test.ostler(&["runs", "log", "--format", "json"]).code(0).stdout);
    assert!(raw.starts_with('{'), "{raw}");
}

#[test]
fn a_failing_run() {
    let test = workspace();
    both("failing", &test, &["ship"], 4);
    on_terminal("failing", &test, &["ship"], 40, 4);
}

#[test]
fn a_waiting_run_and_what_follows() {
    let test = workspace();
    both("waiting", &test, &["sign"], 5);
    both("asked", &test, &["step", "show", "sign"], 0);
    in_pipes("answered", &test, &["step", "answer", "sign", "passed"], 0);
}

#[test]
fn a_resumed_run() {
    let text = "[[steps]]\nid = 'first'\ncmd = 'true'\n[[steps]]\nid = 'second'\nneeds = ['first']\n\
                on_interrupt = 'Rerun'\ncmd = 'test -e go || exec sleep 1000'\n";
    for (name, columns) in [("terminal", Some(80)), ("pipe", None)] {
        let test = Test::with("long", text);
        let mut engine = test.start(&["long"]);
        wait_until("the second step runs", || {
            test.ostler(&["runs", "log"]).stdout.contains("\"step_started\",\"step\":\"second\"")
        });
        engine.kill().unwrap();
        engine.wait().unwrap();
        let test = test.file("go", "");
        match columns {
            Some(columns) => on_terminal("resumed", &test, &["runs", "resume"], columns, 0),
            None => in_pipes("resumed", &test, &["runs", "resume"], 0),
        }
        assert_eq!(test.report()["status"], "passed", "{name}");
    }
}

/// A verb whose second step runs until a file is there.
const HELD: &str = r"
[[steps]]
id = 'first'
cmd = 'echo one'
[[steps]]
id = 'second'
needs = ['first']
cmd = 'echo waiting for the file; until test -e go; do sleep 0.02; done; echo seen'
";

#[test]
fn what_runs_is_shown_while_it_runs_and_then_no_more() {
    let test = Test::with("held", HELD);
    let mut pty = Pty::start(&test, &["held"], 80, &[]);
    pty.wait_for("waiting for the file");
    let shown = pty.text();
    golden("terminal_running_80", &shown);
    let test = test.file("go", "");
    let (code, screen, _) = pty.end();
    assert_eq!(code, 0, "{screen}");
    assert!(!screen.contains('▸') && !screen.contains("wave"), "{screen}");
    drop(test);
}

#[test]
fn after_a_resize_nothing_is_lost_and_nothing_stays() {
    let test = Test::with("held", HELD);
    let mut pty = Pty::start(&test, &["held"], 100, &[]);
    pty.wait_for("waiting for the file");
    pty.resize(50);
    pty.wait_for("▸");
    let test = test.file("go", "");
    let (code, screen, _) = pty.end();
    assert_eq!(code, 0, "{screen}");
    for part in ["✓ first", "✓ second", "│ seen", "held passed"] {
        assert!(screen.contains(part), "{screen}");
    }
    assert!(!screen.contains('▸'), "{screen}");
    drop(test);
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let test = workspace();
    let coloured = |env: &[(&str, &str)]| {
        let (_, _, bytes) = Pty::start(&test, &["greet", "Ada"], 80, env).end();
        String::from_utf8(bytes).unwrap().contains("\x1b[32m")
    };
    assert!(coloured(&[]));
    assert!(!coloured(&[("NO_COLOR", "1")]));
    assert!(!coloured(&[("TERM", "dumb")]));
}

#[test]
fn a_run_that_another_drives_can_be_watched() {
    let test = Test::with("held", HELD);
    let mut engine = test.start(&["held"]);
    wait_until("the second step runs", || {
        test.ostler(&["runs", "log"]).stdout.contains("\"step_started\",\"step\":\"second\"")
    });
    let mut pty = Pty::start(&test, &["runs", "watch"], 80, &[]);
    pty.wait_for("▸ second");
    let test = test.file("go", "");
    let (code, screen, _) = pty.end();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("✓ second") && screen.contains("held passed"), "{screen}");
    assert!(engine.wait().unwrap().success());
    drop(test);
}
