//! Secrets kept out of what is stored and shown: found in a stream in every usual encoding, and masked. Pure.
#![deny(clippy::disallowed_methods)]

mod encodings;
mod stream;
mod strength;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{
    Anchored,
    automaton::{Automaton, StateID},
};
use serde::{Deserialize, Serialize};

pub use stream::Redactor;
pub use strength::{MAX_SECRET, unfit};

use crate::value::Bytes;

/// A value that must not be seen, and the variable that hands it to a command.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    /// The variable.
    pub name: String,
    /// The value.
    pub value: Bytes,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&mask(&self.name))
    }
}

/// What stands where a secret was.
pub fn mask(name: &str) -> String {
    format!("[secret {name}]")
}

/// Some secrets, ready to be found. Cheap to clone.
#[derive(Clone)]
pub struct Masks(Arc<Table>);

struct Table {
    finder: NFA,
    start: StateID,
    /// How many bytes of a form have been seen in a state: so many may be the beginning of it.
    depths: HashMap<StateID, usize>,
    /// Which secret each form is of.
    owners: Vec<usize>,
    names: Vec<String>,
}

impl std::fmt::Debug for Masks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Masks").field(&self.0.names).finish()
    }
}

impl Masks {
    /// Masks for these secrets; none if there are too many to look for.
    pub fn new(secrets: &[Secret]) -> Option<Self> {
        let mut forms = BTreeMap::new();
        for (owner, secret) in secrets.iter().enumerate() {
            // The mask is found as well, so that what was masked before is known for it.
            let all =
                encodings::forms(&secret.value.0).into_iter().chain([mask(&secret.name).into()]);
            for form in all {
                let form: Vec<u8> = form.into_iter().filter(|byte| !is_break(*byte)).collect();
                if !form.is_empty() {
                    forms.entry(form).or_insert(owner);
                }
            }
        }
        let owners = forms.values().copied().collect();
        let forms: Vec<Vec<u8>> = forms.into_keys().collect();
        let finder = NFA::builder().prefilter(false).build(&forms).ok()?;
        let start = finder.start_state(Anchored::No).ok()?;
        let mut depths = HashMap::new();
        for form in &forms {
            let mut state = start;
            for (seen, byte) in form.iter().enumerate() {
                state = finder.next_state(Anchored::No, state, *byte);
                depths.insert(state, seen + 1);
            }
        }
        let names = secrets.iter().map(|secret| secret.name.clone()).collect();
        Some(Self(Arc::new(Table { finder, start, depths, owners, names })))
    }

    /// Masks the secrets in a whole.
    pub fn hide(&self, bytes: &[u8]) -> Vec<u8> {
        let mut redactor = Redactor::new(self.clone());
        let mut hidden = redactor.push(bytes);
        hidden.extend(redactor.finish());
        hidden
    }

    /// Masks the secrets in a text.
    pub fn hide_text(&self, text: &str) -> String {
        String::from_utf8_lossy(&self.hide(text.as_bytes())).into_owned()
    }

    /// Which secret is in there, masked or not.
    pub fn find(&self, bytes: &[u8]) -> Option<&str> {
        let mut redactor = Redactor::new(self.clone());
        redactor.push(bytes);
        redactor.found().map(|owner| self.0.names[owner].as_str())
    }
}

/// Line breaks are not looked at: many encodings are wrapped, wherever a secret happens to begin in a line.
fn is_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

#[cfg(test)]
mod tests;
