//! What befalls a run in a world: it is cancelled or vetoed, runs out of time, changes drivers, loses its engine or machine.

use ostler::ids::Instance;
use ostler::run::{Event, Record, Run, State};

use super::World;
use crate::dsl::driver;
use crate::properties::{Found, Witness};

impl World {
    pub(super) fn accidents(&mut self) -> Found {
        if self.rng.percent(self.luck.cancel) {
            self.put(Event::CancelRequested { by: "SIGINT".to_owned() })?;
        }
        if !self.log.run.is_past_steps() && self.rng.percent(self.luck.deadline) {
            self.put(Event::DeadlinePassed { after_ms: 5 })?;
        }
        if self.rng.percent(self.luck.veto) {
            self.remark()?;
        }
        if self.rng.percent(self.luck.crash) {
            self.crash()?;
        }
        Ok(())
    }

    /// The driver leaves in good order, and another comes.
    pub(super) fn leave(&mut self) -> Found {
        self.put(Event::DriverLeft)?;
        self.forced = self.log.records.len();
        let boot = format!("boot-{}", self.boots);
        self.put(driver(&boot))?;
        match self.log.run.interrupted(false) {
            none if none.is_empty() => Ok(()),
            some => Err(format!("(i) nothing ran, and yet {some:?}")),
        }
    }

    /// The engine dies, or the machine does, and the last records with it; another driver takes over.
    pub(super) fn crash(&mut self) -> Found {
        let rebooted = self.rng.percent(50);
        let mut records = std::mem::take(&mut self.log.records);
        if rebooted {
            self.boots += 1;
            let spare = records.len() - self.forced.min(records.len());
            records.truncate(self.forced + self.rng.below(spare + 1));
        }
        self.forced = self.forced.min(records.len());
        self.replay(records)?;
        self.jobs.clear();
        self.ending = false;
        self.put(driver(&format!("boot-{}", self.boots)))?;
        let running: Vec<Instance> = {
            let nodes = self.log.run.nodes().iter();
            nodes.filter(|n| n.state == State::Running).map(|n| n.instance.clone()).collect()
        };
        for event in self.log.run.interrupted(rebooted) {
            self.put(event)?;
        }
        // What a new driver finds is one write, forced before it goes on: half of it would hide the rest.
        self.forced = self.log.records.len();
        for step in running {
            if self.log.run.node(&step).is_some_and(|n| n.state == State::Running) {
                return Err(format!("(i) {step} ran, and is not known to be interrupted"));
            }
        }
        for (step, attempt) in &self.began {
            let known = self.log.run.node(step).map_or(0, |n| n.attempts.len());
            if known < *attempt as usize {
                return Err(format!("(i) attempt {attempt} of {step} began, and nobody knows"));
            }
        }
        Ok(())
    }

    fn replay(&mut self, records: Vec<Record>) -> Found {
        self.log.run = Run::new(self.plan.clone());
        self.witness = Witness::default();
        for record in &records {
            let before = self.log.run.clone();
            self.log.run.apply(record).map_err(|e| format!("(c) {e}"))?;
            self.witness.judge(&before, record, &self.log.run)?;
        }
        self.log.records = records;
        Ok(())
    }
}
