//! What is asked of the confined child, and what it answers: one JSON text each, an answer a line.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::check::Mention;
use crate::diagnostic::{Diagnostic, Sources};
use crate::fleet::Written;
use crate::ids::WorkflowId;
use crate::plan::Callee;
use crate::shell::Scripts;
use crate::source::Level;
use crate::value::Bytes;
use crate::workflow::{Param, Workflow};

/// Files to be read and checked, all of one workspace.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Request {
    /// The workspace's folder.
    pub(super) workspace: Bytes,
    /// Folders that imports are looked for in as well.
    pub(super) imports: Vec<Bytes>,
    /// The workspaces above, nearest first: their folders, and how these are shown.
    pub(super) parents: Vec<(Bytes, String)>,
    /// Files outside of these that the caller named.
    pub(super) named: Vec<Bytes>,
    /// Whether to refuse where reading cannot be confined.
    pub(super) untrusted: bool,
    /// Whether the workflows themselves are wanted, or only what is wrong with them.
    pub(super) workflows: bool,
    /// The files.
    pub(super) files: Vec<File>,
}

/// One file to be read.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct File {
    /// Where it is.
    pub(super) path: Bytes,
    /// How it is shown.
    pub(super) shown: String,
}

/// What the child says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    /// It cannot confine itself as it was asked to; nothing was read.
    Refused(String),
    /// What became of the next file.
    Checked(Box<Checked>),
}

/// A file that was read and checked.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Checked {
    /// The file as it is shown.
    pub file: String,
    /// The SHA-256 of its text, in hexadecimal.
    pub sha256: String,
    /// Which files made its workflows, in the order in which they were met.
    pub levels: Vec<Level>,
    /// Its verbs, in the order of the file.
    pub verbs: Vec<Verb>,
    /// Its workflows, if they were asked for.
    pub workflows: Vec<Workflow>,
    /// Their shell text, compiled; with the workflows.
    pub scripts: BTreeMap<WorkflowId, Scripts>,
    /// The verbs that they call, as their callers see them.
    pub called: BTreeMap<WorkflowId, Callee>,
    /// What they say of the fleet, which is held against it once that is read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Mention>,
    /// The host it is of, if it is one's file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Written>,
    /// All that is wrong with them.
    pub problems: Vec<Diagnostic>,
    /// The texts that the problems' places point into.
    pub sources: Sources,
}

/// What lists and completions say of a verb.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verb {
    /// Its name.
    pub id: String,
    /// What it does, in a line: its description, or else when one runs it.
    pub about: Option<String>,
    /// What it takes.
    pub params: Vec<Param>,
}

impl Verb {
    /// What there is to say of a workflow.
    pub(super) fn of(workflow: &Workflow) -> Self {
        let about = workflow.description.as_ref().or(workflow.trigger.as_ref());
        Self { id: workflow.id.to_string(), about: about.cloned(), params: workflow.params.clone() }
    }
}

impl Checked {
    /// Whether it can be run.
    pub fn is_sound(&self) -> bool {
        !self.problems.iter().any(Diagnostic::is_error)
    }
}

/// A path as it goes over the pipe.
pub(super) fn from_path(path: &Path) -> Bytes {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().into()
}

/// A path as it came.
pub(super) fn to_path(bytes: &Bytes) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(&bytes.0))
}
