//! The tables of programs that start another one, and of those that only print.

use super::facts::{Nested, Word};
use super::interpreters::base;
use super::programs::{JOINED, SHELL};

/// A program that starts another one.
#[derive(Debug)]
pub(super) struct Wrapper {
    pub(super) names: &'static [&'static str],
    /// Options that take a word.
    pub(super) valued: &'static [&'static str],
    /// Operands before the program.
    pub(super) operands: usize,
    /// Whether `NAME=value` may stand before the program.
    pub(super) assigns: bool,
    /// Options with which nothing is started.
    pub(super) looks_up: &'static [&'static str],
    /// Options whose value is program text.
    pub(super) text: Option<(&'static [&'static str], &'static Nested)>,
}

const PLAIN: Wrapper =
    Wrapper { names: &[], valued: &[], operands: 0, assigns: false, looks_up: &[], text: None };

pub(super) static WRAPPERS: &[Wrapper] = &[
    Wrapper {
        names: &["env"],
        valued: &["-u", "--unset", "-C", "--chdir"],
        assigns: true,
        text: Some((&["-S", "--split-string"], &JOINED)),
        ..PLAIN
    },
    Wrapper {
        names: &["sudo", "doas"],
        valued: &[
            "-u", "-g", "-h", "-p", "-C", "-D", "-R", "-T", "-U", "-r", "-t", "--user", "--group",
            "--host", "--chdir",
        ],
        assigns: true,
        ..PLAIN
    },
    Wrapper { names: &["command"], looks_up: &["-v", "-V"], ..PLAIN },
    Wrapper { names: &["exec"], valued: &["-a"], ..PLAIN },
    Wrapper {
        names: &[
            "builtin",
            "nohup",
            "setsid",
            "busybox",
            "unbuffer",
            "chronic",
            "fakeroot",
            "torsocks",
            "eatmydata",
            "coproc",
            "jobs",
            "linux",
            "setarch",
            "x86_",
        ],
        ..PLAIN
    },
    Wrapper { names: &["time"], valued: &["-f", "-o", "--format", "--output"], ..PLAIN },
    Wrapper { names: &["nice"], valued: &["-n", "--adjustment"], ..PLAIN },
    Wrapper { names: &["ionice"], valued: &["-c", "-n", "-p", "-P", "-u"], ..PLAIN },
    Wrapper { names: &["stdbuf"], valued: &["-i", "-o", "-e"], ..PLAIN },
    Wrapper {
        names: &["timeout"],
        valued: &["-k", "-s", "--kill-after", "--signal"],
        operands: 1,
        ..PLAIN
    },
    Wrapper {
        names: &["flock"],
        valued: &["-w", "-E", "--timeout"],
        operands: 1,
        text: Some((&["-c", "--command"], &SHELL)),
        ..PLAIN
    },
    Wrapper { names: &["chroot", "taskset", "chrt"], operands: 1, ..PLAIN },
    Wrapper {
        names: &["xargs"],
        valued: &[
            "-I",
            "-n",
            "-P",
            "-L",
            "-d",
            "-E",
            "-s",
            "-a",
            "--max-args",
            "--max-procs",
            "--delimiter",
            "--arg-file",
        ],
        ..PLAIN
    },
    Wrapper {
        names: &["strace", "ltrace"],
        valued: &["-o", "-e", "-p", "-s", "-u", "-E"],
        ..PLAIN
    },
    Wrapper {
        names: &["systemd-run"],
        valued: &["-p", "-u", "--unit", "--property", "-E", "--uid", "--gid", "-M", "-H"],
        ..PLAIN
    },
    Wrapper {
        names: &["unshare", "nsenter", "setpriv", "systemd-inhibit", "caffeinate"],
        valued: &["-t", "-S", "-G"],
        ..PLAIN
    },
];

/// Commands that do nothing with their words but print, compare or look them up.
pub(super) const PRINTERS: &[&str] = &[
    "echo", "printf", "test", "[", ":", "true", "false", "type", "which", "hash", "let", "read",
    "local", "export", "declare", "typeset", "readonly", "unset", "return", "exit", "cd", "shift",
    "set", "wait", "kill", "basename", "dirname", "mkdir", "rmdir", "ls", "cat", "grep", "head",
    "tail", "wc", "touch",
];

/// Commands that print what is in the files they are given, not their words.
pub(super) const READERS: &[&str] = &[
    "cat",
    "gunzip",
    "zcat",
    "gzip",
    "xz",
    "xzcat",
    "zstd",
    "zstdcat",
    "bzip2",
    "bzcat",
    "head",
    "tail",
    "tar",
    "curl",
    "wget",
    "pg_dump",
    "mysqldump",
    "openssl",
    "gpg",
    "age",
];

/// Commands whose output is made of their words, of numbers, or of what the machine is.
pub(super) const CLEAN: &[&str] = &[
    "echo", "printf", "test", "[", ":", "true", "false", "basename", "dirname", "date", "nproc",
    "id", "uname", "seq", "stat", "getconf", "expr", "tput", "hostname", "mktemp", "whoami", "wc",
    "arch", "pwd", "sleep", "break", "continue", "exit", "return", "cd",
];

/// Whether a command prints the variables of its environment, in which the values are.
pub(super) fn prints_environment(words: &[Word]) -> bool {
    let name = words.first().and_then(Word::literal).unwrap_or_default();
    let alone = words.len() == 1 && matches!(base(&name), "env" | "set" | "export" | "declare");
    alone || name == "printenv" || words.iter().any(|w| w.prefix().ends_with("/environ"))
}

/// Whether a command prints only numbers, whatever it is given: `stat -c %s`, `date +%s`.
pub(super) fn prints_numbers(words: &[Word]) -> bool {
    let name = words.first().and_then(Word::literal).unwrap_or_default();
    let literals = || words.iter().skip(1).map(|w| w.literal().unwrap_or_default());
    match name.as_str() {
        "date" => literals().any(|w| w.starts_with('+')),
        // Without the `--`, a value could be another format.
        "stat" => {
            let format = literals().nth(1).unwrap_or_default();
            let numbers = !format.contains(['n', 'N', 'm', 'U', 'G', 'C']);
            literals().next().as_deref() == Some("-c")
                && numbers
                && literals().nth(2).as_deref() == Some("--")
        }
        _ => false,
    }
}
