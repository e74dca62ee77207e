//! The engine's side of the keepers: started when needed, used again from step to step.

use std::collections::HashSet;
use std::fs::File;
use std::os::unix::net::UnixStream as StdStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::watch;

use super::processes;
use super::protocol::{Order, Report, Start, frame, take};

/// The argument by which our binary knows that it is to be a keeper.
const ROLE: &str = "__keeper";

/// The process ids of all keepers: one process may drive several runs, and the keepers of one are no strays of another.
static KEEPERS: LazyLock<Arc<Mutex<HashSet<i32>>>> = LazyLock::new(Arc::default);

/// How often a keeper is woken, should it have been stopped.
const WAKE_EVERY: Duration = Duration::from_millis(500);

/// What all commands of a run have in common.
#[derive(Debug)]
pub struct Setting {
    /// The environment they inherit.
    pub env: Vec<(String, std::ffi::OsString)>,
    /// The workspace, which is their folder unless they say otherwise.
    pub workspace: PathBuf,
    /// The run's folder, for output that is too large for the database.
    pub dir: PathBuf,
    /// Milliseconds between the polite signal and the other one.
    pub grace_ms: u64,
    /// The run's lock: a keeper holds it too, so that nobody drives the run while it is still ending things.
    pub lock: File,
    /// What the runs that it calls are given.
    pub calls: Calls,
}

/// What the runs that a run calls have in common with it.
#[derive(Debug, Default)]
pub struct Calls {
    /// How many commands may run at once.
    pub jobs: usize,
    /// How many steps may run at once on hosts.
    pub host_jobs: usize,
    /// Whether steps that ask fail instead.
    pub no_ask: bool,
    /// Folders that imports may come from, beside the workspace.
    pub imports: Vec<PathBuf>,
    /// Whether to refuse where reading cannot be confined.
    pub untrusted: bool,
}

/// How urgently a command is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urge {
    /// Not at all.
    None,
    /// Politely first.
    End,
    /// Now.
    Kill,
}

/// The keeper is gone, and with it what is known of the command.
#[derive(Debug, thiserror::Error)]
#[error("the process that watched over it ended: {0}")]
pub struct Lost(String);

/// The keepers of a run.
#[derive(Debug, Clone)]
pub struct Pool {
    idle: Arc<Mutex<Vec<Keeper>>>,
    /// The process ids of all keepers.
    all: Arc<Mutex<HashSet<i32>>>,
    setting: Arc<Setting>,
}

/// The processes of the engine that are no strays, whatever else is below it.
#[derive(Debug, Clone)]
pub(super) struct Kin {
    all: Arc<Mutex<HashSet<i32>>>,
    /// How many of them were started here and are not forgotten.
    count: Arc<AtomicUsize>,
}

impl Kin {
    /// Starts one, known before anybody who looks for strays can see it.
    pub(super) fn start(&self, command: &mut Command) -> std::io::Result<Child> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let child = command.spawn()?;
        all.insert(child.id().cast_signed());
        self.count.fetch_add(1, Ordering::Relaxed);
        Ok(child)
    }

    /// Forgets one that has ended and was waited for.
    pub(super) fn forget(&self, child: &Child) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(&child.id().cast_signed());
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    /// Whether all that were started here have ended.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }
}

#[derive(Debug)]
struct Keeper {
    child: Child,
    socket: UnixStream,
}

impl Pool {
    /// A pool without keepers yet.
    pub fn new(setting: Setting) -> Self {
        Self { idle: Arc::default(), all: KEEPERS.clone(), setting: Arc::new(setting) }
    }

    /// What all its commands have in common.
    pub fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Its processes, for others of ours that are none of its keepers.
    pub(super) fn kin(&self) -> Kin {
        Kin { all: self.all.clone(), count: Arc::default() }
    }

    /// Runs a command under a keeper, until it and all it started have ended.
    pub(super) async fn run(
        &self,
        start: Start,
        urge: &mut watch::Receiver<Urge>,
    ) -> Result<Report, Lost> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut keeper = match idle {
            Some(keeper) => keeper,
            None => self.hire().map_err(|e| Lost(format!("it could not start: {e}")))?,
        };
        match keeper.run(start, urge).await {
            Ok(report) => {
                if report.leaked.iter().any(|l| l.survived) {
                    self.dismiss(keeper);
                } else {
                    self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(keeper);
                }
                Ok(report)
            }
            Err(error) => {
                self.keepers().remove(&keeper.pid());
                keeper.dismiss();
                // What it watched over is ours now, for we are a subreaper too.
                let all = self.all.clone();
                let _ = tokio::task::spawn_blocking(move || processes::end_strays(&all)).await;
                Err(Lost(error.to_string()))
            }
        }
    }

    /// A new keeper, known as one before anybody who looks for strays can see it.
    fn hire(&self) -> std::io::Result<Keeper> {
        let mut keepers = self.keepers();
        let keeper = Keeper::new(&self.setting)?;
        keepers.insert(keeper.pid());
        Ok(keeper)
    }

    fn keepers(&self) -> std::sync::MutexGuard<'_, HashSet<i32>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the idle keepers, and waits for them.
    pub fn close(&self) {
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        idle.into_iter().for_each(|keeper| self.dismiss(keeper));
    }

    /// Lets a keeper go, and forgets it.
    fn dismiss(&self, keeper: Keeper) {
        let pid = keeper.pid();
        keeper.dismiss();
        self.keepers().remove(&pid);
    }
}

impl Keeper {
    fn new(setting: &Setting) -> std::io::Result<Self> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        // The link works also after the binary was replaced, and always means this very program.
        let child = Command::new("/proc/self/exe")
            .arg(ROLE)
            .env_clear()
            .envs(setting.env.iter().map(|(name, value)| (name, value)))
            .current_dir(&setting.workspace)
            .stdin(Stdio::from(std::os::fd::OwnedFd::from(theirs)))
            .stdout(Stdio::from(setting.lock.try_clone()?))
            .spawn()?;
        Ok(Self { child, socket: UnixStream::from_std(ours)? })
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    /// Lets it go on, should it have been stopped. Its number is its own until we wait for it.
    fn wake(&self) {
        if let Some(pid) = Pid::from_raw(self.pid()) {
            let _ = kill_process(pid, Signal::CONT);
        }
    }

    async fn run(
        &mut self,
        start: Start,
        urge: &mut watch::Receiver<Urge>,
    ) -> std::io::Result<Report> {
        self.socket.write_all(&frame(&Order::Start(Box::new(start)))?).await?;
        let mut inbox = Vec::with_capacity(1024);
        let mut said = Urge::None;
        loop {
            if let Some(report) = take(&mut inbox)? {
                return Ok(report);
            }
            let wanted = *urge.borrow_and_update();
            if wanted > said {
                said = wanted;
                let order = if wanted == Urge::Kill { Order::Kill } else { Order::End };
                self.socket.write_all(&frame(&order)?).await?;
            }
            tokio::select! {
                read = self.socket.read_buf(&mut inbox) => {
                    if read? == 0 {
                        return Err(std::io::Error::other("it said nothing more"));
                    }
                }
                Ok(()) = urge.changed() => {}
                // A step can stop its keeper, which then neither ends it nor hears us.
                () = tokio::time::sleep(WAKE_EVERY) => self.wake(),
            }
        }
    }

    /// Lets a keeper go: without its socket it ends what it runs, and then itself.
    fn dismiss(self) {
        self.wake();
        let Self { mut child, socket } = self;
        drop(socket);
        let _ = child.wait();
    }
}
