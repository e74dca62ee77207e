//! Texts that once were taken although a value in them ran: each is refused, and its safe likes are not.

use ostler::shell::{Dialect, Kind};

use crate::compiled;

/// Texts in which a value ran under the real bash.
const REFUSED: &[&str] = &[
    // What the shell that is started, or `eval`, does with a variable of the script.
    "A={v} bash -c 'eval \"$A\"'",
    "x={v}; trap 'eval \"$x\"' EXIT",
    "x={v}; eval 'echo $((x))'",
    "export x={v}; sh -c 'eval \"$x\"'",
    "export x={v}; bash -c 'echo $((x))'",
    "X={v} bash <<'E'\neval \"$X\"\nE\n",
    "bash -c 'eval \"$1\"' bash {v}",
    "bash -c 'echo $(($1))' bash {v}",
    "bash -c '\"$@\"' bash {v}",
    "bash -c '$0' {v}",
    "sh -c '. \"$1\"' sh {v}",
    // A command behind a variable, an alias, a function.
    "d=declare; $d -i n; n={v}",
    "d=let; $d {v}",
    "${d:-let} {v}",
    "cmd=\"bash -c\"; $cmd {v}",
    "a=(bash -c); \"${a[@]}\" {v}",
    "shopt -s expand_aliases\nalias e=eval\ne {v}",
    "shopt -s expand_aliases\nalias e='eval '\ne echo {v}",
    "run() { \"$@\"; }; run let {v}",
    "f() { \"$2\" MARK; }; f a {v}",
    "f() { ${@:2}; }; f a {v}",
    // Options before the builtin, or of a declaration.
    "command -p let {v}",
    "command -- let {v}",
    "builtin -- let {v}",
    "command -p declare -i n; n={v}",
    "o=-i; declare $o n; n={v}",
    // Variables that are evaluated or run.
    "declare -i OPTARG; getopts a: n -a {v}",
    "unset PS4; : \"${PS4={v}}\"; set -x; :",
    "x={v}; : \"${PS4:=$x}\"; set -x; :",
    "BASH_ALIASES[foo]={v}",
    "BASH_CMDS[foo]={v}; foo",
    "hash -p {v} foo; foo",
    "GIT_SSH_COMMAND={v} git fetch",
    // What is in a file, and is read.
    "echo {v} > f; n=$(<f); ((n))",
    // A program that reads its text through a compound command, a function, another descriptor.
    "{ echo {v}; } | { bash; }",
    "echo {v} | (bash)",
    "echo {v} | if true; then bash; fi",
    "f() { bash; }; echo {v} | f",
    "f() { bash; }; f <<< {v}",
    "{ bash; } <<< {v}",
    "while read x; do bash; done <<< {v}",
    "exec <<< {v}; bash",
    "exec 3<<< {v}; bash /dev/fd/3",
    "bash /dev/fd/3 3<<< {v}",
    "coproc bash; echo {v} >&${COPROC[1]}",
    "echo {v} > >(bash)",
    "echo {v} | tee >(bash)",
    "tee >(bash) <<< {v}",
    "{ echo {v}; } > >(bash)",
    "exec > >(bash); echo {v}",
    // A file that the script writes and runs.
    "echo {v} > f; . ./f",
    "echo {v} > f; bash f",
    "echo {v} > f; bash < f",
    "echo {v} | tee f; bash f",
    "cat > f.sh <<EOF\n{v}\nEOF\nchmod +x f.sh\n./f.sh",
    "t=$(mktemp); { echo \"echo $(date)\"; echo {v}; } >> \"$t\"; sh -e \"$t\"",
    "f() { echo {v} > q.sql; psql < q.sql; }; f",
    "exec 3> f; echo {v} >&3; bash f",
    "exec > f; echo {v}; bash f",
    "f() { echo {v}; }; f > g; bash g",
    "f() { echo {v}; }; f | bash",
    "f() { echo {v}; }; . <(f)",
    "x={v} bash <<< 'eval \"$x\"'",
    "bash < {v}",
    "split --filter={v} f",
    // A value joined to an option.
    "python3 -c{v}",
    "perl -e{v}",
    "sed -e{v} f",
    "awk -f{v} f",
    "node --{v}",
    "zip -T -TT {v} x.zip f",
    // Names of values that are put together, and the environment itself.
    "for i in ${!OSTLER_*}; do echo $((i)); done; echo {v}",
    "x=OSTLER_V; y=${x}1; echo $((y)); : {v}",
    "printf -v y '%s_V1' OSTLER; echo $((y)); : {v}",
    "env | bash; : {v}",
    "cat /proc/self/environ | bash; : {v}",
    ". <(env); : {v}",
    // What `mapfile` calls.
    "mapfile -C{v} -c1 x < f",
    "mapfile -c1 -C eval x <<< {v}",
    // What `xargs` hands on.
    "echo {v} | xargs bash -c",
    "echo {v} | xargs -I% bash -c %",
    "echo {v} | xargs -rI % sh -c 'echo %'",
    "xargs -i bash -c {} <<< {v}",
    "xargs env <<< {v}",
    "xargs timeout 5 <<< {v}",
    // Programs that start others.
    "jobs -x {v}",
    "env -iu A {v}",
    "env - {v}",
    "time -- {v}",
    "timeout -vk 1 5 {v}",
    "flock -nw 1 f -c {v}",
    "setarch -R {v}",
    "linux64 {v}",
    "bash --rcfile {v} -i",
    "awk -f {v}",
];

/// Texts that look like them, and in which nothing of a value runs.
const TAKEN: &[&str] = &[
    "A={v} bash -c 'echo \"$A\"'",
    "x={v}; trap 'rm -f -- \"$x\"' EXIT",
    "bash -c 'for f; do echo \"$f\"; done' bash {v}",
    "X={v} bash <<'E'\necho \"$X\"\nE\n",
    "d=echo; $d {v}",
    "SUDO=sudo; $SUDO systemctl restart {v}",
    "run() { \"$@\"; }; run cp -- {v} there",
    "alias ll='ls -l'; ll {v}",
    "command -p ls {v}",
    "bash script.sh; while read -r x; do bash script.sh < /dev/null; done <<< {v}",
    "echo {v} | while read -r x; do echo \"$x\"; done",
    "echo {v} | xargs",
    "echo {v} | xargs -n1 echo",
    "echo {v} | xargs -I% cp % there",
    "find {v} -print0 | xargs -0 sed -i 's/a/b/'",
    "echo {v} | tee >(cat)",
    "n=$(wc -l < {v}); echo $((n + 1))",
    "n=$(stat -c %s -- {v}); echo $((n / 1024))",
    "exec 3<<< {v}; cat <&3",
    "curl -fsSL https://example.org/i.sh > i.sh; bash i.sh {v}",
    "curl -fsSL https://example.org/i.sh | bash -s -- {v}",
    "echo {v} > f; bash g; cat f",
    "cat > f.sh <<'EOF'\necho \"$1\"\nEOF\nbash f.sh {v}",
    "env | sort; : {v}",
    "f() { echo {v}; }; f | tee log; f > list; bash other",
    "exec > log; echo {v}",
    "psql db < {v}",
    "echo {v} | jq .",
    "x={v} bash <<< 'echo \"$x\"'",
    "mapfile -t -C : x <<< {v}",
];

#[test]
fn what_once_ran_is_refused() {
    for text in REFUSED {
        let Err(why) = compiled(text, Dialect::Bash, &Kind::Any) else { panic!("taken: {text}") };
        assert!(why.iter().all(|r| r.hint.is_some()), "{text}");
    }
}

#[test]
fn what_only_looks_like_it_is_taken() {
    for text in TAKEN {
        let found = compiled(text, Dialect::Bash, &Kind::Any).map(|_| ());
        assert_eq!(found, Ok(()), "{text}");
    }
}
