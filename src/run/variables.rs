//! What conditions and placeholders see of a run.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::node::Node;
use super::place;
use super::state::Run;
use crate::expr::Template;
use crate::expr::template::{Part, Placeholder, Ref, StepField};
use crate::ids::{Instance, Name, StepId};
use crate::value::to_text;

/// For whom a text is read: an attempt at a step, or something that belongs to no step.
pub(super) struct Reader<'r> {
    pub(super) node: Option<&'r Node>,
    pub(super) attempt: u32,
    pub(super) params: &'r BTreeMap<Name, Value>,
}

impl Run {
    /// The variables that a condition with these names needs.
    /// `node` is the one that a condition decides about; none for an edge.
    pub(super) fn variables(
        &self,
        names: &BTreeSet<Vec<String>>,
        node: Option<&Node>,
    ) -> Map<String, Value> {
        let mut steps = Map::new();
        for name in names.iter().filter(|n| n[0] == "steps") {
            let one = name.get(1).and_then(|id| StepId::parse(id).ok());
            match one.and_then(|id| self.node(&Instance::only(id))) {
                Some(node) => drop(steps.insert(node.instance.to_string(), Self::seen(node))),
                None => steps
                    .extend(self.nodes().iter().map(|n| (n.instance.to_string(), Self::seen(n)))),
            }
        }
        let params = self.plan.params.iter().map(|(name, p)| (name.to_string(), p.value.clone()));
        let params: Map<String, Value> = params.collect();
        let run = json!({ "id": self.id() });
        let mut all: Map<String, Value> =
            [("params", Value::Object(params)), ("steps", Value::Object(steps)), ("run", run)]
                .map(|(name, value)| (name.to_owned(), value))
                .into_iter()
                .collect();
        let Some(node) = node else { return all };
        if let (Some(name), Some(item)) = (self.item_name(node), &node.item) {
            all.insert(name.to_string(), item.value.clone());
        }
        if names.iter().any(|name| name[0] == "host")
            && let Ok(Some(host)) = self.host(node, 0, &BTreeMap::new())
        {
            all.insert("host".to_owned(), place::seen(&host));
        }
        all
    }

    /// What the item of an instance is called: as its step says, or the one that it stands in for.
    fn item_name(&self, node: &Node) -> Option<&Name> {
        let own = self.step(node).fan.as_ref();
        let source = || {
            let (source, _) = self.target_of[*self.index.get(&node.instance)?]?;
            self.step(&self.nodes[source]).fan.as_ref()
        };
        own.or_else(source)?.name.as_ref()
    }

    fn seen(node: &Node) -> Value {
        let outputs = node.outputs.iter().map(|(name, v)| (name.to_string(), v.clone()));
        let mut seen: Map<String, Value> = StepField::NAMES
            .iter()
            .map(|(name, field)| ((*name).to_owned(), Self::field(node, *field)))
            .collect();
        seen.insert("outputs".to_owned(), Value::Object(outputs.collect()));
        Value::Object(seen)
    }

    /// One of the things that can be asked of a node; null where there is no attempt to ask of.
    pub fn field(node: &Node, field: StepField) -> Value {
        let outcome = node.ending().map(|ending| &ending.outcome);
        match field {
            StepField::Status => Value::from(node.state.name()),
            StepField::Outcome => outcome.map_or(Value::Null, |o| Value::from(o.name())),
            StepField::Exit => {
                outcome.and_then(super::Outcome::exit_code).map_or(Value::Null, Value::from)
            }
            StepField::DurationS =>
            {
                #[expect(clippy::cast_precision_loss, reason = "milliseconds of a run")]
                node.duration_ms().map_or(Value::Null, |ms| Value::from(ms as f64 / 1_000.0))
            }
        }
    }

    /// The value of a placeholder for an attempt at a step; `params` are those that differ in it from the plan's.
    pub fn value_of(
        &self,
        reader: Option<&Node>,
        attempt: u32,
        params: &BTreeMap<Name, Value>,
        found: &Placeholder,
    ) -> Option<Value> {
        let value = match &found.to {
            Ref::Param(name) => {
                let plan = || self.plan.params.get(name).map(|p| &p.value);
                params.get(name).or_else(plan).cloned()
            }
            Ref::Output(step, name) => {
                reader.and_then(|node| self.output(node, step, name)).cloned()
            }
            Ref::Field(step, field) => {
                let node = self.node(&Instance::only(step.clone()));
                node.map(|n| Self::field(n, *field)).filter(|v| !v.is_null())
            }
            Ref::RunId => Some(Value::from(self.id())),
            Ref::Attempt => Some(Value::from(attempt)),
            Ref::Item(_) => reader.and_then(|node| node.item.as_ref()).map(|i| i.value.clone()),
            Ref::Host(field) => {
                let host = reader.and_then(|node| self.host(node, attempt, params).ok().flatten());
                host.and_then(|host| place::host_field(&host, field))
            }
            Ref::ParamHost(name, field) => {
                let value =
                    params.get(name).or_else(|| self.plan.params.get(name).map(|p| &p.value));
                let host = value.and_then(|value| self.plan.hosts.get(value.as_str()?));
                host.and_then(|host| place::host_field(host, field))
            }
        };
        value.or_else(|| found.default.as_deref().map(Value::from))
    }

    /// The value of a placeholder, or that it has none.
    pub(super) fn value(&self, found: &Placeholder, reader: &Reader<'_>) -> Result<Value, String> {
        let value = self.value_of(reader.node, reader.attempt, reader.params, found);
        value.ok_or_else(|| format!("`{}` does not exist", found.braced()))
    }

    /// The text that a template comes to.
    pub(super) fn text(&self, template: &Template, reader: &Reader<'_>) -> Result<String, String> {
        let part = |part: &Part| match part {
            Part::Text(text) => Ok(text.clone()),
            Part::Ref(found) => self.value(found, reader).map(|value| to_text(&value)),
        };
        template.0.iter().map(part).collect()
    }

    /// An output as a placeholder of `reader` sees it: of the very attempt that a releaser releases.
    pub fn output(&self, reader: &Node, step: &StepId, name: &Name) -> Option<&Value> {
        let node = self.node(&Instance::only(step.clone()))?;
        match reader.holder {
            Some((holder, n)) if self.nodes()[holder].instance == node.instance => {
                let attempt = node.attempts.iter().find(|a| a.n == n)?;
                attempt.ending.as_ref()?.outputs.get(name)
            }
            _ => node.outputs.get(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::run::{Interruption, NoConnection, Outcome, State};

    /// The words of a field that `check` takes for impossible.
    fn impossible(field: &str, words: &[&str]) -> Vec<String> {
        let bad = |word: &&&str| {
            let text = format!(
                "id = 'w'\n[[steps]]\nid = 'a'\ncmd = 'x'\n[[steps]]\nid = 'b'\ncmd = 'x'\n\
                 depends_on = ['a']\nwhen = 'steps.a.{field} == \"{word}\"'\n"
            );
            let loaded = crate::source::from_text("w.toml", text);
            loaded
                .workflows
                .iter()
                .any(|w| !crate::check::check(w, &loaded.sources).problems.is_empty())
        };
        words.iter().filter(bad).map(|w| (*w).to_owned()).collect()
    }

    #[test]
    fn check_knows_the_states_and_outcomes_that_a_condition_may_see() {
        use State::{Cancelled, Failed, Passed, Ready, Recovered, Running, Skipped, Unproven};
        let ended = [Passed, Recovered, Failed, Skipped, Unproven, Cancelled].map(State::name);
        assert_eq!(impossible("status", &ended), [""; 0]);
        assert_eq!(impossible("status", &[Ready, Running].map(State::name)).len(), 2);
        let reason = String::new;
        let outcomes = [
            Outcome::Exited { code: 0 },
            Outcome::Signaled { signal: 9 },
            Outcome::TimedOut { after_ms: 1 },
            Outcome::Stalled { after_ms: 1 },
            Outcome::Done,
            Outcome::Failed { reason: reason() },
            Outcome::CouldNotStart { reason: reason() },
            Outcome::Cancelled,
            Outcome::Interrupted { cause: Interruption::Rebooted },
            Outcome::Lost { reason: reason() },
            Outcome::Answered,
            Outcome::Probed,
        ];
        let names = outcomes.iter().map(Outcome::name);
        let names: Vec<&str> = names.chain(NoConnection::ALL.map(NoConnection::name)).collect();
        assert_eq!(impossible("outcome", &names), [""; 0]);
        assert_eq!(impossible("outcome", &["check_failed", "bad_output"]).len(), 2);
    }
}
