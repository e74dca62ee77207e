//! The rules of the format about edges, stops, targets and retries, each as a hand-written case.

use ostler::run::{Answer, Ending, Outcome, RunStatus};
use ostler::workflow::{EdgeKind, OnError, OnInterrupt};
use serde_json::json;

use crate::driver::Case;
use crate::dsl::{Build, at, branch, fallback, inst, name, plan, retry, step};

#[test]
fn always_holds_however_the_step_ended() {
    let a = step("a").on_error(OnError::Continue);
    let steps = vec![a, step("b").after("a"), step("c").when("false"), step("d").after("c")];
    let case = Case::new(plan(steps, vec![])).exits("a#1", 1).go();
    case.is("a=failed b=passed c=skipped d=passed").was(RunStatus::PassedWithFailures);
}

#[test]
fn on_success_is_strict_and_the_skip_says_why() {
    let steps = vec![
        step("a").when("false"),
        step("b").needs("a"),
        step("c").unmet(),
        step("d").needs("c"),
        step("e").on_failure("c"),
    ];
    let case = Case::new(plan(steps, vec![])).go();
    case.is("a=skipped b=skipped c=unproven d=skipped e=skipped")
        .because("a", "`false` is false")
        .because("b", "`a` was skipped")
        .because("d", "`c` is unproven")
        .because("e", "`c` did not fail");
}

#[test]
fn a_false_condition_is_an_edge_that_cannot_hold() {
    let condition = Some("steps.a.status == \"failed\"");
    let steps = vec![step("a"), step("b").edge("a", EdgeKind::Always, condition)];
    let case = Case::new(plan(steps, vec![])).go();
    case.is("a=passed b=skipped").because("b", "is false").was(RunStatus::Passed);
}

#[test]
fn a_condition_that_cannot_be_evaluated_fails_the_step_that_has_it() {
    let unclear = "steps.a.outputs.o == \"x\"";
    let steps = vec![
        step("a"),
        step("b").edge("a", EdgeKind::Always, Some(unclear)).on_error(OnError::Continue),
        step("c").needs("a").when(unclear).on_error(OnError::Continue),
        step("d").on_failure("b").on_failure("c"),
    ];
    let case = Case::new(plan(steps, vec![])).go();
    case.is("a=passed b=failed c=failed d=passed").because("b", "cannot be evaluated");
}

#[test]
fn join_any_waits_for_all_and_needs_one() {
    let a = step("a").on_error(branch("bad", Some("good")));
    let meet = step("meet").needs("bad").needs("good").any();
    let none = step("none").on_failure("good").on_failure("bad").any();
    let case = Case::new(plan(vec![a, step("good"), step("bad"), meet, none], vec![])).go();
    case.is("good=passed bad=skipped meet=passed none=skipped").was(RunStatus::Passed);
    let steps = vec![step("a"), step("b"), step("c").needs("a").needs("b").any()];
    let case = Case::new(plan(steps, vec![])).runs("b#1").go();
    case.is("a=passed b=running c=waiting").end("b", crate::dsl::exit(0)).is("c=passed");
}

#[test]
fn after_a_stop_running_steps_finish_and_only_direct_on_failure_successors_start() {
    let steps = vec![
        step("a"),
        step("b").on_error(OnError::Continue),
        step("rescue").on_failure("a"),
        step("more").needs("rescue"),
        step("other").on_failure("b"),
        step("person").human(),
    ];
    let case = Case::new(plan(steps, vec![step("f")])).exits("a#1", 1).runs("b#1").go();
    let case = case.is("b=running rescue=passed more=skipped person=skipped f=absent");
    let case = case.end("b", crate::dsl::exit(1)).is("b=failed other=skipped f=passed");
    case.because("more", "`a` failed and stopped the run")
        .ran("a#1 b#1 rescue#1 f#1")
        .was(RunStatus::Failed)
        .for_the_reason("`a` failed");
}

#[test]
fn a_passed_fallback_recovers_the_step_and_lends_its_outputs() {
    let steps = vec![
        step("a").output().on_error(fallback("spare")),
        step("spare").output().on_failure("a"),
        step("b").needs("a"),
        step("c").on_failure("a"),
    ];
    let case = Case::new(plan(steps.clone(), vec![])).exits("a#1", 1).go();
    let case = case.is("a=recovered spare=passed b=passed c=skipped").was(RunStatus::Passed);
    assert_eq!(case.output("a"), "\"spare#1\"");
    let case = Case::new(plan(steps.clone(), vec![])).go();
    case.is("a=passed spare=skipped b=passed").because("spare", "not taken: `a` passed");
    let case = Case::new(plan(steps, vec![])).exits("a#1", 1).exits("spare#1", 1).go();
    case.is("a=failed spare=failed b=skipped").was(RunStatus::Failed);
}

#[test]
fn a_fallback_that_is_needed_after_a_stop_is_not_taken() {
    let steps = vec![step("a"), step("b").on_error(fallback("spare")), step("spare")];
    let case = Case::new(plan(steps, vec![])).exits("a#1", 1).runs("b#1").go();
    case.end("b", crate::dsl::exit(1)).is("b=failed spare=skipped").ran("b#1 a#1");
}

#[test]
fn of_a_branch_one_road_is_taken() {
    let steps = || {
        let a = step("a").on_error(branch("bad", Some("good")));
        vec![a, step("bad"), step("good"), step("after").needs("bad")]
    };
    let case = Case::new(plan(steps(), vec![])).go();
    case.is("a=passed bad=skipped good=passed after=skipped").was(RunStatus::Passed);
    let case = Case::new(plan(steps(), vec![])).exits("a#1", 1).go();
    case.is("a=failed bad=passed good=skipped after=passed").was(RunStatus::PassedWithFailures);
}

#[test]
fn one_retry_is_two_tries_and_then_what_follows() {
    let steps = || vec![step("a").on_error(OnError::Retry(retry(1, OnError::Continue)))];
    let case = Case::new(plan(steps(), vec![])).exits("a#1", 1).go();
    case.is("a=passed").ran("a#1 a#2").was(RunStatus::Passed);
    let case = Case::new(plan(steps(), vec![])).exits("a#1", 1).exits("a#2", 1).go();
    case.is("a=failed").ran("a#1 a#2").was(RunStatus::PassedWithFailures);
}

#[test]
fn escalation_takes_the_value_after_the_current_one_and_ends_with_them() {
    let mut again = retry(9, OnError::Stop);
    again.escalate.push((at(name("size")), vec![json!("s"), json!("m"), json!("l")]));
    let steps = vec![step("a").on_error(OnError::Retry(again))];
    let case = Case::new(plan(steps, vec![]));
    let case = case.exits("a#1", 1).exits("a#2", 1).exits("a#3", 1).go();
    let case = case.ran("a#1 a#2 a#3").was(RunStatus::Failed);
    let node = case.log.run.node(&inst("a")).unwrap();
    let sizes: Vec<_> = node.attempts.iter().map(|a| a.params.get("size").cloned()).collect();
    assert_eq!(sizes, [None, Some(json!("m")), Some(json!("l"))]);
}

#[test]
fn retry_on_matches_the_cause() {
    let steps = |codes: &[i32], outcomes: &[&str]| {
        let mut again = retry(1, OnError::Stop);
        again.on_exits = codes.to_vec();
        again.on_outcomes = outcomes.iter().map(|o| at((*o).to_owned())).collect();
        plan(vec![step("a").on_error(OnError::Retry(again))], vec![])
    };
    let timed_out = || Ending::of(Outcome::TimedOut { after_ms: 5 }, false);
    Case::new(steps(&[75], &[])).exits("a#1", 75).go().ran("a#1 a#2");
    Case::new(steps(&[75], &[])).exits("a#1", 1).go().ran("a#1").is("a=failed");
    Case::new(steps(&[75], &[])).ends("a#1", timed_out()).go().ran("a#1");
    Case::new(steps(&[], &["timed_out"])).ends("a#1", timed_out()).go().ran("a#1 a#2");
    // What may still have an effect is tried again only where it is named.
    let lost = || Ending::of(Outcome::Lost { reason: String::new() }, false);
    Case::new(steps(&[], &[])).ends("a#1", lost()).go().ran("a#1");
    Case::new(steps(&[], &["lost"])).ends("a#1", lost()).go().ran("a#1 a#2");
}

#[test]
fn a_retry_that_waits_when_the_run_stops_is_a_failure() {
    let steps = vec![step("a").on_error(OnError::Retry(retry(1, OnError::Continue))), step("b")];
    let mut case = Case::new(plan(steps, vec![])).exits("a#1", 1).runs("a#2").runs("b#1");
    case.put(crate::dsl::started(&inst("a"), 1));
    case.put(crate::dsl::started(&inst("b"), 1));
    case.put(crate::dsl::finished(&inst("a"), 1, crate::dsl::exit(1)));
    case.put(crate::dsl::finished(&inst("b"), 1, crate::dsl::exit(1)));
    case.go().is("a=failed b=failed").because("a", "`b` failed").was(RunStatus::Failed);
}

#[test]
fn an_interrupted_step_does_as_it_says() {
    let one = |on_interrupt| {
        let steps = vec![step("a").interrupt(on_interrupt), step("b").needs("a")];
        Case::new(plan(steps, vec![])).runs("a#1").go().dies(false)
    };
    let asked = || one(OnInterrupt::Ask).is("a=asked b=waiting").was(RunStatus::Waiting);
    asked().answer("a", Answer::Passed).ran("a#1 b#1").was(RunStatus::Passed);
    asked().answer("a", Answer::Rerun).ran("a#1 a#2 b#1").was(RunStatus::Passed);
    asked().answer("a", Answer::Failed).ran("a#1").is("a=failed").was(RunStatus::Failed);
    one(OnInterrupt::Rerun).ran("a#1 a#2 b#1").was(RunStatus::Passed);
    one(OnInterrupt::Fail).ran("a#1").is("a=failed b=skipped").was(RunStatus::Failed);
    one(OnInterrupt::Probe("true".to_owned())).ran("a#1 b#1").was(RunStatus::Passed);
    let steps = vec![step("a").interrupt(OnInterrupt::Probe("true".to_owned()))];
    let case = Case::new(plan(steps, vec![])).runs("a#1").says("a", &[1]).go().dies(false);
    case.ran("a#1 a#2").was(RunStatus::Passed);
}

#[test]
fn after_a_reboot_all_that_may_have_started_is_unsure() {
    let steps = vec![
        step("a"),
        step("b").after("a").unmet(),
        step("c").after("b"),
        step("person").needs("a").human(),
        step("d").after("person"),
    ];
    let case = Case::new(plan(steps, vec![])).runs("a#1").go().dies(true);
    case.is("a=asked b=waiting c=asked person=waiting");
}

#[test]
fn a_retry_of_what_may_have_run_waits_for_its_edges_too() {
    let mut again = retry(1, OnError::Stop);
    again.on_outcomes.push(at("interrupted".to_owned()));
    let b = step("b").needs("a").interrupt(OnInterrupt::Fail).on_error(OnError::Retry(again));
    let case = Case::new(plan(vec![step("a"), b], vec![])).runs("a#1").go().dies(true);
    let case = case.is("a=asked b=waiting").ran("a#1").answer("a", Answer::Passed);
    case.ran("a#1 b#2").was(RunStatus::Passed);
}

#[test]
fn a_target_that_runs_again_after_its_road_was_closed_is_skipped() {
    let steps =
        vec![step("a").on_error(fallback("spare")), step("spare"), step("b").after("spare")];
    let case = Case::new(plan(steps, vec![])).runs("a#1").go().dies(true);
    let case = case.is("a=asked spare=asked").answer("a", Answer::Passed);
    case.answer("b", Answer::Rerun).answer("spare", Answer::Rerun).is("spare=skipped b=passed");
}
