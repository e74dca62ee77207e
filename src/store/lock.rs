//! One driver for each run: a lock that dies with its holders.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Error, Store};
use crate::ids::RunId;

/// How long a dead driver's keepers may take to end what it ran.
const KEEPERS: Duration = Duration::from_secs(15);

/// Who holds a run's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Nobody: nothing of the run is alive.
    Nobody,
    /// The process that drives it.
    Driver(u32),
    /// Keepers of a dead driver, which end what it ran.
    Keepers,
}

impl Store {
    /// Who holds a run's lock, without taking it.
    pub fn holder(&self, run: &RunId, alive: impl Fn(u32) -> bool) -> Result<Holder, Error> {
        let path = self.folder(run).join("driver");
        let io = |error| Error::Io { path: path.display().to_string(), error };
        let mut file = match File::open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holder::Nobody),
            file => file.map_err(io)?,
        };
        // Shared, so that two who look do not take each other for a driver.
        match file.try_lock_shared() {
            Ok(()) => Ok(Holder::Nobody),
            Err(std::fs::TryLockError::Error(error)) => Err(io(error)),
            Err(std::fs::TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.read_to_string(&mut text).map_err(io)?;
                let pid = text.trim().parse().ok().filter(|pid| alive(*pid));
                Ok(pid.map_or(Holder::Keepers, Holder::Driver))
            }
        }
    }
}

/// The right to drive a run. Keepers share it, so it is free only once nothing of the run is alive.
#[derive(Debug)]
pub struct DriverLock(File);

impl DriverLock {
    /// Takes the lock in the run's folder. Where the last driver is dead, waits until its keepers are too.
    pub fn take(dir: &Path, run: &RunId, alive: impl Fn(u32) -> bool) -> Result<Self, Error> {
        let path = dir.join("driver");
        let io = |error| Error::Io { path: path.display().to_string(), error };
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(&path)
            .map_err(io)?;
        let until = Instant::now() + KEEPERS;
        while let Err(error) = file.try_lock() {
            if let std::fs::TryLockError::Error(error) = error {
                return Err(io(error));
            }
            let mut text = String::new();
            file.seek(SeekFrom::Start(0))
                .and_then(|_| file.read_to_string(&mut text))
                .map_err(io)?;
            let pid: u32 = text.trim().parse().unwrap_or(0);
            if pid != 0 && alive(pid) {
                return Err(Error::Driven { run: run.to_string(), pid });
            }
            if Instant::now() >= until {
                return Err(Error::StillEnding { run: run.to_string() });
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let write = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(std::process::id().to_string().as_bytes()));
        write.map_err(io)?;
        Ok(Self(file))
    }

    /// A share of the lock for the keepers.
    pub fn share(&self) -> Result<File, Error> {
        self.0.try_clone().map_err(|error| Error::Io { path: "driver".to_owned(), error })
    }
}
