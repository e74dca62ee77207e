//! What every workflow language is read into: plain data in which each value knows its place.

use crate::diagnostic::Place;

/// How deep values may nest: more than anybody writes, and less than any reader of the result gives up at.
pub const MAX_DEPTH: usize = 64;

/// One value and where it was written.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where.
    pub place: Place,
    /// What.
    pub kind: Kind,
}

/// A value of one of the shapes that data can have.
#[derive(Debug, Clone)]
pub enum Kind {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// A text.
    String(String),
    /// A list.
    Array(Vec<Node>),
    /// Named values, in the order of the file.
    Table(Vec<Entry>),
    /// Something the format has no use for, with its name.
    Other(&'static str),
}

/// One named value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The name.
    pub key: String,
    /// Where the name was written.
    pub key_place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// What it is, with an article, for messages.
    pub fn what(&self) -> &'static str {
        match &self.kind {
            Kind::Bool(_) => "a boolean",
            Kind::Int(_) => "a whole number",
            Kind::Float(_) => "a number",
            Kind::String(_) => "a text",
            Kind::Array(_) => "a list",
            Kind::Table(_) => "a table",
            Kind::Other(what) => what,
        }
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value;
        match &self.kind {
            Kind::Bool(b) => Value::Bool(*b),
            Kind::Int(i) => Value::from(*i),
            Kind::Float(f) => Value::from(*f),
            Kind::String(s) => Value::String(s.clone()),
            Kind::Array(all) => all.iter().map(Self::to_json).collect(),
            Kind::Table(all) => {
                Value::Object(all.iter().map(|e| (e.key.clone(), e.value.to_json())).collect())
            }
            Kind::Other(_) => Value::Null,
        }
    }
}
