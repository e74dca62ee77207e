//! Values that a command could take for an option.

use ostler::shell::{Dialect, Kind};

use crate::compiled;

fn bare(text: &str) -> Vec<usize> {
    compiled(text, Dialect::Bash, &Kind::Any).unwrap_or_else(|why| panic!("{text}: {why:?}")).bare
}

#[test]
fn an_operand_without_dashes_before_it_is_noted() {
    for text in [
        "rm {v}",
        "rm -rf {v}",
        "rm \"{v}\"",
        "rm '{v}/x'",
        "sudo rm -r {v}",
        "ls | xargs rm {v}",
        "x=$(cat {v})",
        "( cp a {v} ) > f",
        "find {v} -name '*.c'",
        "git checkout {v}",
        "tar czf out.tgz {v}",
        "rsync -a {v} there",
        "run() { \"$@\"; }; run rm {v}",
        "if grep -q x {v}; then :; fi",
        "f() { rm {v}; }; f",
        "systemctl restart {v}",
        "curl {v}",
    ] {
        assert_eq!(bare(text), [0], "{text}");
    }
    assert_eq!(bare("mv {v} {w}"), [0, 1]);
}

#[test]
fn what_cannot_be_an_option_is_not() {
    for text in [
        "rm -- {v}",
        "rm ./{v}",
        "rm \"./{v}\"",
        "rm -r -- {v} {w}",
        "echo {v}",
        "printf '%s' {v}",
        "test {v} = a",
        "[ -n {v} ]",
        "[[ {v} == a ]]",
        "x={v}",
        "export X={v}",
        "X={v} env",
        "cat < {v}",
        "for i in {v}; do :; done",
        "case {v} in {w}) ;; esac",
        "f() { echo \"$1\"; }; f {v}",
        "set -- {v}",
        "git commit -m {v}",
        "curl -o {v} https://x",
        "jq --arg x {v} . f",
        "make -C {v} all",
        "awk '{ print }' x{v}",
        "bash script.sh {v}",
        "cd {v}",
        "docker run --name {v} alpine",
        "a=({v})",
    ] {
        assert_eq!(bare(text), Vec::<usize>::new(), "{text}");
    }
}
