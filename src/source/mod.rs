//! Files to typed workflows, with places: every language goes through one tree and one decoder.

mod decode;
mod expect;
mod step;
mod toml;
pub mod tree;
mod workflow;

use std::io::Read;
use std::path::Path;

use crate::diagnostic::{Code, Diagnostic, Sources};
use crate::workflow::Workflow;

/// The largest workflow file, in bytes.
pub const MAX_FILE: u64 = 32 * 1024 * 1024;

/// The endings of workflow files.
pub const ENDINGS: [&str; 1] = ["toml"];

/// What reading a file gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The workflows that could be read.
    pub workflows: Vec<Workflow>,
    /// What was wrong.
    pub problems: Vec<Diagnostic>,
    /// The texts that places point into.
    pub sources: Sources,
}

/// Reads a workflow file. `name` is how it is shown.
pub fn load(path: &Path, name: &str) -> Loaded {
    match read_text(path) {
        Ok(text) => from_text(name, text),
        Err(why) => {
            let mut loaded = Loaded::default();
            loaded.sources.add(name.to_owned(), String::new());
            loaded.problems.push(Diagnostic::new(Code::File, format!("{name}: {why}")));
            loaded
        }
    }
}

/// Reads a workflow from TOML text. `name` is how it is shown.
pub fn from_text(name: &str, text: String) -> Loaded {
    let mut loaded = Loaded::default();
    match toml::read(&text, 0) {
        Ok(tree) => loaded.workflows = workflow::workflows(&tree, &mut loaded.problems),
        Err(problems) => loaded.problems = problems,
    }
    loaded.sources.add(name.to_owned(), text);
    loaded
}

/// A regular file's text. Anything else (a pipe, a device, a folder) is refused before it is opened.
fn read_text(path: &Path) -> Result<String, String> {
    let facts = std::fs::metadata(path).map_err(|e| format!("cannot be read: {e}"))?;
    if !facts.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if facts.len() > MAX_FILE {
        return Err(format!("is larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    let file = std::fs::File::open(path).map_err(|e| format!("cannot be read: {e}"))?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(|e| format!("cannot be read: {e}"))?;
    String::from_utf8(bytes)
        .map_err(|e| format!("is not UTF-8 text (byte {})", e.utf8_error().valid_up_to()))
}
