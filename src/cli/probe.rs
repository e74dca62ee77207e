//! What hosts answer when they are asked how they are: a row each, also for one that does not.

use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::args::Format;
use super::fleet::{NO_HOSTS, Selected};
use super::{Context, Exit};
use crate::diagnostic::printable;
use crate::ops::{self, Error, Probed};
use crate::workflow::Millis;

const HEADS: [&str; 8] = ["host", "state", "latency", "system", "kernel", "arch", "up", "said"];

impl Context {
    pub(super) fn fleet_probe(&self, selected: &Selected) -> Result<Exit, Error> {
        let fleet = ops::fleet(&self.workspace)?;
        let Some(hosts) = self.chosen(&fleet, &selected.selectors) else { return Ok(Exit::Usage) };
        // Where standard error is no terminal, it shows nothing.
        let bar = ProgressBar::new(hosts.len() as u64);
        if let Ok(style) = ProgressStyle::with_template("{pos} of {len} asked  {wide_msg}") {
            bar.set_style(style);
        }
        let probed = ops::probe(&self.workspace, &hosts, &mut |one| {
            bar.inc(1);
            bar.set_message(one.name.to_string());
        })?;
        bar.finish_and_clear();
        match selected.format {
            Format::Json => self.print(&format!("{:#}\n", json!({ "hosts": probed }))),
            Format::Text if hosts.is_empty() => self.print(NO_HOSTS),
            Format::Text => {
                let rows: Vec<_> = probed.iter().map(row).collect();
                self.print(&self.table(&HEADS, &rows));
            }
        }
        let all = probed.len() == hosts.len() && probed.iter().all(|one| one.reachable);
        Ok(if all { Exit::Passed } else { Exit::Failed })
    }
}

fn row(one: &Probed) -> [String; 8] {
    let text = |value: &Option<String>| printable(value.as_deref().unwrap_or_default());
    let days = |seconds: u64| match seconds / 86_400 {
        0 => Millis(seconds * 1_000).to_string(),
        1 => "1 day".to_owned(),
        days => format!("{days} days"),
    };
    [
        one.name.to_string(),
        one.obstacle().unwrap_or("reachable").to_owned(),
        one.latency_ms.map(|ms| format!("{ms} ms")).unwrap_or_default(),
        text(&one.system),
        text(&one.kernel),
        text(&one.arch),
        one.uptime_s.map(days).unwrap_or_default(),
        text(&one.said).replace('\n', " "),
    ]
}
