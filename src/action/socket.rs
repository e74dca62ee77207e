//! The keeper's ears and mouth: waiting for whoever says something first, and answering the engine.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Waits until one of the descriptors is ready, or the time is over.
pub(super) fn poll_for(
    fds: &[Option<BorrowedFd<'_>>; 4],
    wait: Option<Duration>,
    ready: &mut [bool; 4],
) {
    let mut polled: Vec<(usize, PollFd<'_>)> = fds
        .iter()
        .enumerate()
        .filter_map(|(i, fd)| Some((i, PollFd::from_borrowed_fd((*fd)?, PollFlags::IN))))
        .collect();
    let timeout = wait.map(|wait| Timespec {
        tv_sec: i64::try_from(wait.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: i64::from(wait.subsec_nanos()),
    });
    let mut only: Vec<PollFd<'_>> = polled.iter().map(|(_, fd)| fd.clone()).collect();
    if poll(&mut only, timeout.as_ref()).is_ok() {
        for ((i, _), fd) in polled.drain(..).zip(only) {
            ready[i] = !fd.revents().is_empty();
        }
    }
}

/// Says something to the engine, if it is there.
pub(super) fn send(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(rustix::stdio::stdin(), bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(rustix::io::Errno::INTR) => {}
            // The engine went while we spoke: the next look at the socket says so.
            Err(rustix::io::Errno::PIPE | rustix::io::Errno::CONNRESET) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
