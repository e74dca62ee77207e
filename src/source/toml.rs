//! TOML text to tree, with every syntax error at its place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::tree::{Entry, Kind, Node};
use crate::diagnostic::{Code, Diagnostic, Place, printable};

/// Reads TOML text. The errors are all that the parser could find.
pub(super) fn read(text: &str, file: u16) -> Result<Node, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if errors.is_empty() {
        let place = place(file, table.span());
        let kind = of_table(table.get_ref(), file, text);
        return Ok(Node { place, kind });
    }
    Err(errors
        .into_iter()
        .map(|error| {
            let place = place(file, error.span().unwrap_or(0..0));
            Diagnostic::new(Code::Syntax, printable(error.message())).at(place, "here")
        })
        .collect())
}

fn place(file: u16, span: Range<usize>) -> Place {
    let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Place { file, start: clamp(span.start), end: clamp(span.end) }
}

/// A text as TOML means it: a line of a multi-line text ends the same on every system.
fn text(raw: &str, value: &str) -> String {
    if raw.contains("\r\n") { value.replace("\r\n", "\n") } else { value.to_owned() }
}

fn of_table(table: &DeTable<'_>, file: u16, source: &str) -> Kind {
    let entries = table.iter().map(|(key, value)| Entry {
        key: key.get_ref().to_string(),
        key_place: place(file, key.span()),
        value: of_value(value, file, source),
    });
    Kind::Table(entries.collect())
}

fn of_value(value: &Spanned<DeValue<'_>>, file: u16, source: &str) -> Node {
    let kind = match value.get_ref() {
        DeValue::String(value_text) => {
            let raw = source.get(value.span()).unwrap_or_default();
            Kind::String(text(raw, value_text))
        }
        DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
            Ok(n) => Kind::Int(n),
            Err(_) => Kind::Other("a number beyond 64 bits"),
        },
        DeValue::Float(n) => match n.as_str().parse::<f64>() {
            Ok(n) if n.is_finite() => Kind::Float(n),
            _ => Kind::Other("a number that is not finite"),
        },
        DeValue::Boolean(b) => Kind::Bool(*b),
        DeValue::Datetime(_) => Kind::Other("a date"),
        DeValue::Array(all) => Kind::Array(all.iter().map(|v| of_value(v, file, source)).collect()),
        DeValue::Table(table) => of_table(table, file, source),
    };
    Node { place: place(file, value.span()), kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_place() {
        let text = "a = 1\n[[steps]]\nid = 'x'\n";
        let Kind::Table(top) = read(text, 0).unwrap().kind else { panic!("no table") };
        assert_eq!(&text[top[0].key_place.start as usize..top[0].key_place.end as usize], "a");
        let Kind::Array(steps) = &top[1].value.kind else { panic!("no array") };
        let Kind::Table(step) = &steps[0].kind else { panic!("no step") };
        let id = &step[0].value;
        assert_eq!(&text[id.place.start as usize..id.place.end as usize], "'x'");
    }

    #[test]
    fn lines_end_the_same_on_every_system() {
        let text = "a = \"\"\"x\r\ny\r\n\"\"\"\r\nb = \"x\\r\\n\"\r\n";
        let Kind::Table(top) = read(text, 0).unwrap().kind else { panic!("no table") };
        let texts = top.iter().map(|e| match &e.value.kind {
            Kind::String(text) => text.as_str(),
            _ => "",
        });
        assert_eq!(texts.collect::<Vec<_>>(), ["x\ny\n", "x\r\n"]);
    }

    #[test]
    fn every_syntax_error_is_reported() {
        let errors = read("a = \nb = [1,\nc = nope\n", 0).unwrap_err();
        assert!(errors.len() >= 2, "{errors:?}");
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_crash() {
        let text = format!("a = {}{}", "[".repeat(10_000), "]".repeat(10_000));
        assert!(read(&text, 0).is_err());
    }
}
