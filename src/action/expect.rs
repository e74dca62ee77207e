//! What was expected of a command against what it did.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::place::{Facts, Place};
use super::protocol::{Kept, Report};
use super::work::Expected;
use crate::redact::{Masks, Redactor};
use crate::run::{Check, Outcome};
use crate::value::same;
use crate::workflow::{FileExpect, Json, TextExpect};

/// How often files are looked at while `within` lasts.
const LOOK: Duration = Duration::from_millis(100);
/// How much of a file secrets are looked for in, before it is shown; far more than is shown.
const BEGINNING: usize = 256 * 1024;
/// How much of what was seen is shown.
const SHOWN: usize = 200;

/// Whether a command did what was expected, and each expectation by itself.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) passed: bool,
    pub(super) checks: Vec<Check>,
}

/// Judges what a command did. A plain exit 0 that nothing more was expected of needs no words.
pub(super) async fn judge(
    expect: Option<&Expected>,
    report: &Report,
    before: &[(PathBuf, String)],
    dir: &Path,
    place: Place<'_>,
    masks: Option<&Masks>,
) -> Judged {
    let codes = expect.map_or(&[][..], |e| &e.that.exit[..]);
    let exit = exit(codes, &report.outcome);
    let mut passed = exit.passed;
    let mut checks = Vec::new();
    if !exit.passed || !codes.is_empty() {
        checks.push(exit);
    }
    if let Some(expect) = expect.filter(|_| matches!(report.outcome, Outcome::Exited { .. })) {
        for (what, that, kept) in [
            ("stdout", &expect.that.stdout, &report.stdout),
            ("stderr", &expect.that.stderr, &report.stderr),
        ] {
            if let Some(that) = that {
                checks.extend(stream(what, that, kept, dir, masks));
            }
        }
        if let Some(count) = expect.that.count {
            checks.push(lines(count, &report.stdout, dir));
        }
        checks.extend(files(expect, place, masks).await);
        checks.extend(unchanged(before, &expect.folder, place).await);
        passed &= checks.iter().all(|c| c.passed);
    }
    Judged { passed, checks }
}

/// What an expectation demands, in a few words.
pub(super) fn shown(expect: &Expected) -> String {
    let that = &expect.that;
    let mut parts = vec![format!("exit {}", codes(&that.exit))];
    let named = [
        ("stdout", that.stdout.is_some()),
        ("stderr", that.stderr.is_some()),
        ("file", !that.file.is_empty()),
        ("count", that.count.is_some()),
        ("unchanged", !that.unchanged.is_empty()),
    ];
    parts.extend(named.iter().filter(|(_, is)| *is).map(|(name, _)| (*name).to_owned()));
    parts.join(", ")
}

fn codes(codes: &[i32]) -> String {
    if codes.is_empty() {
        return "0".to_owned();
    }
    codes.iter().map(i32::to_string).collect::<Vec<_>>().join(" or ")
}

fn exit(expected: &[i32], outcome: &Outcome) -> Check {
    let passed = match outcome {
        Outcome::Exited { code } if expected.is_empty() => *code == 0,
        Outcome::Exited { code } => expected.contains(code),
        _ => false,
    };
    let mut observed = outcome.to_string();
    // The shell's own codes, and SIGPIPE under pipefail: what they nearly always mean.
    match outcome {
        Outcome::Exited { code: 141 } => {
            observed.push_str(
                " (SIGPIPE: a part of a pipeline stopped reading, as in `yes | head -1`)",
            );
        }
        Outcome::Exited { code: 127 } => observed.push_str(" (a command was not found)"),
        Outcome::Exited { code: 126 } => observed.push_str(" (a command could not be executed)"),
        _ => {}
    }
    Check {
        what: "exit".to_owned(),
        expected: format!("exit {}", codes(expected)),
        observed,
        passed,
    }
}

/// What was kept of a stream, read back.
pub(super) fn text(kept: &Kept, dir: &Path) -> Result<Vec<u8>, String> {
    if let Some(why) = &kept.lost {
        return Err(format!("the output could not be kept: {why}"));
    }
    if kept.kept < kept.bytes {
        return Err(format!("{} bytes of output are too many to judge", kept.bytes));
    }
    match (&kept.inline, &kept.file) {
        (Some(bytes), _) => Ok(bytes.0.clone()),
        (_, Some(file)) => std::fs::read(dir.join(file)).map_err(|e| e.to_string()),
        (None, None) => Ok(Vec::new()),
    }
}

fn check(what: &str, expected: String, observed: String, passed: bool) -> Check {
    Check { what: what.to_owned(), expected, observed, passed }
}

/// A text shortened for showing.
fn excerpt(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN * 4)]);
    let mut shown: String =
        crate::diagnostic::printable(text.trim_end()).chars().take(SHOWN).collect();
    if bytes.len() > shown.len() + 1 {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The beginning of a text, without secrets: once it is cut, nobody could know a part of one.
fn beginning<'t>(text: &'t [u8], masks: Option<&Masks>) -> Cow<'t, [u8]> {
    let Some(masks) = masks else { return text.into() };
    match text.get(..BEGINNING) {
        Some(start) => Redactor::new(masks.clone()).push(start).into(),
        None => masks.hide(text).into(),
    }
}

fn stream(
    what: &str,
    that: &TextExpect,
    kept: &Kept,
    dir: &Path,
    masks: Option<&Masks>,
) -> Vec<Check> {
    let text = match text(kept, dir) {
        Ok(text) => text,
        Err(why) => return vec![check(what, "text that can be judged".to_owned(), why, false)],
    };
    let mut checks = Vec::new();
    let mut add = |expected: String, passed: bool, observed: String| {
        checks.push(check(what, expected, observed, passed));
    };
    if let Some(equals) = &that.equals {
        let trim = |t: &[u8]| t.strip_suffix(b"\n").unwrap_or(t).to_vec();
        let passed = trim(&text) == trim(equals.as_bytes());
        let shown = excerpt(&beginning(equals.as_bytes(), masks));
        add(format!("equals {shown}"), passed, excerpt(&text));
    }
    for part in &that.contains {
        let (observed, passed) = match sought(&text, part) {
            Ok(true) => ("found".to_owned(), true),
            Ok(false) => (excerpt(&text), false),
            Err(why) => (why, false),
        };
        let shown = excerpt(&beginning(part.as_bytes(), masks));
        add(format!("contains {shown}"), passed, observed);
    }
    if let Some(pattern) = &that.matches {
        let passed = regex::bytes::Regex::new(pattern).is_ok_and(|regex| regex.is_match(&text));
        let observed = if passed { "matched".to_owned() } else { excerpt(&text) };
        add(format!("matches `{}`", pattern.value), passed, observed);
    }
    if let Some(empty) = that.empty {
        let expected = if empty { "empty" } else { "not empty" };
        add(expected.to_owned(), text.is_empty() == empty, excerpt(&text));
    }
    if let Some(json) = &that.json {
        match serde_json::from_slice::<Value>(&text) {
            Err(error) => add("JSON".to_owned(), false, format!("{error}: {}", excerpt(&text))),
            Ok(value) => match json {
                Json::Valid => add("JSON".to_owned(), true, "JSON".to_owned()),
                Json::At(pointers) => pointers.iter().for_each(|(pointer, wanted)| {
                    let seen = value.pointer(pointer);
                    let observed = seen.map_or_else(
                        || "nothing there".to_owned(),
                        |v| excerpt(v.to_string().as_bytes()),
                    );
                    add(
                        format!("json {pointer} = {wanted}"),
                        seen.is_some_and(|v| same(v, wanted)),
                        observed,
                    );
                }),
            },
        }
    }
    checks
}

/// Whether a text contains a part. Where a placeholder left that empty, it would be in every text.
fn sought(text: &[u8], part: &str) -> Result<bool, String> {
    if part.is_empty() {
        return Err("the text to look for is empty, which every text contains".to_owned());
    }
    let part = regex::bytes::Regex::new(&regex::escape(part));
    Ok(part.is_ok_and(|part| part.is_match(text)))
}

fn lines(count: u64, kept: &Kept, dir: &Path) -> Check {
    let expected = format!("{count} lines");
    match text(kept, dir) {
        Err(why) => check("count", expected, why, false),
        Ok(text) => {
            let full =
                text.split(|b| *b == b'\n').filter(|l| !l.iter().all(u8::is_ascii_whitespace));
            let seen = full.count() as u64;
            check("count", expected, format!("{seen} lines"), seen == count)
        }
    }
}

/// Files, looked at until all are as expected or the time is over.
pub(super) async fn files(
    expect: &Expected,
    place: Place<'_>,
    masks: Option<&Masks>,
) -> Vec<Check> {
    let until = expect.that.within.map(|within| Instant::now() + within.duration());
    loop {
        let mut checks = Vec::new();
        for (path, that) in expect.files.iter().zip(&expect.that.file) {
            let what = format!("file {}", named(path, &expect.folder));
            checks.extend(file(&what, that, place.facts(path, that).await, masks));
        }
        let over = until.is_none_or(|until| Instant::now() >= until);
        if over || checks.iter().all(|c| c.passed) {
            return checks;
        }
        tokio::time::sleep(LOOK).await;
    }
}

/// A path as one who is in the folder would name it.
fn named(path: &Path, folder: &Path) -> String {
    let inside = path.strip_prefix(folder).ok().filter(|inside| *inside != Path::new(""));
    inside.unwrap_or(path).display().to_string()
}

fn file(
    what: &str,
    that: &FileExpect,
    facts: Result<Facts, String>,
    masks: Option<&Masks>,
) -> Vec<Check> {
    let said = |exists: bool| if exists { "exists" } else { "absent" }.to_owned();
    let facts = match facts {
        Ok(facts) => facts,
        Err(why) => return vec![check(what, said(that.exists), why, false)],
    };
    let mut checks =
        vec![check(what, said(that.exists), said(facts.exists), facts.exists == that.exists)];
    if !facts.exists || !that.exists {
        return checks;
    }
    for part in &that.contains {
        let expected = format!("contains {}", excerpt(&beginning(part.as_bytes(), masks)));
        let (observed, passed) = match &facts.text {
            None => ("it cannot be read, or is too large".to_owned(), false),
            Some(text) => match sought(text, part) {
                Ok(true) => ("found".to_owned(), true),
                Ok(false) => (excerpt(&beginning(text, masks)), false),
                Err(why) => (why, false),
            },
        };
        checks.push(check(what, expected, observed, passed));
    }
    if let Some(sum) = &that.sha256 {
        let seen = facts.sum.unwrap_or_default();
        let passed = seen.eq_ignore_ascii_case(sum);
        checks.push(check(what, format!("sha256 {sum}"), seen, passed));
    }
    checks
}

/// What `unchanged` paths are before the command.
pub(super) async fn snapshot(
    expect: Option<&Expected>,
    place: Place<'_>,
) -> Vec<(PathBuf, String)> {
    let mut before = Vec::new();
    for path in expect.iter().flat_map(|e| &e.unchanged) {
        before.push((path.clone(), place.state(path).await));
    }
    before
}

async fn unchanged(before: &[(PathBuf, String)], folder: &Path, place: Place<'_>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (path, was) in before {
        let is = place.state(path).await;
        let what = format!("unchanged {}", named(path, folder));
        // What could not be seen is not known to be as it was.
        let passed = *was == is && !is.starts_with("unknown");
        checks.push(check(&what, was.clone(), is, passed));
    }
    checks
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{At, Place as Written};

    fn kept(text: &str) -> Kept {
        let bytes = text.len() as u64;
        Kept { bytes, kept: bytes, inline: Some(text.into()), ..Kept::default() }
    }

    fn at(text: &str) -> At<String> {
        At { value: text.to_owned(), place: Written::default() }
    }

    fn passes(that: &TextExpect, text: &str) -> bool {
        stream("stdout", that, &kept(text), Path::new(""), None).iter().all(|c| c.passed)
    }

    #[test]
    fn the_empty_text_is_not_looked_for() {
        let that = TextExpect { contains: vec![at("")], ..TextExpect::default() };
        let checks = stream("stdout", &that, &kept("a"), Path::new(""), None);
        assert!(!checks[0].passed && checks[0].observed.contains("is empty"), "{checks:?}");
    }

    #[test]
    fn one_newline_at_the_end_does_not_count() {
        let that = |equals: &str| TextExpect { equals: Some(at(equals)), ..TextExpect::default() };
        assert!(passes(&that("a"), "a\n"));
        assert!(passes(&that("a\n"), "a"));
        assert!(!passes(&that("a"), "a\n\n"));
    }

    #[test]
    fn json_is_looked_into_by_pointer() {
        let at = |pointer: &str, value: Value| TextExpect {
            json: Some(Json::At(vec![(pointer.into(), value)])),
            ..TextExpect::default()
        };
        assert!(passes(&at("/a/0", Value::from(1)), "{\"a\":[1.0]}"));
        assert!(passes(&at("/a", serde_json::json!([{"v": 1}])), "{\"a\":[{\"v\":1.0}]}"));
        let long = Value::from(1_234_567_890_123_456_789_u64);
        assert!(!passes(&at("/a", long), "{\"a\":1234567890123457000}"));
        assert!(!passes(&at("/b", Value::from(1)), "{\"a\":[1]}"));
        assert!(!passes(&at("/a", Value::from(1)), "nonsense"));
    }

    #[test]
    fn truncated_output_is_not_judged() {
        let mut one = kept("abc");
        one.bytes = 100;
        let that = TextExpect { contains: vec![at("abc")], ..TextExpect::default() };
        let checks = stream("stdout", &that, &one, Path::new(""), None);
        assert!(!checks[0].passed && checks[0].observed.contains("too many"), "{checks:?}");
    }
}
