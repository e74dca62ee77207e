//! Every context of a placeholder: what becomes of it, or why it is refused.

use ostler::shell::{Dialect, Kind};

use crate::{compiled, refusals};

#[test]
fn safe_contexts_become_checked_references() {
    for (text, expected) in [
        ("echo {v}", r#"echo "${OSTLER_V1?}""#),
        ("echo a{v}b", r#"echo a"${OSTLER_V1?}"b"#),
        ("echo \"{v}\"", r#"echo "${OSTLER_V1?}""#),
        ("echo 'a {v} b'", r#"echo 'a '"${OSTLER_V1?}"' b'"#),
        ("echo $'a {v} b'", r#"echo $'a '"${OSTLER_V1?}"$' b'"#),
        ("x={v}", r#"x="${OSTLER_V1?}""#),
        ("export X={v} Y=a{w}", r#"export X="${OSTLER_V1?}" Y=a"${OSTLER_V2?}""#),
        ("f() { local x={v}; }", r#"f() { local x="${OSTLER_V1?}"; }"#),
        ("a=(1 {v} '{v}')", r#"a=(1 "${OSTLER_V1?}" ''"${OSTLER_V1?}"'')"#),
        ("X={v} env", r#"X="${OSTLER_V1?}" env"#),
        ("cat < {v} >> {w}", r#"cat < "${OSTLER_V1?}" >> "${OSTLER_V2?}""#),
        ("cat <<< {v}", r#"cat <<< "${OSTLER_V1?}""#),
        ("cat <<E\na {v} b\nE\n", "cat <<E\na ${OSTLER_V1?} b\nE\n"),
        ("cat <<-E\n\ta {v} b\n\tE\n", "cat <<-E\n\ta ${OSTLER_V1?} b\n\tE\n"),
        ("case {v} in a|{w}) ;; esac", r#"case "${OSTLER_V1?}" in a|"${OSTLER_V2?}") ;; esac"#),
        ("[[ {v} == a{w}* ]]", r#"[[ "${OSTLER_V1?}" == a"${OSTLER_V2?}"* ]]"#),
        ("[[ -f {v} && x =~ {v} ]]", r#"[[ -f "${OSTLER_V1?}" && x =~ "${OSTLER_V1?}" ]]"#),
        ("for i in {v} b; do :; done", r#"for i in "${OSTLER_V1?}" b; do :; done"#),
        ("echo $(cat {v})", r#"echo $(cat "${OSTLER_V1?}")"#),
        ("echo \"$(cat {v} \"{w}\")\"", r#"echo "$(cat "${OSTLER_V1?}" "${OSTLER_V2?}")""#),
        ("diff <(sort {v}) {w}", r#"diff <(sort "${OSTLER_V1?}") "${OSTLER_V2?}""#),
        ("( cd {v} && ls ) | tee {w}", r#"( cd "${OSTLER_V1?}" && ls ) | tee "${OSTLER_V2?}""#),
        (
            "if test {v} = a; then echo {w}; fi",
            r#"if test "${OSTLER_V1?}" = a; then echo "${OSTLER_V2?}"; fi"#,
        ),
        ("echo {{v} ${v} {other} {v}", r#"echo {v} ${v} {other} "${OSTLER_V1?}""#),
        ("echo é{v}ü # {other}", "echo é\"${OSTLER_V1?}\"ü # {other}"),
    ] {
        let found = compiled(text, Dialect::Bash, &Kind::Any).map(|c| c.text);
        assert_eq!(found.as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn data_beside_a_nested_program_is_safe() {
    for text in [
        "sh -c 'echo \"$1\"' sh {v}",
        "bash -ec 'echo \"$1\"' bash {v}",
        "jq --arg a {v} '.b == $a' file",
        "jq -r '.b' {v}",
        "awk -v x={v} '{ print x }' {w}",
        "X={v} awk 'BEGIN { print ENVIRON[\"X\"] }'",
        "python3 -c 'import sys; print(sys.argv[1])' {v}",
        "perl -e 'print $ARGV[0]' -- {v}",
        "sed -n 's/a/b/p' -- {v}",
        "xargs -n 1 sh -c 'echo \"$1\"' sh < {v}",
        "find {v} -name '*.c' -exec grep -l {w} {} +",
        "sudo -u root cat {v}",
        "timeout 5 curl -o {v} {w}",
        "env A={v} printenv A",
        "ssh -- {v} uptime",
        "ssh host 'cat > f' <<< {v}",
        "x={v}; trap 'rm -f -- \"$x\"' EXIT",
        "mysql db < {v}",
        "gunzip -c {v} | psql db",
        "scp -P 22 {v} host:",
        "git commit -m {v}",
        "git log -S {v}",
        "command -v {v}",
        "python3 -m json.tool <<< {v}",
        "make -C {v} all",
        "grep -e {v} file",
        "kubectl exec pod -- cat {v}",
    ] {
        assert_eq!(refusals(text, &Kind::Any), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn every_other_place_is_refused_with_a_way_out() {
    for (text, why) in [
        ("{v}", "command that is started"),
        ("a{v} b", "command that is started"),
        ("./{v}/run", "command that is started"),
        ("! {v} a", "command that is started"),
        ("time {v}", "command that is started"),
        ("\"{v}\" a", "command that is started"),
        ("{v}=1", "command that is started"),
        ("env {v}", "command that is started"),
        ("env A=1 {v} b", "command that is started"),
        ("sudo -u root {v}", "command that is started"),
        ("exec {v}", "command that is started"),
        ("command {v}", "command that is started"),
        ("nohup {v} &", "command that is started"),
        ("timeout 5 {v}", "command that is started"),
        ("xargs -n 1 {v}", "command that is started"),
        ("find . -exec {v} \\;", "command that is started"),
        ("echo a | {v}", "command that is started"),
        ("x=1 {v}", "command that is started"),
        ("echo ${x:-{v}}", "inside `${…}`"),
        ("echo \"${x#{v}}\"", "inside `${…}`"),
        ("echo ${x:-$(cat {v})}", "inside `${…}`"),
        ("echo `cat {v}`", "backticks"),
        ("cat <<'E'\n{v}\nE\n", "quoted tag"),
        ("cat <<\\E\n{v}\nE\n", "quoted tag"),
        ("echo a # {v}", "comment"),
        ("echo \\{v}", "backslash"),
        ("echo \"a\\{v}\"", "backslash"),
        ("echo $'a\\{v}'", "backslash"),
        ("echo {v}> f", "file descriptor"),
        ("{v}() { :; }", ""),
        ("for {v} in a; do :; done", ""),
        ("echo {fd}>a {v}>b", "file descriptor"),
        ("eval {v}", "that the shell will run"),
        ("eval \"echo {v}\"", "that the shell will run"),
        ("source {v}", "`source` runs"),
        (". <(echo {v})", "`source` runs"),
        ("sh -c 'echo {v}'", "nested shell"),
        ("bash -ec \"echo {v}\"", "nested shell"),
        ("bash -c -e {v}", "nested shell"),
        ("/bin/dash -c {v}", "nested shell"),
        ("su -c {v} user", "nested shell"),
        ("su user -c 'ls {v}'", "nested shell"),
        ("nu -c 'ls {v}'", "nested shell"),
        ("bash {v}", "nested shell"),
        ("bash <<E\nls {v}\nE\n", "nested shell"),
        ("sudo bash <<< {v}", "nested shell"),
        ("echo {v} | sh", "nested shell"),
        ("{ echo {v}; } | bash -s", "nested shell"),
        ("trap 'rm {v}' EXIT", "`trap` will run"),
        ("awk '{ print {v} }'", "awk program"),
        ("awk -F , '/{v}/'", "awk program"),
        ("jq '.{v}'", "jq program"),
        ("jq --arg a b \".{v}\" f", "jq program"),
        ("sed 's/a/{v}/' f", "sed program"),
        ("sed -e \"s/{v}//\" f", "sed program"),
        ("sed 's/a/b/' {v}", "sed program"),
        ("python3 -c 'print({v})'", "part of a program"),
        ("perl -ne 'print {v}'", "part of a program"),
        ("ruby -e {v}", "part of a program"),
        ("node -e {v}", "part of a program"),
        ("ssh host ls {v}", "joins its words"),
        ("ssh {v} ls", "joins its words"),
        ("ssh -o {v} host", "joins its words"),
        ("ssh -p 22 host <<< {v}", "joins its words"),
        ("xargs sh -c 'echo {v}'", "nested shell"),
        ("find . -exec sh -c 'echo {v}' \\;", "nested shell"),
        ("env -S {v}", "joined into the text"),
        ("watch ls {v}", "joined into the text"),
        ("parallel echo {v}", "joined into the text"),
        ("nix-shell --run 'echo {v}'", "nested shell"),
        ("docker exec c sh -c 'echo {v}'", "nested shell"),
        ("make X={v}", "make runs"),
        ("psql -c 'select {v}'", "SQL"),
        ("rsync -e {v} a b", "this option runs"),
        ("tar cf x --to-command={v} y", "this option runs"),
        ("PS4={v}", "value is run"),
        ("x={v}; $x", "command that is started"),
        ("f() { \"$@\"; }; f {v}", "command that is started"),
        ("test {v} {w}", "name a variable"),
        ("unset {v}", "name a variable"),
        ("x={v}; sh -c \"echo $x\"", "nested shell"),
    ] {
        let Err(found) = compiled(text, Dialect::Bash, &Kind::Any) else { panic!("taken: {text}") };
        assert!(found.iter().any(|r| r.why.contains(why)), "{text}: {found:?}");
        assert!(found.iter().all(|r| r.hint.is_some()), "{text}");
    }
}

/// What decision 0001 found the parser to misread in silence.
#[test]
fn known_misreadings_are_refused() {
    for text in [
        "cat <<E | f $((1+{v}))\nE\n",
        "cat <<E > \"$({v} x)\"\nE\n",
        "echo ${x~{v}}",
        "echo \"${!{v}}\"",
        "echo \"$(case $y in a) b;; esac; {v})\"",
        "echo \"${x:-$(case y in a) echo };; esac; echo {v})}\"",
        "echo ~99999999999999999999999999/{v}; echo 99999999999999999999>{v}",
    ] {
        assert!(compiled(text, Dialect::Bash, &Kind::Any).is_err(), "{text}");
    }
}

#[test]
fn lists_and_private_characters_are_refused() {
    assert_eq!(refusals("echo {v}", &Kind::List), ["a list is not one word"]);
    assert!(refusals("echo {v} \u{f0000}", &Kind::Any)[0].contains("private"));
    assert!(refusals("echo {v} $OSTLER_V1", &Kind::Any)[0].contains("OSTLER_V1"));
}

#[test]
fn all_refusals_come_at_once_and_name_their_placeholder() {
    let found = compiled("{v} a; echo {w}; eval {v}", Dialect::Bash, &Kind::Any).unwrap_err();
    assert_eq!(found.iter().map(|r| r.at).collect::<Vec<_>>(), [Some(0), Some(2)]);
}

#[test]
fn deep_nesting_is_refused_and_not_a_crash() {
    let deep = format!("{}echo {{v}}{}", "( ".repeat(150), " )".repeat(150));
    assert!(compiled(&deep, Dialect::Bash, &Kind::Any).is_err());
    let words = format!("echo {}{{v}}{}", "\"$(echo ".repeat(110), ")\"".repeat(110));
    assert!(compiled(&words, Dialect::Bash, &Kind::Any).is_err());
}

#[test]
fn ten_thousand_plain_texts_cost_next_to_nothing() {
    let start = std::time::Instant::now();
    for n in 0..10_000 {
        let text = format!("/usr/bin/make -C build target-{n} all");
        assert_eq!(compiled(&text, Dialect::Bash, &Kind::Any).unwrap().text, text);
    }
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

#[test]
fn what_cannot_be_read_is_an_error_only_with_a_placeholder() {
    let unread = compiled("select x in a b; do echo; done", Dialect::Bash, &Kind::Any).unwrap();
    assert!(unread.unread.is_some());
    assert!(
        refusals("select x in a b; do echo {v}; done", &Kind::Any)[0].contains("not understood")
    );
}
