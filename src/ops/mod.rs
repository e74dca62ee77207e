//! One function for each thing a user can do. The surfaces call these and print.

mod act;
mod call;
mod diff;
mod doctor;
mod export;
mod facts;
mod fleet;
mod hands;
mod list;
mod new;
mod offered;
mod output;
mod probe;
mod prune;
mod recheck;
mod refusal;
mod retry;
mod signature;
mod start;
mod step;
mod subject;
mod typed;
mod verbs;
mod verify;
mod veto;
mod which;
mod workspace;

pub use act::{Said, answer, cancel, is_moving, resume, watch};
pub use call::call;
pub use diff::diff;
pub use doctor::{Finding, Health, doctor};
pub use export::{Exported, export};
pub use fleet::{fleet, read_fleet};
pub use hands::{Hands, Held, few};
pub use list::{Engine, Listed, Wanted, list};
pub use new::{Language, init, new_verb};
pub use offered::{Offered, Open, offered, open_runs};
pub use output::{Growing, Piece, attempt, output, output_end, output_from};
pub use probe::{Probed, probe};
pub use prune::{Pruned, count, keep, pause, prune, unkeep, unpause};
pub use recheck::{Claim, Claims, Standing, recheck};
pub use retry::{Again, Retry, again, retry};
pub use start::{Session, StartOptions, start};
pub use step::{
    Act, Reported, attest, next, open, open_again, release, report_step, run_step, take,
};
pub use verbs::{check_all, check_verb, levels, outlook, plan, verbs};
pub use verify::{Outputs, Problem, Signature, Signers, Verified, verify, verify_export};
pub use veto::{Lifted, lift, veto};
pub use which::{is_step_of_latest, run_named, run_of_step};
pub use workspace::{Config, Trust, Workspace, acting, agent_here, is_another};

use crate::diagnostic::{Diagnostic, Sources};
use crate::plan::BadParam;
pub use crate::reader::Checked;
use crate::retention::Hold;
pub use crate::source::Level;
use crate::{reader, run, store};

/// Why something a user asked for was not done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such verb.
    #[error("there is no verb `{name}`")]
    NoVerb {
        /// What was asked for.
        name: String,
        /// A verb of a similar name.
        near: Option<String>,
        /// Where verbs were looked for.
        dir: String,
    },
    /// Two files have the verb's name.
    #[error("two files have the verb `{name}`: {one} and {other}")]
    TwoFiles {
        /// What was asked for.
        name: String,
        /// One of the files.
        one: String,
        /// The other.
        other: String,
    },
    /// The workflow has problems.
    #[error("the workflow has problems")]
    Problems(Vec<Diagnostic>, Sources),
    /// The params were refused.
    #[error("the params were refused")]
    Params(Vec<BadParam>),
    /// There is no state in this workspace yet.
    #[error("nothing was run in this workspace yet")]
    NoState,
    /// The run cannot take that any more, or not yet.
    #[error("{0}")]
    NotNow(String),
    /// Somebody may not do that; it was recorded, where there is a run to record it in.
    #[error("{0}")]
    Refusal(String),
    /// `ostler.toml` cannot be used.
    #[error("ostler.toml: {0}")]
    Config(String),
    /// The files could not be read as they must be.
    #[error(transparent)]
    Reader(#[from] reader::Error),
    /// A lock that the run needs is held by another.
    #[error("refused: {0}")]
    Refused(store::Error),
    /// The run's rules contradict themselves.
    #[error("a bug of ours: {0}")]
    Rules(#[from] run::IllegalEvent),
    /// Pruning is paused.
    #[error("refused: {}", paused(.0))]
    Paused(Hold),
    /// The record.
    #[error(transparent)]
    Store(store::Error),
    /// The system.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: String,
        /// What the system said.
        error: std::io::Error,
    },
}

fn paused(pause: &Hold) -> String {
    let until = pause.until.map(|at| format!(" until {at}")).unwrap_or_default();
    let note = pause.note.as_ref().map(|note| format!(": {note}")).unwrap_or_default();
    format!("pruning was paused by {} on {}{until}{note}", pause.by, pause.since)
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Locked { .. } => Self::Refused(error),
            other => Self::Store(other),
        }
    }
}
