//! The table of programs that take some of their words, or their input, for code.

use super::facts::Nested;

/// What the words are that are neither options nor their values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operand {
    /// The first is program text, unless an option gave it; the rest is data.
    Program,
    /// The first is a program's file; the rest is data.
    Script,
    /// All are program text.
    Every,
    /// The first is a host, all others are program text.
    Host,
    /// All but the first are program text.
    Second,
    /// Those with a `=` are program text.
    Assignments,
    /// All are data.
    None,
}

/// When standard input is program text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stdin {
    Never,
    Always,
    /// When neither a file nor a text is given.
    Alone,
    /// When no more than one operand is given.
    WithoutCommand,
}

/// A program that takes some of its words for code.
#[derive(Debug)]
pub(super) struct Interpreter {
    pub(super) names: &'static [&'static str],
    /// Options before program text.
    pub(super) options: &'static [&'static str],
    /// Whether that text is the first operand rather than the next word: `sh -c -e text`.
    pub(super) late: bool,
    /// Options that take words which are data, and how many.
    pub(super) valued: &'static [(&'static str, usize)],
    /// Those among them which give the program by file.
    pub(super) files: &'static [&'static str],
    /// Those among `files` beside which there is another program.
    pub(super) asides: &'static [&'static str],
    pub(super) operand: Operand,
    /// Whether options are recognised after operands.
    pub(super) permutes: bool,
    /// Whether an operand that turns out to be an option could hold code.
    pub(super) guarded: bool,
    pub(super) stdin: Stdin,
    pub(super) nested: &'static Nested,
}

pub(super) static SOURCE: Nested = Nested {
    what: "it is what `source` runs",
    hint: "source a fixed file, and hand over the value in a variable",
};
pub(super) static UNKNOWN: Nested = Nested {
    what: "it may be program text: which program is started here is not known",
    hint: "name the program",
};
pub(super) static WRITTEN: Nested = Nested {
    what: "it is part of a file that the script writes and then runs",
    hint: "let the file hold fixed text, and hand the value over as an argument: \"$1\"",
};
pub(super) static SHELL: Nested = Nested {
    what: "it is part of the text of a nested shell",
    hint: "hand the value over as an argument: sh -c '… \"$1\" …' sh {x}",
};
pub(super) static EVAL: Nested = Nested {
    what: "it is part of a text that the shell will run",
    hint: "write the command itself; what must be chosen can be chosen with `case`",
};
pub(super) static TRAP: Nested = Nested {
    what: "it is part of a text that `trap` will run",
    hint: "assign it first, and use it in single quotes: x={x}; trap 'rm -- \"$x\"' EXIT",
};
static SSH: Nested = Nested {
    what: "ssh joins its words into the text of a shell on the other side",
    hint: "send the value on standard input: printf '%s' {x} | ssh -- host 'read -r x; …'",
};
static AWK: Nested = Nested {
    what: "it is part of an awk program",
    hint: "hand it over by environment: X={x} awk '{ print ENVIRON[\"X\"] }'",
};
static JQ: Nested = Nested {
    what: "it is part of a jq program",
    hint: "hand it over as a variable: jq --arg x {x} '.name == $x'",
};
static SED: Nested = Nested {
    what: "it is part of a sed program, or an option of sed",
    hint: "use awk with ENVIRON, or bash's ${text//old/new}; put `--` before a file's name",
};
static PYTHON: Nested = Nested {
    what: "it is part of a program, or names one",
    hint: "hand it over as an argument: python3 -c 'import sys; print(sys.argv[1])' {x}",
};
static PERL: Nested = Nested {
    what: "it is part of a program, or names one",
    hint: "hand it over as an argument: perl -e 'print $ARGV[0]' -- {x}",
};
static OTHER: Nested = Nested {
    what: "it is part of a program, or names one",
    hint: "hand it over by environment: X={x} program …",
};
static SQL: Nested = Nested {
    what: "it is part of a text in SQL",
    hint: "hand it over as a variable: psql -v x={x} <<<\"SELECT :'x'\"",
};
pub(super) static JOINED: Nested = Nested {
    what: "its words are joined into the text of a shell",
    hint: "hand it over by environment: export X={x}, and use \"$X\" in single quotes",
};
static MAKE: Nested = Nested {
    what: "make runs `$(shell …)` in the values of its variables",
    hint: "hand it over by environment: X={x} make, and write \"$$X\" in the recipe",
};
static REMOTE: Nested =
    Nested { what: "it is a command that this option runs", hint: "write the command itself" };

const NOTHING: Interpreter = Interpreter {
    names: &[],
    options: &[],
    late: false,
    valued: &[],
    files: &[],
    asides: &[],
    operand: Operand::None,
    permutes: false,
    guarded: false,
    stdin: Stdin::Never,
    nested: &OTHER,
};

pub(super) static INTERPRETERS: &[Interpreter] = &[
    Interpreter {
        names: &["sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "yash", "fish", "nu"],
        options: &["-c", "--command", "--commands", "--session-command"],
        late: true,
        valued: &[("-o", 1), ("-O", 1), ("--rcfile", 1), ("--init-file", 1)],
        files: &["--rcfile", "--init-file"],
        asides: &["--rcfile", "--init-file"],
        operand: Operand::Script,
        stdin: Stdin::Alone,
        nested: &SHELL,
        ..NOTHING
    },
    Interpreter { names: &["eval"], operand: Operand::Every, nested: &EVAL, ..NOTHING },
    Interpreter {
        names: &[".", "source"],
        operand: Operand::Script,
        stdin: Stdin::Always,
        nested: &SOURCE,
        ..NOTHING
    },
    Interpreter { names: &["trap"], operand: Operand::Program, nested: &TRAP, ..NOTHING },
    Interpreter {
        names: &["ssh", "slogin", "autossh", "rsh"],
        options: &["-o"],
        valued: &[
            ("-p", 1),
            ("-l", 1),
            ("-i", 1),
            ("-F", 1),
            ("-J", 1),
            ("-S", 1),
            ("-b", 1),
            ("-c", 1),
            ("-E", 1),
            ("-e", 1),
            ("-I", 1),
            ("-L", 1),
            ("-R", 1),
            ("-D", 1),
            ("-W", 1),
            ("-w", 1),
            ("-m", 1),
            ("-O", 1),
            ("-Q", 1),
            ("-B", 1),
        ],
        operand: Operand::Host,
        stdin: Stdin::WithoutCommand,
        nested: &SSH,
        ..NOTHING
    },
    Interpreter {
        names: &["awk", "gawk", "mawk", "nawk"],
        options: &["-e", "--source"],
        valued: &[("-F", 1), ("-v", 1), ("-f", 1), ("-i", 1), ("-l", 1), ("-E", 1)],
        files: &["-f", "-E"],
        operand: Operand::Program,
        nested: &AWK,
        ..NOTHING
    },
    Interpreter {
        names: &["jq", "gojq", "jaq", "yq"],
        valued: &[
            ("--arg", 2),
            ("--argjson", 2),
            ("--slurpfile", 2),
            ("--rawfile", 2),
            ("--indent", 1),
            ("-f", 1),
            ("--from-file", 1),
            ("-L", 1),
        ],
        files: &["-f", "--from-file"],
        operand: Operand::Program,
        permutes: true,
        nested: &JQ,
        ..NOTHING
    },
    Interpreter {
        names: &["sed", "gsed"],
        options: &["-e", "--expression"],
        valued: &[("-f", 1), ("--file", 1), ("-l", 1)],
        files: &["-f", "--file"],
        operand: Operand::Program,
        permutes: true,
        guarded: true,
        nested: &SED,
        ..NOTHING
    },
    Interpreter {
        names: &["python", "pypy"],
        options: &["-c"],
        valued: &[("-m", 1), ("-W", 1), ("-X", 1)],
        operand: Operand::Script,
        stdin: Stdin::Alone,
        nested: &PYTHON,
        files: &["-m"],
        ..NOTHING
    },
    Interpreter {
        names: &["perl"],
        options: &["-e", "-E"],
        operand: Operand::Script,
        stdin: Stdin::Alone,
        nested: &PERL,
        ..NOTHING
    },
    Interpreter {
        names: &[
            "ruby",
            "node",
            "nodejs",
            "deno",
            "bun",
            "lua",
            "luajit",
            "Rscript",
            "php",
            "osascript",
            "tclsh",
            "expect",
            "guile",
            "ghc",
            "julia",
            "elixir",
            "groovy",
            "jshell",
        ],
        options: &["-e", "-E", "-p", "-r", "-c", "--eval", "--print"],
        operand: Operand::Script,
        stdin: Stdin::Alone,
        nested: &OTHER,
        ..NOTHING
    },
    Interpreter {
        names: &["vim", "vi", "ex", "emacs", "gdb", "m4", "bc", "dc", "nix"],
        options: &["-c", "-ex", "--eval", "--cmd", "-e", "--expr"],
        operand: Operand::None,
        permutes: true,
        stdin: Stdin::Always,
        nested: &OTHER,
        ..NOTHING
    },
    Interpreter {
        names: &["psql", "mysql", "mariadb", "duckdb"],
        options: &["-c", "-e", "--command", "--execute"],
        stdin: Stdin::Always,
        nested: &SQL,
        ..NOTHING
    },
    Interpreter {
        names: &["sqlite"],
        operand: Operand::Second,
        stdin: Stdin::Always,
        nested: &SQL,
        ..NOTHING
    },
    Interpreter {
        names: &["watch", "parallel", "sem", "at", "batch", "tmux", "screen"],
        valued: &[("-n", 1), ("--interval", 1), ("-j", 1), ("--jobs", 1)],
        operand: Operand::Every,
        stdin: Stdin::Always,
        nested: &JOINED,
        ..NOTHING
    },
    Interpreter { names: &["crontab"], stdin: Stdin::Always, nested: &JOINED, ..NOTHING },
    Interpreter {
        names: &["nix-shell", "guix", "script"],
        options: &["--run", "--command", "-c"],
        operand: Operand::None,
        permutes: true,
        nested: &SHELL,
        ..NOTHING
    },
    Interpreter {
        names: &["make", "gmake"],
        options: &["--eval", "-E"],
        valued: &[("-C", 1), ("-f", 1), ("-j", 1), ("-I", 1), ("-l", 1), ("-o", 1)],
        operand: Operand::Assignments,
        permutes: true,
        nested: &MAKE,
        ..NOTHING
    },
    Interpreter {
        names: &["su", "runuser"],
        options: &["-c", "--command", "--session-command"],
        permutes: true,
        stdin: Stdin::Always,
        nested: &SHELL,
        ..NOTHING
    },
    Interpreter {
        names: &["rsync"],
        options: &["-e", "--rsh", "--rsync-path"],
        permutes: true,
        nested: &REMOTE,
        ..NOTHING
    },
    Interpreter {
        names: &["tar"],
        options: &[
            "--to-command",
            "-I",
            "--use-compress-program",
            "--checkpoint-action",
            "--info-script",
            "-F",
        ],
        permutes: true,
        nested: &REMOTE,
        ..NOTHING
    },
    Interpreter {
        names: &["split", "sort", "zip", "man"],
        options: &["--filter", "--compress-program", "-TT", "--unzip-command", "--pager"],
        permutes: true,
        nested: &REMOTE,
        ..NOTHING
    },
    Interpreter {
        names: &["scp", "sftp"],
        options: &["-o", "-S"],
        permutes: true,
        nested: &REMOTE,
        ..NOTHING
    },
    Interpreter {
        names: &["git"],
        options: &["-c", "--config-env", "--upload-pack", "--receive-pack", "--exec"],
        permutes: true,
        nested: &REMOTE,
        ..NOTHING
    },
];
