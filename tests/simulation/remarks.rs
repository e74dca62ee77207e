//! What is said of a run from outside: vetoes that hold it, who lifts them, and claims that are looked at again.

use std::collections::BTreeSet;
use std::sync::Arc;

use ostler::run::{Actor, ActorKind, Answer, Claim, Event, Outcome, Run, RunStatus, Seen};
use ostler::workflow::{ConvergeStrategy, Effect, OnError, OnInterrupt, Severity};

use crate::driver::Case;
use crate::dsl::{Build, Log, converge, exit, guard, inst, plan, recheck, retry, step};
use crate::held::lift;

fn human(name: &str) -> Actor {
    Actor { kind: ActorKind::Human, name: name.to_owned() }
}

fn agent(name: &str) -> Actor {
    Actor { kind: ActorKind::Agent, name: name.to_owned() }
}

fn veto() -> Event {
    Event::Vetoed { note: "no".to_owned() }
}

fn vetoed(mut case: Case) -> Case {
    case.put(veto());
    case.go()
}

fn lifted(mut case: Case) -> Case {
    case.put(lift(&case.log.run));
    case.go()
}

#[test]
fn what_runs_ends_and_nothing_follows_until_the_veto_is_lifted() {
    let steps = || vec![step("a"), step("b").needs("a"), step("beside").human()];
    let case = vetoed(Case::new(plan(steps(), vec![step("f")])).runs("a#1").go());
    let case = case.was(RunStatus::Running).is("a=running beside=asked");
    let case = case.end("a", exit(0)).is("a=passed b=ready f=absent").was(RunStatus::Waiting);
    // An answer is taken, and nothing follows it.
    let case = case.answer("beside", Answer::Passed).is("beside=passed b=ready");
    let case = case.was(RunStatus::Waiting).ran("a#1");
    lifted(case).ran("a#1 b#1 f#1").was(RunStatus::Passed);
}

#[test]
fn nothing_is_decided_asked_retried_or_converged_under_a_veto() {
    let again = OnError::Retry(retry(1, OnError::Stop));
    let steps = vec![
        step("a").on_error(OnError::Continue),
        step("skips").needs("a"),
        step("asks").on_failure("a").human(),
        step("fans").on_failure("a").each("x y", |_| {}),
        step("tries").on_error(again),
    ];
    let case = Case::new(plan(steps, vec![])).runs("a#1").runs("tries#1").go();
    let case = vetoed(case).end("a", exit(1)).end("tries", exit(1));
    let case = case.is("a=failed skips=waiting asks=waiting fans=waiting tries=delayed");
    let case = lifted(case.ran("a#1 tries#1"));
    case.is("skips=skipped asks=asked fans=passed tries=passed").was(RunStatus::Waiting);

    let mut converging = plan(vec![step("a")], vec![]);
    converging.converge = Some(converge(1, ConvergeStrategy::RetryAll));
    let case = Case::new(converging).runs("a#1").says("converge", &[1, 0]).go();
    let case = vetoed(case).end("a", exit(0)).was(RunStatus::Waiting).ran("a#1");
    lifted(case).ran("a#1 a#2").was(RunStatus::Passed);

    let mut guarded = plan(vec![step("a")], vec![]);
    guarded.guards = vec![guard("g", Severity::Block)];
    let case = vetoed(Case::new(guarded)).was(RunStatus::Waiting).ran("");
    lifted(case).ran("a#1");
}

#[test]
fn a_vetoed_run_can_be_cancelled_and_cleans_up() {
    let steps = || plan(vec![step("a"), step("b").needs("a")], vec![step("f")]);
    let case = vetoed(Case::new(steps()).runs("a#1").go()).end("a", exit(0)).cancel();
    let case = case.ran("a#1 f#1").is("a=passed b=cancelled f=passed").was(RunStatus::Cancelled);
    // The veto stands on what it ended as, and is lifted after the end as before it.
    assert_eq!(case.log.run.vetoes().len(), 1);
    let case = lifted(case).was(RunStatus::Cancelled);
    assert!(case.log.run.vetoes().is_empty());
}

#[test]
fn finally_that_has_begun_goes_on_and_the_run_waits_at_its_end() {
    let finally = vec![step("f"), step("g").after("f")];
    let case = Case::new(plan(vec![step("a")], finally)).runs("f#1").go();
    let case = vetoed(case).end("f", exit(0)).ran("a#1 f#1 g#1").is("g=passed");
    let case = case.was(RunStatus::Waiting);
    lifted(case).was(RunStatus::Passed);
}

#[test]
fn a_killed_engine_settles_what_ran_and_starts_nothing_under_a_veto() {
    let one = |on_interrupt| {
        let steps = vec![step("a").interrupt(on_interrupt), step("b").needs("a")];
        vetoed(Case::new(plan(steps, vec![])).runs("a#1").go()).dies(false)
    };
    let case = one(OnInterrupt::Rerun).is("a=ready").was(RunStatus::Waiting).ran("a#1");
    lifted(case).ran("a#1 a#2 b#1").was(RunStatus::Passed);
    let case = one(OnInterrupt::Ask).is("a=unsure").was(RunStatus::Waiting);
    lifted(case).is("a=asked").answer("a", Answer::Passed).was(RunStatus::Passed);
    // After a reboot nothing can have started that the veto had kept from it.
    let steps = vec![step("a"), step("b").needs("a")];
    let case = vetoed(Case::new(plan(steps, vec![])).runs("a#1").go());
    let case = case.end("a", exit(0)).dies(true).is("b=ready").was(RunStatus::Waiting);
    lifted(case).ran("a#1 b#1").was(RunStatus::Passed);
}

/// A run by ada in which eve answered for a step.
fn by_ada() -> Log {
    let steps = vec![step("a"), step("sign").needs("a").human()];
    let mut log = Log::open(&Arc::new(plan(steps, vec![])), 1);
    let mut opened = log.records[0].clone();
    opened.actor = human("ada");
    log.records.clear();
    log.run = Run::new(log.run.plan().clone());
    log.run.apply(&opened).unwrap();
    log.records.push(opened);
    let mut case = Case::of(log).go();
    let answer = Event::StepAnswered {
        step: inst("sign"),
        answer: Answer::Passed,
        outputs: std::collections::BTreeMap::new(),
        note: None,
        seen: None,
        report: None,
    };
    case.log.put_as(&human("eve"), answer).unwrap();
    case.go().was(RunStatus::Passed).log
}

#[test]
fn who_did_the_work_lifts_only_their_own_veto_and_so_does_an_agent() {
    let may = |by: &Actor, who: &Actor| {
        let mut log = by_ada();
        log.put_as(by, veto()).unwrap();
        let event = lift(&log.run);
        log.put_as(who, event).map_err(|error| error.to_string())
    };
    let (ada, eve, bob, bot) = (human("ada"), human("eve"), human("bob"), agent("bot"));
    for (by, who) in [(&bob, &bob), (&bob, &human("zoe")), (&bot, &bob), (&ada, &ada), (&bot, &bot)]
    {
        assert_eq!(may(by, who), Ok(()), "{by} {who}");
    }
    for (by, who, why) in [
        (&bob, &ada, "ada started the run"),
        (&bot, &ada, "ada started the run"),
        (&bob, &eve, "eve answered for `sign`"),
        (&bob, &bot, "agent bot lifts no veto but its own"),
        (&agent("other"), &bot, "agent bot lifts no veto but its own"),
        // One that has the same name is not the same.
        (&bob, &agent("bob"), "agent bob lifts no veto but its own"),
    ] {
        let refused = may(by, who).unwrap_err();
        assert!(refused.contains(why), "{by} {who}: {refused}");
    }
}

#[test]
fn vetoes_stand_side_by_side_and_each_is_lifted_once() {
    let mut log = by_ada();
    log.put_as(&human("bob"), veto()).unwrap();
    log.put_as(&agent("bot"), veto()).unwrap();
    let first = lift(&log.run);
    log.put_as(&human("bob"), first.clone()).unwrap();
    assert_eq!(log.run.vetoes().len(), 1);
    let twice = log.put_as(&human("bob"), first).unwrap_err().to_string();
    assert!(twice.contains("no such veto stands"), "{twice}");
    // Nothing else follows the end.
    let late = log.put(Event::DriverLeft).unwrap_err().to_string();
    assert!(late.contains("has finished"), "{late}");
}

#[test]
fn a_claim_is_looked_at_by_another_than_who_said_so() {
    let mut log = by_ada();
    let looked =
        |step: &str, attempt| Event::ClaimChecked(Box::new(recheck(inst(step), attempt, true)));
    let refused = log.put_as(&human("eve"), looked("sign", 1)).unwrap_err().to_string();
    assert!(refused.contains("another must see"), "{refused}");
    log.put_as(&human("ada"), looked("sign", 1)).unwrap();
    log.put_as(&human("ada"), looked("a", 1)).unwrap();
    log.put_as(&human("eve"), looked("a", 1)).unwrap();
    let node = log.run.node(&inst("a")).unwrap();
    let independent: Vec<bool> = node.rechecks().map(Seen::is_independent).collect();
    assert_eq!(independent, [false, true]);
    let claimer = |step: &str| log.run.claimer(log.run.node(&inst(step)).unwrap()).cloned();
    assert_eq!((claimer("a"), claimer("sign")), (Some(human("ada")), Some(human("eve"))));
    for (event, why) in [
        (looked("a", 2), "attempt 2 of `a` is not its last"),
        (looked("none", 1), "there is no step"),
    ] {
        let refused = log.put_as(&human("bob"), event).unwrap_err().to_string();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn a_recheck_is_of_an_attempt_and_a_later_one_claims_anew() {
    let mut converging = plan(vec![step("a")], vec![]);
    converging.converge = Some(converge(2, ConvergeStrategy::RetryAll));
    let mut case = Case::new(converging).runs("a#2").says("converge", &[1, 0]).go();
    let looked = |attempt| Event::ClaimChecked(Box::new(recheck(inst("a"), attempt, false)));
    // While it runs again there is nothing to look at.
    assert!(case.log.put(looked(1)).is_err());
    case = case.end("a", exit(0)).was(RunStatus::Passed);
    case.put(looked(2));
    assert!(!case.log.run.node(&inst("a")).unwrap().still_holds());
}

#[test]
fn what_is_no_longer_so_is_not_taken_over() {
    let steps = vec![step("a"), step("b").needs("a"), step("c"), step("d").needs("b")];
    let plan = Arc::new(plan(steps, vec![]));
    let mut case = Case::new((*plan).clone()).exits("d#1", 1).go().was(RunStatus::Failed);
    let lent = |run: &Run| run.lend(&plan, &BTreeSet::new(), &[]).len();
    assert_eq!(lent(&case.log.run), 3);
    case.put(Event::ClaimChecked(Box::new(recheck(inst("a"), 1, false))));
    assert_eq!(lent(&case.log.run), 1);
    case.put(Event::ClaimChecked(Box::new(recheck(inst("a"), 1, true))));
    assert_eq!(lent(&case.log.run), 3);
}

#[test]
fn only_what_reads_can_be_repeated() {
    let reads = |mut step: ostler::plan::Step| {
        step.effect = Effect::Read;
        step
    };
    let mut said = step("said").human();
    said.verify_prose = Some("it is so".to_owned());
    let steps = vec![step("writes"), reads(step("reads")), said, reads(step("person").human())];
    let case = Case::new(plan(steps, vec![])).go();
    let case = case.answer("said", Answer::Passed).answer("person", Answer::Passed);
    let claim = |step: &str| case.log.run.claim(case.log.run.node(&inst(step)).unwrap());
    assert_eq!(claim("reads"), Claim::Checkable);
    assert_eq!((claim("said"), claim("person")), (Claim::Attested, Claim::Attested));
    assert!(matches!(claim("writes"), Claim::Not(why) if why.contains("may change something")));
    let ending = case.log.run.node(&inst("said")).unwrap().ending().cloned();
    assert_eq!(ending.map(|ending| ending.outcome), Some(Outcome::Answered));
}
