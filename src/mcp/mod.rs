//! The operations as tools of the Model Context Protocol, over standard input and output.
//!
//! *Invariant:* who speaks here acts as an agent; no tool approves anything or answers for a person.
//! What was measured and decided is in `docs/decisions/0007-mcp.md`.

mod args;
mod caller;
mod failure;
mod resources;
mod runs;
mod server;
mod steps;
mod tools;
mod verbs;
mod wire;

use std::path::PathBuf;

use rmcp::service::ServerInitializeError;

use crate::exec::{Signals, interrupt};
use crate::ops::{Error, Trust};
pub use caller::named;
use server::Server;
use wire::Wire;

/// Where a session takes place, and in whose name.
#[derive(Debug)]
pub struct Session {
    /// The folder it was started in.
    pub cwd: PathBuf,
    /// How far the files there are trusted.
    pub trust: Trust,
    /// The agent's name, if it was given one; else it has the one by which its client calls itself.
    pub name: Option<String>,
}

/// Speaks with a client until it has nothing more to say, or until we are told to end.
pub fn serve(session: Session) -> Result<(), Error> {
    let failed = |error| Error::Io { what: "the server could not start".to_owned(), error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(failed)?;
    runtime.block_on(async {
        let mut signals = Signals::new();
        let wire = Wire::open().map_err(failed)?;
        let server = Server::new(session);
        let mut talk = tokio::spawn(talk(server.clone(), wire.clone()));
        tokio::select! {
            _ = &mut talk => {}
            () = wire.over() => {}
            _ = signals.next() => wire.end(),
        }
        // What is under way ends as on a first signal; its answers are still given if that does not take long.
        server.end();
        interrupt();
        if !talk.is_finished() {
            let _ = talk.await;
        }
        server.idle().await;
        Ok::<(), Error>(())
    })?;
    // A thread may still wait for input.
    runtime.shutdown_background();
    Ok(())
}

/// One conversation. What comes before its beginning and asks for nothing is passed over.
async fn talk(server: Server, wire: Wire) {
    loop {
        match rmcp::serve_server(server.clone(), wire.clone()).await {
            Ok(running) => {
                let _ = running.waiting().await;
                return;
            }
            Err(
                ServerInitializeError::ExpectedInitializeRequest(Some(_))
                | ServerInitializeError::InitializeFailed(_),
            ) => {}
            Err(_) => return,
        }
    }
}
