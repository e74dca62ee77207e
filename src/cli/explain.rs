//! What a name means that ostler uses: so far, a diagnostic code.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::{ExplainArgs, Format};
use super::terminal::Terminal;
use super::{Context, Exit};
use crate::diagnostic::{Code, Example, Severity, closest};
use crate::report::{Paint, Tone};

/// The most columns that prose takes, however wide the terminal is.
const WIDTH: usize = 80;

impl Context {
    pub(super) fn explain(&self, args: &ExplainArgs) -> Exit {
        let found = args.name.as_deref().map(|name| Code::named(name).ok_or(name)).transpose();
        let said = match (found, args.format) {
            (Ok(None), Format::Text) => list(&self.out),
            (Ok(None), Format::Json) => format!("{:#}\n", list_json()),
            (Ok(Some(code)), Format::Text) => text(code, &self.out),
            (Ok(Some(code)), Format::Json) => format!("{:#}\n", code_json(code)),
            (Err(name), _) => {
                super::say(&unknown(name, &self.err));
                return Exit::Usage;
            }
        };
        self.print(&said);
        Exit::Passed
    }
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

/// A text in lines of at most so many columns. A longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a remarkable d", 3), ["a", "remarkable", "d"]);
        assert!(wrapped("", 10).is_empty());
    }
}
