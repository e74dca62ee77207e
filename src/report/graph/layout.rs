//! Where steps lie: in waves, those of one side by side, so that links lead on and cross little.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Graph, Kind};

/// How often the order of each wave is brought closer to its neighbours'.
const SWEEPS: usize = 8;

/// The most places that are kept for links on their way. Those of a hostile graph would be as many as the square of its
/// steps; what finds no more place is drawn straight.
const PASSES: usize = 20_000;

/// Where everything lies. A cell is a node, by its number, or behind those a place where a link passes a wave.
#[derive(Debug)]
pub(super) struct Layout {
    /// The waves: those of one do not wait for each other. What is in `finally` comes after all others.
    pub(super) waves: Vec<Vec<usize>>,
    /// For each link the cells that it goes through, its ends included, as a rule one in each wave.
    pub(super) paths: Vec<Vec<usize>>,
    /// How many cells there are.
    pub(super) cells: usize,
}

/// Lays a graph out. What lies on a cycle, which a plan has not, is left out.
pub(super) fn layout(graph: &Graph) -> Layout {
    let (order, wave) = order(graph);
    let mut waves = in_waves(&order, &wave);
    let mut cells = graph.nodes.len();
    let mut paths = Vec::with_capacity(graph.links.len());
    for link in &graph.links {
        let mut path = vec![link.from];
        let passed = wave[link.from] + 1..wave[link.to].max(wave[link.from] + 1);
        if cells + passed.len() <= graph.nodes.len() + PASSES {
            for wave in &mut waves[passed] {
                wave.push(cells);
                path.push(cells);
                cells += 1;
            }
        }
        path.push(link.to);
        paths.push(path);
    }
    let mut layout = Layout { waves, paths, cells };
    layout.untangle();
    layout
}

/// The nodes of each wave, in that order.
pub(super) fn in_waves(order: &[usize], wave: &[usize]) -> Vec<Vec<usize>> {
    let mut waves = vec![Vec::new(); order.iter().map(|n| wave[*n] + 1).max().unwrap_or(0)];
    order.iter().for_each(|n| waves[wave[*n]].push(*n));
    waves
}

/// The nodes, each after all that leads to it, else in the order of the file; and the wave of each.
pub(super) fn order(graph: &Graph) -> (Vec<usize>, Vec<usize>) {
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); graph.nodes.len()];
    let mut left = vec![0_usize; graph.nodes.len()];
    for link in graph.links.iter().filter(|link| link.kind != Kind::Release) {
        after[link.from].push(link.to);
        left[link.to] += 1;
    }
    let mut order: Vec<usize> = Vec::with_capacity(graph.nodes.len());
    let mut wave = vec![0_usize; graph.nodes.len()];
    for finally in [false, true] {
        let first = order.iter().map(|n| wave[*n] + 1).max().unwrap_or(0);
        let free = |n: &usize| left[*n] == 0 && graph.nodes[*n].finally == finally;
        let mut next: BinaryHeap<Reverse<usize>> =
            (0..graph.nodes.len()).filter(free).map(Reverse).collect();
        while let Some(Reverse(n)) = next.pop() {
            wave[n] = wave[n].max(first);
            order.push(n);
            for &then in &after[n] {
                wave[then] = wave[then].max(wave[n] + 1);
                left[then] -= 1;
                if left[then] == 0 {
                    next.push(Reverse(then));
                }
            }
        }
    }
    (order, wave)
}

impl Layout {
    /// For each cell its neighbours in the wave above, and those in the wave below.
    pub(super) fn neighbours(&self) -> [Vec<Vec<usize>>; 2] {
        let mut sides = [vec![Vec::new(); self.cells], vec![Vec::new(); self.cells]];
        for pair in self.paths.iter().flat_map(|path| path.windows(2)) {
            sides[0][pair[1]].push(pair[0]);
            sides[1][pair[0]].push(pair[1]);
        }
        sides
    }

    /// Orders each wave by where its neighbours lie, down and up again.
    fn untangle(&mut self) {
        let [above, below] = self.neighbours();
        let mut place = vec![0_usize; self.cells];
        for wave in &self.waves {
            wave.iter().enumerate().for_each(|(at, cell)| place[*cell] = at);
        }
        for sweep in 0..SWEEPS {
            let (sides, turn) = if sweep % 2 == 0 { (&above, false) } else { (&below, true) };
            let count = self.waves.len();
            for at in 0..count {
                let wave = &mut self.waves[if turn { count - 1 - at } else { at }];
                wave.sort_by(|a, b| {
                    let mean = |cell: &usize| mean(&sides[*cell], &place, place[*cell]);
                    mean(a).total_cmp(&mean(b))
                });
                wave.iter().enumerate().for_each(|(at, cell)| place[*cell] = at);
            }
        }
    }
}

/// The middle of some cells' places; that of the cell itself if there are none.
fn mean(cells: &[usize], place: &[usize], own: usize) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "places of some thousand steps")]
    match cells {
        [] => own as f64,
        all => all.iter().map(|cell| place[*cell] as f64).sum::<f64>() / all.len() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::graph::linked;

    #[test]
    fn links_that_pass_many_waves_do_not_take_more_room_than_there_is() {
        let pairs: Vec<_> = (1..2_000).flat_map(|n| [(n - 1, n), (0, n)]).collect();
        let layout = layout(&linked(2_000, &pairs));
        assert_eq!(layout.waves.len(), 2_000);
        assert!(layout.cells <= 2_000 + PASSES, "{}", layout.cells);
        assert!(layout.cells > 2_000 + PASSES / 2, "{}", layout.cells);
    }
}
