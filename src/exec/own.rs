//! What the engine does itself, its values put in place: waiting, copying, rebooting.

use std::path::Path;
use std::time::Duration;

use super::resolve::Values;
use crate::action::{Copy, End, Limits, Part, Reboot, Until, Wait, Work};
use crate::plan::{self, Action, Step};
use crate::run::Node;
use crate::value::Bytes;
use crate::workflow::Millis;

/// How long an attempt at a step may take. What the engine does itself says that too, and may be silent.
pub(super) fn limits(step: &Step, grace_ms: u64) -> Limits {
    let (is_own, own) = match &step.run {
        Some(Action::Wait(wait)) => (true, wait.deadline),
        Some(Action::Copy(_)) => (true, None),
        Some(Action::Reboot(reboot)) => (true, Some(reboot.deadline)),
        _ => (false, None),
    };
    Limits {
        deadline_ms: step.timeout.into_iter().chain(own).min().map(|span| span.0),
        stall_ms: step.stall_timeout.filter(|_| !is_own).map(|span| span.0),
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

impl Values<'_> {
    /// What is copied where. What it leaves if it is killed is known by the run and the instance.
    pub(super) fn copy(
        &mut self,
        copy: &plan::Copy,
        cwd: &Path,
        instance: &str,
    ) -> Result<Work, String> {
        let from = self.end(&copy.from, cwd)?;
        let to = self.end(&copy.to, cwd)?;
        let safe = |c: char| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' };
        let instance: String = instance.chars().map(safe).collect();
        let mark = format!("{}-{instance}", self.run.id());
        Ok(Work::Copy(Copy { from, to, parents: copy.parents, mark }))
    }

    /// One end of a copy. A path of this machine is taken from the step's folder, or, where that is its host's, from the
    /// workspace.
    fn end(&mut self, end: &plan::End, cwd: &Path) -> Result<End, String> {
        let there = end.there && self.host.is_some();
        if there {
            let path = self.path(&end.path, Path::new(""))?;
            if !path.is_absolute() {
                return Err(format!("`{}`: a path on a host begins with `/`", path.display()));
            }
            return Ok(End { there, path });
        }
        let workspace = self.setting.workspace.clone();
        let from = if self.host.is_some() { &workspace } else { cwd };
        Ok(End { there, path: self.path(&end.path, from)? })
    }

    /// How the host is rebooted. Attempts that passed have rebooted it; all others are about the same reboot.
    pub(super) fn reboot(&mut self, reboot: &plan::Reboot, node: &Node) -> Result<Work, String> {
        if self.host.is_none() {
            return Err("this machine is not rebooted: a reboot needs a host".to_owned());
        }
        let done = node.attempts.iter().filter_map(|a| a.ending.as_ref());
        let done = done.filter(|ending| ending.passed).count();
        let instance = node.instance.file_stem();
        let mark = format!("{}-{instance}-{done}", self.run.id());
        let order = match &reboot.cmd {
            Some(shell) => {
                let env = self.handed_over(shell)?;
                let named = env.into_iter().map(|(name, value)| {
                    let mut word = format!("{name}=").into_bytes();
                    word.extend(value.0);
                    Bytes(word)
                });
                let words = std::iter::once(Bytes::from("env")).chain(named);
                Some(words.chain(shell.argv()).collect())
            }
            None => None,
        };
        Ok(Work::Reboot(Reboot { mark, order }))
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
