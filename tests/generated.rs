//! Files made from the code: the schemas of reports, workflows and hosts, the list of codes with their examples, the
//! reference of the workflow file. Write them anew with `OSTLER_REGENERATE=1`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

#[path = "generated/reference.rs"]
mod reference;

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use ostler::diagnostic::{Code, Example};

/// Compares a generated file with what it should be, or writes it.
fn generated(path: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::env::var_os("OSTLER_REGENERATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == text, "{} is out of date: run with OSTLER_REGENERATE=1", path.display());
}

#[test]
fn the_reports_schema_is_published() {
    let schema = serde_json::to_string_pretty(&ostler::report::schema()).unwrap();
    generated("schemas/report.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_briefs_schema_is_published() {
    let schema = serde_json::to_string_pretty(&ostler::report::brief::schema()).unwrap();
    generated("schemas/brief.schema.json", &format!("{schema}\n"));
}

/// What `check` says of an example, alone in a workspace.
fn check(example: &Example) -> String {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("workflows")).unwrap();
    if let Some(file) = example.file {
        let file = dir.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, example.text).unwrap();
    } else {
        let made = Command::new("bash").args(["-c", example.text]).current_dir(dir.path()).status();
        assert!(made.unwrap().success(), "{}", example.text);
    }
    let output = Command::new(env!("CARGO_BIN_EXE_ostler"))
        .arg("check")
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    String::from_utf8(output.stdout).unwrap()
}

/// Each code with what `check` says of its wrong example.
static SAID: LazyLock<Vec<(Code, String)>> = LazyLock::new(|| {
    Code::ALL.iter().map(|code| (*code, check(&code.explanation().wrong))).collect()
});

#[test]
fn every_wrong_example_yields_its_code_and_no_other() {
    for (code, said) in &*SAID {
        let heads = said.lines().filter(|l| l.starts_with("error") || l.starts_with("warning"));
        let codes: Vec<&str> = heads.filter_map(|l| l.split(['[', ']']).nth(1)).collect();
        let own = codes.iter().all(|c| *c == code.as_str());
        assert!(own && !codes.is_empty(), "{}: {said}", code.as_str());
    }
}

#[test]
fn every_right_example_is_sound() {
    for code in Code::ALL {
        let said = check(&code.explanation().right);
        assert_eq!(said, "✓ 1 file checked\n", "{}", code.as_str());
    }
}

#[test]
fn the_workflows_schema_is_published() {
    let schema = serde_json::to_string_pretty(&ostler::source::schema()).unwrap();
    generated("schemas/workflow.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_hosts_schema_is_published() {
    let schema = serde_json::to_string_pretty(&ostler::source::host_schema()).unwrap();
    generated("schemas/host.schema.json", &format!("{schema}\n"));
}

#[test]
fn the_workflow_files_reference_is_made_from_its_schema() {
    let (workflow, host) = (ostler::source::schema(), ostler::source::host_schema());
    generated("docs/reference.md", &reference::page(&workflow, &host));
}

#[test]
fn the_codes_are_listed() {
    let mut text = String::from(
        "# Diagnostic codes\n\nGenerated from `src/diagnostic/codes.rs` and the pages beside it; `ostler explain CODE` shows the same.\n\
         A code is stable and never used again for another problem; `E` keeps a workflow from running, `W` does not.\n\n\
         | code | problem |\n| --- | --- |\n",
    );
    for code in Code::ALL {
        let name = code.as_str();
        writeln!(text, "| [{name}](#{}) | {} |", name.to_lowercase(), code.title()).unwrap();
    }
    for (code, said) in &*SAID {
        let explained = code.explanation();
        let (name, title) = (code.as_str(), code.title());
        write!(text, "\n## {name}\n\n**{title}**\n\n").unwrap();
        writeln!(text, "{}", explained.paragraphs.join("\n\n")).unwrap();
        write!(text, "\nWrong{}", block(&explained.wrong)).unwrap();
        // The last paragraph counts the problems. Which limit is met first is up to the machine.
        match said.rsplit_once("\n\n") {
            Some((problems, _)) if *code != Code::Limit => {
                let said: Vec<&str> = problems.lines().map(str::trim_end).collect();
                write!(text, "\n```text\n{}\n```\n", said.join("\n")).unwrap();
            }
            _ => {}
        }
        write!(text, "\nRight{}", block(&explained.right)).unwrap();
    }
    generated("docs/codes.md", &text);
}

/// An example in Markdown, after a word that says which it is.
fn block(example: &Example) -> String {
    let place = example.file.map(|file| format!(", as `{file}`")).unwrap_or_default();
    format!("{place}:\n\n```{}\n{}```\n", example.language, example.text)
}

#[test]
fn a_real_report_fits_the_schema() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("workflows")).unwrap();
    let verb = "id = 'v'\n[[steps]]\nid = 'a'\ncmd = 'echo hi; exit 3'\non_error = 'Continue'\n\
                expect = { stdout = { equals = 'ho' } }\n[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'true'\n\
                [[finally]]\nid = 'c'\ncmd = 'true'\n";
    std::fs::write(dir.path().join("workflows/v.toml"), verb).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_ostler"))
        .args(["run", "v", "--format", "json"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(9));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let validator = jsonschema::validator_for(&ostler::report::schema()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&report).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let mut wrong = report.clone();
    wrong["status"] = "fine".into();
    assert!(!validator.is_valid(&wrong));
}

#[test]
fn real_briefs_fit_the_schema() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("workflows")).unwrap();
    let verb = "id = 'v'\n[[steps]]\nid = 'a'\ncmd = 'echo hi; echo n=3 >> \"$OSTLER_OUTPUT\"'\n\
                outputs = { n = 'int' }\n[[steps]]\nid = 'b'\nneeds = ['a']\nactor = 'Human'\n";
    std::fs::write(dir.path().join("workflows/v.toml"), verb).unwrap();
    let validator = jsonschema::validator_for(&ostler::report::brief::schema()).unwrap();
    let calls: [&[&str]; 4] = [
        &["start", "v", "--task", "try it", "--as", "agent"],
        &["step", "run", "v", "a", "--as", "agent"],
        &["step", "take", "v", "b", "--as", "human:bob"],
        &["step", "next", "v", "--as", "agent"],
    ];
    for call in calls {
        let mut ostler = Command::new(env!("CARGO_BIN_EXE_ostler"));
        let said = ostler.args(call).args(["--format", "json"]).current_dir(dir.path()).output();
        let brief: serde_json::Value = serde_json::from_slice(&said.unwrap().stdout).unwrap();
        let errors: Vec<String> = validator.iter_errors(&brief).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{call:?}: {errors:?}");
    }
    assert!(!validator.is_valid(&serde_json::json!({ "run": "k6d9hhjw" })));
}
