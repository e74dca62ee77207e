//! The record under many hands, and the record damaged: who lost is told, and what is wrong is named.
//!
//! Behaviours shown here (`docs/behaviours.md`): O17, H15, S27.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

use rusqlite::Connection;
use serde_json::Value;

use crate::history::{History, sha256sum};
use crate::support::{Ran, Test, status, wait_until};

/// A verb that runs until somebody makes the file `go`.
const UNTIL_GO: &str =
    "[[steps]]\nid = 'a'\ncmd = 'touch runs; until test -e go; do sleep 0.01; done'\n";

fn database(test: &Test) -> Connection {
    Connection::open(test.path().join(".ostler/state.db")).unwrap()
}

fn ended(children: Vec<Child>) -> Vec<Ran> {
    children.into_iter().map(|child| Ran::new(&child.wait_with_output().unwrap())).collect()
}

fn run_ids(test: &Test) -> Vec<String> {
    let list = test.ostler(&["runs", "list", "-n", "100", "--format", "json"]).code(0).json();
    let runs = list["runs"].as_array().unwrap().iter();
    runs.map(|run| run["run"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn sixteen_runs_at_once_lose_nothing() {
    // Also the database itself is made by whoever comes first.
    for _ in 0..3 {
        let steps: String = (0..6)
            .map(|n| format!("[[steps]]\nid = 's{n}'\ncmd = 'echo x >> journal'\n"))
            .collect();
        let test = Test::with("many", &steps);
        for ran in ended((0..16).map(|_| test.start(&["run", "many"])).collect()) {
            ran.code(0);
        }
        let ids = run_ids(&test);
        assert_eq!(ids.len(), 16);
        for id in ids {
            let history = History::of(&test, &[&id]);
            history.check_attempts();
            assert_eq!(history.end(), "passed");
        }
        assert_eq!(test.read("journal").lines().count(), 16 * 6);
    }
}

/// A run that asks about sixteen steps, and then does one.
fn asking() -> Test {
    let asked = |n| format!("[[steps]]\nid = 'h{n}'\nactor = 'Human'\non_error = 'Continue'\n");
    let steps: String = (0..16).map(asked).collect();
    let all: Vec<String> = (0..16).map(|n| format!("'h{n}'")).collect();
    let ship = format!(
        "[[steps]]\nid = 'ship'\ndepends_on = [{}]\ncmd = 'echo shipped >> journal'\n[[finally]]\nid = 'last'\ncmd = 'echo last >> journal'\n",
        all.join(", ")
    );
    let test = Test::with("asking", &format!("{steps}{ship}"));
    test.ostler(&["run", "asking"]).code(5);
    test
}

#[test]
fn each_answer_is_recorded_once_and_the_loser_is_told() {
    for _ in 0..6 {
        let test = asking();
        let words = |n: usize| if n.is_multiple_of(2) { "passed" } else { "failed" };
        let answer = |n: usize| test.start(&["step", "answer", &format!("h{}", n / 2), words(n)]);
        let all = ended((0..32).map(answer).collect());
        for pair in all.chunks(2) {
            let lost: Vec<&Ran> = pair.iter().filter(|ran| ran.code == 2).collect();
            assert_eq!(lost.len(), 1, "{pair:?}");
            let told = ["nobody is asked", "has ended"].iter().any(|t| lost[0].stderr.contains(t));
            assert!(told, "{lost:?}");
        }
        let history = History::of(&test, &[]);
        assert_eq!(history.all("step_answered").count(), 16);
        // The last of them, whoever it was, drove the run to its end.
        assert_eq!(history.end(), "passed_with_failures");
        assert_eq!(test.read("journal"), "shipped\nlast\n");
    }
}

#[test]
fn an_answer_that_comes_after_the_end_is_told_so() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\nactor = 'Human'\n");
    test.ostler(&["run", "v"]).code(5);
    test.ostler(&["step", "answer", "a", "passed"]).code(0);
    test.ostler(&["step", "answer", "a", "passed"]).code(2).complains("has ended: passed");
    test.ostler(&["runs", "cancel"]).code(2).complains("has ended: passed");
}

#[test]
fn answers_and_cancellations_at_once_end_in_one_way() {
    for _ in 0..4 {
        let test = asking();
        let act = |n: usize| match n % 4 {
            3 => test.start(&["runs", "cancel"]),
            _ => test.start(&["step", "answer", &format!("h{n}"), "passed"]),
        };
        let all = ended((0..16).map(act).collect());
        assert!(all.iter().all(|ran| matches!(ran.code, 0 | 2 | 5 | 7)), "{all:#?}");
        let done = all.iter().enumerate().filter(|(n, ran)| n % 4 == 3 && ran.code == 0).count();
        assert!(done > 0, "{all:#?}");
        let history = History::of(&test, &[]);
        assert_eq!(history.end(), "cancelled");
        let answered = all.iter().enumerate().filter(|(n, ran)| n % 4 != 3 && ran.code != 2);
        assert_eq!(history.all("step_answered").count(), answered.count(), "{all:#?}");
        assert!(!test.read("journal").contains("shipped"));
    }
}

#[test]
fn a_run_has_one_driver() {
    let test = Test::with("slow", UNTIL_GO);
    let engine = test.start(&["run", "slow"]);
    test.wait_for("runs");
    let pid = format!("driven by process {}", engine.id());
    test.ostler(&["runs", "resume"]).code(8).complains(&pid);
    std::fs::write(test.path().join("go"), "").unwrap();
    ended(vec![engine]).remove(0).code(0);
    assert_eq!(History::of(&test, &[]).all("step_started").count(), 1);
}

#[test]
fn what_a_newer_version_wrote_is_refused() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\nactor = 'Human'\n");
    test.ostler(&["run", "v"]).code(5);
    let db = database(&test);
    let own: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    db.pragma_update(None, "user_version", 99).unwrap();
    for args in [&["runs", "list"][..], &["run", "v"], &["runs", "resume"]] {
        test.ostler(args).code(8).complains("newer version").complains("99");
    }
    db.pragma_update(None, "user_version", own).unwrap();
    // Of a newer record not even the shape is known.
    let line = last_line(&db);
    let mut record: Value = serde_json::from_str(&line).unwrap();
    record["v"] = 99.into();
    record["event"] = serde_json::json!({ "type": "something_new" });
    record["actor"]["kind"] = "robot".into();
    set_last_line(&db, format!("{record}\n").as_bytes());
    drop(db);
    for args in [&["runs", "show"][..], &["runs", "resume"], &["step", "answer", "a", "passed"]] {
        test.ostler(args).code(8).complains("newer version");
    }
    test.ostler(&["runs", "list"]).code(0);
}

fn last_line(db: &Connection) -> String {
    let select = "SELECT line FROM events ORDER BY seq DESC LIMIT 1";
    let line: Vec<u8> = db.query_row(select, [], |row| row.get(0)).unwrap();
    String::from_utf8(line).unwrap()
}

fn set_last_line(db: &Connection, line: &[u8]) {
    let update = "UPDATE events SET line = ? WHERE seq = (SELECT max(seq) FROM events)";
    assert_eq!(db.execute(update, [line]).unwrap(), 1);
}

#[test]
fn a_changed_byte_is_found_and_named() {
    let test = Test::with(
        "v",
        "[[steps]]\nid = 'a'\ncmd = 'true'\n[[steps]]\nid = 'h'\nactor = 'Human'\n",
    );
    test.ostler(&["run", "v"]).code(5);
    let db = database(&test);
    let records = History::of(&test, &[]).records;
    // The last one is held by nothing that follows it: its sum is what is to be signed or kept elsewhere.
    for (seq, record) in records.iter().enumerate().take(records.len() - 1) {
        // A digit of the time: the line stays a record in every other way.
        let line = format!("{record}\n");
        let time = record["at"].as_str().unwrap();
        let changed = line.replace(time, &time.replacen("20", "21", 1));
        assert_ne!(line, changed);
        let set = |line: &str| {
            let update = "UPDATE events SET line = ? WHERE seq = ?";
            db.execute(update, rusqlite::params![line.as_bytes(), seq.cast_signed()]).unwrap()
        };
        assert_eq!(set(&changed), 1);
        for args in [&["runs", "show"][..], &["runs", "resume"]] {
            test.ostler(args).code(8).complains(&format!("damaged at record {seq}:"));
        }
        set(&line);
    }
    test.ostler(&["runs", "show"]).code(0);
}

#[test]
fn the_chain_can_be_followed_with_sha256sum() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    test.ostler(&["run", "v"]).code(0);
    let log = test.ostler(&["runs", "log"]).code(0);
    let lines: Vec<&str> = log.stdout.split_inclusive('\n').collect();
    assert!(lines.len() > 4);
    for (line, next) in lines.iter().zip(&lines[1..]) {
        assert!(next.contains(&format!("\"prev\":\"{}\"", sha256sum(line.as_bytes()))), "{next}");
    }
}

#[test]
fn state_that_cannot_be_used_is_an_error_with_a_reason() {
    let verb = || Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'touch ran'\n");
    let expect = |test: &Test, part: &str| {
        for args in [&["run", "v"][..], &["runs", "list"], &["runs", "resume"]] {
            let ran = test.ostler(args).code(8).complains(part);
            assert!(
                ran.stderr.starts_with("error: ") && !ran.stderr.contains("panicked"),
                "{ran:?}"
            );
        }
        assert!(!test.path().join("ran").exists());
    };
    expect(&verb().file(".ostler", "a file"), ".ostler");
    expect(&verb().file(".ostler/state.db", &"no database ".repeat(1000)), "not a database");
    // A page in the middle of a real one.
    let test = verb();
    test.ostler(&["run", "v"]).code(0);
    std::fs::remove_file(test.path().join("ran")).unwrap();
    let path = test.path().join(".ostler/state.db");
    let mut bytes = std::fs::read(&path).unwrap();
    bytes[100..4096].fill(0xff);
    std::fs::write(&path, &bytes).unwrap();
    expect(&test, "state database");
}

#[test]
fn a_state_that_may_not_be_written_is_said() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'touch ran'\n");
    test.ostler(&["run", "v"]).code(0);
    std::fs::remove_file(test.path().join("ran")).unwrap();
    let mode = |path: &str, mode| {
        let path = test.path().join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("", 0o755);
    mode(".ostler/state.db", 0o444);
    mode(".ostler/runs", 0o555);
    mode(".ostler", 0o555);
    for args in [&["run", "v"][..], &["runs", "resume"]] {
        let mut command = test.command(args);
        if rustix::process::getuid().is_root() {
            // No permission stops root.
            command.uid(65_534);
        }
        let ran = Ran::new(&command.output().unwrap()).code(8);
        assert!(ran.stderr.starts_with("error: ") && !ran.stderr.contains("panicked"), "{ran:?}");
        println!("{}", ran.stderr);
    }
    mode(".ostler", 0o755);
    assert!(!test.path().join("ran").exists());
}

#[test]
fn locks_of_steps_exclude_each_other_between_runs() {
    let step = "[[steps]]\nid = 'a'\nlocks = ['disk']\ncmd = 'mkdir alone; echo x >> journal; rmdir alone'\n";
    let test = Test::new().verb("one", step).verb("two", step);
    let start = |n: usize| test.start(&["run", if n.is_multiple_of(2) { "one" } else { "two" }]);
    for ran in ended((0..8).map(start).collect()) {
        ran.code(0);
    }
    assert_eq!(test.read("journal").lines().count(), 8);
}

#[test]
fn a_step_waits_for_a_lock_and_a_run_is_refused_one() {
    let test = Test::new()
        .verb("keeps", "locks = ['disk']\n[[steps]]\nid = 'a'\nactor = 'Human'\n")
        .verb("wants", "locks = ['disk']\n[[steps]]\nid = 'a'\ncmd = 'true'\n")
        .verb("waits", "[[steps]]\nid = 'a'\nlocks = ['disk']\ncmd = 'touch ran'\n");
    test.ostler(&["run", "keeps"]).code(5);
    let keeper = run_ids(&test).remove(0);
    test.ostler(&["run", "wants"]).code(6).complains(&format!("`disk` is held by run {keeper}"));
    let waiting = test.start(&["run", "waits"]);
    wait_until("its run is there", || run_ids(&test).len() == 2);
    test.ostler(&["runs", "cancel", &keeper]).code(0).says("cancelled");
    ended(vec![waiting]).remove(0).code(0);
    assert!(test.path().join("ran").exists());
    test.ostler(&["run", "wants"]).code(0);
}

#[test]
fn a_killed_engine_keeps_the_locks_of_what_it_ran() {
    let test = Test::new()
        .verb("slow", &format!("{UNTIL_GO}locks = ['disk']\n"))
        .verb("waits", "[[steps]]\nid = 'a'\nlocks = ['disk']\ncmd = 'true'\n");
    let mut engine = test.start(&["run", "slow"]);
    test.wait_for("runs");
    let killed = run_ids(&test).remove(0);
    engine.kill().unwrap();
    engine.wait().unwrap();
    let waiting = test.start(&["run", "waits"]);
    wait_until("its run is there", || run_ids(&test).len() == 2);
    test.ostler(&["runs", "resume", &killed]).code(5);
    let report = test.ostler(&["runs", "show", &killed, "--format", "json"]).json();
    assert_eq!(status(&report, "a"), "asked");
    let holder: String = database(&test)
        .query_row("SELECT run FROM locks WHERE name = 'disk'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(holder, killed);
    test.ostler(&["step", "answer", &killed, "a", "passed"]).code(0);
    ended(vec![waiting]).remove(0).code(0);
}

/// How often a run forces something to disk, and the lines of what was seen.
fn forces(test: &Test, args: &[&str]) -> (usize, String) {
    let engine = test.command(args);
    let mut strace = Command::new("strace");
    let calls = "trace=fsync,fdatasync,sendto,write,exit_group";
    strace.args(["-qq", "-y", "-s", "200", "-o", "strace.log", "-e", calls]);
    strace.arg(engine.get_program()).args(engine.get_args()).current_dir(test.path());
    Ran::new(&strace.output().expect("strace is needed")).code(0);
    let seen = test.read("strace.log");
    (seen.lines().filter(|line| line.contains("sync(")).count(), seen)
}

#[test]
fn durability_is_as_it_is_set() {
    let chain: String = (0..100)
        .map(|n| {
            let needs = if n > 0 { format!("needs = ['s{}']\n", n - 1) } else { String::new() };
            format!("[[steps]]\nid = 's{n}'\n{needs}cmd = '/bin/true'\n")
        })
        .collect();
    let test = Test::with("chain", &chain);
    test.ostler(&["run", "chain"]).code(0);
    // With a connection open all the time, its log of writes is neither made nor taken away.
    let db = database(&test);
    db.execute("UPDATE forced SET times = times + 1", []).unwrap();
    let start = std::time::Instant::now();
    let (normal, seen) = forces(&test, &["run", "chain", "--format", "json"]);
    let seconds = usize::try_from(start.elapsed().as_secs()).unwrap();
    assert!(normal <= 4 + seconds, "{normal} in {seconds} s");
    let place = |what: &dyn Fn(&str) -> bool| seen.lines().position(what).unwrap();
    let last_place = |what: &dyn Fn(&str) -> bool| seen.lines().rev().position(what).unwrap();
    let force = |line: &str| line.contains("sync(") && line.contains("state.db-wal");
    // That somebody drives is on disk before anything starts; all of it before the report.
    assert!(place(&force) < place(&|line| line.contains("sendto(") && line.contains("start")));
    assert!(last_place(&force) > last_place(&|line| line.contains("write(1<")));
    let test = test.file("ostler.toml", "durability = 'full'\n");
    let (full, _) = forces(&test, &["run", "chain"]);
    assert!(full >= 100, "only {full}");
    println!("{normal} forces by default, {full} with durability = full");
}

#[test]
fn a_step_of_the_latest_run_is_meant_before_a_run_whose_id_begins_so() {
    let test = Test::with("one", "[[steps]]\nid = 'a'\ncmd = 'echo one'\n");
    test.ostler(&["one"]).code(0);
    let first = test.run();
    let (three, four) = (&first[..3], &first[..4]);
    test.ostler(&["runs", "show", four]).code(0).says(&first);
    test.ostler(&["runs", "show", three]).code(2).complains(&format!("no run `{three}`"));
    let text = format!("[[steps]]\nid = '{four}'\ncmd = 'echo two'\n");
    let test = test.verb("two", &text);
    test.ostler(&["two"]).code(0);
    assert_eq!(test.ostler(&["runs", "log", four]).code(0).stdout, "two\n");
    test.ostler(&["runs", "log", &first[..5]]).code(0).says("run_opened");
}
