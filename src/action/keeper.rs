//! The keeper: a small process that starts one command at a time and lets nothing of it outlive its end.
//!
//! It is our own binary in another role: in a session of its own, the subreaper of all it starts, with one socket
//! as its standard input. When that socket closes the engine is gone, and everything it runs is ended.

use std::ffi::OsStr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{
    Pid, Signal, WaitStatus, getpid, kill_process, set_child_subreaper,
    set_parent_process_death_signal, setsid,
};

use super::capture::Capture;
use super::processes;
use super::program;
use super::protocol::{Limits, Order, Report, Start, frame, take};
use super::secrets;
use super::socket::{poll_for, send};
use crate::redact::Masks;
use crate::run::{Leak, Outcome};

/// How long what a command leaves behind may end by itself.
const LEAK_GRACE: Duration = Duration::from_millis(200);
/// How long killing may take before what is left is called a survivor.
const KILL_LIMIT: Duration = Duration::from_millis(1_500);
/// How long a stranger may go on writing what is taken for the command's output.
const STRANGER_LIMIT: Duration = Duration::from_secs(2);
/// How long output may be in memory only.
const HIDDEN: Duration = Duration::from_millis(250);

/// Serves the engine until it goes. Returns the process's exit code.
pub fn main() -> u8 {
    match Keeper::new().and_then(|mut keeper| keeper.serve()) {
        Ok(()) => 0,
        Err(error) => {
            tracing::error!(%error, "keeper");
            1
        }
    }
}

struct Keeper {
    me: i32,
    /// Bytes of an order that has not wholly arrived.
    inbox: Vec<u8>,
    engine_gone: bool,
    children: UnixStream,
    buffer: Vec<u8>,
}

/// Why a command is being ended.
#[derive(Clone, Copy, PartialEq)]
enum Why {
    Deadline,
    Stall,
    Cancel,
    EngineGone,
    Leak,
}

/// A command that runs.
struct Job {
    leader: i32,
    status: Option<WaitStatus>,
    exited_at: Option<Instant>,
    /// Since when nobody of it is left.
    alone_since: Option<Instant>,
    started: Instant,
    last_output: Instant,
    stdout: Capture,
    stderr: Capture,
    limits: Limits,
    /// Whether it is an engine of ours.
    engine: bool,
    masks: Option<Masks>,
    /// Why it is being ended, and when that began.
    ending: Option<(Why, Instant)>,
    killing: Option<Instant>,
    leaked: Vec<Leak>,
}

impl Keeper {
    fn new() -> std::io::Result<Self> {
        // Fails only where we are a session's leader already.
        let _ = setsid();
        set_child_subreaper(Some(getpid()))?;
        // Should a step have stopped us when the engine dies, we must go on to end it.
        set_parent_process_death_signal(Some(Signal::CONT))?;
        let (children, signals) = UnixStream::pair()?;
        children.set_nonblocking(true)?;
        signal_hook::low_level::pipe::register(Signal::CHILD.as_raw(), signals)?;
        // What a terminal or an operator sends to the engine's group is the engine's to answer.
        for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
            let (_, ignored) = UnixStream::pair()?;
            signal_hook::low_level::pipe::register(signal.as_raw(), ignored)?;
        }
        let me = getpid().as_raw_nonzero().get();
        Ok(Self { me, inbox: Vec::new(), engine_gone: false, children, buffer: vec![0; 64 * 1024] })
    }

    fn serve(&mut self) -> std::io::Result<()> {
        loop {
            match take::<Order>(&mut self.inbox)? {
                Some(Order::Start(start)) => {
                    let report = match Self::start(&start) {
                        Ok(job) => self.watch(job),
                        Err(reason) => Report::of(Outcome::CouldNotStart { reason }),
                    };
                    if self.engine_gone {
                        program::remove_outputs(&start);
                    } else {
                        send(&frame(&report)?)?;
                    }
                    if report.leaked.iter().any(|l| l.survived) {
                        return Ok(());
                    }
                }
                // What it refers to has ended already.
                Some(Order::End | Order::Kill) => {}
                None if self.engine_gone => return Ok(()),
                None => self.listen(None),
            }
        }
    }

    /// Waits until the engine says something, or for the job: its end, its output, the next time to look at it.
    fn listen(&mut self, mut job: Option<(&mut Job, Duration)>) {
        let socket = rustix::stdio::stdin();
        let wait = job.as_ref().map(|(_, wait)| *wait);
        let mut ready = [false; 4];
        {
            let engine = (!self.engine_gone).then_some(socket);
            let pipes = match &job {
                Some((job, _)) => {
                    [&job.stdout, &job.stderr].map(|c| c.pipe.as_ref().map(AsFd::as_fd))
                }
                None => [None, None],
            };
            let fds = [engine, Some(self.children.as_fd()), pipes[0], pipes[1]];
            poll_for(&fds, wait, &mut ready);
        }
        if ready[0] {
            let n = rustix::io::read(socket, &mut self.buffer[..]);
            match n {
                Ok(n) if n > 0 => self.inbox.extend_from_slice(&self.buffer[..n]),
                Err(rustix::io::Errno::INTR) => {}
                _ => self.engine_gone = true,
            }
        }
        if ready[1] {
            while matches!(rustix::io::read(&self.children, &mut self.buffer[..]), Ok(n) if n > 0) {
            }
        }
        if let Some((job, _)) = &mut job {
            let heard = (ready[2] && job.stdout.read(&mut self.buffer))
                | (ready[3] && job.stderr.read(&mut self.buffer));
            if heard {
                job.last_output = Instant::now();
            }
        }
    }

    fn start(start: &Start) -> Result<Job, String> {
        let text = |bytes: &crate::value::Bytes| OsStr::from_bytes(&bytes.0).to_owned();
        let cwd = PathBuf::from(text(&start.cwd));
        if !cwd.is_dir() {
            return Err(format!("the folder `{}` does not exist", cwd.display()));
        }
        let first = start.argv.first().map(text).ok_or("there is no program")?;
        let path = start.env.iter().rev().find(|(name, _)| name == "PATH").map(|(_, v)| text(v));
        let path = path.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
        let program = program::find(&first, &path, &cwd)
            .ok_or_else(|| format!("`{}` was not found", first.to_string_lossy()))?;
        let mut command = Command::new(program);
        command.arg0(&first).args(start.argv.iter().skip(1).map(text));
        command.envs(start.env.iter().map(|(name, value)| (name, text(value))));
        command.envs(start.secrets.iter().map(|secret| (&secret.name, text(&secret.value))));
        let masks = secrets::masks(&start.secrets)?;
        command.current_dir(cwd).process_group(0);
        command.stdin(program::stdin(start)?).stdout(Stdio::piped()).stderr(Stdio::piped());
        let now = Instant::now();
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let stdout = child.stdout.take().map(Into::into);
        let stderr = child.stderr.take().map(Into::into);
        let capture = |pipe, ending| {
            let name = format!("{}.{ending}", start.name);
            Capture::new(pipe, &start.dir, name).masked(masks.clone()).private(start.private)
        };
        Ok(Job {
            leader: i32::try_from(child.id()).map_err(|e| e.to_string())?,
            status: None,
            exited_at: None,
            alone_since: None,
            started: now,
            last_output: now,
            stdout: capture(stdout, "stdout"),
            stderr: capture(stderr, "stderr"),
            limits: start.limits,
            engine: start.engine,
            masks: masks.clone(),
            ending: None,
            killing: None,
            leaked: Vec::new(),
        })
    }

    /// Watches a command to its end, and to the end of all it started.
    fn watch(&mut self, mut job: Job) -> Report {
        loop {
            let alone = job.reap();
            self.obey(&mut job);
            let now = Instant::now();
            job.show(now, self.engine_gone);
            if alone && job.status.is_some() && job.output_is_over(now) {
                break;
            }
            if self.end_if_due(&mut job, alone, now) {
                break;
            }
            let wait = job.next_look(now, alone);
            self.listen(Some((&mut job, wait)));
        }
        if self.engine_gone {
            job.stdout.spill();
            job.stderr.spill();
        }
        job.report()
    }

    /// Does what the engine said meanwhile.
    fn obey(&mut self, job: &mut Job) {
        let now = Instant::now();
        while let Ok(Some(order)) = take::<Order>(&mut self.inbox) {
            match order {
                Order::Kill => {
                    job.ending.get_or_insert((Why::Cancel, now));
                    job.killing.get_or_insert(now);
                }
                _ => self.begin_end(job, Why::Cancel, now),
            }
        }
        if self.engine_gone {
            self.begin_end(job, Why::EngineGone, now);
        }
    }

    fn begin_end(&self, job: &mut Job, why: Why, now: Instant) {
        if job.engine && why == Why::EngineGone && job.ending.is_none_or(|(was, _)| was != why) {
            job.ending = Some((why, now));
            // Its own keepers end what it ran, as ours do.
            job.tell(Signal::KILL);
        } else if job.ending.is_none() {
            job.ending = Some((why, now));
            if job.engine && job.status.is_none() {
                job.tell(Signal::TERM);
            } else {
                processes::ask_to_end(self.me);
            }
        }
    }

    /// Begins or continues the end of a command; `true` if what is left will not go.
    fn end_if_due(&self, job: &mut Job, alone: bool, now: Instant) -> bool {
        let over = |limit: Option<u64>, since: Instant| {
            limit.is_some_and(|ms| now.duration_since(since) >= Duration::from_millis(ms))
        };
        if job.status.is_none() && over(job.limits.deadline_ms, job.started) {
            self.begin_end(job, Why::Deadline, now);
        } else if job.status.is_none() && over(job.limits.stall_ms, job.last_output) {
            self.begin_end(job, Why::Stall, now);
        }
        let left_behind = job.exited_at.is_some_and(|at| now.duration_since(at) >= LEAK_GRACE);
        if left_behind && !alone && job.leaked.is_empty() {
            let below = processes::below(self.me);
            job.leaked =
                below.iter().map(|p| processes::leak(p, false, job.masks.as_ref())).collect();
            self.begin_end(job, Why::Leak, now);
        }
        if job.killing.is_none() && job.grace_until().is_some_and(|until| now >= until) {
            job.killing = Some(now);
        }
        let Some(killing) = job.killing else { return false };
        if alone {
            return false;
        }
        processes::strike(self.me, || job.reap());
        if now.duration_since(killing) < KILL_LIMIT {
            return false;
        }
        let survivors = processes::below(self.me);
        job.leaked.retain(|l| !survivors.iter().any(|p| p.pid == l.pid));
        job.leaked.extend(survivors.iter().map(|p| processes::leak(p, true, job.masks.as_ref())));
        !survivors.is_empty()
    }
}

impl Job {
    /// Signals the command itself and nothing below it.
    fn tell(&self, signal: Signal) {
        // Until it is reaped its number is its own.
        if let Some(leader) = Pid::from_raw(self.leader).filter(|_| self.status.is_none()) {
            let _ = kill_process(leader, signal);
        }
    }

    /// When it is killed that was asked to end. An engine takes the time that its `finally` takes; what it leaves does
    /// not.
    fn grace_until(&self) -> Option<Instant> {
        let (why, since) = self.ending?;
        let patient = self.engine && !matches!(why, Why::EngineGone | Why::Leak);
        let since = if patient { self.exited_at? } else { since };
        Some(since + Duration::from_millis(self.limits.grace_ms))
    }

    /// Reaps what has ended; `true` if nothing is left.
    fn reap(&mut self) -> bool {
        processes::reap(|pid, status| {
            if pid == self.leader && self.status.is_none() {
                self.status = Some(status);
                self.exited_at = Some(Instant::now());
            }
        })
    }

    /// Output is over when both pipes are closed, or when a stranger who is no descendant keeps one open: then
    /// once it is silent, or has written on for long enough.
    fn output_is_over(&mut self, now: Instant) -> bool {
        let closed = self.stdout.pipe.is_none() && self.stderr.pipe.is_none();
        let alone = now.duration_since(*self.alone_since.get_or_insert(now));
        let silent = now.duration_since(self.last_output) >= LEAK_GRACE;
        closed || (silent && alone >= LEAK_GRACE) || alone >= STRANGER_LIMIT
    }

    /// Makes visible what was in memory for a while.
    fn show(&mut self, now: Instant, all: bool) {
        for stream in [&mut self.stdout, &mut self.stderr] {
            if stream.hidden_since().is_some_and(|at| all || now.duration_since(at) >= HIDDEN) {
                stream.spill();
            }
        }
    }

    /// How long nothing is due.
    fn next_look(&self, now: Instant, alone: bool) -> Duration {
        if self.killing.is_some() && !alone {
            return Duration::from_millis(2);
        }
        let at = |start: Instant, ms: Option<u64>| Some(start + Duration::from_millis(ms?));
        let running = self.status.is_none() && self.ending.is_none();
        let looks = [
            at(self.started, self.limits.deadline_ms).filter(|_| running),
            at(self.last_output, self.limits.stall_ms).filter(|_| running),
            self.grace_until().filter(|_| self.killing.is_none()),
            self.exited_at.map(|at| at + LEAK_GRACE).filter(|_| self.leaked.is_empty()),
            self.exited_at.map(|_| self.last_output + LEAK_GRACE),
            self.alone_since.map(|at| at + LEAK_GRACE),
            self.stdout.hidden_since().map(|at| at + HIDDEN),
            self.stderr.hidden_since().map(|at| at + HIDDEN),
        ];
        let next = looks.into_iter().flatten().filter(|at| *at > now).min();
        next.map_or(Duration::from_hours(1), |at| at - now)
    }

    fn report(self) -> Report {
        let outcome = match (self.ending, self.status) {
            (Some((Why::Deadline, _)), _) => {
                Outcome::TimedOut { after_ms: self.limits.deadline_ms.unwrap_or_default() }
            }
            (Some((Why::Stall, _)), _) => {
                Outcome::Stalled { after_ms: self.limits.stall_ms.unwrap_or_default() }
            }
            (Some((Why::Cancel | Why::EngineGone, _)), _) => Outcome::Cancelled,
            (_, Some(status)) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Outcome::Exited { code },
                (_, Some(signal)) => Outcome::Signaled { signal },
                _ => {
                    Outcome::Lost { reason: "it ended in a way the system did not say".to_owned() }
                }
            },
            (_, None) => Outcome::Lost { reason: "it could not be ended".to_owned() },
        };
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        Report { outcome, stdout, stderr, leaked: self.leaked, may_have_outputs: true }
    }
}
