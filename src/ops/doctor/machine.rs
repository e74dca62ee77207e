//! The program, the kernel and the tools.

use std::time::Duration;

use rustix::process::{PidfdFlags, child_subreaper, getpid, pidfd_open};

use super::Finding;
use super::facts::is_tool;
use crate::reader::confinement;

/// How long a tool may take to say its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// A tool that we may call: its name, how it says its version, what it is for, and where it comes from.
struct Tool {
    name: &'static str,
    version: Option<&'static str>,
    needed: bool,
    purpose: &'static str,
}

const TOOLS: &[Tool] = &[
    Tool { name: "bash", version: Some("--version"), needed: true, purpose: "steps run in it" },
    Tool {
        name: "dash",
        version: None,
        needed: false,
        purpose: "for steps with `shell = \"dash\"`",
    },
    Tool {
        name: "git",
        version: Some("--version"),
        needed: false,
        purpose: "for verbs that use it",
    },
    Tool { name: "ssh", version: Some("-V"), needed: false, purpose: "for verbs that use it" },
    Tool {
        name: "ssh-keygen",
        version: None,
        needed: false,
        purpose: "signs exports and checks them",
    },
];

/// What is found of the machine.
pub(super) fn findings() -> Vec<Finding> {
    let mut all = vec![Finding::good("ostler", env!("CARGO_PKG_VERSION"))];
    let kernel = rustix::system::uname();
    let text = |word: &std::ffi::CStr| word.to_string_lossy().into_owned();
    all.push(Finding::good(
        "kernel",
        format!("{} {} {}", text(kernel.sysname()), text(kernel.release()), text(kernel.machine())),
    ));
    all.push(match confinement() {
        0 => Finding::warning("Landlock", "the kernel has none: files are read unconfined")
            .hint("--untrusted refuses here; boot a kernel with Landlock"),
        n if n < 4 => Finding::warning("Landlock", format!("version {n}"))
            .hint("a reader of files is kept from other files, and not from the network"),
        n => Finding::good("Landlock", format!("version {n}")),
    });
    let watched = pidfd_open(getpid(), PidfdFlags::empty()).is_ok() && child_subreaper().is_ok();
    all.push(if watched {
        Finding::good("processes", "what a step leaves behind can be found and ended")
    } else {
        Finding::problem("processes", "the kernel has no pidfd, or no child subreaper")
            .hint("what a step leaves behind may survive it; Linux 5.3 has both")
    });
    all.extend(TOOLS.iter().map(tool));
    all
}

fn tool(tool: &Tool) -> Finding {
    if is_tool(tool.name) {
        let said = tool.version.and_then(|flag| version(tool.name, flag));
        return Finding::good(tool.name, said.unwrap_or_else(|| "found".to_owned()));
    }
    let says = format!("not found; {}", tool.purpose);
    if tool.needed { Finding::problem(tool.name, says) } else { Finding::warning(tool.name, says) }
        .hint("install it, or see that PATH leads to it")
}

/// The first line of what a tool says of itself.
fn version(tool: &str, flag: &str) -> Option<String> {
    let command = duct::cmd(tool, [flag]).stdin_null().stderr_to_stdout().stdout_capture();
    let running = command.unchecked().start().ok()?;
    let ended = running.wait_timeout(PATIENCE).ok()?.map(|output| output.stdout.clone());
    let Some(said) = ended else {
        let _ = running.kill();
        return None;
    };
    let line = String::from_utf8_lossy(&said).lines().next().map(str::to_owned)?;
    Some(line.chars().take(60).collect())
}
