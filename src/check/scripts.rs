//! Shell text: its placeholders compiled, or refused with their place; what could not be read, and failures it hides.

use super::{all_steps, fan, foreign, texts};
use crate::diagnostic::{At, Code, Diagnostic, Place, Sources, printable};
use crate::expr::template::{Form, HostField, Placeholder, StepField};
use crate::expr::{Ref, Template};
use crate::shell::{self, Dialect, Kind, Refusal, Scripts, Surroundings};
use crate::value::strings;
use crate::workflow::{
    Action, Names, OnInterrupt, OutputSpec, Param, ParamType, Secret, SecretSource, Shell, Stdin,
    Step, ValueType, Verify, Workflow,
};

/// Compiles all shell text of a workflow.
pub(super) fn check(
    workflow: &Workflow,
    names: &Names<'_>,
    sources: &Sources,
    problems: &mut Vec<Diagnostic>,
) -> Scripts {
    let scripts = Scripts::default();
    let mut compiler = Compiler { workflow, names, sources, problems, scripts };
    let envs = all_steps(workflow).flat_map(|step| &step.env);
    workflow.env.iter().chain(envs).for_each(|(name, value)| compiler.run_by(name, value));
    let around = compiler.around(None);
    compiler.sources(&workflow.secrets, &around);
    for guard in &workflow.guards {
        compiler.one(&guard.cmd, workflow.shell.as_ref(), &around);
    }
    if let Some(converge) = &workflow.converge {
        compiler.one(&converge.condition, workflow.shell.as_ref(), &around);
    }
    for step in all_steps(workflow) {
        let around = compiler.around(Some(step));
        let shell = step.shell.as_ref().or(workflow.shell.as_ref());
        for text in of_step(step) {
            compiler.one(&text, shell, &around);
        }
        if let Some(At { value: Action::Argv(words), place }) = &step.run {
            compiler.argv(words, *place, "`argv`", &around);
        }
        compiler.sources(&step.secrets, &around);
    }
    compiler.scripts
}

/// The shell texts of a step.
pub(super) fn of_step(step: &Step) -> Vec<At<String>> {
    let mut texts = Vec::new();
    texts.extend(step.run.iter().flat_map(|run| run.value.scripts(run.place)));
    if let Some(Verify::Cmd { cmd, .. }) = &step.verify {
        texts.push(cmd.clone());
    }
    if let Some(At { value: OnInterrupt::Probe(cmd), place }) = &step.on_interrupt {
        texts.push(At { value: cmd.clone(), place: *place });
    }
    texts
}

/// The dialect that a shell's text is compiled in, if it is.
pub fn dialect(shell: Option<&Shell>) -> Option<Dialect> {
    match shell {
        None | Some(Shell::Bash) => Some(Dialect::Bash),
        Some(Shell::Sh) => Some(Dialect::Sh),
        Some(Shell::Nu | Shell::Python3 | Shell::Prefix(_)) => None,
    }
}

/// The ways out where a value may start with `-`.
const BARE: &str =
    "put `--` before it, or `./` if it is a path, or make it an enum, whose words you choose";

struct Compiler<'w> {
    workflow: &'w Workflow,
    names: &'w Names<'w>,
    sources: &'w Sources,
    problems: &'w mut Vec<Diagnostic>,
    scripts: Scripts,
}

impl Compiler<'_> {
    /// What of a step's environment and input may hold any value.
    fn around(&self, step: Option<&Step>) -> Surroundings {
        let untyped = |text: &str| {
            let template = self.names.template(text).unwrap_or_default();
            template.placeholders().any(|found| self.kind(found) != Kind::Int)
        };
        let own = step.iter().flat_map(|s| &s.env);
        let env = self.workflow.env.iter().chain(own).filter(|(_, value)| untyped(value));
        let stdin = match step.and_then(|s| s.stdin.as_ref()).map(|s| &s.value) {
            Some(Stdin::Text(text)) => untyped(text),
            Some(Stdin::Json(json)) => {
                let mut found = false;
                strings(json, &mut |text| found |= untyped(text));
                found
            }
            Some(Stdin::Bytes(_)) | None => false,
        };
        Surroundings { env: env.map(|(name, _)| name.value.clone()).collect(), stdin }
    }

    /// A variable whose value is run, such as `BASH_ENV`, must not be anything.
    fn run_by(&mut self, name: &str, value: &At<String>) {
        let Ok(template) = self.names.template(value) else { return };
        let free = |found: &Placeholder| matches!(self.kind(found), Kind::Any | Kind::List);
        let Some(n) = template.placeholders().position(free).filter(|_| shell::is_run(name)) else {
            return;
        };
        let found = template.placeholders().nth(n).map(Placeholder::braced).unwrap_or_default();
        let message = format!("`{}`: what `{name}` holds is run", printable(&found));
        let problem = Diagnostic::new(Code::NoPlaceholder, message);
        let place = texts::nth_place(self.sources, value, &template, n);
        self.problems.push(problem.at(place, "here").hint(
            "write a fixed value, hand the other over in a variable of its own, or make the param an enum",
        ));
    }

    fn one(&mut self, text: &At<String>, shell: Option<&At<Shell>>, around: &Surroundings) {
        self.pipeline(text, shell);
        if foreign::find(self.workflow, text).is_some() {
            return;
        }
        let Ok(template) = self.names.template(text) else { return };
        let Some(dialect) = dialect(shell.map(|s| &s.value)) else {
            if let Some(found) = template.placeholders().next() {
                let problem = Diagnostic::new(
                    Code::NoPlaceholder,
                    "placeholders are compiled only in the text of bash and sh",
                );
                let place = texts::nth_place(self.sources, text, &template, 0);
                let problem = problem.at(place, "in the text of another shell");
                self.problems.push(problem.hint(by_env(found)));
            }
            return;
        };
        match shell::compile(&template, dialect, &|found| self.kind(found), around) {
            Ok(compiled) => {
                if let Some(what) = &compiled.unread {
                    self.unread(text.place, what);
                }
                for n in &compiled.bare {
                    if let Some(found) = template.placeholders().nth(*n) {
                        self.bare(found, texts::nth_place(self.sources, text, &template, *n));
                    }
                }
                if !compiled.values.is_empty() {
                    self.scripts.add(dialect, text, compiled);
                }
            }
            Err(refusals) => {
                for refusal in refusals {
                    let place = |n| texts::nth_place(self.sources, text, &template, n);
                    let at =
                        refusal.at.and_then(|n| Some((template.placeholders().nth(n)?, place(n))));
                    self.refused(at, (text.place, "shell text"), refusal);
                }
            }
        }
    }

    /// The words of a program that takes some of them for code.
    fn argv(&mut self, words: &[At<String>], place: Place, what: &str, around: &Surroundings) {
        let parsed: Result<Vec<Template>, _> =
            words.iter().map(|word| self.names.template(word)).collect();
        let Ok(templates) = parsed else { return };
        let said = shell::words(&templates, &|found| self.kind(found), around);
        let mut found = Vec::new();
        for (word, template) in words.iter().zip(&templates) {
            let place = |n| texts::nth_place(self.sources, word, template, n);
            found.extend(template.placeholders().enumerate().map(|(n, one)| (one, place(n))));
        }
        for refusal in said.refusals {
            let whole = (place, what);
            self.refused(refusal.at.and_then(|n| found.get(n).copied()), whole, refusal);
        }
        for (one, place) in said.bare.iter().filter_map(|n| found.get(*n)) {
            self.bare(one, *place);
        }
    }

    /// The commands that secrets come from.
    fn sources(&mut self, secrets: &[Secret], around: &Surroundings) {
        for source in secrets.iter().flat_map(|secret| &secret.sources) {
            if let SecretSource::Command(words) = &source.value {
                self.argv(words, source.place, "`command`", around);
            }
        }
    }

    /// A placeholder, or else the whole text, that cannot stand as it does.
    fn refused(
        &mut self,
        at: Option<(&Placeholder, Place)>,
        whole: (Place, &str),
        refusal: Refusal,
    ) {
        let subject =
            at.map_or(whole.1.to_owned(), |(found, _)| format!("`{}`", printable(&found.braced())));
        let message = format!("{subject}: {}", printable(&refusal.why));
        let place = at.map_or(whole.0, |(_, place)| place);
        let mut problem = Diagnostic::new(Code::NoPlaceholder, message).at(place, "here");
        problem.hints.extend(refusal.hint);
        if let Some((found, _)) = at {
            problem = problem.hint(texts::doubled(&found.braced()));
        }
        self.problems.push(problem);
    }

    /// A value that a command could take for an option.
    fn bare(&mut self, found: &Placeholder, place: Place) {
        if !texts::may_be_option(self.workflow, found) {
            return;
        }
        self.problems.push(
            Diagnostic::new(Code::BareOperand, format!("`{}` may start with `-`", found.braced()))
                .at(place, "the command would take it for an option")
                .hint(BARE),
        );
    }

    /// What a placeholder's value can be.
    fn kind(&self, found: &Placeholder) -> Kind {
        if found.form == Form::File {
            return Kind::Any;
        }
        let kind = match &found.to {
            Ref::Param(name) => {
                let param = self.workflow.params.iter().find(|p| p.name.value == *name);
                param.map_or(Kind::Any, of_param)
            }
            Ref::Output(step, name) => {
                let step = all_steps(self.workflow).find(|s| s.id.value == *step);
                // Of a step that fans out they are maps.
                let step = step.filter(|s| s.for_each.is_none() && s.hosts.is_empty());
                let spec = step.and_then(|s| s.outputs.iter().find(|(n, _)| n.value == *name));
                spec.map_or(Kind::Any, |(_, OutputSpec { kind, .. })| of_type(*kind))
            }
            Ref::Field(_, StepField::Exit) | Ref::Attempt => Kind::Int,
            Ref::Host(HostField::Port) | Ref::ParamHost(_, HostField::Port) => Kind::Int,
            Ref::Item(name) => {
                fan::words(self.workflow, self.names, name).map_or(Kind::Any, Kind::Words)
            }
            Ref::Field(..) | Ref::RunId | Ref::Host(_) | Ref::ParamHost(..) => Kind::Any,
        };
        match (kind, &found.default) {
            (kind, None) | (kind @ (Kind::Any | Kind::List), Some(_)) => kind,
            (Kind::Int, Some(text)) if text.parse::<i64>().is_ok() => Kind::Int,
            (Kind::Words(mut words), Some(text)) => {
                words.push(text.clone());
                Kind::Words(words)
            }
            (_, Some(_)) => Kind::Any,
        }
    }

    fn unread(&mut self, place: Place, what: &str) {
        self.problems.push(
            Diagnostic::new(
                Code::UnreadShell,
                format!(
                    "this shell text was not understood, and is not checked: {}",
                    printable(what)
                ),
            )
            .at(place, "runs as it is")
            .hint("if it is right, it can stay: only placeholders need a text that is understood"),
        );
    }

    fn pipeline(&mut self, text: &At<String>, shell: Option<&At<Shell>>) {
        if shell.is_some_and(|s| s.value == Shell::Sh) && shell::has_pipeline(text) {
            self.problems.push(
                Diagnostic::new(
                    Code::PipelineInSh,
                    "under `sh` a pipeline passes whenever its last part does",
                )
                .at(text.place, "a pipeline")
                .hint("use bash, which fails when any part of a pipeline fails"),
            );
        }
    }
}

fn by_env(found: &Placeholder) -> String {
    let name = match &found.to {
        Ref::Param(name) | Ref::Output(_, name) => name.as_str(),
        Ref::Field(..) => "status",
        Ref::RunId => "run-id",
        Ref::Attempt => "attempt",
        Ref::Item(name) => name.as_str(),
        Ref::Host(_) | Ref::ParamHost(..) => "host",
    };
    let name = name.to_uppercase().replace('-', "_");
    format!("pass it by environment: env = {{ {name} = \"{}\" }}", found.braced())
}

fn of_param(param: &Param) -> Kind {
    if param.kind.of == ValueType::Enum && !param.kind.list {
        return Kind::Words(param.values.iter().map(|v| v.value.clone()).collect());
    }
    of_type(param.kind)
}

fn of_type(kind: ParamType) -> Kind {
    match kind.of {
        _ if kind.list => Kind::List,
        ValueType::Glob => Kind::List,
        ValueType::Int => Kind::Int,
        ValueType::Bool => Kind::Bool,
        _ => Kind::Any,
    }
}
