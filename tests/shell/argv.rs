//! Words of `argv`: those in which a value would be code are refused, and everyday uses are not.

use ostler::expr::Template;
use ostler::expr::template::Named;
use ostler::shell::{Kind, Surroundings, Words, words};

/// Words in which a value would run.
const REFUSED: &[&[&str]] = &[
    &["bash", "-c", "echo {v}"],
    &["sh", "-c", "echo {v}"],
    &["/bin/sh", "-ec", "echo {v}"],
    &["bash", "-c", "eval \"$1\"", "bash", "{v}"],
    &["bash", "-c", "\"$@\"", "bash", "{xs...}"],
    &["bash", "{v}"],
    &["python3", "-c", "print('{v}')"],
    &["python3.11", "-c{v}"],
    &["python3", "-m{v}"],
    &["node", "--{v}"],
    &["bash", "-c{v}", "true"],
    &["env", "-S{v}"],
    &["perl", "-ne", "print if /{v}/"],
    &["node", "-e", "console.log('{v}')"],
    &["ssh", "host", "echo {v}"],
    &["ssh", "host", "--", "echo", "{v}"],
    &["ssh", "{v}", "uptime"],
    &["env", "bash", "-c", "echo {v}"],
    &["env", "A=1", "bash", "-c", "echo {v}"],
    &["env", "BASH_ENV={v}", "bash", "-c", "true"],
    &["env", "-S", "echo {v}"],
    &["sudo", "sh", "-c", "echo {v}"],
    &["sudo", "-u", "me", "--", "sh", "-c", "echo {v}"],
    &["sudo", "{v}"],
    &["timeout", "5", "sh", "-c", "{v}"],
    &["nohup", "nice", "-n", "5", "sh", "-c", "{v}"],
    &["xargs", "sh", "-c", "echo {v}"],
    &["xargs", "{v}"],
    &["find", ".", "-exec", "sh", "-c", "echo {v}", ";"],
    &["find", ".", "-execdir", "{v}", ";"],
    &["docker", "exec", "c", "bash", "-c", "echo {v}"],
    &["awk", "{v}"],
    &["awk", "{print \"{v}\"}", "file"],
    &["sed", "s/a/{v}/", "file"],
    &["sed", "-e", "s/a/{v}/", "file"],
    &["jq", ".{v}", "file"],
    &["psql", "-c", "SELECT '{v}'"],
    &["make", "X={v}"],
    &["watch", "ls {v}"],
    &["eval", "{v}"],
    &["{v}", "-c", "{w}"],
    // What stands after a list moves with its length.
    &["nice", "-n", "{xs...}", "ls"],
    &["awk", "-v", "{xs...}", "BEGIN{}"],
    &["jq", "--arg", "x", "{xs...}", ".a"],
];

/// Words in which it is data.
const TAKEN: &[&[&str]] = &[
    &["echo", "{v}"],
    &["echo", "{xs...}"],
    &["{v}", "--version"],
    &["{xs...}"],
    &["git", "commit", "-m", "{v}"],
    &["git", "-C", "{v}", "status"],
    &["bash", "-c", "echo \"$1\"", "bash", "{v}"],
    &["bash", "-c", "for x; do echo \"$x\"; done", "bash", "{xs...}"],
    &["bash", "script.sh", "{v}"],
    &["ssh", "host", "--", "uptime"],
    &["ssh", "-i", "{v}", "host", "uptime"],
    &["awk", "-v", "x={v}", "BEGIN{print x}"],
    &["awk", "{print $1}", "{v}"],
    &["jq", "--arg", "x", "{v}", ".a == $x"],
    &["python3", "-c", "import sys; print(sys.argv[1])", "{v}"],
    &["python3", "tool.py", "--name={v}"],
    &["env", "NAME={v}", "make"],
    &["sudo", "-u", "{v}", "ls"],
    &["timeout", "{v}", "ls"],
    &["curl", "-fsS", "--", "{v}"],
    &["test", "{v}", "-eq", "{w}"],
    &["find", "{v}", "-name", "*.rs"],
    &["find", ".", "-name", "{v}", "-exec", "cat", "{}", ";"],
    &["docker", "run", "--rm", "-e", "X={v}", "image"],
    &["rsync", "-a", "--", "{xs...}", "host:/srv/"],
    &["cargo", "test", "--", "{v}"],
    &["make", "--", "{v}"],
];

fn said(argv: &[&str], kind: &Kind, around: &Surroundings) -> Words {
    let declared = |name: &str| matches!(name, "v" | "w" | "xs").then_some(Named::Param);
    let argv: Vec<Template> =
        argv.iter().map(|word| Template::parse(word, declared).unwrap()).collect();
    words(&argv, &|_| kind.clone(), around)
}

#[test]
fn a_value_in_a_programs_text_is_refused() {
    let taken =
        |argv: &&&[&str]| said(argv, &Kind::Any, &Surroundings::default()).refusals.is_empty();
    let taken: Vec<_> = REFUSED.iter().filter(taken).collect();
    assert!(taken.is_empty(), "{taken:?}");
}

#[test]
fn everyday_words_are_taken() {
    for argv in TAKEN {
        let said = said(argv, &Kind::Any, &Surroundings::default());
        assert!(said.refusals.is_empty(), "{argv:?}: {:?}", said.refusals);
    }
}

#[test]
fn a_number_may_be_evaluated_but_not_be_program_text() {
    let evaluated = ["bash", "-c", "echo $(($1))", "bash", "{v}"];
    let around = Surroundings::default();
    assert!(said(&evaluated, &Kind::Int, &around).refusals.is_empty());
    assert!(!said(&evaluated, &Kind::Any, &around).refusals.is_empty());
    assert!(!said(&["bash", "-c", "echo {v}"], &Kind::Int, &around).refusals.is_empty());
}

#[test]
fn what_is_handed_over_beside_the_words_counts_too() {
    let around = Surroundings { env: vec!["X".to_owned()], stdin: true };
    for argv in [
        &["bash"][..],
        &["sudo", "bash", "-s"],
        &["python3", "-"],
        &["ssh", "host", "bash"],
        &["sh", "-c", "bash"],
        &["sh", "-c", "eval \"$X\""],
        &["xargs", "sh", "-c"],
    ] {
        assert!(!said(argv, &Kind::Any, &around).refusals.is_empty(), "{argv:?}");
    }
    for argv in [
        &["cat"][..],
        &["jq", "."],
        &["python3", "tool.py"],
        &["bash", "-c", "cat; echo \"$X\""],
        &["ssh", "host", "cat > file"],
        &["xargs", "rm", "--"],
    ] {
        let said = said(argv, &Kind::Any, &around);
        assert!(said.refusals.is_empty(), "{argv:?}: {:?}", said.refusals);
    }
}

#[test]
fn words_that_may_be_options_are_noted() {
    let bare = |argv: &[&str]| said(argv, &Kind::Any, &Surroundings::default()).bare.len();
    assert_eq!(bare(&["rm", "-r", "{v}", "{xs...}"]), 2);
    assert_eq!(bare(&["rm", "-r", "--", "{v}", "{xs...}"]), 0);
    assert_eq!(bare(&["echo", "{xs...}"]), 0);
    assert_eq!(bare(&["git", "commit", "-m", "{v}"]), 0);
}
