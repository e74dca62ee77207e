//! How a run ends: converge, `finally`, leases, cancel, deadline, guards; and events that cannot be.

use std::collections::{BTreeMap, BTreeSet};

use ostler::plan::Plan;
use ostler::run::{Answer, Command, Ending, Event, Outcome, Probe, Room, RunStatus};
use ostler::workflow::{ConvergeStrategy, OnError, Severity};

use crate::driver::Case;
use crate::dsl::{
    Build, branch, converge, driver, exit, fallback, finished, guard, id, inst, name, plan,
    started, step,
};

fn converging(steps: Vec<ostler::plan::Step>, strategy: ConvergeStrategy) -> Plan {
    Plan { converge: Some(converge(2, strategy)), ..plan(steps, vec![step("f")]) }
}

#[test]
fn converge_comes_after_a_stop_and_resets_what_failed_and_all_downstream() {
    let steps = vec![step("a"), step("b"), step("c").needs("b"), step("d").needs("a")];
    let case = Case::new(converging(steps, ConvergeStrategy::RetryFailed));
    let case = case.exits("b#1", 1).says("converge", &[1, 0]).go();
    // What the stop kept from starting has its chance too, downstream or not.
    case.ran("a#1 b#1 b#2 d#1 c#1 f#1").is("d=passed c=passed").was(RunStatus::Passed);
}

#[test]
fn converge_resets_all_but_what_people_did() {
    let steps = vec![step("a"), step("p").human(), step("q").human().needs("a")];
    let case = Case::new(converging(steps, ConvergeStrategy::RetryAll)).says("converge", &[1, 0]);
    let case = case.go().answer("p", Answer::Passed).answer("q", Answer::Passed);
    let case = case.is("a=passed p=passed q=asked").answer("q", Answer::Passed);
    case.ran("a#1 a#2 f#1").was(RunStatus::Passed);
}

#[test]
fn with_nothing_to_reset_or_no_iteration_left_the_run_has_failed() {
    let case = Case::new(converging(vec![step("a")], ConvergeStrategy::RetryFailed));
    let case = case.says("converge", &[1]).go().ran("a#1 f#1").was(RunStatus::Failed);
    case.for_the_reason("not converged after 0 iterations");
    let case = Case::new(converging(vec![step("a")], ConvergeStrategy::RetryAll));
    let case = case.says("converge", &[1]).go().ran("a#1 a#2 a#3 f#1").was(RunStatus::Failed);
    case.for_the_reason("not converged after 2 iterations");
}

#[test]
fn a_reset_target_of_a_road_not_taken_is_skipped_again() {
    let steps = vec![
        step("s").on_error(branch("t", None)),
        step("x").on_error(OnError::Continue),
        step("t").after("x"),
    ];
    let case = Case::new(converging(steps, ConvergeStrategy::RetryFailed)).exits("x#1", 1);
    let case = case.says("converge", &[1, 0]).go();
    case.is("t=skipped x=passed").ran("s#1 x#1 x#2 f#1").was(RunStatus::Passed);
}

#[test]
fn what_was_recovered_by_a_step_that_is_reset_is_reset_too() {
    let steps = vec![
        step("s").output().on_error(fallback("spare")),
        step("x").on_error(OnError::Continue),
        step("spare").output().after("x"),
        step("b").needs("s"),
    ];
    let case = Case::new(converging(steps, ConvergeStrategy::RetryFailed));
    let case = case.exits("s#1", 1).exits("s#2", 1).exits("x#1", 1).says("converge", &[1, 0]).go();
    assert_eq!(case.output("s"), "\"spare#2\"");
    case.ran("s#1 x#1 spare#1 b#1 s#2 x#2 spare#2 b#2 f#1").was(RunStatus::Passed);
}

#[test]
fn a_step_that_a_stop_bars_in_a_later_round_is_skipped_and_not_failed() {
    let steps = vec![step("a"), step("b").needs("a"), step("c").on_failure("b")];
    let case = Case::new(converging(steps, ConvergeStrategy::RetryAll)).exits("a#2", 1);
    let case = case.says("converge", &[1, 0]).go();
    case.is("a=failed b=skipped c=skipped").ran("a#1 b#1 a#2 f#1").was(RunStatus::Failed);
}

#[test]
fn finally_runs_all_of_it_if_any_step_started_and_its_failure_fails_the_run() {
    let finally = || vec![step("f"), step("g").after("f"), step("h").needs("f")];
    let case = Case::new(plan(vec![step("a")], finally())).exits("f#1", 1).go();
    let case = case.is("f=failed g=passed h=skipped").was(RunStatus::Failed);
    case.for_the_reason("`f` in finally failed");
    let case = Case::new(plan(vec![step("a")], finally())).exits("a#1", 1).exits("f#1", 1).go();
    case.is("g=passed").was(RunStatus::Failed).for_the_reason("`a` failed");
    let case = Case::new(plan(vec![step("a").when("false")], finally())).go();
    case.is("f=absent").was(RunStatus::Passed);
}

#[test]
fn a_killed_run_owes_its_finally_and_resume_pays_it() {
    let case = Case::new(plan(vec![step("a")], vec![step("f")])).runs("a#1").runs("f#1").go();
    assert!(case.log.run.owes_finally() && case.replayed().owes_finally());
    let case = case.end("a", exit(0)).is("f=running");
    assert!(case.replayed().owes_finally());
    let case = case.end("f", exit(0)).was(RunStatus::Passed);
    assert!(!case.log.run.owes_finally());
}

#[test]
fn each_attempt_of_an_acquiring_step_has_a_releaser_with_its_outputs() {
    let again = OnError::Retry(crate::dsl::retry(1, OnError::Stop));
    let steps = vec![step("a").output().on_error(again).release("destroy")];
    let finally = vec![step("destroy"), step("last").after("destroy")];
    let case = Case::new(plan(steps, finally)).exits("a#1", 1).go();
    let case = case.ran("a#1 a#2 destroy[a#1]#1 destroy[a#2]#1 last#1").was(RunStatus::Passed);
    for attempt in [1, 2] {
        let reader = case.log.run.node(&inst(&format!("destroy[a#{attempt}]"))).unwrap();
        let given = case.log.run.output(reader, &id("a"), &name("o")).unwrap();
        assert_eq!(given, &serde_json::json!(format!("a#{attempt}")));
    }
}

#[test]
fn what_may_have_acquired_something_is_released_too() {
    let steps = vec![step("a").release("destroy")];
    let case = Case::new(plan(steps, vec![step("destroy")])).runs("a#1").go().dies(false);
    case.is("a=asked").answer("a", Answer::Failed).ran("a#1 destroy[a#1]#1");
}

#[test]
fn a_cancelled_run_ends_what_runs_and_then_runs_finally() {
    let steps = vec![step("a"), step("b").needs("a"), step("p").human()];
    let case = Case::new(plan(steps, vec![step("f")])).runs("a#1").go().cancel();
    let room = Room { slots: 9, on_hosts: 9, busy: BTreeSet::new() };
    assert_eq!(case.log.run.decide(&room), [Command::EndAll]);
    let case = case.end("a", Ending::of(Outcome::Cancelled, false));
    let case = case.is("a=cancelled b=cancelled p=cancelled f=passed").was(RunStatus::Cancelled);
    case.ran("a#1 f#1");
}

#[test]
fn a_run_past_its_deadline_fails_and_runs_finally() {
    let steps = vec![step("a"), step("b").needs("a")];
    let mut case = Case::new(plan(steps, vec![step("f")])).runs("a#1").go();
    case.put(Event::DeadlinePassed { after_ms: 60_000 });
    let case = case.go().end("a", Ending::of(Outcome::Cancelled, false));
    case.is("b=cancelled f=passed").was(RunStatus::Failed).for_the_reason("deadline of 1m");
}

#[test]
fn the_answer_of_a_probe_that_a_cancel_overtook_is_not_refused() {
    let probe = ostler::workflow::OnInterrupt::Probe("true".to_owned());
    let steps = vec![step("a").interrupt(probe)];
    let mut case = Case::new(plan(steps, vec![])).runs("a#1").go();
    case.put(driver("boot-0"));
    case.log.run.interrupted(false).into_iter().for_each(|e| case.put(e));
    let asked = Probe::Step(inst("a"));
    case.put(Event::ProbeStarted { probe: asked.clone() });
    let mut case = case.cancel();
    case.put(Event::ProbeFinished { probe: asked, outcome: Outcome::Cancelled });
    case.go().is("a=cancelled").was(RunStatus::Cancelled);
}

#[test]
fn an_unproven_step_keeps_the_run_from_being_passed() {
    let case = Case::new(plan(vec![step("a"), step("b").unmet()], vec![])).go();
    let case = case.is("a=passed b=unproven").was(RunStatus::PassedWithFailures);
    case.for_the_reason("1 unproven").because("b", "`qemu` was not found");
}

#[test]
fn a_guard_blocks_the_run_or_warns() {
    let guarded = |severity| {
        let guards = vec![guard("disk", severity), guard("net", Severity::Block)];
        Plan { guards, ..plan(vec![step("a")], vec![step("f")]) }
    };
    let case = Case::new(guarded(Severity::Block)).says("disk", &[1]).go();
    let case = case.ran("").is("a=skipped f=absent").because("a", "guard `disk`");
    case.was(RunStatus::Blocked).for_the_reason("guard `disk`");
    let case = Case::new(guarded(Severity::Warn)).says("disk", &[1]).go();
    assert_eq!(case.log.run.warnings().len(), 1);
    case.ran("a#1 f#1").was(RunStatus::Passed);
}

#[test]
fn what_may_stop_the_run_is_recorded_alone() {
    let unclear = "steps.a.outputs.o == \"x\"";
    let steps = vec![step("a").when(unclear), step("p").human(), step("q").unmet()];
    let case = Case::new(plan(steps, vec![])).go();
    case.is("a=failed p=skipped q=skipped").was(RunStatus::Failed);
}

#[test]
fn events_that_cannot_be_are_refused() {
    let steps = vec![step("a"), step("b").needs("a"), step("p").human()];
    let case = || Case::new(plan(steps.clone(), vec![step("f")])).runs("a#1").go();
    let ends = |step: &str, attempt| finished(&inst(step), attempt, exit(0));
    case().refuses(started(&inst("a"), 2), "`a` cannot start: it is running");
    case().refuses(started(&inst("b"), 1), "`b` cannot start: it is waiting");
    case().refuses(started(&inst("nobody"), 1), "there is no step `nobody`");
    case().refuses(ends("a", 2), "attempt 2 of `a` does not run");
    case().refuses(ends("b", 1), "`b` cannot finish: it is waiting");
    case().refuses(Event::TimerFired { step: inst("a") }, "`a` cannot wake");
    case().refuses(Event::FinallyStarted { steps: vec![inst("f")] }, "after all steps");
    case().refuses(driver_opened(), "opened first, and once");
    let (status, outputs) = (RunStatus::Passed, BTreeMap::new());
    let end = Event::RunFinished { status, reason: None, outputs };
    case().refuses(end, "steps have not ended");
    case().refuses(Event::ConvergeReset { iteration: 1, steps: vec![id("a")] }, "cannot be reset");
    let answer = |step: &str, answer| Event::answered(inst(step), answer, None);
    case().refuses(answer("a", Answer::Passed), "`a` cannot be answered");
    case().refuses(answer("p", Answer::Rerun), "nothing that the engine could run again");
    let probe = Probe::Converge(0);
    case().refuses(
        Event::ProbeFinished { probe, outcome: Outcome::Exited { code: 0 } },
        "the question was not asked",
    );
    let done = case().end("a", exit(0)).answer("p", Answer::Passed).was(RunStatus::Passed);
    done.refuses(driver("boot-0"), "the run has finished");
}

fn driver_opened() -> Event {
    Event::RunOpened {
        workflow: ostler::ids::WorkflowId::parse("sim").unwrap(),
        plan_digest: String::new(),
        trigger: ostler::run::Trigger::Cli,
        seed: 0,
        retries: None,
        parent: None,
        stepped: false,
        task: None,
    }
}
