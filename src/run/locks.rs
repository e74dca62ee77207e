//! The locks that steps of the run hold.

use super::node::{Node, State};
use super::state::Run;
use crate::ids::Name;

impl Run {
    /// The first lock that a node needs and another of the run's holds, and which.
    pub fn locked_by(&self, node: &Node) -> Option<(&Name, &Node)> {
        let name = self.step(node).locks.iter().find(|name| self.held.contains_key(*name))?;
        let has = |n: &Node| {
            matches!(n.state, State::Running | State::Held) && self.step(n).locks.contains(name)
        };
        Some((name, self.nodes.iter().find(|n| has(n))?))
    }

    /// A node starts: it holds its locks.
    pub(super) fn lock(&mut self, n: usize) {
        for name in self.plan_step(n).locks.clone() {
            *self.held.entry(name).or_default() += 1;
        }
    }

    /// It needs them no more.
    pub(super) fn unlock(&mut self, n: usize) {
        for name in self.plan_step(n).locks.clone() {
            if let Some(count) = self.held.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    self.held.remove(&name);
                }
            }
        }
    }
}
