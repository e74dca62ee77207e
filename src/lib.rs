//! Ostler runs verbs: declarative workflow files, checked before they run, recorded as they run.

pub mod check;
pub mod diagnostic;
pub mod expr;
pub mod ids;
pub mod plan;
pub mod run;
pub mod shell;
pub mod source;
pub mod value;
pub mod workflow;
