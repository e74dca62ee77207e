//! What differs where an attempt is made on a host: its folder, its shell, its scripts, its claim.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::resolve::Values;
use crate::action::ssh::Remote;
use crate::expr::Template;
use crate::plan::Shell;
use crate::value::Bytes;

impl Values<'_> {
    /// Where the attempt is made; none for here.
    pub(super) fn remote(&self, keep: bool) -> Option<Remote> {
        self.host.clone().map(|host| Remote { host, id: self.id.clone(), keep })
    }

    /// Its folder: here from the workspace, on a host from where one is let in.
    pub(super) fn cwd(&mut self, template: Option<&Template>) -> Result<PathBuf, String> {
        let workspace = self.setting.workspace.clone();
        match (template, &self.host) {
            (None, None) => Ok(workspace),
            (Some(template), None) => self.path(template, &workspace),
            (None, Some(_)) => Ok(PathBuf::new()),
            (Some(template), Some(_)) => {
                let bytes = self.short("a path", template)?;
                Ok(PathBuf::from(OsStr::from_bytes(&bytes.0)))
            }
        }
    }

    /// The words of shell text. Where nobody chose its shell, a host may have one of its own.
    pub(super) fn words(&self, shell: &Shell) -> Vec<Bytes> {
        let own = self.host.as_ref().and_then(|host| host.shell.as_ref());
        let Some(own) = own.filter(|_| shell.is_usual) else { return shell.argv() };
        let words = own.argv();
        let words = words.iter().chain(std::iter::once(&shell.text));
        words.map(|word| Bytes::from(word.as_str())).collect()
    }

    /// A script of this machine that a host runs is handed over with its values, and started by what its first line
    /// names, for it is no program there.
    pub(super) fn script_there(
        &mut self,
        prefix: &[String],
        path: &Path,
    ) -> Result<Vec<Bytes>, String> {
        let text = std::fs::read(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        let mut argv: Vec<Bytes> = prefix.iter().map(|word| word.as_str().into()).collect();
        if argv.is_empty() {
            let first = text.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let first = String::from_utf8_lossy(first).into_owned();
            let named = first.strip_prefix("#!").map(str::trim).filter(|rest| !rest.is_empty());
            let named = named.ok_or_else(|| {
                format!("`{}` does not say in its first line what runs it", path.display())
            })?;
            // As the system does it: a program and at most one word.
            argv.extend(named.splitn(2, char::is_whitespace).map(|word| word.trim().into()));
        }
        argv.push(path.as_os_str().as_bytes().into());
        self.files.push((path.to_owned(), text.into()));
        Ok(argv)
    }
}
