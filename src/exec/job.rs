//! What the loop starts and what comes back: attempts and probes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::watch;

use super::resolve;
use super::turn::Starting;
use crate::action::ssh::Hosts;
use crate::action::{Attempt, Done, Pool, Setting, Urge};
use crate::ids::Instance;
use crate::run::{Ending, Event, Outcome, Probe};
use crate::store::{self, Append};

/// Something to run. Where its values could not be put in place, it has ended already.
pub(super) struct Job {
    pub(super) what: What,
    /// The host it runs on, as it is recorded; none for this machine.
    pub(super) host: Option<String>,
    /// Whether it takes a place among those on hosts.
    pub(super) on_host: bool,
    pub(super) work: Result<Attempt, String>,
}

/// What is run, and the record that announced it.
pub(super) enum What {
    Attempt { step: Instance, attempt: u32, seq: u64 },
    Probe { probe: Probe, seq: u64 },
}

/// Something that happened.
pub(super) enum Input {
    /// An attempt ended, or a probe was answered.
    Ended(What, Box<Done>),
    /// Somebody wants the run to end.
    Cancel(String),
    /// The workflow's deadline passed, in milliseconds.
    Deadline(u64),
}

/// Puts the values of what is about to start in place.
pub(super) fn prepare(
    tx: &Append<'_>,
    starting: &Starting<'_>,
    setting: &Setting,
    programs: &mut BTreeMap<PathBuf, bool>,
) -> Job {
    let run = tx.run();
    let seq = run.seq();
    match starting {
        Starting::Attempt { step, attempt, params } => {
            let host = run.node(step).map_or(Ok(None), |node| run.host(node, *attempt, params));
            let named = host.as_ref().ok().and_then(Option::as_ref);
            Job {
                what: What::Attempt { step: (*step).clone(), attempt: *attempt, seq },
                host: named.map(|host| host.name.to_string()),
                on_host: run.node(step).is_some_and(|node| run.step(node).on.is_some()),
                work: host.and_then(|host| {
                    resolve::attempt(run, step, *attempt, params, host, setting, programs)
                }),
            }
        }
        Starting::Probe(probe) => Job {
            what: What::Probe { probe: (*probe).clone(), seq },
            host: None,
            on_host: false,
            work: resolve::probe(run, probe, setting),
        },
    }
}

/// Runs something to its end.
pub(super) async fn run(
    work: Result<Attempt, String>,
    pool: Pool,
    hosts: Hosts,
    urge: watch::Receiver<Urge>,
) -> Done {
    match work {
        Ok(attempt) => attempt.make(&pool, &hosts, urge).await,
        Err(reason) => failed(Outcome::CouldNotStart { reason }),
    }
}

/// The end of what nobody knows how it ended.
pub(super) fn lost(reason: String) -> Done {
    failed(Outcome::Lost { reason })
}

fn failed(outcome: Outcome) -> Done {
    Done { ending: Ending::of(outcome, false), inline: Vec::new() }
}

/// Records what happened.
pub(super) fn record(tx: &mut Append<'_>, input: Input) -> Result<(), store::Error> {
    match input {
        Input::Ended(what, done) => {
            keep(tx, &done)?;
            match what {
                What::Attempt { step, attempt, seq } => {
                    let ending = Box::new(done.ending);
                    tx.record(Event::StepFinished { step, attempt, ending }, Some(seq))
                }
                What::Probe { probe, seq } => {
                    let outcome = done.ending.outcome;
                    tx.record(Event::ProbeFinished { probe, outcome }, Some(seq))
                }
            }
        }
        Input::Cancel(by) if !tx.run().status().is_final() => {
            tx.record(Event::CancelRequested { by }, None)
        }
        Input::Deadline(after_ms) if !tx.run().is_past_steps() => {
            tx.record(Event::DeadlinePassed { after_ms }, None)
        }
        Input::Cancel(_) | Input::Deadline(_) => Ok(()),
    }
}

fn keep(tx: &Append<'_>, done: &Done) -> Result<(), store::Error> {
    done.inline.iter().try_for_each(|(name, bytes)| tx.keep_output(name, bytes))
}
