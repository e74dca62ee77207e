//! The walk over a word: its pieces, the expansions in it, and what its parts come from.

use brush_parser::word::{
    Parameter, ParameterExpr, ParameterTransformOp, SpecialParameter, WordPiece,
    WordPieceWithSource,
};

use super::contexts::{DEEPEST, Walk};
use super::facts::{Atom, Nested, Origin, Spot, Word};
use super::marks::{Quoting, nth};

/// What a walk gives; the error says what was not understood.
pub(super) type Walked<T> = Result<T, String>;

const PROMPT: Nested = Nested {
    what: "bash runs the commands in what `${…@P}` shows",
    hint: "print the value as it is: printf '%s' \"$x\"",
};

const IN_BRACES: Spot = Spot::Never(
    "it stands inside `${…}`",
    "assign it to a variable first: x={…}, and use \"$x\" there",
);
const BACKTICKS: Spot = Spot::Never("it stands inside backticks", "write $( … ) instead");
const TRANSLATED: Spot = Spot::Never("it stands inside `$\"…\"`", "write \"…\" without the `$`");
const ESCAPED: Spot =
    Spot::Never("a backslash stands before it", "remove the backslash, or double it");

impl Walk<'_> {
    /// A word of the script.
    pub(super) fn word(&mut self, text: &str) -> Walked<Word> {
        let pieces = self.reader.word(text)?;
        let mut atoms = Vec::new();
        self.deeper(|walk| walk.pieces(&pieces, text, Quoting::None, &mut atoms))?;
        Ok(Word(atoms))
    }

    /// A word's literal parts only; nothing in it is noted.
    pub(super) fn shallow(&self, text: &str) -> Word {
        fn add(pieces: &[WordPieceWithSource], atoms: &mut Vec<Atom>) {
            for piece in pieces {
                match &piece.piece {
                    WordPiece::Text(t)
                    | WordPiece::SingleQuotedText(t)
                    | WordPiece::AnsiCQuotedText(t) => atoms.push(Atom::Text(t.clone())),
                    WordPiece::EscapeSequence(t) => {
                        atoms.push(Atom::Text(t.trim_start_matches('\\').to_owned()));
                    }
                    WordPiece::DoubleQuotedSequence(inner) => add(inner, atoms),
                    WordPiece::ParameterExpansion(ParameterExpr::Parameter {
                        parameter: Parameter::Named(name),
                        indirect: false,
                    }) => atoms.push(Atom::From(Origin::Var(name.clone()))),
                    _ => atoms.push(Atom::From(Origin::Any)),
                }
            }
        }
        let mut atoms = Vec::new();
        add(&self.reader.word(text).unwrap_or_default(), &mut atoms);
        Word(atoms)
    }

    /// Text in which nothing is special.
    pub(super) fn verbatim(&mut self, text: &str) -> Walked<()> {
        self.text(text, Quoting::None, &mut Vec::new())
    }

    /// A text in which quotes are ordinary characters.
    pub(super) fn unquoted(&mut self, text: &str) -> Walked<Word> {
        let pieces = self.reader.unquoted(text)?;
        let mut atoms = Vec::new();
        self.deeper(|walk| walk.pieces(&pieces, text, Quoting::Double, &mut atoms))?;
        Ok(Word(atoms))
    }

    /// Arithmetic: all that takes part in it is evaluated.
    pub(super) fn expression(&mut self, text: &str, form: &'static str) -> Walked<()> {
        let pieces = self.reader.word(text)?;
        let mut atoms = Vec::new();
        self.deeper(|walk| walk.pieces(&pieces, text, Quoting::Double, &mut atoms))?;
        let word = Word(atoms);
        self.facts.place(&word, Spot::Arithmetic(form));
        Ok(())
    }

    /// Walks with one more level of nesting.
    pub(super) fn deeper<T>(&mut self, walk: impl FnOnce(&mut Self) -> Walked<T>) -> Walked<T> {
        if self.depth >= DEEPEST {
            return Err(format!("more than {DEEPEST} levels of nesting"));
        }
        self.depth += 1;
        let walked = walk(self);
        self.depth -= 1;
        walked
    }

    /// Notes where a part of a word comes from.
    pub(super) fn origin(&mut self, origin: Origin) -> Atom {
        if let Some(outer) = self.outputs.last_mut() {
            outer.push(origin.clone());
        }
        if let Some(spot) = self.forced {
            self.facts.uses.insert((origin.clone(), spot));
        }
        Atom::From(origin)
    }

    fn pieces(
        &mut self,
        pieces: &[WordPieceWithSource],
        text: &str,
        quoting: Quoting,
        atoms: &mut Vec<Atom>,
    ) -> Walked<()> {
        for piece in pieces {
            let source = text.get(piece.start_index..piece.end_index).unwrap_or_default();
            match &piece.piece {
                WordPiece::Text(t) if quoting == Quoting::Double && t.contains('`') => {
                    return Err("a backtick".to_owned());
                }
                WordPiece::Text(t) => self.text(t, quoting, atoms)?,
                WordPiece::SingleQuotedText(t) => self.text(t, Quoting::Single, atoms)?,
                WordPiece::AnsiCQuotedText(t) => self.text(t, Quoting::AnsiC, atoms)?,
                WordPiece::EscapeSequence(t) => {
                    let after = t.strip_prefix('\\').unwrap_or(t);
                    self.never(ESCAPED, |walk| walk.text(after, quoting, atoms))?;
                }
                WordPiece::DoubleQuotedSequence(inner) => {
                    self.deeper(|walk| walk.pieces(inner, text, Quoting::Double, atoms))?;
                }
                WordPiece::GettextDoubleQuotedSequence(inner) => self
                    .never(TRANSLATED, |walk| {
                        walk.deeper(|walk| walk.pieces(inner, text, Quoting::Double, atoms))
                    })?,
                WordPiece::TildeExpansion(_) => self.text(source, quoting, atoms)?,
                WordPiece::ParameterExpansion(expression) => {
                    self.expansion(expression, quoting, atoms)?;
                    self.all_seen(source);
                }
                WordPiece::CommandSubstitution(inner) => {
                    let origins = self.output(|walk| walk.script(inner))?;
                    atoms.push(Atom::Output(origins));
                }
                WordPiece::BackquotedCommandSubstitution(inner) => {
                    let inner = inner.replace("\\\\", "\\").replace("\\$", "$");
                    let origins =
                        self.never(BACKTICKS, |walk| walk.output(|walk| walk.script(&inner)))?;
                    atoms.push(Atom::Output(origins));
                }
                WordPiece::ArithmeticExpression(expression) => {
                    self.expression(&expression.value, "$(( … ))")?;
                    atoms.push(Atom::Text("0".to_owned()));
                }
            }
        }
        Ok(())
    }

    /// Literal text, with the placeholders in it.
    fn text(&mut self, text: &str, quoting: Quoting, atoms: &mut Vec<Atom>) -> Walked<()> {
        let mut literal = String::new();
        for c in text.chars() {
            let Some(n) = nth(c).filter(|n| *n < self.placeholders) else {
                literal.push(c);
                continue;
            };
            if !literal.is_empty() {
                atoms.push(Atom::Text(std::mem::take(&mut literal)));
            }
            if self.facts.quoting.insert(n, quoting).is_some() {
                return Err("a word that was read twice".to_owned());
            }
            if let Some(spot) = self.never {
                self.facts.uses.insert((Origin::Ref(n), spot));
            }
            let atom = self.origin(Origin::Ref(n));
            atoms.push(atom);
        }
        if !literal.is_empty() || atoms.is_empty() {
            atoms.push(Atom::Text(literal));
        }
        Ok(())
    }

    /// Walks where no placeholder may stand.
    pub(super) fn never<T>(
        &mut self,
        spot: Spot,
        walk: impl FnOnce(&mut Self) -> Walked<T>,
    ) -> Walked<T> {
        let outer = self.never;
        self.never = outer.or(Some(spot));
        let walked = walk(self);
        self.never = outer;
        walked
    }

    /// Walks with every origin put in a place of its own: what another program reads as code.
    pub(super) fn forced<T>(
        &mut self,
        spot: Option<Spot>,
        walk: impl FnOnce(&mut Self) -> Walked<T>,
    ) -> Walked<T> {
        let outer = self.forced;
        // What is run at once matters more than what is written to a file.
        let kept = outer.filter(|_| matches!(spot, None | Some(Spot::Written(_))));
        self.forced = kept.or(spot);
        let walked = walk(self);
        self.forced = outer;
        walked
    }

    /// All that takes part in what a command prints.
    pub(super) fn output(
        &mut self,
        walk: impl FnOnce(&mut Self) -> Walked<()>,
    ) -> Walked<Vec<Origin>> {
        self.outputs.push(Vec::new());
        let walked = self.deeper(walk);
        let origins = self.outputs.pop().unwrap_or_default();
        if let Some(outer) = self.outputs.last_mut() {
            outer.extend(origins.iter().cloned());
        }
        walked.map(|()| origins)
    }

    /// How much takes part so far in what the innermost `$( )` prints.
    pub(super) fn output_so_far(&self) -> usize {
        self.outputs.last().map_or(0, Vec::len)
    }

    /// Forgets what was noted as printed since then.
    pub(super) fn output_up_to(&mut self, before: usize) {
        if let Some(output) = self.outputs.last_mut() {
            output.truncate(before);
        }
    }

    /// Placeholders of a piece that the walk did not come by stand in a name or an operator.
    fn all_seen(&mut self, source: &str) {
        for n in source.chars().filter_map(nth).filter(|n| *n < self.placeholders) {
            self.facts.quoting.entry(n).or_insert_with(|| {
                self.facts.uses.insert((Origin::Ref(n), IN_BRACES));
                Quoting::Double
            });
        }
    }

    fn expansion(
        &mut self,
        expression: &ParameterExpr,
        quoting: Quoting,
        atoms: &mut Vec<Atom>,
    ) -> Walked<()> {
        use ParameterExpr as E;
        match expression {
            E::Parameter { parameter, indirect } => self.parameter(parameter, *indirect, atoms),
            E::UseDefaultValues { parameter, indirect, default_value: word, .. }
            | E::UseAlternativeValue { parameter, indirect, alternative_value: word, .. }
            | E::IndicateErrorIfNullOrUnset { parameter, indirect, error_message: word, .. }
            | E::RemoveSmallestSuffixPattern { parameter, indirect, pattern: word }
            | E::RemoveLargestSuffixPattern { parameter, indirect, pattern: word }
            | E::RemoveSmallestPrefixPattern { parameter, indirect, pattern: word }
            | E::RemoveLargestPrefixPattern { parameter, indirect, pattern: word }
            | E::UppercaseFirstChar { parameter, indirect, pattern: word }
            | E::UppercasePattern { parameter, indirect, pattern: word }
            | E::LowercaseFirstChar { parameter, indirect, pattern: word }
            | E::LowercasePattern { parameter, indirect, pattern: word } => {
                self.parameter(parameter, *indirect, atoms)?;
                self.operand(word.as_deref(), quoting, atoms)
            }
            E::AssignDefaultValues { parameter, indirect, default_value, .. } => {
                let before = atoms.len();
                self.parameter(parameter, *indirect, atoms)?;
                self.operand(default_value.as_deref(), quoting, atoms)?;
                let value = Word(atoms[before..].to_vec());
                let name = if *indirect { None } else { named(parameter) };
                self.assign(name, &value);
                Ok(())
            }
            E::ReplaceSubstring { parameter, indirect, pattern, replacement, .. } => {
                self.parameter(parameter, *indirect, atoms)?;
                self.operand(Some(pattern), quoting, atoms)?;
                self.operand(replacement.as_deref(), quoting, atoms)
            }
            E::ParameterLength { parameter, .. } => {
                self.parameter(parameter, false, &mut Vec::new())?;
                atoms.push(Atom::Text("0".to_owned()));
                Ok(())
            }
            E::Substring { parameter, indirect, offset, length } => {
                let before = atoms.len();
                self.parameter(parameter, *indirect, atoms)?;
                for atom in &mut atoms[before..] {
                    if matches!(atom, Atom::From(Origin::Args)) {
                        *atom = Atom::From(Origin::LaterArgs);
                    }
                }
                self.expression(&offset.value, "${x:offset}")?;
                length.iter().try_for_each(|l| self.expression(&l.value, "${x:offset:length}"))
            }
            E::Transform { parameter, indirect, op } => {
                let before = atoms.len();
                self.parameter(parameter, *indirect, atoms)?;
                if matches!(op, ParameterTransformOp::PromptExpand) {
                    let value = Word(atoms[before..].to_vec());
                    self.facts.place(&value, Spot::Program(&PROMPT));
                }
                Ok(())
            }
            E::VariableNames { prefix, .. } => {
                // The names of variables, of which one may be that of a value.
                atoms.push(Atom::Text(prefix.clone()));
                let any = self.origin(Origin::Any);
                atoms.push(any);
                Ok(())
            }
            E::MemberKeys { variable_name, .. } => {
                let atom = self.origin(Origin::Var(variable_name.clone()));
                atoms.push(atom);
                Ok(())
            }
        }
    }

    /// The word inside `${x:-word}`. Inside double quotes bash takes single quotes there for ordinary characters.
    fn operand(
        &mut self,
        text: Option<&str>,
        quoting: Quoting,
        atoms: &mut Vec<Atom>,
    ) -> Walked<()> {
        let Some(text) = text else { return Ok(()) };
        let word = self.never(IN_BRACES, |walk| {
            if quoting == Quoting::Double { walk.unquoted(text) } else { walk.word(text) }
        })?;
        atoms.extend(word.0);
        Ok(())
    }

    fn parameter(
        &mut self,
        parameter: &Parameter,
        indirect: bool,
        atoms: &mut Vec<Atom>,
    ) -> Walked<()> {
        let origin = match parameter {
            Parameter::Positional(1)
            | Parameter::Special(SpecialParameter::AllPositionalParameters { .. }) => {
                Some(Origin::Args)
            }
            Parameter::Positional(_) | Parameter::Special(SpecialParameter::ShellName) => {
                Some(Origin::LaterArgs)
            }
            Parameter::Special(_) => None,
            Parameter::Named(name) | Parameter::NamedWithAllIndices { name, .. } => {
                Some(Origin::Var(name.clone()))
            }
            Parameter::NamedWithIndex { name, index } => {
                self.expression(index, "a subscript")?;
                Some(Origin::Var(name.clone()))
            }
        };
        let atom = match origin {
            Some(origin) => self.origin(origin),
            None => Atom::Text("0".to_owned()),
        };
        if indirect {
            self.facts.place(&Word(vec![atom]), Spot::Name("${!name}"));
            let any = self.origin(Origin::Any);
            atoms.push(any);
        } else {
            atoms.push(atom);
        }
        Ok(())
    }
}

/// The variable that a parameter is.
fn named(parameter: &Parameter) -> Option<&str> {
    match parameter {
        Parameter::Named(name)
        | Parameter::NamedWithAllIndices { name, .. }
        | Parameter::NamedWithIndex { name, .. } => Some(name),
        Parameter::Positional(_) | Parameter::Special(_) => None,
    }
}
