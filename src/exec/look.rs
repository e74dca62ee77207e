//! Looking again at what steps claim: their `verify`, the files that they expect, and commands that only read.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::job;
use super::resolve::{One, Values};
use super::signals::Signals;
use crate::action::ssh::{Hosts, Reach};
use crate::action::{Attempt, Done, Pool, Setting, Urge, Work};
use crate::expr::template::Placeholder;
use crate::plan::{Action, Expectation, Step};
use crate::run::{Check, Ending, Look, Node, Recheck, Run, can_be_repeated};

/// How many looks are taken at once.
#[derive(Debug, Clone, Copy)]
pub struct AtOnce {
    /// Here.
    pub here: usize,
    /// On hosts.
    pub on_hosts: usize,
}

/// Looks again at what these nodes claim, all of which have an attempt that passed. None if a signal ended it. `nonce`
/// tells it from all other times.
pub async fn look_again(
    run: &Run,
    nodes: &[&Node],
    setting: Setting,
    at_once: AtOnce,
    nonce: &str,
) -> Option<Vec<Recheck>> {
    let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
    let pool = Pool::new(setting);
    let hosts = Hosts::new(Reach::from_env(), &pool);
    let rooms = [at_once.here, at_once.on_hosts].map(|most| Arc::new(Semaphore::new(most.max(1))));
    let (urge, heard) = watch::channel(Urge::None);
    let mut looks = JoinSet::new();
    let mut places = Vec::new();
    for (nth, node) in nodes.iter().enumerate() {
        let work = prepared(run, node, nonce, pool.setting());
        let host =
            work.as_ref().ok().and_then(|work| Some(work.on.as_ref()?.host.name.to_string()));
        let room = rooms[usize::from(host.is_some())].clone();
        places.push(host);
        let (pool, hosts, heard) = (pool.clone(), hosts.clone(), heard.clone());
        looks.spawn(async move {
            let _room = room.acquire().await;
            (nth, job::run(work, None, pool, hosts, heard).await)
        });
    }
    let done = all(looks, &urge).await;
    pool.close();
    hosts.close(done.is_some()).await;
    let mut done = done?;
    let seen = nodes.iter().zip(places).enumerate().filter_map(|(nth, (node, host))| {
        let look =
            done.remove(&nth).unwrap_or_else(|| job::lost("it was not looked at".to_owned()));
        seen_of(run, node, host, &look.ending)
    });
    Some(seen.collect())
}

/// What all looks gave; none if a signal ended them.
async fn all(
    mut looks: JoinSet<(usize, Done)>,
    urge: &watch::Sender<Urge>,
) -> Option<BTreeMap<usize, Done>> {
    let mut signals = Signals::new();
    let mut done = BTreeMap::new();
    loop {
        tokio::select! {
            biased;
            _ = signals.next() => {
                urge.send_replace(if signals.count() > 1 { Urge::Kill } else { Urge::End });
            }
            look = looks.join_next() => match look {
                // One that panicked is missed below, and said to be lost.
                Some(look) => done.extend(look),
                None => return (signals.count() == 0).then_some(done),
            }
        }
    }
}

/// What looks again at a node's claim, with the values that its last attempt had, where it was made.
fn prepared(run: &Run, node: &Node, nonce: &str, setting: &Setting) -> Result<Attempt, String> {
    let last = node.last().ok_or("it has no attempt")?;
    let step = run.step(node);
    let host = if step.is_on_host() { run.host(node, last.n, &last.params)? } else { None };
    let id = format!("{}-{}-{nonce}", run.id(), last.seq);
    let one = One { instance: &node.instance, attempt: last.n, params: &last.params, host, id };
    let mut values = Values::new(run, one, setting)?;
    let (cwd, mut env) = values.around(step)?;
    let work = if can_be_repeated(step) {
        values.work(step, &cwd, &mut env, &mut BTreeMap::new())?
    } else {
        let expected = step.expect.as_ref().map(|expect| values.expected(expect, &cwd));
        Work::Look(expected.transpose()?.map(Box::new))
    };
    let mut attempt = values.made(step, work, env, cwd)?;
    let expected = match &mut attempt.work {
        Work::One(part) => part.expect.as_mut(),
        Work::Look(expected) => expected.as_deref_mut(),
        _ => None,
    };
    // What became so in its time is so now, or is not.
    expected.into_iter().for_each(|expected| expected.that.within = None);
    attempt.on.iter_mut().for_each(|on| on.keep = false);
    Ok(attempt)
}

/// What was seen of a node's claim.
fn seen_of(run: &Run, node: &Node, host: Option<String>, ending: &Ending) -> Option<Recheck> {
    let checks = looks(run.step(node), ending);
    Some(Recheck {
        step: node.instance.clone(),
        attempt: node.last()?.n,
        claimed_by: run.claimer(node)?.clone(),
        host,
        with: with(run, node),
        passed: ending.passed && checks.iter().all(|look| look.check.passed),
        checks,
    })
}

/// The values of the placeholders in what was looked at.
fn with(run: &Run, node: &Node) -> BTreeMap<String, Value> {
    let Some(last) = node.last() else { return BTreeMap::new() };
    let step = run.step(node);
    let own = step.run.as_ref().filter(|_| can_be_repeated(step));
    let found = own.map(Action::placeholders).unwrap_or_default().into_iter();
    let found = found.chain(step.expectations().flat_map(Expectation::placeholders));
    let found = found.chain(step.verify.iter().flat_map(|verify| &verify.run.values));
    let value = |found: &Placeholder| run.value_of(Some(node), last.n, &last.params, found);
    found.filter_map(|found| Some((found.braced(), value(found)?))).collect()
}

/// Each thing that was looked at, and how.
fn looks(step: &Step, ending: &Ending) -> Vec<Look> {
    let verify = || step.verify.as_ref().map(|verify| verify.run.shown()).unwrap_or_default();
    let command = || step.run.as_ref().and_then(Action::shown).unwrap_or_default();
    let is_one = can_be_repeated(step) && !matches!(step.run, Some(Action::Checks(_)));
    let mut checks = ending.checks.clone();
    if checks.is_empty() && !ending.passed {
        let how = if is_one { command() } else { verify() };
        let check = unseen(ending.outcome.to_string());
        return vec![Look { how, check }];
    }
    if is_one && checks.iter().all(|check| check.what != "exit") {
        // That it exited with 0 went without saying.
        let said = || "exit 0".to_owned();
        let exit =
            Check { what: "exit".to_owned(), expected: said(), observed: said(), passed: true };
        checks.insert(0, exit);
    }
    if let Some(why) = &ending.bad_output {
        let (what, expected) = ("outputs".to_owned(), "what it declares".to_owned());
        checks.push(Check { what, expected, observed: why.clone(), passed: false });
    }
    let part = |name: &str| match &step.run {
        Some(Action::Checks(all)) => all.iter().find(|check| check.name == name),
        _ => None,
    };
    let how = |what: &str| match part(what) {
        Some(check) => check.run.shown(),
        None if what.starts_with("file ") => "looking at it".to_owned(),
        None if is_one && what != "verify" => command(),
        None => verify(),
    };
    checks.into_iter().map(|check| Look { how: how(&check.what), check }).collect()
}

/// What could not be looked at, and why.
fn unseen(why: String) -> Check {
    let (what, expected) = ("look".to_owned(), "that it can be looked at".to_owned());
    Check { what, expected, observed: why, passed: false }
}
