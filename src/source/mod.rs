//! Files to typed workflows and hosts, with places: every language goes through one tree and one decoder.

mod call;
mod copy;
mod decode;
mod expect;
mod fan;
mod files;
mod habits;
mod host;
mod levels;
mod nickel;
mod on_error;
mod schema;
mod secrets;
mod step;
mod toml;
pub mod tree;
mod wait;
mod workflow;

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::diagnostic::{Code, Diagnostic, Sources};
use crate::fleet::Written;
use crate::workflow::Workflow;
use decode::Decode;
pub use files::{MAX_FILE, read as text};
pub use host::{FLEET, is_host};
use levels::Effective;
pub use levels::Level;
use nickel::Nickel;
pub use schema::{host_schema, schema};
use tree::Node;

/// The endings of workflow files.
pub const ENDINGS: [&str; 2] = ["toml", "ncl"];

/// What reading a file gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The workflows that could be read.
    pub workflows: Vec<Workflow>,
    /// What was wrong.
    pub problems: Vec<Diagnostic>,
    /// The texts that places point into; the first is the file itself.
    pub sources: Sources,
    /// Which files made each of them, the lowest level first.
    pub levels: Vec<Level>,
}

/// Reads workflow files of one workspace. What Nickel needs is prepared once, with the first file that needs it.
pub struct Loader {
    roots: Roots,
    /// What `roots` allows to read.
    readable: Vec<PathBuf>,
    nickel: Option<Nickel>,
    /// The last file's tree, which is freed with the next: the last of all is not worth freeing.
    spent: Option<Node>,
}

/// Where files may be read from.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// The workspace's folder, from which files' names are shown.
    pub workspace: PathBuf,
    /// Folders that imports are looked for in, after the workspace's own.
    pub imports: Vec<PathBuf>,
    /// The workspaces above, nearest first.
    pub parents: Vec<Parent>,
    /// Files outside of these that may be read all the same, because the caller named them.
    pub files: Vec<PathBuf>,
}

/// A workspace above, from which verbs are taken over.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Parent {
    /// Its folder.
    pub folder: PathBuf,
    /// How it is shown.
    pub shown: String,
}

impl Roots {
    /// Everything below which may be read, links followed. What does not exist is left out.
    pub fn readable(&self) -> Vec<PathBuf> {
        let parents = self.parents.iter().map(|parent| &parent.folder);
        let all = std::iter::once(&self.workspace).chain(&self.imports).chain(parents);
        let all = all.chain(&self.files);
        all.filter_map(|path| path.canonicalize().ok()).collect()
    }
}

impl Loader {
    /// A reader of files below `roots`.
    pub fn new(roots: Roots) -> Self {
        Self { readable: roots.readable(), roots, nickel: None, spent: None }
    }

    /// Reads a workflow file, and what it takes over from the workspaces above. `name` is how it is shown.
    pub fn load(&mut self, path: &Path, name: &str) -> Loaded {
        let mut loaded = Loaded::default();
        let tree = match self.tree(path, name, &mut loaded.sources) {
            Ok(tree) => tree,
            Err(problems) => {
                loaded.problems = problems;
                return loaded;
            }
        };
        for own in workflow::nodes(&tree, &mut loaded.problems) {
            let decoded = match self.effective(own, name, self.level(path), &mut loaded) {
                Effective::Own => Workflow::decode(own, &mut loaded.problems),
                Effective::Made(whole) => Workflow::decode(&whole, &mut loaded.problems),
                Effective::Nothing => None,
            };
            loaded.workflows.extend(decoded);
        }
        self.spent = Some(tree);
        loaded
    }

    /// Reads a host's file. `name` is how it is shown.
    pub fn load_host(&mut self, path: &Path, name: &str) -> (Option<Written>, Loaded) {
        let mut loaded = Loaded::default();
        let host = match self.tree(path, name, &mut loaded.sources) {
            Ok(tree) => {
                let called = host::name(path, &mut loaded.problems);
                let file = host::HostFile::decode(&tree, &mut loaded.problems);
                file.zip(called).map(|(file, called)| file.named(called))
            }
            Err(problems) => {
                loaded.problems = problems;
                None
            }
        };
        (host, loaded)
    }

    /// Reads a file as data, of which nothing is asked yet. It is added to `sources`, and so is what it imports.
    pub fn tree(
        &mut self,
        path: &Path,
        name: &str,
        sources: &mut Sources,
    ) -> Result<tree::Node, Vec<Diagnostic>> {
        let read = files::read(path, &self.readable);
        let file = sources.add(name.to_owned(), read.clone().unwrap_or_default());
        let text =
            read.map_err(|why| vec![Diagnostic::new(Code::File, format!("{name}: {why}"))])?;
        if path.extension().is_none_or(|ending| ending != "ncl") {
            return toml::read(&text, file);
        }
        let Roots { workspace, imports, .. } = &self.roots;
        let nickel = self.nickel.get_or_insert_with(|| Nickel::new(workspace, imports));
        nickel.read(path, &text, file, sources)
    }

    /// The first of the parents that is above a file.
    fn level(&self, path: &Path) -> usize {
        let own = self.roots.parents.iter().position(|parent| path.starts_with(&parent.folder));
        own.filter(|_| !path.starts_with(&self.roots.workspace)).map_or(0, |level| level + 1)
    }
}

/// Reads workflows from TOML text. `name` is how it is shown.
pub fn from_text(name: &str, text: String) -> Loaded {
    let mut loaded = Loaded::default();
    match toml::read(&text, 0) {
        Ok(tree) => {
            for node in workflow::nodes(&tree, &mut loaded.problems) {
                loaded.workflows.extend(Workflow::decode(node, &mut loaded.problems));
            }
        }
        Err(problems) => loaded.problems = problems,
    }
    loaded.sources.add(name.to_owned(), text);
    loaded
}
