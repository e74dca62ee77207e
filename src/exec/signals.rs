//! What the outside tells the engine: to cancel, and the second time to stop at once.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// Whether those in whose process we drive want it to end, and how that is told.
static OVER: AtomicBool = AtomicBool::new(false);
static TOLD: Notify = Notify::const_new();

/// Asks all that this process drives, now and from now on, to end as the first signal does. After a signal it is no
/// second one.
pub fn interrupt() {
    OVER.store(true, Ordering::SeqCst);
    TOLD.notify_waiters();
}

/// Waits until somebody has asked that.
async fn interrupted() {
    let told = TOLD.notified();
    if !OVER.load(Ordering::SeqCst) {
        told.await;
    }
}

/// SIGINT, SIGTERM and SIGHUP, from now on.
pub(crate) struct Signals {
    all: Vec<(&'static str, Signal)>,
    count: usize,
}

impl Signals {
    /// Listens from now on; a signal that cannot be listened to keeps its default.
    pub(crate) fn new() -> Self {
        let kinds = [
            ("SIGINT", SignalKind::interrupt()),
            ("SIGTERM", SignalKind::terminate()),
            ("SIGHUP", SignalKind::hangup()),
        ];
        let all = kinds.into_iter().filter_map(|(name, kind)| Some((name, signal(kind).ok()?)));
        Self { all: all.collect(), count: 0 }
    }

    /// How many came.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// The next one's name.
    pub(crate) async fn next(&mut self) -> &'static str {
        let first = self.count == 0;
        let next = std::future::poll_fn(|context| {
            for (name, signal) in &mut self.all {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*name);
                }
            }
            std::task::Poll::Pending
        });
        let name = tokio::select! {
            // A signal first: who asks all to end has often had the same one.
            biased;
            name = next => name,
            () = interrupted(), if first => "the end of its session",
        };
        self.count += 1;
        name
    }
}
