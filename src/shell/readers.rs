//! Which commands run what they read: standard input, what `xargs` hands on, what is written to `>( )`.

use brush_parser::ast::{
    Command, CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, IoFileRedirectKind,
    IoFileRedirectTarget, IoRedirect, ProcessSubstitutionKind, SimpleCommand,
};

use super::contexts::Walk;
use super::facts::{Atom, Nested, Origin, Spot, Word};
use super::interpreters::{base, option, takes_next};
use super::programs::{INTERPRETERS, Interpreter, Operand, SOURCE, Stdin, UNKNOWN};
use super::wrappers::{PRINTERS, WRAPPERS};

impl Walk<'_> {
    /// What a command takes the standard input that it is given for, if it runs it.
    pub(super) fn reads_program(&self, command: &Command) -> Option<&'static Nested> {
        match command {
            Command::Simple(simple) => {
                let own = items(simple).any(|i| matches!(i, Item::IoRedirect(r) if is_input(r)));
                if own { None } else { self.reads_as(&self.shallow_words(simple)) }
            }
            Command::Compound(compound, redirects) => {
                let own = redirects.iter().flat_map(|list| &list.0).any(is_input);
                if own { None } else { self.compound_reads(compound) }
            }
            Command::Function(_) | Command::ExtendedTest(..) => None,
        }
    }

    /// Whether any part of a compound command runs what it reads.
    pub(super) fn compound_reads(&self, compound: &CompoundCommand) -> Option<&'static Nested> {
        lists(compound).into_iter().find_map(|list| self.list_reads(list))
    }

    fn list_reads(&self, list: &CompoundList) -> Option<&'static Nested> {
        let pipelines = list.0.iter().flat_map(|item| {
            let others = item.0.additional.iter().map(|other| {
                let (brush_parser::ast::AndOr::And(p) | brush_parser::ast::AndOr::Or(p)) = other;
                p
            });
            std::iter::once(&item.0.first).chain(others)
        });
        pipelines.flat_map(|p| &p.seq).find_map(|command| self.reads_program(command))
    }

    /// What a command's output is run as: `> >(bash)`, `tee >(bash)`.
    pub(super) fn writes_program(&self, command: &Command) -> Option<&'static Nested> {
        let of = |redirect: &IoRedirect| match redirect {
            IoRedirect::File(
                _,
                _,
                IoFileRedirectTarget::ProcessSubstitution(ProcessSubstitutionKind::Write, to),
            ) => self.list_reads(&to.list),
            _ => None,
        };
        match command {
            Command::Simple(simple) => items(simple).find_map(|item| match item {
                Item::IoRedirect(redirect) => of(redirect),
                Item::ProcessSubstitution(ProcessSubstitutionKind::Write, to) => {
                    self.list_reads(&to.list)
                }
                _ => None,
            }),
            Command::Compound(_, redirects) | Command::ExtendedTest(_, redirects) => {
                redirects.iter().flat_map(|list| &list.0).find_map(of)
            }
            Command::Function(_) => None,
        }
    }

    /// A command's words as far as they are literal.
    fn shallow_words(&self, simple: &SimpleCommand) -> Vec<Word> {
        let suffix = simple.suffix.iter().flat_map(|s| &s.0).filter_map(|item| match item {
            Item::Word(word) | Item::AssignmentWord(_, word) => Some(word),
            _ => None,
        });
        let words = simple.word_or_name.iter().chain(suffix);
        words.map(|word| self.shallow(&word.value)).collect()
    }

    /// What a command takes its standard input for, if it takes it for code.
    pub(super) fn reads_as(&self, words: &[Word]) -> Option<&'static Nested> {
        let first = words.first()?.literal().unwrap_or_default();
        if matches!(first.as_str(), "." | "source") {
            return Some(&SOURCE);
        }
        if let Some(nested) = self.facts.reading.get(&first) {
            return Some(nested);
        }
        if PRINTERS.contains(&base(&first)) {
            return None;
        }
        let xargs = words.iter().position(|w| w.literal().is_some_and(|w| base(&w) == "xargs"));
        if let Some(at) = xargs {
            return self.handed_on(&words[at + 1..]);
        }
        // The last interpreter's name counts: `sudo bash`, `docker exec -i c bash`, `ssh host bash -s`.
        let all: Vec<(usize, String)> = words
            .iter()
            .enumerate()
            .filter_map(|(at, w)| Some((at, w.literal()?)))
            .flat_map(|(at, text)| {
                text.split_whitespace().map(|part| (at, part.to_owned())).collect::<Vec<_>>()
            })
            .collect();
        // A folder among the words (`jq .`) sources nothing.
        let (at, found) =
            all.iter().rev().filter(|(_, text)| text != ".").find_map(|(at, text)| {
                INTERPRETERS.iter().find(|i| i.names.contains(&base(text))).map(|i| (*at, i))
            })?;
        let rest = &words[at + 1..];
        let (operands, has_program) = operands(found, rest);
        let reads = match found.stdin {
            Stdin::Never => false,
            Stdin::Always => true,
            Stdin::Alone => {
                let flagged = |w: &Word| {
                    let prefix = w.prefix();
                    matches!(prefix.as_str(), "-s" | "-" | "/dev/stdin")
                        || prefix.starts_with("/dev/fd/")
                };
                !has_program && (operands == 0 || rest.iter().any(flagged))
            }
            Stdin::WithoutCommand => operands <= 1,
        };
        reads.then_some(found.nested)
    }

    /// What `xargs` hands on to the command that it starts, where that command would run it.
    fn handed_on(&self, rest: &[Word]) -> Option<&'static Nested> {
        let valued = WRAPPERS.iter().find(|w| w.names.contains(&"xargs")).map(|w| w.valued)?;
        let (mut at, mut replaced) = (0, None);
        while let Some(word) = rest.get(at) {
            let prefix = word.prefix();
            let Some(letters) = prefix.strip_prefix('-') else { break };
            at += 1;
            if letters == "-" {
                break;
            }
            if let Some(mark) = letters.strip_prefix("-replace") {
                replaced = Some(mark.strip_prefix('=').unwrap_or("{}").to_owned());
            } else if let Some((_, mark)) =
                letters.split_once('I').filter(|_| !letters.starts_with('-'))
            {
                let next = || rest.get(at).map(Word::prefix).unwrap_or_default();
                replaced = Some(if mark.is_empty() { next() } else { mark.to_owned() });
            } else if let Some((_, mark)) =
                letters.split_once('i').filter(|_| !letters.starts_with('-'))
            {
                replaced = Some(if mark.is_empty() { "{}".to_owned() } else { mark.to_owned() });
            }
            at += usize::from(takes_next(&prefix, |o| valued.contains(&o)));
        }
        let mut words = rest.get(at..).filter(|words| !words.is_empty())?.to_vec();
        let input = Atom::From(Origin::Input);
        match replaced.filter(|mark| !mark.is_empty()) {
            None => words.push(Word(vec![input])),
            Some(mark) => {
                for word in &mut words {
                    let text = word.prefix();
                    if let Some((before, _)) = text.split_once(&mark) {
                        let before = Some(before).filter(|b| !b.is_empty());
                        let before = before.map(|b| Atom::Text(b.to_owned()));
                        *word = Word(before.into_iter().chain([input.clone()]).collect());
                    }
                }
            }
        }
        let mut alone = Walk::new(self.reader, 0);
        alone.run(&words);
        alone.facts.uses.iter().find_map(|(origin, spot)| match (origin, spot) {
            (Origin::Input, Spot::Program(nested)) => Some(*nested),
            (Origin::Input, Spot::Command) => Some(&UNKNOWN),
            _ => None,
        })
    }
}

/// The redirects, assignments and words of a command, but for its name.
pub(super) fn items(simple: &SimpleCommand) -> impl Iterator<Item = &Item> {
    let prefix = simple.prefix.iter().flat_map(|p| &p.0);
    prefix.chain(simple.suffix.iter().flat_map(|s| &s.0))
}

/// Whether a redirect gives a command another standard input.
fn is_input(redirect: &IoRedirect) -> bool {
    use IoFileRedirectKind::{DuplicateInput, Read, ReadAndWrite};
    match redirect {
        IoRedirect::File(fd, Read | DuplicateInput | ReadAndWrite, _)
        | IoRedirect::HereDocument(fd, _)
        | IoRedirect::HereString(fd, _) => fd.is_none_or(|fd| fd == 0),
        IoRedirect::File(..) | IoRedirect::OutputAndError(..) => false,
    }
}

/// The lists in a compound command that read what it reads.
fn lists(compound: &CompoundCommand) -> Vec<&CompoundList> {
    match compound {
        CompoundCommand::Arithmetic(_) | CompoundCommand::Coprocess(_) => Vec::new(),
        CompoundCommand::ArithmeticForClause(f) => vec![&f.body.list],
        CompoundCommand::BraceGroup(group) => vec![&group.list],
        CompoundCommand::Subshell(subshell) => vec![&subshell.list],
        CompoundCommand::ForClause(each) => vec![&each.body.list],
        CompoundCommand::CaseClause(case) => {
            case.cases.iter().filter_map(|item| item.cmd.as_ref()).collect()
        }
        CompoundCommand::IfClause(clause) => {
            let others = clause.elses.iter().flatten();
            let others = others.flat_map(|e| e.condition.iter().chain([&e.body]));
            [&clause.condition, &clause.then].into_iter().chain(others).collect()
        }
        CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
            vec![&clause.0, &clause.1.list]
        }
    }
}

/// How many operands there are, and whether an option gives the program.
fn operands(found: &Interpreter, rest: &[Word]) -> (usize, bool) {
    let (mut count, mut has_program, mut at) = (0, false, 0);
    while let Some(word) = rest.get(at) {
        let prefix = word.prefix();
        at += 1;
        if !prefix.starts_with('-') {
            count += 1;
        } else if let Some(joined) = found.options.iter().find_map(|o| option(o, &prefix)) {
            has_program |= found.operand != Operand::Host;
            at += usize::from(!joined);
        } else if let Some((name, words)) = found.valued.iter().find(|(o, _)| *o == prefix) {
            has_program |= found.files.contains(name) && !found.asides.contains(name);
            at += words;
        }
    }
    (count, has_program)
}

/// Whether a redirect gives a command a text to read that the script itself holds.
pub(super) fn is_text(redirect: &IoRedirect) -> bool {
    match redirect {
        IoRedirect::File(_, IoFileRedirectKind::Read, target) => {
            matches!(target, IoFileRedirectTarget::ProcessSubstitution(..))
        }
        IoRedirect::HereDocument(..) | IoRedirect::HereString(..) => true,
        IoRedirect::File(..) | IoRedirect::OutputAndError(..) => false,
    }
}
