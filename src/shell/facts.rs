//! What a walk over shell text finds: where values come from, where they end up, what is assigned to what.

use std::collections::{BTreeMap, BTreeSet};

use super::marks::Quoting;

/// Where a part of a word comes from when the script runs.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A placeholder, by its number in the text.
    Ref(usize),
    /// A variable.
    Var(String),
    /// What a function or the script was called with: all of it, or the first.
    Args,
    /// A later argument, a part of them, or what the script is called.
    LaterArgs,
    /// What is read while the script runs: `read`, a program's output.
    Input,
    /// A variable that cannot be told: `${!name}`.
    Any,
}

/// A part of a word.
#[derive(Debug, Clone)]
pub(super) enum Atom {
    /// Text that the author wrote.
    Text(String),
    /// Something else.
    From(Origin),
    /// A command's output, with all that takes part in it.
    Output(Vec<Origin>),
}

/// A word as its parts.
#[derive(Debug, Clone, Default)]
pub(super) struct Word(pub(super) Vec<Atom>);

impl Word {
    /// The word, if its author wrote all of it.
    pub(super) fn literal(&self) -> Option<String> {
        let all = self.0.iter().all(|a| matches!(a, Atom::Text(_)));
        all.then(|| self.prefix())
    }

    /// What its author wrote before anything else.
    pub(super) fn prefix(&self) -> String {
        let texts = self.0.iter().map_while(|a| match a {
            Atom::Text(text) => Some(text.as_str()),
            _ => None,
        });
        texts.collect()
    }

    /// All that its author did not write.
    pub(super) fn origins(&self) -> impl Iterator<Item = &Origin> {
        self.0.iter().flat_map(|a| match a {
            Atom::Text(_) => &[],
            Atom::From(origin) => std::slice::from_ref(origin),
            Atom::Output(origins) => origins.as_slice(),
        })
    }

    /// The names that its author wrote: in arithmetic they are variables.
    pub(super) fn mentions(&self) -> impl Iterator<Item = Origin> {
        let texts = self.0.iter().filter_map(|a| match a {
            Atom::Text(text) => Some(text),
            _ => None,
        });
        texts.flat_map(|text| names(text)).map(|name| Origin::Var(name.to_owned()))
    }
}

/// The variable names in a text.
fn names(text: &str) -> impl Iterator<Item = &str> {
    let parts = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    parts.filter(|part| part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_'))
}

/// Text that some other program takes for code, and the way to hand it a value.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Nested {
    /// What it is.
    pub(super) what: &'static str,
    /// The safe form.
    pub(super) hint: &'static str,
}

/// A place where more than the value of a word matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Spot {
    /// The program that is started.
    Command,
    /// Arithmetic, a subscript, an offset: bash evaluates values there.
    Arithmetic(&'static str),
    /// A variable's name: bash evaluates a subscript in it.
    Name(&'static str),
    /// A file that the script writes, by its number.
    Written(usize),
    /// Program text of something else.
    Program(&'static Nested),
    /// No placeholder can stand there: why, and the way out.
    Never(&'static str, &'static str),
}

/// All that a walk found.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// How the text around each placeholder is quoted.
    pub(super) quoting: BTreeMap<usize, Quoting>,
    /// What stands in places that matter.
    pub(super) uses: BTreeSet<(Origin, Spot)>,
    /// What is assigned to which variable; to any, where the name cannot be told.
    pub(super) assigned: Vec<(Option<String>, Vec<Origin>)>,
    /// Variables whose values bash evaluates on assignment.
    pub(super) integers: BTreeSet<String>,
    /// Variables that are arrays.
    pub(super) arrays: BTreeSet<String>,
    /// Assignments that bash reads as `(…)` if the variable is an array.
    pub(super) compound: Vec<(String, Vec<Origin>)>,
    /// Functions that the script defines.
    pub(super) functions: BTreeSet<String>,
    /// Commands whose first argument is not literal.
    pub(super) open_calls: BTreeSet<String>,
    /// Whether arguments are moved or replaced.
    pub(super) shifts: bool,
    /// The files that are written, each time by the names they have.
    pub(super) written: Vec<Vec<String>>,
    /// Files that `exec` makes the script's own output.
    pub(super) spilled: Vec<String>,
    /// What takes part in the output of each function.
    pub(super) prints: BTreeMap<String, Vec<Origin>>,
    /// Files that are run, and what as.
    pub(super) executed: Vec<(String, &'static Nested)>,
    /// Placeholders that begin an operand without `--` before it, with the command.
    pub(super) bare: BTreeSet<(String, usize)>,
    /// Literal texts that variables are given, and that aliases stand for.
    pub(super) literals: BTreeSet<(String, String)>,
    /// Functions that run what they read.
    pub(super) reading: BTreeMap<String, &'static Nested>,
    /// Functions whose arguments are a command.
    pub(super) forwarding: BTreeSet<String>,
    /// What reads its program from the script's own standard input.
    pub(super) reader: Option<&'static Nested>,
    /// What `exec` makes the script's own standard input.
    pub(super) input: Vec<Word>,
}

impl Facts {
    /// Notes what stands in a place.
    pub(super) fn place(&mut self, word: &Word, spot: Spot) {
        self.uses.extend(word.origins().map(|origin| (origin.clone(), spot)));
        if matches!(spot, Spot::Arithmetic(_)) {
            self.uses.extend(word.mentions().map(|origin| (origin, spot)));
        }
    }

    /// Notes an assignment.
    pub(super) fn assign(&mut self, name: Option<&str>, value: &Word) {
        let origins = value.origins().cloned().chain(value.mentions()).collect();
        self.assigned.push((name.map(str::to_owned), origins));
    }
}
