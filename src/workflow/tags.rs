//! The format's enumerations: words that an author picks from a fixed list.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A word from a fixed list.
pub trait Tag: Sized + Copy + 'static {
    /// The words and what they stand for.
    const WORDS: &'static [(&'static str, Self)];
    /// What the list is of, for messages.
    const WHAT: &'static str;
}

macro_rules! tags {
    ($($(#[$doc:meta])* $type:ident $what:literal { $($(#[$vdoc:meta])* $variant:ident,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
        pub enum $type { $($(#[$vdoc])* $variant,)* }

        impl Tag for $type {
            const WORDS: &'static [(&'static str, Self)] = &[$((stringify!($variant), Self::$variant)),*];
            const WHAT: &'static str = $what;
        }

        impl std::fmt::Display for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(match self { $(Self::$variant => stringify!($variant)),* })
            }
        }
    )*};
}

tags! {
    /// Who may do a step and report it.
    Actor "an actor" {
        /// Only a person.
        Human,
        /// An agent, or the engine on its behalf.
        Agent,
        /// Either.
        Both,
    }
    /// When an edge holds.
    EdgeKind "an edge's kind" {
        /// However the other step ended.
        Always,
        /// Only if it passed.
        OnSuccess,
        /// Only if it failed.
        OnFailure,
    }
    /// How several edges combine.
    Join "a join" {
        /// Every edge must hold.
        All,
        /// One holding edge is enough, once all have ended.
        Any,
    }
    /// What a step may do to the world, from least to most.
    Effect "an effect" {
        /// It only looks.
        Read,
        /// It may change things.
        Write,
        /// It may restart the machine.
        Reboot,
    }
    /// Whether steps also follow the order of the file.
    Order "an order" {
        /// Only the edges count.
        Graph,
        /// Each step needs the one before it.
        Sequential,
    }
    /// How a workflow relates to the one of the same name in the parent.
    Strategy "a strategy" {
        /// It stands on its own.
        Override,
        /// The parent's is used.
        Delegate,
        /// Both are merged; the lower level wins.
        Merge,
        /// The steps named in `extends` come from the parent.
        Compose,
    }
    /// Which steps `converge` runs again.
    ConvergeStrategy "a converge strategy" {
        /// The failed ones and all that depends on them.
        RetryFailed,
        /// All of them.
        RetryAll,
    }
    /// What a failing guard does.
    Severity "a severity" {
        /// The run is blocked.
        Block,
        /// It is said, and the run goes on.
        Warn,
    }
    /// What follows a failure.
    ErrorTag "an error strategy" {
        /// Nothing new starts; the run fails.
        Stop,
        /// It is recorded, and the run goes on.
        Continue,
        /// The step is tried again.
        Retry,
        /// Another step stands in for it.
        Fallback,
        /// Another road is taken.
        Branch,
    }
    /// What becomes of a command on a host when the connection to it ends.
    OnDisconnect "an answer to a lost connection" {
        /// It is ended, with all it started.
        Kill,
        /// It goes on, and is attached to again.
        Keep,
    }
    /// What becomes of a step that ran when the engine died.
    Interrupt "an answer to an interruption" {
        /// Somebody is asked.
        Ask,
        /// It is run again.
        Rerun,
        /// It failed.
        Fail,
    }
}

/// The names of what an attempt can end with, as written in `on_error.on` and shown in reports.
pub const OUTCOMES: &[&str] = &[
    "exited",
    "signaled",
    "timed_out",
    "stalled",
    "failed",
    "could_not_start",
    "unreachable",
    "refused",
    "host_key_unknown",
    "host_key_changed",
    "auth_failed",
    "no_shell",
    "host_disk_full",
    "check_failed",
    "bad_output",
    "interrupted",
    "lost",
];

impl Default for Effect {
    /// What the format takes a workflow for that does not say.
    fn default() -> Self {
        Self::Write
    }
}
