//! Problems for people: with the source line and a way out.

use std::borrow::Cow;
use std::fmt::Write as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Element, Group, Level, Renderer, Snippet};

use crate::cli::terminal::Terminal;
use crate::diagnostic::{Diagnostic, Place, Sources, printable};
use crate::ops::Checked;
use crate::report::{Paint, Tone};

/// More problems than this of one file are counted, not shown.
const SHOWN: usize = 50;

/// The problems of a file as text.
pub(in crate::cli) fn text(problems: &[Diagnostic], sources: &Sources, to: &Terminal) -> String {
    let renderer = if to.has_colours() { Renderer::styled() } else { Renderer::plain() };
    let renderer = renderer.decor_style(DecorStyle::Ascii).term_width(to.width);
    let mut out = String::new();
    for problem in problems.iter().take(SHOWN) {
        let _ = writeln!(out, "{}\n", one(problem, sources, &renderer));
    }
    if problems.len() > SHOWN {
        let _ = writeln!(out, "… and {}\n", plural(problems.len() - SHOWN, "more problem"));
    }
    out
}

fn one(problem: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = if problem.is_error() { Level::ERROR } else { Level::WARNING };
    let title = printable(&problem.message);
    let mut snippets: Vec<Snippet<'_, annotate_snippets::Annotation<'_>>> = Vec::new();
    let places =
        problem.place.iter().map(|p| (*p, problem.label.as_str(), AnnotationKind::Primary));
    let related = problem.related.iter().map(|(p, l)| (*p, l.as_str(), AnnotationKind::Context));
    let names: Vec<(Place, &str, AnnotationKind)> = places.chain(related).collect();
    if let Some(source) = names.first().and_then(|(place, ..)| sources.get(place.file)) {
        let mut snippet =
            Snippet::source(tame(&source.text)).path(printable(&source.name)).fold(true);
        for (place, label, kind) in names.into_iter().take(9) {
            snippet =
                snippet.annotation(kind.span(span(place, &source.text)).label(printable(label)));
        }
        snippets.push(snippet);
    }
    let mut group: Group<'_> =
        level.primary_title(title.as_str()).id(problem.code.as_str()).elements(snippets);
    for hint in &problem.hints {
        let element: Element<'_> = Level::HELP.message(printable(hint)).into();
        group = group.element(element);
    }
    renderer.render(&[group]).clone()
}

/// A text in which no character of the second control block is left, which some terminals obey; places stay right,
/// since what is put there has as many bytes. The first block is shown by the renderer.
fn tame(text: &str) -> Cow<'_, str> {
    let acts = |c: char| ('\u{80}'..='\u{9f}').contains(&c);
    if text.contains(acts) { text.replace(acts, "\u{a4}").into() } else { text.into() }
}

/// A place cut to its first line, and to what the text has.
fn span(place: Place, text: &str) -> std::ops::Range<usize> {
    let start = (place.start as usize).min(text.len());
    let end = (place.end as usize).clamp(start, text.len());
    let line = text.get(start..end).and_then(|t| t.find('\n')).map_or(end, |at| start + at);
    start..line
}

/// How many problems there are, in a line; and where more is said of them.
pub(in crate::cli) fn summary(checked: &[Checked], to: &Terminal) -> String {
    let all = || checked.iter().flat_map(|c| &c.problems);
    let errors = all().filter(|p| p.is_error()).count();
    let warnings = all().count() - errors;
    let files = plural(checked.len(), "file");
    let wrong = checked.iter().filter(|c| !c.problems.is_empty()).count();
    let mut parts = Vec::new();
    if errors > 0 {
        parts.push(to.paint(Tone::Bad, &plural(errors, "error")));
    }
    if warnings > 0 {
        parts.push(to.paint(Tone::Warn, &plural(warnings, "warning")));
    }
    if parts.is_empty() {
        return format!("{} {files} checked\n", to.paint(Tone::Good, "✓"));
    }
    let of = if wrong < checked.len() { format!("{wrong} of {files}") } else { files };
    let mut out = format!("{} in {of}\n", parts.join(", "));
    if let Some(first) = all().find(|p| p.is_error()) {
        let more = format!("more about a code: ostler explain {}", first.code.as_str());
        let _ = writeln!(out, "{}", to.paint(Tone::Faint, &more));
    }
    out
}

fn plural(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
