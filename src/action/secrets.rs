//! Secrets fetched from their sources, for one attempt; and kept out of what is said of it.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::process::{DumpableBehavior, geteuid, set_dumpable_behavior};
use serde_json::Value;
use tokio::sync::watch;

use super::attempt::path_bytes;
use super::pool::{Pool, Urge};
use super::protocol::{Limits, Start};
use crate::ids::Name;
use crate::redact::{MAX_SECRET, Masks, Secret, unfit};
use crate::run::{Ending, Outcome};
use crate::value::Bytes;
use crate::workflow::SecretSource;

/// How long a program may take to give a secret, in milliseconds.
const PATIENCE: u64 = 60_000;
/// How much is shown of what a program says when it fails, in letters.
const SHOWN: usize = 300;

/// A secret to fetch, with the texts of its sources in place.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// The variable that hands it over.
    pub name: String,
    /// Where it comes from, in order.
    pub sources: Vec<SecretSource<Bytes>>,
}

/// Why a source gave nothing.
enum Miss {
    /// It does not have the secret: the next one may.
    Absent(String),
    /// What it has cannot be used: nobody would notice if the next one were taken.
    Refused(String),
}

/// What fetching needs beside the sources.
pub(super) struct Fetch<'a> {
    pub(super) pool: &'a Pool,
    pub(super) urge: &'a mut watch::Receiver<Urge>,
    /// The environment of programs.
    pub(super) env: &'a [(String, Bytes)],
    /// When the attempt is to be over, in milliseconds from now.
    pub(super) left_ms: Option<u64>,
}

impl Fetch<'_> {
    /// All of them; or how the attempt ends without.
    pub(super) async fn all(&mut self, wanted: &[Wanted]) -> Result<Vec<Secret>, Outcome> {
        // Whoever could read our memory could read them.
        let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
        let mut found = Vec::new();
        for one in wanted {
            let value = self.one(one).await;
            if *self.urge.borrow() > Urge::None {
                return Err(Outcome::Cancelled);
            }
            let value = value.map_err(|reason| Outcome::CouldNotStart {
                // What a program says may hold one of those before it.
                reason: match masks(&found) {
                    Ok(Some(masks)) => masks.hide_text(&reason),
                    _ => reason,
                },
            })?;
            found.push(Secret { name: one.name.clone(), value: value.into() });
        }
        Ok(found)
    }

    /// The value from the first source that has it.
    async fn one(&mut self, wanted: &Wanted) -> Result<Vec<u8>, String> {
        let name = &wanted.name;
        let mut misses = Vec::new();
        for source in &wanted.sources {
            let shown = shown(source);
            match self.from(source).await {
                Ok(value) if value.is_empty() => misses.push(format!("{shown}: empty")),
                Ok(value) => {
                    return match unfit(&value) {
                        Some(why) => Err(format!("the secret {name} from {shown}: {why}")),
                        None => Ok(value),
                    };
                }
                Err(Miss::Absent(why)) => misses.push(format!("{shown}: {why}")),
                Err(Miss::Refused(why)) => {
                    return Err(format!("the secret {name} from {shown}: {why}"));
                }
            }
        }
        Err(format!("no source has the secret {name}: {}", misses.join("; ")))
    }

    /// What a source has, but for one line break at its end.
    async fn from(&mut self, source: &SecretSource<Bytes>) -> Result<Vec<u8>, Miss> {
        let workspace = self.pool.setting().workspace.clone();
        let path = |bytes: &Bytes| path_of(bytes, &workspace);
        let word = |path: PathBuf| path_bytes(&path);
        let mut value = match source {
            SecretSource::Env(name) => std::env::var_os(name)
                .ok_or_else(|| Miss::Absent("not set".to_owned()))?
                .into_encoded_bytes(),
            SecretSource::File(file) => owned(&path(file))?,
            SecretSource::Credential(name) => credential(name)?,
            SecretSource::Command(words) => self.program(words.clone()).await?,
            SecretSource::Age { file, identity } => {
                let identity = path(identity);
                // age itself does not mind who can read its key.
                owned(&identity)?;
                let words = ["age".into(), "-d".into(), "-i".into(), word(identity)];
                self.program(words.into_iter().chain([word(path(file))]).collect()).await?
            }
            SecretSource::Sops { file, key } => {
                let mut words: Vec<Bytes> = vec!["sops".into(), "-d".into()];
                if let Some(key) = key {
                    words.extend(["--extract".into(), extract(key).into()]);
                }
                words.push(word(path(file)));
                self.program(words).await?
            }
        };
        if value.last() == Some(&b'\n') {
            value.pop();
            value.pop_if(|byte| *byte == b'\r');
        }
        Ok(value)
    }

    /// What a program writes. It runs as steps do, so that nothing of it outlives us.
    async fn program(&mut self, argv: Vec<Bytes>) -> Result<Vec<u8>, Miss> {
        let setting = self.pool.setting();
        let mut env = self.env.to_vec();
        env.push(("PWD".to_owned(), path_bytes(&setting.workspace)));
        let start = Start {
            argv,
            env,
            secrets: Vec::new(),
            private: true,
            cwd: path_bytes(&setting.workspace),
            stdin: None,
            engine: false,
            dir: setting.dir.to_string_lossy().into_owned(),
            name: "secret".to_owned(),
            limits: Limits {
                deadline_ms: Some(self.left_ms.map_or(PATIENCE, |left| left.min(PATIENCE))),
                stall_ms: None,
                grace_ms: setting.grace_ms,
            },
        };
        let report = self.pool.run(start, self.urge).await;
        let report = report.map_err(|lost| Miss::Absent(lost.to_string()))?;
        let inline = |kept: Option<Bytes>| kept.unwrap_or_default().0;
        let (said, value) = (inline(report.stderr.inline), inline(report.stdout.inline));
        if report.outcome == (Outcome::Exited { code: 0 }) {
            return Ok(value);
        }
        let outcome = match report.outcome {
            Outcome::CouldNotStart { reason } => reason,
            other => other.to_string(),
        };
        Err(Miss::Absent(complaint(&outcome, &said, &value)))
    }
}

/// How a program failed, and the last of what it says, in which what it gave may stand.
fn complaint(outcome: &str, said: &[u8], gave: &[u8]) -> String {
    let given = Secret { name: "value".to_owned(), value: gave.trim_ascii().into() };
    let said = match Masks::new(&[given]) {
        Some(masks) => masks.hide(said),
        None => Vec::new(),
    };
    let said = crate::diagnostic::printable(String::from_utf8_lossy(&said).trim());
    let before = said.chars().count().saturating_sub(SHOWN);
    let end: String = said.chars().skip(before).collect();
    if end.is_empty() { outcome.to_owned() } else { format!("{outcome}: {end}") }
}

/// A source for messages.
fn shown(source: &SecretSource<Bytes>) -> String {
    let text = |bytes: &Bytes| Ok::<_, std::convert::Infallible>(bytes.shown().into_owned());
    source.map(text).map_or_else(|never| match never {}, |source| source.to_string())
}

/// The place of a value as sops wants it: `a.0` is `["a"][0]`.
fn extract(key: &str) -> String {
    let part = |part: &str| {
        let is_number = part.bytes().all(|byte| byte.is_ascii_digit());
        if is_number { format!("[{part}]") } else { format!("[\"{part}\"]") }
    };
    key.split('.').map(part).collect()
}

/// A path from the workspace, or from one's home.
fn path_of(bytes: &Bytes, workspace: &Path) -> PathBuf {
    let path = OsStr::from_bytes(&bytes.0);
    match (bytes.0.strip_prefix(b"~/"), std::env::var_os("HOME")) {
        (Some(rest), Some(home)) => Path::new(&home).join(OsStr::from_bytes(rest)),
        _ => workspace.join(path),
    }
}

/// A file of ours, or root's, that nobody else can read.
fn owned(path: &Path) -> Result<Vec<u8>, Miss> {
    read(path, |facts| {
        let (uid, mode) = (facts.uid(), facts.mode() & 0o7777);
        let shown = path.display();
        if uid != geteuid().as_raw() && uid != 0 {
            return Err(format!(
                "{shown} belongs to user {uid}, who may change it: copy it to a file of yours"
            ));
        }
        if mode & 0o077 != 0 {
            return Err(format!("others can get at it (mode {mode:04o}): chmod 600 {shown}"));
        }
        Ok(())
    })
}

/// What systemd hands to its service; it keeps others out itself.
fn credential(name: &str) -> Result<Vec<u8>, Miss> {
    let Some(dir) = std::env::var_os("CREDENTIALS_DIRECTORY") else {
        return Err(Miss::Absent(
            "no $CREDENTIALS_DIRECTORY: systemd did not start this".to_owned(),
        ));
    };
    read(&Path::new(&dir).join(name), |_| Ok(()))
}

/// A regular file's content, as much of it as a secret may have and a little more.
fn read(
    path: &Path,
    fits: impl FnOnce(&std::fs::Metadata) -> Result<(), String>,
) -> Result<Vec<u8>, Miss> {
    let absent = |error: std::io::Error| Miss::Absent(error.to_string());
    // A pipe without a writer must not hold us up. What was opened is what is looked at.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|e| absent(e.into()))?;
    let file = std::fs::File::from(file);
    let facts = file.metadata().map_err(absent)?;
    if !facts.is_file() {
        return Err(Miss::Refused(format!("{} is not a regular file", path.display())));
    }
    fits(&facts).map_err(Miss::Refused)?;
    let mut value = Vec::new();
    file.take(MAX_SECRET as u64 + 3).read_to_end(&mut value).map_err(absent)?;
    Ok(value)
}

/// The masks for some secrets, if there are any. Their names and values are in our memory from now on.
pub(super) fn masks(secrets: &[Secret]) -> Result<Option<Masks>, String> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    match Masks::new(secrets) {
        Some(masks) => Ok(Some(masks)),
        None => Err("its secrets are too many to be masked".to_owned()),
    }
}

/// Takes out the outputs that hold a secret, and says which: they would be stored.
pub(super) fn take_out(outputs: &mut BTreeMap<Name, Value>, masks: &Masks) -> Vec<String> {
    let mut problems = Vec::new();
    outputs.retain(|name, value| match masks.find(value.to_string().as_bytes()) {
        None => true,
        Some(secret) => {
            problems.push(format!(
                "output `{name}` holds the secret {secret}, and outputs are recorded: hand on where it comes from, not what it is"
            ));
            false
        }
    });
    problems
}

/// Masks the secrets in what is said of an ending.
pub(super) fn hide(ending: &mut Ending, masks: &Masks) {
    let mut texts: Vec<&mut String> = ending.bad_output.iter_mut().collect();
    match &mut ending.outcome {
        Outcome::CouldNotStart { reason } | Outcome::Lost { reason } => texts.push(reason),
        Outcome::NoConnection { said, .. } => texts.push(said),
        _ => {}
    }
    for check in &mut ending.checks {
        texts.extend([&mut check.what, &mut check.expected, &mut check.observed]);
    }
    texts.extend(ending.leaked.iter_mut().map(|leak| &mut leak.command));
    texts.into_iter().for_each(|text| *text = masks.hide_text(text));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_in_a_file_is_written_as_sops_wants_it() {
        assert_eq!(extract("a"), "[\"a\"]");
        assert_eq!(extract("db.users.0.pass-word"), "[\"db\"][\"users\"][0][\"pass-word\"]");
    }

    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        assert!(matches!(owned(&path), Err(Miss::Absent(_))));
        std::fs::write(&path, "correct horse\n").unwrap();
        for (mode, fits) in
            [(0o644, false), (0o640, false), (0o601, false), (0o600, true), (0o400, true)]
        {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            match owned(&path) {
                Ok(value) => assert!(fits && value == b"correct horse\n"),
                Err(Miss::Refused(why)) => assert!(!fits && why.contains("chmod 600 "), "{why}"),
                Err(Miss::Absent(why)) => unreachable!("{why}"),
            }
        }
        assert!(matches!(owned(dir.path()), Err(Miss::Refused(_))));
    }

    #[test]
    fn a_programs_complaint_does_not_repeat_what_it_gave() {
        let said = complaint("exit 1", b"cannot use correct horse\n", b"correct horse\n");
        assert_eq!(said, "exit 1: cannot use [secret value]");
    }
}
