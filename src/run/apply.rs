//! The only way to change a run: one record at a time, and none that could not have happened.

use super::event::{Answer, Event};
use super::node::{Attempt, Node, State};
use super::outcome::{Ending, Interruption, Outcome};
use super::record::Record;
use super::state::{Note, Run};
use crate::ids::Instance;
use crate::value::Time;
use crate::workflow::{Effect, OnInterrupt};

/// A record that cannot follow the ones before it: the log is damaged, or we have a bug.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("record {seq} cannot be: {why}")]
pub struct IllegalEvent {
    /// Its place in the log.
    pub seq: u64,
    /// Why it cannot follow.
    pub why: String,
}

pub(super) type Legal<T = ()> = Result<T, String>;

impl Run {
    /// Folds one record into the state, or refuses it.
    pub fn apply(&mut self, record: &Record) -> Result<(), IllegalEvent> {
        let illegal = |why: String| IllegalEvent { seq: record.seq, why };
        if record.seq != self.next_seq {
            return Err(illegal(format!("expected record {}", self.next_seq)));
        }
        if self.opened.is_none() != matches!(record.event, Event::RunOpened { .. }) {
            return Err(illegal("a run is opened first, and once".to_owned()));
        }
        if record.event.is_remark() {
            self.remark(record).map_err(illegal)?;
            self.next_seq += 1;
            return Ok(());
        }
        if self.finished.is_some() {
            return Err(illegal("the run has finished".to_owned()));
        }
        self.fold(record).map_err(illegal)?;
        self.next_seq += 1;
        self.retrying &= matches!(
            record.event,
            Event::RunOpened { .. } | Event::StepTakenOver { .. } | Event::StepExpanded { .. }
        );
        if self.driver.is_some() {
            let passed = self.last_at.map_or(0, |last| record.at.since(last));
            self.driven_ms += passed;
        }
        self.last_at = Some(record.at);
        Ok(())
    }

    /// Folds in what is said of the run from outside. It tells nothing of whether anybody drives.
    fn remark(&mut self, record: &Record) -> Legal {
        match &record.event {
            Event::ClaimChecked(recheck) => self.rechecked(record, recheck),
            Event::Attested { clause, note } => self.attested(record, *clause, note.as_deref()),
            Event::Vetoed { .. } | Event::VetoLifted { .. } => self.vetoed(record),
            _ => Ok(()),
        }
    }

    fn fold(&mut self, record: &Record) -> Legal {
        match &record.event {
            opened @ Event::RunOpened { retries, .. } => {
                self.retrying = retries.is_some();
                self.id = Some(record.run.clone());
                self.opened = Some(opened.clone());
                self.opened_at = Some(record.at);
                self.opened_by = Some(record.actor.clone());
            }
            Event::StepTakenOver { step, from } => self.take_over(step, (**from).clone())?,
            Event::DriverTook { pid, boot_id, forced, .. } => {
                self.driver = Some((*pid, boot_id.clone()));
                self.forced = *forced;
                // What the old driver was asking died with it; and its clock stopped with its last record.
                self.probing.clear();
                self.last_at = None;
            }
            Event::DriverLeft => self.driver = None,
            Event::ProbeStarted { probe } => self.probe_started(probe)?,
            Event::ProbeFinished { probe, outcome } => {
                self.probe_finished(probe, outcome, record.at)?;
            }
            Event::StepExpanded { step, items } => {
                let n = self.find(step, "fan out", |s| s == State::Waiting)?;
                if self.step(&self.nodes[n]).fan.is_none() || self.nodes[n].whole.is_some() {
                    return Err(format!("`{step}` does not fan out"));
                }
                self.expand(n, items);
            }
            Event::StepStarted { step, attempt, params, host, .. } => {
                let n = self.find(step, "start", |s| s == State::Ready)?;
                self.expect_next(n, *attempt)?;
                let mut attempt = Attempt::new(*attempt, record);
                attempt.started_at = Some(record.at);
                attempt.params.clone_from(params);
                attempt.host.clone_from(host);
                self.nodes[n].add_attempt(attempt);
                self.set(n, State::Running, None);
            }
            Event::StepFinished { step, attempt, ending } => {
                let n = self.find(step, "finish", |s| s == State::Running)?;
                if self.nodes[n].last().map(|a| a.n) != Some(*attempt) {
                    return Err(format!("attempt {attempt} of `{step}` does not run"));
                }
                self.finished_attempt(n, ending, record.at);
            }
            Event::StepInterrupted { step, attempt, cause, ending } => {
                let n = self.find(step, "be interrupted", |s| {
                    matches!(s, State::Running | State::Waiting | State::Ready | State::Delayed(_))
                })?;
                if self.nodes[n].state != State::Running {
                    self.expect_next(n, *attempt)?;
                    self.nodes[n].add_attempt(Attempt::new(*attempt, record));
                }
                let outcome = Outcome::Interrupted { cause: *cause };
                let known = ending.as_deref().cloned();
                let known = known.unwrap_or_else(|| Ending::of(outcome.clone(), false));
                let ending = Ending { outcome, passed: false, ..known };
                self.interrupted_attempt(n, ending, record.at);
            }
            Event::StepAnswered { .. } => self.answered(record)?,
            Event::StepTaken { .. }
            | Event::LeaseRenewed { .. }
            | Event::LeaseEnded { .. }
            | Event::StepHandedOver { .. }
            | Event::StepReported { .. } => self.fold_lease(record)?,
            Event::TimerFired { step } => {
                let n = self.find(step, "wake", |s| matches!(s, State::Delayed(_)))?;
                self.set(n, State::Ready, None);
            }
            Event::ConvergeReset { iteration, steps } => {
                self.iterations = *iteration;
                self.reset(steps)?;
            }
            Event::FinallyStarted { steps } => self.start_finally(steps)?,
            Event::CancelRequested { by } => {
                if self.cancelled.is_none() {
                    self.cancelled = Some(by.clone());
                    self.bar_steps();
                }
            }
            Event::DeadlinePassed { .. } if self.is_past_steps() => {
                return Err("the steps are over".to_owned());
            }
            Event::DeadlinePassed { after_ms } => {
                self.deadline = Some(*after_ms);
                self.bar_steps();
            }
            Event::RunFinished { status, reason, outputs } => {
                if self.open_steps + self.open_finally > 0 {
                    return Err("steps have not ended".to_owned());
                }
                self.finished = Some((*status, reason.clone()));
                self.handed_on.clone_from(outputs);
                self.ended_at = Some(record.at);
            }
            _ => self.settled(record)?,
        }
        Ok(())
    }

    /// Events that only record what was decided of a step.
    fn settled(&mut self, record: &Record) -> Legal {
        let unstarted = |s| matches!(s, State::Waiting | State::Ready | State::Asked);
        match &record.event {
            Event::StepSkipped { step, reason } => {
                let n = self.find(step, "be skipped", unstarted)?;
                self.end(n, State::Skipped, Some(reason.clone()));
            }
            Event::StepUnproven { step, reason } => {
                let n = self.find(step, "be unproven", unstarted)?;
                self.end(n, State::Unproven, Some(reason.clone()));
            }
            Event::StepFailed { step, reason } => {
                let n = self.find(step, "fail", |s| {
                    unstarted(s) || matches!(s, State::Delayed(_) | State::Unsure)
                })?;
                self.fail(n, Some(reason.clone()));
            }
            Event::StepCancelled { step } => {
                let n =
                    self.find(step, "be cancelled", |s| !s.is_final() && s != State::Running)?;
                if self.nodes[n].state == State::Held {
                    self.taken_away(n, record);
                }
                self.end(n, State::Cancelled, None);
            }
            Event::StepAsked { step, reason } => {
                let n =
                    self.find(step, "be asked", |s| matches!(s, State::Waiting | State::Unsure))?;
                self.set(n, State::Asked, Some(reason.clone()));
            }
            _ => return Err("an event of another kind".to_owned()),
        }
        Ok(())
    }

    /// The node of an instance, if its state is one in which that may happen to it.
    pub(super) fn find(
        &self,
        step: &Instance,
        what: &str,
        fits: impl Fn(State) -> bool,
    ) -> Legal<usize> {
        let n = *self.index.get(step).ok_or_else(|| format!("there is no step `{step}`"))?;
        let state = self.nodes[n].state;
        if fits(state) {
            Ok(n)
        } else {
            Err(format!("`{step}` cannot {what}: it is {}", state.name()))
        }
    }

    fn expect_next(&self, n: usize, attempt: u32) -> Legal {
        let next = self.nodes[n].attempts.len() + 1;
        if attempt as usize == next { Ok(()) } else { Err(format!("expected attempt {next}")) }
    }

    pub(super) fn finished_attempt(&mut self, n: usize, ending: &Ending, at: Time) {
        let retry_at = self.retry_at(&self.nodes[n], ending, at);
        self.close_attempt(n, ending.clone(), at);
        if ending.passed {
            self.end(n, State::Passed, None);
        } else if ending.outcome == Outcome::Cancelled {
            self.end(n, State::Cancelled, None);
        } else if let Some(until) = retry_at {
            self.nodes[n].retries += 1;
            self.set(n, State::Delayed(until), None);
        } else if self.could_not_look(n, ending) {
            self.end(n, State::Unproven, Some(ending.outcome.to_string()));
        } else {
            self.fail(n, None);
        }
    }

    /// Whether a step that only reads found no way to its host: then it says nothing of that host, good or bad.
    fn could_not_look(&self, n: usize, ending: &Ending) -> bool {
        let reads = self.step(&self.nodes[n]).effect == Effect::Read;
        reads && matches!(ending.outcome, Outcome::NoConnection { .. })
    }

    pub(super) fn close_attempt(&mut self, n: usize, ending: Ending, at: Time) {
        let node = &mut self.nodes[n];
        node.outputs.clone_from(&ending.outputs);
        if let Some(attempt) = node.attempts.last_mut() {
            attempt.ended_at = Some(at);
            attempt.ending = Some(ending);
        }
    }

    /// An attempt may have run: what its step says about that follows.
    pub(super) fn interrupted_attempt(&mut self, n: usize, ending: Ending, at: Time) {
        let retry_at = self.retry_at(&self.nodes[n], &ending, at);
        let lost = ending.outcome == Outcome::Interrupted { cause: Interruption::ConnectionLost };
        let never = ending.outcome == Outcome::Interrupted { cause: Interruption::NeverStarted };
        let lapsed = matches!(
            ending.outcome,
            Outcome::Interrupted { cause: Interruption::LeaseExpired | Interruption::LeaseRevoked }
        );
        self.close_attempt(n, ending, at);
        let waits = self.nodes[n].state == State::Waiting;
        if self.is_ending() && !self.nodes[n].finally {
            self.end(n, State::Cancelled, Some("interrupted".to_owned()));
            return;
        }
        match self.step(&self.nodes[n]).on_interrupt.clone() {
            // What never started was not interrupted in anything.
            _ if never => self.restart(n),
            // Who takes it next sees for themselves what was done.
            OnInterrupt::Ask | OnInterrupt::Rerun if lapsed => self.restart(n),
            // A person has not agreed because time has passed: they are asked again.
            _ if lapsed && self.step(&self.nodes[n]).is_asked() => self.restart(n),
            OnInterrupt::Rerun if waits => {}
            OnInterrupt::Rerun => self.restart(n),
            OnInterrupt::Fail => match retry_at {
                Some(until) => {
                    self.nodes[n].retries += 1;
                    // What still waits for its edges has no need of a timer, which would not ask for them.
                    if !waits {
                        self.set(n, State::Delayed(until), None);
                    }
                }
                None => self.fail(n, Some("interrupted".to_owned())),
            },
            OnInterrupt::Probe(_) => self.set(n, State::Unsure, None),
            OnInterrupt::Ask => {
                self.set(n, State::Unsure, None);
                self.pending.insert(n, Note::Ask(unsure(lost).to_owned()));
            }
        }
    }

    fn answered(&mut self, record: &Record) -> Legal {
        let Event::StepAnswered { step, answer, outputs, note, seen, report } = &record.event
        else {
            return Err("not an answer".to_owned());
        };
        let n = self.find(step, "be answered", |s| s == State::Asked)?;
        let runs = !self.step(&self.nodes[n]).is_asked();
        if *answer == Answer::Rerun && !runs {
            return Err(format!("`{step}` has nothing that the engine could run again"));
        }
        if !runs {
            let number = u32::try_from(self.nodes[n].attempts.len()).unwrap_or(u32::MAX) + 1;
            let mut attempt = Attempt::new(number, record);
            attempt.started_at = Some(record.at);
            self.nodes[n].add_attempt(attempt);
        }
        if let Some(attempt) = self.nodes[n].attempts.last_mut() {
            attempt.by = Some(record.actor.clone());
            attempt.note.clone_from(note);
            attempt.report.clone_from(report);
        }
        match answer {
            Answer::Passed => {
                let seen = seen.as_deref().cloned();
                let mut ending = seen.unwrap_or_else(|| Ending::of(Outcome::Answered, true));
                ending.outputs.clone_from(outputs);
                self.close_attempt(n, ending, record.at);
                self.end(n, State::Passed, None);
            }
            Answer::Failed => {
                let ending = Ending::of(Outcome::Answered, false);
                self.close_attempt(n, ending, record.at);
                self.fail(n, note.clone());
            }
            Answer::Rerun => self.restart(n),
        }
        Ok(())
    }

    fn start_finally(&mut self, steps: &[Instance]) -> Legal {
        if self.finally_started || self.open_steps > 0 {
            return Err("`finally` begins once, after all steps".to_owned());
        }
        self.finally_started = true;
        let first = self.nodes.len();
        for instance in steps {
            let step = self.plan.finally.iter().position(|s| s.id == instance.step);
            let step =
                step.ok_or_else(|| format!("there is no `finally` step `{}`", instance.step))?;
            let mut node = Node::new(instance.clone(), true, step);
            node.holder = self.holder(instance);
            self.add(node);
            self.open_finally += 1;
        }
        self.link(first);
        (first..self.nodes.len()).for_each(|n| self.gate(n));
        Ok(())
    }

    /// The node and attempt that a releaser's instance is for.
    fn holder(&self, instance: &Instance) -> Option<(usize, u32)> {
        let (step, attempt) = instance.key.as_ref()?.rsplit_once('#')?;
        let node = self.index.get(&Instance::parse(step)?)?;
        Some((*node, attempt.parse().ok()?))
    }
}

/// Why somebody is asked what became of an attempt.
fn unsure(lost: bool) -> &'static str {
    if lost {
        "the connection to its host was lost; what became of it there is not known"
    } else {
        "it may have run when the engine died; what became of it is not known"
    }
}
