//! What the engine does itself, its values put in place: waiting.

use std::time::Duration;

use super::resolve::Values;
use crate::action::{Limits, Part, Until, Wait, Work};
use crate::plan::{self, Action, Step};
use crate::value::Bytes;
use crate::workflow::Millis;

/// How long an attempt at a step may take. One that waits says that itself, and may be silent.
pub(super) fn limits(step: &Step, grace_ms: u64) -> Limits {
    let wait = match &step.run {
        Some(Action::Wait(wait)) => Some(wait),
        _ => None,
    };
    let own = wait.and_then(|wait| wait.deadline);
    Limits {
        deadline_ms: step.timeout.into_iter().chain(own).min().map(|span| span.0),
        stall_ms: step.stall_timeout.filter(|_| wait.is_none()).map(|span| span.0),
        grace_ms,
    }
}

impl Values<'_> {
    /// What is waited for. What its shell text refers to is added to `env`.
    pub(super) fn wait(
        &mut self,
        wait: &plan::Wait,
        env: &mut Vec<(String, Bytes)>,
    ) -> Result<Work, String> {
        let until = match &wait.until {
            plan::Until::Passes(shell) => {
                env.extend(self.handed_over(shell)?);
                let (name, argv) = (shell.shown(), self.words(shell));
                let part =
                    Part { name, argv, env: Vec::new(), stdin: None, expect: None, engine: false };
                Until::Passes(Box::new(part))
            }
            plan::Until::Answers(port) => {
                let text = self.short("`port`", port)?;
                let text = String::from_utf8_lossy(&text.0).into_owned();
                let (host, port) = address(&text)
                    .ok_or_else(|| format!("`{text}` is neither a port nor host:port"))?;
                Until::Answers { host, port }
            }
            plan::Until::Over(span) => Until::Over(duration(*span)),
        };
        let stays = wait.stays.map(duration).unwrap_or_default();
        Ok(Work::Wait(Wait { until, every: duration(wait.every), stays }))
    }
}

fn duration(span: Millis) -> Duration {
    Duration::from_millis(span.0)
}

/// A port of this machine, or `host:port`, where an address with colons stands in brackets.
fn address(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':').unwrap_or(("localhost", text));
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None if host.contains(':') => return None,
        None => host,
    };
    let port = port.parse().ok().filter(|port| *port > 0)?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_may_have_a_host_before_it() {
        let found = |text| address(text).map(|(host, port)| format!("{host} {port}"));
        assert_eq!(found("22").as_deref(), Some("localhost 22"));
        assert_eq!(found("web.example:22").as_deref(), Some("web.example 22"));
        assert_eq!(found("[::1]:22").as_deref(), Some("::1 22"));
        for bad in ["", "x", "web:", ":22", "::1", "web:0", "web:99999", "[::1:22"] {
            assert_eq!(found(bad), None, "{bad}");
        }
    }
}
