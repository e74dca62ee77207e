//! Preconditions and postconditions by name: `pre-1` is the first of the one, `post-2` the second of the other.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Plan;

/// Which condition in prose: its place in the file, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Clause {
    /// What should hold before the run.
    Pre(usize),
    /// What should hold after it.
    Post(usize),
}

impl fmt::Display for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pre(n) => write!(f, "pre-{n}"),
            Self::Post(n) => write!(f, "post-{n}"),
        }
    }
}

impl FromStr for Clause {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
            digits.parse().ok().filter(|_| plain)
        };
        let clause = match text.split_once('-') {
            Some(("pre", digits)) => number(digits).map(Self::Pre),
            Some(("post", digits)) => number(digits).map(Self::Post),
            _ => None,
        };
        clause.ok_or_else(|| "a condition is called pre-1, pre-2, … or post-1, …".to_owned())
    }
}

impl TryFrom<String> for Clause {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Clause> for String {
    fn from(clause: Clause) -> Self {
        clause.to_string()
    }
}

impl Plan {
    /// Its preconditions, then its postconditions, as they were written.
    pub fn clauses(&self) -> impl Iterator<Item = (Clause, &str)> {
        let pre = self.preconditions.iter().zip(1..).map(|(text, n)| (Clause::Pre(n), text));
        let post = self.postconditions.iter().zip(1..).map(|(text, n)| (Clause::Post(n), text));
        pre.chain(post).map(|(clause, text)| (clause, text.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clause_is_read_as_it_is_shown_and_nothing_else_is_one() {
        for clause in [Clause::Pre(1), Clause::Pre(20), Clause::Post(3)] {
            assert_eq!(clause.to_string().parse(), Ok(clause));
        }
        for text in ["", "pre", "pre-", "pre-0", "pre-01", "pre-+1", "post1", "steps-1", "pre-1 "] {
            assert!(text.parse::<Clause>().is_err(), "{text}");
        }
    }
}
