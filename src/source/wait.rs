//! Tree to `wait`: what is waited for, and for how long.

use super::decode::{Decode, Fields, Problems, bad_value};
use super::tree::{Kind, Node};
use crate::diagnostic::{At, Code, Diagnostic};
use crate::workflow::{Until, Wait};

impl Decode for Wait {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "`wait`", problems)?;
        let nodes = ["until", "port", "duration"].map(|name| t.node(name));
        let asked = nodes.iter().flatten().count();
        let passes = nodes[0].and_then(|node| script(node, problems));
        let answers = nodes[1].and_then(|node| port(node, problems));
        let over = nodes[2].and_then(|node| Decode::decode(node, problems));
        let until = passes.map(Until::Passes).or(answers.map(Until::Answers));
        let until = until.or(over.map(Until::Over));
        let every = t.get("every", problems);
        let stays: Option<At<_>> = t.get("stays", problems);
        let deadline: Option<At<_>> = t.get("deadline", problems);
        let place = t.place;
        t.done(problems);
        if asked != 1 {
            let hint = "such as wait = { until = \"test -e ready\", deadline = \"10m\" }";
            let problem =
                Diagnostic::new(Code::Contradiction, "`wait` waits for exactly one thing")
                    .at(place, "one of `until`, `port` and `duration`");
            problems.push(problem.hint(hint));
            return None;
        }
        if let (Some(Until::Over(_)), Some(at)) = (&until, deadline.as_ref().or(stays.as_ref())) {
            let message =
                "a `duration` is over when it is over: it takes no `stays` and no `deadline`";
            problems.push(Diagnostic::new(Code::Contradiction, message).at(at.place, "not used"));
        }
        Some(Self {
            until: until?,
            every: every.unwrap_or(Self::EVERY),
            stays: stays.map(|at| at.value),
            deadline: deadline.map(|at| at.value),
        })
    }
}

fn script(node: &Node, problems: &mut Problems) -> Option<At<String>> {
    let text: At<String> = At::decode(node, problems)?;
    if text.trim().is_empty() {
        return bad_value(node, "`until` is empty", problems);
    }
    Some(text)
}

/// A port's number, or a text that may hold placeholders.
fn port(node: &Node, problems: &mut Problems) -> Option<At<String>> {
    let value = match node.kind {
        Kind::Int(_) => match u16::decode(node, problems)? {
            0 => return bad_value(node, "a port is between 1 and 65535", problems),
            port => port.to_string(),
        },
        _ => String::decode(node, problems)?,
    };
    Some(At { value, place: node.place })
}
