//! Template habits of other systems: braces and variables that would arrive letter by letter, or empty.

use crate::workflow::Workflow;

/// What another program, which runs named tasks, sets by itself.
const TASK: &[&str] = &[
    "CHECKSUM",
    "CLI_ARGS",
    "CLI_FORCE",
    "ITEM",
    "ROOT_DIR",
    "ROOT_TASKFILE",
    "TASK",
    "TASKFILE",
    "TASKFILE_DIR",
    "TASK_DIR",
    "TASK_VERSION",
    "TIMESTAMP",
    "USER_WORKING_DIR",
];

/// Words after which a shell sets the variables that it is given.
const SETTERS: &[&str] = &[
    "declare",
    "export",
    "for",
    "getopts",
    "let",
    "local",
    "mapfile",
    "printf",
    "read",
    "readarray",
    "readonly",
    "select",
    "typeset",
];

/// Words after which anything may be set.
const SOURCES: &[&str] = &[".", "eval", "source"];

/// Template syntax of another system, as it is written.
pub(super) struct Foreign<'t> {
    /// The braces.
    pub(super) text: &'t str,
    /// Ways out.
    pub(super) hints: Vec<String>,
}

/// The first such syntax in a text.
pub(super) fn find<'t>(workflow: &Workflow, text: &'t str) -> Option<Foreign<'t>> {
    if let Some(at) = text.find("${{") {
        let end = text[at..].find("}}").map_or(at + 3, |end| at + end + 2);
        let hint = "a declared param is written {name}, an output {steps.STEP.outputs.NAME}";
        return Some(Foreign { text: &text[at..end], hints: vec![hint.to_owned()] });
    }
    text.match_indices('{').find_map(|(at, _)| {
        let before = &text[..at];
        if before.ends_with(['{', '$']) {
            return None;
        }
        let end = at + text[at..].find('}')?;
        match text[at + 1..end].strip_prefix('{') {
            Some(inner) if text[end..].starts_with("}}") => {
                let hints = doubled(workflow, inner.trim().trim_matches('-').trim())?;
                Some(Foreign { text: &text[at..end + 2], hints })
            }
            Some(_) => None,
            None => {
                let (root, name) = text[at + 1..end].split_once('.')?;
                let name = Some(name).filter(|_| matches!(root, "params" | "inputs"))?;
                let hints = vec![written(param(workflow, name)?)];
                Some(Foreign { text: &text[at..=end], hints })
            }
        }
    })
}

/// What `{{ inner }}` was meant for; none where it is left to the program that it is written for.
fn doubled(workflow: &Workflow, inner: &str) -> Option<Vec<String>> {
    let path = inner.split([' ', '|']).next().unwrap_or_default();
    let (root, rest) = path.split_once('.').unwrap_or((path, ""));
    // A Go template's own fields, as `docker inspect -f '{{.Name}}'` has them.
    if root.is_empty() && rest.starts_with(char::is_uppercase) && rest.contains(char::is_lowercase)
    {
        return None;
    }
    let name = if matches!(root, "" | "params" | "inputs" | "vars") && !rest.is_empty() {
        rest
    } else {
        path
    };
    if let Some(name) = param(workflow, name) {
        let text = super::texts::doubled(&format!("{{{name}}}"));
        let hints = [written(name), text].into_iter();
        return Some(hints.take(if inner == name { 2 } else { 1 }).collect());
    }
    if root.is_empty() && TASK.contains(&rest) {
        let hint = "what the caller adds is a param: type = \"[string]\" and positional = true, spread in `argv` as {name...}";
        return Some(vec![hint.to_owned()]);
    }
    match root {
        _ if rest.is_empty() => None,
        "steps" => Some(vec!["an output is written {steps.STEP.outputs.NAME}".to_owned()]),
        "params" | "inputs" | "vars" => {
            Some(vec!["declare it in [[params]]; a param is written {name}".to_owned()])
        }
        _ => None,
    }
}

fn written(name: &str) -> String {
    format!("a param is written `{{{name}}}`")
}

/// The declared param of this name, in capitals or not, with `-` or `_`.
fn param<'w>(workflow: &'w Workflow, name: &str) -> Option<&'w str> {
    let alike = |text: &str| text.to_lowercase().replace('-', "_");
    let names = workflow.params.iter().map(|p| p.name.as_str());
    names.into_iter().find(|declared| alike(declared) == alike(name))
}

/// Whether a shell text uses the variable of this name, and nothing in it could set it.
pub(super) fn is_unset(text: &str, name: &str) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = || text.split(|c: char| c.is_whitespace() || ";&|(){}\"'".contains(c));
    let sets = |setters: &[&str]| words().any(|word| setters.contains(&word));
    let plain = |at: usize| {
        let (before, after) = (&text[..at], &text[at + name.len()..]);
        let whole = !before.ends_with(part) && !after.starts_with(part);
        whole
            && !before.ends_with(['$', '{'])
            && (after.starts_with(['=', '+', '[']) || sets(SETTERS))
    };
    let assigned = text.match_indices(name).any(|(at, _)| plain(at));
    let defaults = text.contains(&format!("${{{name}:")) || text.contains(&format!("${{{name}="));
    !assigned
        && !defaults
        && !sets(SOURCES)
        && uses(text).any(|used| {
            let inside = used.strip_prefix('{').unwrap_or(used);
            inside.strip_prefix(name).is_some_and(|after| !after.starts_with(part))
        })
}

/// What stands behind each `$` outside of single quotes and without a backslash.
fn uses(text: &str) -> impl Iterator<Item = &str> {
    let (mut single, mut double, mut escaped) = (false, false, false);
    text.char_indices().filter_map(move |(at, c)| {
        if std::mem::take(&mut escaped) {
            return None;
        }
        match c {
            '\'' if !double => single = !single,
            '"' if !single => double = !double,
            '\\' if !single => escaped = true,
            '$' if !single => return Some(&text[at + 1..]),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::is_unset;

    #[test]
    fn a_variable_that_nothing_sets_is_told_from_those_that_something_may() {
        for text in ["echo $host", "echo \"${host}\"", "echo \"it's $host\"", "a; scp x $host:/"] {
            assert!(is_unset(text, "host"), "{text}");
        }
        for text in [
            "host=a; echo $host",
            "for host in a b; do echo $host; done",
            "read -r host; echo $host",
            "awk '{ print $host }' f",
            "echo \\$host",
            "echo $hosts ${host_a}",
            "echo ${host:-none}",
            ". ./settings; echo $host",
            "echo {host}",
        ] {
            assert!(!is_unset(text, "host"), "{text}");
        }
    }
}
