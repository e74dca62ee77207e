//! A world that drives a run as the engine does: room, clocks, people, commands that end in any order, and crashes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ostler::ids::{Instance, Name};
use ostler::plan::Plan;
use ostler::run::{
    Actor, Answer, Command, Ending, Event, Outcome, Parting, Probe, Room, Run, State,
};
use ostler::value::Time;
use serde_json::json;

use crate::chance::{ending, probed};
use crate::dsl::{Log, engine, finished, name};
use crate::generate::{Rng, Taste, random};
use crate::held;
use crate::properties::{Found, Witness, replay_equals_live};

#[path = "accidents.rs"]
mod accidents;
#[path = "actors.rs"]
mod actors;

/// What the world is doing for the run.
#[derive(Debug, Clone, PartialEq)]
enum Job {
    Step(Instance, u32),
    Probe(Probe),
}

/// How likely the world's accidents are, in a hundred per turn.
struct Luck {
    pass: usize,
    crash: usize,
    cancel: usize,
    deadline: usize,
    busy: usize,
    veto: usize,
}

struct World {
    rng: Rng,
    plan: Arc<Plan>,
    log: Log,
    witness: Witness,
    jobs: Vec<Job>,
    slots: usize,
    luck: Luck,
    /// How many records are surely on disk.
    forced: usize,
    boots: u32,
    /// The attempts that really began, whether or not their records survived.
    began: BTreeSet<(Instance, u32)>,
    ending: bool,
    /// The leases that there were.
    leases: Vec<(Instance, u64)>,
}

/// Simulates one random run to its end.
pub(crate) fn simulate(seed: u64) -> Result<Log, Box<(Log, String)>> {
    let mut rng = Rng(seed);
    let plan = Arc::new(random(&mut rng, Taste::Anything));
    let log = Log::open(&plan, seed);
    live(rng, plan, log)
}

/// Simulates one random run whose steps are handed out one by one.
pub(crate) fn step_through(seed: u64) -> Result<Log, Box<(Log, String)>> {
    let mut rng = Rng(seed ^ 0x5a5a);
    let plan = Arc::new(random(&mut rng, Taste::Anything));
    let log = Log::stepped(&plan, seed);
    live(rng, plan, log)
}

/// Simulates a run that retries one that ended, to its end.
pub(crate) fn retry(seed: u64, old: &Log, origins: &[&Run]) -> Result<Log, Box<(Log, String)>> {
    let plan = old.run.plan().clone();
    let log = Log::retry(&plan, seed, old.run.lend(&plan, &BTreeSet::new(), origins));
    live(Rng(seed ^ 0xa5a5), plan, log)
}

fn live(mut rng: Rng, plan: Arc<Plan>, log: Log) -> Result<Log, Box<(Log, String)>> {
    let luck = Luck {
        pass: *rng.pick(&[30, 60, 60, 85]),
        crash: *rng.pick(&[0, 0, 3, 8]),
        cancel: *rng.pick(&[0, 0, 0, 0, 2]),
        deadline: *rng.pick(&[0, 0, 0, 0, 0, 0, 2]),
        busy: *rng.pick(&[0, 20]),
        veto: *rng.pick(&[0, 0, 0, 4]),
    };
    let slots = *rng.pick(&[1, 2, 3, 30]);
    let mut world = World {
        rng,
        plan,
        forced: log.records.len(),
        log,
        witness: Witness::default(),
        jobs: Vec::new(),
        slots,
        luck,
        boots: 0,
        began: BTreeSet::new(),
        ending: false,
        leases: Vec::new(),
    };
    match world.live() {
        Ok(()) => Ok(world.log),
        Err(why) => Err(Box::new((world.log, why))),
    }
}

impl World {
    /// (d) The run goes on until it ends, and it does end.
    fn live(&mut self) -> Found {
        for _ in 0..4_000 {
            if self.log.run.status().is_final() {
                return self.end();
            }
            self.accidents()?;
            let room = self.room();
            let commands = self.log.run.decide(&room);
            if self.rng.percent(4) {
                replay_equals_live(&self.plan, &self.log.records, &self.log.run, &room)?;
            }
            let wake = self.obey(commands, &room)?;
            if self.jobs.is_empty() || self.rng.percent(70) {
                self.go_on(wake)?;
            }
        }
        Err("(d) the run does not end".to_owned())
    }

    fn end(&mut self) -> Found {
        if !self.jobs.is_empty() {
            return Err(format!("(e) the run ended, and {:?} run", self.jobs));
        }
        (0..3).try_for_each(|_| self.remark())?;
        replay_equals_live(&self.plan, &self.log.records, &self.log.run, &Room::default())
    }

    fn room(&mut self) -> Room {
        let mut busy = BTreeSet::new();
        if self.rng.percent(self.luck.busy) {
            busy.insert(name("l1"));
        }
        Room { slots: self.slots - self.jobs.len(), on_hosts: 0, busy }
    }

    /// Records an event and judges it.
    fn put(&mut self, event: Event) -> Found {
        self.put_as(&engine(), event)
    }

    fn put_as(&mut self, actor: &Actor, event: Event) -> Found {
        self.log.now = self.log.now.plus(self.rng.next() % 50);
        let before = self.log.run.clone();
        let shown = format!("{event:?}");
        self.log.put_as(actor, event).map_err(|e| format!("{e}: {shown}"))?;
        let record = &self.log.records[self.log.records.len() - 1];
        // What a replay that lost its end could not foresee is forced to disk before its effect.
        let lasting = match record.event {
            Event::StepAnswered { .. }
            | Event::Vetoed { .. }
            | Event::VetoLifted { .. }
            | Event::ProbeFinished { .. }
            | Event::ConvergeReset { .. }
            | Event::FinallyStarted { .. }
            | Event::StepTaken { .. }
            | Event::LeaseRenewed { .. }
            | Event::StepHandedOver { .. }
            | Event::StepReported { .. } => true,
            // That time is over is found out again.
            Event::LeaseEnded { how, .. } => how != Parting::Expired,
            Event::StepStarted { attempt, .. } => attempt > 1,
            _ => false,
        };
        self.witness.judge(&before, record, &self.log.run)?;
        if lasting || self.rng.percent(20) {
            self.forced = self.log.records.len();
        }
        Ok(())
    }

    /// Does what the run asks for; what is to be recorded is recorded all at once or one by one.
    fn obey(&mut self, commands: Vec<Command>, room: &Room) -> Result<Option<Time>, String> {
        let mut wake = None;
        let at_once = self.rng.percent(50);
        for command in commands {
            match command {
                Command::Record(event) => {
                    self.put(event)?;
                    if !at_once {
                        break;
                    }
                }
                Command::Start { step, attempt, params } => {
                    let of = self.log.run.node(&step).map(|n| self.log.run.step(n));
                    if of.is_some_and(|s| s.locks.iter().any(|l| room.busy.contains(l))) {
                        return Err(format!("(f) {step} starts without its lock"));
                    }
                    self.put(Event::StepStarted {
                        step: step.clone(),
                        attempt,
                        params,
                        host: None,
                    })?;
                    if self.rng.percent(self.luck.crash) {
                        return self.crash().map(|()| None);
                    }
                    if !self.began.insert((step.clone(), attempt)) {
                        return Err(format!("(b) attempt {attempt} of {step} really began twice"));
                    }
                    self.jobs.push(Job::Step(step, attempt));
                }
                Command::Ask(probe) => {
                    self.put(Event::ProbeStarted { probe: probe.clone() })?;
                    self.jobs.push(Job::Probe(probe));
                }
                Command::EndAll => self.ending = true,
                Command::Wake(until) => wake = Some(until),
            }
            if self.jobs.len() > self.slots {
                return Err(format!("(f) {:?} run at once, with {} slots", self.jobs, self.slots));
            }
        }
        Ok(wake)
    }

    /// Something ends, somebody answers, or time passes. (d) If nothing can, the run is stuck.
    fn go_on(&mut self, wake: Option<Time>) -> Found {
        if (self.jobs.is_empty() || self.rng.percent(50)) && self.act()? {
            return Ok(());
        }
        let asked = self.log.run.nodes().iter().filter(|n| n.state == State::Asked);
        let asked: Vec<Instance> = asked.map(|n| n.instance.clone()).collect();
        if !self.jobs.is_empty() && (asked.is_empty() || self.rng.percent(70)) {
            let at = self.rng.below(self.jobs.len());
            let job = self.jobs.swap_remove(at);
            return self.finish(job);
        }
        if !asked.is_empty() && (wake.is_none() || self.rng.percent(50)) {
            if self.jobs.is_empty() && self.rng.percent(10) {
                self.leave()?;
            }
            let step = self.rng.pick(&asked).clone();
            return self.answer(step);
        }
        if let Some(until) = wake {
            self.log.now = self.log.now.max(until);
            let due = |s: State| matches!(s, State::Delayed(t) if t <= self.log.now);
            let due = self.log.run.nodes().iter().find(|n| due(n.state));
            let step = due.map(|n| n.instance.clone());
            let step = step.ok_or("(d) it wakes for nothing".to_owned())?;
            return self.put(Event::TimerFired { step });
        }
        let calm = Room { slots: self.slots, on_hosts: 0, busy: BTreeSet::new() };
        if self.log.run.status().is_final() || !self.log.run.decide(&calm).is_empty() {
            return Ok(());
        }
        match self.log.run.vetoes() {
            [] => Err(format!("(d) the run is stuck, {:?}", self.log.run.status())),
            _ if self.rng.percent(20) => {
                self.put(Event::CancelRequested { by: "somebody".to_owned() })
            }
            _ => self.put(held::lift(&self.log.run)),
        }
    }

    fn remark(&mut self) -> Found {
        let event = held::remark(&mut self.rng, &self.log.run);
        self.put(event)
    }

    fn finish(&mut self, job: Job) -> Found {
        match job {
            Job::Step(step, attempt) => {
                let finally = self.log.run.node(&step).is_some_and(|n| n.finally);
                let ending = if self.ending && !finally && self.rng.percent(80) {
                    Ending::of(Outcome::Cancelled, false)
                } else {
                    self.ending_of(&step, attempt)
                };
                self.put(finished(&step, attempt, ending))
            }
            Job::Probe(probe) => {
                let outcome = probed(&mut self.rng, self.ending);
                self.put(Event::ProbeFinished { probe, outcome })
            }
        }
    }

    fn ending_of(&mut self, step: &Instance, attempt: u32) -> Ending {
        let outputs = self.outputs(step, attempt);
        ending(&mut self.rng, self.luck.pass, outputs)
    }

    fn outputs(&self, step: &Instance, attempt: u32) -> BTreeMap<Name, serde_json::Value> {
        let node = self.log.run.node(step).unwrap();
        let names = self.log.run.step(node).outputs.keys();
        names.map(|n| (n.clone(), json!(format!("{step}#{attempt}")))).collect()
    }

    fn answer(&mut self, step: Instance) -> Found {
        let node = self.log.run.node(&step).unwrap();
        let human = self.log.run.step(node).is_asked();
        let attempt = u32::try_from(node.attempts.len()).unwrap();
        let answer = match self.rng.below(3) {
            0 if !human => Answer::Rerun,
            1 => Answer::Failed,
            _ => Answer::Passed,
        };
        let passed = answer == Answer::Passed;
        let outputs = if passed { self.outputs(&step, attempt) } else { BTreeMap::new() };
        self.put(Event::StepAnswered {
            step,
            answer,
            outputs,
            note: None,
            seen: None,
            report: None,
        })
    }
}
