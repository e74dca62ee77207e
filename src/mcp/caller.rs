//! Who asks, and where: always an agent, whatever it calls itself.

use std::path::Path;
use std::time::Duration;

use crate::ids::MAX_NAME;
use crate::ops::{Act, Error, Workspace, is_another};
use crate::run::{Actor, ActorKind};

/// Whoever asks.
pub(super) struct Caller<'c> {
    /// The workspace, as it is now.
    pub(super) workspace: Workspace,
    /// The folder of the session.
    pub(super) cwd: &'c Path,
    /// The agent's name.
    pub(super) name: String,
}

impl Caller<'_> {
    /// In whose name something is done, and for how long a step is wanted.
    pub(super) fn act(&self, lease: Option<Duration>) -> Act {
        Act::of(Actor { kind: ActorKind::Agent, name: self.name.clone() }, lease)
    }
}

/// The name that a session was given: by `--as`, else by the environment, as that names the agent who acts here.
pub fn named(option: Option<&str>, here: Option<String>) -> Result<Option<String>, Error> {
    let agent = |text: &str| match text.split_once(':') {
        None => Some(text.to_owned()),
        Some(("agent", name)) => Some(name.to_owned()),
        Some(_) => None,
    };
    let Some(text) = option.filter(|text| here.is_none() || *text != "agent") else {
        return Ok(here);
    };
    let name = agent(text).as_deref().and_then(clean).ok_or_else(|| {
        let why = format!("`{text}` is no agent's name, and nobody else acts here: --as NAME");
        Error::NotNow(why)
    })?;
    match here.filter(|own| *own != name) {
        Some(own) => Err(is_another(&own)),
        None => Ok(Some(name)),
    }
}

/// A name as it may be recorded; none where nothing of it can be.
pub(super) fn clean(name: &str) -> Option<String> {
    let usual = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
    let kept = |c: char| if usual(c) { c } else { '-' };
    let name: String = name.trim().chars().take(MAX_NAME).map(kept).collect();
    let name = name.trim_matches('-');
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_an_agents() {
        let named = |option, here: Option<&str>| named(option, here.map(str::to_owned)).unwrap();
        assert_eq!(named(Some("coder"), None), Some("coder".into()));
        assert_eq!(named(Some("agent:coder"), None), Some("coder".into()));
        assert_eq!(named(None, Some("x")), Some("x".into()));
        assert_eq!(named(Some("agent:x"), Some("x")), Some("x".into()));
        assert_eq!(named(Some("agent"), Some("x")), Some("x".into()));
        assert_eq!((named(Some("agent"), None), named(None, None)), (Some("agent".into()), None));
        assert!(super::named(Some("y"), Some("x".into())).is_err());
        assert!(super::named(Some("human:alice"), None).is_err());
        assert!(super::named(Some(" "), None).is_err());
    }

    #[test]
    fn what_clients_call_themselves_is_made_a_name() {
        assert_eq!(clean("Claude Code"), Some("Claude-Code".into()));
        assert_eq!(clean("a\u{1b}[2J\n"), Some("a--2J".into()));
        assert_eq!(clean("\u{202e}é"), None);
        assert_eq!(clean(&"x".repeat(1000)).unwrap().len(), MAX_NAME);
    }
}
