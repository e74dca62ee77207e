//! The one loop that ties run, action and store: decide, record, do, record.
//!
//! *Invariant:* every event is committed before its effect; when recording fails, what runs is ended and nothing starts.

mod job;
mod resolve;
mod signals;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use crate::action::{Pool, Setting, Urge};
use crate::ids::{Instance, Name};
use crate::plan::Plan;
use crate::run::{Actor, Answer, Command, Event, Probe, Record, Room, RunStatus};
use crate::store::{self, Append, Journal, Store};
use crate::value::Time;
use job::{Input, Job};
use signals::Signals;

/// How long something recorded may not be forced to disk.
const FORCE_EVERY: Duration = Duration::from_secs(1);
/// How often others' records are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a run is to be driven.
#[derive(Debug)]
pub struct Drive {
    /// Who drives, for the record.
    pub actor: Actor,
    /// How many commands may run at once.
    pub jobs: usize,
    /// Whether steps that ask fail instead.
    pub no_ask: bool,
    /// Whether every record is forced to disk before its effect.
    pub full_durability: bool,
    /// The machine's boot, as Linux identifies it.
    pub boot_id: String,
    /// What commands have in common.
    pub setting: Setting,
    /// What of the inherited environment is recorded.
    pub inherited: BTreeMap<String, Option<String>>,
}

/// Why driving ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    /// The run ended, or waits for somebody.
    Status(RunStatus),
    /// A second signal: everything was killed, and the run can be resumed.
    Killed,
}

/// Drives a run until it ends, waits for somebody, or is killed. `show` is told of every record.
pub async fn drive(
    store: &mut Store,
    journal: &mut Journal,
    drive: Drive,
    show: &mut dyn FnMut(&Record, &crate::run::Run),
) -> Result<Left, store::Error> {
    // A step that kills its keeper leaves its processes to us, and not to init.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let (inbox_to, inbox) = mpsc::unbounded_channel();
    let plan = journal.run().plan().clone();
    let mut driver = Driver {
        store,
        journal,
        plan,
        pool: Pool::new(drive.setting),
        actor: drive.actor,
        slots: drive.jobs.max(1),
        no_ask: drive.no_ask,
        full_durability: drive.full_durability,
        running: BTreeMap::new(),
        inbox_to,
        inbox,
        busy: BTreeSet::new(),
        last_force: Instant::now(),
        wake: None,
        deadline: None,
        programs: BTreeMap::new(),
    };
    let mut signals = Signals::new();
    let took = Took { boot_id: drive.boot_id, inherited: drive.inherited };
    let left = driver.run(took, &mut signals, show).await;
    if !matches!(left, Ok(Left::Status(_))) {
        driver.kill_all().await;
    }
    driver.pool.close();
    left
}

struct Took {
    boot_id: String,
    inherited: BTreeMap<String, Option<String>>,
}

/// What runs, by name: an attempt or a probe.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Running {
    Attempt(Instance),
    Probe(String),
}

struct Driver<'a> {
    store: &'a mut Store,
    journal: &'a mut Journal,
    plan: std::sync::Arc<Plan>,
    pool: Pool,
    actor: Actor,
    slots: usize,
    no_ask: bool,
    full_durability: bool,
    running: BTreeMap<Running, watch::Sender<Urge>>,
    inbox_to: mpsc::UnboundedSender<Input>,
    inbox: mpsc::UnboundedReceiver<Input>,
    /// Locks that were busy when last asked for.
    busy: BTreeSet<Name>,
    last_force: Instant,
    wake: Option<Time>,
    deadline: Option<Instant>,
    /// Which files can be started without a shell.
    programs: BTreeMap<PathBuf, bool>,
}

/// What one transaction decided, to be done once it is committed.
#[derive(Default)]
struct Decided {
    jobs: Vec<Job>,
    end_all: bool,
    wake: Option<Time>,
    busy: BTreeSet<Name>,
}

impl Driver<'_> {
    async fn run(
        &mut self,
        took: Took,
        signals: &mut Signals,
        show: &mut dyn FnMut(&Record, &crate::run::Run),
    ) -> Result<Left, store::Error> {
        let mut inputs = Vec::new();
        let mut took = Some(took);
        loop {
            let decided = self.turn(&mut inputs, took.take())?;
            for record in self.journal.take_news() {
                show(&record, self.journal.run());
            }
            if self.full_durability || self.last_force.elapsed() >= FORCE_EVERY {
                self.force()?;
            }
            self.perform(decided);
            let status = self.journal.run().status();
            if status.is_final() && self.running.is_empty() {
                self.force()?;
                return Ok(Left::Status(status));
            }
            if status == RunStatus::Waiting && self.running.is_empty() && self.busy.is_empty() {
                self.leave()?;
                return Ok(Left::Status(status));
            }
            if !self.wait(signals, &mut inputs).await? {
                return Ok(Left::Killed);
            }
        }
    }

    /// One transaction: what came in, and all that follows from it.
    fn turn(
        &mut self,
        inputs: &mut Vec<Input>,
        took: Option<Took>,
    ) -> Result<Decided, store::Error> {
        let running = self.running.len();
        let (slots, no_ask, plan) = (self.slots, self.no_ask, self.plan.clone());
        let has_locks = plan.steps.iter().chain(&plan.finally).any(|s| !s.locks.is_empty());
        let (pool, programs) = (&self.pool, &mut self.programs);
        let mut decided = Decided::default();
        let full = self.full_durability;
        self.store.append(self.journal, &self.actor, now(), |tx| {
            if let Some(took) = took {
                take_over(tx, took, full)?;
            }
            for input in inputs.drain(..) {
                job::record(tx, input)?;
            }
            for step in tx.run().due(tx.now()) {
                tx.record(Event::TimerFired { step }, None)?;
            }
            let mut room = Room { slots: slots.saturating_sub(running), busy: BTreeSet::new() };
            if has_locks {
                room.busy.extend(tx.held_locks()?);
            }
            while follow(tx, &mut room, no_ask, &mut decided, &mut |tx, what| {
                job::prepare(tx, what, pool.setting(), programs)
            })? {}
            decided.busy = room.busy;
            Ok(())
        })?;
        Ok(decided)
    }

    /// Starts and ends what was decided. Its record is committed.
    fn perform(&mut self, decided: Decided) {
        if decided.end_all {
            self.running.values().for_each(|urge| {
                urge.send_replace(Urge::End);
            });
        }
        for job in decided.jobs {
            let (urge, heard) = watch::channel(Urge::None);
            self.running.insert(job.running(), urge);
            tokio::spawn(job.run(self.pool.clone(), heard, self.inbox_to.clone()));
        }
        self.wake = decided.wake;
        self.busy = decided.busy;
        self.deadline =
            self.plan.timeout.filter(|_| !self.journal.run().is_past_steps()).map(|limit| {
                let left = limit.0.saturating_sub(self.journal.run().driven_ms());
                Instant::now() + Duration::from_millis(left)
            });
    }

    /// Waits for the next thing to happen; `false` after a second signal.
    async fn wait(
        &mut self,
        signals: &mut Signals,
        inputs: &mut Vec<Input>,
    ) -> Result<bool, store::Error> {
        let version = self.store.version()?;
        loop {
            let until_wake = self.wake.map(|at| Duration::from_millis(at.since(now())));
            let until_force = self.store.is_unforced().then_some(FORCE_EVERY);
            let pause = [until_wake, until_force, Some(LOOK_EVERY)].into_iter().flatten().min();
            let deadline = self.deadline;
            tokio::select! {
                biased;
                Some(input) = self.inbox.recv() => {
                    self.take(input, inputs);
                    while let Ok(input) = self.inbox.try_recv() {
                        self.take(input, inputs);
                    }
                    return Ok(true);
                }
                signal = signals.next() => {
                    if signals.count() > 1 {
                        return Ok(false);
                    }
                    inputs.push(Input::Cancel(signal.to_owned()));
                    return Ok(true);
                }
                () = tokio::time::sleep(pause.unwrap_or(LOOK_EVERY)) => {}
            }
            if self.store.is_unforced() && self.last_force.elapsed() >= FORCE_EVERY {
                self.force()?;
            }
            if deadline.is_some_and(|at| Instant::now() >= at) {
                inputs.push(Input::Deadline(self.plan.timeout.map_or(0, |t| t.0)));
                return Ok(true);
            }
            let changed = self.store.version()? != version;
            if changed || self.wake.is_some_and(|at| at <= now()) || !self.busy.is_empty() {
                return Ok(true);
            }
        }
    }

    fn take(&mut self, input: Input, inputs: &mut Vec<Input>) {
        if let Some(running) = input.ended() {
            self.running.remove(&running);
        }
        inputs.push(input);
    }

    fn force(&mut self) -> Result<(), store::Error> {
        self.store.force()?;
        self.last_force = Instant::now();
        Ok(())
    }

    /// Leaves a run that waits for somebody.
    fn leave(&mut self) -> Result<(), store::Error> {
        self.store
            .append(self.journal, &self.actor, now(), |tx| tx.record(Event::DriverLeft, None))?;
        self.force()
    }

    /// Kills what runs and waits until it is gone, recording nothing.
    async fn kill_all(&mut self) {
        self.running.values().for_each(|urge| {
            urge.send_replace(Urge::Kill);
        });
        while !self.running.is_empty() {
            let Some(input) = self.inbox.recv().await else { return };
            if let Some(running) = input.ended() {
                self.running.remove(&running);
            }
        }
    }
}

/// A new driver says so, and what must be assumed of its predecessor's attempts.
fn take_over(tx: &mut Append<'_>, took: Took, full: bool) -> Result<(), store::Error> {
    let last_boot = tx.run().driver().map(|(_, boot)| boot.to_owned());
    let gone = last_boot.is_some();
    let rebooted = last_boot.is_some_and(|boot| boot != took.boot_id) && !full;
    let event = Event::DriverTook {
        pid: std::process::id(),
        boot_id: took.boot_id,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        inherited: took.inherited,
    };
    tx.record(event, None)?;
    if gone {
        for event in tx.run().interrupted(rebooted) {
            tx.record(event, None)?;
        }
    }
    Ok(())
}

/// What there is to prepare before it is recorded as started.
enum Starting<'s> {
    Attempt { step: &'s Instance, attempt: u32, params: &'s BTreeMap<Name, serde_json::Value> },
    Probe(&'s Probe),
}

type Prepare<'p> = dyn FnMut(&Append<'_>, &Starting<'_>) -> Job + 'p;

/// Does what the run decides, as far as recording goes; `true` if something was recorded and it must be asked again.
fn follow(
    tx: &mut Append<'_>,
    room: &mut Room,
    no_ask: bool,
    decided: &mut Decided,
    prepare: &mut Prepare<'_>,
) -> Result<bool, store::Error> {
    let mut recorded = false;
    for command in tx.run().decide(room) {
        match command {
            Command::Record(event) => {
                let asked = match &event {
                    Event::StepAsked { step, .. } if no_ask => Some(step.clone()),
                    _ => None,
                };
                tx.record(event, None)?;
                if let Some(step) = asked {
                    let note = Some("nobody is asked (--no-ask)".to_owned());
                    let outputs = BTreeMap::new();
                    tx.record(
                        Event::StepAnswered { step, answer: Answer::Failed, outputs, note },
                        None,
                    )?;
                }
                recorded = true;
            }
            Command::Start { step, attempt, params } => {
                let node = tx.run().node(&step);
                let locks = node.map(|n| tx.run().step(n).locks.clone()).unwrap_or_default();
                match tx.lock(&locks, Some(&step)) {
                    Ok(()) => {}
                    Err(store::Error::Locked { .. }) => {
                        room.busy.extend(locks);
                        continue;
                    }
                    Err(error) => return Err(error),
                }
                let job = prepare(tx, &Starting::Attempt { step: &step, attempt, params: &params });
                tx.record(Event::StepStarted { step, attempt, params, token: None }, None)?;
                decided.jobs.push(job);
                room.slots = room.slots.saturating_sub(1);
                recorded = true;
            }
            Command::Ask(probe) => {
                let job = prepare(tx, &Starting::Probe(&probe));
                tx.record(Event::ProbeStarted { probe }, None)?;
                decided.jobs.push(job);
                room.slots = room.slots.saturating_sub(1);
                recorded = true;
            }
            Command::EndAll => decided.end_all = true,
            Command::Wake(at) => decided.wake = Some(decided.wake.map_or(at, |wake| wake.min(at))),
        }
    }
    Ok(recorded)
}

/// The present moment.
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_millisecond())
}
