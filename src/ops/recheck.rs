//! Looking again at what a run claims: the engine looks, for somebody, and records what they saw.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::refusal::{self, Wish};
use super::start::{looking, random};
use super::step::Act;
use super::workspace::runtime;
use super::{Error, Workspace};
use crate::action::Setting;
use crate::exec::{self, AtOnce};
use crate::plan::Clause;
use crate::report;
use crate::run::{self, Actor, Event, Look, Node, Recheck, Run, State};
use crate::store::{self, Journal, Store};

/// What became of looking again at a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// All of it is as it was claimed.
    Holds,
    /// Some of it is not, or could not be seen.
    Broken,
    /// It is somebody's word: nothing of it can be looked at.
    Attested,
    /// It cannot be looked at again.
    Unchecked,
    /// Whoever asks may not be the one who looks.
    Refused,
}

/// One claim of a run.
#[derive(Debug, Serialize)]
pub struct Claim {
    /// The step, or one of its instances; none if it is the whole run's.
    pub step: Option<String>,
    /// The attempt whose pass it is.
    pub attempt: Option<u32>,
    /// What is claimed, in words.
    pub statement: Option<String>,
    /// What became of looking at it.
    pub standing: Standing,
    /// Why it was not looked at.
    pub why: Option<String>,
    /// The host where it was looked at; none for this machine.
    pub host: Option<String>,
    /// Who claims it.
    pub claimed_by: Option<Actor>,
    /// Whether somebody else looked.
    pub independent: Option<bool>,
    /// The values of the placeholders in what was run.
    pub with: BTreeMap<String, Value>,
    /// What was looked at, and how.
    pub checks: Vec<Look>,
}

/// The claims of a run, as somebody saw them.
#[derive(Debug, Serialize)]
pub struct Claims {
    /// Who looked.
    pub by: Actor,
    /// Whether something was looked at, and all of it holds.
    pub holds: bool,
    /// The claims, in the order of the file.
    pub claims: Vec<Claim>,
}

impl Claims {
    /// Whether one of the claims came to this.
    pub fn any(&self, standing: Standing) -> bool {
        self.claims.iter().any(|claim| claim.standing == standing)
    }
}

/// Looks again at what the steps of a run claim that passed, or at what these claim, and records it. None if a signal
/// ended it: then nothing is recorded.
pub fn recheck(
    workspace: &Workspace,
    run: Option<&str>,
    steps: &[String],
    as_: Option<&str>,
) -> Result<Option<Claims>, Error> {
    let (mut store, act) = (workspace.existing_store()?, Act::named(as_, None)?);
    let mut journal = store.load(&store.find(run)?)?;
    refusal::posing(&mut store, &mut journal, &act, Wish::of_run("recheck"))?;
    let by = act.actor;
    let loaded = journal.run();
    let nodes = chosen(loaded, steps)?;
    let mut claims: Vec<Claim> = nodes.iter().flat_map(|node| claims(loaded, node, &by)).collect();
    let refused = refused(&claims);
    if let Some((_, why)) = refused.first().filter(|_| !steps.is_empty()) {
        record(&mut store, &mut journal, &by, &[], &refused)?;
        return Err(Error::Refusal(why.clone()));
    }
    if steps.is_empty() {
        let clauses = loaded.plan().clauses();
        claims.extend(clauses.map(|(clause, text)| attested(loaded, clause, text)));
    }
    let wanted = |node: &&Node| {
        let is_open = |c: &Claim| c.standing == Standing::Holds;
        let id = node.instance.to_string();
        claims.iter().any(|claim| is_open(claim) && claim.step.as_ref() == Some(&id))
    };
    let wanted: Vec<&Node> = nodes.iter().copied().filter(wanted).collect();
    let Some(seen) = look(workspace, &store, &journal, &by, &wanted)? else { return Ok(None) };
    let recorded = record(&mut store, &mut journal, &by, &seen, &refused)?;
    for (seen, recorded) in seen.into_iter().zip(recorded) {
        settle(&mut claims, seen, recorded, &by);
    }
    let all = Claims { by, holds: false, claims };
    let holds =
        all.any(Standing::Holds) && !all.any(Standing::Broken) && !all.any(Standing::Refused);
    Ok(Some(Claims { holds, ..all }))
}

/// The steps at which somebody may not look, and why.
fn refused(claims: &[Claim]) -> Vec<(String, String)> {
    let refused = claims.iter().filter(|claim| claim.standing == Standing::Refused);
    let why = |claim: &Claim| Some((claim.step.clone()?, claim.why.clone()?));
    refused.filter_map(why).collect()
}

/// Records what was seen, and what was refused; for each look, whether it is still of what the step claims.
fn record(
    store: &mut Store,
    journal: &mut Journal,
    by: &Actor,
    seen: &[Recheck],
    refused: &[(String, String)],
) -> Result<Vec<bool>, Error> {
    let recorded = store.append(journal, by, exec::now, |tx| {
        for (step, why) in refused {
            refusal::refused(tx, Wish { step, ..Wish::of_run("recheck") }, why)?;
        }
        let one =
            |seen: &Recheck| match tx.record(Event::ClaimChecked(Box::new(seen.clone())), None) {
                // Between our look and our lock, it was run again.
                Err(store::Error::Illegal { .. }) => Ok(false),
                recorded => recorded.map(|()| true),
            };
        seen.iter().map(one).collect::<Result<Vec<bool>, _>>()
    })?;
    store.force()?;
    Ok(recorded)
}

/// The nodes that passed; of these steps, if some are named.
fn chosen<'r>(run: &'r Run, steps: &[String]) -> Result<Vec<&'r Node>, Error> {
    let passed = |node: &&Node| node.state == State::Passed && run.instances(node).next().is_none();
    if steps.is_empty() {
        let all = run.in_order(false).chain(run.in_order(true));
        return Ok(all.filter(passed).collect());
    }
    let mut found = Vec::new();
    for name in steps {
        let node = run.named(name).map_err(Error::NotNow)?;
        let before = found.len();
        // The whole of several is meant as all of them.
        found.extend(std::iter::once(node).chain(run.instances(node)).filter(passed));
        if found.len() == before {
            let (id, state) = (&node.instance, node.state.name());
            let why = format!("`{id}` is {state}: only what passed claims something");
            return Err(Error::NotNow(why));
        }
    }
    Ok(found)
}

/// What a node claims; that it holds is still to be seen.
fn claims(run: &Run, node: &Node, by: &Actor) -> Vec<Claim> {
    let step = report::step(run, node);
    let mut one = prose(Some(node), run.claimer(node), step.action.as_deref().unwrap_or_default());
    one.statement = step.action;
    (one.standing, one.why) = match run.claim(node) {
        run::Claim::Checkable => match run.may_recheck(node, by) {
            Ok(()) => (Standing::Holds, None),
            Err(why) => (Standing::Refused, Some(format!("{why} (`--as human:NAME`)"))),
        },
        run::Claim::Attested => (Standing::Attested, one.why),
        run::Claim::Not(why) => (Standing::Unchecked, Some(why)),
    };
    let words = step.verify.map(|text| prose(Some(node), run.claimer(node), &text));
    match words {
        // That it is done is what these words say.
        Some(words) if one.standing == Standing::Attested => vec![words],
        words => std::iter::once(one).chain(words).collect(),
    }
}

/// A claim in words.
fn prose(node: Option<&Node>, claimer: Option<&Actor>, text: &str) -> Claim {
    let last = node.and_then(Node::last);
    Claim {
        step: node.map(|node| node.instance.to_string()),
        attempt: last.map(|last| last.n),
        statement: Some(text.to_owned()),
        standing: Standing::Attested,
        why: last.and_then(|last| last.note.clone()),
        host: None,
        claimed_by: claimer.cloned(),
        independent: None,
        with: BTreeMap::new(),
        checks: Vec::new(),
    }
}

/// What should hold before or after a run is somebody's word, if anybody gave it.
fn attested(run: &Run, clause: Clause, text: &str) -> Claim {
    let said = run.attestations().iter().find(|one| one.clause == clause);
    let claim = prose(None, said.map(|one| &one.by), &report::worded(run, text));
    if let Some(said) = said {
        return Claim { why: said.note.clone(), ..claim };
    }
    let why = Some("nobody has attested it".to_owned());
    Claim { standing: Standing::Unchecked, why, ..claim }
}

/// Looks at all of these.
fn look(
    workspace: &Workspace,
    store: &Store,
    journal: &Journal,
    by: &Actor,
    nodes: &[&Node],
) -> Result<Option<Vec<Recheck>>, Error> {
    if nodes.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let io = |error| Error::Io { what: "the claims could not be looked at".to_owned(), error };
    // What the looks write is no output of the run, and nobody keeps it.
    let dir = tempfile::tempdir().map_err(io)?;
    let setting = looking(workspace, store, journal, by.agent())?;
    let setting = Setting { dir: dir.path().to_owned(), ..setting };
    let config = &workspace.config;
    let at_once = AtOnce { here: config.jobs(), on_hosts: config.host_jobs() };
    let nonce = crate::plan::hex(&random()?);
    Ok(runtime()?.block_on(exec::look_again(journal.run(), nodes, setting, at_once, &nonce)))
}

/// Puts what was seen into its claim.
fn settle(claims: &mut [Claim], seen: Recheck, recorded: bool, by: &Actor) {
    let id = seen.step.to_string();
    let is_it =
        |claim: &&mut Claim| claim.step.as_ref() == Some(&id) && claim.standing == Standing::Holds;
    let Some(claim) = claims.iter_mut().find(is_it) else { return };
    if !recorded {
        claim.standing = Standing::Unchecked;
        claim.why = Some("it was run again meanwhile".to_owned());
        return;
    }
    claim.standing = if seen.passed { Standing::Holds } else { Standing::Broken };
    claim.independent = Some(seen.claimed_by != *by);
    (claim.host, claim.with, claim.checks) = (seen.host, seen.with, seen.checks);
}
