//! Pages whose every file is written and whose every command is run, with what it prints compared.
//!
//! | a block with these words behind its fence | |
//! | --- | --- |
//! | a language and a path | is written to that file; with `more` behind it, at its end |
//! | `sh` | is run by bash in one folder for the whole page; it must exit with 0, or with the number behind `sh` |
//! | any other, next after an `sh` that printed something | is what it printed: standard output, or where that is empty, standard error |
//!
//! `OSTLER_REGENERATE=1` writes what was printed. After a page, all its verbs must be sound.

use std::ops::Range;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::Test;

/// Runs shell text in a workspace, with `ostler` on the path.
pub(crate) fn bash(test: &Test, text: &str) -> Output {
    bash_with(test, text, &[])
}

fn bash_with(test: &Test, text: &str, env: &[(&str, String)]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_ostler")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("bash");
    command.args(["-euo", "pipefail", "-c", text]).env("PATH", path).current_dir(test.path());
    command.envs(env.iter().map(|(name, value)| (name, value)));
    command.env("GITHUB_STEP_SUMMARY", test.path().join("summary.md")).env("NO_COLOR", "1");
    command.env_remove("GITHUB_WORKSPACE");
    if !env.iter().any(|(name, _)| *name == "OSTLER_ACTOR") {
        command.env_remove("OSTLER_ACTOR");
    }
    command.stdin(std::process::Stdio::null()).output().unwrap()
}

/// Runs commands in a workspace, the program on their path: the exit code, and what they printed.
pub(crate) fn shell(test: &Test, commands: &str) -> (i32, String) {
    let (code, stdout, _) = ran(test, commands, &[]);
    (code, stdout)
}

/// The exit code of commands, and both of what they printed.
fn ran(test: &Test, commands: &str, env: &[(&str, String)]) -> (i32, String, String) {
    let output = bash_with(test, commands, env);
    let status = output.status;
    let code = status.code().unwrap_or_else(|| 128 + status.signal().unwrap());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(output.stdout), text(output.stderr))
}

/// A page's fenced blocks: where the text of each begins and ends, what stands behind its fence, and its text.
pub(crate) fn fenced(page: &str) -> Vec<(Range<usize>, String, String)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, &str, &str)> = None;
    let mut at = 0;
    for line in page.split_inclusive('\n') {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match open {
            None if ticks >= 3 => {
                open = Some((at + line.len(), &line[..ticks], line[ticks..].trim()));
            }
            Some((start, fence, says)) if line.trim_end() == fence => {
                found.push((start..at, says.to_owned(), page[start..at].to_owned()));
                open = None;
            }
            _ => {}
        }
        at += line.len();
    }
    found
}

/// What differs from run to run, and from machine to machine, made the same.
fn settled(text: &str) -> String {
    let fixed = [
        (
            r"\b(run|Run|log|retry|retries|resume|show|answer|cancel|veto|verify|step next|step take|step report|step release|step attest) (`?)[a-z0-9]{8}\b",
            "$1 ${2}RUN",
        ),
        (r"(?m)^[a-z0-9]{8}  ", "RUN  "),
        (r#"name="run" value="[a-z0-9]{8}""#, r#"name="run" value="RUN""#),
        (r#"name="actor" value="[^"]*""#, r#"name="actor" value="somebody""#),
        (r"\b[\w.-]+@[\w.-]+", "SOMEBODY"),
        (r"(?m), from (a )?\S+$", ", from MACHINE"),
        (r"[0-9a-f]{64}", "DIGEST"),
        (r"\b\d+(\.\d+)?m?s\b", "TIME"),
        (r"(\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d", "TIME"),
        // What a step wrote stands between marks that are made of it.
        (r"\b(output|end) [0-9a-f]{16}\b", "$1 MARK"),
        (r"--token \d+", "--token N"),
        // A column is as wide as the longest time in it.
        ("TIME +", "TIME "),
        (r#"time="[0-9.]+""#, r#"time="TIME""#),
        (r#"timestamp="[^"]+""#, r#"timestamp="TIME""#),
    ];
    fixed.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

/// A page that is being run.
pub(crate) struct Page {
    name: &'static str,
    path: PathBuf,
    text: String,
    regenerate: bool,
    /// What its commands are given.
    env: Vec<(&'static str, String)>,
}

impl Page {
    pub(crate) fn open(name: &'static str) -> Self {
        Self::with(name, Vec::new())
    }

    /// A page whose commands are given these variables.
    pub(crate) fn with(name: &'static str, env: Vec<(&'static str, String)>) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
        let text = std::fs::read_to_string(&path).unwrap();
        let regenerate = std::env::var_os("OSTLER_REGENERATE").is_some();
        Self { name, path, text, regenerate, env }
    }

    /// Runs all of it in an empty folder, and gives that.
    pub(crate) fn run(mut self) -> Test {
        let mut test = Test::empty();
        let mut said = String::new();
        let mut last = String::new();
        for at in 0..fenced(&self.text).len() {
            let (place, says, text) = fenced(&self.text).swap_remove(at);
            let words: Vec<&str> = says.split(' ').collect();
            if !said.is_empty() {
                let ours = words[0] == "sh" || (words.len() > 1);
                assert!(!ours, "{}: what this prints is not shown:\n{last}{said}", self.name);
                self.compare(place, &text, &std::mem::take(&mut said), &last);
                continue;
            }
            match words.as_slice() {
                ["sh", code @ ..] => {
                    said = self.command(&test, &text, code);
                    last = text;
                }
                [_, file, "more"] => {
                    test = {
                        let all = test.read(file) + &text;
                        test.file(file, &all)
                    }
                }
                [_, file] => test = test.file(file, &text),
                [language] => {
                    let ours = ["toml", "nickel", "text"].contains(language);
                    assert!(!ours, "{}: nothing tries this:\n{text}after {last}", self.name);
                }
                other => panic!("{}: {other:?}", self.name),
            }
        }
        assert!(said.is_empty(), "{}: what this prints is not shown:\n{last}{said}", self.name);
        if test.path().join("workflows").exists() {
            let checked = test.ostler(&["check"]).code(0);
            assert!(checked.stdout.contains('✓'), "{}: {}", self.name, checked.stdout);
        }
        test
    }

    /// Runs commands, and demands their exit code.
    fn command(&self, test: &Test, commands: &str, code: &[&str]) -> String {
        let expected: i32 = code.first().map_or(0, |code| code.parse().unwrap());
        let (code, stdout, stderr) = ran(test, commands, &self.env);
        assert_eq!(code, expected, "{}:\n{commands}\n{stdout}\n{stderr}", self.name);
        if stdout.is_empty() { stderr } else { stdout }
    }

    fn compare(&mut self, place: Range<usize>, shown: &str, said: &str, commands: &str) {
        if self.regenerate && settled(shown) != settled(said) {
            self.text.replace_range(place, said);
            std::fs::write(&self.path, &self.text).unwrap();
            return;
        }
        assert_eq!(settled(shown), settled(said), "{}, below\n{commands}", self.name);
    }
}
