//! Steps put back to their beginning, to be run again.

use std::collections::HashSet;

use super::apply::Legal;
use super::node::State;
use super::state::{Converged, Road, Run};
use crate::ids::Instance;

impl Run {
    /// Puts steps back to their beginning, their attempts kept.
    pub(super) fn reset(&mut self, steps: &[crate::ids::StepId]) -> Legal {
        let mut reset = Vec::new();
        for step in steps {
            let instance = Instance::only(step.clone());
            reset.push(self.find(&instance, "be reset", State::is_final)?);
        }
        let is_reset: HashSet<usize> = reset.iter().copied().collect();
        self.stopped = None;
        self.converged = Converged::Unknown;
        for &n in &reset {
            // Of what failed by itself the instances that passed stay; what comes after something runs anew.
            let failed = self.nodes[n].state == State::Failed;
            let anew = !failed || self.comes_after(n, &is_reset);
            self.rewind(n);
            let node = &mut self.nodes[n];
            (node.members, node.anew) = (None, anew);
            (node.undecided, node.holding) = (0, 0);
            (node.broken, node.unclear) = (None, None);
            if let Some((source, road)) = self.target_of[n] {
                // A source that stays ended leads here or not as it ended, even if the run was stopped then.
                let state = self.nodes[source].state;
                let leads = match road {
                    Road::OnSuccess => state.is_pass(),
                    Road::OnFailure => state == State::Failed,
                    Road::Fallback => matches!(state, State::Failed | State::Recovered),
                };
                self.nodes[n].taken = Some(!is_reset.contains(&source) && leads);
            }
        }
        self.redraw(&is_reset);
        reset.into_iter().for_each(|n| self.gate(n));
        Ok(())
    }

    /// Whether a node has an edge from one of these.
    fn comes_after(&self, n: usize, those: &HashSet<usize>) -> bool {
        let edges = &self.step(&self.nodes[n]).edges;
        let before = |step| self.index.get(&Instance::only(step)).copied();
        edges.iter().any(|e| before(e.step.value.clone()).is_some_and(|b| those.contains(&b)))
    }

    /// Counts the edges of reset nodes again: those from nodes that stay ended are decided at once.
    fn redraw(&mut self, is_reset: &HashSet<usize>) {
        for before in 0..self.nodes.len() {
            for (next, edge) in self.after[before].clone() {
                if is_reset.contains(&next) {
                    self.nodes[next].undecided += 1;
                    if !is_reset.contains(&before) {
                        self.recount_edge(before, next, edge);
                    }
                }
            }
        }
    }
}
