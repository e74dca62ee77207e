//! Agents and people in a world: they take steps and report them, or give them back, or let the engine do them, or forget.

use ostler::ids::Instance;
use ostler::run::{Actor, ActorKind, Ending, Event, Outcome, Parting, Said};

use super::{Found, World};
use crate::dsl::agent;

/// The leases here, in milliseconds: longer than a few records take.
const LEASES: [u64; 3] = [100, 1_000, 60_000];

fn person() -> Actor {
    Actor { kind: ActorKind::Human, name: "p".to_owned() }
}

impl World {
    /// Somebody does something, if there is something for them; `false` if not.
    pub(super) fn act(&mut self) -> Result<bool, String> {
        let run = &self.log.run;
        let held: Vec<Instance> = run.held().map(|(node, _)| node.instance.clone()).collect();
        let offered: Vec<Instance> = run.offered().map(|node| node.instance.clone()).collect();
        if self.rng.percent(10) {
            self.stale()?;
        }
        if !held.is_empty() && (offered.is_empty() || self.rng.percent(60)) {
            let step = self.rng.pick(&held).clone();
            return self.holder_acts(step).map(|()| true);
        }
        if offered.is_empty() {
            return Ok(false);
        }
        let step = self.rng.pick(&offered).clone();
        self.begin(step).map(|()| true)
    }

    /// Somebody takes a step, or lets the engine do it.
    fn begin(&mut self, step: Instance) -> Found {
        let run = &self.log.run;
        let asked = run.step(run.node(&step).unwrap()).is_asked();
        if !asked && self.rng.percent(25) {
            return self.put_as(&agent("x"), Event::StepHandedOver { step });
        }
        let who = if asked { person() } else { agent(["x", "y", "z"][self.rng.below(3)]) };
        let token = self.log.run.seq();
        let until = self.log.now.plus(*self.rng.pick(&LEASES));
        self.leases.push((step.clone(), token));
        self.put_as(&who, Event::StepTaken { step, token, until })
    }

    fn holder_acts(&mut self, step: Instance) -> Found {
        let lease = self.log.run.node(&step).unwrap().lease.clone().unwrap();
        let (token, note) = (lease.token, None);
        // Whoever acts settles first what time has done.
        if lease.until <= self.log.now || self.rng.percent(12) {
            self.log.now = self.log.now.max(lease.until);
            return self.lapse();
        }
        let asked = {
            let run = &self.log.run;
            run.step(run.node(&step).unwrap()).is_asked()
        };
        if lease.by.kind == ActorKind::Agent && self.rng.percent(5) {
            let how = Parting::Revoked;
            return self.put_as(&person(), Event::LeaseEnded { step, token, how, note });
        }
        let event = match self.rng.below(100) {
            0..10 => Event::LeaseEnded { step, token, how: Parting::Released, note },
            10..18 if !asked => Event::LeaseEnded { step, token, how: Parting::HandedOver, note },
            18..25 => {
                let until = self.log.now.plus(*self.rng.pick(&LEASES));
                Event::LeaseRenewed { step, token, until }
            }
            25..30 => {
                let ending = Box::new(Ending::of(Outcome::Answered, false));
                let said = Said::Skipped;
                Event::StepReported { step, token, said, ending, note, report: None }
            }
            _ => {
                let attempt = self.log.run.node(&step).unwrap().attempts.len() + 1;
                let ending = Box::new(self.ending_of(&step, u32::try_from(attempt).unwrap()));
                let said = if ending.passed { Said::Passed } else { Said::Failed };
                Event::StepReported { step, token, said, ending, note, report: None }
            }
        };
        self.put_as(&lease.by, event)
    }

    fn lapse(&mut self) -> Found {
        let over = self.log.run.lapsed(self.log.now);
        if over.is_empty() {
            return Err("(j) a lease is over, and does not end".to_owned());
        }
        over.into_iter().try_for_each(|event| self.put(event))
    }

    /// (j) What somebody does under a lease that has ended is refused.
    fn stale(&mut self) -> Found {
        let Some((step, token)) = self.leases.last().cloned() else { return Ok(()) };
        let any = self.rng.pick(&self.leases).clone();
        let (step, token) = if self.rng.percent(50) { (step, token) } else { any };
        let Some(node) = self.log.run.node(&step) else { return Ok(()) };
        if node.lease.as_ref().is_some_and(|lease| lease.token == token) {
            return Ok(());
        }
        let ending = Box::new(Ending::of(Outcome::Exited { code: 0 }, true));
        let (said, note, report) = (Said::Passed, None, None);
        let late = Event::StepReported { step: step.clone(), token, said, ending, note, report };
        let record = self.log.record(late);
        match self.log.run.clone().apply(&record) {
            Ok(()) => Err(format!("(j) a report of {step} under {token} is taken: it has ended")),
            Err(_) => Ok(()),
        }
    }
}
