//! Exporting runs, checking records, and looking again at what they claim.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::args::Format;
use super::{Context, Exit};
use crate::diagnostic::printable;
use crate::ids::RunId;
use crate::ops::{self, Claims, Error, Signature, Signers, Standing, Verified};
use crate::report::{Paint, Tone};

#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    /// The run [default: the latest]
    run: Option<String>,
    /// Where to: a folder, or a file that ends in `.jsonl`
    #[arg(long, value_name = "PATH", default_value = ".")]
    to: PathBuf,
    /// Sign the end of the record with this SSH key, by `ssh-keygen`
    #[arg(long, value_name = "KEY")]
    sign: Option<PathBuf>,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// The run, or the path to an export's `.jsonl` file [default: the latest run]
    what: Option<String>,
    /// With --recheck: only these steps
    #[arg(requires = "recheck")]
    steps: Vec<String>,
    /// Look again at what the steps claim that passed: run their `verify`, look at the files they expect, repeat what
    /// only reads; what was seen is recorded
    #[arg(long, conflicts_with = "signers")]
    recheck: bool,
    /// Who may sign an export: a file of allowed signers, as `ssh-keygen` has it
    #[arg(long, value_name = "FILE", requires = "identity")]
    signers: Option<PathBuf>,
    /// Who must have signed it: an identity in that file; with --recheck, who looks: human:NAME or agent:NAME
    #[arg(long = "as", value_name = "WHO")]
    identity: Option<String>,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

/// What was verified, and what was seen of the claims where somebody looked.
#[derive(serde::Serialize)]
struct Whole<'v> {
    #[serde(flatten)]
    record: &'v Verified,
    recheck: Option<&'v Claims>,
}

impl VerifyArgs {
    /// Whether a file is meant, and not a run.
    pub(super) fn is_of_export(&self) -> bool {
        self.what.as_deref().is_some_and(is_path)
    }
}

impl Context {
    pub(super) fn export(&self, args: &ExportArgs) -> Result<Exit, Error> {
        let (to, key) = (self.cwd.join(&args.to), args.sign.as_ref().map(|key| self.cwd.join(key)));
        let done = ops::export(&self.workspace, args.run.as_deref(), &to, key.as_deref())?;
        if args.format == Format::Json {
            self.print(&format!("{}\n", super::runs::pretty(&done)));
            return Ok(Exit::Passed);
        }
        let shown =
            |path: &Path| path.strip_prefix(&self.cwd).unwrap_or(path).display().to_string();
        let mut said = format!("{}  {} records", shown(&done.file), done.records);
        if done.ended.is_none() {
            said.push_str(", the run has not ended");
        }
        said.push('\n');
        if done.count > 0 {
            let _ = writeln!(said, "{}  {} outputs", shown(&done.outputs), done.count);
        }
        for run in &done.called {
            let _ = writeln!(said, "it called run {run}: ostler runs export {run}");
        }
        if let Some(signature) = &done.signature {
            let _ = writeln!(said, "{}  signs the head", shown(signature));
        }
        let _ = writeln!(said, "head {}", self.out.paint(Tone::Faint, &done.head));
        self.print(&said);
        Ok(Exit::Passed)
    }

    pub(super) fn verify(&self, args: &VerifyArgs) -> Result<Exit, Error> {
        let what = args.what.as_deref();
        let who = args.identity.clone();
        if who.is_some() && args.signers.is_none() && !args.recheck {
            return Err(Error::NotNow("--as goes with --signers or with --recheck".to_owned()));
        }
        let signers = args
            .signers
            .as_ref()
            .map(|file| self.cwd.join(file))
            .zip(who)
            .map(|(file, identity)| Signers { file, identity });
        let said = match what.filter(|what| is_path(what)) {
            Some(_) if args.recheck => {
                let why = "what an export claims is looked at again where it ran: name the run";
                return Err(Error::NotNow(why.to_owned()));
            }
            Some(path) => ops::verify_export(&self.cwd.join(path), signers.as_ref())?,
            None if signers.is_some() => {
                let why = "only an export is signed: give the path to its .jsonl file";
                return Err(Error::NotNow(why.to_owned()));
            }
            None => ops::verify(&self.workspace, what)?,
        };
        let run = said.run.as_ref().map(RunId::as_str);
        let claims = if args.recheck && said.sound {
            let seen = ops::recheck(&self.workspace, run, &args.steps, args.identity.as_deref())?;
            let Some(seen) = seen else { return Ok(Exit::Cancelled) };
            Some(seen)
        } else {
            None
        };
        if args.format == Format::Json {
            let all = Whole { record: &said, recheck: claims.as_ref() };
            self.print(&format!("{}\n", super::runs::pretty(&all)));
        } else {
            self.verified(&said);
            claims.iter().for_each(|claims| self.claims(claims));
        }
        let seen = |standing| claims.as_ref().is_some_and(|claims| claims.any(standing));
        Ok(match &claims {
            _ if !said.sound => Exit::State,
            _ if seen(Standing::Broken) => Exit::Failed,
            _ if seen(Standing::Refused) || !said.vetoes.is_empty() => Exit::Refused,
            // That nothing could be looked at says nothing good.
            Some(claims) if !claims.holds => Exit::Usage,
            _ => Exit::Passed,
        })
    }

    fn verified(&self, said: &Verified) {
        let run = said.run.as_ref().map_or("?", |run| run.as_str());
        let verb = said.workflow.as_deref().unwrap_or("?");
        let (tone, word) = if said.sound { (Tone::Good, "sound") } else { (Tone::Bad, "damaged") };
        let mut lines = vec![format!("run {run} of {verb}: {}", self.out.paint(tone, word))];
        for veto in &said.vetoes {
            let says = format!("✗ VETO by {}: {}", veto.by, veto.note);
            lines.insert(0, self.out.paint(Tone::Bad, &printable(&says)));
        }
        for problem in &said.problems {
            let sign = self.out.paint(Tone::Bad, "✗");
            let at = problem.record.map(|seq| format!("record {seq}: ")).unwrap_or_default();
            lines.push(format!("  {sign} {at}{}", printable(&problem.what)));
        }
        lines.push(format!("  plan     {}", said.plan_digest));
        let ended =
            said.ended.map(|status| format!(", it ended: {}", status.name().replace('_', " ")));
        lines.push(format!("  records  {}{}", said.records, ended.clone().unwrap_or_default()));
        if ended.is_none() {
            lines.push(
                "           its end is not there: it had not ended, or the end was cut off"
                    .to_owned(),
            );
        }
        lines.push(format!("  head     {}", said.head));
        let outputs = &said.outputs;
        let mut kept = format!("{} as recorded", outputs.whole);
        if outputs.partial > 0 {
            let _ = write!(kept, ", {} kept only in part, with no sum", outputs.partial);
        }
        if outputs.absent > 0 {
            kept = format!("none of {} is there: let go, or not handed on", outputs.absent);
        }
        if let Some(at) = outputs.let_go {
            kept = format!("let go on {}", super::list::when(at));
        }
        lines.push(format!("  outputs  {kept}"));
        lines.push(format!("  signed   {}", printable(&signed(&said.signature))));
        self.print(&format!("{}\n", lines.join("\n")));
    }
}

/// Whether somebody who wrote this meant a file, and not a run.
fn is_path(what: &str) -> bool {
    what.contains('/') || Path::new(what).extension().is_some_and(|ending| ending == "jsonl")
}

fn signed(signature: &Signature) -> String {
    match signature {
        Signature::None => {
            "no: only a signature shows an end that was changed or cut off".to_owned()
        }
        Signature::Unchecked => "not checked: say --signers FILE --as IDENTITY".to_owned(),
        Signature::Good(said) => said.clone(),
        Signature::Bad(why) => format!("no: {why}"),
    }
}
