//! What a tool takes: declared once, told as a closed JSON Schema, and what does not fit is refused, all at once.

use serde_json::{Map, Value, json};

use super::failure::Failure;
use crate::diagnostic::{closest, did_you_mean, printable};
use crate::value::MAX_VALUE;

/// The longest that what a command wrote may be, in bytes.
const LONG: usize = 1024 * 1024;

/// A field.
#[derive(Debug)]
pub(super) struct Field {
    name: &'static str,
    kind: Kind,
    about: &'static str,
    needed: bool,
}

/// What a field holds.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// A text.
    Text,
    /// A text that may be long.
    Long,
    /// A whole number between two.
    Whole(i64, i64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Some texts.
    Texts,
    /// Values by name.
    Values,
}

impl Field {
    /// One that may be left out.
    pub(super) const fn new(name: &'static str, kind: Kind, about: &'static str) -> Self {
        Self { name, kind, about, needed: false }
    }

    /// One that may not.
    pub(super) const fn needed(self) -> Self {
        Self { needed: true, ..self }
    }

    fn schema(&self) -> Value {
        let mut schema = match self.kind {
            Kind::Text | Kind::Long => json!({ "type": "string" }),
            Kind::Whole(least, most) => {
                json!({ "type": "integer", "minimum": least, "maximum": most })
            }
            Kind::Word(words) => json!({ "type": "string", "enum": words }),
            Kind::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            Kind::Values => json!({ "type": "object" }),
        };
        if !self.about.is_empty() {
            schema["description"] = json!(self.about);
        }
        schema
    }

    /// Why a value does not fit.
    fn misfit(&self, value: &Value) -> Option<String> {
        let is_text = |value: &Value| value.is_string();
        let (fits, wanted) = match self.kind {
            Kind::Text | Kind::Long => (is_text(value), "a text".to_owned()),
            Kind::Whole(least, most) => {
                let fits = value.as_i64().is_some_and(|n| (least..=most).contains(&n));
                (fits, format!("a whole number from {least} to {most}"))
            }
            Kind::Word(words) => {
                let fits = value.as_str().is_some_and(|word| words.contains(&word));
                (fits, format!("one of {}", words.join(", ")))
            }
            Kind::Texts => {
                let fits = value.as_array().is_some_and(|all| all.iter().all(is_text));
                (fits, "a list of texts".to_owned())
            }
            Kind::Values => (value.is_object(), "an object, a value for each name".to_owned()),
        };
        let name = self.name;
        if !fits {
            return Some(format!("`{name}` is {wanted}, and not {}", what(value)));
        }
        let size = value.as_str().map_or(0, str::len);
        let most = if matches!(self.kind, Kind::Long) { LONG } else { MAX_VALUE };
        let why = || format!("`{name}` is {size} bytes long, more than {most}: put it in a file");
        (size > most).then(why)
    }
}

/// A value in a word or two.
fn what(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::String(text) if text.len() <= 40 => format!("`{}`", printable(text)),
        Value::String(_) => "a long text".to_owned(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) => "such a list".to_owned(),
        Value::Object(_) => "an object".to_owned(),
    }
}

/// The schema of a tool's fields.
pub(super) fn schema(fields: &[Field]) -> Map<String, Value> {
    let properties = fields.iter().map(|field| (field.name.to_owned(), field.schema()));
    let needed: Vec<&str> = fields.iter().filter(|f| f.needed).map(|f| f.name).collect();
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("object"));
    schema.insert("properties".to_owned(), Value::Object(properties.collect()));
    if !needed.is_empty() {
        schema.insert("required".to_owned(), json!(needed));
    }
    schema.insert("additionalProperties".to_owned(), json!(false));
    schema
}

/// Arguments that fit their fields. A null is none.
#[derive(Debug)]
pub(super) struct Args(Map<String, Value>);

impl Args {
    /// Holds arguments against their fields.
    pub(super) fn read(fields: &[Field], mut given: Map<String, Value>) -> Result<Self, Failure> {
        given.retain(|_, value| !value.is_null());
        let names = || fields.iter().map(|field| field.name);
        let unknown = given.keys().filter(|name| !names().any(|known| known == *name));
        let mut wrong: Vec<String> = unknown
            .take(10)
            .map(|name| {
                let near = closest(name, names()).map(|near| format!(": {}", did_you_mean(near)));
                format!("there is no `{}`{}", cut(name), near.unwrap_or_default())
            })
            .collect();
        for field in fields {
            match given.get(field.name) {
                Some(value) => wrong.extend(field.misfit(value)),
                None if field.needed => wrong.push(format!("`{}` is needed", field.name)),
                None => {}
            }
        }
        if wrong.is_empty() {
            return Ok(Self(given));
        }
        let takes: Vec<&str> = names().collect();
        let takes = if takes.is_empty() { "nothing".to_owned() } else { takes.join(", ") };
        Err(Failure::new(wrong.join("; ")).hint(format!("it takes {takes}")))
    }

    /// A text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_str()
    }

    /// A text that is needed.
    pub(super) fn needed(&self, name: &str) -> &str {
        self.text(name).unwrap_or_default()
    }

    /// A text of one's own.
    pub(super) fn owned(&self, name: &str) -> Option<String> {
        self.text(name).map(str::to_owned)
    }

    /// A whole number, where it fits its type.
    pub(super) fn whole<N: TryFrom<i64>>(&self, name: &str) -> Option<N> {
        N::try_from(self.0.get(name)?.as_i64()?).ok()
    }

    /// Some texts.
    pub(super) fn texts(&self, name: &str) -> Vec<String> {
        let all = self.0.get(name).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// Values by name.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = (&String, &Value)> {
        self.0.get(name).and_then(Value::as_object).into_iter().flatten()
    }
}

/// A name as it is repeated.
fn cut(name: &str) -> String {
    printable(&name.chars().take(40).collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[Field] = &[
        Field::new("verb", Kind::Text, "Its name.").needed(),
        Field::new("limit", Kind::Whole(1, 9), "How many."),
        Field::new("stream", Kind::Word(&["out", "err"]), "Which."),
        Field::new("names", Kind::Texts, ""),
        Field::new("params", Kind::Values, ""),
    ];

    fn read(value: Value) -> Result<Args, String> {
        let Value::Object(map) = value else { panic!("no object") };
        Args::read(FIELDS, map).map_err(Failure::text)
    }

    #[test]
    fn all_that_does_not_fit_is_said_at_once() {
        let wrong = json!({ "verbs": 1, "limit": 10, "stream": "x", "names": [1], "params": [] });
        insta::assert_snapshot!(read(wrong).unwrap_err(), @"
        error: there is no `verbs`: did you mean `verb`?; `verb` is needed; `limit` is a whole number from 1 to 9, and not 10; `stream` is one of out, err, and not `x`; `names` is a list of texts, and not such a list; `params` is an object, a value for each name, and not such a list
          it takes verb, limit, stream, names, params
        ");
    }

    #[test]
    fn what_fits_is_taken_and_null_is_nothing() {
        let args =
            read(json!({ "verb": "a", "limit": 3, "stream": null, "names": ["x"] })).unwrap();
        assert_eq!((args.needed("verb"), args.whole("limit")), ("a", Some(3)));
        assert_eq!((args.text("stream"), args.texts("names")), (None, vec!["x".to_owned()]));
        assert!(read(json!({ "verb": null })).unwrap_err().contains("is needed"));
    }

    #[test]
    fn long_texts_are_refused() {
        let why = read(json!({ "verb": "x".repeat(MAX_VALUE + 1) })).unwrap_err();
        assert!(why.contains("put it in a file"), "{why}");
    }
}
