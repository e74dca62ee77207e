//! Conditions in prose: told to who begins and who ends a run, attested under a name, and reported (O5).

use serde_json::{Value, json};

use crate::history::History;
use crate::support::Test;

const WORDED: &str = "
preconditions = ['{tree} is clean', 'nobody else releases']
postconditions = ['the users were told']
[[params]]
name = 'tree'
default = 'src'
[[steps]]
id = 'a'
cmd = 'true'
";

/// The names of what is still to be attested.
fn open(brief: &Value) -> Vec<&str> {
    let of = |what: &str| brief[what].as_array().unwrap().iter();
    let all = of("preconditions").chain(of("postconditions"));
    all.map(|one| one["name"].as_str().unwrap()).collect()
}

/// Who attested what, as the report has it: the name, the kind, whether it was late, the note.
fn attested(report: &Value, what: &str, n: usize) -> Vec<Value> {
    let all = report[what][n]["attested"].as_array().unwrap().iter();
    all.map(|one| json!([one["by"]["name"], one["by"]["kind"], one["late"], one["note"]])).collect()
}

#[test]
fn who_begins_and_who_ends_a_run_say_what_they_made_sure_of() {
    let test = Test::with("worded", WORDED);
    let (x, ada) = (test.who("agent:x"), test.who("human:ada"));
    let first = x.told(&["start", "worded"]);
    let run = first["run"].as_str().unwrap().to_owned();
    assert_eq!(open(&first), ["pre-1", "pre-2"]);
    assert_eq!(first["preconditions"][0]["text"], "src is clean");
    assert_eq!(first["attest"], format!("ostler step attest {run} pre-1 pre-2"));
    let one = x.told(&["step", "attest", &run, "pre-1", "--note", "looked"]);
    assert_eq!((open(&one), &one["attested"]), (vec!["pre-2"], &json!(["pre-1"])));
    assert_eq!(one["attest"], format!("ostler step attest {run} pre-2"));
    // Said again it is not recorded again; said by another it is.
    let records = || History::of(&test, &[&run]).all("attested").count();
    x.told(&["step", "attest", "worded", "pre-1"]);
    assert_eq!(records(), 1);
    ada.told(&["step", "attest", &run, "pre-1"]);
    assert_eq!(records(), 2);
    // What else they note is not lost, and not recorded twice either.
    for _ in 0..2 {
        x.told(&["step", "attest", &run, "pre-1", "--note", "twice"]);
    }
    assert_eq!(records(), 3);
    let last = x.told(&["step", "report", &run, "a", "--status", "pass"]);
    assert_eq!(open(&last), ["post-1"]);
    let last = ada.told(&["step", "attest", &run, "post-1"]);
    assert_eq!((open(&last), &last["attest"]), (Vec::new(), &Value::Null));
    let report = test.report();
    let x_said = |note: &str| json!(["x", "agent", false, note]);
    let said = [x_said("looked"), json!(["ada", "human", false, null]), x_said("twice")];
    assert_eq!(attested(&report, "preconditions", 0), said);
    assert_eq!(attested(&report, "preconditions", 1), Vec::<Value>::new());
    assert_eq!(attested(&report, "postconditions", 0), [json!(["ada", "human", false, null])]);
    let shown = test.ostler(&["runs", "show", &run]).code(0);
    let shown =
        shown.says("pre-1: src is clean, attested by agent x (looked), ada, agent x (twice)");
    let shown = shown.says("pre-2: nobody else releases, attested by nobody");
    shown.says("post-1: the users were told, attested by ada");
    let markdown = test.ostler(&["runs", "show", &run, "--format", "markdown"]).code(0);
    markdown.says("- pre\\-2&#58; nobody else releases, attested by nobody");
    test.ostler(&["runs", "verify", &run]).code(0).says("sound");
}

#[test]
fn what_cannot_be_attested_is_refused_and_that_is_recorded() {
    let test = Test::with("worded", WORDED);
    let x = test.who("agent:x");
    let run = x.opens("worded");
    let attest = |names: &[&'static str]| [&["step", "attest"][..], &["worded"], names].concat();
    x.refused(&run, &attest(&["post-1"]), "`post-1` is of after, and run");
    x.refused(&run, &attest(&["pre-3"]), "there is pre-1, pre-2, post-1");
    x.refused(&run, &attest(&["clean"]), "a condition is called pre-1");
    // One that cannot be said keeps all from being said, and all that is wrong is told.
    let all = attest(&["pre-1", "post-1", "pre-9"]);
    let goes_on = format!("run {run} goes on; there is no condition `pre-9`");
    x.refused(&run, &all, &goes_on);
    let posing = [&attest(&["pre-1"])[..], &["--as", "human:ada"]].concat();
    x.refused(&run, &posing, "agent");
    let many = attest(&["pre-1", "pre-1", "pre-2", "post-1"]);
    x.refused(&run, &many, &format!("4 conditions are named, and run {run} has 3: name each once"));
    assert_eq!(History::of(&test, &[&run]).all("attested").count(), 0);
    x.told(&["step", "report", &run, "a", "--status", "pass"]);
    x.refused(&run, &attest(&["pre-1"]), "`pre-1` is of before, and run");
    x.runs(&["step", "attest", &run]).code(2);
    // The verb's name means the latest, which must have passed.
    let latest = x.opens("worded");
    test.ostler(&["runs", "cancel", &latest]).code(0);
    let why = format!("is of a run that passed, and run {latest} is cancelled");
    x.refused(&latest, &attest(&["post-1"]), &why);
    assert!(!test.ostler(&["runs", "show", &latest]).stdout.contains("post-1"));
}

#[test]
fn whatever_is_named_a_refusal_stays_short() {
    let conditions: Vec<String> = (1..=60).map(|n| format!("'holds {n}'")).collect();
    let text = format!("preconditions = [{}]\n[[steps]]\nid = 'a'\n", conditions.join(", "));
    let test = Test::with("long", &text);
    let x = test.who("agent:x");
    let run = x.opens("long");
    let log = || test.ostler(&["runs", "log", &run, "--format", "json"]).stdout.len();
    let name = "n".repeat(2_000);
    let attest = |name: &'static str, n| [&["step", "attest", "long"][..], &vec![name; n]].concat();
    let before = log();
    x.refused(&run, &attest("pre-1", 20_000), "20000 conditions are named");
    x.refused(&run, &attest("pre-99", 60), "there is pre-1");
    let long = [&["step", "attest", "long"][..], &[&name[..]; 60]].concat();
    x.refused(&run, &long, "; and 55 more");
    assert!(log() - before < 12_000, "{} bytes", log() - before);
    // What is named twice is said once.
    let brief = x.told(&["step", "attest", "long", "pre-2", "pre-1", "pre-2"]);
    assert_eq!(brief["attested"], serde_json::json!(["pre-2", "pre-1"]), "{brief}");
}

#[test]
fn who_goes_on_is_told_what_another_noted_who_did_the_step_before() {
    let text = "
[[steps]]
id = 'sign'
actor = 'Human'
action = 'Sign it'
[[steps]]
id = 'push'
needs = ['sign']
cmd = 'true'
[[steps]]
id = 'tell'
needs = ['push']
cmd = 'true'
";
    let test = Test::with("signed", text);
    let (x, ada) = (test.who("agent:x"), test.who("human:ada"));
    let run = x.opens("signed");
    let pass = |step| ["step", "report", &run, step, "--status", "pass", "--note", "not on Friday"];
    ada.told(&pass("sign"));
    let after = json!(["sign, passed by ada: not on Friday"]);
    assert_eq!(x.told(&["step", "next", &run])["step"]["after"], after);
    x.takes(&run, "push");
    // Who noted it knows it.
    assert_eq!(x.told(&pass("push"))["step"]["after"], json!([]));
    let other = test.who("agent:y").runs(&["step", "next", &run]).code(0);
    other.says("waits: tell, which agent x holds");
}

#[test]
fn what_is_said_late_is_marked_and_a_claim_names_who_said_so() {
    let test = Test::with(
        "worded",
        &format!("{WORDED}[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'true'\n"),
    );
    let ada = test.who("human:ada");
    let run = ada.opens("worded");
    ada.told(&["step", "run", &run, "a"]);
    ada.told(&["step", "attest", &run, "pre-2"]);
    ada.told(&["step", "run", &run, "b"]);
    let shown = test.ostler(&["runs", "show", &run]).code(0);
    shown.says("pre-2: nobody else releases, attested by ada once it had begun");
    ada.told(&["step", "attest", &run, "post-1", "--note", "by mail"]);
    let words = ["runs", "verify", &run, "--recheck", "--as", "human:bob", "--format", "json"];
    let seen = test.ostler(&words).json();
    let claims = seen["recheck"]["claims"].as_array().unwrap();
    let of = |text: &str| {
        let found = claims.iter().find(|claim| claim["statement"] == text);
        let claim = found.unwrap_or_else(|| panic!("{text}: {seen:#}"));
        json!([claim["standing"], claim["claimed_by"]["name"], claim["why"]])
    };
    assert_eq!(of("the users were told"), json!(["attested", "ada", "by mail"]));
    assert_eq!(of("nobody else releases"), json!(["attested", "ada", null]));
    let nobody = json!(["unchecked", null, "nobody has attested it"]);
    assert_eq!(of("src is clean"), nobody);
}
