//! A run's log, open: read what is new, fold, record, in one transaction.

use std::sync::Arc;

use rusqlite::{OptionalExtension, Transaction, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::{Chain, Error, Store};
use crate::ids::{Instance, Name, RunId};
use crate::plan::{Plan, hex};
use crate::run::{Actor, Event, Probe, Record, Run, RunStatus, State, VERSION, Veto};
use crate::value::{Bytes, Time};

/// A run as far as it was read, and the sum of its last line.
#[derive(Debug)]
pub struct Journal {
    id: RunId,
    run: Run,
    chain: Chain,
    /// The records that were folded in since `take_news`, for those who show them.
    news: Vec<Record>,
    /// The database's version when it was read last: while that is the same, nobody else recorded anything.
    seen: Option<i64>,
}

impl Journal {
    fn new(id: RunId, plan: Arc<Plan>) -> Self {
        let chain = Chain::of(Some(id.clone()));
        Self { id, run: Run::new(plan), chain, news: Vec::new(), seen: None }
    }

    /// The run's id.
    pub fn id(&self) -> &RunId {
        &self.id
    }

    /// The run.
    pub fn run(&self) -> &Run {
        &self.run
    }

    /// The SHA-256 of the last line.
    pub fn head(&self) -> &str {
        self.chain.head()
    }

    /// The records that were folded in since this was asked last.
    pub fn take_news(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.news)
    }

    /// Folds in one line that was read.
    fn read(&mut self, line: &[u8]) -> Result<(), Error> {
        let record = self.chain.read(line)?;
        let illegal = |illegal| Error::Illegal { run: self.id.to_string(), illegal };
        self.run.apply(&record).map_err(illegal)?;
        self.news.push(record);
        Ok(())
    }
}

/// A transaction on a run: what was new is folded in, and what is recorded now is committed together.
#[derive(Debug)]
pub struct Append<'a> {
    tx: &'a Transaction<'a>,
    journal: &'a mut Journal,
    at: Time,
    actor: &'a Actor,
    /// What the row by which runs are listed says of it.
    before: Row,
}

/// What is listed of a run, but for what never changes.
type Row = (RunStatus, bool, Vec<Veto>);

fn row(run: &Run) -> Row {
    (run.status(), run.owes_finally(), run.vetoes().to_vec())
}

impl Append<'_> {
    /// The run, with all that was recorded so far.
    pub fn run(&self) -> &Run {
        &self.journal.run
    }

    /// The time of this transaction.
    pub fn now(&self) -> Time {
        self.at
    }

    /// Records an event. `cause` is the record that caused it, where one did.
    pub fn record(&mut self, event: Event, cause: Option<u64>) -> Result<(), Error> {
        let actor = self.actor;
        self.record_as(actor, event, cause)
    }

    /// Records an event that somebody else brought about.
    pub fn record_as(
        &mut self,
        actor: &Actor,
        event: Event,
        cause: Option<u64>,
    ) -> Result<(), Error> {
        let journal = &mut *self.journal;
        let record = Record {
            v: VERSION,
            run: journal.id.clone(),
            seq: journal.run.seq(),
            prev: journal.chain.head().to_owned(),
            at: self.at,
            actor: actor.clone(),
            cause,
            event,
        };
        let illegal = |illegal| Error::Illegal { run: journal.id.to_string(), illegal };
        journal.run.apply(&record).map_err(illegal)?;
        let mut line = serde_json::to_vec(&record).map_err(|e| Error::Damaged {
            run: journal.id.to_string(),
            seq: record.seq,
            why: e.to_string(),
        })?;
        line.push(b'\n');
        let mut insert =
            self.tx.prepare_cached("INSERT INTO events (run, seq, line) VALUES (?, ?, ?)")?;
        insert.execute(params![journal.id.as_str(), record.seq.cast_signed(), line])?;
        journal.chain.wrote(&line);
        self.release(&record.event)?;
        self.journal.news.push(record);
        Ok(())
    }

    /// Keeps a short output.
    pub fn keep_output(&self, name: &str, bytes: &Bytes) -> Result<(), Error> {
        let mut insert = self
            .tx
            .prepare_cached("INSERT OR REPLACE INTO output (run, name, bytes) VALUES (?, ?, ?)")?;
        insert.execute(params![self.journal.id.as_str(), name, bytes.0])?;
        Ok(())
    }

    /// The locks that are held, by whatever run.
    pub fn held_locks(&self) -> Result<Vec<Name>, Error> {
        let mut select =
            self.tx.prepare_cached("SELECT name FROM locks WHERE step IS NOT NULL OR run <> ?")?;
        let names = select.query_map([self.journal.id.as_str()], |row| row.get::<_, String>(0))?;
        Ok(names.filter_map(Result::ok).filter_map(|n| Name::parse(&n).ok()).collect())
    }

    /// Takes locks for the run, or for one of its steps: all of them, or none.
    pub fn lock(&self, names: &[Name], step: Option<&Instance>) -> Result<(), Error> {
        for name in names {
            let holder: Option<String> = self
                .tx
                .query_row("SELECT run FROM locks WHERE name = ?", [name.as_str()], |row| {
                    row.get(0)
                })
                .optional()?;
            if let Some(run) =
                holder.filter(|run| step.is_some() || run != self.journal.id.as_str())
            {
                return Err(Error::Locked { lock: name.to_string(), run });
            }
        }
        for name in names {
            self.tx.execute(
                "INSERT OR REPLACE INTO locks (name, run, step, since) VALUES (?, ?, ?, ?)",
                params![
                    name.as_str(),
                    self.journal.id.as_str(),
                    step.map(ToString::to_string),
                    self.at.0
                ],
            )?;
        }
        Ok(())
    }

    /// Gives back the locks of a step that no longer needs them, and of a run that ended.
    fn release(&self, event: &Event) -> Result<(), Error> {
        let id = self.journal.id.as_str();
        let step = match event {
            Event::RunFinished { .. } => {
                self.tx.execute("DELETE FROM locks WHERE run = ?", [id])?;
                return Ok(());
            }
            Event::StepFinished { step, .. }
            | Event::StepInterrupted { step, .. }
            | Event::StepReported { step, .. }
            | Event::LeaseEnded { step, .. }
            | Event::StepAnswered { step, .. }
            | Event::StepFailed { step, .. }
            | Event::ProbeFinished { probe: Probe::Step(step), .. }
            | Event::StepCancelled { step } => step,
            _ => return Ok(()),
        };
        let run = &self.journal.run;
        let Some(node) = run.node(step).filter(|n| !run.step(n).locks.is_empty()) else {
            return Ok(());
        };
        // Nobody knows yet what an unsure step did: it keeps what it holds.
        if !matches!(node.state, State::Unsure | State::Asked) {
            let delete = "DELETE FROM locks WHERE run = ? AND step = ?";
            self.tx.execute(delete, params![id, step.to_string()])?;
        }
        Ok(())
    }

    /// Brings the row by which runs are listed up to date.
    fn index(&self) -> Result<(), Error> {
        let run = &self.journal.run;
        let now = row(run);
        if now == self.before && run.seq() > 1 {
            return Ok(());
        }
        let (status, owed, vetoes) = now;
        let vetoes = (!vetoes.is_empty()).then(|| serde_json::json!(vetoes).to_string());
        let mut update = self.tx.prepare_cached(
            "UPDATE runs SET status = ?, owes_finally = ?, ended_at = ?, vetoes = ? WHERE id = ?",
        )?;
        update.execute(params![
            status.name(),
            owed,
            run.ended_at().map(|t| t.0),
            vetoes,
            self.journal.id.as_str()
        ])?;
        Ok(())
    }
}

impl Store {
    /// Makes a run of a plan. Its first records are `events`, the opening first; they are not forced to disk yet.
    pub fn create(
        &mut self,
        id: RunId,
        plan: Arc<Plan>,
        events: Vec<Event>,
        actor: &Actor,
        at: Time,
    ) -> Result<Journal, Error> {
        let digest = plan.digest();
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute(
            "INSERT OR IGNORE INTO plans (digest, body) VALUES (?, ?)",
            params![digest, plan.to_json()],
        )?;
        tx.execute(
            "INSERT INTO runs (id, workflow, plan, opened_at, status, actor) VALUES (?, ?, ?, ?, ?, ?)",
            params![id.as_str(), plan.workflow.as_str(), digest, at.0, "running", actor.name],
        )?;
        let locks = plan.locks.clone();
        let mut journal = Journal::new(id, plan);
        let mut append = Append {
            tx: &tx,
            journal: &mut journal,
            at,
            actor,
            before: (RunStatus::Running, false, Vec::new()),
        };
        append.lock(&locks, None)?;
        events.into_iter().try_for_each(|event| append.record(event, None))?;
        // One that is stepped through waits at once.
        if append.journal.run.status() != RunStatus::Running {
            append.index()?;
        }
        tx.commit()?;
        self.unforced = true;
        Ok(journal)
    }

    /// Reads a run from its log, checking the chain.
    pub fn load(&self, id: &RunId) -> Result<Journal, Error> {
        let body = self.plan_text(id)?;
        let damaged = |why: String| Error::Damaged { run: id.to_string(), seq: 0, why };
        let plan: Plan =
            serde_json::from_str(&body).map_err(|e| damaged(format!("its plan: {e}")))?;
        let digest = hex(&Sha256::digest(&body));
        let mut journal = Journal::new(id.clone(), Arc::new(plan));
        read_new(&self.db, &mut journal)?;
        journal.news.clear();
        match journal.run.opening() {
            Some((Event::RunOpened { plan_digest, .. }, ..)) if *plan_digest == digest => {
                Ok(journal)
            }
            _ => Err(damaged("its plan is not the one it was opened with".to_owned())),
        }
    }

    /// Opens a transaction on a run, folds in what is new, and lets `work` record more. The clock is read once nobody
    /// else can record: who was stopped before that must not act by an old time.
    pub fn append<T>(
        &mut self,
        journal: &mut Journal,
        actor: &Actor,
        clock: fn() -> Time,
        work: impl FnOnce(&mut Append<'_>) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let at = clock();
        read_new(&tx, journal)?;
        let (seq, before) = (journal.run.seq(), row(&journal.run));
        // What has ended may be let go at any time.
        if before.0.is_final() && !is_listed(&tx, &journal.id)? {
            return Err(Error::NoRun(journal.id.to_string()));
        }
        let mut append = Append { tx: &tx, journal, at, actor, before };
        let done = work(&mut append)?;
        append.index()?;
        let wrote = append.journal.run.seq() > seq;
        tx.commit()?;
        self.unforced |= wrote;
        Ok(done)
    }

    /// Folds in what others recorded since.
    pub fn refresh(&self, journal: &mut Journal) -> Result<(), Error> {
        read_new(&self.db, journal)
    }

    /// Whether others committed something since the journal was read last.
    pub fn has_news(&self, journal: &Journal) -> Result<bool, Error> {
        Ok(Some(version(&self.db)?) != journal.seen)
    }
}

fn is_listed(db: &rusqlite::Connection, id: &RunId) -> Result<bool, Error> {
    Ok(db.prepare_cached("SELECT 1 FROM runs WHERE id = ?")?.exists([id.as_str()])?)
}

/// A number that changes when another connection commits.
fn version(db: &rusqlite::Connection) -> Result<i64, Error> {
    Ok(db.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?)
}

fn read_new(db: &rusqlite::Connection, journal: &mut Journal) -> Result<(), Error> {
    // Before the log, not after: what is committed in between must not go unseen.
    let version = version(db)?;
    if journal.seen == Some(version) {
        return Ok(());
    }
    let mut select =
        db.prepare_cached("SELECT line FROM events WHERE run = ? AND seq >= ? ORDER BY seq")?;
    let from = journal.run.seq().cast_signed();
    let mut rows = select.query(params![journal.id.as_str(), from])?;
    while let Some(row) = rows.next()? {
        let line: Vec<u8> = row.get(0)?;
        journal.read(&line)?;
    }
    journal.seen = Some(version);
    Ok(())
}
