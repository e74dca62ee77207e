//! Many hands on one store: nothing that was acknowledged is lost, nothing is there twice, and a step has one holder.
//!
//! Behaviours shown here (`docs/behaviours.md`): O3, O10, O12.

use std::collections::BTreeSet;
use std::time::Instant;

use serde_json::Value;

use crate::actors::{Until, Who};
use crate::history::History;
use crate::support::Test;

/// How many hands.
const HANDS: usize = 16;
/// How many steps a run has here.
const STEPS: usize = 100;

/// A count that those who have the time set higher.
pub(crate) fn count(name: &str, usual: usize) -> usize {
    std::env::var(name).map_or(usual, |n| n.parse().unwrap())
}

/// A workspace with a verb of so many steps, none after another.
pub(crate) fn steps(id: &str, count: usize) -> Test {
    let step = |n: usize| format!("[[steps]]\nid = 's{n}'\ncmd = 'true'\n");
    Test::with(id, &(0..count).map(step).collect::<String>())
}

/// Reports so many steps, wherever there are some, each under a name of its own: these names.
fn work(who: Who<'_>, runs: &[String], each: usize) -> BTreeSet<String> {
    let mut done = BTreeSet::new();
    let number: usize = who.name.split('w').next_back().unwrap().parse().unwrap();
    for run in runs.iter().cycle().skip(number) {
        if done.len() == each {
            break;
        }
        let mut brief = who.told(&["step", "next", run]);
        if brief["step"]["token"].is_null()
            && let Some(step) = brief["step"]["id"].as_str()
        {
            let taken = who.runs(&["step", "take", run, step, "--format", "json"]);
            assert!(matches!(taken.code, 0 | 6), "{taken:?}");
            brief = if taken.code == 0 { taken.json() } else { Value::Null };
        }
        while let Some(token) = brief["step"]["token"].as_u64() {
            let step = brief["step"]["id"].as_str().unwrap();
            if done.len() == each {
                who.told(&["step", "release", run, step]);
                break;
            }
            let (id, token) = (format!("{}-{}", who.name, done.len()), token.to_string());
            let report = ["step", "report", run, step, "--status", "pass", "--id", &id];
            let next = who.told(&[&report[..], &["--token", &token]].concat());
            if done.len().is_multiple_of(10) {
                // It is not sure whether it arrived: once more changes nothing.
                assert_eq!(who.told(&report)["last"]["status"], "passed");
            }
            done.insert(id);
            brief = next;
        }
    }
    done
}

#[test]
fn sixteen_processes_report_into_one_store_and_nothing_is_lost() {
    let each = count("OSTLER_TEST_REPORTS", 25);
    let test = steps("many", STEPS);
    let opens = test.who("human:ada");
    let runs: Vec<String> = (0..HANDS * each / STEPS).map(|_| opens.opens("many")).collect();
    assert_eq!(runs.len() * STEPS, HANDS * each, "there is a step for each report");
    let names: Vec<String> = (0..HANDS)
        .map(|n| if n.is_multiple_of(4) { format!("human:w{n}") } else { format!("agent:w{n}") })
        .collect();
    let since = Instant::now();
    let told: Vec<BTreeSet<String>> = std::thread::scope(|scope| {
        let hand = |name: &String| {
            let (name, test, runs) = (name.clone(), &test, &runs);
            scope.spawn(move || work(test.who(&name), runs, each))
        };
        let hands: Vec<_> = names.iter().map(hand).collect();
        hands.into_iter().map(|hand| hand.join().unwrap()).collect()
    });
    let took = since.elapsed();
    let (mut recorded, mut reported, mut records) = (BTreeSet::new(), 0, 0);
    for run in &runs {
        // The sequence of its records has no gap, and its chain holds.
        let history = History::of(&test, &[run]);
        // Who came too late for a last step was refused after the end.
        let (_, ended) = history.all("run_finished").next().expect("it ended");
        assert_eq!(ended["status"], "passed");
        test.ostler(&["runs", "verify", run]).code(0).says("sound");
        let ids =
            history.all("step_reported").map(|(_, e)| e["report"].as_str().unwrap().to_owned());
        recorded.extend(ids);
        reported += history.all("step_reported").count();
        let steps = history.all("step_reported").map(|(_, e)| e["step"].as_str().unwrap());
        assert_eq!(steps.collect::<BTreeSet<_>>().len(), STEPS, "each step once");
        records += history.records.len();
    }
    let told: BTreeSet<String> = told.into_iter().flatten().collect();
    println!("{} reports in, {reported} out, {records} records, {took:?}", told.len());
    assert_eq!((told.len(), reported), (HANDS * each, HANDS * each));
    assert_eq!(told, recorded);
}

#[test]
fn of_two_agents_who_claim_a_step_one_wins() {
    let claims = count("OSTLER_TEST_CLAIMS", 40);
    let test = steps("claims", 20);
    let opens = test.who("human:ada");
    let (x, y) = (test.who("agent:x"), test.who("agent:y"));
    let mut run = String::new();
    let (mut won, since) = ([0, 0], Instant::now());
    for n in 0..claims {
        let step = format!("s{}", n % 20);
        if n % 20 == 0 {
            run = opens.opens("claims");
        }
        let take = ["step", "take", &run, &step, "--format", "json"];
        // Who comes first takes turns.
        let order = if n % 2 == 0 { [x, y] } else { [y, x] };
        let both = order.map(|who| Until::starts(who.command(&take)));
        let mut both = both.map(Until::ends);
        if n % 2 == 1 {
            both.reverse();
        }
        let winner = both.iter().position(|ran| ran.code == 0).expect("one of them wins");
        let (winner_is, loser) = (["x", "y"][winner], &both[1 - winner]);
        won[winner] += 1;
        assert_eq!(both[winner].json()["step"]["id"], *step);
        assert_eq!(loser.code, 6, "{loser:?}");
        assert!(
            loser.stderr.contains(&format!("`{step}` is held by agent {winner_is}")),
            "{loser:?}"
        );
        if n % 20 == 19 || n + 1 == claims {
            let history = History::of(&test, &[&run]);
            let of = |kind| history.all(kind).count();
            assert_eq!((of("step_taken"), of("refused")), (n % 20 + 1, n % 20 + 1));
        }
    }
    println!("{claims} claims, won {won:?}, {:?}", since.elapsed());
}
