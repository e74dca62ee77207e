//! Where we are: the workspace, its settings, its state.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Error;
use crate::diagnostic::printable;
use crate::ids::MAX_NAME;
use crate::retention::Retention;
use crate::run::{Actor, ActorKind};
use crate::source::Parent;
use crate::store::Store;

/// A folder with `workflows/`, and perhaps `ostler.toml`.
#[derive(Debug)]
pub struct Workspace {
    /// The folder.
    pub root: PathBuf,
    /// Its settings.
    pub config: Config,
    /// How far its files are trusted.
    pub trust: Trust,
    /// The workspaces above it, nearest first.
    pub parents: Vec<Parent>,
    /// Why its settings cannot be used, where somebody looks all the same.
    pub broken: Option<String>,
}

/// How far a workspace's files are trusted. Whoever started us decides, never a file.
#[derive(Debug, Clone, Default)]
pub struct Trust {
    /// Folders that imports may come from, beside the workspace.
    pub imports: Vec<PathBuf>,
    /// Whether to refuse where reading cannot be confined.
    pub untrusted: bool,
}

impl Trust {
    /// What the caller's flags say; unless the files are untrusted, `NICKEL_IMPORT_PATH` counts as well.
    pub fn new(imports: &[PathBuf], untrusted: bool, cwd: &Path) -> Self {
        let usual = std::env::var_os("NICKEL_IMPORT_PATH").filter(|_| !untrusted);
        let usual = usual.iter().flat_map(std::env::split_paths).filter(|p| p != Path::new(""));
        Self {
            imports: imports.iter().cloned().chain(usual).map(|p| cwd.join(p)).collect(),
            untrusted,
        }
    }
}

/// `ostler.toml`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The workspace above, from this one's folder: verbs are taken over from there.
    pub parent: Option<String>,
    /// How many commands may run at once; the number of processors if not given.
    pub jobs: Option<usize>,
    /// How many steps may run at once on hosts; 64 if not given.
    pub host_jobs: Option<usize>,
    /// `normal` or `full`: whether every record is forced to disk before its effect.
    pub durability: Durability,
    /// Variables that steps inherit beside the usual ones; `*` at the end stands for any ending.
    pub inherit_env: Vec<String>,
    /// Seconds between the polite signal and the other one.
    pub grace_s: f64,
    /// How long runs are kept once somebody prunes.
    pub retention: Retention,
}

/// When records are forced to disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Durability {
    /// Before anything outlives us, and at least each second.
    #[default]
    Normal,
    /// Before every effect.
    Full,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            parent: None,
            jobs: None,
            host_jobs: None,
            durability: Durability::Normal,
            inherit_env: Vec::new(),
            grace_s: 3.0,
            retention: Retention::default(),
        }
    }
}

/// How many steps run at once on hosts where nobody says.
const HOST_JOBS: usize = 64;

/// The most that settings may take, in bytes.
const MAX_SETTINGS: u64 = 64 * 1024;

impl Config {
    /// Reads a workspace's settings; the usual ones where there is no file.
    fn read(root: &Path) -> Result<Self, String> {
        let path = root.join("ostler.toml");
        let real = match path.canonicalize() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            real => real.map_err(|error| error.to_string())?,
        };
        let inside = root.canonicalize().is_ok_and(|root| real.starts_with(root));
        let facts = std::fs::metadata(&real).map_err(|error| error.to_string())?;
        if !inside || !facts.is_file() || facts.len() > MAX_SETTINGS {
            return Err("not a regular file of at most 64 KiB in this folder".to_owned());
        }
        let text = std::fs::read_to_string(&real).map_err(|e| e.to_string())?;
        let config: Self = toml::from_str(&text).map_err(|e| e.to_string())?;
        for (name, jobs) in [("jobs", config.jobs), ("host_jobs", config.host_jobs)] {
            if jobs == Some(0) {
                return Err(format!("`{name}` is at least 1"));
            }
        }
        if !(0.0..=3_600.0).contains(&config.grace_s) {
            return Err("`grace_s` is between 0 and 3600".to_owned());
        }
        Ok(config)
    }

    /// How many commands may run at once here.
    pub(super) fn jobs(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        self.jobs.unwrap_or_else(cores)
    }

    /// How many steps may run at once on hosts.
    pub(super) fn host_jobs(&self) -> usize {
        self.host_jobs.unwrap_or(HOST_JOBS)
    }

    /// The time between the polite signal and the other one, in milliseconds.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped")]
    pub(super) fn grace_ms(&self) -> u64 {
        (self.grace_s.clamp(0.0, 3_600.0) * 1_000.0) as u64
    }
}

/// Whether a folder is a workspace.
fn is_marked(folder: &Path) -> bool {
    ["ostler.toml", "workflows", "fleet", ".ostler"].iter().any(|mark| folder.join(mark).exists())
}

impl Workspace {
    /// The workspace that `from` lies in: the nearest folder upwards with `ostler.toml`, `workflows/` or `.ostler/`;
    /// else `from` itself.
    pub fn find(from: &Path, trust: Trust) -> Result<Self, Error> {
        let found = Self::look(from, trust);
        found.broken.clone().map_or(Ok(found), |why| Err(Error::Config(why)))
    }

    /// The same, with the usual settings where those that are there cannot be used.
    pub fn look(from: &Path, trust: Trust) -> Self {
        let root = from.ancestors().find(|dir| is_marked(dir)).unwrap_or(from).to_owned();
        let read = Config::read(&root).and_then(|config| {
            let parents = parents(&root, &config, &trust)?;
            Ok((config, parents))
        });
        let (broken, (config, parents)) = match read {
            Ok(read) => (None, read),
            Err(why) => (Some(why), (Config::default(), Vec::new())),
        };
        Self { root, config, trust, parents, broken }
    }

    /// Whether there is one at all.
    pub fn exists(&self) -> bool {
        is_marked(&self.root)
    }

    /// Where the state is.
    pub(super) fn state_dir(&self) -> PathBuf {
        self.root.join(".ostler")
    }

    /// Where what was read may be kept: with the state, if there is one.
    pub(super) fn cache_dir(&self) -> Option<PathBuf> {
        let state = self.state_dir();
        state.is_dir().then(|| state.join("cache"))
    }

    /// The state, made if there is none.
    pub fn store(&self) -> Result<Store, Error> {
        Ok(Store::open(&self.state_dir())?)
    }

    /// The state, if there is one.
    pub fn existing_store(&self) -> Result<Store, Error> {
        Store::open_existing(&self.state_dir())?.ok_or(Error::NoState)
    }

    /// Where the files of a run are.
    pub fn run_dir(&self, run: &str) -> PathBuf {
        self.state_dir().join("runs").join(run)
    }

    /// A path as it is shown: from the workspace, where it lies in it.
    pub fn shown(&self, path: &Path) -> String {
        if let Ok(own) = path.strip_prefix(&self.root) {
            return own.display().to_string();
        }
        let above = self.parents.iter().find_map(|parent| {
            let rest = path.strip_prefix(&parent.folder).ok()?;
            Some(format!("{}/{}", parent.shown, rest.display()))
        });
        above.unwrap_or_else(|| path.display().to_string())
    }
}

/// How many workspaces may lie above each other.
const MAX_LEVELS: usize = 8;

/// The workspaces above one, nearest first.
fn parents(root: &Path, config: &Config, trust: &Trust) -> Result<Vec<Parent>, String> {
    let mut parents: Vec<Parent> = Vec::new();
    let mut below = (root.to_owned(), String::new(), config.parent.clone());
    while let (folder, shown, Some(parent)) = below {
        let path = folder.join(&parent).canonicalize();
        let path = path.map_err(|e| format!("parent = {parent:?}: {e}"))?;
        let allowed = trust.imports.iter().chain([&root.to_owned()]).any(|p| path.starts_with(p));
        if trust.untrusted && !allowed {
            return Err(format!("parent = {parent:?}: with --untrusted, name it by --import-path"));
        }
        let again = path == root || parents.iter().any(|p| p.folder == path);
        if again || parents.len() == MAX_LEVELS {
            return Err(format!("parent = {parent:?}: the workspaces above go in a circle"));
        }
        let above = Config::read(&path).map_err(|e| format!("{parent}: {e}"))?;
        let shown = if shown.is_empty() { parent } else { format!("{shown}/{parent}") };
        parents.push(Parent { folder: path.clone(), shown: shown.clone() });
        below = (path, shown, above.parent);
    }
    Ok(parents)
}

/// What waits for many things at once, on one thread.
pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    let failed = |error| Error::Io { what: "the engine could not start".to_owned(), error };
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(failed)
}

/// Who acts here: `user@host`.
pub(super) fn actor(kind: ActorKind) -> Actor {
    let user = std::env::var("USER")
        .or_else(|_| std::env::var("LOGNAME"))
        .unwrap_or_else(|_| user_name(rustix::process::getuid().as_raw()));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Actor { kind, name: format!("{user}@{host}") }
}

/// Who acts, as they say: by `named` (`--as`), else by `OSTLER_ACTOR`, else a person. What the environment calls an agent
/// stays one, under the name that it has there.
pub fn acting(named: Option<&str>) -> Result<Actor, Error> {
    let set = here()?;
    let named = named.map(|text| said("--as", text)).transpose()?;
    match (&set, &named) {
        (Some((ActorKind::Agent, _)), Some((ActorKind::Human, _))) => {
            let why = "OSTLER_ACTOR says that an agent acts here, and an agent cannot be a person: leave out --as, or \
                       ask a person to do it";
            return Err(Error::Refusal(why.to_owned()));
        }
        (Some((ActorKind::Agent, Some(own))), Some((_, Some(name)))) if own != name => {
            return Err(is_another(own));
        }
        _ => {}
    }
    let (kind, name) = match (named, set) {
        // Who is named by their kind alone is whom the environment names.
        (Some((kind, None)), Some((of, name))) if kind == of => (kind, name),
        (named, set) => named.or(set).unwrap_or((ActorKind::Human, None)),
    };
    let usual = actor(kind);
    Ok(name.map_or(usual, |name| Actor { kind, name }))
}

/// The name of the agent that acts here, if the environment names one.
pub fn agent_here() -> Result<Option<String>, Error> {
    Ok(here()?.and_then(|(kind, name)| name.filter(|_| kind == ActorKind::Agent)))
}

/// Refuses an agent that says that it has another name than the environment gives it.
pub fn is_another(own: &str) -> Error {
    Error::Refusal(format!(
        "OSTLER_ACTOR says that the agent `{own}` acts here, and it acts under no other name: leave out --as"
    ))
}

/// Who acts, as the environment says. What is not UTF-8 names nobody.
fn here() -> Result<Option<(ActorKind, Option<String>)>, Error> {
    let set = std::env::var_os("OSTLER_ACTOR").filter(|text| !text.is_empty());
    set.map(|text| said("OSTLER_ACTOR", &text.to_string_lossy())).transpose()
}

/// What somebody calls themselves: `agent`, `human`, or one of these with a name.
fn said(whence: &str, text: &str) -> Result<(ActorKind, Option<String>), Error> {
    let (kind, name) = text.split_once(':').map_or((text, None), |(kind, name)| (kind, Some(name)));
    let kind = match kind {
        "agent" => Some(ActorKind::Agent),
        "human" => Some(ActorKind::Human),
        _ => None,
    };
    let fits = |name: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "._@+-".contains(c);
        (1..=MAX_NAME).contains(&name.len()) && name.chars().all(plain)
    };
    let kind = kind.filter(|_| name.is_none_or(fits)).ok_or_else(|| {
        let shown: String = printable(text).chars().take(80).collect();
        Error::NotNow(format!(
            "{whence}: `{shown}` is nobody: say agent, human, agent:NAME or human:NAME, the name of at most {MAX_NAME} \
             letters, digits and ._@+-"
        ))
    })?;
    Ok((kind, name.map(str::to_owned)))
}

/// The name of a user by the system's list, or the number itself.
fn user_name(uid: u32) -> String {
    let list = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let named = list.lines().find_map(|line| {
        let mut fields = line.split(':');
        let (name, id) = (fields.next()?, fields.nth(1)?);
        (id.parse() == Ok(uid)).then(|| name.to_owned())
    });
    named.unwrap_or_else(|| format!("uid{uid}"))
}
