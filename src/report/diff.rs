//! What differs between two runs: their plans, and what became of each step.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Report, StepReport};
use crate::plan::{Plan, Step};
use crate::run::{Run, RunStatus};

/// The same thing in the first run and in the second; nothing where it is not in one.
pub type Both<T> = [Option<T>; 2];

/// What differs between two runs.
#[derive(Debug, Serialize)]
pub struct Diff {
    /// The two.
    pub runs: [Side; 2],
    /// What differs in what was to be done.
    pub plan: PlanDiff,
    /// The steps of either, `finally` included, in the order of the second.
    pub steps: Vec<StepDiff>,
}

/// One of the two runs.
#[derive(Debug, Serialize)]
pub struct Side {
    /// Its id.
    pub run: String,
    /// Its verb.
    pub workflow: String,
    /// Its status.
    pub status: RunStatus,
    /// When it was opened.
    pub started_at: String,
    /// The SHA-256 of its plan.
    pub plan_digest: String,
}

/// What differs between two plans.
#[derive(Debug, Serialize)]
pub struct PlanDiff {
    /// Whether their digests are the same.
    pub same: bool,
    /// The file that each came from, with its sum, where these differ.
    pub file: Option<[String; 2]>,
    /// Params whose values differ.
    pub params: BTreeMap<String, Both<Value>>,
    /// Steps that differ: which of their fields, or that they are in one plan only.
    pub steps: BTreeMap<String, Changed>,
}

/// How a step of a plan differs.
#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// It is only in the first plan.
    Removed,
    /// It is only in the second.
    Added,
    /// These fields differ.
    Fields(Vec<String>),
}

/// What became of a step in both.
#[derive(Debug, Serialize)]
pub struct StepDiff {
    /// The step or instance.
    pub id: String,
    /// Whether status, outputs and checks are the same.
    pub same: bool,
    /// Its status.
    pub status: Both<String>,
    /// How long its last attempt took, wherever that was.
    pub duration_ms: Both<u64>,
    /// Outputs that differ.
    pub outputs: BTreeMap<String, Both<Value>>,
    /// Checks that differ.
    pub checks: Vec<CheckDiff>,
}

/// One expectation that came out otherwise.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct CheckDiff {
    /// What was looked at.
    pub what: String,
    /// What would have passed.
    pub expected: Both<String>,
    /// What was there.
    pub observed: Both<String>,
}

/// What differs between two runs.
pub fn diff(runs: [&Run; 2]) -> Diff {
    let reports = runs.map(super::report);
    let plans = runs.map(|run| &**run.plan());
    let plan = plan_diff(plans, reports[0].plan_digest == reports[1].plan_digest);
    let steps = steps(&reports);
    Diff { runs: reports.map(side), plan, steps }
}

fn side(report: Report) -> Side {
    Side {
        run: report.run,
        workflow: report.workflow,
        status: report.status,
        started_at: report.started_at,
        plan_digest: report.plan_digest,
    }
}

fn plan_diff(plans: [&Plan; 2], same: bool) -> PlanDiff {
    let [a, b] = plans;
    let file = (&a.file, &a.sha256) != (&b.file, &b.sha256);
    let params = plans.map(|plan| {
        let values = plan.params.iter().map(|(name, p)| (name.to_string(), p.value.clone()));
        values.collect::<BTreeMap<_, _>>()
    });
    let [a_steps, b_steps] = plans.map(fields_by_step);
    let mut steps = BTreeMap::new();
    for (id, one) in &a_steps {
        let changed = match b_steps.get(id) {
            None => Changed::Removed,
            Some(other) => Changed::Fields(differing(one, other)),
        };
        if changed != Changed::Fields(Vec::new()) {
            steps.insert(id.clone(), changed);
        }
    }
    let added = b_steps.keys().filter(|id| !a_steps.contains_key(*id));
    steps.extend(added.map(|id| (id.clone(), Changed::Added)));
    PlanDiff {
        same,
        file: file.then(|| plans.map(|plan| format!("{} {}", plan.file, plan.sha256))),
        params: both(&params),
        steps,
    }
}

fn fields_by_step(plan: &Plan) -> BTreeMap<String, Map<String, Value>> {
    let fields = |step: &Step| match serde_json::to_value(step) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    };
    let all = plan.steps.iter().chain(&plan.finally);
    all.map(|step| (step.id.to_string(), fields(step))).collect()
}

/// The fields that are not the same.
fn differing(a: &Map<String, Value>, b: &Map<String, Value>) -> Vec<String> {
    let only_b = b.keys().filter(|key| !a.contains_key(*key));
    let differ = a.keys().filter(|key| a.get(*key) != b.get(*key));
    differ.chain(only_b).cloned().collect()
}

/// The values that differ between two maps.
fn both(maps: &[BTreeMap<String, Value>; 2]) -> BTreeMap<String, Both<Value>> {
    let names = maps.iter().flat_map(BTreeMap::keys);
    let all = names.map(|name| (name.clone(), [0, 1].map(|n| maps[n].get(name).cloned())));
    all.filter(|(_, [a, b])| a != b).collect()
}

fn steps(reports: &[Report; 2]) -> Vec<StepDiff> {
    let of = |n: usize| reports[n].steps.iter().chain(&reports[n].finally);
    let find = |n: usize, id: &str| of(n).find(|step| step.id == id);
    let only_a = of(0).filter(|step| find(1, &step.id).is_none());
    of(1).chain(only_a).map(|step| step_diff(&step.id, [0, 1].map(|n| find(n, &step.id)))).collect()
}

fn step_diff(id: &str, steps: Both<&StepReport>) -> StepDiff {
    let status = steps.map(|step| step.map(|step| step.status.clone()));
    let outputs = both(&steps.map(|step| step.map(|s| s.outputs.clone()).unwrap_or_default()));
    let checks = checks(steps);
    let same = status[0] == status[1] && outputs.is_empty() && checks.is_empty();
    let duration_ms = steps.map(|step| {
        let step = step?;
        let here = step.attempts.last().map(|last| last.duration_ms);
        here.unwrap_or_else(|| step.taken_over.as_ref()?.duration_ms)
    });
    StepDiff { id: id.to_owned(), same, status, duration_ms, outputs, checks }
}

/// The checks that came out otherwise; one of a name in each.
fn checks(steps: Both<&StepReport>) -> Vec<CheckDiff> {
    let of = |n: usize| steps[n].map(|step| step.checks.as_slice()).unwrap_or_default();
    let mut found: Vec<CheckDiff> = Vec::new();
    for check in of(0).iter().chain(of(1)) {
        if found.iter().any(|other| other.what == check.what) {
            continue;
        }
        let same = [0, 1].map(|n| of(n).iter().find(|other| other.what == check.what));
        found.push(CheckDiff {
            what: check.what.clone(),
            expected: same.map(|check| check.map(|check| check.expected.clone())),
            observed: same.map(|check| check.map(|check| check.observed.clone())),
        });
    }
    let differs = |check: &CheckDiff| {
        check.expected[0] != check.expected[1] || check.observed[0] != check.observed[1]
    };
    found.retain(differs);
    found
}
