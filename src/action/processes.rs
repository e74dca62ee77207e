//! Finding and ending everything below one process, without trusting any of it.
//!
//! What was tried against the ways out (setsid, double fork, closed descriptors, ignored signals, respawning,
//! forking faster than one can look) is in `docs/decisions/0003-keeper.md`.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group,
    pidfd_open, pidfd_send_signal, wait, waitpid,
};

use crate::redact::Masks;
use crate::run::Leak;

/// How often the newest process is looked at before all of them are.
const CHASES: usize = 64;

/// How long ending what a dead keeper left may take.
const STRAYS: Duration = Duration::from_millis(1_500);

/// A process as the kernel shows it.
#[derive(Debug, Clone)]
pub(super) struct Process {
    pub(super) pid: i32,
    parent: i32,
    group: i32,
    /// When it started, in ticks since boot: tells it from a later one with the same number.
    started: u64,
    zombie: bool,
    /// The program's name, shortened: it is known also where the arguments are not any more.
    name: String,
}

/// Reads one process; none if there is no such process.
fn process(pid: i32) -> Option<Process> {
    let text = std::fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, also spaces and parentheses: what follows its last one can be trusted.
    let before = text.iter().position(|b| *b == b'(')? + 1;
    let after = text.iter().rposition(|b| *b == b')')? + 2;
    let fields: Vec<&str> = std::str::from_utf8(text.get(after..)?).ok()?.split(' ').collect();
    let number = |n: usize| fields.get(n)?.parse::<i64>().ok();
    Some(Process {
        pid,
        parent: i32::try_from(number(1)?).ok()?,
        group: i32::try_from(number(2)?).ok()?,
        started: u64::try_from(number(19)?).ok()?,
        zombie: fields.first() == Some(&"Z"),
        name: String::from_utf8_lossy(text.get(before..after - 2)?).into_owned(),
    })
}

/// Whether a process exists and has not ended.
pub fn is_alive(pid: u32) -> bool {
    i32::try_from(pid).ok().and_then(process).is_some_and(|p| !p.zombie)
}

fn all_pids() -> impl Iterator<Item = i32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok())
}

/// Everything below `me`, by one look over all processes.
pub(super) fn below(me: i32) -> Vec<Process> {
    let mut children: HashMap<i32, Vec<Process>> = HashMap::new();
    for found in all_pids().filter_map(process) {
        children.entry(found.parent).or_default().push(found);
    }
    let mut all = children.remove(&me).unwrap_or_default();
    let mut next = 0;
    while next < all.len() {
        if let Some(more) = children.remove(&all[next].pid) {
            all.extend(more);
        }
        next += 1;
    }
    all.retain(|p| !p.zombie);
    all
}

/// What a process is, for the report.
pub(super) fn leak(process: &Process, survived: bool, masks: Option<&Masks>) -> Leak {
    let mut line = std::fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
    if let Some(masks) = masks {
        line = masks.hide(&line);
    }
    let words: Vec<_> = line.split(|b| *b == 0).map(String::from_utf8_lossy).collect();
    let mut command: String = words.join(" ").trim().chars().take(120).collect();
    if command.is_empty() {
        command = format!("[{}]", process.name);
    }
    Leak { pid: process.pid, command, survived }
}

/// Sends a signal to one process below `me`, and only to that one.
///
/// A number may be given to a stranger between looking and killing, unless it is our own child's, which only we reap.
fn signal(me: i32, process: &Process, signal: Signal) -> Result<(), Errno> {
    let pid = Pid::from_raw(process.pid).ok_or(Errno::SRCH)?;
    if process.parent == me {
        return kill_process(pid, signal);
    }
    let handle = pidfd_open(pid, PidfdFlags::empty())?;
    match self::process(process.pid) {
        Some(now) if now.started == process.started => pidfd_send_signal(&handle, signal),
        _ => Err(Errno::SRCH),
    }
}

/// Asks everything below `me` to end; what is stopped is woken so that it can.
pub(super) fn ask_to_end(me: i32) {
    for process in below(me) {
        let _ = signal(me, &process, Signal::TERM);
        let _ = signal(me, &process, Signal::CONT);
    }
}

/// One round of killing everything below `me`. `reap` is called in between: the dead make every look slower.
pub(super) fn strike(me: i32, mut reap: impl FnMut() -> bool) {
    let mut ours = HashSet::from([me]);
    let kill = |found: &Process, ours: &mut HashSet<i32>| {
        ours.insert(found.pid);
        if found.group != me
            && let Some(group) = Pid::from_raw(found.group).filter(|_| ours.contains(&found.group))
        {
            let _ = kill_process_group(group, Signal::KILL);
        }
        let _ = signal(me, found, Signal::KILL);
    };
    for _ in 0..CHASES {
        let newest = newest_pid();
        let recent = (newest - 3..=newest).rev().filter_map(process);
        for found in recent.filter(|p| !p.zombie) {
            if ours.contains(&found.parent) {
                kill(&found, &mut ours);
            }
        }
        if reap() {
            return;
        }
    }
    for found in below(me) {
        kill(&found, &mut ours);
    }
}

/// The number given to the newest process.
fn newest_pid() -> i32 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().nth(4).and_then(|n| n.parse().ok()).unwrap_or(0)
}

/// Reaps all children that have ended. `true` when no child is left, which for a subreaper means no descendant.
pub(super) fn reap(mut each: impl FnMut(i32, WaitStatus)) -> bool {
    loop {
        match wait(WaitOptions::NOHANG) {
            Ok(Some((pid, status))) => each(pid.as_raw_nonzero().get(), status),
            Ok(None) => return false,
            Err(Errno::INTR) => {}
            Err(_) => return true,
        }
    }
}

/// Ends what a dead keeper left to us: everything below us but the living keepers and what they watch over.
///
/// `keepers` is locked through each look, so that a keeper that starts meanwhile is no stray.
pub(super) fn end_strays(keepers: &Mutex<HashSet<i32>>) {
    let me = getpid().as_raw_nonzero().get();
    let until = Instant::now() + STRAYS;
    while Instant::now() < until {
        let keepers = keepers.lock().unwrap_or_else(PoisonError::into_inner);
        let below = below(me);
        let mut theirs = keepers.clone();
        // Parents come before their children in this list.
        for process in &below {
            if theirs.contains(&process.parent) {
                theirs.insert(process.pid);
            }
        }
        let strays: Vec<&Process> = below.iter().filter(|p| !theirs.contains(&p.pid)).collect();
        for stray in &strays {
            let _ = signal(me, stray, Signal::KILL);
            if let Some(pid) = Pid::from_raw(stray.pid) {
                let _ = waitpid(Some(pid), WaitOptions::NOHANG);
            }
        }
        drop(keepers);
        if strays.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}
