//! Tree to typed values: one trait, the scalar types, and tables read field by field with all problems collected.

use super::habits;
use super::tree::{Entry, Kind, Node};
use crate::diagnostic::{At, Code, Diagnostic, Place, closest, did_you_mean, printable};
use crate::ids::{BadName, Name, StepId, WorkflowId};
use crate::workflow::{Millis, Tag};

/// Where problems go while decoding continues.
pub(super) type Problems = Vec<Diagnostic>;

/// Something that can be read from a tree. `None` means a problem was recorded.
pub(super) trait Decode: Sized {
    /// Reads it.
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self>;
}

/// Records that `node` is not what was `expected`.
pub(super) fn wrong_type<T>(node: &Node, expected: &str, problems: &mut Problems) -> Option<T> {
    problems.push(mismatch(node, expected));
    None
}

/// The problem that `node` is not what was `expected`.
pub(super) fn mismatch(node: &Node, expected: &str) -> Diagnostic {
    Diagnostic::new(Code::WrongType, format!("expected {expected}, found {}", node.what()))
        .at(node.place, format!("expected {expected}"))
}

/// Records that there is no list, and how the one would be written that was probably meant.
pub(super) fn no_list<T>(node: &Node, field: &str, problems: &mut Problems) -> Option<T> {
    let problem = mismatch(node, "a list");
    problems.push(match &node.kind {
        Kind::String(text) => problem.hint(format!("write [\"{}\"]", printable(text))),
        Kind::Table(_) if TABLES.contains(&field) => problem.hint(format!("write [[{field}]]")),
        _ => problem,
    });
    None
}

/// Fields that are lists of tables.
const TABLES: &[&str] = &["finally", "guards", "param_groups", "params", "steps"];

impl Decode for String {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::String(text) = &node.kind else { return wrong_type(node, "a text", problems) };
        if text.contains('\0') {
            problems.push(
                Diagnostic::new(Code::BadValue, "a text with a NUL character in it")
                    .at(node.place, "no command can receive this"),
            );
            return None;
        }
        Some(text.clone())
    }
}

impl Decode for bool {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Bool(b) = node.kind else { return wrong_type(node, "true or false", problems) };
        Some(b)
    }
}

impl Decode for i64 {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            Kind::Int(n) => Some(n),
            // `3.0` is as whole as `3`.
            #[expect(clippy::cast_possible_truncation, reason = "checked to be whole and small")]
            Kind::Float(n) if n.fract() == 0.0 && n.abs() < 9e15 => Some(n as Self),
            _ => wrong_type(node, "a whole number", problems),
        }
    }
}

macro_rules! small_numbers {
    ($($type:ty),*) => {$(
        impl Decode for $type {
            fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
                let n = i64::decode(node, problems)?;
                match Self::try_from(n) {
                    Ok(n) => Some(n),
                    Err(_) => bad_value(node, format!("{n} is out of range"), problems),
                }
            }
        }
    )*};
}
small_numbers!(u16, u32, u64, i32);

impl Decode for f64 {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        match node.kind {
            #[expect(clippy::cast_precision_loss, reason = "seconds and factors are small")]
            Kind::Int(n) => Some(n as Self),
            Kind::Float(n) => Some(n),
            _ => wrong_type(node, "a number", problems),
        }
    }
}

impl Decode for serde_json::Value {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let before = problems.len();
        not_data(node, problems);
        (problems.len() == before).then(|| node.to_json())
    }
}

/// Reports what is no plain data, however deep.
fn not_data(node: &Node, problems: &mut Problems) {
    match &node.kind {
        Kind::Other(what) => {
            bad_value::<()>(node, format!("{what} cannot be used here"), problems);
        }
        Kind::Array(all) => all.iter().for_each(|one| not_data(one, problems)),
        Kind::Table(all) => all.iter().for_each(|entry| not_data(&entry.value, problems)),
        Kind::Bool(_) | Kind::Int(_) | Kind::Float(_) | Kind::String(_) => {}
    }
}

impl<T: Decode> Decode for Vec<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Array(all) = &node.kind else { return no_list(node, "", problems) };
        let decoded: Vec<T> = all.iter().filter_map(|n| T::decode(n, problems)).collect();
        (decoded.len() == all.len()).then_some(decoded)
    }
}

impl<T: Decode> Decode for At<T> {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        T::decode(node, problems).map(|value| Self { value, place: node.place })
    }
}

fn named<T>(
    node: &Node,
    parse: impl Fn(&str) -> Result<T, BadName>,
    problems: &mut Problems,
) -> Option<T> {
    let text = String::decode(node, problems)?;
    match parse(&text) {
        Ok(name) => Some(name),
        Err(bad) => {
            problems.push(
                Diagnostic::new(Code::BadName, bad.to_string())
                    .at(node.place, "a name: a-z, 0-9, `_`, `-`, at most 64, a letter first"),
            );
            None
        }
    }
}

impl Decode for Name {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        named(node, Self::parse, problems)
    }
}

impl Decode for StepId {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        named(node, Self::parse, problems)
    }
}

impl Decode for WorkflowId {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        named(node, Self::parse, problems)
    }
}

/// Reads a word from a fixed list.
pub(super) fn word<T: Copy>(
    node: &Node,
    what: &str,
    words: &[(&'static str, T)],
    problems: &mut Problems,
) -> Option<T> {
    let text = String::decode(node, problems)?;
    if let Some((_, tag)) = words.iter().find(|(word, _)| *word == text) {
        return Some(*tag);
    }
    let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
    problems.push(
        Diagnostic::new(Code::WrongTag, format!("`{}` is not {what}", printable(&text)))
            .at(node.place, format!("one of {}", all.join(", ")))
            .suggest(&text, all),
    );
    None
}

impl<T: Tag> Decode for T {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        word(node, T::WHAT, T::WORDS, problems)
    }
}

impl Decode for Millis {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = match &node.kind {
            Kind::String(text) => text,
            Kind::Int(n) => {
                problems.push(
                    Diagnostic::new(Code::WrongType, "a duration needs a unit")
                        .at(node.place, "expected a duration such as \"90s\"")
                        .hint(format!("write \"{n}s\" for {n} seconds")),
                );
                return None;
            }
            _ => return wrong_type(node, "a duration such as \"90s\"", problems),
        };
        match Millis::parse(text) {
            Ok(span) => Some(span),
            Err(why) => bad_value(node, why, problems),
        }
    }
}

/// Records that a value of the right type makes no sense.
pub(super) fn bad_value<T>(
    node: &Node,
    why: impl Into<String>,
    problems: &mut Problems,
) -> Option<T> {
    let why = why.into();
    problems.push(Diagnostic::new(Code::BadValue, why).at(node.place, "here"));
    None
}

/// A table that is read field by field; what nobody asked for is a problem at the end.
pub(super) struct Fields<'n> {
    what: &'static str,
    entries: &'n [Entry],
    asked: Vec<&'static str>,
    /// Fields that are let pass though nobody asked for them.
    passed: Vec<&'static str>,
    /// Fields that are asked for only to be refused.
    later: Vec<&'static str>,
    /// The place of the whole table.
    pub(super) place: Place,
}

impl<'n> Fields<'n> {
    /// Starts reading `node`, which is `what`.
    pub(super) fn of(node: &'n Node, what: &'static str, problems: &mut Problems) -> Option<Self> {
        let Kind::Table(entries) = &node.kind else {
            return wrong_type(node, &format!("{what} (a table)"), problems);
        };
        let (asked, passed, later) = (Vec::new(), Vec::new(), Vec::new());
        Some(Self { what, entries, asked, passed, later, place: node.place })
    }

    /// The raw value of a field.
    pub(super) fn node(&mut self, name: &'static str) -> Option<&'n Node> {
        self.asked.push(name);
        self.entries.iter().find(|e| e.key == name).map(|e| &e.value)
    }

    /// A field that may be missing.
    pub(super) fn get<T: Decode>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        self.node(name).and_then(|node| T::decode(node, problems))
    }

    /// A list that is empty when missing.
    pub(super) fn list<T: Decode>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Vec<T> {
        let Some(node) = self.node(name) else { return Vec::new() };
        let Kind::Array(all) = &node.kind else {
            return no_list(node, name, problems).unwrap_or_default();
        };
        all.iter().filter_map(|n| T::decode(n, problems)).collect()
    }

    /// A field that must be there.
    pub(super) fn need<T: Decode>(
        &mut self,
        name: &'static str,
        problems: &mut Problems,
    ) -> Option<T> {
        let Some(node) = self.node(name) else {
            problems.push(
                Diagnostic::new(Code::MissingField, format!("{} needs `{name}`", self.what))
                    .at(self.head(), format!("`{name}` is missing here")),
            );
            return None;
        };
        T::decode(node, problems)
    }

    /// Fields of the format that are not run yet.
    pub(super) fn not_yet(&mut self, names: &[&'static str], problems: &mut Problems) {
        for name in names {
            self.asked.push(name);
            self.later.push(name);
            if let Some(entry) = self.entries.iter().find(|e| e.key == *name) {
                problems.push(
                    Diagnostic::new(
                        Code::NotYet,
                        format!("`{name}` is not run by this version yet"),
                    )
                    .at(entry.key_place, "planned for a later version"),
                );
            }
        }
    }

    /// Fields that belong to the workflow, not here: TOML gives them to the table that was opened last.
    pub(super) fn misplaced(&mut self, names: &[&'static str], problems: &mut Problems) {
        for name in names {
            if let Some(entry) = self.entries.iter().find(|e| e.key == *name) {
                self.asked.push(name);
                problems.push(
                    Diagnostic::new(
                        Code::UnknownField,
                        format!("{} has no field `{name}`", self.what),
                    )
                    .at(entry.key_place, "this is a field of the workflow")
                    .hint("write it above the first [[steps]]: TOML gives a key to the last table"),
                );
            }
        }
    }

    /// The keys with their places.
    pub(super) fn keys(&self) -> Vec<At<String>> {
        let keys = self.entries.iter();
        keys.map(|e| At { value: e.key.clone(), place: e.key_place }).collect()
    }

    /// Every entry, for tables whose keys are the author's.
    pub(super) fn entries(&self) -> &'n [Entry] {
        self.entries
    }

    /// Where to point when the table as a whole is meant: its first key, or all of it.
    fn head(&self) -> Place {
        self.entries.first().map_or(self.place, |e| e.key_place)
    }

    /// Lets a field pass that a contract of modes adds by itself, if it holds just what that contract adds.
    pub(super) fn pass(&mut self, name: &'static str, added: i64) {
        let is_it = |node: &Node| i64::decode(node, &mut Problems::new()) == Some(added);
        if self.entries.iter().any(|e| e.key == name && is_it(&e.value)) {
            self.passed.push(name);
        }
    }

    /// All fields that can be written here, for whoever is far from any.
    fn all(&self) -> String {
        let mut known: Vec<&str> =
            self.asked.iter().copied().filter(|name| !self.later.contains(name)).collect();
        known.sort_unstable();
        known.dedup();
        format!("{} has: {}; `ostler explain format` says more", self.what, known.join(", "))
    }

    /// Ends reading: fields nobody asked for are problems.
    pub(super) fn done(self, problems: &mut Problems) {
        let known = |key: &str| self.asked.contains(&key) || self.passed.contains(&key);
        for entry in self.entries.iter().filter(|e| !known(&e.key)) {
            let message = format!("{} has no field `{}`", self.what, printable(&entry.key));
            let problem = Diagnostic::new(Code::UnknownField, message);
            let hint = habits::field(self.what, &entry.key)
                .or_else(|| closest(&entry.key, self.asked.iter().copied()).map(did_you_mean))
                .unwrap_or_else(|| self.all());
            problems.push(problem.at(entry.key_place, "unknown field").hint(hint));
        }
        #[cfg(test)]
        ASKED.with_borrow_mut(|all| all.push(self.asked));
    }
}

#[cfg(test)]
thread_local! {
    /// What each table was asked for, innermost tables first: schema and decoder must have the same fields.
    pub(super) static ASKED: std::cell::RefCell<Vec<Vec<&'static str>>> = const { std::cell::RefCell::new(Vec::new()) };
}
