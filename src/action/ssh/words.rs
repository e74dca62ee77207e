//! What the guard says of an attempt's end, as an outcome.

use crate::action::protocol::Start;
use crate::run::{Interruption, Leak, NoConnection, Outcome};

/// What the guard adds where no outputs were written.
const NO_OUTPUTS: &str = " -";

/// Whether outputs may have been written, which else need not be asked for.
pub(super) fn may_have_outputs(words: &str) -> bool {
    !words.ends_with(NO_OUTPUTS)
}

/// An attempt of which the host does not say how it ended.
pub(super) fn lost() -> Outcome {
    Outcome::Interrupted { cause: Interruption::ConnectionLost }
}

/// An attempt that never started, and never will.
pub(super) fn never() -> Outcome {
    Outcome::Interrupted { cause: Interruption::NeverStarted }
}

/// How an attempt ended.
pub(super) fn outcome(words: &str, start: &Start) -> Outcome {
    let words = words.strip_suffix(NO_OUTPUTS).unwrap_or(words);
    let (kind, rest) = words.split_once(' ').unwrap_or((words, ""));
    match (kind, rest.parse()) {
        ("exit", Ok(code)) => Outcome::Exited { code },
        ("signal", Ok(signal)) => Outcome::Signaled { signal },
        ("start", _) => Outcome::CouldNotStart { reason: reason(rest, start) },
        ("never", _) => never(),
        ("full", _) => {
            let said = "nothing can be written where attempts are recorded".to_owned();
            Outcome::NoConnection { why: NoConnection::DiskFull, said }
        }
        ("taken", _) => {
            Outcome::Lost { reason: "the host has a record of this attempt already".to_owned() }
        }
        _ => lost(),
    }
}

fn reason(word: &str, start: &Start) -> String {
    match word {
        "folder" => format!("the folder `{}` does not exist on the host", start.cwd.shown()),
        "program" => {
            let program = start.argv.first().map(|word| word.shown()).unwrap_or_default();
            format!("`{program}` was not found on the host")
        }
        _ => "the host has no folder in which attempts can be recorded: neither its home nor /var/tmp can be written to"
            .to_owned(),
    }
}

/// A process that was left behind: `leak PID COMMAND`, and `survivor PID COMMAND` if it would not go.
pub(super) fn leak(note: &str) -> Option<Leak> {
    let (kind, rest) = note.split_once(' ')?;
    let (pid, command) = rest.split_once(' ').unwrap_or((rest, ""));
    let command = command.trim().chars().take(120).collect();
    Some(Leak { pid: pid.parse().ok()?, command, survived: kind == "survivor" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_the_guard_are_outcomes() {
        let start = Start {
            engine: false,
            private: false,
            secrets: Vec::new(),
            argv: vec!["x".into()],
            env: Vec::new(),
            cwd: "/y".into(),
            stdin: None,
            dir: String::new(),
            name: String::new(),
            limits: crate::action::Limits { deadline_ms: None, stall_ms: None, grace_ms: 0 },
        };
        for (words, outcome) in [
            ("exit 255", "exit 255"),
            ("exit 3 -", "exit 3"),
            ("signal 9", "killed by signal 9"),
            ("signal 9 -", "killed by signal 9"),
            ("start folder", "could not start: the folder `/y` does not exist on the host"),
            ("start program", "could not start: `x` was not found on the host"),
            ("never", "it never started"),
            ("killed", "the connection was lost"),
            ("rebooted", "the connection was lost"),
            ("exit", "the connection was lost"),
        ] {
            assert_eq!(super::outcome(words, &start).to_string(), outcome);
        }
        let found = leak("survivor 12 sleep 100 ").unwrap();
        assert_eq!((found.pid, &*found.command, found.survived), (12, "sleep 100", true));
    }
}
