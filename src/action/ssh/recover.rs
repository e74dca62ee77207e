//! What another engine left on a host, met by one that came later.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::line::Hello;
use super::remote::{Command, LOST};
use super::values;
use super::watch::Watch;
use super::words;
use crate::action::pool::Urge;
use crate::action::protocol::Report;

/// What became of it, and why nobody may see what it wrote, if so.
pub(in crate::action) struct Recovered {
    pub(in crate::action) report: Report,
    pub(in crate::action) hidden: Option<String>,
}

impl Command<'_> {
    /// What became of an attempt that an engine left which is no more, begun so long ago. What it wrote may hold its
    /// secrets: it is seen only if they are those that we have, and not if it is `hidden` already.
    pub(in crate::action) async fn recover(
        &self,
        age: Duration,
        hidden: Option<&str>,
        urge: &mut watch::Receiver<Urge>,
    ) -> Recovered {
        let hidden = match hidden {
            Some(why) => Some(why.to_owned()),
            None => self.unknown(urge).await,
        };
        let mut watch = match Watch::new(&self.start) {
            Ok(watch) => watch,
            // It may have run: that its secrets are none to be masked now does not tell.
            Err(reason) => {
                let report = Report::of(words::lost());
                return Recovered { report, hidden: Some(reason) };
            }
        };
        hidden.iter().for_each(|why| watch.hide(why));
        let crashed = |hello: &Hello| hello.up.is_some_and(|up| up < age + Duration::from_secs(5));
        if self.on.keep {
            watch.begin();
            let report = self.follow(None, watch, &crashed, urge).await;
            return Recovered { report, hidden };
        }
        let outcome = match self.settle(urge).await {
            Some((words, hello)) if words == "never" && crashed(&hello) => words::lost(),
            Some((words, _)) => words::outcome(&words, &self.start),
            None => words::lost(),
        };
        watch.cut_off(outcome != words::never());
        Recovered { report: watch.report(outcome), hidden }
    }

    /// Why the secrets that it was given are not known to be ours, if so.
    async fn unknown(&self, urge: &mut watch::Receiver<Urge>) -> Option<String> {
        if self.start.secrets.is_empty() {
            return None;
        }
        let until = Instant::now() + LOST;
        loop {
            let sealed = values::is_sealed(self.hosts, &self.on, &self.start.secrets);
            let why = match sealed.await {
                Ok(true) => return None,
                Ok(false) => {
                    return Some("its secrets have changed since it was started".to_owned());
                }
                Err(error) => format!("whether its secrets have changed is not known: {error}"),
            };
            if Instant::now() >= until || *urge.borrow_and_update() > Urge::None {
                return Some(why);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}
