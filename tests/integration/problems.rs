//! The problems of files as CI reads them: annotations of GitHub Actions, and SARIF.

use serde_json::Value;

use crate::support::Test;

/// Two problems with places, of which one has another place that matters, and a warning.
const BAD: &str = r#"
[[steps]]
id = "build"
cmd = "make"
[[steps]]
id = "build"
cmd = "make"
[[steps]]
id = "ship"
needs = ["biuld"]
cmd = "ls | wc"
shell = "sh"
"#;

fn bad() -> Test {
    Test::with("bad", BAD).verb("good", "[[steps]]\nid = 'a'\ncmd = 'true'\n")
}

#[test]
fn github_shows_problems_beside_their_lines() {
    let test = bad();
    let ran = test.ostler(&["check", "--format", "github"]).code(3);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 3, "{lines:#?}");
    let place =
        "::error file=workflows/bad.toml,line=11,endLine=11,col=10,endColumn=17,title=E0202::";
    let line = lines.iter().find(|line| line.contains("E0202")).unwrap();
    let said =
        "no step is called `biuld`%0Anot a step of this workflow%0Ahelp: did you mean `build`?";
    assert_eq!(**line, format!("{place}{said}"));
    assert_eq!(lines.iter().filter(|line| line.starts_with("::warning file=")).count(), 1);
    // The summary is for people who read the log.
    let ran = ran.complains("2 errors, 1 warning in 1 of 2 files");
    assert!(!ran.stdout.contains("errors,"));
    let good = test.ostler(&["check", "good", "--format", "github"]).code(0);
    assert_eq!(good.stdout, "");
    good.complains("✓ 1 file checked");
}

#[test]
fn no_name_or_text_makes_a_command_of_its_own() {
    // What follows a comma or a colon in a name is no property, and a line of a message no command.
    let name = "a,line=1::b%0A\n::add-mask::c";
    let text = "id = 'x'\n[[steps]]\nid = 'a'\n\"b\\n::set-output name=x::\\r\\u0007%0A\" = 1\ncmd = 'true'\n";
    let test = Test::new().file(&format!("workflows/{name}.toml"), text);
    let ran = test.ostler(&["check", "--format", "github"]).code(3);
    for line in ran.stdout.lines() {
        let (properties, _) = line.strip_prefix("::error ").unwrap().split_once("::").unwrap();
        let names = properties.split(',').map(|property| property.split_once('=').unwrap());
        let names: Vec<&str> = names.map(|(name, _)| name).collect();
        assert_eq!(names, ["file", "line", "endLine", "col", "endColumn", "title"], "{line}");
        let file = "file=workflows/a%2Cline=1%3A%3Ab%250A%0A%3A%3Aadd-mask%3A%3Ac.toml,";
        assert!(properties.starts_with(file), "{line}");
        assert!(!line.contains('\u{7}') && !line.contains('\r'));
    }
    assert!(ran.stdout.contains("%0A::set-output name=x::\\u{d}\\u{7}%250A"), "{}", ran.stdout);
}

#[test]
fn places_are_from_the_root_of_what_was_checked_out() {
    let test = Test::new().file("tools/ops/workflows/bad.toml", &format!("id = 'bad'\n{BAD}"));
    let said = |format: &str, root: Option<&str>| {
        let mut command = test.command(&["-C", "tools/ops", "check", "--format", format]);
        command.env_remove("GITHUB_WORKSPACE");
        if let Some(root) = root {
            command.env("GITHUB_WORKSPACE", test.path().join(root));
        }
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert!(said("github", None).contains(" file=workflows/bad.toml,"));
    assert!(said("github", Some("")).contains(" file=tools/ops/workflows/bad.toml,"));
    assert!(said("github", Some("elsewhere")).contains(" file=workflows/bad.toml,"));
    assert!(said("sarif", Some("tools")).contains("\"ops/workflows/bad.toml\""));
}

#[test]
fn code_scanning_reads_problems_with_what_their_codes_mean() {
    let schema = include_str!("../fixtures/sarif-2.1.0.schema.json");
    let schema = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    let test = bad()
        .file("workflows/ü m.toml", "id = 'x'\n'[no](http://link)' = 1\n")
        .file("workflows/bytes.toml", "");
    std::fs::write(test.path().join("workflows/bytes.toml"), b"id = '\xff'").unwrap();
    let ran = test.ostler(&["check", "--format", "sarif"]).code(3);
    let log = ran.json();
    let errors: Vec<String> = schema.iter_errors(&log).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    assert_eq!(rules.len(), ostler::diagnostic::Code::ALL.len());
    let results = run["results"].as_array().unwrap();
    let of = |code: &str| results.iter().find(|result| result["ruleId"] == code).unwrap();
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(rule["defaultConfiguration"]["level"], result["level"]);
        assert!(rule["help"]["markdown"].as_str().unwrap().contains("Right:\n\n```"), "{rule}");
    }
    let region = |result: &Value| result["locations"][0]["physicalLocation"]["region"].clone();
    let place =
        serde_json::json!({ "startLine": 11, "startColumn": 10, "endLine": 11, "endColumn": 17 });
    assert_eq!(region(of("E0202")), place);
    assert_eq!(of("E0201")["relatedLocations"][0]["message"]["text"], "the first");
    // A file that could not be read has no lines; names are written as URIs.
    assert_eq!(region(of("E0101")), Value::Null);
    let uris: Vec<&str> = results
        .iter()
        .filter_map(|r| r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"].as_str())
        .collect();
    assert!(uris.contains(&"workflows/%C3%BC%20m.toml"), "{uris:?}");
    assert!(!ran.stdout.contains("[no](http://link)") && ran.stdout.contains("[no] (http://link)"));
    ran.complains("in 3 of 4 files");
    let mut wrong = log.clone();
    wrong["runs"][0]["results"][0]["level"] = "bad".into();
    assert!(!schema.is_valid(&wrong));
    let none = test.ostler(&["check", "good", "--format", "sarif"]).code(0).json();
    assert_eq!(none["runs"][0]["results"], serde_json::json!([]));
}

#[test]
fn where_there_is_nothing_to_check_nothing_is_sound() {
    for args in [&["check"][..], &["--untrusted", "check", "--format", "github"]] {
        Test::empty().ostler(args).code(2).complains("nothing to check: no workspace here");
        Test::new().ostler(args).code(2).complains("nothing to check: there is no workflow file");
    }
}
