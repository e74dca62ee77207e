//! What somebody says that a step hands on, as they typed it.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::check::values;
use crate::diagnostic::printable;
use crate::ids::{Instance, Name};
use crate::plan::Step;

/// The outputs of a step, typed: each one that is declared, once, and empty only where it may be. A pass has all of them.
pub(super) fn outputs(
    id: &Instance,
    step: &Step,
    given: &[(String, String)],
    passes: bool,
) -> Result<BTreeMap<Name, Value>, String> {
    let mut typed = BTreeMap::new();
    for (name, text) in given {
        let Some((name, spec)) = step.outputs.get_key_value(name.as_str()) else {
            let name: String = printable(name).chars().take(80).collect();
            return Err(format!("`{id}` has no output `{name}`"));
        };
        let value = values::from_text(spec.kind, text);
        let value = value.map_err(|why| format!("output `{name}`: {why}"))?;
        if values::is_empty(&value) && !spec.allow_empty {
            return Err(format!("output `{name}` is empty"));
        }
        if typed.insert(name.clone(), value).is_some() {
            return Err(format!("output `{name}` is given twice"));
        }
    }
    let missing = step.outputs.keys().find(|name| !typed.contains_key(*name));
    match missing.filter(|_| passes) {
        Some(name) => Err(format!("`{id}` hands on `{name}`: give it with --output {name}=VALUE")),
        None => Ok(typed),
    }
}
