//! Scripts that people write daily: those that are taken, and those that are not, with the way out they are shown.

use ostler::shell::{Dialect, Kind};

use crate::compiled;

/// Scripts that are refused, a part of the reason and a part of the hint.
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "sed -i \"s/^version = .*/version = \\\"{v}\\\"/\" Cargo.toml",
        "sed program",
        "awk with ENVIRON",
    ),
    ("version={v}\nsed -i \"s/@V@/$version/\" Cargo.toml", "sed program", "awk with ENVIRON"),
    ("make -C linux LOCALVERSION=-{v} -j8", "make runs", "by environment"),
    (
        "free=$(df --output=avail -- {v} | tail -n 1)\necho \"$((free / 1024)) MB\"",
        "evaluated",
        "$(expr",
    ),
    ("lines=$(grep -c x {v}); (( lines > 3 ))", "evaluated", "-gt"),
    ("n={v}; echo $((n + 1))", "evaluated", "as int"),
    ("echo $(({v} + 1))", "evaluated", "as int"),
    ("ssh {v} uptime", "joins its words", "ssh -- host"),
    ("ssh -- {v} \"systemctl restart {w}\"", "joins its words", "standard input"),
    (
        "curl -d '{\"name\": \"x\"}' {v} | jq \".items[] | select(.name == \\\"{w}\\\")\"",
        "jq program",
        "--arg",
    ),
    ("awk '$1 == \"{v}\"' hosts", "awk program", "ENVIRON"),
    ("docker exec -i app sh -c \"ls {v}\"", "nested shell", "sh -c"),
    ("bash -c \"make {v}\"", "nested shell", "sh -c"),
    ("psql -c \"select '{v}'\"", "SQL", "psql -v"),
    ("cat > f <<'EOF'\n{v}\nEOF", "quoted tag", "remove the quotes"),
    ("dir=`dirname {v}`", "backticks", "$( … )"),
    ("echo ${X:-{v}}", "inside `${…}`", "assign it"),
    ("{v} --version", "command that is started", "argv"),
    ("export {v}=1", "name a variable", "write the name"),
    ("trap 'rm -rf {v}' EXIT", "`trap` will run", "assign it first"),
    ("eval \"{v}_DIR=/srv\"", "that the shell will run", "case"),
];

#[test]
fn daily_scripts_are_taken() {
    let all = include_str!("scripts/daily.txt");
    for text in all.split("\n---\n") {
        let found = compiled(text, Dialect::Bash, &Kind::Any).map(|c| c.unread);
        assert_eq!(found, Ok(None), "{text}");
    }
    assert!(all.split("\n---\n").count() >= 60);
}

#[test]
fn the_others_are_shown_the_safe_form() {
    for (text, why, hint) in REFUSED {
        let Err(found) = compiled(text, Dialect::Bash, &Kind::Any) else { panic!("taken: {text}") };
        let fits = |r: &ostler::shell::Refusal| {
            r.why.contains(why) && r.hint.as_deref().is_some_and(|h| h.contains(hint))
        };
        assert!(found.iter().any(fits), "{text}: {found:?}");
    }
}
