//! The two little languages inside a workflow: placeholders and CEL conditions. Pure.
#![deny(clippy::disallowed_methods)]

pub mod condition;
pub mod template;

pub use condition::Condition;
pub use template::{Ref, Template};
