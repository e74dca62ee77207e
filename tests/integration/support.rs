//! A workspace for one test, and what the program did in it.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A workspace that goes away with the test.
pub(crate) struct Test {
    dir: tempfile::TempDir,
    /// Variables that the program gets.
    pub(crate) env: Vec<(String, PathBuf)>,
}

impl Test {
    /// An empty workspace.
    pub(crate) fn new() -> Self {
        let test = Self::empty();
        std::fs::create_dir(test.path().join("workflows")).unwrap();
        test
    }

    /// An empty folder, which is no workspace yet.
    pub(crate) fn empty() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), env: Vec::new() }
    }

    /// A workspace with one verb; `id = …` is put before its text.
    pub(crate) fn with(id: &str, text: &str) -> Self {
        Self::new().verb(id, text)
    }

    /// Adds a verb.
    pub(crate) fn verb(self, id: &str, text: &str) -> Self {
        self.file(&format!("workflows/{id}.toml"), &format!("id = \"{id}\"\n{text}"))
    }

    /// Adds a file.
    pub(crate) fn file(self, path: &str, text: &str) -> Self {
        let path = self.dir.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    /// The workspace.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// A file's text in the workspace; empty if there is none.
    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(path)).unwrap_or_default()
    }

    /// The program with its arguments, not started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_ostler"));
        command.args(args).current_dir(self.dir.path()).stdin(Stdio::null());
        command.env_remove("OSTLER_LOG").env_remove("OSTLER_ACTOR").env("NO_COLOR", "1");
        command.envs(self.env.iter().map(|(name, path)| (name, path)));
        command
    }

    /// Runs the program to its end.
    pub(crate) fn ostler(&self, args: &[&str]) -> Ran {
        Ran::new(&self.command(args).output().unwrap())
    }

    /// Starts the program.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Waits until a file is there.
    pub(crate) fn wait_for(&self, path: &str) {
        let path: PathBuf = self.dir.path().join(path);
        wait_until(&format!("{} exists", path.display()), || path.exists());
    }

    /// The latest run's report.
    pub(crate) fn report(&self) -> Value {
        let ran = self.ostler(&["runs", "show", "--format", "json"]);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran:?}"))
    }

    /// The id of the latest run.
    pub(crate) fn run(&self) -> String {
        self.report()["run"].as_str().unwrap().to_owned()
    }
}

/// Waits until something holds; far longer than it should take is a failure.
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_mins(2), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The status of a step in a report.
pub(crate) fn status(report: &Value, step: &str) -> String {
    found(report, step)["status"].as_str().unwrap().to_owned()
}

/// A step's part of a report.
pub(crate) fn found<'r>(report: &'r Value, step: &str) -> &'r Value {
    let all =
        report["steps"].as_array().unwrap().iter().chain(report["finally"].as_array().unwrap());
    all.into_iter()
        .find(|s| s["id"] == step)
        .unwrap_or_else(|| panic!("no step {step} in {report}"))
}

/// What the program did.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn new(output: &Output) -> Self {
        let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap());
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        Self { code, stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// Expects an exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Expects a part of standard output.
    #[track_caller]
    pub(crate) fn says(self, part: &str) -> Self {
        assert!(
            self.stdout.contains(part),
            "no {part:?} in stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Expects a part of standard error.
    #[track_caller]
    pub(crate) fn complains(self, part: &str) -> Self {
        assert!(
            self.stderr.contains(part),
            "no {part:?} in stderr:\n{}\nstdout:\n{}",
            self.stderr,
            self.stdout
        );
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}
