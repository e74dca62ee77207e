//! A run that somebody has something to say of, and the right to drive it on where nobody else does.

use std::time::Duration;

use super::start::{Session, StartOptions, drive};
use super::{Error, Workspace};
use crate::action::is_alive;
use crate::exec::{self, Show};
use crate::ids::RunId;
use crate::run::{Actor, Run};
use crate::store::{self, Append, DriverLock, Journal, Store};

/// How often it is looked whether who drives has left.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A run that somebody has something to say of.
pub(super) struct Subject {
    pub(super) store: Store,
    pub(super) journal: Journal,
    /// The right to drive it, if nobody had it at first.
    lock: Option<DriverLock>,
}

impl Subject {
    pub(super) fn new(store: Store, id: &RunId) -> Result<Self, Error> {
        let lock = free_lock(&store, id)?;
        let journal = store.load(id)?;
        Ok(Self { store, journal, lock })
    }

    pub(super) fn run(&self) -> &Run {
        self.journal.run()
    }

    /// Whether who drove it died: what that one ran must be settled before anything is said.
    pub(super) fn is_left(&self) -> bool {
        self.lock.is_some() && !self.run().status().is_final() && self.run().driver().is_some()
    }

    /// Records what somebody says of it; or that it was refused, and why.
    pub(super) fn record<T>(
        &mut self,
        by: &Actor,
        say: impl FnOnce(&mut Append<'_>) -> Result<Result<T, Error>, store::Error>,
    ) -> Result<T, Error> {
        let said = self.store.append(&mut self.journal, by, exec::now, say)?;
        self.store.force()?;
        said
    }

    /// The right to drive it: if nobody had it at first, or if who had it left before what was recorded, for nobody else
    /// would act on that.
    pub(super) fn lock(&mut self) -> Result<Option<DriverLock>, Error> {
        while self.lock.is_none()
            && self.run().driver().is_none()
            && !self.run().status().is_final()
        {
            self.lock = free_lock(&self.store, self.journal.id())?;
            if self.lock.is_none() {
                std::thread::sleep(LOOK_EVERY);
                self.store.refresh(&mut self.journal)?;
            }
        }
        Ok(self.lock.take())
    }

    /// Drives it on if nobody else does and it has not ended.
    pub(super) fn go_on(
        mut self,
        workspace: &Workspace,
        options: &StartOptions,
        show: Show<'_>,
    ) -> Result<Session, Error> {
        match self.lock()? {
            Some(lock) if !self.run().status().is_final() => {
                drive(workspace, self.store, self.journal, &lock, options, show)
            }
            _ => Ok(Session::left(self.store, self.journal)),
        }
    }

    /// Tells what was recorded.
    pub(super) fn tell(&mut self, show: Show<'_>) {
        for record in self.journal.take_news() {
            show(&record, self.journal.run(), &self.store);
        }
    }
}

/// The right to drive, if nobody has it.
pub(super) fn free_lock(store: &Store, id: &RunId) -> Result<Option<DriverLock>, Error> {
    match DriverLock::take(&store.run_dir(id)?, id, is_alive) {
        Ok(lock) => Ok(Some(lock)),
        Err(store::Error::Driven { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
