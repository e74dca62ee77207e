//! What the documents say of edges, conditions, roads and stops, judged from the states of the steps alone.

use ostler::ids::{Instance, StepId};
use ostler::plan::Step;
use ostler::run::{Ending, Node, Outcome, Run, State};
use ostler::workflow::{Edge, EdgeKind, Join, OnError, Retry};

use crate::generate::BROKEN;

/// What is known of an edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Open,
    Holds,
    Cannot,
    Broken,
}

pub(crate) fn node<'r>(run: &'r Run, step: &StepId) -> &'r Node {
    run.node(&Instance::only(step.clone())).unwrap()
}

/// The value of a condition of the few forms that the plans use; none if it cannot be evaluated.
pub(crate) fn truth(run: &Run, text: &str) -> Option<bool> {
    if text == BROKEN {
        return None;
    }
    let words: Vec<&str> = text.split(['.', ' ', '"']).filter(|w| !w.is_empty()).collect();
    match words.as_slice() {
        ["true"] | ["params", "size", "==", "s"] => Some(true),
        ["false"] => Some(false),
        ["steps", step, "status", sign, state] => {
            // A releaser is not one step but several.
            let node = run.node(&Instance::parse(step).unwrap())?;
            Some((node.state.name() == *state) == (*sign == "=="))
        }
        other => panic!("an unknown condition: {other:?}"),
    }
}

/// The step that stands in for one, if any.
pub(crate) fn stand_in(step: &Step) -> Option<&StepId> {
    match step.on_error.finally() {
        OnError::Fallback { target } => Some(&target.value),
        _ => None,
    }
}

/// Whether a step's failure has stopped the run.
pub(crate) fn stops(run: &Run, node: &Node) -> bool {
    let fits = match run.step(node).on_error.finally() {
        OnError::Stop => true,
        OnError::Fallback { target } => ended(run, self::node(run, &target.value)),
        _ => false,
    };
    !node.finally && node.state == State::Failed && fits
}

pub(crate) fn stopped(run: &Run) -> bool {
    run.nodes().iter().any(|n| stops(run, n))
}

/// Whether the end of a step is decided for the steps after it: a failed one may still be recovered.
fn settled(run: &Run, before: &Node, reader: &StepId) -> bool {
    let stand_in = stand_in(run.step(before));
    let recovering = stand_in.is_some_and(|t| t == reader) || stopped(run);
    before.state.is_final() && (recovering || ended(run, before))
}

/// Whether a step ended, and so did the step that stands in for it if it failed.
fn ended(run: &Run, of: &Node) -> bool {
    let stand_in = stand_in(run.step(of)).filter(|_| of.state == State::Failed);
    of.state.is_final() && stand_in.is_none_or(|t| ended(run, node(run, t)))
}

pub(crate) fn verdict(run: &Run, before: &Node, edge: &Edge, reader: &StepId) -> Verdict {
    if !settled(run, before, reader) {
        return Verdict::Open;
    }
    let kind = match edge.kind {
        EdgeKind::Always => true,
        EdgeKind::OnSuccess => matches!(before.state, State::Passed | State::Recovered),
        EdgeKind::OnFailure => before.state == State::Failed,
    };
    if !kind {
        return Verdict::Cannot;
    }
    match edge.condition.as_ref().map(|c| truth(run, c)) {
        None | Some(Some(true)) => Verdict::Holds,
        Some(Some(false)) => Verdict::Cannot,
        Some(None) => Verdict::Broken,
    }
}

/// What is known of all edges of a step, one for each instance before it.
pub(crate) fn verdicts(run: &Run, step: &Step) -> Vec<Verdict> {
    let mut all = Vec::new();
    for edge in &step.edges {
        let before = run.nodes().iter().filter(|n| n.instance.step == edge.step.value);
        all.extend(before.map(|b| verdict(run, b, edge, &step.id)));
    }
    all
}

/// Whether a step's edges let it start.
pub(crate) fn edges_hold(run: &Run, step: &Step) -> bool {
    let all = verdicts(run, step);
    match step.join {
        Join::All => all.iter().all(|v| *v == Verdict::Holds),
        Join::Any => {
            let ended = all.iter().all(|v| matches!(v, Verdict::Holds | Verdict::Cannot));
            ended && (all.is_empty() || all.contains(&Verdict::Holds))
        }
    }
}

/// Whether a step's edges forbid it for good.
pub(crate) fn edges_forbid(run: &Run, step: &Step) -> bool {
    let all = verdicts(run, step);
    match step.join {
        Join::All => all.contains(&Verdict::Cannot),
        Join::Any => !all.is_empty() && all.iter().all(|v| *v == Verdict::Cannot),
    }
}

/// Whose target a step is, and whether that road is open: none while it is not decided.
pub(crate) fn road<'r>(run: &'r Run, step: &Step) -> Option<(&'r Node, Option<bool>)> {
    let leads = |n: &&Node| run.step(n).on_error.targets().iter().any(|t| t.value == step.id);
    let source = run.nodes().iter().find(leads)?;
    let state = source.state;
    let passed = matches!(state, State::Passed | State::Recovered);
    let taken = match run.step(source).on_error.finally() {
        OnError::Branch { on_success: Some(s), .. } if s.value == step.id => passed,
        OnError::Branch { .. } => state == State::Failed,
        // Its source is recovered when it has passed before and runs again.
        _ => matches!(state, State::Failed | State::Recovered),
    };
    Some((source, state.is_final().then_some(taken)))
}

/// Whether a step directly follows, by an `OnFailure` edge, a failure that stopped the run.
pub(crate) fn follows_stop(run: &Run, step: &Step) -> bool {
    step.edges.iter().any(|e| {
        let before = node(run, &e.step.value);
        let falls_back = stand_in(run.step(before)).is_some() && before.state == State::Failed;
        e.kind == EdgeKind::OnFailure && (stops(run, before) || falls_back)
    })
}

/// How many retries a step's params allow: each takes the next value.
pub(crate) fn escalations(retry: &Retry) -> usize {
    retry.escalate.iter().map(|(_, values)| values.len() - 1).min().unwrap_or(usize::MAX)
}

/// Whether the way an attempt ended is one that its step retries.
pub(crate) fn worth(retry: &Retry, ending: &Ending) -> bool {
    let mut causes = vec![ending.outcome.name()];
    if ending.bad_output.is_some() {
        causes.push("bad_output");
    }
    if ending.checks.iter().any(|c| !c.passed) {
        causes.push("check_failed");
    }
    let named = retry.on_outcomes.iter().any(|o| causes.contains(&o.as_str()));
    let code = ending.outcome.exit_code();
    let coded = code.is_some_and(|c| retry.on_exits.contains(&c));
    let open = retry.on_outcomes.is_empty() && retry.on_exits.is_empty();
    let unclear = matches!(
        ending.outcome,
        Outcome::Interrupted { .. } | Outcome::Lost { .. } | Outcome::Cancelled | Outcome::Answered
    );
    named || coded || (open && !unclear)
}
