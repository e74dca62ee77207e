//! What a probe runs, its values put in place: a guard, a condition, the question what became of a step.

use std::collections::BTreeMap;

use super::resolve::Values;
use crate::action::{Attempt, Limits, Part, Setting, Work};
use crate::run::{Probe, Run};

/// What a probe is called.
fn name(probe: &Probe) -> String {
    match probe {
        Probe::Guard(id) => format!("guard-{id}"),
        Probe::Converge(iteration) => format!("converge-{iteration}"),
        Probe::Step(instance) => format!("probe-{}", instance.file_stem()),
    }
}

/// What a probe runs.
pub(super) fn probe(
    run: &Run,
    probe: &Probe,
    id: String,
    setting: &Setting,
) -> Result<Attempt, String> {
    let plan = run.plan();
    let none = BTreeMap::new();
    let name = name(probe);
    let mut values = Values {
        run,
        node: None,
        attempt: 0,
        params: &none,
        host: None,
        id,
        setting,
        name: name.clone(),
        files: Vec::new(),
    };
    let (shell, deadline, cwd, env, secrets) = match probe {
        Probe::Guard(id) => {
            let guard = plan.guards.iter().find(|g| g.id == *id).ok_or("there is no such guard")?;
            values.host = match &guard.on {
                Some(on) => run.host_of_guard(on)?,
                None => None,
            };
            (&guard.run, guard.timeout, plan.cwd.as_ref(), &plan.env, &plan.secrets)
        }
        Probe::Converge(_) => {
            let converge = plan.converge.as_ref().ok_or("there is nothing to converge")?;
            (&converge.condition, None, plan.cwd.as_ref(), &plan.env, &plan.secrets)
        }
        Probe::Step(instance) => {
            let node = run.node(instance).ok_or("there is no such step")?;
            values.node = Some(node);
            let step = run.step(node);
            values.host = run.host(node, 0, &none)?;
            let shell = step.probe.as_ref().ok_or("no probe")?;
            (shell, step.timeout, step.cwd.as_ref(), &step.env, &step.secrets)
        }
    };
    let cwd = values.cwd(cwd)?;
    let env = values.env(env, &cwd)?;
    let (argv, own) = (values.words(shell), values.handed_over(shell)?);
    let secrets = values.secrets(secrets)?;
    Ok(Attempt {
        output_file: setting.dir.join(format!("{name}.out")),
        name: name.clone(),
        work: Work::One(Box::new(Part {
            name,
            argv,
            env: own,
            stdin: None,
            expect: None,
            engine: false,
        })),
        env,
        secrets,
        cwd,
        limits: Limits {
            deadline_ms: deadline.map(|t| t.0),
            stall_ms: None,
            grace_ms: setting.grace_ms,
        },
        outputs: BTreeMap::new(),
        verify: None,
        on: values.remote(false),
        value_files: values.files,
    })
}
