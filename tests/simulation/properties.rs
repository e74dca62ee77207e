//! The properties of every run, each a function that says what is wrong, judged record by record.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ostler::ids::{Instance, Name};
use ostler::plan::Plan;
use ostler::run::{Answer, Event, Node, Outcome, Parting, Probe, Record, Room, Run, State};
use ostler::workflow::{OnError, OnInterrupt, Severity};

use crate::{held, rules};

#[path = "holders.rs"]
mod holders;

pub(crate) type Found = Result<(), String>;

pub(crate) fn demand(holds: bool, what: impl FnOnce() -> String) -> Found {
    if holds { Ok(()) } else { Err(what()) }
}

/// Where a step stands as its records tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Never,
    Running,
    /// It failed and waits for its retry.
    Delayed,
    /// Something that is written down lets it run again.
    MayRun,
    /// Somebody must say what became of it.
    Asking,
    /// Its probe must.
    Probing,
    Ended,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    attempts: u32,
    retries: u32,
    phase: Phase,
}

/// What the records say so far, folded apart from the engine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Witness {
    seen: BTreeMap<Instance, Seen>,
    cancelled: bool,
    blocked: bool,
    guards: usize,
    in_finally: bool,
    hands: holders::Hands,
}

impl Witness {
    /// Judges one record, given the run before and after it.
    pub(crate) fn judge(&mut self, before: &Run, record: &Record, after: &Run) -> Found {
        if record.event.is_remark() {
            return held::changes_nothing(before, after);
        }
        held::holds(before, &record.event, self.in_finally)?;
        self.hold(before, record, after)?;
        self.attempts(&record.event, after)?;
        self.interruption(before, &record.event, after)?;
        match &record.event {
            Event::StepStarted { step, .. } => {
                starts_after_its_edges(before, step)?;
                self.starts_before_the_end(before, step)?;
                locks_are_exclusive(after)?;
            }
            Event::StepAsked { step, .. } if before.node(step).unwrap().attempts.is_empty() => {
                starts_after_its_edges(before, step)?;
                self.starts_before_the_end(before, step)?;
            }
            Event::StepSkipped { step, reason } => self.skip_is_true(before, step, reason)?,
            Event::FinallyStarted { steps } => {
                finally_comes_last(before, steps)?;
                self.in_finally = true;
            }
            Event::CancelRequested { .. } | Event::DeadlinePassed { .. } => self.cancelled = true,
            Event::ProbeFinished { probe: Probe::Guard(id), outcome }
                if *outcome != Outcome::Cancelled =>
            {
                let guard = before.plan().guards.iter().find(|g| g.id == *id).unwrap();
                let yes = *outcome == Outcome::Exited { code: 0 };
                self.guards += 1;
                self.blocked |= !yes && guard.severity == Severity::Block;
            }
            Event::RunFinished { .. } => self.finally_ran(before, after)?,
            _ => {}
        }
        Ok(())
    }

    /// (b) Attempts are numbered one by one, and a step that ended runs again only where something says so.
    fn attempts(&mut self, event: &Event, after: &Run) -> Found {
        let Some(instance) = subject(event) else {
            if let Event::ConvergeReset { steps, .. } = event {
                for step in steps {
                    let seen = self.seen.entry(Instance::only(step.clone())).or_default();
                    (seen.phase, seen.retries) = (Phase::MayRun, 0);
                }
            }
            return Ok(());
        };
        let seen = self.seen.entry(instance.clone()).or_default();
        let now = after.node(instance).unwrap();
        let step = after.step(now);
        let says = format!("(b) {instance}: {event:?} in {seen:?}");
        match event {
            Event::StepStarted { attempt, .. } => {
                let may = matches!(seen.phase, Phase::Never | Phase::MayRun);
                demand(may && *attempt == seen.attempts + 1, || says)?;
                (seen.attempts, seen.phase) = (*attempt, Phase::Running);
            }
            Event::StepFinished { attempt, ending, .. } => {
                demand(seen.phase == Phase::Running && *attempt == seen.attempts, || says.clone())?;
                seen.phase = Phase::Ended;
                if matches!(now.state, State::Delayed(_)) {
                    seen.retries += 1;
                    let allowed = matches!(&step.on_error, OnError::Retry(r)
                        if seen.retries <= r.max && rules::worth(r, ending));
                    demand(allowed && !ending.passed, || format!("{says}: retried"))?;
                    seen.phase = Phase::Delayed;
                }
            }
            Event::TimerFired { .. } => {
                demand(seen.phase == Phase::Delayed, || says)?;
                seen.phase = Phase::MayRun;
            }
            Event::StepInterrupted { attempt, .. } => {
                let new = u32::from(seen.phase != Phase::Running);
                demand(*attempt == seen.attempts + new, || says.clone())?;
                let ended = matches!(seen.phase, Phase::Ended | Phase::Asking | Phase::Probing);
                demand(!ended, || says)?;
                seen.attempts = *attempt;
            }
            Event::StepAnswered { answer, .. } => {
                let human = step.is_asked();
                demand(human || seen.phase == Phase::Asking, || says)?;
                seen.attempts += u32::from(human);
                seen.phase = if *answer == Answer::Rerun { Phase::MayRun } else { Phase::Ended };
            }
            Event::StepAsked { .. } => {}
            _ => seen.phase = Phase::Ended,
        }
        let numbers: Vec<u32> = now.attempts.iter().map(|a| a.n).collect();
        demand(numbers == (1..=seen.attempts).collect::<Vec<u32>>(), || {
            format!("(b) {instance} has attempts {numbers:?}, its records {}", seen.attempts)
        })?;
        Ok(())
    }

    /// (i) What follows an interrupted attempt is what its step says.
    fn interruption(&mut self, before: &Run, event: &Event, after: &Run) -> Found {
        if let Event::ProbeFinished { probe: Probe::Step(instance), outcome } = event {
            let seen = self.seen.entry(instance.clone()).or_default();
            if self.cancelled && seen.phase == Phase::Ended {
                return Ok(()); // The answer came too late.
            }
            demand(seen.phase == Phase::Probing, || {
                format!("(i) {instance} was probed: {seen:?}")
            })?;
            let now = after.node(instance).unwrap();
            let outputs = !after.step(now).outputs.is_empty();
            seen.phase = match outcome {
                Outcome::Exited { code: 0 } if !outputs => Phase::Ended,
                Outcome::Exited { code } if *code != 0 => Phase::MayRun,
                Outcome::Cancelled => Phase::Probing,
                _ => Phase::Asking,
            };
            let passed = now.state == State::Passed;
            return demand(passed == (seen.phase == Phase::Ended), || {
                format!("(i) {instance} is {} after its probe said {outcome}", now.state.name())
            });
        }
        let (instance, lapsed) = match event {
            Event::StepInterrupted { step, .. } => (step, false),
            Event::LeaseEnded { step, how: Parting::Expired | Parting::Revoked, .. } => {
                (step, true)
            }
            _ => return Ok(()),
        };
        let now = after.node(instance).unwrap();
        let step = after.step(now);
        let seen = self.seen.get_mut(instance).unwrap();
        let winding = self.cancelled || rules::stopped(before);
        let (phase, fits) = if self.cancelled && !now.finally {
            (Phase::Ended, now.state == State::Cancelled)
        } else {
            let restarted = matches!(now.state, State::Waiting | State::Ready);
            match &step.on_interrupt {
                OnInterrupt::Ask | OnInterrupt::Rerun if lapsed => (Phase::MayRun, restarted),
                // Time that has passed is nobody's word.
                _ if lapsed && step.is_asked() => {
                    (Phase::MayRun, restarted || now.state == State::Asked)
                }
                OnInterrupt::Ask => (Phase::Asking, now.state == State::Unsure),
                OnInterrupt::Probe(_) => (Phase::Probing, now.state == State::Unsure),
                OnInterrupt::Rerun => {
                    (Phase::MayRun, restarted || matches!(now.state, State::Delayed(_)))
                }
                OnInterrupt::Fail => match &step.on_error {
                    OnError::Retry(r)
                        if r.on_outcomes.iter().any(|o| o.value == "interrupted")
                            && seen.retries < r.max
                            && (seen.retries as usize) < rules::escalations(r)
                            && (now.finally || !winding) =>
                    {
                        seen.retries += 1;
                        // What waits for its edges goes on waiting for them.
                        match before.node(instance).unwrap().state {
                            State::Waiting => (Phase::MayRun, now.state == State::Waiting),
                            _ => (Phase::Delayed, matches!(now.state, State::Delayed(_))),
                        }
                    }
                    _ => {
                        let ended = matches!(now.state, State::Failed | State::Recovered);
                        (Phase::Ended, ended)
                    }
                },
            }
        };
        seen.phase = phase;
        let way = &step.on_interrupt;
        demand(fits, || format!("(i) {instance}: {way:?}, and it is {}", now.state.name()))
    }

    /// (g) After a stop only what directly follows the failure starts, after a cancel nothing but `finally`.
    fn starts_before_the_end(&self, before: &Run, instance: &Instance) -> Found {
        let node = before.node(instance).unwrap();
        if node.finally {
            return Ok(());
        }
        demand(!self.cancelled && !self.blocked && !self.in_finally, || {
            format!("(g) {instance} starts after the run was cancelled or blocked")
        })?;
        let guards = before.plan().guards.len();
        demand(self.guards == guards, || format!("(g) {instance} starts before the guards"))?;
        let step = before.step(node);
        demand(!rules::stopped(before) || rules::follows_stop(before, step), || {
            format!("(g) {instance} starts after the run was stopped")
        })
    }

    /// (h) A step is skipped for a reason that is so.
    fn skip_is_true(&self, before: &Run, instance: &Instance, reason: &str) -> Found {
        let node = before.node(instance).unwrap();
        let step = before.step(node);
        let closed = rules::road(before, step)
            .is_some_and(|(_, t)| t == Some(false) || t.is_some() && rules::stopped(before));
        let when = step.when.iter().any(|w| rules::truth(before, &w.condition) == Some(false));
        let is_so = if reason.starts_with("guard `") {
            self.blocked
        } else if reason.starts_with("not taken: `") {
            closed
        } else if reason.ends_with("` failed and stopped the run") {
            let failed = reason.split('`').nth(1).and_then(Instance::parse);
            failed.and_then(|f| before.node(&f)).is_some_and(|n| n.state == State::Failed)
                && rules::stopped(before)
        } else if let Some(state) = named(before, reason) {
            let is_so = match reason.rsplit('`').next() {
                Some(" failed") => state == State::Failed,
                Some(" did not fail") => state.is_final() && state != State::Failed,
                Some(" was skipped") => state == State::Skipped,
                Some(" was cancelled") => state == State::Cancelled,
                Some(" is unproven") => state == State::Unproven,
                _ => false,
            };
            is_so && rules::edges_forbid(before, step)
        } else if reason.starts_with("the condition `") {
            rules::edges_forbid(before, step)
        } else {
            when
        };
        demand(is_so, || format!("(h) {instance} is skipped, but not: {reason}"))
    }

    /// (e) When the run ends, every `finally` step was tried, or its own edges and conditions spoke against it.
    fn finally_ran(&self, before: &Run, after: &Run) -> Found {
        let started = before.nodes().iter().any(|n| !n.attempts.is_empty());
        let owed = started && !before.plan().finally.is_empty();
        demand(owed == self.in_finally, || format!("(e) finally owed: {owed}"))?;
        demand(!before.owes_finally(), || "(e) finally is still owed".to_owned())?;
        for node in before.nodes() {
            demand(node.state.is_final(), || format!("(e) {} has not ended", node.instance))?;
            let untried = node.finally && node.attempts.is_empty();
            demand(!untried || node.state != State::Cancelled, || {
                format!("(e) {} is {} untried", node.instance, node.state.name())
            })?;
        }
        let room = Room { slots: 9, on_hosts: 9, busy: BTreeSet::new() };
        demand(after.decide(&room).is_empty(), || "(e) something follows the end".to_owned())
    }
}

/// The state of the node that a reason begins with, if it does.
fn named(run: &Run, reason: &str) -> Option<State> {
    let name = reason.strip_prefix('`')?.split('`').next()?;
    Some(run.node(&Instance::parse(name)?)?.state)
}

fn subject(event: &Event) -> Option<&Instance> {
    match event {
        Event::StepStarted { step, .. }
        | Event::StepFinished { step, .. }
        | Event::StepInterrupted { step, .. }
        | Event::StepAsked { step, .. }
        | Event::StepAnswered { step, .. }
        | Event::StepSkipped { step, .. }
        | Event::StepUnproven { step, .. }
        | Event::StepFailed { step, .. }
        | Event::StepCancelled { step }
        | Event::TimerFired { step } => Some(step),
        _ => None,
    }
}

/// (a) A step starts, or is asked for, only after its edges hold and its road is taken.
fn starts_after_its_edges(before: &Run, instance: &Instance) -> Found {
    let step = before.step(before.node(instance).unwrap());
    demand(rules::edges_hold(before, step), || {
        format!("(a) {instance} starts, its edges are {:?}", rules::verdicts(before, step))
    })?;
    let closed = rules::road(before, step).filter(|(_, taken)| *taken != Some(true));
    demand(closed.is_none(), || format!("(a) {instance} starts, and its road is not taken"))?;
    let whens = step.when.iter().all(|w| rules::truth(before, &w.condition) == Some(true));
    demand(whens && step.unmet.is_none(), || format!("(a) {instance} starts against its `when`"))
}

/// (e) `finally` comes after all steps, one instance of each, and of a releaser one for each attempt.
fn finally_comes_last(before: &Run, steps: &[Instance]) -> Found {
    let open = before.nodes().iter().find(|n| !n.state.is_final());
    demand(open.is_none(), || format!("(e) finally begins before {open:?} ended"))?;
    let mut wanted = BTreeSet::new();
    for step in &before.plan().finally {
        let holder =
            before.nodes().iter().find(|n| before.step(n).release.as_ref() == Some(&step.id));
        match holder {
            None => drop(wanted.insert(Instance::only(step.id.clone()))),
            Some(h) => wanted.extend(
                h.attempts.iter().map(|a| Instance::release(step.id.clone(), &h.instance, a.n)),
            ),
        }
    }
    let got: BTreeSet<Instance> = steps.iter().cloned().collect();
    demand(got == wanted && got.len() == steps.len(), || format!("(e) {got:?}, not {wanted:?}"))
}

/// (f) No lock has two holders.
fn locks_are_exclusive(after: &Run) -> Found {
    let mut held: BTreeSet<&Name> = BTreeSet::new();
    let busy = |n: &&Node| matches!(n.state, State::Running | State::Held);
    for node in after.nodes().iter().filter(busy) {
        for lock in &after.step(node).locks {
            demand(held.insert(lock), || format!("(f) two steps hold {lock}"))?;
        }
    }
    Ok(())
}

/// (c) The same records, written and read again, give the same run, which does the same; asked twice, too.
pub(crate) fn replay_equals_live(
    plan: &Plan,
    records: &[Record],
    live: &Run,
    room: &Room,
) -> Found {
    let plan: Plan = serde_json::from_str(&serde_json::to_string(plan).unwrap()).unwrap();
    let mut replay = Run::new(Arc::new(plan));
    for record in records {
        let written = serde_json::to_string(record).unwrap();
        let read: Record = serde_json::from_str(&written).unwrap();
        replay.apply(&read).map_err(|e| format!("(c) {e}"))?;
    }
    let what = |n: &Node| {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?} {:?}",
            n.instance, n.state, n.reason, n.outputs, n.attempts, n.holder, n.lease
        )
    };
    let all = |run: &Run| run.nodes().iter().map(what).collect::<Vec<_>>();
    demand(all(&replay) == all(live), || format!("(c) {:#?}\nnot {:#?}", all(&replay), all(live)))?;
    let whole = |run: &Run| (run.status(), run.reason().map(str::to_owned), run.driven_ms());
    demand(whole(&replay) == whole(live), || "(c) the runs differ".to_owned())?;
    demand(replay.decide(room) == live.decide(room), || "(c) they decide otherwise".to_owned())?;
    demand(live.decide(room) == live.decide(room), || "(c) asked twice, it differs".to_owned())
}
