//! The request of a call: its values put in place, which go to the engine of the called run by its standard input.

use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use super::Values;
use crate::action::{Part, Work};
use crate::exec::called::{ROLE, Request};
use crate::expr::template::{Form, Part as Piece};
use crate::ids::RunId;
use crate::plan::{Argument, Call, Step};
use crate::run::Parent;
use crate::value::{Bytes, from_bytes};

impl Values<'_> {
    pub(super) fn call(&mut self, step: &Step, call: &Call) -> Result<Work, String> {
        let (run, node) = (self.run, self.node.ok_or("there is no such step")?);
        let mine = run.linked(node, self.attempt);
        let params = call.params.iter();
        let params = params.map(|(name, given)| Ok((name.clone(), self.argument(given)?)));
        let params = params.collect::<Result<_, String>>()?;
        let all = &self.setting.calls;
        let request = Request {
            older: run.linked_by(node).into_iter().filter(|older| *older != mine).collect(),
            run: mine,
            parent: Parent {
                run: RunId::parse(run.id()).ok_or("the run has no id")?,
                step: node.instance.clone(),
                attempt: self.attempt,
            },
            verb: call.verb.clone(),
            file: call.called.file.clone(),
            digest: call.called.digest.clone(),
            params,
            outputs: step.outputs.keys().cloned().collect(),
            lenient: call.lenient,
            jobs: all.jobs,
            host_jobs: all.host_jobs,
            no_ask: all.no_ask,
            imports: all.imports.clone(),
            untrusted: all.untrusted,
        };
        let stdin = serde_json::to_vec(&request).map_err(|error| error.to_string())?;
        let workspace = self.setting.workspace.clone();
        let expect = step.expect.as_ref().map(|e| self.expected(e, &workspace)).transpose()?;
        Ok(Work::One(Box::new(Part {
            name: step.id.to_string(),
            // The link always means this very program.
            argv: vec!["/proc/self/exe".into(), ROLE.into()],
            env: passed_on(),
            stdin: Some(stdin.into()),
            expect,
            engine: true,
        })))
    }

    fn argument(&mut self, given: &Argument) -> Result<Value, String> {
        Ok(match given {
            Argument::Value(value) => value.clone(),
            Argument::List(all) => {
                all.iter().map(|one| self.argument(one)).collect::<Result<_, _>>()?
            }
            Argument::Text(template) => match template.0.as_slice() {
                [Piece::Ref(found)] if found.form == Form::Plain => self.value(found)?,
                _ => from_bytes(&self.bytes(template)?.0),
            },
        })
    }
}

/// What this engine was started with: the one of the called run fetches secrets and finds hosts as this one does. What
/// its commands inherit of it, it decides as this one does too.
fn passed_on() -> Vec<(String, Bytes)> {
    let about_hosts = |name: &str| name.starts_with("OSTLER_SSH");
    let own = |name: &str| name == "PWD" || (name.starts_with("OSTLER_") && !about_hosts(name));
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.as_bytes().into())))
        .filter(|(name, _)| !own(name))
        .collect()
}
