//! Programs that take some of their words for code, and programs that start others.

use super::contexts::Walk;
use super::facts::{Atom, Nested, Origin, Spot, Word};
use super::programs::{
    EVAL, INTERPRETERS, Interpreter, Operand, SHELL, SOURCE, TRAP, UNKNOWN, WRITTEN,
};
use super::wrappers::{CLEAN, PRINTERS, READERS, WRAPPERS, Wrapper};

impl Walk<'_> {
    /// A command's words: what is started, and what of the rest is code.
    pub(super) fn run(&mut self, words: &[Word]) {
        let Some(first) = words.first() else { return };
        if first.literal().as_deref() == Some("--") {
            return self.run(&words[1..]);
        }
        self.facts.place(first, Spot::Command);
        self.called(words);
        self.executes(first, &WRITTEN);
        let Some(name) = first.literal() else { return self.fallback(words, true) };
        let name = base(&name);
        let rest = &words[1..];
        if let Some(wrapper) = WRAPPERS.iter().find(|w| w.names.contains(&name)) {
            self.wrapped(wrapper, rest);
        } else if let Some(found) = INTERPRETERS.iter().find(|i| i.names.contains(&name)) {
            self.interpreted(found, rest);
            // What stands beside a script or a program is its own; the others take options anywhere.
            if found.operand == Operand::None && found.permutes {
                self.operands(name, rest);
            }
        } else if name == "find" {
            self.operands(name, rest);
            self.found(rest);
        } else if !PRINTERS.contains(&name) {
            self.operands(name, rest);
            self.fallback(words, false);
        } else {
            self.operands(name, rest);
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
            if exact.as_deref() == Some("-") {
                at += 1;
                continue;
            }
            if exact.as_deref().is_some_and(|w| wrapper.looks_up.contains(&w)) {
                return;
            }
            if is_option {
                if let Some(nested) = wrapper.text
                    && let Some(joined) = nested.0.iter().find_map(|o| option(o, &prefix))
                {
                    let joined = joined || exact.is_none();
                    let text = if joined { Some(word) } else { rest.get(at + 1) };
                    text.iter().for_each(|w| self.facts.place(w, Spot::Program(nested.1)));
                    at += 1 + usize::from(!joined);
                    continue;
                }
                let valued = exact.is_some_and(|w| takes_next(&w, |o| wrapper.valued.contains(&o)));
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
        let (mut ended, mut done, mut piped) = (false, false, false);
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
                    // `-c{x}`: the value is joined to it, too.
                    let joined = joined || exact.is_none();
                    if found.late {
                        self.facts.place(word, spot);
                        operand = Operand::Program;
                    } else {
                        let text = if joined { Some(word) } else { rest.get(at) };
                        text.iter().for_each(|w| self.program(found, w, &[]));
                        at += usize::from(!joined);
                        done = true;
                    }
                } else if let Some(exact) = exact {
                    piped |= found.late && !exact.starts_with("--") && exact.contains('s');
                    let exactly = found.valued.iter().find(|(o, _)| *o == exact);
                    let clustered = takes_next(&exact, |o| found.valued.contains(&(o, 1)));
                    let takes = exactly.map_or(usize::from(clustered), |(_, words)| *words);
                    if takes > 0 && found.files.iter().any(|o| option(o, &exact) == Some(false)) {
                        // The file that is run is chosen by its name.
                        if let Some(file) = rest.get(at) {
                            self.facts.place(file, spot);
                            self.executes(file, found.nested);
                        }
                        done |= !found.asides.contains(&exact.as_str());
                    }
                    at += takes;
                } else if prefix == "--" || found.files.iter().any(|o| option(o, &prefix).is_some())
                {
                    // Any option at all, or a file to be run.
                    self.facts.place(word, spot);
                }
                continue;
            }
            match operand {
                Operand::Program if !done => {
                    self.program(found, word, rest.get(at..).unwrap_or_default());
                }
                // `bash -s -- {v}` reads its program, and `{v}` is for that.
                Operand::Script if !(done || piped && ended) => {
                    self.facts.place(word, spot);
                    self.executes(word, found.nested);
                }
                Operand::Every => self.program(found, word, &[]),
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
                _ if found.guarded && !ended && prefix.is_empty() && !is_input(word) => {
                    self.facts.place(word, spot);
                }
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

    /// A program's text; that of a shell is followed as part of the script.
    fn program(&mut self, found: &Interpreter, word: &Word, after: &[Word]) {
        self.facts.place(word, Spot::Program(found.nested));
        if [&SHELL, &EVAL, &TRAP].contains(&found.nested)
            && let Some(text) = word.literal()
        {
            self.nested(&text, after.get(1..).unwrap_or_default());
        }
    }

    /// A literal text that is run with the variables of the script, and words that it is called with.
    pub(super) fn nested(&mut self, text: &str, arguments: &[Word]) {
        let (never, forced) = (self.never.take(), self.forced.take());
        let outer = std::mem::replace(&mut self.forwards, false);
        // There is no placeholder in it: what is not understood can be left.
        let read = self.script(text).is_ok();
        if std::mem::replace(&mut self.forwards, outer) && read {
            self.run(arguments);
        }
        (self.never, self.forced) = (never, forced);
    }
}

/// Whether a word is nothing but what another program hands over.
fn is_input(word: &Word) -> bool {
    matches!(word.0.as_slice(), [Atom::From(Origin::Input)])
}

/// Whether an option, or the last one of a cluster, takes the next word.
pub(super) fn takes_next(word: &str, valued: impl Fn(&str) -> bool) -> bool {
    if valued(word) {
        return true;
    }
    let Some(letters) = word.strip_prefix('-').filter(|l| !l.starts_with('-')) else {
        return false;
    };
    let first = letters.char_indices().find(|(_, c)| valued(&format!("-{c}")));
    first.is_some_and(|(at, c)| at + c.len_utf8() == letters.len())
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
pub(super) fn base(name: &str) -> &str {
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
pub(super) fn option(option: &str, word: &str) -> Option<bool> {
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
