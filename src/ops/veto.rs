//! Vetoes: holding a run, or what came of it, until somebody lifts that.

use super::refusal::{self, Wish};
use super::start::{Session, StartOptions};
use super::step::Act;
use super::subject::Subject;
use super::{Error, Workspace, which};
use crate::exec::{self, Show};
use crate::run::{Actor, Event, Run, Veto};
use crate::store::Journal;

/// Vetoes a run: nothing new starts in it, and what came of it is not accepted.
pub fn veto(
    workspace: &Workspace,
    run: Option<&str>,
    note: &str,
    as_: Option<&str>,
) -> Result<(Journal, Actor), Error> {
    let (mut store, act) = (workspace.existing_store()?, Act::named(as_, None)?);
    let mut journal = store.load(&which::going(&store, run)?)?;
    refusal::posing(&mut store, &mut journal, &act, Wish::of_run("veto"))?;
    let (who, note) = (act.actor, said(note)?);
    store.append(&mut journal, &who, exec::now, |tx| tx.record(Event::Vetoed { note }, None))?;
    store.force()?;
    Ok((journal, who))
}

/// What lifting came to.
#[derive(Debug)]
pub struct Lifted {
    /// The run, gone on with as far as it goes if nobody else does.
    pub session: Session,
    /// Whether it goes on: it has not ended, and no veto stands any more.
    pub goes_on: bool,
}

/// Lifts the vetoes of a run that somebody may lift, then drives the run on if nobody else does and none stands.
pub fn lift(
    workspace: &Workspace,
    run: Option<&str>,
    note: &str,
    as_: Option<&str>,
    options: &StartOptions,
    show: Show<'_>,
) -> Result<Lifted, Error> {
    let (store, act) = (workspace.existing_store()?, Act::named(as_, None)?);
    let (id, wish) = (store.find(run)?, Wish::of_run("lift"));
    let mut subject = Subject::new(store, &id)?;
    refusal::posing(&mut subject.store, &mut subject.journal, &act, wish)?;
    let (who, note) = (act.actor, said(note)?);
    if subject.run().vetoes().is_empty() {
        return Err(Error::NotNow(format!("no veto stands on run {id}")));
    }
    subject.record(&who, |tx| {
        let permitted = options.permitted(&who);
        let lifted = match permitted.and_then(|()| liftable(tx.run(), &who)) {
            Ok(lifted) => lifted,
            Err(why) => return refusal::refused(tx, wish, &why).map(Err),
        };
        for veto in &lifted {
            let event = Event::VetoLifted { veto: veto.record, note: note.clone() };
            tx.record(event, Some(veto.record))?;
        }
        Ok(Ok(()))
    })?;
    subject.tell(show);
    let run = subject.run();
    let goes_on = !run.status().is_final() && run.vetoes().is_empty();
    let session = if goes_on {
        subject.go_on(workspace, options, show)?
    } else {
        Session::left(subject.store, subject.journal)
    };
    Ok(Lifted { session, goes_on })
}

/// The vetoes that somebody may lift, or why none.
fn liftable(run: &Run, who: &Actor) -> Result<Vec<Veto>, String> {
    let (mut lifted, mut refused) = (Vec::new(), Vec::new());
    for veto in run.vetoes() {
        match run.may_lift(veto, who) {
            Ok(()) => lifted.push(veto.clone()),
            Err(why) => refused.push(why),
        }
    }
    if lifted.is_empty() && !refused.is_empty() { Err(refused.join("; ")) } else { Ok(lifted) }
}

/// A note that says something.
fn said(note: &str) -> Result<String, Error> {
    let note = note.trim();
    if note.is_empty() {
        return Err(Error::NotNow("a veto says why: --note TEXT".to_owned()));
    }
    Ok(note.to_owned())
}
