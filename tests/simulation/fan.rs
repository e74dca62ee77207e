//! Steps that fan out, rule by rule.

use ostler::run::{Event, RunStatus};
use ostler::workflow::{Batch, ConvergeStrategy, OnError};
use serde_json::json;

use crate::driver::Case;
use crate::dsl::{Build, converge, fallback, inst, name, plan, retry, step};

fn alone(items: &str, how: impl FnOnce(&mut ostler::plan::Fan)) -> ostler::plan::Plan {
    plan(vec![step("a").each(items, how), step("b").needs("a")], vec![])
}

#[test]
fn there_is_an_instance_for_each_item_and_what_comes_after_waits_for_all() {
    Case::new(alone("x y z", |_| {}))
        .go()
        .ran("a[x]#1 a[y]#1 a[z]#1 b#1")
        .is("a=passed a[x]=passed a[y]=passed a[z]=passed b=passed")
        .was(RunStatus::Passed);
}

/// S1, S10: nothing to fan out over is no pass; with leave it is.
#[test]
fn nothing_to_fan_out_over_is_a_failure_unless_it_may_be_empty() {
    Case::new(alone("", |_| {})).go().ran("").is("a=failed b=skipped").was(RunStatus::Failed);
    let case = Case::new(alone("", |fan| fan.allow_empty = true)).go();
    case.ran("b#1").is("a=passed b=passed").was(RunStatus::Passed);
}

#[test]
fn a_failure_ends_the_siblings_that_have_not_started() {
    let one = |fan: &mut ostler::plan::Fan| fan.concurrency = Some(1);
    Case::new(alone("x y z", one))
        .exits("a[y]#1", 1)
        .go()
        .ran("a[x]#1 a[y]#1")
        .is("a=failed a[x]=passed a[y]=failed a[z]=skipped b=skipped")
        .because("a", "1 of 3 failed: y")
        .because("a[z]", "1 of 3 failed")
        .was(RunStatus::Failed)
        .for_the_reason("`a` failed");
}

#[test]
fn so_many_failures_are_borne_as_are_allowed() {
    for (most, ran) in [
        (Some(1), "a[x]#1 a[y]#1"),
        (Some(2), "a[x]#1 a[y]#1 a[z]#1"),
        (None, "a[x]#1 a[y]#1 a[z]#1"),
    ] {
        let how = |fan: &mut ostler::plan::Fan| {
            (fan.concurrency, fan.max_failures) = (Some(1), most);
        };
        let case = Case::new(alone("x y z", how)).exits("a[x]#1", 1).exits("a[y]#1", 1).go();
        case.ran(ran).is("a=failed b=skipped").was(RunStatus::Failed);
    }
}

#[test]
fn continue_is_for_the_whole() {
    let mut plan = alone("x y", |_| {});
    plan.steps[0].on_error = OnError::Continue;
    plan.steps[1].edges[0].kind = ostler::workflow::EdgeKind::Always;
    let case = Case::new(plan).exits("a[x]#1", 1).go();
    case.is("a=failed a[y]=passed b=passed").was(RunStatus::PassedWithFailures);
}

#[test]
fn canaries_go_first_and_must_pass() {
    let how = |fan: &mut ostler::plan::Fan| (fan.canary, fan.max_failures) = (1, None);
    Case::new(alone("x y z", how))
        .runs("a[x]#1")
        .go()
        .ran("a[x]#1")
        .end("a[x]", crate::dsl::exit(0))
        .ran("a[x]#1 a[y]#1 a[z]#1 b#1")
        .was(RunStatus::Passed);
    let case = Case::new(alone("x y z", how)).exits("a[x]#1", 1).go();
    case.ran("a[x]#1").is("a=failed a[y]=skipped a[z]=skipped").because("a[y]", "canary");
}

#[test]
fn a_batch_ends_before_the_next_one_starts() {
    let how = |fan: &mut ostler::plan::Fan| fan.batch = Some(Batch::Count(2));
    Case::new(alone("w x y z", how))
        .runs("a[w]#1")
        .go()
        .ran("a[w]#1 a[x]#1")
        .end("a[w]", crate::dsl::exit(0))
        .ran("a[w]#1 a[x]#1 a[y]#1 a[z]#1 b#1")
        .was(RunStatus::Passed);
}

#[test]
fn retries_are_per_instance() {
    let mut plan = alone("x y", |_| {});
    plan.steps[0].on_error = OnError::Retry(retry(1, OnError::Stop));
    Case::new(plan)
        .exits("a[x]#1", 1)
        .go()
        .ran("a[x]#1 a[y]#1 a[x]#2 b#1")
        .is("a=passed a[x]=passed")
        .was(RunStatus::Passed);
}

#[test]
fn a_stand_in_has_an_instance_for_each_failed_one() {
    let fan = |fan: &mut ostler::plan::Fan| fan.max_failures = None;
    let steps = || {
        vec![
            step("a").output().each("x y z", fan).on_error(fallback("f")),
            step("f").output(),
            step("b").needs("a"),
        ]
    };
    let case = Case::new(plan(steps(), vec![])).exits("a[y]#1", 1).go();
    let output = case.output("a");
    case.ran("a[x]#1 a[y]#1 a[z]#1 f[y]#1 b#1")
        .is("a=passed a[y]=recovered f=passed f[y]=passed b=passed")
        .was(RunStatus::Passed);
    assert_eq!(output, r#"{"x":"a[x]#1","y":"f[y]#1","z":"a[z]#1"}"#);
    let case = Case::new(plan(steps(), vec![])).exits("a[y]#1", 1).exits("f[y]#1", 1).go();
    case.is("a=failed a[y]=failed f=failed b=skipped").was(RunStatus::Failed);
    let case = Case::new(plan(steps(), vec![])).go();
    case.is("a=passed f=skipped b=passed").was(RunStatus::Passed);
}

#[test]
fn conditions_are_asked_for_each_instance() {
    let mut plan = alone("x y", |_| {});
    plan.steps[0] = plan.steps[0].clone().when(r#"item == "y""#);
    let case = Case::new(plan).go();
    case.ran("a[y]#1 b#1").is("a=passed a[x]=skipped a[y]=passed").was(RunStatus::Passed);
    let mut plan = alone("x y", |_| {});
    plan.steps[0] = plan.steps[0].clone().when(r#"item == "z""#);
    Case::new(plan).go().ran("").is("a=skipped b=skipped").was(RunStatus::Passed);
}

#[test]
fn items_may_be_what_a_step_handed_on() {
    let found = ostler::expr::template::Placeholder {
        to: ostler::expr::Ref::Output(crate::dsl::id("l"), name("o")),
        default: None,
        form: ostler::expr::template::Form::Plain,
    };
    let of = |fan: &mut ostler::plan::Fan| fan.items = ostler::plan::Items::Of(found);
    let all = plan(vec![step("l").output(), step("a").each("", of).needs("l")], vec![]);
    let mut ending = crate::dsl::exit(0);
    ending.outputs.insert(name("o"), json!(["p", "q r"]));
    let case = Case::new(all).runs("l#1").go().end("l", ending);
    assert_eq!(case.started[0], "l#1");
    assert_eq!(case.started[1], "a[p]#1");
    assert!(case.started[2].starts_with("a[qr~"), "{:?}", case.started);
    case.was(RunStatus::Passed);
}

#[test]
fn a_cancel_ends_the_whole_too() {
    let how = |fan: &mut ostler::plan::Fan| fan.concurrency = Some(1);
    let case = Case::new(alone("x y", how)).runs("a[x]#1").go().cancel();
    let mut ending = crate::dsl::exit(0);
    ending.outcome = ostler::run::Outcome::Cancelled;
    ending.passed = false;
    let case = case.end("a[x]", ending);
    case.is("a=cancelled a[y]=cancelled b=cancelled").was(RunStatus::Cancelled);
}

/// O20: what each instance acquired is given back, once for each attempt.
#[test]
fn a_releaser_has_an_instance_for_each_attempt_of_each_instance() {
    let mut all = plan(vec![step("a").each("x y", |_| {}).release("r")], vec![step("r")]);
    all.steps[0].on_error = OnError::Retry(retry(1, OnError::Stop));
    let case = Case::new(all).exits("a[x]#1", 1).go();
    case.ran("a[x]#1 a[y]#1 a[x]#2 r[a[x]#1]#1 r[a[x]#2]#1 r[a[y]#1]#1").was(RunStatus::Passed);
}

#[test]
fn converging_runs_the_failed_instances_again_and_no_others() {
    let mut all = alone("x y", |_| {});
    all.converge = Some(converge(3, ConvergeStrategy::RetryFailed));
    let case = Case::new(all).exits("a[x]#1", 1).says("converge", &[1, 0]).go();
    case.ran("a[x]#1 a[y]#1 a[x]#2 b#1").is("a=passed b=passed").was(RunStatus::Passed);
}

#[test]
fn what_comes_after_something_that_runs_again_runs_again_in_all_instances() {
    let steps = vec![step("a"), step("b").after("a").each("x y", |_| {})];
    let mut all = plan(steps, vec![]);
    all.steps[0].on_error = OnError::Continue;
    all.converge = Some(converge(3, ConvergeStrategy::RetryFailed));
    let case = Case::new(all).exits("a#1", 1).says("converge", &[1, 0]).go();
    case.ran("a#1 b[x]#1 b[y]#1 a#2 b[x]#2 b[y]#2").was(RunStatus::Passed);
}

#[test]
fn an_engine_that_dies_leaves_the_instances_that_ran_unsure_and_no_others() {
    let how = |fan: &mut ostler::plan::Fan| fan.concurrency = Some(2);
    let case = Case::new(alone("x y z", how)).runs("a[x]#1").go().runs("none");
    case.ran("a[x]#1 a[y]#1 a[z]#1").dies(false).is("a[x]=asked a[y]=passed a[z]=passed a=running");
}

#[test]
fn a_step_fans_out_once_and_only_if_it_says_so() {
    let items = vec![];
    let expanded = |step: &str| Event::StepExpanded { step: inst(step), items: items.clone() };
    Case::new(alone("x", |_| {})).refuses(expanded("b"), "does not fan out");
    Case::new(alone("x", |_| {})).go().refuses(expanded("a"), "finished");
}

/// What passed on a host need not run there again: `runs retry --failed` for the failed hosts only.
#[test]
fn a_retry_runs_the_instances_again_that_did_not_pass() {
    let first = Case::new(alone("x y z", |fan| fan.max_failures = None)).exits("a[y]#1", 1).go();
    let plan = first.log.run.plan().clone();
    let lent = first.log.run.lend(&plan, &std::collections::BTreeSet::new(), &[]);
    let second = Case::retrying(&plan, lent).go();
    second.ran("a[y]#1 b#1").is("a=passed a[x]=passed b=passed").was(RunStatus::Passed);
}
