//! Problems as SARIF 2.1.0, which code scanning services read.

use serde_json::{Value, json};

use super::{Root, Span, level, said};
use crate::diagnostic::{Code, Diagnostic, Example, Place, Severity, Sources, printable};
use crate::ops::Checked;

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

/// All problems as one log. Its rules are all codes, so that a place in them is the same in every log.
pub(in crate::cli) fn sarif(checked: &[Checked], root: &Root) -> String {
    let results = checked.iter().flat_map(|one| {
        one.problems.iter().map(|problem| result(problem, &one.sources, &one.file, root))
    });
    let driver = json!({
        "name": "ostler",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": Code::ALL.iter().map(|code| rule(*code)).collect::<Vec<_>>(),
    });
    let run = json!({
        "tool": { "driver": driver },
        "columnKind": "unicodeCodePoints",
        "results": results.collect::<Vec<_>>(),
    });
    format!("{:#}\n", json!({ "$schema": SCHEMA, "version": "2.1.0", "runs": [run] }))
}

fn rule(code: Code) -> Value {
    let explained = code.explanation();
    let text = explained.paragraphs.join("\n\n");
    let level = match code.severity() {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let markdown = format!(
        "{text}\n\nWrong:\n\n{}\n\nRight:\n\n{}",
        block(&explained.wrong),
        block(&explained.right)
    );
    json!({
        "id": code.as_str(),
        "shortDescription": { "text": code.title() },
        "fullDescription": { "text": explained.paragraphs.first() },
        "help": { "text": text, "markdown": markdown },
        "defaultConfiguration": { "level": level },
    })
}

fn block(example: &Example) -> String {
    format!("```{}\n{}```", example.language, example.text)
}

fn result(problem: &Diagnostic, sources: &Sources, file: &str, root: &Root) -> Value {
    let main = match problem.place {
        Some(place) => location(place, sources, file, root),
        None => json!({ "physicalLocation": { "artifactLocation": artifact(file, root) } }),
    };
    let mut result = json!({
        "ruleId": problem.code,
        "ruleIndex": Code::ALL.iter().position(|code| *code == problem.code),
        "level": level(problem),
        "message": { "text": message(&said(problem)) },
        "locations": [main],
    });
    if !problem.related.is_empty() {
        let related = problem.related.iter().map(|(place, says)| {
            let mut other = location(*place, sources, file, root);
            other["message"] = json!({ "text": message(&printable(says)) });
            other
        });
        result["relatedLocations"] = related.collect();
    }
    result
}

fn location(place: Place, sources: &Sources, file: &str, root: &Root) -> Value {
    let file = sources.get(place.file).map_or(file, |source| source.name.as_str());
    let span = Span::of(place, sources);
    let region = json!({
        "startLine": span.line, "startColumn": span.column,
        "endLine": span.end_line, "endColumn": span.end_column,
    });
    json!({ "physicalLocation": { "artifactLocation": artifact(file, root), "region": region } })
}

/// A text as a message, in which `[name](target)` would be a link.
fn message(text: &str) -> String {
    text.replace("](", "] (")
}

/// A file, from the root of the sources if it lies there.
fn artifact(file: &str, root: &Root) -> Value {
    let path = root.path(file);
    let uri: String = path.bytes().map(encoded).collect();
    if path.starts_with('/') {
        return json!({ "uri": format!("file://{uri}") });
    }
    json!({ "uri": uri, "uriBaseId": "%SRCROOT%" })
}

/// A byte of a path in a URI.
fn encoded(byte: u8) -> String {
    match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    }
}
