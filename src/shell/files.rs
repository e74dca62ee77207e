//! Here-documents, files that a script writes, and those that it runs: what it writes to one that it runs is program text.

use brush_parser::ast::{
    Command, CommandPrefixOrSuffixItem as Item, IoFileRedirectKind, IoFileRedirectTarget,
    IoHereDocument, IoRedirect,
};

use super::contexts::Walk;
use super::facts::{Atom, Nested, Origin, Spot, Word};
use super::marks::has_mark;
use super::programs::SHELL;
use super::readers::items;
use super::words::Walked;

const TAG: Spot = Spot::Never("it stands in a here-document's tag", "write a fixed tag");
const QUOTED_DOCUMENT: Spot = Spot::Never(
    "it stands in a here-document with a quoted tag",
    "remove the quotes from the tag, and put a backslash before each `$` and backtick that is meant as it stands",
);
impl Walk<'_> {
    /// A here-document: one with a quoted tag that a shell reads is followed as part of the script.
    pub(super) fn here_document(&mut self, document: &IoHereDocument) -> Walked<()> {
        self.never(TAG, |walk| walk.word(&document.here_end.value))?;
        if document.requires_expansion {
            return self.unquoted(&document.doc.value).map(|_| ());
        }
        self.never(QUOTED_DOCUMENT, |walk| walk.verbatim(&document.doc.value))?;
        if let Some(Spot::Program(nested)) = self.forced
            && *nested == SHELL
            && !has_mark(&document.doc.value)
        {
            self.nested(&document.doc.value, &[]);
        }
        Ok(())
    }

    /// A here-string.
    pub(super) fn here_string(&mut self, word: &brush_parser::ast::Word) -> Walked<()> {
        let word = self.word(&word.value)?;
        if let (Some(Spot::Program(nested)), Some(text)) = (self.forced, word.literal())
            && *nested == SHELL
        {
            self.nested(&text, &[]);
        }
        Ok(())
    }

    /// The files that the first of some piped commands writes, itself or through the others.
    pub(super) fn written(&mut self, commands: &[Command]) -> Option<Spot> {
        let mut names = Vec::new();
        for command in commands {
            match command {
                Command::Simple(simple) => {
                    let is_tee = simple.word_or_name.as_ref().is_some_and(|w| w.value == "tee");
                    for item in items(simple) {
                        match item {
                            Item::IoRedirect(redirect) => names.extend(self.target(redirect)),
                            Item::Word(word) if is_tee => {
                                names.extend(name(&self.shallow(&word.value)));
                            }
                            _ => {}
                        }
                    }
                }
                Command::Compound(_, redirects) => {
                    let all = redirects.iter().flat_map(|list| &list.0);
                    names.extend(all.filter_map(|redirect| self.target(redirect)));
                }
                Command::Function(_) | Command::ExtendedTest(..) => {}
            }
        }
        if names.is_empty() {
            return None;
        }
        self.facts.written.push(names);
        Some(Spot::Written(self.facts.written.len() - 1))
    }

    /// The file that a redirect writes to.
    pub(super) fn target(&self, redirect: &IoRedirect) -> Option<String> {
        use IoFileRedirectKind::{Append, Clobber, ReadAndWrite, Write};
        let word = match redirect {
            IoRedirect::File(
                fd,
                Write | Append | Clobber | ReadAndWrite,
                IoFileRedirectTarget::Filename(word),
            ) if fd.is_none_or(|fd| fd != 2) => word,
            IoRedirect::OutputAndError(word, _) => word,
            _ => return None,
        };
        name(&self.shallow(&word.value))
    }

    /// Notes a file that is run.
    pub(super) fn executes(&mut self, word: &Word, nested: &'static Nested) {
        self.facts.executed.extend(name(word).map(|name| (name, nested)));
    }

    /// Notes a file that is run because its program reads it.
    pub(super) fn executed_from(
        &mut self,
        redirect: &IoRedirect,
        reader: Option<&'static Nested>,
        origins: &[Origin],
    ) {
        if let (
            Some(nested),
            IoRedirect::File(_, IoFileRedirectKind::Read, IoFileRedirectTarget::Filename(word)),
        ) = (reader, redirect)
        {
            let word = self.shallow(&word.value);
            self.executes(&word, nested);
            if *nested == SHELL {
                // As in `bash {v}`: it is chosen by its name.
                let named = Word(vec![Atom::Output(origins.to_vec())]);
                self.facts.place(&named, Spot::Program(nested));
            }
        }
    }
}

/// What a file is called, in text and variables.
fn name(word: &Word) -> Option<String> {
    let mut name = String::new();
    for atom in &word.0 {
        match atom {
            Atom::Text(text) => name.push_str(text),
            Atom::From(Origin::Var(variable)) => {
                name.push_str("${");
                name.push_str(variable);
                name.push('}');
            }
            Atom::From(_) | Atom::Output(_) => return None,
        }
    }
    let name = name.strip_prefix("./").unwrap_or(&name);
    (!name.is_empty()).then(|| name.to_owned())
}
