//! A typed workflow to all of its problems. Pure: it executes nothing and reads nothing.
#![deny(clippy::disallowed_methods)]

mod calls;
mod conditions;
mod ended;
mod fan;
mod fleet;
mod foreign;
pub mod graph;
mod mentions;
mod options;
mod outputs;
mod own;
mod params;
mod prose;
mod scripts;
mod secrets;
mod steps;
mod texts;
mod types;
pub mod values;
mod variables;

pub use calls::{Called, Known, calls};
pub use fleet::circles;
pub use mentions::{Mention, mentions, unknown_hosts};
pub use params::broken;
pub use scripts::dialect;

use crate::diagnostic::{Code, Diagnostic, Sources};
use crate::shell::Scripts;
use crate::workflow::{Names, Step, Workflow};

/// The built-in commands, whose names a verb had better not take.
const BUILTINS: &[&str] = &[
    "blocks",
    "check",
    "completion",
    "doctor",
    "explain",
    "fleet",
    "help",
    "init",
    "list",
    "mcp",
    "new",
    "patches",
    "plan",
    "run",
    "runs",
    "start",
    "step",
];

/// Whether a name is a built-in command's: a verb of that name is reached by `ostler run` only.
pub fn is_builtin(name: &str) -> bool {
    BUILTINS.contains(&name)
}

/// What checking a workflow gives.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    /// Everything that is wrong with it.
    pub problems: Vec<Diagnostic>,
    /// Its shell text with placeholders, compiled.
    pub scripts: Scripts,
}

/// Everything that is wrong with one workflow, and its shell text ready to run.
pub fn check(workflow: &Workflow, sources: &Sources) -> Findings {
    let mut problems = Vec::new();
    params::check(workflow, &mut problems);
    let sound = steps::check(workflow, &mut problems);
    let names = Names::of(workflow);
    texts::check(workflow, &names, sources, &mut problems);
    prose::check(workflow, &names, sources, &mut problems);
    let scripts = scripts::check(workflow, &names, sources, &mut problems);
    options::check(workflow, &names, sources, &mut problems);
    fan::check(workflow, &names, &mut problems);
    secrets::check(workflow, &mut problems);
    variables::check(workflow, &mut problems);
    conditions::check(workflow, &names, sources, &mut problems);
    if sound && graph::check(workflow, &mut problems) {
        outputs::check(workflow, &names, &mut problems);
    }
    if is_builtin(workflow.id.as_str()) {
        problems.push(
            Diagnostic::new(
                Code::BuiltinName,
                format!("`{}` is a built-in command", workflow.id.value),
            )
            .at(workflow.id.place, "this name is taken")
            .hint(format!("it can still be run as `ostler run {}`", workflow.id.value)),
        );
    }
    Findings { problems, scripts }
}

/// Whether a file's workflow has the file's name; several in one file may have any.
pub fn file_name(workflow: &Workflow, stem: &str) -> Option<Diagnostic> {
    (workflow.id.as_str() != stem).then(|| {
        Diagnostic::new(
            Code::FileName,
            format!("the file is called `{stem}`, its workflow `{}`", workflow.id.value),
        )
        .at(workflow.id.place, "the id is the verb's name")
        .hint(format!("rename the file, or write id = \"{stem}\""))
    })
}

/// All steps, `finally` included.
fn all_steps(workflow: &Workflow) -> impl Iterator<Item = &Step> {
    workflow.steps.iter().chain(&workflow.finally)
}
