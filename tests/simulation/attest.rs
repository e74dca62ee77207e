//! Conditions in prose: what can be attested when, by whom, and that it changes nothing that happens (O5).

use ostler::plan::{Clause, Plan};
use ostler::run::{Actor, ActorKind, Event, Run, RunStatus};

use crate::driver::Case;
use crate::dsl::{Build, exit, plan, step};

fn worded() -> Plan {
    let mut plan = plan(vec![step("a"), step("b").needs("a")], vec![]);
    plan.preconditions = vec!["the tree is clean".to_owned(), "nobody releases".to_owned()];
    plan.postconditions = vec!["the users were told".to_owned()];
    plan
}

fn attested(clause: Clause) -> Event {
    Event::Attested { clause, note: None }
}

/// What was attested: which, by whom, whether something had been done by then.
fn all(run: &Run) -> Vec<(String, String, bool)> {
    let one =
        |one: &ostler::run::Attestation| (one.clause.to_string(), one.by.name.clone(), one.begun);
    run.attestations().iter().map(one).collect()
}

#[test]
fn what_is_of_before_is_attested_until_the_end_and_what_is_of_after_from_then_on() {
    let (ada, bot) = (
        Actor { kind: ActorKind::Human, name: "ada".to_owned() },
        Actor { kind: ActorKind::Agent, name: "bot".to_owned() },
    );
    let mut case = Case::new(worded()).runs("a#1");
    let refused = |case: &mut Case, who: &Actor, clause, why: &str| {
        let before = case.log.run.attestations().len();
        let error = case.log.put_as(who, attested(clause)).unwrap_err().to_string();
        assert!(error.contains(why), "{clause}: {error}");
        assert_eq!(case.log.run.attestations().len(), before);
    };
    case.log.put_as(&bot, attested(Clause::Pre(1))).unwrap();
    refused(&mut case, &bot, Clause::Pre(1), "agent bot attested `pre-1` before");
    refused(&mut case, &bot, Clause::Pre(3), "there is pre-1, pre-2, post-1");
    refused(&mut case, &bot, Clause::Post(1), "`post-1` is of after, and run");
    // Late, which is seen; and another says the same.
    let mut case = case.go();
    case.log.put_as(&ada, attested(Clause::Pre(2))).unwrap();
    case.log.put_as(&ada, attested(Clause::Pre(1))).unwrap();
    let mut case = case.end("a", exit(0)).ran("a#1 b#1").was(RunStatus::Passed);
    refused(&mut case, &ada, Clause::Pre(2), "`pre-2` is of before, and run");
    case.log.put_as(&bot, attested(Clause::Post(1))).unwrap();
    let expected = [
        ("pre-1", "bot", false),
        ("pre-2", "ada", true),
        ("pre-1", "ada", true),
        ("post-1", "bot", true),
    ];
    let expected = expected.map(|(clause, by, begun)| (clause.to_owned(), by.to_owned(), begun));
    assert_eq!(all(&case.log.run), expected);
    // The log alone says the same.
    let mut again = Run::new(case.log.run.plan().clone());
    case.log.records.iter().for_each(|record| again.apply(record).unwrap());
    assert_eq!(all(&again), expected);
}

#[test]
fn a_run_without_conditions_has_none_to_attest() {
    let mut case = Case::new(plan(vec![step("a")], vec![]));
    let error = case.log.put(attested(Clause::Pre(1))).unwrap_err().to_string();
    assert!(error.contains("there is no condition `pre-1` here: there is none"), "{error}");
}
