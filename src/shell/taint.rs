//! From facts to refusals: which variables may hold a value that bash would run, and whether they stand where it does.

use std::collections::{BTreeMap, BTreeSet};

use super::compile::{Kind, Refusal, Surroundings};
use super::evaluating::{ARRAYS, COMPOUND, INTEGERS};
use super::facts::{Facts, Origin, Spot};
use super::marks::variable;

/// Variables that bash sets to numbers.
const NUMBERS: &[&str] =
    &["BASHPID", "EPOCHSECONDS", "EUID", "LINENO", "PPID", "RANDOM", "SECONDS", "SRANDOM", "UID"];

/// Variables that bash sets to what the script reads or is called with.
const FILLED: &[&str] = &["BASH_ARGV", "BASH_REMATCH", "COPROC", "MAPFILE", "OPTARG", "REPLY", "_"];

/// What a value can be trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Trust {
    /// It may be evaluated.
    number: bool,
    /// It may name a variable.
    name: bool,
    /// The placeholder that it comes from, where that can be told.
    from: Option<usize>,
}

impl Trust {
    const FULL: Self = Self { number: true, name: true, from: None };
    const NONE: Self = Self { number: false, name: false, from: None };

    fn and(self, other: Self) -> Self {
        let lowers = (self.number && !other.number) || (self.name && !other.name);
        Self {
            number: self.number && other.number,
            name: self.name && other.name,
            from: if lowers { self.from.or(other.from) } else { self.from },
        }
    }

    fn none(self) -> bool {
        !self.number && !self.name
    }
}

struct Judge<'a> {
    facts: &'a Facts,
    refs: Vec<Trust>,
    around: &'a Surroundings,
    /// Whether anything at all may hold a value that is not to be trusted.
    any: bool,
    variables: BTreeMap<&'a str, Trust>,
    /// What may be assigned to a variable whose name cannot be told.
    unnamed: Trust,
}

/// Everything that is refused.
pub(super) fn judge(facts: &Facts, kinds: &[Kind], around: &Surroundings) -> Vec<Refusal> {
    let refs: Vec<Trust> = kinds.iter().enumerate().map(|(n, kind)| trust(n, kind)).collect();
    let any = refs.iter().any(|t| !t.number) || !around.env.is_empty() || around.stdin;
    let variables = BTreeMap::new();
    let mut judge = Judge { facts, refs, around, any, variables, unnamed: Trust::FULL };
    judge.settle();
    judge.refusals()
}

fn trust(n: usize, kind: &Kind) -> Trust {
    let all = |fits: fn(&str) -> bool| match kind {
        Kind::Words(words) => !words.is_empty() && words.iter().all(|w| fits(w)),
        _ => false,
    };
    let number = *kind == Kind::Int || all(|w| w.parse::<i64>().is_ok());
    let name = *kind == Kind::Bool || all(is_name);
    Trust { number, name, from: Some(n) }
}

fn is_name(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && word.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

impl Judge<'_> {
    fn of(&self, origin: &Origin) -> Trust {
        let outside = if self.any { Trust::NONE } else { Trust::FULL };
        match origin {
            Origin::Ref(n) => self.refs.get(*n).copied().unwrap_or(Trust::NONE),
            Origin::Args | Origin::LaterArgs | Origin::Input | Origin::Any => outside,
            Origin::Var(name) if FILLED.contains(&name.as_str()) => outside,
            Origin::Var(name) if NUMBERS.contains(&name.as_str()) => Trust::FULL,
            // A name that is put together could be that of a value.
            Origin::Var(name) if name.len() > 5 && variable(0).starts_with(name.as_str()) => {
                outside
            }
            Origin::Var(name) => {
                let own = self.variables.get(name.as_str()).copied().unwrap_or(Trust::FULL);
                let given = self.around.env.contains(name);
                own.and(if given { Trust::NONE } else { self.unnamed })
            }
        }
    }

    /// Lowers the trust in each variable until nothing changes any more.
    fn settle(&mut self) {
        let facts = self.facts;
        let mut changed = true;
        while changed {
            changed = false;
            for (name, origins) in &facts.assigned {
                let value = origins.iter().fold(Trust::FULL, |t, o| t.and(self.of(o)));
                let held = match name {
                    Some(name) => self.variables.entry(name).or_insert(Trust::FULL),
                    None => &mut self.unnamed,
                };
                let now = held.and(value);
                changed |= (now.number, now.name) != (held.number, held.name);
                *held = now;
            }
        }
    }

    fn refusals(&self) -> Vec<Refusal> {
        let mut found = BTreeSet::new();
        for (origin, spot) in &self.facts.uses {
            self.one(origin, *spot, &mut found);
        }
        for (name, origins) in &self.facts.assigned {
            let integer =
                |n: &String| INTEGERS.contains(&n.as_str()) || self.facts.integers.contains(n);
            if name.as_ref().is_some_and(integer) {
                let spot = Spot::Arithmetic("declare -i name");
                origins.iter().for_each(|o| self.one(o, spot, &mut found));
            }
        }
        for (name, origins) in &self.facts.compound {
            if ARRAYS.contains(&name.as_str()) || self.facts.arrays.contains(name) {
                let spot = Spot::Arithmetic(COMPOUND);
                origins.iter().for_each(|o| self.one(o, spot, &mut found));
            }
        }
        found.into_iter().collect()
    }

    fn one(&self, origin: &Origin, spot: Spot, found: &mut BTreeSet<Refusal>) {
        let trust = self.of(origin);
        let direct = matches!(origin, Origin::Ref(_));
        let refused = match spot {
            Spot::Written(_) => false,
            Spot::Never(..) => direct,
            Spot::Command => direct || (trust.none() && !self.is_wrapper(origin)),
            Spot::Program(_) => direct || trust.none(),
            Spot::Arithmetic(_) => !trust.number,
            Spot::Name(_) => !trust.name,
        };
        if !refused {
            return;
        }
        let subject = subject(origin);
        let (why, hint) = reason(&subject, spot);
        found.insert(Refusal { at: trust.from, why, hint: Some(hint) });
    }

    /// Whether `"$@"` as a command only starts what the script itself names: `run() { "$@"; }`.
    fn is_wrapper(&self, origin: &Origin) -> bool {
        let open = self.facts.functions.iter().any(|f| self.facts.open_calls.contains(f));
        *origin == Origin::Args && !open && !self.facts.shifts
    }
}

fn subject(origin: &Origin) -> String {
    match origin {
        Origin::Ref(_) => "its value".to_owned(),
        Origin::Var(name) => format!("`${name}` may hold a value from outside; it"),
        Origin::Args | Origin::LaterArgs => {
            "an argument may hold a value from outside; it".to_owned()
        }
        Origin::Input => "what is read may be a value from outside; it".to_owned(),
        Origin::Any => "a variable named by another may hold any value; it".to_owned(),
    }
}

fn reason(subject: &str, spot: Spot) -> (String, String) {
    let direct = subject == "its value";
    match spot {
        Spot::Written(_) => (String::new(), String::new()),
        Spot::Command => {
            let why = "it would be the command that is started".to_owned();
            let why = if direct {
                why
            } else {
                format!("{subject} would be the command that is started")
            };
            (why, "write the command itself (`case` can choose one), or make it the first word of an `argv`".to_owned())
        }
        Spot::Arithmetic(form) => (
            format!("{subject} would be evaluated as code: `{form}`"),
            if direct {
                "declare the param or output as int (or an enum of whole numbers)".to_owned()
            } else {
                "`[ \"$n\" -gt 3 ]` and `$(expr \"$n\" + 1)` evaluate nothing; or declare the param or output as int".to_owned()
            },
        ),
        Spot::Name(form) => (
            format!("{subject} would name a variable, whose subscript bash runs: `{form}`"),
            "write the name, or make the param an enum of plain names".to_owned(),
        ),
        Spot::Program(nested) => {
            let why = if direct {
                nested.what.to_owned()
            } else {
                format!("{subject} would be code: {}", nested.what)
            };
            (why, nested.hint.to_owned())
        }
        Spot::Never(why, hint) => (why.to_owned(), hint.to_owned()),
    }
}
