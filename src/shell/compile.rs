//! Shell text with placeholders to shell text with checked references to numbered environment variables.
//!
//! Nothing of a value is ever spliced: `echo {x}` becomes `echo "${OSTLER_V1?}"`. Where bash would run what
//! such a reference expands to, the placeholder is refused.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::contexts::Walk;
use super::facts::{Atom, Origin, Word};
use super::marks::{Marked, Quoting, nth};
use super::read::Reader;
use super::taint;
use crate::expr::Template;
use crate::expr::template::{Form, Placeholder};

/// The shells whose text is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// bash.
    Bash,
    /// A POSIX shell.
    Sh,
}

/// What a value can be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Any bytes.
    Any,
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// One of these words.
    Words(Vec<String>),
    /// A list.
    List,
}

/// What else a script is given.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Variables of its environment that hold values which may be anything.
    pub env: Vec<String>,
    /// Whether its standard input holds such a value.
    pub stdin: bool,
}

/// A text that can be run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Compiled {
    /// The shell text.
    pub text: String,
    /// The value of index n is handed over as the environment variable `OSTLER_V<n+1>`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Placeholder>,
    /// Those of its placeholders, in the order of the text, that a command could take for an option.
    #[serde(skip)]
    pub bare: Vec<usize>,
    /// What was not understood, where that is no error because the text holds no placeholder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unread: Option<String>,
}

/// Why a text cannot be run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// Which placeholder of the text, counted from 0; none where it is the text itself.
    pub at: Option<usize>,
    /// Why.
    pub why: String,
    /// The way out.
    pub hint: Option<String>,
}

/// Compiled texts, by dialect and text as it was written.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Scripts(BTreeMap<Dialect, BTreeMap<String, Compiled>>);

impl Scripts {
    /// The compiled form of a text.
    pub fn get(&self, dialect: Dialect, text: &str) -> Option<&Compiled> {
        self.0.get(&dialect)?.get(text)
    }

    /// Keeps a compiled text.
    pub fn add(&mut self, dialect: Dialect, text: &str, compiled: Compiled) {
        self.0.entry(dialect).or_default().insert(text.to_owned(), compiled);
    }
}

/// Compiles a text; the error holds everything that is refused.
pub fn compile(
    template: &Template,
    dialect: Dialect,
    kind: &dyn Fn(&Placeholder) -> Kind,
    around: &Surroundings,
) -> Result<Compiled, Vec<Refusal>> {
    let marked = Marked::of(template).map_err(|why| vec![whole(why)])?;
    let plain = |unread| Compiled {
        text: marked.text.clone(),
        values: Vec::new(),
        bare: Vec::new(),
        unread,
    };
    if marked.placeholders.is_empty() && is_cheap(&marked.text, around) {
        return Ok(plain(None));
    }
    let kinds: Vec<Kind> = marked.placeholders.iter().map(|found| kind(found)).collect();
    let mut refusals = ill_formed(&marked, &kinds);
    let reader = Reader::new(dialect);
    let mut walk = Walk::new(&reader, kinds.len());
    if around.stdin {
        walk.facts.input.push(Word(vec![Atom::From(Origin::Input)]));
    }
    if let Err(what) = walk.script(&marked.text).and_then(|()| walk.finish()) {
        if kinds.is_empty() {
            return Ok(plain(Some(what)));
        }
        refusals.push(whole(&format!("not understood: {what}")));
        return Err(refusals);
    }
    let quoting: Vec<Option<Quoting>> =
        (0..kinds.len()).map(|n| walk.facts.quoting.get(&n).copied()).collect();
    refusals.extend(misplaced(&marked.text, &quoting));
    refusals.extend(taint::judge(&walk.facts, &kinds, around));
    if !refusals.is_empty() {
        refusals.sort();
        refusals.dedup();
        return Err(refusals);
    }
    let (text, values) = marked.written(&quoting);
    let own = |name: &String| walk.facts.functions.contains(name);
    let bare = walk.facts.bare.iter().filter(|(name, _)| !own(name)).map(|(_, n)| *n).collect();
    Ok(Compiled { text, values, bare, unread: None })
}

fn whole(why: &str) -> Refusal {
    let hint = "pass the values by `env`, and use \"$NAME\"".to_owned();
    Refusal { at: None, why: why.to_owned(), hint: Some(hint) }
}

fn refusal(at: usize, why: &str, hint: &str) -> Refusal {
    Refusal { at: Some(at), why: why.to_owned(), hint: Some(hint.to_owned()) }
}

/// Whether nothing in a text can be of interest: one command of plain words, none of which names a tainted variable.
fn is_cheap(text: &str, around: &Surroundings) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b" \t/._-+,:@%=".contains(&b);
    let quiet = !around.stdin && !around.env.iter().any(|name| text.contains(name.as_str()));
    quiet && text.bytes().all(plain)
}

/// What is wrong with placeholders wherever they stand.
fn ill_formed(marked: &Marked<'_>, kinds: &[Kind]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (at, (found, kind)) in marked.placeholders.iter().zip(kinds).enumerate() {
        if *kind == Kind::List && found.form == Form::Plain {
            let hint = format!(
                "spread it: argv = [\"…\", \"{}...}}\"]; or hand it over by `stdin` or `env`",
                found.braced().trim_end_matches('}')
            );
            refusals.push(refusal(at, "a list is not one word", &hint));
        }
    }
    let own = marked.text.match_indices("OSTLER_V");
    if !kinds.is_empty()
        && own.into_iter().any(|(at, name)| {
            marked.text[at + name.len()..].starts_with(|c: char| c.is_ascii_digit())
        })
    {
        refusals.push(whole("names such as OSTLER_V1 are made for placeholders"));
    }
    refusals
}

/// Placeholders that the walk did not come by, and those beside characters that would change what is read.
fn misplaced(text: &str, quoting: &[Option<Quoting>]) -> Vec<Refusal> {
    let mut refusals = Vec::new();
    for (offset, c) in text.char_indices() {
        let Some(n) = nth(c).filter(|n| *n < quoting.len()) else { continue };
        let Some(quoted) = quoting[n] else {
            refusals.push(refusal(
                n,
                "it stands in a comment, or in a place that was not understood",
                "write the comment without it",
            ));
            continue;
        };
        let before = &text[..offset];
        let after = &text[offset + c.len_utf8()..];
        let slashes = before.len() - before.trim_end_matches('\\').len();
        if quoted != Quoting::Single && slashes % 2 == 1 {
            let hint = "remove the backslash, or double it";
            refusals.push(refusal(n, "a backslash stands before it", hint));
        }
        if quoted == Quoting::AnsiC && before.ends_with("\\c") {
            refusals.push(refusal(n, "`\\c` stands before it", "end the quotes before it"));
        }
        let redirects = after.strip_prefix('}').unwrap_or(after).starts_with(['<', '>']);
        if quoted == Quoting::None && redirects {
            let hint = "put a space before the `<` or `>`, or write the number";
            refusals.push(refusal(n, "it stands where a file descriptor would", hint));
        }
    }
    refusals
}
