//! Refusals: each is recorded in its run and told, in so many words and no more.

use super::Error;
use super::step::Act;
use crate::diagnostic::printable;
use crate::exec;
use crate::run::Event;
use crate::store::{self, Append, Journal, Store};

/// How much is repeated of a name that somebody typed, in characters.
const TYPED: usize = 100;
/// How much is recorded and told of a reason, in bytes.
const REASON: usize = 4 * 1024;

/// An attempt at something, for the record of its refusal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wish<'a> {
    /// What: `take`, `report`, `run`, `release` and so on.
    pub(super) what: &'static str,
    /// Of which step, as it was typed; empty where it is of none.
    pub(super) step: &'a str,
    /// The token that was shown.
    pub(super) token: Option<u64>,
}

impl Wish<'_> {
    /// An attempt at something that is of no step.
    pub(super) fn of_run(what: &'static str) -> Self {
        Self { what, step: "", token: None }
    }
}

/// Records that something was refused: what whoever wanted it is told.
pub(super) fn refused(
    tx: &mut Append<'_>,
    wish: Wish<'_>,
    why: &str,
) -> Result<Error, store::Error> {
    let reason = bounded(why);
    let event = Event::Refused {
        what: wish.what.to_owned(),
        step: typed(wish.step),
        reason: reason.clone(),
        token: wish.token,
    };
    tx.record(event, None)?;
    Ok(Error::Refusal(reason))
}

/// Refuses whoever says that they are somebody whom they cannot be, in whatever state the run is.
pub(super) fn posing(
    store: &mut Store,
    journal: &mut Journal,
    act: &Act,
    wish: Wish<'_>,
) -> Result<(), Error> {
    let Some(why) = act.poses() else { return Ok(()) };
    let error = store.append(journal, &act.actor, exec::now, |tx| refused(tx, wish, why))?;
    store.force()?;
    Err(error)
}

/// A name that somebody typed, as it is repeated.
pub(super) fn typed(name: &str) -> String {
    printable(&name.chars().take(TYPED).collect::<String>()).chars().take(TYPED).collect()
}

fn bounded(reason: &str) -> String {
    let end = reason.floor_char_boundary(REASON);
    let more = if end < reason.len() { "…" } else { "" };
    format!("{}{more}", &reason[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_a_name_nor_a_reason_is_repeated_at_any_length() {
        assert_eq!((typed("pre-1"), bounded("no")), ("pre-1".to_owned(), "no".to_owned()));
        assert_eq!(typed(&"é\u{1b}".repeat(1_000)).chars().count(), TYPED);
        let long = bounded(&"é".repeat(REASON));
        assert!(long.ends_with("é…") && long.len() <= REASON + "…".len());
    }
}
