//! (j) A step has one holder at a time, tokens grow, and nothing is done under a lease that has ended.
//! (k) In a run that is stepped through, the engine starts only what was handed over to it, and `finally`.

use std::collections::{BTreeMap, BTreeSet};

use ostler::ids::Instance;
use ostler::run::{Event, Parting, Record, Run, Said, State};
use ostler::workflow::OnError;

use super::{Found, Phase, Witness, demand, locks_are_exclusive, starts_after_its_edges};
use crate::rules;

/// Who has what, as the records tell it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hands {
    held: BTreeMap<Instance, u64>,
    handed_over: BTreeSet<Instance>,
    last_token: u64,
}

impl Witness {
    /// Judges what a record does to leases.
    pub(super) fn hold(&mut self, before: &Run, record: &Record, after: &Run) -> Found {
        let held = |step: &Instance| self.hands.held.get(step).copied();
        match &record.event {
            Event::StepTaken { step, token, .. } => {
                demand(held(step).is_none(), || format!("(j) {step} has two holders"))?;
                let grows = *token > self.hands.last_token && *token == record.seq;
                demand(grows, || format!("(j) token {token} of {step} does not grow"))?;
                self.hands.last_token = *token;
                self.hands.held.insert(step.clone(), *token);
                starts_after_its_edges(before, step)?;
                self.starts_before_the_end(before, step)?;
                locks_are_exclusive(after)?;
                self.begins(before, step, Phase::Running)
            }
            Event::LeaseRenewed { step, token, .. } => demand(held(step) == Some(*token), || {
                format!("(j) {step} is renewed under {token}, which has ended")
            }),
            Event::LeaseEnded { step, token, how, .. } => {
                self.lets_go(step, *token)?;
                let seen = self.seen.entry(step.clone()).or_default();
                seen.phase = Phase::MayRun;
                match how {
                    Parting::Released => {}
                    Parting::HandedOver => drop(self.hands.handed_over.insert(step.clone())),
                    // `interruption` says what follows.
                    Parting::Expired | Parting::Revoked => seen.attempts += 1,
                }
                Ok(())
            }
            Event::StepHandedOver { step } => {
                demand(held(step).is_none(), || format!("(j) {step} is held and handed over"))?;
                self.hands.handed_over.insert(step.clone());
                self.begins(before, step, Phase::MayRun)
            }
            Event::StepReported { step, token, said, ending, .. } => {
                self.lets_go(step, *token)?;
                self.reported(step, *said, ending, after)
            }
            Event::StepCancelled { step } if held(step).is_some() => {
                self.hands.held.remove(step);
                self.seen.entry(step.clone()).or_default().attempts += 1;
                Ok(())
            }
            Event::StepStarted { step, .. } => self.is_the_engines(before, step),
            Event::ConvergeReset { steps, .. } => {
                self.hands.handed_over.retain(|instance| !steps.contains(&instance.step));
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn begins(&mut self, before: &Run, step: &Instance, phase: Phase) -> Found {
        let seen = self.seen.entry(step.clone()).or_default();
        // What somebody does anyway, they may also do again.
        let asked = before.step(before.node(step).unwrap()).is_asked();
        let may = matches!(seen.phase, Phase::Never | Phase::MayRun)
            || (asked && seen.phase == Phase::Asking);
        demand(may, || format!("(b) {step} begins in {seen:?}"))?;
        seen.phase = phase;
        Ok(())
    }

    fn lets_go(&mut self, step: &Instance, token: u64) -> Found {
        let held = self.hands.held.remove(step);
        demand(held == Some(token), || format!("(j) {step} is held under {held:?}, not {token}"))
    }

    fn reported(
        &mut self,
        step: &Instance,
        said: Said,
        ending: &ostler::run::Ending,
        after: &Run,
    ) -> Found {
        let now = after.node(step).unwrap();
        let seen = self.seen.entry(step.clone()).or_default();
        (seen.attempts, seen.phase) = (seen.attempts + 1, Phase::Ended);
        if matches!(now.state, State::Delayed(_)) {
            seen.retries += 1;
            let allowed = matches!(&after.step(now).on_error, OnError::Retry(r)
                if seen.retries <= r.max && rules::worth(r, ending));
            demand(allowed && said == Said::Failed, || format!("(b) {step} is retried"))?;
            seen.phase = Phase::Delayed;
        }
        let fits = match said {
            Said::Passed => now.state == State::Passed,
            Said::Failed => !now.state.is_pass() || now.state == State::Recovered,
            Said::Skipped => now.state == State::Skipped,
        };
        demand(fits, || format!("(j) {step} was reported {said:?}, and is {}", now.state.name()))
    }

    fn is_the_engines(&self, before: &Run, step: &Instance) -> Found {
        let ours = !before.is_stepped()
            || before.node(step).unwrap().finally
            || self.hands.handed_over.contains(step);
        demand(ours, || format!("(k) the engine starts {step}, which is somebody's to do"))?;
        let held = self.hands.held.contains_key(step);
        demand(!held, || format!("(j) the engine starts {step}, which is held"))
    }
}
