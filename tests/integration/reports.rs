//! Reports of runs: as Markdown and `JUnit`, printed and kept in files, whatever a run wrote.

use serde_json::Value;

use crate::pictures::xml;
use crate::support::Test;

/// A run that has something of everything, and writes what would be something else.
const MIXED: &str = r#"
[[guards]]
id = "warm"
cmd = "false"
severity = "Warn"
reason = "it is | cold <b>"
[[steps]]
id = "good"
cmd = "true"
[[steps]]
id = "bad"
cmd = '''printf '%b' '] ]> ]]> <script>\n</details>\n```\n````\n| a | b |\n\033[31mred\033[0m \x01\x0b\xff\ufffe\n'; exit 3'''
on_error = "Continue"
expect = { stdout = { contains = ["a|b `c` <i>"] } }
[[steps]]
id = "flaky"
cmd = 'test -e flag || { touch flag; exit 1; }'
on_error = { strategy = "Retry", max = 1, backoff_s = 0 }
[[steps]]
id = "not-here"
cmd = "true"
requires = { tools = ["no-such-tool-<here>"] }
[[steps]]
id = "after"
needs = ["bad"]
cmd = "true"
[[steps]]
id = "no-program"
argv = ["./no-such-program"]
on_error = "Continue"
[[finally]]
id = "clean"
cmd = "true"
"#;

fn attribute<'e>(element: &'e Value, name: &str) -> &'e str {
    element["has"][name].as_str().unwrap_or_else(|| panic!("no {name} in {element}"))
}

/// The rules by which CI servers read `JUnit`; its cases by name.
#[track_caller]
fn junit(text: &str) -> Vec<(String, Value)> {
    let whole = xml(text);
    assert_eq!(whole["name"], "testsuites");
    let is = |of: &Value, name: &str| of["name"] == name;
    let mut sums = [0; 3];
    let mut cases = Vec::new();
    for suite in whole["in"].as_array().unwrap() {
        assert_eq!(suite["name"], "testsuite");
        assert!(!attribute(suite, "name").is_empty());
        let children = suite["in"].as_array().unwrap();
        let known = ["properties", "testcase", "system-out", "system-err"];
        assert!(children.iter().all(|c| known.contains(&c["name"].as_str().unwrap())));
        let own: Vec<&Value> = children.iter().filter(|c| is(c, "testcase")).collect();
        let having = |name: &str| {
            let has = |case: &&&Value| case["in"].as_array().unwrap().iter().any(|c| is(c, name));
            own.iter().filter(has).count()
        };
        let counts = [own.len(), having("failure"), having("error")];
        for (at, name) in ["tests", "failures", "errors"].iter().enumerate() {
            assert_eq!(attribute(suite, name), counts[at].to_string(), "{name}");
            sums[at] += counts[at];
        }
        assert_eq!(attribute(suite, "skipped"), having("skipped").to_string());
        for case in own {
            assert!(!attribute(case, "classname").is_empty());
            assert!(attribute(case, "time").parse::<f64>().unwrap() >= 0.0);
            let ends = case["in"].as_array().unwrap();
            let ends: Vec<&Value> = ends
                .iter()
                .filter(|c| ["failure", "error", "skipped"].iter().any(|n| is(c, n)))
                .collect();
            assert!(ends.len() <= 1, "{case}");
            for end in ends {
                assert!(!attribute(end, "message").is_empty());
                assert!(!attribute(end, "type").is_empty());
            }
            cases.push((attribute(case, "name").to_owned(), case.clone()));
        }
    }
    for (at, name) in ["tests", "failures", "errors"].iter().enumerate() {
        assert_eq!(attribute(&whole, name), sums[at].to_string(), "{name} of all");
    }
    attribute(&whole, "timestamp").parse::<jiff::Timestamp>().unwrap();
    cases
}

#[track_caller]
fn case<'c>(cases: &'c [(String, Value)], name: &str) -> &'c Value {
    &cases.iter().find(|(id, _)| id == name).unwrap_or_else(|| panic!("no {name}: {cases:?}")).1
}

#[test]
fn a_ci_server_reads_each_step_as_a_test() {
    let test = Test::with("mixed", MIXED);
    let ran = test.ostler(&["run", "mixed", "--format", "junit"]).code(9);
    let cases = junit(&ran.stdout);
    let names: Vec<&str> = cases.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["good", "bad", "flaky", "not-here", "after", "no-program", "clean"]);
    assert_eq!(case(&cases, "good")["in"], serde_json::json!([]));
    let bad = &case(&cases, "bad")["in"][0];
    assert_eq!((bad["name"].as_str(), attribute(bad, "type")), (Some("failure"), "exited"));
    assert_eq!(attribute(bad, "message"), "exit: expected exit 0, observed exit 3");
    let text = bad["text"].as_str().unwrap();
    for part in ["stdout: expected", "a|b `c` <i>", "]]> <script>", "</details>", "red", "\u{fffd}"]
    {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, output) = text.split_once("the end of its output:\n").unwrap();
    assert!(output.contains("\nred ") && !text.contains('\u{1b}'), "{text}");
    let skipped = &case(&cases, "after")["in"][0];
    assert_eq!(skipped["name"], "skipped");
    assert_eq!(attribute(skipped, "message"), "`bad` failed");
    let unproven = &case(&cases, "not-here")["in"][0];
    assert_eq!(attribute(unproven, "type"), "unproven");
    assert_eq!(attribute(unproven, "message"), "`no-such-tool-<here>` was not found");
    assert_eq!(case(&cases, "no-program")["in"][0]["name"], "error");
    let flaky = case(&cases, "flaky")["in"][0]["text"].as_str().unwrap();
    assert_eq!(flaky, "attempt 1: exit 1\nattempt 2: exit 0");
    // The run can be shown so later as well.
    assert_eq!(test.ostler(&["runs", "show", "--format", "junit"]).code(0).stdout, ran.stdout);
}

#[test]
fn a_run_that_did_not_pass_has_a_failure_also_if_no_step_failed() {
    let test = Test::new()
        .verb("blocked", "[[guards]]\nid = 'g'\ncmd = 'false'\nreason = 'not today'\n[[steps]]\nid = 'a'\ncmd = 'true'\n")
        .verb("asks", "[[steps]]\nid = 'a'\nactor = 'Human'\n")
        .verb("late", "timeout = '200ms'\n[[steps]]\nid = 'a'\ncmd = 'sleep 20'\n")
        .verb("never", "[[steps]]\nid = 'a'\ncmd = 'true'\n[converge]\ncondition = 'false'\nmax_iterations = 1\n");
    let cases = [
        ("blocked", 6, "failure", "guard `g`: not today"),
        ("asks", 5, "error", "the run has not ended"),
        ("late", 4, "failure", "the deadline of 200ms passed"),
        ("never", 4, "failure", "not converged after"),
    ];
    for (verb, code, kind, why) in cases {
        let ran = test.ostler(&["run", verb, "--format", "junit"]).code(code);
        let cases = junit(&ran.stdout);
        let run = &case(&cases, "(the run)")["in"][0];
        assert_eq!(run["name"], kind, "{verb}");
        assert!(attribute(run, "message").contains(why), "{verb}: {run}");
    }
}

#[test]
fn in_markdown_nothing_that_a_run_wrote_means_anything() {
    let test = Test::with("mixed", MIXED);
    let ran = test.ostler(&["run", "mixed", "--format", "markdown"]).code(9);
    let text = ran.stdout;
    let (head, details) = text.split_once("\n<details open>").unwrap();
    assert!(head.starts_with("## `mixed` passed with failures\n"), "{head}");
    assert!(
        head.contains("- ! guard \\`warm\\`&#58; it is \\| cold &lt;b&gt; \\(exit 1\\)\n"),
        "{head}"
    );
    let rows: Vec<&str> = head.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + 7, "{head}");
    for row in &rows {
        let bars = row.replace("\\|", "").matches('|').count();
        assert_eq!(bars, 6, "{row}");
    }
    let found = |part: &str| rows.iter().any(|row| row.contains(part));
    assert!(found("| ✗ | `bad` | failed |") && found("| - | `after` | skipped |"), "{rows:#?}");
    assert!(found("| ✓ | finally: `clean` | passed |") && found("2 attempts"), "{rows:#?}");
    // The output stands in a fence that nothing in it closes, and outside of it there are only our own tags.
    let mut open: Option<&str> = None;
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for line in details.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match open {
            None if ticks >= 3 => open = Some(&line[..ticks]),
            None => outside.push(line),
            Some(fence)
                if ticks >= fence.len() && line.trim_start_matches('`').trim().is_empty() =>
            {
                open = None;
            }
            Some(_) => inside.push(line),
        }
    }
    assert_eq!(open, None);
    assert!(inside.contains(&"</details>") && inside.contains(&"````"), "{inside:#?}");
    assert!(inside.iter().any(|line| line.contains("\\u{1b}[31mred")), "{inside:#?}");
    let tags = ["<details open>", "</details>"];
    let other = outside.iter().filter(|line| line.contains('<') && !tags.contains(line));
    assert!(
        other.clone().all(|line| line.starts_with("<summary>✗ ")),
        "{:#?}",
        other.collect::<Vec<_>>()
    );
    assert_eq!(outside.iter().filter(|line| **line == "</details>").count(), 2);
}

#[test]
fn reports_are_kept_in_files_beside_what_is_printed() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n").file("out/old.md", "old");
    let args = ["run", "--report", "out/old.md", "v", "--report", "out/r.xml", "--report=r.json"];
    test.ostler(&args).code(0).says("v passed  (1 passed;");
    assert!(test.read("out/old.md").starts_with("## `v` passed\n"));
    assert_eq!(junit(&test.read("out/r.xml")).len(), 1);
    let report: Value = serde_json::from_str(&test.read("r.json")).unwrap();
    assert_eq!(report["status"], "passed");
    let left: Vec<_> = std::fs::read_dir(test.path().join("out")).unwrap().collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[test]
fn a_report_that_cannot_be_written_is_said_and_hides_no_failure() {
    let test = Test::new()
        .verb("good", "[[steps]]\nid = 'a'\ncmd = 'true'\n")
        .verb("bad", "[[steps]]\nid = 'a'\ncmd = 'false'\n")
        .file("dir.md/x", "");
    let nowhere = "no/such/folder.md";
    let ran = test.ostler(&["run", "good", "--report", nowhere]).code(8);
    ran.complains("error: the report no/such/folder.md could not be written: No such file");
    test.ostler(&["run", "bad", "--report", nowhere]).code(4).complains("could not be written");
    // The other reports are written all the same.
    test.ostler(&["run", "good", "--report", "dir.md", "--report", "fine.md"]).code(8);
    assert!(test.read("fine.md").contains("passed"));
    let hidden = std::fs::read_dir(test.path())
        .unwrap()
        .filter_map(|e| e.unwrap().file_name().into_string().ok());
    assert_eq!(hidden.filter(|name| name.starts_with(".dir.md")).count(), 0);
    // What is not a report's name is refused before anything runs.
    let marker = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'touch ran'\n");
    marker.ostler(&["run", "v", "--report", "r.txt"]).code(2).complains(".md, .xml or .json");
    assert!(!marker.path().join("ran").exists());
}

#[test]
fn an_answer_keeps_reports_too() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\nactor = 'Human'\n");
    test.ostler(&["run", "v", "--report", "r.xml"]).code(5);
    assert_eq!(junit(&test.read("r.xml")).len(), 2);
    test.ostler(&["step", "answer", "a", "passed", "--report", "r.xml"]).code(0);
    assert_eq!(junit(&test.read("r.xml")).len(), 1);
}

#[test]
fn refused_outputs_are_said_once_and_each_on_a_line() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'printf \"n=x\\nm=1\\n\" >> $OSTLER_OUTPUT'\n\
                outputs = { n = 'int', o = 'int' }\n";
    let test = Test::with("w", text);
    let ran = test.ostler(&["w"]).code(4).complains(", exit 0, outputs refused\n");
    assert!(!ran.stdout.contains("`n` was not written"), "{}", ran.stdout);
    ran.says("`m` is not a declared output\n  output `o` was not written\n");
    let page = test.ostler(&["runs", "show", "--format", "markdown"]).stdout;
    assert_eq!(page.matches("\n- output \\`o\\` was not written\n").count(), 1, "{page}");
}
