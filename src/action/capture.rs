//! What a command writes: counted exactly, kept up to a limit, in memory while it is short.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::Instant;

use sha2::{Digest, Sha256};

use super::protocol::Kept;
use crate::plan::hex;
use crate::redact::{MAX_SECRET, Masks, Redactor};

/// Up to so many bytes travel in the message and need no file.
const INLINE: usize = 4 * 1024;
/// So many bytes are kept of the beginning,
const HEAD: u64 = 32 * 1024 * 1024;
/// and so many of the end.
const TAIL: usize = 1024 * 1024;

/// One stream of a command.
pub(super) struct Capture {
    /// The end that we read; none once it is closed.
    pub(super) pipe: Option<OwnedFd>,
    name: String,
    path: PathBuf,
    bytes: u64,
    /// How many bytes there are once secrets are masked.
    masked: u64,
    redactor: Option<Redactor>,
    /// Whether it is a secret itself, and so goes into no file.
    private: bool,
    /// What is neither in the file nor in `tail`.
    short: Vec<u8>,
    tail: VecDeque<u8>,
    file: Option<File>,
    written: u64,
    sum: Sha256,
    lost: Option<String>,
    /// Why its end never came.
    cut_off: Option<String>,
    /// Since when `short` holds something that nobody else can see.
    hidden_since: Option<Instant>,
}

impl Capture {
    /// Captures what comes out of `pipe`; `name` is the file's, in `dir`, should there be one.
    pub(super) fn new(pipe: Option<OwnedFd>, dir: &str, name: String) -> Self {
        Self {
            pipe,
            path: PathBuf::from(dir).join(&name),
            name,
            bytes: 0,
            masked: 0,
            redactor: None,
            private: false,
            short: Vec::new(),
            tail: VecDeque::new(),
            file: None,
            written: 0,
            sum: Sha256::new(),
            lost: None,
            cut_off: None,
            hidden_since: None,
        }
    }

    /// The same, without secrets in it.
    pub(super) fn masked(mut self, masks: Option<Masks>) -> Self {
        self.redactor = masks.map(Redactor::new);
        self
    }

    /// The same, if it is `private` only in memory, as much as a secret may have.
    pub(super) fn private(mut self, private: bool) -> Self {
        self.private = private;
        self
    }

    /// Reads once; the caller knows that there is something to read, or that it is closed.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        match rustix::io::read(pipe, &mut *buffer) {
            Ok(0) => self.pipe = None,
            Ok(n) => {
                self.take(&buffer[..n]);
                return true;
            }
            Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
            Err(_) => self.pipe = None,
        }
        false
    }

    /// Its end will not come any more; what came is kept.
    pub(super) fn cut_off(&mut self, why: &str) {
        self.cut_off = Some(why.to_owned());
    }

    /// Takes what was written next.
    pub(super) fn take(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.bytes += data.len() as u64;
        match &mut self.redactor {
            Some(redactor) => {
                let known = redactor.push(data);
                self.add(&known);
            }
            None => self.add(data),
        }
    }

    /// Adds what may be seen.
    fn add(&mut self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        self.masked += data.len() as u64;
        if self.private {
            let room = (MAX_SECRET + 2).saturating_sub(self.short.len()).min(data.len());
            self.short.extend_from_slice(&data[..room]);
            return;
        }
        if self.file.is_none() && self.short.len() + data.len() <= INLINE {
            self.short.extend_from_slice(data);
            self.hidden_since.get_or_insert_with(Instant::now);
            return;
        }
        self.spill();
        let room = usize::try_from(HEAD - self.written).unwrap_or(0).min(data.len());
        let (head, rest) = data.split_at(room);
        self.write(head);
        self.tail.extend(rest);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
    }

    /// Since when something is not visible outside, for the spill that makes it so.
    pub(super) fn hidden_since(&self) -> Option<Instant> {
        self.hidden_since
    }

    /// Moves what is only in memory to the file.
    pub(super) fn spill(&mut self) {
        self.hidden_since = None;
        if self.private {
            return;
        }
        if self.file.is_none() && self.lost.is_none() {
            match File::create(&self.path) {
                Ok(file) => self.file = Some(file),
                Err(error) => self.lost = Some(error.to_string()),
            }
        }
        let short = std::mem::take(&mut self.short);
        self.write(&short);
    }

    fn write(&mut self, data: &[u8]) {
        if self.lost.is_some() || data.is_empty() {
            return;
        }
        let Some(file) = &mut self.file else { return };
        match file.write_all(data) {
            Ok(()) => {
                self.written += data.len() as u64;
                self.sum.update(data);
            }
            Err(error) => self.lost = Some(error.to_string()),
        }
    }

    /// Ends the capture: what was kept, and where.
    pub(super) fn finish(mut self) -> Kept {
        let lost = self.cut_off.take();
        if self.bytes == 0 {
            return Kept { lost, ..Kept::default() };
        }
        if let Some(redactor) = self.redactor.take() {
            let held = redactor.finish();
            self.add(&held);
        }
        if self.file.is_none() && self.lost.is_none() {
            let sha256 = Some(hex(&Sha256::digest(&self.short)));
            let kept = self.bytes - (self.masked - self.short.len() as u64);
            let inline = Some(self.short.into());
            return Kept { bytes: self.bytes, kept, sha256, inline, file: None, lost };
        }
        self.spill();
        let head = self.written;
        let omitted = self.masked.saturating_sub(head + self.tail.len() as u64);
        let tail: Vec<u8> = std::mem::take(&mut self.tail).into();
        if omitted > 0 && self.lost.is_none() {
            self.write(format!("\n[ostler: {omitted} bytes are left out here]\n").as_bytes());
        }
        self.write(&tail);
        let kept = if self.lost.is_some() { head } else { self.bytes.saturating_sub(omitted) };
        Kept {
            bytes: self.bytes,
            kept,
            sha256: Some(hex(&self.sum.finalize())),
            inline: None,
            file: self.file.map(|_| self.name),
            lost: self.lost.or(lost),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::Secret;

    fn capture(dir: &tempfile::TempDir) -> Capture {
        Capture::new(None, dir.path().to_str().unwrap(), "a.1.stdout".to_owned())
    }

    #[test]
    fn short_output_needs_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = capture(&dir);
        one.take(b"hi\n");
        let kept = one.finish();
        assert_eq!((kept.bytes, kept.kept, kept.file), (3, 3, None));
        assert_eq!(kept.inline.unwrap().0, b"hi\n");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_is_left_out_is_counted_and_said() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = capture(&dir);
        let chunk = vec![b'x'; 1024 * 1024];
        for _ in 0..40 {
            one.take(&chunk);
        }
        one.take(b"the end\n");
        let kept = one.finish();
        assert_eq!(kept.bytes, 40 * 1024 * 1024 + 8);
        assert_eq!(kept.kept, HEAD + TAIL as u64);
        let text = std::fs::read(dir.path().join("a.1.stdout")).unwrap();
        let omitted = kept.bytes - kept.kept;
        let said = format!("[ostler: {omitted} bytes are left out here]");
        assert!(text.windows(said.len()).any(|w| w == said.as_bytes()));
        assert!(text.ends_with(b"the end\n"));
        assert_eq!(kept.sha256.unwrap(), hex(&Sha256::digest(&text)));
    }

    #[test]
    fn a_secret_is_masked_and_what_was_written_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let secret = Secret { name: "T".to_owned(), value: "correct horse".into() };
        let mut one = capture(&dir).masked(Masks::new(&[secret]));
        for byte in b"a correct horse, a correct" {
            one.take(&[*byte]);
        }
        assert!(one.hidden_since().is_some());
        let kept = one.finish();
        assert_eq!((kept.bytes, kept.kept), (26, 26));
        assert_eq!(kept.inline.unwrap().0, b"a [secret T], a correct");
    }

    #[test]
    fn what_is_a_secret_itself_goes_into_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = capture(&dir).private(true);
        one.take(&[b'x'; 10_000]);
        one.spill();
        one.take(&[b'y'; 10_000]);
        let kept = one.finish();
        assert_eq!((kept.bytes, kept.inline.unwrap().0.len()), (20_000, MAX_SECRET + 2));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn output_that_cannot_be_kept_is_still_counted() {
        let mut one = Capture::new(None, "no-such-folder", "x".to_owned());
        one.take(&[0; 10_000]);
        let kept = one.finish();
        assert_eq!((kept.bytes, kept.kept), (10_000, 0));
        assert!(kept.lost.is_some());
    }
}
