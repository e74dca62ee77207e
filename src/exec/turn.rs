//! One turn of the loop as far as recording goes: taking over, and following what the run decides.

use std::collections::{BTreeMap, BTreeSet};

use super::job::Job;
use crate::ids::{Instance, Name};
use crate::run::{Actor, Answer, Command, Event, Probe, Record, Room};
use crate::store::{self, Append};
use crate::value::Time;

/// Who takes over, for the record.
pub(super) struct Took {
    pub(super) boot_id: String,
    pub(super) inherited: BTreeMap<String, Option<String>>,
}

/// What one transaction decided, to be done once it is committed.
#[derive(Default)]
pub(super) struct Decided {
    pub(super) jobs: Vec<Job>,
    pub(super) end_all: bool,
    pub(super) wake: Option<Time>,
    pub(super) busy: BTreeSet<Name>,
}

/// Whether a record must be on disk before its effect, because after a power cut nobody could guess it: which steps may
/// have started is inferred from the log, but not that somebody drove, that a step started again, nor what a command
/// answered.
pub(super) fn cannot_be_guessed(record: &Record) -> bool {
    match &record.event {
        // What starts on a host outlives us.
        Event::StepStarted { attempt, host, .. } => *attempt > 1 || host.is_some(),
        Event::DriverTook { .. }
        | Event::ProbeFinished { .. }
        | Event::StepInterrupted { .. }
        | Event::StepExpanded { .. }
        | Event::StepAnswered { .. }
        | Event::VetoLifted { .. }
        | Event::ConvergeReset { .. }
        | Event::FinallyStarted { .. } => true,
        _ => false,
    }
}

/// A new driver says so, and what must be assumed of its predecessor's attempts.
pub(super) fn take_over(tx: &mut Append<'_>, took: Took, full: bool) -> Result<(), store::Error> {
    let last_boot = tx.run().driver().map(|(_, boot)| boot.to_owned());
    let gone = last_boot.is_some();
    let rebooted = last_boot.is_some_and(|boot| boot != took.boot_id);
    let event = Event::DriverTook {
        pid: std::process::id(),
        boot_id: took.boot_id,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        forced: full,
        inherited: took.inherited,
    };
    // What its predecessor left is judged by what that one promised.
    let interrupted = if gone { tx.run().interrupted(rebooted) } else { Vec::new() };
    tx.record(event, None)?;
    interrupted.into_iter().try_for_each(|event| tx.record(event, None))
}

/// What the clock alone brings about: waits that are over, leases that are.
fn clocked(tx: &Append<'_>) -> Vec<Event> {
    let due = tx.run().due(tx.now()).into_iter().map(|step| Event::TimerFired { step });
    due.chain(tx.run().lapsed(tx.now())).collect()
}

/// Records what the clock alone brings about.
pub(super) fn tick(tx: &mut Append<'_>) -> Result<(), store::Error> {
    clocked(tx).into_iter().try_for_each(|event| tx.record(event, None))
}

/// Records, in the engine's name, all that follows without anything being run.
pub fn settle(tx: &mut Append<'_>, engine: &Actor) -> Result<(), store::Error> {
    loop {
        let mut events = clocked(tx);
        if events.is_empty() {
            let follows = tx.run().decide(&Room::default()).into_iter();
            events.extend(follows.filter_map(|command| match command {
                Command::Record(event) => Some(event),
                _ => None,
            }));
        }
        if events.is_empty() {
            return Ok(());
        }
        events.into_iter().try_for_each(|event| tx.record_as(engine, event, None))?;
    }
}

/// What there is to prepare before it is recorded as started.
pub(super) enum Starting<'s> {
    Attempt { step: &'s Instance, attempt: u32, params: &'s BTreeMap<Name, serde_json::Value> },
    Probe(&'s Probe),
}

pub(super) type Prepare<'p> = dyn FnMut(&Append<'_>, &Starting<'_>) -> Job + 'p;

/// Does what the run decides, as far as recording goes; `true` if something was recorded and it must be asked again.
pub(super) fn follow(
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
                    tx.record(Event::answered(step, Answer::Failed, note), None)?;
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
                let (on_host, host) = (job.on_host, job.host.clone());
                tx.record(Event::StepStarted { step, attempt, params, host }, None)?;
                decided.jobs.push(job);
                room.take(on_host);
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
