//! Which steps have surely ended when a condition is evaluated.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::graph;
use crate::ids::StepId;
use crate::workflow::{Edge, EdgeKind, Join, Step, Workflow};

/// The steps of a workflow with what decides when they end.
pub(super) struct Ends<'w> {
    steps: BTreeMap<&'w StepId, Node<'w>>,
}

struct Node<'w> {
    step: &'w Step,
    edges: Cow<'w, [Edge]>,
    finally: bool,
    /// The steps of whose failure or success it is a target.
    sources: Vec<&'w StepId>,
}

impl<'w> Ends<'w> {
    pub(super) fn of(workflow: &'w Workflow) -> Self {
        let mut steps = BTreeMap::new();
        for (all, finally) in [(&workflow.steps, false), (&workflow.finally, true)] {
            for (step, edges) in all.iter().zip(graph::edges(workflow, all)) {
                steps.insert(&step.id.value, Node { step, edges, finally, sources: Vec::new() });
            }
        }
        for step in super::all_steps(workflow) {
            for target in step.on_error.targets() {
                let found = steps.get_mut(&target.value);
                found.into_iter().for_each(|node| node.sources.push(&step.id.value));
            }
        }
        Self { steps }
    }

    /// The steps that have ended when the `when` of `step` is evaluated: all its edges are decided.
    pub(super) fn before(&self, step: &Step) -> BTreeSet<StepId> {
        let mut ended = self.main(step);
        self.ran(&step.id.value, self.follows_failure(step), &mut ended);
        ended
    }

    /// The steps that have ended when the condition on an edge of `step` is: as soon as the step before has.
    pub(super) fn before_edge(&self, step: &Step, edge: &Edge) -> BTreeSet<StepId> {
        let mut ended = self.main(step);
        self.through(edge, true, self.follows_failure(step), &mut ended);
        ended
    }

    /// In `finally`, all the others.
    fn main(&self, step: &Step) -> BTreeSet<StepId> {
        let finally = self.steps.get(&step.id.value).is_some_and(|node| node.finally);
        let others = self.steps.iter().filter(|(_, node)| finally && !node.finally);
        others.map(|(id, _)| (*id).clone()).collect()
    }

    /// Whether a step may run although the run was stopped, which skips what has not started, whatever comes before it.
    fn follows_failure(&self, step: &Step) -> bool {
        let node = self.steps.get(&step.id.value);
        node.is_some_and(|n| !n.finally && n.edges.iter().any(|e| e.kind == EdgeKind::OnFailure))
    }

    /// What has ended when a step runs, `stopped` if the run may have been stopped by then.
    fn ran(&self, id: &StepId, stopped: bool, ended: &mut BTreeSet<StepId>) {
        let mut seen = BTreeSet::new();
        let mut todo = vec![id.clone()];
        while let Some(id) = todo.pop() {
            let Some(node) = self.steps.get(&id) else { continue };
            if !seen.insert(id) {
                continue;
            }
            let holds = node.step.join == Join::All || node.edges.len() == 1;
            for edge in node.edges.iter() {
                ended.insert(edge.step.value.clone());
                if self.reaches_back(edge, holds, stopped) {
                    todo.push(edge.step.value.clone());
                }
            }
            // A target of two steps is an error found elsewhere.
            if let [source] = node.sources.as_slice() {
                ended.insert((*source).clone());
                todo.push((*source).clone());
            }
        }
    }

    fn through(&self, edge: &Edge, holds: bool, stopped: bool, ended: &mut BTreeSet<StepId>) {
        ended.insert(edge.step.value.clone());
        if self.reaches_back(edge, holds, stopped) {
            self.ran(&edge.step.value, stopped, ended);
        }
    }

    /// Whether what comes before the step before has ended too: it ran, or it could not end without.
    fn reaches_back(&self, edge: &Edge, holds: bool, stopped: bool) -> bool {
        let Some(before) = self.steps.get(&edge.step.value) else { return false };
        let alone = before.edges.len() < 2;
        // A condition that cannot be evaluated fails its step before the other edges are decided.
        let clear = alone || before.edges.iter().all(|e| e.condition.is_none());
        let ran = holds && edge.kind != EdgeKind::Always && clear;
        let patient = before.step.join == Join::Any
            || before.edges.iter().all(|e| e.kind == EdgeKind::Always && e.condition.is_none());
        let skipped = stopped || !before.sources.is_empty();
        ran || (!skipped && clear && (alone || patient))
    }
}
