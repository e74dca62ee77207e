//! Questions that a command's exit code answers: guards, convergence, what became of an interrupted step.

use super::apply::Legal;
use super::event::Probe;
use super::node::State;
use super::outcome::{Ending, Outcome};
use super::state::{Converged, Note, Run};
use crate::value::Time;
use crate::workflow::Severity;

impl Run {
    /// Whether every guard was asked.
    pub fn guards_are_done(&self) -> bool {
        self.guards_done == self.plan.guards.len()
    }

    pub(super) fn probe_started(&mut self, probe: &Probe) -> Legal {
        if self.probing.contains(probe) {
            return Err("the question was asked already".to_owned());
        }
        self.probing.push(probe.clone());
        Ok(())
    }

    pub(super) fn probe_finished(&mut self, probe: &Probe, outcome: &Outcome, at: Time) -> Legal {
        let asked = self.probing.iter().position(|p| p == probe);
        self.probing.remove(asked.ok_or("the question was not asked")?);
        let yes = *outcome == Outcome::Exited { code: 0 };
        match probe {
            Probe::Guard(id) => {
                let guard = self.plan.guards.get(self.guards_done).filter(|g| g.id == *id);
                let guard = guard.ok_or("another guard is next")?.clone();
                if *outcome == Outcome::Cancelled {
                    return Ok(());
                }
                self.guards_done += 1;
                if !yes && guard.severity == Severity::Warn {
                    self.warnings.push((guard.id, outcome.clone()));
                } else if !yes {
                    let why =
                        if guard.reason.is_empty() { outcome.to_string() } else { guard.reason };
                    self.blocked = Some(format!("guard `{}`: {why}", guard.id));
                    self.bar_steps();
                }
            }
            Probe::Converge(_) => {
                self.converged = if yes { Converged::Yes } else { Converged::No };
            }
            Probe::Step(step) => {
                // A cancel may have ended the step while its probe ran: then the answer comes too late.
                let n = self.find(step, "be probed", |s| s == State::Unsure || s.is_final())?;
                if self.nodes[n].state == State::Unsure {
                    self.probed(n, outcome, at);
                }
            }
        }
        Ok(())
    }

    /// A probe said whether an interrupted step was done.
    fn probed(&mut self, n: usize, outcome: &Outcome, at: Time) {
        let outputs = !self.step(&self.nodes[n]).outputs.is_empty();
        match outcome {
            Outcome::Exited { code: 0 } if !outputs => self.passed(n, at),
            Outcome::Exited { code } if *code != 0 => self.restart(n),
            Outcome::Cancelled => {}
            Outcome::Exited { .. } => {
                let why = "it is done by its probe's word, but its outputs are not known";
                self.pending.insert(n, Note::Ask(why.to_owned()));
            }
            other => {
                let why = format!(
                    "it was interrupted, and its probe did not say whether it was done ({other})"
                );
                self.pending.insert(n, Note::Ask(why));
            }
        }
    }

    /// An interrupted attempt turned out to be done.
    fn passed(&mut self, n: usize, at: Time) {
        let ending = Ending::of(Outcome::Probed, true);
        self.close_attempt(n, ending, at);
        self.end(n, State::Passed, None);
    }
}
