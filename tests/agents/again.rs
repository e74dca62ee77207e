//! A run that failed is stepped through once more: what the retry says, and which run its verb then means.

use crate::actors::Who;
use crate::support::Test;

const TWO: &str = "
[[params]]
name = 'who'
positional = true
[[steps]]
id = 'a'
cmd = 'echo {who}'
[[steps]]
id = 'b'
needs = ['a']
cmd = 'test -e mended'
";

/// A run of which `b` has failed.
fn failed(x: &Who<'_>) -> String {
    let told = x.told(&["start", "two", "ada", "--task", "Try twice"]);
    let run = told["run"].as_str().unwrap().to_owned();
    x.runs(&["step", "run", "two", "a"]).code(0);
    x.runs(&["step", "run", "two", "b"]).code(4).says(&format!("ostler runs retry {run} --failed"));
    run
}

#[test]
fn a_retry_hands_out_the_next_step_as_a_start_does() {
    let test = Test::with("two", TWO);
    let (x, ada) = (test.who("agent:x"), test.who("human:ada"));
    let run = failed(&x);
    let told = x.runs(&["runs", "retry", &run, "--failed"]).code(0);
    let told = told.says("of two: 1 of 2 steps done\ntask: Try twice\nstep b, yours until");
    let again = test.run();
    told.says(&format!("run {again} of two")).says(&format!("ostler step run {again} b"));
    x.runs(&["step", "run", &again, "b"]).code(4);
    // To a person nothing is handed: it is open to them.
    let told = ada.told(&["runs", "retry", &again]);
    assert_eq!((&told["step"]["id"], &told["step"]["token"]), (&"a".into(), &None::<u8>.into()));
    assert_eq!((&told["done"], &told["task"]), (&0.into(), &"Try twice".into()));
    ada.told(&["step", "report", "two", "a", "--status", "fail", "--note", "enough"]);
    // What is not told so is not begun.
    let before = test.run();
    let no = ["runs", "retry", &before, "--format", "markdown"];
    ada.runs(&no).code(2).complains("was stepped through, and so is its retry");
    let no = ["runs", "retry", &before, "--report", "r.md"];
    ada.runs(&no).code(2).complains("no report before its end");
    assert_eq!(test.run(), before);
}

#[test]
fn a_verb_means_its_open_run_and_where_none_is_open_the_latest() {
    let test = Test::with("two", TWO);
    let x = test.who("agent:x");
    let next = || x.told(&["step", "next", "two"])["run"].as_str().unwrap().to_owned();
    let run = failed(&x);
    assert_eq!(next(), run);
    let again = x.told(&["runs", "retry", &run, "--failed"])["run"].as_str().unwrap().to_owned();
    assert_eq!(next(), again, "the one that failed is over");
    std::fs::write(test.path().join("mended"), "").unwrap();
    x.runs(&["step", "run", "two", "b"]).code(0);
    assert_eq!(next(), again, "the latest");
    assert_eq!(x.told(&["step", "next", &run])["run"], run);
    let opens = || x.told(&["start", "two", "ada"])["run"].as_str().unwrap().to_owned();
    let open = [opens(), opens()];
    let ran = x.runs(&["step", "next", "two"]).code(2).complains("say which run");
    open.iter().for_each(|run| assert!(ran.stderr.contains(run), "{}", ran.stderr));
}

#[test]
fn who_gives_a_step_back_is_told_that_it_is() {
    let test = Test::with("two", TWO);
    let (x, y) = (test.who("agent:x"), test.who("agent:y"));
    let run = x.runs(&["start", "two", "ada"]).code(0).stdout[4..12].to_owned();
    let back = x.runs(&["step", "release", "two", "a", "--note", "not mine"]).code(0);
    let back = back.says(&format!(
        "run {run} of two: 0 of 2 steps done\na released\nstep a, held by nobody\n"
    ));
    back.says("run and report it: ostler step run").says("or take it: ostler step take");
    y.takes(&run, "a");
    let told = y.told(&["step", "release", &run, "a"]);
    assert_eq!((&told["last"]["step"], &told["last"]["status"]), (&"a".into(), &"released".into()));
    assert!(
        told["last"]["output"].is_null() && told["step"]["calls"]["run"].is_string(),
        "{told:#}"
    );
}

#[test]
fn a_verbs_name_is_no_beginning_of_another_verbs_run() {
    let one = "[[steps]]\nid = 'a'\ncmd = 'true'\n";
    let test = Test::with("one", one);
    let x = test.who("agent:x");
    let run = x.opens("one");
    let verb = run[..4].to_owned();
    let test = test.verb(&verb, one);
    let x = test.who("agent:x");
    test.ostler(&[&verb]).code(0);
    let why = "has ended: passed";
    let ended = test.ostler(&["runs", "list", "--verb", &verb, "--format", "json"]).json();
    let ended = ended["runs"][0]["run"].as_str().unwrap().to_owned();
    x.refused(&ended, &["step", "report", &verb, "a", "--status", "pass"], why);
    assert_eq!(x.told(&["step", "next", &verb])["run"], ended);
    assert_eq!(x.told(&["step", "next", &run[..5]])["run"], run);
}
