//! What a run would do if some steps failed and all others passed: the run itself, with assumed outcomes.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::apply::IllegalEvent;
use super::decide::{Command, Room};
use super::event::{Answer, Event, Trigger};
use super::outcome::{Ending, Outcome};
use super::record::{Actor, ActorKind, Record, VERSION};
use super::state::Run;
use crate::expr::{Condition, Ref, Template};
use crate::ids::{Instance, RunId, StepId};
use crate::plan::{Items, Plan, Step};
use crate::value::Time;

/// A run that was only thought of.
#[derive(Debug)]
pub struct Rehearsal {
    /// How it ended.
    pub run: Run,
    /// The conditions that only the run can decide, each with its step: they were taken to hold.
    pub assumed: Vec<(StepId, String)>,
}

/// Whether a condition holds in every run of a plan, or in none; nothing if only the run can tell.
pub fn settled(plan: &Plan, condition: &str) -> Option<bool> {
    let parsed = Condition::parse(condition).ok()?;
    if parsed.names().iter().any(|name| name[0] != "params") {
        return None;
    }
    let params = plan.params.iter().map(|(name, param)| (name.to_string(), param.value.clone()));
    let params = Value::Object(params.collect());
    parsed.holds(&Map::from_iter([("params".to_owned(), params)])).ok()
}

/// Runs a plan in thought. Guards pass, people say what is assumed, and it converges when first asked.
pub fn rehearse(plan: &Plan, failing: &BTreeSet<StepId>) -> Result<Rehearsal, IllegalEvent> {
    let (plan, assumed) = without_unknown(plan);
    let mut stage = Stage { run: Run::new(Arc::new(plan)), now: Time(0), failing };
    let opened = Event::RunOpened {
        workflow: stage.run.plan().workflow.clone(),
        plan_digest: String::new(),
        trigger: Trigger::Cli,
        seed: 0,
        retries: None,
        parent: None,
        stepped: false,
        task: None,
    };
    stage.put(opened)?;
    while stage.turn()? {}
    Ok(Rehearsal { run: stage.run, assumed })
}

/// Whether a condition speaks of what no assumption about passing and failing decides.
fn is_unknown(condition: &str) -> bool {
    let Ok(parsed) = Condition::parse(condition) else { return false };
    parsed.names().iter().any(|name| match name.as_slice() {
        [steps, _, field, ..] if steps == "steps" => field != "status",
        [params, ..] => params != "params",
        [] => true,
    })
}

/// The plan without such conditions.
fn without_unknown(plan: &Plan) -> (Plan, Vec<(StepId, String)>) {
    let mut plan = plan.clone();
    let mut assumed = Vec::new();
    let mut clear = |step: &mut Step| {
        let mut known = |text: &str| {
            let known = !is_unknown(text);
            if !known {
                assumed.push((step.id.clone(), text.to_owned()));
            }
            known
        };
        step.when.retain(|when| known(&when.condition));
        // What the items will be only the run knows: one stands for all.
        if let Some(fan) = step.fan.as_mut()
            && let Items::Of(found) = &fan.items
            && !matches!(found.to, Ref::Param(_))
        {
            fan.items = Items::Each(vec![Template::literal("any")]);
        }
        for edge in &mut step.edges {
            edge.condition = edge.condition.take().filter(|condition| known(condition));
        }
    };
    plan.steps.iter_mut().for_each(&mut clear);
    plan.finally.iter_mut().for_each(&mut clear);
    // What steps would hand on is not known.
    plan.outputs.clear();
    (plan, assumed)
}

struct Stage<'f> {
    run: Run,
    now: Time,
    failing: &'f BTreeSet<StepId>,
}

impl Stage<'_> {
    fn put(&mut self, event: Event) -> Result<(), IllegalEvent> {
        let record = Record {
            v: VERSION,
            run: RunId::from_random([0; 8]),
            seq: self.run.seq(),
            prev: String::new(),
            at: self.now,
            actor: Actor { kind: ActorKind::Engine, name: String::new() },
            cause: None,
            event,
        };
        self.run.apply(&record)
    }

    /// Does what the run decides, as much at once as it may; `false` once there is nothing left to do.
    fn turn(&mut self) -> Result<bool, IllegalEvent> {
        let room = Room { slots: usize::MAX, on_hosts: usize::MAX, busy: BTreeSet::new() };
        let (mut started, mut asked, mut wake) = (Vec::new(), Vec::new(), None);
        let commands = self.run.decide(&room);
        let done = !commands.is_empty();
        for command in commands {
            match command {
                Command::Record(event) => {
                    if let Event::StepAsked { step, .. } = &event {
                        asked.push(step.clone());
                    }
                    self.put(event)?;
                }
                Command::Start { step, attempt, params } => {
                    started.push((step.clone(), attempt));
                    self.put(Event::StepStarted { step, attempt, params, host: None })?;
                }
                Command::Ask(probe) => {
                    self.put(Event::ProbeStarted { probe: probe.clone() })?;
                    let outcome = Outcome::Exited { code: 0 };
                    self.put(Event::ProbeFinished { probe, outcome })?;
                }
                Command::Wake(until) => wake = Some(until),
                Command::EndAll => {}
            }
        }
        for (step, attempt) in &started {
            let passes = self.passes(step);
            let outcome = Outcome::Exited { code: i32::from(!passes) };
            let ending = Box::new(Ending::of(outcome, passes));
            self.put(Event::StepFinished { step: step.clone(), attempt: *attempt, ending })?;
        }
        for step in &asked {
            let answer = if self.passes(step) { Answer::Passed } else { Answer::Failed };
            self.put(Event::answered(step.clone(), answer, None))?;
        }
        if let Some(until) = wake.filter(|_| started.is_empty()) {
            self.now = self.now.max(until);
            for step in self.run.due(self.now) {
                self.put(Event::TimerFired { step })?;
            }
        }
        Ok(done)
    }

    fn passes(&self, step: &Instance) -> bool {
        !self.failing.contains(&step.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Facts, Given};

    fn plan(text: &str) -> Plan {
        let loaded = crate::source::from_text("w.toml", format!("id = 'w'\n{text}"));
        assert_eq!(loaded.problems, []);
        let workflow = &loaded.workflows[0];
        let checked = crate::check::check(workflow, &loaded.sources);
        assert_eq!(checked.problems, []);
        crate::plan::resolve(workflow, &checked.scripts, &Given::new(), &Facts::default()).unwrap()
    }

    fn states(plan: &Plan, failing: &[&str]) -> String {
        let failing = failing.iter().map(|id| StepId::parse(id).unwrap()).collect();
        let run = rehearse(plan, &failing).unwrap().run;
        let states = run.nodes().iter().map(|n| format!("{} {}", n.instance, n.state.name()));
        format!("{}: {}", run.status().name(), states.collect::<Vec<_>>().join(", "))
    }

    const STEPS: &str = "
[[params]]
name = 'loud'
type = 'bool'
[[steps]]
id = 'build'
cmd = 'make'
outputs = { version = 'string' }
on_error = { strategy = 'Retry', max = 2, backoff_s = 5 }
[[steps]]
id = 'look'
actor = 'Human'
needs = ['build']
[[steps]]
id = 'tell'
cmd = 'true'
depends_on = [{ step = 'build', kind = 'OnFailure' }]
[[steps]]
id = 'ship'
cmd = 'true'
needs = ['look']
when = [{ if = 'steps.build.outputs.version != \"0\"' }, { if = 'params.loud || steps.look.status == \"passed\"' }]
[[finally]]
id = 'clean'
cmd = 'true'
";

    #[test]
    fn what_would_follow_a_failure_is_what_the_run_itself_decides() {
        let plan = plan(STEPS);
        let passed = "passed: build passed, look passed, tell skipped, ship passed, clean passed";
        assert_eq!(states(&plan, &[]), passed);
        let failed = "failed: build failed, look skipped, tell passed, ship skipped, clean passed";
        assert_eq!(states(&plan, &["build"]), failed);
        assert!(states(&plan, &["look"]).starts_with("failed: build passed, look failed"));
        assert!(states(&plan, &["clean"]).starts_with("failed: build passed, look passed"));
    }

    #[test]
    fn all_tries_of_a_failing_step_fail() {
        let failing = [StepId::parse("build").unwrap()].into();
        let rehearsed = rehearse(&plan(STEPS), &failing).unwrap();
        assert_eq!(rehearsed.run.nodes()[0].attempts.len(), 3);
        let assumed = rehearsed.assumed.iter().map(|(step, text)| format!("{step}: {text}"));
        assert_eq!(assumed.collect::<Vec<_>>(), ["ship: steps.build.outputs.version != \"0\""]);
    }

    #[test]
    fn only_params_settle_a_condition_before_the_run() {
        let plan = plan(STEPS);
        assert_eq!(settled(&plan, "params.loud"), Some(false));
        assert_eq!(settled(&plan, "!params.loud || steps.look.status == 'failed'"), None);
    }
}
