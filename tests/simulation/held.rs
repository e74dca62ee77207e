//! What is said of random runs from outside, and what must hold of that: property (l).

use ostler::run::{Event, Node, Run, State};

use crate::dsl::recheck;
use crate::generate::Rng;
use crate::properties::{Found, demand};

/// Somebody vetoes a run, lifts that, or looks again at what a step claims.
pub(crate) fn remark(rng: &mut Rng, run: &Run) -> Event {
    let seen: Vec<Event> = run.nodes().iter().filter_map(looked_at).collect();
    match rng.below(3) {
        0 if !seen.is_empty() => rng.pick(&seen).clone(),
        1 if !run.vetoes().is_empty() => lift(run),
        _ => Event::Vetoed { note: "no".to_owned() },
    }
}

/// The first veto that stands is lifted.
pub(crate) fn lift(run: &Run) -> Event {
    Event::VetoLifted { veto: run.vetoes()[0].record, note: "yes".to_owned() }
}

/// That somebody looked again at what a node claims, if it passed here.
fn looked_at(node: &Node) -> Option<Event> {
    let last = node.last().filter(|_| node.state == State::Passed)?;
    Some(Event::ClaimChecked(Box::new(recheck(node.instance.clone(), last.n, last.n % 2 == 1))))
}

/// (l) While a veto stands nothing is begun, asked or decided but what a cancel or a deadline ends; `finally` that has
/// begun goes on, and the run does not end.
pub(crate) fn holds(before: &Run, event: &Event, in_finally: bool) -> Found {
    if before.vetoes().is_empty() || before.is_ending() {
        return Ok(());
    }
    let goes_on = match event {
        Event::StepFinished { .. }
        | Event::StepInterrupted { .. }
        | Event::StepAnswered { .. }
        // Who holds a step does it to its end.
        | Event::StepReported { .. }
        | Event::LeaseRenewed { .. }
        | Event::LeaseEnded { .. }
        | Event::ProbeFinished { .. }
        | Event::TimerFired { .. }
        | Event::CancelRequested { .. }
        | Event::DeadlinePassed { .. }
        | Event::DriverTook { .. }
        | Event::DriverLeft => true,
        Event::RunFinished { .. } => false,
        _ => in_finally,
    };
    demand(goes_on, || format!("(l) in spite of a veto {event:?}"))
}

/// (l) What is said of a run from outside changes no step, and not how it ended.
pub(crate) fn changes_nothing(before: &Run, after: &Run) -> Found {
    let node = |n: &Node| format!("{} {:?} {:?}", n.instance, n.state, n.reason);
    let shown = |run: &Run| run.nodes().iter().map(node).collect::<Vec<_>>();
    demand(shown(before) == shown(after), || "(l) a remark changed a step".to_owned())?;
    let ended = |run: &Run| run.status().is_final().then(|| (run.status(), run.ended_at()));
    demand(ended(before) == ended(after), || "(l) a remark changed the end".to_owned())?;
    demand(before.driven_ms() == after.driven_ms(), || "(l) a remark took time".to_owned())
}
