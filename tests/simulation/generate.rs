//! Random plans: every kind of edge, join, error strategy, condition, lock, releaser and loop, without cycles.

use ostler::ids::StepId;
use ostler::plan::{Plan, Step};
use ostler::workflow::{
    ConvergeStrategy, EdgeKind, Join, OUTCOMES, OnError, OnInterrupt, Retry, Severity,
};
use serde_json::json;

use crate::dsl::{Build, at, branch, converge, fallback, guard, id, name, plan, retry, step};

/// Numbers that look random and are the same for the same seed (splitmix64).
#[derive(Debug, Clone)]
pub(crate) struct Rng(pub(crate) u64);

impl Rng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(limit.max(1)).unwrap()).unwrap()
    }

    /// True so many times in a hundred.
    pub(crate) fn percent(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// What a random plan may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taste {
    /// Anything at all.
    Anything,
    /// Only what the documents decide without regard to which of two things at one instant comes first:
    /// a condition that cannot be evaluated stands alone, and its failure neither stops nor falls back.
    Decided,
}

/// A condition that can be evaluated only by refusing to.
pub(crate) const BROKEN: &str = "steps.s0.outputs.never == \"x\"";

pub(crate) fn random(rng: &mut Rng, taste: Taste) -> Plan {
    let most = *rng.pick(&[2, 4, 6, 8, 12, 25]);
    let count = 1 + rng.below(most);
    let mut steps: Vec<Step> =
        (0..count).map(|i| one(rng, taste, "s", i, taste == Taste::Anything)).collect();
    if rng.percent(8) {
        for (i, step) in steps.iter_mut().enumerate().skip(1) {
            let before = format!("s{}", i - 1);
            if !step.edges.iter().any(|e| e.step.value.as_str() == before) {
                *step = step.clone().needs(&before);
            }
        }
    }
    let finals = rng.below(4);
    let mut finally: Vec<Step> = (0..finals).map(|i| one(rng, taste, "f", i, true)).collect();
    releasers(rng, &mut steps, &mut finally);
    roads(rng, taste, &mut steps);
    roads(rng, taste, &mut finally);
    steps.iter_mut().chain(&mut finally).for_each(|s| settle(taste, s));
    let mut plan = plan(steps, finally);
    if rng.percent(25) {
        let strategy = *rng.pick(&[ConvergeStrategy::RetryFailed, ConvergeStrategy::RetryAll]);
        plan.converge = Some(converge(1 + u32::try_from(rng.below(3)).unwrap(), strategy));
    }
    if rng.percent(15) {
        for text in ["guard-a", "guard-b"].iter().take(1 + rng.below(2)) {
            let severity = *rng.pick(&[Severity::Block, Severity::Warn]);
            plan.guards.push(guard(text, severity));
        }
    }
    plan
}

fn one(rng: &mut Rng, taste: Taste, letter: &str, i: usize, unmet: bool) -> Step {
    let mut made = step(&format!("{letter}{i}"));
    let edges = if i == 0 { 0 } else { *rng.pick(&[0, 1, 1, 1, 2, 2, 3]) };
    for _ in 0..edges {
        let near = if rng.percent(50) { i - 1 } else { rng.below(i) };
        let before = format!("{letter}{near}");
        let kinds = [EdgeKind::Always, EdgeKind::Always, EdgeKind::OnSuccess, EdgeKind::OnFailure];
        let kind = *rng.pick(&kinds);
        let text = rng.percent(15).then(|| condition(rng, taste, &before));
        made = made.edge(&before, kind, text.as_deref());
    }
    if edges > 1 && rng.percent(25) {
        made.join = Join::Any;
    }
    if rng.percent(15) {
        let before = made.edges.first().map(|e| e.step.value.to_string());
        let text = match before {
            Some(before) => condition(rng, taste, &before),
            None => (*rng.pick(&["true", "false", "params.size == \"s\"", BROKEN])).to_owned(),
        };
        made = made.when(&text);
    }
    if rng.percent(20) {
        made = made.output();
    }
    if rng.percent(8) {
        made = made.human();
    }
    if rng.percent(5) && (unmet || edges == 0) {
        made = made.unmet();
    }
    for lock in ["l1", "l2"] {
        if rng.percent(8) && taste == Taste::Anything {
            made = made.lock(lock);
        }
    }
    let ways = [
        OnInterrupt::Ask,
        OnInterrupt::Ask,
        OnInterrupt::Rerun,
        OnInterrupt::Rerun,
        OnInterrupt::Fail,
        OnInterrupt::Probe("true".to_owned()),
    ];
    made.on_interrupt = rng.pick(&ways).clone();
    made.on_error = on_error(rng);
    made
}

/// A condition over a step that comes directly before.
fn condition(rng: &mut Rng, taste: Taste, before: &str) -> String {
    if taste == Taste::Decided && before.starts_with('f') {
        // It may be a releaser, which has no status of its own.
        return (*rng.pick(&["true", "false"])).to_owned();
    }
    match rng.below(if taste == Taste::Anything { 6 } else { 12 }) {
        0 => BROKEN.to_owned(),
        1 => "false".to_owned(),
        2 => "true".to_owned(),
        3 => format!("steps.{before}.status == \"failed\""),
        4 => format!("steps.{before}.status != \"skipped\""),
        _ => format!("steps.{before}.status == \"passed\""),
    }
}

fn on_error(rng: &mut Rng) -> OnError {
    if rng.percent(35) {
        let max = 1 + u32::try_from(rng.below(3)).unwrap();
        let mut retry = retry(max, if rng.percent(50) { OnError::Continue } else { OnError::Stop });
        if rng.percent(30) {
            retry.on_exits.push(1);
        }
        if rng.percent(30) {
            retry.on_outcomes.push(at((*rng.pick(OUTCOMES)).to_owned()));
        }
        if rng.percent(25) {
            let values = [json!("s"), json!("m"), json!("l")];
            let some = values.iter().take(1 + rng.below(3)).cloned().collect();
            retry.escalate.push((at(name("size")), some));
        }
        retry.jitter = 0.5;
        return OnError::Retry(retry);
    }
    if rng.percent(65) { OnError::Continue } else { OnError::Stop }
}

/// Some steps acquire something that a `finally` step gives back.
fn releasers(rng: &mut Rng, steps: &mut [Step], finally: &mut [Step]) {
    for releaser in finally {
        if rng.percent(30) {
            let holder = rng.below(steps.len());
            if steps[holder].release.is_none() {
                steps[holder].release = Some(releaser.id.clone());
                releaser.note = Some("releaser".to_owned());
            }
        }
    }
}

/// Turns some error strategies into roads to later steps that nobody else leads to.
fn roads(rng: &mut Rng, taste: Taste, steps: &mut [Step]) {
    let releases = |s: &Step| s.note.is_some() || (taste == Taste::Decided && unclear(s));
    let mut free: Vec<usize> = (1..steps.len()).filter(|i| !releases(&steps[*i])).collect();
    for i in 0..steps.len().saturating_sub(1) {
        if !rng.percent(30) || releases(&steps[i]) {
            continue;
        }
        let later: Vec<usize> = free.iter().copied().filter(|t| *t > i).collect();
        if later.is_empty() {
            continue;
        }
        let target = *rng.pick(&later);
        let second = later.iter().copied().find(|t| *t != target).filter(|_| rng.percent(50));
        let to = steps[target].id.to_string();
        let other = second.map(|t| steps[t].id.to_string());
        let falls_back = rng.percent(50);
        let road = if falls_back { fallback(&to) } else { branch(&to, other.as_deref()) };
        let before = steps.to_vec();
        steps[i].on_error = match &steps[i].on_error {
            OnError::Retry(retry) => {
                OnError::Retry(Retry { then: Box::new(road), ..retry.clone() })
            }
            _ => road,
        };
        if falls_back {
            fit(&steps[i].clone(), &mut steps[target]);
        }
        if has_cycle(steps) {
            steps.clone_from_slice(&before);
            continue;
        }
        free.retain(|t| *t != target && (falls_back || Some(*t) != second));
    }
}

/// Makes a step fit to stand in for another: the same outputs, and no need of its success.
fn fit(source: &Step, target: &mut Step) {
    target.outputs.extend(source.outputs.clone());
    for edge in &mut target.edges {
        if edge.step.value == source.id && edge.kind == EdgeKind::OnSuccess {
            edge.kind = EdgeKind::OnFailure;
        }
    }
}

/// Takes away what does not go together: retries of what somebody does, and what `taste` leaves out.
fn settle(taste: Taste, step: &mut Step) {
    if let (true, OnError::Retry(retry)) = (step.is_asked(), &step.on_error) {
        step.on_error = (*retry.then).clone();
    }
    if taste == Taste::Anything {
        return;
    }
    if let OnError::Retry(retry) = &mut step.on_error {
        retry.jitter = 0.0;
    }
    let in_edge = unclear(step);
    if in_edge {
        step.edges.retain(|e| e.condition.as_ref().is_some_and(|c| c.value == BROKEN));
        step.edges.truncate(1);
        step.when.clear();
    }
    if in_edge || step.when.iter().any(|w| w.condition.value == BROKEN) {
        step.on_error = OnError::Continue;
    }
}

/// Whether the condition of an edge cannot be evaluated.
fn unclear(step: &Step) -> bool {
    step.edges.iter().any(|e| e.condition.as_ref().is_some_and(|c| c.value == BROKEN))
}

/// Whether steps wait for each other; a step's end waits for the end of its fallback.
fn has_cycle(steps: &[Step]) -> bool {
    let index = |id: &StepId| steps.iter().position(|s| s.id == *id).unwrap();
    // The beginning of step `i` is `2 * i`, its end `2 * i + 1`.
    let mut before: Vec<Vec<usize>> = vec![Vec::new(); steps.len() * 2];
    for (i, step) in steps.iter().enumerate() {
        before[2 * i + 1].push(2 * i);
        let stand_in = match step.on_error.finally() {
            OnError::Fallback { target } => Some(index(&target.value)),
            _ => None,
        };
        for target in step.on_error.targets() {
            let t = index(&target.value);
            before[2 * t].push(if stand_in.is_some() { 2 * i } else { 2 * i + 1 });
        }
        before[2 * i + 1].extend(stand_in.map(|t| 2 * t + 1));
        for edge in &step.edges {
            let b = index(&edge.step.value);
            let own = matches!(steps[b].on_error.finally(), OnError::Fallback { target } if target.value == id(step.id.as_str()));
            before[2 * i].push(if own { 2 * b } else { 2 * b + 1 });
        }
    }
    let mut left: Vec<usize> = before.iter().map(Vec::len).collect();
    let mut todo: Vec<usize> = (0..left.len()).filter(|n| left[*n] == 0).collect();
    let mut done = 0;
    while let Some(n) = todo.pop() {
        done += 1;
        for (next, all) in before.iter().enumerate() {
            for _ in all.iter().filter(|b| **b == n) {
                left[next] -= 1;
                if left[next] == 0 {
                    todo.push(next);
                }
            }
        }
    }
    done < before.len()
}
