//! The hidden role of an engine whose run a step of another run called: what to do stands on its standard input.

use std::io::Read;

use super::args::Driving;
use super::{Context, Exit};
use crate::exec::called::Request;
use crate::ops::{self, Error, Trust, Workspace};
use crate::report;
use crate::run::{Event, Record, Run};

/// Drives a called run, and says how it ended.
pub fn call() -> Exit {
    let mut text = Vec::new();
    let read = std::io::stdin().read_to_end(&mut text).map_err(|error| error.to_string());
    let request = read.and_then(|_| serde_json::from_slice(&text).map_err(|e| e.to_string()));
    let request: Request = match request {
        Ok(request) => request,
        Err(why) => {
            super::say(&format!("error: what is to be called was not understood: {why}"));
            return Exit::Usage;
        }
    };
    let trust = Trust { imports: request.imports.clone(), untrusted: request.untrusted };
    let cwd = std::env::current_dir().unwrap_or_default();
    match Workspace::find(&cwd, trust) {
        Ok(workspace) => Context::new(workspace, cwd).called(&request),
        Err(error) => {
            super::say(&format!("error: {error}"));
            super::exit_of(&error)
        }
    }
}

impl Context {
    fn called(&self, request: &Request) -> Exit {
        let driving = Driving { lenient: request.lenient, ..Driving::default() };
        let done = self.driven(&driving, |_, show| {
            ops::call(&self.workspace, request, &mut |record, run, store| {
                show(record, run, store);
                asks(record, run).iter().for_each(|line| super::say(line));
            })
        });
        done.unwrap_or_else(|error: Error| self.failed(&error))
    }
}

/// How somebody answers who sees only the caller.
fn asks(record: &Record, run: &Run) -> Option<String> {
    let Event::StepAsked { step, .. } = &record.event else { return None };
    let answers = report::step(run, run.node(step)?).answers.join("|");
    Some(format!("run {} waits: ostler step answer {} {step} {answers}", record.run, record.run))
}
