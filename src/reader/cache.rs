//! What reading a file gave, kept for as long as nothing that it depends on has changed.
//!
//! Only what stands alone is kept: one file that takes nothing from another one, read with trust, without errors.
//! An entry counts only for the same text under the same name, read by the very same program file since
//! the machine started; and it counts only whole. The boot's number is also what a stranger cannot know who would put
//! an entry into a workspace that others are to use.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{Checked, Reading};
use crate::plan::hex;
use crate::source::{self, Roots};

/// The length of a SHA-256 in hexadecimal.
const SUM: usize = 64;

/// The place of a file's answer. There is one for each file, so what is kept does not grow.
pub(super) struct Entry {
    path: PathBuf,
    /// The sum of all that the answer depends on.
    key: String,
    /// The sum of the file's text.
    text: String,
}

impl Entry {
    /// The entry of a file as it is now, if it can have one.
    pub(super) fn of(how: &Reading, path: &Path, shown: &str) -> Option<Self> {
        let dir = how.cache.as_ref().filter(|_| !how.untrusted && how.workflows)?;
        if !how.parents.is_empty() {
            return None;
        }
        let roots = Roots { workspace: how.workspace.clone(), ..Roots::default() };
        let text = source::text(path, &roots.readable()).ok()?;
        // What a Nickel file imports is not looked for here: its text would have to be parsed for that.
        if path.extension().is_none_or(|ending| ending != "toml") && text.contains("import") {
            return None;
        }
        let boot = std::fs::read("/proc/sys/kernel/random/boot_id").ok()?;
        let program = std::fs::metadata("/proc/self/exe").ok()?;
        let which = [program.dev(), program.ino(), program.size()];
        let when = [program.mtime(), program.mtime_nsec(), program.ctime(), program.ctime_nsec()];
        let text = hex(&Sha256::digest(text));
        let place = |path: &Path| path.as_os_str().as_encoded_bytes().to_vec();
        let mut key = Sha256::new();
        for part in [place(path), place(&how.workspace), shown.into(), text.clone().into(), boot] {
            key.update((part.len() as u64).to_le_bytes());
            key.update(part);
        }
        which.iter().for_each(|number| key.update(number.to_le_bytes()));
        when.iter().for_each(|number| key.update(number.to_le_bytes()));
        let name = format!("{}.read", &hex(&Sha256::digest(place(path)))[..16]);
        Some(Self { path: dir.join(name), key: hex(&key.finalize()), text })
    }

    /// What was kept, if it still counts.
    pub(super) fn load(&self) -> Option<Checked> {
        let entry = std::fs::read(&self.path).ok()?;
        let (head, body) = entry.split_at_checked(2 * SUM)?;
        if head != self.head(body).as_bytes() {
            return None;
        }
        serde_json::from_slice(body).ok()
    }

    /// Keeps an answer. That it could not be kept only means that the file is read again.
    pub(super) fn store(&self, checked: &Checked) {
        // A file that changed meanwhile is not the one that the key is of.
        let alone = checked.called.is_empty();
        if checked.sha256 != self.text || !checked.is_sound() || !alone {
            return;
        }
        if let Err(error) = self.write(checked) {
            tracing::debug!(%error, "what was read is not kept");
        }
    }

    fn write(&self, checked: &Checked) -> std::io::Result<()> {
        let dir = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(dir)?;
        let body = serde_json::to_vec(checked)?;
        let mut file = tempfile::NamedTempFile::new_in(dir)?;
        file.write_all(self.head(&body).as_bytes())?;
        file.write_all(&body)?;
        file.persist(&self.path)?;
        Ok(())
    }

    /// What an entry begins with: the sum of what it depends on, and its own.
    fn head(&self, body: &[u8]) -> String {
        format!("{}{}", self.key, hex(&Sha256::digest(body)))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Verb;
    use super::*;

    fn workspace() -> (tempfile::TempDir, Reading, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let cache = Some(dir.path().join("cache"));
        let how = Reading {
            workspace: dir.path().to_owned(),
            workflows: true,
            cache,
            ..Reading::default()
        };
        let path = dir.path().join("a.toml");
        std::fs::write(&path, "id = \"a\"\n").unwrap();
        (dir, how, path)
    }

    fn answer(text: &str) -> Checked {
        Checked {
            sha256: hex(&Sha256::digest(text)),
            verbs: vec![Verb { id: "a".to_owned(), about: None, params: Vec::new() }],
            ..Checked::default()
        }
    }

    #[test]
    fn an_answer_counts_until_the_text_changes() {
        let (_dir, how, path) = workspace();
        let entry = Entry::of(&how, &path, "a.toml").unwrap();
        assert!(entry.load().is_none());
        entry.store(&answer("id = \"a\"\n"));
        let kept = Entry::of(&how, &path, "a.toml").unwrap().load().unwrap();
        assert_eq!(kept.verbs[0].id, "a");
        assert!(Entry::of(&how, &path, "other.toml").unwrap().load().is_none());
        std::fs::write(&path, "id = \"b\"\n").unwrap();
        assert!(Entry::of(&how, &path, "a.toml").unwrap().load().is_none());
    }

    #[test]
    fn an_answer_of_another_text_is_not_kept() {
        let (_dir, how, path) = workspace();
        let entry = Entry::of(&how, &path, "a.toml").unwrap();
        entry.store(&answer("what stood there a moment later"));
        assert!(entry.load().is_none());
    }

    #[test]
    fn a_changed_entry_does_not_count() {
        let (_dir, how, path) = workspace();
        let entry = Entry::of(&how, &path, "a.toml").unwrap();
        entry.store(&answer("id = \"a\"\n"));
        let whole = std::fs::read(&entry.path).unwrap();
        for broken in [&whole[..10], &whole[..whole.len() - 1], b""] {
            std::fs::write(&entry.path, broken).unwrap();
            assert!(entry.load().is_none());
        }
        let mut other = whole.clone();
        let at = other.windows(8).position(|w| w == b"\"id\":\"a\"").unwrap();
        other[at + 6] = b'z';
        std::fs::write(&entry.path, other).unwrap();
        assert!(entry.load().is_none());
        std::fs::write(&entry.path, whole).unwrap();
        assert!(entry.load().is_some());
    }

    #[test]
    fn nothing_is_kept_of_what_does_not_stand_alone_or_is_not_trusted() {
        let (dir, how, path) = workspace();
        let untrusted = Reading { untrusted: true, ..how.clone() };
        assert!(Entry::of(&untrusted, &path, "a").is_none());
        let above = crate::source::Parent { folder: dir.path().join("up"), shown: "up".to_owned() };
        let below = Reading { parents: vec![above], ..how.clone() };
        assert!(Entry::of(&below, &path, "a").is_none());
        let nickel = dir.path().join("b.ncl");
        std::fs::write(&nickel, "import \"c.ncl\"").unwrap();
        assert!(Entry::of(&how, &nickel, "b").is_none());
        std::fs::write(&nickel, "{ id = \"b\" }").unwrap();
        assert!(Entry::of(&how, &nickel, "b").is_some());
        let outside = tempfile::tempdir().unwrap();
        let link = dir.path().join("link.toml");
        std::fs::write(outside.path().join("x.toml"), "").unwrap();
        std::os::unix::fs::symlink(outside.path().join("x.toml"), &link).unwrap();
        assert!(Entry::of(&how, &link, "link").is_none());
    }
}
