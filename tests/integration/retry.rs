//! A run is tried again: all of it, or what did not pass; what is taken over is visible, and nothing else is.

use serde_json::Value;

use crate::history::{History, journaled, sum};
use crate::prune::{age, database};
use crate::support::{Test, found, status};

/// Two steps that pass, one of which hands something on; one that fails until `mended` is there; one after it.
fn broken() -> Test {
    let step = |id: &str, options: &str, more: &str| {
        format!("[[steps]]\nid = '{id}'\n{options}\n{}", journaled(id, more))
    };
    let text = [
        "[[params]]\nname = 'who'\npositional = true\n".to_owned(),
        step("look", "outputs = { what = 'string' }", "echo what=seen-by-{who} >> $OSTLER_OUTPUT"),
        step("other", "", "echo said"),
        step("fails", "needs = ['look', 'other']", "test -e mended"),
        step(
            "last",
            "needs = ['fails']\nwhen = 'steps.look.exit == 0 && steps.look.duration_s >= 0.0'",
            "echo {steps.look.outputs.what} > result",
        ),
        format!("[[finally]]\nid = 'sweep'\n{}", journaled("sweep", "")),
    ];
    Test::with("v", &text.concat())
}

/// The attempts that really began, in order of their names.
fn began(test: &Test) -> Vec<String> {
    let journal = test.read("journal");
    let mut began: Vec<String> =
        journal.lines().filter_map(|l| l.strip_prefix("start ").map(str::to_owned)).collect();
    began.sort();
    began
}

#[test]
fn what_passed_is_taken_over_and_the_rest_runs() {
    let test = broken();
    test.ostler(&["run", "-j", "1", "v", "Ada"]).code(4);
    let first = test.run();
    assert!(began(&test).contains(&"other 1".to_owned()), "it is to be taken over too");
    std::fs::write(test.path().join("mended"), "").unwrap();
    std::fs::remove_file(test.path().join("journal")).unwrap();
    let ran = test.ostler(&["runs", "retry", "--failed"]).code(0);
    let says = |part: &str| assert!(ran.stdout.contains(part), "no {part:?} in\n{}", ran.stdout);
    says(&format!("✓ look   passed in run {first}\n"));
    says(&format!("retries {first})"));
    says("2 taken over");
    // Outputs, exit codes and durations are there for what comes after.
    assert_eq!(test.read("result"), "seen-by-Ada\n");
    assert_eq!(began(&test), ["fails 1", "last 1", "sweep 1"]);
    let report = test.report();
    assert_eq!((&report["retries"], &report["status"]), (&first.clone().into(), &"passed".into()));
    let look = found(&report, "look");
    assert_eq!((&look["status"], &look["attempts"]), (&"passed".into(), &Value::Array(vec![])));
    assert_eq!(look["taken_over"]["run"], *first);
    assert_eq!(look["taken_over"]["attempt"], 1);
    assert_eq!(look["outputs"]["what"], "seen-by-Ada");
    assert_eq!(found(&report, "last")["taken_over"], Value::Null);
    let history = History::of(&test, &[]);
    history.check_attempts();
    assert_eq!(history.all("step_taken_over").count(), 2);
    test.ostler(&["runs", "verify"]).code(0);
    let log = format!("ostler runs log {first} other");
    test.ostler(&["runs", "log", "other"]).code(2).complains(&log);
    test.ostler(&["runs", "log", &first, "other"]).code(0).says("said");
    // Now everything passed.
    test.ostler(&["runs", "retry", "--failed"]).code(2).complains("every step of run");
}

#[test]
fn what_was_taken_over_is_taken_over_again_from_where_it_ran() {
    let test = broken();
    test.ostler(&["run", "-j", "1", "v", "Ada"]).code(4);
    let first = test.run();
    test.ostler(&["runs", "retry", "--failed"]).code(4);
    test.ostler(&["runs", "retry", "--failed"]).code(4).says(&format!("passed in run {first}"));
    assert_eq!(began(&test).iter().filter(|one| *one == "look 1").count(), 1);
    assert_eq!(began(&test).iter().filter(|one| *one == "fails 1").count(), 3);
    // What is not to be taken over runs, with the same params.
    std::fs::write(test.path().join("mended"), "").unwrap();
    test.ostler(&["runs", "retry"]).code(0);
    assert_eq!(began(&test).iter().filter(|one| *one == "look 1").count(), 2);
    assert_eq!(test.read("result"), "seen-by-Ada\n");
}

#[test]
fn a_changed_file_is_said_and_taken_only_when_asked_for() {
    let test = broken();
    test.ostler(&["run", "-j", "1", "v", "Ada"]).code(4);
    let text = test.read("workflows/v.toml").replace("test -e mended", "true");
    let test = test.file("workflows/v.toml", &text);
    for args in [&["runs", "retry", "--failed"][..], &["runs", "retry"]] {
        let ran = test.ostler(args).code(2).complains("workflows/v.toml has changed since run");
        assert!(ran.stderr.contains("--changed") && ran.stderr.contains("ostler run v"), "{ran:?}");
    }
    assert_eq!(began(&test), ["fails 1", "look 1", "other 1", "sweep 1"]);
    let ran = test.ostler(&["runs", "retry", "--failed", "--changed"]).code(0);
    assert!(ran.stdout.contains("2 taken over"), "{ran:?}");
    assert_eq!(test.read("result"), "seen-by-Ada\n");
    // A step that itself changed runs, and what comes after it.
    let text = text.replace("echo said", "echo other things").replace("true\n", "false\n");
    let test = test.file("workflows/v.toml", &text);
    test.ostler(&["runs", "retry", "--failed", "--changed"]).code(4);
    assert_eq!(found(&test.report(), "other")["taken_over"], Value::Null);
    assert_ne!(found(&test.report(), "look")["taken_over"], Value::Null);
    std::fs::remove_file(test.path().join("workflows/v.toml")).unwrap();
    test.ostler(&["runs", "retry"]).code(2).complains("is gone");
}

#[test]
fn what_a_plan_depends_on_beside_its_file_is_told_from_it() {
    let text = "[[params]]\nname = 'texts'\ntype = '[glob]'\ndefault = ['*.txt']\n\
        [[steps]]\nid = 'a'\nstdin = { json = '{texts}' }\ncmd = 'cat; test -e b.txt'\n";
    let test = Test::with("v", text).file("a.txt", "");
    test.ostler(&["run", "v"]).code(4);
    let test = test.file("b.txt", "");
    let why = "what workflows/v.toml imports, or finds on this machine, has changed since run";
    test.ostler(&["runs", "retry"]).code(2).complains(why);
    test.ostler(&["runs", "retry", "--changed"]).code(0);
    test.ostler(&["runs", "log", "a"]).code(0).says("b.txt");
}

#[test]
fn params_of_all_kinds_are_the_same_again() {
    let text = "[[params]]\nname = 'all'\ntype = '[string]'\n[[params]]\nname = 'n'\ntype = 'int'\n\
        [[params]]\nname = 'yes'\ntype = 'bool'\ndefault = false\n\
        [[steps]]\nid = 'a'\nstdin = { json = { all = '{all}', n = '{n}', yes = '{yes}' } }\ncmd = 'cat'\n";
    let test = Test::with("v", text);
    test.ostler(&["run", "v", "--all", "x y", "--all", "z", "--n", "-7", "--yes"]).code(0);
    let first = test.ostler(&["runs", "log", "a"]).code(0).stdout;
    let digest = test.report()["plan_digest"].clone();
    test.ostler(&["runs", "retry"]).code(0);
    assert_eq!(test.report()["plan_digest"], digest);
    assert_eq!(test.ostler(&["runs", "log", "a"]).code(0).stdout, first);
}

#[test]
fn what_cannot_be_retried_is_said() {
    let test = Test::with("v", "[[steps]]\nid = 'h'\nactor = 'Human'\n");
    test.ostler(&["runs", "retry"]).code(2).complains("nothing was run");
    test.ostler(&["run", "v"]).code(5);
    test.ostler(&["runs", "retry"]).code(2).complains("has not ended").complains("runs resume");
    test.ostler(&["step", "answer", "h", "passed"]).code(0);
    test.ostler(&["runs", "retry", "--failed"]).code(2).complains("every step of run");
    test.ostler(&["runs", "retry", "nosuchrun"]).code(2).complains("there is no run");
}

#[test]
fn a_persons_pass_is_taken_over_and_a_lease_is_taken_anew() {
    let text = "[[steps]]\nid = 'h'\nactor = 'Human'\n\
        [[steps]]\nid = 'hold'\nneeds = ['h']\nrelease = 'drop'\ncmd = 'echo hold >> journal'\n\
        [[steps]]\nid = 'fails'\nneeds = ['hold']\ncmd = 'test -e mended'\n\
        [[finally]]\nid = 'drop'\ncmd = 'echo drop >> journal'\n";
    let test = Test::with("v", text);
    test.ostler(&["run", "v"]).code(5);
    test.ostler(&["step", "answer", "h", "passed"]).code(4);
    std::fs::write(test.path().join("mended"), "").unwrap();
    test.ostler(&["runs", "retry", "--failed"]).code(0);
    assert_eq!(test.read("journal"), "hold\ndrop\nhold\ndrop\n");
    assert_eq!(status(&test.report(), "drop[hold#1]"), "passed");
    assert_ne!(found(&test.report(), "h")["taken_over"], Value::Null);
}

#[test]
fn logs_of_the_first_version_are_read_and_gone_on_with() {
    let test = Test::with(
        "v",
        "[[steps]]\nid = 'a'\ncmd = 'true'\n[[steps]]\nid = 'h'\nactor = 'Human'\n",
    );
    test.ostler(&["run", "v"]).code(5);
    let db = database(&test);
    let mut prev = "0".repeat(64);
    for (seq, record) in History::of(&test, &[]).records.iter().enumerate() {
        let mut record = record.clone();
        assert_eq!(record["v"], ostler::run::VERSION);
        record["v"] = 1.into();
        record["prev"] = prev.into();
        let line = format!("{record}\n");
        prev = sum(line.as_bytes());
        let update = "UPDATE events SET line = ? WHERE seq = ?";
        let changed = db.execute(update, rusqlite::params![line.as_bytes(), seq.cast_signed()]);
        assert_eq!(changed.unwrap(), 1);
    }
    drop(db);
    test.ostler(&["runs", "verify"]).code(0);
    test.ostler(&["step", "answer", "h", "failed"]).code(4);
    test.ostler(&["runs", "retry", "--failed"]).code(5).says("passed in run");
}

#[test]
fn from_a_step_on_all_runs_again_and_what_finally_removed_is_said() {
    let test = broken();
    test.ostler(&["run", "-j", "1", "v", "Ada"]).code(4);
    let first = test.run();
    std::fs::write(test.path().join("mended"), "").unwrap();
    std::fs::remove_file(test.path().join("journal")).unwrap();
    test.ostler(&["runs", "retry", "--from", "lok"]).code(2).complains("did you mean `look`?");
    let ran = test.ostler(&["runs", "retry", "--from", "look"]).code(0);
    let told =
        format!("`sweep` ran in run {first}: what it removed is not made again; `--from STEP`");
    assert_eq!(ran.stderr.matches(&told).count(), 1, "{}", ran.stderr);
    assert_eq!(began(&test), ["fails 1", "last 1", "look 1", "sweep 1"]);
    // What passed can be run again as well, and where nothing is taken over there is nothing to say.
    let ran = test.ostler(&["runs", "retry", "--from", "look", "--from", "other"]).code(0);
    assert!(!ran.stderr.contains("removed"), "{}", ran.stderr);
    let quiet = test.ostler(&["runs", "retry", "--from", "last", "-q"]).code(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_file_that_is_gone_is_named() {
    let test = broken();
    test.ostler(&["workflows/v.toml", "Ada"]).code(4);
    std::fs::remove_file(test.path().join("workflows/v.toml")).unwrap();
    test.ostler(&["runs", "retry"]).code(2).complains("error: workflows/v.toml is gone\n");
}

/// A run that fails, one that retries it and fails too, and the ids of both.
fn handed_on() -> (Test, String, String) {
    let text = "[[steps]]\nid = 'build'\ncmd = 'echo b >> built; touch out'\nexpect = { file = { path = 'out' } }\n\
        [[steps]]\nid = 'sign'\nneeds = ['build']\nactor = 'Human'\n\
        [[steps]]\nid = 'deploy'\nneeds = ['sign']\ncmd = 'false'\n";
    let test = Test::with("v", text);
    test.ostler(&["run", "v"]).code(5);
    test.ostler(&["step", "answer", "sign", "passed"]).code(4);
    let first = test.run();
    let again = test.ostler(&["runs", "retry", "--failed"]).code(4);
    again.says(&format!("✓ sign    passed in run {first}"));
    let second = test.run();
    (test, first, second)
}

#[test]
fn a_vetoed_run_hands_nothing_on_through_another() {
    let (test, first, second) = handed_on();
    test.ostler(&["runs", "veto", &first, "--note", "no backup", "--as", "human:bob"]).code(0);
    test.ostler(&["runs", "retry", &first, "--failed"]).code(6).complains("is vetoed by bob");
    let ran = test.ostler(&["runs", "retry", &second, "--failed"]).code(5);
    let says = format!("run {first} is vetoed by bob: no backup: what passed in it runs again");
    ran.complains(&says).says("? sign");
    assert_eq!(test.read("built"), "b\nb\n");
    let lift = ["runs", "veto", &first, "--lift", "--note", "there is", "--as", "human:bob"];
    test.ostler(&lift).code(0);
    test.ostler(&["runs", "retry", &second, "--failed"]).code(4).says("2 taken over");
}

#[test]
fn what_is_no_longer_so_is_not_handed_on_through_another() {
    let (test, first, second) = handed_on();
    let recheck = ["runs", "verify", &first, "build", "--recheck", "--as", "human:bob"];
    std::fs::remove_file(test.path().join("out")).unwrap();
    test.ostler(&recheck).code(4);
    test.ostler(&["runs", "retry", &second, "--failed"]).code(5).says("? sign");
    assert_eq!(test.read("built"), "b\nb\n");
    // It is there again.
    test.ostler(&recheck).code(0);
    test.ostler(&["runs", "retry", &second, "--failed"]).code(4).says("2 taken over");
}

#[test]
fn what_passed_in_a_run_that_is_gone_runs_again() {
    let test = broken();
    test.ostler(&["run", "-j", "1", "v", "Ada"]).code(4);
    let first = test.run();
    test.ostler(&["runs", "retry", "--failed"]).code(4);
    let test = test.file("ostler.toml", "[retention]\nfailed = '1d'\nlast = 1\n");
    age(&test, &first, 2);
    test.ostler(&["runs", "prune"]).code(0);
    let ran = test.ostler(&["runs", "retry", "--failed"]).code(4);
    ran.complains(&format!("run {first} is gone: what passed in it runs again"));
    assert_eq!(began(&test).iter().filter(|one| *one == "look 1").count(), 2);
}

#[test]
fn what_somebody_said_passed_is_not_taken_over_by_another_plan() {
    let text =
        "[[steps]]\nid = 'a'\ncmd = 'touch a'\n[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'false'\n";
    let test = Test::with("v", text);
    test.ostler(&["start", "v"]).code(0);
    test.ostler(&["step", "report", "a", "--status", "pass"]).code(0);
    test.ostler(&["step", "report", "b", "--status", "fail", "--note", "no"]).code(0);
    let run = test.run();
    let whole = test.read("workflows/v.toml");
    let test = test.file("workflows/v.toml", &whole.replace("false", "true"));
    let how = ["runs", "retry", &run, "--failed", "--changed"];
    test.ostler(&how).code(0).says("step a");
    assert_eq!(found(&test.report(), "a")["taken_over"], Value::Null);
    let test = test.file("workflows/v.toml", &whole);
    test.ostler(&how).code(0).says("step b");
}
