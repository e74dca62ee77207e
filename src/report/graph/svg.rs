//! The picture as SVG: one file without scripts or references, for light and dark pages.

use std::fmt::Write as _;

use super::layout::{Layout, layout};
use super::{Graph, Kind, Link, Node, Role};
use crate::report::lines::{columns, cut, in_xml, one_line};

/// The width of a letter of the font, in pixels; the font is one in which all are as wide.
const LETTER: f64 = 7.5;
/// The most letters of a line in a box; the whole text is shown where one points at it.
const LETTERS: usize = 32;
/// The height of a box.
const HEIGHT: f64 = 46.0;
/// How far waves lie apart.
const RISE: f64 = 46.0;
/// How far boxes of a wave lie apart.
const GAP: f64 = 22.0;
/// The width of a link where it passes a wave.
const PASS: f64 = 10.0;
/// The empty space around the picture.
const MARGIN: f64 = 24.0;
/// How often boxes are moved to where their links lead.
const PULLS: usize = 12;

/// Plain rules, no variables: what draws pictures outside of browsers does not know them.
const STYLE: &str = "\
text{font:13px ui-monospace,Menlo,Consolas,monospace;fill:#1f2328}.title{font-weight:bold}.faint{fill:#59636e;font-size:11px}\
.paper{fill:#fff}.box{fill:#f6f8fa;stroke:#59636e}.target{stroke-dasharray:6 3}.asked{stroke:#0969da;stroke-width:2.5}\
.unproven{stroke-dasharray:2 3}.finally{fill:none;stroke:#59636e;stroke-dasharray:8 4}.tip{fill:#1f2328}\
.link{fill:none;stroke-width:1.5;stroke:#59636e}.success{stroke:#1a7f37}.failure{stroke:#cf222e;stroke-dasharray:5 4}\
.fallback{stroke:#9a6700;stroke-dasharray:9 3 2 3}.road-failure{stroke:#cf222e;stroke-width:2.5}\
.road-success{stroke:#1a7f37;stroke-width:2.5}.release{stroke-dasharray:1.5 4}\
@media (prefers-color-scheme:dark){text,.tip{fill:#e6edf3}.faint{fill:#9198a1}.paper{fill:#0d1117}.box{fill:#151b23;stroke:#9198a1}\
.asked{stroke:#4493f8}.finally,.link{stroke:#9198a1}.success,.road-success{stroke:#3fb950}.failure,.road-failure{stroke:#f85149}\
.fallback{stroke:#d29922}}";

/// The picture as SVG.
pub fn svg(graph: &Graph) -> String {
    let layout = layout(graph);
    let drawn = Drawn::new(graph, &layout);
    let mut body = String::new();
    let title = match &graph.about {
        Some(about) => format!("{}: {about}", graph.name),
        None => graph.name.clone(),
    };
    let _ = writeln!(body, "{}", text(MARGIN, MARGIN + 10.0, "title", &title, 80));
    drawn.frame(graph, &mut body);
    for (link, path) in graph.links.iter().zip(&layout.paths) {
        drawn.link(link, path, graph, &mut body);
    }
    (0..graph.nodes.len()).for_each(|node| drawn.node(graph, node, &mut body));
    let below = drawn.height + RISE;
    let (legend, width, height) = legend(graph, below);
    body.push_str(&legend);
    #[expect(clippy::cast_precision_loss, reason = "some letters")]
    let titled = columns(&cut(&one_line(&title), 80)) as f64 * LETTER * 1.1;
    let (width, height) = (drawn.width.max(width).max(titled) + 2.0 * MARGIN, below + height);
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width:.0}\" height=\"{height:.0}\" \
         viewBox=\"0 0 {width:.0} {height:.0}\" role=\"img\">\n<title>{}</title>\n<style>{STYLE}</style>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" \
         markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"tip\" d=\"M0 0L8 4L0 8z\"/></marker></defs>\n\
         <rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{body}</svg>\n",
        escaped(&title)
    )
}

/// Where everything is drawn: the middle of each cell, and how wide it is.
struct Drawn {
    x: Vec<f64>,
    y: Vec<f64>,
    wide: Vec<f64>,
    width: f64,
    height: f64,
}

impl Drawn {
    fn new(graph: &Graph, layout: &Layout) -> Self {
        let mut wide = vec![PASS; layout.cells];
        for (cell, node) in graph.nodes.iter().enumerate() {
            let letters = columns(node.id.as_str()).max(columns(&node.does)).clamp(6, LETTERS);
            #[expect(clippy::cast_precision_loss, reason = "some letters")]
            let width = letters as f64 * LETTER + 20.0;
            wide[cell] = if node.role == Role::Asked { width + 16.0 } else { width };
        }
        let mut x = vec![0.0_f64; layout.cells];
        for wave in &layout.waves {
            let wish: Vec<f64> = wave.iter().map(|_| 0.0).collect();
            place(wave, &wish, &wide, &mut x);
        }
        let [above, below] = layout.neighbours();
        let count = layout.waves.len();
        for pull in 0..PULLS {
            for at in 0..count {
                let wave = &layout.waves[if pull % 2 == 0 { at } else { count - 1 - at }];
                let sides = if pull % 2 == 0 { &above } else { &below };
                let wish: Vec<f64> = wave.iter().map(|c| mean(&sides[*c], &x, x[*c])).collect();
                place(wave, &wish, &wide, &mut x);
            }
        }
        let left = (0..x.len()).map(|c| x[c] - wide[c] / 2.0).fold(f64::INFINITY, f64::min);
        x.iter_mut().for_each(|x| *x += MARGIN * 1.5 - left);
        let mut y = vec![0.0; layout.cells];
        let mut top = MARGIN + RISE;
        for wave in &layout.waves {
            wave.iter().for_each(|cell| y[*cell] = top + HEIGHT / 2.0);
            top += HEIGHT + RISE;
        }
        let width = (0..x.len()).map(|c| x[c] + wide[c] / 2.0).fold(0.0, f64::max);
        Self { x, y, wide, width, height: top - RISE }
    }

    /// The frame around `finally`.
    fn frame(&self, graph: &Graph, out: &mut String) {
        let own = || (0..graph.nodes.len()).filter(|n| graph.nodes[*n].finally);
        let Some(first) = own().next() else { return };
        let top = own().map(|n| self.y[n]).fold(self.y[first], f64::min) - HEIGHT / 2.0 - 20.0;
        let bottom = own().map(|n| self.y[n]).fold(0.0, f64::max) + HEIGHT / 2.0 + 10.0;
        let left = own().map(|n| self.x[n] - self.wide[n] / 2.0).fold(f64::INFINITY, f64::min);
        let right = own().map(|n| self.x[n] + self.wide[n] / 2.0).fold(0.0, f64::max);
        let _ = writeln!(
            out,
            "<rect class=\"finally\" x=\"{:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"{:.1}\" rx=\"6\"/>",
            left - 12.0,
            right - left + 24.0,
            bottom - top
        );
        let _ = writeln!(out, "{}", text(left - 6.0, top + 13.0, "faint", "finally", 10));
    }

    fn node(&self, graph: &Graph, n: usize, out: &mut String) {
        let node = &graph.nodes[n];
        let class = match node.role {
            Role::Run if node.road.is_some() => "box target",
            Role::Run => "box",
            Role::Asked => "box asked",
            Role::Unproven => "box unproven",
        };
        let rounded = if node.role == Role::Asked { HEIGHT / 2.0 } else { 5.0 };
        let (left, top) = (self.x[n] - self.wide[n] / 2.0, self.y[n] - HEIGHT / 2.0);
        let _ = write!(
            out,
            "<g><title>{}: {}</title><rect class=\"{class}\" x=\"{left:.1}\" y=\"{top:.1}\" \
             width=\"{:.1}\" height=\"{HEIGHT}\" rx=\"{rounded}\"/>",
            escaped(node.id.as_str()),
            escaped(&node.does),
            self.wide[n]
        );
        let inset = left + if node.role == Role::Asked { 18.0 } else { 10.0 };
        out.push_str(&text(inset, top + 19.0, "title", node.id.as_str(), LETTERS));
        let _ = writeln!(out, "{}</g>", text(inset, top + 36.0, "faint", &node.does, LETTERS + 4));
    }

    fn link(&self, link: &Link, path: &[usize], graph: &Graph, out: &mut String) {
        let mut d = String::new();
        for (n, cell) in path.iter().enumerate() {
            let (x, y) = (self.x[*cell], self.y[*cell]);
            if n == 0 {
                let _ = write!(d, "M{x:.1} {:.1}", y + HEIGHT / 2.0);
                continue;
            }
            let before = path[n - 1];
            let from = self.y[before] + HEIGHT / 2.0;
            let to = y - HEIGHT / 2.0;
            let half = f64::midpoint(from, to);
            let _ = write!(d, "C{:.1} {half:.1} {x:.1} {half:.1} {x:.1} {to:.1}", self.x[before]);
            if n + 1 < path.len() {
                let _ = write!(d, "V{:.1}", y + HEIGHT / 2.0);
            }
        }
        let ends = [link.from, link.to].map(|n| graph.nodes[n].id.as_str());
        let _ = writeln!(
            out,
            "<path class=\"link {}\" d=\"{d}\" marker-end=\"url(#tip)\"><title>{} → {}: {}</title></path>",
            class(link.kind),
            ends[0],
            ends[1],
            escaped(&link.label())
        );
    }
}

/// Puts the cells of a wave where they wish to be, as far as their widths let them.
fn place(wave: &[usize], wish: &[f64], wide: &[f64], x: &mut [f64]) {
    let apart = |a: usize, b: usize| f64::midpoint(wide[wave[a]], wide[wave[b]]) + GAP;
    let mut right = wish.to_vec();
    for n in 1..wave.len() {
        right[n] = right[n].max(right[n - 1] + apart(n - 1, n));
    }
    let mut left = wish.to_vec();
    for n in (1..wave.len()).rev() {
        left[n - 1] = left[n - 1].min(left[n] - apart(n - 1, n));
    }
    for (n, cell) in wave.iter().enumerate() {
        x[*cell] = f64::midpoint(left[n], right[n]);
    }
}

#[expect(clippy::cast_precision_loss, reason = "some links")]
fn mean(cells: &[usize], x: &[f64], own: f64) -> f64 {
    if cells.is_empty() {
        own
    } else {
        cells.iter().map(|c| x[*c]).sum::<f64>() / cells.len() as f64
    }
}

fn class(kind: Kind) -> &'static str {
    match kind {
        Kind::Always => "always",
        Kind::Success => "success",
        Kind::Failure => "failure",
        Kind::Fallback => "fallback",
        Kind::BranchFailure => "road-failure",
        Kind::BranchSuccess => "road-success",
        Kind::Release => "release",
    }
}

/// What the kinds of links and boxes that are drawn mean; its width and height.
fn legend(graph: &Graph, top: f64) -> (String, f64, f64) {
    let has = |kind: &Kind| graph.links.iter().any(|link| link.kind == *kind);
    let links = Kind::ALL.into_iter().filter(has).map(|kind| {
        let sign = format!(
            "<path class=\"link {}\" d=\"M0 0h42\" marker-end=\"url(#tip)\"/>",
            class(kind)
        );
        (sign, kind.says())
    });
    let any = |is: fn(&Node) -> bool| graph.nodes.iter().any(is);
    let boxes = [
        ("asked", 7, "somebody is asked", any(|node| node.role == Role::Asked)),
        ("target", 3, "only if its road is taken", any(|node| node.road.is_some())),
        ("unproven", 3, "cannot be tried here", any(|node| node.role == Role::Unproven)),
    ];
    let boxes = boxes.into_iter().filter(|(.., drawn)| *drawn).map(|(class, round, says, _)| {
        let sign = format!(
            "<rect class=\"box {class}\" y=\"-7\" width=\"42\" height=\"14\" rx=\"{round}\"/>"
        );
        (sign, says)
    });
    let (mut out, mut y) = (String::new(), top);
    for (sign, says) in links.chain(boxes) {
        let says = text(54.0, 4.0, "faint", says, LETTERS);
        let _ = writeln!(out, "<g transform=\"translate({MARGIN} {y:.1})\">{sign}{says}</g>");
        y += 20.0;
    }
    (out, 54.0 + LETTER * 27.0, y - top + MARGIN / 2.0)
}

/// A line of text, cut to so many letters.
fn text(x: f64, y: f64, class: &str, line: &str, letters: usize) -> String {
    let line = escaped(&cut(&one_line(line), letters));
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{line}</text>")
}

/// A text in XML, in which what would act on a terminal is shown by its number already.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in in_xml(&one_line(text)).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}
