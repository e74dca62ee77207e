//! What every attempt will give, fixed before the run, and the names of the ends.

use ostler::run::Outcome;

use crate::generate::Rng;

/// What each try at each thing will give: fixed before the run, whatever the order.
pub(crate) struct Table {
    pub(crate) seed: u64,
}

/// One try: how long it takes, and how it ends.
pub(crate) struct Try {
    pub(crate) ms: u64,
    pub(crate) code: i32,
}

impl Table {
    pub(crate) fn attempt(&self, instance: &str, attempt: usize) -> Try {
        let mut rng = Rng(self.seed);
        for byte in format!("{instance} {attempt}").bytes() {
            rng.0 = rng.next() ^ u64::from(byte);
        }
        let codes = [0, 0, 0, 1, 2];
        Try { ms: 10_000 + rng.next() % 90_000_000, code: *rng.pick(&codes) }
    }

    /// The outcome of guards and of the converge condition.
    pub(crate) fn probe(&self, what: &str) -> Outcome {
        Outcome::Exited { code: self.attempt(what, 0).code }
    }
}

/// How a step ended, as the documents name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Passed,
    Recovered,
    Failed,
    Skipped,
    Unproven,
}

impl End {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Recovered => "recovered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unproven => "unproven",
        }
    }

    pub(crate) fn passed(self) -> bool {
        matches!(self, Self::Passed | Self::Recovered)
    }
}
