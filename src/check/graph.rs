//! The graph of a workflow: cycles, steps that can never run, and who comes before whom.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use petgraph::graph::{DiGraph, NodeIndex};

use crate::diagnostic::{Code, Diagnostic, Place};
use crate::ids::StepId;
use crate::workflow::{Edge, EdgeKind, Join, OnError, Order, Step, Workflow};

/// The edges of each step, with those that `order = Sequential` implies.
pub fn edges<'w>(workflow: &Workflow, steps: &'w [Step]) -> Vec<Cow<'w, [Edge]>> {
    let sequential = workflow.order == Order::Sequential;
    let with_order = |(i, step): (usize, &'w Step)| {
        let mut edges = Cow::from(&step.depends_on);
        let before = i.checked_sub(1).and_then(|i| steps.get(i)).filter(|_| sequential);
        if let Some(before) = before
            && !edges.iter().any(|e| e.step.value == before.id.value)
        {
            let step = before.id.clone();
            edges.to_mut().push(Edge { step, kind: EdgeKind::OnSuccess, condition: None });
        }
        edges
    };
    steps.iter().enumerate().map(with_order).collect()
}

/// Checks for cycles and unreachable steps; `true` if there is no cycle.
pub(super) fn check(workflow: &Workflow, problems: &mut Vec<Diagnostic>) -> bool {
    let mut sound = true;
    for steps in [&workflow.steps, &workflow.finally] {
        let edges = edges(workflow, steps);
        for cycle in cycles(steps, &edges) {
            sound = false;
            problems.push(describe(steps, &edges, &cycle));
        }
        if sound {
            unreachable(steps, &edges, problems);
        }
    }
    sound
}

/// Where each step stands.
fn index(steps: &[Step]) -> HashMap<&StepId, usize> {
    steps.iter().enumerate().map(|(i, s)| (&s.id.value, i)).collect()
}

/// A step's beginning and end are two nodes, for a fallback lies between them: the step ends when its fallback does.
fn build(steps: &[Step], edges: &[Cow<'_, [Edge]>]) -> DiGraph<usize, ()> {
    let index = index(steps);
    let mut graph = DiGraph::with_capacity(steps.len() * 2, steps.len() * 2);
    for i in 0..steps.len() {
        graph.add_node(i);
        graph.add_node(i);
    }
    let start = |i: usize| NodeIndex::new(2 * i);
    let end = |i: usize| NodeIndex::new(2 * i + 1);
    let fallback_of = |i: usize| match steps[i].on_error.finally() {
        OnError::Fallback { target } => index.get(&target.value).copied(),
        _ => None,
    };
    for (i, step) in steps.iter().enumerate() {
        graph.add_edge(start(i), end(i), ());
        for edge in edges[i].iter() {
            let Some(&before) = index.get(&edge.step.value) else { continue };
            let from = if fallback_of(before) == Some(i) { start(before) } else { end(before) };
            graph.add_edge(from, start(i), ());
        }
        for target in step.on_error.targets() {
            let Some(&target) = index.get(&target.value) else { continue };
            if fallback_of(i) == Some(target) {
                graph.add_edge(start(i), start(target), ());
                graph.add_edge(end(target), end(i), ());
            } else {
                graph.add_edge(end(i), start(target), ());
            }
        }
    }
    graph
}

/// One cycle for each knot in the graph, as the steps along it.
fn cycles(steps: &[Step], edges: &[Cow<'_, [Edge]>]) -> Vec<Vec<usize>> {
    let graph = build(steps, edges);
    let mut found = Vec::new();
    // Not Tarjan's, which petgraph writes as a recursion: a long chain would overflow the stack.
    for knot in petgraph::algo::kosaraju_scc(&graph) {
        let loops = knot.len() > 1 || graph.contains_edge(knot[0], knot[0]);
        if !loops {
            continue;
        }
        let inside: BTreeSet<NodeIndex> = knot.iter().copied().collect();
        let mut path = vec![*inside.iter().min().unwrap_or(&knot[0])];
        let mut at = BTreeMap::from([(path[0], 0)]);
        let cycle = loop {
            let here = path[path.len() - 1];
            let next = graph.neighbors(here).filter(|n| inside.contains(n)).min();
            let Some(next) = next else { break path };
            if let Some(start) = at.insert(next, path.len()) {
                break path.split_off(start);
            }
            path.push(next);
        };
        let mut steps: Vec<usize> = cycle.iter().map(|n| graph[*n]).collect();
        steps.dedup();
        if steps.len() > 1 && steps.first() == steps.last() {
            steps.pop();
        }
        found.push(steps);
    }
    found
}

fn describe(steps: &[Step], edges: &[Cow<'_, [Edge]>], cycle: &[usize]) -> Diagnostic {
    let name = |i: &usize| steps[*i].id.as_str();
    let mut path: Vec<&str> = cycle.iter().map(name).collect();
    path.extend(cycle.first().map(name));
    let shown = if path.len() > 12 {
        format!("{} -> … -> {}", path[..6].join(" -> "), path[path.len() - 5..].join(" -> "))
    } else {
        path.join(" -> ")
    };
    let mut problem =
        Diagnostic::new(Code::Cycle, format!("these steps wait for each other: {shown}"));
    for (nth, step) in cycle.iter().enumerate().take(8) {
        let next = cycle[(nth + 1) % cycle.len()];
        let place = link(&steps[*step], &steps[next], &edges[next]);
        let says = format!("`{}` comes before `{}`", steps[*step].id.value, steps[next].id.value);
        problem = if nth == 0 { problem.at(place, says) } else { problem.with(place, says) };
    }
    problem.hint("a loop that ends by itself is written with `converge`")
}

/// Where it is written that `before` comes before `after`.
fn link(before: &Step, after: &Step, edges: &[Edge]) -> Place {
    let edge = edges.iter().find(|e| e.step.value == before.id.value).map(|e| e.step.place);
    let target = before.on_error.targets().into_iter().find(|t| t.value == after.id.value);
    edge.or(target.map(|t| t.place)).unwrap_or(after.id.place)
}

/// Steps that no run can reach.
fn unreachable(steps: &[Step], edges: &[Cow<'_, [Edge]>], problems: &mut Vec<Diagnostic>) {
    let index = index(steps);
    // A step that runs only after a failure that stops the run: nothing new starts after it.
    let ends_run = |i: usize| {
        steps[i].join == Join::All
            && edges[i].iter().any(|e| {
                e.kind == EdgeKind::OnFailure
                    && index
                        .get(&e.step.value)
                        .is_some_and(|b| matches!(steps[*b].on_error.finally(), OnError::Stop))
            })
    };
    for (i, step) in steps.iter().enumerate() {
        let alone = step.join == Join::All || edges[i].len() == 1;
        for edge in edges[i].iter().filter(|e| alone && e.kind != EdgeKind::Always) {
            let Some(&before) = index.get(&edge.step.value) else { continue };
            if ends_run(before) && !follows_same_failure(&edges[i], &edges[before]) {
                problems.push(
                    Diagnostic::new(Code::Unreachable, format!("`{}` can never run", step.id.value))
                        .at(edge.step.place, format!("`{}` runs only after a failure that stops the run", edge.step.value))
                        .hint("give the failing step `on_error = \"Continue\"`, or make one step of the two"),
                );
            }
        }
        for target in step.on_error.targets() {
            let Some(&t) = index.get(&target.value) else { continue };
            let on_success = matches!(step.on_error.finally(), OnError::Branch { on_success: Some(s), .. } if s.value == target.value);
            let wrong = if on_success { EdgeKind::OnFailure } else { EdgeKind::OnSuccess };
            let contradicts =
                edges[t].iter().find(|e| e.step.value == step.id.value && e.kind == wrong);
            if let Some(edge) = contradicts {
                problems.push(
                    Diagnostic::new(Code::Unreachable, format!("`{}` can never run", target.value))
                        .at(edge.step.place, format!("{} here", edge.kind))
                        .with(target.place, "but it is taken only on the other road"),
                );
            }
        }
    }
}

/// Whether a step with these edges is itself a direct `OnFailure` successor of what `other` follows.
fn follows_same_failure(edges: &[Edge], other: &[Edge]) -> bool {
    let failures = |all: &[Edge]| -> BTreeSet<StepId> {
        all.iter().filter(|e| e.kind == EdgeKind::OnFailure).map(|e| e.step.value.clone()).collect()
    };
    !failures(edges).is_disjoint(&failures(other))
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Code;

    /// Everything that is wrong with a workflow of these steps.
    fn codes(steps: &str) -> Vec<Code> {
        let loaded = crate::source::from_text("w.toml", format!("id = 'w'\n{steps}"));
        let problems =
            loaded.workflows.iter().flat_map(|w| crate::check::check(w, &loaded.sources).problems);
        loaded.problems.iter().map(|p| p.code).chain(problems.map(|p| p.code)).collect()
    }

    #[test]
    fn a_very_long_chain_is_no_cycle_and_no_crash() {
        let step = |n: u32| match n.checked_sub(1) {
            None => "[[steps]]\nid = 's0'\ncmd = 'true'\n".to_owned(),
            Some(before) => {
                format!("[[steps]]\nid = 's{n}'\ncmd = 'true'\nneeds = ['s{before}']\n")
            }
        };
        let steps: String = (0..20_000).map(step).collect();
        assert_eq!(codes(&steps), []);
        let closed = steps.replacen("cmd = 'true'", "cmd = 'true'\nneeds = ['s19999']", 1);
        assert_eq!(codes(&closed), [Code::Cycle]);
    }
}
