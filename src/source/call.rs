//! Tree to calls, and tables whose keys are the author's names.

use super::decode::{Decode, Fields, Problems};
use super::tree::{Kind, Node};
use crate::diagnostic::At;
use crate::ids::Name;
use crate::workflow::Call;

impl Decode for Call {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            let verb = At::decode(node, problems)?;
            return Some(Self { verb, params: Vec::new(), lenient: false });
        }
        let mut t = Fields::of(node, "a call", problems)?;
        let verb = t.need("verb", problems);
        let params = t.node("params").and_then(|node| by_name(node, "`params`", problems));
        let lenient = t.get("lenient", problems).unwrap_or(false);
        t.done(problems);
        Some(Self { verb: verb?, params: params.unwrap_or_default(), lenient })
    }
}

/// A table of names.
pub(super) fn by_name<T: Decode>(
    node: &Node,
    what: &'static str,
    problems: &mut Problems,
) -> Option<Vec<(At<Name>, T)>> {
    let mut all = Vec::new();
    for entry in Fields::of(node, what, problems)?.entries() {
        let key = Node { place: entry.key_place, kind: Kind::String(entry.key.clone()) };
        all.extend(At::decode(&key, problems).zip(T::decode(&entry.value, problems)));
    }
    Some(all)
}
