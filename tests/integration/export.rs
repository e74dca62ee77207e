//! An export can be checked elsewhere, with common tools; whatever is tampered with is found and named.
//!
//! Behaviours shown here (`docs/behaviours.md`): S27.

use std::path::{Path, PathBuf};
use std::process::Command;

use rusqlite::params;
use serde_json::Value;

use crate::history::{History, sum};
use crate::prune::database;
use crate::support::{Ran, Test};

/// A run with an output in the database, one in a file, and one on standard error.
fn ran() -> (Test, String) {
    let steps = "[[steps]]\nid = 'small'\ncmd = 'echo hello; echo oh >&2'\n\
        [[steps]]\nid = 'large'\nneeds = ['small']\ncmd = 'seq 5000'\n\
        [[steps]]\nid = 'last'\nneeds = ['large']\ncmd = 'echo end'\n";
    let test = Test::with("v", steps);
    test.ostler(&["run", "v"]).code(0);
    let id = test.run();
    (test, id)
}

/// The export of a run, and the file's path.
fn exported(more: &[&str]) -> (Test, String, PathBuf) {
    let (test, id) = ran();
    test.ostler(&[&["runs", "export", "--to", "out"], more].concat()).code(0);
    let file = test.path().join(format!("out/{id}.jsonl"));
    (test, id, file)
}

/// Checks an export in an empty folder, where there is no workspace.
fn verify(file: &Path, more: &[&str]) -> Ran {
    let elsewhere = Test::new();
    std::fs::remove_dir(elsewhere.path().join("workflows")).unwrap();
    let ran = elsewhere.ostler(&[&["runs", "verify", file.to_str().unwrap()], more].concat());
    assert!(!elsewhere.path().join(".ostler").exists());
    ran
}

/// What is wrong with an export, by record.
#[track_caller]
fn problems(file: &Path) -> Vec<(Option<u64>, String)> {
    let said = verify(file, &["--format", "json"]).code(8).json();
    assert_eq!(said["sound"], false);
    let all = said["problems"].as_array().unwrap().iter();
    all.map(|p| (p["record"].as_u64(), p["what"].as_str().unwrap().to_owned())).collect()
}

#[track_caller]
fn damaged(file: &Path, record: u64, what: &str) {
    let found = problems(file);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, Some(record), "{found:?}");
    assert!(found[0].1.contains(what), "{found:?}");
    verify(file, &[]).code(8).says("damaged").says(&format!("record {record}: "));
}

fn lines(file: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    text.split_inclusive('\n').map(str::to_owned).collect()
}

#[test]
fn an_export_holds_the_plan_the_log_and_the_outputs_as_they_were_hashed() {
    let (test, id, file) = exported(&[]);
    let all = lines(&file);
    let log = test.ostler(&["runs", "log"]).stdout;
    assert_eq!(all[1..].concat(), log);
    let opened: Value = serde_json::from_str(&all[1]).unwrap();
    assert_eq!(opened["event"]["plan_digest"], sum(all[0].trim_end().as_bytes()));
    let outputs = file.with_extension("outputs");
    let read = |name: &str| std::fs::read_to_string(outputs.join(name)).unwrap();
    assert_eq!((read("small.1.stdout"), read("small.1.stderr")), ("hello\n".into(), "oh\n".into()));
    assert_eq!(read("large.1.stdout").lines().count(), 5000);
    assert_eq!(std::fs::read_dir(&outputs).unwrap().count(), 4);
    let said = verify(&file, &["--format", "json"]).code(0).json();
    assert_eq!((&said["run"], &said["workflow"]), (&id.into(), &"v".into()));
    assert_eq!(said["records"], all.len() - 1);
    assert_eq!(said["head"], sum(all.last().unwrap().as_bytes()));
    assert_eq!((&said["ended"], &said["outputs"]["whole"]), (&"passed".into(), &4.into()));
    verify(&file, &[]).code(0).says("sound").says("only a signature");
    // It is not written over, and may have a name of its own.
    test.ostler(&["runs", "export", "--to", "out"]).code(2).complains("exists already");
    test.ostler(&["runs", "export", "--to", "mine.jsonl"]).code(0).says("mine.jsonl  ");
    verify(&test.path().join("mine.jsonl"), &[]).code(0);
    let other = test.ostler(&["runs", "export", "--to", "o", "--format", "json"]).code(0).json();
    assert_eq!((&other["count"], &other["head"]), (&4.into(), &said["head"]));
}

#[test]
fn an_export_is_checked_also_where_the_settings_are_broken() {
    let (test, id, _) = exported(&[]);
    let test = test.file("ostler.toml", "broken");
    test.ostler(&["runs", "verify", &format!("out/{id}.jsonl")]).code(0).says("sound");
    test.ostler(&["runs", "verify", &id]).code(3);
    test.ostler(&["runs", "verify", "out/no.jsonl"]).code(2).complains("there is no file");
}

#[test]
fn a_changed_byte_in_any_record_is_found() {
    let (_test, _, file) = exported(&[]);
    let all = lines(&file);
    // The last record is held by nothing that follows it.
    for n in 1..all.len() - 1 {
        let mut changed = all.clone();
        let at = changed[n].find("\"at\":\"20").unwrap() + 6;
        changed[n].replace_range(at..at + 2, "21");
        std::fs::write(&file, changed.concat()).unwrap();
        damaged(&file, n as u64 - 1, "one of the two was changed");
    }
}

#[test]
fn lines_that_are_removed_swapped_or_cut_are_found() {
    let (_test, _, file) = exported(&[]);
    let all = lines(&file);
    for n in 1..all.len() - 1 {
        let mut removed = all.clone();
        removed.remove(n);
        std::fs::write(&file, removed.concat()).unwrap();
        damaged(&file, n as u64 - 1, &format!("record {n} stands in its place"));
        let mut swapped = all.clone();
        swapped.swap(n, n + 1);
        std::fs::write(&file, swapped.concat()).unwrap();
        damaged(&file, n as u64 - 1, &format!("record {n} stands in its place"));
    }
    let text = all.concat();
    for cut in [1, 2, 30] {
        std::fs::write(&file, &text[..text.len() - cut]).unwrap();
        damaged(&file, all.len() as u64 - 2, "cut off");
    }
    for (text, what) in [("", "no record"), ("{}\n", "no record"), ("{}\nx\n", "expected value")] {
        std::fs::write(&file, text).unwrap();
        let found = problems(&file);
        assert!(found[0].1.contains(what), "{found:?}");
    }
}

#[test]
fn another_plan_is_found() {
    let (_test, _, file) = exported(&[]);
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replacen("echo hello", "echo hullo", 1)).unwrap();
    damaged(&file, 0, "the plan is not the one that was run");
}

#[test]
fn changed_missing_and_unnamed_outputs_are_named() {
    let (_test, _, file) = exported(&[]);
    let outputs = file.with_extension("outputs");
    let one = outputs.join("large.1.stdout");
    let text = std::fs::read_to_string(&one).unwrap();
    std::fs::write(&one, text.replacen("4999", "4998", 1)).unwrap();
    let changed = problems(&file);
    assert!(changed[0].1.contains("large.1.stdout: it was changed"), "{changed:?}");
    std::fs::remove_file(&one).unwrap();
    let missing = problems(&file);
    assert!(missing[0].1.contains("large.1.stdout: it is missing"), "{missing:?}");
    assert!(missing[0].0.is_some());
    // What is no file is not waited for.
    assert!(Command::new("mkfifo").arg(&one).status().unwrap().success());
    assert!(problems(&file)[0].1.contains("not a regular file"));
    std::fs::remove_file(&one).unwrap();
    std::fs::write(&one, &text).unwrap();
    verify(&file, &[]).code(0);
    std::fs::write(outputs.join("other.1.stdout"), "").unwrap();
    let found = problems(&file);
    assert!(found[0].1.contains("no record names the output other.1.stdout"), "{found:?}");
}

#[test]
fn outputs_that_are_left_out_as_a_whole_are_said_and_no_damage() {
    let (_test, _, file) = exported(&[]);
    std::fs::remove_dir_all(file.with_extension("outputs")).unwrap();
    verify(&file, &[]).code(0).says("outputs  none of 4 is there");
    // So it is where they were let go before.
    let (test, id) = ran();
    let test = test.file("ostler.toml", "[retention]\nlogs = '1ms'\n");
    test.ostler(&["runs", "prune"]).code(0).says("1 loses its output");
    test.ostler(&["runs", "verify"]).code(0).says("outputs  let go on");
    let said = test.ostler(&["runs", "export", "--format", "json"]).code(0).json();
    assert_eq!(said["count"], 0);
    let said = verify(&test.path().join(format!("{id}.jsonl")), &["--format", "json"]).code(0);
    assert_eq!(said.json()["outputs"]["absent"], 4);
}

/// Keys for a signer, and a file that allows `me@here` to sign.
fn keys(test: &Test, name: &str) -> (String, String) {
    let key = test.path().join(name);
    let mut made = Command::new("ssh-keygen");
    made.args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(&key);
    assert!(made.status().expect("ssh-keygen is needed").success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let signers = test.path().join(format!("{name}.signers"));
    std::fs::write(&signers, format!("me@here {public}")).unwrap();
    (key.to_str().unwrap().to_owned(), signers.to_str().unwrap().to_owned())
}

#[test]
fn a_cut_tail_is_said_and_a_signature_shows_it() {
    let (test, id) = ran();
    let (key, signers) = keys(&test, "key");
    let (_, others) = keys(&test, "other");
    test.ostler(&["runs", "export", "--to", "out", "--sign", &key]).code(0).says("signs the head");
    let file = test.path().join(format!("out/{id}.jsonl"));
    let checked = ["--signers", &signers, "--as", "me@here"];
    verify(&file, &checked).code(0).says("Good \"ostler\" signature for me@here");
    verify(&file, &[]).code(0).says("not checked: say --signers");
    verify(&file, &["--signers", &signers]).code(2).complains("--as");
    verify(&file, &["--signers", &signers, "--as", "you@here"]).code(8).says("not signed as");
    verify(&file, &["--signers", &others, "--as", "me@here"]).code(8).says("not signed as");
    // Without its last record the chain is as whole as before: only the signature shows it.
    let all = lines(&file);
    std::fs::write(&file, all[..all.len() - 1].concat()).unwrap();
    verify(&file, &[]).code(0).says("its end is not there");
    let said = verify(&file, &[&checked[..], &["--format", "json"]].concat()).code(8).json();
    assert_eq!((&said["ended"], &said["signature"]["state"]), (&Value::Null, &"bad".into()));
    // So it is with a changed last record.
    let changed = all.concat().replace("\"status\":\"passed\"", "\"status\":\"failed\"");
    assert_ne!(changed, all.concat());
    std::fs::write(&file, changed).unwrap();
    verify(&file, &[]).code(0);
    verify(&file, &checked).code(8);
    std::fs::remove_file(file.with_extension("sig")).unwrap();
    verify(&file, &checked).code(8).says("there is no ");
    // Where more is cut off than the end, outputs are left that no record names.
    let at = all.iter().position(|l| l.contains("step_finished") && l.contains("last")).unwrap();
    std::fs::write(&file, all[..at].concat()).unwrap();
    assert!(problems(&file)[0].1.contains("last.1.stdout"));
}

#[test]
fn what_cannot_be_signed_is_not_exported() {
    let (test, _) = ran();
    let args = ["runs", "export", "--to", "out", "--sign", "no-such-key"];
    test.ostler(&args).code(2).complains("could not be signed");
    assert!(!test.path().join("out").exists());
    let mut without = test.command(&["runs", "export", "--to", "out", "--sign", "key"]);
    without.env("PATH", "/nowhere");
    Ran::new(&without.output().unwrap()).code(2).complains("openssh-client");
    test.ostler(&["runs", "verify", "--signers", "f", "--as", "me"]).code(2).complains("export");
}

#[test]
fn the_workspaces_own_record_is_checked_too() {
    let (test, id) = ran();
    test.ostler(&["runs", "verify"]).code(0).says(&format!("run {id} of v: sound"));
    let said = test.ostler(&["runs", "verify", &id[..4], "--format", "json"]).code(0).json();
    assert_eq!((&said["sound"], &said["outputs"]["whole"]), (&true.into(), &4.into()));
    let check = |record: &str, what: &str| {
        test.ostler(&["runs", "verify"]).code(8).says("damaged").says(record).says(what);
    };
    let db = database(&test);
    let records = History::of(&test, &[]).records;
    let set = |seq: isize, line: &str| {
        let update = "UPDATE events SET line = ? WHERE seq = ?";
        db.execute(update, params![line.as_bytes(), seq]).unwrap()
    };
    for (seq, record) in records.iter().enumerate().take(records.len() - 1) {
        let line = format!("{record}\n");
        set(seq.cast_signed(), &line.replacen("\"at\":\"20", "\"at\":\"21", 1));
        check(&format!("record {seq}: "), "one of the two was changed");
        set(seq.cast_signed(), &line);
    }
    // A chain made anew may be whole: what cannot have happened is found all the same.
    let last = records.len() - 1;
    let mut record = records[last].clone();
    record["event"]["status"] = "failed".into();
    set(last.cast_signed(), &format!("{record}\n"));
    check("✗ it is listed as passed on ", ", its log says failed on ");
    record["event"] = serde_json::json!({ "type": "step_cancelled", "step": "small" });
    set(last.cast_signed(), &format!("{record}\n"));
    check(&format!("record {last}: "), "cannot be cancelled");
    set(last.cast_signed(), &format!("{}\n", records[last]));
    db.execute("DELETE FROM events WHERE seq = ?", [last.cast_signed()]).unwrap();
    check("✗ it is listed as passed on ", ", its log says running");
    let insert = "INSERT INTO events (run, seq, line) VALUES (?, ?, ?)";
    let line = format!("{}\n", records[last]);
    db.execute(insert, params![id, last.cast_signed(), line.as_bytes()]).unwrap();
    test.ostler(&["runs", "verify"]).code(0);
    // Outputs: in the database, and in a file.
    db.execute("UPDATE output SET bytes = x'78' WHERE name = 'small.1.stdout'", []).unwrap();
    check("record ", "small.1.stdout: it was changed");
    db.execute("DELETE FROM output WHERE name = 'small.1.stdout'", []).unwrap();
    check("record ", "small.1.stdout: it is missing");
    let body = "UPDATE plans SET body = replace(body, 'echo end', 'echo END')";
    assert_eq!(db.execute(body, []).unwrap(), 1);
    check("record 0: ", "the plan is not the one that was run");
    // What is damaged is not handed on.
    test.ostler(&["runs", "export", "--to", "out"]).code(8).complains("damaged at record 0");
}

#[test]
fn a_run_that_has_not_ended_is_exported_as_far_as_it_is() {
    let test = Test::with("v", "[[steps]]\nid = 'h'\nactor = 'Human'\n");
    test.ostler(&["run", "v"]).code(5);
    let id = test.run();
    test.ostler(&["runs", "export"]).code(0).says("the run has not ended");
    verify(&test.path().join(format!("{id}.jsonl")), &[]).code(0).says("its end is not there");
}
