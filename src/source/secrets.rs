//! Tree to secrets: variables, and the sources of their values.

use super::decode::{Decode, Fields, Problems, bad_value};
use super::step::{one_or_many, variable};
use super::tree::{Kind, Node};
use crate::diagnostic::{At, Code, Diagnostic};
use crate::workflow::{Secret, SecretSource};

type Source = SecretSource<At<String>>;

/// `secrets`: variables, each with a source or several in order.
pub(super) fn secrets(t: &mut Fields<'_>, problems: &mut Problems) -> Vec<Secret> {
    let Some(node) = t.node("secrets") else { return Vec::new() };
    let Some(table) = Fields::of(node, "`secrets`", problems) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in table.entries() {
        variable(&entry.key, entry.key_place, problems);
        if matches!(&entry.value.kind, Kind::Array(sources) if sources.is_empty()) {
            bad_value::<()>(&entry.value, "a secret needs a source", problems);
        }
        let name = At { value: entry.key.clone(), place: entry.key_place };
        let sources = one_or_many(&entry.value, problems);
        all.extend(sources.map(|sources| Secret { name, sources }));
    }
    all
}

impl Decode for Source {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            problems.push(
                Diagnostic::new(
                    Code::WrongType,
                    "a secret is not written in a file that others read",
                )
                .at(node.place, "expected where it comes from")
                .hint("name its source, such as { env = \"TOKEN\" } or { file = \"~/.token\" }"),
            );
            return None;
        }
        let before = problems.len();
        let mut t = Fields::of(node, "a source of a secret", problems)?;
        let mut said: Vec<Self> = Vec::new();
        said.extend(named(&mut t, "env", problems).map(Self::Env));
        said.extend(path(&mut t, "file", problems).map(Self::File));
        said.extend(words(&mut t, problems).map(Self::Command));
        said.extend(named(&mut t, "credential", problems).map(Self::Credential));
        let identity = path(&mut t, "identity", problems);
        let has_identity = identity.is_some();
        if let Some(file) = path(&mut t, "age", problems) {
            let Some(identity) = identity else {
                problems.push(
                    Diagnostic::new(Code::MissingField, "a source by `age` needs `identity`")
                        .at(node.place, "`identity` is missing here")
                        .hint("the file with the key: identity = \"~/.config/age/key.txt\""),
                );
                return None;
            };
            said.push(Self::Age { file, identity });
        }
        let key = named(&mut t, "key", problems);
        let has_key = key.is_some();
        said.extend(path(&mut t, "sops", problems).map(|file| Self::Sops { file, key }));
        t.done(problems);
        let source = said.pop();
        let idle = match &source {
            Some(Self::Age { .. }) => has_key,
            Some(Self::Sops { .. }) => has_identity,
            _ => has_key || has_identity,
        };
        if problems.len() == before && (source.is_none() || !said.is_empty() || idle) {
            problems.push(
                Diagnostic::new(Code::Contradiction, "a source of a secret is of exactly one kind")
                    .at(node.place, format!("one of {}", Self::KINDS.join(", ")))
                    .hint("several sources are a list: the first that has the secret wins")
                    .hint("`identity` goes with `age`, `key` with `sops`"),
            );
        }
        source
    }
}

/// A field that holds a name of somebody else's; what it may look like depends on whose.
fn named(t: &mut Fields<'_>, field: &'static str, problems: &mut Problems) -> Option<String> {
    let node = t.node(field)?;
    let text = String::decode(node, problems)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    let part = |part: &str| !part.is_empty() && part.bytes().all(plain);
    match field {
        "env" => variable(&text, node.place, problems),
        "key" if !text.split('.').all(part) => {
            return bad_value(
                node,
                "a key is names with dots between them, such as `a.b`",
                problems,
            );
        }
        "credential"
            if text.starts_with('.')
                || !text.bytes().all(|b| plain(b) || b == b'.')
                || text.is_empty() =>
        {
            return bad_value(node, "a credential has a plain file name", problems);
        }
        _ => {}
    }
    Some(text)
}

/// A field that holds a path.
fn path(t: &mut Fields<'_>, field: &'static str, problems: &mut Problems) -> Option<At<String>> {
    let node = t.node(field)?;
    let path = At::<String>::decode(node, problems)?;
    if path.trim().is_empty() {
        return bad_value(node, format!("`{field}` is empty"), problems);
    }
    Some(path)
}

/// The words of a command.
fn words(t: &mut Fields<'_>, problems: &mut Problems) -> Option<Vec<At<String>>> {
    let node = t.node("command")?;
    if let Kind::String(text) = &node.kind {
        let words: Vec<String> = text.split_whitespace().map(|word| format!("{word:?}")).collect();
        problems.push(
            super::decode::mismatch(node, "a list of words")
                .hint(format!("no shell reads it: write [{}]", words.join(", "))),
        );
        return None;
    }
    let words = Vec::<At<String>>::decode(node, problems)?;
    if words.is_empty() {
        return bad_value(node, "`command` is empty", problems);
    }
    Some(words)
}
