//! Verbs: finding their files, checking them, planning them.

use std::path::{Path, PathBuf};

use super::{Error, Workspace, facts};
use crate::check;
use crate::diagnostic::{Diagnostic, Sources, closest};
use crate::plan::{self, Given, Plan};
use crate::source;
use crate::workflow::Workflow;

/// A file that was read and checked.
#[derive(Debug)]
pub struct Checked {
    /// The file as it is shown.
    pub file: String,
    /// Its workflows.
    pub workflows: Vec<Workflow>,
    /// All that is wrong with them.
    pub problems: Vec<Diagnostic>,
    /// The texts that places point into.
    pub sources: Sources,
}

impl Checked {
    /// Whether it can be run.
    pub fn is_sound(&self) -> bool {
        !self.problems.iter().any(Diagnostic::is_error)
    }
}

/// The workflow files of a workspace, in order of their names.
pub fn verbs(workspace: &Workspace) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(workspace.root.join("workflows"));
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|e| e.path())
        .filter(|p| is_workflow(p))
        .collect();
    files.sort();
    files
}

fn is_workflow(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    source::ENDINGS.contains(&ending)
}

/// Reads and checks one file.
fn check_file(workspace: &Workspace, path: &Path) -> Checked {
    let file = workspace.shown(path);
    let loaded = source::load(path, &file);
    let mut problems = loaded.problems;
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    for workflow in &loaded.workflows {
        problems.extend(check::check(workflow, &loaded.sources));
    }
    if let [only] = loaded.workflows.as_slice() {
        problems.extend(check::file_name(only, &stem));
    }
    problems.sort_by_key(|p| p.place.map(|place| (place.file, place.start)));
    Checked { file, workflows: loaded.workflows, problems, sources: loaded.sources }
}

/// Checks the files or verbs that are named; all of the workspace if none is.
pub fn check_all(
    workspace: &Workspace,
    names: &[String],
    cwd: &Path,
) -> Result<Vec<Checked>, Error> {
    let files = if names.is_empty() {
        verbs(workspace)
    } else {
        names.iter().map(|name| locate(workspace, name, cwd)).collect::<Result<_, _>>()?
    };
    Ok(files.iter().map(|file| check_file(workspace, file)).collect())
}

/// The file of a verb: a path if it looks like one, else a file of that name in `workflows/`.
fn locate(workspace: &Workspace, name: &str, cwd: &Path) -> Result<PathBuf, Error> {
    if name.contains('/') || is_workflow(Path::new(name)) {
        let path = cwd.join(name);
        if path.exists() {
            return Ok(path);
        }
    }
    let dir = workspace.root.join("workflows");
    let files = source::ENDINGS.iter().map(|ending| dir.join(format!("{name}.{ending}")));
    if let Some(file) = files.into_iter().find(|f| !name.contains('/') && f.exists()) {
        return Ok(file);
    }
    let stems: Vec<String> = verbs(workspace)
        .iter()
        .filter_map(|p| p.file_stem().map(|s| s.to_string_lossy().into_owned()))
        .collect();
    Err(Error::NoVerb {
        name: name.to_owned(),
        near: closest(name, stems.iter().map(String::as_str)).map(str::to_owned),
        dir: workspace.shown(&dir),
    })
}

/// A verb's workflow, if it can be run; else everything that is wrong with it.
pub fn check_verb(
    workspace: &Workspace,
    name: &str,
    cwd: &Path,
) -> Result<(Workflow, Checked), Error> {
    let mut checked = match locate(workspace, name, cwd) {
        Ok(path) => check_file(workspace, &path),
        Err(error) => shared_file(workspace, name).ok_or(error)?,
    };
    if !checked.is_sound() {
        return Err(Error::Problems(checked.problems, checked.sources));
    }
    let at = checked.workflows.iter().position(|w| w.id.as_str() == name).unwrap_or(0);
    if checked.workflows.is_empty() {
        let dir = checked.file;
        return Err(Error::NoVerb { name: name.to_owned(), near: None, dir });
    }
    Ok((checked.workflows.swap_remove(at), checked))
}

/// The file that holds a verb of this id among others.
fn shared_file(workspace: &Workspace, id: &str) -> Option<Checked> {
    let holds =
        |c: &Checked| c.workflows.len() > 1 && c.workflows.iter().any(|w| w.id.as_str() == id);
    verbs(workspace).iter().map(|file| check_file(workspace, file)).find(holds)
}

/// Plans a verb with what was given.
pub fn plan(
    workspace: &Workspace,
    workflow: &Workflow,
    checked: &Checked,
    given: &Given,
) -> Result<Plan, Error> {
    let text = checked.sources.get(0).map(|s| s.text.as_str()).unwrap_or_default();
    let facts = facts::gather(workspace, workflow, &checked.file, text, given);
    plan::resolve(workflow, given, &facts).map_err(Error::Params)
}
