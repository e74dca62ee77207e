//! Attesting what should hold before a run or after it: words, which somebody stands for under their name.

use super::super::{Error, Workspace};
use super::Act;
use super::desk::{Desk, Wish};
use crate::plan::Clause;
use crate::report::brief::Brief;
use crate::run::{Event, Run};

/// Records that somebody says that these conditions hold: all of them, or none if one cannot be attested now. What
/// they said before is not recorded again, unless they note something else.
pub fn attest(
    workspace: &Workspace,
    run: Option<&str>,
    clauses: &[String],
    note: Option<&str>,
    act: &Act,
) -> Result<Brief, Error> {
    let mut desk = Desk::at(workspace, run, act)?;
    let attested = desk.change(Wish { what: "attest", step: "", token: None }, |tx| {
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

/// The conditions of these names, or all that is wrong with them.
fn named(run: &Run, clauses: &[String]) -> Result<Vec<Clause>, String> {
    if clauses.is_empty() {
        return Err("say which condition: pre-1, …".to_owned());
    }
    let one = |text: &String| -> Result<Clause, String> {
        let clause = text.parse().map_err(|why| format!("`{text}`: {why}"))?;
        run.may_attest(clause).map(|()| clause)
    };
    let (named, wrong): (Vec<_>, Vec<_>) = clauses.iter().map(one).partition(Result::is_ok);
    let wrong: Vec<String> = wrong.into_iter().filter_map(Result::err).collect();
    if wrong.is_empty() {
        return Ok(named.into_iter().flatten().collect());
    }
    Err(wrong.join("; "))
}
