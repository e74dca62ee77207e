//! Steps that fan out: their instances, which of them may start, and what the whole comes to.
//!
//! A step that fans out has one node for the whole, which its edges hang on, and one for each instance. The whole never
//! runs; it ends once all its instances have.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::node::{Node, State};
use super::state::{Note, Road, Run};
use super::variables::Reader;
use crate::ids::Instance;
use crate::plan::{Fan, Items};
use crate::value::to_text;
use crate::workflow::OnError;

/// What an instance is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// What tells its instance from the others.
    pub key: String,
    /// Its value.
    pub value: Value,
}

/// The instances of a step, in order, and how far they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Members {
    /// Their nodes.
    pub(super) nodes: Vec<usize>,
    /// How many were let through to where conditions and locks decide.
    opened: usize,
    /// How many of those have ended.
    done: usize,
    /// How many have ended at all.
    ended: usize,
    failed: usize,
}

/// The longest key that is an item's own text.
const MAX_KEY: usize = 60;

impl Item {
    /// An item of a value. A text that is short and plain is its own key; of any other a part is, and its checksum.
    fn of(value: Value) -> Self {
        let text = to_text(&value);
        let plain = |c: char| c.is_ascii_alphanumeric() || "._-:@+=/".contains(c);
        if !text.is_empty() && text.len() <= MAX_KEY && text.chars().all(plain) {
            return Self { key: text, value };
        }
        let sum = crate::plan::hex(&<sha2::Sha256 as sha2::Digest>::digest(&text));
        let start: String = text.chars().filter(|c| plain(*c)).take(24).collect();
        Self { key: format!("{start}~{}", &sum[..8]), value }
    }
}

impl Run {
    /// The nodes of the steps, or of those of `finally`, in the order of the file: the instances of one after it.
    pub fn in_order(&self, finally: bool) -> impl Iterator<Item = &Node> {
        let alone =
            self.nodes.iter().filter(move |node| node.finally == finally && !node.is_instance());
        alone.flat_map(|node| std::iter::once(node).chain(self.instances(node)))
    }

    /// The nodes that stand for themselves: of a step that fanned out its instances.
    pub fn leaves(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.members.as_ref().is_none_or(|m| m.nodes.is_empty()))
    }

    /// The instances of a step's node, if it fans out and did so.
    pub fn instances(&self, node: &Node) -> impl Iterator<Item = &Node> {
        node.members.iter().flat_map(|members| &members.nodes).map(|n| &self.nodes[*n])
    }

    /// Whether a node is an instance of the step that `whole` is the node of, of this round or an earlier one.
    pub(super) fn is_of(&self, node: &Node, whole: &Node) -> bool {
        node.whole.is_some_and(|n| self.nodes[n].instance == whole.instance)
    }

    /// The items of a step, or why it has none.
    pub(super) fn items(&self, n: usize, fan: &Fan) -> Result<Vec<Item>, String> {
        let none = std::collections::BTreeMap::new();
        let reader = Reader { node: Some(&self.nodes[n]), attempt: 0, params: &none };
        let items: Vec<Item> = match &fan.items {
            Items::Hosts(hosts) => {
                let item = |host: &crate::ids::HostName| Item {
                    key: host.to_string(),
                    value: Value::from(host.as_str()),
                };
                hosts.iter().map(item).collect()
            }
            Items::Of(found) => match self.value(found, &reader)? {
                Value::Array(all) => all.into_iter().map(Item::of).collect(),
                other => return Err(format!("`{}` is no list: {other}", found.braced())),
            },
            Items::Each(all) => {
                let item = |template| self.text(template, &reader).map(Value::String).map(Item::of);
                all.iter().map(item).collect::<Result<_, _>>()?
            }
        };
        if items.is_empty() && !fan.allow_empty {
            return Err("there is nothing to fan out over: it has no items".to_owned());
        }
        let mut seen = std::collections::BTreeSet::new();
        match items.iter().find(|item| !seen.insert(&item.key)) {
            Some(twice) => Err(format!("`{}` is twice among the items", twice.key)),
            None => Ok(items),
        }
    }

    /// A step fans out. Instances of an earlier round that passed stay, unless all are to run again.
    pub(super) fn expand(&mut self, n: usize, items: &[Item]) {
        let anew = std::mem::replace(&mut self.nodes[n].anew, false);
        self.set(n, State::Fanned, None);
        let mut members = Members::default();
        for item in items {
            let member = self.instance(n, item);
            let stays = self.nodes[member].state.is_pass() && !anew;
            if stays {
                members.ended += 1;
            } else if self.nodes[member].state.is_final() {
                self.rewind(member);
            }
            self.nodes[member].place = members.nodes.len();
            members.nodes.push(member);
        }
        let all_ended = members.ended == members.nodes.len();
        self.nodes[n].members = Some(Box::new(members));
        if items.is_empty() {
            self.end(n, State::Passed, Some("it has no items, and may have none".to_owned()));
        } else if all_ended {
            self.end_whole(n);
        } else {
            self.open_instances(n);
        }
    }

    /// The node of an item's instance, which is made if there is none yet.
    fn instance(&mut self, whole: usize, item: &Item) -> usize {
        let of = &self.nodes[whole];
        let instance =
            Instance { step: of.instance.step.clone(), key: Some(item.key.as_str().into()) };
        if let Some(n) = self.index.get(&instance) {
            let n = *n;
            self.nodes[n].item = Some(item.clone());
            return n;
        }
        let mut node = Node::new(instance, of.finally, of.step);
        (node.whole, node.item, node.rank) = (Some(whole), Some(item.clone()), of.rank);
        let finally = node.finally;
        self.add(node);
        *self.open(finally) += 1;
        self.nodes.len() - 1
    }

    /// Lets as many further instances through as canary, batch and concurrency allow.
    fn open_instances(&mut self, whole: usize) {
        let Some(fan) = self.step(&self.nodes[whole]).fan.clone() else { return };
        while let Some(members) = &self.nodes[whole].members {
            let Some(&next) = members.nodes.get(members.opened) else { return };
            let (opened, all) = (members.opened, members.nodes.len());
            let under_way = opened - members.done;
            let full = fan.concurrency.is_some_and(|most| under_way >= most as usize);
            if full || (under_way > 0 && is_border(&fan, opened, all)) {
                return;
            }
            let ended = self.nodes[next].ended();
            if let Some(members) = &mut self.nodes[whole].members {
                members.opened += 1;
                members.done += usize::from(ended);
            }
            self.gate(next);
        }
    }

    /// An instance ended: others may start now, or must not any more, or the whole has ended.
    pub(super) fn instance_ended(&mut self, n: usize) {
        let node = &self.nodes[n];
        let Some(whole) = node.whole else { return };
        let (place, failed) = (node.place, node.state == State::Failed);
        let Some(fan) = self.step(&self.nodes[whole]).fan.clone() else { return };
        let Some(members) = &mut self.nodes[whole].members else { return };
        members.ended += 1;
        members.failed += usize::from(failed);
        members.done += usize::from(place < members.opened);
        let (failures, all) = (members.failed, members.nodes.len());
        if members.ended == all {
            self.end_whole(whole);
            return;
        }
        let canary = failed && place < fan.canary as usize;
        if canary || fan.max_failures.is_some_and(|most| failures > most as usize) {
            let why = if canary {
                format!("the canary `{}` failed", self.nodes[n].instance)
            } else {
                format!("{failures} of {all} failed")
            };
            self.close_instances(whole, &why);
        } else if self.nodes[whole].state == State::Fanned {
            self.open_instances(whole);
        }
    }

    /// Keeps what has not started of a step from starting.
    fn close_instances(&mut self, whole: usize, why: &str) {
        let members = self.nodes[whole].members.as_ref().map(|members| members.nodes.clone());
        for n in members.unwrap_or_default() {
            let node = &self.nodes[n];
            let waits = matches!(node.state, State::Waiting | State::Ready) && node.untried();
            if waits {
                self.pending.entry(n).or_insert_with(|| Note::Skip(why.to_owned()));
            }
        }
    }

    /// All instances have ended: what they come to.
    pub(super) fn end_whole(&mut self, whole: usize) {
        let (state, reason) = self.sum(whole);
        self.nodes[whole].outputs = self.outputs_by_item(whole);
        if state != State::Failed {
            self.end(whole, state, reason);
            return;
        }
        let on_error = self.step(&self.nodes[whole]).on_error.finally().clone();
        let stops = matches!(on_error, OnError::Stop | OnError::Fallback { .. });
        let stops = stops && !self.nodes[whole].finally;
        self.nodes[whole].stops = stops;
        self.end(whole, State::Failed, reason);
        if stops {
            self.stop(whole);
        }
    }

    /// The state of the whole: a pass only if an instance passed, and each that was not left out on purpose.
    fn sum(&self, whole: usize) -> (State, Option<String>) {
        let all: Vec<&Node> = self.instances(&self.nodes[whole]).collect();
        let of = |state: State| all.iter().filter(|node| node.state == state).count();
        let some = |state: State, what: &str| {
            let of: Vec<String> = all
                .iter()
                .filter(|node| node.state == state)
                .map(|node| node.instance.key.as_deref().unwrap_or_default().to_owned())
                .collect();
            let named = if of.len() > 3 { &of[..3] } else { &of[..] };
            let more = if of.len() > 3 { ", …" } else { "" };
            Some(format!("{} of {} {what}: {}{more}", of.len(), all.len(), named.join(", ")))
        };
        let passed = all.iter().filter(|node| node.state.is_pass()).count();
        if of(State::Failed) > 0 {
            (State::Failed, some(State::Failed, "failed"))
        } else if of(State::Cancelled) > 0 {
            (State::Cancelled, some(State::Cancelled, "cancelled"))
        } else if of(State::Unproven) > 0 {
            (State::Unproven, some(State::Unproven, "unproven"))
        } else if of(State::Skipped) > 0 && (passed == 0 || self.is_winding_up()) {
            let why = all.iter().find_map(|node| node.reason.clone());
            (State::Skipped, if passed == 0 { why } else { some(State::Skipped, "skipped") })
        } else {
            (State::Passed, None)
        }
    }

    /// The outputs of the instances that passed, each as a map by item.
    fn outputs_by_item(&self, whole: usize) -> std::collections::BTreeMap<crate::ids::Name, Value> {
        let names = self.step(&self.nodes[whole]).outputs.keys();
        let map = |name: &crate::ids::Name| {
            let members = self.instances(&self.nodes[whole]).filter(|node| node.state.is_pass());
            let each = members.filter_map(|node| {
                Some((node.item.as_ref()?.key.clone(), node.outputs.get(name)?.clone()))
            });
            (name.clone(), Value::Object(each.collect::<Map<_, _>>()))
        };
        names.map(map).collect()
    }

    /// An instance failed, and another step stands in for it: that step gets an instance with the same item.
    pub(super) fn stand_in(&mut self, n: usize) {
        let (Some(&whole), Some(item)) =
            (self.nodes[n].whole.and_then(|w| self.targets[w].first()), self.nodes[n].item.clone())
        else {
            return;
        };
        let member = self.instance(whole, &item);
        if self.nodes[member].state.is_final() {
            self.rewind(member);
        }
        let members = self.nodes[whole].members.get_or_insert_default();
        if !members.nodes.contains(&member) {
            members.nodes.push(member);
        }
        self.nodes[member].taken = Some(true);
        self.target_of[member] = Some((n, Road::Fallback));
        if !self.targets[n].contains(&member) {
            self.targets[n].push(member);
        }
        self.gate(member);
    }

    /// Puts a node that ended back to its beginning, its attempts kept.
    pub(super) fn rewind(&mut self, n: usize) {
        self.set(n, State::Waiting, None);
        let node = &mut self.nodes[n];
        node.outputs.clear();
        node.taken_over = None;
        node.earlier = node.attempts.len();
        (node.retries, node.stops, node.standby) = (0, false, false);
        node.handed_over = false;
    }
}

/// Whether an instance must wait until all before it have ended: it is the first after the canaries, or of a batch.
fn is_border(fan: &Fan, place: usize, all: usize) -> bool {
    let canaries = (fan.canary as usize).min(all);
    if place <= canaries {
        return place == canaries && canaries > 0;
    }
    fan.batch.is_some_and(|batch| (place - canaries).is_multiple_of(batch.of(all - canaries)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workflow::Batch;

    #[test]
    fn borders_are_after_the_canaries_and_between_batches() {
        let fan = |canary, batch| Fan {
            items: Items::Hosts(Vec::new()),
            name: None,
            concurrency: None,
            canary,
            batch,
            max_failures: Some(0),
            allow_empty: false,
        };
        let borders = |fan: &Fan, all: usize| -> Vec<usize> {
            (1..all).filter(|place| is_border(fan, *place, all)).collect()
        };
        assert_eq!(borders(&fan(0, None), 9), [0; 0]);
        assert_eq!(borders(&fan(2, None), 9), [2]);
        assert_eq!(borders(&fan(0, Some(Batch::Count(4))), 9), [4, 8]);
        assert_eq!(borders(&fan(1, Some(Batch::Percent(25))), 9), [1, 3, 5, 7]);
        assert_eq!(borders(&fan(20, None), 9), [0; 0]);
    }

    #[test]
    fn keys_are_plain_and_differ() {
        let key = |value: Value| Item::of(value).key;
        assert_eq!(key("web-1".into()), "web-1");
        assert_eq!(key(3.into()), "3");
        let odd = ["a b", "a  b", "", "é", "]", "#", "a\nb"].map(|text| key(text.into()));
        let different: std::collections::BTreeSet<&String> = odd.iter().collect();
        assert_eq!(different.len(), odd.len(), "{odd:?}");
        assert!(odd.iter().all(|key| !key.contains(|c: char| "[]# \n".contains(c))), "{odd:?}");
    }
}
