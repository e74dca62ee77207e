//! The pure core in a simulated world: random graphs, orders, people and crashes; an oracle; the rules one by one; the
//! tables of `docs/runs.md`, row by row.
//!
//! Behaviours shown here (`docs/behaviours.md`): O2, O3, O13, C1, C17.
//!
//! Each property was seen to fail by breaking `src/run` in one place (the second column) and running this file:
//!
//! | property | the change | what failed |
//! | --- | --- | --- |
//! | (a) a step starts only after its edges hold | `Run::gate` lets a step go with one edge undecided | worlds: "(a)"; the oracle; 17 cases |
//! | (b) numbers are consecutive, nothing ended runs again unasked | `finished_attempt` does not count a retry | worlds: "(b) … retried"; the oracle; 2 cases |
//! | (c) replay equals live | `StepStarted` does not write its params | worlds: "(c)" alone |
//! | (d) the run ends and is never stuck | `Run::gate` leaves a target of a closed road waiting | worlds: "(d) the run is stuck"; the oracle; 2 cases |
//! | (e) `finally` always ran | `next_phase` leaves it out after a stop | worlds: "(e) finally owed"; the oracle; 4 cases |
//! | (f) slots and locks | `starts` forgets the locks it has just given away | worlds: "(f) two steps hold" alone |
//! | (g) after a stop nothing new starts | `Run::stop` does not bar what is ready | worlds: "(g)"; the oracle; 4 cases |
//! | (h) a skip has a true cause | `Run::gate` skips a `join = Any` step with a broken edge though another holds | worlds: "(h)"; the oracle; 1 case |
//! | (i) `on_interrupt` is honoured | an interrupted step with a probe runs again unprobed | worlds: "(i)"; 1 case |
//! | (j) one holder, tokens grow, nothing under an ended lease | `held_under` takes later tokens too | worlds: "(j)"; 1 case |
//! | (k) the engine starts only what is its own | `starts` leaves to somebody only what is last | worlds: "(k)"; 10 cases |
//! | (l) a veto holds the run | `Run::decide` lets a run whose steps have ended go on | worlds: "(l)"; retries: "(l)" |
//! | what is lent stands | `Run::take_over` forgets that what was acquired was released | retries: "it is for this run to do"; 2 cases |
//! | … and comes after nothing that runs again | `Run::lend` does not wait for the edges | retries: "it comes after others"; 4 cases |
//! | the oracle | the verdict does not count unproven steps | the oracle; 1 case |
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

#[path = "simulation/attest.rs"]
mod attest;
#[path = "simulation/briefs.rs"]
mod briefs;
#[path = "simulation/cases.rs"]
mod cases;
#[path = "simulation/chance.rs"]
mod chance;
#[path = "simulation/driver.rs"]
mod driver;
#[path = "simulation/dsl.rs"]
mod dsl;
#[path = "simulation/endings.rs"]
mod endings;
#[path = "simulation/fan.rs"]
mod fan;
#[path = "simulation/generate.rs"]
mod generate;
#[path = "simulation/hands.rs"]
mod hands;
#[path = "simulation/held.rs"]
mod held;
#[path = "simulation/lease.rs"]
mod lease;
#[path = "simulation/lend.rs"]
mod lend;
#[path = "simulation/oracle.rs"]
mod oracle;
#[path = "simulation/page.rs"]
mod page;
#[path = "simulation/play.rs"]
mod play;
#[path = "simulation/properties.rs"]
mod properties;
#[path = "simulation/remarks.rs"]
mod remarks;
#[path = "simulation/rules.rs"]
mod rules;
#[path = "simulation/table.rs"]
mod table;
#[path = "simulation/timed.rs"]
mod timed;
#[path = "simulation/world.rs"]
mod world;

use std::collections::BTreeMap;

/// How many random graphs each of the two big tests tries.
const GRAPHS: u64 = 2_500;

/// The seeds to try: all, or the one in `OSTLER_SEED`.
#[expect(clippy::disallowed_methods, reason = "only the pure modules may not ask")]
fn seeds() -> Vec<u64> {
    match std::env::var("OSTLER_SEED") {
        Ok(seed) => vec![seed.parse().unwrap()],
        Err(_) => (0..GRAPHS).collect(),
    }
}

/// What went wrong with a seed: why, and the plan and records.
type Failure = (u64, String, String);

#[test]
fn every_property_holds_in_random_worlds() {
    report(tried(|seed| world::simulate(seed).map(drop)));
}

#[test]
fn every_property_holds_of_runs_that_are_stepped_through() {
    report(tried(|seed| world::step_through(seed).map(drop)));
}

#[test]
fn the_engine_and_the_oracle_agree() {
    let open = std::cell::Cell::new(0);
    let failures = tried(|seed| {
        let decided = timed::compare(seed)?;
        open.set(open.get() + usize::from(!decided));
        Ok(())
    });
    report(failures);
    let open = open.get();
    assert!(open * 50 < seeds().len() + 50, "the oracle left {open} graphs open");
}

/// Tries all seeds; a panic of the engine is a failure like any other.
fn tried(one: impl Fn(u64) -> Result<(), Box<(dsl::Log, String)>>) -> Vec<Failure> {
    let mut failures = Vec::new();
    for seed in seeds() {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| one(seed)));
        match result.map_err(|_| "it panics".to_owned()) {
            Ok(Ok(())) => {}
            Ok(Err(failure)) => failures.push((seed, failure.1, story(&failure.0))),
            Err(why) => failures.push((seed, why, String::new())),
        }
    }
    failures
}

/// The plan and the records of a run.
fn story(log: &dsl::Log) -> String {
    let mut text = format!("plan:\n{}records:\n", dsl::shown(log.run.plan()));
    for record in &log.records {
        let event = serde_json::to_string(&record.event).unwrap();
        let empty = ",\"stdout\":{\"bytes\":0,\"kept\":0},\"stderr\":{\"bytes\":0,\"kept\":0}";
        let shown = event.replace(empty, "");
        text.extend([format!("  {} {} {shown}\n", record.seq, record.at)]);
    }
    text
}

/// Shows the smallest failure, and how many there are of each kind.
fn report(mut failures: Vec<Failure>) {
    failures.sort_by_key(|(_, _, details)| details.len());
    let mut kinds: BTreeMap<String, (u64, usize)> = BTreeMap::new();
    for (seed, why, _) in &failures {
        let kind: String = why.chars().filter(|c| !c.is_ascii_digit()).take(40).collect();
        kinds.entry(kind).or_insert((*seed, 0)).1 += 1;
    }
    if let Some((seed, why, details)) = failures.first() {
        panic!(
            "the first seed and the count by kind: {kinds:#?}\nOSTLER_SEED={seed}: {why}\n{details}"
        );
    }
}
