//! Tree to what follows a failure: `on_error` and its retries.

use super::call::by_name;
use super::decode::{Decode, Fields, Problems, bad_value, wrong_type};
use super::tree::{Kind, Node};
use crate::diagnostic::{At, Code, Diagnostic};
use crate::workflow::{ErrorTag, OnError, Retry};

impl Decode for OnError {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            return match ErrorTag::decode(node, problems)? {
                ErrorTag::Stop => Some(Self::Stop),
                ErrorTag::Continue => Some(Self::Continue),
                ErrorTag::Retry => Some(Self::Retry(Retry::default())),
                tag @ (ErrorTag::Fallback | ErrorTag::Branch) => {
                    let example = format!("{{ strategy = \"{tag}\", target = \"other-step\" }}");
                    problems.push(
                        Diagnostic::new(Code::MissingField, format!("{tag} needs a target"))
                            .at(node.place, "no target here")
                            .hint(format!("write {example}")),
                    );
                    None
                }
            };
        }
        let mut t = Fields::of(node, "`on_error`", problems)?;
        let tag = t.need("strategy", problems)?;
        let made = match tag {
            ErrorTag::Stop => Some(Self::Stop),
            ErrorTag::Continue => Some(Self::Continue),
            ErrorTag::Retry => retry(&mut t, problems).map(Self::Retry),
            ErrorTag::Fallback => {
                t.need("target", problems).map(|target| Self::Fallback { target })
            }
            ErrorTag::Branch => {
                let on_success = t.get("on_success", problems);
                t.need("target", problems).map(|target| Self::Branch { target, on_success })
            }
        };
        t.not_yet(&["block"], problems);
        // ontoref's contract gives these to every strategy (its schema.ncl).
        t.pass("max", 3);
        t.pass("backoff_s", 5);
        t.done(problems);
        made
    }
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            max: 3,
            backoff_s: 5.0,
            factor: 1.0,
            max_backoff_s: None,
            jitter: 0.0,
            on_exits: Vec::new(),
            on_outcomes: Vec::new(),
            escalate: Vec::new(),
            then: Box::new(OnError::Stop),
        }
    }
}

fn retry(t: &mut Fields<'_>, problems: &mut Problems) -> Option<Retry> {
    let plain = Retry::default();
    let mut retry = Retry {
        max: t.get("max", problems).unwrap_or(plain.max),
        backoff_s: t.get("backoff_s", problems).unwrap_or(plain.backoff_s),
        factor: t.get("factor", problems).unwrap_or(plain.factor),
        max_backoff_s: t.get("max_backoff_s", problems),
        jitter: t.get("jitter", problems).unwrap_or(plain.jitter),
        ..plain
    };
    if let Some(node) = t.node("on") {
        let Kind::Array(all) = &node.kind else { return wrong_type(node, "a list", problems) };
        for one in all {
            match &one.kind {
                Kind::String(_) => retry.on_outcomes.extend(At::decode(one, problems)),
                _ => retry.on_exits.extend(i32::decode(one, problems)),
            }
        }
    }
    if let Some(node) = t.node("escalate") {
        retry.escalate = by_name(node, "`escalate`", problems)?;
    }
    if let Some(node) = t.node("then") {
        let then = OnError::decode(node, problems)?;
        if matches!(then, OnError::Retry(_)) {
            return bad_value(node, "`then` cannot be Retry again: raise `max`", problems);
        }
        retry.then = Box::new(then);
    }
    Some(retry)
}
