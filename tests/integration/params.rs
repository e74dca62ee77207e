//! Params: typed, complete, refused before any step.

use crate::support::Test;

const PROMOTE: &str = r#"
[[params]]
name = "campaign"
positional = true
[[params]]
name = "patches"
type = "[glob]"
positional = true
[[params]]
name = "to"
type = "scope"
[[params]]
name = "status"
type = "enum"
values = ["success", "abandoned"]
default = "success"
[[params]]
name = "tries"
type = "int"
default = 1
[[steps]]
id = "show"
argv = ["printf", "%s\n", "{campaign}", "{to}", "{status}", "{tries}", "{patches...}"]
"#;

/// K2, K3: positions, flags, globs, patterns and enums.
#[test]
fn values_arrive_typed_and_whole() {
    let test = Test::with("promote", PROMOTE).file("p/b.patch", "").file("p/a.patch", "");
    test.ostler(&[
        "run",
        "promote",
        "vb2 $x",
        "p/*.patch",
        "--to",
        "driver/hantro",
        "--tries",
        "-2",
    ])
    .code(0);
    let log = test.ostler(&["runs", "log", "show"]).code(0);
    assert_eq!(log.stdout, "vb2 $x\ndriver/hantro\nsuccess\n-2\np/a.patch\np/b.patch\n");
}

/// K4: a refused set of params is refused before any step, all reasons at once.
#[test]
fn refusals_name_every_reason_and_nothing_runs() {
    let test = Test::with("promote", PROMOTE);
    let ran = test
        .ostler(&["run", "promote", "c", "p/*.none", "--to", "../etc", "--tries", "many"])
        .code(2);
    for part in ["nothing matches `p/*.none`", "`../etc` is not a scope", "`many` is not an int"] {
        assert!(ran.stderr.contains(part), "{}", ran.stderr);
    }
    test.ostler(&["run", "promote", "c", "x", "--to", "a/b", "--status", "done"])
        .code(2)
        .complains("success");
    test.ostler(&["runs", "list"]).code(0);
    assert!(!test.path().join(".ostler").exists());
}

/// K4: exactly one of two flags.
#[test]
fn groups_are_kept() {
    let test = Test::with(
        "abandon",
        r#"
[[params]]
name = "keep-as-archive"
type = "bool"
[[params]]
name = "purge-from-fleet"
type = "bool"
[[param_groups]]
exactly_one = ["keep-as-archive", "purge-from-fleet"]
[[steps]]
id = "a"
argv = ["echo", "{keep-as-archive}"]
"#,
    );
    test.ostler(&["run", "abandon"]).code(2).complains("exactly one of");
    test.ostler(&["run", "abandon", "--keep-as-archive", "--purge-from-fleet"]).code(2);
    test.ostler(&["run", "abandon", "--keep-as-archive"]).code(0);
    assert_eq!(test.ostler(&["runs", "log", "a"]).stdout, "true\n");
}

/// P3: whatever bytes a caller gives, they arrive and nothing of them is run.
#[test]
fn hostile_values_are_only_values() {
    use std::os::unix::ffi::OsStrExt;
    let test = Test::with(
        "v",
        r#"
[[params]]
name = "x"
allow_empty = true
[[steps]]
id = "argv"
argv = ["printf", "%s", "--", "{x}"]
[[steps]]
id = "env"
env = { X = "{x}" }
cmd = 'printf %s "$X"'
[[steps]]
id = "stdin"
stdin = "{x}"
cmd = "cat"
[[steps]]
id = "json"
stdin = { json = { x = "{x}" } }
cmd = "cat"
[[steps]]
id = "file"
argv = ["cat", "{x.file}"]
"#,
    );
    for value in [
        &b"$(touch pwned)"[..],
        b"`touch pwned`",
        b"'; touch pwned #",
        b"",
        b"\xff\xfe\n\t\\",
        b"a[$(touch pwned)]",
    ] {
        let mut command = test.command(&["run", "v", "--lenient"]);
        command.arg("--x").arg(std::ffi::OsStr::from_bytes(value));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        for (step, expected) in [("argv", value), ("env", value), ("stdin", value), ("file", value)]
        {
            let log = test.command(&["runs", "log", step]).output().unwrap().stdout;
            let log = if step == "argv" {
                log.strip_prefix(b"--").map_or(&log[..], |l| l).to_vec()
            } else {
                log
            };
            assert_eq!(log, expected, "{step}");
        }
        let json = test.ostler(&["runs", "log", "json"]).json();
        match std::str::from_utf8(value) {
            Ok(text) => assert_eq!(json["x"], text),
            Err(_) => assert!(json["x"]["b64"].is_string(), "{json}"),
        }
    }
    assert!(!test.path().join("pwned").exists());
}

#[test]
fn a_value_too_large_is_refused_by_name() {
    let test = Test::with(
        "v",
        "[[params]]\nname = 'x'\n[[steps]]\nid = 'a'\nargv = ['echo', '--', '{x}{x}']\n",
    );
    let long = "y".repeat(70_000);
    test.ostler(&["run", "v", "--x", &long]).code(4).says("argument 2 is 140000 bytes long");
}

/// P3: a placeholder in shell text is compiled: arguments, redirect targets, quotes, checks, guards, verify.
#[test]
fn hostile_values_in_shell_text_are_only_values() {
    use std::os::unix::ffi::OsStrExt;
    let test = Test::with(
        "v",
        r#"
[[params]]
name = "x"
[[params]]
name = "y"
[[params]]
name = "n"
type = "int"
default = 2
[[guards]]
id = "g"
cmd = "test -n {x}"
reason = "x is empty"
[[steps]]
id = "write"
cmd = "echo {x} > {y}"
verify = { cmd = "test -f {y}" }
[[steps]]
id = "quotes"
needs = ["write"]
cmd = """printf '%s|' "{x}" '{x}' a{x}b; cat <<E
{x}
E"""
[[steps]]
id = "count"
needs = ["write"]
cmd = "echo $(( {n} + 1 ))"
[[steps]]
id = "posix"
needs = ["write"]
shell = "sh"
cmd = "printf '%s' {x} \"{x}\" '{x}'"
[[steps]]
id = "checks"
needs = ["write"]
checks = [{ name = "one", cmd = "test {x} = '{x}'" }, { name = "two", cmd = "test {y} = \"{y}\"" }]
"#,
    );
    let values =
        [&b"$(touch pwned)"[..], b"`touch pwned`", b"'; touch pwned #", b"\xff\n\t\\", b"* ~ $x"];
    for (value, file) in values.into_iter().zip(["a b", "$(touch pwned)", "-n", "it's", "{x}"]) {
        let mut command = test.command(&["run", "v", &format!("--y={file}"), "--n", "41"]);
        command.arg("--x").arg(std::ffi::OsStr::from_bytes(value));
        let output = command.output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
        let written = std::fs::read(test.path().join(file)).unwrap();
        assert_eq!(written, [value, b"\n"].concat());
        let log = |step: &str| test.command(&["runs", "log", step]).output().unwrap().stdout;
        let quotes = [value, b"|", value, b"|a", value, b"b|", value, b"\n"].concat();
        assert_eq!(log("quotes"), quotes);
        assert_eq!(log("posix"), [value, value, value].concat());
        assert_eq!(log("count"), b"42\n");
    }
    assert!(!test.path().join("pwned").exists());
}

#[test]
fn a_value_too_large_for_shell_text_is_refused_by_name() {
    let test = Test::with(
        "v",
        "[[params]]\nname = 'x'\n[[steps]]\nid = 'b'\noutputs = { o = 'string' }\n\
         cmd = 'printf o= > \"$OSTLER_OUTPUT\"; head -c 140000 /dev/zero | tr \"\\0\" y >> \"$OSTLER_OUTPUT\"'\n\
         [[steps]]\nid = 'a'\nneeds = ['b']\ncmd = 'echo {steps.b.outputs.o} {x}'\n",
    );
    test.ostler(&["run", "v", "--x", "y"]).code(4).says("{steps.b.outputs.o} is 140000 bytes long");
}

#[test]
fn a_plan_shows_shell_text_as_it_was_written() {
    let verb = "params = [{ name = 'x', default = 'a' }]\n[[steps]]\nid = 'a'\n\
                cmd = \"echo {x} \\\"in {x}\\\" 'and {x}' $'so {x}'\"\n";
    let test = Test::with("v", verb);
    test.ostler(&["plan", "v"]).code(0).says("echo {x} \"in {x}\" 'and {x}' $'so {x}'");
    let plan = test.ostler(&["plan", "v", "--format", "json"]).code(0).stdout;
    assert!(plan.contains("OSTLER_V1"), "the plan itself has what will run: {plan}");
}

#[test]
fn what_is_no_text_is_shown_to_people_and_kept_for_programs() {
    use std::os::unix::ffi::OsStrExt as _;
    let text = "[[params]]\nname = 'p'\n[[steps]]\nid = 'a'\naction = 'Look at {p}'\ncmd = 'echo {p}; false'\n";
    let test = Test::with("v", text);
    for start in ["run", "start"] {
        let mut run = test.command(&[start, "v", "--p"]);
        run.arg(std::ffi::OsStr::from_bytes(b"\xff\xfe"));
        let said = String::from_utf8(run.output().unwrap().stdout).unwrap();
        let shown = test.ostler(&["runs", "show"]).code(0).stdout + &said;
        assert!(shown.contains("2 bytes that are no text: ff fe"), "{shown}");
        assert!(!shown.contains("b64"), "{shown}");
        assert_eq!(test.report()["params"]["p"]["b64"], "//4=");
    }
}

#[test]
fn a_value_that_is_empty_is_not_looked_for() {
    let text = "[[params]]\nname = 'p'\ndefault = ''\n[[steps]]\nid = 'a'\ncmd = 'echo x > f; echo x'\n\
        expect = { stdout = { contains = '{p}' }, file = { path = 'f', contains = '{p}' } }\n";
    let test = Test::with("v", text);
    test.ostler(&["run", "v", "--p", "x"]).code(0);
    let ran = test.ostler(&["run", "v"]).code(4);
    let why = "the text to look for is empty, which every text contains";
    assert!(format!("{}{}", ran.stdout, ran.stderr).contains(why), "{ran:?}");
}
