//! Opening a run and driving it.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use super::call::settle_all;
use super::workspace::{Durability, acting, actor, runtime};
use super::{Error, Workspace, facts};
use crate::action::{Calls, Setting, is_alive};
use crate::exec::{self, Drive, Left, Show};
use crate::ids::RunId;
use crate::plan::Plan;
use crate::run::{Actor, ActorKind, Event, Parent, Trigger};
use crate::store::{DriverLock, Journal, Store};

/// How a run is to be driven.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// How many commands may run at once.
    pub jobs: Option<usize>,
    /// How many steps may run at once on hosts.
    pub host_jobs: Option<usize>,
    /// Whether steps that ask fail instead.
    pub no_ask: bool,
    /// Whether to stay while somebody is asked.
    pub stay: bool,
    /// The agent for whom it is driven: its steps are told, so that none of them passes for a person.
    pub agent: Option<String>,
}

impl StartOptions {
    /// Whether somebody may want it so: that nobody is asked is for a person to say. Else why not.
    pub(super) fn permitted(&self, who: &Actor) -> Result<(), String> {
        if self.no_ask && who.kind == ActorKind::Agent {
            return Err("only a person may say that nobody is asked".to_owned());
        }
        Ok(())
    }
}

/// Where a run comes from.
pub(super) enum Occasion {
    /// Somebody wants it.
    Caller,
    /// It retries this run, and begins with what it takes over from it.
    Retry {
        /// It.
        of: RunId,
        /// What.
        taken_over: Vec<Event>,
        /// Whether that one was stepped through, and this one is again.
        stepped: bool,
        /// What that one was for.
        task: Option<String>,
    },
    /// An attempt called it, by this id.
    Call(RunId, Parent),
    /// Somebody wants its steps handed out one by one, for this task.
    Stepped(Actor, Option<String>),
}

/// A run that this process drove.
#[derive(Debug)]
pub struct Session {
    /// The state it is in.
    pub store: Store,
    /// The run.
    pub journal: Journal,
    /// Why driving ended.
    pub left: Left,
}

impl Session {
    /// A run that is left as it is.
    pub(super) fn left(store: Store, journal: Journal) -> Self {
        let left = Left::Status(journal.run().status());
        Self { store, journal, left }
    }
}

/// Opens a run of a plan and drives it until it ends or waits.
pub fn start(
    workspace: &Workspace,
    plan: Plan,
    options: &StartOptions,
    show: Show<'_>,
) -> Result<Session, Error> {
    begin(workspace, Arc::new(plan), Occasion::Caller, options, show)
}

/// The same, wherever it comes from.
pub(super) fn begin(
    workspace: &Workspace,
    plan: Arc<Plan>,
    occasion: Occasion,
    options: &StartOptions,
    show: Show<'_>,
) -> Result<Session, Error> {
    let mut store = workspace.store()?;
    let mut id = RunId::from_random(random()?);
    let mut by = acting(None)?;
    let (mut retries, mut taken_over, mut parent) = (None, Vec::new(), None);
    let (mut stepped, mut task) = (false, None);
    match occasion {
        Occasion::Caller => {}
        Occasion::Retry { of, taken_over: lent, stepped: was, task: what_for } => {
            (retries, taken_over) = (Some(of), lent);
            (stepped, task) = (was, what_for);
        }
        Occasion::Call(own, caller) => (id, parent) = (own, Some(caller)),
        Occasion::Stepped(actor, what_for) => (by, stepped, task) = (actor, true, what_for),
    }
    if parent.is_none() {
        options.permitted(&by).map_err(Error::Refusal)?;
    }
    let lock = DriverLock::take(&store.run_dir(&id)?, &id, is_alive)?;
    let opened = Event::RunOpened {
        workflow: plan.workflow.clone(),
        plan_digest: plan.digest(),
        trigger: match by.kind {
            _ if parent.is_some() => Trigger::Parent,
            ActorKind::Agent => Trigger::Agent,
            _ => Trigger::Cli,
        },
        seed: u64::from_le_bytes(random()?),
        retries,
        parent,
        stepped,
        task,
    };
    let events = std::iter::once(opened).chain(taken_over).collect();
    let journal = store.create(id, plan, events, &by, exec::now())?;
    drive(workspace, store, journal, &lock, options, show)
}

/// Drives a run that is open.
pub(super) fn drive(
    workspace: &Workspace,
    mut store: Store,
    mut journal: Journal,
    lock: &DriverLock,
    options: &StartOptions,
    show: Show<'_>,
) -> Result<Session, Error> {
    let config = &workspace.config;
    let jobs = options.jobs.unwrap_or_else(|| config.jobs());
    let host_jobs = options.host_jobs.unwrap_or_else(|| config.host_jobs());
    let calls = Calls {
        jobs,
        host_jobs,
        no_ask: options.no_ask,
        imports: workspace.trust.imports.clone(),
        untrusted: workspace.trust.untrusted,
    };
    let agent = options.agent.as_deref();
    let (setting, inherited) = setting(workspace, &store, &journal, lock.share()?, calls, agent)?;
    let how = Drive {
        actor: actor(ActorKind::Engine),
        jobs,
        host_jobs,
        no_ask: options.no_ask,
        stay: options.stay,
        full_durability: config.durability == Durability::Full,
        boot_id: facts::boot_id(),
        setting,
        inherited,
    };
    if journal.run().is_ending() {
        settle_all(workspace, &store, journal.run())?;
    }
    let left = runtime()?.block_on(exec::drive(&mut store, &mut journal, how, show))?;
    if journal.run().status().is_final() {
        settle_all(workspace, &store, journal.run())?;
    }
    Ok(Session { store, journal, left })
}

/// What the commands of a run have in common, and the environment that they inherit, for the record. `lock` is held as
/// long as anything of them is alive.
fn setting(
    workspace: &Workspace,
    store: &Store,
    journal: &Journal,
    lock: File,
    calls: Calls,
    agent: Option<&str>,
) -> Result<(Setting, BTreeMap<String, Option<String>>), Error> {
    let config = &workspace.config;
    let secret = journal.run().plan().secret_variables();
    let (mut env, mut inherited) = facts::inherited(&config.inherit_env, &secret);
    if let Some(agent) = agent {
        let (name, value) = ("OSTLER_ACTOR".to_owned(), format!("agent:{agent}"));
        env.retain(|(set, _)| *set != name);
        env.push((name.clone(), value.clone().into()));
        inherited.insert(name, Some(value));
    }
    let grace_ms = config.grace_ms();
    let (root, dir) = (workspace.root.clone(), store.run_dir(journal.id())?);
    Ok((Setting { env, workspace: root, dir, grace_ms, lock, calls }, inherited))
}

/// What looks at what steps claim have in common: nobody is kept from driving by them, and they call no runs.
pub(super) fn looking(
    workspace: &Workspace,
    store: &Store,
    journal: &Journal,
    agent: Option<&str>,
) -> Result<Setting, Error> {
    let root = &workspace.root;
    let io = |error| Error::Io { what: root.display().to_string(), error };
    let no_lock = File::open(root).map_err(io)?;
    Ok(setting(workspace, store, journal, no_lock, Calls::default(), agent)?.0)
}

/// Eight bytes that nobody can guess.
pub(super) fn random() -> Result<[u8; 8], Error> {
    let mut bytes = [0; 8];
    getrandom::fill(&mut bytes).map_err(|error| Error::Io {
        what: "no random numbers".to_owned(),
        error: std::io::Error::other(error.to_string()),
    })?;
    Ok(bytes)
}
