//! Secrets: variables that may hold one, and that nothing else sets; names of secrets where no value comes.

use super::{all_steps, variables};
use crate::diagnostic::{At, Code, Diagnostic, Place, printable};
use crate::workflow::{Secret, SecretSource, Step, Workflow};

/// Variables that decide what runs, or where, and so hold no secret.
const NOT_SECRET: &[&str] = &[
    "BASHOPTS",
    "BASH_ENV",
    "ENV",
    "GLIBC_TUNABLES",
    "HOME",
    "IFS",
    "LANG",
    "LOGNAME",
    "NODE_OPTIONS",
    "OLDPWD",
    "PATH",
    "PERL5LIB",
    "PERL5OPT",
    "PROMPT_COMMAND",
    "PS4",
    "PWD",
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "RUBYLIB",
    "RUBYOPT",
    "SHELL",
    "SHELLOPTS",
    "SHLVL",
    "TERM",
    "TMPDIR",
    "USER",
    "_",
];
/// How the names of such variables begin.
const NOT_SECRETS: &[&str] = &["BASH_FUNC_", "DYLD_", "LC_", "LD_", variables::OWN, "XDG_"];

pub(super) fn check(workflow: &Workflow, problems: &mut Vec<Diagnostic>) {
    let all = all_steps(workflow).flat_map(|step| &step.secrets);
    for secret in workflow.secrets.iter().chain(all) {
        may_be_secret(&secret.name, secret.name.place, problems);
        for source in &secret.sources {
            if let SecretSource::Env(name) = &source.value {
                may_be_secret(name, source.place, problems);
            }
        }
    }
    set_twice(&workflow.secrets, &workflow.env, problems);
    for step in all_steps(workflow) {
        set_twice(&step.secrets, &step.env, problems);
        set_twice(&step.secrets, &workflow.env, problems);
        set_twice(&workflow.secrets, &step.env, problems);
        if let Some(secret) = step.secrets.first().filter(|_| step.run.is_none()) {
            let message = "`secrets` on a step that has nothing to run";
            problems.push(
                Diagnostic::new(Code::Contradiction, message)
                    .at(secret.name.place, "nothing to run here"),
            );
        }
    }
}

/// The secrets that a step gets, or, without one, that guards get.
pub(super) fn names<'w>(
    workflow: &'w Workflow,
    step: Option<&'w Step>,
) -> impl Iterator<Item = &'w str> {
    let own = step.into_iter().flat_map(|step| &step.secrets);
    workflow.secrets.iter().chain(own).map(|secret| secret.name.as_str())
}

/// Every text of some secrets' sources.
pub(super) fn texts(secrets: &[Secret]) -> impl Iterator<Item = &At<String>> {
    secrets.iter().flat_map(|secret| &secret.sources).flat_map(|source| source.texts())
}

fn may_be_secret(name: &str, place: Place, problems: &mut Vec<Diagnostic>) {
    let taken = NOT_SECRET.contains(&name) || NOT_SECRETS.iter().any(|all| name.starts_with(all));
    if taken {
        problems.push(
            Diagnostic::new(Code::BadSecret, format!("`{}` cannot be a secret", printable(name)))
                .at(place, "this variable decides what runs, or where")
                .hint("choose another variable: programs say which one they read, such as GITHUB_TOKEN"),
        );
    }
}

/// A variable has one value.
fn set_twice(secrets: &[Secret], env: &[(At<String>, At<String>)], problems: &mut Vec<Diagnostic>) {
    for secret in secrets {
        if let Some((other, _)) = env.iter().find(|(name, _)| name.value == secret.name.value) {
            let name = &secret.name.value;
            problems.push(
                Diagnostic::new(
                    Code::Contradiction,
                    format!("`{name}` is in `env` and in `secrets`"),
                )
                .at(secret.name.place, "a secret")
                .with(other.place, "an open value")
                .hint("a variable has one value: keep one of them"),
            );
        }
    }
}
