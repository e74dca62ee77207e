//! The tables of `docs/runs.md`: each row is run by the pure core, and every table must be one that is run.
//!
//! A verb stands in a block above its tables. A row adds what its first cell says, plays what happens, and demands
//! the rest. What a row can say is in [`Play::item`]; a word that is not known there fails.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use ostler::run::{Check, Ending, NoConnection, Outcome, RunStatus};
use ostler::workflow::{
    ConvergeStrategy, EdgeKind, ErrorTag, Interrupt, Join, OUTCOMES, Severity, Tag,
};

use crate::driver::Case;
use crate::dsl::exit;
use crate::play::{Play, planned, with};

/// The page.
const PAGE: &str = include_str!("../../docs/runs.md");

/// How many rows of cases it has: none goes unnoticed.
const ROWS: usize = 94;

/// A table of the page, with the verb above it.
struct Table {
    verb: String,
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// What a row has below a heading; empty where there is no such column.
    fn cell<'t>(&self, row: &'t [String], head: &str) -> &'t str {
        let at = self.head.iter().position(|h| h == head);
        at.map_or("", |at| row[at].as_str())
    }

    fn is_of_cases(&self) -> bool {
        self.head.last().is_some_and(|last| last == "the run")
    }
}

/// The cells of a table's row.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
    inner.split(" | ").map(|cell| cell.trim().to_owned()).collect()
}

fn tables() -> Vec<Table> {
    let mut all: Vec<Table> = Vec::new();
    let mut verb = String::new();
    let (mut in_verb, mut in_table) = (false, false);
    for line in PAGE.lines() {
        if line.starts_with("```") {
            in_verb = line.starts_with("```toml workflows/");
            if in_verb {
                verb.clear();
            }
        } else if in_verb {
            verb.extend([line, "\n"]);
        } else if line.starts_with('|') {
            if !in_table {
                all.push(Table { verb: verb.clone(), head: cells(line), rows: Vec::new() });
            } else if !line.starts_with("| ---") {
                all.last_mut().unwrap().rows.push(cells(line));
            }
        }
        in_table = line.starts_with('|');
    }
    all
}

/// The code of a cell, span by span.
fn code(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

/// Plays a row; what is not as it says.
fn differences(table: &Table, row: &[String]) -> Vec<String> {
    let head = table.head[0].strip_suffix(" has").map(|of| of.trim_matches('`'));
    let more = if head.is_some() { code(&row[0]) } else { Vec::new() };
    let text = head.map_or_else(|| table.verb.clone(), |of| with(&table.verb, of, &more));
    let parsed = planned(&text);
    let guards: Vec<&str> = parsed.guards.iter().map(|g| g.id.as_str()).collect();
    let play = Play::of(table.cell(row, "what happens"), &guards);
    let plan = planned(&play.verb(&text));
    let case = play.run(plan);
    let mut wrong = Vec::new();
    let mut demand = |what: &str, found: &str, told: &str| {
        if found != told {
            wrong.push(format!("{what} is {found}, and the page says {told}"));
        }
    };
    for ends in table.cell(row, "ends as").split(", ") {
        let (step, state) = ends.trim_start_matches('`').split_once("` ").unwrap();
        demand(step, case.log.state(step), state);
    }
    if table.head.iter().any(|h| h == "started") {
        let told = table.cell(row, "started").trim_matches(['`', '–']);
        demand("what was started", &case.started.join(" "), told);
    }
    let status = case.log.run.status().name().replace('_', " ");
    demand("the run", &status, table.cell(row, "the run"));
    wrong
}

#[test]
fn every_row_of_the_page_is_what_the_core_does() {
    let mut wrong = String::new();
    let mut rows = 0;
    for table in tables().iter().filter(|t| t.is_of_cases()) {
        for row in &table.rows {
            rows += 1;
            for difference in differences(table, row) {
                writeln!(wrong, "| {} |: {difference}", row.join(" | ")).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "rows of docs/runs.md:\n{wrong}");
    assert_eq!(rows, ROWS, "rows of docs/runs.md went or came");
}

#[test]
fn every_table_of_the_page_is_run_by_a_test() {
    for table in tables() {
        let known = ["`a`", "outcome", "status"].contains(&table.head[0].as_str());
        assert!(known || table.is_of_cases(), "nothing runs the table {:?}", table.head);
    }
}

fn words<T: Tag>() -> Vec<&'static str> {
    T::WORDS.iter().map(|(word, _)| *word).collect()
}

#[test]
fn no_word_of_the_format_is_missing_on_the_page() {
    let mut said = String::new();
    let mut ends: BTreeSet<String> = BTreeSet::new();
    for table in tables().iter().filter(|t| t.is_of_cases()) {
        said += &table.verb;
        for row in &table.rows {
            said += &row.join(" | ");
            ends.insert(table.cell(row, "the run").replace(' ', "_"));
        }
    }
    let all = [
        words::<EdgeKind>(),
        words::<ErrorTag>(),
        words::<Interrupt>(),
        words::<ConvergeStrategy>(),
        words::<Severity>(),
        words::<Join>(),
    ];
    // What is usual where nothing is said need not be written.
    let usual = ["Always", "OnSuccess", "All"];
    for word in all.concat().into_iter().filter(|word| !usual.contains(word)) {
        assert!(said.contains(&format!("\"{word}\"")), "no row has {word}");
    }
    assert!(said.contains("probe = "), "no row has a probe");
    let open = [RunStatus::Running, RunStatus::Refused];
    for status in RunStatus::ALL.iter().filter(|status| !open.contains(status)) {
        assert!(ends.contains(status.name()), "no row ends as {}", status.name());
    }
}

#[test]
fn each_edge_holds_as_the_page_says() {
    let tables = tables();
    let table = tables.iter().find(|t| t.head[0] == "`a`").unwrap();
    let kinds: Vec<&str> = table.head[1..].iter().map(|h| h.trim_matches('`')).collect();
    assert_eq!(kinds, EdgeKind::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    let states: Vec<&str> = table.rows.iter().map(|row| row[0].as_str()).collect();
    assert_eq!(states, ["passed", "recovered", "failed", "skipped", "unproven"]);
    for row in &table.rows {
        let (lines, happens): (&[&str], &str) = match row[0].as_str() {
            "passed" => (&[], "all passes"),
            "recovered" => {
                (&["on_error = { strategy = \"Fallback\", target = \"spare\" }"], "a exits 1")
            }
            "failed" => (&["on_error = \"Continue\""], "a exits 1"),
            "skipped" => (&[], "a is false"),
            _ => (&[], "a is unproven"),
        };
        for (kind, cell) in kinds.iter().zip(&row[1..]) {
            let edge = format!("depends_on = [{{ step = \"a\", kind = \"{kind}\" }}]");
            let verb = with(&with(&table.verb, "a", lines), "b", &[&edge]);
            let play = Play::of(happens, &[]);
            let case = play.run(planned(&Play::of(happens, &[]).verb(&verb)));
            assert_eq!(case.log.state("a"), row[0], "{verb}");
            let told = if cell == "holds" { "passed" } else { "skipped" };
            assert!(cell == "holds" || cell == "cannot hold", "{cell}");
            assert_eq!(case.log.state("b"), told, "{} {kind}", row[0]);
        }
    }
}

#[test]
fn each_outcome_is_retried_where_on_names_it() {
    let tables = tables();
    let table = tables.iter().find(|t| t.head[0] == "outcome").unwrap();
    let named: Vec<&str> = table.rows.iter().map(|row| code(&row[0])[0]).collect();
    assert_eq!(named, OUTCOMES);
    for row in &table.rows {
        let outcome = code(&row[0])[0];
        let alone = match row.last().unwrap().as_str() {
            "yes" => true,
            "only where it is named" => false,
            other => panic!("{other}"),
        };
        let others = OUTCOMES.iter().find(|o| **o != outcome && **o != "exited").unwrap();
        let on = |name: &str| format!("max = 1, on = [\"{name}\"]");
        let tries = [(on(outcome), true), (on(others), false), ("max = 1".to_owned(), alone)];
        for (retry, again) in tries {
            let line = format!("on_error = {{ strategy = \"Retry\", {retry} }}");
            let line = [line.as_str(), "on_interrupt = \"Fail\""];
            let plan = planned(&with(&table.verb, "a", &line));
            let case = match ended(outcome) {
                Some(ending) => Case::new(plan).ends("a#1", ending).go(),
                None => Case::new(plan).runs("a#1").go().dies(false),
            };
            assert_eq!(case.started.contains(&"a#2".to_owned()), again, "{outcome}: {retry}");
        }
    }
}

/// An attempt that ended so; none if it was interrupted.
fn ended(outcome: &str) -> Option<Ending> {
    let reason = String::new();
    let of = |outcome| Some(Ending::of(outcome, false));
    match outcome {
        "exited" => of(Outcome::Exited { code: 1 }),
        "signaled" => of(Outcome::Signaled { signal: 9 }),
        "timed_out" => of(Outcome::TimedOut { after_ms: 1 }),
        "stalled" => of(Outcome::Stalled { after_ms: 1 }),
        "failed" => of(Outcome::Failed { reason }),
        "could_not_start" => of(Outcome::CouldNotStart { reason }),
        "lost" => of(Outcome::Lost { reason }),
        "interrupted" => None,
        "check_failed" => {
            let mut ending = exit(0);
            ending.passed = false;
            let (expected, observed) = (String::new(), String::new());
            ending.checks.push(Check {
                what: "stdout".to_owned(),
                expected,
                observed,
                passed: false,
            });
            Some(ending)
        }
        "bad_output" => {
            let bad_output = Some("no such output".to_owned());
            Some(Ending { passed: false, bad_output, ..exit(0) })
        }
        other => {
            let why = NoConnection::ALL.into_iter().find(|why| why.name() == other).unwrap();
            of(Outcome::NoConnection { why, said: String::new() })
        }
    }
}
