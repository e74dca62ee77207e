//! What can be said of a run before it: what is asked, skipped, not known; and how it ends if some steps fail.

use std::collections::BTreeSet;

use serde::Serialize;

use super::graph::Graph;
use crate::ids::{Name, StepId};
use crate::plan::{Plan, Step};
use crate::run::{Rehearsal, RunStatus, State, settled};
use crate::workflow::{Actor, Join, ParamType};

/// What can be said of a run before it.
#[derive(Debug, Serialize)]
pub struct Outlook {
    /// The steps by the longest way to each: those of one wave do not wait for each other.
    pub waves: Vec<Vec<StepId>>,
    /// What somebody is asked to do.
    pub asked: Vec<Asked>,
    /// What will not run, whatever happens.
    pub skipped: Vec<Reason>,
    /// What cannot be tried on this machine.
    pub unproven: Vec<Reason>,
    /// What only the run can tell.
    pub unknown: Unknown,
    /// How the run goes if the steps named fail and all else passes; none if it was not rehearsed.
    pub rehearsal: Option<Rehearsed>,
}

/// A step that somebody does.
#[derive(Debug, Serialize)]
pub struct Asked {
    /// The step.
    pub step: StepId,
    /// Who may do it.
    pub of: Actor,
    /// What it is about.
    pub action: Option<String>,
}

/// A step and why.
#[derive(Debug, Serialize)]
pub struct Reason {
    /// The step.
    pub step: StepId,
    /// Why.
    pub reason: String,
}

/// What only the run can tell.
#[derive(Debug, Default, Serialize)]
pub struct Unknown {
    /// Conditions that what comes before decides.
    pub conditions: Vec<Condition>,
    /// What steps hand on.
    pub outputs: Vec<Output>,
    /// The steps that take as long as somebody takes.
    pub durations: Vec<StepId>,
}

/// A condition of a step.
#[derive(Debug, Serialize)]
pub struct Condition {
    /// The step.
    pub step: StepId,
    /// The condition.
    pub condition: String,
}

/// What a step hands on.
#[derive(Debug, Serialize)]
pub struct Output {
    /// The step.
    pub step: StepId,
    /// The output.
    pub name: Name,
    /// Its type.
    #[serde(rename = "type", serialize_with = "shown")]
    pub kind: ParamType,
}

fn shown<S: serde::Serializer>(kind: &ParamType, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(kind)
}

/// How a run goes under assumptions.
#[derive(Debug, Serialize)]
pub struct Rehearsed {
    /// The steps that fail; all else passes.
    pub failing: Vec<StepId>,
    /// The conditions that were taken to hold.
    pub assumed: Vec<Condition>,
    /// How it ends.
    pub status: RunStatus,
    /// The first cause, where it does not pass.
    pub reason: Option<String>,
    /// What becomes of each step.
    pub steps: Vec<Fate>,
    /// What becomes of each instance of a `finally` step.
    pub finally: Vec<Fate>,
}

/// What becomes of a step.
#[derive(Debug, Serialize)]
pub struct Fate {
    /// Its id; an instance's key stands in brackets.
    pub id: String,
    /// Its status, as in a report.
    pub status: String,
    /// Why, where there is more to say.
    pub reason: Option<String>,
}

/// What can be said of a plan's run, and of a rehearsal with some steps failing.
pub fn outlook(
    plan: &Plan,
    graph: &Graph,
    rehearsal: Option<(&Rehearsal, &BTreeSet<StepId>)>,
) -> Outlook {
    let steps = || plan.steps.iter().chain(&plan.finally);
    let asked = || steps().filter(|step| step.is_asked() && step.unmet.is_none());
    let ids = |wave: Vec<usize>| wave.into_iter().map(|n| graph.nodes[n].id.clone()).collect();
    Outlook {
        waves: graph.waves().into_iter().map(ids).collect(),
        asked: asked()
            .map(|step| Asked {
                step: step.id.clone(),
                of: step.actor,
                action: step.action.clone(),
            })
            .collect(),
        skipped: skipped(plan),
        unproven: steps()
            .filter_map(|step| Some(Reason { step: step.id.clone(), reason: step.unmet.clone()? }))
            .collect(),
        unknown: Unknown {
            conditions: steps().flat_map(|step| undecided(step, plan)).collect(),
            outputs: steps()
                .flat_map(|step| {
                    let output = |(name, spec): (&Name, &crate::workflow::OutputSpec)| Output {
                        step: step.id.clone(),
                        name: name.clone(),
                        kind: spec.kind,
                    };
                    step.outputs.iter().map(output)
                })
                .collect(),
            durations: asked().map(|step| step.id.clone()).collect(),
        },
        rehearsal: rehearsal.map(|(rehearsal, failing)| rehearsed(rehearsal, failing)),
    }
}

fn conditions(step: &Step) -> impl Iterator<Item = &str> {
    let edges = step.edges.iter().filter_map(|edge| edge.condition.as_ref());
    step.when.iter().map(|when| when.condition.as_str()).chain(edges.map(|text| text.as_str()))
}

fn undecided(step: &Step, plan: &Plan) -> Vec<Condition> {
    conditions(step)
        .filter(|text| settled(plan, text).is_none())
        .map(|text| Condition { step: step.id.clone(), condition: text.to_owned() })
        .collect()
}

/// The steps that no outcome of others can make run: the params are against it, or what they need is skipped so.
fn skipped(plan: &Plan) -> Vec<Reason> {
    let mut skipped: Vec<Reason> = Vec::new();
    let mut known: BTreeSet<&StepId> = BTreeSet::new();
    loop {
        let before = skipped.len();
        for step in plan.steps.iter().chain(&plan.finally) {
            if !known.contains(&step.id)
                && let Some(reason) = barred(step, plan, &known)
            {
                known.insert(&step.id);
                skipped.push(Reason { step: step.id.clone(), reason });
            }
        }
        if skipped.len() == before {
            return skipped;
        }
    }
}

/// Why a step cannot run, if these are skipped for certain.
fn barred(step: &Step, plan: &Plan, skipped: &BTreeSet<&StepId>) -> Option<String> {
    for when in &step.when {
        if settled(plan, &when.condition) == Some(false) {
            let otherwise = || format!("`{}` is false", when.condition.value);
            return Some(when.reason.clone().unwrap_or_else(otherwise));
        }
    }
    step.edges.iter().filter(|_| step.join == Join::All).find_map(|edge| {
        let text = edge.condition.as_ref();
        let against = text.filter(|text| settled(plan, text) == Some(false));
        let against = against.map(|text| format!("the condition `{}` is false", text.value));
        let needs =
            edge.kind != crate::workflow::EdgeKind::Always && skipped.contains(&edge.step.value);
        against.or_else(|| needs.then(|| format!("`{}` was skipped", edge.step.value)))
    })
}

fn rehearsed(rehearsal: &Rehearsal, failing: &BTreeSet<StepId>) -> Rehearsed {
    let run = &rehearsal.run;
    let fates = |finally: bool| {
        run.in_order(finally)
            .map(|node| Fate {
                id: node.instance.to_string(),
                status: node.state.name().to_owned(),
                reason: node.reason.clone().filter(|_| node.state != State::Passed),
            })
            .collect()
    };
    let assumed = rehearsal.assumed.iter();
    Rehearsed {
        failing: failing.iter().cloned().collect(),
        assumed: assumed
            .map(|(step, condition)| Condition { step: step.clone(), condition: condition.clone() })
            .collect(),
        status: run.status(),
        reason: run.reason().map(str::to_owned),
        steps: fates(false),
        finally: fates(true),
    }
}
