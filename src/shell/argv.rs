//! The words of `argv`: no shell reads them, but the program they start may take some of them for code.

use std::collections::BTreeSet;

use super::compile::{Dialect, Kind, Refusal, Surroundings};
use super::contexts::Walk;
use super::facts::{Atom, Origin, Spot, Word};
use super::read::Reader;
use super::taint;
use crate::expr::Template;
use crate::expr::template::{Form, Part, Placeholder};

/// How many words a spread list is taken for, one after the other: none and two move what stands after it.
const LENGTHS: [usize; 3] = [0, 1, 2];

/// What is to be said of the words of a program. Placeholders are counted through all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    /// Why it cannot be started with them.
    pub refusals: BTreeSet<Refusal>,
    /// The placeholders that it could take for an option.
    pub bare: BTreeSet<usize>,
}

/// Looks for placeholders that a program would take for code.
pub fn words(
    argv: &[Template],
    kind: &dyn Fn(&Placeholder) -> Kind,
    around: &Surroundings,
) -> Words {
    let placeholders = || argv.iter().flat_map(Template::placeholders);
    let kinds: Vec<Kind> = placeholders().map(kind).collect();
    let spreads = placeholders().any(|found| found.form == Form::Spread);
    let lengths = if spreads { &LENGTHS[..] } else { &LENGTHS[1..2] };
    let mut found = Words::default();
    for length in lengths {
        let reader = Reader::new(Dialect::Bash);
        let mut walk = Walk::new(&reader, kinds.len());
        walk.started(&atoms(argv, *length), around);
        found.refusals.extend(taint::judge(&walk.facts, &kinds, around));
        found.bare.extend(walk.facts.bare.iter().map(|(_, n)| *n));
    }
    found
}

impl Walk<'_> {
    /// Looks at a program that is started without a shell. To choose the program itself is what `argv` is for.
    fn started(&mut self, words: &[Word], around: &Surroundings) {
        self.run(words);
        let chosen: Vec<Origin> = words.iter().take(1).flat_map(Word::origins).cloned().collect();
        self.facts.uses.retain(|(origin, spot)| *spot != Spot::Command || !chosen.contains(origin));
        if let Some(reader) = self.reads_as(words).or(self.facts.reader).filter(|_| around.stdin) {
            let input = Word(vec![Atom::From(Origin::Input)]);
            self.facts.place(&input, Spot::Program(reader));
        }
    }
}

/// The words with their placeholders numbered; one that is spread stands there as often as its list is long.
fn atoms(argv: &[Template], length: usize) -> Vec<Word> {
    let mut next = 0;
    let mut words = Vec::new();
    for template in argv {
        let mut times = 1;
        let mut word = Word::default();
        for part in &template.0 {
            word.0.push(match part {
                Part::Text(text) => Atom::Text(text.clone()),
                Part::Ref(found) => {
                    if found.form == Form::Spread {
                        times = length;
                    }
                    next += 1;
                    Atom::From(Origin::Ref(next - 1))
                }
            });
        }
        words.extend(std::iter::repeat_n(word, times));
    }
    words
}
