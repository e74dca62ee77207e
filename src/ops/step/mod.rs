//! Stepping through a run: steps are taken under a lease, done, and reported; what is mechanical the engine does.

mod desk;
mod rules;

use std::time::Duration;

use self::desk::{Desk, Wish};
use self::rules::{Grip, Handing, Taking};
use super::start::{Occasion, begin};
use super::{Error, Session, StartOptions, Workspace};
use crate::exec::Evidence;
use crate::ids::Instance;
use crate::plan::Plan;
use crate::report::brief::{self, Brief};
use crate::run::{Actor, Answer, Ending, Event, Outcome, Parting, Said};
use crate::store::{self, Append};

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
}

impl Act {
    /// How long a lease they get, in milliseconds.
    fn lease(&self) -> u64 {
        let lease = self.lease.unwrap_or(LEASE).clamp(LEASES[0], LEASES[1]);
        u64::try_from(lease.as_millis()).unwrap_or(u64::MAX)
    }
}

/// What somebody reports of a step.
#[derive(Debug, Clone)]
pub struct Reported {
    /// The step, or one of its instances.
    pub step: String,
    /// What became of it.
    pub said: Said,
    /// A note for the report; why, where it was skipped.
    pub note: Option<String>,
    /// Its outputs, as they were typed.
    pub outputs: Vec<(String, String)>,
    /// The token of their lease, where they know it.
    pub token: Option<u64>,
    /// Their own name for this report: the same again changes nothing.
    pub id: Option<String>,
    /// What they saw of its command.
    pub evidence: Evidence,
}

/// Opens a run whose steps are handed out one by one, and hands an agent the first.
pub fn open(
    workspace: &Workspace,
    plan: Plan,
    task: Option<String>,
    act: &Act,
) -> Result<Brief, Error> {
    let occasion = Occasion::Stepped(act.actor.clone(), task);
    let options = StartOptions::default();
    let session = begin(workspace, plan.into(), occasion, &options, &mut |_, _, _| {})?;
    let Session { store, journal, .. } = session;
    Ok(Desk { workspace, act, store, journal }.hand_next()?.brief(None))
}

/// What there is to do now. It takes nothing.
pub fn next(workspace: &Workspace, run: Option<&str>, act: &Act) -> Result<Brief, Error> {
    let mut desk = Desk::at(workspace, run, act)?;
    if !desk.run().status().is_final() {
        desk.change(Wish { what: "next", step: "", token: None }, |_| Ok(Ok(())))?;
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
    let mut desk = Desk::at(workspace, run, act)?;
    let wish = Wish { what: "take", step: step.unwrap_or_default(), token: None };
    let lease = act.lease();
    let taken = desk.change(wish, |tx| {
        let run = tx.run();
        let found = match step {
            Some(step) => rules::named(run, step),
            None => brief::chosen(run, &act.actor).ok_or_else(|| rules::nothing(run)),
        };
        let taking = found.and_then(|node| {
            let taking = rules::taking(run, node, &act.actor)?;
            Ok((node.instance.clone(), taking))
        });
        let (step, taking) = match taking {
            Ok(taking) => taking,
            Err(reason) => return Ok(Err(reason)),
        };
        let done = match taking {
            Taking::New => desk::take(tx, &step, lease),
            Taking::Renewed(token) => {
                let until = tx.now().plus(lease);
                tx.record(Event::LeaseRenewed { step: step.clone(), token, until }, None)
            }
        };
        match done {
            Err(store::Error::Locked { lock, run }) => {
                Ok(Err(format!("`{step}` needs the lock `{lock}`, which run {run} holds")))
            }
            done => done.map(|()| Ok(step)),
        }
    })?;
    Ok(desk.brief_of(&taken))
}

/// Gives a step back that is held.
pub fn release(
    workspace: &Workspace,
    run: Option<&str>,
    step: &str,
    note: Option<String>,
    act: &Act,
) -> Result<Brief, Error> {
    let mut desk = Desk::at(workspace, run, act)?;
    desk.change(Wish { what: "release", step, token: None }, |tx| {
        let run = tx.run();
        let held = rules::named(run, step).and_then(|node| {
            match rules::grip(run, node, &act.actor, None)? {
                Grip::Held(token) => Ok((node.instance.clone(), token)),
                _ => Err(format!("you do not hold `{step}`")),
            }
        });
        match held {
            Ok((step, token)) => {
                let event = Event::LeaseEnded { step, token, how: Parting::Released, note };
                tx.record(event, None).map(Ok)
            }
            Err(reason) => Ok(Err(reason)),
        }
    })?;
    Ok(desk.brief(None))
}

/// Lets the engine do a step, and says what became of it; then hands an agent the next.
pub fn run_step(
    workspace: &Workspace,
    run: Option<&str>,
    step: &str,
    act: &Act,
) -> Result<Brief, Error> {
    let mut desk = Desk::at(workspace, run, act)?;
    let step = desk.change(Wish { what: "run", step, token: None }, |tx| {
        let run = tx.run();
        let found = rules::named(run, step)
            .and_then(|node| Ok((node.instance.clone(), rules::handing(run, node, &act.actor)?)));
        match found {
            Ok((step, handing)) => hand_over(tx, &step, handing).map(|()| Ok(step)),
            Err(reason) => Ok(Err(reason)),
        }
    })?;
    Ok(desk.go_on(Some(&step))?.hand_next()?.brief(Some(&step)))
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
            let (answer, outputs) = (Answer::Rerun, std::collections::BTreeMap::new());
            let again = Event::StepAnswered { step: step.clone(), answer, outputs, note: None };
            tx.record(again, None)?;
            let offered = tx.run().node(step).is_some_and(|node| tx.run().is_offered(node));
            if offered { over(tx) } else { Ok(()) }
        }
        Handing::Done => Ok(()),
    }
}

/// Reports a step. Whatever is said, a pass is one only if what can be seen of it says so too. Then an agent is handed the
/// next.
pub fn report_step(
    workspace: &Workspace,
    run: Option<&str>,
    said: &Reported,
    act: &Act,
) -> Result<Brief, Error> {
    let mut desk = Desk::at(workspace, run, act)?;
    let name = said.step.clone();
    let wish = Wish { what: "report", step: &name, token: said.token };
    let gate = |run: &crate::run::Run| -> Result<Gate, String> {
        let node = rules::named(run, &said.step)?;
        let step = node.instance.clone();
        if let Some(repeated) = rules::repeated(node, said, &act.actor) {
            return repeated.map(|()| Gate::Repeated(step));
        }
        let grip = rules::grip(run, node, &act.actor, said.token)?;
        let outputs = rules::outputs(run.step(node), said)?;
        rules::sayable(run, node, said, grip)?;
        Ok(Gate::Open { step, grip, outputs })
    };
    // What is looked at takes a while: who may not report it is told at once, and asked again after.
    let first = desk.change(wish, |tx| Ok(gate(tx.run())))?;
    let mut looked = None;
    match first {
        Gate::Repeated(step) => return Ok(desk.hand_next()?.brief(Some(&step))),
        Gate::Open { step, .. } if said.said == Said::Passed => {
            let done = desk.look(&step, said.evidence.clone())?;
            if !done.ending.passed {
                let reason = rules::not_so(&step, &done.ending);
                return Err(desk.refuse(wish, reason));
            }
            looked = Some(done);
        }
        Gate::Open { .. } => {}
    }
    let step = desk.change(wish, |tx| {
        let (step, grip, outputs) = match gate(tx.run()) {
            Ok(Gate::Open { step, grip, outputs }) => (step, grip, outputs),
            Ok(Gate::Repeated(step)) => return Ok(Ok(step)),
            Err(reason) => return Ok(Err(reason)),
        };
        let mut ending = match looked {
            Some(done) => {
                done.inline.iter().try_for_each(|(name, bytes)| tx.keep_output(name, bytes))?;
                done.ending
            }
            None => Ending::of(ended(said), false),
        };
        ending.outputs = outputs;
        record(tx, &step, grip, said, ending, act).map(|()| Ok(step))
    })?;
    Ok(desk.go_on(None)?.hand_next()?.brief(Some(&step)))
}

/// What stands before a report.
enum Gate {
    /// It was made before.
    Repeated(Instance),
    /// It may be made.
    Open {
        step: Instance,
        grip: Grip,
        outputs: std::collections::BTreeMap<crate::ids::Name, serde_json::Value>,
    },
}

/// How a command ended that somebody says failed.
fn ended(said: &Reported) -> Outcome {
    said.evidence.exit.map_or(Outcome::Answered, |code| Outcome::Exited { code })
}

fn record(
    tx: &mut Append<'_>,
    step: &Instance,
    grip: Grip,
    said: &Reported,
    ending: Ending,
    act: &Act,
) -> Result<(), store::Error> {
    let (step, note) = (step.clone(), said.note.clone());
    let token = match grip {
        Grip::Held(token) => token,
        Grip::Free => {
            let token = tx.run().seq();
            desk::take(tx, &step, act.lease())?;
            token
        }
        Grip::Asked => {
            let answer = if said.said == Said::Passed { Answer::Passed } else { Answer::Failed };
            let outputs = ending.outputs;
            return tx.record(Event::StepAnswered { step, answer, outputs, note }, None);
        }
    };
    let (ending, report) = (Box::new(ending), said.id.clone());
    let said = said.said;
    tx.record(Event::StepReported { step, token, said, ending, note, report }, None)
}
