//! Seed 001 stepped to its end by scripts that use the command line alone, as its header shows (O3, O5).

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::history::History;
use crate::normal::normal;
use crate::support::{Ran, Test};

/// The mode of seed 001, word for word.
const MODE: &str = include_str!("../fixtures/ops-radicle-build-info.ncl");

/// What the header of the seed says, in a loop: start, then report each step.
const REPORTS: &str = r#"
brief=$(ostler start ops-radicle-build-info --task "How is a build run?" --format json)
attest() { eval "$(jq -r '.attest // "true"' <<< "$brief")" > attested.txt; }
attest
while step=$(jq -er .step.id <<< "$brief"); do
  brief=$(ostler step report ops-radicle-build-info "$step" --status pass --format json)
done
attest
jq -r .status <<< "$brief"
"#;

/// The same, but the engine runs what the steps hold.
const RUNS: &str = r#"
brief=$(ostler start ops-radicle-build-info --task "How is a build run?" --format json)
while step=$(jq -er .step.id <<< "$brief"); do
  brief=$(ostler step run ops-radicle-build-info "$step" --format json) || test $? = 4
done
jq -r .status <<< "$brief"
"#;

fn workspace() -> Test {
    Test::new().file("workflows/ops-radicle-build-info.ncl", MODE)
}

/// Somebody's script, with the program on its path.
pub(crate) fn bash(test: &Test, who: &str, text: &str) -> Command {
    let ostler = Path::new(env!("CARGO_BIN_EXE_ostler")).parent().unwrap();
    let path = std::env::var("PATH").unwrap();
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-O", "extglob", "-c", text]);
    bash.current_dir(test.path()).stdin(Stdio::null());
    bash.stdout(Stdio::piped()).stderr(Stdio::piped());
    bash.env("OSTLER_ACTOR", who).env("PATH", format!("{}:{path}", ostler.display()));
    bash
}

fn script(test: &Test, text: &str) -> Ran {
    Ran::new(&bash(test, "agent", text).output().unwrap())
}

#[test]
fn the_mode_is_stepped_to_its_end_by_reports() {
    let reports = [(), ()].map(|()| {
        let test = workspace();
        script(&test, REPORTS).code(0).says("passed\n");
        let verified = test.ostler(&["runs", "verify"]).code(0);
        verified.says("sound");
        let history = History::of(&test, &[]);
        assert_eq!(history.all("step_reported").count(), 10);
        assert_eq!(history.all("step_taken").count(), 10);
        assert_eq!(history.all("step_started").count(), 0, "the engine ran nothing");
        assert_eq!(history.all("attested").count(), 11, "six before, five after");
        let report = test.report();
        assert_eq!((&report["trigger"], &report["status"]), (&"agent".into(), &"passed".into()));
        report
    });
    let [one, other] = reports;
    assert_ne!(one, other, "two runs have ids and times of their own");
    assert_eq!(normal(&one), normal(&other));
    assert!(normal(&one).to_string().contains("reported by …"), "{:#}", normal(&one));
}

#[test]
fn the_mode_is_stepped_to_its_end_by_the_engines_hand() {
    let test = workspace();
    // Without `nickel` and the catalogue two of its steps fail, and it goes on.
    script(&test, RUNS).code(0).says("passed_with_failures\n");
    let report = test.report();
    for step in report["steps"].as_array().unwrap() {
        let hollow =
            ["artifact_paths", "available_playbooks"].contains(&step["id"].as_str().unwrap());
        assert_eq!(step["status"], if hollow { "failed" } else { "passed" }, "{step}");
        assert_eq!(step["attempts"][0]["by"], Value::Null, "{step}");
    }
    test.ostler(&["runs", "verify"]).code(0).says("sound");
}

#[test]
fn who_begins_is_told_what_should_hold_and_who_ends_what_should_now() {
    let test = workspace();
    let brief = |args: &[&str]| -> Value {
        let args = [args, &["--as", "agent", "--format", "json"]].concat();
        test.ostler(&args).code(0).json()
    };
    let first = brief(&["start", "ops-radicle-build-info", "--task", "Look"]);
    assert_eq!((&first["task"], &first["step"]["id"]), (&"Look".into(), &"plane_topology".into()));
    assert_eq!(first["preconditions"].as_array().unwrap().len(), 6);
    assert_eq!(first["postconditions"], Value::Array(Vec::new()));
    let mut last = first;
    while let Some(step) = last["step"]["id"].as_str() {
        last = brief(&["step", "report", "ops-radicle-build-info", step, "--status", "pass"]);
        assert_eq!(last["preconditions"], Value::Array(Vec::new()));
    }
    assert_eq!(last["postconditions"].as_array().unwrap().len(), 5);
    assert_eq!(last["next"], format!("ostler runs show {}", last["run"].as_str().unwrap()));
}
