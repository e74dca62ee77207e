//! Stepping through a run: steps are taken under a lease, done, and reported; what is mechanical the engine does.

mod attest;
mod desk;
mod report;
mod rules;

use std::time::Duration;

pub use self::attest::attest;
use self::desk::Desk;
pub use self::report::{Reported, report_step};
use self::rules::Handing;
use super::refusal::Wish;
use super::retry::{Again, retry};
use super::start::{Occasion, begin};
use super::workspace::acting;
use super::{Error, Session, StartOptions, Workspace};
use crate::exec::Evidence;
use crate::ids::{Instance, RunId};
use crate::plan::Plan;
use crate::report::brief::{self, Brief};
use crate::run::{Actor, Answer, Event, Parting, Said};
use crate::store::{self, Append, Journal, Store};

/// How long a lease lasts where nobody says.
const LEASE: Duration = Duration::from_mins(15);
/// The shortest and the longest lease.
const LEASES: [Duration; 2] = [Duration::from_millis(100), Duration::from_hours(24)];

/// Who acts.
#[derive(Debug, Clone)]
pub struct Act {
    /// Who.
    pub actor: Actor,
    /// How long a lease they want.
    pub lease: Option<Duration>,
    /// Why they may do nothing: they say that they are somebody whom they cannot be.
    poses: Option<String>,
}

impl Act {
    /// Somebody.
    pub fn of(actor: Actor, lease: Option<Duration>) -> Self {
        Self { actor, lease, poses: None }
    }

    /// Whoever somebody says they are (`--as`), else whom the environment names. Who cannot be whom they say is refused
    /// once it is known in which run, so that it is recorded there.
    pub fn named(name: Option<&str>, lease: Option<Duration>) -> Result<Self, Error> {
        match acting(name) {
            Err(Error::Refusal(why)) => {
                Ok(Self { poses: Some(why), ..Self::of(acting(None)?, lease) })
            }
            actor => Ok(Self::of(actor?, lease)),
        }
    }

    /// Why they may do nothing, if they say that they are somebody whom they cannot be.
    pub(super) fn poses(&self) -> Option<&str> {
        self.poses.as_deref()
    }

    /// How long a lease they get, in milliseconds.
    fn lease(&self) -> u64 {
        let lease = self.lease.unwrap_or(LEASE).clamp(LEASES[0], LEASES[1]);
        u64::try_from(lease.as_millis()).unwrap_or(u64::MAX)
    }
}

/// Opens a run whose steps are handed out one by one, and hands an agent the first.
pub fn open(
    workspace: &Workspace,
    plan: Plan,
    task: Option<String>,
    act: &Act,
) -> Result<Brief, Error> {
    if let Some(why) = act.poses() {
        return Err(Error::Refusal(why.to_owned()));
    }
    let occasion = Occasion::Stepped(act.actor.clone(), task);
    let agent = act.actor.agent().map(str::to_owned);
    let options = StartOptions { agent, ..StartOptions::default() };
    let session = begin(workspace, plan.into(), occasion, &options, &mut |_, _, _| {})?;
    Ok(Desk::after(session, workspace, act)?.hand_next()?.brief(None))
}

/// Opens a run that steps once more through what an ended one was, and hands an agent the first step that is open.
pub fn open_again(
    workspace: &Workspace,
    again: Again,
    options: &StartOptions,
    act: &Act,
) -> Result<Brief, Error> {
    let agent = act.actor.agent().map(str::to_owned);
    let options = StartOptions { agent, ..options.clone() };
    let session = retry(workspace, again, &options, &mut |_, _, _| {})?;
    Ok(Desk::after(session, workspace, act)?.hand_next()?.brief(None))
}

/// What there is to do now. It takes nothing.
pub fn next(workspace: &Workspace, run: Option<&str>, act: &Act) -> Result<Brief, Error> {
    let wish = Wish::of_run("next");
    let mut desk = Desk::at(workspace, run, act, wish)?;
    if !desk.run().status().is_final() {
        desk.change(wish, |_| Ok(Ok(())))?;
    }
    Ok(desk.go_on(None)?.brief(None))
}

/// Takes a step, the one that is named or the next; or renews the lease of one that is held.
pub fn take(
    workspace: &Workspace,
    run: Option<&str>,
    step: Option<&str>,
    act: &Act,
) -> Result<Brief, Error> {
    let wish = Wish { what: "take", step: step.unwrap_or_default(), token: None };
    let mut desk = Desk::at(workspace, run, act, wish)?;
    let taken = desk.change(wish, |tx| {
        let run = tx.run();
        let steps = match step {
            Some(step) => run.named(step).map(|node| vec![node.instance.clone()]),
            None => Ok(rules::choice(run, &act.actor)),
        };
        let taken = match steps {
            Ok(steps) => desk::take_first(tx, &steps, act)?,
            Err(reason) => Err(reason),
        };
        // Whoever asks for nothing in particular, and asks often, does nothing that they may not.
        let is_open = step.is_none() && tx.run().may_begin();
        Ok(if is_open { Ok(taken) } else { taken.map(Ok) })
    })?;
    let taken = taken.map_err(Error::NotNow)?;
    Ok(desk.settle()?.brief_of(&taken))
}

/// Gives a step back that is held; a person ends so what an agent holds.
pub fn release(
    workspace: &Workspace,
    run: Option<&str>,
    step: &str,
    note: Option<String>,
    act: &Act,
) -> Result<Brief, Error> {
    let wish = Wish { what: "release", step, token: None };
    let mut desk = Desk::at(workspace, run, act, wish)?;
    let given_back = desk.change(wish, |tx| {
        let run = tx.run();
        let held = run
            .named(step)
            .and_then(|node| Ok((node.instance.clone(), rules::parting(run, node, &act.actor)?)));
        match held {
            Ok((step, (token, how))) => {
                let back = step.clone();
                tx.record(Event::LeaseEnded { step, token, how, note }, None).map(|()| Ok(back))
            }
            Err(reason) => Ok(Err(reason)),
        }
    })?;
    let desk = desk.settle()?;
    // Where its holder did not give it back, it may have failed by that.
    let over = desk.run().node(&given_back).is_some_and(|node| node.state.is_final());
    Ok(if over {
        desk.brief(Some(&given_back))
    } else {
        desk.brief_after(brief::released(&given_back))
    })
}

/// Lets the engine do a step, and says what became of it; then hands an agent the next.
pub fn run_step(
    workspace: &Workspace,
    run: Option<&str>,
    step: &str,
    act: &Act,
) -> Result<Brief, Error> {
    let wish = Wish { what: "run", step, token: None };
    let (desk, step) = let_run(Desk::at(workspace, run, act, wish)?, wish)?;
    Ok(desk.hand_next()?.brief(Some(&step)))
}

/// Lets the engine do a step, to its end.
fn let_run<'a>(mut desk: Desk<'a>, wish: Wish<'_>) -> Result<(Desk<'a>, Instance), Error> {
    let act = desk.act;
    let step = desk.change(wish, |tx| {
        let run = tx.run();
        let found = run
            .named(wish.step)
            .and_then(|node| Ok((node.instance.clone(), rules::handing(run, node, &act.actor)?)));
        match found {
            Ok((step, handing)) => hand_over(tx, &step, handing).map(|()| Ok(step)),
            Err(reason) => Ok(Err(reason)),
        }
    })?;
    Ok((desk.go_on(Some(&step))?, step))
}

fn hand_over(tx: &mut Append<'_>, step: &Instance, handing: Handing) -> Result<(), store::Error> {
    let over = |tx: &mut Append<'_>| tx.record(Event::StepHandedOver { step: step.clone() }, None);
    match handing {
        Handing::Held(token) => {
            let how = Parting::HandedOver;
            tx.record(Event::LeaseEnded { step: step.clone(), token, how, note: None }, None)
        }
        Handing::Free => over(tx),
        Handing::Again => {
            tx.record(Event::answered(step.clone(), Answer::Rerun, None), None)?;
            let offered = tx.run().node(step).is_some_and(|node| tx.run().is_offered(node));
            if offered { over(tx) } else { Ok(()) }
        }
        Handing::Done => Ok(()),
    }
}

/// What an agent answers is a report like any other, or lets the engine do the step.
pub(super) fn answer(
    workspace: &Workspace,
    run: &RunId,
    said: super::Said,
    act: &Act,
) -> Result<Session, Error> {
    let super::Said { step, answer, outputs, note } = said;
    let wish = Wish { what: "answer", step: &step, token: None };
    let mut desk = Desk::at(workspace, Some(run.as_str()), act, wish)?;
    desk.change(wish, |tx| Ok(rules::answering(tx.run(), &step, &act.actor)))?;
    let said = match answer {
        Answer::Rerun => None,
        Answer::Passed => Some(Said::Passed),
        Answer::Failed => Some(Said::Failed),
    };
    let (desk, _) = match said {
        None => let_run(desk, wish)?,
        Some(said) => {
            let (token, id, evidence) = (None, None, Evidence::default());
            let step = step.clone();
            let said = Reported { step, said, note, outputs, token, id, evidence };
            report::reported(desk, wish, &said)?
        }
    };
    let Desk { store, journal, .. } = desk;
    Ok(Session::left(store, journal))
}

/// Refuses what somebody wants of a run as a whole, and records that.
pub(super) fn refuse(
    workspace: &Workspace,
    store: Store,
    journal: Journal,
    act: &Act,
    what: &'static str,
    why: String,
) -> Error {
    let mut desk = Desk { workspace, act, store, journal };
    desk.refuse(Wish::of_run(what), why)
}
