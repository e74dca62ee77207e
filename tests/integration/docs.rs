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
fn the_readme_says_what_is_so_and_draws_its_verb() {
    let test = run_page("../README.md");
    test.ostler(&["plan", "greet", "Ada"]).code(0).says("finally, whatever happened");
    let drawn = test.ostler(&["plan", "greet", "Ada", "--format", "svg"]).code(0).stdout;
    let picture = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/images/greet.svg");
    if std::env::var_os("OSTLER_REGENERATE").is_some() {
        std::fs::write(&picture, &drawn).unwrap();
    }
    assert_eq!(std::fs::read_to_string(picture).unwrap(), drawn);
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

/// Runs shell text in a workspace, with `ostler` on the path.
fn bash(test: &Test, text: &str) -> std::process::Output {
    let program = Path::new(env!("CARGO_BIN_EXE_ostler")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = std::process::Command::new("bash");
    command.args(["-euo", "pipefail", "-c", text]).env("PATH", path).current_dir(test.path());
    command.env("GITHUB_STEP_SUMMARY", test.path().join("summary.md"));
    command.env_remove("GITHUB_WORKSPACE").output().unwrap()
}

/// A page's fenced blocks: where the text of each begins and ends, what stands behind its fence, and its text.
fn fenced(page: &str) -> Vec<(std::ops::Range<usize>, String, String)> {
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

/// What differs from run to run, made the same.
fn settled(text: &str) -> String {
    let fixed = [
        (r"run [a-z0-9]{8}\b", "run RUN"),
        (r"Run `[a-z0-9]{8}`", "Run `RUN`"),
        (r"log [a-z0-9]{8} ", "log RUN "),
        (r"retry [a-z0-9]{8} ", "retry RUN "),
        (r"retries [a-z0-9]{8}", "retries RUN"),
        (r#"name="run" value="[a-z0-9]{8}""#, r#"name="run" value="RUN""#),
        (r#"name="actor" value="[^"]*""#, r#"name="actor" value="somebody""#),
        (r"[0-9a-f]{64}", "DIGEST"),
        (r", from (a )?\S+", ", from MACHINE"),
        (r"\b\d+(\.\d+)?m?s\b", "TIME"),
        (r#"time="[0-9.]+""#, r#"time="TIME""#),
        (r#"timestamp="[^"]+""#, r#"timestamp="TIME""#),
    ];
    fixed.iter().fold(text.to_owned(), |text, (pattern, with)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *with).into_owned()
    })
}

/// Runs a page: files are written, commands are run, and what stands below them is what they say. `OSTLER_REGENERATE=1`
/// writes it there.
fn run_page(name: &str) -> Test {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let mut page = std::fs::read_to_string(&path).unwrap();
    let regenerate = std::env::var_os("OSTLER_REGENERATE").is_some();
    let mut test = Test::new();
    let mut said: Option<String> = None;
    let mut compared = 0;
    for at in 0..fenced(&page).len() {
        let (place, says, text) = fenced(&page).swap_remove(at);
        if let Some((_, file)) = says.split_once(' ') {
            test = test.file(file, &text);
        } else if says == "sh" {
            said = Some(shell(&test, &text).1);
        } else if let Some(said) = said.take() {
            if regenerate && settled(&text) != settled(&said) {
                page.replace_range(place, &said);
            } else {
                assert_eq!(
                    settled(&text),
                    settled(&said),
                    "{name}, below\n{}",
                    page[..place.start].lines().last().unwrap()
                );
            }
            compared += 1;
        }
    }
    assert!(compared > 0 && said.is_none(), "nothing is compared in {name}");
    if regenerate {
        std::fs::write(&path, page).unwrap();
    }
    test
}

/// Runs commands in a workspace, the program on their path: the exit code, and what they printed.
fn shell(test: &Test, commands: &str) -> (i32, String) {
    let output = bash(test, commands);
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_pages_on_plans_and_reports_say_what_is_so() {
    run_page("plan.md");
    run_page("reports.md");
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
