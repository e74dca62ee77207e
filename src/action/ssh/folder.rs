//! The private folder of a run's sockets: locked while its engine lives, so that the next one sees what a dead one left.

use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

/// How its name begins. It is short, for a socket's path has little room.
const PREFIX: &str = "ostler-ssh-";
/// One that is younger may be about to be locked.
const YOUNG: Duration = Duration::from_mins(1);

/// A folder that goes with its owner.
#[derive(Debug)]
pub(super) struct Folder {
    dir: tempfile::TempDir,
    _lock: File,
}

impl Folder {
    /// A new one. Those of engines that were killed are removed.
    pub(super) fn new() -> io::Result<Self> {
        let tmp = Path::new("/tmp");
        remove_left(tmp);
        let mut builder = tempfile::Builder::new();
        builder.prefix(PREFIX).permissions(Permissions::from_mode(0o700));
        Self::lock(builder.tempdir_in(tmp).or_else(|_| builder.tempdir())?)
    }

    fn lock(dir: tempfile::TempDir) -> io::Result<Self> {
        let lock = File::open(dir.path())?;
        lock.try_lock()?;
        Ok(Self { dir, _lock: lock })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.dir.path()
    }
}

/// Removes what nobody holds any more. What cannot be removed stays: somebody else's, or not only sockets.
fn remove_left(parent: &Path) {
    let user = rustix::process::geteuid().as_raw();
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().as_encoded_bytes().starts_with(PREFIX.as_bytes())
            && entry.metadata().is_ok_and(|found| {
                let age = found.modified().ok().and_then(|at| at.elapsed().ok());
                found.is_dir() && found.uid() == user && age.is_some_and(|age| age > YOUNG)
            });
        let path = entry.path();
        if let Some(dir) = is_ours.then(|| File::open(&path).ok()).flatten()
            && dir.try_lock().is_ok()
        {
            for file in std::fs::read_dir(&path).into_iter().flatten().flatten() {
                let _ = std::fs::remove_file(file.path());
            }
            let _ = std::fs::remove_dir(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn what_a_dead_engine_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let old = |name: &str| {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("1"), "").unwrap();
            File::open(&path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
            path
        };
        let (left, used, other) = (old("ostler-ssh-a"), old("ostler-ssh-b"), old("ostler-c"));
        let young = parent.path().join("ostler-ssh-d");
        std::fs::create_dir(&young).unwrap();
        let lock = File::open(&used).unwrap();
        lock.try_lock().unwrap();
        remove_left(parent.path());
        assert!(!left.exists() && used.exists() && other.exists() && young.exists());
        drop(lock);
        remove_left(parent.path());
        assert!(!used.exists());
    }
}
