//! The picture for a terminal: a line a step, and beside it a rail from each step to those that wait for it.
//!
//! A rail begins at its step and ends at the last that waits for it. A join is where two meet; where one only passes
//! another, the line across is broken. A step right below another follows that one, unless
//! a line comes from the left.

use std::collections::BTreeSet;

use super::{Graph, Kind, layout};

/// A line of the picture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rail {
    /// Which node stands here.
    pub node: usize,
    /// What is drawn before its sign.
    pub before: String,
    /// What is drawn after it.
    pub after: String,
    /// What is drawn in further lines of the same node, as wide as the others.
    pub below: String,
}

/// A rail that is being drawn.
#[derive(Debug, Clone, Copy)]
struct Open {
    from: usize,
    /// How many steps still wait at it.
    left: usize,
}

/// Draws the steps, or those of `finally`; all lines are equally wide.
pub fn rails(graph: &Graph, finally: bool) -> Vec<Rail> {
    let within: BTreeSet<(usize, usize)> = graph
        .links
        .iter()
        .filter(|link| link.kind != Kind::Release)
        .map(|link| (link.from, link.to))
        .collect();
    let waiting = |node: usize| within.range((node, 0)..(node + 1, 0)).count();
    let mut columns: Vec<Option<Open>> = Vec::new();
    let mut rows = Vec::new();
    let mut above = None;
    for node in layout::order(graph).0 {
        if graph.nodes[node].finally != finally {
            continue;
        }
        let own = settle(&mut columns, node, waiting(node), &within, above);
        above = Some(own.column);
        rows.push((node, own.drawn, own.column, below(&columns)));
    }
    let width = rows.iter().map(|(_, drawn, ..)| drawn.len()).max().unwrap_or(0);
    let padded = |mut signs: Vec<char>| {
        signs.resize(width, ' ');
        signs
    };
    rows.into_iter()
        .map(|(node, drawn, column, below)| {
            let drawn = padded(drawn);
            Rail {
                node,
                before: drawn[..column * 2].iter().collect(),
                after: drawn[column * 2 + 1..].iter().collect(),
                below: padded(below).into_iter().collect(),
            }
        })
        .collect()
}

/// Where a node came to stand, and its line.
struct Settled {
    column: usize,
    drawn: Vec<char>,
}

/// Gives a node its column, ends the rails that end there, begins its own. What follows nothing does not stand right
/// below the node before it, at column `above`.
fn settle(
    columns: &mut Vec<Option<Open>>,
    node: usize,
    waiting: usize,
    within: &BTreeSet<(usize, usize)>,
    above: Option<usize>,
) -> Settled {
    let leads = |open: &Option<Open>| open.is_some_and(|open| within.contains(&(open.from, node)));
    let sources: Vec<usize> = (0..columns.len()).filter(|c| leads(&columns[*c])).collect();
    let before: Vec<bool> = columns.iter().map(Option::is_some).collect();
    let mut ended = None;
    // How many more of the same step's followers will want a column beside it, its last one aside.
    let mut siblings = 0;
    for &column in &sources {
        if let Some(open) = columns[column].as_mut() {
            open.left -= 1;
            siblings = siblings.max(open.left.saturating_sub(1));
            if open.left == 0 {
                columns[column] = None;
                // Right below a step, and with a line from the left, nobody could tell whether it follows that step.
                let unclear = above == Some(column) && sources[0] < column;
                ended = ended.or((!unclear).then_some(column));
            }
        }
    }
    let first = sources.last().map_or(0, |last| last + 1);
    let spare = if waiting > 0 { siblings } else { 0 };
    let taken = |column: usize| columns.get(column).is_some_and(Option::is_some);
    let follows = |column: usize| sources.is_empty() && above == Some(column);
    let free = |column: &usize| !taken(*column) && !follows(*column);
    let own = ended.or_else(|| (first..).filter(free).nth(spare)).unwrap_or(first);
    if columns.len() <= own {
        columns.resize(own + 1, None);
    }
    if waiting > 0 {
        columns[own] = Some(Open { from: node, left: waiting });
    }
    let drawn = draw(columns, &before, &sources, own);
    Settled { column: own, drawn }
}

/// The line of a node that stands at `own`, and to which rails lead from `sources`.
fn draw(columns: &[Option<Open>], before: &[bool], sources: &[usize], own: usize) -> Vec<char> {
    let low = sources.first().map_or(own, |first| own.min(*first));
    let high = sources.last().map_or(own, |last| own.max(*last));
    let mut drawn = Vec::with_capacity(columns.len() * 2);
    for (column, open) in columns.iter().enumerate() {
        let across = (low..=high).contains(&column);
        drawn.push(if column == own {
            '●'
        } else if sources.contains(&column) {
            joint(open.is_some(), column > low, column < high)
        } else if open.is_some() && before.get(column) == Some(&true) {
            '│'
        } else if across {
            '─'
        } else {
            ' '
        });
        drawn.push(if across && column < high { '─' } else { ' ' });
    }
    drawn.truncate(drawn.iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1));
    drawn
}

/// The sign where a rail from above is joined: whether it goes on, and to which sides the line leads.
fn joint(down: bool, left: bool, right: bool) -> char {
    match (down, left, right) {
        (true, false, _) => '├',
        (true, true, false) => '┤',
        (true, true, true) => '┼',
        (false, false, _) => '╰',
        (false, true, false) => '╯',
        (false, true, true) => '┴',
    }
}

/// The rails that go on after a line.
fn below(columns: &[Option<Open>]) -> Vec<char> {
    let signs = columns.iter().flat_map(|open| [if open.is_some() { '│' } else { ' ' }, ' ']);
    let mut signs: Vec<char> = signs.collect();
    signs.truncate(signs.iter().rposition(|c| *c != ' ').map_or(0, |last| last + 1));
    signs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::report::graph::linked as graph;

    fn drawn(graph: &Graph) -> String {
        let line = |r: &Rail| format!("{}●{}", r.before, r.after).trim_end().to_owned() + "\n";
        rails(graph, false).iter().map(line).collect()
    }

    #[test]
    fn a_chain_is_a_line_and_a_diamond_opens_and_closes() {
        assert_eq!(drawn(&graph(3, &[(0, 1), (1, 2)])), "●\n●\n●\n");
        let diamond = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 4)];
        assert_eq!(drawn(&graph(5, &diamond)), "●\n├───●\n├─● │\n● │ │\n●─┴─╯\n");
    }

    #[test]
    fn a_line_that_only_passes_a_rail_is_broken() {
        let pairs = [(0, 2), (1, 3), (0, 3), (2, 4), (3, 4)];
        assert_eq!(drawn(&graph(5, &pairs)), "●\n│ ●\n├─│─●\n●─╯ │\n●───╯\n");
    }

    #[test]
    fn what_follows_nothing_does_not_stand_below_another() {
        assert_eq!(drawn(&graph(4, &[(0, 1), (2, 3)])), "●\n●\n  ●\n  ●\n");
    }

    /// The steps that lead to the one in a row, as the lines say: along the row, and from each joint up.
    fn traced(rows: &[Vec<char>], nodes: &[usize], row: usize, own: usize) -> BTreeSet<usize> {
        let mut found = BTreeSet::new();
        let mut up = vec![];
        let beside = |step: isize| own.checked_add_signed(step).and_then(|at| rows[row].get(at));
        match row.checked_sub(1).map(|above| rows[above][own]) {
            Some('●') if beside(-1) == Some(&'─') => {}
            Some('●' | '│' | '├' | '┤' | '┼') => up.push(own),
            _ => {}
        }
        for step in [-1_isize, 1] {
            let mut at = own;
            while let Some(next) = at.checked_add_signed(step).filter(|n| *n < rows[row].len()) {
                match rows[row][next] {
                    ' ' => break,
                    '├' | '┤' | '┼' | '╰' | '╯' | '┴' => up.push(next),
                    _ => {}
                }
                at = next;
            }
        }
        for column in up {
            let mut above = row - 1;
            while rows[above][column] != '●' {
                assert!("│├┤┼".contains(rows[above][column]), "a rail begins at nothing");
                above -= 1;
            }
            found.insert(nodes[above]);
        }
        found
    }

    proptest! {
        #[test]
        fn the_lines_lead_from_each_step_to_those_that_wait_for_it(
            count in 1_usize..14,
            chosen in proptest::collection::vec((0_usize..14, 0_usize..14), 0..30),
        ) {
            let pairs: Vec<(usize, usize)> =
                chosen.into_iter().filter(|(a, b)| a < b && *b < count).collect();
            let graph = graph(count, &pairs);
            let lines = rails(&graph, false);
            prop_assert_eq!(lines.len(), count);
            let rows: Vec<Vec<char>> =
                lines.iter().map(|r| format!("{}●{}", r.before, r.after).chars().collect()).collect();
            let nodes: Vec<usize> = lines.iter().map(|r| r.node).collect();
            for (row, line) in lines.iter().enumerate() {
                prop_assert_eq!(rows[row].len(), rows[0].len());
                prop_assert_eq!(line.below.chars().count(), rows[0].len());
                let own = line.before.chars().count();
                let lead: BTreeSet<usize> =
                    pairs.iter().filter(|(_, to)| *to == line.node).map(|(from, _)| *from).collect();
                prop_assert_eq!(traced(&rows, &nodes, row, own), lead, "{}", drawn(&graph));
            }
        }
    }
}
