//! The text of a workflow file: a regular file that lies where reading is allowed, not too large, and UTF-8.

use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The largest workflow file, in bytes.
pub const MAX_FILE: u64 = 32 * 1024 * 1024;

/// Reads a file that lies, links followed, in one of `roots`; the error says why not.
///
/// Whatever is not a regular file (a pipe, a device, a folder) is refused without waiting for it.
pub fn read(path: &Path, roots: &[PathBuf]) -> Result<String, String> {
    let unreadable = |error: std::io::Error| format!("cannot be read: {}", plain(&error));
    let real = path.canonicalize().map_err(unreadable)?;
    if !roots.iter().any(|root| real.starts_with(root)) {
        return Err("leads out of the workspace".to_owned());
    }
    let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut options = std::fs::File::options();
    let file = options.read(true).custom_flags(nonblocking).open(real).map_err(unreadable)?;
    let facts = file.metadata().map_err(unreadable)?;
    if !facts.is_file() {
        return Err("is not a regular file".to_owned());
    }
    if facts.len() > MAX_FILE {
        return Err(format!("is larger than {} MiB", MAX_FILE / 1024 / 1024));
    }
    let mut bytes = Vec::new();
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(unreadable)?;
    String::from_utf8(bytes)
        .map_err(|e| format!("is not UTF-8 text (byte {})", e.utf8_error().valid_up_to()))
}

/// What the system says, without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
