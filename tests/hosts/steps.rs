//! Steps of every kind on a host: what they read, write, expect and hand on is there, and not here.
//!
//! Behaviours shown here (`docs/behaviours.md`): K14.

use crate::sshd::{Sshd, With, script};
use crate::support::{Ran, found, status, wait_until};
use crate::there::{Fleet, known, manifest};

#[test]
fn all_that_a_step_says_holds_on_its_host() {
    let fleet = Fleet::one()
        .file("tool.sh", "#!/bin/sh\necho \"$OSTLER_PARAM_WORD:$1:$0\" >> script\n")
        .verb(
            "kinds",
            r#"
host = "box"
env = { LEVEL = "high" }
[[params]]
name = "word"
default = "it's \"so\" $(touch pwned)\nand so"
[[steps]]
id = "dir"
cmd = 'mkdir -p WS/there; test "$PWD" = "$HOME" -o "$(pwd -P)" = "$(cd && pwd -P)"; test -z "${OSTLER_WORKSPACE-}"'
[[steps]]
id = "cmd"
needs = ["dir"]
cwd = "WS/there"
env = { OWN = "{word}" }
stdin = "in {word}"
cmd = 'test "$OWN" = {word}; test "$LEVEL" = high; cat > in; printf %s {word} > word; echo out; echo err >&2'
expect = { stdout = { equals = "out" }, stderr = { contains = "err" }, file = [{ path = "in", contains = "in it's" }, { path = "none", absent = true }], unchanged = "/etc/hostname" }
verify = { cmd = "test -e word" }
[[steps]]
id = "argv"
needs = ["cmd"]
cwd = "WS/there"
argv = ["cp", "{word.file}", "copied"]
[[steps]]
id = "json"
needs = ["cmd"]
cwd = "WS/there"
stdin = { json = { w = "{word}" } }
outputs = { w = "string", n = "int" }
cmd = 'cat >> "$OSTLER_OUTPUT"; echo >> "$OSTLER_OUTPUT"; echo n=7 >> "$OSTLER_OUTPUT"'
[[steps]]
id = "script"
needs = ["dir"]
cwd = "WS/there"
script = "tool.sh"
[[steps]]
id = "checks"
needs = ["argv"]
cwd = "WS/there"
on_error = "Continue"
checks = [{ name = "one", cmd = "cmp word copied" }, { name = "two", cmd = "echo x; exit 3", expect = { exit = 3, stdout = { equals = "x" } } }, { name = "three", cmd = "test -e none" }, { name = "four", cmd = "true" }]
[[steps]]
id = "long"
needs = ["dir"]
timeout = "300ms"
on_error = "Continue"
cmd = "sleep 1000"
[[steps]]
id = "wrong"
needs = ["cmd"]
cwd = "WS/there"
on_error = "Continue"
cmd = "true"
expect = { file = { path = "in", contains = "not this" } }
[[steps]]
id = "here"
needs = ["json"]
host = "local"
cwd = "WS"
stdin = "{steps.json.outputs.w}"
cmd = 'test "$PWD" = WS; test {steps.json.outputs.n} = 7; cat > handed'
"#,
        );
    fleet.ostler(&["run", "kinds"]).code(9);
    let report = fleet.test.report();
    for (step, expected) in [
        ("cmd", "passed"),
        ("argv", "passed"),
        ("json", "passed"),
        ("script", "passed"),
        ("checks", "failed"),
        ("long", "failed"),
        ("wrong", "failed"),
        ("here", "passed"),
    ] {
        assert_eq!(status(&report, step), expected, "{step}: {report:#}");
    }
    let word = "it's \"so\" $(touch pwned)\nand so";
    for file in ["there/word", "there/copied", "handed"] {
        assert_eq!(fleet.test.read(file), word, "{file}");
    }
    assert!(fleet.test.read("there/script").starts_with(&format!("{word}::")));
    assert!(!fleet.at("there/pwned").exists() && !fleet.at("pwned").exists());
    let checks = &found(&report, "checks")["checks"];
    let each = checks.as_array().unwrap().iter().map(|check| check["status"] == "passed");
    assert_eq!(each.collect::<Vec<_>>(), [true, true, false, true], "{checks:#}");
    assert!(found(&report, "long").to_string().contains("timed_out"), "{report:#}");
    // A value's file lies in a private folder there, and goes with the run.
    wait_until("nothing is left there", || {
        let left = std::fs::read_dir(fleet.sshds[0].at("state/ostler")).unwrap().flatten();
        left.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.')).count() == 0
    });
}

#[test]
fn the_host_of_a_step_comes_from_wherever_its_text_says() {
    let fleet = Fleet::new(&["a", "b", "c"], 3);
    for (nth, name) in ["a", "b", "c"].iter().enumerate() {
        std::fs::write(fleet.sshds[nth].at("state/name"), name).unwrap();
    }
    let fleet = fleet.verb(
        "places",
        r#"
host = "a"
[[params]]
name = "where"
type = "host"
default = "b"
[[guards]]
id = "usual"
cmd = 'test "$(cat "$XDG_STATE_HOME/name")" = a'
reason = "it is not a"
[[guards]]
id = "own"
host = "{where}"
cmd = 'test "$(cat "$XDG_STATE_HOME/name")" = {where}'
reason = "it is not the wanted one"
[[guards]]
id = "here"
host = "local"
cmd = 'test "$PWD" = WS'
reason = "it is not here"
[[steps]]
id = "usual"
cmd = 'test "$(cat "$XDG_STATE_HOME/name")" = a; test {host.name} = a'
[[steps]]
id = "given"
host = "{where}"
cmd = 'test "$(cat "$XDG_STATE_HOME/name")" = {where}; test {host.name} = {where}'
[[steps]]
id = "here"
host = "local"
outputs = { names = "[string]" }
cmd = '''test "$PWD" = WS; echo '{"names": ["c", "b", "local"]}' >> "$OSTLER_OUTPUT"'''
[[steps]]
id = "found"
needs = ["here"]
for_each = "{steps.here.outputs.names}"
host = "{item}"
cmd = 'n=local; test -z "${XDG_STATE_HOME-}" || n=$(cat "$XDG_STATE_HOME/name"); test "$n" = {item}'
"#,
    );
    fleet.ostler(&["run", "places"]).code(0);
    fleet.ostler(&["run", "places", "--where", "c"]).code(0);
    let nowhere = fleet.ostler(&["run", "places", "--where", "d"]).code(2);
    assert!(nowhere.stderr.contains("no host"), "{nowhere:?}");
    // A guard that fails on its host blocks the run.
    std::fs::write(fleet.sshds[1].at("state/name"), "x").unwrap();
    let blocked = fleet.ostler(&["run", "places"]);
    assert!(
        blocked.code != 0 && blocked.stdout.contains("it is not the wanted one"),
        "{blocked:?}"
    );
    assert_eq!(status(&fleet.test.report(), "usual"), "skipped");
}

#[test]
fn a_host_may_have_a_shell_of_its_own() {
    // Its PATH has no bash.
    let login = "PATH=${0%/*}/bin; export PATH; exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"";
    let sshd = Sshd::with(&With { login, ..With::default() });
    std::fs::create_dir(sshd.at("bin")).unwrap();
    for tool in [
        "sh", "mkdir", "rm", "find", "grep", "dd", "head", "tail", "tr", "sleep", "setsid", "id",
        "cat", "uname",
    ] {
        let path = ["/bin", "/usr/bin"].map(|dir| format!("{dir}/{tool}"));
        let path = path.iter().find(|path| std::path::Path::new(path).exists()).unwrap();
        script(&sshd.at(&format!("bin/{tool}")), &format!("exec {path} \"$@\""));
    }
    let own = format!("{}shell = 'sh'\n", manifest(&sshd, 0));
    let test = known(std::slice::from_ref(&sshd))
        .file("fleet/plain.toml", &manifest(&sshd, 0))
        .file("fleet/small.toml", &own)
        .verb(
            "shells",
            "[[params]]\nname = 'host-name'\ntype = 'host'\n[[steps]]\nid = 's'\nhost = '{host-name}'\n\
             cmd = 'test {host.name} = small; test -z \"${BASH_VERSION-}\"; false; true'\n",
        );
    // Also there a command that fails ends it.
    test.ostler(&["run", "shells", "--host-name", "small"]).code(4);
    assert!(found(&test.report(), "s").to_string().contains("exit 1"), "{:#}", test.report());
    test.ostler(&["run", "shells", "--host-name", "plain"]).code(4);
    let report = test.report();
    assert!(found(&report, "s").to_string().contains("bash"), "{report:#}");
}

#[test]
fn what_is_cancelled_ends_there_and_finally_runs_there() {
    for keep in ["", "on_disconnect = 'Keep'"] {
        let fleet = Fleet::one().verb(
            "v",
            &format!(
                "host = 'box'\ncwd = 'WS'\n[[steps]]\nid = 'long'\n{keep}\n\
                 cmd = \"echo $$ > pid; trap 'echo bye; exit 0' TERM; while :; do sleep 0.01; done\"\n\
                 [[steps]]\nid = 'next'\nneeds = ['long']\ncmd = 'touch next'\n\
                 [[finally]]\nid = 'last'\ncmd = 'kill -0 \"$(cat pid)\" && touch alive; touch last'\n\
                 [[finally]]\nid = 'very-last'\ndepends_on = ['last']\ncmd = 'echo {{steps.long.status}} > status'\n"
            ),
        );
        let engine = fleet.test.start(&["run", "v"]);
        fleet.test.wait_for("pid");
        let pid = rustix::process::Pid::from_raw(i32::try_from(engine.id()).unwrap()).unwrap();
        wait_until("its number is written", || !fleet.test.read("pid").is_empty());
        rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
        Ran::new(&engine.wait_with_output().unwrap()).code(7);
        assert!(!fleet.at("next").exists());
        assert!(!fleet.at("alive").exists(), "it was alive in `finally`");
        assert!(fleet.at("last").exists());
        assert_eq!(fleet.test.read("status"), "cancelled\n", "{:#}", fleet.test.report());
        fleet.ostler(&["runs", "log", "long"]).says("bye");
    }
}

#[test]
fn what_a_step_claims_of_its_host_is_looked_at_there() {
    let verb = r#"
host = "box"
[[steps]]
id = "make"
cwd = "WS"
cmd = "echo 7 > made"
expect = { file = { path = "made", contains = "7" } }
verify = { cmd = "echo seen >> looks; test $(cat made) = 7; test {host.name} = box" }
[[steps]]
id = "reads"
needs = ["make"]
effect = "Read"
cwd = "WS"
cmd = "cat {name}"
stdin = "x"
expect = { stdout = { equals = "7" } }
[[params]]
name = "name"
default = "made"
"#;
    let mut fleet = Fleet::one().verb("v", verb);
    fleet.ostler(&["run", "v"]).code(0);
    let look = |fleet: &Fleet, code: i32| {
        let ran =
            fleet.ostler(&["runs", "verify", "--recheck", "--as", "human:bob", "--format", "json"]);
        let said = ran.code(code).json();
        let claims = said["recheck"]["claims"].as_array().unwrap().clone();
        claims.iter().for_each(|claim| assert_eq!(claim["host"], "box", "{claim}"));
        claims.iter().map(|c| c["standing"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(look(&fleet, 0), ["holds", "holds"]);
    assert_eq!(look(&fleet, 0), ["holds", "holds"], "each look is another");
    assert_eq!(fleet.lines("looks").len(), 3);
    std::fs::write(fleet.at("made"), "8\n").unwrap();
    assert_eq!(look(&fleet, 4), ["broken", "broken"]);
    std::fs::write(fleet.at("made"), "7\n").unwrap();
    assert_eq!(look(&fleet, 0), ["holds", "holds"]);
    // Nobody sees anything of a host that is away.
    fleet.sshds.clear();
    assert_eq!(look(&fleet, 4), ["broken", "broken"]);
}
