//! What the outside tells the engine: to cancel, and the second time to stop at once.

use tokio::signal::unix::{Signal, SignalKind, signal};

/// SIGINT, SIGTERM and SIGHUP, from now on.
pub(super) struct Signals {
    all: Vec<(&'static str, Signal)>,
    count: usize,
}

impl Signals {
    /// Listens from now on; a signal that cannot be listened to keeps its default.
    pub(super) fn new() -> Self {
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
    pub(super) async fn next(&mut self) -> &'static str {
        let next = std::future::poll_fn(|context| {
            for (name, signal) in &mut self.all {
                if signal.poll_recv(context).is_ready() {
                    return std::task::Poll::Ready(*name);
                }
            }
            std::task::Poll::Pending
        });
        let name = next.await;
        self.count += 1;
        name
    }
}
