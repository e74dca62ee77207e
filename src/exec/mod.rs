//! The one loop that ties run, action and store: decide, record, do, record.
//!
//! *Invariant:* every event is committed before its effect; when recording fails, what runs is ended and nothing starts.

pub mod called;
mod job;
mod look;
mod own;
mod probe;
mod reported;
mod resolve;
mod signals;
mod there;
mod turn;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::task::{Id, JoinError, JoinSet};

use crate::action::ssh::{Hosts, Reach};
use crate::action::{self, Done, Pool, Setting, Urge};
use crate::ids::Name;
use crate::plan::Plan;
use crate::run::{Actor, Event, Interruption, Outcome, Record, Room, RunStatus};
use crate::store::{self, Journal, Store};
use crate::value::Time;
use job::{Input, What};
pub use look::{AtOnce, look_again};
pub use reported::{Evidence, Look, lacking, recheck};
pub(crate) use signals::Signals;
pub use signals::interrupt;
pub use turn::settle;
use turn::{Decided, Took, cannot_be_guessed, follow, take_over};

/// How long something recorded may not be forced to disk.
const FORCE_EVERY: Duration = Duration::from_secs(1);
/// How often others' records are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How a run is to be driven.
#[derive(Debug)]
pub struct Drive {
    /// Who drives, for the record.
    pub actor: Actor,
    /// How many commands may run at once here.
    pub jobs: usize,
    /// How many steps may run at once on hosts.
    pub host_jobs: usize,
    /// Whether steps that ask fail instead.
    pub no_ask: bool,
    /// Whether to stay while somebody is asked, and go on once they have answered.
    pub stay: bool,
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

/// Is told of every record once it is committed: with the run it led to, and the store that has it.
pub type Show<'s> = &'s mut dyn FnMut(&Record, &crate::run::Run, &Store);

/// Drives a run until it ends, waits for somebody, or is killed. `show` is told of every record.
pub async fn drive(
    store: &mut Store,
    journal: &mut Journal,
    drive: Drive,
    show: Show<'_>,
) -> Result<Left, store::Error> {
    // A step that kills its keeper leaves its processes to us, and not to init.
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    action::remove_left(&drive.setting.dir);
    let plan = journal.run().plan().clone();
    let has_locks = plan.steps.iter().chain(&plan.finally).any(|s| !s.locks.is_empty());
    let pool = Pool::new(drive.setting);
    let mut driver = Driver {
        store,
        journal,
        plan,
        hosts: Hosts::new(Reach::from_env(), &pool),
        pool,
        actor: drive.actor,
        slots: drive.jobs.max(1),
        on_hosts: drive.host_jobs.max(1),
        asking: match (drive.no_ask, drive.stay) {
            (true, _) => Asking::Nobody,
            (_, true) => Asking::Stay,
            _ => Asking::Leave,
        },
        full_durability: drive.full_durability,
        has_locks,
        tasks: JoinSet::new(),
        running: HashMap::new(),
        busy: BTreeSet::new(),
        stopping: false,
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
    driver.hosts.close(left.is_ok()).await;
    left
}

/// What runs, and how it is told to end.
struct Running {
    what: What,
    on_host: bool,
    urge: watch::Sender<Urge>,
}

/// What the driver does when steps ask for somebody.
#[derive(Clone, Copy, PartialEq)]
enum Asking {
    /// It leaves once nothing else is to be done.
    Leave,
    /// It waits for the answer.
    Stay,
    /// It fails them.
    Nobody,
}

struct Driver<'a> {
    store: &'a mut Store,
    journal: &'a mut Journal,
    plan: std::sync::Arc<Plan>,
    pool: Pool,
    hosts: Hosts,
    actor: Actor,
    slots: usize,
    on_hosts: usize,
    asking: Asking,
    full_durability: bool,
    /// Whether any step needs a lock.
    has_locks: bool,
    /// Attempts and probes. Each is a task, so that even our own panic is an ending, and not a run that waits for ever.
    tasks: JoinSet<Done>,
    running: HashMap<Id, Running>,
    /// Locks that were busy when last asked for.
    busy: BTreeSet<Name>,
    /// Whether it was told to stop, and starts nothing more.
    stopping: bool,
    last_force: Instant,
    wake: Option<Time>,
    deadline: Option<Instant>,
    /// Which files can be started without a shell.
    programs: BTreeMap<PathBuf, bool>,
}

impl Driver<'_> {
    async fn run(
        &mut self,
        took: Took,
        signals: &mut Signals,
        show: Show<'_>,
    ) -> Result<Left, store::Error> {
        let mut inputs = Vec::new();
        let mut took = Some(took);
        loop {
            let decided = self.turn(&mut inputs, took.take())?;
            let news = self.journal.take_news();
            let must = self.full_durability || news.iter().any(cannot_be_guessed);
            if must || self.last_force.elapsed() >= FORCE_EVERY {
                self.force()?;
            }
            for record in news {
                show(&record, self.journal.run(), self.store);
            }
            self.perform(decided);
            let status = self.journal.run().status();
            if status.is_final() && self.running.is_empty() {
                self.force()?;
                return Ok(Left::Status(status));
            }
            if status == RunStatus::Waiting
                && self.running.is_empty()
                && self.asking != Asking::Stay
            {
                if self.leave()? {
                    return Ok(Left::Status(status));
                }
                continue;
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
        let on_hosts = self.running.values().filter(|running| running.on_host).count();
        let here = self.running.len() - on_hosts;
        let most = |slots: usize| if self.stopping { 0 } else { slots };
        let free = Room {
            slots: most(self.slots).saturating_sub(here),
            on_hosts: most(self.on_hosts).saturating_sub(on_hosts),
            busy: BTreeSet::new(),
        };
        let (no_ask, has_locks) = (self.asking == Asking::Nobody, self.has_locks);
        let (pool, programs) = (&self.pool, &mut self.programs);
        let mut decided = Decided::default();
        let full = self.full_durability;
        self.store.append(self.journal, &self.actor, now, |tx| {
            // Between what we read and our lock, another driver may have come and ended it.
            if let Some(took) = took.filter(|_| !tx.run().status().is_final()) {
                take_over(tx, took, full)?;
                for step in tx.run().left_on_hosts() {
                    decided.jobs.extend(job::recover(tx, &step, pool.setting(), programs));
                }
            }
            for input in inputs.drain(..) {
                job::record(tx, input)?;
            }
            turn::tick(tx)?;
            let mut room = free.clone();
            decided.jobs.iter().for_each(|job| room.take(job.on_host));
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
            self.urge(Urge::End);
        }
        for job::Job { what, on_host, work, left, .. } in decided.jobs {
            let (urge, heard) = watch::channel(Urge::None);
            let task = self.tasks.spawn(job::run(
                work,
                left,
                self.pool.clone(),
                self.hosts.clone(),
                heard,
            ));
            self.running.insert(task.id(), Running { what, on_host, urge });
        }
        tracing::debug!(running = self.running.len(), records = self.journal.run().seq(), "turn");
        self.wake = decided.wake;
        self.busy = decided.busy;
        self.deadline =
            self.plan.timeout.filter(|_| !self.journal.run().is_past_steps()).map(|limit| {
                let left = limit.0.saturating_sub(self.journal.run().driven_ms());
                Instant::now() + Duration::from_millis(left)
            });
    }

    /// Whether a signal ends only what this engine does: a run that is stepped through goes on in other hands.
    fn may_stop_short(&self) -> bool {
        self.journal.run().is_stepped() && !self.journal.run().is_past_steps()
    }

    fn urge(&self, urge: Urge) {
        for running in self.running.values() {
            running.urge.send_replace(urge);
        }
    }

    /// Waits for the next thing to happen; `false` after a second signal. A deadline waits for no pause.
    async fn wait(
        &mut self,
        signals: &mut Signals,
        inputs: &mut Vec<Input>,
    ) -> Result<bool, store::Error> {
        loop {
            if self.deadline.is_some_and(|at| Instant::now() >= at) {
                inputs.push(Input::Deadline(self.plan.timeout.map_or(0, |t| t.0)));
                self.deadline = None;
            }
            let until_wake = self.wake.map(|at| Duration::from_millis(at.since(now())));
            let until_force = self.store.is_unforced().then_some(FORCE_EVERY);
            let pause = [until_wake, until_force, Some(LOOK_EVERY)].into_iter().flatten().min();
            if self.stopping && self.running.is_empty() && inputs.is_empty() {
                return Ok(false);
            }
            tokio::select! {
                // Signals first: results may come without a pause.
                biased;
                signal = signals.next() => {
                    if signals.count() > 1 {
                        return Ok(false);
                    }
                    if self.may_stop_short() {
                        self.stopping = true;
                        self.urge(Urge::End);
                        continue;
                    }
                    inputs.push(Input::Cancel(signal.to_owned()));
                    return Ok(true);
                }
                () = std::future::ready(()), if !inputs.is_empty() => return Ok(true),
                Some(ended) = self.tasks.join_next_with_id() => {
                    inputs.extend(self.ended(ended));
                    while let Some(ended) = self.tasks.try_join_next_with_id() {
                        inputs.extend(self.ended(ended));
                    }
                    return Ok(true);
                }
                () = tokio::time::sleep(pause.unwrap_or(LOOK_EVERY)) => {}
            }
            if self.store.is_unforced() && self.last_force.elapsed() >= FORCE_EVERY {
                self.force()?;
            }
            let changed = self.store.has_news(self.journal)?;
            if changed || self.wake.is_some_and(|at| at <= now()) || !self.busy.is_empty() {
                return Ok(true);
            }
        }
    }

    /// What has ended, and how.
    fn ended(&mut self, ended: Result<(Id, Done), JoinError>) -> Option<Input> {
        let (id, mut done) =
            ended.unwrap_or_else(|error| (error.id(), job::lost(error.to_string())));
        let what = self.running.remove(&id)?.what;
        if let What::Attempt { step, attempt, .. } = &what {
            called::judge(self.store, self.journal.run(), step, *attempt, &mut done);
            if self.stopping && done.ending.outcome == Outcome::Cancelled {
                done.ending.outcome = Outcome::Interrupted { cause: Interruption::EngineDied };
            }
        }
        Some(Input::Ended(what, Box::new(done)))
    }

    fn force(&mut self) -> Result<(), store::Error> {
        self.store.force()?;
        self.last_force = Instant::now();
        Ok(())
    }

    /// Leaves a run that waits for somebody; `false` if somebody acted meanwhile.
    fn leave(&mut self) -> Result<bool, store::Error> {
        let left = self.store.append(self.journal, &self.actor, now, |tx| {
            let waits = tx.run().status() == RunStatus::Waiting;
            if waits {
                tx.record(Event::DriverLeft, None)?;
            }
            Ok(waits)
        })?;
        if left {
            self.force()?;
        }
        Ok(left)
    }

    /// Kills what runs and waits until it is gone, recording nothing.
    async fn kill_all(&mut self) {
        self.urge(Urge::Kill);
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The present moment.
pub fn now() -> Time {
    Time(jiff::Timestamp::now().as_millisecond())
}
