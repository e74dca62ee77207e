//! Placeholders as single characters of their own, which a parser carries like any other, and what they become.

use crate::expr::Template;
use crate::expr::template::{Part, Placeholder};

/// The private characters: planes 15 and 16.
const FIRST: u32 = 0xF_0000;
const LAST: u32 = 0x10_FFFD;

/// The most placeholders in one text.
const MOST: usize = 10_000;

/// How the text around a placeholder is quoted, which decides how a reference is written there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Quoting {
    /// Not at all.
    None,
    /// As inside `"…"`: also here-documents and arithmetic.
    Double,
    /// `'…'`
    Single,
    /// `$'…'`
    AnsiC,
}

impl Quoting {
    /// All of them, those first whose references hold those of others.
    const ALL: [Self; 4] = [Self::AnsiC, Self::Single, Self::None, Self::Double];

    /// How the value of an index is referred to inside such quotes.
    fn reference(self, index: usize) -> String {
        let bare = format!("${{{}?}}", variable(index));
        match self {
            Self::Double => bare,
            Self::Single => format!("'\"{bare}\"'"),
            Self::AnsiC => format!("'\"{bare}\"$'"),
            Self::None => format!("\"{bare}\""),
        }
    }
}

/// A compiled text with its placeholders in place of the references, for people.
pub fn shown(compiled: &str, values: &[Placeholder]) -> String {
    let mut text = compiled.to_owned();
    for (index, found) in values.iter().enumerate() {
        for quoting in Quoting::ALL {
            text = text.replace(&quoting.reference(index), &found.braced());
        }
    }
    text
}

/// A text with a mark for each placeholder.
pub(super) struct Marked<'t> {
    /// The text.
    pub(super) text: String,
    /// The placeholders in order.
    pub(super) placeholders: Vec<&'t Placeholder>,
}

impl<'t> Marked<'t> {
    /// Puts the marks in; the error says why none can be.
    pub(super) fn of(template: &'t Template) -> Result<Self, &'static str> {
        let mut marked = Self { text: String::new(), placeholders: Vec::new() };
        for part in &template.0 {
            match part {
                Part::Text(text) => marked.text.push_str(text),
                Part::Ref(found) => {
                    marked.text.push(mark(marked.placeholders.len()).ok_or("too many of them")?);
                    marked.placeholders.push(found);
                }
            }
        }
        let marks = marked.text.chars().filter(|c| nth(*c).is_some()).count();
        if !marked.placeholders.is_empty() && marks != marked.placeholders.len() {
            return Err("the text holds a character of the private planes (from U+F0000 up)");
        }
        Ok(marked)
    }

    /// The text with each mark replaced by a reference to its numbered variable.
    pub(super) fn written(&self, quoting: &[Option<Quoting>]) -> (String, Vec<Placeholder>) {
        let mut values: Vec<Placeholder> = Vec::new();
        let mut text = String::with_capacity(self.text.len() + 20 * self.placeholders.len());
        for c in self.text.chars() {
            let Some((n, found)) = nth(c).and_then(|n| Some((n, *self.placeholders.get(n)?)))
            else {
                text.push(c);
                continue;
            };
            let at = values.iter().position(|v| v == found).unwrap_or_else(|| {
                values.push(found.clone());
                values.len() - 1
            });
            let quoting = quoting.get(n).copied().flatten().unwrap_or(Quoting::None);
            text.push_str(&quoting.reference(at));
        }
        (text, values)
    }
}

/// The environment variable of the value with this index.
pub fn variable(index: usize) -> String {
    format!("OSTLER_V{}", index + 1)
}

fn mark(n: usize) -> Option<char> {
    let n = u32::try_from(n).ok().filter(|_| n < MOST)?;
    char::from_u32(FIRST + n)
}

/// Which placeholder a character stands for, if it is a mark.
pub(super) fn nth(c: char) -> Option<usize> {
    (FIRST..=LAST).contains(&u32::from(c)).then(|| (u32::from(c) - FIRST) as usize)
}

/// Whether a text holds a mark.
pub(super) fn has_mark(text: &str) -> bool {
    text.chars().any(|c| nth(c).is_some())
}
