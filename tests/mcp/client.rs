//! A client: it writes lines, and every line that comes back must be a message.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::Test;

/// Far longer than anything should take.
const PATIENCE: Duration = Duration::from_mins(1);

/// A session with a server of its own.
pub(crate) struct Client {
    pub(crate) child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Value>,
    errors: JoinHandle<String>,
    early: HashMap<i64, Value>,
    last: i64,
}

/// What a tool said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) text: String,
    pub(crate) failed: bool,
}

impl Said {
    /// Expects that it was done.
    #[track_caller]
    pub(crate) fn done(self) -> String {
        assert!(!self.failed, "{}", self.text);
        self.text
    }

    /// Expects that it was refused, for a reason that holds this.
    #[track_caller]
    pub(crate) fn refused(self, why: &str) -> String {
        assert!(self.failed && self.text.contains(why), "no {why:?} in {self:?}");
        self.text
    }
}

impl Client {
    /// A session that has begun.
    pub(crate) fn new(test: &Test) -> Self {
        let mut client = Self::silent(test, &["mcp"]);
        client.begin("Test Client");
        client
    }

    /// A server to which nothing was said yet.
    pub(crate) fn silent(test: &Test, args: &[&str]) -> Self {
        let mut command = test.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (send, lines) = channel();
        let out = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in out.lines() {
                let line = line.unwrap();
                let message: Value =
                    serde_json::from_str(&line).unwrap_or_else(|e| panic!("{e}: {line}"));
                assert_eq!(message["jsonrpc"], "2.0", "{line}");
                if send.send(message).is_err() {
                    return;
                }
            }
        });
        let mut err = child.stderr.take().unwrap();
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            err.read_to_string(&mut text).unwrap();
            text
        });
        let input = child.stdin.take();
        Self { child, input, lines, errors, early: HashMap::new(), last: 0 }
    }

    /// Shakes hands.
    pub(crate) fn begin(&mut self, name: &str) -> Value {
        let hello = json!({
            "protocolVersion": "2025-06-18", "capabilities": {},
            "clientInfo": { "name": name, "version": "1" },
        });
        let answer = self.ask("initialize", &hello);
        self.line(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }).to_string());
        answer
    }

    /// Writes a line.
    pub(crate) fn line(&mut self, line: impl AsRef<[u8]>) {
        self.bytes(&[line.as_ref(), b"\n"].concat());
    }

    /// Writes bytes.
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.input.as_mut().unwrap().write_all(bytes).unwrap();
    }

    /// Sends a request, and says which it is.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> i64 {
        self.last += 1;
        let id = self.last;
        let request = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
        self.line(request.to_string());
        id
    }

    /// The next message that comes in.
    pub(crate) fn next(&mut self) -> Value {
        self.lines.recv_timeout(PATIENCE).expect("an answer")
    }

    /// The answer to a request.
    pub(crate) fn answer(&mut self, id: i64) -> Value {
        loop {
            if let Some(answer) = self.early.remove(&id) {
                return answer;
            }
            let message = self.next();
            let whose = message["id"].as_i64().unwrap_or_else(|| panic!("{message}"));
            self.early.insert(whose, message);
        }
    }

    /// Asks, and waits for the answer.
    pub(crate) fn ask(&mut self, method: &str, params: &Value) -> Value {
        let id = self.request(method, params);
        self.answer(id)
    }

    /// Calls a tool.
    pub(crate) fn call(&mut self, tool: &str, arguments: &Value) -> Said {
        let id = self.request("tools/call", &json!({ "name": tool, "arguments": arguments }));
        self.said(id)
    }

    /// What a tool said to a request.
    #[track_caller]
    pub(crate) fn said(&mut self, id: i64) -> Said {
        let answer = self.answer(id);
        let result = &answer["result"];
        let text = result["content"][0]["text"].as_str().unwrap_or_else(|| panic!("{answer}"));
        Said { text: text.to_owned(), failed: result["isError"] == true }
    }

    /// Ends its input.
    pub(crate) fn close(&mut self) {
        drop(self.input.take());
    }

    /// Ends its input, and waits for it to end; what it said on standard error comes with it.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        self.close();
        self.wait()
    }

    /// Waits for it to end.
    pub(crate) fn wait(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        (status, self.errors.join().unwrap())
    }
}
