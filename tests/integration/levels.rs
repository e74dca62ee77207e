//! Level resolution (O31): a workspace, the one above it, and the one above that.

use crate::support::Test;

const BASE: &str = "id = 'deploy'
shell = 'sh'
env = { WHERE = 'base', FROM = 'base' }
params = [{ name = 'size', default = 's' }, { name = 'who', default = 'base' }]
[[guards]]
id = 'sound'
cmd = 'true'
[[steps]]
id = 'fetch'
cmd = 'echo base fetches $WHERE $FROM'
[[steps]]
id = 'build'
needs = ['fetch']
argv = ['echo', 'base builds', '{size}', '{who}']
[[finally]]
id = 'tidy'
cmd = 'echo base tidies'
";

/// A workspace below `base`, whose verb `deploy` is `own`.
fn below(own: &str) -> Test {
    let test = Test::new().file("ostler.toml", "parent = 'base'\n");
    let test = test.file("base/workflows/deploy.toml", BASE);
    if own.is_empty() { test } else { test.verb("deploy", own) }
}

/// The steps of the plan, in order.
fn steps(test: &Test) -> Vec<String> {
    let plan = test.ostler(&["plan", "deploy", "--format", "json"]).code(0).json();
    let of = |field: &str| plan["plan"][field].as_array().cloned().unwrap_or_default();
    let all = of("steps").into_iter().chain(of("finally"));
    all.map(|step| step["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_verb_that_is_not_here_is_the_parents() {
    let test = below("");
    assert_eq!(steps(&test), ["fetch", "build", "tidy"]);
    test.ostler(&["run", "deploy", "--size", "l"]).code(0);
    let log = test.ostler(&["runs", "log", &test.run(), "build"]).code(0);
    assert_eq!(log.stdout, "base builds l base\n");
}

#[test]
fn override_stands_alone() {
    let test = below("strategy = 'Override'\n[[steps]]\nid = 'mine'\ncmd = 'true'\n");
    assert_eq!(steps(&test), ["mine"]);
    test.ostler(&["check"]).code(0).says("1 file checked");
}

#[test]
fn delegate_goes_to_the_parent() {
    let test = below("strategy = 'Delegate'\n");
    assert_eq!(steps(&test), ["fetch", "build", "tidy"]);
    test.ostler(&["check"]).code(0);
}

#[test]
fn merge_joins_all_levels_and_the_lower_wins() {
    let own = "strategy = 'Merge'
env = { WHERE = 'here' }
params = [{ name = 'who', default = 'here' }]
[[steps]]
id = 'fetch'
cmd = 'echo own fetch $WHERE $FROM'
[[steps]]
id = 'sign'
needs = ['build']
cmd = 'true'
";
    let test = below(own);
    assert_eq!(steps(&test), ["fetch", "build", "sign", "tidy"]);
    let run = test.ostler(&["run", "deploy"]).code(0);
    assert!(run.stdout.contains("passed"), "{run:?}");
    let log = |step: &str| test.ostler(&["runs", "log", &test.run(), step]).code(0).stdout;
    assert_eq!(log("fetch"), "own fetch here base\n");
    assert_eq!(log("build"), "base builds s here\n");
    let plan = test.ostler(&["plan", "deploy", "--format", "json"]).json();
    assert_eq!(plan["plan"]["guards"][0]["id"], "sound");
    assert_eq!(plan["plan"]["steps"][0]["run"]["cmd"]["prefix"][0], "sh");
}

#[test]
fn compose_takes_over_the_steps_it_names() {
    let own = "strategy = 'Compose'
extends = ['fetch', 'tidy']
[[steps]]
id = 'own'
needs = ['fetch']
cmd = 'true'
";
    let test = below(own);
    assert_eq!(steps(&test), ["own", "fetch", "tidy"]);
    test.ostler(&["run", "deploy"]).code(0);
    // A step that is taken over keeps the shell and environment it was written for.
    let log = test.ostler(&["runs", "log", &test.run(), "fetch"]).code(0);
    assert_eq!(log.stdout, "base fetches base base\n");
    let plan = test.ostler(&["plan", "deploy", "--format", "json"]).json();
    assert_eq!(plan["plan"]["steps"][0]["run"]["cmd"]["prefix"][0], "bash");
    assert_eq!(plan["plan"]["steps"][1]["run"]["cmd"]["prefix"][0], "sh");
    assert_eq!(plan["plan"]["guards"], serde_json::Value::Null, "guards are its own");
}

#[test]
fn what_does_not_go_together_is_said_with_its_place() {
    let step = "[[steps]]\nid = 'a'\ncmd = 'true'\n";
    for (own, code, says) in [
        (
            format!("strategy = 'Compose'\nextends = ['fetsh']\n{step}"),
            "E0202",
            "did you mean `fetch`?",
        ),
        (format!("strategy = 'Compose'\n{step}"), "E0104", "workflows/deploy.toml:2:12"),
        (
            format!("strategy = 'Merge'\nextends = ['fetch']\n{step}"),
            "E0401",
            "workflows/deploy.toml:3:1",
        ),
        (
            "strategy = 'Compose'\nextends = ['build']\n".to_owned(),
            "E0202",
            "base/workflows/deploy.toml:13:10",
        ),
    ] {
        below(&own).ostler(&["check"]).code(3).says(code).says(says);
    }
    below(step)
        .ostler(&["check"])
        .code(0)
        .says("W0609")
        .says("base/workflows/deploy.toml has this verb too");
    let alone = Test::with("deploy", "strategy = 'Delegate'\n");
    alone.ostler(&["check"]).code(3).says("E0209").says("workflows/deploy.toml:2:12");
}

#[test]
fn which_file_does_what_is_explained() {
    let own = "strategy = 'Merge'\n[[steps]]\nid = 'mine'\ncmd = 'true'\n";
    let test = below(own);
    let said = test.ostler(&["explain", "deploy"]).code(0).stdout;
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let docs = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/levels.md");
    let docs = std::fs::read_to_string(docs).unwrap();
    let shown = docs.split("```text\n").nth(1).unwrap().split("```").next().unwrap();
    assert_eq!(words(&said), words(&shown.replace("../base", "base")));
    let json = test.ostler(&["explain", "deploy", "--format", "json"]).code(0).json();
    assert_eq!(json["levels"][0]["strategy"], "Merge");
    assert_eq!(json["levels"][1]["file"], "base/workflows/deploy.toml");
    test.ostler(&["explain", "deplox"]).code(2).complains("did you mean `deploy`?");
}

#[test]
fn there_may_be_several_levels_but_no_circle() {
    let test = below("strategy = 'Delegate'\n")
        .file("base/ostler.toml", "parent = '../top'\n")
        .file(
            "base/workflows/deploy.toml",
            "id = 'deploy'\nstrategy = 'Merge'\n[[steps]]\nid = 'mid'\ncmd = 'true'\n",
        )
        .file(
            "top/workflows/deploy.ncl",
            "{ id = \"deploy\", steps = [ { id = \"top\", cmd = \"true\" } ] }",
        );
    assert_eq!(steps(&test), ["top", "mid"]);
    let test = test.file("top/ostler.toml", "parent = '..'\n");
    test.ostler(&["check"]).code(3).complains("circle");
}

#[test]
fn an_untrusted_workspace_does_not_choose_its_parent() {
    let base = Test::with("deploy", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    let parent = base.path().to_str().unwrap();
    let test = Test::new().file("ostler.toml", &format!("parent = '{parent}'\n"));
    test.ostler(&["check", "deploy"]).code(0);
    test.ostler(&["--untrusted", "check", "deploy"]).code(3).complains("--import-path");
    test.ostler(&["--untrusted", "--import-path", parent, "check", "deploy"]).code(0);
}
