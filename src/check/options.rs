//! Options: those that contradict each other, prove nothing, or were given to the wrong table.

use super::{all_steps, own};
use crate::diagnostic::{At, Code, Diagnostic, Place, Sources, printable};
use crate::ids::Name;
use crate::shell;
use crate::workflow::{
    Action, Actor, Expect, Millis, Names, OUTCOMES, OnError, Retry, Step, TextExpect, Until,
    ValueType, Wait, Workflow,
};

/// A step's keys that mean something else one level up.
const STRAY: &[&str] =
    &["timeout", "locks", "shell", "env", "cwd", "stall_timeout", "effect", "requires", "secrets"];

/// A step's keys that neither run anything nor name who does it.
const UNSAID: &[&str] = &[
    "action",
    "cwd",
    "depends_on",
    "effect",
    "env",
    "expect",
    "id",
    "join",
    "locks",
    "needs",
    "note",
    "on_error",
    "outputs",
    "release",
    "requires",
    "stall_timeout",
    "timeout",
    "verify",
    "when",
];

pub(super) fn check(
    workflow: &Workflow,
    names: &Names<'_>,
    sources: &Sources,
    problems: &mut Vec<Diagnostic>,
) {
    for step in all_steps(workflow) {
        action(step, problems);
        own::check(workflow, step, problems);
        step.expectations().for_each(|expect| expectation(expect, names, problems));
        step.expect.iter().for_each(|expect| weak(step, expect, problems));
        on_error(workflow, step, problems);
        effect(workflow, step, problems);
        locks(&step.locks, &workflow.locks, problems);
        if let (Some(stall), Some(timeout)) = (step.stall_timeout, step.timeout) {
            longer(stall, timeout, step, problems);
        }
    }
    locks(&workflow.locks, &[], problems);
    for steps in [&workflow.steps, &workflow.finally] {
        if let Some(last) = steps.last() {
            stray(last, sources, problems);
        }
    }
    if let Some(converge) = workflow.converge.as_ref().filter(|c| c.max_iterations == 0) {
        problems.push(
            Diagnostic::new(
                Code::Contradiction,
                "`converge` with max_iterations = 0 never runs anything",
            )
            .at(converge.condition.place, "at least 1"),
        );
    }
}

fn contradiction(at: crate::diagnostic::Place, message: &str, label: &str) -> Diagnostic {
    Diagnostic::new(Code::Contradiction, message).at(at, label)
}

fn longer(stall: Millis, timeout: Millis, step: &Step, problems: &mut Vec<Diagnostic>) {
    if stall >= timeout {
        let message = format!("`{}` reaches its deadline before it can stall", step.id.value);
        problems.push(contradiction(step.id.place, &message, "stall_timeout is not below timeout"));
    }
}

fn action(step: &Step, problems: &mut Vec<Diagnostic>) {
    let runs = step.run.is_some();
    if !runs {
        problems.extend(runs_nothing(step));
    }
    let mut needless = |at: crate::diagnostic::Place, what: &str| {
        let message = format!("`{what}` on a step that has nothing to run");
        problems.push(contradiction(at, &message, "nothing to run here"));
    };
    if !runs {
        step.shell.iter().for_each(|s| needless(s.place, "shell"));
        step.stdin.iter().for_each(|s| needless(s.place, "stdin"));
        step.on_interrupt.iter().for_each(|s| needless(s.place, "on_interrupt"));
    }
    if (!runs || step.actor == Actor::Human)
        && let OnError::Retry(_) = step.on_error.value
    {
        let message = "a step that somebody does cannot be retried by the engine";
        problems.push(contradiction(step.on_error.place, message, "somebody is asked"));
    }
    match step.run.as_ref().map(|r| (&r.value, r.place)) {
        Some((Action::Argv(_), _)) => {
            if let Some(shell) = &step.shell {
                problems.push(contradiction(
                    shell.place,
                    "`argv` runs without a shell",
                    "not used",
                ));
            }
        }
        Some((Action::Checks(_), place)) => {
            if let Some(expect) = &step.expect {
                let message = "`checks` have expectations of their own";
                problems.push(
                    contradiction(expect.place, message, "not used").with(place, "the checks"),
                );
            }
            if let Some(stdin) = &step.stdin {
                problems.push(contradiction(stdin.place, "`checks` read nothing", "not used"));
            }
        }
        Some((Action::Wait(wait), place)) => waiting(step, wait, place, problems),
        _ => {}
    }
}

/// A wait takes no options of commands, and must end.
fn waiting(step: &Step, wait: &Wait, place: Place, problems: &mut Vec<Diagnostic>) {
    let shell = step.shell.as_ref().filter(|_| !matches!(wait.until, Until::Passes(_)));
    let unused = [
        shell.map(|s| (s.place, "nothing is run here by a shell")),
        step.expect.as_ref().map(|e| (e.place, "what `until` says is what is expected")),
        step.stdin.as_ref().map(|s| (s.place, "`until` reads nothing")),
    ];
    for (at, message) in unused.into_iter().flatten() {
        problems.push(contradiction(at, message, "not used").with(place, "the wait"));
    }
    if step.stall_timeout.is_some() {
        let message = "a step that waits is silent: it has no `stall_timeout`";
        problems.push(contradiction(step.id.place, message, "not used"));
    }
    let ends = matches!(wait.until, Until::Over(_));
    if !ends && wait.deadline.is_none() && step.timeout.is_none() {
        problems.push(
            Diagnostic::new(Code::MissingField, "`wait` needs `deadline`, or the step a `timeout`")
                .at(place, "it could wait for ever")
                .hint("write deadline = \"10m\""),
        );
    }
    let limit = wait.deadline.into_iter().chain(step.timeout).min();
    let least = match wait.until {
        Until::Over(span) => Some(span),
        _ => wait.stays,
    };
    if let (Some(least), Some(limit)) = (least, limit)
        && least >= limit
    {
        let message = format!("`{}` reaches its deadline before it can pass", step.id.value);
        problems.push(contradiction(place, &message, "waits for no less than its deadline"));
    }
}

/// A step whose author may have forgotten what it runs; one with a key that is wrong is told so there.
fn runs_nothing(step: &Step) -> Option<Diagnostic> {
    let unsaid = step.keys.iter().all(|key| UNSAID.contains(&key.as_str()));
    unsaid.then(|| {
        let message = format!("`{}` has nothing to run: somebody is asked to do it", step.id.value);
        Diagnostic::new(Code::RunsNothing, message)
            .at(step.id.place, "no cmd, nor anything else to do")
            .hint("if that is meant, write actor = \"Human\", or \"Agent\" if an agent may do it; else what it runs: cmd = \"…\"")
    })
}

fn expectation(expect: &At<Expect>, names: &Names<'_>, problems: &mut Vec<Diagnostic>) {
    for text in [&expect.stdout, &expect.stderr].into_iter().flatten() {
        text.matches.iter().for_each(|pattern| regex(pattern, names, problems));
        text_expectation(text, expect, problems);
        text.contains.iter().for_each(|part| part_of_all(part, problems));
    }
    for file in &expect.file {
        file.contains.iter().for_each(|part| part_of_all(part, problems));
        if !file.exists && (!file.contains.is_empty() || file.sha256.is_some()) {
            let message = "a file that is absent contains nothing";
            problems.push(contradiction(file.path.place, message, "absent"));
        }
        let hex = |sum: &String| sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit());
        if file.sha256.as_ref().is_some_and(|sum| !hex(sum)) {
            problems.push(
                Diagnostic::new(Code::BadValue, "a SHA-256 has 64 hexadecimal digits")
                    .at(file.path.place, "the sha256 of this file"),
            );
        }
    }
    if expect.within.is_some() && expect.file.is_empty() {
        let message = "`within` waits for `file` expectations, and there are none";
        problems.push(contradiction(expect.place, message, "no `file` here"));
    }
    if expect.value == Expect::default() {
        problems.push(
            Diagnostic::new(Code::WeakExpect, "an empty `expect` expects nothing")
                .at(expect.place, "empty"),
        );
    }
}

/// A regular expression. The braces of one that compiles are its own; no placeholder is among them.
fn regex(pattern: &At<String>, names: &Names<'_>, problems: &mut Vec<Diagnostic>) {
    let Err(error) = regex::Regex::new(pattern) else { return };
    let template = names.template(pattern).unwrap_or_default();
    let Some(found) = template.placeholders().next() else {
        let error = error.to_string();
        let why = error.lines().last().unwrap_or_default().trim().to_owned();
        problems.push(Diagnostic::new(Code::BadRegex, why).at(pattern.place, "here"));
        return;
    };
    let shown = printable(&found.braced());
    let message = format!("`{shown}`: in a regular expression a value would be code");
    problems.push(
        Diagnostic::new(Code::NoPlaceholder, message)
            .at(pattern.place, "here")
            .hint(format!("compare with a text, where it is filled in: contains = \"{shown}\""))
            .hint(
                "for more, let a command look: verify = { cmd = \"…\" }; a brace itself is `\\{`",
            ),
    );
}

/// The empty text is in every other.
fn part_of_all(part: &At<String>, problems: &mut Vec<Diagnostic>) {
    if part.is_empty() {
        let problem = Diagnostic::new(Code::WeakExpect, "every text contains the empty one");
        let problem = problem.at(part.place, "proves nothing");
        problems
            .push(problem.hint("say what it must contain; that there is anything: empty = false"));
    }
}

fn text_expectation(text: &TextExpect, expect: &At<Expect>, problems: &mut Vec<Diagnostic>) {
    let holds = text.equals.is_some() || !text.contains.is_empty() || text.json.is_some();
    if text.empty == Some(true) && holds {
        problems.push(contradiction(expect.place, "an empty text holds nothing", "empty = true"));
    }
}

/// A non-zero exit needs a second expectation or a single simple command: any typo exits 127.
fn weak(step: &Step, expect: &At<Expect>, problems: &mut Vec<Diagnostic>) {
    let other_than_zero = expect.exit.iter().any(|code| *code != 0);
    let simple = match step.run.as_ref().map(|r| &r.value) {
        Some(Action::Cmd(text)) => shell::simple_command(text).is_some() || one_line(text),
        Some(Action::Argv(_)) => true,
        _ => false,
    };
    if other_than_zero && !expect.beyond_exit() && !simple {
        problems.push(
            Diagnostic::new(
                Code::WeakExpect,
                "a non-zero exit alone proves nothing of a longer script",
            )
            .at(expect.place, "only the exit code")
            .hint(
                "expect something of stdout, stderr or a file as well, or run one simple command",
            ),
        );
    }
}

/// One command without operators.
fn one_line(text: &str) -> bool {
    !text.trim().contains(['\n', ';', '|', '&', '(', '`'])
}

fn on_error(workflow: &Workflow, step: &Step, problems: &mut Vec<Diagnostic>) {
    let OnError::Retry(retry) = &step.on_error.value else { return };
    let place = step.on_error.place;
    let numbers = [retry.backoff_s, retry.factor, retry.max_backoff_s.unwrap_or(0.0)];
    if retry.max == 0 || retry.max > 1_000 {
        problems.push(contradiction(place, "`max` is between 1 and 1000", "max"));
    }
    if numbers.iter().any(|n| !(0.0..=1e7).contains(n)) || !(0.0..=1.0).contains(&retry.jitter) {
        let message = "seconds and factors are not negative, and jitter is between 0 and 1";
        problems.push(contradiction(place, message, "out of range"));
    }
    for outcome in &retry.on_outcomes {
        if !OUTCOMES.contains(&outcome.as_str()) {
            problems.push(
                Diagnostic::new(Code::WrongTag, format!("`{}` is not an outcome", outcome.value))
                    .at(outcome.place, format!("one of {}", OUTCOMES.join(", ")))
                    .suggest(outcome, OUTCOMES.iter().copied()),
            );
        }
    }
    escalation(workflow, retry, problems);
}

fn escalation(workflow: &Workflow, retry: &Retry, problems: &mut Vec<Diagnostic>) {
    for (name, values) in &retry.escalate {
        let Some(param) = workflow.params.iter().find(|p| p.name.value == name.value) else {
            problems.push(unknown_param(workflow, name));
            continue;
        };
        for value in values {
            let known = param.kind.of != ValueType::Enum
                || param.values.iter().any(|v| Some(v.as_str()) == value.as_str());
            if super::values::fits(param.kind, value).is_err() || !known {
                let message = format!("{value} is not a value of param `{}`", name.value);
                problems.push(Diagnostic::new(Code::BadParam, message).at(name.place, "escalates"));
            }
        }
    }
}

/// A lock is taken once: who already holds it would wait for itself.
fn locks(own: &[At<Name>], held: &[At<Name>], problems: &mut Vec<Diagnostic>) {
    for (nth, lock) in own.iter().enumerate() {
        let before = held.iter().chain(&own[..nth]).find(|other| other.value == lock.value);
        if let Some(before) = before {
            let message = format!("lock `{}` would be waited for by who holds it", lock.value);
            problems.push(
                contradiction(lock.place, &message, "again").with(before.place, "already held"),
            );
        }
    }
}

fn unknown_param(workflow: &Workflow, name: &At<Name>) -> Diagnostic {
    Diagnostic::new(Code::UnknownName, format!("no param is called `{}`", name.value))
        .at(name.place, "not declared")
        .suggest(name.as_str(), workflow.params.iter().map(|p| p.name.as_str()))
}

fn effect(workflow: &Workflow, step: &Step, problems: &mut Vec<Diagnostic>) {
    let Some(effect) = &step.effect else { return };
    if effect.value as u8 > workflow.effect as u8 {
        let message = format!("the workflow promises at most {}", workflow.effect);
        let hint = format!("if it may, write effect = \"{}\" at the top as well", effect.value);
        problems.push(contradiction(effect.place, &message, "more than that").hint(hint));
    }
}

/// A key of the last step that stands apart was probably meant for the workflow.
fn stray(step: &Step, sources: &Sources, problems: &mut Vec<Diagnostic>) {
    for key in step.keys.iter().skip(1).filter(|k| STRAY.contains(&k.as_str())) {
        let Some(source) = sources.get(key.place.file) else { continue };
        let before = source.text.get(..key.place.start as usize).unwrap_or_default();
        let apart = before.trim_end_matches([' ', '\t']).ends_with("\n\n");
        if apart {
            problems.push(
                Diagnostic::new(
                    Code::StrayKey,
                    format!("`{}` belongs to step `{}`", key.value, step.id.value),
                )
                .at(key.place, "TOML gives it to the table above")
                .hint("for the whole workflow, write it above the first [[steps]]"),
            );
        }
    }
}
