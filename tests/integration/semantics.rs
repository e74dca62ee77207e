//! The statuses of `docs/runs.md` and the codes of `docs/exit-codes.md`, each by the program: a row that no scenario
//! shows fails, and so does a scenario that has no row.

use std::collections::BTreeSet;
use std::path::Path;

use ostler::run::RunStatus;

use crate::support::Test;

/// A verb that ends in each way.
const VERBS: &[(&str, &str)] = &[
    ("passed", "[[steps]]\nid = 'a'\ncmd = 'true'\n"),
    ("failed", "[[steps]]\nid = 'a'\ncmd = 'false'\n"),
    ("passed_with_failures", "[[steps]]\nid = 'a'\ncmd = 'false'\non_error = 'Continue'\n"),
    ("waiting", "[[steps]]\nid = 'a'\nactor = 'Human'\n"),
    ("blocked", "[[guards]]\nid = 'g'\ncmd = 'false'\n[[steps]]\nid = 'a'\ncmd = 'true'\n"),
    ("cancelled", "[[steps]]\nid = 'a'\ncmd = 'touch begun; sleep 60'\n"),
];

fn page(name: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name)).unwrap()
}

/// The rows of the table below a head.
fn rows(page: &str, head: &str) -> Vec<Vec<String>> {
    let below = page.split_once(head).unwrap_or_else(|| panic!("no table {head}")).1;
    let lines = below.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cell = |text: &str| text.trim().trim_matches('`').to_owned();
    lines.map(|line| line.trim_matches('|').split(" | ").map(cell).collect()).collect()
}

#[test]
fn each_status_is_reached_and_exits_as_the_page_says() {
    let rows = rows(&page("runs.md"), "| status | when | exit code |");
    let told: BTreeSet<&str> = rows.iter().map(|row| row[0].as_str()).collect();
    // One is no end; the other is for policies, which there are not yet.
    let open = [RunStatus::Running, RunStatus::Refused];
    let all = RunStatus::ALL.iter().filter(|status| !open.contains(status));
    assert_eq!(told, all.map(|status| status.name()).collect::<BTreeSet<_>>());
    for row in rows {
        let code: i32 = row[2].parse().unwrap();
        let (status, text) = VERBS.iter().find(|(status, _)| *status == row[0]).unwrap();
        let test = Test::with("v", text);
        if *status == "cancelled" {
            let mut run = test.start(&["run", "v"]);
            test.wait_for("begun");
            test.ostler(&["runs", "cancel"]).code(0);
            assert_eq!(run.wait().unwrap().code(), Some(code));
        } else {
            test.ostler(&["run", "v"]).code(code);
        }
        assert_eq!(test.report()["status"], *status);
    }
}

#[test]
fn each_exit_code_of_the_page_is_shown_on_it() {
    let page = page("exit-codes.md");
    let rows = rows(&page, "| code | meaning | way out |");
    let told: Vec<i32> = rows.iter().map(|row| row[0].parse().unwrap()).collect();
    assert_eq!(told, (0..10).collect::<Vec<_>>());
    let blocks = crate::page::fenced(&page);
    let shown = blocks.iter().filter_map(|(_, says, _)| match says.strip_prefix("sh") {
        Some("") => Some(0),
        Some(code) => code.trim().parse().ok(),
        None => None,
    });
    // A bug of ours is not to be had.
    let shown: BTreeSet<i32> = shown.chain([1]).collect();
    assert_eq!(shown.into_iter().collect::<Vec<_>>(), told);
}
