//! What the caller of a verb gives: params, their types and their groups.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::diagnostic::At;
use crate::ids::Name;

/// One param.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Param {
    /// Its name: the placeholder's, and the flag's.
    pub name: At<Name>,
    /// Its type.
    pub kind: ParamType,
    /// One line for `--help`.
    pub help: Option<String>,
    /// The value where the caller gives none; without one, the param is required.
    pub default: Option<At<Value>>,
    /// Given by position rather than by flag.
    pub positional: bool,
    /// How its value is named in `--help`.
    pub metavar: Option<String>,
    /// Whether an empty text or list is accepted.
    pub allow_empty: bool,
    /// The words of an `enum`.
    pub values: Vec<At<String>>,
    /// How a `version` compares: semver, alpm, deb or coopcloud.
    pub scheme: Option<At<String>>,
}

impl Param {
    /// Whether the caller must give it: it has no default, and is no flag, which is off unless given.
    pub fn is_required(&self) -> bool {
        self.default.is_none() && (self.kind.of != ValueType::Bool || self.kind.list)
    }

    /// How its value is named in help: as its author says, else by its name or type.
    pub fn value_name(&self) -> String {
        let usual = if self.positional { self.name.to_string() } else { self.kind.of.to_string() };
        self.metavar.clone().unwrap_or_else(|| usual.to_uppercase())
    }
}

/// The type of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueType {
    /// Any text.
    String,
    /// A whole number, 64 bits.
    Int,
    /// Any JSON number.
    Number,
    /// `true` or `false`.
    Bool,
    /// One of the declared words.
    Enum,
    /// A path, taken as it is.
    Path,
    /// A pattern that expands to the paths it matches, at least one.
    Glob,
    /// A span of time such as `90s`.
    Duration,
    /// A version.
    Version,
    /// A host's name.
    Host,
    /// A patch scope such as `driver/hantro`.
    Scope,
    /// A run's id.
    Run,
    /// Any JSON value; outputs only.
    Json,
}

impl ValueType {
    /// The names by which types are written.
    pub const NAMES: [(&'static str, Self); 13] = [
        ("string", Self::String),
        ("int", Self::Int),
        ("number", Self::Number),
        ("bool", Self::Bool),
        ("enum", Self::Enum),
        ("path", Self::Path),
        ("glob", Self::Glob),
        ("duration", Self::Duration),
        ("version", Self::Version),
        ("host", Self::Host),
        ("scope", Self::Scope),
        ("run", Self::Run),
        ("json", Self::Json),
    ];
}

impl std::fmt::Display for ValueType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(Self::NAMES.iter().find(|(_, t)| t == self).map_or("", |(name, _)| name))
    }
}

/// A param's or output's type: one value, or a list of such (`[string]`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParamType {
    /// The type of the value, or of each in the list.
    pub of: ValueType,
    /// Whether it is a list.
    pub list: bool,
}

impl ParamType {
    /// Parses `int` or `[int]`; the first letter may be a capital, as Nickel tags have it.
    pub fn parse(text: &str) -> Option<Self> {
        let (inner, list) = match text.strip_prefix('[').and_then(|t| t.strip_suffix(']')) {
            Some(inner) => (inner, true),
            None => (text, false),
        };
        let first = inner.get(..1)?.to_ascii_lowercase();
        let is = |name: &str| name.starts_with(&first) && name[1..] == inner[1..];
        let of = ValueType::NAMES.iter().find(|(name, _)| is(name))?.1;
        Some(Self { of, list })
    }
}

impl std::fmt::Display for ParamType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.list { write!(f, "[{}]", self.of) } else { self.of.fmt(f) }
    }
}

/// Params that go together.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ParamGroup {
    /// How.
    pub group: At<Group>,
    /// Which.
    pub names: Vec<At<Name>>,
}

/// How params go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Group {
    /// One of them is given.
    ExactlyOne,
    /// None or one is.
    AtMostOne,
    /// All are, or none.
    AllOrNone,
}

impl Group {
    /// The fields by which groups are written.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("exactly_one", Self::ExactlyOne),
        ("at_most_one", Self::AtMostOne),
        ("all_or_none", Self::AllOrNone),
    ];
}
