//! Real scripts, which hold no placeholder: they stay byte for byte as they are.

use std::path::{Path, PathBuf};

use ostler::shell::{Dialect, Kind};

use crate::compiled;

/// Shell scripts of this machine, with the dialect that their first line names.
fn scripts() -> Vec<(PathBuf, Dialect, String)> {
    let dirs = ["/etc/init.d", "/usr/bin", "/usr/sbin", "/usr/lib/git-core"];
    let mut found = Vec::new();
    for dir in dirs {
        let Ok(entries) = std::fs::read_dir(dir) else { continue };
        for path in entries.map(|e| e.unwrap().path()) {
            let Some(text) = shell_text(&path) else { continue };
            let first = text.lines().next().unwrap_or_default().to_owned();
            let dialect = if first.contains("bash") { Dialect::Bash } else { Dialect::Sh };
            if first.starts_with("#!")
                && first.split(['/', ' ']).any(|w| matches!(w, "sh" | "bash" | "dash"))
            {
                found.push((path, dialect, text));
            }
        }
    }
    found
}

fn shell_text(path: &Path) -> Option<String> {
    use std::io::Read;
    let mut start = [0; 2];
    std::fs::File::open(path).ok()?.read_exact(&mut start).ok()?;
    if start != *b"#!" {
        return None;
    }
    std::fs::read_to_string(path).ok().filter(|t| t.len() < 200_000)
}

#[test]
fn scripts_of_this_machine_pass_unchanged() {
    let (mut all, mut read) = (0, 0);
    for (path, dialect, text) in scripts() {
        let found = compiled(&text, dialect, &Kind::Any).unwrap();
        assert_eq!(found.text, text, "{}", path.display());
        all += 1;
        read += usize::from(found.unread.is_none());
        if let Some(what) = found.unread {
            println!("{}: {what}", path.display());
        }
    }
    println!("{read} of {all} read");
    assert!(all >= 20, "only {all} scripts on this machine");
    assert!(read * 10 >= all * 8, "{read} of {all}");
}

/// A script with what scripts have.
const FIXTURE: &str = r#"#!/bin/bash
# It's a comment with a quote, a "quote", a `tick` and a $( bracket
set -euo pipefail
readonly HERE="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)" # another one, isn't it
declare -a list=(one "two three" 'four "five"' $'six\n' [7]=seven)
declare -A map=([key]=value ["other key"]="$HERE/x")
usage() {
    cat <<-USAGE >&2
	Usage: ${0##*/} [-n] NAME
	  with "quotes", 'quotes' and \$dollars
	USAGE
    exit "${1:-2}"
}
function each { local item; for item in "${list[@]}"; do printf '%s\n' "${item//o/0}"; done; }
cat <<'RAW' > /dev/null
${not} $(an) `expansion` it's {v
RAW
while getopts 'n:h' option; do
    case "$option" in
        n) name="${OPTARG%%.*}" ;;
        h | '?') usage 0 ;;
        *) usage ;;
    esac
done
shift $((OPTIND - 1))
if [[ ${1-} =~ ^[a-z]+(-[0-9]+)?$ && -n "${map[key]}" ]] || (( $# > 3 && ${#list[@]} )); then
    each | sort -u | { read -r first || true; echo "first: $first"; }
fi
diff <(each) <(printf '%s\n' "${list[@]:1:2}") || :
trap 'rm -f -- "$tmp"' EXIT; tmp="$(mktemp)"
awk '$1 > 3 { print $2 "{}" }' "$tmp" 2>/dev/null | xargs -r -I{} echo {} &
wait; echo "done: $(date +%s) \"nested $(echo "deep $(echo 'deeper')")\""
"#;

#[test]
fn a_script_with_everything_is_read_and_stays_as_it_is() {
    let found = compiled(FIXTURE, Dialect::Bash, &Kind::Any).unwrap();
    assert_eq!(found.text, FIXTURE);
    assert_eq!(found.unread, None);
    let with = format!("{FIXTURE}\necho {{v}}\n");
    let why = compiled(&with, Dialect::Bash, &Kind::Any);
    // OPTIND and what `getopts` fills are evaluated in it only as numbers; nothing else is.
    assert!(why.is_ok(), "{why:?}");
}
