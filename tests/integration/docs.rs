//! The README's examples and this project's own workflows do what is said of them.
//!
//! Behaviours shown here (`docs/behaviours.md`): O32.

use std::path::Path;

use crate::support::Test;

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    text.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn the_readmes_verb_does_what_its_transcript_says() {
    let verbs = blocks(&readme(), "toml");
    assert_eq!(verbs.len(), 1);
    let test = Test::new().file("workflows/greet.toml", &verbs[0]);
    test.ostler(&["check", "greet"]).code(0).says("1 file checked");
    test.ostler(&["plan", "greet", "Ada"]).code(0).says("finally, whatever happened");
    let ran = test.ostler(&["run", "greet", "Ada"]).code(9);
    let transcript =
        blocks(&readme(), "text").into_iter().find(|t| t.contains("greet passed with")).unwrap();
    let plain = |text: &str| -> Vec<String> {
        let words = |line: &str| -> String {
            let fixed =
                line.split_whitespace().filter(|w| !w.trim_end_matches([',', ';']).ends_with("ms"));
            let fixed = fixed.map(|w| {
                if w.trim_end_matches(')').len() == 8 && w.ends_with(')') { "RUN)" } else { w }
            });
            fixed.collect::<Vec<_>>().join(" ")
        };
        text.lines().filter(|l| !l.contains("runs log")).map(words).collect()
    };
    assert_eq!(plain(&ran.stdout), plain(&transcript));
    assert_eq!(test.read("greeting.txt"), "");
}

#[test]
fn the_example_in_nickel_runs() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/nickel.md")).unwrap();
    let examples = blocks(&text, "nickel deploy.ncl");
    assert_eq!(examples.len(), 1);
    let test = Test::new().file("workflows/deploy.ncl", &examples[0]);
    test.ostler(&["--untrusted", "check"]).code(0).says("1 file checked");
    test.ostler(&["run", "deploy"]).code(0);
    assert_eq!(test.read("copy.txt"), "built\n");
}

#[test]
fn this_projects_own_workflows_are_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for entry in std::fs::read_dir(root.join("workflows")).unwrap() {
        let path = entry.unwrap().path();
        let text = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        let test = Test::new().file(&format!("workflows/{name}"), &text);
        test.ostler(&["check", stem]).code(0).says("✓ 1 file checked");
        test.ostler(&["plan", stem]).code(0).says("digest ");
    }
}

#[test]
fn the_log_can_be_checked_with_common_tools() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    test.ostler(&["run", "v"]).code(0);
    std::fs::write(test.path().join("log"), test.ostler(&["runs", "log"]).stdout).unwrap();
    let script = blocks(
        &std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/json.md"))
            .unwrap(),
        "sh",
    );
    let script = script[0].replace("ostler runs log > log\n", "");
    let said =
        std::process::Command::new("bash").args(["-ec", &script]).current_dir(test.path()).status();
    assert!(said.unwrap().success());
}
