//! What one command wrote to a stream that carries many: from its marker's first place to its next.

/// A stream in which one answer is looked for.
pub(super) struct Marked {
    marker: Vec<u8>,
    at: At,
    /// What has come and is not taken yet.
    held: Vec<u8>,
    /// What the guard said beside the answer, a line each.
    pub(super) notes: Vec<String>,
    /// How it ended, once it has.
    pub(super) end: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Before,
    Inside,
    /// In a line of the guard's.
    Note,
}

impl Marked {
    /// Looks for what is between two lines that begin with `marker`. The command cannot know it, so it cannot write it.
    pub(super) fn new(marker: &str) -> Self {
        let marker = marker.as_bytes().to_vec();
        Self { marker, at: At::Before, held: Vec::new(), notes: Vec::new(), end: None }
    }

    /// Takes what came, and gives what of it the command wrote.
    pub(super) fn take(&mut self, data: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(data);
        let mut written = Vec::new();
        while self.end.is_none() {
            match self.at {
                At::Before => {
                    let Some(found) = find(&self.held, &self.marker) else {
                        let keep = self.begun_marker();
                        self.held.drain(..self.held.len() - keep);
                        break;
                    };
                    let after = found + self.marker.len();
                    if self.held.len() == after {
                        break;
                    }
                    self.held.drain(..=after);
                    self.at = At::Inside;
                }
                At::Inside => {
                    if let Some(found) = find(&self.held, &self.marker) {
                        written.extend_from_slice(&self.held[..found]);
                        self.held.drain(..found + self.marker.len());
                        self.at = At::Note;
                    } else {
                        let keep = self.begun_marker();
                        written.extend(self.held.drain(..self.held.len() - keep));
                        break;
                    }
                }
                At::Note => {
                    let Some(end) = self.held.iter().position(|b| *b == b'\n') else { break };
                    let line: Vec<u8> = self.held.drain(..=end).collect();
                    let line = String::from_utf8_lossy(&line).trim().to_owned();
                    if line.starts_with("leak ") || line.starts_with("survivor ") {
                        self.notes.push(line);
                        self.at = At::Inside;
                    } else {
                        self.end = Some(line);
                    }
                }
            }
        }
        written
    }

    /// What is still held when nothing more will come.
    pub(super) fn rest(&mut self) -> Vec<u8> {
        if self.at == At::Inside { std::mem::take(&mut self.held) } else { Vec::new() }
    }

    /// How many of the last bytes may be the beginning of a marker.
    fn begun_marker(&self) -> usize {
        let most = self.held.len().min(self.marker.len() - 1);
        let begins = |n: &usize| self.marker.starts_with(&self.held[self.held.len() - n..]);
        (1..=most).rev().find(begins).unwrap_or(0)
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    let first = part.first()?;
    let mut from = 0;
    while let Some(at) = text[from..].iter().position(|b| b == first) {
        if text[from + at..].starts_with(part) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is found in `stream` when it comes in pieces of so many bytes.
    fn found(stream: &[u8], size: usize) -> (Vec<u8>, Marked) {
        let mut marked = Marked::new("\u{1e}ab12");
        let written = stream.chunks(size).flat_map(|data| marked.take(data)).collect();
        (written, marked)
    }

    #[test]
    fn pieces_of_any_size_give_the_same() {
        let stream =
            b"banner\x1e\x1eab12\none\n\x1eab1 \x1etwo\x1eab12 leak 7 x\n\x1eab12 exit 3\nlater";
        for size in 1..stream.len() {
            let (written, marked) = found(stream, size);
            assert_eq!(written, b"one\n\x1eab1 \x1etwo", "{size}");
            assert_eq!(marked.end.as_deref(), Some("exit 3"), "{size}");
            assert_eq!(marked.notes, ["leak 7 x"]);
        }
    }

    #[test]
    fn what_is_cut_off_is_given_all_the_same() {
        let (written, mut marked) = found(b"\x1eab12\nhi\x1eab", 3);
        assert_eq!((written, marked.rest()), (b"hi".to_vec(), b"\x1eab".to_vec()));
        assert!(marked.end.is_none());
    }
}
