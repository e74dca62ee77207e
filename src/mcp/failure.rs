//! Why a tool did not do what it was asked for, and a way out: told to the model, which can mend most of it.

use std::fmt::Write as _;

use crate::diagnostic::{Diagnostic, Place, Sources, printable};
use crate::ops::Error;
use crate::{reader, store};

/// How many problems of a file are told.
const PROBLEMS: usize = 50;

/// What is told.
#[derive(Debug)]
pub(super) struct Failure(String);

impl Failure {
    /// What is wrong, and what would do.
    pub(super) fn new(what: impl AsRef<str>) -> Self {
        Self(format!("error: {}", printable(what.as_ref())))
    }

    /// The same with a way out.
    pub(super) fn hint(mut self, hint: impl AsRef<str>) -> Self {
        let _ = write!(self.0, "\n  {}", printable(hint.as_ref()));
        self
    }

    /// All of it.
    pub(super) fn text(self) -> String {
        self.0
    }
}

impl From<store::Error> for Failure {
    fn from(error: store::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let failure = match &error {
            Error::Problems(all, sources) => return Self(problems(all, sources, "")),
            Error::Params(refused) => {
                let line = |bad: &crate::plan::BadParam| {
                    let hint = bad.hint.iter().map(|hint| format!("\n  {}", printable(hint)));
                    format!("error: {}{}", printable(&bad.message), hint.collect::<String>())
                };
                let lines: Vec<String> = refused.iter().take(PROBLEMS).map(line).collect();
                return Self(lines.join("\n")).hint("`verbs` of a verb says what it takes");
            }
            Error::NoVerb { near: Some(near), dir, .. } => {
                return Self::new(format!("{error} in {dir}"))
                    .hint(format!("did you mean `{near}`? `verbs` lists all of them"));
            }
            Error::NoVerb { dir, .. } => Self::new(format!("{error} in {dir}")),
            _ => Self::new(error.to_string()),
        };
        match hint(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// A way out, where there is one to name.
fn hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::NoVerb { .. } => "`verbs` lists them".to_owned(),
        Error::NoState => "`start` opens a run".to_owned(),
        Error::Config(_) => "mend that file".to_owned(),
        Error::Refused(store::Error::Locked { run, .. }) => {
            format!("it is free once that run has ended: `status` of {run} says how it goes")
        }
        Error::Store(store::Error::NoRun(_) | store::Error::Ambiguous(_)) => {
            "`status` without a run lists them".to_owned()
        }
        Error::Store(store::Error::Driven { run, .. }) => {
            format!("`status` of {run} says how it goes; try again once it waits")
        }
        Error::Store(store::Error::Full | store::Error::NotDurable { .. }) => {
            "what ran was ended; make room, then try again".to_owned()
        }
        Error::Store(store::Error::StillEnding { .. }) => "try again in a moment".to_owned(),
        Error::Store(store::Error::Newer { .. }) => "a newer ostler is needed here".to_owned(),
        Error::Reader(reader::Error::Refused(_)) => {
            "this session was started with --untrusted".to_owned()
        }
        Error::Rules(_) => "tell the person you work for".to_owned(),
        _ => return None,
    })
}

/// Problems of files, each with its place and its ways out. `file` is where those lie that have no place.
pub(super) fn problems(all: &[Diagnostic], sources: &Sources, file: &str) -> String {
    let mut lines: Vec<String> =
        all.iter().take(PROBLEMS).map(|one| problem(one, sources, file)).collect();
    if all.len() > PROBLEMS {
        lines.push(format!("… and {} more", all.len() - PROBLEMS));
    }
    lines.join("\n")
}

fn problem(one: &Diagnostic, sources: &Sources, file: &str) -> String {
    let at = |place: Place| {
        let name = sources.get(place.file).map_or(file, |source| source.name.as_str());
        let (line, column) = sources.line_column(place);
        format!("{name}:{line}:{column}: ")
    };
    let nowhere = || if file.is_empty() { String::new() } else { format!("{file}: ") };
    let word = if one.is_error() { "error" } else { "warning" };
    let mut out = one.place.map_or_else(nowhere, at);
    let _ = write!(out, "{word}[{}]: {}", one.code.as_str(), one.message);
    if !one.label.is_empty() {
        let _ = write!(out, " ({})", one.label);
    }
    for (place, what) in &one.related {
        let _ = write!(out, "\n  {}{what}", at(*place));
    }
    for hint in &one.hints {
        let _ = write!(out, "\n  help: {hint}");
    }
    printable(&out)
}
