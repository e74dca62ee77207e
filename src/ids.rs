//! The names of things, parsed once: a value of one of these types is a valid name.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The longest name anybody may give to a workflow, step, param, guard, check, output or lock, in bytes.
pub const MAX_NAME: usize = 64;

/// A text that is not a name: what it was, and what a name looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a name: {why}")]
pub struct BadName {
    shown: String,
    why: &'static str,
}

/// Checks a name of the form `[a-z][a-z0-9_-]*`.
fn plain(text: &str) -> Result<(), &'static str> {
    if !text.starts_with(|c: char| c.is_ascii_lowercase()) {
        return Err("a name starts with a lower-case letter");
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    if text.chars().all(fits) { Ok(()) } else { Err("a name holds only a-z, 0-9, `_` and `-`") }
}

/// Checks a name of the form `[a-z0-9][a-z0-9._-]*`: what host names are made of.
fn dotted(text: &str) -> Result<(), &'static str> {
    if !text.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()) {
        return Err("a host's name starts with a lower-case letter or a digit");
    }
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-".contains(c);
    if text.chars().all(fits) {
        Ok(())
    } else {
        Err("a host's name holds only a-z, 0-9, `.`, `_` and `-`")
    }
}

fn check_name(text: &str, rule: fn(&str) -> Result<(), &'static str>) -> Result<(), BadName> {
    let long = "it is longer than 64 characters";
    let checked = if text.len() > MAX_NAME { Err(long) } else { rule(text) };
    checked.map_err(|why| {
        let shown: String = text.chars().take(40).flat_map(char::escape_debug).collect();
        BadName { shown, why }
    })
}

macro_rules! name {
    ($(#[$doc:meta])* $type:ident, $rule:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $type(Arc<str>);

        impl $type {
            /// Parses a name of at most 64 characters; the error says what such a name looks like.
            pub fn parse(text: &str) -> Result<Self, BadName> {
                check_name(text, $rule).map(|()| Self(text.into()))
            }

            /// The name as it was written.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Borrow<str> for $type {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let text = String::deserialize(from)?;
                Self::parse(&text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name!(
    /// A workflow's id, which is the verb's name.
    WorkflowId, plain
);
name!(
    /// A step's id, unique in its workflow.
    StepId, plain
);
name!(
    /// Any other name an author gives: a param, guard, check, output or lock.
    Name, plain
);
name!(
    /// A host's name: the stem of its file in `fleet/`.
    HostName, dotted
);

/// A run's id: eight characters without vowels, the first a letter, unique in practice (39 bits).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(Arc<str>);

const RUN_LETTERS: &[u8; 20] = b"bcdfghjkmnpqrstvwxyz";
const RUN_SIGNS: &[u8; 28] = b"bcdfghjkmnpqrstvwxyz23456789";

impl RunId {
    /// Makes an id from eight random bytes.
    pub fn from_random(bytes: [u8; 8]) -> Self {
        let text: String = bytes
            .iter()
            .enumerate()
            .map(|(i, byte)| {
                let signs: &[u8] = if i == 0 { RUN_LETTERS } else { RUN_SIGNS };
                char::from(signs[usize::from(*byte) % signs.len()])
            })
            .collect();
        Self(text.into())
    }

    /// Parses a whole id.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = text.len() == 8
            && text.bytes().all(|b| RUN_SIGNS.contains(&b))
            && RUN_LETTERS.contains(&text.as_bytes()[0]);
        fits.then(|| Self(text.into()))
    }

    /// The id as it is shown and typed.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for RunId {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RunId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a run id"))
    }
}

/// One instance of a step in a run: `build`, or `destroy[acquire#2]` where a step has several.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance {
    /// The step it is an instance of.
    pub step: StepId,
    /// What tells it from its siblings; none where the step has one instance only.
    pub key: Option<Arc<str>>,
}

impl Instance {
    /// The single instance of a step.
    pub fn only(step: StepId) -> Self {
        Self { step, key: None }
    }

    /// The instance of the releaser `step` that gives back what attempt `attempt` of `holder` took.
    pub fn release(step: StepId, holder: &Self, attempt: u32) -> Self {
        Self { step, key: Some(format!("{holder}#{attempt}").into()) }
    }

    /// Parses `step` or `step[key]`.
    pub fn parse(text: &str) -> Option<Self> {
        let Some((step, rest)) = text.split_once('[') else {
            return StepId::parse(text).ok().map(Self::only);
        };
        let key = rest.strip_suffix(']').filter(|k| !k.is_empty())?;
        Some(Self { step: StepId::parse(step).ok()?, key: Some(key.into()) })
    }

    /// A form that is safe as part of a file's name. A key is at most 100 plain characters, but for `/`.
    pub fn file_stem(&self) -> String {
        self.to_string().replace(['[', '#'], ".").replace('/', "%").replace(']', "")
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            None => f.pad(self.step.as_str()),
            Some(key) => f.pad(&format!("{}[{key}]", self.step)),
        }
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl Serialize for Instance {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match &self.key {
            None => to.serialize_str(self.step.as_str()),
            Some(_) => to.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Instance {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not a step instance"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_plain_and_start_with_a_letter() {
        for good in ["a", "ka-status", "plane_topology", "x9"] {
            assert_eq!(StepId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", "9a", "-a", "A", "../x", "a b", "a\u{202e}b", &"a".repeat(65)] {
            assert!(StepId::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn run_ids_survive_parsing_whatever_the_bytes() {
        for byte in 0..=255_u8 {
            let id = RunId::from_random([byte; 8]);
            assert_eq!(RunId::parse(id.as_str()), Some(id));
        }
        assert_eq!(RunId::parse("2bcdfghj"), None);
        assert_eq!(RunId::parse("aeioubcd"), None);
    }

    #[test]
    fn an_instance_reads_back_as_it_was_shown() {
        let destroy = StepId::parse("destroy").unwrap();
        let acquire = Instance::only(StepId::parse("acquire").unwrap());
        let one = Instance::release(destroy.clone(), &acquire, 2);
        assert_eq!(one.to_string(), "destroy[acquire#2]");
        assert_eq!(Instance::parse(&one.to_string()), Some(one.clone()));
        assert_eq!(one.file_stem(), "destroy.acquire.2");
        assert_eq!(Instance::parse("destroy"), Some(Instance::only(destroy)));
        assert_eq!(Instance::parse("destroy[]"), None);
    }
}
