//! Reflection modes as they stand (O1, O2): seed 001 unmodified, and the shapes that real mode files have.
//!
//! `tests/fixtures/ops-radicle-build-info.ncl` is that seed, word for word: `reflection/modes/ops-radicle-build-info.ncl`
//! of the repository jesus/provisioning on repo.jesusperez.pro, at commit 04d0373. All other fixtures are our own.

use std::path::{Path, PathBuf};

use crate::support::{Test, status};

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

#[test]
fn seed_001_checks_clean_and_runs_unmodified() {
    let text = std::fs::read_to_string(fixtures().join("ops-radicle-build-info.ncl")).unwrap();
    let test = Test::new().file("workflows/ops-radicle-build-info.ncl", &text);
    test.ostler(&["check"]).code(0).says("✓ 1 file checked");
    // An empty folder, and a PATH on which there is no `nickel`.
    let tools = test.path().join("tools");
    std::fs::create_dir(&tools).unwrap();
    for tool in ["bash", "sh", "cat", "find", "sort", "basename", "jq", "env"] {
        let found = ["/usr/bin", "/bin", "/usr/local/bin"].map(|dir| Path::new(dir).join(tool));
        if let Some(file) = found.iter().find(|file| file.exists()) {
            std::os::unix::fs::symlink(file, tools.join(tool)).unwrap();
        }
    }
    let output = test.command(&["run", "ops-radicle-build-info"]).env("PATH", &tools).output();
    assert_eq!(output.unwrap().status.code(), Some(9));
    let report = test.report();
    assert_eq!(report["status"], "passed_with_failures");
    let steps = report["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 10);
    for step in steps {
        let hollow =
            ["artifact_paths", "available_playbooks"].contains(&step["id"].as_str().unwrap());
        assert_eq!(step["status"], if hollow { "failed" } else { "passed" }, "{step}");
    }
}

/// What the first line of a fixture expects: an exit code, then `step=status` or codes of diagnostics.
fn expected(text: &str) -> (i32, Vec<&str>) {
    let line = text.lines().next().unwrap().strip_prefix("# exit ").unwrap();
    let (code, rest) = line.split_once(':').unwrap();
    (code.parse().unwrap(), rest.split_whitespace().collect())
}

#[test]
fn every_shape_of_mode_ends_as_it_should() {
    let dir = fixtures().join("modes");
    let mut seen = 0;
    for entry in std::fs::read_dir(&dir).unwrap() {
        let path = entry.unwrap().path();
        let id = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let (code, expectations) = expected(&text);
        let test = Test::new()
            .file(&format!("workflows/{id}.ncl"), &text)
            .file("reflection/schema.ncl", "{ Mode | not_exported = Dyn }")
            .file("reflection/defaults.ncl", DEFAULTS);
        let ran = test.ostler(&["run", &id]).code(code);
        let report = if code == 3 { serde_json::Value::Null } else { test.report() };
        for expectation in expectations {
            match expectation.split_once('=') {
                Some((step, outcome)) => assert_eq!(status(&report, step), outcome, "{id}: {step}"),
                None => assert!(ran.stderr.contains(expectation), "{id}: {ran:?}"),
            }
        }
        seen += 1;
    }
    assert_eq!(seen, 18, "shapes");
}

/// A constructor in ontoref's manner: the contract of actions comes first.
const DEFAULTS: &str = "{
  make_mode = fun Action mode =>
    let Step = { action | Action, actor | [| 'Human, 'Agent, 'Both |] | default = 'Agent, .. } in
    mode | { steps | Array Step, .. },
}";

#[test]
fn a_guard_that_only_warns_gives_its_reason() {
    let text = std::fs::read_to_string(fixtures().join("modes/guard-blocks.ncl")).unwrap();
    let test = Test::new().file("workflows/guard-blocks.ncl", &text);
    let ran = test.ostler(&["run", "guard-blocks"]).code(6);
    assert!(ran.stdout.contains("! guard `warns`: there is no folder nowhere (exit 1)"), "{ran:?}");
    assert!(ran.stdout.contains("blocked: guard `blocks`: there is no catalogue"), "{ran:?}");
}

/// A shipped workflow's text.
fn shipped(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("workflows").join(file);
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn the_information_mode_tells_facts_of_this_project() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR"));
    let test = Test::new().file("workflows/about-ostler.ncl", &shipped("about-ostler.ncl"));
    for folder in ["src", "docs", "tests", "Cargo.toml"] {
        std::os::unix::fs::symlink(project.join(folder), test.path().join(folder)).unwrap();
    }
    test.ostler(&["run", "about-ostler"]).code(0);
    let fact = |step: &str| test.ostler(&["runs", "log", &test.run(), step]).code(0).json();
    let modules = fact("modules");
    assert!(modules.as_array().unwrap().iter().any(|m| m["module"] == "reader"), "{modules}");
    assert_eq!(fact("behaviours")["behaviours"], 169);
    assert_eq!(fact("not_yet")["not_yet"][0], "on");
    // A fact that cannot be had takes no other with it.
    std::fs::remove_file(test.path().join("docs")).unwrap();
    test.ostler(&["run", "about-ostler"]).code(9);
    assert_eq!(status(&test.report(), "behaviours"), "failed");
    assert_eq!(status(&test.report(), "tests"), "passed");
}

#[test]
fn the_review_is_asked_again_when_the_text_changed() {
    let test = Test::new()
        .file("workflows/review-changelog.ncl", &shipped("review-changelog.ncl"))
        .file("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n- It now sings.\n");
    test.ostler(&["run", "review-changelog"]).code(5).says("committed");
    let run = test.run();
    let test = test.file("CHANGELOG.md", "# Changelog\n\n## [Unreleased]\n\n- It sings.\n");
    // What was read is no longer what is there.
    test.ostler(&["step", "answer", &run, "review", "passed"]).code(5);
    assert_eq!(status(&test.report(), "review"), "asked");
    test.ostler(&["step", "answer", &run, "review", "passed"]).code(0);
    let entries = test.ostler(&["runs", "log", &run, "entries"]).code(0);
    assert_eq!(entries.stdout, "- It sings.\n");
    assert_eq!(test.read(".changelog-seen"), "", "finally takes it away");
    // Nothing to review is a failure.
    let test = test.file("CHANGELOG.md", "# Changelog\n\n## [1.0.0]\n\n- Old.\n");
    test.ostler(&["run", "review-changelog"]).code(4);
}

#[test]
fn a_verb_is_in_one_file_only() {
    let mode =
        |id: &str| format!("{{ id = \"{id}\", steps = [{{ id = \"a\", cmd = \"true\" }}] }}");
    let test = Test::new()
        .file("workflows/several.ncl", &format!("{{ modes = [{}, {}] }}", mode("one"), mode("two")))
        .file("workflows/two.ncl", &mode("two"));
    test.ostler(&["check"])
        .code(3)
        .says("E0201")
        .says("workflows/two.ncl: the verb `two` is in workflows/several.ncl too");
    test.ostler(&["check", "two", "two"]).code(0);
    let both =
        Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n").file("workflows/v.ncl", &mode("v"));
    both.ostler(&["run", "v"]).code(3).complains("two files have the verb `v`");
}

#[test]
fn a_mode_may_import_what_the_invoker_points_to() {
    let lib = Test::new().file("shared/steps.ncl", "[ { id = \"a\", cmd = \"true\" } ]");
    let verb = "{ id = \"v\", steps = import \"shared/steps.ncl\" }";
    let test = Test::new().file("workflows/v.ncl", verb);
    let lib = lib.path().to_str().unwrap();
    test.ostler(&["check"]).code(3).says("E0113").says("`shared/steps.ncl` cannot be imported");
    test.ostler(&["--import-path", lib, "check"]).code(0);
    test.ostler(&["--import-path", lib, "run", "v"]).code(0);
    let by_env =
        |args: &[&str]| test.command(args).env("NICKEL_IMPORT_PATH", lib).output().unwrap();
    assert_eq!(by_env(&["check"]).status.code(), Some(0));
    assert_eq!(by_env(&["--untrusted", "check"]).status.code(), Some(3));
}
