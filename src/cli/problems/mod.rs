//! The problems of files in the forms in which they are printed.

mod github;
mod json;
mod sarif;
mod text;

use std::path::{Component, Path, PathBuf};

pub(super) use github::github;
pub(super) use json::json;
pub(super) use sarif::sarif;
pub(super) use text::{summary, text};

use crate::diagnostic::{Diagnostic, Place, Severity, Sources};

/// Where files lie for who reads the problems: the folder that is shown to them as the root.
pub(super) struct Root {
    workspace: PathBuf,
    shown: PathBuf,
}

impl Root {
    /// A workspace within a repository that a CI server checked out; without one, the workspace itself.
    pub(super) fn new(workspace: &Path, checkout: Option<PathBuf>) -> Self {
        let checkout = checkout.and_then(|folder| folder.canonicalize().ok());
        let shown = checkout.filter(|folder| workspace.starts_with(folder));
        let workspace = workspace.to_owned();
        Self { shown: shown.unwrap_or_else(|| workspace.clone()), workspace }
    }

    /// The path from the root of a file that is named from the workspace; whole if it lies elsewhere.
    fn path(&self, name: &str) -> String {
        let mut whole = PathBuf::new();
        for part in self.workspace.join(name).components() {
            match part {
                Component::ParentDir => drop(whole.pop()),
                Component::CurDir => {}
                part => whole.push(part),
            }
        }
        let inside = whole.strip_prefix(&self.shown).unwrap_or(&whole);
        inside.to_string_lossy().into_owned()
    }
}

/// A stretch of a file as lines and columns, from 1; the end is behind the last character.
struct Span {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
}

impl Span {
    fn of(place: Place, sources: &Sources) -> Self {
        let (line, column) = sources.line_column(place);
        let (end_line, end_column) = sources.line_column(Place { start: place.end, ..place });
        Self { line, column, end_line, end_column }
    }
}

/// How bad a problem is, in the word that all forms have for it.
fn level(problem: &Diagnostic) -> &'static str {
    match problem.code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    }
}

/// What is wrong, what was expected, and the ways out, a line each.
fn said(problem: &Diagnostic) -> String {
    let label = Some(&problem.label).filter(|label| !label.is_empty());
    let hints = problem.hints.iter().map(|hint| format!("help: {hint}"));
    let lines = std::iter::once(problem.message.clone()).chain(label.cloned()).chain(hints);
    crate::diagnostic::printable(&lines.collect::<Vec<_>>().join("\n"))
}
