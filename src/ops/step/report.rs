//! Reports: who may make them, what is looked at, and what they are recorded as.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::refusal::Wish;
use super::desk::{self, Desk};
use super::rules::{self, Grip};
use super::{Act, Error, Workspace};
use crate::exec::{Evidence, Look};
use crate::ids::{Instance, Name};
use crate::report::brief::Brief;
use crate::run::{Answer, Ending, Event, Outcome, Run, Said};
use crate::store::{self, Append};

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

/// Reports a step. Whatever is said, a pass is one only if what can be seen of it says so too. Then an agent is handed the
/// next.
pub fn report_step(
    workspace: &Workspace,
    run: Option<&str>,
    said: &Reported,
    act: &Act,
) -> Result<Brief, Error> {
    let wish = Wish { what: "report", step: &said.step, token: said.token };
    let (desk, step) = reported(Desk::at(workspace, run, act, wish)?, wish, said)?;
    Ok(desk.hand_next()?.brief(Some(&step)))
}

/// What stands before a report.
enum Gate {
    /// It was made before.
    Repeated(Instance),
    /// It may be made.
    Open { step: Instance, grip: Grip, outputs: BTreeMap<Name, Value> },
}

/// Reports a step, and does what follows. `wish` is what it is called where it is refused.
pub(super) fn reported<'a>(
    mut desk: Desk<'a>,
    wish: Wish<'_>,
    said: &Reported,
) -> Result<(Desk<'a>, Instance), Error> {
    let act = desk.act;
    // What is looked at takes a while: who may not report it is told at once, and asked again after.
    let (mut said, mut looked) = (said.clone(), None);
    match desk.change(wish, |tx| Ok(gate(tx.run(), &said, act)))? {
        Gate::Repeated(step) => return Ok((desk, step)),
        Gate::Open { step, grip, outputs } => {
            if said.said == Said::Passed {
                let look = Look { evidence: said.evidence.clone(), outputs };
                let seen = match desk.look(&step, look)? {
                    Ok(done) if done.ending.passed => Ok(done),
                    Ok(done) => Err(rules::not_so(&step, &done.ending)),
                    Err(why) => Err(rules::unseen(desk.run(), &step, &why)),
                };
                looked = Some(seen.map_err(|why| desk.refuse(wish, why))?);
            }
            // It is a report under the lease under which it began.
            if let Grip::Held(token) = grip {
                said.token = Some(token);
            }
        }
    }
    let step = desk.change(wish, |tx| {
        let (step, grip, outputs) = match gate(tx.run(), &said, act) {
            Ok(Gate::Open { step, grip, outputs }) => (step, grip, outputs),
            Ok(Gate::Repeated(step)) => return Ok(Ok(step)),
            Err(reason) => return Ok(Err(reason)),
        };
        let (mut ending, inline) = match looked {
            Some(done) => (done.ending, done.inline),
            None => (Ending::of(ended(&said), false), Vec::new()),
        };
        ending.outputs = outputs;
        let recorded = record(tx, &step, grip, &said, ending, act)?;
        if recorded.is_ok() {
            inline.iter().try_for_each(|(name, bytes)| tx.keep_output(name, bytes))?;
        }
        Ok(recorded.map(|()| step))
    })?;
    Ok((desk.go_on(None)?, step))
}

fn gate(run: &Run, said: &Reported, act: &Act) -> Result<Gate, String> {
    let node = run.named(&said.step)?;
    let step = node.instance.clone();
    if let Some(repeated) = rules::repeated(node, said, &act.actor) {
        return repeated.map(|()| Gate::Repeated(step));
    }
    let grip = rules::grip(run, node, &act.actor, said.token)?;
    let outputs = rules::outputs(run, node, said)?;
    rules::sayable(run, node, said, grip)?;
    Ok(Gate::Open { step, grip, outputs })
}

/// How a command ended that somebody says failed.
fn ended(said: &Reported) -> Outcome {
    said.evidence.exit.map_or(Outcome::Answered, |code| Outcome::Exited { code })
}

/// Records a report, unless a lock that its step needs is held by another run.
fn record(
    tx: &mut Append<'_>,
    step: &Instance,
    grip: Grip,
    said: &Reported,
    ending: Ending,
    act: &Act,
) -> Result<Result<(), String>, store::Error> {
    let token = match grip {
        Grip::Held(token) => token,
        Grip::Free => match desk::lease(tx, step, act)? {
            Ok(token) => token,
            Err(reason) => return Ok(Err(reason)),
        },
        Grip::Asked => return tx.record(answered(step, said, ending), None).map(Ok),
    };
    let (step, ending, note) = (step.clone(), Box::new(ending), said.note.clone());
    let (said, report) = (said.said, said.id.clone());
    tx.record(Event::StepReported { step, token, said, ending, note, report }, None).map(Ok)
}

/// What somebody says became of a step that may have run.
fn answered(step: &Instance, said: &Reported, ending: Ending) -> Event {
    let passed = said.said == Said::Passed;
    Event::StepAnswered {
        step: step.clone(),
        answer: if passed { Answer::Passed } else { Answer::Failed },
        outputs: ending.outputs.clone(),
        note: said.note.clone(),
        seen: passed.then(|| Box::new(ending)),
        report: said.id.clone(),
    }
}
