//! The doctor names what is wrong and the way out, changes nothing, and works where much is broken.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::history::sum;
use crate::prune::database;
use crate::support::{Ran, Test, wait_until};

fn findings(ran: &Ran) -> Vec<Value> {
    let said = ran.json();
    assert_eq!(said["sound"], ran.code == 0, "{ran:?}");
    said["findings"].as_array().unwrap().clone()
}

/// What was found of one thing: how it is, and what it says with its hint.
#[track_caller]
fn about(test: &Test, about: &str, code: i32) -> Vec<(String, String)> {
    let ran = test.ostler(&["doctor", "--format", "json"]).code(code);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let found = findings(&ran).into_iter().filter(|f| f["about"] == about);
    found
        .map(|f| (text(&f["state"]), format!("{} | {}", text(&f["says"]), text(&f["hint"]))))
        .collect()
}

#[track_caller]
fn one(test: &Test, about_: &str, code: i32, state: &str, part: &str) {
    let found = about(test, about_, code);
    let fits = |(is, says): &(String, String)| is == state && says.contains(part);
    assert!(found.iter().any(fits), "no {state} {about_} with {part:?} in {found:#?}");
}

/// All files below a folder, with their sums.
fn snapshot(dir: &Path) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(snapshot(&path));
        } else {
            all.push((path.display().to_string(), sum(&std::fs::read(&path).unwrap())));
        }
    }
    all.sort();
    all
}

#[test]
fn where_all_is_well_it_says_so_and_changes_nothing() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    let before = snapshot(test.path());
    let ran = test.ostler(&["doctor"]).code(0);
    for part in ["✓ ostler", "✓ bash", "✓ Landlock", "nothing was run here yet", "1 can be run"]
    {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    assert_eq!(snapshot(test.path()), before);
    test.ostler(&["run", "v"]).code(0);
    let before = snapshot(test.path());
    let ran = test.ostler(&["doctor"]).code(0);
    for part in ["1 runs, ", "no damage", "✓ runs", "nothing is owed", "no rules"] {
        assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    }
    let wide: Vec<&str> = ran.stdout.lines().filter(|l| l.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    assert_eq!(snapshot(test.path()), before);
}

#[test]
fn broken_files_and_missing_tools_are_found() {
    let test = Test::with(
        "v",
        "requires = { tools = ['no-such-tool'] }\n[[steps]]\nid = 'a'\ncmd = 'true'\n",
    );
    one(&test, "verbs", 0, "warning", "`v` requires `no-such-tool`");
    let test = test.verb("bad", "[[steps]]\nid = 'a'\nneeds = ['b']\ncmd = 'true'\n");
    one(&test, "verbs", 8, "problem", "workflows/bad.toml cannot be run | ostler check");
    let test = test.file("ostler.toml", "jobs = 'many'\n");
    one(&test, "settings", 8, "problem", "ostler.toml");
    test.ostler(&["runs", "list"]).code(3);
    // The rest is looked at all the same.
    one(&test, "verbs", 8, "problem", "workflows/bad.toml");
    let mut bare = test.command(&["doctor", "--format", "json"]);
    bare.env("PATH", "/nowhere");
    let ran = Ran::new(&bare.output().unwrap()).code(8);
    let bash = findings(&ran).into_iter().find(|f| f["about"] == "bash").unwrap();
    assert_eq!(bash["state"], "problem");
}

#[test]
fn dead_engines_locks_and_waiting_runs_are_found() {
    let slow = "locks = ['disk']\n[[steps]]\nid = 'a'\ncmd = 'touch runs; sleep 600'\n[[finally]]\nid = 'f'\ncmd = 'true'\n";
    let test = Test::with("slow", slow).verb("asks", "[[steps]]\nid = 'h'\nactor = 'Human'\n");
    test.ostler(&["run", "asks"]).code(5);
    one(&test, "runs", 0, "warning", "of asks waits for somebody | ostler runs show ");
    let mut engine = test.start(&["run", "slow"]);
    test.wait_for("runs");
    assert!(about(&test, "locks", 0).is_empty());
    engine.kill().unwrap();
    engine.wait().unwrap();
    let is_dead = || test.ostler(&["doctor"]).stdout.contains("of slow died");
    wait_until("its engine is known to be dead", is_dead);
    one(&test, "runs", 8, "problem", "died, and it owes its `finally` | ostler runs resume ");
    one(&test, "locks", 8, "warning", "lock `disk` is held by run");
    database(&test).execute("UPDATE locks SET run = 'gone'", []).unwrap();
    one(&test, "locks", 8, "problem", "has ended or is gone");
}

#[test]
fn state_that_cannot_be_used_is_a_finding() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    test.ostler(&["run", "v"]).code(0);
    let db = database(&test);
    db.pragma_update(None, "user_version", 99).unwrap();
    one(&test, "state", 8, "problem", "newer version");
    db.pragma_update(None, "user_version", 1).unwrap();
    one(&test, "state", 8, "problem", "older version");
    drop(db);
    let path = test.path().join(".ostler/state.db");
    std::fs::write(&path, "no database ".repeat(1000)).unwrap();
    one(&test, "state", 8, "problem", "not a database");
}

#[test]
fn damage_inside_the_database_is_found() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'seq 500'\n");
    test.ostler(&["run", "v"]).code(0);
    let db = database(&test);
    // An index that says something else than its table.
    db.execute_batch(
        "PRAGMA writable_schema = 1; DELETE FROM sqlite_schema WHERE name = 'runs_by_time'",
    )
    .unwrap();
    drop(db);
    one(&test, "state", 8, "problem", "damaged");
}

#[test]
fn retention_and_its_pause_are_told() {
    let rules = "[retention]\npassed = '30d'\nlogs = '7d'\nlast = 3\n";
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n").file("ostler.toml", rules);
    test.ostler(&["run", "v"]).code(0);
    let rules = "passed 30d, failed for ever, cancelled for ever, logs 7d, the last 3";
    one(&test, "retention", 0, "good", rules);
    test.ostler(&["runs", "prune", "--pause"]).code(0);
    one(&test, "retention", 0, "warning", "paused by");
    let shown = Command::new(env!("CARGO_BIN_EXE_ostler")).args(["doctor", "--help"]).output();
    assert!(String::from_utf8_lossy(&shown.unwrap().stdout).contains("change nothing"));
}
