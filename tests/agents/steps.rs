//! Steps of every kind in hands: locks, instances, retries, roads, guards, `finally`, deadlines.

use serde_json::Value;

use crate::actors::{Until, status_of};
use crate::history::History;
use crate::support::{Test, wait_until};

/// What a step waits for, as somebody is told, and whose doing that is.
fn waits(brief: &Value, step: &str) -> String {
    let waits = brief["waits"].as_array().unwrap();
    let found = waits.iter().find(|wait| wait["step"] == step);
    let found = found.unwrap_or_else(|| panic!("{step} does not wait: {brief:#}"));
    let by = found["lock"].as_str().or(found["by"]["name"].as_str()).unwrap_or_default();
    format!("{} {by}", found["what"].as_str().unwrap()).trim_end().to_owned()
}

#[test]
fn a_lock_of_another_run_refuses_the_step_and_leaves_the_others_free() {
    let one = "[[steps]]\nid = 'a'\nlocks = ['two']\ncmd = 'true'\n";
    let both = "
[[steps]]
id = 'first'
locks = ['one', 'two']
cmd = 'true'
[[steps]]
id = 'second'
cmd = 'true'
";
    let third = "[[steps]]\nid = 'a'\nlocks = ['one']\ncmd = 'true'\n";
    let test = Test::with("one", one).verb("both", both).verb("third", third);
    let (x, y, z) = (test.who("agent:x"), test.who("agent:y"), test.who("agent:z"));
    let holds = x.opens("one");
    assert_eq!(status_of(&test, &holds, "a"), "held");
    // It is handed what is free, and refused what is not.
    let brief = y.told(&["start", "both"]);
    let run = brief["run"].as_str().unwrap().to_owned();
    assert_eq!(brief["step"]["id"], "second", "{brief:#}");
    let why = format!("`first` needs the lock `two`, which run {holds} holds");
    y.refused(&run, &["step", "take", &run, "first"], &why);
    let p = test.who("human:ada");
    p.refused(&run, &["step", "report", &run, "first", "--status", "pass"], &why);
    y.told(&["step", "report", &run, "second", "--status", "pass"]);
    assert!(y.told(&["step", "next", &run])["step"]["token"].is_null());
    // Who could not have both holds neither.
    let free = z.opens("third");
    assert_eq!(status_of(&test, &free, "a"), "held");
    z.told(&["step", "release", &free, "a"]);
    x.told(&["step", "report", &holds, "a", "--status", "pass"]);
    y.takes(&run, "first");
    z.refused(&free, &["step", "take", &free, "a"], "needs the lock `one`");
}

#[test]
fn a_lock_of_the_same_run_is_waited_for_and_is_not_in_the_way_of_others() {
    let text = "
[[steps]]
id = 'a'
locks = ['l']
cmd = 'true'
[[steps]]
id = 'b'
locks = ['l']
cmd = 'echo b >> journal'
[[steps]]
id = 'c'
cmd = 'true'
";
    let test = Test::with("locks", text);
    let (x, y) = (test.who("agent:x"), test.who("agent:y"));
    let run = x.opens("locks");
    let brief = y.told(&["step", "take", &run]);
    assert_eq!(brief["step"]["id"], "c", "{brief:#}");
    assert_eq!(waits(&brief, "b"), "lock the lock `l`, which `a` holds");
    for what in ["take", "run"] {
        y.refused(&run, &["step", what, &run, "b"], "`b` needs the lock `l`, which `a` holds");
    }
    x.told(&["step", "report", &run, "a", "--status", "pass"]);
    assert_eq!(status_of(&test, &run, "b"), "held", "it was handed to who reported");
}

#[test]
fn instances_are_stepped_one_by_one() {
    let text = "
[[steps]]
id = 'f'
for_each = ['x', 'y z']
cmd = 'echo {item} >> journal'
[[steps]]
id = 'last'
needs = ['f']
cmd = 'echo last >> journal'
";
    let test = Test::with("fans", text);
    let (a, b) = (test.who("agent:a"), test.who("agent:b"));
    let brief = a.told(&["start", "fans"]);
    let run = brief["run"].as_str().unwrap().to_owned();
    assert_eq!(brief["step"]["id"], "f[x]");
    assert_eq!(brief["step"]["with"]["{item}"], "x");
    let whole = "`f` is its instances: name one of them";
    for what in [&["step", "run", &run, "f"][..], &["step", "take", &run, "f"]] {
        b.refused(&run, what, whole);
    }
    let brief = b.told(&["step", "take", &run]);
    let second = brief["step"]["id"].as_str().unwrap().to_owned();
    assert!(second.starts_with("f[yz~"), "{second}");
    // The call that it is told works as it stands, also in a shell.
    let call = brief["step"]["calls"]["run"].as_str().unwrap().to_owned();
    let mut bash = crate::seed::bash(&test, "agent:b", &call);
    assert!(bash.output().unwrap().status.success(), "{call}");
    assert_eq!(status_of(&test, &run, &second), "passed");
    a.told(&["step", "report", &run, "f[x]", "--status", "pass"]);
    a.told(&["step", "run", &run, "last"]);
    assert_eq!(test.read("journal"), "y z\nlast\n");
    assert_eq!(test.report()["status"], "passed");
}

#[test]
fn a_failure_is_offered_again_when_its_time_has_come_and_not_before() {
    let text = "
[[steps]]
id = 'a'
cmd = 'true'
on_error = { strategy = 'Retry', max = 1, backoff_s = 0.5, jitter = 0, on = [75] }
";
    let test = Test::with("again", text);
    let x = test.who("agent:x");
    let run = x.opens("again");
    let token = x.takes(&run, "a");
    let report =
        ["step", "report", &run, "a", "--status", "fail", "--exit", "75", "--token", &token];
    let brief = x.told(&report);
    let was = History::of(&test, &[&run]);
    let last = (&brief["last"]["status"], &brief["last"]["again"]);
    assert_eq!(last, (&"failed".into(), &true.into()), "{brief:#}");
    assert!(brief["step"].is_null(), "{brief:#}");
    assert_eq!(waits(&brief, "a"), "time", "{brief:#}");
    // The same report again changes nothing.
    x.told(&report);
    assert_eq!(was.records.len(), History::of(&test, &[&run]).records.len());
    // Only the clock lets it be taken: as long as that is refused, its time has not come.
    let taken = |ran: crate::support::Ran| {
        assert!(ran.code == 0 || ran.stderr.contains("is tried again from"), "{ran:?}");
        ran.code == 0
    };
    wait_until("it is offered again", || taken(x.runs(&["step", "take", &run, "a"])));
    let history = History::of(&test, &[&run]);
    let at = |kind: &str, nth: usize| -> jiff::Timestamp {
        let seq = history.all(kind).nth(nth).unwrap().0;
        history.records[seq]["at"].as_str().unwrap().parse().unwrap()
    };
    let waited = at("step_taken", 1).as_millisecond() - at("step_reported", 0).as_millisecond();
    assert!(waited >= 500, "taken {waited} ms after it failed");
    // A second failure of another kind is none that is tried again.
    x.told(&["step", "report", &run, "a", "--status", "fail", "--exit", "1"]);
    assert_eq!(test.report()["status"], "failed");
}

#[test]
fn roads_are_taken_by_what_is_reported() {
    let text = "
[[steps]]
id = 'a'
cmd = 'true'
on_error = { strategy = 'Fallback', target = 'spare' }
[[steps]]
id = 'spare'
cmd = 'true'
[[steps]]
id = 'b'
needs = ['a']
cmd = 'true'
on_error = { strategy = 'Branch', target = 'undo', on_success = 'keep' }
[[steps]]
id = 'undo'
cmd = 'true'
[[steps]]
id = 'keep'
cmd = 'true'
[[steps]]
id = 'never'
when = 'false'
cmd = 'true'
[[steps]]
id = 'skipped'
depends_on = ['b']
cmd = 'true'
";
    let test = Test::with("roads", text);
    let x = test.who("agent:x");
    let run = x.opens("roads");
    let brief = x.told(&["step", "report", &run, "a", "--status", "fail", "--note", "no luck"]);
    assert_eq!(brief["step"]["id"], "spare", "{brief:#}");
    x.told(&["step", "report", &run, "spare", "--status", "pass"]);
    assert_eq!(status_of(&test, &run, "a"), "recovered");
    x.told(&["step", "report", &run, "b", "--status", "fail"]);
    assert_eq!(status_of(&test, &run, "keep"), "skipped");
    x.told(&["step", "report", &run, "undo", "--status", "pass"]);
    let skip = ["step", "report", &run, "skipped", "--status", "skip"];
    x.refused(&run, &skip, "say why `skipped` is skipped: --note WHY");
    x.told(&[&skip[..], &["--note", "not today"]].concat());
    let report = test.report();
    assert_eq!(report["status"], "passed_with_failures", "{report:#}");
    assert_eq!(status_of(&test, &run, "never"), "skipped");
}

#[test]
fn guards_come_first_and_what_they_block_is_not_offered() {
    let text = "
[[guards]]
id = 'ready'
cmd = 'touch asked; until test -e go; do sleep 0.01; done; test -e ready'
reason = 'it is not ready'
[[steps]]
id = 'a'
cmd = 'true'
[[steps]]
id = 'h'
actor = 'Human'
action = 'look'
";
    for (ready, ends) in [(true, "waiting"), (false, "blocked")] {
        let test = Test::with("guarded", text);
        let opening = Until::starts(test.who("agent:x").command(&["start", "guarded"]));
        test.wait_for("asked");
        // Meanwhile nobody may begin.
        let run = test.run();
        let y = test.who("agent:y");
        y.refused(&run, &["step", "take", &run, "a"], "the guards of the run come before `a`");
        y.runs(&["step", "take", &run]).code(2).complains("nothing can be taken now");
        if ready {
            std::fs::write(test.path().join("ready"), "").unwrap();
        }
        std::fs::write(test.path().join("go"), "").unwrap();
        let ran = opening.ends().code(0);
        assert_eq!(test.report()["status"], ends, "{ran:?}");
        assert_eq!(ran.stdout.contains("step a"), ready, "{ran:?}");
        assert_eq!(ran.stdout.contains("it is not ready"), !ready, "{ran:?}");
    }
}

#[test]
fn finally_is_done_by_the_engine_and_asked_where_it_must_be() {
    let text = "
[[steps]]
id = 'hold'
release = 'drop'
cmd = 'true'
[[steps]]
id = 'use'
needs = ['hold']
cmd = 'true'
[[finally]]
id = 'drop'
cmd = 'echo dropped >> journal'
[[finally]]
id = 'look'
actor = 'Human'
action = 'look that nothing is left'
depends_on = ['drop']
";
    let test = Test::with("holds", text);
    let (x, p) = (test.who("agent:x"), test.who("human:ada"));
    let run = x.opens("holds");
    x.told(&["step", "report", &run, "hold", "--status", "pass"]);
    let brief = x.told(&["step", "report", &run, "use", "--status", "fail"]);
    assert_eq!(test.read("journal"), "dropped\n", "the engine has done it: {brief:#}");
    assert_eq!(waits(&brief, "look"), "person");
    x.refused(&run, &["step", "take", &run, "look"], "only a person may take `look`");
    let brief = p.told(&["step", "report", &run, "look", "--status", "pass"]);
    assert_eq!(brief["status"], "failed", "{brief:#}");
    // What is taken away by a cancel may have been done, and is given back.
    let run = x.opens("holds");
    x.takes(&run, "hold");
    p.runs(&["runs", "cancel", &run]).code(0);
    assert_eq!(test.read("journal"), "dropped\ndropped\n");
    assert_eq!(status_of(&test, &run, "hold"), "cancelled");
    p.told(&["step", "report", &run, "look", "--status", "pass"]);
    let late = ["step", "report", &run, "hold", "--status", "pass"];
    x.refused(&run, &late, "has ended: cancelled");
}

#[test]
fn a_deadline_counts_only_while_the_engine_drives() {
    let text = "
timeout = '400ms'
[[steps]]
id = 'a'
cmd = 'true'
[[steps]]
id = 'b'
needs = ['a']
cmd = 'touch runs; exec sleep 600'
";
    let test = Test::with("timed", text);
    let x = test.who("agent:x");
    let run = x.opens("timed");
    x.takes(&run, "a");
    // Longer than the deadline passes while the step is in hand.
    let since = std::time::Instant::now();
    wait_until("the deadline would be over", || since.elapsed().as_millis() > 500);
    x.told(&["step", "report", &run, "a", "--status", "pass"]);
    assert_eq!(status_of(&test, &run, "a"), "passed");
    // But what the engine runs is ended by it.
    x.runs(&["step", "run", &run, "b"]);
    let report = test.report();
    assert_eq!(
        (&report["status"], &report["reason"]),
        (&"failed".into(), &"the deadline of 400ms passed".into())
    );
    assert_eq!(status_of(&test, &run, "b"), "cancelled");
}

#[test]
fn a_lease_is_as_long_as_it_was_wanted_and_is_renewed_by_taking_again() {
    let test = Test::with("one", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    let (x, y) = (test.who("agent:x"), test.who("agent:y"));
    let run = x.told(&["start", "one", "--lease", "100ms"])["run"].as_str().unwrap().to_owned();
    // Once it is over, somebody else is told of it and may have it.
    let free = |ran: crate::support::Ran| ran.code == 0;
    wait_until("the lease is over", || free(y.runs(&["step", "take", &run, "a", "--lease", "1h"])));
    let late = ["step", "report", &run, "a", "--status", "pass"];
    x.refused(&run, &late, "`a` is held by agent y until");
    let first = y.takes(&run, "a");
    assert_eq!(y.takes(&run, "a"), first, "renewed, and not taken anew");
    y.told(&["step", "release", &run, "a", "--note", "no time"]);
    let history = History::of(&test, &[&run]);
    let how: Vec<&str> =
        history.all("lease_ended").map(|(_, e)| e["how"].as_str().unwrap()).collect();
    assert_eq!(how, ["expired", "released"]);
    assert!(history.all("lease_renewed").count() >= 1);
    // Whose lease was over is told that it is the second attempt.
    let brief = x.told(&["step", "take", &run, "a"]);
    assert_eq!(brief["step"]["attempt"], 2, "{brief:#}");
}
