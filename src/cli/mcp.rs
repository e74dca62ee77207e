//! Serving agents: started here, spoken in `mcp`.

use std::io::IsTerminal;

use super::{Context, Exit};
use crate::mcp::{self, Session};
use crate::ops::{self, Error};

#[derive(Debug, clap::Args)]
pub(super) struct McpArgs {
    /// The agent's name in the record [default: that of `OSTLER_ACTOR=agent:NAME`, else its client's]
    #[arg(long = "as", value_name = "NAME")]
    name: Option<String>,
}

impl Context {
    pub(super) fn mcp(&self, args: &McpArgs) -> Result<Exit, Error> {
        let name = mcp::named(args.name.as_deref(), ops::agent_here()?)?;
        if std::io::stdin().is_terminal() {
            super::say("this speaks MCP, and is started by an agent's program; Ctrl-D ends it");
        }
        mcp::serve(Session { cwd: self.cwd.clone(), trust: self.workspace.trust.clone(), name })?;
        Ok(Exit::Passed)
    }
}
