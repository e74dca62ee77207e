//! The report as `JUnit` XML, which CI servers read: a test suite with a test case for each step.

use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, TestCase, TestCaseStatus, TestSuite};

use super::lines::in_xml;
use super::output::{Output, both};
use super::{Report, StepReport, VetoReport};
use crate::diagnostic::printable;
use crate::run::{NoConnection, RunStatus};

/// The report as `JUnit` XML. A run that did not pass has a failure there, also if no step has.
pub fn junit(report: &Report, output: Output<'_>) -> Result<String, String> {
    let mut whole = quick_junit::Report::new(report.workflow.as_str());
    whole.timestamp = report.started_at.parse().ok();
    let mut ended = whole.timestamp;
    ended = report.ended_at.as_deref().map_or(ended, |at| at.parse().ok());
    whole.time = ended.zip(whole.timestamp).and_then(|(end, start)| (end - start).to_std().ok());
    let mut steps = suite(report, &report.workflow, &report.steps, output);
    steps.timestamp = whole.timestamp;
    let actor = report.actor.shown();
    let facts = [
        ("run", report.run.as_str()),
        ("status", report.status.name()),
        ("plan_digest", report.plan_digest.as_str()),
        ("actor", actor.as_str()),
    ];
    let facts = facts.into_iter().chain(report.task.iter().map(|task| ("task", task.as_str())));
    steps.add_properties(facts.map(|(name, value)| Property::new(name, shown(value))));
    let finally = format!("{} finally", report.workflow);
    let mut suites = vec![steps];
    if !report.finally.is_empty() {
        suites.push(suite(report, &finally, &report.finally, output));
    }
    let failures: usize = suites.iter().map(|suite| suite.failures + suite.errors).sum();
    if !report.vetoes.is_empty() {
        suites[0].add_test_case(vetoed(report));
    } else if failures == 0
        && let Some(case) = unfinished(report)
    {
        suites[0].add_test_case(case);
    }
    whole.add_test_suites(suites);
    whole.to_string().map_err(|error| error.to_string())
}

fn suite(report: &Report, name: &str, steps: &[StepReport], output: Output<'_>) -> TestSuite {
    let mut suite = TestSuite::new(name);
    let cases: Vec<TestCase> = steps.iter().map(|step| case(report, step, output)).collect();
    suite.set_time(cases.iter().filter_map(|case| case.time).sum());
    suite.add_test_cases(cases);
    suite
}

fn case(report: &Report, step: &StepReport, output: Output<'_>) -> TestCase {
    let status = match step.status.as_str() {
        "passed" | "recovered" => step.broken().map_or_else(TestCaseStatus::success, |why| {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_type("no_longer_so");
            status.set_message(in_xml(&why));
            status
        }),
        "failed" => failure(step, output),
        other => {
            let mut skipped = TestCaseStatus::skipped();
            skipped.set_type(other);
            let hands = step.hands();
            let why = hands.as_deref().or(step.reason.as_deref()).unwrap_or(other);
            skipped.set_message(shown(why));
            skipped
        }
    };
    let mut case = TestCase::new(step.id.as_str(), status);
    case.set_classname(report.workflow.as_str());
    let took = step.attempts.iter().filter_map(|attempt| attempt.duration_ms).sum();
    case.set_time(Duration::from_millis(took));
    case.timestamp =
        step.attempts.iter().find_map(|attempt| attempt.started_at.as_ref()?.parse().ok());
    if matches!(step.status.as_str(), "passed" | "recovered") && step.attempts.len() > 1 {
        let each = step.attempts.iter().map(|attempt| {
            format!("attempt {}: {}", attempt.n, attempt.detail.as_deref().unwrap_or_default())
        });
        case.set_system_out(shown(&each.collect::<Vec<_>>().join("\n")));
    }
    case
}

/// What failed, in a line and at length. That a command could not be tried is an error rather than a failure.
fn failure(step: &StepReport, output: Output<'_>) -> TestCaseStatus {
    let last = step.attempts.last();
    let outcome = last.and_then(|attempt| attempt.outcome.as_deref()).unwrap_or("failed");
    let unmet = NoConnection::ALL.iter().any(|why| why.name() == outcome);
    let untried = unmet || matches!(outcome, "could_not_start" | "lost");
    let kind = if untried { NonSuccessKind::Error } else { NonSuccessKind::Failure };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(outcome);
    status.set_message(in_xml(&step.cause()));
    let mut lines: Vec<String> = Vec::new();
    for check in step.checks.iter().filter(|check| check.status == "failed") {
        lines.push(format!("{}: expected {}", check.what, shown(&check.expected)));
        lines.push(format!("{}: observed {}", check.what, shown(&check.observed)));
    }
    lines.extend(step.reason.iter().map(|reason| shown(reason)));
    if let Some(attempt) = last {
        lines.extend(attempt.bad_output.iter().map(|why| shown(why)));
        let output = both(step, output);
        if !output.is_empty() {
            lines.push("the end of its output:".to_owned());
            lines.extend(output.iter().map(|line| in_xml(line)));
        }
    }
    if step.attempts.len() > 1 {
        lines.push(format!("{} attempts", step.attempts.len()));
    }
    status.set_description(lines.join("\n"));
    status
}

/// A case for what kept the run from passing, where no step did.
fn unfinished(report: &Report) -> Option<TestCase> {
    let kind = match report.status {
        RunStatus::Passed | RunStatus::PassedWithFailures => return None,
        RunStatus::Failed | RunStatus::Blocked | RunStatus::Refused => NonSuccessKind::Failure,
        RunStatus::Cancelled | RunStatus::Running | RunStatus::Waiting => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(report.status.name());
    let open = || {
        let way = report.is_open().then(|| format!(": {}", report.way_on()));
        format!("the run has not ended{}", way.unwrap_or_default())
    };
    status.set_message(shown(&report.reason.clone().unwrap_or_else(open)));
    Some(of_run(report, status))
}

/// A case for the vetoes that stand.
fn vetoed(report: &Report) -> TestCase {
    let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
    status.set_type("vetoed");
    let vetoes: Vec<String> = report.vetoes.iter().map(VetoReport::says).collect();
    status.set_message(in_xml(&format!("vetoed {}", vetoes.join(", and "))));
    of_run(report, status)
}

/// A case that is of no step.
fn of_run(report: &Report, status: TestCaseStatus) -> TestCase {
    let mut case = TestCase::new("(the run)", status);
    case.set_classname(report.workflow.as_str());
    case.set_time(Duration::ZERO);
    case
}

/// A text as it is shown, and as XML can hold it.
fn shown(text: &str) -> String {
    in_xml(&printable(text))
}
