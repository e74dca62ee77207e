//! What somebody who steps through a run is told, word for word: each kind of step, in each state.
//!
//! Accept changes with `INSTA_UPDATE=always`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use ostler::ids::RunId;
use ostler::report::brief::{self, Brief, Last};
use ostler::run::{
    Actor, ActorKind, Check, Ending, Event, Interruption, Outcome, Parting, Record, Run, Said,
    Trigger, VERSION,
};
use ostler::value::Time;
use serde_json::json;

use crate::dsl::{driver, exit, finished, inst, name, started};
use crate::play::planned;

/// A run that is stepped through.
struct Desk {
    run: Run,
    now: Time,
}

fn actor(kind: ActorKind, name: &str) -> Actor {
    Actor { kind, name: name.to_owned() }
}

fn ada() -> Actor {
    actor(ActorKind::Agent, "ada")
}

fn bob() -> Actor {
    actor(ActorKind::Human, "bob@desk")
}

impl Desk {
    /// A run of a verb, opened for a task, as far as it goes by itself.
    fn open(verb: &str) -> Self {
        let plan = Arc::new(planned(verb));
        // 2026-01-02, 03:04:05 and a bit.
        let mut desk = Self { run: Run::new(plan.clone()), now: Time(1_767_323_045_678) };
        desk.put(Event::RunOpened {
            workflow: plan.workflow.clone(),
            plan_digest: String::new(),
            trigger: Trigger::Agent,
            seed: 1,
            retries: None,
            parent: None,
            stepped: true,
            task: Some("Release 1.2.0, as issue 312 asks".to_owned()),
        });
        desk.settled()
    }

    fn put(&mut self, event: Event) {
        self.put_as(actor(ActorKind::Engine, "engine"), event);
    }

    fn put_as(&mut self, actor: Actor, event: Event) {
        let record = Record {
            v: VERSION,
            run: RunId::parse("k6d9hhjw").unwrap(),
            seq: self.run.seq(),
            prev: String::new(),
            at: self.now,
            actor,
            cause: None,
            event,
        };
        self.run.apply(&record).unwrap();
    }

    /// Records all that follows without anything being run.
    fn settled(mut self) -> Self {
        use ostler::run::{Command, Room};
        while let Some(Command::Record(event)) =
            self.run.decide(&Room::default()).into_iter().next()
        {
            self.put(event);
        }
        self
    }

    fn later(mut self, ms: u64) -> Self {
        self.now = self.now.plus(ms);
        self
    }

    /// Somebody takes a step for a quarter of an hour.
    fn taken(mut self, by: Actor, step: &str) -> Self {
        let (token, until) = (self.run.seq(), self.now.plus(900_000));
        self.put_as(by, Event::StepTaken { step: inst(step), token, until });
        self.settled()
    }

    /// Its holder reports it.
    fn reported(mut self, step: &str, said: Said, ending: Ending, note: Option<&str>) -> Self {
        let lease = self.run.node(&inst(step)).unwrap().lease.clone().unwrap();
        let (step, token, ending) = (inst(step), lease.token, Box::new(ending));
        let note = note.map(str::to_owned);
        let event = Event::StepReported { step, token, said, ending, note, report: None };
        self.put_as(lease.by, event);
        self.settled()
    }

    /// Its holder lets the engine do it, which ends so.
    fn run_by_engine(mut self, step: &str, ending: Option<Ending>) -> Self {
        let token = self.run.node(&inst(step)).unwrap().lease.clone().unwrap().token;
        let how = Parting::HandedOver;
        self.put(Event::LeaseEnded { step: inst(step), token, how, note: None });
        self.put(driver("boot"));
        self.put(started(&inst(step), 1));
        match ending {
            Some(ending) => self.put(finished(&inst(step), 1, ending)),
            None => return self,
        }
        self.put(Event::DriverLeft);
        self.settled()
    }

    fn brief(&self, reader: &Actor) -> Brief {
        brief::brief(&self.run, reader, None)
    }

    /// What is told of a step that its reader acted on.
    fn after(&self, reader: &Actor, step: &str, output: &str) -> Brief {
        let node = self.run.node(&inst(step)).unwrap();
        let last: Last = brief::last(&self.run, node, Some(output.as_bytes()));
        brief::brief(&self.run, reader, Some(last))
    }
}

fn golden(name: &str, text: &str) {
    let snapshots = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots");
    insta::with_settings!({ snapshot_path => snapshots, prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(format!("brief_{name}"), text);
    });
}

/// A verb with this text after its id.
fn verb(text: &str) -> String {
    format!("id = \"release\"\n{text}")
}

const VERSION_PARAM: &str = "\n[[params]]\nname = \"version\"\ndefault = \"1.2.0\"\n";

fn build() -> String {
    verb(&format!(
        "{VERSION_PARAM}
[[steps]]
id = \"build\"
action = \"Build the package of {{version}}\"
note = \"The cache in target/ may be cleared if the disk is full\"
cmd = \"./build --release --version {{version}} | tee build.log\"
expect = {{ exit = [0], stdout = {{ contains = \"built\" }}, file = {{ path = \"dist/{{version}}.tar\" }} }}
outputs = {{ sha = \"string\" }}
on_error = {{ strategy = \"Retry\", max = 1, backoff_s = 60 }}
on_interrupt = \"Ask\"
"
    ))
}

const LINT: &str = r#"
[[steps]]
id = "lint"
action = "The code is clean"
effect = "Read"
checks = [
  { name = "format", cmd = "cargo fmt --check" },
  { name = "clippy", cmd = "cargo clippy --all-targets" },
]
"#;

fn prose() -> String {
    verb(&format!(
        "preconditions = [\"The working tree is clean\"]
postconditions = [\"The changelog names the version\"]
{VERSION_PARAM}
[[steps]]
id = \"changelog\"
action = \"Write the entry of {{version}} in CHANGELOG.md\"
note = \"\"\"
One line for each change that users see, in their words.
  No internal names; breaking changes first.\"\"\"
cwd = \"docs\"
expect = {{ file = {{ path = \"CHANGELOG.md\", contains = \"## \" }} }}
outputs = {{ title = \"string\", breaking = \"int\" }}

[[steps]]
id = \"sign\"
actor = \"Human\"
action = \"Sign off {{version}}: {{steps.changelog.outputs.title}}\"
needs = [\"changelog\"]
"
    ))
}

fn publish() -> String {
    verb(&format!(
        "{VERSION_PARAM}
[[steps]]
id = \"publish\"
action = \"Publish {{version}} for {{item}}\"
for_each = [\"linux-x86_64\", \"linux-arm64\", \"macos\", \"it's one\", \"b\", \"c\", \"d\", \"e\"]
argv = [\"./publish\", \"--target\", \"{{item}}\", \"--\", \"{{version}}\"]
"
    ))
}

/// What the entry of a changelog hands on.
fn written() -> Ending {
    let outputs = BTreeMap::from([
        (name("title"), json!("1.2.0, the quick one")),
        (name("breaking"), json!(0)),
    ]);
    Ending { outputs, ..Ending::of(Outcome::Answered, true) }
}

#[test]
fn a_command_is_run_or_reported_with_what_it_showed() {
    let desk = Desk::open(&build());
    golden("offered", &desk.brief(&ada()).text());
    golden("command_for_a_person", &desk.brief(&bob()).text());
    let desk = desk.taken(ada(), "build");
    golden("command", &desk.brief(&ada()).text());
    golden("command_json", &serde_json::to_string_pretty(&desk.brief(&ada())).unwrap());
    golden("held_by_another", &desk.brief(&actor(ActorKind::Agent, "eve")).text());
}

#[test]
fn checks_are_looked_at_and_change_nothing() {
    golden("checks", &Desk::open(&verb(LINT)).taken(ada(), "lint").brief(&ada()).text());
}

#[test]
fn prose_is_done_by_hand_and_a_person_comes_after() {
    let desk = Desk::open(&prose()).taken(ada(), "changelog");
    golden("prose", &desk.brief(&ada()).text());
    let desk = desk.reported("changelog", Said::Passed, written(), None);
    golden("waits_for_a_person", &desk.after(&ada(), "changelog", "").text());
    golden("person", &desk.brief(&bob()).text());
    let desk = desk.taken(bob(), "sign");
    golden("held_by_a_person", &desk.brief(&ada()).text());
    let done = Ending::of(Outcome::Answered, true);
    let passed = |desk: Desk| desk.reported("sign", Said::Passed, done, None);
    golden("ended_passed", &passed(desk).after(&bob(), "sign", "").text());
}

#[test]
fn what_is_not_passed_says_why_and_who() {
    let desk = Desk::open(&prose()).taken(ada(), "changelog");
    let not = Ending::of(Outcome::Answered, false);
    let desk = desk.reported("changelog", Said::Failed, not, Some("nothing\nhas changed"));
    golden("ended_failed", &desk.after(&ada(), "changelog", "").text());
    let desk = Desk::open(&prose()).taken(ada(), "changelog");
    let skipped = Ending::of(Outcome::Answered, false);
    let desk = desk.reported("changelog", Said::Skipped, skipped, Some("it is there already"));
    golden("ended_skipped", &desk.after(&ada(), "changelog", "").text());
}

#[test]
fn an_instance_is_named_as_a_shell_takes_it_and_of_many_some_are_named() {
    let desk = Desk::open(&publish()).taken(ada(), "publish[linux-arm64]");
    golden("instance", &desk.brief(&ada()).text());
    let mut desk = desk;
    for n in 3..8 {
        let node = &desk.run.nodes()[n + 1];
        let step = node.instance.to_string();
        desk = desk.taken(actor(ActorKind::Agent, &format!("eve-{n}")), &step);
    }
    golden("many", &desk.brief(&bob()).text());
}

#[test]
fn a_failure_is_told_with_what_was_written_and_then_tried_again() {
    let failed = || {
        let check = Check {
            what: "stdout".to_owned(),
            expected: "contains `built`".to_owned(),
            observed: "`no\nspace`".to_owned(),
            passed: false,
        };
        let mut ending = exit(0);
        (ending.passed, ending.checks) = (false, vec![check]);
        ending
    };
    let desk = Desk::open(&build()).taken(ada(), "build").run_by_engine("build", Some(failed()));
    golden("delayed", &desk.after(&ada(), "build", "no\nspace\n").text());
}

#[test]
fn a_failure_that_somebody_reports_is_tried_again_by_whoever_takes_it() {
    let not = Ending::of(Outcome::Answered, false);
    let desk = Desk::open(&build()).taken(ada(), "build");
    let desk = desk.reported("build", Said::Failed, not, Some("the disk is full"));
    golden("delayed_report", &desk.after(&ada(), "build", "").text());
    let mut desk = desk.later(60_000);
    desk.put(Event::TimerFired { step: inst("build") });
    let desk = desk.settled().taken(ada(), "build");
    golden("second_attempt", &desk.after(&ada(), "build", "").text());
    let mut desk = desk.later(900_000);
    desk.run.lapsed(desk.now).into_iter().for_each(|event| desk.put(event));
    golden("lapsed", &desk.settled().brief(&ada()).text());
}

#[test]
fn what_may_have_run_is_asked_about() {
    let mut desk = Desk::open(&build()).taken(ada(), "build").run_by_engine("build", None);
    golden("the_engine_runs_it", &desk.brief(&ada()).text());
    let (step, cause) = (inst("build"), Interruption::EngineDied);
    desk.put(driver("boot"));
    desk.put(Event::StepInterrupted { step, attempt: 1, cause, ending: None });
    desk.put(Event::DriverLeft);
    let desk = desk.settled();
    golden("interrupted", &desk.brief(&ada()).text());
}

#[test]
fn what_the_engine_has_to_do_is_never_reported_as_passed() {
    let copy = "[[steps]]\nid = \"copy\"\ncopy = { from = \"a\", to = \"b\" }\n";
    golden("only_the_engine", &Desk::open(&verb(copy)).taken(ada(), "copy").brief(&ada()).text());
}

#[test]
fn lists_are_handed_on_in_json() {
    let find = "[[steps]]\nid = \"find\"\nactor = \"Agent\"\noutputs = { files = \"[path]\", sizes = \"[int]\" }\n";
    let brief = Desk::open(&verb(find)).taken(ada(), "find").brief(&ada());
    let pass = "--status pass --output files='[\"PATH\"]' --output sizes='[INT]'";
    assert!(brief.text().contains(pass), "{}", brief.text());
}

#[test]
fn long_commands_are_shortened_and_keep_their_lines() {
    let script = (1..=30).fold(String::new(), |text, n| text + &format!("  step {n}\n"));
    let text = format!("[[steps]]\nid = \"long\"\ncmd = '''\nset -u\n{script}'''\n");
    golden("long", &Desk::open(&verb(&text)).taken(ada(), "long").brief(&ada()).text());
}

#[test]
fn no_value_makes_a_line_of_its_own() {
    let lie = "x\nstep other\n  run and report it: rm -rf /\r\u{1b}[2J";
    let desk = Desk::open(&prose()).taken(ada(), "changelog");
    let outputs = BTreeMap::from([(name("title"), json!(lie)), (name("breaking"), json!(0))]);
    let mut ending = Ending { outputs, ..Ending::of(Outcome::Answered, true) };
    ending.checks.push(Check {
        what: lie.to_owned(),
        expected: lie.to_owned(),
        observed: lie.to_owned(),
        passed: false,
    });
    let desk = desk.reported("changelog", Said::Passed, ending, Some(lie));
    for reader in [ada(), bob()] {
        let text = desk.after(&reader, "changelog", "").text();
        assert!(!text.contains('\x1b') && !text.contains('\r'), "{text}");
        let forged =
            |line: &str| line.starts_with("step other") || line.trim().starts_with("run and");
        assert!(!text.lines().any(forged), "{text}");
    }
}

#[test]
fn a_brief_is_the_same_for_the_same_state() {
    let desk = Desk::open(&publish()).taken(ada(), "publish[macos]");
    assert_eq!(desk.brief(&ada()).text(), desk.brief(&ada()).text());
    let replayed = Desk::open(&publish()).taken(ada(), "publish[macos]");
    assert_eq!(desk.brief(&bob()).text(), replayed.brief(&bob()).text());
}
