//! A brief as text: for language models, and in colours for people.

use super::{Awaited, Brief, Last, Wait, Work};
use crate::diagnostic::printable;
use crate::plan::quoted;
use crate::report::data::shown;
use crate::report::lines::{cut, one_line};
use crate::report::text::{Paint, Plain, Tone, sign, words};
use crate::report::{ActorReport, ClauseReport};
use crate::value::readable;

/// How many lines of a command or a note are shown, and how many other steps.
const SHOWN: usize = 20;
const NAMED: usize = 5;
/// How many columns of a value are shown.
const VALUE: usize = 400;

impl Brief {
    /// It as text, in which nothing acts or is unseen.
    pub fn text(&self) -> String {
        shown(self.painted(&Plain).as_bytes(), usize::MAX, false).text
    }

    /// The same text in colours.
    pub fn painted(&self, paint: &dyn Paint) -> String {
        let mut lines = vec![self.head(paint)];
        let veto = |veto: &String| {
            let then = if self.status.is_final() { "" } else { "; nothing new begins" };
            format!("{} {veto}{then}", paint.paint(Tone::Bad, "VETO"))
        };
        lines.extend(self.vetoes.iter().map(veto));
        let mut say = |label: &str, text: &str| lines.push(labelled("", label, text, paint));
        // Who has just acted knows what the run is for.
        let task = self.task.iter().filter(|_| self.last.is_none() && self.attested.is_empty());
        task.for_each(|task| say("task", task));
        let clause = |one: &ClauseReport| format!("{}: {}", one.name, one.text);
        self.preconditions.iter().for_each(|one| say("make sure first", &clause(one)));
        let attest = |all: &[ClauseReport]| self.attest.clone().filter(|_| !all.is_empty());
        attest(&self.preconditions).iter().for_each(|call| say("if that is so", call));
        if !self.attested.is_empty() {
            lines.push(format!("{} attested", self.attested.join(", ")));
        }
        lines.extend(self.last.iter().flat_map(|last| last.lines(paint)));
        let told = self.last.as_ref().map(|last| last.step.as_str());
        lines.extend(self.step.iter().flat_map(|step| step.lines(&self.run, told, paint)));
        let mut say = |label: &str, text: &str| lines.push(labelled("", label, text, paint));
        if !self.also.is_empty() {
            say("also open to you", &few(&self.also, ", "));
        }
        let waits: Vec<String> = self.waits.iter().map(|wait| wait.text(&self.run)).collect();
        if !waits.is_empty() {
            say("waits", &few(&waits, "; "));
        }
        self.postconditions.iter().for_each(|one| say("make sure now", &clause(one)));
        attest(&self.postconditions).iter().for_each(|call| say("if that is so", call));
        if let Some(call) = &self.again {
            say("once it is mended, run what did not pass again", call);
        }
        if let Some(call) = &self.next {
            let after = "nothing for you now; once that is done";
            say(if self.status.is_final() { "its report" } else { after }, call);
        }
        lines.join("\n") + "\n"
    }

    fn head(&self, paint: &dyn Paint) -> String {
        let (word, tone) = words(self.status);
        let what = format!("run {} of {}", self.run, paint.paint(Tone::Strong, &self.verb));
        if !self.status.is_final() {
            return format!("{what}: {} of {} steps done", self.done, self.steps);
        }
        let why = self.reason.as_ref().map(|why| format!(": {}", one_line(why)));
        format!("{what} {}{}", paint.paint(tone, word), why.unwrap_or_default())
    }
}

impl Wait {
    fn text(&self, run: &str) -> String {
        let (step, until) = (&self.step, self.until.as_deref().unwrap_or_default());
        match self.what {
            Awaited::Person => {
                format!(
                    "{step}, which only a person may do: tell one, who sees it by ostler step next {run}"
                )
            }
            Awaited::Holder => {
                let by = self.by.as_ref().map_or_else(|| "somebody".to_owned(), ActorReport::shown);
                format!("{step}, which {by} holds until {}", clock(until))
            }
            Awaited::Time => format!("{step}, which is tried again from {}", second(until)),
            Awaited::Engine => format!("{step}, which the engine runs"),
            Awaited::Lock => {
                format!("{step}, which needs {}", self.lock.as_deref().unwrap_or("a lock"))
            }
            Awaited::Answer => {
                format!("{step}, which may have run: see ostler step show {run} {}", quoted(step))
            }
        }
    }
}

impl Last {
    fn lines(&self, paint: &dyn Paint) -> Vec<String> {
        let (_, tone) = sign(&self.status);
        let again = if self.again { ", and is tried again" } else { "" };
        let why = self.why.as_ref().map(|why| format!(": {}", one_line(why))).unwrap_or_default();
        let status = paint.paint(tone, &self.status);
        let mut lines =
            vec![format!("{} {status}{again}{why}", paint.paint(Tone::Strong, &self.step))];
        lines.extend(self.outputs.iter().map(|(name, value)| format!("  {}", given(name, value))));
        lines.extend(self.output.clone());
        lines
    }
}

impl Work {
    /// `told` is the step of which its reader was told already what became of it.
    fn lines(&self, run: &str, told: Option<&str>, paint: &dyn Paint) -> Vec<String> {
        let attempt = self.attempt.map(|n| format!(", attempt {n}")).unwrap_or_default();
        let held = self.until.as_deref().map(|until| format!(", yours until {}", clock(until)));
        let more = paint.paint(Tone::Faint, &format!("{attempt}{}", held.unwrap_or_default()));
        let free = if self.calls.take.is_some() { ", held by nobody" } else { "" };
        let more = format!("{}{more}", paint.paint(Tone::Faint, free));
        let mut lines = vec![format!("step {}{more}", paint.paint(Tone::Strong, &self.id))];
        let mut say = |label: &str, text: &str| lines.push(labelled("  ", label, text, paint));
        let mut each = |label: &str, all: &[String]| all.iter().for_each(|text| say(label, text));
        each("do", self.action.as_slice());
        each("note", self.note.as_slice());
        each("why", self.reason.as_slice());
        let before = self.before.as_slice().iter().filter(|_| told != Some(self.id.as_str()));
        each("before", &before.map(|why| one_line(why)).collect::<Vec<_>>());
        each("after", &self.after.iter().map(|note| one_line(note)).collect::<Vec<_>>());
        each("on", self.host.as_slice());
        each("in", self.folder.as_slice());
        let all = |text: &String| shortened(text, &format!("ostler step show {run} {}", self.id));
        each("runs", &self.runs.iter().map(all).collect::<Vec<_>>());
        let with = self.with.iter().map(|(name, value)| given(name, value));
        each("with", &with.collect::<Vec<_>>());
        each("passes if", &self.passes);
        if !self.forbidden.is_empty() {
            each("do not", &[self.forbidden.join("; ")]);
        }
        let calls = &self.calls;
        let or = |what: &str| format!("{}{what}", if calls.run.is_some() { "or " } else { "" });
        each("run and report it", calls.run.as_slice());
        each(&or("take it"), calls.take.as_slice());
        each(&or("report a pass"), calls.pass.as_slice());
        match (&calls.pass, &calls.fail) {
            (Some(_), Some(_)) => say("or a failure", "the same, but --status fail --note WHY"),
            (None, Some(fail)) => say(&or("report a failure"), fail),
            (_, None) => {}
        }
        lines
    }
}

/// A text behind its label; one of several lines in lines below it.
fn labelled(indent: &str, label: &str, text: &str, paint: &dyn Paint) -> String {
    let label = paint.paint(Tone::Faint, &format!("{label}:"));
    let text = text.trim_end();
    if !text.contains('\n') {
        return format!("{indent}{label} {}", one_line(text));
    }
    let line = |line: &str| {
        let line = printable(&line.replace('\t', "    "));
        format!("\n{indent}  {}", line.trim_end())
    };
    let lines: String = text.lines().map(line).collect();
    format!("{indent}{label}{lines}")
}

/// The first lines of a text, and where the others are.
fn shortened(text: &str, whole: &str) -> String {
    let lines: Vec<&str> = text.trim_end().lines().collect();
    if lines.len() <= SHOWN {
        return text.to_owned();
    }
    let (first, others) = lines.split_at(SHOWN);
    format!("{}\n… and {} more lines: {whole}", first.join("\n"), others.len())
}

/// A value by its name, which may be long.
fn given(name: &str, value: &serde_json::Value) -> String {
    format!("{name} = {}", cut(&one_line(&readable(value)), VALUE))
}

/// The first of many, and how many others there are.
fn few(all: &[String], between: &str) -> String {
    let named = all.iter().take(NAMED).cloned().collect::<Vec<_>>().join(between);
    let others = all.len().saturating_sub(NAMED);
    if others == 0 { named } else { format!("{named}{between}and {others} more") }
}

/// A moment to the second, which is early enough.
fn second(at: &str) -> String {
    at.split_once('.').map_or_else(|| at.to_owned(), |(second, _)| format!("{second}Z"))
}

/// The same within the next day, as a lease's end is.
fn clock(at: &str) -> String {
    let second = second(at);
    let time = second.split_once('T').and_then(|(_, time)| time.strip_suffix('Z'));
    time.map_or(second.clone(), |time| format!("{time} UTC"))
}
