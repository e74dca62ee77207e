//! A run with room for everything and a fixed duration for each attempt, driven to its end and held against the oracle.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ostler::ids::Instance;
use ostler::run::{Answer, Command, Event, Room, State};
use ostler::value::Time;

use crate::dsl::{Log, exit, finished};
use crate::generate::{Rng, Taste, random};
use crate::oracle::foretell;
use crate::table::Table;

/// Whether the run of a random plan ends as foretold; `false` if the documents leave that open.
pub(crate) fn compare(seed: u64) -> Result<bool, Box<(Log, String)>> {
    let plan = Arc::new(random(&mut Rng(seed), Taste::Decided));
    let table = Table { seed };
    let Some(foretold) = foretell(&plan, &table) else { return Ok(false) };
    let mut log = Log::open(&plan, seed);
    if let Err(why) = drive(&mut log, &table) {
        return Err(Box::new((log, why)));
    }
    let nodes = log.run.nodes().iter();
    let ends: BTreeMap<String, (&str, usize)> =
        nodes.map(|n| (n.instance.to_string(), (n.state.name(), n.attempts.len()))).collect();
    for (step, told) in &foretold.steps {
        if ends.get(step) != Some(told) {
            let why = format!("{step} is {:?}, and was foretold {told:?}", ends.get(step));
            return Err(Box::new((log, why)));
        }
    }
    if ends.len() != foretold.steps.len() {
        return Err(Box::new((log, format!("{ends:?}, foretold {:?}", foretold.steps))));
    }
    if log.run.status() != foretold.status {
        let why = format!("{:?}, and was foretold {:?}", log.run.status(), foretold.status);
        return Err(Box::new((log, why)));
    }
    Ok(true)
}

/// What is under way, by the time it ends.
type Due = BTreeMap<(Time, Instance), (u32, i32)>;

fn drive(log: &mut Log, table: &Table) -> Result<(), String> {
    let mut due: Due = BTreeMap::new();
    let room = Room { slots: 1_000, on_hosts: 0, busy: BTreeSet::new() };
    for _ in 0..2_000 {
        if log.run.status().is_final() {
            return Ok(());
        }
        let mut wake = None;
        let mut quiet = true;
        for command in log.run.decide(&room) {
            quiet &= matches!(command, Command::Wake(_));
            match command {
                Command::Record(event) => {
                    if let Event::StepAsked { step, .. } = &event {
                        let n = log.run.node(step).map_or(0, |n| n.attempts.len()) + 1;
                        let this = table.attempt(&step.to_string(), n);
                        due.insert((log.now.plus(this.ms), step.clone()), (0, this.code));
                    }
                    log.put(event).map_err(|e| e.to_string())?;
                }
                Command::Start { step, attempt, params } => {
                    let this = table.attempt(&step.to_string(), attempt as usize);
                    due.insert((log.now.plus(this.ms), step.clone()), (attempt, this.code));
                    let event = Event::StepStarted { step, attempt, params, host: None };
                    log.put(event).map_err(|e| e.to_string())?;
                }
                Command::Ask(probe) => {
                    let what = match &probe {
                        ostler::run::Probe::Guard(id) => id.to_string(),
                        ostler::run::Probe::Converge(n) => format!("converge {n}"),
                        ostler::run::Probe::Step(step) => return Err(format!("{step} is probed")),
                    };
                    let outcome = table.probe(&what);
                    log.put(Event::ProbeStarted { probe: probe.clone() })
                        .map_err(|e| e.to_string())?;
                    log.put(Event::ProbeFinished { probe, outcome }).map_err(|e| e.to_string())?;
                }
                Command::Wake(until) => wake = Some(until),
                Command::EndAll => return Err("nobody cancelled it".to_owned()),
            }
        }
        if quiet {
            next(log, &mut due, wake)?;
        }
    }
    Err("the run does not end".to_owned())
}

/// The next thing that ends, or the next timer.
fn next(log: &mut Log, due: &mut Due, wake: Option<Time>) -> Result<(), String> {
    // Whoever was asked in vain does not answer.
    due.retain(|(_, step), (attempt, _)| {
        *attempt > 0 || log.run.node(step).is_some_and(|n| n.state == State::Asked)
    });
    let first = due.keys().next().map(|(at, _)| *at);
    if let Some(until) = wake.filter(|w| first.is_none_or(|f| *w < f)) {
        log.now = log.now.max(until);
        let waits = log.run.nodes().iter().find(|n| n.state == State::Delayed(until));
        let step = waits.map(|n| n.instance.clone()).ok_or("it wakes for nothing")?;
        return log.put(Event::TimerFired { step }).map_err(|e| e.to_string());
    }
    let ((at, step), (attempt, code)) = due.pop_first().ok_or("it is stuck")?;
    log.now = at;
    let event = if attempt > 0 {
        finished(&step, attempt, exit(code))
    } else {
        let answer = if code == 0 { Answer::Passed } else { Answer::Failed };
        Event::answered(step, answer, None)
    };
    log.put(event).map_err(|e| e.to_string())
}
