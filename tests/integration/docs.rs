//! The README's examples and this project's own workflows do what is said of them.
//!
//! Behaviours shown here (`docs/behaviours.md`): O32.

use std::path::Path;

use crate::page::{bash, fenced, shell};
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
fn no_param_may_have_a_name_that_the_page_reserves() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/format.md")).unwrap();
    let names = page.split_once("Not to be used as names: `").unwrap().1;
    let names: Vec<&str> = names.split('`').next().unwrap().split(' ').collect();
    let params: String = names.iter().map(|n| format!("[[params]]\nname = '{n}'\n")).collect();
    let test = Test::with("v", &format!("{params}[[steps]]\nid = 'a'\ncmd = 'true'\n"));
    let refused = test.ostler(&["check", "v"]).code(3).stdout.matches("error[E0301]").count();
    assert_eq!(refused, names.len());
}

#[test]
fn the_types_of_params_take_what_the_page_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/format.md")).unwrap();
    let table = page.split_once("| type | what it takes | such as | and not |\n").unwrap().1;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(|c| c.trim().trim_matches('`')).collect())
        .collect();
    let names: Vec<&str> = rows.iter().map(|row| row[0]).collect();
    assert_eq!(names, ostler::workflow::ValueType::NAMES.map(|(name, _)| name));
    for row in rows.iter().filter(|row| row[0] != "json") {
        let more = match row[0] {
            "enum" => "values = ['small', 'big']\n",
            "version" => "scheme = 'semver'\n",
            _ => "",
        };
        let param = format!("[[params]]\nname = 'x'\ntype = '{}'\n{more}", row[0]);
        let test = Test::with("v", &format!("{param}[[steps]]\nid = 'a'\ncmd = 'true'\n"))
            .file("fleet/db-1.example.toml", "");
        test.ostler(&["plan", "v", &format!("--x={}", row[2])]).code(0);
        if !row[3].is_empty() {
            test.ostler(&["plan", "v", &format!("--x={}", row[3])]).code(2);
        }
    }
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

#[test]
fn what_ci_is_told_to_run_does_what_is_said() {
    let page =
        std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci.md")).unwrap();
    let bad = "id = \"ship\"\n[[steps]]\nid = \"build\"\ncmd = \"make\"\n\n[[steps]]\nid = \"publish\"\nneeds = [\"biuld\"]\ncmd = \"make\"\n";
    let test = Test::new().file("workflows/ship.toml", bad);
    let of = |language: &str| -> Vec<String> {
        let blocks = fenced(&page).into_iter().filter(|(_, says, _)| says == language);
        blocks.map(|(_, _, text)| text).collect()
    };
    let (code, said) = shell(&test, &of("sh")[0]);
    assert_eq!((code, said.as_str()), (3, of("text")[0].as_str()));
    // The commands of the jobs, in order, in a workspace with the verb of the README.
    let test = Test::new()
        .file("workflows/greet.toml", &blocks(&readme(), "toml workflows/greet.toml")[0]);
    let mut codes = Vec::new();
    for job in of("yaml") {
        for step in job.split("run: |\n").skip(1) {
            let lines = step.lines().take_while(|line| line.starts_with("          "));
            codes.push(shell(&test, &lines.collect::<Vec<_>>().join("\n")).0);
        }
    }
    assert_eq!(codes, [0, 0, 0, 9, 0]);
    let summary = test.read("summary.md");
    assert!(summary.starts_with("```mermaid\nflowchart TD\n  n0[\"look<br/>"), "{summary}");
    assert!(summary.contains("\n```\n## `greet` passed with failures\n"), "{summary}");
    assert!(test.read("ostler.sarif").contains("\"version\": \"2.1.0\""));
    assert!(test.read("report.xml").contains("<testsuites name=\"greet\" tests=\"4\""));
}

#[test]
fn the_page_on_housekeeping_does_what_it_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("docs/housekeeping.md")).unwrap();
    let file = |name: &str| blocks(&text, &format!("toml {name}")).remove(0);
    let test = Test::new()
        .file("workflows/build.toml", &file("workflows/build.toml"))
        .file("ostler.toml", &file("ostler.toml"));
    test.ostler(&["run", "build"]).code(4);
    let commands = blocks(&text, "sh");
    assert!(commands.len() >= 6, "the commands were not found");
    for command in commands {
        let ran = bash(&test, &command);
        assert!(ran.status.success(), "{command}{}", String::from_utf8_lossy(&ran.stderr));
    }
    assert_eq!(test.report()["steps"][0]["taken_over"]["attempt"], 1);

    // The recipe for a sceptic: it passes, and fails after any tampering.
    let recipe = blocks(&text, "bash").remove(0);
    let said = bash(&test, &recipe);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    assert!(String::from_utf8_lossy(&said.stdout).contains("Good \"ostler\" signature"));
    let id = test.run();
    let (log, output) = (format!("copy/{id}.jsonl"), format!("copy/{id}.outputs/test.1.stdout"));
    let whole = test.read(&log);
    let lines: Vec<&str> = whole.split_inclusive('\n').collect();
    let tampered = [
        whole.replacen("test -e", "test -f", 1),
        whole.replacen("\"at\":\"20", "\"at\":\"21", 1),
        [&lines[..2], &lines[3..]].concat().concat(),
        lines[..lines.len() - 1].concat(),
        whole.replace("\"status\":\"passed\"", "\"status\":\"failed\""),
    ];
    for text in tampered {
        assert_ne!(text, whole);
        std::fs::write(test.path().join(&log), text).unwrap();
        assert!(!bash(&test, &recipe).status.success());
    }
    std::fs::write(test.path().join(&log), &whole).unwrap();
    assert!(bash(&test, &recipe).status.success());
    assert_eq!(test.read(&output), "ready\n");
    std::fs::write(test.path().join(&output), "READY\n").unwrap();
    assert!(!bash(&test, &recipe).status.success());
}

/// A page's text between two others.
fn between(page: &str, before: &str, after: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(page);
    let text = std::fs::read_to_string(root).unwrap();
    text.split_once(before).unwrap().1.split(after).next().unwrap().to_owned()
}

#[test]
fn the_settings_are_those_of_the_page() {
    let table =
        between("format.md", "| field | default | meaning |\n| --- | --- | --- |\n", "\n\n");
    let mut told: Vec<&str> = table.lines().map(|row| row.split('`').nth(1).unwrap()).collect();
    let test = Test::new().file("ostler.toml", "unknown = 1\n");
    let said = test.ostler(&["list"]).code(3).stderr;
    let mut known: Vec<&str> = said.split("expected one of").nth(1).unwrap().split('`').collect();
    known = known.into_iter().skip(1).step_by(2).collect();
    known.sort_unstable();
    told.sort_unstable();
    assert_eq!(told, known);
}

#[test]
fn a_command_sees_the_variables_of_the_page_and_no_others() {
    let told = between("format.md", "and of the caller's environment `", "`").replace('*', "X");
    let told: std::collections::BTreeSet<&str> = told.split_whitespace().collect();
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'env | cut -d= -f1 > seen'\n");
    let mut command = test.command(&["run", "v"]);
    command.env_clear().env("STRANGE", "1");
    for name in told.iter().filter(|name| **name != "PATH") {
        command.env(name, if *name == "OSTLER_ACTOR" { "human" } else { "1" });
    }
    let ran = command.env("PATH", std::env::var("PATH").unwrap()).output().unwrap();
    assert!(ran.status.success(), "{ran:?}");
    let seen = test.read("seen");
    let own = |name: &&str| {
        *name == "OSTLER_ACTOR"
            || !name.starts_with("OSTLER_") && !["PWD", "SHLVL", "_"].contains(name)
    };
    assert_eq!(seen.lines().filter(own).collect::<std::collections::BTreeSet<_>>(), told);
}

#[test]
fn the_examples_of_the_format_are_sound() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = std::fs::read_to_string(root.join("docs/format.md")).unwrap();
    let params = "params = [{ name = 'service' }, { name = 'package' }]\n";
    for steps in blocks(&page, "toml") {
        let test = Test::with("v", &format!("{params}{steps}"))
            .file("fleet/web-1.toml", "groups = ['web']\n");
        test.ostler(&["check", "v"]).code(0);
        test.ostler(&["plan", "v", "--service=s", "--package=p"]).code(0).says("digest");
    }
}
