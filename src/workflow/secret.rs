//! Secrets as their author wrote them: a variable, and where its value comes from.

use serde::{Deserialize, Serialize};

use crate::diagnostic::At;

/// A variable whose value must not be seen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    /// The variable.
    pub name: At<String>,
    /// Where its value comes from: the first that has it.
    pub sources: Vec<At<SecretSource<At<String>>>>,
}

/// Where a secret comes from; `T` is a text that may hold placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecretSource<T> {
    /// A variable of whoever starts us.
    Env(String),
    /// A file that nobody else can read.
    File(T),
    /// What a program writes.
    Command(Vec<T>),
    /// A credential that systemd hands over.
    Credential(String),
    /// A file that age decrypts.
    Age {
        /// The file.
        file: T,
        /// The file with the key.
        identity: T,
    },
    /// A file that sops decrypts.
    Sops {
        /// The file.
        file: T,
        /// The value in it, such as `a.b`; all of it if not given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
    },
}

impl<T> SecretSource<T> {
    /// The kinds of sources, by the fields that name them.
    pub const KINDS: [&'static str; 6] = ["env", "file", "command", "credential", "age", "sops"];

    /// The texts in it.
    pub fn texts(&self) -> Vec<&T> {
        match self {
            Self::Env(_) | Self::Credential(_) => Vec::new(),
            Self::File(file) | Self::Sops { file, .. } => vec![file],
            Self::Command(words) => words.iter().collect(),
            Self::Age { file, identity } => vec![file, identity],
        }
    }

    /// The same source with other texts.
    pub fn map<U, E>(
        &self,
        mut each: impl FnMut(&T) -> Result<U, E>,
    ) -> Result<SecretSource<U>, E> {
        Ok(match self {
            Self::Env(name) => SecretSource::Env(name.clone()),
            Self::Credential(name) => SecretSource::Credential(name.clone()),
            Self::File(file) => SecretSource::File(each(file)?),
            Self::Command(words) => {
                SecretSource::Command(words.iter().map(each).collect::<Result<_, _>>()?)
            }
            Self::Age { file, identity } => {
                SecretSource::Age { file: each(file)?, identity: each(identity)? }
            }
            Self::Sops { file, key } => SecretSource::Sops { file: each(file)?, key: key.clone() },
        })
    }
}

impl std::fmt::Display for SecretSource<String> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Env(name) => write!(f, "env {name}"),
            Self::File(file) => write!(f, "file {file}"),
            Self::Command(words) => write!(f, "command {}", words.join(" ")),
            Self::Credential(name) => write!(f, "credential {name}"),
            Self::Age { file, .. } => write!(f, "age {file}"),
            Self::Sops { file, key: None } => write!(f, "sops {file}"),
            Self::Sops { file, key: Some(key) } => write!(f, "sops {file} {key}"),
        }
    }
}
