//! The official Python client, in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::Value;

use crate::support::Test;

/// The client.
const CLIENT: &str = "mcp==2.3.0";

/// The reflection mode of seed 001, word for word.
const SEED: &str = include_str!("../fixtures/ops-radicle-build-info.ncl");
const MODE: &str = "ops-radicle-build-info";

/// The interpreter of an environment that has the client, made where it is not there yet: once, whoever asks first.
fn python() -> PathBuf {
    static MADE: OnceLock<PathBuf> = OnceLock::new();
    MADE.get_or_init(environment).clone()
}

fn environment() -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(CLIENT.replace("==", "-"));
    let (python, ready) = (dir.join("bin/python"), dir.join("ready"));
    if !ready.exists() {
        let _ = std::fs::remove_dir_all(&dir);
        done(Command::new("python3").args(["-m", "venv"]).arg(&dir));
        done(Command::new(&python).args(["-m", "pip", "install", "--quiet", CLIENT]));
        std::fs::write(ready, CLIENT).unwrap();
    }
    python
}

fn done(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{command:?}\n{out}\n{err}");
    output
}

/// Plays a script against a server in a workspace.
fn play(test: &Test, script: &[&str]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp").join(script[0]);
    let mut command = Command::new(python());
    command.arg(file).arg(env!("CARGO_BIN_EXE_ostler")).args(&script[1..]);
    command.current_dir(test.path()).env("PYTHONWARNINGS", "ignore");
    let output = done(command.envs(test.env.iter().map(|(name, value)| (name, value))));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_official_client_looks_at_verbs_and_runs() {
    let verb =
        "trigger = \"Says a lot\"\n[[params]]\nname = \"who\"\n[[steps]]\nid = \"a\"\ncmd = '''
        i=0; while [ $i -lt 2000 ]; do echo \"line $i\"; i=$((i+1)); done'''\n";
    let test = Test::with("say", verb).verb("broken", "[[steps]]\nid = \"a\"\nacton = \"x\"\n");
    test.ostler(&["say", "--who", "x"]).code(0);
    let said = play(&test, &["looks.py"]);
    assert_eq!(said, "legacy: 12 tools, 2000 lines\nauto: 12 tools, 2000 lines\n");
}

/// A workspace with seed 001, on a path on which there is no `nickel`.
fn seeded() -> Test {
    let mut test = Test::new().file(&format!("workflows/{MODE}.ncl"), SEED);
    let tools = test.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["bash", "sh", "cat", "find", "sort", "basename", "jq", "env"] {
        let found = ["/usr/bin", "/bin", "/usr/local/bin"].map(|dir| Path::new(dir).join(tool));
        let file = found.iter().find(|file| file.exists()).unwrap_or_else(|| panic!("no {tool}"));
        std::os::unix::fs::symlink(file, tools.join(tool)).unwrap();
    }
    // The client hands on a path, but no language.
    test.env.extend([("PATH".to_owned(), tools), ("LC_ALL".to_owned(), "C".into())]);
    test
}

/// Steps through it by the command line, as the script does.
fn step_by_hand(test: &mut Test) {
    test.env.push(("OSTLER_ACTOR".to_owned(), "agent:by-hand".into()));
    let open = test.ostler(&["start", MODE, "--task", "describe architecture", "--format", "json"]);
    let mut brief = open.code(0).json();
    let attest = |brief: &Value| {
        let call = brief["attest"].as_str().unwrap().to_owned();
        let words: Vec<&str> = call.split(' ').skip(1).chain(["--format", "json"]).collect();
        test.ostler(&words).code(0).json()
    };
    brief = attest(&brief);
    std::fs::write(test.path().join("out"), "done\n").unwrap();
    for nth in 0..100 {
        let Some(step) = brief["step"]["id"].as_str() else { break };
        let report =
            ["step", "report", MODE, step, "--status", "pass", "--exit", "0", "--stdout", "out"];
        let run = ["step", "run", MODE, step];
        let words = if nth == 0 { &report[..] } else { &run[..] };
        brief = test.ostler(&[words, &["--format", "json"]].concat()).json();
    }
    attest(&brief);
}

/// What of a report does not depend on when, as what and by whom it was done.
fn lasting(report: &Value) -> Value {
    let passing = ["run", "actor", "by", "plan_digest"];
    let is_time = |name: &str| name == "at" || name.ends_with("_at") || name.ends_with("_ms");
    match report {
        Value::Object(fields) => {
            let kept = fields
                .iter()
                .filter(|(name, _)| !passing.contains(&name.as_str()) && !is_time(name));
            kept.map(|(name, value)| (name.clone(), lasting(value))).collect()
        }
        Value::Array(all) => all.iter().map(lasting).collect(),
        Value::String(text) => text.replace("by-hand", "NAME").replace("tester", "NAME").into(),
        other => other.clone(),
    }
}

#[test]
fn the_official_client_steps_seed_001_as_the_command_line_does() {
    let (by_client, mut by_hand) = (seeded(), seeded());
    let said = play(&by_client, &["steps.py", MODE]);
    assert_eq!(said, format!("run RUN of {MODE} passed with failures: 2 failed\n"));
    step_by_hand(&mut by_hand);
    let (theirs, ours) = (by_client.report(), by_hand.report());
    assert_eq!(
        (&theirs["actor"]["name"], &ours["actor"]["name"]),
        (&"tester".into(), &"by-hand".into())
    );
    let (theirs, ours) = (lasting(&theirs), lasting(&ours));
    for (theirs, ours) in
        theirs["steps"].as_array().unwrap().iter().zip(ours["steps"].as_array().unwrap())
    {
        assert_eq!(theirs, ours);
    }
    assert!(theirs == ours, "{theirs:#}\n{ours:#}");
}
