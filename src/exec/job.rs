//! What the loop starts and what comes back: attempts and probes.

use std::collections::BTreeMap;
use std::path::PathBuf;

use tokio::sync::{mpsc, watch};

use super::turn::Starting;
use super::{Running, resolve};
use crate::action::{Attempt, Done, Pool, Setting, Urge};
use crate::ids::Instance;
use crate::run::{Ending, Event, Outcome, Probe};
use crate::store::{self, Append};

/// Something to run. Where its values could not be put in place, it has ended already.
pub(super) struct Job {
    what: What,
    work: Result<Attempt, String>,
}

#[derive(Clone)]
enum What {
    Attempt { step: Instance, attempt: u32, seq: u64 },
    Probe { probe: Probe, seq: u64 },
}

/// Something that happened.
pub(super) enum Input {
    /// An attempt ended.
    Finished { step: Instance, attempt: u32, seq: u64, done: Box<Done> },
    /// A probe was answered.
    Probed { probe: Probe, seq: u64, done: Box<Done> },
    /// Somebody wants the run to end.
    Cancel(String),
    /// The workflow's deadline passed, in milliseconds.
    Deadline(u64),
}

impl Input {
    /// What has ended, if it is an end.
    pub(super) fn ended(&self) -> Option<Running> {
        match self {
            Self::Finished { step, .. } => Some(Running::Attempt(step.clone())),
            Self::Probed { probe, .. } => Some(of_probe(probe)),
            Self::Cancel(_) | Self::Deadline(_) => None,
        }
    }
}

fn of_probe(probe: &Probe) -> Running {
    Running::Probe(resolve::probe_name(probe))
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
        Starting::Attempt { step, attempt, params } => Job {
            what: What::Attempt { step: (*step).clone(), attempt: *attempt, seq },
            work: resolve::attempt(run, step, *attempt, params, setting, programs),
        },
        Starting::Probe(probe) => Job {
            what: What::Probe { probe: (*probe).clone(), seq },
            work: resolve::probe(run, probe, setting),
        },
    }
}

impl Job {
    /// What it is called while it runs.
    pub(super) fn running(&self) -> Running {
        match &self.what {
            What::Attempt { step, .. } => Running::Attempt(step.clone()),
            What::Probe { probe, .. } => of_probe(probe),
        }
    }

    /// Runs it to its end, which it reports.
    pub(super) async fn run(
        self,
        pool: Pool,
        urge: watch::Receiver<Urge>,
        to: mpsc::UnboundedSender<Input>,
    ) {
        let done = match self.work {
            // A task of its own, so that even our own panic is an ending and not a run that waits for ever.
            Ok(attempt) => {
                let made = tokio::spawn(async move { attempt.make(&pool, urge).await });
                made.await.unwrap_or_else(|error| lost(&error.to_string()))
            }
            Err(reason) => {
                let ending = Ending::of(Outcome::CouldNotStart { reason }, false);
                Done { ending, inline: Vec::new() }
            }
        };
        let done = Box::new(done);
        let _ = to.send(match self.what {
            What::Attempt { step, attempt, seq } => Input::Finished { step, attempt, seq, done },
            What::Probe { probe, seq } => Input::Probed { probe, seq, done },
        });
    }
}

fn lost(reason: &str) -> Done {
    let outcome = Outcome::Lost { reason: reason.to_owned() };
    Done { ending: Ending::of(outcome, false), inline: Vec::new() }
}

/// Records what happened.
pub(super) fn record(tx: &mut Append<'_>, input: Input) -> Result<(), store::Error> {
    match input {
        Input::Finished { step, attempt, seq, done } => {
            keep(tx, &done)?;
            let ending = Box::new(done.ending);
            tx.record(Event::StepFinished { step, attempt, ending }, Some(seq))
        }
        Input::Probed { probe, seq, done } => {
            keep(tx, &done)?;
            tx.record(Event::ProbeFinished { probe, outcome: done.ending.outcome }, Some(seq))
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
