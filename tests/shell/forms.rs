//! The forms in which bash evaluates a value: each shown with the real bash, and each refused.

use std::process::Command;

use ostler::expr::Template;
use ostler::shell::{Dialect, Kind, Surroundings, compile};

use crate::compiled;

/// What may stand in a form.
#[derive(Clone, Copy, PartialEq)]
enum Safe {
    /// A whole number.
    Number,
    /// A plain name.
    Name,
    /// Only what the author wrote.
    Nothing,
}
use Safe::{Name, Nothing, Number};

/// Forms that run `$(touch P)` out of V: `a[$(touch P)]`, W: `($(touch P))`, S: `$(touch P)` or C: `touch P;:`.
const EVALUATES: &[(&str, Safe)] = &[
    (": $((V))", Number),
    (": \"$((V))\"", Number),
    (": $(($V + 1))", Number),
    (": $(( \"$V\" ))", Number),
    (": $[V]", Number),
    ("((V))", Number),
    ("let V", Number),
    ("let \"x=V\"", Number),
    ("let \"$V\"", Number),
    ("for ((i=V;i<1;i++)) ; do :; break; done", Number),
    ("[[ V -eq 0 ]]", Number),
    ("[[ $V -lt 0 ]]", Number),
    ("[[ 1 -ge $V ]]", Number),
    ("x=abc; : ${x:V}", Number),
    ("x=abc; : ${x:0:V}", Number),
    ("x=abc; : ${x:$V}", Number),
    ("set -- a b; : ${@:$V}", Number),
    ("a=(1); : ${a[V]}", Number),
    ("a=(1); : ${a[$V]}", Number),
    ("a[$V]=1", Number),
    ("a=([$V]=1)", Number),
    ("a=(1); unset \"a[$V]\"", Number),
    ("printf -v \"a[$V]\" x", Number),
    ("read 'a[V]' <<< 1", Number),
    ("test -v 'a[V]'", Number),
    ("[[ -v a[V] ]]", Number),
    ("declare 'a[V]=1'", Number),
    ("declare -i x; x=$V", Number),
    ("declare -i x=$V", Number),
    ("f() { local -i x=$V; }; f", Number),
    ("RANDOM=$V", Number),
    ("OPTIND=$V", Number),
    ("HISTCMD=$V", Number),
    ("x=V; : $((x))", Number),
    ("x=$V; y=$x; : $((y))", Number),
    ("for v in \"$V\"; do : $((v)); done", Number),
    ("x=1; : ${x:+$((V))}", Number),
    ("[[ -v $V ]]", Name),
    ("test -v \"$V\"", Name),
    ("[ -v \"$V\" ]", Name),
    ("[ -n \"$V\" -o -v \"$V\" ]", Name),
    ("printf -v \"$V\" x", Name),
    ("read \"$V\" <<< x", Name),
    ("declare \"$V=1\"", Name),
    ("typeset \"$V=1\"", Name),
    ("f() { local \"$V=1\"; }; f", Name),
    ("declare -n r=$V; : $r", Name),
    (": ${!V}", Name),
    (": \"${!V}\"", Name),
    ("true & wait -p \"$V\" -n", Name),
    ("read v <<< \"$V\"; : $((v))", Nothing),
    ("f() { : $(($1)); }; f \"$V\"", Nothing),
    (": $(( $(printf %s \"$V\") ))", Number),
    ("declare -a x=\"$W\"", Nothing),
    ("declare -a \"x=$W\"", Nothing),
    ("declare -A \"x=$W\"", Nothing),
    ("x=(1); declare x=\"$W\"", Nothing),
    ("f() { local -a x=\"$W\"; }; f", Nothing),
    (": ${S@P}", Nothing),
    ("PS4=$S; set -x; :", Nothing),
    ("compgen -W \"$S\"", Nothing),
    ("mapfile -C \"$C\" -c 1 x <<< a", Nothing),
    ("trap \"$C\" EXIT", Nothing),
    ("eval \"$C\"", Nothing),
    (". /dev/stdin <<< \"$C\"", Nothing),
    ("bash -c \"$C\"", Nothing),
    ("bash <<< \"$C\"", Nothing),
    ("printf %s \"$C\" | bash", Nothing),
    ("awk \"BEGIN { system(\\\"$C\\\") }\"", Nothing),
    ("perl -e \"system '$C'\"", Nothing),
    ("env -S \"$C\"", Nothing),
    ("find . -maxdepth 0 -exec sh -c \"$C\" \\;", Nothing),
    ("xargs sh -c \"$C\" </dev/null", Nothing),
    ("$C", Nothing),
];

/// Forms that look like them and evaluate nothing.
const QUIET: &[&str] = &[
    "[ \"$V\" -eq 0 ]",
    "test \"$V\" -lt 0",
    "printf %d \"$V\"",
    "kill -0 \"$V\"",
    "ulimit -n \"$V\"",
    "case $V in $V) ;; esac",
    "[[ $V == $V ]]",
    "[[ a =~ $V ]]",
    "[[ $V < a ]]",
    "x=$V; y=${x#$V}; z=${x/$V/$V}",
    ": ${x:=$V} ${y:-$V} ${#V} ${V@Q}",
    "command -v \"$V\"",
    "cd \"$V\"",
    "cat <<< \"$V\"",
    ": > /dev/null \"$V\"",
    "set -- \"$V\"; : \"$@\"",
    "export X=\"$V\"",
    "readonly X=\"$V\"",
    "f() { local x=\"$V\"; }; f",
];

/// Whether the real bash runs what is in the variables.
fn evaluates(form: &str) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-c", form]).current_dir(dir.path()).env_clear();
    command.env("PATH", std::env::var_os("PATH").unwrap());
    command.env("V", "a[$(touch P)]").env("W", "($(touch P))");
    command.env("S", "$(touch P)");
    command.env("C", if form.starts_with("env") || form == "$C" { "touch P" } else { "touch P;:" });
    let output = command.stdin(std::process::Stdio::null()).output();
    output.unwrap();
    dir.path().join("P").exists()
}

#[test]
fn the_real_bash_evaluates_these_forms() {
    for (form, _) in EVALUATES {
        assert!(evaluates(form), "bash does not evaluate: {form}");
    }
    for form in QUIET {
        assert!(!evaluates(form), "bash evaluates: {form}");
    }
}

/// The form behind assignments from a placeholder.
fn assigned(form: &str) -> String {
    let marks = [("$W", "W"), ("$S", "S"), ("{S@", "S"), ("$C", "C")];
    let used = marks.iter().find(|(mark, _)| form.contains(mark)).map_or("V", |(_, name)| name);
    format!("{used}={{v}}\n{form}\n")
}

#[test]
fn an_untyped_value_is_refused_in_every_one_of_them() {
    for (form, _) in EVALUATES {
        let found = compiled(&assigned(form), Dialect::Bash, &Kind::Any);
        let why = found.expect_err(form);
        assert!(
            why.iter().all(|r| r.hint.is_some() && !r.why.contains("not understood")),
            "{form}: {why:?}"
        );
        // Directly, where the value stands as a word of its own.
        for name in ["V", "W", "S", "C"] {
            let direct = form.replace(&format!("${name}"), "{v}");
            if direct != *form && !direct.contains("${") {
                assert!(compiled(&direct, Dialect::Bash, &Kind::Any).is_err(), "{direct}");
            }
        }
    }
}

#[test]
fn an_untyped_value_in_the_environment_is_refused_there_without_any_placeholder() {
    let around =
        Surroundings { env: ["V", "W", "S", "C"].map(str::to_owned).to_vec(), stdin: false };
    for (form, _) in EVALUATES {
        let found = compile(&Template::literal(*form), Dialect::Bash, &|_| Kind::Any, &around);
        let why = found.expect_err(form);
        assert!(why.iter().all(|r| r.at.is_none()), "{form}: {why:?}");
        let clean = Surroundings::default();
        let found = compile(&Template::literal(*form), Dialect::Bash, &|_| Kind::Any, &clean);
        assert_eq!(found.unwrap().text, *form);
    }
}

#[test]
fn a_type_makes_them_safe_where_it_can() {
    let names = Kind::Words(vec!["alpha".to_owned(), "_b2".to_owned()]);
    let numbers = Kind::Words(vec!["1".to_owned(), "-20".to_owned()]);
    for (form, safe) in EVALUATES {
        let passes = |kind: &Kind| compiled(&assigned(form), Dialect::Bash, kind).is_ok();
        if *safe == Number {
            assert!(passes(&Kind::Int), "{form}");
            assert!(passes(&numbers), "{form}");
            assert!(!passes(&names), "{form}");
        }
        if *safe == Name {
            // `read` fills a variable by its value's name, which could be the very one that holds it.
            let direct = compiled(&form.replace("$V", "{v}"), Dialect::Bash, &names).is_ok();
            assert!(passes(&names) || direct, "{form}");
        }
        assert!(!passes(&Kind::Words(vec!["a[0]".to_owned(), "x y".to_owned()])), "{form}");
    }
    for direct in
        [": $(({v} + 1))", "(( {v} > 2 ))", "x=abc; : ${x:{v}}", "a[{v}]=1", "[[ {v} -gt 3 ]]"]
    {
        assert!(compiled(direct, Dialect::Bash, &Kind::Int).is_ok(), "{direct}");
        assert!(compiled(direct, Dialect::Bash, &Kind::Any).is_err(), "{direct}");
    }
}

#[test]
fn what_evaluates_nothing_is_left_alone() {
    for form in QUIET {
        assert_eq!(
            compiled(&assigned(form), Dialect::Bash, &Kind::Any).map(|_| ()),
            Ok(()),
            "{form}"
        );
    }
    for clean in [
        "n=$(date +%s); echo $((n + 1)) {v}",
        "for i in 1 2 3; do echo $((i * 2)) {v}; done",
        "echo {v}; echo $((SECONDS + $#))",
        "x={v}; echo ${#x} $(( ${#x} + 1 ))",
        "run() { echo \"+ $*\"; \"$@\"; }; run cp {v} there",
    ] {
        assert_eq!(compiled(clean, Dialect::Bash, &Kind::Any).map(|_| ()), Ok(()), "{clean}");
    }
}
