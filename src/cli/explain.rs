//! What a name means: a diagnostic code, or a verb and the files that make it.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{ExplainArgs, Format};
use super::terminal::Terminal;
use super::{Context, Exit};
use crate::diagnostic::{Code, Example, Severity, closest, printable};
use crate::ops::{self, Error, Level};
use crate::report::lines::wrapped;
use crate::report::{Paint, Tone};

/// The most columns that prose takes, however wide the terminal is.
const WIDTH: usize = 80;

/// Every field of a workflow file.
const REFERENCE: &str = include_str!("../../docs/reference.md");

impl Context {
    pub(super) fn explain(&self, args: &ExplainArgs) -> Result<Exit, Error> {
        let json = args.format == Format::Json;
        let said = match args.name.as_deref() {
            None if json => format!("{:#}\n", list_json()),
            None => list(&self.out),
            Some("format") if json => format!("{:#}\n", json!({ "text": REFERENCE })),
            Some("format") => REFERENCE.to_owned(),
            Some(name) => match Code::named(name) {
                Some(code) if json => format!("{:#}\n", code_json(code)),
                Some(code) => text(code, &self.out),
                None if is_like_a_code(name) => {
                    super::say(&unknown(name, &self.err));
                    return Ok(Exit::Usage);
                }
                None => {
                    let levels = ops::levels(&self.workspace, name, &self.cwd)?;
                    if json { levels_json(&levels) } else { levels_text(&levels, &self.out) }
                }
            },
        };
        self.print(&said);
        Ok(Exit::Passed)
    }
}

/// Whether somebody who wrote this meant a code: perhaps a letter, then digits.
fn is_like_a_code(name: &str) -> bool {
    let digits = name.trim_start_matches(|c: char| c.is_ascii_alphabetic());
    name.len() - digits.len() <= 1
        && digits.len() >= 2
        && digits.bytes().all(|b| b.is_ascii_digit())
}

/// Which file does what for a verb.
fn levels_text(levels: &[Level], to: &Terminal) -> String {
    let longest = |of: &dyn Fn(&Level) -> usize| levels.iter().map(of).max().unwrap_or(0);
    let files = longest(&|level| level.file.chars().count());
    let words = longest(&|level| level.strategy.as_ref().map_or(0, |word| word.chars().count()));
    let mut out = String::new();
    let mut verb = None;
    for level in levels {
        if verb.replace(&level.verb) != Some(&level.verb) {
            let _ = writeln!(out, "{}", to.paint(Tone::Strong, &printable(&level.verb)));
        }
        let word = printable(level.strategy.as_deref().unwrap_or_default());
        let file = printable(&level.file);
        let _ = writeln!(out, "  {file:files$}  {word:words$}  {}", level.does);
    }
    out
}

fn levels_json(levels: &[Level]) -> String {
    format!("{:#}\n", json!({ "levels": levels }))
}

/// A code's tone, and its severity in a word.
fn severity(code: Code) -> (Tone, &'static str) {
    match code.severity() {
        Severity::Error => (Tone::Bad, "error"),
        Severity::Warning => (Tone::Warn, "warning"),
    }
}

/// Every code with its title.
fn list(to: &Terminal) -> String {
    let mut out = String::new();
    for code in Code::ALL {
        let name = to.paint(severity(*code).0, code.as_str());
        let indent = code.as_str().len() + 2;
        let title = wrapped(code.title(), to.width.min(WIDTH) - indent);
        let _ = writeln!(out, "{name}  {}", title.join(&format!("\n{:indent$}", "")));
    }
    let _ = writeln!(out, "\n{}", to.paint(Tone::Faint, "more about one: ostler explain CODE"));
    out
}

/// What a code means, with its examples.
fn text(code: Code, to: &Terminal) -> String {
    let width = to.width.min(WIDTH);
    let explained = code.explanation();
    let (tone, word) = severity(code);
    let name = format!("{word}[{}]", code.as_str());
    let head = wrapped(&format!("{name}: {}", code.title()), width).join("\n");
    let title = head.strip_prefix(&name).unwrap_or(&head);
    let mut out = format!("{}{}\n", to.paint(tone, &name), to.paint(Tone::Strong, title));
    for paragraph in &explained.paragraphs {
        let _ = writeln!(out, "\n{}", wrapped(paragraph, width).join("\n"));
    }
    example(&mut out, &to.paint(Tone::Bad, "wrong"), &explained.wrong, to);
    example(&mut out, &to.paint(Tone::Good, "right"), &explained.right, to);
    out
}

/// An example as it stands: it is code, and not wrapped.
fn example(out: &mut String, label: &str, example: &Example, to: &Terminal) {
    let place = to.paint(Tone::Faint, example.file.unwrap_or("made by these commands"));
    let _ = writeln!(out, "\n{label}  {place}\n");
    for line in example.text.lines() {
        let _ = writeln!(out, "{}", format!("  {line}").trim_end());
    }
}

fn list_json() -> Value {
    let all = Code::ALL
        .iter()
        .map(|code| json!({ "code": code, "severity": code.severity(), "title": code.title() }));
    json!({ "codes": all.collect::<Vec<_>>() })
}

fn code_json(code: Code) -> Value {
    let explained = code.explanation();
    let example =
        |one: &Example| json!({ "language": one.language, "file": one.file, "text": one.text });
    json!({
        "code": code,
        "severity": code.severity(),
        "title": code.title(),
        "explanation": explained.paragraphs.join("\n\n"),
        "wrong": example(&explained.wrong),
        "right": example(&explained.right),
    })
}

/// That there is no such code, which one may be meant, and where they all are.
fn unknown(name: &str, to: &Terminal) -> String {
    let all = || Code::ALL.iter().map(|code| code.as_str());
    let by_number = || all().find(|code| name.len() >= 3 && code.ends_with(name));
    let near = closest(name, all()).or_else(by_number);
    let near = near.map(|code| format!("\n  did you mean `{code}`?")).unwrap_or_default();
    let name = crate::diagnostic::printable(name);
    let word = to.bad("error");
    format!("{word}: no code is called `{name}`{near}\n  `ostler explain` lists all codes")
}
