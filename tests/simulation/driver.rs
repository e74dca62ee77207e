//! Drives a hand-written case: everything that starts ends at once, as the case says.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ostler::plan::Plan;
use ostler::run::{
    Actor, ActorKind, Answer, Command, Ending, Event, Outcome, Probe, Room, Run, RunStatus, State,
};
use serde_json::json;

use crate::dsl::{Log, driver, exit, finished, inst, name};

/// A run of a hand-written plan.
pub(crate) struct Case {
    pub(crate) log: Log,
    /// The endings of attempts, by `step#attempt`; all others exit 0.
    endings: BTreeMap<String, Option<Ending>>,
    /// The exit codes of probes, by `guard` or `converge`; all others 0. Below 0 it is a signal's number.
    probes: BTreeMap<String, Vec<i32>>,
    /// What was started, in order.
    pub(crate) started: Vec<String>,
}

impl Case {
    pub(crate) fn new(plan: Plan) -> Self {
        Self::of(Log::open(&Arc::new(plan), 1))
    }

    /// A run with a beginning of its own.
    pub(crate) fn of(log: Log) -> Self {
        Self { log, endings: BTreeMap::new(), probes: BTreeMap::new(), started: Vec::new() }
    }

    /// A run whose steps are handed out one by one.
    pub(crate) fn stepped(plan: Plan) -> Self {
        let log = Log::stepped(&Arc::new(plan), 1);
        Self { log, endings: BTreeMap::new(), probes: BTreeMap::new(), started: Vec::new() }
    }

    /// A run that retries another, and has taken over what that lends.
    pub(crate) fn retrying(plan: &Arc<Plan>, lent: Vec<Event>) -> Self {
        let log = Log::retry(plan, 1, lent);
        Self { log, endings: BTreeMap::new(), probes: BTreeMap::new(), started: Vec::new() }
    }

    /// That attempt exits with this code.
    pub(crate) fn exits(self, attempt: &str, code: i32) -> Self {
        self.ends(attempt, exit(code))
    }

    pub(crate) fn ends(mut self, attempt: &str, ending: Ending) -> Self {
        self.endings.insert(attempt.to_owned(), Some(ending));
        self
    }

    /// That attempt goes on until the case ends it.
    pub(crate) fn runs(mut self, attempt: &str) -> Self {
        self.endings.insert(attempt.to_owned(), None);
        self
    }

    /// That question is answered with these exit codes in turn, the last one for good.
    pub(crate) fn says(mut self, probe: &str, codes: &[i32]) -> Self {
        self.probes.insert(probe.to_owned(), codes.to_vec());
        self
    }

    pub(crate) fn put(&mut self, event: Event) {
        self.log.put(event).unwrap();
    }

    /// Does what the run asks for until it asks for nothing more.
    pub(crate) fn go(mut self) -> Self {
        let room = Room { slots: 9, on_hosts: 9, busy: BTreeSet::new() };
        for _ in 0..500 {
            let mut quiet = true;
            for command in self.log.run.decide(&room) {
                quiet &= matches!(command, Command::EndAll);
                self.obey(command);
            }
            if quiet {
                return self;
            }
        }
        panic!("the run does not end");
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Record(event) => self.put(event),
            Command::Start { step, attempt, params } => {
                let key = format!("{step}#{attempt}");
                self.started.push(key.clone());
                let event = Event::StepStarted { step: step.clone(), attempt, params, host: None };
                self.put(event);
                if let Some(mut ending) = self.endings.get(&key).cloned().unwrap_or(Some(exit(0))) {
                    let node = self.log.run.node(&step).unwrap();
                    for output in self.log.run.step(node).outputs.keys() {
                        ending.outputs.insert(output.clone(), json!(key));
                    }
                    self.put(finished(&step, attempt, ending));
                }
            }
            Command::Ask(probe) => {
                let key = match &probe {
                    Probe::Guard(id) => id.to_string(),
                    Probe::Converge(_) => "converge".to_owned(),
                    Probe::Step(step) => step.to_string(),
                };
                let codes = self.probes.entry(key).or_insert_with(|| vec![0]);
                let code = if codes.len() > 1 { codes.remove(0) } else { codes[0] };
                self.put(Event::ProbeStarted { probe: probe.clone() });
                let outcome = match code {
                    ..0 => Outcome::Signaled { signal: -code },
                    code => Outcome::Exited { code },
                };
                self.put(Event::ProbeFinished { probe, outcome });
            }
            Command::Wake(until) => {
                self.log.now = self.log.now.max(until);
                let nodes = self.log.run.nodes();
                let due = nodes.iter().find(|n| matches!(n.state, State::Delayed(t) if t <= until));
                let step = due.unwrap().instance.clone();
                self.put(Event::TimerFired { step });
            }
            Command::EndAll => {}
        }
    }

    /// Ends an attempt that runs.
    pub(crate) fn end(mut self, step: &str, ending: Ending) -> Self {
        let attempt = self.attempts(step);
        self.put(finished(&inst(step), attempt, ending));
        self.go()
    }

    pub(crate) fn answer(mut self, step: &str, answer: Answer) -> Self {
        let person = Actor { kind: ActorKind::Human, name: "ada".to_owned() };
        self.log.put_as(&person, Event::answered(inst(step), answer, None)).unwrap();
        self.go()
    }

    pub(crate) fn cancel(mut self) -> Self {
        self.put(Event::CancelRequested { by: "SIGINT".to_owned() });
        self.go()
    }

    /// The engine dies and another takes over: on the same boot, or on a new one with all records kept.
    pub(crate) fn dies(mut self, rebooted: bool) -> Self {
        self.log.run = self.replayed();
        self.put(driver(if rebooted { "boot-1" } else { "boot-0" }));
        for event in self.log.run.interrupted(rebooted) {
            self.put(event);
        }
        self.go()
    }

    pub(crate) fn replayed(&self) -> Run {
        let mut run = Run::new(self.log.run.plan().clone());
        self.log.records.iter().for_each(|r| run.apply(r).unwrap());
        run
    }

    fn attempts(&self, step: &str) -> u32 {
        u32::try_from(self.log.run.node(&inst(step)).unwrap().attempts.len()).unwrap()
    }

    /// Demands these states, written `step=state`.
    #[track_caller]
    pub(crate) fn is(self, states: &str) -> Self {
        for pair in states.split_whitespace() {
            let (step, state) = pair.split_once('=').unwrap();
            assert_eq!(self.log.state(step), state, "{step}");
        }
        self
    }

    /// Demands that the run has this status.
    #[track_caller]
    pub(crate) fn was(self, status: RunStatus) -> Self {
        let reason = self.log.run.reason().map(str::to_owned);
        assert_eq!(self.log.run.status(), status, "{reason:?}");
        self
    }

    /// Demands that just these attempts were started, in this order.
    #[track_caller]
    pub(crate) fn ran(self, attempts: &str) -> Self {
        assert_eq!(self.started.join(" "), attempts);
        self
    }

    /// Demands that a step's reason says so.
    #[track_caller]
    pub(crate) fn because(self, step: &str, says: &str) -> Self {
        let reason = self.log.run.node(&inst(step)).unwrap().reason.clone().unwrap_or_default();
        assert!(reason.contains(says), "{step}: {reason}");
        self
    }

    /// Demands that a run's reason says so.
    #[track_caller]
    pub(crate) fn for_the_reason(self, says: &str) -> Self {
        let reason = self.log.run.reason().unwrap_or_default().to_owned();
        assert!(reason.contains(says), "{reason}");
        self
    }

    pub(crate) fn output(&self, step: &str) -> String {
        let node = self.log.run.node(&inst(step)).unwrap();
        node.outputs.get(&name("o")).map_or_else(String::new, ToString::to_string)
    }

    /// Demands that an event is refused with these words.
    #[track_caller]
    pub(crate) fn refuses(self, event: Event, says: &str) -> Self {
        let record = self.log.record(event);
        let refusal = self.log.run.clone().apply(&record).unwrap_err().to_string();
        assert!(refusal.contains(says), "{refusal}");
        self
    }
}
