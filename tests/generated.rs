//! Files made from the code: the report's schema, the table of codes. Write them anew with `OSTLER_REGENERATE=1`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;
use std::path::Path;

use ostler::diagnostic::Code;

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
fn the_codes_are_listed() {
    let mut text = String::from(
        "# Diagnostic codes\n\nGenerated from `src/diagnostic/codes.rs`. A code is stable and never used again for another problem;\n\
         `E` keeps a workflow from running, `W` does not. What each looks like is in `tests/snapshots/`.\n\n\
         | code | problem |\n| --- | --- |\n",
    );
    for code in Code::ALL {
        writeln!(text, "| {} | {} |", code.as_str(), code.title()).unwrap();
    }
    generated("docs/codes.md", &text);
}

#[test]
fn a_real_report_fits_the_schema() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("workflows")).unwrap();
    let verb = "id = 'v'\n[[steps]]\nid = 'a'\ncmd = 'echo hi; exit 3'\non_error = 'Continue'\n\
                expect = { stdout = { equals = 'ho' } }\n[[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'true'\n\
                [[finally]]\nid = 'c'\ncmd = 'true'\n";
    std::fs::write(dir.path().join("workflows/v.toml"), verb).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_ostler"))
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
