//! Attesting what should hold before a run or after it: words, which somebody stands for under their name.

use super::super::refusal::{Wish, typed};
use super::super::{Error, Workspace};
use super::Act;
use super::desk::Desk;
use crate::plan::Clause;
use crate::report::brief::Brief;
use crate::run::{Event, Run};

/// Of how many conditions it is told why they cannot be attested.
const TOLD: usize = 5;

/// Records that somebody says that these conditions hold: all of them, or none if one cannot be attested now. What
/// they said before is not recorded again, unless they note something else.
pub fn attest(
    workspace: &Workspace,
    run: Option<&str>,
    clauses: &[String],
    note: Option<&str>,
    act: &Act,
) -> Result<Brief, Error> {
    let wish = Wish::of_run("attest");
    let mut desk = Desk::at(workspace, run, act, wish)?;
    let attested = desk.change(wish, |tx| {
        let named = match named(tx.run(), clauses) {
            Ok(named) => named,
            Err(reason) => return Ok(Err(reason)),
        };
        for clause in &named {
            if !tx.run().has_attested(&act.actor, *clause, note) {
                let note = note.map(str::to_owned);
                tx.record(Event::Attested { clause: *clause, note }, None)?;
            }
        }
        Ok(Ok(named))
    })?;
    let attested = attested.iter().map(ToString::to_string).collect();
    Ok(Brief { attested, ..desk.settle()?.brief(None) })
}

/// The conditions of these names, each once, or what is wrong with them.
fn named(run: &Run, clauses: &[String]) -> Result<Vec<Clause>, String> {
    if clauses.is_empty() {
        return Err("say which condition: pre-1, …".to_owned());
    }
    let all = run.plan().clauses().count();
    if clauses.len() > all.max(1) {
        let (given, id) = (clauses.len(), run.id());
        return Err(format!(
            "{given} conditions are named, and run {id} has {all}: name each once"
        ));
    }
    let one = |text: &String| -> Result<Clause, String> {
        let clause = text.parse().map_err(|why| format!("`{}`: {why}", typed(text)))?;
        run.may_attest(clause).map(|()| clause)
    };
    let (mut named, mut wrong) = (Vec::new(), Vec::new());
    for clause in clauses.iter().map(one) {
        match clause {
            Ok(clause) if named.contains(&clause) => {}
            Ok(clause) => named.push(clause),
            Err(why) => wrong.push(why),
        }
    }
    if wrong.is_empty() {
        return Ok(named);
    }
    let more = match wrong.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    wrong.truncate(TOLD);
    Err(wrong.join("; ") + &more)
}
