//! What the engine does itself: steps that copy or reboot take no options of commands, and need their host.

use crate::diagnostic::{Code, Diagnostic, Place};
use crate::workflow::{Action, Copy, Effect, Step, Workflow};

pub(super) fn check(workflow: &Workflow, step: &Step, problems: &mut Vec<Diagnostic>) {
    let Some(run) = &step.run else { return };
    let on_host = step.host.is_some() || !step.hosts.is_empty() || workflow.host.is_some();
    match &run.value {
        Action::Copy(copy) => {
            unused(step, "a copy", run.place, problems);
            ends(copy, on_host, problems);
            if workflow.effect == Effect::Read
                || step.effect.as_ref().is_some_and(|e| e.value == Effect::Read)
            {
                let at = step.effect.as_ref().map_or(run.place, |effect| effect.place);
                problems.push(contradiction(at, "a copy writes, and this only reads", "not Write"));
            }
        }
        Action::Reboot(_) => {
            let shell = step.shell.is_some();
            unused(step, "a reboot", run.place, problems);
            if shell && !matches!(&run.value, Action::Reboot(reboot) if reboot.cmd.is_some()) {
                let message = "nothing is run here by a shell";
                problems.push(contradiction(run.place, message, "no `cmd`"));
            }
            if !on_host {
                let problem =
                    contradiction(run.place, "this machine is not rebooted", "no host here");
                problems.push(problem.hint("say which one is: host = \"web-1\""));
            }
            if step.effect.as_ref().is_none_or(|effect| effect.value != Effect::Reboot) {
                let at = step.effect.as_ref().map_or(run.place, |effect| effect.place);
                let message = "a step that reboots says so by its effect";
                let problem = contradiction(at, message, "not Reboot");
                problems.push(problem.hint("write effect = \"Reboot\""));
            }
        }
        _ => {}
    }
}

/// Options of commands, which nothing here would use.
fn unused(step: &Step, what: &str, place: Place, problems: &mut Vec<Diagnostic>) {
    let is_copy = what == "a copy";
    let all = [
        step.shell.as_ref().filter(|_| is_copy).map(|shell| (shell.place, "`shell`")),
        step.stdin.as_ref().map(|stdin| (stdin.place, "`stdin`")),
        step.expect.as_ref().map(|expect| (expect.place, "`expect`")),
        step.outputs.first().map(|(name, _)| (name.place, "`outputs`")),
        step.stall_timeout.map(|_| (step.id.place, "`stall_timeout`")),
    ];
    for (at, option) in all.into_iter().flatten() {
        let message = format!("{what} has no use for {option}");
        problems.push(contradiction(at, &message, "not used").with(place, "what the step does"));
    }
}

/// Two different ends, each of which can be one.
fn ends(copy: &Copy, on_host: bool, problems: &mut Vec<Diagnostic>) {
    for end in [&copy.from, &copy.to] {
        let there = end.strip_prefix(Copy::THERE);
        if there.is_some() && !on_host {
            let message = "a path on a host, in a step that has none";
            let hint = "give the step a `host`, or write the path of this machine";
            problems.push(contradiction(end.place, message, "no host here").hint(hint));
        }
        if there.is_some_and(|path| !path.starts_with(['/', '{'])) {
            let message = "a path on a host begins with `/`";
            let hint = "what the home is there is not known before: write all of the path, such as `host:/srv/app`";
            problems
                .push(Diagnostic::new(Code::BadValue, message).at(end.place, "here").hint(hint));
        }
    }
    if copy.to.ends_with('/') {
        let problem = Diagnostic::new(
            Code::BadValue,
            "`to` is what the copy is called, not where it is put in",
        );
        problems.push(problem.at(copy.to.place, "write its whole name, without the `/`"));
    }
    if copy.from == copy.to {
        problems.push(contradiction(copy.to.place, "a copy of something onto itself", "the same"));
    }
}

fn contradiction(at: Place, message: &str, label: &str) -> Diagnostic {
    Diagnostic::new(Code::Contradiction, message).at(at, label)
}
