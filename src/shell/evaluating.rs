//! The builtins that evaluate what they are given: arithmetic, and names, whose subscripts bash evaluates.
//!
//! Which forms do was tried with bash 5.2; the table is in tests/shell/forms.rs, and runs there.

use brush_parser::ast::{Assignment, AssignmentName, AssignmentValue};

use super::contexts::{Argument, Walk};
use super::facts::{Atom, Nested, Origin, Spot, Word};
use super::words::Walked;

/// Builtins that take assignments as arguments.
const DECLARING: &[&str] = &["declare", "export", "local", "readonly", "typeset"];

/// Variables whose values bash takes for numbers.
pub(super) const INTEGERS: &[&str] = &[
    "BASHPID",
    "EPOCHREALTIME",
    "EPOCHSECONDS",
    "HISTCMD",
    "LINENO",
    "OPTIND",
    "RANDOM",
    "SECONDS",
    "SRANDOM",
];

/// Variables that are arrays from the start.
pub(super) const ARRAYS: &[&str] = &[
    "BASH_ALIASES",
    "BASH_ARGC",
    "BASH_ARGV",
    "BASH_CMDS",
    "BASH_LINENO",
    "BASH_REMATCH",
    "BASH_SOURCE",
    "BASH_VERSINFO",
    "COMPREPLY",
    "COPROC",
    "DIRSTACK",
    "FUNCNAME",
    "GROUPS",
    "MAPFILE",
    "PIPESTATUS",
];

/// Variables whose values bash, or the linker, runs.
const RUN: &[&str] = &[
    "BASH_ALIASES",
    "BASH_CMDS",
    "BASH_ENV",
    "ENV",
    "LD_AUDIT",
    "LD_PRELOAD",
    "PROMPT_COMMAND",
    "PS0",
    "PS1",
    "PS2",
    "PS4",
    "EDITOR",
    "GIT_EDITOR",
    "GIT_EXTERNAL_DIFF",
    "GIT_PAGER",
    "GIT_PROXY_COMMAND",
    "GIT_SEQUENCE_EDITOR",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "LESSOPEN",
    "MAKEFLAGS",
    "NODE_OPTIONS",
    "PAGER",
    "PERL5DB",
    "PERL5OPT",
    "RSYNC_RSH",
    "RUBYOPT",
    "TAR_OPTIONS",
    "VISUAL",
];

const VARIABLE: Nested = Nested {
    what: "this variable's value is run",
    hint: "give it a fixed value, and hand the other over in a variable of its own",
};
const CALLBACK: Nested = Nested {
    what: "it is the text of a command that bash will run",
    hint: "write the command in single quotes, and let it use a variable: '… \"$x\" …'",
};
/// The form in which an array's text is evaluated.
pub(super) const COMPOUND: &str = "declare -a name=value";

/// The binary operators of `test`.
const BINARY: &[&str] = &[
    "=", "==", "!=", "<", ">", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "-a",
    "-o", ")",
];

/// Whether bash, the linker or some well-known program runs what this variable holds.
pub fn is_run(name: &str) -> bool {
    RUN.contains(&name)
}

/// Whether a command takes assignments as arguments.
pub(super) fn declares(name: &str) -> bool {
    DECLARING.contains(&name)
}

impl Walk<'_> {
    /// Notes an assignment, and whether the value is run or evaluated.
    pub(super) fn assign(&mut self, name: Option<&str>, value: &Word) {
        if name.is_some_and(is_run) {
            self.facts.place(value, Spot::Program(&VARIABLE));
        }
        let text = value.prefix();
        if let Some(name) = name.filter(|_| !text.trim().is_empty()) {
            self.facts.literals.insert((name.to_owned(), text));
        }
        self.facts.assign(name, value);
    }

    /// A word that names a variable; what stands in its subscript is evaluated.
    pub(super) fn name(&mut self, word: &Word, form: &'static str) {
        let mut inside = false;
        for atom in &word.0 {
            let opens = match atom {
                Atom::Text(text) if !inside => text.split_once('[').map(|(_, after)| after),
                _ => None,
            };
            let spot = if inside { Spot::Arithmetic(form) } else { Spot::Name(form) };
            self.facts.place(&Word(vec![atom.clone()]), spot);
            if let Some(after) = opens {
                inside = true;
                let subscript = Word(vec![Atom::Text(after.to_owned())]);
                self.facts.place(&subscript, Spot::Arithmetic(form));
            }
        }
    }

    /// A word that names a variable which is given something from outside.
    fn filled(&mut self, word: &Word, form: &'static str) {
        self.name(word, form);
        let text = word.literal();
        let name = text.as_deref().map(|t| t.split_once('[').map_or(t, |(name, _)| name));
        self.assign(name, &Word(vec![Atom::From(Origin::Input)]));
    }

    /// The arguments of builtins that evaluate them.
    pub(super) fn evaluating(&mut self, words: &[Word], arguments: &[Argument<'_>]) -> Walked<()> {
        let mut words = words;
        let mut name = words[0].literal().unwrap_or_default();
        while matches!(name.as_str(), "builtin" | "command") {
            let options = words[1..].iter().take_while(|w| w.prefix().starts_with('-'));
            words = &words[1 + options.count()..];
            let Some(first) = words.first() else { return Ok(()) };
            name = first.literal().unwrap_or_default();
        }
        let rest = &words[1..];
        match name.as_str() {
            "let" => rest.iter().for_each(|w| self.facts.place(w, Spot::Arithmetic("let"))),
            "test" | "[" => self.test_words(rest),
            "printf" => self.printf(rest),
            "read" => self.named_after_options(rest, "adinNptu", "read"),
            "mapfile" | "readarray" => {
                self.callbacks(rest, 'C');
                self.named_after_options(rest, "dnOsuCc", "mapfile");
            }
            "getopts" => {
                rest.iter().skip(1).take(1).for_each(|w| self.filled(w, "getopts"));
                self.assign(Some("OPTARG"), &Word(vec![Atom::From(Origin::Input)]));
            }
            "alias" => rest.iter().for_each(|w| self.alias(w)),
            "unset" => rest.iter().for_each(|w| self.name(w, "unset")),
            "wait" => {
                if let Some(at) = rest.iter().position(|w| w.prefix().starts_with("-p")) {
                    rest.iter().skip(at).take(2).for_each(|w| self.filled(w, "wait -p"));
                }
            }
            "complete" | "compgen" | "bind" | "enable" | "fc" | "hash" => {
                let spot = Spot::Program(&CALLBACK);
                rest.iter().for_each(|w| self.facts.place(w, spot));
            }
            "shift" => self.facts.shifts = true,
            "set" if rest.iter().any(|w| w.origins().next().is_some()) => self.facts.shifts = true,
            _ if declares(&name) => self.declare(arguments)?,
            _ => {}
        }
        if rest.first().is_some_and(|w| w.literal().is_none()) {
            self.facts.open_calls.insert(name);
        }
        Ok(())
    }

    fn alias(&mut self, word: &Word) {
        self.facts.place(word, Spot::Program(&CALLBACK));
        let text = word.prefix();
        if let Some((name, text)) = text.split_once('=') {
            self.facts.literals.insert((super::calls::alias(name), text.to_owned()));
        }
    }

    fn callbacks(&mut self, rest: &[Word], option: char) {
        for (at, word) in rest.iter().enumerate() {
            let prefix = word.prefix();
            let Some((letters, joined)) = prefix.split_once(option) else { continue };
            if !letters.starts_with('-') {
                continue;
            }
            let separate = joined.is_empty() && word.literal().is_some();
            let Some(text) = (if separate { rest.get(at + 1) } else { Some(word) }) else { return };
            self.facts.place(text, Spot::Program(&CALLBACK));
            // It is called with a number and the line.
            let called = if separate { text.prefix() } else { joined.to_owned() };
            let words = called.split_whitespace().map(|w| Word(vec![Atom::Text(w.to_owned())]));
            let given = Word(vec![Atom::From(Origin::Input)]);
            self.calls.push([Word::default()].into_iter().chain(words).chain([given]).collect());
        }
    }

    fn printf(&mut self, rest: &[Word]) {
        let Some(first) = rest.first() else { return };
        let prefix = first.prefix();
        if prefix == "-v" && first.literal().is_some() {
            if let Some(name) = rest.get(1) {
                self.printed(name, &rest[2..]);
            }
        } else if let Some(name) = prefix.strip_prefix("-v").filter(|n| !n.is_empty()) {
            let mut word = first.clone();
            word.0[0] = Atom::Text(name.to_owned());
            self.printed(&word, &rest[1..]);
        }
    }

    /// `printf -v name …`: the variable is given what is printed.
    fn printed(&mut self, name: &Word, values: &[Word]) {
        self.name(name, "printf -v");
        let all = values.iter().flat_map(|w| w.0.clone()).collect();
        let text = name.literal();
        let name = text.as_deref().map(|t| t.split_once('[').map_or(t, |(name, _)| name));
        self.assign(name, &Word(all));
    }

    /// Names after options, some of which (`valued`) take a word; `-a` takes a name.
    fn named_after_options(&mut self, rest: &[Word], valued: &str, form: &'static str) {
        let mut words = rest.iter().peekable();
        let mut any = false;
        let mut ended = false;
        while let Some(word) = words.next() {
            let prefix = word.prefix();
            if ended || !prefix.starts_with('-') || prefix.len() < 2 {
                any = true;
                self.filled(word, form);
            } else if prefix == "--" {
                ended = true;
            } else if word.literal().is_some()
                && prefix.ends_with(|c| valued.contains(c))
                && let Some(value) = words.next()
                && prefix.ends_with('a')
            {
                any = true;
                self.filled(value, form);
                self.facts.arrays.extend(value.literal());
            }
        }
        if !any {
            self.assign(Some("REPLY"), &Word(vec![Atom::From(Origin::Input)]));
        }
    }

    /// `test` and `[`: `-v` and `-R` name a variable, and so does a word after an operator that is not known.
    fn test_words(&mut self, rest: &[Word]) {
        for pair in rest.windows(2) {
            let next = pair[1].literal();
            match pair[0].literal().as_deref() {
                Some("-v" | "-R") => self.name(&pair[1], "test -v"),
                None if !next.as_deref().is_some_and(|n| n == "]" || BINARY.contains(&n)) => {
                    self.name(&pair[1], "a `test` whose operator is a value");
                }
                _ => {}
            }
        }
    }

    /// `declare` and its like: names, values, and attributes that make bash evaluate values.
    fn declare(&mut self, arguments: &[Argument<'_>]) -> Walked<()> {
        let mut options = String::new();
        for argument in arguments.iter().skip(1) {
            match argument {
                Argument::Word(word) => {
                    let prefix = word.prefix();
                    if prefix.starts_with(['-', '+']) {
                        options.push_str(&prefix[1..]);
                        if word.literal().is_none() {
                            options.push_str("aAin");
                        }
                        continue;
                    }
                    if prefix.is_empty() && word.literal().is_none() {
                        options.push_str("aAin");
                    }
                    self.declared_word(word, &options);
                }
                Argument::Assignment(assignment) => {
                    self.declared_assignment(assignment, &options)?;
                }
            }
        }
        Ok(())
    }

    fn declared_assignment(&mut self, assignment: &Assignment, options: &str) -> Walked<()> {
        let value = self.assignment(assignment)?;
        let (AssignmentName::VariableName(name) | AssignmentName::ArrayElementName(name, _)) =
            &assignment.name;
        let scalar = matches!(assignment.value, AssignmentValue::Scalar(_));
        self.declared(name, scalar.then_some(&value), options);
        Ok(())
    }

    /// `declare name`, `declare "name=value"`.
    fn declared_word(&mut self, word: &Word, options: &str) {
        let prefix = word.prefix();
        let Some((name, value)) = prefix.split_once('=') else {
            self.name(word, "declare");
            match word.literal() {
                Some(name) => self.declared(&name, None, options),
                None => self.assign(None, word),
            }
            return;
        };
        let mut atoms = vec![Atom::Text(value.to_owned())];
        atoms.extend(word.0.iter().skip_while(|a| matches!(a, Atom::Text(_))).cloned());
        let value = Word(atoms);
        let name = name.strip_suffix('+').unwrap_or(name);
        self.name(&Word(vec![Atom::Text(name.to_owned())]), "declare");
        let name = name.split_once('[').map_or(name, |(name, _)| name);
        self.assign(Some(name), &value);
        self.declared(name, Some(&value), options);
    }

    /// What a declaration's options make of a variable and of the value it is given.
    fn declared(&mut self, name: &str, value: Option<&Word>, options: &str) {
        if options.contains('i') {
            self.facts.integers.insert(name.to_owned());
        }
        if options.contains(['a', 'A']) {
            self.facts.arrays.insert(name.to_owned());
        }
        if options.contains('n') {
            if let Some(value) = value {
                self.name(value, "declare -n");
            }
            // Whatever is assigned to it may be assigned to any variable, and evaluated as a name.
            self.facts.assigned.push((None, vec![Origin::Var(name.to_owned())]));
            self.facts.uses.insert((Origin::Var(name.to_owned()), Spot::Name("declare -n")));
        }
        if let Some(value) = value {
            self.facts.compound.push((name.to_owned(), value.origins().cloned().collect()));
        }
    }
}
