//! A step that somebody says is done, looked at again: what can be seen of it is judged as if the engine had done it.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::watch;

use super::job;
use super::resolve::{One, Values};
use crate::action::ssh::{Hosts, Reach};
use crate::action::{Attempt, Done, Pool, Reported, Setting, Urge, Work};
use crate::ids::{Instance, Name};
use crate::plan::{Action, Seen, Step};
use crate::run::Run;
use crate::value::Bytes;

/// What somebody brings along who says that a step is done.
#[derive(Debug, Clone, Default)]
pub struct Evidence {
    /// The exit code of its command.
    pub exit: Option<i32>,
    /// What that wrote to standard output.
    pub stdout: Option<Bytes>,
    /// What it wrote to standard error.
    pub stderr: Option<Bytes>,
}

/// What is looked at.
#[derive(Debug, Clone)]
pub struct Look {
    /// What they bring along.
    pub evidence: Evidence,
    /// What they hand on.
    pub outputs: BTreeMap<Name, Value>,
}

/// Why nobody's word can make a step pass, where that is so; else what evidence it takes that is not there.
pub fn lacking(step: &Step, evidence: &Evidence) -> Option<String> {
    if let Some(own) = step.only_engine() {
        return Some(format!("it {own}: the engine has to do that"));
    }
    let is_there = |seen: &Seen| match seen {
        Seen::Exit => evidence.exit.is_some(),
        Seen::Stdout => evidence.stdout.is_some(),
        Seen::Stderr => evidence.stderr.is_some(),
    };
    let missing = step.evidence().into_iter().filter(|seen| !is_there(seen));
    let missing: Vec<&str> = missing.map(Seen::option).collect();
    (!missing.is_empty())
        .then(|| format!("what its command did is judged: report it with {}", missing.join(" ")))
}

/// Judges what can be seen of a step: its files, its checks, its `verify`, and the evidence. It is recorded by nobody yet.
pub async fn recheck(
    run: &Run,
    instance: &Instance,
    look: Look,
    setting: Setting,
) -> Result<Done, String> {
    let attempt = attempt(run, instance, look, &setting)?;
    let pool = Pool::new(setting);
    let hosts = Hosts::new(Reach::from_env(), &pool);
    // Nobody ends it but its own limits.
    let (_keep, urge) = watch::channel(Urge::None);
    let done = job::run(Ok(attempt), None, pool.clone(), hosts.clone(), urge).await;
    pool.close();
    hosts.close(true).await;
    Ok(done)
}

fn attempt(
    run: &Run,
    instance: &Instance,
    look: Look,
    setting: &Setting,
) -> Result<Attempt, String> {
    let node = run.node(instance).ok_or("there is no such step")?;
    let step = run.step(node);
    let attempt = run.attempt_of_report(node);
    let params = run.next_params(node);
    let host = run.host(node, attempt, &params)?;
    // Each look is an attempt of its own for the host.
    let id = format!("{}-look-{}-{}", run.id(), run.seq(), std::process::id());
    let mut values =
        Values::new(run, One { instance, attempt, params: &params, host, id }, setting)?;
    let (cwd, mut env) = values.around(step)?;
    let work = if matches!(step.run, Some(Action::Checks(_))) {
        values.work(step, &cwd, &mut env, &mut BTreeMap::new())?
    } else {
        let expect = step.expect.as_ref().map(|e| values.expected(e, &cwd)).transpose()?;
        let Look { evidence: Evidence { exit, stdout, stderr }, outputs } = look;
        Work::Reported(Box::new(Reported { expect, exit, stdout, stderr, outputs }))
    };
    let mut attempt = values.made(step, work, env, cwd)?;
    // The engine, or somebody else who reports it, may have one for the same attempt.
    let own = format!("{}.{}.out", attempt.name, std::process::id());
    attempt.output_file = setting.dir.join(own);
    attempt.on.iter_mut().for_each(|on| on.keep = false);
    Ok(attempt)
}
