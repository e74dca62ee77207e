//! What the loop starts and what comes back: attempts and probes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;

use super::turn::Starting;
use super::{probe, resolve};
use crate::action::ssh::Hosts;
use crate::action::{Attempt, Done, Pool, Setting, Urge};
use crate::ids::Instance;
use crate::run::{Ending, Event, Outcome, Probe, Run};
use crate::store::{self, Append};

/// Something to run. Where its values could not be put in place, it has ended already.
pub(super) struct Job {
    pub(super) what: What,
    /// The host it runs on, as it is recorded; none for this machine.
    pub(super) host: Option<String>,
    /// Whether it takes a place among those on hosts.
    pub(super) on_host: bool,
    pub(super) work: Result<Attempt, String>,
    /// How long ago a dead engine began it, if one did: it is followed to its end, and not made.
    pub(super) left: Option<Duration>,
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
            let node = run.node(step);
            let on_host = node.is_some_and(|node| run.step(node).is_on_host());
            let found = node.filter(|_| on_host);
            let host = found.map_or(Ok(None), |node| run.host(node, *attempt, params));
            let named = host.as_ref().ok().and_then(Option::as_ref);
            Job {
                what: What::Attempt { step: (*step).clone(), attempt: *attempt, seq },
                host: named.map(|host| host.name.to_string()),
                on_host,
                work: host.and_then(|host| {
                    let id = claim(run, seq);
                    let one = resolve::One { instance: step, attempt: *attempt, params, host, id };
                    resolve::attempt(run, one, setting, programs)
                }),
                left: None,
            }
        }
        Starting::Probe(probe) => Job {
            what: What::Probe { probe: (*probe).clone(), seq },
            host: None,
            on_host: false,
            work: probe::probe(run, probe, claim(run, seq), setting),
            left: None,
        },
    }
}

/// The id under which a host claims an attempt: that of no other attempt of any run.
fn claim(run: &Run, seq: u64) -> String {
    format!("{}-{seq}", run.id())
}

/// What a dead driver left on a host: it is asked what became of it.
pub(super) fn recover(
    tx: &Append<'_>,
    step: &Instance,
    setting: &Setting,
    programs: &mut BTreeMap<PathBuf, bool>,
) -> Option<Job> {
    let run = tx.run();
    let node = run.node(step)?;
    let last = node.last()?;
    let (attempt, seq) = (last.n, last.seq);
    let host = run.host(node, attempt, &last.params);
    let work = host.and_then(|host| {
        let (params, id) = (&last.params, claim(run, seq));
        let one = resolve::One { instance: step, attempt, params, host, id };
        resolve::attempt(run, one, setting, programs)
    });
    let since = last.started_at.map_or(0, |start| tx.now().since(start));
    Some(Job {
        what: What::Attempt { step: step.clone(), attempt, seq },
        host: last.host.clone(),
        on_host: true,
        work,
        left: Some(Duration::from_millis(since)),
    })
}

/// Runs something to its end.
pub(super) async fn run(
    work: Result<Attempt, String>,
    left: Option<Duration>,
    pool: Pool,
    hosts: Hosts,
    urge: watch::Receiver<Urge>,
) -> Done {
    match work {
        Ok(attempt) => match left {
            Some(age) => attempt.recover(&pool, &hosts, age, urge).await,
            None => attempt.make(&pool, &hosts, urge).await,
        },
        Err(_) if left.is_some() => Done::interrupted(),
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
                    if let Outcome::Interrupted { cause } = ending.outcome {
                        let ending = Some(ending);
                        let event = Event::StepInterrupted { step, attempt, cause, ending };
                        return tx.record(event, Some(seq));
                    }
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
