//! Facts about this machine that plans and runs depend on.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Error, Workspace, fleet};
use crate::fleet::Fleet;
use crate::plan::{Facts, Given};
use crate::reader::Checked;
use crate::workflow::{ValueType, Workflow};

/// The variables that steps inherit; a `*` stands for any ending.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LANGUAGE",
    "LC_*",
    "TZ",
    "TERM",
    "TMPDIR",
    "XDG_*",
    "SSH_AUTH_SOCK",
    "NO_COLOR",
    "CI",
    "OSTLER_ACTOR",
];

/// What a plan of this workflow depends on.
pub(super) fn gather(
    workspace: &Workspace,
    workflow: &Workflow,
    checked: &Checked,
    given: &Given,
) -> Result<Facts, Error> {
    let tools = tools(workflow).map(|tool| (tool.to_owned(), is_tool(tool)));
    let params = workflow.params.iter().any(|param| param.kind.of == ValueType::Host);
    let hosts = params || workflow.asks_for_hosts();
    Ok(Facts {
        os: std::env::consts::OS.to_owned(),
        arch: std::env::consts::ARCH.to_owned(),
        tools: tools.collect(),
        globs: globs(workspace, workflow, given),
        fleet: if hosts { fleet::fleet(workspace)? } else { Fleet::default() },
        file: checked.file.clone(),
        sha256: checked.sha256.clone(),
        called: checked.called.clone(),
    })
}

/// The programs that a workflow or its steps require.
pub(super) fn tools(workflow: &Workflow) -> impl Iterator<Item = &str> {
    let steps = workflow.steps.iter().chain(&workflow.finally);
    let requires = steps.map(|s| &s.requires).chain([&workflow.requires]);
    requires.flat_map(|r| r.tools.iter()).map(String::as_str)
}

/// Whether there is a program of this name.
pub(super) fn is_tool(name: &str) -> bool {
    use std::os::unix::fs::PermissionsExt;
    let executable = |file: &Path| {
        file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return executable(Path::new(name));
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|dir| executable(&dir.join(name)))
}

/// What the patterns of `glob` params match, in the workspace, in order.
fn globs(
    workspace: &Workspace,
    workflow: &Workflow,
    given: &Given,
) -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    for param in workflow.params.iter().filter(|p| p.kind.of == ValueType::Glob) {
        let typed = given.get(param.name.as_str()).into_iter().flatten();
        let typed = typed.map(|text| text.shown().into_owned());
        let default = param.default.iter().flat_map(|d| match &d.value {
            serde_json::Value::Array(all) => {
                all.iter().filter_map(|v| v.as_str()).map(str::to_owned).collect()
            }
            one => one.as_str().map(str::to_owned).into_iter().collect::<Vec<_>>(),
        });
        // What the caller typed is his to ask; what a stranger's file says stays in the workspace.
        let trusted = typed.map(|pattern| (pattern, true));
        let written = default.map(|pattern| (pattern, !workspace.trust.untrusted));
        for (pattern, anywhere) in trusted.chain(written) {
            let whole = workspace.root.join(&pattern);
            let paths = glob::glob(&whole.to_string_lossy()).into_iter().flatten().flatten();
            let inside =
                |path: &PathBuf| path.canonicalize().is_ok_and(|p| p.starts_with(&workspace.root));
            let paths = paths.filter(|path| anywhere || inside(path));
            let names = paths.map(|path| workspace.shown(&path)).collect();
            found.insert(pattern, names);
        }
    }
    found
}

/// What is recorded of an environment: a value only where it is known to be harmless.
type Recorded = BTreeMap<String, Option<String>>;

/// The environment that steps inherit, and what of it is recorded: values only of the usual variables. What holds a
/// secret is no part of it.
pub(super) fn inherited(
    extra: &[String],
    secret: &BTreeSet<&str>,
) -> (Vec<(String, OsString)>, Recorded) {
    let fits = |name: &str, pattern: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    let mut env = Vec::new();
    let mut record = BTreeMap::new();
    for (name, value) in std::env::vars_os() {
        let Some(name) = name.to_str().map(str::to_owned) else { continue };
        if secret.contains(name.as_str()) {
            continue;
        }
        let usual = INHERITED.iter().any(|pattern| fits(&name, pattern));
        if usual || extra.iter().any(|pattern| fits(&name, pattern)) {
            let shown = usual.then(|| value.to_string_lossy().into_owned());
            record.insert(name.clone(), shown);
            env.push((name, value));
        }
    }
    (env, record)
}

/// What tells one boot of this machine from the next (Linux: `random/boot_id`).
pub(super) fn boot_id() -> String {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    text.map_or_else(|_| "unknown".to_owned(), |id| id.trim().to_owned())
}
