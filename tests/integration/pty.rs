//! A terminal for the program to run on, and what stands on it.

use std::fs::File;
use std::io::Read;
use std::num::NonZero;
use std::os::fd::OwnedFd;
use std::process::Child;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::support::Test;

/// How high terminals are here: higher than anything that is said.
const ROWS: u16 = 60;
/// Far longer than anything should take.
const LONG: Duration = Duration::from_mins(1);

/// The program on a terminal.
pub(crate) struct Pty {
    screen: vt100::Parser,
    from: File,
    child: Child,
    /// Every byte that was written.
    pub(crate) bytes: Vec<u8>,
}

impl Pty {
    /// Starts the program on a terminal of so many columns, with these variables.
    pub(crate) fn start(test: &Test, args: &[&str], columns: u16, env: &[(&str, &str)]) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        size(&ours, columns);
        let theirs = File::options().read(true).write(true).open(name).unwrap();
        let mut command = test.command(args);
        command.env_remove("NO_COLOR").env("TERM", "xterm-256color").envs(env.iter().copied());
        command.stdin(theirs.try_clone().unwrap()).stdout(theirs.try_clone().unwrap());
        let child = command.stderr(theirs).spawn().unwrap();
        let screen = vt100::Parser::new(count(ROWS), count(columns), 0);
        // The command holds the terminal's other end, which would never close.
        drop(command);
        Self { screen, from: File::from(ours), child, bytes: Vec::new() }
    }

    /// Makes the terminal narrower or wider.
    pub(crate) fn resize(&mut self, columns: u16) {
        size(&self.from.try_clone().unwrap().into(), columns);
        self.screen.screen_mut().set_size(count(ROWS), count(columns));
    }

    /// What stands on it, without what is left empty.
    pub(crate) fn text(&self) -> String {
        let text = self.screen.screen().contents();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        format!("{}\n", lines.join("\n").trim_end())
    }

    /// Waits until something stands there.
    pub(crate) fn wait_for(&mut self, what: &str) {
        let start = Instant::now();
        while !self.text().contains(what) {
            assert!(start.elapsed() < LONG, "no {what:?} on\n{}", self.text());
            assert!(self.read(), "ended without {what:?}:\n{}", self.text());
        }
    }

    /// Waits for the end: the exit code and what stands there.
    pub(crate) fn end(mut self) -> (i32, String, Vec<u8>) {
        let start = Instant::now();
        while self.read() {
            assert!(start.elapsed() < LONG, "it does not end:\n{}", self.text());
        }
        let code = self.child.wait().unwrap().code().unwrap();
        (code, self.text(), self.bytes)
    }

    /// Reads what comes within a moment; `false` once nobody can write any more.
    fn read(&mut self) -> bool {
        let mut ready = [PollFd::new(&self.from, PollFlags::IN)];
        let moment = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        if poll(&mut ready, Some(&moment)).unwrap() == 0 {
            return true;
        }
        let mut buffer = [0; 4096];
        // At the end Linux says EIO.
        let Ok(n) = self.from.read(&mut buffer) else { return false };
        self.screen.process(&buffer[..n]);
        self.bytes.extend_from_slice(&buffer[..n]);
        n > 0
    }
}

fn count(of: u16) -> NonZero<u16> {
    NonZero::new(of).unwrap()
}

fn size(of: &OwnedFd, columns: u16) {
    let size = Winsize { ws_row: ROWS, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(of, size).unwrap();
}
