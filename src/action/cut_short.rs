//! What ends a step that the engine does itself, before it has come to its own end.

use std::future::pending;
use std::time::Duration;

use super::attempt::Doing;
use super::pool::Urge;
use crate::run::Outcome;

impl Doing<'_> {
    /// Waits until somebody ends it or its deadline has passed, and says which.
    pub(super) fn cut_short(&self) -> impl Future<Output = Outcome> + use<> {
        let (limit, started) = (self.attempt.limits.deadline_ms, self.started);
        let mut urge = self.urge.clone();
        async move {
            let somebody = async {
                if urge.wait_for(|urge| *urge > Urge::None).await.is_err() {
                    pending::<()>().await;
                }
            };
            let deadline = async {
                let Some(ms) = limit else { return pending().await };
                tokio::time::sleep(Duration::from_millis(ms).saturating_sub(started.elapsed()))
                    .await;
                ms
            };
            tokio::select! {
                biased;
                () = somebody => Outcome::Cancelled,
                after_ms = deadline => Outcome::TimedOut { after_ms },
            }
        }
    }
}
