//! Orders for the guard: one line each, every word quoted, whatever bytes it holds.

/// An order under way.
pub(super) struct Order(Vec<u8>);

impl Order {
    /// An order by the name of the guard's function for it.
    pub(super) fn new(name: &str) -> Self {
        Self(name.as_bytes().to_vec())
    }

    /// Adds a word. What cannot be in single quotes on one line is outside of them: `'` itself, and newlines.
    pub(super) fn word(mut self, word: impl AsRef<[u8]>) -> Self {
        self.0.extend(b" '");
        for byte in word.as_ref() {
            match byte {
                b'\'' => self.0.extend(br"'\''"),
                b'\n' => self.0.extend(br#"'"$nl"'"#),
                byte => self.0.push(*byte),
            }
        }
        self.0.push(b'\'');
        self
    }

    /// The line.
    pub(super) fn line(mut self) -> Vec<u8> {
        self.0.push(b'\n');
        self.0
    }
}

/// Variables that a shell gives a meaning or a value of its own, so that they are set by `env` instead.
const SPECIAL: &[&str] = &[
    "COLUMNS",
    "COMP_WORDBREAKS",
    "DIRSTACK",
    "EGID",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "EUID",
    "FUNCNAME",
    "GID",
    "GROUPS",
    "HISTCMD",
    "IFS",
    "LINENO",
    "LINES",
    "OLDPWD",
    "OPTARG",
    "OPTERR",
    "OPTIND",
    "PIPESTATUS",
    "POSIXLY_CORRECT",
    "PPID",
    "RANDOM",
    "SECONDS",
    "SHELLOPTS",
    "SHLVL",
    "SRANDOM",
    "UID",
    "_",
];

/// Whether a shell can export a variable of this name just as it is.
pub(super) fn can_be_exported(name: &str) -> bool {
    let mut chars = name.chars();
    let starts = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    let goes_on = chars.all(|c| c.is_ascii_alphanumeric() || c == '_');
    starts
        && goes_on
        && !SPECIAL.contains(&name)
        && !["BASH", "KSH", "ZSH", "ostler_"].iter().any(|shell| name.starts_with(shell))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_any_word() {
        let order = Order::new("run").word("a b").word("it's\nhere").word([0xff, b'$', b'\\']);
        assert_eq!(order.line(), b"run 'a b' 'it'\\''s'\"$nl\"'here' '\xff$\\'\n");
    }

    #[test]
    fn what_belongs_to_the_shell_is_not_exported() {
        for name in ["A", "_x", "OSTLER_V1", "lower", "PATH", "LC_ALL"] {
            assert!(can_be_exported(name), "{name}");
        }
        for name in ["", "1a", "a-b", "ä", "UID", "RANDOM", "BASH_ENV", "BASHOPTS", "_", "ostler_x"]
        {
            assert!(!can_be_exported(name), "{name}");
        }
    }
}
