//! The wire: messages from standard input and to standard output, a line each.
//!
//! The one that comes with `rmcp` drops what it cannot read; here whoever asked is told, for else it waits for ever.

use std::io::{BufRead, Read, Write};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{
    CallToolResult, ContentBlock, ErrorData, NumberOrString, ServerJsonRpcMessage, ServerResult,
};
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

/// The longest request that is read.
const MAX_REQUEST: usize = 4 * 1024 * 1024;
/// The longest line in which it is still looked for who asked.
const MAX_LINE: u64 = 64 * 1024 * 1024;
/// How long a client has to read our last words.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// How many requests may wait to be read.
const WAITING: usize = 16;

/// How far the conversation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Over {
    /// It goes on.
    No,
    /// Nothing more comes in.
    Input,
    /// Nothing more is to be heard.
    All,
}

type Written = oneshot::Sender<std::io::Result<()>>;

/// Both directions.
#[derive(Debug, Clone)]
pub(super) struct Wire {
    inbox: Arc<Mutex<mpsc::Receiver<Vec<u8>>>>,
    outbox: mpsc::UnboundedSender<(Vec<u8>, Written)>,
    over: watch::Sender<Over>,
}

impl Wire {
    /// Standard input and output, each with a thread of its own.
    pub(super) fn open() -> std::io::Result<Self> {
        let (line, inbox) = mpsc::channel(WAITING);
        let (outbox, lines) = mpsc::unbounded_channel();
        let over = watch::Sender::new(Over::No);
        let ended = over.clone();
        let named = |name: &str| thread::Builder::new().name(name.to_owned());
        named("input").spawn(move || {
            read(std::io::stdin().lock(), &line);
            ended.send_if_modified(|over| {
                *over == Over::No && {
                    *over = Over::Input;
                    true
                }
            });
        })?;
        named("output").spawn(|| write(lines))?;
        Ok(Self { inbox: Arc::new(Mutex::new(inbox)), outbox, over })
    }

    /// Hears nothing more.
    pub(super) fn end(&self) {
        self.over.send_replace(Over::All);
    }

    /// Waits until nothing more comes in.
    pub(super) async fn over(&self) {
        let _ = self.over.subscribe().wait_for(|over| *over != Over::No).await;
    }

    /// Puts a message on its way.
    fn put(&self, message: &ServerJsonRpcMessage) -> oneshot::Receiver<std::io::Result<()>> {
        let (written, receipt) = oneshot::channel();
        if let Ok(mut line) = serde_json::to_vec(message) {
            line.push(b'\n');
            let _ = self.outbox.send((line, written));
        }
        receipt
    }
}

impl Transport<RoleServer> for Wire {
    type Error = std::io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = std::io::Result<()>> + Send + 'static {
        let receipt = self.put(&message);
        async { receipt.await.unwrap_or_else(|_| Err(std::io::ErrorKind::BrokenPipe.into())) }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        let mut over = self.over.subscribe();
        loop {
            let mut inbox = self.inbox.lock().await;
            let line = tokio::select! {
                biased;
                _ = over.wait_for(|over| *over == Over::All) => return None,
                line = inbox.recv() => line?,
            };
            match understood(&line) {
                Ok(message) => return Some(message),
                Err(Some(refusal)) => drop(self.put(&refusal)),
                Err(None) => tracing::warn!(bytes = line.len(), "a line that is no message"),
            }
        }
    }

    /// Waits until all that was said is written.
    async fn close(&mut self) -> std::io::Result<()> {
        let (written, receipt) = oneshot::channel();
        let _ = self.outbox.send((Vec::new(), written));
        // A client that does not read any more is not waited for.
        let written = tokio::time::timeout(LAST_WORDS, receipt).await;
        written.ok().and_then(Result::ok).unwrap_or(Ok(()))
    }
}

/// Reads lines to the end. One that is too long is never held whole.
fn read(mut from: impl BufRead, to: &mpsc::Sender<Vec<u8>>) {
    loop {
        let mut line = Vec::new();
        match (&mut from).take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(1..) => {}
            Ok(0) | Err(_) => return,
        }
        if line.len() as u64 == MAX_LINE && !line.ends_with(b"\n") {
            tracing::warn!("a line longer than {MAX_LINE} bytes was passed over");
            if from.skip_until(b'\n').is_err() {
                return;
            }
        } else if to.blocking_send(line).is_err() {
            return;
        }
    }
}

fn write(mut lines: mpsc::UnboundedReceiver<(Vec<u8>, Written)>) {
    let mut out = std::io::stdout().lock();
    while let Some((line, written)) = lines.blocking_recv() {
        let _ = written.send(out.write_all(&line).and_then(|()| out.flush()));
    }
}

/// What of a message can be read though the rest cannot.
#[derive(Deserialize)]
struct Envelope {
    id: Option<NumberOrString>,
    method: Option<String>,
}

/// The message in a line; or what is said to whoever sent it, unless it is no message at all.
fn understood(
    line: &[u8],
) -> Result<RxJsonRpcMessage<RoleServer>, Option<Box<ServerJsonRpcMessage>>> {
    let why = if line.len() > MAX_REQUEST {
        format!("it is {} bytes long, more than {MAX_REQUEST}", line.len())
    } else {
        match serde_json::from_slice(line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line)) {
            Ok(message) => return Ok(message),
            Err(error) => error.to_string(),
        }
    };
    let why = format!("the request cannot be read: {why}");
    // Of all that no JSON may hold, control characters alone would hide who asked.
    let tame: Vec<u8> = line.iter().map(|byte| *byte.max(&b' ')).collect();
    let answer = match serde_json::from_slice::<Envelope>(&tame) {
        Ok(Envelope { id: Some(id), method: Some(method) }) if method == "tools/call" => {
            // A model can mend what it asked a tool for, if it is told.
            let mut told = CallToolResult::error(vec![ContentBlock::text(why)]);
            told.result_type = None;
            ServerJsonRpcMessage::response(ServerResult::CallToolResult(told), id)
        }
        Ok(Envelope { id: Some(id), method: Some(_) }) => {
            ServerJsonRpcMessage::error(ErrorData::invalid_request(why, None), Some(id))
        }
        _ if serde_json::from_slice::<IgnoredAny>(line).is_ok() => {
            ServerJsonRpcMessage::error(ErrorData::invalid_request(why, None), None)
        }
        _ => return Err(None),
    };
    Err(Some(Box::new(answer)))
}
