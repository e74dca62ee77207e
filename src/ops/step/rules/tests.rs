//! Who may do what with a step, in every state that it can be in.

use std::sync::Arc;

use super::*;
use crate::check::check;
use crate::exec::Evidence;
use crate::ids::RunId;
use crate::plan::{Facts, resolve};
use crate::run::{Command, Event, Outcome, Parting, Record, Room, Trigger, VERSION};
use crate::source::from_text;
use crate::value::Time;

/// An agent's step after another, one that only a person does, one with instances, one that needs a lock, one that expects
/// something.
const STEPS: &str = "
id = 'all'
[[steps]]
id = 'a'
cmd = 'true'
outputs = { n = 'int', name = 'string' }
[[steps]]
id = 'b'
needs = ['a']
cmd = 'true'
[[steps]]
id = 'sign'
actor = 'Human'
action = 'sign'
[[steps]]
id = 'fan'
for_each = ['x', 'y']
cmd = 'true'
[[steps]]
id = 'one'
locks = ['l']
cmd = 'true'
[[steps]]
id = 'two'
locks = ['l']
cmd = 'true'
[[steps]]
id = 'asks'
action = 'nothing to run'
[[steps]]
id = 'looks'
cmd = 'true'
expect = { stdout = { contains = 'x' }, exit = [0] }
[[steps]]
id = 'copies'
copy = { from = 'a', to = 'b' }
";

fn actor(kind: ActorKind, name: &str) -> Actor {
    Actor { kind, name: name.to_owned() }
}

fn x() -> Actor {
    actor(ActorKind::Agent, "x")
}

fn y() -> Actor {
    actor(ActorKind::Agent, "y")
}

fn ada() -> Actor {
    actor(ActorKind::Human, "ada")
}

fn engine() -> Actor {
    actor(ActorKind::Engine, "e")
}

fn id(step: &str) -> Instance {
    Instance::parse(step).unwrap()
}

/// A run that is stepped through, as far as it goes by itself.
struct World(Run);

impl World {
    fn open() -> Self {
        let loaded = from_text("workflows/all.toml", STEPS.to_owned());
        assert!(loaded.problems.is_empty(), "{:?}", loaded.problems);
        let found = check(&loaded.workflows[0], &loaded.sources);
        let plan =
            resolve(&loaded.workflows[0], &found.scripts, &BTreeMap::new(), &Facts::default());
        let plan = plan.unwrap();
        let opened = Event::RunOpened {
            workflow: plan.workflow.clone(),
            plan_digest: String::new(),
            trigger: Trigger::Agent,
            seed: 1,
            retries: None,
            parent: None,
            stepped: true,
            task: None,
        };
        Self(Run::new(Arc::new(plan))).and(&x(), opened)
    }

    fn and(mut self, by: &Actor, event: Event) -> Self {
        self.put(by, event);
        while let Some(Command::Record(event)) = self.0.decide(&Room::default()).into_iter().next()
        {
            self.put(&engine(), event);
        }
        self
    }

    fn put(&mut self, by: &Actor, event: Event) {
        let (run, at) = (RunId::from_random([7; 8]), Time(1_000));
        let (seq, prev, actor) = (self.0.seq(), String::new(), by.clone());
        let record = Record { v: VERSION, run, seq, prev, at, actor, cause: None, event };
        self.0.apply(&record).unwrap();
    }

    fn held(self, by: &Actor, step: &str) -> Self {
        let (token, until) = (self.0.seq(), Time(2_000));
        self.and(by, Event::StepTaken { step: id(step), token, until })
    }

    fn parted(self, step: &str, how: Parting) -> Self {
        let (step, token) = (id(step), self.token(step));
        self.and(&x(), Event::LeaseEnded { step, token, how, note: None })
    }

    /// The engine runs it, and dies.
    fn unsure(self, step: &str) -> Self {
        let (step, attempt) = (id(step), 1);
        let (params, host) = (BTreeMap::new(), None);
        let world = self.and(&x(), Event::StepHandedOver { step: step.clone() });
        let started = Event::StepStarted { step: step.clone(), attempt, params, host };
        let cause = crate::run::Interruption::EngineDied;
        let died = Event::StepInterrupted { step, attempt, cause, ending: None };
        world.and(&engine(), started).and(&engine(), died)
    }

    fn reported(self, by: &Actor, step: &str, said: Said, name: Option<&str>) -> Self {
        let token = self.token(step);
        let ending = Ending::of(Outcome::Answered, said == Said::Passed);
        let (ending, note) = (Box::new(ending), None);
        let (step, report) = (id(step), name.map(str::to_owned));
        self.and(by, Event::StepReported { step, token, said, ending, note, report })
    }

    fn cancelled(self) -> Self {
        self.and(&ada(), Event::CancelRequested { by: "ada".to_owned() })
    }

    fn token(&self, step: &str) -> u64 {
        self.node(step).lease.as_ref().unwrap().token
    }

    fn node(&self, step: &str) -> &Node {
        self.0.node(&id(step)).unwrap()
    }

    fn taking(&self, by: &Actor, step: &str) -> String {
        told(taking(&self.0, self.node(step), by).map(|taking| match taking {
            Taking::New => "new",
            Taking::Renewed(_) => "renewed",
        }))
    }

    fn grip(&self, by: &Actor, step: &str, token: Option<u64>) -> String {
        told(grip(&self.0, self.node(step), by, token).map(|grip| match grip {
            Grip::Held(_) => "held",
            Grip::Free => "free",
            Grip::Asked => "asked",
        }))
    }

    fn handing(&self, by: &Actor, step: &str) -> String {
        told(handing(&self.0, self.node(step), by).map(|handing| match handing {
            Handing::Held(_) => "held",
            Handing::Free => "free",
            Handing::Again => "again",
            Handing::Done => "done",
        }))
    }
}

fn told(done: Result<&str, String>) -> String {
    done.map_or_else(|why| why, str::to_owned)
}

fn said(step: &str, said: Said) -> Reported {
    Reported {
        step: step.to_owned(),
        said,
        note: None,
        outputs: Vec::new(),
        token: None,
        id: None,
        evidence: Evidence::default(),
    }
}

/// Demands that a text begins so.
#[track_caller]
fn begins(text: &str, with: &str) {
    assert!(text.starts_with(with), "{text:?} does not begin with {with:?}");
}

#[test]
fn what_is_offered_is_open_to_whoever_may_do_it() {
    let world = World::open();
    for step in ["a", "fan[x]", "one", "asks", "looks"] {
        for by in [x(), ada()] {
            assert_eq!(world.taking(&by, step), "new", "{step}");
        }
        begins(&world.grip(&x(), step, None), &format!("you do not hold `{step}`: take it first"));
        assert_eq!(world.grip(&ada(), step, None), "free", "a person needs no lease");
    }
    assert_eq!(
        (world.handing(&x(), "a"), world.handing(&ada(), "a")),
        ("free".into(), "free".into())
    );
    begins(&world.handing(&x(), "asks"), "the engine does not do `asks`");
}

#[test]
fn what_is_a_persons_is_no_agents() {
    let held = || World::open().held(&ada(), "sign");
    for world in [World::open(), held(), held().parted("sign", Parting::Released)] {
        begins(&world.taking(&x(), "sign"), "only a person may take `sign`, and x is an agent");
        begins(&world.grip(&x(), "sign", Some(1)), "only a person may report `sign`");
        begins(&world.handing(&x(), "sign"), "only a person may have run `sign`");
    }
    assert_eq!(World::open().taking(&ada(), "sign"), "new");
    assert_eq!(held().grip(&ada(), "sign", None), "held");
    begins(&held().taking(&actor(ActorKind::Human, "bob"), "sign"), "`sign` is held by ada until");
}

#[test]
fn what_is_held_is_its_holders() {
    let world = World::open().held(&x(), "a");
    assert_eq!(world.taking(&x(), "a"), "renewed");
    assert_eq!(
        (world.grip(&x(), "a", None), world.handing(&x(), "a")),
        ("held".into(), "held".into())
    );
    let token = world.token("a");
    assert_eq!(world.grip(&x(), "a", Some(token)), "held");
    begins(&world.grip(&x(), "a", Some(token + 1)), "the lease under token");
    for by in [y(), ada(), actor(ActorKind::Human, "x")] {
        let held = "`a` is held by agent x until 1970-01-01";
        begins(&world.taking(&by, "a"), held);
        begins(&world.grip(&by, "a", Some(token)), held);
        begins(&world.handing(&by, "a"), held);
    }
}

#[test]
fn a_lease_that_is_over_gives_no_right() {
    for how in [Parting::Released, Parting::Expired, Parting::HandedOver] {
        let world = World::open().held(&x(), "a");
        let token = world.token("a");
        let world = world.parted("a", how);
        begins(
            &world.grip(&x(), "a", Some(token)),
            &format!("the lease under token {token} is over"),
        );
        // Nor to a person who shows it.
        begins(&world.grip(&ada(), "a", Some(token)), &format!("the lease under token {token}"));
    }
    let world = World::open().held(&x(), "a").parted("a", Parting::HandedOver);
    assert_eq!(world.taking(&x(), "a"), "the engine runs `a`");
    assert_eq!(world.handing(&y(), "a"), "done");
}

#[test]
fn what_may_have_run_is_reported_or_run_again_and_not_taken() {
    let world = World::open().unsure("a");
    begins(&world.taking(&x(), "a"), "`a` cannot be taken: it may have run");
    assert_eq!(
        (world.grip(&x(), "a", None), world.grip(&ada(), "a", None)),
        ("asked".into(), "asked".into())
    );
    assert_eq!(world.handing(&y(), "a"), "again");
    let skip = said("a", Said::Skipped);
    let node = world.node("a");
    let why = sayable(&world.0, node, &skip, Grip::Asked).unwrap_err();
    assert_eq!(why, "`a` may have run, so it is not skipped: report pass or fail");
}

#[test]
fn whose_turn_has_not_come_is_told_what_comes_first() {
    let world = World::open();
    let told = "the turn of `b` has not come: it comes after `a`";
    assert_eq!(
        (world.taking(&x(), "b"), world.grip(&ada(), "b", None)),
        (told.into(), told.into())
    );
    assert_eq!(world.handing(&x(), "b"), told);
    let whole = "`fan` is its instances: name one of them, such as `fan[x]`";
    assert_eq!(
        (world.taking(&x(), "fan"), world.handing(&x(), "fan")),
        (whole.into(), whole.into())
    );
    let world = world.held(&x(), "one");
    assert_eq!(world.taking(&y(), "two"), "`two` needs the lock `l`, which `one` holds");
    assert_eq!(world.handing(&y(), "two"), "`two` needs the lock `l`, which `one` holds");
}

#[test]
fn after_its_end_nothing_is_done_with_a_step_or_a_run() {
    let world = World::open().held(&x(), "a").reported(&x(), "a", Said::Passed, None);
    assert_eq!(world.taking(&x(), "a"), "`a` has ended: passed");
    assert_eq!(world.grip(&ada(), "a", None), "`a` has ended: passed");
    assert_eq!(world.handing(&x(), "a"), "`a` has ended: passed");
    let world = world.held(&x(), "b").cancelled();
    for told in [world.taking(&x(), "b"), world.grip(&x(), "b", None), world.handing(&x(), "b")] {
        assert!(told.ends_with(" has ended: cancelled"), "{told}");
    }
    assert!(nothing(&world.0).ends_with(" has ended: cancelled"));
}

#[test]
fn the_same_report_again_is_known_by_its_name_or_its_token() {
    let world = World::open().held(&x(), "a");
    let token = world.token("a");
    let again = |world: &World, by: &Actor, how: Said, id: Option<&str>, token| {
        let said = Reported { id: id.map(str::to_owned), token, ..said("a", how) };
        match repeated(world.node("a"), &said, by) {
            None => "new".to_owned(),
            Some(Ok(())) => "known".to_owned(),
            Some(Err(why)) => why,
        }
    };
    assert_eq!(again(&world, &x(), Said::Passed, Some("r"), Some(token)), "new");
    let world = world.reported(&x(), "a", Said::Failed, Some("r"));
    assert_eq!(again(&world, &x(), Said::Failed, Some("r"), None), "known");
    assert_eq!(again(&world, &x(), Said::Failed, None, Some(token)), "known");
    assert_eq!(again(&world, &x(), Said::Failed, None, None), "new");
    assert_eq!(again(&world, &x(), Said::Failed, Some("s"), None), "new");
    assert_eq!(again(&world, &y(), Said::Failed, Some("r"), Some(token)), "new");
    let told = "`a` was reported under this token or id before, as fail";
    assert_eq!(again(&world, &x(), Said::Passed, Some("r"), None), told);
    // A lease that ended without a report is no report.
    let world = World::open().held(&x(), "a");
    let token = world.token("a");
    let world = world.parted("a", Parting::Expired);
    assert_eq!(again(&world, &x(), Said::Passed, None, Some(token)), "new");
}

#[test]
fn a_pass_hands_on_all_that_it_must_and_in_the_right_type() {
    let world = World::open();
    let with = |how, outputs: &[(&str, &str)]| {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let outputs = outputs.iter().map(pair).collect();
        let said = Reported { outputs, ..said("a", how) };
        told(super::outputs(&world.0, world.node("a"), &said).map(|_| "fine"))
    };
    assert_eq!(with(Said::Passed, &[("n", "7"), ("name", "x")]), "fine");
    assert_eq!(with(Said::Failed, &[("n", "7")]), "fine");
    begins(&with(Said::Passed, &[("n", "7")]), "`a` hands on `name`: give it with --output");
    begins(&with(Said::Failed, &[("n", "7.5")]), "output `n`: ");
    assert_eq!(with(Said::Failed, &[("m", "7")]), "`a` has no output `m`");
    assert_eq!(with(Said::Failed, &[("n", "7"), ("n", "7")]), "output `n` is given twice");
    assert_eq!(with(Said::Failed, &[("name", "")]), "output `name` is empty");
}

#[test]
fn what_is_said_needs_its_reason_and_its_evidence() {
    let world = World::open();
    let can = |step: &str, said: Reported| {
        told(sayable(&world.0, world.node(step), &said, Grip::Held(1)).map(|()| "fine"))
    };
    let skip =
        |note: Option<&str>| Reported { note: note.map(str::to_owned), ..said("a", Said::Skipped) };
    assert_eq!(can("a", skip(Some("not here"))), "fine");
    for none in [None, Some(""), Some(" \n")] {
        assert_eq!(can("a", skip(none)), "say why `a` is skipped: --note WHY");
    }
    let bytes = Some(crate::value::Bytes(b"x".to_vec()));
    let evidence = |exit, stdout| Evidence { exit, stdout, stderr: None };
    let pass = |evidence| Reported { evidence, ..said("looks", Said::Passed) };
    assert_eq!(can("looks", pass(evidence(Some(0), bytes.clone()))), "fine");
    let told = can("looks", pass(evidence(None, None)));
    assert!(told.contains("report it with --exit CODE --stdout FILE"), "{told}");
    let told = can("looks", pass(evidence(None, bytes)));
    assert!(told.contains("report it with --exit CODE"), "{told}");
    assert_eq!(can("looks", said("looks", Said::Failed)), "fine");
    let told = can("copies", said("copies", Said::Passed));
    assert!(told.contains("it copies files: the engine has to do that"), "{told}");
}

#[test]
fn an_unknown_step_is_refused_with_one_that_is_meant_perhaps() {
    let world = World::open();
    let why = world.0.named("lokos").map(drop).unwrap_err();
    assert!(why.ends_with("has no step `lokos`; did you mean `looks`?"), "{why}");
    let odd = format!("\u{1b}[31m{}", "x".repeat(500));
    let why = world.0.named(&odd).map(drop).unwrap_err();
    assert!(!why.contains('\u{1b}') && why.len() < 200, "{why}");
}
