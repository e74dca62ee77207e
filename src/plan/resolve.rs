//! Workflow, params and facts to plan: defaults filled in, shells chosen, placeholders found.

use std::collections::BTreeMap;

use super::hosts::Places;
use super::{
    Action, BadParam, Call, Check, Converge, Copy, End, Expectation, Facts, Given, Guard, On, Plan,
    Reboot, Secrets, Shell, Stdin, Step, Until, Wait,
};
use crate::check::{dialect, graph};
use crate::diagnostic::{At, Place};
use crate::expr::Template;
use crate::shell::Scripts;
use crate::workflow::{
    self, Effect, Expect, OnDisconnect, OnInterrupt, Requires, Verify, Workflow,
};

/// Resolves a workflow that was checked and has no errors; all refused params at once.
pub fn resolve(
    workflow: &Workflow,
    scripts: &Scripts,
    given: &Given,
    facts: &Facts,
) -> Result<Plan, Vec<BadParam>> {
    let params = super::params::resolve(workflow, given, facts)?;
    let mut places = Places::new(workflow, &params, facts);
    let asks_for_hosts = workflow.asks_for_hosts();
    let mut resolver = Resolver { workflow, scripts, facts, asks_for_hosts, places: &mut places };
    let guards = workflow.guards.iter().map(|g| resolver.guard(g)).collect();
    let steps = resolver.steps(&workflow.steps, false);
    let finally = resolver.steps(&workflow.finally, true);
    let converge = workflow.converge.as_ref().map(|c| Converge {
        condition: resolver.shell(None, &c.condition),
        max_iterations: c.max_iterations,
        strategy: c.strategy,
    });
    let outputs = workflow.outputs.iter();
    let outputs =
        outputs.map(|(name, text)| (name.value.clone(), resolver.template(text))).collect();
    let cwd = workflow.cwd.as_ref().map(|t| resolver.template(t));
    let env = resolver.env(&[]);
    let secrets = resolver.secrets(&[]);
    if !places.refused.is_empty() {
        return Err(places.refused);
    }
    let hosts = places.hosts;
    let texts = |all: &[At<String>]| all.iter().map(|t| t.value.clone()).collect();
    Ok(Plan {
        version: 1,
        workflow: workflow.id.value.clone(),
        description: workflow.description.clone().or_else(|| workflow.trigger.clone()),
        file: facts.file.clone(),
        sha256: facts.sha256.clone(),
        params,
        preconditions: texts(&workflow.preconditions),
        postconditions: texts(&workflow.postconditions),
        guards,
        hosts,
        steps,
        finally,
        outputs,
        converge,
        timeout: workflow.timeout,
        locks: workflow.locks.iter().map(|l| l.value.clone()).collect(),
        cwd,
        env,
        secrets,
    })
}

struct Resolver<'w, 'p> {
    workflow: &'w Workflow,
    scripts: &'w Scripts,
    facts: &'w Facts,
    asks_for_hosts: bool,
    places: &'p mut Places<'w>,
}

impl Resolver<'_, '_> {
    fn template(&self, text: &str) -> Template {
        self.places.template(text)
    }

    /// Shell text: compiled, or with a doubled brace that stands for one brace undone.
    fn shell(&self, own: Option<&At<workflow::Shell>>, text: &str) -> Shell {
        let shell = own.or(self.workflow.shell.as_ref()).map(|s| &s.value);
        let is_usual = shell.is_none() && self.asks_for_hosts;
        if let Some(compiled) = dialect(shell).and_then(|d| self.scripts.get(d, text)) {
            let (text, values) = (compiled.text.clone(), compiled.values.clone());
            return Shell { prefix: self.prefix(own), text, values, is_usual };
        }
        let literal =
            self.template(text).as_literal().map_or_else(|| text.to_owned(), str::to_owned);
        Shell { prefix: self.prefix(own), text: literal, values: Vec::new(), is_usual }
    }

    fn prefix(&self, own: Option<&At<workflow::Shell>>) -> Vec<String> {
        let shell = own.or(self.workflow.shell.as_ref()).map(|s| &s.value);
        shell.unwrap_or(&workflow::Shell::Bash).argv()
    }

    fn env(&self, own: &[(At<String>, At<String>)]) -> BTreeMap<String, Template> {
        let all = self.workflow.env.iter().chain(own);
        all.map(|(name, value)| (name.value.clone(), self.template(value))).collect()
    }

    fn secrets(&self, own: &[workflow::Secret]) -> Secrets {
        let template = |text: &At<String>| Ok::<_, std::convert::Infallible>(self.template(text));
        let sources = |secret: &workflow::Secret| {
            secret.sources.iter().flat_map(|source| source.map(template)).collect()
        };
        let all = self.workflow.secrets.iter().chain(own);
        all.map(|secret| (secret.name.value.clone(), sources(secret))).collect()
    }

    fn guard(&mut self, guard: &workflow::Guard) -> Guard {
        let on = self.places.on(guard.host.as_ref(), &format!("guard `{}`", guard.id.value));
        Guard {
            id: guard.id.value.clone(),
            run: self.shell(None, &guard.cmd),
            on,
            reason: guard.reason.clone(),
            severity: guard.severity,
            timeout: guard.timeout,
        }
    }

    fn steps(&mut self, steps: &[workflow::Step], finally: bool) -> Vec<Step> {
        let edges = graph::edges(self.workflow, steps);
        let each = steps.iter().zip(edges);
        each.map(|(step, edges)| self.step(step, edges.into_owned(), finally)).collect()
    }

    fn step(&mut self, step: &workflow::Step, edges: Vec<workflow::Edge>, finally: bool) -> Step {
        let (on, fan) = self.places.of_step(step);
        // What this machine has says nothing of another.
        let is_here = on.is_none();
        let run = step.run.as_ref().map(|run| self.action(step.shell.as_ref(), run));
        let effect = step.effect.as_ref().map_or_else(
            || match &run {
                Some(Action::Call(call)) => call.called.effect,
                _ if self.workflow.effect == Effect::Read => Effect::Read,
                _ => Effect::Write,
            },
            |e| e.value,
        );
        // Another verb has an environment, a folder and limits of its own, and an interrupted run of it is gone on with.
        let calls = matches!(run, Some(Action::Call(_)));
        let shell = step.shell.as_ref();
        let (verify, verify_prose) = match &step.verify {
            Some(Verify::Cmd { cmd, expect }) => {
                (Some(self.check("verify", shell, cmd, expect.as_deref())), None)
            }
            Some(Verify::Prose(text)) => (None, Some(text.clone())),
            None => (None, None),
        };
        Step {
            id: step.id.value.clone(),
            action: step.action.clone(),
            note: step.note.clone(),
            actor: step.actor,
            run,
            on: on.filter(|on| !calls || *on == On::Item),
            fan,
            keep: step.on_disconnect == OnDisconnect::Keep,
            env: if calls { BTreeMap::new() } else { self.env(&step.env) },
            secrets: match step.run {
                Some(_) if !calls => self.secrets(&step.secrets),
                _ => Secrets::new(),
            },
            cwd: step
                .cwd
                .as_ref()
                .or(self.workflow.cwd.as_ref())
                .filter(|_| !calls)
                .map(|t| self.template(t)),
            stdin: step.stdin.as_ref().map(|stdin| match &stdin.value {
                workflow::Stdin::Text(text) => Stdin::Text(self.template(text)),
                workflow::Stdin::Bytes(bytes) => Stdin::Bytes(bytes.clone()),
                workflow::Stdin::Json(json) => Stdin::Json(json.clone()),
            }),
            edges,
            join: step.join,
            when: step.when.clone(),
            on_error: step.on_error.value.clone(),
            timeout: step.timeout,
            stall_timeout: step.stall_timeout.or(self.workflow.stall_timeout.filter(|_| !calls)),
            expect: step.expect.as_ref().map(|e| self.expectation(e)),
            verify,
            verify_prose,
            outputs: step.outputs.iter().map(|(name, spec)| (name.value.clone(), *spec)).collect(),
            effect,
            locks: step.locks.iter().map(|l| l.value.clone()).collect(),
            release: step.release.as_ref().map(|r| r.value.clone()),
            on_interrupt: step.on_interrupt.as_ref().map_or_else(
                || {
                    // To wait or copy once more does no harm, and no host is rebooted twice.
                    let own = step.run.as_ref().is_some_and(|run| run.value.may_be_repeated());
                    let again = finally || calls || own || effect == Effect::Read;
                    if again { OnInterrupt::Rerun } else { OnInterrupt::Ask }
                },
                |o| o.value.clone(),
            ),
            probe: match &step.on_interrupt {
                Some(At { value: OnInterrupt::Probe(text), .. }) => Some(self.shell(shell, text)),
                _ => None,
            },
            unmet: self
                .unmet(&step.requires)
                .or_else(|| self.unmet(&self.workflow.requires))
                .filter(|_| is_here),
        }
    }

    fn action(&self, shell: Option<&At<workflow::Shell>>, run: &workflow::Action) -> Action {
        match run {
            workflow::Action::Cmd(text) => Action::Cmd(self.shell(shell, text)),
            workflow::Action::Script(path) => {
                let mut prefix = shell.map(|s| s.value.argv()).unwrap_or_default();
                if prefix.last().is_some_and(|word| word == "-c") {
                    prefix.pop();
                }
                Action::Script { prefix, path: self.template(path) }
            }
            workflow::Action::Argv(words) => {
                Action::Argv(words.iter().map(|w| self.template(w)).collect())
            }
            workflow::Action::Call(call) => {
                // A verb that is not known is a problem, and with one nothing is planned.
                let called = self.facts.called.get(&call.verb.value).cloned().unwrap_or_default();
                Action::Call(Call::of(call, called, &|text| self.template(text)))
            }
            workflow::Action::Checks(checks) => Action::Checks(
                checks
                    .iter()
                    .map(|c| self.check(&c.name, shell, &c.cmd, c.expect.as_ref()))
                    .collect(),
            ),
            workflow::Action::Wait(wait) => Action::Wait(Wait {
                until: match &wait.until {
                    workflow::Until::Passes(text) => Until::Passes(self.shell(shell, text)),
                    workflow::Until::Answers(port) => Until::Answers(self.template(port)),
                    workflow::Until::Over(span) => Until::Over(*span),
                },
                every: wait.every,
                stays: wait.stays,
                deadline: wait.deadline,
            }),
            workflow::Action::Copy(copy) => Action::Copy(Copy {
                from: self.end(&copy.from),
                to: self.end(&copy.to),
                parents: copy.parents,
            }),
            workflow::Action::Reboot(reboot) => Action::Reboot(Reboot {
                cmd: reboot.cmd.as_ref().map(|text| self.shell(shell, text)),
                deadline: reboot.deadline,
            }),
        }
    }

    fn end(&self, text: &str) -> End {
        let path = text.strip_prefix(workflow::Copy::THERE);
        End { there: path.is_some(), path: self.template(path.unwrap_or(text)) }
    }

    fn check(
        &self,
        name: &str,
        shell: Option<&At<workflow::Shell>>,
        cmd: &str,
        expect: Option<&At<Expect>>,
    ) -> Check {
        Check {
            name: name.to_owned(),
            run: self.shell(shell, cmd),
            expect: expect.map(|e| self.expectation(e)),
        }
    }

    fn expectation(&self, expect: &Expect) -> Expectation {
        Expectation {
            that: expect.clone(),
            files: expect.file.iter().map(|f| self.template(&f.path)).collect(),
            unchanged: expect.unchanged.iter().map(|p| self.template(p)).collect(),
            texts: expect
                .texts(Place::default())
                .into_iter()
                .map(|text| (self.template(&text), text.value))
                .filter(|(template, text)| template.as_literal() != Some(text))
                .map(|(template, text)| (text, template))
                .collect(),
        }
    }

    /// Why the machine does not have what is required, if so.
    fn unmet(&self, requires: &Requires) -> Option<String> {
        let lacks =
            |wanted: &[String], is: &str| !wanted.is_empty() && !wanted.iter().any(|w| w == is);
        let mut why = Vec::new();
        if lacks(&requires.os, &self.facts.os) {
            why.push(format!("needs {}, this is {}", requires.os.join(" or "), self.facts.os));
        }
        if lacks(&requires.arch, &self.facts.arch) {
            why.push(format!("needs {}, this is {}", requires.arch.join(" or "), self.facts.arch));
        }
        let missing = |tool: &&String| self.facts.tools.get(*tool) != Some(&true);
        why.extend(
            requires.tools.iter().filter(missing).map(|tool| format!("`{tool}` was not found")),
        );
        (!why.is_empty()).then(|| why.join("; "))
    }
}
