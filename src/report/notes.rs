//! What a plan says of a step beside what it runs: where, over what, when, and what follows its failure.

use super::lines::one_line;
use crate::expr::Template;
use crate::plan::{Action, Fan, Items, On, Step, shown_sources};
use crate::workflow::{Batch, EdgeKind, Join, OnError};

/// How many items or hosts are named; of more, the first ones and the number.
const NAMED: usize = 6;

/// When a step runs, and what follows its failure. Where the picture shows what it waits for, names are left out.
pub(super) fn notes(
    step: &Step,
    drawn: bool,
    skipped: Option<&str>,
    road: Option<String>,
) -> String {
    let mut notes: Vec<String> = Vec::new();
    if let Some(why) = skipped {
        notes.push(format!("will be skipped: {why}"));
    }
    notes.extend(road);
    notes.extend(place(step));
    if let Some(Action::Call(call)) = &step.run {
        notes.push(call.inside());
    }
    notes.extend(step.unmet.iter().map(|why| format!("cannot be tried: {why}")));
    let kinds = [EdgeKind::Always, EdgeKind::OnSuccess, EdgeKind::OnFailure];
    let of = |kind: EdgeKind| step.edges.iter().filter(move |edge| edge.kind == kind);
    let uniform = kinds.iter().filter(|kind| of(**kind).count() > 0).count() == 1;
    let joined = match (step.edges.len(), step.join) {
        (0 | 1, _) => "",
        (_, Join::All) => "all ",
        (_, Join::Any) => "one ",
    };
    for kind in kinds.into_iter().filter(|kind| of(*kind).count() > 0) {
        let names: Vec<&str> = of(kind).map(|edge| edge.step.as_str()).collect();
        let names = names.join(", ");
        let ended = match kind {
            EdgeKind::Always => "ended",
            EdgeKind::OnSuccess => "passed",
            EdgeKind::OnFailure => "failed",
        };
        match (kind, drawn && uniform) {
            (EdgeKind::Always, true) if joined != "one " => {}
            (_, true) => notes.push(format!("if {joined}{ended}")),
            (EdgeKind::Always, false) => notes.push(format!("after {names}")),
            (_, false) => notes.push(format!("if {ended}: {names}")),
        }
    }
    let conditions = step.edges.iter().filter_map(|edge| edge.condition.as_ref());
    let conditions = conditions.chain(step.when.iter().map(|when| &when.condition));
    if skipped.is_none() {
        notes.extend(conditions.map(|text| format!("when {}", text.value)));
    }
    let retry = match &step.on_error {
        OnError::Retry(retry) if retry.max == 1 => "1 more try, then ".to_owned(),
        OnError::Retry(retry) => format!("{} more tries, then ", retry.max),
        _ => String::new(),
    };
    let then = match step.on_error.finally() {
        OnError::Stop | OnError::Retry(_) if retry.is_empty() => None,
        OnError::Stop | OnError::Retry(_) => Some("stop".to_owned()),
        OnError::Continue => Some("go on".to_owned()),
        OnError::Fallback { target } => Some(format!("{} instead", target.value)),
        OnError::Branch { target, .. } => Some(format!("take {}", target.value)),
    };
    notes.extend(then.map(|then| format!("failure: {retry}{then}")));
    let secrets = step.secrets.iter();
    notes.extend(secrets.map(|(name, from)| format!("secret {name} from {}", shown_sources(from))));
    notes.extend(step.release.iter().map(|release| format!("released by {release}")));
    notes.join(", ")
}

/// Where a step runs, and over what it fans out.
fn place(step: &Step) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(fan) = &step.fan {
        let over = match &fan.items {
            Items::Hosts(hosts) => {
                format!("on {}", few(hosts.iter().map(ToString::to_string)))
            }
            Items::Each(all) => format!("for each of {}", few(all.iter().map(Template::shown))),
            Items::Of(found) => format!("for each of {}", found.braced()),
        };
        notes.push(one_line(&over));
        notes.extend(how(fan));
    }
    if let Some(on) = step.on.as_ref().filter(|on| **on != On::Item) {
        notes.push(format!("on {}", one_line(&on.shown())));
    }
    notes
}

fn few(all: impl ExactSizeIterator<Item = String>) -> String {
    let count = all.len();
    let named: Vec<String> = all.take(NAMED).collect();
    let more = if count > NAMED { format!(", … ({count})") } else { String::new() };
    if count == 0 { "nothing".to_owned() } else { format!("{}{more}", named.join(", ")) }
}

/// How a step fans out.
fn how(fan: &Fan) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend((fan.canary > 0).then(|| format!("{} first", fan.canary)));
    notes.extend(fan.batch.map(|batch| match batch {
        Batch::Count(n) => format!("{n} together"),
        Batch::Percent(share) => format!("{share}% together"),
    }));
    notes.extend(fan.concurrency.map(|n| format!("{n} at once")));
    notes.extend(match fan.max_failures {
        Some(0) => None,
        Some(n) => Some(format!("at most {n} may fail")),
        None => Some("all are tried".to_owned()),
    });
    notes
}
