//! Operands that a command could take for options, because a value begins them and no `--` stands before them.

use super::contexts::Walk;
use super::facts::{Atom, Origin, Word};
use super::interpreters::base;

/// Commands that take no options, or take every word for what it is; and those of the shell that are looked at elsewhere.
const PLAIN: &[&str] = &[
    ".",
    ":",
    "[",
    "alias",
    "bind",
    "break",
    "builtin",
    "cd",
    "command",
    "complete",
    "continue",
    "declare",
    "echo",
    "eval",
    "exec",
    "exit",
    "export",
    "expr",
    "false",
    "fc",
    "getopts",
    "hash",
    "kill",
    "let",
    "local",
    "mapfile",
    "printf",
    "read",
    "readarray",
    "readonly",
    "return",
    "set",
    "shift",
    "source",
    "test",
    "trap",
    "true",
    "type",
    "typeset",
    "ulimit",
    "unset",
    "wait",
];

/// Commands whose options take no word, so that one before an operand protects nothing.
const FLAGGED: &[&str] = &[
    "cat",
    "chgrp",
    "chmod",
    "chown",
    "cp",
    "du",
    "gunzip",
    "gzip",
    "ln",
    "ls",
    "md5sum",
    "mkdir",
    "mv",
    "rm",
    "rmdir",
    "rsync",
    "sha256sum",
    "shred",
    "stat",
    "touch",
    "unlink",
    "wc",
    "xz",
    "zcat",
    "zstd",
    "diff",
    "grep",
    "file",
    "readlink",
    "realpath",
    "basename",
    "dirname",
];

/// Options of those that do.
const VALUED: &[&str] =
    &["-A", "-B", "-C", "-I", "-S", "-T", "-c", "-d", "-e", "-f", "-g", "-m", "-o", "-s", "-t"];

impl Walk<'_> {
    /// Notes the operands of a command, or of what an interpreter is given beside its program, that begin with a value.
    pub(super) fn operands(&mut self, name: &str, words: &[Word]) {
        let name = base(name);
        if PLAIN.contains(&name) {
            return;
        }
        let mut before = String::new();
        for word in words {
            let text = word.literal().unwrap_or_default();
            if text == "--" {
                return;
            }
            let takes = before.starts_with('-')
                && (!FLAGGED.contains(&name) || VALUED.contains(&before.as_str()));
            if let Some(n) = begins(word).filter(|_| !takes) {
                self.facts.bare.insert((name.to_owned(), n));
            }
            before = word.prefix();
        }
    }
}

/// The placeholder that begins a word.
fn begins(word: &Word) -> Option<usize> {
    let first = word.0.iter().find(|atom| !matches!(atom, Atom::Text(text) if text.is_empty()));
    match first {
        Some(Atom::From(Origin::Ref(n))) => Some(*n),
        _ => None,
    }
}
