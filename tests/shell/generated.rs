//! Generated scripts: constructs around known contexts, one to three deep (the `gen` test of decision 0001).

use std::process::{Command, Stdio};

use ostler::shell::{Dialect, Kind};

use crate::compiled;

/// Commands that print the placeholder's value and a NUL.
const INNER: &[&str] = &[
    "printf '%s\\0' {v}",
    "printf '%s\\0' \"{v}\"",
    "printf '%s\\0' '{v}'",
    "printf '%s\\0' $'{v}'",
    "x={v}; printf '%s\\0' \"$x\"",
    "printf '%s\\0' \"$(printf '%s' {v})\"",
    "printf '%s\\0' \"$(printf '%s' \"{v}\")\"",
    "IFS= read -r x <<< {v}; printf '%s\\0' \"$x\"",
    "IFS= read -r x <<E\n{v}\nE\nprintf '%s\\0' \"$x\"",
    "case {v} in {v}) printf '%s\\0' {v};; esac",
    "[[ {v} == {v} ]] && printf '%s\\0' {v}",
    "a=({v}); printf '%s\\0' \"${a[0]}\"",
    "for i in {v}; do printf '%s\\0' \"$i\"; done",
    "printf '%s\\0' {v} >&1",
    "printf '%s\\0' $(echo) {v} # a comment, it's one",
];

/// Constructs around them; `@` is the inside.
const OUTER: &[&str] = &[
    "( @\n)",
    "{ @\n}",
    "if true; then @\nfi",
    "if false; then :; else @\nfi",
    "while true; do @\nbreak; done",
    "until false; do @\nbreak; done",
    "for k in 1; do @\ndone",
    "case a in (a) @\n;; esac",
    "case a in a|b) @\n;; *) :;; esac",
    "f() { @\n}; f",
    "function g { @\n}\ng",
    "true && { @\n}",
    "false || { @\n}",
    "! false; @\n",
    "{ @\n} | cat",
    "cat < <(@\n)",
    "(@\n) 2>/dev/null",
    "x=1\n@\ny=2",
    "echo a >/dev/null; @\n",
    "cat >/dev/null <<'Q'\nit's \"a $( quote\nQ\n@\n",
    "cat >/dev/null <<Q\nplain $x ${y:-z}\nQ\n@\n",
    "time { @\n} 2>/dev/null",
    "[[ a == a ]] && { @\n}",
    "(( 1 )) && { @\n}",
    ": \"a 'b' $(true) ${HOME:-\"x\"}\"; @\n",
    "set -- 'a b' \"c\\\"d\" e\\ f; @\n",
];

const VALUE: &str = "$(touch P) 'a' \"b\" `c` * \\";

fn wrapped(depth: usize, all: &mut Vec<String>, inside: &[String]) {
    let next: Vec<String> =
        inside.iter().flat_map(|i| OUTER.iter().map(|o| o.replacen('@', i, 1))).collect();
    all.extend(next.iter().cloned());
    if depth > 1 {
        // Of the deeper ones a share will do: every construct still meets every other.
        let share: Vec<String> = next.into_iter().step_by(7).collect();
        wrapped(depth - 1, all, &share);
    }
}

fn run(text: &str, dir: &std::path::Path) -> (String, String) {
    let output = Command::new("bash")
        .args(["--noprofile", "--norc", "-c", text])
        .env("OSTLER_V1", VALUE)
        .current_dir(dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn generated_scripts_deliver_their_value_or_are_refused() {
    let inner: Vec<String> = INNER.iter().map(|s| (*s).to_owned()).collect();
    let mut all = inner.clone();
    wrapped(3, &mut all, &inner);
    let dir = tempfile::tempdir().unwrap();
    let (mut taken, mut ran) = (0, 0);
    for (nth, text) in all.iter().enumerate() {
        let Ok(found) = compiled(text, Dialect::Bash, &Kind::Any) else { continue };
        taken += 1;
        if nth % 29 != 0 && nth >= INNER.len() {
            continue;
        }
        // What bash itself cannot run with a plain word in that place says nothing.
        if run(&text.replace("{v}", "plain"), dir.path()).0 != "plain\0" {
            continue;
        }
        ran += 1;
        let (printed, said) = run(&found.text, dir.path());
        assert_eq!(printed, format!("{VALUE}\0"), "{text}\n→ {}\n{said}", found.text);
    }
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    assert!(taken * 10 > all.len() * 8, "{taken} of {}", all.len());
    assert!(ran > 100, "{ran}");
    println!("{} scripts, {taken} compiled, {ran} run", all.len());
}
