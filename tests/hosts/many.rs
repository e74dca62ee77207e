//! Many hosts at once: everything is there in the end, and neither memory nor processes grow with the fleet.

use std::collections::BTreeSet;
use std::time::Instant;

use crate::sshd::below;
use crate::support::{Ran, found};
use crate::there::Fleet;

/// The memory that processes have for themselves, in KiB.
fn memory(pids: &[i32]) -> u64 {
    let of = |pid: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
        line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0)
    };
    pids.iter().map(of).sum()
}

#[test]
fn many_hosts_at_once_are_all_done_within_bounds() {
    let many = std::env::var("OSTLER_TEST_HOSTS").map_or(60, |n| n.parse().unwrap());
    let names: Vec<String> = (0..many).map(|nth| format!("h{nth:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fleet = Fleet::new(&names, 3).verb(
        "all",
        r#"
cwd = "WS"
[[steps]]
id = "each"
hosts = "@every"
outputs = { nth = "int" }
cmd = '''
echo {host.name} >> ran
head -c 100000 /dev/zero | tr '\0' x; echo
echo nth={host.labels.nth} >> "$OSTLER_OUTPUT"
'''
[[steps]]
id = "again"
hosts = "@every"
needs = ["each"]
cmd = "echo {host.name} >> again"
"#,
    );
    let start = Instant::now();
    let mut engine = fleet.start(&["run", "all", "--host-jobs", "16"]);
    let pid = i32::try_from(engine.id()).unwrap();
    let (mut most, mut largest, mut own) = (0, 0, 0);
    while engine.try_wait().unwrap().is_none() {
        let all = below(pid);
        most = most.max(all.len());
        own = own.max(memory(&[pid]));
        largest = largest.max(memory(&all));
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    println!(
        "{many} hosts: {:?}, at most {most} processes ({largest} KiB) and {own} KiB of the engine",
        start.elapsed()
    );
    let ran = Ran::new(&engine.wait_with_output().unwrap());
    assert_eq!(ran.code, 0, "{}", fleet.ostler(&["runs", "show"]).stdout);
    for file in ["ran", "again"] {
        assert_eq!(fleet.lines(file), names, "{file}");
    }
    let report = fleet.test.report();
    for (nth, name) in names.iter().enumerate() {
        let step = found(&report, &format!("each[{name}]"));
        assert_eq!(step["outputs"]["nth"], nth, "{step:#}");
        assert_eq!(step["attempts"][0]["stdout"]["bytes"], 100_001, "{step:#}");
    }
    let alike: BTreeSet<String> = names
        .iter()
        .map(|name| found(&report, &format!("each[{name}]"))["attempts"][0]["stdout"].to_string())
        .collect();
    assert_eq!(alike.len(), 1, "{alike:?}");
    // A line is an ssh, and beside it the one that holds its connection.
    assert!(most <= 3 * many + 40, "{most} processes");
    assert!(own < 256 * 1024, "{own} KiB");
}
