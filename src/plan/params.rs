//! What the caller gave, typed and complete, or every reason why not.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Facts, Origin, Param};
use crate::check::{broken, values};
use crate::diagnostic::{closest, did_you_mean, printable};
use crate::fleet::{Fleet, NoHost};
use crate::ids::Name;
use crate::value;
use crate::workflow::{self, ParamType, ValueType, Workflow};

/// What a caller gave, by param: the values as they were typed.
pub type Given = BTreeMap<String, Vec<value::Bytes>>;

/// A param that was refused, and what would do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct BadParam {
    /// What is wrong.
    pub message: String,
    /// A way out, if there is one to name.
    pub hint: Option<String>,
}

fn bad(message: impl Into<String>) -> BadParam {
    BadParam { message: message.into(), hint: None }
}

/// Types and completes the params; all refusals at once.
pub(super) fn resolve(
    workflow: &Workflow,
    given: &Given,
    facts: &Facts,
) -> Result<BTreeMap<Name, Param>, Vec<BadParam>> {
    let mut refused = Vec::new();
    let names = || workflow.params.iter().map(|p| p.name.as_str());
    for name in given.keys().filter(|name| !names().any(|n| n == *name)) {
        let hint = closest(name, names()).map(did_you_mean);
        refused.push(BadParam {
            message: format!("`{}` has no param `{}`", workflow.id.value, printable(name)),
            hint,
        });
    }
    let mut params = BTreeMap::new();
    for param in &workflow.params {
        match one(param, given.get(param.name.as_str()), facts) {
            Ok(Some(found)) => drop(params.insert(param.name.value.clone(), found)),
            Ok(None) => {}
            Err(why) => refused.push(why),
        }
    }
    let is_given = |name: &Name| given.contains_key(name.as_str());
    let groups = workflow.param_groups.iter();
    refused.extend(groups.filter_map(|group| broken(group, &is_given)).map(bad));
    if refused.is_empty() { Ok(params) } else { Err(refused) }
}

/// One param's value: given, or the default, or nothing where a list or flag may be left out.
fn one(
    param: &workflow::Param,
    given: Option<&Vec<value::Bytes>>,
    facts: &Facts,
) -> Result<Option<Param>, BadParam> {
    let name = &param.name.value;
    let (value, from) = match (given, &param.default) {
        (Some(texts), _) => (typed(param, texts)?, Origin::Given),
        (None, Some(default)) => (default.value.clone(), Origin::Default),
        (None, None) if param.kind.of == ValueType::Bool && !param.kind.list => {
            (Value::Bool(false), Origin::Default)
        }
        (None, None) => {
            let shown = if param.positional { format!("<{name}>") } else { format!("--{name}") };
            return Err(BadParam {
                message: format!("{shown} is needed"),
                hint: param.help.clone(),
            });
        }
    };
    let value = if param.kind.of == ValueType::Glob { expand(name, &value, facts)? } else { value };
    if param.kind.of == ValueType::Host {
        texts(&value).into_iter().try_for_each(|host| known(name, host, &facts.fleet))?;
    }
    let empty = value.as_str() == Some("") || value.as_array().is_some_and(Vec::is_empty);
    if empty && !param.allow_empty && from == Origin::Given {
        return Err(bad(format!("--{name} is empty")));
    }
    Ok(Some(Param { value, from }))
}

fn typed(param: &workflow::Param, texts: &[value::Bytes]) -> Result<Value, BadParam> {
    let name = &param.name.value;
    let single = ParamType { list: false, ..param.kind };
    let one = |text: &value::Bytes| -> Result<Value, BadParam> {
        if text.0.contains(&0) {
            return Err(bad(format!("--{name} holds a NUL byte")));
        }
        if text.0.len() > value::MAX_VALUE {
            return Err(BadParam {
                message: format!(
                    "--{name} is {} bytes long, more than {}",
                    text.0.len(),
                    value::MAX_VALUE
                ),
                hint: Some("put it in a file and give the file's path".to_owned()),
            });
        }
        let Ok(utf8) = std::str::from_utf8(&text.0) else {
            let bytes = value::from_bytes(&text.0);
            return values::fits(single, &bytes).map(|()| bytes).map_err(|_| {
                bad(format!("--{name} is not UTF-8, and not {} either", values::article(single)))
            });
        };
        let value =
            values::from_text(single, utf8).map_err(|why| bad(format!("--{name}: {why}")))?;
        let semver = param.scheme.as_ref().is_some_and(|s| s.value == "semver");
        if semver && !values::is_semver(utf8) {
            return Err(bad(format!(
                "--{name}: `{}` is not a semantic version such as 1.2.3",
                printable(utf8)
            )));
        }
        if param.kind.of == ValueType::Enum && !param.values.iter().any(|v| v.value == utf8) {
            let words: Vec<&str> = param.values.iter().map(|v| v.as_str()).collect();
            return Err(BadParam {
                message: format!(
                    "--{name}: `{}` is not one of {}",
                    printable(utf8),
                    words.join(", ")
                ),
                hint: closest(utf8, words).map(did_you_mean),
            });
        }
        Ok(value)
    };
    if param.kind.list {
        return texts.iter().map(one).collect::<Result<Vec<_>, _>>().map(Value::Array);
    }
    match texts {
        [text] => one(text),
        _ => Err(bad(format!("--{name} is given {} times", texts.len()))),
    }
}

/// A pattern becomes the paths it matches, at least one.
fn expand(name: &Name, value: &Value, facts: &Facts) -> Result<Value, BadParam> {
    let mut paths = Vec::new();
    for pattern in texts(value) {
        match facts.globs.get(pattern).filter(|found| !found.is_empty()) {
            Some(found) => paths.extend(found.iter().cloned().map(Value::String)),
            None => return Err(bad(format!("--{name}: nothing matches `{}`", printable(pattern)))),
        }
    }
    Ok(Value::Array(paths))
}

/// A text, or the texts of a list.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        one => one.as_str().into_iter().collect(),
    }
}

/// Whether the fleet has a host.
fn known(name: &Name, host: &str, fleet: &Fleet) -> Result<(), BadParam> {
    let none = |none: NoHost| BadParam { message: format!("--{name}: {none}"), hint: none.hint };
    fleet.find(host).map(drop).map_err(none)
}
