//! Hostile bytes through every context and the real shells: they arrive as they are, and nothing of them is run.

use std::ffi::OsStr;
use std::fmt::Write as _;
use std::os::unix::ffi::OsStrExt;
use std::process::{Command, Stdio};

use ostler::shell::{Dialect, Kind, variable};

use crate::compiled;

/// How many values go through one start of a shell.
const BATCH: usize = 50;

/// Contexts in which `@` is a placeholder whose value is printed, with what is printed before and after it.
const BOTH: &[(&str, &str, &str)] = &[
    ("printf '%s\\0' @", "", "\0"),
    ("printf '%s\\0' a@b", "a", "b\0"),
    ("printf '%s\\0' \"@\"", "", "\0"),
    ("printf '%s\\0' \"a @ b\"", "a ", " b\0"),
    ("printf '%s\\0' 'a @ b'", "a ", " b\0"),
    ("x=@; printf '%s\\0' \"$x\"", "", "\0"),
    ("x=\"-@-\"; printf '%s\\0' \"$x\"", "-", "-\0"),
    ("export X=@; printf '%s\\0' \"$X\"", "", "\0"),
    ("X=@ : ; for i in @; do printf '%s\\0' \"$i\"; done", "", "\0"),
    ("f() { printf '%s\\0' \"$2\"; }; f a @", "", "\0"),
    ("set -- @ b; printf '%s\\0' \"$1\"", "", "\0"),
    ("if [ @ = @ ]; then printf '%s\\0' @; fi", "", "\0"),
    ("( printf '%s\\0' @ )", "", "\0"),
    ("{ printf '%s\\0' @; } 2>/dev/null", "", "\0"),
    ("case @ in @) printf 'y\\0';; *) printf 'n\\0';; esac", "y", ""),
];

/// Contexts that only bash has.
const BASH: &[(&str, &str, &str)] = &[
    ("printf '%s\\0' $'a\\t@'", "a\t", "\0"),
    ("a=(1 @); printf '%s\\0' \"${a[1]}\"", "", "\0"),
    ("f() { local x=@; printf '%s\\0' \"$x\"; }; f", "", "\0"),
    ("IFS= read -r -d '' x <<< @ || :; printf '%s\\0' \"$x\"", "", "\n\0"),
    ("IFS= read -r -d '' x <<E || :\na @ b\nE\nprintf '%s\\0' \"$x\"", "a ", " b\n\0"),
    ("if [[ @ == @ && @ == \"\"@ ]]; then printf '%s\\0' @; fi", "", "\0"),
    ("if [[ @ =~ ^@$ ]]; then printf 'y\\0'; else printf 'n\\0'; fi", "y", ""),
];

/// Contexts that cost a process: one for all values of a batch.
const JOINED: &[(&str, &str)] =
    &[("cat <<E\n", "\nE\n"), ("printf '%s' \"$(printf '%s' ", "; printf x)\"")];

/// A generator of numbers that is the same every time.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap()
    }
}

/// A value: a nasty one, or random bytes of which many are special to shells.
fn value(random: &mut Random) -> Vec<u8> {
    const SEEDS: &[&[u8]] = &[
        b"$(touch P)",
        b"`touch P`",
        b"a[$(touch P)]",
        b"'; touch P; '",
        b"\"; touch P; \"",
        b"*",
        b"~",
        b"-n",
        b"-e",
        b"",
        b"\n",
        b"a\n\n",
        b"\xff\xfe\x80",
        b"\x81\x82\x88",
        b"${x}",
        b"$((1+1))",
        b"!!",
        b"\\",
        b"\\\\n",
        b"E\n",
        b"$'\\n'",
        b"%s%n",
        b"[a-z]",
        b"&& touch P",
        b"|touch P",
        b">P",
        b"{a,b}",
        b"#",
        b"@(a|b)",
        "\u{f0000}é".as_bytes(),
        b"] || touch P",
        b")",
        b";;",
        b"=",
        b"(touch P)",
        b" \t ",
        b"x' y\" z`",
    ];
    const SPECIAL: &[u8] =
        b"$`'\"\\\n\t *?[](){}<>|&;!#~=%^-+@,:./aE0\x01\x7f\x80\x81\x82\x83\x84\x88\xff\xc3";
    match random.below(4) {
        0 => SEEDS[random.below(SEEDS.len())].to_vec(),
        1 => (0..random.below(24)).map(|_| u8::try_from(random.below(255) + 1).unwrap()).collect(),
        2 => (0..random.below(24)).map(|_| SPECIAL[random.below(SPECIAL.len())]).collect(),
        _ => {
            let mut one = SEEDS[random.below(SEEDS.len())].to_vec();
            one.extend((0..random.below(9)).map(|_| SPECIAL[random.below(SPECIAL.len())]));
            one
        }
    }
}

/// The script that prints every value in every context, and what it must print.
fn script(contexts: &[&(&str, &str, &str)], joined: bool) -> String {
    let mut text = String::new();
    for (context, _, _) in contexts {
        for n in 0..BATCH {
            text.push_str(&context.replace('@', &format!("{{v{n}}}")));
            text.push('\n');
        }
    }
    for (before, after) in JOINED.iter().filter(|_| joined) {
        text.push_str(before);
        for n in 0..BATCH {
            write!(text, "{{v{n}}}").unwrap();
        }
        text.push_str(after);
        text.push('\n');
    }
    text
}

fn expected(contexts: &[&(&str, &str, &str)], values: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (context, before, after) in contexts {
        for value in values {
            bytes.extend_from_slice(before.as_bytes());
            if context.contains("'y\\0'") {
                bytes.push(0);
            } else {
                bytes.extend_from_slice(value);
                bytes.extend_from_slice(after.as_bytes());
            }
        }
    }
    let all = values.concat();
    bytes.extend_from_slice(&all);
    bytes.push(b'\n');
    bytes.extend_from_slice(&all);
    bytes.push(b'x');
    bytes
}

fn run(shell: &[&str], text: &str, values: &[Vec<u8>], dir: &std::path::Path) -> (Vec<u8>, String) {
    let mut command = Command::new(shell[0]);
    command.args(&shell[1..]).arg(text).current_dir(dir).env_clear().stdin(Stdio::null());
    command.env("PATH", std::env::var_os("PATH").unwrap());
    for (index, value) in values.iter().enumerate() {
        command.env(variable(index), OsStr::from_bytes(value));
    }
    let output = command.output().unwrap();
    (output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn through(shell: &[&str], dialect: Dialect, contexts: &[&(&str, &str, &str)]) {
    let cases: usize =
        std::env::var("OSTLER_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let compiled = compiled(&script(contexts, true), dialect, &Kind::Any).unwrap();
    assert_eq!(compiled.values.len(), BATCH);
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..cases.div_ceil(BATCH) {
        let values: Vec<Vec<u8>> = (0..BATCH).map(|_| value(&mut random)).collect();
        let (printed, said) = run(shell, &compiled.text, &values, dir.path());
        let expected = expected(contexts, &values);
        if printed != expected {
            let at = printed.iter().zip(&expected).position(|(a, b)| a != b).unwrap_or(0);
            let near = |bytes: &[u8]| {
                let from = at.saturating_sub(30);
                String::from_utf8_lossy(&bytes[from.min(bytes.len())..bytes.len().min(at + 30)])
                    .into_owned()
            };
            panic!(
                "{shell:?} printed {:?}, expected {:?}\n{said}",
                near(&printed),
                near(&expected)
            );
        }
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "something was run");
}

#[test]
fn bytes_arrive_through_bash() {
    let contexts: Vec<_> = BOTH.iter().chain(BASH).collect();
    let shell = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-O", "inherit_errexit", "-c"];
    through(&shell, Dialect::Bash, &contexts);
}

#[test]
fn bytes_arrive_through_dash() {
    through(&["dash", "-e", "-c"], Dialect::Sh, &BOTH.iter().collect::<Vec<_>>());
}

#[test]
fn large_values_and_hostile_file_names_arrive() {
    let text = "printf '%s' {v} > {w}; cat < {w}; printf '%s' \"$(cat -- {w}; printf x)\"";
    for (shell, dialect) in [("bash", Dialect::Bash), ("dash", Dialect::Sh)] {
        let compiled = compiled(text, dialect, &Kind::Any).unwrap();
        for name in ["$(touch P)", "a b", "-n", "`x`", "*", "a\nb", "~"] {
            let dir = tempfile::tempdir().unwrap();
            let large = vec![b'$'; 100_000];
            let values = [large.clone(), name.as_bytes().to_vec()];
            let (printed, said) = run(&[shell, "-e", "-c"], &compiled.text, &values, dir.path());
            assert_eq!(printed, [&large[..], &large, b"x"].concat(), "{shell} {name}: {said}");
            let names: Vec<_> =
                std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
            assert_eq!(names, [name]);
        }
    }
}

#[test]
fn a_missing_value_stops_the_script() {
    for (shell, dialect) in [("bash", Dialect::Bash), ("dash", Dialect::Sh)] {
        let compiled = compiled("echo a{v}; echo b", dialect, &Kind::Any).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let (printed, said) = run(&[shell, "-c"], &compiled.text, &[], dir.path());
        assert!(printed.is_empty() && said.contains("OSTLER_V1"), "{said}");
    }
}
