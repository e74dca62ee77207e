//! Tree to where a step runs and over what it fans out.

use super::decode::{Decode, Fields, Problems, bad_value, wrong_type};
use super::tree::{Kind, Node};
use crate::diagnostic::At;
use crate::ids::Name;
use crate::workflow::{Batch, ForEach, HostRef, Items, Lease};

impl Decode for HostRef {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            let text = String::decode(node, problems)?;
            if text.trim().is_empty() {
                return bad_value(node, "`host` is empty", problems);
            }
            return Some(Self::Named(text));
        }
        let mut t = Fields::of(node, "`host`", problems)?;
        let address = t.need("address", problems);
        let port = t.node("port").and_then(|node| number_or_text(node, problems));
        let (user, host_key) = (t.get("user", problems), t.get("host_key", problems));
        t.done(problems);
        Some(Self::Lease(Box::new(Lease { address: address?, port, user, host_key })))
    }
}

/// A number, or a text with a placeholder in its stead.
fn number_or_text(node: &Node, problems: &mut Problems) -> Option<At<String>> {
    let value = match &node.kind {
        Kind::Int(n) => n.to_string(),
        _ => String::decode(node, problems)?,
    };
    Some(At { value, place: node.place })
}

impl Decode for ForEach {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let item = || Name::parse("item").ok().map(|value| At { value, place: node.place });
        if let Kind::Array(_) | Kind::String(_) = node.kind {
            let items = At::decode(node, problems);
            return Some(Self {
                items: Some(items?),
                name: item()?,
                concurrency: None,
                canary: 0,
                batch: None,
                max_failures: Some(0),
                allow_empty: false,
            });
        }
        let mut t = Fields::of(node, "`for_each`", problems)?;
        let each = Self {
            items: t.get("items", problems),
            name: t.get("as", problems).or_else(item)?,
            concurrency: at_least_one(&mut t, "concurrency", problems),
            canary: t.get("canary", problems).unwrap_or(0),
            batch: t.get("batch", problems),
            max_failures: t
                .node("max_failures")
                .map_or(Some(Some(0)), |node| max_failures(node, problems))?,
            allow_empty: t.get("allow_empty", problems).unwrap_or(false),
        };
        t.done(problems);
        Some(each)
    }
}

fn at_least_one(t: &mut Fields<'_>, name: &'static str, problems: &mut Problems) -> Option<u32> {
    let node = t.node(name)?;
    match u32::decode(node, problems)? {
        0 => bad_value(node, format!("`{name}` is at least 1"), problems),
        n => Some(n),
    }
}

/// A number, or `all`.
#[expect(clippy::option_option, reason = "a problem was recorded, any number, or so many")]
fn max_failures(node: &Node, problems: &mut Problems) -> Option<Option<u32>> {
    match &node.kind {
        Kind::String(text) if text == "all" => Some(None),
        Kind::Int(_) => u32::decode(node, problems).map(Some),
        _ => wrong_type(node, "a whole number or \"all\"", problems),
    }
}

impl Decode for Items {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Array(all) = &node.kind else {
            let text = String::decode(node, problems)?;
            if text.starts_with('{') && text.ends_with('}') {
                return Some(Self::Of(text));
            }
            return bad_value(
                node,
                "one text is no list of items: write a list, or one placeholder whose value is a list",
                problems,
            );
        };
        let item = |node: &Node, problems: &mut Problems| {
            let value = match &node.kind {
                Kind::Int(n) => n.to_string(),
                _ => String::decode(node, problems)?,
            };
            Some(At { value, place: node.place })
        };
        let items: Vec<At<String>> = all.iter().filter_map(|one| item(one, problems)).collect();
        (items.len() == all.len()).then_some(Self::Each(items))
    }
}

impl Decode for Batch {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let expected = "a whole number from 1 on, or a share such as \"25%\"";
        match &node.kind {
            Kind::Int(1..) => u32::decode(node, problems).map(Self::Count),
            Kind::String(text) => {
                let share = text.strip_suffix('%').and_then(|n| n.trim().parse().ok());
                match share.filter(|n| (1..=100).contains(n)) {
                    Some(share) => Some(Self::Percent(share)),
                    None => bad_value(node, format!("expected {expected}"), problems),
                }
            }
            _ => wrong_type(node, expected, problems),
        }
    }
}
