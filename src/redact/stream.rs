//! The filter that a stream passes: what may be the beginning of a secret waits for what follows.

use aho_corasick::{
    Anchored,
    automaton::{Automaton, StateID},
};

use super::{Masks, is_break, mask};

/// So many line breaks in a row end whatever was begun: otherwise what waits could grow for ever.
const BREAKS: usize = 4;

/// A place where a secret stands, in what waits.
#[derive(Debug)]
struct Mark {
    start: usize,
    end: usize,
    owner: usize,
    /// Whether its mask is out already, and only the rest of it is dropped.
    said: bool,
}

/// Masks secrets in a stream that comes in pieces; where it was cut makes no difference.
#[derive(Debug)]
pub struct Redactor {
    masks: Masks,
    state: StateID,
    /// Line breaks in a row.
    breaks: usize,
    /// What may be the beginning of a secret.
    held: Vec<u8>,
    /// The secrets in it, in order, without overlaps.
    marks: Vec<Mark>,
    /// A secret that was in the stream.
    found: Option<usize>,
}

impl Redactor {
    /// A filter for one stream.
    pub fn new(masks: Masks) -> Self {
        let state = masks.0.start;
        Self { masks, state, breaks: 0, held: Vec::new(), marks: Vec::new(), found: None }
    }

    /// Takes the next piece, and gives what is known to hold no secret.
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let from = self.held.len();
        self.held.extend_from_slice(piece);
        let table = self.masks.0.clone();
        let mut state = self.state;
        for at in from..self.held.len() {
            let byte = self.held[at];
            if is_break(byte) {
                self.breaks += 1;
                if self.breaks > BREAKS {
                    state = table.start;
                }
                continue;
            }
            self.breaks = 0;
            state = table.finder.next_state(Anchored::No, state, byte);
            if table.finder.is_special(state) && table.finder.is_match(state) {
                let found = (0..table.finder.match_len(state))
                    .map(|n| table.finder.match_pattern(state, n))
                    .max_by_key(|form| table.finder.pattern_len(*form));
                if let Some(form) = found {
                    let start = self.back(at + 1, table.finder.pattern_len(form));
                    self.mark(start, at + 1, table.owners[form.as_usize()]);
                }
            }
        }
        self.state = state;
        let begun = table.depths.get(&state).copied().unwrap_or(0);
        self.release(self.back(self.held.len(), begun))
    }

    /// Ends the stream, and gives what waited.
    pub fn finish(mut self) -> Vec<u8> {
        self.release(self.held.len())
    }

    /// A secret that was in the stream so far.
    pub(super) fn found(&self) -> Option<usize> {
        self.found
    }

    /// How much waits.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.len()
    }

    /// Where so many bytes before `end` begin, line breaks not counted.
    fn back(&self, end: usize, mut bytes: usize) -> usize {
        let mut at = end;
        while bytes > 0 && at > 0 {
            at -= 1;
            bytes -= usize::from(!is_break(self.held[at]));
        }
        at
    }

    /// Notes a secret; one that overlaps another is one with it.
    fn mark(&mut self, start: usize, end: usize, owner: usize) {
        self.found = Some(owner);
        let mut new = Mark { start, end, owner, said: false };
        while let Some(last) = self.marks.pop_if(|last| last.end > new.start) {
            if last.said || last.start < new.start {
                new = Mark { start: last.start, end: new.end, ..last };
            }
        }
        self.marks.push(new);
    }

    /// Gives what stands before `end`, with masks, and forgets it.
    fn release(&mut self, end: usize) -> Vec<u8> {
        if self.marks.is_empty() {
            return self.held.drain(..end).collect();
        }
        let mut out = Vec::with_capacity(end);
        let mut at = 0;
        for mark in self.marks.iter_mut().take_while(|mark| mark.start < end) {
            out.extend_from_slice(&self.held[at..mark.start]);
            if !std::mem::replace(&mut mark.said, true) {
                out.extend_from_slice(mask(&self.masks.0.names[mark.owner]).as_bytes());
            }
            at = mark.end.min(end);
        }
        out.extend_from_slice(&self.held[at..end]);
        self.held.drain(..end);
        self.marks.retain_mut(|mark| {
            mark.start = mark.start.saturating_sub(end);
            mark.end = mark.end.saturating_sub(end);
            mark.end > 0
        });
        out
    }
}
