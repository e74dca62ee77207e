//! What agents and people do with the steps of a hand-written case.

use ostler::run::{Event, Outcome, Parting, Said};

use crate::driver::Case;
use crate::dsl::{agent, exit, inst};

/// How long a lease lasts here, in milliseconds.
pub(crate) const LEASE: u64 = 60_000;

impl Case {
    /// An agent takes a step.
    pub(crate) fn take(mut self, who: &str, step: &str) -> Self {
        let until = self.log.now.plus(LEASE);
        let token = self.log.run.seq();
        let taken = Event::StepTaken { step: inst(step), token, until };
        self.log.put_as(&agent(who), taken).unwrap();
        self
    }

    /// The token of the lease on a step.
    #[track_caller]
    pub(crate) fn token(&self, step: &str) -> u64 {
        self.log.run.node(&inst(step)).unwrap().lease.as_ref().unwrap().token
    }

    /// What its holder says of a step; where it failed, that its command exited with 1.
    pub(crate) fn report_of(&self, step: &str, said: Said) -> Event {
        let mut ending = exit(i32::from(said != Said::Passed));
        if said == Said::Skipped {
            ending.outcome = Outcome::Answered;
        }
        let (step, token) = (inst(step), self.token(step));
        let note = (said == Said::Skipped).then(|| "not here".to_owned());
        Event::StepReported { step, token, said, ending: Box::new(ending), note, report: None }
    }

    /// Its holder reports a step, and what follows is done.
    pub(crate) fn reports(self, step: &str, said: Said) -> Self {
        self.says_so(step, said).go()
    }

    /// Its holder reports a step.
    pub(crate) fn says_so(mut self, step: &str, said: Said) -> Self {
        let report = self.report_of(step, said);
        let by = self.log.run.node(&inst(step)).unwrap().lease.as_ref().unwrap().by.clone();
        self.log.put_as(&by, report).unwrap();
        self
    }

    /// An agent takes a step and reports it passed.
    pub(crate) fn does(self, step: &str) -> Self {
        self.take("a", step).reports(step, Said::Passed)
    }

    /// Its holder parts with a step, and what follows is done.
    pub(crate) fn parts(mut self, step: &str, how: Parting) -> Self {
        let (step, token) = (inst(step), self.token(step));
        self.put(Event::LeaseEnded { step, token, how, note: None });
        self.go()
    }

    /// The engine is to do a step that nobody holds, and does.
    pub(crate) fn hands_over(mut self, step: &str) -> Self {
        self.put(Event::StepHandedOver { step: inst(step) });
        self.go()
    }

    /// So many milliseconds pass, and what that ends is recorded.
    pub(crate) fn passes(mut self, ms: u64) -> Self {
        self.log.now = self.log.now.plus(ms);
        let over = self.log.run.lapsed(self.log.now);
        over.into_iter().for_each(|event| self.put(event));
        self.go()
    }

    /// Demands that just these steps are offered, in this order.
    #[track_caller]
    pub(crate) fn offers(self, steps: &str) -> Self {
        let offered: Vec<String> =
            self.log.run.offered().map(|node| node.instance.to_string()).collect();
        assert_eq!(offered.join(" "), steps);
        self
    }

    /// Demands that a replay of the log comes to the same.
    #[track_caller]
    pub(crate) fn replays(self) -> Self {
        let what = |run: &ostler::run::Run| {
            let nodes = run.nodes().iter();
            let node = |n: &ostler::run::Node| {
                format!("{} {:?} {:?} {:?}", n.instance, n.state, n.attempts, n.lease)
            };
            (nodes.map(node).collect::<Vec<_>>(), run.status())
        };
        assert_eq!(what(&self.replayed()), what(&self.log.run));
        self
    }
}
