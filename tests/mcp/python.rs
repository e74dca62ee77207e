//! The official Python client, in an environment of its own.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Test;

/// The client.
const CLIENT: &str = "mcp==2.3.0";

/// The interpreter of an environment that has the client, made where it is not there yet.
fn python() -> PathBuf {
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
fn play(test: &Test, script: &str) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp").join(script);
    let mut command = Command::new(python());
    command.arg(script).arg(env!("CARGO_BIN_EXE_ostler")).current_dir(test.path());
    let output = done(command.env("PYTHONWARNINGS", "ignore"));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_official_client_looks_at_verbs_and_runs() {
    let verb =
        "trigger = \"Says a lot\"\n[[params]]\nname = \"who\"\n[[steps]]\nid = \"a\"\ncmd = '''
        i=0; while [ $i -lt 2000 ]; do echo \"line $i\"; i=$((i+1)); done'''\n";
    let test = Test::with("say", verb).verb("broken", "[[steps]]\nid = \"a\"\nacton = \"x\"\n");
    test.ostler(&["say", "--who", "x"]).code(0);
    let said = play(&test, "looks.py");
    assert_eq!(said, "legacy: 11 tools, 2000 lines\nauto: 11 tools, 2000 lines\n");
}
