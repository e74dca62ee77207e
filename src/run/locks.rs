//! The locks that steps of the run hold.

use super::state::Run;

impl Run {
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
