//! The program: the hidden roles of keeper, reader and called engine first, else the command line.

use std::process::ExitCode;
use std::sync::Arc;

fn main() -> ExitCode {
    if let Ok(filter) = tracing_subscriber::EnvFilter::try_from_env("OSTLER_LOG") {
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    // A write beyond a file size limit is an error to report, as on a full disk, and not our end.
    let _ = signal_hook::flag::register(rustix::process::Signal::XFSZ.as_raw(), Arc::default());
    let role = std::env::args_os().nth(1);
    if role.as_ref().is_some_and(|role| role == "__keeper") {
        return ExitCode::from(ostler::action::keeper::main());
    }
    if role.as_ref().is_some_and(|role| role == "__reader") {
        return ExitCode::from(ostler::reader::child::main());
    }
    let is_called = role.as_ref().is_some_and(|role| role == ostler::exec::called::ROLE);
    // A bug of ours has an exit code of its own; its message is on standard error already.
    let exit = std::panic::catch_unwind(|| {
        if is_called { ostler::cli::call() } else { ostler::cli::main(std::env::args_os()) }
    });
    exit.unwrap_or(ostler::cli::Exit::Bug).into()
}
