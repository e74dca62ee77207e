//! What only all hosts together show: circles of jumps.

use std::collections::{BTreeMap, BTreeSet};

use crate::diagnostic::{Code, Diagnostic, Place};
use crate::fleet::Written;

/// The circles among the jumps of these hosts, each at the jump that closes it: the number of the host that has it,
/// and what is wrong. Of two hosts of one name the first counts.
pub fn circles(hosts: &[&Written]) -> Vec<(usize, Diagnostic)> {
    let mut named = BTreeMap::new();
    for (nth, written) in hosts.iter().enumerate() {
        named.entry(written.host.name.as_str()).or_insert((nth, *written));
    }
    let names: Vec<&str> = named.keys().copied().collect();
    let mut search = Search { hosts: named, seen: BTreeSet::new(), path: vec![], found: vec![] };
    names.iter().for_each(|name| search.visit(name));
    search.found
}

struct Search<'h> {
    hosts: BTreeMap<&'h str, (usize, &'h Written)>,
    seen: BTreeSet<&'h str>,
    /// The way to the host that is looked at.
    path: Vec<&'h str>,
    found: Vec<(usize, Diagnostic)>,
}

impl<'h> Search<'h> {
    fn visit(&mut self, name: &'h str) {
        let Some((nth, written)) = self.hosts.get(name).copied() else { return };
        if !self.seen.insert(name) {
            return;
        }
        self.path.push(name);
        for (jump, place) in written.host.jump.iter().zip(&written.jumps) {
            match self.path.iter().position(|passed| passed == jump) {
                Some(from) => self.found.push((nth, circle(&self.path[from..], *place))),
                None => self.visit(jump),
            }
        }
        self.path.pop();
    }
}

fn circle(way: &[&str], place: Place) -> Diagnostic {
    let way: Vec<&str> = way.iter().chain(way.first()).copied().collect();
    Diagnostic::new(Code::JumpCircle, format!("jumps in a circle: {}", way.join(" → ")))
        .at(place, "this jump closes it")
        .hint("one of them is reached without the others: take its `jump` out")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::Host;

    fn written(name: &str, jumps: &[&str]) -> Written {
        let host = serde_json::json!({ "name": name, "address": name, "jump": jumps });
        let host: Host = serde_json::from_value(host).unwrap();
        Written { host, jumps: jumps.iter().map(|_| Place::default()).collect() }
    }

    fn found(hosts: &[(&str, &[&str])]) -> Vec<String> {
        let hosts: Vec<Written> = hosts.iter().map(|(name, jumps)| written(name, jumps)).collect();
        let hosts: Vec<&Written> = hosts.iter().collect();
        circles(&hosts).iter().map(|(nth, problem)| format!("{nth}: {}", problem.message)).collect()
    }

    #[test]
    fn each_circle_is_found_once() {
        let two: [(&str, &[&str]); 3] = [("a", &["b"]), ("b", &["a", "x@c"]), ("c", &["a", "b"])];
        assert_eq!(found(&two), ["1: jumps in a circle: a → b → a"]);
        assert_eq!(found(&[("a", &["a"])]), ["0: jumps in a circle: a → a"]);
    }

    #[test]
    fn two_ways_to_one_host_are_no_circle() {
        let hosts: [(&str, &[&str]); 4] =
            [("a", &["b", "c"]), ("b", &["d"]), ("c", &["d"]), ("d", &["outside"])];
        assert_eq!(found(&hosts), [""; 0]);
    }
}
