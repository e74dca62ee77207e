//! Plans: the steps beside the picture, what is known before a run, and what would follow if a step failed.

use std::process::{Command, Stdio};

use ostler::plan::{Facts, Given, Plan};
use ostler::report::graph::Graph;
use ostler::report::{Plain, plan as text};

use crate::support::Test;

/// A verb with all that a picture can show.
pub(crate) const SHIP: &str = r#"
description = "Builds, tests and ships"
[[params]]
name = "to"
default = "staging"
[[params]]
name = "quiet"
type = "bool"
[[guards]]
id = "tree"
cmd = "git diff --quiet"
[[steps]]
id = "build"
cmd = 'echo "version=$(git describe)" >> "$OSTLER_OUTPUT"'
outputs = { version = "string" }
on_error = { strategy = "Retry", max = 2, backoff_s = 5 }
[[steps]]
id = "test"
needs = ["build"]
cmd = "make test"
[[steps]]
id = "lint"
needs = ["build"]
cmd = "make lint"
on_error = "Continue"
[[steps]]
id = "docs"
needs = ["build"]
cmd = "make docs"
[[steps]]
id = "review"
needs = ["test"]
depends_on = ["lint"]
actor = "Human"
action = "Read the changes"
[[steps]]
id = "lease"
needs = ["review", "docs"]
cmd = 'echo "id=7" >> "$OSTLER_OUTPUT"'
outputs = { id = "int" }
release = "give-back"
[[steps]]
id = "upload"
needs = ["lease"]
argv = ["./upload", "--to={to}"]
when = 'steps.build.outputs.version != ""'
on_error = { strategy = "Fallback", target = "mirror" }
[[steps]]
id = "mirror"
cmd = "./upload-to-mirror"
[[steps]]
id = "tell"
needs = ["upload"]
cmd = "./tell everybody"
when = "!params.quiet"
[[steps]]
id = "thank"
needs = ["tell"]
cmd = "./thank"
[[steps]]
id = "alarm"
depends_on = [{ step = "upload", kind = "OnFailure" }]
cmd = "./alarm"
[[finally]]
id = "give-back"
cmd = "./give-back {steps.lease.outputs.id}"
[[finally]]
id = "clean"
depends_on = ["give-back"]
cmd = "rm -rf out"
"#;

fn planned(text: &str) -> Plan {
    let loaded = ostler::source::from_text("v.toml", format!("id = 'v'\n{text}"));
    assert_eq!(loaded.problems, []);
    let workflow = &loaded.workflows[0];
    let checked = ostler::check::check(workflow, &loaded.sources);
    let errors: Vec<_> = checked.problems.iter().filter(|p| p.is_error()).collect();
    assert!(errors.is_empty(), "{errors:?}");
    let plan = ostler::plan::resolve(workflow, &checked.scripts, &Given::new(), &Facts::default());
    plan.unwrap()
}

/// A plan as text of a width.
fn shown(plan: &Plan, width: usize) -> String {
    let graph = Graph::of(plan);
    let outlook = ostler::ops::outlook(plan, &graph, None).unwrap();
    text(plan, &graph, &outlook, None, &Plain, width)
}

fn golden(name: &str, text: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "../snapshots" }, {
        insta::assert_snapshot!(name, text);
    });
}

/// Ten steps in three chains that meet, and a wide one of forty.
pub(crate) fn chains(chains: usize, length: usize) -> String {
    let mut text = String::from("[[steps]]\nid = 'start'\ncmd = 'true'\n");
    for chain in 0..chains {
        for at in 0..length {
            let before = if at == 0 { "start".to_owned() } else { format!("s{chain}-{}", at - 1) };
            text += &format!(
                "[[steps]]\nid = 's{chain}-{at}'\nneeds = ['{before}']\ncmd = 'make part-{chain}-{at}'\n"
            );
        }
    }
    let last: Vec<String> = (0..chains).map(|c| format!("'s{c}-{}'", length - 1)).collect();
    text + &format!("[[steps]]\nid = 'end'\nneeds = [{}]\ncmd = 'true'\n", last.join(", "))
}

#[test]
fn a_picture_stands_beside_the_steps_at_any_width() {
    let three = planned(
        "order = 'Sequential'\n[[steps]]\nid = 'a'\ncmd = 'true'\n[[steps]]\nid = 'b'\ncmd = 'true'\n[[steps]]\nid = 'c'\ncmd = 'true'\n",
    );
    let plans = [
        ("three", three),
        ("ten", planned(&chains(4, 2))),
        ("forty", planned(&chains(6, 6))),
        ("ship", planned(SHIP)),
    ];
    for (name, plan) in plans {
        for width in [40, 80, 120] {
            let shown = shown(&plan, width);
            golden(&format!("plan_{name}_{width}"), &shown);
            // The digest is one word, and longer than the narrowest terminal.
            let long = shown.lines().filter(|line| line.chars().count() > width);
            assert!(long.clone().all(|line| line.starts_with("digest")), "{long:?}");
        }
    }
}

#[test]
fn what_nobody_could_follow_is_listed_instead() {
    let many = shown(&planned(&chains(10, 6)), 100);
    assert!(many.contains("62 steps are too many to draw here: --format svg"), "{many}");
    assert!(many.contains("wave 8\n  ●  end"), "{many}");
    let wide = shown(&planned(&chains(20, 1)), 40);
    assert!(wide.contains("wave 2\n") && !wide.contains('├'), "{wide}");
    let alone = shown(
        &planned("[[steps]]\nid = 'a'\ncmd = 'true'\n[[steps]]\nid = 'b'\ncmd = 'true'\n"),
        80,
    );
    assert!(alone.contains("wave 1\n  ●  a  true\n  ●  b  true\n"), "{alone}");
}

#[test]
fn a_plan_says_what_is_known_and_what_is_not() {
    let test = Test::with("ship", SHIP);
    let said = test.ostler(&["plan", "ship", "--quiet"]).code(0);
    let said = said.says("to     \"staging\"  default").says("quiet  true  given");
    let said = said.says("will be skipped: `!params.quiet` is false");
    let said = said.says("will be skipped: `tell` was skipped");
    said.says("condition  upload: steps.build.outputs.version != \"\"")
        .says("output     build: version (string)");
    let plain = test.ostler(&["plan", "ship", "--format", "json"]).json();
    let quiet = test.ostler(&["plan", "ship", "--quiet", "--format", "json"]).json();
    assert_eq!(plain["skipped"], serde_json::json!([]));
    assert_eq!(quiet["skipped"][1]["step"], "thank");
    assert_eq!(
        quiet["asked"],
        serde_json::json!([{ "step": "review", "of": "Human", "action": "Read the changes" }])
    );
    assert_eq!(quiet["unknown"]["durations"], serde_json::json!(["review"]));
    assert_eq!(
        quiet["unknown"]["outputs"][1],
        serde_json::json!({ "step": "lease", "name": "id", "type": "int" })
    );
    assert_eq!(quiet["waves"][1], serde_json::json!(["test", "lint", "docs"]));
    assert_eq!(quiet["rehearsal"]["status"], "passed");
    // What is said beside the plan is not in its digest.
    let text = serde_json::to_string(&plain["plan"]).unwrap();
    let sum = Command::new("sha256sum").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut sum = sum.unwrap();
    std::io::Write::write_all(&mut sum.stdin.take().unwrap(), text.as_bytes()).unwrap();
    let sum = String::from_utf8(sum.wait_with_output().unwrap().stdout).unwrap();
    assert_eq!(plain["digest"], sum[..64]);
}

#[test]
fn what_would_follow_a_failure_is_what_does() {
    let verb = |fails: &str| {
        let step = |id: &str, more: &str| {
            let cmd = if fails == id { "false" } else { "true" };
            format!("[[steps]]\nid = '{id}'\ncmd = '{cmd}'\n{more}\n")
        };
        [
            step("a", "on_error = { strategy = 'Fallback', target = 'b' }"),
            step("b", ""),
            step("c", "needs = ['a']\non_error = 'Continue'"),
            step("d", "depends_on = ['c']\non_error = { strategy = 'Branch', target = 'e', on_success = 'f' }"),
            step("e", ""),
            step("f", "needs = ['c']"),
            step("g", "depends_on = [{ step = 'd', kind = 'OnFailure' }]"),
            "[[finally]]\nid = 'z'\ncmd = 'true'\n".to_owned(),
        ]
        .concat()
    };
    let planned = Test::with("v", &verb("none"));
    for fails in ["a", "c", "d", "f"] {
        let plan = planned.ostler(&["plan", "v", "--fail", fails, "--format", "json"]).json();
        let test = Test::with("v", &verb(fails));
        let ran = test.ostler(&["run", "v", "--format", "json"]);
        let report = ran.json();
        for part in ["steps", "finally"] {
            let pairs = plan["rehearsal"][part].as_array().unwrap().iter();
            for (thought, real) in pairs.zip(report[part].as_array().unwrap()) {
                for field in ["id", "status", "reason"] {
                    assert_eq!(thought[field], real[field], "{fails}: {thought} {real}");
                }
            }
        }
        assert_eq!(plan["rehearsal"]["status"], report["status"]);
        assert_eq!(plan["rehearsal"]["reason"], report["reason"]);
        assert_eq!(plan["rehearsal"]["exit"], ran.code);
    }
}

#[test]
fn several_failures_may_be_thought_of_and_only_of_steps_that_exist() {
    let test = Test::with("ship", SHIP);
    let both = ["plan", "--fail", "mirror", "ship", "--fail", "upload"];
    let said = test.ostler(&both).code(0);
    said.says("if `mirror` and `upload` fail, the run fails: `upload` failed (exit code 4)");
    let said = test.ostler(&["plan", "ship", "--fail", "mirror"]).code(0);
    said.says("the run passes (exit code 0); `mirror` is not reached");
    let said = test.ostler(&["plan", "ship", "--fail", "test"]).code(0);
    said.says("-  give-back  has nothing to do");
    test.ostler(&["plan", "ship", "--fail", "tset"]).code(2).complains("did you mean `test`?");
}

#[test]
fn a_terminal_gets_colours_and_no_longer_lines_than_it_is_wide() {
    let test = Test::with("ship", SHIP);
    let shown = |columns: usize, no_color: &str| {
        let program = env!("CARGO_BIN_EXE_ostler");
        let typed = format!("stty cols {columns}; {program} plan ship");
        let mut script = Command::new("script");
        script.args(["-qec", &typed, "/dev/null"]).current_dir(test.path()).stdin(Stdio::null());
        let output = script.env("NO_COLOR", no_color).env("TERM", "xterm").output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap().replace('\r', "")
    };
    let colours = regex::Regex::new("\u{1b}\\[[0-9;]*m").unwrap();
    for columns in [40, 80, 120] {
        let (plain, coloured) = (shown(columns, "1"), shown(columns, ""));
        let long: Vec<&str> = plain.lines().filter(|l| l.chars().count() > columns).collect();
        assert!(long.iter().all(|line| line.starts_with("digest")), "{long:?}");
        assert!(plain.contains("├───●  test") && !plain.contains('\u{1b}'), "{plain}");
        assert_eq!(colours.replace_all(&coloured, ""), plain);
        assert_ne!(coloured, plain);
    }
}
