//! Telling a test's processes from all others, and leaving none of them behind.

use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Ran, Test};

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A number that stands in the arguments of a test's processes: any of them that is left is killed when it goes.
///
/// It is so small that `sleep 300 MARK` sleeps no longer for it.
pub(crate) struct Marks {
    mark: String,
    dir: PathBuf,
}

impl Marks {
    /// Marks of a workspace. The file `go` is there as long as they are: whoever respawns looks for it.
    pub(crate) fn new(test: &Test) -> Self {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let mark = format!("0.000{:07}{nth:03}", std::process::id());
        let dir = test.path().canonicalize().unwrap();
        std::fs::write(dir.join("go"), "").unwrap();
        Self { mark, dir }
    }

    /// What its processes have in their arguments, if they are called so.
    pub(crate) fn of(&self, name: &str) -> String {
        let letters: u32 = name.bytes().fold(7, |sum, b| (sum * 31 + u32::from(b)) % 100_000);
        format!("{}{letters:05}", self.mark)
    }

    /// Those that have a text in their arguments: process ids and command lines.
    pub(crate) fn with(&self, text: &str) -> Vec<(i32, String)> {
        processes().filter(|(_, line)| line.contains(text)).collect()
    }

    /// Those with any of its marks, and whoever else works in its workspace: keepers, engines, what carries no mark.
    pub(crate) fn all(&self) -> Vec<(i32, String)> {
        let here = |pid: i32| {
            std::fs::read_link(format!("/proc/{pid}/cwd")).is_ok_and(|cwd| cwd == self.dir)
        };
        processes().filter(|(pid, line)| line.contains(&self.mark) || here(*pid)).collect()
    }

    /// Waits until nobody is left and says how long that took; more than the limit is a failure.
    #[track_caller]
    pub(crate) fn gone_within(&self, since: Instant, limit: Duration) -> Duration {
        loop {
            let left = self.all();
            let took = since.elapsed();
            if left.is_empty() {
                return took;
            }
            assert!(took < limit, "alive after {took:?}: {left:?}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Waits for the engine to end; an engine that hangs is a failure, and then killed.
    #[track_caller]
    pub(crate) fn ended(&self, engine: Child) -> Ran {
        let pid = Pid::from_child(&engine);
        let (done, ended) = mpsc::channel();
        let waiter = std::thread::spawn(move || {
            let output = engine.wait_with_output().unwrap();
            let _ = done.send(());
            output
        });
        if ended.recv_timeout(Duration::from_mins(1)).is_err() {
            let left = self.all();
            let _ = kill_process(pid, Signal::KILL);
            panic!("the engine does not end; alive: {left:?}");
        }
        Ran::new(&waiter.join().unwrap())
    }

    /// The most memory that a program of ours has used so far, in kB: engine and keepers.
    pub(crate) fn peak_kb(&self) -> u64 {
        let ours = self
            .all()
            .into_iter()
            .filter(|(_, line)| line.contains("ostler run") || line.contains("__keeper"));
        let peak = |pid: i32| {
            let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
            let line = status.lines().find(|l| l.starts_with("VmHWM"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        };
        ours.filter_map(|(pid, _)| peak(pid)).max().unwrap_or(0)
    }
}

impl Drop for Marks {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(self.dir.join("go"));
        let until = Instant::now() + Duration::from_secs(10);
        loop {
            let left = self.all();
            if left.is_empty() || Instant::now() > until {
                return;
            }
            for (pid, _) in left {
                let _ = kill_process(Pid::from_raw(pid).unwrap(), Signal::KILL);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

/// All processes that have arguments: the dead have none.
fn processes() -> impl Iterator<Item = (i32, String)> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|e| e.file_name().to_str()?.parse::<i32>().ok());
    pids.filter_map(|pid| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).ok().filter(|l| !l.is_empty())?;
        Some((pid, String::from_utf8_lossy(&line).replace('\0', " ")))
    })
}
