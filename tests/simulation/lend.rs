//! What a run lends to the one that retries it: in random worlds, and rule by rule.

use std::collections::BTreeSet;
use std::sync::Arc;

use ostler::plan::Plan;
use ostler::run::{Answer, Event, Run, RunStatus, State, TakenOver};
use ostler::workflow::{EdgeKind, OnError};

use crate::driver::Case;
use crate::dsl::{Build, Log, branch, fallback, inst, plan, recheck, step};
use crate::world::{retry, simulate};

/// What is taken over, in order.
fn taken(events: &[Event]) -> Vec<String> {
    let step = |event: &Event| match event {
        Event::StepTakenOver { step, .. } => step.to_string(),
        other => panic!("{other:?} takes over nothing"),
    };
    events.iter().map(step).collect()
}

/// Which steps a run lends to another of the same plan.
fn lent(run: &Run) -> String {
    let mut all = taken(&run.lend(run.plan(), &BTreeSet::new(), &[]));
    all.sort();
    all.join(" ")
}

/// All that must hold of what was taken over.
fn judge(old: &Run, new: &Log) -> Result<usize, String> {
    let mut count = 0;
    for record in &new.records {
        let Event::StepTakenOver { step, from } = &record.event else { continue };
        count += 1;
        let (before, node) = (old.node(step).unwrap(), new.run.node(step).unwrap());
        let of_plan = old.step(before);
        let is_taken = |id: &str| {
            let taken = |r: &ostler::run::Record| matches!(&r.event, Event::StepTakenOver { step, .. } if step.step.as_str() == id);
            new.records.iter().any(taken)
        };
        let known = before.taken_over.clone().map_or_else(
            || before.attempts.iter().any(|a| a.n == from.attempt),
            |first| first == **from,
        );
        let wrong = [
            (before.state != State::Passed, "it did not pass"),
            (!from.ending.passed, "its attempt did not pass"),
            (!before.still_holds(), "somebody saw that it is no longer so"),
            (!known, "there was no such attempt"),
            (before.finally || of_plan.release.is_some(), "it is for this run to do"),
            (!of_plan.edges.iter().all(|e| is_taken(e.step.as_str())), "it comes after others"),
            (node.taken_over.is_some() && !node.attempts.is_empty(), "it ran again"),
            (node.taken_over.is_some() && node.outputs != before.outputs, "its outputs differ"),
        ];
        if let Some((_, why)) = wrong.iter().find(|(is, _)| *is) {
            return Err(format!("{step} was taken over: {why}"));
        }
    }
    Ok(count)
}

#[test]
fn retries_of_random_runs_take_over_only_what_stands() {
    let mut total = 0;
    for seed in 0..600 {
        let Ok(first) = simulate(seed) else { continue };
        let again = retry(seed, &first, &[]).unwrap_or_else(|e| panic!("seed {seed}: {}", e.1));
        total += judge(&first.run, &again).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
        // And what was taken over is lent on, from where it ran.
        let third = retry(seed + 1, &again, &[&first.run])
            .unwrap_or_else(|e| panic!("seed {seed}: {}", e.1));
        judge(&again.run, &third).unwrap_or_else(|why| panic!("seed {seed}: {why}"));
    }
    assert!(total > 300, "only {total} steps were taken over");
}

#[test]
fn what_comes_after_a_step_that_runs_again_runs_again() {
    let steps = vec![
        step("a"),
        step("b").needs("a"),
        step("bad").on_error(OnError::Continue),
        step("c").edge("bad", EdgeKind::Always, None),
        step("d").needs("b").after("c"),
        step("skipped").when("false"),
        step("e").after("skipped"),
    ];
    let case = Case::new(plan(steps, vec![])).exits("bad#1", 1).go();
    let case = case.is("c=passed d=passed e=passed").was(RunStatus::PassedWithFailures);
    assert_eq!(lent(&case.replayed()), "a b");
}

#[test]
fn what_stood_in_runs_again_and_what_was_taken_by_success_does_not() {
    let steps = vec![
        step("a").on_error(fallback("spare")),
        step("spare"),
        step("b").on_error(branch("bad", Some("good"))),
        step("good"),
        step("bad"),
        step("stops").after("a").after("good"),
    ];
    let case = Case::new(plan(steps, vec![])).exits("a#1", 1).exits("stops#1", 1).go();
    let case = case.is("a=recovered spare=passed b=passed good=passed").was(RunStatus::Failed);
    assert_eq!(lent(&case.replayed()), "b good");
}

#[test]
fn what_was_released_is_acquired_again_and_finally_runs_again() {
    let steps = vec![
        step("hold").release("drop"),
        step("uses").needs("hold"),
        step("free"),
        step("stops").needs("uses").after("free"),
    ];
    let case = Case::new(plan(steps, vec![step("drop"), step("sweep")])).exits("stops#1", 1).go();
    let case = case.is("drop[hold#1]=passed sweep=passed uses=passed free=passed");
    assert_eq!(lent(&case.replayed()), "free");
}

#[test]
fn what_a_person_said_of_one_plan_is_not_taken_over_by_another() {
    let steps = || vec![step("asks").human(), step("runs"), step("stops").after("asks")];
    let case = Case::new(plan(steps(), vec![])).exits("stops#1", 1).go();
    let run = case.answer("asks", Answer::Passed).go().was(RunStatus::Failed).replayed();
    assert_eq!(lent(&run), "asks runs");
    let other = plan(steps(), vec![step("sweep")]);
    assert_eq!(taken(&run.lend(&Arc::new(other), &BTreeSet::new(), &[])), ["runs"]);
}

#[test]
fn what_somebody_said_of_a_command_is_not_taken_over_by_another_plan() {
    let steps = || vec![step("a"), step("runs"), step("stops").after("a").after("runs")];
    // It may have run when the engine died, and a person says that it did.
    let case = Case::new(plan(steps(), vec![])).runs("a#1").exits("stops#1", 1).go().dies(false);
    let run = case.go().answer("a", Answer::Passed).go().was(RunStatus::Failed).replayed();
    assert_eq!(lent(&run), "a runs");
    let other = Arc::new(plan(steps(), vec![step("sweep")]));
    assert_eq!(taken(&run.lend(&other, &BTreeSet::new(), &[])), ["runs"]);
}

/// A run, one that retries it, and what a retry of that one takes over, whatever became of the first.
#[test]
fn what_was_taken_over_is_lent_on_only_while_its_origin_stands_by_it() {
    let steps = || vec![step("a"), step("sign").human().needs("a"), step("stops").needs("sign")];
    let case = Case::new(plan(steps(), vec![])).exits("stops#1", 1).go();
    let mut first = case.answer("sign", Answer::Passed).go().was(RunStatus::Failed);
    let plan = first.log.run.plan().clone();
    let own = first.log.run.lend(&plan, &BTreeSet::new(), &[]);
    let second = Case::retrying(&plan, own.clone()).exits("stops#1", 1).go().replayed();
    assert_eq!(second.origins().len(), 1);
    let lent = |origins: &[&Run]| taken(&second.lend(&plan, &BTreeSet::new(), origins));
    assert_eq!(lent(&[&first.log.run]), ["a", "sign"]);
    assert!(lent(&[]).is_empty(), "nobody can say whether it still is so");
    let veto = first.log.records.len() as u64;
    first.put(Event::Vetoed { note: "no".to_owned() });
    assert!(lent(&[&first.log.run]).is_empty());
    first.put(Event::VetoLifted { veto, note: "well".to_owned() });
    assert_eq!(lent(&[&first.log.run]), ["a", "sign"]);
    first.put(Event::ClaimChecked(Box::new(recheck(inst("a"), 1, false))));
    assert!(lent(&[&first.log.run]).is_empty());
    first.put(Event::ClaimChecked(Box::new(recheck(inst("a"), 1, true))));
    assert_eq!(lent(&[&first.log.run]), ["a", "sign"]);
}

#[test]
fn a_changed_step_and_other_params_are_not_taken_over() {
    let steps = || vec![step("a"), step("b"), step("stops")];
    let run = Case::new(plan(steps(), vec![])).exits("stops#1", 1).go().replayed();
    let mut other = steps();
    other[1] = step("b").when("true");
    assert_eq!(taken(&run.lend(&Arc::new(plan(other, vec![])), &BTreeSet::new(), &[])), ["a"]);
    assert_eq!(lent(&run), "a b");
    let mut param = Plan::clone(run.plan());
    let Some(first) = param.params.values_mut().next() else {
        panic!("the plan has no params to change")
    };
    first.value = serde_json::json!("something else");
    assert!(run.lend(&Arc::new(param), &BTreeSet::new(), &[]).is_empty());
}

/// The refusal of a takeover in a run that retries another.
#[track_caller]
fn refused(log: &Log, step: &str, from: &TakenOver) -> String {
    let event = Event::StepTakenOver { step: inst(step), from: Box::new(from.clone()) };
    log.run.clone().apply(&log.record(event)).unwrap_err().to_string()
}

#[test]
fn a_takeover_that_cannot_be_is_refused() {
    let steps = vec![
        step("a"),
        step("b").needs("a"),
        step("hold").release("drop"),
        step("stops").needs("b"),
    ];
    let plan = Arc::new(plan(steps, vec![step("drop")]));
    let case = Case::new(Plan::clone(&plan)).exits("stops#1", 1).go();
    let old = case.replayed();
    let events = old.lend(&plan, &BTreeSet::new(), &[]);
    assert_eq!(taken(&events), ["a", "b"]);
    let Event::StepTakenOver { from, .. } = &events[0] else { panic!("no takeover") };
    // In a run that retries none, or once something else happened.
    let fresh = Case::new(Plan::clone(&plan));
    fresh.refuses(events[0].clone(), "only a retry takes over steps");
    let driven = Log::retry(&plan, 1, Vec::new());
    assert!(refused(&driven, "a", from).contains("only a retry takes over steps"));
    let log = Log::retrying(&plan, 1);
    assert!(refused(&log, "b", from).contains("what it comes after is not"));
    assert!(refused(&log, "hold", from).contains("what it acquired was released"));
    assert!(refused(&log, "drop", from).contains("there is no step"));
    let mut failed = TakenOver::clone(from);
    failed.ending.passed = false;
    assert!(refused(&log, "a", &failed).contains("it did not pass"));
    let mut log = log;
    log.put(events[0].clone()).unwrap();
    assert!(refused(&log, "a", from).contains("it is passed"));
    log.put(events[1].clone()).unwrap();
    assert_eq!(
        log.run.node(&inst("b")).unwrap().reason.as_deref(),
        Some(&*format!("passed in run {}", old.id()))
    );
}
