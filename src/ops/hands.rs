//! In whose hands the steps of a run are that has not ended.

use serde::Serialize;

use crate::ids::Instance;
use crate::report::ActorReport;
use crate::run::{Run, State};
use crate::value::Time;

/// A step that somebody holds.
#[derive(Debug, Clone, Serialize)]
pub struct Held {
    /// The step.
    pub step: String,
    /// Who holds it.
    pub by: ActorReport,
    /// Until when, unless it is renewed. If that is over, it is recorded once somebody acts.
    pub until: Time,
}

/// In whose hands the steps of a run are.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Hands {
    /// Whether they are handed out one by one.
    pub stepped: bool,
    /// What the run is for, in the words of who opened it.
    pub task: Option<String>,
    /// Those that somebody holds.
    pub held: Vec<Held>,
    /// Those that somebody may take, but for those that are asked about.
    pub offered: Vec<String>,
    /// Those that somebody is asked about.
    pub asked: Vec<String>,
}

/// The first of many steps, and how many others there are.
pub fn few(all: &[String]) -> String {
    let named = all.iter().take(Hands::NAMED).cloned().collect::<Vec<_>>().join(", ");
    let others = all.len().saturating_sub(Hands::NAMED);
    if others == 0 { named } else { format!("{named} and {others} more") }
}

impl Hands {
    /// How many steps are named.
    pub const NAMED: usize = 3;

    /// What somebody may do now: take it, or say what became of it.
    pub fn open(&self) -> Vec<String> {
        self.offered.iter().chain(&self.asked).cloned().collect()
    }

    /// In a few words: what is held, and what is open. Nothing of a run that is not stepped through.
    pub fn short(&self) -> Vec<String> {
        let held = self.held.iter().map(|held| format!("{} by {}", held.step, held.by.shown()));
        let both = [("held: ", held.collect::<Vec<_>>()), ("open: ", self.open())];
        let both = both.iter().filter(|(_, steps)| self.stepped && !steps.is_empty());
        both.map(|(what, steps)| format!("{what}{}", few(steps))).collect()
    }

    pub(super) fn of(run: &Run) -> Self {
        let named = |state: State| {
            let all = run.nodes().iter().filter(move |node| node.state == state);
            all.map(|node| &node.instance).map(Instance::to_string).collect()
        };
        let held = run.held().map(|(node, lease)| Held {
            step: node.instance.to_string(),
            by: ActorReport::of(&lease.by),
            until: lease.until,
        });
        Self {
            stepped: run.is_stepped(),
            task: run.task().map(str::to_owned),
            held: held.collect(),
            offered: if run.is_stepped() { named(State::Ready) } else { Vec::new() },
            asked: named(State::Asked),
        }
    }
}
