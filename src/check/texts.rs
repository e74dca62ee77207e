//! Texts: placeholders where they may stand, and template syntax of other systems.

use super::{all_steps, fan, foreign, scripts, secrets};
use crate::diagnostic::{At, Code, Diagnostic, Place, Sources, closest, printable};
use crate::expr::template::{Form, Part, Placeholder};
use crate::expr::{Ref, Template};
use crate::ids::StepId;
use crate::value::MAX_VALUE;
use crate::workflow::{Action, Names, Stdin, Step, ValueType, Workflow};

/// Where a text stands, which decides what placeholders may do in it.
#[derive(Clone, Copy, PartialEq)]
enum Role {
    /// One value: `env`, `cwd`, `stdin`, a path.
    Value,
    /// One word of `argv`.
    Word,
    /// Shell text.
    Shell,
    /// What a run hands to its caller.
    Output,
}

struct Texts<'w> {
    workflow: &'w Workflow,
    names: &'w Names<'w>,
    sources: &'w Sources,
    problems: &'w mut Vec<Diagnostic>,
}

pub(super) fn check(
    workflow: &Workflow,
    names: &Names<'_>,
    sources: &Sources,
    problems: &mut Vec<Diagnostic>,
) {
    let mut texts = Texts { workflow, names, sources, problems };
    let env = workflow.env.iter().map(|(_, value)| value).chain(secrets::texts(&workflow.secrets));
    env.chain(&workflow.cwd).for_each(|text| texts.one(text, Role::Value, None));
    let guards = workflow.guards.iter().filter_map(|guard| guard.host.as_ref());
    for host in guards.chain(&workflow.host) {
        fan::of_host(host).iter().for_each(|text| texts.one(text, Role::Value, None));
    }
    for guard in &workflow.guards {
        texts.one(&guard.cmd, Role::Shell, None);
    }
    if let Some(converge) = &workflow.converge {
        texts.one(&converge.condition, Role::Shell, None);
    }
    workflow.outputs.iter().for_each(|(_, text)| texts.one(text, Role::Output, None));
    for step in all_steps(workflow) {
        texts.step(step);
    }
}

impl Texts<'_> {
    fn step(&mut self, step: &Step) {
        let here = Some(step);
        let env = step.env.iter().map(|(_, value)| value).chain(secrets::texts(&step.secrets));
        env.for_each(|text| self.one(text, Role::Value, here));
        step.cwd.iter().for_each(|text| self.one(text, Role::Value, here));
        fan::texts(step).iter().for_each(|text| self.one(text, Role::Value, here));
        match &step.stdin {
            Some(At { value: Stdin::Text(text), place }) => {
                self.one(&At { value: text.clone(), place: *place }, Role::Value, here);
            }
            Some(At { value: Stdin::Json(json), place }) => self.json(json, *place, here),
            Some(At { value: Stdin::Bytes(_), .. }) | None => {}
        }
        scripts::of_step(step).iter().for_each(|text| self.one(text, Role::Shell, here));
        let values = step.run.iter().flat_map(|run| run.value.values(run.place));
        values.for_each(|text| self.one(&text, Role::Value, here));
        if let Some(At { value: Action::Argv(words), .. }) = &step.run {
            words.iter().for_each(|word| self.one(word, Role::Word, here));
        }
        let expected = step.expectations().flat_map(|expect| expect.values(expect.place));
        expected.for_each(|text| self.one(&text, Role::Value, here));
    }

    fn json(&mut self, value: &serde_json::Value, place: Place, step: Option<&Step>) {
        match value {
            serde_json::Value::String(text) => {
                self.one(&At { value: text.clone(), place }, Role::Value, step);
            }
            serde_json::Value::Array(all) => all.iter().for_each(|v| self.json(v, place, step)),
            serde_json::Value::Object(all) => all.values().for_each(|v| self.json(v, place, step)),
            _ => {}
        }
    }

    /// One text: foreign templates, size, placeholders.
    fn one(&mut self, text: &At<String>, role: Role, step: Option<&Step>) {
        if let Some(found) = foreign::find(self.workflow, text) {
            let place = self.find(text, found.text);
            let message =
                format!("`{}` is the template syntax of another system", printable(found.text));
            let mut problem = Diagnostic::new(Code::ForeignTemplate, message).at(place, "not ours");
            problem.hints = found.hints;
            self.problems.push(problem);
            return;
        }
        if text.len() > MAX_VALUE && role != Role::Value {
            self.problems.push(
                Diagnostic::new(
                    Code::TooLarge,
                    format!("{} bytes do not fit one argument", text.len()),
                )
                .at(text.place, format!("at most {MAX_VALUE}"))
                .hint("put the text in a file and run it with `script`"),
            );
        }
        let template = match self.names.template(text) {
            Ok(template) => template,
            Err(bad) => {
                for one in bad {
                    let place = self.find(text, &one.text);
                    let message =
                        format!("`{}` refers to nothing: {}", printable(&one.text), one.why);
                    self.problems
                        .push(Diagnostic::new(Code::UnknownName, message).at(place, "here"));
                }
                return;
            }
        };
        for found in template.placeholders() {
            self.placeholder(text, found, role, step);
        }
        self.near_misses(text, &template, step);
        if role == Role::Shell {
            self.variables(text, step);
        }
    }

    /// `$name` where `{name}` is declared, and nothing sets a variable of that name.
    fn variables(&mut self, text: &At<String>, step: Option<&Step>) {
        let shell = step.and_then(|s| s.shell.as_ref()).or(self.workflow.shell.as_ref());
        if scripts::dialect(shell.map(|s| &s.value)).is_none() {
            return;
        }
        let own = step.iter().flat_map(|s| &s.env);
        let given = self.workflow.env.iter().chain(own).map(|(name, _)| name.as_str());
        let given: Vec<&str> = given.chain(secrets::names(self.workflow, step)).collect();
        for name in self.workflow.params.iter().map(|p| p.name.as_str()) {
            if given.contains(&name) || !foreign::is_unset(text, name) {
                continue;
            }
            let message = format!("`${name}` is a shell variable, and nothing sets it");
            let written = self.sources.text(text.place);
            let braced = format!("${{{name}}}");
            let shown = if written.contains(&braced) { braced } else { format!("${name}") };
            self.problems.push(
                Diagnostic::new(Code::NearMiss, message)
                    .at(self.find(text, &shown), "empty when it runs")
                    .hint(format!("the param is `{{{name}}}`")),
            );
        }
    }

    fn placeholder(
        &mut self,
        text: &At<String>,
        found: &Placeholder,
        role: Role,
        step: Option<&Step>,
    ) {
        let shown = found.braced();
        let place = self.find(text, &shown);
        let mut no = |why: &str, hint: &str| {
            let problem =
                Diagnostic::new(Code::NoPlaceholder, format!("`{}`: {why}", printable(&shown)));
            self.problems.push(problem.at(place, "here").hint(hint));
        };
        if found.form == Form::File && role == Role::Output {
            no("a file of the run's is gone when its caller looks", "hand on the value itself");
        }
        if found.form == Form::Spread && (role != Role::Word || text.value != shown) {
            no("`...` spreads a list over several arguments", "make it a whole word of `argv`");
        }
        match &found.to {
            Ref::Param(name) => {
                let list = self.workflow.params.iter().any(|p| {
                    p.name.value == *name && (p.kind.list || p.kind.of == ValueType::Glob)
                });
                if found.form == Form::Spread && !list {
                    no("only a list can be spread", "remove the `...`");
                } else if list && found.form == Form::Plain && role == Role::Word {
                    no(
                        "a list is not one word",
                        &format!("spread it: argv = [\"…\", \"{{{name}...}}\"]"),
                    );
                }
            }
            Ref::Field(..) if !step.is_some_and(|s| in_finally(self.workflow, s)) => {
                no(
                    "a step's status is known for sure only in `finally`",
                    "depend on the step instead",
                );
            }
            Ref::Attempt if step.is_none() => {
                no("attempts are of steps", "write it on the step");
            }
            Ref::Output(..) if step.is_none() && role != Role::Output => {
                no(
                    "outputs are known only once steps have run",
                    "write it on the step that needs it",
                );
            }
            Ref::Item(name) if !step.is_some_and(|s| fan::has_item(self.workflow, s, name)) => {
                no(
                    "only an instance of a step that fans out has an item",
                    &format!("give the step for_each = {{ items = …, as = \"{name}\" }}"),
                );
            }
            Ref::Host(_) if !fan::may_have_host(self.workflow, step) => {
                no("it runs on no host", "say where it runs: host = \"NAME\"");
            }
            Ref::ParamHost(name, _) if !fan::is_host_param(self.workflow, name) => {
                no("only a param of type `host` has such fields", "give it type = \"host\"");
            }
            Ref::Field(id, _) | Ref::Output(id, _) => self.known_step(id, place),
            Ref::Item(_) | Ref::Host(_) | Ref::ParamHost(..) => {}
            Ref::RunId | Ref::Attempt => {}
        }
    }

    fn known_step(&mut self, id: &StepId, place: Place) {
        if !all_steps(self.workflow).any(|s| s.id.value == *id) {
            self.problems.push(
                Diagnostic::new(Code::UnknownStep, format!("no step is called `{id}`"))
                    .at(place, "not a step of this workflow")
                    .suggest(id.as_str(), all_steps(self.workflow).map(|s| s.id.as_str())),
            );
        }
    }

    /// `{nmae}` where `{name}` is declared.
    fn near_misses(&mut self, text: &At<String>, template: &Template, step: Option<&Step>) {
        for part in &template.0 {
            let Part::Text(literal) = part else { continue };
            for (open, _) in literal.match_indices('{') {
                let inner = &literal[open + 1..];
                let Some(close) = inner.find('}') else { continue };
                let word = &inner[..close];
                // `$ENV{TOKEN}` is Perl's.
                let before = literal[..open].chars().next_back().unwrap_or(' ');
                if !"${_)]}>".contains(before)
                    && !before.is_alphanumeric()
                    && secrets::names(self.workflow, step).any(|name| name == word)
                {
                    self.secret(text, word);
                    continue;
                }
                let fits = word.len() > 2 && crate::ids::Name::parse(word).is_ok();
                let shells = literal[..open].ends_with(['$', '{']);
                let names = self.workflow.params.iter().map(|p| p.name.as_str());
                if let Some(name) = closest(word, names).filter(|n| fits && !shells && *n != word) {
                    let place = self.find(text, &format!("{{{word}}}"));
                    self.problems.push(
                        Diagnostic::new(Code::NearMiss, format!("`{{{word}}}` is no placeholder"))
                            .at(place, "stays as it is")
                            .hint(format!("did you mean `{{{name}}}`?")),
                    );
                }
            }
        }
    }

    /// `{TOKEN}` where TOKEN is a secret.
    fn secret(&mut self, text: &At<String>, name: &str) {
        let braced = format!("{{{name}}}");
        self.problems.push(
            Diagnostic::new(
                Code::SecretText,
                format!("`{braced}`: a secret is in the environment only"),
            )
            .at(self.find(text, &braced), "stays as it is")
            .hint(format!(
                "in shell text write \"${name}\"; other programs read the variable themselves"
            ))
            .hint("arguments are seen by everybody on the machine, and texts are recorded"),
        );
    }

    fn find(&self, text: &At<String>, part: &str) -> Place {
        find(self.sources, text, part, 0)
    }
}

/// How to write the text of a placeholder.
pub(super) fn doubled(text: &str) -> String {
    format!("to write the text `{text}` itself, double the first brace: `{{{text}`")
}

/// The place of the nth occurrence of a part, where the text was written without escapes; else of the whole text.
pub(super) fn find(sources: &Sources, text: &At<String>, part: &str, nth: usize) -> Place {
    let written = sources.text(text.place);
    // `${x}` is the shell's own, and `{{x}` a literal.
    let ours = |at: &usize| !part.starts_with('{') || !written[..*at].ends_with(['$', '{']);
    let mut found = written.match_indices(part).map(|(at, _)| at).filter(ours);
    let Some(at) = found.nth(nth).or_else(|| written.find(part).filter(|_| nth == 0)) else {
        return text.place;
    };
    let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    let start = text.place.start + clamp(at);
    Place { start, end: start + clamp(part.len()), ..text.place }
}

/// The place of a template's nth placeholder.
pub(super) fn nth_place(
    sources: &Sources,
    text: &At<String>,
    template: &Template,
    nth: usize,
) -> Place {
    let Some(found) = template.placeholders().nth(nth) else { return text.place };
    let before = template.placeholders().take(nth).filter(|p| *p == found).count();
    find(sources, text, &found.braced(), before)
}

/// Whether what a placeholder stands for may start with `-`.
pub(super) fn may_be_option(workflow: &Workflow, found: &Placeholder) -> bool {
    let Ref::Param(name) = &found.to else { return false };
    let Some(param) = workflow.params.iter().find(|p| p.name.value == *name) else { return false };
    let text = matches!(param.kind.of, ValueType::String | ValueType::Path);
    text && found.form != Form::File
}

fn in_finally(workflow: &Workflow, step: &Step) -> bool {
    workflow.finally.iter().any(|s| s.id.value == step.id.value)
}
