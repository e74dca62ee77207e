//! What steps expect, hand on, retry, and require.
//!
//! Behaviours shown here (`docs/behaviours.md`): K43, O7, O12, O23, C30, S6, S7, S8, S11, S17, S18, S19.

use crate::support::{Test, found, status};

fn verb(text: &str) -> Test {
    Test::with("v", text)
}

/// C2, C4, C5, S4: expectations beyond the exit code, each with what was expected and observed.
#[test]
fn expectations_are_reported_one_by_one() {
    let test = verb(
        r#"
[[steps]]
id = "good"
cmd = "echo '{\"n\": 3}'; echo warned >&2; echo data > made"
expect = { exit = 0, stdout = { json = { "/n" = 3 } }, stderr = { matches = "^warn" }, count = 1, file = [{ path = "made", contains = "data" }, { path = "pid", absent = true }] }
[[steps]]
id = "negative"
argv = ["test", "-e", "nowhere"]
expect = { exit = 1 }
[[steps]]
id = "bad"
cmd = "echo hi"
expect = { stdout = { equals = "ho" } }
on_error = "Continue"
"#,
    );
    test.ostler(&["run", "v"]).code(9).says("expected equals `ho`").says("observed `hi`");
    let report = test.report();
    assert_eq!(found(&report, "good")["checks"].as_array().unwrap().len(), 7);
    assert_eq!(status(&report, "negative"), "passed");
    assert_eq!(found(&report, "bad")["checks"][0]["status"], "failed");
}

/// C7: several checks, each with a result of its own; the step fails if one does.
#[test]
fn checks_have_results_of_their_own() {
    let test = verb(
        r#"
[[steps]]
id = "system"
checks = [
  { name = "user", cmd = "true" },
  { name = "binary", cmd = "test -x nowhere" },
  { name = "version", cmd = "echo 1.2", expect = { stdout = { equals = "1.2" } } },
]
"#,
    );
    test.ostler(&["run", "v"]).code(4);
    let report = test.report();
    let checks = found(&report, "system")["checks"].as_array().unwrap().clone();
    let seen: Vec<_> = checks
        .iter()
        .map(|c| (c["what"].as_str().unwrap(), c["status"].as_str().unwrap()))
        .collect();
    assert_eq!(seen, [("user", "passed"), ("binary", "failed"), ("version", "passed")]);
}

/// S5: the same before and after.
#[test]
fn what_must_not_change_is_compared() {
    let test = verb("[[steps]]\nid = 'a'\ncmd = 'echo x >> d/f'\nexpect = { unchanged = 'd' }\n")
        .file("d/f", "1");
    test.ostler(&["run", "v"]).code(4).says("unchanged");
}

/// S3: a claim is checked by a command once the step has passed.
#[test]
fn a_pass_that_does_not_verify_is_none() {
    let test = verb("[[steps]]\nid = 'a'\ncmd = 'true'\nverify = { cmd = 'test -e made' }\n");
    test.ostler(&["run", "v"]).code(4).says("verify");
}

/// C8, C9: what cannot be tried here is unproven, and the run is not passed.
#[test]
fn unproven_is_neither_pass_nor_failure() {
    let test = verb(
        "[[steps]]\nid = 'a'\ncmd = 'true'\nrequires = { os = 'freebsd', tools = ['no-such-tool'] }\n[[steps]]\nid = 'b'\ncmd = 'true'\n",
    );
    test.ostler(&["run", "v"])
        .code(9)
        .says("needs freebsd, this is linux; `no-such-tool` was not found");
    assert_eq!(status(&test.report(), "a"), "unproven");
}

/// O18: exit 137 is retried once, at the next size; at the largest there is none.
#[test]
fn retry_escalates_along_a_list() {
    let text = r#"
[[params]]
name = "size"
default = "cx22"
[[steps]]
id = "build"
env = { SIZE = "{size}" }
cmd = 'echo "$SIZE" >> sizes; exit 137'
on_error = { strategy = "Retry", max = 1, backoff_s = 0, on = [137], escalate = { size = ["cx22", "cx32", "cx52"] } }
"#;
    let test = verb(text);
    test.ostler(&["run", "v"]).code(4);
    assert_eq!(test.read("sizes"), "cx22\ncx32\n");
    let test = verb(text);
    test.ostler(&["run", "v", "--size", "cx52"]).code(4);
    assert_eq!(test.read("sizes"), "cx52\n");
}

/// O6: a fallback stands in for a step that can fail, and lends its outputs.
#[test]
fn a_fallback_recovers_its_step() {
    let test = verb(
        r#"
[[steps]]
id = "live"
cmd = "no-such-command | cat"
outputs = { paths = "string" }
on_error = { strategy = "Fallback", target = "static" }
[[steps]]
id = "static"
cmd = "echo paths=list >> $OSTLER_OUTPUT"
outputs = { paths = "string" }
[[steps]]
id = "use"
needs = ["live"]
argv = ["echo", "{steps.live.outputs.paths}"]
"#,
    );
    test.ostler(&["run", "v"]).code(0).says("recovered");
    assert_eq!(test.ostler(&["runs", "log", "use"]).stdout, "list\n");
}

/// O20, O18: what each attempt acquired is released, whatever became of it, with that attempt's own id.
#[test]
fn every_attempt_of_a_lease_is_released() {
    let test = verb(
        r#"
[[steps]]
id = "acquire"
env = { KEY = "{run.id}-{attempt}" }
cmd = 'echo "lease=vm-$OSTLER_ATTEMPT" >> $OSTLER_OUTPUT; test "$OSTLER_ATTEMPT" = 2'
outputs = { lease = "string" }
release = "destroy"
on_error = { strategy = "Retry", max = 2, backoff_s = 0 }
[[steps]]
id = "build"
needs = ["acquire"]
cmd = "false"
[[finally]]
id = "destroy"
env = { LEASE = "{steps.acquire.outputs.lease}" }
cmd = 'echo "$LEASE" >> destroyed'
[[finally]]
id = "metrics"
depends_on = ["destroy"]
argv = ["sh", "-c", "printf '%s %s' \"$1\" \"$2\" > metrics", "sh", "{steps.build.status}", "{steps.build.exit}"]
"#,
    );
    test.ostler(&["run", "v", "--jobs", "1"]).code(4).says("`build` failed");
    assert_eq!(test.read("destroyed"), "vm-1\nvm-2\n");
    assert_eq!(test.read("metrics"), "failed 1");
    assert_eq!(status(&test.report(), "destroy[acquire#2]"), "passed");
}

/// S9: a skip has a reason that a program can read.
#[test]
fn when_skips_with_its_reason() {
    let test = verb(
        r#"
[[steps]]
id = "look"
cmd = "echo new=false >> $OSTLER_OUTPUT"
outputs = { new = "bool" }
[[steps]]
id = "promote"
needs = ["look"]
when = [{ if = "steps.look.outputs.new", reason = "no-new-version" }]
cmd = "touch promoted"
"#,
    );
    test.ostler(&["run", "v"]).code(0);
    assert_eq!(found(&test.report(), "promote")["reason"], "no-new-version");
    assert!(!test.path().join("promoted").exists());
}

/// H21: a condition converges, or the run fails.
#[test]
fn converge_runs_failed_steps_again() {
    let text = "[[steps]]\nid = 'a'\ncmd = 'echo x >> tries; test $(wc -l < tries) -ge 3'\non_error = 'Continue'\n\
                [converge]\ncondition = 'test $(wc -l < tries) -ge 3'\nmax_iterations = MAX\n";
    verb(&text.replace("MAX", "3")).ostler(&["run", "v"]).code(0).says("3 attempts");
    verb(&text.replace("MAX", "1"))
        .ostler(&["run", "v"])
        .code(4)
        .says("not converged after 1 iterations");
}

/// `simple_command`: what is started without a shell sees the same as with one.
#[test]
fn a_simple_command_sees_what_it_would_under_the_shell() {
    let test = verb(
        "[[steps]]\nid = 'direct'\ncmd = '/usr/bin/env'\n[[steps]]\nid = 'shell'\ncmd = '/usr/bin/env;'\n",
    );
    test.ostler(&["run", "v"]).code(0);
    let env = |step: &str| -> Vec<String> {
        let log = test.ostler(&["runs", "log", step]).stdout;
        let own = ["OSTLER_STEP=", "OSTLER_OUTPUT="];
        let mut lines: Vec<String> = log
            .lines()
            .filter(|l| !own.iter().any(|o| l.starts_with(o)))
            .map(str::to_owned)
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(env("direct"), env("shell"));
}
