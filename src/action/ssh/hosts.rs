//! The lines to all hosts: opened when needed, shared by steps, closed when they are too many or the run is over.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::connect::{self, Reach, Way};
use super::folder::Folder;
use super::line::{Closed, Line, Paths};
use super::quote::Order;
use super::remote::Remote;
use super::said::Unreached;
use crate::action::pool::{Kin, Pool};
use crate::fleet::Host;
use crate::run::NoConnection;

/// How often a host that has too many connections at once is tried again, and the pause before the first time.
const CROWDED: (u32, Duration) = (7, Duration::from_millis(150));

/// The hosts of a run and the lines to them.
#[derive(Debug, Clone)]
pub struct Hosts(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    reach: Reach,
    kin: Kin,
    /// Where the sockets are.
    dir: OnceLock<Folder>,
    machines: Mutex<HashMap<String, Arc<Machine>>>,
    opening: Semaphore,
    /// Counts sockets, and uses of hosts.
    clock: AtomicU64,
}

/// A host and the lines to it.
#[derive(Debug)]
struct Machine {
    host: Host,
    /// How many lines it may have more. One that takes no more sessions gets fewer.
    room: Arc<Semaphore>,
    idle: Mutex<Vec<Line>>,
    /// The number of the connection that its lines share.
    shared: tokio::sync::Mutex<Option<u64>>,
    open: AtomicUsize,
    used: AtomicU64,
    /// The attempts whose records it needs no more.
    done: Mutex<Vec<String>>,
}

/// A line in use. Unless it is given back, it is hung up.
#[derive(Debug)]
pub(super) struct Lease {
    line: Option<Line>,
    machine: Arc<Machine>,
    hosts: Hosts,
    _room: OwnedSemaphorePermit,
}

impl Hosts {
    /// No lines yet. What they start is known to `pool`, which else would take it for what a step left behind.
    pub fn new(reach: Reach, pool: &Pool) -> Self {
        let opening = Semaphore::new(reach.opening);
        Self(Arc::new(Inner {
            reach,
            kin: pool.kin(),
            dir: OnceLock::new(),
            machines: Mutex::default(),
            opening,
            clock: AtomicU64::new(1),
        }))
    }

    /// A line to a host: one that is there and free, else a new one, else the next that is given back.
    pub(super) async fn line(&self, host: &Host) -> Result<Lease, Unreached> {
        let machine = self.machine(host);
        loop {
            let room =
                machine.room.clone().acquire_owned().await.map_err(|_| ended("the run is over"))?;
            machine.used.store(self.tick(), Ordering::Relaxed);
            let idle = machine.take_idle();
            let line = match idle {
                Some(line) => Some(line),
                None => self.open(&machine).await?,
            };
            if let Some(line) = line {
                return Ok(Lease { line: Some(line), machine, hosts: self.clone(), _room: room });
            }
            // It takes no more sessions than it has: this one waits until one of them is free.
            room.forget();
        }
    }

    /// How an attempt ended is known: once that is recorded, its host need not know it any more.
    pub(in crate::action) fn is_known(&self, on: &Remote) {
        lock(&self.machine(&on.host).done).push(on.file_name());
    }

    /// Closes the lines that nobody uses, and waits a little for their ends. Where all that is known of attempts was
    /// recorded, the hosts forget them first; else they keep it for who comes next.
    pub async fn close(&self, recorded: bool) {
        let machines: Vec<_> = lock(&self.0.machines).values().cloned().collect();
        for machine in &machines {
            if recorded {
                machine.forget().await;
            }
            machine.part_idle();
        }
        let gone = async {
            while !self.0.kin.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(3), gone).await;
    }

    fn machine(&self, host: &Host) -> Arc<Machine> {
        let key = format!(
            "{}\n{}\n{:?}\n{:?}\n{:?}\n{:?}",
            host.name, host.address, host.port, host.user, host.jump, host.host_key
        );
        let mut machines = lock(&self.0.machines);
        let new = || {
            Arc::new(Machine {
                host: host.clone(),
                room: Arc::new(Semaphore::new(self.0.reach.sessions.max(1))),
                idle: Mutex::default(),
                shared: tokio::sync::Mutex::default(),
                open: AtomicUsize::new(0),
                used: AtomicU64::new(0),
                done: Mutex::default(),
            })
        };
        machines.entry(key).or_insert_with(new).clone()
    }

    /// Opens a line; none if the host takes no more. The first of a host makes the connection that the others share.
    async fn open(&self, machine: &Arc<Machine>) -> Result<Option<Line>, Unreached> {
        let mut shared = machine.shared.lock().await;
        if let Some(line) = machine.take_idle() {
            return Ok(Some(line));
        }
        if let Some(number) = shared.filter(|_| machine.open.load(Ordering::Relaxed) > 0) {
            match self.connect(machine, Way::Shared, number).await {
                Ok(line) => return Ok(Some(line)),
                Err(Closed::Full) => return Ok(None),
                // The connection is going down: a new one tells whether there is still a way.
                Err(Closed::Unreached(_) | Closed::Crowded(_)) => {}
            }
        }
        let mut pause = CROWDED.1;
        for _ in 1..CROWDED.0 {
            let number = self.tick();
            match self.connect(machine, Way::Own, number).await {
                Ok(line) => {
                    *shared = Some(number);
                    return Ok(Some(line));
                }
                Err(Closed::Crowded(_)) => {}
                Err(Closed::Unreached(why)) => return Err(why),
                Err(Closed::Full) => return Err(ended("the host takes no session")),
            }
            // Not all at the same moment again.
            let share = u32::try_from(self.tick() % 8).unwrap_or(0);
            tokio::time::sleep(pause + pause * share / 8).await;
            pause *= 2;
        }
        match self.connect(machine, Way::Own, self.tick()).await {
            Ok(line) => Ok(Some(line)),
            Err(Closed::Crowded(why) | Closed::Unreached(why)) => Err(why),
            Err(Closed::Full) => Err(ended("the host takes no session")),
        }
    }

    async fn connect(&self, machine: &Arc<Machine>, way: Way, number: u64) -> Result<Line, Closed> {
        let paths = self
            .paths(&machine.host, number)
            .map_err(|error| Closed::Unreached(ended(&error.to_string())))?;
        let _turn = self.0.opening.acquire().await;
        let line = Line::open(&self.0.reach, &machine.host, way, &paths, &self.0.kin).await?;
        machine.open.fetch_add(1, Ordering::Relaxed);
        Ok(line)
    }

    fn paths(&self, host: &Host, number: u64) -> std::io::Result<Paths> {
        let dir = self.dir()?;
        let known = connect::known(host)
            .map(|text| {
                let file = dir.join(format!("k{number}"));
                std::fs::write(&file, text).map(|()| file)
            })
            .transpose()?;
        Ok(Paths {
            socket: dir.join(number.to_string()),
            log: dir.join(format!("l{}", self.tick())),
            known,
        })
    }

    fn dir(&self) -> std::io::Result<PathBuf> {
        if self.0.dir.get().is_none() {
            let _ = self.0.dir.set(Folder::new()?);
        }
        self.0
            .dir
            .get()
            .map(|dir| dir.path().to_owned())
            .ok_or_else(|| std::io::Error::other("no folder"))
    }

    fn tick(&self) -> u64 {
        self.0.clock.fetch_add(1, Ordering::Relaxed)
    }

    /// Hangs up on the host that was used least recently, where too many have lines that nobody uses.
    fn part_surplus(&self) {
        let machines = lock(&self.0.machines);
        let idle: Vec<_> = machines.values().filter(|m| !lock(&m.idle).is_empty()).collect();
        if idle.len() > self.0.reach.idle
            && let Some(oldest) = idle.iter().min_by_key(|m| m.used.load(Ordering::Relaxed))
        {
            oldest.part_idle();
        }
    }
}

impl Machine {
    /// A line that nobody uses and that is still open.
    fn take_idle(&self) -> Option<Line> {
        loop {
            let mut line = lock(&self.idle).pop()?;
            if line.is_open() {
                return Some(line);
            }
            self.part(line);
        }
    }

    /// Has the host forget what is known here.
    async fn forget(&self) {
        let done = std::mem::take(&mut *lock(&self.done));
        let Some(mut line) = self.take_idle().filter(|_| !done.is_empty()) else { return };
        for some in done.chunks(100) {
            let order = some.iter().fold(Order::new("forget"), Order::word);
            if line.say(order).await.is_err() {
                break;
            }
        }
        lock(&self.idle).push(line);
    }

    fn part(&self, line: Line) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        line.hang_up();
    }

    fn part_idle(&self) {
        let idle = std::mem::take(&mut *lock(&self.idle));
        idle.into_iter().for_each(|line| self.part(line));
    }
}

impl Lease {
    /// The line.
    pub(super) fn line(&mut self) -> Option<&mut Line> {
        self.line.as_mut()
    }

    /// Gives the line back, to be used again.
    pub(super) fn give_back(mut self) {
        if let Some(line) = self.line.take() {
            lock(&self.machine.idle).push(line);
        }
        self.hosts.part_surplus();
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(line) = self.line.take() {
            self.machine.part(line);
        }
    }
}

fn ended(said: &str) -> Unreached {
    Unreached { why: NoConnection::Unreachable, said: said.to_owned() }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
