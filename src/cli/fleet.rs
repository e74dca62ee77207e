//! What is said of the fleet: its hosts as a table, one of them in full, what is wrong with its files.

use std::fmt::Write as _;

use clap::Subcommand;
use serde_json::{Value, json};

use super::args::Format;
use super::{Context, Exit, completion, problems};
use crate::diagnostic::printable;
use crate::fleet::{Fleet, Host, NoHost};
use crate::ops::{self, Error};
use crate::report::lines::{columns, cut};
use crate::report::{Paint, Tone};

const SELECTORS: &str = "\
A selector is terms that must all hold, in quotes: all, a name or pattern
(web-*), @group, label=value; `!` before a term negates it. Several selectors
mean the hosts that any of them selects.";

#[derive(Debug, Subcommand)]
pub(super) enum FleetCommand {
    /// List the hosts
    #[command(after_help = SELECTORS)]
    List(Selected),
    /// Show all that is known of a host
    Show {
        /// The host
        #[arg(add = completion::hosts())]
        host: String,
        /// How it is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Check the files of the hosts, and nothing else
    Check,
    /// Connect to hosts, and say which answer and what they are
    #[command(after_help = SELECTORS)]
    Probe(Selected),
}

#[derive(Debug, clap::Args)]
pub(super) struct Selected {
    /// Which hosts [default: all]
    #[arg(value_name = "SELECTOR", add = completion::selectors())]
    pub(super) selectors: Vec<String>,
    /// How they are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

impl Context {
    pub(super) fn fleet(&self, command: &FleetCommand) -> Result<Exit, Error> {
        match command {
            FleetCommand::List(selected) => self.fleet_list(selected),
            FleetCommand::Show { host, format } => self.fleet_show(host, *format),
            FleetCommand::Probe(selected) => self.fleet_probe(selected),
            FleetCommand::Check => {
                let (_, checked) = ops::read_fleet(&self.workspace)?;
                for one in &checked {
                    self.print(&problems::text(&one.problems, &one.sources, &self.out));
                }
                self.print(&problems::summary(&checked, &self.out));
                let sound = checked.iter().all(ops::Checked::is_sound);
                Ok(if sound { Exit::Passed } else { Exit::Problems })
            }
        }
    }

    fn fleet_list(&self, selected: &Selected) -> Result<Exit, Error> {
        let fleet = ops::fleet(&self.workspace)?;
        if fleet.hosts.is_empty()
            && selected.selectors.is_empty()
            && selected.format == Format::Text
        {
            self.print(NO_HOSTS);
            return Ok(Exit::Passed);
        }
        let Some(hosts) = self.chosen(&fleet, &selected.selectors) else { return Ok(Exit::Usage) };
        match selected.format {
            Format::Json => self.print(&format!("{:#}\n", json!({ "hosts": hosts }))),
            Format::Text => {
                let rows: Vec<_> = hosts.iter().map(|host| row(host)).collect();
                self.print(&self.table(&HEADS, &rows));
            }
        }
        Ok(Exit::Passed)
    }

    /// The hosts that are selected, all where no selector is given; none where a selector is wrong, which is said.
    pub(super) fn chosen<'f>(
        &self,
        fleet: &'f Fleet,
        selectors: &[String],
    ) -> Option<Vec<&'f Host>> {
        if selectors.is_empty() {
            return Some(fleet.hosts.values().collect());
        }
        match fleet.select(selectors) {
            Ok(names) => Some(names.iter().filter_map(|name| fleet.hosts.get(name)).collect()),
            Err(wrong) => {
                wrong.iter().for_each(|none| self.no_host(none));
                None
            }
        }
    }

    fn no_host(&self, none: &NoHost) {
        super::say(&format!("{}: {none}", self.err.bad("error")));
        if let Some(hint) = &none.hint {
            super::say(&format!("  {}", printable(hint)));
        }
    }

    fn fleet_show(&self, name: &str, format: Format) -> Result<Exit, Error> {
        let fleet = ops::fleet(&self.workspace)?;
        let host = match fleet.find(name) {
            Ok(host) => host,
            Err(none) => {
                self.no_host(&none);
                return Ok(Exit::Usage);
            }
        };
        match format {
            Format::Json => self.print(&format!("{:#}\n", json!(host))),
            Format::Text => self.print(&shown(host)),
        }
        Ok(Exit::Passed)
    }

    /// Rows below their heads, each column as wide as it must be; a terminal that is too narrow cuts the last ones.
    pub(super) fn table<const N: usize>(&self, heads: &[&str; N], rows: &[[String; N]]) -> String {
        let mut out = String::new();
        let used = |nth: usize| rows.iter().any(|row| !row[nth].is_empty());
        let width = |nth: usize| {
            let cells = rows.iter().map(|row| columns(&row[nth]));
            cells.chain([columns(heads[nth])]).max().unwrap_or(0)
        };
        let columns_of: Vec<(usize, usize)> =
            (0..N).filter(|nth| used(*nth)).map(|nth| (nth, width(nth))).collect();
        let line = |cells: &dyn Fn(usize) -> String| {
            let padded = columns_of.iter().map(|(nth, width)| {
                let cell = cells(*nth);
                let pad = " ".repeat(width.saturating_sub(columns(&cell)));
                format!("{cell}{pad}")
            });
            let whole = padded.collect::<Vec<_>>().join("  ");
            let whole = whole.trim_end();
            self.out.room().map_or_else(|| whole.to_owned(), |room| cut(whole, room))
        };
        let head = line(&|nth| heads[nth].to_owned());
        let _ = writeln!(out, "{}", self.out.paint(Tone::Faint, &head));
        for row in rows {
            let _ = writeln!(out, "{}", line(&|nth| row[nth].clone()));
        }
        out
    }
}

pub(super) const NO_HOSTS: &str = "The fleet has no hosts. A file such as fleet/web.toml makes one:\n\n  \
                        address = \"web.example.org\"\n";

const HEADS: [&str; 7] = ["host", "address", "user", "port", "groups", "labels", "description"];

fn row(host: &Host) -> [String; 7] {
    [
        host.name.to_string(),
        host.address.clone(),
        host.user.clone().unwrap_or_default(),
        host.port.map(|port| port.to_string()).unwrap_or_default(),
        groups(host),
        labels(host),
        printable(host.description.as_deref().unwrap_or_default()),
    ]
}

fn groups(host: &Host) -> String {
    host.groups.iter().cloned().collect::<Vec<_>>().join(" ")
}

fn labels(host: &Host) -> String {
    let all = host.labels.iter().map(|(name, value)| format!("{name}={}", printable(value)));
    all.collect::<Vec<_>>().join(" ")
}

/// A host, a line for each thing that is known of it.
fn shown(host: &Host) -> String {
    let shell = host.shell.as_ref().map(|shell| match json!(shell) {
        Value::String(name) => name,
        _ => shell.argv().join(" "),
    });
    let all = [
        ("host", Some(host.name.to_string())),
        ("description", host.description.clone()),
        ("address", Some(host.address.clone())),
        ("port", host.port.map(|port| port.to_string())),
        ("user", host.user.clone()),
        ("jump", Some(host.jump.join(", "))),
        ("host_key", host.host_key.clone()),
        ("shell", shell),
        ("groups", Some(groups(host))),
        ("labels", Some(labels(host))),
    ];
    let said =
        all.into_iter().filter_map(|(name, value)| Some((name, value.filter(|v| !v.is_empty())?)));
    said.fold(String::new(), |mut text, (name, value)| {
        let _ = writeln!(text, "{name:11}  {}", printable(&value));
        text
    })
}
