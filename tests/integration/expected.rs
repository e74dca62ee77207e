//! Placeholders in what is expected: filled in wherever a text is compared or a file is named, and never code.

use serde_json::json;

use crate::support::{Ran, Test, found, status};

/// Everything with which something is compared, in a step, in its checks and in its `verify`.
const SHIP: &str = r###"
[[params]]
name = "version"
positional = true
[[params]]
name = "count"
type = "int"
default = 3

[[steps]]
id = "make"
cmd = """
printf '%s\\n' {version} > out-{version}; printf '{"a": 1} %s' {version} >&2; printf '%s\\n' {version}
printf 'sum=a.b\\n' >> "$OSTLER_OUTPUT"
"""
outputs = { sum = "string" }
[steps.expect]
stdout = { equals = "{version}" }
stderr = { contains = ['{"a": 1} ', "{version}"] }
file = { path = "out-{version}", contains = "{version}" }

[[steps]]
id = "json"
needs = ["make"]
effect = "Read"
cmd = "jq -cn --arg v {version} '{v: $v, n: 3, s: \"3\", all: [\"is \" + $v, 3], \"{{version}\": 1}'"
expect = { stdout = { json = { "/v" = "{version}", "/n" = "{count}", "/all" = ["is {version}", "{count}"], "/{version}" = 1 } } }

[[steps]]
id = "checks"
needs = ["make"]
for_each = ["x"]
checks = [{ name = "c", cmd = "echo {steps.make.outputs.sum} {item}", expect = { stdout = { equals = "{steps.make.outputs.sum} {item}" } } }]
verify = { cmd = "echo {item}", expect = { stdout = { contains = "{item}" }, file = { path = "out-{version}", contains = "{version}" } } }

[[steps]]
id = "by-hand"
actor = "Agent"
needs = ["checks"]
expect = { file = { path = "notes-{version}", contains = ["## {version}", "{{version}"] } }
"###;

fn of(test: &Test, args: &[&str]) -> Ran {
    Ran::new(&test.command(args).env("OSTLER_ACTOR", "agent:ada").output().unwrap())
}

fn ship() -> Test {
    Test::with("ship", SHIP)
}

#[test]
fn what_a_text_is_compared_with_is_filled_in() {
    let value = r"1.*[$(touch run) `b`";
    let test = ship();
    test.ostler(&["run", "ship", value]).code(5);
    let report = test.report();
    for step in ["make", "json", "checks", "checks[x]"] {
        assert_eq!(status(&report, step), "passed", "{report:#}");
    }
    assert!(!test.path().join("run").exists());
    let checks = &found(&report, "make")["checks"];
    assert_eq!(checks[0]["expected"], format!("equals `{value}`"), "{checks:#}");
    assert_eq!(checks[1]["expected"], "contains `{\"a\": 1}`");
    let run = test.run();
    let said = test.ostler(&["runs", "verify", &run, "make", "json", "checks[x]", "--recheck"]);
    said.code(0).says(&format!("contains `{value}`"));
    std::fs::write(test.path().join(format!("out-{value}")), "{version}").unwrap();
    let said = ["runs", "verify", &run, "make", "--recheck", "--format", "json"];
    let said = test.ostler(&said).code(4).json();
    let claim = &said["recheck"]["claims"][0];
    assert_eq!(claim["with"], json!({ "{version}": value }), "{said:#}");
}

#[test]
fn what_is_reported_is_compared_with_the_same_texts() {
    let test = ship();
    let started = of(&test, &["start", "ship", "1.3"]).code(0);
    started.says("stdout equals `1.3`").says("file out-1.3 contains `1.3`").says("`{\"a\": 1} `");
    for step in ["make", "json", "checks[x]"] {
        of(&test, &["step", "run", "ship", step]).code(0);
    }
    let told = of(&test, &["step", "next", "ship"]).code(0);
    told.says("passes if: file notes-1.3 contains `## 1.3`")
        .says("file notes-1.3 contains `{version}`");
    let report = ["step", "report", "ship", "by-hand", "--status", "pass"];
    std::fs::write(test.path().join("notes-1.3"), "## {version}").unwrap();
    of(&test, &report).code(6).complains("expected contains `## 1.3`");
    std::fs::write(test.path().join("notes-1.3"), "## 1.3 {version}").unwrap();
    of(&test, &report).code(0);
}

#[test]
fn a_secret_that_a_param_holds_is_hidden_where_a_text_is_compared() {
    let secret = "x9".repeat(150);
    let text = r#"
secrets = { TOKEN = { env = "SOURCE" } }
[[params]]
name = "token"
positional = true
[[steps]]
id = "a"
cmd = "echo other > file; echo other"
expect = { stdout = { equals = "it is {token}", contains = "{token}" }, file = { path = "file", contains = "{token}" } }
"#;
    let test = Test::with("v", text);
    let mut command = test.command(&["run", "v", &secret]);
    Ran::new(&command.env("SOURCE", &secret).output().unwrap()).code(4);
    let checks = found(&test.report(), "a")["checks"].to_string();
    assert!(
        !checks.contains("x9x9") && checks.contains("equals `it is [secret TOKEN]`"),
        "{checks}"
    );
}

#[test]
fn numbers_in_json_are_the_same_exactly_in_both_languages() {
    // As floats, all that is told of `n` below is the same.
    let written =
        r#"{"/n" = 9223372036854775807, "/f" = 31.245270191439438, "/all" = [{ v = 1 }]}"#;
    let toml = |n: &str| {
        format!(
            "[[steps]]\nid = 'a'\ncmd = '''echo '{{\"n\": {n}, \"f\": 31.245270191439438, \"all\": [{{\"v\": 1.0}}]}}' '''\n\
             expect = {{ stdout = {{ json = {written} }} }}\n"
        )
    };
    let nickel = |n: &str| {
        format!(
            "{{ id = \"nickel\", steps = [{{ id = \"a\", cmd = m%\"echo '{{\"n\": {n}, \"f\": 31.245270191439438, \"all\": [{{\"v\": 1.0}}]}}'\"%, \
             expect = {{ stdout = {{ json = {written} }} }} }}] }}"
        )
    };
    for (n, code) in
        [("9223372036854775807", 0), ("9223372036854775808", 4), ("9223372036854775806", 4)]
    {
        let test = Test::with("toml", &toml(n)).file("workflows/nickel.ncl", &nickel(n));
        test.ostler(&["run", "toml"]).code(code);
        test.ostler(&["run", "nickel"]).code(code);
    }
}
