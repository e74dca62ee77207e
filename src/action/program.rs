//! What a command is started with: its program's file, and what it reads.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use super::protocol::Start;

/// What a command reads: a file in memory, so that nobody has to feed it.
pub(super) fn stdin(start: &Start) -> Result<Stdio, String> {
    use std::io::{Seek, Write};
    let Some(bytes) = &start.stdin else { return Ok(Stdio::null()) };
    let flags = rustix::fs::MemfdFlags::CLOEXEC;
    let memory = rustix::fs::memfd_create("stdin", flags).map_err(|e| e.to_string())?;
    let mut file = std::fs::File::from(memory);
    file.write_all(&bytes.0).and_then(|()| file.rewind()).map_err(|e| e.to_string())?;
    Ok(file.into())
}

/// Removes the outputs of a command whose engine is gone: nobody collects them, and they may hold a secret.
pub(super) fn remove_outputs(start: &Start) {
    if let Some((_, path)) = start.env.iter().find(|(name, _)| name == "OSTLER_OUTPUT") {
        let _ = std::fs::remove_file(OsStr::from_bytes(&path.0));
    }
}

/// The file of a program: itself if it has a slash, else the first executable of that name along PATH.
pub(super) fn find(program: &OsStr, path: &OsStr, cwd: &Path) -> Option<PathBuf> {
    if program.as_bytes().contains(&b'/') {
        return Some(cwd.join(program)).filter(|p| p.exists());
    }
    if program.is_empty() {
        return None;
    }
    let executable = |file: &PathBuf| {
        use std::os::unix::fs::PermissionsExt;
        file.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 != 0)
    };
    std::env::split_paths(path).map(|dir| cwd.join(dir).join(program)).find(executable)
}
