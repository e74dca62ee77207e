//! Copying: a file or folder is brought to a place whole, or the place stays as it was.
//!
//! The copy is made beside its place under a name of its own, compared with what it is a copy of, and only then put
//! there in one step. So whoever is killed, and when: the place holds the old or the new, never a part.

mod here;
mod there;
mod tree;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::attempt::Doing;
use super::place::Place;
use crate::plan::hex;
use crate::run::{Check, Outcome, Stream};
use crate::value::Bytes;
use sha2::{Digest, Sha256};
use tree::{Entry, Kind, Tree};

/// How much of files is moved at once.
const PIECE: usize = 4 * 1024 * 1024;
/// How many files and folders are made at once on a host.
const MANY: usize = 200;

/// Files and folders brought to a place.
#[derive(Debug, Clone)]
pub struct Copy {
    /// What is copied.
    pub from: End,
    /// What the copy is called.
    pub to: End,
    /// Whether folders above it are made.
    pub parents: bool,
    /// What tells what it has not finished from what others have not: the same for each attempt at the step.
    pub mark: String,
}

impl Copy {
    fn is_there(&self) -> bool {
        self.from.there || self.to.there
    }
}

/// One end of a copy.
#[derive(Debug, Clone)]
pub struct End {
    /// Whether it is on the step's host.
    pub there: bool,
    /// Where.
    pub path: PathBuf,
}

/// A piece of what is made beside the place.
enum Make {
    /// A folder.
    Folder(PathBuf),
    /// A link, and where it leads.
    Link(PathBuf, PathBuf),
    /// More of a file, which begins empty.
    More(PathBuf, Vec<u8>),
}

/// What came of a copy.
enum Copied {
    Unchanged(Tree),
    New(Tree),
}

impl Doing<'_> {
    /// A step that copies.
    pub(super) async fn copy(&mut self, copy: &Copy) {
        let side = |end: &End| if end.there { self.place() } else { Place::Here };
        let way = Way { copy, from: side(&copy.from), to: side(&copy.to) };
        let ended = tokio::select! {
            biased;
            outcome = self.cut_short() => Err(outcome),
            // Without a host, a path there would be one of this machine.
            () = std::future::ready(()), if self.attempt.on.is_none() && copy.is_there() => {
                Err(Outcome::Failed { reason: "there is no host to copy from or to".to_owned() })
            }
            copied = way.go() => copied.map_err(|reason| Outcome::Failed { reason }),
        };
        if ended.is_err() {
            let _ = way.to.clear(&way.beside()).await;
        }
        let expected = format!("{} as {}", shown(&copy.to), shown(&copy.from));
        let (observed, outcome) = match ended {
            Ok(Copied::Unchanged(tree)) => (format!("unchanged, {}", tree.shown()), Outcome::Done),
            Ok(Copied::New(tree)) => (format!("copied {}", tree.shown()), Outcome::Done),
            Err(outcome) => (outcome.to_string(), outcome),
        };
        let passed = outcome == Outcome::Done;
        if passed {
            self.write(&format!("{observed}\n"));
        }
        self.ending.checks.push(Check { what: "copy".to_owned(), expected, observed, passed });
        self.ending.passed = passed;
        self.ending.outcome = outcome;
    }

    /// Says something in the step's output.
    pub(super) fn write(&mut self, text: &str) {
        let bytes = text.len() as u64;
        let sha256 = Some(hex(&Sha256::digest(text)));
        self.ending.stdout = Stream { bytes, kept: bytes, sha256, ..Stream::default() };
        self.inline.push((format!("{}.stdout", self.attempt.name), Bytes::from(text)));
    }
}

/// A copy and the machines of its two ends.
struct Way<'a> {
    copy: &'a Copy,
    from: Place<'a>,
    to: Place<'a>,
}

impl Way<'_> {
    async fn go(&self) -> Result<Copied, String> {
        let (from, to) = (&self.copy.from.path, &self.copy.to.path);
        if to.file_name().is_none() {
            return Err(format!("{} is no name that a copy can have", shown(&self.copy.to)));
        }
        let whole = self.from.tree(from, true).await.map_err(|why| at(&self.copy.from, &why))?;
        let whole = whole.ok_or_else(|| format!("{} does not exist", shown(&self.copy.from)))?;
        self.ready().await.map_err(|why| at(&self.copy.to, &why))?;
        let old = self.to.tree(to, false).await.map_err(|why| at(&self.copy.to, &why))?;
        if let Some(old) = old {
            if old == whole {
                return Ok(Copied::Unchanged(whole));
            }
            if old.is_folder() != whole.is_folder() {
                let (is, shall) =
                    if old.is_folder() { ("a folder", "a file") } else { ("a file", "a folder") };
                let to = shown(&self.copy.to);
                return Err(format!(
                    "{to} is {is}, and the copy is {shall}: write the copy's whole name, or remove what is there"
                ));
            }
        }
        let beside = self.beside();
        self.bring(&whole, &beside).await?;
        let made = self.to.tree(&beside, false).await.map_err(|why| at(&self.copy.to, &why))?;
        if made.as_ref() != Some(&whole) {
            let from = shown(&self.copy.from);
            return Err(format!(
                "the copy differs from {from}: did that change while it was copied?"
            ));
        }
        self.to.put(&beside, to, whole.is_folder()).await.map_err(|why| at(&self.copy.to, &why))?;
        Ok(Copied::New(whole))
    }

    /// Sees to it that there is a folder for the copy, without what an attempt before this one left in it.
    async fn ready(&self) -> Result<(), String> {
        let to = &self.copy.to.path;
        let folder = to.parent().unwrap_or(Path::new("/"));
        self.to.mend(&self.beside(), to).await?;
        if self.to.folder(folder, self.copy.parents).await? {
            return Ok(());
        }
        let folder = folder.display();
        Err(format!("there is no folder {folder}: `parents = true` makes it"))
    }

    /// Where the copy is made.
    fn beside(&self) -> PathBuf {
        let to = &self.copy.to.path;
        let mut name = OsString::from(".");
        name.push(to.file_name().unwrap_or_default());
        name.push(format!(".ostler-{}", self.copy.mark));
        to.with_file_name(name)
    }

    /// Makes the copy beside its place.
    async fn bring(&self, whole: &Tree, beside: &Path) -> Result<(), String> {
        let mut made = Vec::new();
        let mut size = 0;
        for Entry { path, kind, .. } in &whole.entries {
            let name = join(beside, path);
            match kind {
                Kind::Folder => made.push(Make::Folder(name)),
                Kind::Link(to) => made.push(Make::Link(name, to.clone())),
                Kind::File { size: 0, .. } => made.push(Make::More(name, Vec::new())),
                Kind::File { size: all, .. } => {
                    let source = join(&self.copy.from.path, path);
                    let mut at = 0;
                    while at < *all {
                        let piece = self.from.read(&source, at).await;
                        let piece = piece.map_err(|why| self::at(&self.copy.from, &why))?;
                        if piece.is_empty() {
                            break;
                        }
                        at += piece.len() as u64;
                        size += piece.len();
                        made.push(Make::More(name.clone(), piece));
                        if size >= PIECE {
                            self.make(&mut made).await?;
                            size = 0;
                        }
                    }
                }
            }
            if made.len() >= MANY {
                self.make(&mut made).await?;
                size = 0;
            }
        }
        self.make(&mut made).await?;
        // The innermost first: a folder may not let anybody in any more.
        let modes: Vec<(PathBuf, u32)> = whole
            .entries
            .iter()
            .rev()
            .filter_map(|entry| {
                let mode = entry.mode.filter(|_| !matches!(entry.kind, Kind::Link(_)))?;
                Some((join(beside, &entry.path), mode))
            })
            .collect();
        for some in modes.chunks(MANY) {
            self.to.modes(some).await.map_err(|why| at(&self.copy.to, &why))?;
        }
        Ok(())
    }

    async fn make(&self, made: &mut Vec<Make>) -> Result<(), String> {
        let made = std::mem::take(made);
        if made.is_empty() {
            return Ok(());
        }
        self.to.make(made).await.map_err(|why| at(&self.copy.to, &why))
    }
}

/// A path below another one, or that one itself.
fn join(base: &Path, path: &Path) -> PathBuf {
    if path.as_os_str().is_empty() { base.to_owned() } else { base.join(path) }
}

fn shown(end: &End) -> String {
    let there = if end.there { crate::workflow::Copy::THERE } else { "" };
    format!("{there}{}", end.path.display())
}

/// What went wrong, and at which end.
fn at(end: &End, why: &str) -> String {
    format!("{}: {why}", shown(end))
}
