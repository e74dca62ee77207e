//! Commands whose name only the script tells: a function, an alias, a variable with a literal value.

use super::contexts::{Argument, Walk};
use super::facts::{Atom, Origin, Spot, Word};
use super::words::Walked;

/// The deepest chain of names behind names that is followed.
const LONGEST: usize = 8;

impl Walk<'_> {
    /// Keeps a command, to be looked at again once all functions and variables are known.
    pub(super) fn called(&mut self, words: &[Word]) {
        let Some(first) = words.first() else { return };
        if first.origins().any(|o| matches!(o, Origin::Args | Origin::LaterArgs)) {
            self.forwards = true;
        }
        if words.len() > 1 {
            self.calls.push(words.to_vec());
        }
    }

    /// Looks at the commands behind functions, aliases and variables, and at what `exec` made the input.
    pub(super) fn finish(&mut self) -> Walked<()> {
        for _ in 0..LONGEST {
            let calls = std::mem::take(&mut self.calls);
            if calls.is_empty() {
                break;
            }
            for call in calls {
                for words in self.behind(&call) {
                    let arguments: Vec<_> = words.iter().cloned().map(Argument::Word).collect();
                    self.evaluating(&words, &arguments)?;
                    self.run(&words);
                }
            }
        }
        if !self.calls.is_empty() && self.calls.iter().any(|call| !self.behind(call).is_empty()) {
            return Err("a command behind too many other names".to_owned());
        }
        let written = self.facts.uses.iter().filter_map(|(origin, spot)| match spot {
            Spot::Written(n) => Some((origin.clone(), self.facts.written.get(*n)?.clone())),
            _ => None,
        });
        for (origin, names) in written.collect::<Vec<_>>() {
            let run = self.facts.executed.iter().find(|(name, _)| names.contains(name));
            if let Some((_, nested)) = run {
                self.facts.uses.insert((origin, Spot::Program(nested)));
            }
        }
        let spilled = |name: &String| self.facts.spilled.contains(name);
        if let Some((_, nested)) = self.facts.executed.iter().find(|(name, _)| spilled(name)) {
            let all = (0..self.placeholders).map(|n| (Origin::Ref(n), Spot::Program(nested)));
            self.facts.uses.extend(all);
        }
        if let Some(reader) = self.facts.reader {
            for word in std::mem::take(&mut self.facts.input) {
                self.facts.place(&word, Spot::Program(reader));
            }
        }
        Ok(())
    }

    /// The commands that a command may turn out to be.
    fn behind(&self, call: &[Word]) -> Vec<Vec<Word>> {
        let (first, rest) = (&call[0], &call[1..]);
        if first.0.is_empty() {
            return vec![rest.to_vec()];
        }
        let with = |text: &str| {
            let name = text.split_whitespace().map(|w| Word(vec![Atom::Text(w.to_owned())]));
            name.chain(rest.iter().cloned()).collect()
        };
        let texts = |name: &str| {
            let from = (name.to_owned(), String::new());
            let all = self.facts.literals.range(from..);
            let name = name.to_owned();
            all.take_while(move |(n, _)| *n == name).map(|(_, text)| with(text))
        };
        if let Some(name) = first.literal() {
            let mut found: Vec<_> = texts(&alias(&name)).collect();
            if self.facts.forwarding.contains(&name) {
                found.push(rest.to_vec());
            }
            return found;
        }
        let mut found = Vec::new();
        for atom in &first.0 {
            match atom {
                Atom::Text(text) => found.push(with(text)),
                Atom::From(Origin::Var(name)) => found.extend(texts(name)),
                Atom::From(_) | Atom::Output(_) => {}
            }
        }
        found
    }
}

/// The name under which an alias is kept.
pub(super) fn alias(name: &str) -> String {
    format!("alias {name}")
}
