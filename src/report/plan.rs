//! A plan for people: a line a step beside the picture of the graph, and what is not known before the run.

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;

use super::graph::{Graph, Kind, Link, Rail, Role, rails};
use super::lines::{columns, cut, one_line, wrapped};
use super::notes::notes;
use super::outlook::{Fate, Outlook, Rehearsed};
use super::text::{Paint, Tone, sign};
use crate::diagnostic::printable;
use crate::ids::StepId;
use crate::plan::{Clause, Origin, Plan, Step};
use crate::run::RunStatus;
use crate::value::readable;

/// More steps than this are listed without a picture: nobody could follow its lines.
const DRAWN: usize = 60;
/// The most columns that all ids are given; longer ones push their own line.
const NAME: usize = 20;
/// The least columns beside the picture.
const TEXT: usize = 24;

/// The plan as text of at most so many columns, where names and words let it. `exit` is the code of the rehearsal.
pub fn plan(
    plan: &Plan,
    graph: &Graph,
    ahead: &Outlook,
    exit: Option<u8>,
    paint: &dyn Paint,
    width: usize,
) -> String {
    let widest = [&plan.steps, &plan.finally].map(|steps| {
        let ids = steps.iter().map(|step| columns(step.id.as_str()));
        ids.max().unwrap_or(0).min(NAME)
    });
    let skipped = ahead.skipped.iter().map(|one| (&one.step, one.reason.as_str())).collect();
    let undecided = ahead.unknown.conditions.iter().map(|one| &one.step).collect();
    let mut fates: HashMap<&str, Vec<&Fate>> = HashMap::new();
    let rehearsed = ahead.rehearsal.as_ref().filter(|rehearsed| !rehearsed.failing.is_empty());
    for fate in rehearsed.iter().flat_map(|r| r.steps.iter().chain(&r.finally)) {
        let step = fate.id.split_once('[').map_or(fate.id.as_str(), |(step, _)| step);
        fates.entry(step).or_default().push(fate);
    }
    let out = String::new();
    let mut page = Page {
        out,
        plan,
        graph,
        ahead,
        rehearsed,
        paint,
        width,
        widest,
        skipped,
        undecided,
        fates,
    };
    page.head();
    page.steps();
    page.finally();
    page.clauses(false);
    match rehearsed.zip(exit) {
        Some((rehearsed, exit)) => page.verdict(rehearsed, exit),
        None => page.unknown(),
    }
    let digest = format!("digest {}", plan.digest());
    page.line(&paint.paint(Tone::Faint, &digest));
    page.out
}

struct Page<'p> {
    out: String,
    plan: &'p Plan,
    graph: &'p Graph,
    ahead: &'p Outlook,
    /// How the run goes, if some steps are to fail.
    rehearsed: Option<&'p Rehearsed>,
    paint: &'p dyn Paint,
    width: usize,
    /// The columns for the ids of the steps, and of those of `finally`.
    widest: [usize; 2],
    /// Why steps will be skipped.
    skipped: HashMap<&'p StepId, &'p str>,
    /// The steps with a condition that only the run can decide.
    undecided: HashSet<&'p StepId>,
    /// What becomes of the instances of each step.
    fates: HashMap<&'p str, Vec<&'p Fate>>,
}

impl Page<'_> {
    fn line(&mut self, text: &str) {
        let _ = writeln!(self.out, "{}", text.trim_end());
    }

    fn faint(&self, text: &str) -> String {
        self.paint.paint(Tone::Faint, text)
    }

    fn head(&mut self) {
        let name = self.plan.workflow.as_str();
        let about = self.plan.description.as_deref().map(one_line).unwrap_or_default();
        let one = columns(name) + 2 + columns(&about) <= self.width;
        let strong = self.paint.paint(Tone::Strong, name);
        if one {
            self.line(&format!("{strong}  {about}"));
        } else {
            self.line(&strong);
            wrapped(&about, self.width - 2).iter().for_each(|l| self.line(&format!("  {l}")));
        }
        let width = self.plan.params.keys().map(|n| n.as_str().len()).max().unwrap_or(0);
        for (name, param) in &self.plan.params {
            let from = match param.from {
                Origin::Given => "given",
                Origin::Default => "default",
            };
            let value = printable(&readable(&param.value));
            self.line(&format!("  {name:width$}  {value}  {}", self.faint(from)));
        }
        for guard in &self.plan.guards {
            let text = cut(&one_line(&guard.run.shown()), self.width.saturating_sub(30).max(TEXT));
            self.line(&format!("guard {}  {}", guard.id, self.faint(&text)));
        }
        self.clauses(true);
    }

    /// What should hold before, or after.
    fn clauses(&mut self, before: bool) {
        for (clause, text) in self.plan.clauses() {
            if matches!(clause, Clause::Pre(_)) == before {
                let text = cut(&one_line(text), self.width.saturating_sub(9).max(TEXT));
                self.line(&format!("{clause}  {}", self.faint(&text)));
            }
        }
    }

    fn steps(&mut self) {
        let count = self.plan.steps.len();
        if let Some(rails) = self.picture(false) {
            rails.iter().for_each(|rail| self.step(rail, true));
        } else {
            if count > DRAWN {
                let why = format!("{count} steps are too many to draw here: --format svg");
                self.line(&self.faint(&why));
            }
            let first = |wave: &&Vec<usize>| wave.iter().any(|n| !self.graph.nodes[*n].finally);
            for (at, wave) in self.graph.waves().iter().take_while(first).enumerate() {
                self.line(&self.faint(&format!("wave {}", at + 1)));
                wave.iter().for_each(|node| self.step(&bare(*node), false));
            }
        }
        if let Some(converge) = &self.plan.converge {
            let until = one_line(&converge.condition.shown());
            let often = converge.max_iterations;
            let text = format!("converge until {until}, at most {often} times more");
            wrapped(&text, self.width).iter().for_each(|line| self.line(line));
        }
    }

    fn finally(&mut self) {
        if self.plan.finally.is_empty() {
            return;
        }
        self.line(&self.faint("finally, whatever happened"));
        if let Some(rails) = self.picture(true) {
            rails.iter().for_each(|rail| self.step(rail, true));
        } else {
            let first = self.plan.steps.len();
            (first..self.graph.nodes.len()).for_each(|node| self.step(&bare(node), false));
        }
    }

    /// The picture, if there is something to see, somebody could follow it, and there is room for it.
    fn picture(&self, finally: bool) -> Option<Vec<Rail>> {
        let count = if finally { self.plan.finally.len() } else { self.plan.steps.len() };
        let within = |link: &&Link| {
            let [from, to] = [link.from, link.to].map(|node| self.graph.nodes[node].finally);
            from == finally && to == finally
        };
        self.graph.links.iter().find(within)?;
        let rails = (count <= DRAWN).then(|| rails(self.graph, finally))?;
        let widest = rails.iter().map(|rail| columns(&rail.below)).max().unwrap_or(0);
        (widest + TEXT <= self.width).then_some(rails)
    }

    fn of(&self, node: usize) -> &Step {
        let steps = &self.plan.steps;
        steps.get(node).unwrap_or_else(|| &self.plan.finally[node - steps.len()])
    }

    /// A step's line; what does not fit there comes below it.
    fn step(&mut self, rail: &Rail, drawn: bool) {
        let (sign, tone, does, notes) = self.said(rail.node, drawn);
        let node = &self.graph.nodes[rail.node];
        let id = format!("{:1$}", node.id, self.widest[usize::from(node.finally)]);
        let head = format!("{}{}{}  {id}", rail.before, self.paint.paint(tone, sign), rail.after);
        let used = columns(&rail.before) + 1 + columns(&rail.after) + 2 + columns(&id) + 2;
        let room = self.width.saturating_sub(used);
        let under = format!("{}    ", rail.below);
        let wide = self.width.saturating_sub(columns(&under)).max(TEXT / 2);
        let gap = if does.is_empty() { "" } else { "  " };
        let notes_fit = columns(&does) + gap.len() + columns(&notes) <= room;
        let does_fits = columns(&does) <= room || room >= TEXT;
        if notes_fit {
            self.line(&format!("{head}  {does}{gap}{}", self.faint(&notes)));
            return;
        }
        let beside = if does_fits { cut(&does, room) } else { String::new() };
        self.line(&format!("{head}  {beside}"));
        if !does_fits {
            self.line(&format!("{under}{}", cut(&does, wide)));
        }
        for line in wrapped(&notes, wide) {
            self.line(&format!("{under}{}", self.faint(&line)));
        }
    }

    /// A step's sign, what it does, and when; or what becomes of it if others fail as is asked.
    fn said(&self, node: usize, drawn: bool) -> (&'static str, Tone, String, String) {
        let step = self.of(node);
        if self.rehearsed.is_none() {
            let (sign, tone) = self.kind(node);
            let notes = notes(step, drawn, self.skipped.get(&step.id).copied(), self.road(node));
            return (sign, tone, self.graph.nodes[node].does.clone(), one_line(&notes));
        }
        let fates = self.fates(&step.id);
        let (sign, tone) = sign(fates.first().map_or("", |fate| fate.status.as_str()));
        let became: Vec<String> = fates.iter().map(|fate| became(fate)).collect();
        let became = match became.as_slice() {
            // A releaser has an instance for each attempt of its step: none, none.
            [] => "has nothing to do".to_owned(),
            all => all.join(", "),
        };
        (sign, tone, String::new(), one_line(&became))
    }

    /// What becomes of a step's instances.
    fn fates(&self, step: &StepId) -> &[&Fate] {
        self.fates.get(step.as_str()).map_or(&[], Vec::as_slice)
    }

    /// Which road leads to a step, if it is only run when that is taken.
    fn road(&self, node: usize) -> Option<String> {
        let (from, kind) = self.graph.nodes[node].road?;
        let from = &self.graph.nodes[from].id;
        Some(match kind {
            Kind::BranchSuccess => format!("the road if {from} passed"),
            Kind::BranchFailure => format!("the road if {from} failed"),
            _ => format!("instead of {from}, if it failed"),
        })
    }

    /// The sign of a step in a plan.
    fn kind(&self, node: usize) -> (&'static str, Tone) {
        let drawn = &self.graph.nodes[node];
        match drawn.role {
            _ if self.skipped.contains_key(&drawn.id) => ("-", Tone::Faint),
            Role::Unproven => ("~", Tone::Warn),
            Role::Asked => ("?", Tone::Warn),
            Role::Run if drawn.road.is_some() => ("○", Tone::Strong),
            Role::Run if self.undecided.contains(&drawn.id) => ("○", Tone::Strong),
            Role::Run => ("●", Tone::Strong),
        }
    }

    /// What only the run can tell.
    fn unknown(&mut self) {
        let unknown = &self.ahead.unknown;
        let mut rows: Vec<(&str, String)> = Vec::new();
        let mut by_step: HashMap<&StepId, Vec<String>> = HashMap::new();
        for output in &unknown.outputs {
            by_step
                .entry(&output.step)
                .or_default()
                .push(format!("{} ({})", output.name, output.kind));
        }
        for step in self.plan.steps.iter().chain(&self.plan.finally) {
            if let Some(outputs) = by_step.get(&step.id) {
                rows.push(("output", format!("{}: {}", step.id, outputs.join(", "))));
            }
        }
        for one in &unknown.conditions {
            rows.push(("condition", format!("{}: {}", one.step, one_line(&one.condition))));
        }
        for step in &unknown.durations {
            rows.push(("duration", format!("{step}: as long as it takes somebody")));
        }
        if rows.is_empty() {
            return;
        }
        self.line(&self.faint("not known before the run"));
        for (what, text) in rows {
            for (n, line) in wrapped(&text, self.width.saturating_sub(13)).iter().enumerate() {
                let what = if n == 0 { what } else { "" };
                self.line(&format!("  {}  {line}", self.faint(&format!("{what:9}"))));
            }
        }
    }

    /// How the run would end.
    fn verdict(&mut self, rehearsed: &Rehearsed, exit: u8) {
        let failing: Vec<String> = rehearsed.failing.iter().map(|id| format!("`{id}`")).collect();
        let word = match rehearsed.status {
            RunStatus::Passed => "passes",
            RunStatus::PassedWithFailures => "passes with failures",
            RunStatus::Failed => "fails",
            RunStatus::Blocked | RunStatus::Refused => "is blocked",
            RunStatus::Cancelled => "is cancelled",
            RunStatus::Waiting | RunStatus::Running => "waits",
        };
        let reason = rehearsed.reason.as_deref().map(|r| format!(": {}", one_line(r)));
        let verb = if failing.len() == 1 { "fails" } else { "fail" };
        let mut text = format!(
            "if {} {verb}, the run {word}{} (exit code {exit})",
            failing.join(" and "),
            reason.unwrap_or_default()
        );
        for id in &rehearsed.failing {
            let reached = |fate: &&Fate| !matches!(fate.status.as_str(), "skipped" | "unproven");
            if !self.fates(id).iter().any(reached) {
                let _ = write!(text, "; `{id}` is not reached");
            }
        }
        wrapped(&text, self.width).iter().for_each(|line| self.line(line));
        let mut granted = vec!["all else passes, the guards too".to_owned()];
        if !self.ahead.asked.is_empty() {
            granted.push("who is asked says passed".to_owned());
        }
        let held = rehearsed.assumed.iter();
        granted.extend(held.map(|one| format!("{}: {} holds", one.step, one_line(&one.condition))));
        let text = format!("taken for granted: {}", granted.join("; "));
        for line in wrapped(&text, self.width) {
            self.line(&self.faint(&line));
        }
    }
}

/// The line of a step without a picture.
fn bare(node: usize) -> Rail {
    Rail { node, before: "  ".to_owned(), after: String::new(), below: "  ".to_owned() }
}

/// What became of a step, in words.
fn became(fate: &Fate) -> String {
    let key = fate.id.find('[').map(|at| &fate.id[at..]).unwrap_or_default();
    let key = if key.is_empty() { String::new() } else { format!("{key} ") };
    match &fate.reason {
        Some(reason) => format!("{key}{}: {reason}", fate.status),
        None => format!("{key}{}", fate.status),
    }
}
