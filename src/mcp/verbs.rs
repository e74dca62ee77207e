//! Verbs: listing, checking and planning them.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

use super::args::Args;
use super::caller::Caller;
use super::failure::{Failure, problems};
use super::tools::Said;
use crate::diagnostic::{closest, printable};
use crate::ops::{self, Checked, Offered};
use crate::plan::{Given, Plan};
use crate::report::graph::Graph;
use crate::report::{self, Plain};
use crate::source::ENDINGS;
use crate::value;
use crate::workflow::{Param, ValueType};

/// How wide a plan is.
const WIDTH: usize = 100;

/// Lists the verbs, or says all of one.
pub(super) fn list(caller: &Caller<'_>, args: &Args) -> Said {
    let verbs = ops::offered(&caller.workspace)?;
    if let Some(name) = args.text("verb") {
        let found = verbs.iter().find(|verb| verb.name == name).ok_or_else(|| {
            let dir = caller.workspace.shown(&caller.workspace.root.join("workflows"));
            let near = closest(name, verbs.iter().map(|verb| verb.name.as_str()));
            let near = near.map(str::to_owned);
            Failure::from(ops::Error::NoVerb { name: name.to_owned(), near, dir })
        })?;
        let params = found.params.iter().map(|param| format!("  {}\n", in_full(param)));
        return Ok(printable(&(in_short(found) + &params.collect::<String>())));
    }
    if verbs.is_empty() {
        let dir = caller.workspace.root.join("workflows");
        return Ok(format!("There are no verbs in {}.", dir.display()));
    }
    Ok(printable(&verbs.iter().map(in_short).collect::<String>()))
}

/// A verb in a line, as if it were a function.
fn in_short(verb: &Offered) -> String {
    let about = match verb.errors {
        0 => verb.about.as_deref().and_then(|about| about.lines().next()).unwrap_or_default(),
        _ => "cannot be run: its file has errors, which `check` says",
    };
    let params: Vec<String> = verb.params.iter().map(signature).collect();
    let line = format!("{}({}): {about}", verb.name, params.join(", "));
    format!("{}\n", line.trim_end_matches(": "))
}

/// A param's name, its type unless that is a text, and its default; `?` where it may be left out.
fn signature(param: &Param) -> String {
    let words: Vec<&str> = param.values.iter().map(|word| word.as_str()).collect();
    let kind = match (words.is_empty(), param.kind.of) {
        (false, _) => format!(": {}", words.join("|")),
        (true, ValueType::String) if !param.kind.list => String::new(),
        _ => format!(": {}", param.kind),
    };
    let (name, optional) = (param.name.as_str(), if param.is_required() { "" } else { "?" });
    match &param.default {
        Some(default) => format!("{name}{kind} = {}", default.value),
        None => format!("{name}{optional}{kind}"),
    }
}

/// The same with what its author says of it.
fn in_full(param: &Param) -> String {
    let help = param.help.as_ref().map(|help| format!("  {help}"));
    format!("{}{}", signature(param), help.unwrap_or_default())
}

/// Checks files.
pub(super) fn check(caller: &Caller<'_>, args: &Args) -> Said {
    let names = args.texts("names");
    names.iter().try_for_each(|name| inside(caller, name))?;
    let checked = ops::check_all(&caller.workspace, &names, caller.cwd)?;
    let mut out = String::new();
    for one in checked.iter().filter(|one| !one.problems.is_empty()) {
        let _ = writeln!(out, "{}", problems(&one.problems, &one.sources, &one.file));
    }
    let wrong = checked.iter().filter(|one| !one.is_sound()).count();
    let _ = write!(out, "checked: {}; with errors: {wrong}", checked.len());
    Ok(out)
}

/// Refuses a file that lies elsewhere: what is in it is none of this session's business.
fn inside(caller: &Caller<'_>, name: &str) -> Result<(), Failure> {
    let path = caller.cwd.join(name);
    let root = caller.workspace.root.canonicalize();
    let away = |real: &Path| !root.as_ref().is_ok_and(|root| real.starts_with(root));
    if is_path(name) && path.canonicalize().is_ok_and(|real| away(&real)) {
        let root = caller.workspace.root.display();
        return Err(
            Failure::new(format!("`{name}` is not in {root}")).hint("name a verb or a file there")
        );
    }
    Ok(())
}

fn is_path(name: &str) -> bool {
    let ending = Path::new(name).extension().and_then(|ending| ending.to_str());
    name.contains('/') || ending.is_some_and(|ending| ENDINGS.contains(&ending))
}

/// Plans a verb.
pub(super) fn plan(caller: &Caller<'_>, args: &Args) -> Said {
    let (plan, checked) = planned(caller, args)?;
    let graph = Graph::of(&plan);
    let outlook = ops::outlook(&plan, &graph, None).map_err(ops::Error::from)?;
    let mut out = report::plan(&plan, &graph, &outlook, None, &Plain, WIDTH);
    if !checked.problems.is_empty() {
        let _ = write!(out, "\n{}", problems(&checked.problems, &checked.sources, &checked.file));
    }
    Ok(out)
}

/// The plan of the verb that is named, with the params that are given.
pub(super) fn planned(caller: &Caller<'_>, args: &Args) -> Result<(Plan, Checked), Failure> {
    let verb = args.needed("verb");
    if is_path(verb) {
        let why = format!("`{verb}` is a path, and no verb's name");
        return Err(Failure::new(why).hint("`verbs` lists the names"));
    }
    let given = given(args)?;
    let (workflow, checked) = ops::check_verb(&caller.workspace, verb, caller.cwd)?;
    Ok((ops::plan(&caller.workspace, &workflow, &checked, &given)?, checked))
}

/// The params, as they would be typed.
fn given(args: &Args) -> Result<Given, Failure> {
    let text = |value: &Value| match value {
        Value::String(_) | Value::Number(_) | Value::Bool(_) => Some(value::to_bytes(value).into()),
        _ => None,
    };
    let mut given = Given::new();
    for (name, value) in args.values("params").filter(|(_, value)| !value.is_null()) {
        let texts = match value {
            Value::Array(all) => all.iter().map(text).collect(),
            one => text(one).map(|one| vec![one]),
        };
        let texts = texts.ok_or_else(|| {
            let name: String = name.chars().take(40).collect();
            let why =
                format!("param `{name}` is a text, a number, true, false, or a list of these");
            Failure::new(why).hint("`verbs` says what each param is")
        })?;
        given.insert(name.clone(), texts);
    }
    Ok(given)
}
