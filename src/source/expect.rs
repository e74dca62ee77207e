//! Tree to expectations: `expect` and its parts.

use super::decode::{Decode, Fields, Problems, mismatch, wrong_type};
use super::step::one_or_many;
use super::tree::{Kind, Node};
use crate::diagnostic::At;
use crate::workflow::{Expect, FileExpect, Json, TextExpect};

impl Decode for Expect {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        let mut t = Fields::of(node, "`expect`", problems)?;
        let expect = Self {
            exit: t.node("exit").and_then(|n| one_or_many(n, problems)).unwrap_or_default(),
            stdout: t.get("stdout", problems),
            stderr: t.get("stderr", problems),
            file: t.node("file").and_then(|n| one_or_many(n, problems)).unwrap_or_default(),
            count: t.get("count", problems),
            unchanged: t
                .node("unchanged")
                .and_then(|n| one_or_many(n, problems))
                .unwrap_or_default(),
            within: t.get("within", problems),
        };
        t.done(problems);
        // Where nothing of it could be read, it is not empty.
        (problems.len() == before || expect != Self::default()).then_some(expect)
    }
}

impl Decode for TextExpect {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(text) = &node.kind {
            let meant = format!("write {{ contains = {text:?} }}, or `equals` for all of it");
            problems.push(mismatch(node, "a table").hint(meant));
            return None;
        }
        let mut t = Fields::of(node, "an expectation of a text", problems)?;
        let expect = Self {
            equals: t.get("equals", problems),
            contains: t.node("contains").and_then(|n| one_or_many(n, problems)).unwrap_or_default(),
            matches: t.get::<At<String>>("matches", problems),
            empty: t.get("empty", problems),
            json: t.get("json", problems),
        };
        t.done(problems);
        Some(expect)
    }
}

impl Decode for Json {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match &node.kind {
            Kind::Bool(true) => Some(Self::Valid),
            Kind::Table(entries) => {
                let at = entries.iter().map(|e| (e.key.clone(), e.value.to_json()));
                Some(Self::At(at.collect()))
            }
            _ => wrong_type(
                node,
                "true, or a table of JSON pointers such as { \"/a/b\" = 1 }",
                problems,
            ),
        }
    }
}

impl Decode for FileExpect {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "an expectation of a file", problems)?;
        let path = t.need("path", problems);
        let exists = t.get("exists", problems);
        let absent: Option<bool> = t.get("absent", problems);
        let contains =
            t.node("contains").and_then(|n| one_or_many(n, problems)).unwrap_or_default();
        let sha256 = t.get("sha256", problems);
        t.done(problems);
        let exists = exists.or(absent.map(|absent| !absent)).unwrap_or(true);
        Some(Self { path: path?, exists, contains, sha256 })
    }
}
