//! Programs that take some of their words for code, and programs that start others.

use super::contexts::Walk;
use super::facts::{Nested, Spot, Word};
use super::programs::{INTERPRETERS, Interpreter, Operand, SOURCE, Stdin, UNKNOWN};
use super::wrappers::{CLEAN, PRINTERS, READERS, WRAPPERS, Wrapper};

impl Walk<'_> {
    /// A command's words: what is started, and what of the rest is code.
    pub(super) fn run(&mut self, words: &[Word]) {
        let Some(first) = words.first() else { return };
        self.facts.place(first, Spot::Command);
        let Some(name) = first.literal() else { return self.fallback(words, true) };
        let name = base(&name);
        let rest = &words[1..];
        if let Some(wrapper) = WRAPPERS.iter().find(|w| w.names.contains(&name)) {
            self.wrapped(wrapper, rest);
        } else if let Some(found) = INTERPRETERS.iter().find(|i| i.names.contains(&name)) {
            self.interpreted(found, rest);
        } else if name == "find" {
            self.found(rest);
        } else if !PRINTERS.contains(&name) {
            self.fallback(words, false);
        }
    }

    /// A program that is not known: a shell's name and `-c` among its words is taken for a nested shell.
    fn fallback(&mut self, words: &[Word], any: bool) {
        for (at, word) in words.iter().enumerate().skip(1) {
            let Some(literal) = word.literal() else { continue };
            if any
                && literal.starts_with('-')
                && literal.ends_with(['c', 'e', 'E'])
                && let Some(next) = words.get(at + 1)
            {
                self.facts.place(next, Spot::Program(&UNKNOWN));
            }
            if literal == "eval" {
                return self.run(&words[at..]);
            }
            let found = INTERPRETERS.iter().find(|i| i.names.contains(&base(&literal)));
            let Some(found) = found.filter(|i| !i.options.is_empty()) else { continue };
            let rest = &words[at + 1..];
            let coded = rest.iter().any(|w| {
                let prefix = w.prefix();
                found.options.iter().any(|o| o.starts_with('-') && option(o, &prefix).is_some())
            });
            if coded {
                return self.interpreted(found, rest);
            }
        }
    }

    /// `sudo -u x program …`, `timeout 5 program …`
    fn wrapped(&mut self, wrapper: &Wrapper, rest: &[Word]) {
        let mut at = 0;
        let mut operands = wrapper.operands;
        while let Some(word) = rest.get(at) {
            let prefix = word.prefix();
            let is_option = prefix.starts_with('-') && prefix.len() > 1;
            let exact = word.literal();
            if exact.as_deref() == Some("--") {
                at += 1;
                break;
            }
            if exact.as_deref().is_some_and(|w| wrapper.looks_up.contains(&w)) {
                return;
            }
            if is_option {
                if let Some(nested) = wrapper.text
                    && let Some(joined) = nested.0.iter().find_map(|o| option(o, &prefix))
                {
                    let text = if joined { Some(word) } else { rest.get(at + 1) };
                    text.iter().for_each(|w| self.facts.place(w, Spot::Program(nested.1)));
                    at += 1 + usize::from(!joined);
                    continue;
                }
                let valued = exact.is_some_and(|w| wrapper.valued.contains(&w.as_str()));
                at += 1 + usize::from(valued);
            } else if wrapper.assigns && assigned(&prefix).is_some() {
                let name = assigned(&prefix);
                self.assign(name, word);
                at += 1;
            } else if operands > 0 {
                operands -= 1;
                at += 1;
            } else {
                break;
            }
        }
        self.run(rest.get(at + operands.min(rest.len().saturating_sub(at))..).unwrap_or_default());
    }

    /// `find … -exec program … ;`
    fn found(&mut self, rest: &[Word]) {
        for (at, word) in rest.iter().enumerate() {
            let literal = word.literal();
            if matches!(literal.as_deref(), Some("-exec" | "-execdir" | "-ok" | "-okdir")) {
                let after = &rest[at + 1..];
                let ends = |w: &Word| matches!(w.literal().as_deref(), Some(";" | "+"));
                let end = after.iter().position(ends).unwrap_or(after.len());
                self.run(&after[..end]);
            }
        }
    }

    /// `sh -c text …`, `awk text …`, `ssh host text …`
    fn interpreted(&mut self, found: &'static Interpreter, rest: &[Word]) {
        let spot = Spot::Program(found.nested);
        let mut operand = found.operand;
        let mut ended = false;
        let mut done = false;
        let mut at = 0;
        while let Some(word) = rest.get(at) {
            at += 1;
            let prefix = word.prefix();
            let exact = word.literal();
            if !ended && exact.as_deref() == Some("--") {
                ended = true;
                continue;
            }
            if !ended && prefix.starts_with('-') && prefix.len() > 1 {
                if let Some(joined) = found.options.iter().find_map(|o| option(o, &prefix)) {
                    if found.late {
                        operand = Operand::Program;
                    } else {
                        let text = if joined { Some(word) } else { rest.get(at) };
                        text.iter().for_each(|w| self.facts.place(w, spot));
                        at += usize::from(!joined);
                        done = true;
                    }
                } else if let Some(exact) = exact {
                    let takes = found.valued.iter().find(|(o, _)| *o == exact);
                    at += takes.map_or(0, |(_, words)| *words);
                    done |= takes.is_some() && found.files.contains(&exact.as_str());
                }
                continue;
            }
            match operand {
                Operand::Program | Operand::Script if !done => self.facts.place(word, spot),
                Operand::Every => self.facts.place(word, spot),
                Operand::Assignments if prefix.contains('=') => self.facts.place(word, spot),
                Operand::Host if !ended && prefix.is_empty() => {
                    self.facts.place(word, spot);
                    operand = Operand::Every;
                    ended = true;
                }
                Operand::Host => {
                    operand = Operand::Every;
                    ended = true;
                }
                Operand::Second => operand = Operand::Every,
                // The value could be an option with code in it, because nothing stands before it.
                _ if found.guarded && !ended && prefix.is_empty() => self.facts.place(word, spot),
                _ => {}
            }
            if matches!(operand, Operand::Program | Operand::Script | Operand::None) {
                if !found.permutes {
                    return;
                }
                done = true;
            }
        }
    }
}

/// What a command takes its standard input for, if it takes it for code.
pub(super) fn from_stdin(words: &[Word]) -> Option<&'static Nested> {
    let first = words.first()?.literal().unwrap_or_default();
    if matches!(first.as_str(), "." | "source") {
        return Some(&SOURCE);
    }
    if PRINTERS.contains(&base(&first)) {
        return None;
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
    let (at, found) = all.iter().rev().find_map(|(at, text)| {
        INTERPRETERS.iter().find(|i| i.names.contains(&base(text))).map(|i| (*at, i))
    })?;
    let rest = &words[at + 1..];
    let (operands, has_program) = operands(found, rest);
    let reads = match found.stdin {
        Stdin::Never => false,
        Stdin::Always => true,
        Stdin::Alone => {
            let flagged = |w: &Word| matches!(w.prefix().as_str(), "-s" | "-" | "/dev/stdin");
            !has_program && (operands == 0 || rest.iter().any(flagged))
        }
        Stdin::WithoutCommand => operands <= 1,
    };
    reads.then_some(found.nested)
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
            has_program |= found.files.contains(name);
            at += words;
        }
    }
    (count, has_program)
}

/// Whether a command prints what is in its files rather than its words.
pub(super) fn reads_files(word: &Word) -> bool {
    word.literal().is_some_and(|name| READERS.contains(&base(&name)))
}

/// What a command takes the file for that is its next word, if it runs it.
pub(super) fn runs_a_file(words: &[Word]) -> Option<&'static Nested> {
    let name = words.first()?.literal()?;
    if matches!(name.as_str(), "." | "source") {
        return Some(&SOURCE);
    }
    let found = INTERPRETERS.iter().find(|i| i.names.contains(&base(&name)))?;
    (found.operand == Operand::Script).then_some(found.nested)
}

/// Whether a command prints nothing that was not among its words, or only numbers and fixed words.
pub(super) fn prints_only_its_arguments(words: &[Word]) -> bool {
    let name = words.first().and_then(Word::literal).unwrap_or_default();
    CLEAN.contains(&base(&name))
}

/// A program's name without its folder and without the version at its end.
fn base(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    if name == "." || name == "[" {
        return name;
    }
    let bare = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    if bare.is_empty() { name } else { bare }
}

/// The name in `NAME=…`.
fn assigned(prefix: &str) -> Option<&str> {
    let (name, _) = prefix.split_once('=')?;
    let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (plain && !name.is_empty()).then_some(name)
}

/// Whether a word is this option; `Some(true)` if its value is joined to it.
fn option(option: &str, word: &str) -> Option<bool> {
    if word == option {
        return Some(false);
    }
    if let Some(letter) = option.strip_prefix('-').filter(|l| l.len() == 1) {
        if word.starts_with("--") || !word.starts_with('-') {
            return None;
        }
        if word.starts_with(option) && word.len() > 2 {
            return Some(true);
        }
        return word.ends_with(letter).then_some(false);
    }
    word.strip_prefix(option)?.starts_with('=').then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_folder_and_version() {
        for (name, bare) in
            [("/bin/sh", "sh"), ("python3.11", "python"), ("perl5", "perl"), ("[", "[")]
        {
            assert_eq!(base(name), bare);
        }
    }

    #[test]
    fn options_are_found_alone_in_clusters_and_joined() {
        assert_eq!(option("-c", "-c"), Some(false));
        assert_eq!(option("-c", "-ec"), Some(false));
        assert_eq!(option("-e", "-e1d"), Some(true));
        assert_eq!(option("--run", "--run=x"), Some(true));
        assert_eq!(option("-c", "--norc"), None);
        assert_eq!(option("-c", "-e"), None);
    }
}
