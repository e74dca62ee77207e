//! Short words for plans, records and endings, so that a case reads like the rule it is about.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use ostler::diagnostic::{At, Place};
use ostler::expr::Template;
use ostler::ids::{Instance, Name, RunId, StepId, WorkflowId};
use ostler::plan::{Action, Converge, Fan, Guard, Items, Origin, Param, Plan, Shell, Step};
use ostler::run::{
    Actor as By, ActorKind, Ending, Event, IllegalEvent, Outcome, Recheck, Record, Run, Trigger,
    VERSION,
};
use ostler::value::Time;
use ostler::workflow::{
    Actor, ConvergeStrategy, Edge, EdgeKind, Effect, Join, OnError, OnInterrupt, OutputSpec,
    ParamType, Retry, Severity, ValueType, When,
};
use serde_json::json;

pub(crate) fn at<T>(value: T) -> At<T> {
    At { value, place: Place::default() }
}

pub(crate) fn id(text: &str) -> StepId {
    StepId::parse(text).unwrap()
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// The instance `step` or `step[key]`.
pub(crate) fn inst(text: &str) -> Instance {
    Instance::parse(text).unwrap()
}

fn shell(text: &str) -> Shell {
    Shell {
        prefix: vec!["bash".to_owned(), "-c".to_owned()],
        text: text.to_owned(),
        values: Vec::new(),
        is_usual: false,
    }
}

/// A step with a command, no edges, `Stop` and `Ask`.
pub(crate) fn step(text: &str) -> Step {
    Step {
        id: id(text),
        action: None,
        note: None,
        actor: Actor::Agent,
        run: Some(Action::Cmd(shell("true"))),
        on: None,
        fan: None,
        keep: false,
        env: BTreeMap::new(),
        secrets: BTreeMap::new(),
        cwd: None,
        stdin: None,
        edges: Vec::new(),
        join: Join::All,
        when: Vec::new(),
        on_error: OnError::Stop,
        timeout: None,
        stall_timeout: None,
        expect: None,
        verify: None,
        verify_prose: None,
        outputs: BTreeMap::new(),
        effect: Effect::Write,
        locks: Vec::new(),
        release: None,
        on_interrupt: OnInterrupt::Ask,
        probe: None,
        unmet: None,
    }
}

/// What is added to a step.
pub(crate) trait Build: Sized {
    fn edge(self, before: &str, kind: EdgeKind, condition: Option<&str>) -> Self;
    fn on_error(self, on_error: OnError) -> Self;
    fn when(self, condition: &str) -> Self;
    fn interrupt(self, on_interrupt: OnInterrupt) -> Self;
    fn any(self) -> Self;
    fn human(self) -> Self;
    fn unmet(self) -> Self;
    fn output(self) -> Self;
    fn lock(self, lock: &str) -> Self;
    fn release(self, releaser: &str) -> Self;
    fn each(self, items: &str, how: impl FnOnce(&mut Fan)) -> Self;
    fn after(self, before: &str) -> Self {
        self.edge(before, EdgeKind::Always, None)
    }
    fn needs(self, before: &str) -> Self {
        self.edge(before, EdgeKind::OnSuccess, None)
    }
    fn on_failure(self, before: &str) -> Self {
        self.edge(before, EdgeKind::OnFailure, None)
    }
}

impl Build for Step {
    fn edge(mut self, before: &str, kind: EdgeKind, condition: Option<&str>) -> Self {
        let condition = condition.map(|c| at(c.to_owned()));
        self.edges.push(Edge { step: at(id(before)), kind, condition });
        self
    }
    fn on_error(self, on_error: OnError) -> Self {
        Self { on_error, ..self }
    }
    fn when(mut self, condition: &str) -> Self {
        self.when.push(When { condition: at(condition.to_owned()), reason: None });
        self
    }
    fn interrupt(self, on_interrupt: OnInterrupt) -> Self {
        Self { on_interrupt, ..self }
    }
    fn any(self) -> Self {
        Self { join: Join::Any, ..self }
    }
    fn human(self) -> Self {
        Self { actor: Actor::Human, run: None, ..self }
    }
    fn unmet(self) -> Self {
        Self { unmet: Some("`qemu` was not found".to_owned()), ..self }
    }
    fn output(mut self) -> Self {
        let spec = OutputSpec {
            kind: ParamType { of: ValueType::String, list: false },
            allow_empty: false,
        };
        self.outputs.insert(name("o"), spec);
        self
    }
    fn lock(mut self, lock: &str) -> Self {
        self.locks.push(name(lock));
        self
    }
    fn release(self, releaser: &str) -> Self {
        Self { release: Some(id(releaser)), ..self }
    }
    /// An instance for each of these words.
    fn each(self, items: &str, how: impl FnOnce(&mut Fan)) -> Self {
        let items = items.split_whitespace().map(Template::literal).collect();
        let mut fan = Fan {
            items: Items::Each(items),
            name: Some(name("item")),
            concurrency: None,
            canary: 0,
            batch: None,
            max_failures: Some(0),
            allow_empty: false,
        };
        how(&mut fan);
        Self { fan: Some(fan), ..self }
    }
}

pub(crate) fn retry(max: u32, then: OnError) -> Retry {
    Retry { max, backoff_s: 1.0, factor: 1.0, then: Box::new(then), ..Retry::default() }
}

pub(crate) fn fallback(target: &str) -> OnError {
    OnError::Fallback { target: at(id(target)) }
}

pub(crate) fn branch(target: &str, on_success: Option<&str>) -> OnError {
    OnError::Branch { target: at(id(target)), on_success: on_success.map(|s| at(id(s))) }
}

pub(crate) fn guard(text: &str, severity: Severity) -> Guard {
    Guard {
        id: name(text),
        run: shell("true"),
        on: None,
        reason: String::new(),
        severity,
        timeout: None,
    }
}

pub(crate) fn converge(max_iterations: u32, strategy: ConvergeStrategy) -> Converge {
    Converge { condition: shell("true"), max_iterations, strategy }
}

/// A plan of these steps; its one param is `size`, now `s`.
pub(crate) fn plan(steps: Vec<Step>, finally: Vec<Step>) -> Plan {
    let size = Param { value: json!("s"), from: Origin::Default };
    Plan {
        version: 1,
        workflow: WorkflowId::parse("sim").unwrap(),
        description: None,
        file: String::new(),
        sha256: String::new(),
        params: [(name("size"), size)].into(),
        preconditions: Vec::new(),
        postconditions: Vec::new(),
        guards: Vec::new(),
        hosts: BTreeMap::new(),
        steps,
        finally,
        outputs: BTreeMap::new(),
        converge: None,
        timeout: None,
        locks: Vec::new(),
        cwd: None,
        env: BTreeMap::new(),
        secrets: BTreeMap::new(),
    }
}

/// A run with its records and a clock of its own.
#[derive(Clone)]
pub(crate) struct Log {
    pub(crate) run: Run,
    pub(crate) records: Vec<Record>,
    pub(crate) now: Time,
}

impl Log {
    /// A run that was opened and is driven.
    pub(crate) fn open(plan: &Arc<Plan>, seed: u64) -> Self {
        Self::opened(plan, seed, false)
    }

    /// The same, its steps handed out one by one.
    pub(crate) fn stepped(plan: &Arc<Plan>, seed: u64) -> Self {
        Self::opened(plan, seed, true)
    }

    fn opened(plan: &Arc<Plan>, seed: u64, stepped: bool) -> Self {
        let mut log =
            Self { run: Run::new(plan.clone()), records: Vec::new(), now: Time(1_000_000) };
        let opened = Event::RunOpened {
            workflow: plan.workflow.clone(),
            plan_digest: String::new(),
            trigger: Trigger::Cli,
            seed,
            retries: None,
            parent: None,
            stepped,
            task: None,
        };
        log.put(opened).unwrap();
        log.put(driver("boot-0")).unwrap();
        log
    }

    /// A run that retries another, has taken over what that lends, and is driven.
    pub(crate) fn retry(plan: &Arc<Plan>, seed: u64, lent: Vec<Event>) -> Self {
        let mut log = Self::retrying(plan, seed);
        lent.into_iter().for_each(|event| log.put(event).unwrap());
        log.put(driver("boot-0")).unwrap();
        log
    }

    /// A run that retries another, just opened.
    pub(crate) fn retrying(plan: &Arc<Plan>, seed: u64) -> Self {
        let mut log =
            Self { run: Run::new(plan.clone()), records: Vec::new(), now: Time(2_000_000) };
        let opened = Event::RunOpened {
            workflow: plan.workflow.clone(),
            plan_digest: String::new(),
            trigger: Trigger::Cli,
            seed,
            retries: Some(RunId::from_random([7; 8])),
            parent: None,
            stepped: false,
            task: None,
        };
        log.put(opened).unwrap();
        log
    }

    pub(crate) fn record(&self, event: Event) -> Record {
        Record {
            v: VERSION,
            run: RunId::from_random([7; 8]),
            seq: self.run.seq(),
            prev: String::new(),
            at: self.now,
            actor: engine(),
            cause: None,
            event,
        }
    }

    pub(crate) fn put(&mut self, event: Event) -> Result<(), IllegalEvent> {
        let record = self.record(event);
        self.apply(record)
    }

    /// The same, by somebody else than the engine.
    pub(crate) fn put_as(&mut self, actor: &By, event: Event) -> Result<(), IllegalEvent> {
        let record = Record { actor: actor.clone(), ..self.record(event) };
        self.apply(record)
    }

    fn apply(&mut self, record: Record) -> Result<(), IllegalEvent> {
        self.run.apply(&record)?;
        self.records.push(record);
        Ok(())
    }

    pub(crate) fn state(&self, step: &str) -> &'static str {
        self.run.node(&inst(step)).map_or("absent", |n| n.state.name())
    }
}

pub(crate) fn driver(boot: &str) -> Event {
    let inherited = BTreeMap::new();
    Event::DriverTook {
        pid: 1,
        boot_id: boot.to_owned(),
        version: String::new(),
        forced: false,
        inherited,
    }
}

/// What somebody saw who looked again at what an attempt claims.
pub(crate) fn recheck(step: Instance, attempt: u32, passed: bool) -> Recheck {
    let claimed_by = By { kind: ActorKind::Human, name: "ada".to_owned() };
    let (with, checks) = (BTreeMap::new(), Vec::new());
    Recheck { step, attempt, claimed_by, host: None, with, checks, passed }
}

/// The engine.
pub(crate) fn engine() -> By {
    By { kind: ActorKind::Engine, name: "sim".to_owned() }
}

/// An agent of this name.
pub(crate) fn agent(name: &str) -> By {
    By { kind: ActorKind::Agent, name: name.to_owned() }
}

pub(crate) fn exit(code: i32) -> Ending {
    Ending::of(Outcome::Exited { code }, code == 0)
}

pub(crate) fn started(step: &Instance, attempt: u32) -> Event {
    Event::StepStarted { step: step.clone(), attempt, params: BTreeMap::new(), host: None }
}

pub(crate) fn finished(step: &Instance, attempt: u32, ending: Ending) -> Event {
    Event::StepFinished { step: step.clone(), attempt, ending: Box::new(ending) }
}

/// A plan in a few lines, for messages.
pub(crate) fn shown(plan: &Plan) -> String {
    let mut text = String::new();
    for step in plan.steps.iter().chain(&plan.finally) {
        let _ = write!(text, "  {} {:?}", step.id, step.join);
        for edge in &step.edges {
            let condition = edge.condition.as_ref().map_or("", |c| c.value.as_str());
            let _ = write!(text, " <-{}:{}[{condition}]", edge.kind, edge.step.value);
        }
        let when: Vec<&str> = step.when.iter().map(|w| w.condition.value.as_str()).collect();
        let on_error = serde_json::to_string(&step.on_error).unwrap_or_default();
        let _ = write!(text, " when{when:?} {on_error} {:?}", step.on_interrupt);
        let _ = write!(text, " unmet={} asked={}", step.unmet.is_some(), step.is_asked());
        let _ = writeln!(text, " locks={:?} release={:?}", step.locks, step.release);
    }
    let _ = writeln!(text, "  converge={:?} guards={:?}", plan.converge, plan.guards);
    text
}
