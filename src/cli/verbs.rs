//! What `ostler` alone says: the verbs there are, and the runs that wait.

use std::fmt::Write as _;

use serde_json::json;

use super::args::Format;
use super::list::ITS_ENGINE_DIED;
use super::{Context, Exit};
use crate::diagnostic::printable;
use crate::ops::{self, Engine, Error, Offered, Open};
use crate::report::lines::{cut, one_line};
use crate::report::{Paint, Tone};
use crate::workflow::Param;

/// The widest that the names of verbs may make their column.
const NAMES: usize = 32;

impl Context {
    pub(super) fn verbs(&self, format: Format) -> Result<Exit, Error> {
        let verbs = ops::offered(&self.workspace)?;
        let open = ops::open_runs(&self.workspace)?;
        match format {
            Format::Json => self.print(&format!("{:#}\n", as_json(&verbs, &open))),
            Format::Text => self.print(&self.listing(&verbs, &open)),
        }
        Ok(Exit::Passed)
    }

    pub(super) fn listing(&self, verbs: &[Offered], open: &[Open]) -> String {
        let mut out = String::new();
        if verbs.is_empty() && !self.workspace.exists() {
            let _ = writeln!(out, "{}\n  ostler --help      all commands", super::names::NOWHERE);
        } else if verbs.is_empty() {
            let _ = writeln!(
                out,
                "There are no verbs in {}.\n\n  ostler init        begin a workspace here\n  \
                 ostler new greet   write workflows/greet.toml, a verb that runs\n  ostler --help      \
                 all commands",
                self.workspace.root.join("workflows").display()
            );
        }
        let names: Vec<String> = verbs.iter().map(called).collect();
        let widths = names.iter().map(|n| n.chars().count());
        let width = widths.filter(|w| *w <= NAMES).max().unwrap_or(0);
        for (verb, name) in verbs.iter().zip(&names) {
            let about = match verb.errors {
                0 => printable(verb.about.as_deref().unwrap_or_default()),
                1 => format!("1 error: ostler check {}", verb.name),
                n => format!("{n} errors: ostler check {}", verb.name),
            };
            let room = self.out.width.saturating_sub(width.max(name.chars().count()) + 4);
            let about = cut(about.lines().next().unwrap_or_default(), room);
            let tone = if verb.errors == 0 { Tone::Faint } else { Tone::Bad };
            let line = format!(
                "  {}{}  {}",
                self.out.paint(Tone::Strong, name),
                " ".repeat(width.saturating_sub(name.chars().count())),
                self.out.paint(tone, &about)
            );
            let _ = writeln!(out, "{}", line.trim_end());
        }
        for (nth, run) in open.iter().enumerate() {
            let _ = write!(out, "{}{}", if nth == 0 { "\n" } else { "" }, self.waiting(run));
        }
        out
    }

    /// A run that somebody must go on with, and the command for it.
    fn waiting(&self, open: &Open) -> String {
        let run = &open.summary;
        let head = |what: &str| {
            let what = self.out.paint(Tone::Warn, what);
            format!("  {} {} {what}\n", self.out.paint(Tone::Warn, "!"), run.workflow)
        };
        let command = |words: &str| format!("      {}\n", self.out.paint(Tone::Faint, words));
        if open.engine == Some(Engine::Dead) {
            let owes = if run.owes_finally { ", and it owes its `finally`" } else { "" };
            let what = format!("{ITS_ENGINE_DIED}{owes}");
            return head(&what) + &command(&format!("ostler runs resume {}", run.id));
        }
        let vetoes = run.vetoes.iter().map(|veto| {
            let what = format!("vetoed by {}: {}", veto.by, one_line(&veto.note));
            head(&what) + &command(&format!("ostler runs show {}", run.id))
        });
        if !run.vetoes.is_empty() {
            return vetoes.collect();
        }
        if open.hands.stepped && open.engine.is_none() {
            return self.in_hands(&run.workflow, run.id.as_str(), &open.hands);
        }
        match open.hands.asked.as_slice() {
            [] if open.engine.is_some() => {
                let what = self.out.paint(Tone::Strong, "▸");
                format!("  {what} {} runs\n", run.workflow)
                    + &command(&format!("ostler runs watch {}", run.id))
            }
            [] => head("waits") + &command(&format!("ostler runs show {}", run.id)),
            asked => asked
                .iter()
                .map(|step| {
                    head(&format!("waits for somebody: {step}"))
                        + &command(&format!("ostler step show {} {step}", run.id))
                })
                .collect(),
        }
    }
}

/// A verb's name with what must be given to it.
fn called(verb: &Offered) -> String {
    let params = verb.params.iter().filter_map(shown);
    std::iter::once(verb.name.clone()).chain(params).collect::<Vec<_>>().join(" ")
}

/// A param in a line of usage; none if it may be left out and has a name of its own.
fn shown(param: &Param) -> Option<String> {
    let value = param.value_name();
    let more = if param.kind.list { "…" } else { "" };
    match (param.positional, param.is_required()) {
        (true, true) => Some(format!("{value}{more}")),
        (true, false) => Some(format!("[{value}{more}]")),
        (false, true) => Some(format!("--{} {value}", param.name.as_str())),
        (false, false) => None,
    }
}

fn as_json(verbs: &[Offered], open: &[Open]) -> serde_json::Value {
    let param = |param: &Param| {
        json!({
            "name": param.name.as_str(), "type": param.kind.to_string(), "help": param.help,
            "default": param.default.as_ref().map(|d| &d.value), "required": param.is_required(),
            "positional": param.positional,
            "values": param.values.iter().map(|v| v.as_str()).collect::<Vec<_>>(),
        })
    };
    let verb = |verb: &Offered| {
        json!({
            "verb": verb.name, "about": verb.about, "file": verb.file, "errors": verb.errors,
            "params": verb.params.iter().map(param).collect::<Vec<_>>(),
        })
    };
    let run = |open: &Open| {
        json!({
            "run": open.summary.id, "workflow": open.summary.workflow, "asked": open.hands.asked,
            "interrupted": open.engine == Some(Engine::Dead), "owes_finally": open.summary.owes_finally,
            "vetoes": open.summary.vetoes, "hands": open.hands,
        })
    };
    let runs = |open: &&Open| open.engine == Some(Engine::Alive);
    json!({
        "verbs": verbs.iter().map(verb).collect::<Vec<_>>(),
        "waiting": open.iter().filter(|open| !runs(open)).map(run).collect::<Vec<_>>(),
        "running": open.iter().filter(runs).map(run).collect::<Vec<_>>(),
    })
}
