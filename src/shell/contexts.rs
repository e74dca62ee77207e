//! The walk over a script: every command, word, redirect and here-document, each in its context.

use brush_parser::ast::{
    AndOr, Assignment, AssignmentName, AssignmentValue, BinaryPredicate, Command,
    CommandPrefixOrSuffixItem as Item, CompoundCommand, CompoundList, ExtendedTestExpr,
    FunctionDefinition, IoFileRedirectTarget, IoRedirect, Pipeline, RedirectList, SimpleCommand,
    SubshellCommand, UnaryPredicate,
};

use super::facts::{Atom, Facts, Origin, Spot, Word};
use super::read::Reader;
use super::words::Walked;
use super::wrappers::prints_environment;

/// The deepest nesting that is followed.
pub(super) const DEEPEST: usize = 100;

const NAME: Spot = Spot::Never(
    "it stands for the name of a function or of a process",
    "write a fixed name, and hand over the value as an argument",
);

/// A walk over one script and everything nested in it.
pub(super) struct Walk<'r> {
    pub(super) reader: &'r Reader,
    /// How many placeholders there are.
    pub(super) placeholders: usize,
    pub(super) facts: Facts,
    pub(super) depth: usize,
    /// Why no placeholder may stand where the walk is.
    pub(super) never: Option<Spot>,
    /// The place that everything here ends up in, such as a program read from standard input.
    pub(super) forced: Option<Spot>,
    /// Whether a command is what the text that the walk is in was called with.
    pub(super) forwards: bool,
    /// All commands with arguments.
    pub(super) calls: Vec<Vec<Word>>,
    /// What takes part in the output of each command substitution that the walk is in.
    pub(super) outputs: Vec<Vec<Origin>>,
}

/// One word after a command's name, or an assignment before or after it.
pub(super) enum Argument<'a> {
    Word(Word),
    Assignment(&'a Assignment),
}

impl<'r> Walk<'r> {
    pub(super) fn new(reader: &'r Reader, placeholders: usize) -> Self {
        Self {
            reader,
            placeholders,
            facts: Facts::default(),
            depth: 0,
            never: None,
            forced: None,
            forwards: false,
            calls: Vec::new(),
            outputs: Vec::new(),
        }
    }

    /// A whole script, or what stands inside `$( )`.
    pub(super) fn script(&mut self, text: &str) -> Walked<()> {
        let program = self.reader.program(text)?;
        self.deeper(|walk| program.complete_commands.iter().try_for_each(|list| walk.list(list)))
    }

    fn list(&mut self, list: &CompoundList) -> Walked<()> {
        self.deeper(|walk| {
            for item in &list.0 {
                walk.pipeline(&item.0.first)?;
                for other in &item.0.additional {
                    let (AndOr::And(pipeline) | AndOr::Or(pipeline)) = other;
                    walk.pipeline(pipeline)?;
                }
            }
            Ok(())
        })
    }

    /// A pipeline: what is written to a program that reads its program is program text.
    fn pipeline(&mut self, pipeline: &Pipeline) -> Walked<()> {
        for (at, command) in pipeline.seq.iter().enumerate() {
            let mut later = pipeline.seq.iter().skip(at + 1);
            let reader = self.writes_program(command).or_else(|| {
                later.find_map(|c| self.reads_program(c).or_else(|| self.writes_program(c)))
            });
            let spot = reader.map(Spot::Program).or_else(|| self.written(&pipeline.seq[at..]));
            self.forced(spot, |walk| walk.command(command))?;
        }
        Ok(())
    }

    fn command(&mut self, command: &Command) -> Walked<()> {
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Compound(compound, redirects) => {
                self.deeper(|walk| walk.compound(compound))?;
                let reader = self.compound_reads(compound).map(Spot::Program);
                self.forced(reader, |walk| walk.redirects(redirects.as_ref()))
            }
            Command::Function(function) => self.function(function),
            Command::ExtendedTest(test, redirects) => {
                self.deeper(|walk| walk.test(&test.expr))?;
                self.redirects(redirects.as_ref())
            }
        }
    }

    fn function(&mut self, function: &FunctionDefinition) -> Walked<()> {
        let name = self.never(NAME, |walk| walk.word(&function.fname.value))?;
        self.facts.functions.extend(name.literal());
        let outer = std::mem::replace(&mut self.forwards, false);
        let origins = self.output(|walk| walk.compound(&function.body.0))?;
        if let Some(name) = name.literal() {
            let own = origins.into_iter().filter(|o| *o != Origin::Input).collect();
            self.facts.prints.insert(name, own);
        }
        if std::mem::replace(&mut self.forwards, outer) {
            self.facts.forwarding.extend(name.literal());
        }
        if let (Some(name), Some(nested)) = (name.literal(), self.compound_reads(&function.body.0))
        {
            self.facts.reading.insert(name, nested);
        }
        self.redirects(function.body.1.as_ref())
    }

    fn compound(&mut self, compound: &CompoundCommand) -> Walked<()> {
        match compound {
            CompoundCommand::Arithmetic(a) => self.expression(&a.expr.value, "(( … ))"),
            CompoundCommand::ArithmeticForClause(f) => {
                for part in [&f.initializer, &f.condition, &f.updater].into_iter().flatten() {
                    self.expression(&part.value, "for (( … ))")?;
                }
                self.list(&f.body.list)
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list),
            CompoundCommand::Subshell(subshell) => self.list(&subshell.list),
            CompoundCommand::ForClause(each) => {
                let mut all = Word::default();
                match &each.values {
                    Some(values) => {
                        for value in values {
                            all.0.extend(self.word(&value.value)?.0);
                        }
                    }
                    None => all.0.push(Atom::From(Origin::Args)),
                }
                self.assign(Some(&each.variable_name), &all);
                self.list(&each.body.list)
            }
            CompoundCommand::CaseClause(case) => {
                self.word(&case.value.value)?;
                for item in &case.cases {
                    item.patterns.iter().try_for_each(|p| self.word(&p.value).map(|_| ()))?;
                    item.cmd.iter().try_for_each(|list| self.list(list))?;
                }
                Ok(())
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition)?;
                self.list(&clause.then)?;
                for other in clause.elses.iter().flatten() {
                    other.condition.iter().try_for_each(|list| self.list(list))?;
                    self.list(&other.body)?;
                }
                Ok(())
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0)?;
                self.list(&clause.1.list)
            }
            CompoundCommand::Coprocess(process) => {
                if let Some(name) = &process.name {
                    self.never(NAME, |walk| walk.word(&name.value))?;
                }
                if self.reads_program(&process.body).is_some() {
                    return Err("a coprocess that runs what is written to it".to_owned());
                }
                self.command(&process.body)
            }
        }
    }

    /// `[[ … ]]`: strings and patterns are safe, arithmetic comparisons and `-v` are not.
    fn test(&mut self, test: &ExtendedTestExpr) -> Walked<()> {
        use BinaryPredicate as B;
        match test {
            ExtendedTestExpr::And(one, other) | ExtendedTestExpr::Or(one, other) => {
                self.deeper(|walk| walk.test(one))?;
                self.deeper(|walk| walk.test(other))
            }
            ExtendedTestExpr::Not(one) | ExtendedTestExpr::Parenthesized(one) => {
                self.deeper(|walk| walk.test(one))
            }
            ExtendedTestExpr::UnaryTest(predicate, word) => {
                let word = self.word(&word.value)?;
                let named = matches!(
                    predicate,
                    UnaryPredicate::ShellVariableIsSetAndAssigned
                        | UnaryPredicate::ShellVariableIsSetAndNameRef
                );
                if named {
                    self.name(&word, "[[ -v name ]]");
                }
                Ok(())
            }
            ExtendedTestExpr::BinaryTest(predicate, one, other) => {
                let words = [self.word(&one.value)?, self.word(&other.value)?];
                let arithmetic = matches!(
                    predicate,
                    B::ArithmeticEqualTo
                        | B::ArithmeticNotEqualTo
                        | B::ArithmeticLessThan
                        | B::ArithmeticLessThanOrEqualTo
                        | B::ArithmeticGreaterThan
                        | B::ArithmeticGreaterThanOrEqualTo
                );
                if arithmetic {
                    let form = Spot::Arithmetic("[[ a -eq b ]]");
                    words.iter().for_each(|word| self.facts.place(word, form));
                }
                Ok(())
            }
        }
    }

    fn simple(&mut self, simple: &SimpleCommand) -> Walked<()> {
        let before = self.output_so_far();
        let arguments = self.arguments(simple)?;
        let words = plain(&arguments);
        if super::wrappers::prints_numbers(&words) {
            self.output_up_to(before);
        }
        let reader = self.reads_as(&words);
        let bare = words.len() == 1 && words[0].literal().as_deref() == Some("exec");
        let prefix = simple.prefix.iter().flat_map(|p| &p.0);
        let suffix = simple.suffix.iter().flat_map(|s| &s.0);
        for item in prefix.chain(suffix) {
            if let Item::IoRedirect(redirect) = item {
                let read = reader.filter(|_| super::readers::is_text(redirect)).map(Spot::Program);
                let before = self.output_so_far();
                let origins = self.output(|w| w.forced(read, |walk| walk.redirect(redirect)))?;
                self.executed_from(redirect, reader, &origins);
                if !super::readers::is_text(redirect) {
                    // A file's name is not what is in it.
                    self.output_up_to(before);
                }
                if bare {
                    self.facts.spilled.extend(self.target(redirect));
                    self.facts.input.push(Word(vec![Atom::Output(origins)]));
                }
            }
        }
        for item in simple.prefix.iter().flat_map(|p| &p.0) {
            if let Item::AssignmentWord(assignment, _) = item {
                self.assignment(assignment)?;
            }
        }
        if words.is_empty() {
            // `$(< file)` prints what is in the file.
            if !self.outputs.is_empty() && simple.prefix.is_some() {
                self.origin(Origin::Input);
            }
            return Ok(());
        }
        if reader.is_some() && self.facts.reader.is_none() {
            self.facts.reader = reader;
        }
        if let Some(name) = words[0].literal() {
            let printed = self.facts.prints.get(&name).cloned().unwrap_or_default();
            printed.into_iter().for_each(|origin| drop(self.origin(origin)));
        }
        if prints_environment(&words) {
            self.origin(Origin::Any);
        }
        if !self.outputs.is_empty() && !super::interpreters::prints_only_its_arguments(&words) {
            self.origin(Origin::Input);
        }
        self.evaluating(&words, &arguments)?;
        self.run(&words);
        Ok(())
    }

    /// The command's words with what they come from; assignments among them are left as they are.
    fn arguments<'a>(&mut self, simple: &'a SimpleCommand) -> Walked<Vec<Argument<'a>>> {
        let mut arguments = Vec::new();
        if let Some(word) = &simple.word_or_name {
            arguments.push(Argument::Word(self.word(&word.value)?));
        }
        let declares = match arguments.first() {
            Some(Argument::Word(word)) => {
                word.literal().is_some_and(|name| super::evaluating::declares(&name))
            }
            _ => false,
        };
        let reads = super::interpreters::runs_a_file(&plain(&arguments)).map(Spot::Program);
        // What is in a file is not the value that names the file.
        let outer = self.forced;
        if matches!(arguments.first(), Some(Argument::Word(w)) if super::interpreters::reads_files(w))
        {
            self.forced = None;
        }
        for item in simple.suffix.iter().flat_map(|s| &s.0) {
            match item {
                Item::IoRedirect(_) => {}
                Item::Word(word) => arguments.push(Argument::Word(self.word(&word.value)?)),
                Item::AssignmentWord(assignment, _) if declares => {
                    arguments.push(Argument::Assignment(assignment));
                }
                Item::AssignmentWord(Assignment { value: AssignmentValue::Array(_), .. }, _) => {
                    return Err("an array among a command's arguments".to_owned());
                }
                Item::AssignmentWord(_, word) => {
                    arguments.push(Argument::Word(self.word(&word.value)?));
                }
                Item::ProcessSubstitution(_, subshell) => {
                    self.forced(reads, |walk| walk.process(subshell))?;
                    arguments.push(Argument::Word(Word(vec![Atom::Text("/dev/fd/63".to_owned())])));
                }
            }
        }
        self.forced = outer;
        Ok(arguments)
    }

    fn process(&mut self, subshell: &SubshellCommand) -> Walked<()> {
        self.deeper(|walk| walk.list(&subshell.list))
    }

    /// An assignment as a command or before one.
    pub(super) fn assignment(&mut self, assignment: &Assignment) -> Walked<Word> {
        let name = match &assignment.name {
            AssignmentName::VariableName(name) => name,
            AssignmentName::ArrayElementName(name, index) => {
                self.expression(index, "a[…]=")?;
                self.facts.arrays.insert(name.clone());
                name
            }
        };
        let value = match &assignment.value {
            AssignmentValue::Scalar(word) => self.word(&word.value)?,
            AssignmentValue::Array(elements) => {
                self.facts.arrays.insert(name.clone());
                let mut all = Word::default();
                for (key, value) in elements {
                    if let Some(key) = key {
                        self.expression(&key.value, "a=([…]=)")?;
                    }
                    let element = self.word(&value.value)?;
                    all.0.extend(element.0);
                    all.0.push(Atom::Text(" ".to_owned()));
                }
                all
            }
        };
        self.assign(Some(name), &value);
        Ok(value)
    }

    fn redirects(&mut self, redirects: Option<&RedirectList>) -> Walked<()> {
        redirects.iter().flat_map(|list| &list.0).try_for_each(|r| self.redirect(r))
    }

    fn redirect(&mut self, redirect: &IoRedirect) -> Walked<()> {
        match redirect {
            IoRedirect::File(_, _, target) => match target {
                IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word) => {
                    self.word(&word.value).map(|_| ())
                }
                IoFileRedirectTarget::Fd(_) => Ok(()),
                IoFileRedirectTarget::ProcessSubstitution(_, subshell) => self.process(subshell),
            },
            IoRedirect::OutputAndError(word, _) => self.word(&word.value).map(|_| ()),
            IoRedirect::HereString(_, word) => self.here_string(word),
            IoRedirect::HereDocument(_, document) => self.here_document(document),
        }
    }
}

/// The words among arguments.
fn plain(arguments: &[Argument<'_>]) -> Vec<Word> {
    let words = arguments.iter().filter_map(|argument| match argument {
        Argument::Word(word) => Some(word.clone()),
        Argument::Assignment(_) => None,
    });
    words.collect()
}
