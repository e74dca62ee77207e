//! Params: declarations that contradict themselves, and groups of names that exist.

use std::collections::BTreeMap;

use super::values::fits;
use crate::diagnostic::{At, Code, Diagnostic};
use crate::ids::Name;
use crate::workflow::{Group, Param, ParamGroup, ValueType, Workflow};

/// Names that mean something else in placeholders and conditions, or on the command line.
const RESERVED: &[&str] = &[
    "attempt", "format", "help", "host", "item", "jobs", "lenient", "no-ask", "params", "run",
    "steps",
];

/// How versions can compare.
const SCHEMES: &[&str] = &["alpm", "coopcloud", "deb", "semver"];

pub(super) fn check(workflow: &Workflow, problems: &mut Vec<Diagnostic>) {
    let mut seen: BTreeMap<&Name, &At<Name>> = BTreeMap::new();
    for param in &workflow.params {
        if let Some(first) = seen.insert(&param.name.value, &param.name) {
            problems.push(
                Diagnostic::new(
                    Code::DuplicateId,
                    format!("two params called `{}`", param.name.value),
                )
                .at(param.name.place, "the second")
                .with(first.place, "the first"),
            );
        }
        one(param, problems);
    }
    positions(&workflow.params, problems);
    for group in &workflow.param_groups {
        for name in &group.names {
            if !seen.contains_key(&name.value) {
                problems.push(
                    Diagnostic::new(
                        Code::UnknownName,
                        format!("no param is called `{}`", name.value),
                    )
                    .at(name.place, "not declared")
                    .suggest(name.as_str(), seen.keys().map(|n| n.as_str())),
                );
            }
        }
        if group.names.len() < 2 {
            problems.push(
                Diagnostic::new(Code::Contradiction, "a param group needs at least two params")
                    .at(group.group.place, "too few"),
            );
        }
    }
}

fn one(param: &Param, problems: &mut Vec<Diagnostic>) {
    let mut bad = |at, message: String, label: &str| {
        problems.push(Diagnostic::new(Code::BadParam, message).at(at, label));
    };
    let name = &param.name;
    if RESERVED.contains(&name.as_str()) {
        let says = "reserved for placeholders and for the options of `ostler run`";
        bad(name.place, format!("a param cannot be called `{}`", name.value), says);
    }
    match (param.kind.of, param.values.as_slice()) {
        (ValueType::Enum, []) => {
            bad(name.place, "an enum needs its `values`".to_owned(), "no values here");
        }
        (ValueType::Enum, _) | (_, []) => {}
        (_, [first, ..]) => {
            bad(first.place, "`values` go with type enum".to_owned(), "not an enum");
        }
    }
    match (param.kind.of, &param.scheme) {
        (ValueType::Version, Some(scheme)) if SCHEMES.contains(&scheme.as_str()) => {}
        (ValueType::Version, scheme) => {
            let at = scheme.as_ref().map_or(name.place, |s| s.place);
            bad(
                at,
                "a version needs `scheme`, such as scheme = \"semver\"".to_owned(),
                "semver, alpm, deb or coopcloud",
            );
        }
        (_, Some(scheme)) => {
            bad(scheme.place, "`scheme` goes with type version".to_owned(), "not a version");
        }
        (_, None) => {}
    }
    if param.kind.of == ValueType::Json {
        bad(name.place, "a param cannot be json".to_owned(), "take a string, or a file by path");
    }
    if param.positional && param.kind.of == ValueType::Bool {
        bad(name.place, "a bool is a flag, not a position".to_owned(), "remove `positional`");
    }
    let Some(default) = &param.default else { return };
    if let Err(why) = fits(param.kind, default) {
        bad(
            default.place,
            format!("the default does not have the param's type: {why}"),
            "wrong type",
        );
    } else if param.kind.of == ValueType::Enum {
        let known =
            |v: &serde_json::Value| param.values.iter().any(|w| v.as_str() == Some(w.as_str()));
        let all =
            default.value.as_array().map_or_else(|| known(&default.value), |l| l.iter().all(known));
        if !all {
            bad(default.place, "the default is none of the `values`".to_owned(), "not among them");
        }
    }
}

/// Required positions come before optional ones; a list comes last.
fn positions(params: &[Param], problems: &mut Vec<Diagnostic>) {
    let positional: Vec<&Param> = params.iter().filter(|p| p.positional).collect();
    for pair in positional.windows(2) {
        let [before, after] = pair else { continue };
        let message = if before.kind.list {
            "a list of positions must come last"
        } else if before.default.is_some() && after.default.is_none() {
            "a required position cannot follow an optional one"
        } else {
            continue;
        };
        problems.push(
            Diagnostic::new(Code::BadParam, message)
                .at(after.name.place, "this one")
                .with(before.name.place, "comes after this one"),
        );
    }
}

/// Why params do not go together, if they do not.
pub fn broken(group: &ParamGroup, given: &dyn Fn(&Name) -> bool) -> Option<String> {
    let names: Vec<String> = group.names.iter().map(|n| format!("--{}", n.value)).collect();
    let count = group.names.iter().filter(|name| given(name)).count();
    let all = names.join(", ");
    Some(match group.group.value {
        Group::ExactlyOne if count != 1 => format!("exactly one of {all} is needed, {count} given"),
        Group::AtMostOne if count > 1 => format!("at most one of {all} may be given, not {count}"),
        Group::AllOrNone if count != 0 && count != names.len() => {
            format!("{all} go together: all or none, {count} given")
        }
        _ => return None,
    })
}
