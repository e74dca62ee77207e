//! Old runs are let go as the rules say, and nothing else is; keeps and pauses hold; a kill in between harms nothing.
//!
//! Behaviours shown here (`docs/behaviours.md`): K27, K28, C28, H26.

use std::process::Command;

use ostler::retention::Hold;
use ostler::store::{LetGo, Store, What};
use ostler::value::Time;
use rusqlite::{Connection, params};
use serde_json::Value;

use crate::support::{Ran, Test, wait_until};

const DAY: i64 = 86_400_000;

/// Rules for every class.
const RULES: &str =
    "[retention]\npassed = '30d'\nfailed = '90d'\ncancelled = '10d'\nlogs = '7d'\nlast = 0\n";

pub(crate) fn database(test: &Test) -> Connection {
    Connection::open(test.path().join(".ostler/state.db")).unwrap()
}

/// A verb that passes or fails as it is told, and writes more than fits the database.
fn workspace(rules: &str) -> Test {
    let verb = "[[params]]\nname = 'how'\npositional = true\n[[steps]]\nid = 'a'\n\
        cmd = 'head -c 20000 /dev/zero; test {how} = pass'\n";
    Test::with("v", verb)
        .verb("asks", "[[steps]]\nid = 'h'\nactor = 'Human'\n")
        .file("ostler.toml", rules)
}

/// Runs a verb and makes its run as old as that.
fn run(test: &Test, args: &[&str], code: i32, days: i64) -> String {
    let words = [&["run"], args, &["--format", "json"]].concat();
    let id = test.ostler(&words).code(code).json()["run"].as_str().unwrap().to_owned();
    age(test, &id, days);
    id
}

pub(crate) fn age(test: &Test, id: &str, days: i64) {
    let update =
        "UPDATE runs SET opened_at = opened_at - ?2, ended_at = ended_at - ?2 WHERE id = ?1";
    assert_eq!(database(test).execute(update, params![id, days * DAY]).unwrap(), 1);
}

fn ids(test: &Test) -> Vec<String> {
    let list = test.ostler(&["runs", "list", "--format", "json"]).code(0).json();
    let runs = list["runs"].as_array().unwrap().iter();
    runs.map(|run| run["run"].as_str().unwrap().to_owned()).collect()
}

/// What becomes of each run.
fn fates(pruned: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let runs = pruned["runs"].as_array().unwrap().iter();
    let mut fates: Vec<_> = runs.map(|run| (text(&run["run"]), text(&run["fate"]))).collect();
    fates.sort();
    fates
}

fn prune(test: &Test, args: &[&str]) -> Value {
    test.ostler(&[&["runs", "prune", "--format", "json"], args].concat()).code(0).json()
}

fn files(test: &Test, run: &str) -> usize {
    let entries = std::fs::read_dir(test.path().join(".ostler/runs").join(run));
    entries.map_or(0, |all| all.flatten().filter(|e| e.file_name() != "driver").count())
}

#[test]
fn the_dry_run_says_what_the_real_one_does() {
    let test = workspace(RULES);
    let old_pass = run(&test, &["v", "pass"], 0, 31);
    let old_fail = run(&test, &["v", "fail"], 4, 31);
    let older_fail = run(&test, &["v", "fail"], 4, 91);
    let young = run(&test, &["v", "pass"], 0, 1);
    let waits = run(&test, &["asks"], 5, 1_000);
    let expected = {
        let fates = [
            (&old_pass, "goes"),
            (&old_fail, "output_goes"),
            (&older_fail, "goes"),
            (&young, "young"),
            (&waits, "unfinished"),
        ];
        let mut fates = fates.map(|(run, fate)| (run.clone(), fate.to_owned())).to_vec();
        fates.sort();
        fates
    };
    let before = test.ostler(&["runs", "list"]).stdout;
    let said = test.ostler(&["runs", "prune", "--dry-run"]).code(0);
    assert_eq!(fates(&prune(&test, &["--dry-run"])), expected);
    assert_eq!(test.ostler(&["runs", "list"]).stdout, before);
    assert_eq!((files(&test, &old_pass), files(&test, &old_fail)), (1, 1));

    let done = test.ostler(&["runs", "prune"]).code(0);
    let lines = |ran: &Ran| ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>();
    let (said, done) = (lines(&said), lines(&done));
    assert_eq!(said.last().unwrap(), "dry run: nothing was done");
    // Only the last line differs: what was done.
    assert_eq!(said[..said.len() - 1], done[..done.len() - 1]);
    let mut left = ids(&test);
    left.sort();
    let mut stay = vec![old_fail.clone(), young.clone(), waits];
    stay.sort();
    assert_eq!(left, stay);
    assert!(!test.path().join(".ostler/runs").join(&old_pass).exists());
    assert_eq!((files(&test, &old_fail), files(&test, &young)), (0, 1));
    // What is gone is not unknown.
    test.ostler(&["runs", "show", &old_pass]).code(2).complains("was let go on").complains("`v`");
    test.ostler(&["runs", "show", &old_fail]).code(0).says("failed");
    test.ostler(&["runs", "log", &old_fail, "a"]).code(2).complains("was let go on");
    let again = prune(&test, &[]);
    assert!(fates(&again).iter().all(|(_, fate)| fate != "goes" && fate != "output_goes"));
}

#[test]
fn a_dry_run_tells_of_the_future() {
    let test = workspace(RULES);
    let id = run(&test, &["v", "pass"], 0, 0);
    let fate = |args: &[&str]| fates(&prune(&test, args))[0].1.clone();
    assert_eq!(fate(&["--dry-run"]), "young");
    assert_eq!(fate(&["--dry-run", "--in", "8d"]), "output_goes");
    assert_eq!(fate(&["--dry-run", "--in", "31d"]), "goes");
    test.ostler(&["runs", "prune", "--in", "31d"]).code(2).complains("--dry-run");
    assert_eq!(ids(&test), [id]);
}

#[test]
fn without_rules_nothing_goes() {
    let test = workspace("");
    run(&test, &["v", "pass"], 0, 10_000);
    test.ostler(&["runs", "prune"]).code(0).says("has no [retention]").says("1 has no rule");
    assert_eq!(ids(&test).len(), 1);
    // Nor where nothing was run, which leaves no state behind.
    let empty = workspace(RULES);
    empty.ostler(&["runs", "prune"]).code(0);
    assert!(!empty.path().join(".ostler").exists());
    for (bad, why) in [("passed = 30", "string"), ("passed = 'soon'", "duration"), ("x = 1", "x")] {
        let test = workspace(&format!("[retention]\n{bad}\n"));
        test.ostler(&["runs", "prune"]).code(3).complains("ostler.toml").complains(why);
    }
}

#[test]
fn the_latest_of_each_verb_stay() {
    let test = workspace(&RULES.replace("last = 0", "last = 1"));
    let gone = run(&test, &["v", "pass"], 0, 300);
    let other = run(&test, &["asks"], 5, 280);
    test.ostler(&["runs", "cancel", &other]).code(0);
    age(&test, &other, 0);
    let update = "UPDATE runs SET ended_at = opened_at WHERE id = ?";
    assert_eq!(database(&test).execute(update, [&other]).unwrap(), 1);
    let latest = run(&test, &["v", "pass"], 0, 290);
    let done = fates(&prune(&test, &[]));
    let fate = |run: &str| done.iter().find(|(id, _)| id == run).unwrap().1.clone();
    assert_eq!(
        [fate(&gone), fate(&other), fate(&latest)],
        ["goes", "latest", "latest"].map(str::to_owned)
    );
    assert_eq!(ids(&test).len(), 2);
}

#[test]
fn a_kept_run_stays_until_its_keep_ends() {
    let test = workspace(RULES);
    let id = run(&test, &["v", "pass"], 0, 100);
    let keep = ["runs", "keep", &id, "--for", "30d", "--note", "for the audit"];
    test.ostler(&keep).code(0).says(&format!("run {id} is kept until "));
    test.ostler(&["runs", "list"]).code(0).says("  kept until ");
    let list = test.ostler(&["runs", "list", "--format", "json"]).json();
    let kept = &list["runs"][0]["kept"];
    assert_eq!(kept["note"], "for the audit");
    assert!(kept["by"].as_str().unwrap().contains('@') && kept["until"].is_string());
    assert_eq!(fates(&prune(&test, &[]))[0].1, "kept");
    assert_eq!(files(&test, &id), 1);
    // A keep that has ended is none.
    assert_eq!(fates(&prune(&test, &["--dry-run", "--in", "31d"]))[0].1, "goes");
    let since = "UPDATE keeps SET since = since - ?1, until = until - ?1";
    database(&test).execute(since, [31 * DAY]).unwrap();
    assert_eq!(fates(&prune(&test, &["--dry-run"]))[0].1, "goes");
    // And one without an end ends when somebody says so.
    test.ostler(&["runs", "keep", &id]).code(0).says("until `ostler runs unkeep`");
    assert_eq!(fates(&prune(&test, &["--dry-run", "--in", "9000d"]))[0].1, "kept");
    test.ostler(&["runs", "unkeep", &id]).code(0);
    test.ostler(&["runs", "unkeep", &id]).code(2).complains("is not kept");
    assert_eq!(fates(&prune(&test, &[]))[0].1, "goes");
}

#[test]
fn a_paused_prune_refuses_and_says_the_way_out() {
    let test = workspace(RULES);
    let id = run(&test, &["v", "pass"], 0, 100);
    test.ostler(&["runs", "prune", "--pause", "--note", "migration"]).code(0);
    let refused = |ran: Ran| {
        ran.code(6).complains("paused by ").complains("migration").complains("--resume");
    };
    refused(test.ostler(&["runs", "prune"]));
    refused(test.ostler(&["runs", "prune", "--dry-run"]));
    assert_eq!(ids(&test).len(), 1);
    let again = test.ostler(&["runs", "prune", "--pause", "--for", "1d"]).code(0);
    assert!(again.stdout.contains("it was paused already"), "{again:?}");
    // A pause that is over is none: somebody else's next one is not in its place.
    database(&test).execute("UPDATE pauses SET until = since", []).unwrap();
    assert_eq!(fates(&prune(&test, &["--dry-run"])), [(id, "goes".to_owned())]);
    test.ostler(&["runs", "prune", "--resume"]).code(2).complains("is not paused");
    test.ostler(&["runs", "prune", "--pause"]).code(0);
    test.ostler(&["runs", "prune", "--resume"]).code(0).says("pruning goes on");
    prune(&test, &[]);
    assert_eq!(ids(&test).len(), 0);
}

#[test]
fn what_somebody_keeps_while_a_prune_is_under_way_stays() {
    let test = workspace(RULES);
    let id = run(&test, &["v", "pass"], 0, 100);
    let mut store = Store::open(&test.path().join(".ostler")).unwrap();
    let run = store.find(Some(&id)).unwrap();
    let now = Time(1_000);
    let hold = Hold { until: Some(Time(2_000)), by: "a@b".into(), since: now, note: None };
    store.keep(&run, &hold).unwrap();
    // The prune had decided before that.
    assert_eq!(store.let_go(&run, What::Run, "c@d", now).unwrap(), LetGo::Kept);
    store.pause(&hold).unwrap();
    assert_eq!(store.let_go(&run, What::Output, "c@d", now).unwrap(), LetGo::Paused(hold));
    test.ostler(&["runs", "verify", &id]).code(8).says("it is listed as");
    age(&test, &id, -100);
    test.ostler(&["runs", "verify", &id]).code(0).says("1 as recorded");
    assert_eq!(store.let_go(&run, What::Run, "c@d", Time(2_000)).unwrap(), LetGo::Done);
    assert_eq!(store.leftovers().unwrap(), [(run, What::Run)]);
}

#[test]
fn what_lives_or_owes_is_not_touched() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'touch runs; until test -e go; do sleep 0.01; done'\n[[finally]]\nid = 'f'\ncmd = 'true'\n";
    let test = workspace(&RULES.replace("30d", "1s")).verb("slow", text);
    let engine = test.start(&["run", "slow"]);
    test.wait_for("runs");
    let fate = || fates(&prune(&test, &[]))[0].1.clone();
    assert_eq!(fate(), "owes_finally");
    let id = ids(&test).remove(0);
    // Also if the row says that it ended: the lock tells that something of it is alive.
    let set = |ended: &str| {
        let update =
            format!("UPDATE runs SET status = 'passed', owes_finally = 0, ended_at = {ended}");
        database(&test).execute(&update, []).unwrap()
    };
    set("1");
    assert_eq!(fate(), "driven");
    assert_eq!(ids(&test), [id]);
    std::fs::write(test.path().join("go"), "").unwrap();
    Ran::new(&engine.wait_with_output().unwrap()).code(0);
    set("1");
    assert_eq!(fate(), "goes");
}

#[test]
fn the_space_is_given_back() {
    let test = workspace(RULES);
    for _ in 0..3 {
        run(&test, &["v", "pass"], 0, 100);
    }
    let filler = "INSERT INTO output SELECT id, 'filler', zeroblob(400000) FROM runs";
    database(&test).execute(filler, []).unwrap();
    let size = || std::fs::metadata(test.path().join(".ostler/state.db")).unwrap().len();
    let before = size();
    let done = prune(&test, &[]);
    assert!(done["given_back_bytes"].as_u64().unwrap() > 1_200_000, "{done}");
    assert!(size() + 1_200_000 < before, "{before} became {}", size());
    assert_eq!(done["free_bytes"], 0);
}

#[test]
fn prunes_and_runs_at_once_do_not_harm_each_other() {
    for _ in 0..3 {
        let test = workspace("[retention]\npassed = '1ms'\nlogs = '1ms'\n");
        let start = |n: usize| {
            let args = if n.is_multiple_of(2) { ["runs", "prune"] } else { ["run", "v"] };
            test.start(&[&args[..], if args[0] == "run" { &["pass"] } else { &[] }].concat())
        };
        let all: Vec<_> = (0..24).map(start).collect();
        for child in all {
            Ran::new(&child.wait_with_output().unwrap()).code(0);
        }
        wait_until("all have gone", || {
            prune(&test, &[]);
            ids(&test).is_empty()
        });
        let left = std::fs::read_dir(test.path().join(".ostler/runs")).unwrap().count();
        assert_eq!(left, 0);
        let rows = |table: &str| {
            let count = format!("SELECT count(*) FROM {table}");
            database(&test).query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
        };
        let all = ["runs", "events", "output", "plans", "pruned"].map(rows);
        assert_eq!(all, [0, 0, 0, 0, 12]);
    }
}

/// Starts a prune and kills it as it enters its `n`th system call of a kind. `false` if it came to its end.
fn killed_at(test: &Test, call: &str, n: usize) -> bool {
    let mut strace = Command::new("strace");
    strace.args(["-qq", "-o", "strace.log", "-e", &format!("trace={call}")]);
    strace.args(["-e", &format!("inject={call}:signal=SIGKILL:when={n}")]);
    let prune = test.command(&["runs", "prune"]);
    strace.arg(prune.get_program()).args(prune.get_args()).current_dir(test.path());
    let ran = Ran::new(&strace.output().expect("strace is needed"));
    assert!(matches!(ran.code, 0 | -9 | 137), "{ran:?}");
    ran.code != 0
}

#[test]
fn killed_at_any_write_or_removal_nothing_is_wrong() {
    let (mut kills, mut left) = (0, 0);
    for call in ["pwrite64", "unlink", "unlinkat", "fdatasync", "ftruncate"] {
        for n in 1..100 {
            let test = workspace(RULES);
            let goes = run(&test, &["v", "pass"], 0, 100);
            let loses = run(&test, &["v", "fail"], 4, 10);
            let stays = run(&test, &["v", "pass"], 0, 1);
            let killed = killed_at(&test, call, n);
            // Whatever is listed is whole, or it is said what of it is gone, and by whom.
            for (id, days) in [(&goes, 100), (&loses, 10), (&stays, 1)] {
                if ids(&test).contains(id) {
                    age(&test, id, -days);
                    test.ostler(&["runs", "verify", id]).code(0);
                    age(&test, id, days);
                }
            }
            assert!(ids(&test).contains(&stays));
            let again = prune(&test, &[]);
            left += usize::from(again["finished"].as_u64().unwrap() > 0);
            assert_eq!(ids(&test).len(), 2, "killed at {call} {n}");
            assert!(!test.path().join(".ostler/runs").join(&goes).exists());
            assert_eq!((files(&test, &loses), files(&test, &stays)), (0, 1));
            assert_eq!(prune(&test, &[])["finished"], 0);
            kills += usize::from(killed);
            if !killed {
                break;
            }
        }
    }
    println!("{kills} kills, after {left} of them files were left for the next prune");
    assert!(kills > 5 && left > 1, "{kills} kills, {left} with files left");
}

#[test]
fn state_of_the_first_version_is_brought_forward() {
    let test = workspace(RULES);
    let id = run(&test, &["v", "pass"], 0, 100);
    let old = "DROP TABLE keeps; DROP TABLE pauses; DROP TABLE pruned; \
        ALTER TABLE runs DROP COLUMN vetoes; PRAGMA user_version = 1";
    database(&test).execute_batch(old).unwrap();
    test.ostler(&["runs", "show", &id]).code(0);
    test.ostler(&["runs", "keep", &id]).code(0);
    assert_eq!(fates(&prune(&test, &[])), [(id, "kept".to_owned())]);
}

#[test]
fn runs_whose_engine_is_dead_are_listed_as_such() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'touch runs; sleep 600'\n";
    let test = workspace(RULES).verb("slow", text);
    run(&test, &["v", "pass"], 0, 0);
    run(&test, &["v", "fail"], 4, 0);
    let mut engine = test.start(&["run", "slow"]);
    test.wait_for("runs");
    let list = |args: &[&str]| {
        let args = [&["runs", "list", "--format", "json"], args].concat();
        test.ostler(&args).code(0).json()["runs"].as_array().unwrap().clone()
    };
    assert_eq!(list(&["--status", "running"])[0]["engine"], "alive");
    assert_eq!(list(&["--status", "dead"]), Vec::<Value>::new());
    engine.kill().unwrap();
    engine.wait().unwrap();
    wait_until("its engine is known to be dead", || list(&["--status", "dead"]).len() == 1);
    let dead = &list(&["--status", "dead"])[0];
    assert_eq!((&dead["status"], &dead["engine"]), (&"running".into(), &"dead".into()));
    test.ostler(&["runs", "list"]).code(0).says("its engine died");
    // Filters, together and alone; newest first.
    let verbs = |args: &[&str]| {
        let text = |run: &Value| run["workflow"].as_str().unwrap().to_owned();
        list(args).iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(verbs(&[]), ["slow", "v", "v"]);
    assert_eq!(verbs(&["--verb", "v"]).len(), 2);
    assert_eq!(list(&["--verb", "v", "--status", "failed"])[0]["status"], "failed");
    assert_eq!(verbs(&["--status", "failed", "--status", "dead"]), ["slow", "v"]);
    assert_eq!(verbs(&["-n", "1", "--status", "passed"]), ["v"]);
    test.ostler(&["runs", "list", "--status", "broken"]).code(2).complains("dead");
}
