//! Steps in hands, rule by rule: what is offered when, how leases end, and what that leads to (O3).

use ostler::run::{Actor, ActorKind, Answer, Event, Outcome, Parting, RunStatus, Said};
use ostler::workflow::{ConvergeStrategy, EdgeKind, OnError, OnInterrupt, Severity};
use serde_json::json;

use crate::driver::Case;
use crate::dsl::{
    Build, agent, at, branch, converge, fallback, guard, inst, name, plan, retry, step,
};
use crate::hands::LEASE;

#[test]
fn what_is_ready_is_offered_and_what_is_reported_lets_others_go() {
    let steps = vec![step("a"), step("b").needs("a"), step("c")];
    let case = Case::stepped(plan(steps, vec![])).go().ran("").offers("a c");
    let case = case.was(RunStatus::Waiting).does("a").offers("b c").does("b");
    let case = case.take("x", "c").is("c=held").was(RunStatus::Waiting).offers("");
    case.reports("c", Said::Passed).was(RunStatus::Passed).replays();
}

#[test]
fn a_step_has_one_holder_and_a_token_of_its_own() {
    let case = Case::stepped(plan(vec![step("a"), step("b")], vec![])).go().take("x", "a");
    let until = case.log.now.plus(LEASE);
    let seq = case.log.run.seq();
    let take = |step: &str, token| Event::StepTaken { step: inst(step), token, until };
    let case = case.refuses(take("a", seq), "it is held").refuses(take("b", seq + 1), "a token is");
    let old = case.report_of("a", Said::Passed);
    let first = case.token("a");
    let case = case.parts("a", Parting::Released).refuses(old.clone(), "it is ready");
    let case = case.take("y", "a");
    assert!(case.token("a") > first, "tokens grow");
    let not_held = format!("not held under token {first}");
    let renewed = Event::LeaseRenewed { step: inst("a"), token: first, until };
    let ended =
        Event::LeaseEnded { step: inst("a"), token: first, how: Parting::Released, note: None };
    let case = case.refuses(old, &not_held).refuses(renewed, &not_held).refuses(ended, &not_held);
    case.reports("a", Said::Passed).refuses(take("a", 9), "it is passed");
}

#[test]
fn a_lease_that_is_over_is_an_attempt_and_the_step_is_offered_again() {
    for way in [OnInterrupt::Ask, OnInterrupt::Rerun] {
        let steps = vec![step("a").interrupt(way), step("b").needs("a")];
        let case = Case::stepped(plan(steps, vec![])).go().take("x", "a");
        let old = case.report_of("a", Said::Passed);
        let case = case.passes(LEASE - 1).is("a=held").passes(1).is("a=ready").offers("a");
        let node = case.log.run.node(&inst("a")).unwrap();
        let last = node.last().unwrap();
        assert_eq!((last.n, last.token), (1, Some(2)), "{last:?}");
        assert_eq!(last.by, Some(agent("x")));
        let case = case.refuses(old, "it is ready").take("y", "a").reports("a", Said::Passed);
        let case = case.is("a=passed").offers("b").does("b").was(RunStatus::Passed);
        assert_eq!(case.replays().log.run.node(&inst("a")).unwrap().attempts.len(), 2);
    }
}

#[test]
fn a_person_ends_the_lease_of_an_agent_which_was_an_attempt() {
    let case = Case::stepped(plan(vec![step("a")], vec![])).go().take("x", "a");
    let old = case.report_of("a", Said::Passed);
    let note = Some("it is gone".to_owned());
    let how = Parting::Revoked;
    let event = Event::LeaseEnded { step: inst("a"), token: case.token("a"), how, note };
    let mut case = case;
    for who in [agent("x"), agent("y")] {
        let why = case.log.put_as(&who, event.clone()).unwrap_err().to_string();
        assert!(why.contains("only a person ends a lease"), "{why}");
    }
    let ada = Actor { kind: ActorKind::Human, name: "ada".to_owned() };
    case.log.put_as(&ada, event).unwrap();
    let case = case.go().is("a=ready").offers("a").refuses(old, "it is ready");
    let last = case.log.run.node(&inst("a")).unwrap().last().unwrap();
    assert_eq!((last.by.as_ref(), last.note.as_deref()), (Some(&agent("x")), Some("it is gone")));
    case.take("y", "a").reports("a", Said::Passed).was(RunStatus::Passed).replays();
}

#[test]
fn a_renewed_lease_lasts_longer() {
    let case = Case::stepped(plan(vec![step("a")], vec![])).go().take("x", "a");
    let mut case = case.passes(LEASE - 1);
    let (step, token, until) = (inst("a"), case.token("a"), case.log.now.plus(LEASE));
    case.put(Event::LeaseRenewed { step, token, until });
    case.passes(LEASE - 1).is("a=held").replays().passes(1).is("a=ready");
}

#[test]
fn after_a_lease_on_interrupt_holds_where_it_says_fail_or_asks_a_probe() {
    let fails = step("a").interrupt(OnInterrupt::Fail).on_error(OnError::Continue);
    let case = Case::stepped(plan(vec![fails], vec![])).go().take("x", "a").passes(LEASE);
    case.is("a=failed").was(RunStatus::PassedWithFailures);
    let probed = || vec![step("a").interrupt(OnInterrupt::Probe("true".to_owned()))];
    let case = Case::stepped(plan(probed(), vec![])).go().take("x", "a").passes(LEASE);
    case.is("a=passed").was(RunStatus::Passed);
    let case = Case::stepped(plan(probed(), vec![])).says("a", &[1]).go().take("x", "a");
    case.passes(LEASE).is("a=ready").offers("a").does("a").was(RunStatus::Passed);
}

#[test]
fn time_that_has_passed_is_no_persons_word() {
    let probe = OnInterrupt::Probe("true".to_owned());
    for way in [probe, OnInterrupt::Fail, OnInterrupt::Ask, OnInterrupt::Rerun] {
        let mut sign = step("sign").human().interrupt(way);
        sign.on_error = OnError::Continue;
        let case = Case::stepped(plan(vec![sign, step("b").needs("sign")], vec![])).go();
        let mut case = case;
        let (token, until) = (case.log.run.seq(), case.log.now.plus(LEASE));
        let ada = Actor { kind: ActorKind::Human, name: "ada".to_owned() };
        case.log.put_as(&ada, Event::StepTaken { step: inst("sign"), token, until }).unwrap();
        let case = case.go().passes(LEASE).is("sign=asked b=waiting").offers("sign");
        case.replays().was(RunStatus::Waiting);
    }
}

#[test]
fn what_a_probe_found_done_is_nobodys_word() {
    let probed = step("a").interrupt(OnInterrupt::Probe("true".to_owned()));
    let case = Case::stepped(plan(vec![probed], vec![])).go().take("x", "a").passes(LEASE);
    let run = &case.is("a=passed").log.run;
    let node = run.node(&inst("a")).unwrap();
    assert_eq!(node.ending().map(|ending| &ending.outcome), Some(&Outcome::Probed));
    let last = node.last().unwrap();
    assert_eq!((last.by.as_ref(), last.reporter()), (Some(&agent("x")), None));
    assert_ne!(run.claimer(node), Some(&agent("x")));
}

#[test]
fn what_is_given_back_was_not_tried() {
    let case = Case::stepped(plan(vec![step("a")], vec![])).go().take("x", "a");
    let case = case.parts("a", Parting::Released).is("a=ready").offers("a").replays();
    assert!(case.log.run.node(&inst("a")).unwrap().attempts.is_empty());
}

#[test]
fn a_stop_lets_holders_finish_and_nothing_else_begin() {
    let open = || {
        let steps = vec![step("a"), step("b"), step("c"), step("d").after("b").after("c")];
        let case = Case::stepped(plan(steps, vec![step("f")])).go().take("x", "a").take("y", "b");
        case.reports("a", Said::Failed).is("a=failed b=held c=skipped d=skipped").offers("")
    };
    open().reports("b", Said::Passed).is("b=passed f=passed").was(RunStatus::Failed).replays();
    open().parts("b", Parting::Released).is("b=skipped f=passed").was(RunStatus::Failed);
    open().parts("b", Parting::HandedOver).is("b=skipped").ran("f#1").was(RunStatus::Failed);
    open().passes(LEASE).is("b=failed f=passed").was(RunStatus::Failed);
}

#[test]
fn what_a_cancel_takes_from_its_holder_may_have_been_done() {
    let late = Event::DeadlinePassed { after_ms: 5 };
    let cancel = Event::CancelRequested { by: "SIGINT".to_owned() };
    for end in [cancel, late] {
        let steps = vec![step("a").release("drop"), step("b").after("a"), step("c").human()];
        let mut case = Case::stepped(plan(steps, vec![step("drop"), step("sweep")])).go();
        case = case.take("x", "a");
        let (old, token) = (case.report_of("a", Said::Passed), case.token("a"));
        case.put(end);
        let case = case.go().is("a=cancelled b=cancelled c=cancelled");
        // The machine that it may have rented is given back.
        let case = case.is("drop[a#1]=passed sweep=passed").refuses(old, "has finished");
        let last = case.log.run.node(&inst("a")).unwrap().last().unwrap().clone();
        assert_eq!((last.by, last.token), (Some(agent("x")), Some(token)));
        assert_eq!(last.ending.map(|ending| ending.outcome), Some(Outcome::Cancelled));
        case.replays();
    }
}

#[test]
fn a_reported_failure_is_retried_by_somebody_once_its_time_has_come() {
    let mut again = retry(1, OnError::Stop);
    again.escalate.push((at(name("size")), vec![json!("s"), json!("m")]));
    let steps = vec![step("a").on_error(OnError::Retry(again))];
    let case = Case::stepped(plan(steps, vec![])).go().take("x", "a").says_so("a", Said::Failed);
    let case = case.is("a=delayed").offers("").was(RunStatus::Waiting);
    assert!(case.log.run.due(case.log.now.plus(999)).is_empty());
    let case = case.go().offers("a").is("a=ready");
    let node = case.log.run.node(&inst("a")).unwrap();
    assert_eq!(case.log.run.next_params(node).get(&name("size")), Some(&json!("m")));
    let case = case.take("y", "a").reports("a", Said::Failed).is("a=failed").ran("");
    let node = case.log.run.node(&inst("a")).unwrap();
    assert_eq!(node.last().unwrap().params.get(&name("size")), Some(&json!("m")));
    case.was(RunStatus::Failed).replays();
}

#[test]
fn what_is_handed_over_is_the_engines_for_good() {
    let steps = || vec![step("a").on_error(OnError::Retry(retry(1, OnError::Stop))), step("b")];
    let case = Case::stepped(plan(steps(), vec![])).exits("a#1", 1).go().hands_over("a");
    case.ran("a#1 a#2").is("a=passed").offers("b").does("b").was(RunStatus::Passed).replays();
    let case = Case::stepped(plan(steps(), vec![])).go().take("x", "a");
    let case = case.parts("a", Parting::HandedOver).ran("a#1").is("a=passed");
    let last = case.log.run.node(&inst("a")).unwrap().last().unwrap().clone();
    assert_eq!((last.n, last.by, last.token), (1, None, None));
    let human = Case::stepped(plan(vec![step("h").human(), step("i").after("h")], vec![])).go();
    human
        .refuses(Event::StepHandedOver { step: inst("h") }, "it is asked")
        .refuses(Event::StepHandedOver { step: inst("i") }, "it is waiting");
}

#[test]
fn of_what_was_handed_over_to_an_engine_that_died_somebody_says_what_became() {
    let open = || {
        let steps = vec![step("a"), step("b").needs("a")];
        let case = Case::stepped(plan(steps, vec![])).runs("a#1").go().hands_over("a");
        case.is("a=running").dies(false).is("a=asked").offers("").was(RunStatus::Waiting)
    };
    open().answer("a", Answer::Passed).is("a=passed").offers("b");
    open().answer("a", Answer::Rerun).ran("a#1 a#2").is("a=passed").offers("b").replays();
    open().answer("a", Answer::Failed).is("a=failed").was(RunStatus::Failed);
    let until = open().log.now.plus(LEASE);
    let case = open();
    let token = case.log.run.seq();
    case.refuses(Event::StepTaken { step: inst("a"), token, until }, "not offered");
}

#[test]
fn after_a_reboot_only_what_the_engine_was_to_run_may_have_run() {
    let steps = vec![step("a"), step("b"), step("c"), step("d").human()];
    let case = Case::stepped(plan(steps, vec![])).runs("a#1").go().take("x", "b");
    let case = case.hands_over("a").dies(true).is("a=asked b=held c=ready d=asked").offers("c d");
    case.reports("b", Said::Passed).replays();
}

#[test]
fn converge_offers_again_what_it_resets_also_what_the_engine_did_before() {
    let mut looped = plan(vec![step("a"), step("b").after("a")], vec![]);
    looped.converge = Some(converge(2, ConvergeStrategy::RetryAll));
    let case = Case::stepped(looped).says("converge", &[1, 0]).go().hands_over("a").is("a=passed");
    let case = case.does("b").offers("a").was(RunStatus::Waiting);
    let case = case.does("a").does("b").was(RunStatus::Passed).ran("a#1").replays();
    assert_eq!(case.log.run.node(&inst("a")).unwrap().attempts.len(), 2);
    let mut failing = plan(vec![step("a").on_error(OnError::Continue), step("b")], vec![]);
    failing.converge = Some(converge(2, ConvergeStrategy::RetryFailed));
    let case = Case::stepped(failing).says("converge", &[1, 0]).go().does("b").take("x", "a");
    let case = case.reports("a", Said::Failed).offers("a").is("b=passed");
    case.does("a").was(RunStatus::Passed);
}

#[test]
fn instances_are_offered_one_by_one_as_canary_and_concurrency_allow() {
    let each = |canary, most| {
        let fan = step("f").each("x y z", |fan| {
            (fan.canary, fan.concurrency) = (canary, most);
        });
        Case::stepped(plan(vec![fan, step("after").needs("f")], vec![])).go()
    };
    let case = each(0, None).offers("f[x] f[y] f[z]").is("f=running");
    let case = case.does("f[y]").does("f[x]").hands_over("f[z]").is("f=passed").ran("f[z]#1");
    case.offers("after").replays();
    each(0, Some(1)).offers("f[x]").does("f[x]").offers("f[y]");
    let case = each(1, None).offers("f[x]").take("a", "f[x]").reports("f[x]", Said::Failed);
    case.is("f[x]=failed f[y]=skipped f[z]=skipped f=failed").was(RunStatus::Failed);
    // What a lease's end leaves is offered again, and the others wait for it no less.
    let case = each(1, None).take("a", "f[x]").passes(LEASE).offers("f[x]").does("f[x]");
    case.offers("f[y] f[z]");
    let case = each(0, None);
    case.refuses(Event::StepHandedOver { step: inst("f") }, "it is running");
}

#[test]
fn roads_and_conditions_lead_as_they_do_without_hands() {
    let stand_in =
        || vec![step("a").on_error(fallback("spare")), step("spare"), step("b").needs("a")];
    let case = Case::stepped(plan(stand_in(), vec![])).go().take("x", "a");
    let case = case.reports("a", Said::Failed).offers("spare").does("spare").is("a=recovered");
    case.does("b").was(RunStatus::Passed);
    Case::stepped(plan(stand_in(), vec![])).go().does("a").is("spare=skipped").offers("b");
    let roads = || vec![step("a").on_error(branch("bad", Some("good"))), step("bad"), step("good")];
    Case::stepped(plan(roads(), vec![])).go().does("a").is("bad=skipped").offers("good");
    let case = Case::stepped(plan(roads(), vec![])).go().take("x", "a");
    case.reports("a", Said::Failed).is("good=skipped").offers("bad");
    let when = vec![step("a"), step("b").after("a").when("steps.a.status == \"failed\"")];
    Case::stepped(plan(when, vec![])).go().does("a").is("b=skipped").was(RunStatus::Passed);
    let rescue = vec![step("a"), step("b").edge("a", EdgeKind::OnFailure, None)];
    let case = Case::stepped(plan(rescue, vec![])).go().take("x", "a");
    case.reports("a", Said::Failed).offers("b").does("b").was(RunStatus::Failed);
}

#[test]
fn a_skip_is_a_skip_to_what_comes_after() {
    let steps = vec![step("a"), step("b").needs("a"), step("c").after("a")];
    let case = Case::stepped(plan(steps, vec![])).go().take("x", "a");
    let case = case.reports("a", Said::Skipped).is("a=skipped b=skipped").offers("c");
    case.because("a", "not here").because("b", "`a` was skipped").replays();
}

#[test]
fn nothing_is_offered_before_the_guards_nor_behind_one_that_blocks() {
    let guarded = |severity| {
        let mut plan = plan(vec![step("a"), step("h").human()], vec![]);
        plan.guards.push(guard("ready", severity));
        Case::stepped(plan).says("ready", &[1])
    };
    let case = guarded(Severity::Block).offers("");
    case.go().is("a=skipped h=skipped").was(RunStatus::Blocked);
    guarded(Severity::Warn).go().offers("a h").was(RunStatus::Waiting);
}

#[test]
fn finally_is_the_engines_but_for_what_a_person_does() {
    let last = vec![step("f"), step("look").human().after("f")];
    let case = Case::stepped(plan(vec![step("a")], last)).go().does("a").ran("f#1");
    let case = case.is("f=passed look=asked").offers("look").was(RunStatus::Waiting);
    let case = case.take("p", "look").is("look=held").offers("").passes(LEASE);
    let case = case.is("look=asked").offers("look").take("p", "look");
    case.reports("look", Said::Passed).was(RunStatus::Passed).replays();
}

#[test]
fn what_only_a_person_does_is_asked_at_once_and_can_be_taken() {
    let signs = || step("sign").human().after("a");
    let case = Case::stepped(plan(vec![step("a"), signs()], vec![])).go().does("a");
    let case = case.is("sign=asked").offers("sign").take("p", "sign").passes(LEASE);
    let case = case.is("sign=asked").offers("sign").replays();
    case.answer("sign", Answer::Passed).was(RunStatus::Passed).replays();
}

#[test]
fn a_lock_has_one_holder_whoever_that_is() {
    let steps = || vec![step("a").lock("l"), step("b").lock("l"), step("c")];
    let case = Case::stepped(plan(steps(), vec![])).go().offers("a b c").take("x", "a");
    let (token, until) = (case.log.run.seq(), case.log.now.plus(LEASE));
    let take = Event::StepTaken { step: inst("b"), token, until };
    let case = case.offers("c").refuses(take, "not offered").was(RunStatus::Waiting);
    let case = case.reports("a", Said::Passed).offers("b c");
    // Nor does the engine start what needs it.
    let case = case.take("x", "b").parts("b", Parting::Released).take("x", "b");
    case.reports("b", Said::Passed).offers("c");
    let case = Case::stepped(plan(steps(), vec![])).runs("b#1").go().take("x", "a");
    let case = case.hands_over("b").is("b=ready").ran("").reports("a", Said::Passed);
    case.is("b=running").ran("b#1").offers("c");
}

#[test]
fn only_driven_time_counts_towards_a_deadline() {
    let mut timed = plan(vec![step("a"), step("b")], vec![]);
    timed.timeout = Some(ostler::workflow::Millis(1_000));
    let mut case = Case::stepped(timed).go();
    case.put(Event::DriverLeft);
    let before = case.log.run.driven_ms();
    let case = case.take("x", "a").passes(LEASE - 1).reports("a", Said::Passed).offers("b");
    assert_eq!(case.log.run.driven_ms(), before, "nobody drove while somebody did the step");
}

#[test]
fn a_refusal_changes_nothing_and_may_come_after_the_end() {
    let refused = || Event::Refused {
        what: "report".to_owned(),
        step: "a".to_owned(),
        reason: "it is not theirs".to_owned(),
        token: Some(2),
    };
    let mut case = Case::stepped(plan(vec![step("a")], vec![])).go().take("x", "a");
    case.put(refused());
    let mut case = case.go().is("a=held").reports("a", Said::Passed).was(RunStatus::Passed);
    let ended = case.log.run.ended_at();
    case.put(refused());
    let case = case.go().was(RunStatus::Passed).replays();
    assert_eq!(case.log.run.ended_at(), ended);
}
