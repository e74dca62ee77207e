//! One step on many hosts: the order of canary and batches, what failures there may be, hosts that are off, and engines
//! that die in the middle.
//!
//! Behaviours shown here (`docs/behaviours.md`): K31, S10.

use crate::support::{found, status, wait_until};
use crate::there::{Fleet, end};

const SIX: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// One step on each of six hosts behind so many servers; `rest` of it and of its verb.
fn on_each(sshds: usize, rest: &str) -> Fleet {
    let step = "cwd = 'WS'\n[[steps]]\nid = 'each'\nhosts = '@every'\n";
    Fleet::new(&SIX, sshds).verb("roll", &format!("{step}{rest}"))
}

#[test]
fn canaries_come_first_and_batches_one_after_the_other() {
    let fleet = on_each(
        3,
        r#"
for_each = { canary = 1, batch = 2, concurrency = 2 }
outputs = { nth = "int", who = "string" }
cmd = '''
echo "start {host.name}" >> journal
echo nth={host.labels.nth} >> "$OSTLER_OUTPUT"
echo who={host.name}@{host.address}:{host.port}{host.user:-} >> "$OSTLER_OUTPUT"
echo "end {host.name}" >> journal
'''
[[steps]]
id = "sum"
needs = ["each"]
when = 'steps.each.outputs.nth["f"] == 5'
stdin = { json = "{steps.each.outputs.who}" }
cmd = "cat > sum"
"#,
    );
    fleet.ostler(&["run", "roll"]).code(0);
    let sum: serde_json::Value = serde_json::from_str(&fleet.test.read("sum")).unwrap();
    for (nth, name) in SIX.iter().enumerate() {
        let port = fleet.sshds[nth % 3].port();
        assert_eq!(sum[name], format!("{name}@127.0.0.1:{port}"));
    }
    let journal = fleet.test.read("journal");
    let lines: Vec<&str> = journal.lines().collect();
    assert_eq!(lines.len(), 12);
    // Of each wave everything is over before the next begins.
    let waves = [&lines[..2], &lines[2..6], &lines[6..10], &lines[10..]];
    for (wave, hosts) in waves.iter().zip(["a", "bc", "de", "f"]) {
        let all = wave.iter().all(|line| hosts.contains(line.split(' ').nth(1).unwrap()));
        assert!(all, "{hosts}: {lines:?}");
    }
}

#[test]
fn failures_on_hosts_keep_the_others_from_starting() {
    let verb = |how: &str| {
        on_each(
            1,
            &format!(
                "for_each = {{ {how} }}\n\
                 cmd = 'echo {{host.name}} >> ran; case {{host.name}} in a|c) exit 3;; esac'\n"
            ),
        )
    };
    // What of it may have begun by the time of a failure depends on chance only where it may overlap.
    let cases = [
        ("canary = 1", &["a"][..]),
        ("concurrency = 1", &["a"]),
        ("concurrency = 1, max_failures = 1", &["a", "b", "c"]),
        ("batch = 3, max_failures = 1", &["a", "b", "c"]),
        ("max_failures = 'all'", &SIX),
    ];
    for (how, ran) in cases {
        let fleet = verb(how);
        fleet.ostler(&["run", "roll"]).code(4);
        assert_eq!(fleet.lines("ran"), ran, "{how}");
        let report = fleet.test.report();
        for name in SIX {
            let expected = match (name, ran.contains(&name)) {
                (_, false) => "skipped",
                ("a" | "c", _) => "failed",
                _ => "passed",
            };
            assert_eq!(status(&report, &format!("each[{name}]")), expected, "{how}: {report:#}");
        }
    }
}

/// Six hosts, one of which is off, and a step with this `effect` on each.
fn with_one_off(effect: &str) -> Fleet {
    let step = "for_each = { max_failures = 'all' }\ncmd = 'echo {host.name} >> ran'\n";
    let fleet = on_each(1, &format!("{step}{effect}\n"));
    let fleet = fleet.file("fleet/d.toml", "address = 'dozing'\ngroups = ['every']\n");
    let config = fleet.test.read("ssh_config");
    let off = format!("Host dozing\nHostName 127.0.0.1\nPort 1\nHost *\n{config}");
    fleet.file("ssh_config", &off)
}

#[test]
fn a_host_that_is_off_is_unproven_where_it_is_only_read() {
    let fleet = with_one_off("effect = 'Read'");
    fleet.ostler(&["run", "roll"]).code(9).says("unproven");
    let report = fleet.test.report();
    assert_eq!(report["status"], "passed_with_failures", "{report:#}");
    assert_eq!(status(&report, "each[d]"), "unproven");
    assert_eq!(status(&report, "each"), "unproven");
    assert!(found(&report, "each[d]").to_string().contains("refused"), "{report:#}");
    assert_eq!(fleet.lines("ran"), ["a", "b", "c", "e", "f"]);
}

#[test]
fn a_retry_of_what_failed_runs_on_the_hosts_that_failed_only() {
    let fleet = with_one_off("");
    fleet.ostler(&["run", "roll"]).code(4);
    assert_eq!(status(&fleet.test.report(), "each[d]"), "failed");
    assert_eq!(fleet.lines("ran"), ["a", "b", "c", "e", "f"]);
    // It comes back.
    let port = format!("Port {}\n", fleet.sshds[0].port());
    let config = fleet.test.read("ssh_config").replace("Port 1\n", &port);
    let fleet = fleet.file("ssh_config", &config);
    fleet.ostler(&["runs", "retry", "--failed"]).code(0);
    assert_eq!(fleet.lines("ran"), SIX);
    assert_eq!(fleet.test.report()["status"], "passed");
}

#[test]
fn an_engine_killed_in_a_fan_out_leaves_each_host_its_one_run() {
    let fleet = on_each(
        2,
        r#"
for_each = { concurrency = 2 }
on_disconnect = "Keep"
outputs = { who = "string" }
cmd = '''
echo {host.name} >> ran
until test -e go.{host.name}; do sleep 0.01; done
echo out {host.name}; echo who={host.name} >> "$OSTLER_OUTPUT"
'''
"#,
    );
    let mut engine = fleet.start(&["run", "roll"]);
    for (nth, name) in SIX.iter().enumerate() {
        wait_until("the next two run", || fleet.lines("ran").len() >= (nth + 2).min(6));
        end(engine);
        // It goes on without an engine, or in the sight of the next one.
        if nth % 2 == 0 {
            std::fs::write(fleet.at(&format!("go.{name}")), "").unwrap();
            engine = fleet.start(&["runs", "resume"]);
        } else {
            engine = fleet.start(&["runs", "resume"]);
            std::fs::write(fleet.at(&format!("go.{name}")), "").unwrap();
        }
    }
    let code = engine.wait().unwrap().code();
    let report = fleet.test.report();
    assert_eq!(code, Some(0), "{report:#}");
    assert_eq!(fleet.lines("ran"), SIX);
    for name in SIX {
        let step = format!("each[{name}]");
        fleet.ostler(&["runs", "log", &step]).says(&format!("out {name}\n"));
        assert_eq!(found(&report, &step)["outputs"]["who"], name, "{report:#}");
    }
}

#[test]
fn what_ended_with_its_engine_is_asked_about_and_nothing_else_is() {
    let fleet = on_each(
        1,
        r#"
for_each = { concurrency = 2, max_failures = "all" }
cmd = '''
echo {host.name} >> ran
case {host.name} in c|d) until test -e go; do sleep 0.01; done;; esac
'''
"#,
    );
    let engine = fleet.start(&["run", "roll"]);
    wait_until("two of them hang", || fleet.lines("ran").len() == 4);
    end(engine);
    fleet.ostler(&["runs", "resume"]).code(5);
    let report = fleet.test.report();
    let of = |status_: &str| {
        let is = |name: &&&str| status(&report, &format!("each[{name}]")) == status_;
        SIX.iter().filter(is).copied().collect::<Vec<_>>()
    };
    assert_eq!(of("asked"), ["c", "d"], "{report:#}");
    assert_eq!(fleet.lines("ran").iter().filter(|name| *name == "a" || *name == "b").count(), 2);
    std::fs::write(fleet.at("go"), "").unwrap();
    fleet.ostler(&["step", "answer", "each[c]", "rerun"]).code(5);
    fleet.ostler(&["step", "answer", "each[d]", "passed"]).code(0);
    assert_eq!(fleet.lines("ran"), ["a", "b", "c", "c", "d", "e", "f"]);
}
