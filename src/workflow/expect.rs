//! What a pass is beyond the exit code, as the author wrote it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Millis;
use crate::diagnostic::{At, Place};
use crate::value::strings;

/// What a pass is beyond the exit code.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Expect {
    /// The exit codes that pass.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exit: Vec<i32>,
    /// What standard output must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stdout: Option<TextExpect>,
    /// What standard error must be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stderr: Option<TextExpect>,
    /// What files must be.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub file: Vec<FileExpect>,
    /// How many lines that are not empty standard output has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Files and folders whose contents are the same before and after.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unchanged: Vec<At<String>>,
    /// How long the file expectations may take to come true.
    #[serde(rename = "within_ms", skip_serializing_if = "Option::is_none")]
    pub within: Option<Millis>,
}

impl Expect {
    /// Whether it demands anything beyond the exit code.
    pub fn beyond_exit(&self) -> bool {
        self.stdout.is_some()
            || self.stderr.is_some()
            || !self.file.is_empty()
            || self.count.is_some()
            || !self.unchanged.is_empty()
    }

    /// The texts in which placeholders are filled in: its paths, and what something is compared with. What has no place
    /// of its own has this one.
    pub fn values(&self, place: Place) -> Vec<At<String>> {
        let mut all: Vec<At<String>> = self.file.iter().map(|file| file.path.clone()).collect();
        all.extend(self.unchanged.iter().cloned());
        all.extend(self.texts(place));
        all
    }

    /// The texts that something is compared with.
    pub fn texts(&self, place: Place) -> Vec<At<String>> {
        let mut all = Vec::new();
        for text in [&self.stdout, &self.stderr].into_iter().flatten() {
            all.extend(text.equals.iter().chain(&text.contains).cloned());
            if let Some(Json::At(pointers)) = &text.json {
                let mut add = |text: &str| all.push(At { value: text.to_owned(), place });
                pointers.iter().for_each(|(_, value)| strings(value, &mut add));
            }
        }
        all.extend(self.file.iter().flat_map(|file| &file.contains).cloned());
        all
    }
}

/// What a text must be; every given part must hold.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TextExpect {
    /// The whole of it; one newline at its end is ignored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equals: Option<At<String>>,
    /// Parts of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<At<String>>,
    /// A regular expression somewhere in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<At<String>>,
    /// Whether it is empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub empty: Option<bool>,
    /// What it is as JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Json>,
}

/// What a text must be as JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Json {
    /// Any JSON at all.
    Valid,
    /// Values by JSON Pointer (RFC 6901).
    At(Vec<(String, Value)>),
}

/// What a file must be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FileExpect {
    /// Where it is, from the step's folder.
    pub path: At<String>,
    /// Whether it is there.
    pub exists: bool,
    /// Parts of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contains: Vec<At<String>>,
    /// Its SHA-256 in hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
}
