//! The picture in the language of Graphviz.

use std::fmt::Write as _;

use super::{Graph, Kind, Node, Role};
use crate::report::lines::{cut, one_line};

/// The most letters of a line in a box.
const WIDTH: usize = 60;

/// The picture as a `digraph`.
pub fn dot(graph: &Graph) -> String {
    let mut out = format!("digraph {} {{\n", quoted(&graph.name));
    let title = match &graph.about {
        Some(about) => format!("{}: {about}", graph.name),
        None => graph.name.clone(),
    };
    let _ = writeln!(out, "  graph [label={}, labelloc=t, fontname=sans];", quoted(&title));
    out.push_str("  node [shape=box, fontname=sans];\n  edge [fontname=sans, fontsize=10];\n");
    for (n, node) in graph.nodes.iter().enumerate().filter(|(_, node)| !node.finally) {
        let _ = writeln!(out, "  {}", drawn(n, node));
    }
    if graph.nodes.iter().any(|node| node.finally) {
        out.push_str("  subgraph cluster_finally {\n    label=\"finally\"; style=dashed;\n");
        for (n, node) in graph.nodes.iter().enumerate().filter(|(_, node)| node.finally) {
            let _ = writeln!(out, "    {}", drawn(n, node));
        }
        out.push_str("  }\n");
    }
    for link in &graph.links {
        let style = match link.kind {
            Kind::Always => "color=gray40",
            Kind::Success => "color=darkgreen",
            Kind::Failure => "color=firebrick, style=dashed",
            Kind::Fallback => "color=darkorange3, style=dashed",
            Kind::BranchFailure => "color=firebrick, style=bold",
            Kind::BranchSuccess => "color=darkgreen, style=bold",
            Kind::Release => "color=gray60, style=dotted",
        };
        let _ = writeln!(
            out,
            "  n{} -> n{} [label={}, {style}];",
            link.from,
            link.to,
            quoted(&link.label())
        );
    }
    out.push_str("}\n");
    out
}

fn drawn(n: usize, node: &Node) -> String {
    let style = match node.role {
        Role::Run if node.road.is_some() => "style=dashed",
        Role::Run => "style=solid",
        Role::Asked => "style=rounded, penwidth=2, color=royalblue",
        Role::Unproven => "style=dotted, color=gray40",
    };
    // The lines of a label are ended by `\n`, which the quoting of its text cannot make.
    let label = format!("{}\\n{}", escaped(node.id.as_str()), escaped(&cut(&node.does, WIDTH)));
    format!("n{n} [label=\"{label}\", {style}];")
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", escaped(text))
}

/// A text inside of quotes. Graphviz reads entities and sequences such as `\N` in labels.
fn escaped(text: &str) -> String {
    one_line(text).replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;")
}
