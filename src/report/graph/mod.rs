//! The picture of a plan: its steps and what leads from one to the next, in several languages.

mod dot;
mod labels;
mod layout;
mod mermaid;
mod rails;
mod svg;

use std::collections::HashMap;

pub use dot::dot;
pub use mermaid::mermaid;
pub use rails::{Rail, rails};
pub use svg::svg;

use crate::ids::StepId;
use crate::plan::{Plan, Step};
use crate::workflow::{EdgeKind, OnError};
use labels::does;

/// What is drawn of a plan.
#[derive(Debug, Clone)]
pub struct Graph {
    /// The verb.
    pub name: String,
    /// What it does, in a line.
    pub about: Option<String>,
    /// The steps in the order of the file, then those of `finally`.
    pub nodes: Vec<Node>,
    /// What leads from one to another.
    pub links: Vec<Link>,
}

/// One step.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its id.
    pub id: StepId,
    /// What it does, in a line.
    pub does: String,
    /// Whether it runs whatever happened.
    pub finally: bool,
    /// What kind of step it is.
    pub role: Role,
    /// Whose end leads to it and how, if it is only run then: the place of a node.
    pub road: Option<(usize, Kind)>,
}

/// What kind of step is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The engine runs it.
    Run,
    /// Somebody is asked to do it.
    Asked,
    /// It cannot be tried on this machine.
    Unproven,
}

/// What leads from one step to another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it starts: the place of a node.
    pub from: usize,
    /// Where it leads.
    pub to: usize,
    /// When it is followed.
    pub kind: Kind,
    /// What must be true as well.
    pub condition: Option<String>,
}

/// When a link is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// However the step ended.
    Always,
    /// If it passed.
    Success,
    /// If it failed.
    Failure,
    /// If it failed, and the other stands in for it.
    Fallback,
    /// If it failed, as one of two roads.
    BranchFailure,
    /// If it passed, as one of two roads.
    BranchSuccess,
    /// In `finally`, once for each of its attempts.
    Release,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Always,
        Self::Success,
        Self::Failure,
        Self::Fallback,
        Self::BranchFailure,
        Self::BranchSuccess,
        Self::Release,
    ];

    /// What a legend says of it.
    pub fn says(self) -> &'static str {
        match self {
            Self::Always => "then, however it ended",
            Self::Success => "if it passed",
            Self::Failure => "if it failed",
            Self::Fallback => "stands in if it failed",
            Self::BranchFailure => "the road if it failed",
            Self::BranchSuccess => "the road if it passed",
            Self::Release => "is given back by",
        }
    }
}

impl Link {
    /// What is written beside it.
    fn label(&self) -> String {
        let kind = match self.kind {
            Kind::Always => "",
            Kind::Success => "passed",
            Kind::Failure => "failed",
            Kind::Fallback => "instead",
            Kind::BranchFailure => "road if failed",
            Kind::BranchSuccess => "road if passed",
            Kind::Release => "released by",
        };
        match &self.condition {
            Some(condition) if kind.is_empty() => condition.clone(),
            Some(condition) => format!("{kind} and {condition}"),
            None => kind.to_owned(),
        }
    }
}

impl Graph {
    /// The picture of a plan.
    pub fn of(plan: &Plan) -> Self {
        let parts = [(false, &plan.steps), (true, &plan.finally)];
        let mut nodes: Vec<Node> = parts
            .iter()
            .flat_map(|(finally, steps)| steps.iter().map(|step| node(step, *finally)))
            .collect();
        let place: HashMap<&StepId, usize> =
            nodes.iter().enumerate().map(|(n, node)| (&node.id, n)).collect();
        let mut links = Vec::new();
        for (n, step) in plan.steps.iter().chain(&plan.finally).enumerate() {
            for edge in &step.edges {
                let kind = match edge.kind {
                    EdgeKind::Always => Kind::Always,
                    EdgeKind::OnSuccess => Kind::Success,
                    EdgeKind::OnFailure => Kind::Failure,
                };
                let condition = edge.condition.as_ref().map(|text| text.value.clone());
                links.extend(place.get(&edge.step.value).map(|from| Link {
                    from: *from,
                    to: n,
                    kind,
                    condition,
                }));
            }
            let roads = roads(step).into_iter();
            links.extend(roads.filter_map(|(target, kind)| {
                let to = *place.get(target)?;
                Some(Link { from: n, to, kind, condition: None })
            }));
        }
        for link in &links {
            if matches!(link.kind, Kind::Fallback | Kind::BranchFailure | Kind::BranchSuccess) {
                nodes[link.to].road = Some((link.from, link.kind));
            }
        }
        Self { name: plan.workflow.to_string(), about: plan.description.clone(), nodes, links }
    }

    /// The nodes in waves: those of one do not wait for each other.
    pub fn waves(&self) -> Vec<Vec<usize>> {
        let (order, wave) = layout::order(self);
        let mut waves = layout::in_waves(&order, &wave);
        waves.iter_mut().for_each(|wave| wave.sort_unstable());
        waves
    }
}

fn node(step: &Step, finally: bool) -> Node {
    let role = match step {
        step if step.unmet.is_some() => Role::Unproven,
        step if step.is_asked() => Role::Asked,
        _ => Role::Run,
    };
    Node { id: step.id.clone(), does: does(step), finally, role, road: None }
}

/// The steps that one leads to by itself.
fn roads(step: &Step) -> Vec<(&StepId, Kind)> {
    let mut roads = match step.on_error.finally() {
        OnError::Fallback { target } => vec![(&target.value, Kind::Fallback)],
        OnError::Branch { target, on_success } => {
            let success = on_success.iter().map(|s| (&s.value, Kind::BranchSuccess));
            std::iter::once((&target.value, Kind::BranchFailure)).chain(success).collect()
        }
        OnError::Stop | OnError::Continue | OnError::Retry(_) => Vec::new(),
    };
    roads.extend(step.release.iter().map(|release| (release, Kind::Release)));
    roads
}

#[cfg(test)]
use tests::linked;

#[cfg(test)]
mod tests {
    use super::*;

    /// So many steps, linked in pairs, to test what is drawn.
    pub(super) fn linked(count: usize, pairs: &[(usize, usize)]) -> Graph {
        let node = |n: usize| Node {
            id: StepId::parse(&format!("s{n}")).unwrap(),
            does: String::new(),
            finally: false,
            role: Role::Run,
            road: None,
        };
        let link =
            |&(from, to): &(usize, usize)| Link { from, to, kind: Kind::Success, condition: None };
        let (nodes, links) = ((0..count).map(node).collect(), pairs.iter().map(link).collect());
        Graph { name: String::new(), about: None, nodes, links }
    }
}
