//! How attempts and probes end by chance.

use std::collections::BTreeMap;

use ostler::ids::Name;
use ostler::run::{Check, Ending, Outcome};

use crate::generate::Rng;

/// How an attempt ends that passes so often in a hundred; with these outputs, if it gives any.
pub(crate) fn ending(
    rng: &mut Rng,
    pass: usize,
    outputs: BTreeMap<Name, serde_json::Value>,
) -> Ending {
    if rng.percent(pass) {
        let mut ending = Ending::of(Outcome::Exited { code: 0 }, true);
        ending.outputs = outputs;
        return ending;
    }
    let outcome = match rng.below(9) {
        0 => Outcome::TimedOut { after_ms: 7 },
        1 => Outcome::Stalled { after_ms: 7 },
        2 => Outcome::Signaled { signal: 9 },
        3 => Outcome::CouldNotStart { reason: "it is not there".to_owned() },
        4 => Outcome::Lost { reason: "its keeper died".to_owned() },
        5 => Outcome::Exited { code: 0 },
        code => Outcome::Exited { code: i32::try_from(code).unwrap() - 5 },
    };
    let mut ending = Ending::of(outcome, false);
    if ending.outcome == (Outcome::Exited { code: 0 }) {
        let text = String::new;
        let check =
            Check { what: "stdout".into(), expected: text(), observed: text(), passed: false };
        ending.checks.push(check);
    } else if rng.percent(30) {
        ending.outputs = outputs;
    }
    ending
}

/// What a probe says, or that it was ended with the run.
pub(crate) fn probed(rng: &mut Rng, is_ending: bool) -> Outcome {
    match rng.below(10) {
        _ if is_ending => Outcome::Cancelled,
        0 => Outcome::TimedOut { after_ms: 9 },
        1 | 2 => Outcome::Exited { code: 1 },
        _ => Outcome::Exited { code: 0 },
    }
}
