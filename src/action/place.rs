//! Where files are looked at: on this machine, or on the host of a step.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ssh::Hosts;
use crate::fleet::Host;
use crate::plan::hex;
use crate::workflow::FileExpect;

/// The largest file that is read for `contains`, in bytes.
const MAX_READ: u64 = 64 * 1024 * 1024;

/// Where files are looked at.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place<'a> {
    /// On this machine.
    Here,
    /// On a host.
    There(&'a Hosts, &'a Host),
}

/// What is seen of a file, as far as something is expected of it.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) exists: bool,
    /// Its content; none if it is no file, or too large.
    pub(super) text: Option<Vec<u8>>,
    /// Its SHA-256, or why there is none.
    pub(super) sum: Option<String>,
}

impl Place<'_> {
    /// What is seen of a file. The error says why it cannot be seen.
    pub(super) async fn facts(self, path: &Path, that: &FileExpect) -> Result<Facts, String> {
        let (text, sum) = (!that.contains.is_empty(), that.sha256.is_some());
        match self {
            Self::Here => {
                let path = path.to_owned();
                let look = move || here(&path, text, sum);
                tokio::task::spawn_blocking(look).await.map_err(|error| error.to_string())
            }
            Self::There(hosts, host) => there(hosts, host, path, text, sum).await,
        }
    }

    /// What a path is, all the way down: absent, or a sum over names, kinds and contents.
    pub(super) async fn state(self, path: &Path) -> String {
        match self {
            Self::Here => {
                let path = path.to_owned();
                tokio::task::spawn_blocking(move || state(&path)).await.unwrap_or_default()
            }
            Self::There(hosts, host) => match hosts
                .ask(host, STATE, &[path.as_os_str().as_bytes()], &[])
                .await
            {
                Ok(said) if said.code == 0 && said.stdout.is_empty() => "absent".to_owned(),
                Ok(said) if said.code == 0 => {
                    format!("sha256 {}", hex(&Sha256::digest(&said.stdout)))
                }
                Ok(said) => format!("unknown: {}", String::from_utf8_lossy(&said.stderr).trim()),
                Err(error) => format!("unknown: {error}"),
            },
        }
    }
}

fn here(path: &Path, text: bool, sum: bool) -> Facts {
    let Ok(facts) = std::fs::metadata(path) else { return Facts::default() };
    let readable = facts.is_file() && facts.len() <= MAX_READ;
    Facts {
        exists: true,
        text: if text && readable { std::fs::read(path).ok() } else { None },
        sum: sum.then(|| file_sum(path).unwrap_or_else(|e| e.to_string())),
    }
}

/// A sum by the first program there that makes it.
const SUM: &str =
    "sum() { sha256sum 2>/dev/null || shasum -a 256 2>/dev/null || openssl dgst -sha256 -r; }\n";

/// All that is below a path, with what it holds; nothing if there is none.
const STATE: &str =
    "sum() { sha256sum 2>/dev/null || shasum -a 256 2>/dev/null || openssl dgst -sha256 -r; }
[ -e \"$1\" ] || [ -h \"$1\" ] || exit 0
find \"$1\" | sort | while IFS= read -r path; do
  if [ -h \"$path\" ]; then printf '%s -> %s\\n' \"$path\" \"$(readlink \"$path\")\"
  elif [ -f \"$path\" ]; then printf '%s %s\\n' \"$path\" \"$(sum <\"$path\")\"
  elif [ -d \"$path\" ]; then printf '%s/\\n' \"$path\"
  else printf '%s ?\\n' \"$path\"
  fi
done";

async fn there(
    hosts: &Hosts,
    host: &Host,
    path: &Path,
    text: bool,
    sum: bool,
) -> Result<Facts, String> {
    let path = path.as_os_str().as_bytes();
    let ask = async |script: &str| {
        hosts.ask(host, script, &[path], &[]).await.map_err(|error| error.to_string())
    };
    if ask("[ -e \"$1\" ]").await?.code != 0 {
        return Ok(Facts::default());
    }
    let mut facts = Facts { exists: true, ..Facts::default() };
    if text {
        let most = MAX_READ + 1;
        let said = ask(&format!("[ -f \"$1\" ] && head -c {most} <\"$1\"")).await?;
        facts.text =
            Some(said.stdout).filter(|text| said.code == 0 && text.len() as u64 <= MAX_READ);
    }
    if sum {
        let said = ask(&format!("{SUM} [ -f \"$1\" ] && sum <\"$1\"")).await?;
        let words = String::from_utf8_lossy(&said.stdout).into_owned();
        let sum = words.split_whitespace().next().filter(|_| said.code == 0);
        facts.sum =
            Some(sum.unwrap_or("not a regular file, or nothing there makes its sum").to_owned());
    }
    Ok(facts)
}

fn file_sum(path: &Path) -> std::io::Result<String> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let mut sum = Sha256::new();
    let mut file = std::fs::File::open(path)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match std::io::Read::read(&mut file, &mut buffer)? {
            0 => return Ok(hex(&sum.finalize())),
            n => sum.update(&buffer[..n]),
        }
    }
}

/// What a path is, all the way down: absent, or a sum over names, kinds and contents.
fn state(path: &Path) -> String {
    let mut sum = Sha256::new();
    let mut todo = vec![path.to_owned()];
    let mut count = 0_usize;
    while let Some(path) = todo.pop() {
        let Ok(facts) = std::fs::symlink_metadata(&path) else { continue };
        count += 1;
        sum.update(path.as_os_str().as_encoded_bytes());
        if facts.is_dir() {
            let mut inside: Vec<PathBuf> = std::fs::read_dir(&path)
                .into_iter()
                .flatten()
                .flatten()
                .map(|e| e.path())
                .collect();
            inside.sort();
            todo.extend(inside);
            sum.update(b"/");
        } else if facts.is_symlink() {
            let to = std::fs::read_link(&path).unwrap_or_default();
            sum.update(to.as_os_str().as_encoded_bytes());
            sum.update(b"@");
        } else {
            sum.update(file_sum(&path).unwrap_or_else(|e| e.to_string()));
        }
    }
    if count == 0 { "absent".to_owned() } else { format!("sha256 {}", hex(&sum.finalize())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_below_a_folder_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("d")).unwrap();
        let before = state(dir.path());
        assert_eq!(before, state(dir.path()));
        std::fs::write(dir.path().join("d/x"), "1").unwrap();
        assert_ne!(before, state(dir.path()));
        assert_eq!(state(&dir.path().join("none")), "absent");
    }
}
