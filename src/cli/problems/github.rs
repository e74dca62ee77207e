//! Problems as workflow commands of GitHub Actions, which shows them beside the lines of a pull request.

use std::fmt::Write as _;

use super::{Root, Span, level, said};
use crate::ops::Checked;

/// All problems, a command each.
pub(in crate::cli) fn github(checked: &[Checked], root: &Root) -> String {
    let mut out = String::new();
    for one in checked {
        for problem in &one.problems {
            let source = problem.place.and_then(|place| one.sources.get(place.file));
            let file = source.map_or(one.file.as_str(), |source| source.name.as_str());
            let _ = write!(out, "::{} file={}", level(problem), property(&root.path(file)));
            if let Some(place) = problem.place {
                let span = Span::of(place, &one.sources);
                let _ = write!(out, ",line={},endLine={}", span.line, span.end_line);
                // Columns go with one line only.
                if span.line == span.end_line && span.end_column > span.column {
                    let _ = write!(out, ",col={},endColumn={}", span.column, span.end_column);
                } else if span.line == span.end_line {
                    let _ = write!(out, ",col={}", span.column);
                }
            }
            let title = property(problem.code.as_str());
            let _ = writeln!(out, ",title={title}::{}", data(&said(problem)));
        }
    }
    out
}

/// A message, as the runner reads it.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property's value, as the runner reads it.
fn property(text: &str) -> String {
    data(&crate::diagnostic::printable(text)).replace(':', "%3A").replace(',', "%2C")
}
