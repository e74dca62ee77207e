//! Whether a value has a type: for defaults, for what a caller gives, for what a step outputs.

use serde_json::Value;

use crate::diagnostic::printable;
use crate::workflow::{Millis, Param, ParamType, ValueType};

/// Turns the text a caller typed into a value of the type; a list is JSON.
pub fn from_text(kind: ParamType, text: &str) -> Result<Value, String> {
    if kind.list {
        let list = serde_json::from_str(text).ok().filter(Value::is_array);
        let list = list.ok_or_else(|| {
            format!("`{}` is not a list in JSON, such as [\"a\", \"b\"]", printable(text))
        })?;
        return fits(kind, &list).map(|()| list);
    }
    let value = match kind.of {
        ValueType::Int => text.parse::<i64>().map(Value::from).map_err(|_| not_a(kind, text))?,
        ValueType::Number | ValueType::Json => {
            serde_json::from_str(text).map_err(|_| not_a(kind, text))?
        }
        ValueType::Bool => text.parse::<bool>().map(Value::from).map_err(|_| not_a(kind, text))?,
        _ => Value::String(text.to_owned()),
    };
    fits(kind, &value)?;
    Ok(value)
}

/// Whether there is nothing in a value.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(all) => all.is_empty(),
        Value::Object(all) => all.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether a value has the type; the error says what it is instead.
pub fn fits(kind: ParamType, value: &Value) -> Result<(), String> {
    if kind.list {
        let Value::Array(all) = value else { return Err(format!("{value} is not a list")) };
        return all.iter().try_for_each(|one| fits(ParamType { list: false, ..kind }, one));
    }
    let fine = match kind.of {
        ValueType::Int => value.is_i64(),
        ValueType::Number => value.is_number(),
        ValueType::Bool => value.is_boolean(),
        ValueType::Json => true,
        ValueType::String | ValueType::Path | ValueType::Glob => {
            value.is_string() || value.get("b64").is_some()
        }
        ValueType::Enum => value.is_string(),
        ValueType::Duration => value.as_str().is_some_and(|t| Millis::parse(t).is_ok()),
        ValueType::Version => {
            value.as_str().is_some_and(|t| t.contains(|c: char| c.is_ascii_digit()))
        }
        ValueType::Host | ValueType::Run => value.as_str().is_some_and(|t| {
            t.starts_with(|c: char| c.is_ascii_alphanumeric())
                && t.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
        }),
        ValueType::Scope => value.as_str().is_some_and(|t| {
            t.split('/').all(|p| {
                !p.is_empty() && p.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            })
        }),
    };
    if fine { Ok(()) } else { Err(not_a(kind, &shown(value))) }
}

/// Whether a text is `MAJOR.MINOR.PATCH`, perhaps with a pre-release and build (<https://semver.org>).
pub fn is_semver(text: &str) -> bool {
    let core = text.split(['-', '+']).next().unwrap_or_default();
    let number = |part: &str| {
        part.bytes().all(|b| b.is_ascii_digit())
            && !part.is_empty()
            && (part == "0" || !part.starts_with('0'))
    };
    core.split('.').count() == 3 && core.split('.').all(number)
}

/// Whether a param can be given a value of this type, which is the param's or that of one in its list.
pub fn suits(param: &Param, kind: ParamType, value: &Value) -> Result<(), String> {
    if kind.list {
        let Value::Array(all) = value else { return fits(kind, value) };
        let one = ParamType { list: false, ..kind };
        return all.iter().try_for_each(|value| suits(param, one, value));
    }
    fits(kind, value)?;
    let text = value.as_str().unwrap_or_default();
    let words: Vec<&str> = param.values.iter().map(|word| word.as_str()).collect();
    if kind.of == ValueType::Enum && !words.contains(&text) {
        return Err(format!("`{}` is not one of {}", printable(text), words.join(", ")));
    }
    let semver = param.scheme.as_ref().is_some_and(|scheme| scheme.value == "semver");
    if semver && !is_semver(text) {
        return Err(format!("`{}` is not a semantic version such as 1.2.3", printable(text)));
    }
    if value.as_str() == Some("") && !param.allow_empty {
        return Err("it is empty".to_owned());
    }
    Ok(())
}

/// A type with its article.
pub fn article(kind: ParamType) -> String {
    let text = kind.to_string();
    let an = text.starts_with(['i', 'e', 'a', 'o']);
    format!("{} {text}", if an { "an" } else { "a" })
}

fn not_a(kind: ParamType, text: &str) -> String {
    format!("`{}` is not {}", printable(text), article(kind))
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_values_of_their_type_or_are_refused() {
        let kind = |text: &str| ParamType::parse(text).unwrap();
        assert_eq!(from_text(kind("int"), "-3"), Ok(Value::from(-3)));
        assert_eq!(from_text(kind("bool"), "true"), Ok(Value::from(true)));
        assert_eq!(from_text(kind("Duration"), "5m"), Ok(Value::from("5m")));
        assert_eq!(from_text(kind("[int]"), "[1, 2]"), Ok(serde_json::json!([1, 2])));
        assert!(from_text(kind("[int]"), "1").unwrap_err().contains("in JSON"));
        for (name, bad) in [
            ("[string]", "[1]"),
            ("int", "3.5"),
            ("bool", "yes"),
            ("duration", "5"),
            ("host", "-oProxyCommand=x"),
            ("host", ""),
            ("scope", "../x"),
            ("number", "NaN"),
            ("version", "latest"),
            ("run", "a b"),
        ] {
            assert!(from_text(kind(name), bad).is_err(), "{name} {bad}");
        }
    }

    #[test]
    fn lists_are_of_one_type() {
        let kind = ParamType::parse("[int]").unwrap();
        assert!(fits(kind, &serde_json::json!([1, 2])).is_ok());
        assert!(fits(kind, &serde_json::json!([1, "2"])).is_err());
        assert!(fits(kind, &serde_json::json!(1)).is_err());
    }
}
