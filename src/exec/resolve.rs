//! An attempt's values put in place: params, outputs and the rest as bytes, never as code.

mod expect;
mod request;

use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::own;
use crate::action::{Attempt, Part, Setting, Wanted, Work};
use crate::expr::template::{Form, Part as Piece, Placeholder};
use crate::expr::{Ref, Template};
use crate::fleet::Host;
use crate::ids::{Instance, Name};
use crate::plan::{Action, Check, Secrets, Shell, Stdin, Step};
use crate::run::{Node, Run, host_field};
use crate::shell::{simple_command, variable};
use crate::value::{Bytes, MAX_VALUE, from_bytes, to_bytes, with_strings};
use crate::workflow;

/// What placeholders are resolved against.
pub(super) struct Values<'a> {
    pub(super) run: &'a Run,
    pub(super) node: Option<&'a Node>,
    pub(super) attempt: u32,
    /// Params that differ from the plan's in this attempt.
    pub(super) params: &'a BTreeMap<Name, Value>,
    /// Where it runs; none for here.
    pub(super) host: Option<Host>,
    /// The id under which a host claims it.
    pub(super) id: String,
    pub(super) setting: &'a Setting,
    /// The name of the attempt's files.
    pub(super) name: String,
    /// Values that are handed over as files.
    pub(super) files: Vec<(PathBuf, Bytes)>,
}

/// Which attempt is to be made, and where.
pub(super) struct One<'a> {
    pub(super) instance: &'a Instance,
    pub(super) attempt: u32,
    pub(super) params: &'a BTreeMap<Name, Value>,
    pub(super) host: Option<Host>,
    pub(super) id: String,
}

/// What an attempt at a step runs; the error says which value could not be put in place.
pub(super) fn attempt(
    run: &Run,
    one: One<'_>,
    setting: &Setting,
    programs: &mut BTreeMap<PathBuf, bool>,
) -> Result<Attempt, String> {
    let node = run.node(one.instance).ok_or("there is no such step")?;
    let step = run.step(node);
    let mut values = Values::new(run, one, setting)?;
    let (cwd, mut env) = values.around(step)?;
    let work = values.work(step, &cwd, &mut env, programs)?;
    values.made(step, work, env, cwd)
}

/// The words of shell text that only starts one program with literal words, which needs no shell.
fn direct(shell: &Shell, programs: &mut BTreeMap<PathBuf, bool>) -> Option<Vec<Bytes>> {
    let words =
        simple_command(&shell.text).filter(|_| shell.prefix == workflow::Shell::Bash.argv())?;
    let path = PathBuf::from(words[0]);
    let program = *programs.entry(path.clone()).or_insert_with(|| is_program(&path));
    program.then(|| words.into_iter().map(Bytes::from).collect())
}

/// Whether the system itself can start a file: without a shell, a script needs its first line.
fn is_program(path: &Path) -> bool {
    use std::io::Read;
    use std::os::unix::fs::PermissionsExt;
    let fits =
        path.metadata().is_ok_and(|m| m.is_file() && m.permissions().mode() & 0o111 == 0o111);
    let mut start = [0; 4];
    let read = std::fs::File::open(path).and_then(|mut file| file.read_exact(&mut start));
    fits && read.is_ok() && (start == *b"\x7fELF" || start.starts_with(b"#!"))
}

impl<'a> Values<'a> {
    /// Those of an attempt at a step.
    pub(super) fn new(run: &'a Run, one: One<'a>, setting: &'a Setting) -> Result<Self, String> {
        let One { instance, attempt, params, host, id } = one;
        let node = Some(run.node(instance).ok_or("there is no such step")?);
        let name = format!("{}.{attempt}", instance.file_stem());
        Ok(Self { run, node, attempt, params, host, id, setting, name, files: Vec::new() })
    }
}

impl Values<'_> {
    /// The folder of an attempt, and the environment that all its parts have.
    pub(super) fn around(
        &mut self,
        step: &Step,
    ) -> Result<(PathBuf, Vec<(String, Bytes)>), String> {
        let cwd = self.cwd(step.cwd.as_ref())?;
        let mut env = self.env(&step.env, &cwd)?;
        env.push(("OSTLER_STEP".to_owned(), step.id.as_str().into()));
        Ok((cwd, env))
    }

    /// What the step runs. What its shell text refers to is added to `env`.
    pub(super) fn work(
        &mut self,
        step: &Step,
        cwd: &Path,
        env: &mut Vec<(String, Bytes)>,
        programs: &mut BTreeMap<PathBuf, bool>,
    ) -> Result<Work, String> {
        let node = self.node.ok_or("there is no such step")?;
        match step.run.as_ref().ok_or("there is nothing to run")? {
            Action::Cmd(shell) => {
                env.extend(self.handed_over(shell)?);
                let here = self.host.is_none();
                let argv = match direct(shell, programs).filter(|_| here) {
                    Some(words) => {
                        // What bash would set for its last command.
                        env.push(("SHLVL".to_owned(), "0".into()));
                        env.push(("_".to_owned(), words[0].clone()));
                        words
                    }
                    None => self.words(shell),
                };
                self.one(step, argv, cwd)
            }
            Action::Script { prefix, path } => {
                env.extend(self.param_env());
                let path = self.path(path, &self.setting.workspace)?;
                let argv = if self.host.is_some() {
                    self.script_there(prefix, &path)?
                } else {
                    let prefix = prefix.iter().map(|word| Bytes::from(word.as_str()));
                    prefix.chain([path.as_os_str().as_bytes().into()]).collect()
                };
                self.one(step, argv, cwd)
            }
            Action::Argv(words) => {
                let argv = self.argv(words)?;
                self.one(step, argv, cwd)
            }
            Action::Call(call) => self.call(step, call),
            Action::Checks(checks) => {
                let parts = checks.iter().map(|c| self.check(c, cwd));
                Ok(Work::Checks(parts.collect::<Result<_, _>>()?))
            }
            Action::Wait(wait) => self.wait(wait, env),
            Action::Copy(copy) => self.copy(copy, cwd, &node.instance.to_string()),
            Action::Reboot(reboot) => self.reboot(reboot, node),
        }
    }

    /// The attempt, of what it runs.
    pub(super) fn made(
        mut self,
        step: &Step,
        work: Work,
        env: Vec<(String, Bytes)>,
        cwd: PathBuf,
    ) -> Result<Attempt, String> {
        let verify = step.verify.as_ref().map(|v| self.check(v, &cwd)).transpose()?;
        Ok(Attempt {
            output_file: self.setting.dir.join(format!("{}.out", self.name)),
            work,
            env,
            secrets: self.secrets(&step.secrets)?,
            cwd,
            limits: own::limits(step, self.setting.grace_ms),
            outputs: step.outputs.clone(),
            verify,
            on: self.remote(step.keep),
            value_files: self.files,
            name: self.name,
        })
    }

    /// The value a placeholder refers to.
    fn value(&self, found: &Placeholder) -> Result<Value, String> {
        let value = match (&found.to, &self.host) {
            (Ref::Host(field), Some(host)) => {
                host_field(host, field).or_else(|| found.default.as_deref().map(Value::from))
            }
            _ => self.run.value_of(self.node, self.attempt, self.params, found),
        };
        value.ok_or_else(|| format!("{} does not exist", shown(&found.to)))
    }

    /// A template as one value.
    pub(super) fn bytes(&mut self, template: &Template) -> Result<Bytes, String> {
        let mut bytes = Vec::new();
        for piece in &template.0 {
            match piece {
                Piece::Text(text) => bytes.extend_from_slice(text.as_bytes()),
                Piece::Ref(found) => {
                    let value = to_bytes(&self.value(found)?);
                    if found.form == Form::File {
                        let path = self.file(&found.to, value);
                        bytes.extend_from_slice(path.as_os_str().as_bytes());
                    } else {
                        bytes.extend_from_slice(&value);
                    }
                }
            }
        }
        Ok(bytes.into())
    }

    /// The path of a file that will hold a value.
    fn file(&mut self, to: &Ref, value: Vec<u8>) -> PathBuf {
        let what =
            shown(to).replace(|c: char| !c.is_ascii_alphanumeric() && c != '.' && c != '-', "_");
        let path = self.setting.dir.join(format!("{}.{what}.value", self.name));
        self.files.push((path.clone(), value.into()));
        path
    }

    /// A value that goes into one argument or environment string.
    pub(super) fn short(&mut self, what: &str, template: &Template) -> Result<Bytes, String> {
        let bytes = self.bytes(template)?;
        if bytes.0.len() > MAX_VALUE {
            let size = bytes.0.len();
            return Err(format!(
                "{what} is {size} bytes long, more than {MAX_VALUE}: hand it over by file or stdin"
            ));
        }
        if bytes.0.contains(&0) {
            return Err(format!("{what} holds a NUL byte, which no command can receive"));
        }
        Ok(bytes)
    }

    pub(super) fn env(
        &mut self,
        own: &BTreeMap<String, Template>,
        cwd: &Path,
    ) -> Result<Vec<(String, Bytes)>, String> {
        let workspace = self.setting.workspace.as_os_str().as_bytes();
        let mut env: Vec<(String, Bytes)> = vec![
            ("OSTLER_RUN".to_owned(), self.run.id().into()),
            ("OSTLER_ATTEMPT".to_owned(), self.attempt.to_string().into()),
        ];
        // Folders of this machine mean nothing on another.
        if self.host.is_none() {
            env.push(("PWD".to_owned(), cwd.as_os_str().as_bytes().into()));
            env.push(("OSTLER_WORKSPACE".to_owned(), workspace.into()));
        }
        for (name, template) in own {
            let value = self.short(name, template)?;
            env.push((name.clone(), value));
        }
        Ok(env)
    }

    /// The secrets, with the texts of their sources in place.
    pub(super) fn secrets(&mut self, all: &Secrets) -> Result<Vec<Wanted>, String> {
        let each = all.iter().map(|(name, sources)| {
            let what = format!("a source of the secret {name}");
            let sources = sources.iter().map(|one| one.map(|text| self.short(&what, text)));
            Ok(Wanted { name: name.clone(), sources: sources.collect::<Result<_, String>>()? })
        });
        each.collect()
    }

    /// The values of compiled shell text, as the environment variables that it refers to.
    pub(super) fn handed_over(&mut self, shell: &Shell) -> Result<Vec<(String, Bytes)>, String> {
        let mut env = Vec::new();
        for (index, found) in shell.values.iter().enumerate() {
            let template = Template(vec![Piece::Ref(found.clone())]);
            let value = self.short(&template.shown(), &template)?;
            env.push((variable(index), value));
        }
        Ok(env)
    }

    /// Every param, for script files.
    fn param_env(&self) -> Vec<(String, Bytes)> {
        let params = &self.run.plan().params;
        let all = params.iter().map(|(name, p)| {
            let value = self.params.get(name).unwrap_or(&p.value);
            let upper = name.as_str().to_uppercase().replace('-', "_");
            (format!("OSTLER_PARAM_{upper}"), to_bytes(value).into())
        });
        all.collect()
    }

    fn argv(&mut self, words: &[Template]) -> Result<Vec<Bytes>, String> {
        let mut argv = Vec::new();
        for (nth, word) in words.iter().enumerate() {
            if let [Piece::Ref(found)] = word.0.as_slice()
                && found.form == Form::Spread
            {
                match self.value(found)? {
                    Value::Array(all) => argv.extend(all.iter().map(|v| Bytes(to_bytes(v)))),
                    one => argv.push(Bytes(to_bytes(&one))),
                }
                continue;
            }
            argv.push(self.short(&format!("argument {nth}"), word)?);
        }
        Ok(argv)
    }

    pub(super) fn path(&mut self, template: &Template, from: &Path) -> Result<PathBuf, String> {
        let bytes = self.short("a path", template)?;
        Ok(from.join(std::ffi::OsStr::from_bytes(&bytes.0)))
    }

    fn one(&mut self, step: &Step, argv: Vec<Bytes>, cwd: &Path) -> Result<Work, String> {
        let stdin = match &step.stdin {
            None => None,
            Some(Stdin::Bytes(bytes)) => Some(bytes.clone()),
            Some(Stdin::Text(template)) => Some(self.bytes(template)?),
            Some(Stdin::Json(json)) => Some(self.json(json)?.to_string().into()),
        };
        let expect = step.expect.as_ref().map(|e| self.expected(e, cwd)).transpose()?;
        Ok(Work::One(Box::new(Part {
            name: step.id.to_string(),
            argv,
            env: Vec::new(),
            stdin,
            expect,
            engine: false,
        })))
    }

    /// A JSON value with its strings resolved.
    fn json(&mut self, json: &Value) -> Result<Value, String> {
        with_strings(json, &mut |text| self.json_string(&self.run.plan().template(text)))
    }

    /// A string of JSON resolved; one that is one placeholder keeps the value's type.
    fn json_string(&mut self, template: &Template) -> Result<Value, String> {
        match template.0.as_slice() {
            [Piece::Ref(found)] if found.form == Form::Plain => self.value(found),
            _ => Ok(from_bytes(&self.bytes(template)?.0)),
        }
    }

    pub(super) fn check(&mut self, check: &Check, cwd: &Path) -> Result<Part, String> {
        let expect = check.expect.as_ref().map(|e| self.expected(e, cwd)).transpose()?;
        let env = self.handed_over(&check.run)?;
        let argv = self.words(&check.run);
        Ok(Part { name: check.name.clone(), argv, env, stdin: None, expect, engine: false })
    }
}

/// A reference as messages name it.
fn shown(to: &Ref) -> String {
    let found = Placeholder { to: to.clone(), default: None, form: Form::Plain };
    found.braced().trim_matches(['{', '}']).to_owned()
}
