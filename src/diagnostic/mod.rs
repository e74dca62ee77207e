//! One problem in what somebody wrote: its code, its place, what was expected and a way out.
#![deny(clippy::disallowed_methods)]

mod codes;
mod explanation;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use codes::Code;
pub use explanation::{Example, Explanation};

/// A stretch of a source file, in bytes from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Place {
    /// Which of the `Sources` it lies in.
    pub file: u16,
    /// Its first byte.
    pub start: u32,
    /// The byte after its last.
    pub end: u32,
}

/// Something written, and where. In JSON only the value is kept.
#[derive(Debug, Clone)]
pub struct At<T> {
    /// What was written.
    pub value: T,
    /// Where.
    pub place: Place,
}

impl<T: PartialEq> PartialEq for At<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<T> std::ops::Deref for At<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl<T: Serialize> Serialize for At<T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(to)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for At<T> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        T::deserialize(from).map(|value| Self { value, place: Place::default() })
    }
}

/// The files that were read, by which places are turned into lines and columns.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Sources(Vec<Source>);

impl IntoIterator for Sources {
    type Item = Source;
    type IntoIter = std::vec::IntoIter<Source>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl FromIterator<Source> for Sources {
    fn from_iter<I: IntoIterator<Item = Source>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

/// One file that was read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Source {
    /// Its name as it is shown: relative to the workspace.
    pub name: String,
    /// Its text.
    pub text: String,
}

impl Sources {
    /// Adds a file and returns its number, for `Place::file`.
    pub fn add(&mut self, name: String, text: String) -> u16 {
        self.0.push(Source { name, text });
        u16::try_from(self.0.len() - 1).unwrap_or(u16::MAX)
    }

    /// Adds other files, and returns the number of their first, for [`Diagnostic::moved`].
    pub fn append(&mut self, others: Self) -> u16 {
        let first = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        self.0.extend(others.0);
        first
    }

    /// The file a place lies in.
    pub fn get(&self, file: u16) -> Option<&Source> {
        self.0.get(usize::from(file))
    }

    /// The text at a place; empty where there is none.
    pub fn text(&self, place: Place) -> &str {
        self.get(place.file)
            .and_then(|s| s.text.get(place.start as usize..place.end as usize))
            .unwrap_or_default()
    }

    /// Line and column of a place's start, both from 1; columns count characters.
    pub fn line_column(&self, place: Place) -> (usize, usize) {
        let Some(source) = self.get(place.file) else { return (1, 1) };
        let before = source.text.get(..place.start as usize).unwrap_or(&source.text);
        let line_start = before.rfind('\n').map_or(0, |i| i + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// How bad it is: an error keeps the workflow from running, a warning does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The workflow cannot run.
    Error,
    /// It can, but probably not as meant.
    Warning,
}

/// One problem in what somebody wrote.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The stable code.
    pub code: Code,
    /// What is wrong, in one line.
    pub message: String,
    /// Where; none where the problem is the file itself.
    pub place: Option<Place>,
    /// What was expected there.
    pub label: String,
    /// Other places that matter, each with what it is.
    pub related: Vec<(Place, String)>,
    /// Ways out.
    pub hints: Vec<String>,
}

impl Diagnostic {
    /// A problem without a place yet.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            place: None,
            label: String::new(),
            related: Vec::new(),
            hints: Vec::new(),
        }
    }

    /// Says where it is, and what was expected there.
    #[must_use]
    pub fn at(mut self, place: Place, label: impl Into<String>) -> Self {
        self.place = Some(place);
        self.label = label.into();
        self
    }

    /// Points at another place that matters.
    #[must_use]
    pub fn with(mut self, place: Place, label: impl Into<String>) -> Self {
        self.related.push((place, label.into()));
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a `did you mean` if one of the names is close to what was written.
    #[must_use]
    pub fn suggest<'n>(self, written: &str, names: impl IntoIterator<Item = &'n str>) -> Self {
        match closest(written, names) {
            Some(name) => self.hint(did_you_mean(name)),
            None => self,
        }
    }

    /// The same problem, its files appended to others behind the first so many.
    #[must_use]
    pub fn moved(mut self, first: u16) -> Self {
        let related = self.related.iter_mut().map(|(place, _)| place);
        for place in self.place.iter_mut().chain(related) {
            place.file = place.file.saturating_add(first);
        }
        self
    }

    /// Whether it keeps the workflow from running.
    pub fn is_error(&self) -> bool {
        self.code.severity() == Severity::Error
    }
}

/// The question after a name that was probably meant.
pub fn did_you_mean(name: &str) -> String {
    format!("did you mean `{name}`?")
}

/// The name closest to what was written, if any is close enough to be what was meant: no letter is like another.
pub fn closest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let written = written.to_lowercase();
    names
        .into_iter()
        .filter(|name| name.len() > 1 && written.len() > 1)
        .map(|name| (strsim::damerau_levenshtein(&written, &name.to_lowercase()), name))
        .filter(|(distance, name)| *distance <= (name.len().max(written.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Escapes control and direction-changing characters, so that what an author wrote cannot act on a terminal.
pub fn printable(text: &str) -> String {
    let acts = |c: char| {
        (c.is_control() && c != '\n' && c != '\t')
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if acts(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("a.toml".into(), "x\né = ü\n".into());
        let place = Place { file, start: 7, end: 9 };
        assert_eq!(sources.text(place), "ü");
        assert_eq!(sources.line_column(place), (2, 5));
    }

    #[test]
    fn only_close_names_are_suggested() {
        assert_eq!(closest("depend_on", ["depends_on", "id"]), Some("depends_on"));
        assert_eq!(closest("stop", ["Stop", "Continue"]), Some("Stop"));
        assert_eq!(closest("zebra", ["Stop", "Continue"]), None);
        assert_eq!(closest("a", ["b", "id"]), None);
    }

    #[test]
    fn direction_marks_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{202e}b\x1b[2J\n"), "a\\u{202e}b\\u{1b}[2J\n");
    }
}
