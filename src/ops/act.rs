//! Acting on a run that exists: resuming, answering, cancelling.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;

use super::refusal::{self, Wish};
use super::start::{Session, StartOptions, drive};
use super::step::Act;
use super::subject::Subject;
use super::workspace::acting;
use super::{Error, Workspace, step, typed, which};
use crate::action::is_alive;
use crate::exec::Show;
use crate::ids::{Name, RunId};
use crate::run::{ActorKind, Answer, Event, Node, Record, Run, RunStatus, State};
use crate::store::{self, DriverLock, Journal, Store};

/// How often others' records are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Resumes a run: what was interrupted follows its step's `on_interrupt`, and the run goes on.
pub fn resume(
    workspace: &Workspace,
    run: Option<&str>,
    options: &StartOptions,
    show: Show<'_>,
) -> Result<Session, Error> {
    let store = workspace.existing_store()?;
    let id = run.map_or_else(|| which::resumable(&store), |run| Ok(store.find(Some(run))?))?;
    let lock = DriverLock::take(&store.run_dir(&id)?, &id, is_alive)?;
    let journal = store.load(&id)?;
    if journal.run().status().is_final() {
        return Err(over(journal.run()));
    }
    let act = Act::named(None, None)?;
    if let Err(why) = options.permitted(&act.actor) {
        return Err(step::refuse(workspace, store, journal, &act, "resume", why));
    }
    drive(workspace, store, journal, &lock, options, show)
}

/// Whether nothing keeps a run from going on by itself: somebody drives it, or it has ended, or it waits.
pub fn is_moving(run: &Run) -> bool {
    let driven = run.driver().is_some_and(|(pid, _)| is_alive(pid));
    driven || run.status() != crate::run::RunStatus::Running
}

pub(super) fn over(run: &Run) -> Error {
    let status = run.status().name().replace('_', " ");
    Error::NotNow(format!("run {} has ended: {status}", run.id()))
}

/// Its driver died, and what that one ran must be settled first.
pub(super) fn died(id: &RunId) -> Error {
    Error::NotNow(format!(
        "the engine of run {id} died; say first `ostler runs resume {id}`, which settles what it ran"
    ))
}

/// What a person says of a step.
#[derive(Debug)]
pub struct Said {
    /// The step, or one of its instances.
    pub step: String,
    /// What became of it.
    pub answer: Answer,
    /// Its outputs, as they were typed.
    pub outputs: Vec<(String, String)>,
    /// A note for the report.
    pub note: Option<String>,
}

/// Records what somebody says of a step that was asked, then drives the run on if nobody else does. Of an agent it is a
/// report, and looked at like one.
pub fn answer(
    workspace: &Workspace,
    run: Option<&str>,
    said: Said,
    act: &Act,
    options: &StartOptions,
    show: Show<'_>,
) -> Result<Session, Error> {
    let store = workspace.existing_store()?;
    let id = which::run_of_step(&store, run, &said.step)?;
    if act.actor.kind == ActorKind::Agent {
        return step::answer(workspace, &id, said, act);
    }
    let Said { step, answer, outputs, note } = said;
    let mut subject = Subject::new(store, &id)?;
    let instance = subject.run().named(&step).map_err(Error::NotNow)?.instance.clone();
    if subject.is_left() {
        return Err(died(&id));
    }
    subject.record(&act.actor, |tx| {
        let node = tx.run().node(&instance).ok_or_else(|| store::Error::NoRun(step.clone()))?;
        match acceptable(tx.run(), node, &answer, &outputs) {
            Err(error) => Ok(Err(error)),
            Ok(outputs) => {
                let (step, seen, report) = (instance.clone(), None, None);
                let answered = Event::StepAnswered { step, answer, outputs, note, seen, report };
                tx.record(answered, None).map(Ok)
            }
        }
    })?;
    subject.tell(show);
    subject.go_on(workspace, options, show)
}

/// Nobody is asked about a node.
pub(super) fn unasked(node: &Node) -> Error {
    let (id, state) = (&node.instance, node.state.name());
    Error::NotNow(format!("`{id}` is {state}: nobody is asked about it"))
}

/// Whether a node can be answered so now, and the outputs, typed.
fn acceptable(
    run: &Run,
    node: &Node,
    answer: &Answer,
    outputs: &[(String, String)],
) -> Result<BTreeMap<Name, Value>, Error> {
    let id = &node.instance;
    if run.status().is_final() {
        return Err(over(run));
    }
    if node.state != State::Asked {
        return Err(unasked(node));
    }
    let step = run.step(node);
    if *answer == Answer::Rerun && step.is_asked() {
        let why = format!("the engine has nothing to run for `{id}`: say passed or failed");
        return Err(Error::NotNow(why));
    }
    typed::outputs(id, step, outputs, *answer == Answer::Passed).map_err(Error::NotNow)
}

/// Cancels a run; an agent one that it opened. Its driver ends what runs; where nobody drives it, this process does, `finally` included.
pub fn cancel(workspace: &Workspace, run: Option<&str>, show: Show<'_>) -> Result<Session, Error> {
    let store = workspace.existing_store()?;
    let id = which::going(&store, run)?;
    let mut subject = Subject::new(store, &id)?;
    if subject.run().status().is_final() {
        return Err(over(subject.run()));
    }
    let who = acting(None)?;
    subject.record(&who, |tx| {
        if tx.run().status().is_final() {
            return Ok(Ok(()));
        }
        if who.kind == ActorKind::Agent && tx.run().opening().is_none_or(|(_, _, by)| *by != who) {
            let why = format!("{who} cancels no run but those it opened: a person may");
            return refusal::refused(tx, Wish::of_run("cancel"), &why).map(Err);
        }
        let by = who.to_string();
        tx.record(Event::CancelRequested { by }, None).map(Ok)
    })?;
    let lock = subject.lock()?;
    let Subject { store, journal, .. } = subject;
    match lock {
        Some(lock) => drive(workspace, store, journal, &lock, &StartOptions::default(), show),
        None => follow(store, journal, &|run| run.status().is_final(), show),
    }
}

/// Follows a run that another process drives, until it has ended or waits; one that is stepped through until it has
/// ended. `show` is told of the run as it is, and then of every record.
pub fn watch(
    workspace: &Workspace,
    run: Option<&str>,
    show: &mut dyn FnMut(Option<&Record>, &Run, &Store),
) -> Result<Session, Error> {
    let store = workspace.existing_store()?;
    let id = store.find(run)?;
    let journal = store.load(&id)?;
    show(None, journal.run(), &store);
    // Where steps are taken and reported, nobody need be there between two of them.
    let over = |run: &Run| match run.status() {
        RunStatus::Running => false,
        status => status.is_final() || !run.is_stepped(),
    };
    follow(store, journal, &over, &mut |record, run, store| show(Some(record), run, store))
}

/// Reads on until something holds of the run, as long as somebody drives it.
fn follow(
    store: Store,
    mut journal: Journal,
    over: &dyn Fn(&Run) -> bool,
    show: Show<'_>,
) -> Result<Session, Error> {
    while !over(journal.run()) {
        let run = journal.run();
        let waits = run.is_stepped() && run.driver().is_none();
        let driven = waits || run.driver().is_some_and(|(pid, _)| is_alive(pid));
        if driven {
            std::thread::sleep(LOOK_EVERY);
        }
        // Who is gone may have ended it just before.
        store.refresh(&mut journal)?;
        let news = journal.take_news();
        if !driven && news.is_empty() {
            let id = journal.id();
            return Err(Error::NotNow(format!(
                "the engine of run {id} is gone: ostler runs resume {id}"
            )));
        }
        for record in news {
            show(&record, journal.run(), &store);
        }
    }
    Ok(Session::left(store, journal))
}
