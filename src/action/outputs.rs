//! What a step hands on: the lines it wrote to `$OSTLER_OUTPUT`, or its standard output, typed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::check::values;
use crate::ids::Name;
use crate::workflow::{OutputSpec, ParamType};

/// The most that a step may write to `$OSTLER_OUTPUT`, in bytes.
const MAX_OUTPUT: u64 = 16 * 1024 * 1024;

type Found = BTreeMap<Name, Value>;

/// Reads and types the outputs. The error holds those that are good as well, and why the others are not, a line each.
pub(super) fn collect(
    file: &Path,
    declared: &BTreeMap<Name, OutputSpec>,
    stdout: impl FnOnce() -> Result<Vec<u8>, String>,
) -> Result<Found, (Found, String)> {
    let mut found = Found::new();
    let mut problems = Vec::new();
    let mut refused = BTreeSet::new();
    // Not through a link: what it leads to is not what the step wrote.
    match std::fs::symlink_metadata(file) {
        Ok(facts) if facts.is_file() && facts.len() > MAX_OUTPUT => {
            problems.push(format!("more than {} MiB of outputs", MAX_OUTPUT / 1024 / 1024));
        }
        Ok(facts) if facts.is_file() => match std::fs::read(file) {
            Ok(bytes) => lines(&bytes, declared, &mut found, &mut refused, &mut problems),
            Err(error) => problems.push(format!("the outputs cannot be read: {error}")),
        },
        Ok(_) => problems.push("$OSTLER_OUTPUT is no longer a file".to_owned()),
        Err(_) => {}
    }
    if let Some((name, _)) =
        declared.iter().find(|(n, s)| is_stdout(n, s) && !found.contains_key(*n))
    {
        let parsed = stdout().and_then(|text| {
            serde_json::from_slice(&text).map_err(|e| format!("standard output is not JSON: {e}"))
        });
        match parsed {
            Ok(value) => drop(found.insert(name.clone(), value)),
            Err(why) => problems.push(why),
        }
    }
    for (name, spec) in declared {
        match found.get(name) {
            // Of one that was refused, that is said already.
            None if refused.contains(name.as_str()) => {}
            None => problems.push(format!("output `{name}` was not written")),
            Some(value) if values::is_empty(value) && !spec.allow_empty => {
                problems.push(format!("output `{name}` is empty"));
            }
            Some(_) => {}
        }
    }
    if problems.is_empty() { Ok(found) } else { Err((found, problems.join("\n"))) }
}

/// Removes what attempts wrote whose engine died: nobody collects it, and it may hold what must not be kept.
pub fn remove_left(dir: &Path) {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()).filter(|p| p.extension() == Some("out".as_ref()))
    {
        let _ = std::fs::remove_file(path);
    }
}

/// `outputs = { stdout = "json" }` takes the step's standard output.
fn is_stdout(name: &Name, spec: &OutputSpec) -> bool {
    name.as_str() == "stdout" && spec.kind.of == crate::workflow::ValueType::Json
}

/// One JSON object a line, or `name=value`.
fn lines(
    bytes: &[u8],
    declared: &BTreeMap<Name, OutputSpec>,
    found: &mut Found,
    refused: &mut BTreeSet<String>,
    problems: &mut Vec<String>,
) {
    for (nth, line) in bytes.split(|b| *b == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            continue;
        }
        let at = |why: String| format!("line {} of the outputs: {why}", nth + 1);
        if line.first() == Some(&b'{') {
            match serde_json::from_slice::<serde_json::Map<String, Value>>(line) {
                Ok(all) => all.into_iter().for_each(|(name, value)| {
                    let kept = keep(&name, declared, found, |_| Ok(value));
                    if let Err(why) = kept {
                        problems.push(at(why));
                        refused.insert(name);
                    }
                }),
                Err(error) => problems.push(at(format!("not a JSON object: {error}"))),
            }
            continue;
        }
        let Some(equals) = line.iter().position(|b| *b == b'=') else {
            problems.push(at("neither a JSON object nor name=value".to_owned()));
            continue;
        };
        let name = String::from_utf8_lossy(&line[..equals]).into_owned();
        let value = &line[equals + 1..];
        let kept = keep(&name, declared, found, |kind| match std::str::from_utf8(value) {
            Ok(text) if kind.list => {
                serde_json::from_str(text).map_err(|_| "not a JSON list".to_owned())
            }
            Ok(text) => values::from_text(kind, text),
            Err(_) => Ok(crate::value::from_bytes(value)),
        });
        if let Err(why) = kept {
            problems.push(at(why));
            refused.insert(name);
        }
    }
}

fn keep(
    name: &str,
    declared: &BTreeMap<Name, OutputSpec>,
    found: &mut Found,
    value: impl FnOnce(ParamType) -> Result<Value, String>,
) -> Result<(), String> {
    let shown = crate::diagnostic::printable(name);
    let Some((name, spec)) = declared.get_key_value(name) else {
        return Err(format!("`{shown}` is not a declared output"));
    };
    let value = value(spec.kind).map_err(|why| format!("output `{name}`: {why}"))?;
    if value.is_null() {
        return Err(format!("output `{name}` is null"));
    }
    values::fits(spec.kind, &value).map_err(|why| format!("output `{name}`: {why}"))?;
    found.insert(name.clone(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(all: &[(&str, &str)]) -> BTreeMap<Name, OutputSpec> {
        let spec =
            |kind: &str| OutputSpec { kind: ParamType::parse(kind).unwrap(), allow_empty: false };
        all.iter().map(|(name, kind)| (Name::parse(name).unwrap(), spec(kind))).collect()
    }

    fn read(text: &[u8], specs: &[(&str, &str)]) -> Result<Found, String> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("out");
        std::fs::write(&file, text).unwrap();
        collect(&file, &declared(specs), || Ok(b"{\"a\":1}".to_vec())).map_err(|(_, why)| why)
    }

    #[test]
    fn both_forms_are_read_and_the_last_word_counts() {
        let found = read(
            b"n=3\n{\"id\": \"x\", \"n\": 4}\nall=[1,2]\n",
            &[("n", "int"), ("id", "string"), ("all", "[int]"), ("stdout", "json")],
        );
        let shown = serde_json::to_string(&found.unwrap()).unwrap();
        assert_eq!(shown, r#"{"all":[1,2],"id":"x","n":4,"stdout":{"a":1}}"#);
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, why) in [
            (&b"m=3\nn=1"[..], "`m` is not a declared output"),
            (b"n=three", "`three` is not an int"),
            (b"", "`n` was not written"),
            (b"{oops", "not a JSON object"),
            (b"n", "neither a JSON object nor name=value"),
            (b"{\"n\": null}", "`n` is null"),
        ] {
            let error = read(text, &[("n", "int")]).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
        let twice = read(b"n=x\nm=1", &[("n", "int"), ("o", "int")]).unwrap_err();
        assert_eq!(twice.lines().count(), 3, "{twice}");
        assert!(!twice.contains("`n` was not written"), "{twice}");
        assert!(read(b"s=", &[("s", "string")]).unwrap_err().contains("`s` is empty"));
    }

    #[test]
    fn bytes_that_are_not_text_arrive() {
        let found = read(b"s=\xff", &[("s", "string")]).unwrap();
        assert_eq!(crate::value::to_bytes(&found["s"]), b"\xff");
    }
}
