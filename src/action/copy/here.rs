//! The end of a copy that is on this machine.

use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};
use sha2::{Digest, Sha256};

use super::tree::{Entry, Kind, Tree};
use super::{Make, PIECE};
use crate::plan::hex;

/// What is at a path; a link there is followed if `follow` says so. None if there is nothing.
pub(super) fn tree(top: &Path, follow: bool) -> Result<Option<Tree>, String> {
    let facts = if follow { fs::metadata(top) } else { fs::symlink_metadata(top) };
    match facts {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(plain(&error)),
    }
    let mut entries = Vec::new();
    let mut todo = vec![PathBuf::new()];
    while let Some(path) = todo.pop() {
        let whole = super::join(top, &path);
        let is_top = path.as_os_str().is_empty();
        let said = |error: std::io::Error| format!("{}: {}", whole.display(), plain(&error));
        let facts =
            if is_top && follow { fs::metadata(&whole) } else { fs::symlink_metadata(&whole) };
        let facts = facts.map_err(said)?;
        let mode = Some(facts.permissions().mode() & 0o7777);
        if facts.is_dir() {
            for entry in fs::read_dir(&whole).map_err(said)? {
                todo.push(path.join(entry.map_err(said)?.file_name()));
            }
            entries.push(Entry { path, kind: Kind::Folder, mode });
        } else if facts.is_symlink() {
            let to = fs::read_link(&whole).map_err(said)?;
            entries.push(Entry { path, kind: Kind::Link(to), mode: None });
        } else if facts.is_file() {
            let (size, sum) = sum(&whole).map_err(said)?;
            entries.push(Entry { path, kind: Kind::File { size, sum }, mode });
        } else {
            return Err(format!("{} is neither a file nor a folder nor a link", whole.display()));
        }
    }
    Ok(Some(Tree::new(entries)))
}

fn sum(path: &Path) -> std::io::Result<(u64, String)> {
    let mut file = File::open(path)?;
    let (mut sum, mut size) = (Sha256::new(), 0);
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok((size, hex(&sum.finalize()))),
            n => {
                size += n as u64;
                sum.update(&buffer[..n]);
            }
        }
    }
}

/// A piece of a file from so many bytes on; an empty one at its end.
pub(super) fn read(path: &Path, at: u64) -> std::io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(at))?;
    let mut piece = Vec::new();
    file.take(PIECE as u64).read_to_end(&mut piece)?;
    Ok(piece)
}

/// Makes pieces of a copy. A file's content is on the disk when that is done.
pub(super) fn make(made: Vec<Make>) -> std::io::Result<()> {
    for one in made {
        match one {
            Make::Folder(path) => fs::create_dir(path)?,
            Make::Link(path, to) => symlink(to, path)?,
            Make::More(path, piece) => {
                let mut file = File::options().create(true).append(true).open(path)?;
                file.write_all(&piece)?;
                file.sync_all()?;
            }
        }
    }
    Ok(())
}

/// Sets modes.
pub(super) fn modes(modes: &[(PathBuf, u32)]) -> std::io::Result<()> {
    modes.iter().try_for_each(|(path, mode)| {
        fs::set_permissions(path, Permissions::from_mode(*mode))?;
        // A folder's names are on the disk before it is put in its place.
        if path.is_dir() { File::open(path).and_then(|dir| dir.sync_all()) } else { Ok(()) }
    })
}

/// Puts a copy in its place, in one step.
pub(super) fn put(beside: &Path, to: &Path, is_folder: bool) -> std::io::Result<()> {
    if is_folder && fs::symlink_metadata(to).is_ok() {
        // A file system that cannot do that does it in two steps; `mend` knows what lies between them.
        if renameat_with(CWD, beside, CWD, to, RenameFlags::EXCHANGE).is_err() {
            fs::rename(to, old(beside))?;
            fs::rename(beside, to)?;
        }
    } else {
        fs::rename(beside, to)?;
    }
    let folder = to.parent().unwrap_or(Path::new("/"));
    File::open(folder)?.sync_all()?;
    clear(beside)
}

/// What was in the place, while it is exchanged in two steps.
fn old(beside: &Path) -> PathBuf {
    let mut name = OsString::from(beside);
    name.push(".old");
    PathBuf::from(name)
}

/// Puts back what was taken out of the place, should somebody have been killed before the copy was in it, and removes
/// what else is left.
pub(super) fn mend(beside: &Path, to: &Path) -> std::io::Result<()> {
    let old = old(beside);
    if fs::symlink_metadata(&old).is_ok() && fs::symlink_metadata(to).is_err() {
        fs::rename(&old, to)?;
    }
    clear(beside)
}

/// Removes what was made beside the place.
pub(super) fn clear(beside: &Path) -> std::io::Result<()> {
    for path in [beside.to_owned(), old(beside)] {
        match fs::symlink_metadata(&path) {
            Ok(facts) if facts.is_dir() => {
                open_up(&path)?;
                fs::remove_dir_all(&path)?;
            }
            Ok(_) => fs::remove_file(&path)?,
            Err(_) => {}
        }
    }
    Ok(())
}

/// Lets the owner into all folders, without which they cannot be removed.
fn open_up(folder: &Path) -> std::io::Result<()> {
    fs::set_permissions(folder, Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            open_up(&entry.path())?;
        }
    }
    Ok(())
}

/// Whether there is a folder, which is made if it may be.
pub(super) fn folder(path: &Path, make: bool) -> std::io::Result<bool> {
    if make {
        fs::create_dir_all(path)?;
    }
    Ok(path.is_dir())
}

/// What the system says, without its number.
pub(super) fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
