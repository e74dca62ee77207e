//! A report without what differs between two runs of the same: ids, times and names.

use serde_json::Value;

/// What stands in the place of what differs.
const ANY: &str = "…";

/// The fields that differ.
const DIFFER: [&str; 7] = ["run", "at", "started_at", "ended_at", "duration_ms", "actor", "by"];

/// A JSON report (`ostler runs show --format json`) in which ids, times and names are the same for every run.
pub(crate) fn normal(report: &Value) -> Value {
    let mut names = Vec::new();
    gather(report, &mut names);
    // A name may hold another.
    names.sort_by_key(|name| std::cmp::Reverse(name.len()));
    replaced(report, &names)
}

/// Ids and names, which stand also in sentences.
fn gather(value: &Value, names: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let name = value["name"].as_str().or(value.as_str());
                match name.filter(|_| ["run", "actor", "by"].contains(&key.as_str())) {
                    // In sentences it is said of an agent that it is one.
                    Some(name) => names.extend([name.to_owned(), format!("agent {name}")]),
                    None => gather(value, names),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|one| gather(one, names)),
        _ => {}
    }
}

fn replaced(value: &Value, names: &[String]) -> Value {
    match value {
        Value::Object(fields) => {
            let field = |(key, value): (&String, &Value)| {
                let differs = DIFFER.contains(&key.as_str()) && !value.is_null();
                let value = if differs { ANY.into() } else { replaced(value, names) };
                (key.clone(), value)
            };
            Value::Object(fields.iter().map(field).collect())
        }
        Value::Array(all) => all.iter().map(|one| replaced(one, names)).collect(),
        Value::String(text) => {
            names.iter().fold(text.clone(), |text, name| text.replace(name, ANY)).into()
        }
        other => other.clone(),
    }
}
