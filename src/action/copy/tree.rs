//! What there is at an end of a copy: every file, folder and link of it, with modes and sums.

use std::path::PathBuf;

/// A file, or a folder with all that is in it, in the order of their paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tree {
    pub(super) entries: Vec<Entry>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// From the top, whose own path is empty.
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
    /// Who may do what with it; none of a link.
    pub(super) mode: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Folder,
    File {
        size: u64,
        /// Its SHA-256, in hexadecimal.
        sum: String,
    },
    /// A link, and where it leads.
    Link(PathBuf),
}

impl Tree {
    pub(super) fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.path.cmp(&b.path));
        Self { entries }
    }

    /// Whether it is a folder.
    pub(super) fn is_folder(&self) -> bool {
        self.entries.first().is_some_and(|top| top.kind == Kind::Folder)
    }

    /// How much it is, for people; of a single file, its sum.
    pub(super) fn shown(&self) -> String {
        let files = self.entries.iter().filter_map(|entry| match &entry.kind {
            Kind::File { size, sum } => Some((*size, sum)),
            _ => None,
        });
        let files: Vec<_> = files.collect();
        let bytes: u64 = files.iter().map(|(size, _)| size).sum();
        let bytes = if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") };
        match files.as_slice() {
            [(_, sum)] if !self.is_folder() => format!("{bytes}, sha256 {sum}"),
            [_] => format!("1 file, {bytes}"),
            all => format!("{} files, {bytes}", all.len()),
        }
    }
}
