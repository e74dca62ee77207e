//! A run on somebody's desk: what they do with it is recorded, and what follows from that is done.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use super::super::act::died;
use super::super::refusal::{self, Wish};
use super::super::start::{Session, drive, looking};
use super::super::subject::free_lock;
use super::super::workspace::{actor, runtime};
use super::super::{Error, StartOptions, Workspace, output_end, which};
use super::Act;
use super::rules::{self, Taking};
use crate::action::Done;
use crate::exec::{self, Look};
use crate::ids::Instance;
use crate::report::brief::{self, Brief, Last};
use crate::run::{ActorKind, Command, Event, Room, Run, State};
use crate::store::{self, Append, Journal, Store};

/// How often others' records are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long another engine is waited for that does what follows.
const PATIENCE: Duration = Duration::from_secs(5);

/// A run on somebody's desk.
pub(super) struct Desk<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) act: &'a Act,
    pub(super) store: Store,
    pub(super) journal: Journal,
}

impl<'a> Desk<'a> {
    /// The run that is meant, for what is wished there, once what a dead engine left in it is settled.
    pub(super) fn at(
        workspace: &'a Workspace,
        run: Option<&str>,
        act: &'a Act,
        wish: Wish<'_>,
    ) -> Result<Self, Error> {
        let mut store = workspace.existing_store()?;
        let id = which::on_desk(&store, run, &act.actor)?;
        let mut journal = store.load(&id)?;
        refusal::posing(&mut store, &mut journal, act, wish)?;
        let desk = Self { workspace, act, store, journal };
        let left = desk.run().driver().is_some() && !desk.run().status().is_final();
        match if left { free_lock(&desk.store, &id)? } else { None } {
            // A run that the engine drives goes on when somebody says so.
            Some(_) if !desk.run().is_stepped() => Err(died(&id)),
            Some(lock) => desk.drive(&lock),
            None => Ok(desk),
        }
    }

    pub(super) fn run(&self) -> &Run {
        self.journal.run()
    }

    /// Does something with the run, if it may be done, and records all that follows without the engine.
    pub(super) fn change<T>(
        &mut self,
        wish: Wish<'_>,
        work: impl FnOnce(&mut Append<'_>) -> Result<Result<T, String>, store::Error>,
    ) -> Result<T, Error> {
        let engine = actor(ActorKind::Engine);
        let done = self.store.append(&mut self.journal, &self.act.actor, exec::now, |tx| {
            exec::settle(tx, &engine)?;
            match work(tx)? {
                Ok(done) => exec::settle(tx, &engine).map(|()| Ok(done)),
                Err(why) => refusal::refused(tx, wish, &why).map(Err),
            }
        })?;
        // What somebody is told has happened, has.
        self.store.force()?;
        done
    }

    /// Records that something was refused.
    pub(super) fn refuse(&mut self, wish: Wish<'_>, reason: String) -> Error {
        let Err(error) = self.change(wish, |_| Ok(Err::<Infallible, String>(reason)));
        error
    }

    /// Lets the engine do what it has to: questions, what was handed over to it, `finally`. Waits for the end of `step`.
    pub(super) fn go_on(mut self, step: Option<&Instance>) -> Result<Self, Error> {
        let since = Instant::now();
        while self.wants_engine() || step.is_some_and(|step| self.is_moving(step)) {
            if let Some(lock) = free_lock(&self.store, self.journal.id())? {
                self = self.drive(&lock)?;
                continue;
            }
            // Who has something to do need not wait for what another engine does.
            let busy = brief::chosen(self.run(), &self.act.actor).is_some();
            if step.is_none() && (busy || since.elapsed() > PATIENCE) {
                break;
            }
            std::thread::sleep(LOOK_EVERY);
            self.store.refresh(&mut self.journal)?;
        }
        Ok(self)
    }

    /// Lets the engine do what it has to, unless another does.
    pub(super) fn settle(self) -> Result<Self, Error> {
        match if self.wants_engine() { free_lock(&self.store, self.journal.id())? } else { None } {
            Some(lock) => self.drive(&lock),
            None => Ok(self),
        }
    }

    fn wants_engine(&self) -> bool {
        let room = Room { slots: 1, on_hosts: 1, ..Room::default() };
        let wanted = self.run().decide(&room);
        wanted.iter().any(|c| matches!(c, Command::Start { .. } | Command::Ask(_)))
    }

    fn is_moving(&self, step: &Instance) -> bool {
        self.run().node(step).is_some_and(|node| {
            let runs = node.state == State::Running;
            self.run().is_the_engines(node) && (runs || self.run().may_begin())
        })
    }

    fn drive(self, lock: &store::DriverLock) -> Result<Self, Error> {
        let Self { workspace, act, store, journal } = self;
        let options =
            StartOptions { agent: act.actor.agent().map(str::to_owned), ..StartOptions::default() };
        let session = drive(workspace, store, journal, lock, &options, &mut |_, _, _| {})?;
        Self::after(session, workspace, act)
    }

    /// The run once the engine has left it.
    pub(super) fn after(
        session: Session,
        workspace: &'a Workspace,
        act: &'a Act,
    ) -> Result<Self, Error> {
        let Session { store, mut journal, left } = session;
        journal.take_news();
        if left == exec::Left::Killed {
            return Err(Error::NotNow(format!(
                "stopped; what ran was ended, and what became of it is asked: ostler step next {}",
                journal.id()
            )));
        }
        Ok(Self { workspace, act, store, journal })
    }

    /// Hands an agent that holds nothing the next step, if there is one.
    pub(super) fn hand_next(mut self) -> Result<Self, Error> {
        let act = self.act;
        let idle = act.actor.kind == ActorKind::Agent && !self.holds_any();
        if idle && !brief::open_to(self.run(), &act.actor).is_empty() {
            self.change(Wish::of_run("take"), |tx| {
                // Others may have taken them just now: then there is none.
                let steps = rules::choice(tx.run(), &act.actor);
                take_first(tx, &steps, act).map(|_| Ok(()))
            })?;
        }
        Ok(self)
    }

    fn holds_any(&self) -> bool {
        self.run().held().any(|(_, lease)| lease.by == self.act.actor)
    }

    /// Looks at what can be seen of a step that is said to be done; or says why nobody can.
    pub(super) fn look(&self, step: &Instance, look: Look) -> Result<Result<Done, String>, Error> {
        // What this look writes is the output of the attempt that is reported, and stays in the run's folder.
        let setting = looking(self.workspace, &self.store, &self.journal, self.act.actor.agent())?;
        Ok(runtime()?.block_on(exec::recheck(self.run(), step, look, setting)))
    }

    /// What its reader is told now. `about` is the step that they acted on.
    pub(super) fn brief(&self, about: Option<&Instance>) -> Brief {
        let run = self.run();
        let last = about.and_then(|step| run.node(step)).map(|node| self.last(node));
        brief::brief(run, &self.act.actor, last)
    }

    /// What they are told once this was done.
    pub(super) fn brief_after(&self, last: Last) -> Brief {
        brief::brief(self.run(), &self.act.actor, Some(last))
    }

    /// What they are told of a step that they took.
    pub(super) fn brief_of(&self, step: &Instance) -> Brief {
        brief::brief_of(self.run(), &self.act.actor, None, self.run().node(step))
    }

    fn last(&self, node: &crate::run::Node) -> Last {
        let id = self.journal.id();
        let ran = node.last().filter(|attempt| attempt.by.is_none());
        let written = ran.map(|attempt| {
            let of =
                |stream| output_end(&self.store, id, &node.instance.to_string(), attempt.n, stream);
            [of("stdout"), of("stderr")].concat()
        });
        brief::last(self.run(), node, written.as_deref())
    }
}

/// Takes the first of these steps that the actor may take; or says why not the last one.
pub(super) fn take_first(
    tx: &mut Append<'_>,
    steps: &[Instance],
    act: &Act,
) -> Result<Result<Instance, String>, store::Error> {
    let mut why = rules::nothing(tx.run());
    for step in steps {
        match take(tx, step, act)? {
            Ok(()) => return Ok(Ok(step.clone())),
            Err(reason) => why = reason,
        }
    }
    Ok(Err(why))
}

/// Takes a step, or renews the lease on it.
fn take(
    tx: &mut Append<'_>,
    step: &Instance,
    act: &Act,
) -> Result<Result<(), String>, store::Error> {
    let node = tx.run().named(&step.to_string());
    match node.and_then(|node| rules::taking(tx.run(), node, &act.actor)) {
        Ok(Taking::New) => Ok(lease(tx, step, act)?.map(drop)),
        Ok(Taking::Renewed(token)) => {
            let until = tx.now().plus(act.lease());
            tx.record(Event::LeaseRenewed { step: step.clone(), token, until }, None).map(Ok)
        }
        Err(reason) => Ok(Err(reason)),
    }
}

/// Records that the actor takes a step: the token of the lease. Or says why it cannot be taken, where another run holds a
/// lock that it needs.
pub(super) fn lease(
    tx: &mut Append<'_>,
    step: &Instance,
    act: &Act,
) -> Result<Result<u64, String>, store::Error> {
    let locks = tx.run().node(step).map(|n| tx.run().step(n).locks.clone()).unwrap_or_default();
    match tx.lock(&locks, Some(step)) {
        Err(store::Error::Locked { lock, run }) => {
            return Ok(Err(format!("`{step}` needs the lock `{lock}`, which run {run} holds")));
        }
        done => done?,
    }
    let (token, until) = (tx.run().seq(), tx.now().plus(act.lease()));
    tx.record(Event::StepTaken { step: step.clone(), token, until }, None)?;
    Ok(Ok(token))
}
