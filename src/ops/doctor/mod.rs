//! What is right and wrong here, without changing anything: the machine, the workspace's files, its state.

mod machine;
mod state;

use serde::Serialize;

use super::{Workspace, facts, verbs};
use crate::diagnostic::printable;
use crate::value::Time;

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// As it should be.
    Good,
    /// Worth a look.
    Warning,
    /// Wrong.
    Problem,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is about, in a word.
    pub about: String,
    /// How it is.
    pub state: Health,
    /// What was found.
    pub says: String,
    /// A way out, where there is one to name.
    pub hint: Option<String>,
}

impl Finding {
    fn new(about: &str, state: Health, says: impl Into<String>) -> Self {
        Self { about: about.to_owned(), state, says: printable(&says.into()), hint: None }
    }

    fn good(about: &str, says: impl Into<String>) -> Self {
        Self::new(about, Health::Good, says)
    }

    fn warning(about: &str, says: impl Into<String>) -> Self {
        Self::new(about, Health::Warning, says)
    }

    fn problem(about: &str, says: impl Into<String>) -> Self {
        Self::new(about, Health::Problem, says)
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Looks at everything. Nothing that is wrong keeps it from looking at the rest.
pub fn doctor(workspace: &Workspace, now: Time) -> Vec<Finding> {
    let mut all = machine::findings();
    all.push(settings(workspace));
    all.extend(readiness(workspace));
    all.extend(state::findings(workspace, now));
    all
}

fn settings(workspace: &Workspace) -> Finding {
    let there = workspace.root.join("ostler.toml").exists();
    match &workspace.broken {
        Some(why) => {
            let first = why.lines().next().unwrap_or_default();
            Finding::problem("settings", format!("ostler.toml: {first}"))
                .hint("until that is mended, every other command refuses")
        }
        None if there => Finding::good("settings", "ostler.toml"),
        None => Finding::good("settings", "there is no ostler.toml: the usual ones"),
    }
}

/// Whether the verbs can be run, and the tools that they require.
fn readiness(workspace: &Workspace) -> Vec<Finding> {
    let checked = match verbs::read_all(workspace) {
        Ok(checked) => checked,
        Err(error) => return vec![Finding::problem("verbs", error.to_string())],
    };
    let mut findings = Vec::new();
    for one in checked.iter().filter(|one| !one.is_sound()) {
        let hint = format!("ostler check {}", one.file);
        findings.push(Finding::problem("verbs", format!("{} cannot be run", one.file)).hint(hint));
    }
    let workflows = || checked.iter().flat_map(|one| &one.workflows);
    for workflow in workflows() {
        let mut tools: Vec<&str> = facts::tools(workflow).collect();
        tools.sort_unstable();
        tools.dedup();
        for tool in tools.into_iter().filter(|tool| !facts::is_tool(tool)) {
            let says = format!("`{}` requires `{tool}`, which is not found", workflow.id.value);
            let hint = "steps that require it are not tried: they are `unproven`";
            findings.push(Finding::warning("verbs", says).hint(hint));
        }
    }
    let sound =
        checked.iter().filter(|one| one.is_sound()).map(|one| one.verbs.len()).sum::<usize>();
    match sound {
        0 if findings.is_empty() => {
            findings.push(Finding::warning("verbs", "there are none in workflows/"));
        }
        0 => {}
        n => findings.insert(0, Finding::good("verbs", format!("{n} can be run"))),
    }
    findings
}
