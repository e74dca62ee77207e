//! Steps by the names that somebody types.

use std::collections::BTreeSet;

use super::Plan;
use crate::diagnostic::{closest, did_you_mean, printable};
use crate::ids::StepId;

/// How much is repeated of a name that is none.
const TYPED: usize = 80;

impl Plan {
    /// The steps of these names; else that there is no such step, and which may be meant.
    pub fn steps_named(&self, names: &[String]) -> Result<BTreeSet<StepId>, String> {
        let ids = || self.steps.iter().chain(&self.finally).map(|step| &step.id);
        let find = |name: &String| {
            let found = ids().find(|id| id.as_str() == name).cloned();
            let whose = format!("`{}`", self.workflow);
            found.ok_or_else(|| no_step(&whose, name, ids().map(StepId::as_str)))
        };
        names.iter().map(find).collect()
    }
}

/// That a verb or a run has no step of this name, and which of its own may be meant.
pub fn no_step<'n>(
    whose: &str,
    name: &str,
    known: impl IntoIterator<Item = &'n str> + Clone,
) -> String {
    // Where an instance is not known, its step may be.
    let step = name.split('[').next().unwrap_or_default();
    let near = closest(name, known.clone()).or_else(|| closest(step, known));
    let near = near.map(|near| format!("; {}", did_you_mean(near))).unwrap_or_default();
    let name: String = printable(name).chars().take(TYPED).collect();
    format!("{whose} has no step `{name}`{near}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_meant_by_its_step_too() {
        let known = ["build", "pack", "pack[x86]"];
        let said = |name| no_step("run 1", name, known);
        assert_eq!(said("pack[x68]"), "run 1 has no step `pack[x68]`; did you mean `pack[x86]`?");
        assert_eq!(said("biuld[4]"), "run 1 has no step `biuld[4]`; did you mean `build`?");
        assert_eq!(said("zebra"), "run 1 has no step `zebra`");
    }
}
