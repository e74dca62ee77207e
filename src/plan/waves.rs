//! Which steps need not wait for each other.

use std::collections::HashMap;

use super::{Plan, Step};
use crate::ids::StepId;

impl Plan {
    /// The steps, `finally` aside, by the longest way from the start: those of one wave do not wait for each other.
    pub fn waves(&self) -> Vec<Vec<&Step>> {
        let steps = &self.steps;
        let index: HashMap<&StepId, usize> =
            steps.iter().enumerate().map(|(n, s)| (&s.id, n)).collect();
        let mut after: Vec<Vec<usize>> = vec![Vec::new(); steps.len()];
        let mut left = vec![0_usize; steps.len()];
        for (n, step) in steps.iter().enumerate() {
            let before =
                step.edges.iter().filter_map(|e| index.get(&e.step.value)).map(|b| (*b, n));
            let targets = step.on_error.targets();
            let roads = targets.iter().filter_map(|t| index.get(&t.value)).map(|t| (n, *t));
            for (first, then) in before.chain(roads) {
                after[first].push(then);
                left[then] += 1;
            }
        }
        let mut waves = Vec::new();
        let mut wave: Vec<usize> = (0..steps.len()).filter(|n| left[*n] == 0).collect();
        while !wave.is_empty() {
            let mut next = Vec::new();
            for then in wave.iter().flat_map(|n| &after[*n]) {
                left[*then] -= 1;
                if left[*then] == 0 {
                    next.push(*then);
                }
            }
            waves.push(wave.iter().map(|n| &steps[*n]).collect());
            next.sort_unstable();
            wave = next;
        }
        waves
    }
}
