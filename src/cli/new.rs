//! Beginning a workspace or a verb: what was written, and what to do with it.

use super::args::{InitArgs, NewArgs};
use super::{Context, Exit};
use crate::check::is_builtin;
use crate::ops::{self, Error, Language};
use crate::report::{Paint, Tone};

impl Context {
    pub(super) fn init(&self, args: &InitArgs) -> Result<Exit, Error> {
        let folder = args.folder.as_ref().map_or(self.cwd.clone(), |f| self.cwd.join(f));
        let written = ops::init(&folder)?;
        if written.is_empty() {
            self.print(&format!("{} is a workspace already\n", folder.display()));
        }
        for path in &written {
            let shown = path.strip_prefix(&self.cwd).unwrap_or(path).display();
            self.print(&format!("{} {shown}\n", self.out.paint(Tone::Good, "wrote")));
        }
        let there = args.folder.as_ref().map(|f| format!("cd {}; ", f.display()));
        let there = there.unwrap_or_default();
        self.next(&[
            (&format!("{there}ostler"), "lists the verbs"),
            (&format!("{there}ostler hello"), "runs one"),
        ]);
        Ok(Exit::Passed)
    }

    pub(super) fn new_verb(&self, args: &NewArgs) -> Result<Exit, Error> {
        let language = if args.nickel { Language::Nickel } else { Language::Toml };
        let path = ops::new_verb(&self.workspace, &args.verb, language)?;
        let shown = path.strip_prefix(&self.cwd).unwrap_or(&path).display();
        self.print(&format!("{} {shown}\n", self.out.paint(Tone::Good, "wrote")));
        // A verb of this name is not reached without `run`.
        let run = if is_builtin(&args.verb) { "ostler run" } else { "ostler" };
        let verb = &args.verb;
        self.next(&[
            (&format!("ostler plan {verb}"), "says what it would do"),
            (&format!("{run} {verb} Ada"), "runs it"),
            (&format!("ostler check {verb}"), "says what is wrong, once you have changed it"),
        ]);
        Ok(Exit::Passed)
    }

    /// The commands that come next.
    fn next(&self, commands: &[(&str, &str)]) {
        let width = commands.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
        for (command, what) in commands {
            let what = self.out.paint(Tone::Faint, what);
            self.print(&format!("  {command:width$}   {what}\n"));
        }
    }
}
