//! Calls: another verb as a step, what it is given and what it hands on.
//!
//! Behaviours shown here (`docs/behaviours.md`): O25, O26, S10.

use serde_json::json;

use crate::linked::{called, report, runs};
use crate::support::{Test, found};

const SHIP: &str = "
outputs = { image = '{steps.build.outputs.image}', n = '{steps.build.outputs.n}' }
[[params]]
name = 'size'
type = 'int'
default = 2
[[params]]
name = 'text'
default = 'plain'
[[steps]]
id = 'build'
call = { verb = 'build', params = { size = '{size}', tag = '<{text}>', all = ['{text}', 'b'] } }
outputs = { image = 'path', n = 'int' }
[[steps]]
id = 'use'
needs = ['build']
argv = ['printf', '%s %s', '{steps.build.outputs.image}', '{steps.build.outputs.n}']
";

const BUILD: &str = "
outputs = { image = '/img/{tag}', n = '{steps.make.outputs.n}', more = '{steps.make.outputs.n:-7}' }
[[params]]
name = 'size'
type = 'int'
[[params]]
name = 'tag'
[[params]]
name = 'all'
type = '[string]'
[[steps]]
id = 'make'
argv = ['bash', '-c', 'printf \"%s|\" \"$@\" > made; echo n=$1 >> $OSTLER_OUTPUT', '-', '{size}', '{tag}', '{all...}']
outputs = { n = 'int' }
";

fn ship() -> Test {
    Test::with("ship", SHIP).verb("build", BUILD)
}

#[test]
fn a_verb_is_a_step_of_another_with_typed_params_and_outputs() {
    // O26
    let test = ship();
    let text = "x y'$(touch P)\"\n;";
    test.ostler(&["run", "ship", "--size", "5", "--text", text]).code(0).says("/img/<x y'");
    assert_eq!(test.read("made"), format!("5|<{text}>|{text}|b|"));
    assert!(!test.path().join("P").exists());
    let parent = test.report();
    assert_eq!(parent["workflow"], "ship", "the latest run is the one that somebody began");
    assert_eq!(
        found(&parent, "build")["outputs"],
        json!({ "image": format!("/img/<{text}>"), "n": 5 })
    );
    assert_eq!(parent["outputs"]["n"], 5);
    let child = report(&test, &called(&parent, "build"));
    assert_eq!(child["trigger"], "parent");
    assert_eq!(child["parent"], json!({ "run": parent["run"], "step": "build", "attempt": 1 }));
    assert_eq!(child["outputs"]["more"], 5);
    let id = child["run"].as_str().unwrap();
    test.ostler(&["runs", "show", id]).says(&format!("called by build of run {}", test.run()));
    test.ostler(&["runs", "show"]).says(&format!("run {id}"));
    test.ostler(&["runs", "list"]).says(&format!("called by {}", test.run()));
    for run in [id, &test.run()] {
        test.ostler(&["runs", "verify", run]).code(0);
    }
    test.ostler(&["runs", "export", &test.run(), "--to", "out"])
        .code(0)
        .says(&format!("called run {id}"));
}

#[test]
fn the_plan_shows_what_is_called_and_changes_with_it() {
    let test = ship().verb("top", "[[steps]]\nid = 'all'\ncall = 'ship'\n");
    let digest = |verb: &str| {
        let plan = test.ostler(&["plan", verb, "--format", "json"]).code(0).json();
        plan["digest"].as_str().unwrap().to_owned()
    };
    test.ostler(&["plan", "ship"]).code(0).says("call build").says("runs make");
    let before = digest("top");
    assert_eq!(before, digest("top"));
    let path = test.path().join("workflows/build.toml");
    std::fs::write(path, format!("id = 'build'\n{}", BUILD.replace("/img/", "/im/"))).unwrap();
    assert_ne!(before, digest("top"), "what a called verb calls is part of it");
    test.ostler(&["plan", "ship", "--fail", "build"]).code(0).says("the run fails");
}

#[test]
fn the_first_cause_of_the_called_run_is_the_cause_of_the_step() {
    // O26: `on` matches through calls, also through two, and the called run's own `finally` has ended before.
    let inner = "
[[params]]
name = 'size'
type = 'int'
[[steps]]
id = 'compile'
cmd = '''
echo {size} {attempt} >> log
test {size} -gt 2 || exit 137
'''
[[finally]]
id = 'clean'
cmd = 'echo clean >> log'
";
    let middle = "
[[params]]
name = 'size'
type = 'int'
[[steps]]
id = 'inner'
call = { verb = 'inner', params = { size = '{size}' } }
";
    let outer = "
[[params]]
name = 'size'
type = 'int'
default = 1
[[steps]]
id = 'build'
call = { verb = 'middle', params = { size = '{size}' } }
on_error = { strategy = 'Retry', max = 2, backoff_s = 0, on = [137], escalate = { size = [1, 2, 3] } }
";
    let test = Test::with("inner", inner).verb("middle", middle).verb("outer", outer);
    test.ostler(&["run", "outer"]).code(0);
    assert_eq!(test.read("log"), "1 1\nclean\n2 1\nclean\n3 1\nclean\n");
    let test =
        Test::with("inner", inner).verb("middle", middle).verb("outer", &outer.replace("137", "3"));
    let ran = test.ostler(&["run", "outer"]).code(4);
    let child = called(&test.report(), "build");
    ran.says(&format!("middle failed in run {child}: `inner` failed (exit 137)"));
    assert_eq!(runs(&test, "inner"), 1);
}

#[test]
fn checks_and_refused_outputs_are_causes_too() {
    let inner = "
[[steps]]
id = 'look'
cmd = 'echo no'
expect = { stdout = { equals = 'yes' } }
";
    let outer = "
[[steps]]
id = 'a'
call = 'inner'
on_error = { strategy = 'Retry', max = 1, backoff_s = 0, on = ['check_failed'] }
";
    let test = Test::with("inner", inner).verb("outer", outer);
    test.ostler(&["run", "outer"]).code(4).says("look: stdout: expected");
    assert_eq!(runs(&test, "inner"), 2);
}

#[test]
fn a_run_that_passed_with_failures_is_a_pass_only_where_that_is_said() {
    let inner = "[[steps]]\nid = 'a'\ncmd = 'exit 5'\non_error = 'Continue'\n";
    let test = Test::with("inner", inner)
        .verb("strict", "[[steps]]\nid = 'a'\ncall = 'inner'\n")
        .verb("lenient", "[[steps]]\nid = 'a'\ncall = { verb = 'inner', lenient = true }\n");
    test.ostler(&["run", "strict"]).code(4).says("inner passed with failures in run");
    test.ostler(&["run", "lenient"]).code(0);
}

#[test]
fn a_run_that_was_cancelled_or_blocked_is_no_pass() {
    let blocked = "[[guards]]\nid = 'no'\ncmd = 'false'\nreason = 'not today'\n[[steps]]\nid = 'a'\ncmd = 'true'\n";
    let test = Test::with("inner", blocked).verb("outer", "[[steps]]\nid = 'a'\ncall = 'inner'\n");
    test.ostler(&["run", "outer"]).code(4).says("not today").says("(exit 6)");
}

#[test]
fn an_output_that_does_not_exist_fails_the_run() {
    let verb = "
outputs = { n = '{steps.a.outputs.n}' }
[[steps]]
id = 'a'
actor = 'Human'
on_error = 'Stop'
outputs = { n = 'int' }
";
    let inner = "outputs = { n = '{steps.a.outputs.n:-3}', t = 'x{steps.a.outputs.n:-3}' }
[[steps]]
id = 'a'
cmd = 'exit 1'
on_error = 'Continue'
outputs = { n = 'int' }
";
    let test = Test::with("verb", verb).verb("inner", inner);
    test.ostler(&["run", "inner", "--lenient"]).code(0);
    assert_eq!(test.report()["outputs"], json!({ "n": 3, "t": "x3" }));
    test.ostler(&["run", "verb"]).code(5);
    test.ostler(&["step", "answer", "a", "passed", "--output", "n=4"]).code(0).says("n = 4");
}

#[test]
fn what_cannot_be_called_is_said_before_the_run_or_by_the_step() {
    let test = Test::with("outer", "[[params]]\nname = 'v'\n[[steps]]\nid = 'a'\ncall = { verb = 'inner', params = { v = '{v}x' } }\n")
        .verb("inner", "[[params]]\nname = 'v'\ntype = 'version'\nscheme = 'semver'\n[[steps]]\nid = 'a'\ncmd = 'true'\n");
    // What is made of several texts only the run knows.
    test.ostler(&["run", "outer", "--v", "1.2"])
        .code(4)
        .says("could not start: --v: `1.2x` is not a semantic version");
    assert_eq!(runs(&test, "inner"), 0);
    let test = test.verb("inner", "[[steps]]\nid = 'a'\ncmd = 'true'\ndepends_on = ['b']\n");
    test.ostler(&["run", "outer", "--v", "1"]).code(3).complains("`inner` has an error");
}

#[test]
fn a_verb_that_changed_since_it_was_planned_is_not_called() {
    let change = "sed -i s/made/makes/ workflows/build.toml";
    let test = ship().verb("late", &format!("[[steps]]\nid = 'change'\ncmd = '{change}'\n[[steps]]\nid = 'b'\nneeds = ['change']\ncall = {{ verb = 'build', params = {{ size = 1, tag = 't', all = ['a'] }} }}\n"));
    test.ostler(&["run", "late"]).code(4).says("`build` has changed since run");
    assert_eq!(test.read("makes") + &test.read("made"), "");
}

#[test]
fn a_retry_takes_over_a_call_that_passed() {
    let outer = "[[steps]]\nid = 'a'\ncall = 'inner'\n[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'test -e go'\n";
    let test = Test::with("inner", "[[steps]]\nid = 'x'\ncmd = 'true'\n").verb("outer", outer);
    test.ostler(&["run", "outer"]).code(4);
    std::fs::write(test.path().join("go"), "").unwrap();
    test.ostler(&["runs", "retry", &test.run(), "--failed"]).code(0);
    assert_eq!(runs(&test, "inner"), 1);
}

#[test]
fn a_called_run_is_let_go_with_its_caller() {
    let test = Test::with("inner", "[[steps]]\nid = 'x'\ncmd = 'echo x'\n")
        .verb("outer", "[[steps]]\nid = 'a'\ncall = 'inner'\n")
        .file("ostler.toml", "[retention]\npassed = '1d'\n");
    test.ostler(&["run", "outer"]).code(0);
    let (parent, child) = (test.run(), called(&test.report(), "a"));
    test.ostler(&["runs", "keep", &parent]).code(0);
    let fates = |test: &Test| {
        let said = test
            .ostler(&["runs", "prune", "--dry-run", "--in", "2d", "--format", "json"])
            .code(0)
            .json();
        let of = |run: &str| {
            let all = said["runs"].as_array().unwrap();
            all.iter().find(|r| r["run"] == run).unwrap()["fate"].clone()
        };
        [of(&parent), of(&child)]
    };
    assert_eq!(fates(&test), ["kept", "called"]);
    test.ostler(&["runs", "unkeep", &parent]).code(0);
    assert_eq!(fates(&test), ["goes", "goes"]);
}

#[test]
fn a_chain_for_each_of_several_things_is_a_call_for_each() {
    // S10: each item has its chain in a run of its own, and one that fails keeps no other from its end.
    let item = "
outputs = { given = '{steps.give.outputs.given}' }
[[params]]
name = 'of'
[[steps]]
id = 'take'
cmd = 'test {of} != bad'
[[steps]]
id = 'give'
needs = ['take']
cmd = 'echo {of} >> log; echo given={of} >> $OSTLER_OUTPUT'
outputs = { given = 'string' }
";
    let all = "
[[steps]]
id = 'each'
call = { verb = 'item', params = { of = '{item}' } }
for_each = { items = ['good', 'bad', 'fine'], max_failures = 'all' }
on_error = 'Continue'
outputs = { given = 'string' }
";
    let test = Test::with("item", item).verb("all", all);
    test.ostler(&["run", "all", "--jobs", "2"]).code(9);
    let report = test.report();
    assert_eq!(runs(&test, "item"), 3);
    assert_eq!(test.read("log").lines().count(), 2);
    let given = &found(&report, "each")["outputs"]["given"];
    assert_eq!((&given["good"], &given["fine"]), (&json!("good"), &json!("fine")), "{report:#}");
}

#[test]
fn a_verb_is_called_for_each_host() {
    let one =
        "[[params]]\nname = 'at'\ntype = 'host'\n[[steps]]\nid = 'a'\ncmd = 'echo {at} >> log'\n";
    let all = "
[[steps]]
id = 'each'
hosts = ['all']
call = { verb = 'one', params = { at = '{host.name}' } }
";
    let test = Test::with("one", one).verb("all", all);
    let test = test.file("fleet/red.toml", "address = '192.0.2.1'\n");
    let test = test.file("fleet/blue.toml", "address = '192.0.2.2'\n");
    test.ostler(&["run", "all", "--jobs", "1"]).code(0);
    assert_eq!(test.read("log").lines().count(), 2);
    assert_eq!(runs(&test, "one"), 2);
}

#[test]
fn a_called_verb_finds_the_secrets_that_its_caller_was_started_with() {
    let test = Test::with("out", "[[steps]]\nid = 'a'\ncall = 'in'\n").verb(
        "in",
        "[[steps]]\nid = 'a'\nsecrets = { T = { env = 'CI_TOKEN' } }\ncmd = 'test \"$T\" = k9-Tulip-447; test -z \"$CI_TOKEN$STRANGE\"'\n",
    );
    let mut command = test.command(&["run", "out"]);
    let ran = command.env("CI_TOKEN", "k9-Tulip-447").env("STRANGE", "1").output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
}
