//! The picture in the language of Mermaid, which GitHub and GitLab draw in Markdown.

use std::fmt::Write as _;

use super::{Graph, Kind, Node, Role};
use crate::report::lines::{cut, one_line};

/// The most letters of a line in a box: longer ones make pictures that nobody reads.
const WIDTH: usize = 60;

/// The picture as a `flowchart`.
pub fn mermaid(graph: &Graph) -> String {
    let mut out = String::from("flowchart TD\n");
    for (n, node) in graph.nodes.iter().enumerate().filter(|(_, node)| !node.finally) {
        let _ = writeln!(out, "  {}", drawn(n, node));
    }
    if graph.nodes.iter().any(|node| node.finally) {
        out.push_str("  subgraph finally[\"finally\"]\n");
        for (n, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.finally) {
            let _ = writeln!(out, "    {}", drawn(n, node));
        }
        out.push_str("  end\n");
    }
    for link in &graph.links {
        let arrow = match link.kind {
            Kind::Always | Kind::Success => "-->",
            Kind::BranchFailure | Kind::BranchSuccess => "==>",
            Kind::Failure | Kind::Fallback | Kind::Release => "-.->",
        };
        let label = link.label();
        let label = if label.is_empty() { label } else { format!("|\"{}\"|", escaped(&label)) };
        let _ = writeln!(out, "  n{} {arrow}{label} n{}", link.from, link.to);
    }
    out.push_str("  classDef asked stroke-width:3px,stroke:#4169e1\n");
    out.push_str("  classDef target stroke-dasharray:5 3\n");
    out.push_str("  classDef unproven stroke-dasharray:2 2,stroke:#888888\n");
    out
}

fn drawn(n: usize, node: &Node) -> String {
    let label = format!("{}<br/>{}", escaped(node.id.as_str()), escaped(&node.does));
    match node.role {
        Role::Run if node.road.is_some() => format!("n{n}[\"{label}\"]:::target"),
        Role::Run => format!("n{n}[\"{label}\"]"),
        Role::Asked => format!("n{n}([\"{label}\"]):::asked"),
        Role::Unproven => format!("n{n}[\"{label}\"]:::unproven"),
    }
}

/// A text in which only letters, digits, and a few signs between them stand for themselves. All others are written by
/// their number: quotes, brackets and tags, and what Mermaid takes for Markdown or for a list.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    let mut after_letter = false;
    for c in cut(&one_line(text), WIDTH).chars() {
        let plain =
            c.is_alphanumeric() || c == ' ' || c == '…' || (after_letter && "-_".contains(c));
        if plain {
            out.push(c);
        } else {
            let _ = write!(out, "#{};", u32::from(c));
        }
        after_letter = c.is_alphanumeric();
    }
    out
}
