//! A mode with a human review and a loop, stepped by an agent's process and a person's terminal together (O3).

use crate::actors::Until;
use crate::history::History;
use crate::pty::Pty;
use crate::support::{Test, found, wait_until};

/// A text is written, read by a person and put in place, until it is the second one.
const MODE: &str = r#"{
  id = "publish",
  trigger = "A text is to be published",
  strategy = 'Override,
  preconditions = ["somebody is there to read it"],
  steps = [
    { id = "write", action = "write the next draft", actor = 'Agent, cmd = "./write > draft", on_error = { strategy = 'Stop },
      expect = { file = [{ path = "draft", contains = "draft" }] } },
    { id = "review", action = "read draft", actor = 'Human, depends_on = [{ step = "write", kind = 'OnSuccess }],
      on_error = { strategy = 'Stop } },
    { id = "publish", action = "put it in place", actor = 'Both, cmd = "cp draft published",
      depends_on = [{ step = "review", kind = 'OnSuccess }], on_error = { strategy = 'Continue } },
  ],
  converge = { condition = "grep -q 2 published", max_iterations = 3, strategy = 'RetryAll },
  finally = [{ id = "tell", cmd = "echo told >> told" }],
  postconditions = ["the text is where everybody reads it"],
}"#;

/// It takes what is open to it until the run is over: what it is to write it writes, the rest the engine does.
const AGENT: &str = r#"
n=0
while brief=$(ostler step next publish --format json)
      [[ $(jq -r .status <<< "$brief") = @(waiting|running) ]]; do
  step=$(jq -r '.step.id // ""' <<< "$brief")
  case $step in
    write) n=$((n + 1)); ostler step take publish write > /dev/null
           echo "draft $n" > draft
           ostler step report publish write --status pass > /dev/null ;;
    '') sleep 0.02 ;;
    *) ostler step run publish "$step" > /dev/null ;;
  esac
done
jq -r .status <<< "$brief"
"#;

/// What a person reads and types on their terminal.
fn on_terminal(test: &Test, args: &[&str]) -> (i32, String) {
    let (code, text, _) = Pty::start(test, args, 100, &[("USER", "ada")]).end();
    (code, text)
}

#[test]
fn an_agent_and_a_person_step_a_mode_with_a_review_and_a_loop_to_its_end() {
    let test = Test::new().file("workflows/publish.ncl", MODE);
    let told = test.who("agent:writer").told(&["start", "publish", "--task", "Say hello"]);
    assert_eq!(told["preconditions"][0]["text"], "somebody is there to read it");
    let agent = Until::starts(crate::seed::bash(&test, "agent:writer", AGENT));
    for round in 1..=2 {
        // The person looks from time to time, until there is something for them.
        let mut asked = String::new();
        wait_until("the person is asked", || {
            let (code, text) = on_terminal(&test, &["step", "next", "publish"]);
            assert_eq!(code, 0, "{text}");
            asked = text;
            asked.contains("step review")
        });
        assert!(asked.contains("read draft") && asked.contains("task: Say hello"), "{asked}");
        assert_eq!(test.read("draft"), format!("draft {round}\n"));
        // Taken, so that nobody else answers while they read.
        let (code, text) = on_terminal(&test, &["step", "take", "publish", "review"]);
        assert!(code == 0 && text.contains("yours until"), "{text}");
        let note = ["--note", "well said"];
        let pass = ["step", "report", "publish", "review", "--status", "pass"];
        let (code, text) = on_terminal(&test, &[&pass[..], &note].concat());
        assert!(code == 0 && text.contains("review passed"), "{text}");
    }
    agent.ends().code(0).says("passed\n");
    assert_eq!((test.read("published"), test.read("told")), ("draft 2\n".into(), "told\n".into()));
    let report = test.report();
    assert_eq!(report["status"], "passed", "{report:#}");
    let by = |step: &str, n: usize| found(&report, step)["attempts"][n]["by"]["name"].clone();
    assert_eq!((by("write", 0), by("write", 1)), ("writer".into(), "writer".into()));
    assert!(by("review", 1).as_str().unwrap().starts_with("ada@"), "{report:#}");
    let history = History::of(&test, &[]);
    assert_eq!(history.all("converge_reset").count(), 1);
    assert_eq!(history.all("step_reported").count(), 4);
    test.ostler(&["runs", "verify"]).code(0).says("sound");
}

#[test]
fn who_is_asked_next_reads_why_a_person_ended_the_lease() {
    let text = "[[steps]]\nid = 'a'\nactor = 'Both'\naction = 'do it'\n";
    let test = Test::with("v", text);
    let (x, y, ada) = (test.who("agent:x"), test.who("agent:y"), test.who("human:ada"));
    let run = x.opens("v");
    x.takes(&run, "a");
    ada.told(&["step", "release", &run, "a", "--note", "not like that"]);
    let why = "agent x held it until a person ended that: not like that";
    for told in [["step", "next"], ["step", "take"]] {
        assert_eq!(y.told(&[told[0], told[1], &run])["step"]["before"], why);
    }
}

#[test]
fn who_names_a_step_that_fans_out_is_told_of_its_instances() {
    let text = "[[steps]]\nid = 'fan'\nfor_each = ['p', 'q']\ncmd = 'echo {item}'\n";
    let test = Test::with("v", text);
    let x = test.who("agent:x");
    let run = x.opens("v");
    let why = "`fan` is its instances: name one of them, such as `fan[p]`";
    x.refused(&run, &["step", "release", &run, "fan"], why);
}
