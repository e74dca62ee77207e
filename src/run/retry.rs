//! Whether a failed attempt is followed by another, when, and with which params.

use std::collections::BTreeMap;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::node::Node;
use super::outcome::{Ending, Outcome};
use super::state::Run;
use crate::ids::Name;
use crate::plan::Plan;
use crate::value::Time;
use crate::workflow::{OnError, Retry};

impl Run {
    /// When the next attempt of a failed node starts, if there is to be one.
    pub(super) fn retry_at(&self, node: &Node, ending: &Ending, now: Time) -> Option<Time> {
        let OnError::Retry(retry) = &self.step(node).on_error else { return None };
        let left = node.retries < retry.max;
        if !left || !is_worth(retry, ending) || (self.is_winding_up() && !node.finally) {
            return None;
        }
        escalated(&self.plan, retry, node.retries + 1)?;
        let wait = backoff(retry, node.retries, self.chance(node));
        Some(now.plus(wait))
    }

    /// The params of a node's next attempt that differ from the plan's.
    pub fn next_params(&self, node: &Node) -> BTreeMap<Name, Value> {
        match &self.step(node).on_error {
            OnError::Retry(retry) if node.retries > 0 => {
                escalated(&self.plan, retry, node.retries).unwrap_or_default()
            }
            _ => BTreeMap::new(),
        }
    }

    /// A number between 0 and 1 that is the same in every replay.
    fn chance(&self, node: &Node) -> f64 {
        let text = format!("{} {} {}", self.seed(), node.instance, node.attempts.len());
        let digest = Sha256::digest(text);
        let bits = u32::from_le_bytes([digest[0], digest[1], digest[2], digest[3]]);
        f64::from(bits) / f64::from(u32::MAX)
    }
}

/// Whether the way it ended is worth another try. What may still have an effect is not, unless named.
fn is_worth(retry: &Retry, ending: &Ending) -> bool {
    let named = ending.causes().iter().any(|c| retry.on_outcomes.iter().any(|o| o.value == *c));
    let coded = ending.outcome.exit_code().is_some_and(|code| retry.on_exits.contains(&code));
    let any = retry.on_outcomes.is_empty() && retry.on_exits.is_empty();
    let hopeless = match ending.outcome {
        Outcome::NoConnection { why, .. } => !why.may_pass(),
        Outcome::Interrupted { .. } | Outcome::Lost { .. } | Outcome::Cancelled => true,
        _ => false,
    };
    named || coded || (any && !hopeless)
}

/// Milliseconds to wait before retry number `used + 1`.
fn backoff(retry: &Retry, used: u32, chance: f64) -> u64 {
    let exponent = i32::try_from(used).unwrap_or(i32::MAX);
    let grown = retry.backoff_s * retry.factor.powi(exponent);
    let capped = grown.min(retry.max_backoff_s.unwrap_or(f64::MAX)).clamp(0.0, 1e7);
    let seconds = capped * (1.0 - retry.jitter * chance);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1e10"
    )]
    let ms = (seconds * 1_000.0) as u64;
    ms
}

/// The escalated params of retry number `nth`, or none if one of them has no value left.
fn escalated(plan: &Plan, retry: &Retry, nth: u32) -> Option<BTreeMap<Name, Value>> {
    let mut params = BTreeMap::new();
    for (name, values) in &retry.escalate {
        let current = plan.params.get(&name.value).map(|p| &p.value);
        let after = values.iter().position(|v| Some(v) == current).map_or(0, |at| at + 1);
        let at = after + (nth as usize).saturating_sub(1);
        params.insert(name.value.clone(), values.get(at)?.clone());
    }
    Some(params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_up_to_its_limit() {
        let retry =
            Retry { backoff_s: 2.0, factor: 3.0, max_backoff_s: Some(10.0), ..Retry::default() };
        assert_eq!([0, 1, 2].map(|used| backoff(&retry, used, 0.5)), [2_000, 6_000, 10_000]);
        let jittered = Retry { jitter: 0.5, ..retry };
        assert_eq!(backoff(&jittered, 0, 1.0), 1_000);
        assert_eq!(backoff(&jittered, 0, 0.0), 2_000);
    }
}
