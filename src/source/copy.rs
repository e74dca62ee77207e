//! Tree to `copy` and `reboot`.

use super::decode::{Decode, Fields, Problems, bad_value, mismatch};
use super::tree::{Kind, Node};
use crate::workflow::{Copy, Reboot};

impl Decode for Copy {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "`copy`", problems)?;
        let (from, to) = (t.need("from", problems), t.need("to", problems));
        let parents = t.get("parents", problems).unwrap_or(false);
        t.done(problems);
        Some(Self { from: from?, to: to?, parents })
    }
}

impl Decode for Reboot {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            Kind::Bool(true) => return Some(Self { cmd: None, deadline: Self::DEADLINE }),
            Kind::Bool(false) => {
                return bad_value(node, "a step without a reboot has no `reboot` at all", problems);
            }
            Kind::Table(_) => {}
            _ => {
                let problem = mismatch(node, "true, or a table with `cmd` and `deadline`");
                problems.push(problem);
                return None;
            }
        }
        let mut t = Fields::of(node, "`reboot`", problems)?;
        let cmd = t.get("cmd", problems);
        let deadline = t.get("deadline", problems).unwrap_or(Self::DEADLINE);
        t.done(problems);
        Some(Self { cmd, deadline })
    }
}
