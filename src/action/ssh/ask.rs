//! Questions to a host: small scripts that change nothing a step would, and the way for files in pieces.

use super::hosts::Hosts;
use super::line::{Dropped, nonce};
use super::quote::Order;
use super::said::Unreached;
use crate::fleet::Host;

/// What a script there wrote, and its exit code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AskError {
    /// There was no connection, so the script was not run.
    #[error("{}: {}", .0.why.words(), .0.said)]
    Unreached(Unreached),
    /// The connection ended before the answer; the script may have run.
    #[error(transparent)]
    Dropped(#[from] Dropped),
}

impl From<Unreached> for AskError {
    fn from(why: Unreached) -> Self {
        Self::Unreached(why)
    }
}

impl Hosts {
    /// Runs a script of the host's `sh`, with `words` as its positional parameters (bytes of any kind but NUL).
    ///
    /// It is for what may happen twice or not at all: it has no receipt. Its input is empty; with `data` it must read
    /// exactly that by `take "$bytes"` (as in `take "$bytes" >>file`), and when it fails its line is given up. It may take
    /// as long as it likes: who is in a hurry drops the future, and the line with it.
    pub async fn ask(
        &self,
        host: &Host,
        script: &str,
        words: &[&[u8]],
        data: &[u8],
    ) -> Result<Answered, AskError> {
        let mut lease = self.line(host).await?;
        let line = lease.line().ok_or(Dropped)?;
        let nonce = nonce().map_err(|_| Dropped)?;
        let mut order = Order::new("ask").word(&nonce).word(data.len().to_string()).word(script);
        for word in words {
            order = order.word(word);
        }
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let end = line
            .exchange(order, data, &nonce, |out, err| {
                stdout.extend(out);
                stderr.extend(err);
            })
            .await?;
        let code = end.strip_prefix("exit ").and_then(|code| code.parse().ok()).ok_or(Dropped)?;
        if data.is_empty() || code == 0 {
            lease.give_back();
        }
        Ok(Answered { code, stdout, stderr })
    }
}
