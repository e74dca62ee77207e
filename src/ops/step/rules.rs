//! What somebody may do with a step now, and why not: pure questions to a run.

use std::collections::BTreeMap;

use serde_json::Value;

use super::super::act::{over, unasked};
use super::super::typed;
use super::Reported;
use crate::diagnostic::printable;
use crate::exec;
use crate::ids::{Instance, Name};
use crate::report::{CheckReport, brief};
use crate::run::{Actor, ActorKind, Ending, Lease, Node, Parting, Run, Said, State, may_do};

/// How a step comes into somebody's hands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taking {
    /// Anew.
    New,
    /// They hold it already, under this token.
    Renewed(u64),
}

/// By what right somebody reports a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Grip {
    /// They hold it under this token.
    Held(u64),
    /// They are a person, and nobody holds it.
    Free,
    /// Somebody is asked what became of it.
    Asked,
}

/// How the engine comes to do a step for somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handing {
    /// They hold it under this token.
    Held(u64),
    /// Nobody holds it.
    Free,
    /// It may have run, and shall run again.
    Again,
    /// It was handed over before.
    Done,
}

/// What somebody may take, in the order in which they should: what they hold already comes first.
pub(super) fn choice(run: &Run, actor: &Actor) -> Vec<Instance> {
    let own = run.held().filter(|(_, lease)| lease.by == *actor).map(|(node, _)| node);
    own.chain(brief::open_to(run, actor)).map(|node| node.instance.clone()).collect()
}

/// Whether somebody may take a step.
pub(super) fn taking(run: &Run, node: &Node, actor: &Actor) -> Result<Taking, String> {
    open(run)?;
    permitted(run, node, actor, "take")?;
    let id = &node.instance;
    match (node.state, &node.lease) {
        (State::Held, Some(lease)) if lease.by == *actor => Ok(Taking::Renewed(lease.token)),
        (State::Held, Some(lease)) => Err(held(node, lease)),
        _ if !run.may_begin() => Err(vetoed(run)),
        _ if run.is_offered(node) => Ok(Taking::New),
        (State::Asked, _) => Err(format!(
            "`{id}` cannot be taken: it may have run. See what became of it, then report pass or fail, or let it run \
             again: ostler step run {} {id}",
            run.id()
        )),
        _ => Err(not_its_turn(run, node)),
    }
}

/// By what right somebody may report a step.
pub(super) fn grip(
    run: &Run,
    node: &Node,
    actor: &Actor,
    token: Option<u64>,
) -> Result<Grip, String> {
    open(run)?;
    permitted(run, node, actor, "report")?;
    let id = &node.instance;
    let is_over = |token: u64| {
        format!(
            "the lease under token {token} is over, so this report of `{id}` does not count; see what there is to do: \
             ostler step next {}",
            run.id()
        )
    };
    match (node.state, &node.lease) {
        (State::Held, Some(lease)) => match token {
            Some(token) if token != lease.token => Err(is_over(token)),
            _ if lease.by != *actor => Err(held(node, lease)),
            _ => Ok(Grip::Held(lease.token)),
        },
        _ if token.is_some() => Err(is_over(token.unwrap_or_default())),
        // What people say of what they are asked is taken all the same.
        (State::Asked, _) if !run.may_begin() && actor.kind != ActorKind::Agent => Ok(Grip::Asked),
        _ if !run.may_begin() => Err(vetoed(run)),
        _ if run.is_offered(node) => match actor.kind {
            ActorKind::Agent => Err(format!(
                "you do not hold `{id}`: take it first: ostler step take {} {id}",
                run.id()
            )),
            _ => Ok(Grip::Free),
        },
        (State::Asked, _) => Ok(Grip::Asked),
        _ => Err(not_its_turn(run, node)),
    }
}

/// How somebody may end the lease on a step: they hold it, or are a person and an agent does.
pub(super) fn parting(run: &Run, node: &Node, actor: &Actor) -> Result<(u64, Parting), String> {
    open(run)?;
    permitted(run, node, actor, "give back")?;
    match node.lease.as_ref().filter(|_| node.state == State::Held) {
        Some(lease) if lease.by == *actor => Ok((lease.token, Parting::Released)),
        Some(lease) if lease.may_be_revoked(actor) => Ok((lease.token, Parting::Revoked)),
        Some(lease) => Err(held(node, lease)),
        None if node.state == State::Fanned => {
            let own = |one: &Node| one.lease.as_ref().is_some_and(|lease| lease.by == *actor);
            Err(fanned(run, node, own))
        }
        None => Err(format!("you do not hold `{}`", node.instance)),
    }
}

/// Whether the engine may do a step for somebody.
pub(super) fn handing(run: &Run, node: &Node, actor: &Actor) -> Result<Handing, String> {
    open(run)?;
    permitted(run, node, actor, "have run")?;
    let id = &node.instance;
    if run.step(node).is_asked() {
        return Err(format!(
            "the engine does not do `{id}`: do it, then report it: ostler step report {} {id}",
            run.id()
        ));
    }
    match (node.state, &node.lease) {
        _ if !run.may_begin() => Err(vetoed(run)),
        (State::Held, Some(lease)) if lease.by == *actor => Ok(Handing::Held(lease.token)),
        (State::Held, Some(lease)) => Err(held(node, lease)),
        _ if run.is_offered(node) => Ok(Handing::Free),
        (State::Asked, _) => Ok(Handing::Again),
        _ if run.is_the_engines(node) => Ok(Handing::Done),
        _ => Err(not_its_turn(run, node)),
    }
}

/// Whether somebody is asked what became of a step, so that an agent may answer.
pub(super) fn answering(run: &Run, step: &str, actor: &Actor) -> Result<(), String> {
    let node = run.named(step)?;
    open(run)?;
    permitted(run, node, actor, "answer")?;
    if node.state == State::Asked {
        return Ok(());
    }
    Err(format!("{}; see what there is to do: ostler step next {}", unasked(node), run.id()))
}

/// The outputs of a report, typed. One that passes has all of them.
pub(super) fn outputs(
    run: &Run,
    node: &Node,
    said: &Reported,
) -> Result<BTreeMap<Name, Value>, String> {
    let (id, step, passes) = (&node.instance, run.step(node), said.said == Said::Passed);
    let typed = typed::outputs(id, step, &said.outputs, passes)?;
    if !passes && !typed.is_empty() && !step.secrets.is_empty() {
        return Err(format!(
            "`{id}` has secrets, so what it hands on is looked at, which is done for a pass: leave out --output"
        ));
    }
    Ok(typed)
}

/// Whether this very report was made before: then it changes nothing, unless it says something else.
pub(super) fn repeated(node: &Node, said: &Reported, actor: &Actor) -> Option<Result<(), String>> {
    let same = |attempt: &&crate::run::Attempt| {
        let by_id = said.id.is_some() && attempt.report == said.id;
        let by_token = said.token.is_some() && attempt.token == said.token;
        attempt.reporter() == Some(actor) && attempt.ending.is_some() && (by_id || by_token)
    };
    let attempt = node.attempts.iter().rev().find(same)?;
    let passed = attempt.ending.as_ref().is_some_and(|ending| ending.passed);
    let was = match attempt.said {
        Some(said) => said,
        None if passed => Said::Passed,
        None if attempt.report.is_some() => Said::Failed,
        // It ended without a report: the lease was over.
        None => return None,
    };
    Some(if was == said.said {
        Ok(())
    } else {
        Err(format!(
            "`{}` was reported under this token or id before, as {}",
            node.instance,
            was.name()
        ))
    })
}

fn open(run: &Run) -> Result<(), String> {
    if run.status().is_final() { Err(over(run).to_string()) } else { Ok(()) }
}

fn permitted(run: &Run, node: &Node, actor: &Actor, what: &str) -> Result<(), String> {
    if may_do(run.step(node).actor, actor) {
        return Ok(());
    }
    let (id, name) = (&node.instance, &actor.name);
    Err(format!(
        "only a person may {what} `{id}`, and {name} is an agent; ask one: they see it with `ostler step next {}`",
        run.id()
    ))
}

/// Why nothing new begins.
fn vetoed(run: &Run) -> String {
    let by = run.vetoes().first().map(|veto| format!("{}: {}", veto.by, printable(&veto.note)));
    let (id, by) = (run.id(), by.unwrap_or_default());
    format!(
        "run {id} is vetoed by {by}; nothing new begins in it until that is lifted (`ostler runs veto {id} --lift --note WHY`)"
    )
}

fn held(node: &Node, lease: &Lease) -> String {
    format!("`{}` is held by {} until {}", node.instance, lease.by, lease.until)
}

/// That a step is done by its instances, and one that may be meant.
fn fanned(run: &Run, node: &Node, meant: impl Fn(&Node) -> bool) -> String {
    let meant = run.instances(node).find(|instance| meant(instance));
    let such = meant.map(|one| format!(", such as `{}`", one.instance)).unwrap_or_default();
    format!("`{}` is its instances: name one of them{such}", node.instance)
}

/// Why nobody may do anything with a step.
fn not_its_turn(run: &Run, node: &Node) -> String {
    let id = &node.instance;
    if let Some((lock, holder)) = run.locked_by(node).filter(|_| run.is_due(node)) {
        return format!("`{id}` needs the lock `{lock}`, which `{}` holds", holder.instance);
    }
    match node.state {
        _ if run.is_due(node) => format!("the guards of the run come before `{id}`"),
        State::Waiting => {
            let open = |edge: &&crate::workflow::Edge| {
                let before = run.node(&Instance::only(edge.step.value.clone()));
                before.is_some_and(|before| !before.state.is_final())
            };
            let before: Vec<String> = run
                .step(node)
                .edges
                .iter()
                .filter(open)
                .map(|e| format!("`{}`", *e.step))
                .collect();
            let after = if before.is_empty() {
                String::new()
            } else {
                format!(": it comes after {}", before.join(", "))
            };
            format!("the turn of `{id}` has not come{after}")
        }
        State::Delayed(until) => format!("`{id}` is tried again from {until}"),
        State::Fanned => fanned(run, node, |instance| run.is_offered(instance)),
        State::Ready | State::Running => format!("the engine runs `{id}`"),
        state => format!("`{id}` has ended: {}", state.name()),
    }
}

/// Whether a report holds what it must: why a step is skipped, and what its pass is judged by.
pub(super) fn sayable(run: &Run, node: &Node, said: &Reported, grip: Grip) -> Result<(), String> {
    let id = &node.instance;
    let noted = said.note.as_ref().is_some_and(|note| !note.trim().is_empty());
    match said.said {
        Said::Skipped if grip == Grip::Asked => {
            Err(format!("`{id}` may have run, so it is not skipped: report pass or fail"))
        }
        Said::Skipped if !noted => Err(format!("say why `{id}` is skipped: --note WHY")),
        Said::Passed => {
            let step = run.step(node);
            let lacking = exec::lacking(step, &said.evidence);
            lacking.map_or(Ok(()), |why| {
                let run = run.id();
                Err(format!("`{id}` is not passed by a report alone, for {why}; or: ostler step run {run} {id}"))
            })
        }
        Said::Skipped | Said::Failed => Ok(()),
    }
}

/// What is not as a pass requires, though somebody says that the step is done.
pub(super) fn not_so(step: &Instance, ending: &Ending) -> String {
    let failed = ending.checks.iter().filter_map(|check| CheckReport::of(check).unmet());
    let mut why: Vec<String> = failed.chain(ending.bad_output.clone()).collect();
    if why.is_empty() {
        why.push(ending.outcome.to_string());
    }
    format!(
        "`{step}` has not passed: {}; mend it and report it again, or report fail",
        why.join("; ")
    )
}

/// Why nobody can look whether a step is done, and what does without.
pub(super) fn unseen(run: &Run, step: &Instance, why: &str) -> String {
    let has_run = run.node(step).is_some_and(|node| !run.step(node).is_asked());
    let run = if has_run {
        format!(", or let the engine run it: ostler step run {} {step}", run.id())
    } else {
        String::new()
    };
    format!("it cannot be looked at whether `{step}` is done: {why}; report fail{run}")
}

/// Why there is nothing to take.
pub(super) fn nothing(run: &Run) -> String {
    match open(run) {
        Err(over) => over,
        Ok(()) if !run.may_begin() => vetoed(run),
        Ok(()) => format!(
            "nothing can be taken now; see what is waited for: ostler step next {}",
            run.id()
        ),
    }
}

#[cfg(test)]
mod tests;
