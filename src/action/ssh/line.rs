//! A line: one `ssh` with the guard at its other end, which does one thing at a time.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe::{Receiver, Sender};

use super::connect::{self, Reach, Way};
use super::marked::Marked;
use super::quote::Order;
use super::said::{self, Unreached};
use crate::action::pool::Kin;
use crate::fleet::Host;
use crate::run::NoConnection;

/// The guard's text.
const GUARD: &str = include_str!("guard.sh");

/// How long a host may take to let us in and start the guard.
const HELLO: Duration = Duration::from_mins(1);
/// How much of what comes before the guard's hello is kept to tell what went wrong.
const BANNER: usize = 64 * 1024;
/// How long an `ssh` may take to end once nobody needs it.
const PARTING: Duration = Duration::from_secs(20);

/// One `ssh` and the guard at its other end.
#[derive(Debug)]
pub(super) struct Line {
    child: Child,
    kin: Kin,
    stdin: Sender,
    stdout: Receiver,
    stderr: Receiver,
    /// What the guard said of its host.
    pub(super) hello: Hello,
}

/// What a guard says when it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hello {
    /// The host's boot; `-` where it does not say.
    pub(super) boot: String,
    /// For how long the host has been up, where it says.
    pub(super) up: Option<Duration>,
    /// The folder of what is recorded there.
    pub(super) dir: String,
}

/// Why a line could not be opened.
#[derive(Debug)]
pub(super) enum Closed {
    /// There is no connection.
    Unreached(Unreached),
    /// The host had too many connections at once.
    Crowded(Unreached),
    /// The shared connection takes no more sessions.
    Full,
}

/// The connection ended before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the connection was lost")]
pub struct Dropped;

/// Where a line keeps its files.
pub(super) struct Paths {
    pub(super) socket: PathBuf,
    pub(super) log: PathBuf,
    pub(super) known: Option<PathBuf>,
}

impl Line {
    /// Connects, and starts the guard.
    pub(super) async fn open(
        reach: &Reach,
        host: &Host,
        way: Way,
        paths: &Paths,
        kin: &Kin,
    ) -> Result<Self, Closed> {
        let here = |error: io::Error| {
            Closed::Unreached(Unreached {
                why: NoConnection::Unreachable,
                said: format!("ssh could not be started: {error}"),
            })
        };
        let mut started = start(reach, host, way, paths, kin).map_err(here)?;
        let nonce = nonce().map_err(here)?;
        let hello = tokio::time::timeout(HELLO, started.greet(&nonce)).await;
        let log = || std::fs::read_to_string(&paths.log).unwrap_or_default();
        let result = match hello {
            Ok(Ok(hello)) => Ok(hello),
            Ok(Err(banner)) => Err(started.why(&log(), &banner, way).await),
            Err(_) => Err(Closed::Unreached(Unreached {
                why: NoConnection::Unreachable,
                said: format!("no answer within {} s", HELLO.as_secs()),
            })),
        };
        let _ = std::fs::remove_file(&paths.log);
        match result {
            Ok(hello) => Ok(Self { hello, ..started }),
            Err(why) => {
                started.hang_up();
                Err(why)
            }
        }
    }

    /// Sends the guard and waits for its hello. The error is what came instead, with what the login shell said.
    async fn greet(&mut self, nonce: &str) -> Result<Hello, String> {
        // That it cannot be sent says only that there is nobody; what that one said tells why.
        let _ = self.stdin.write_all(&guard(nonce)).await;
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let (mut out_open, mut err_open) = (true, true);
        loop {
            if let Some(hello) = heard(&out, nonce) {
                return Ok(hello);
            }
            tokio::select! {
                read = self.stdout.read_buf(&mut out), if out_open => out_open = read.is_ok_and(|n| n > 0),
                read = self.stderr.read_buf(&mut err), if err_open => err_open = read.is_ok_and(|n| n > 0),
                else => break,
            }
            for banner in [&mut out, &mut err] {
                let surplus = banner.len().saturating_sub(BANNER);
                banner.drain(..surplus);
            }
        }
        Err(format!("{}\n{}", String::from_utf8_lossy(&out), String::from_utf8_lossy(&err)))
    }

    /// Why there was no hello.
    async fn why(&mut self, log: &str, banner: &str, way: Way) -> Closed {
        let code = self.ended().await;
        // A jump host's ssh speaks where the guard would have.
        let ssh = if code == Some(255) { format!("{log}\n{banner}") } else { log.to_owned() };
        if way == Way::Shared && said::is_full(&ssh) {
            return Closed::Full;
        }
        let why = said::classify(&ssh, banner, code);
        if said::is_crowded(&ssh) { Closed::Crowded(why) } else { Closed::Unreached(why) }
    }

    /// Its exit code, soon after its streams have ended.
    async fn ended(&mut self) -> Option<i32> {
        for _ in 0..200 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        None
    }

    /// Whether it can still be used. What came since its last answer belongs to nobody.
    pub(super) fn is_open(&mut self) -> bool {
        let mut buffer = [0; 4096];
        [&self.stdout, &self.stderr].into_iter().all(|stream| {
            loop {
                match stream.try_read(&mut buffer) {
                    Ok(0) => return false,
                    Ok(_) => {}
                    Err(error) => return error.kind() == io::ErrorKind::WouldBlock,
                }
            }
        })
    }

    /// Says something to the guard.
    pub(super) async fn say(&mut self, order: Order) -> Result<(), Dropped> {
        self.stdin.write_all(&order.line()).await.map_err(|_| Dropped)
    }

    /// Sends what follows an order.
    pub(super) async fn give(&mut self, data: &[u8]) -> Result<(), Dropped> {
        self.stdin.write_all(data).await.map_err(|_| Dropped)
    }

    /// Sends an order and what follows it, and reads until it is answered: `each` is given what comes on both streams.
    pub(super) async fn exchange(
        &mut self,
        order: Order,
        data: &[u8],
        nonce: &str,
        mut each: impl FnMut(Vec<u8>, Vec<u8>),
    ) -> Result<String, Dropped> {
        let mut answer = Answer::new(nonce);
        let Self { stdin, stdout, stderr, .. } = self;
        let order = order.line();
        // That something cannot be sent says less than what is heard, if only that there is nobody.
        let send = async {
            let _ = stdin.write_all(&order).await;
            let _ = stdin.write_all(data).await;
            Ok(())
        };
        let hear = async {
            while !answer.is_over() {
                let (out, err) = answer.hear(stdout, stderr).await;
                each(out, err);
                if answer.is_cut_off() {
                    return Err(Dropped);
                }
            }
            Ok(())
        };
        tokio::try_join!(send, hear)?;
        Ok(answer.end())
    }

    /// What comes next of an answer, on both streams.
    pub(super) async fn hear(&mut self, answer: &mut Answer) -> (Vec<u8>, Vec<u8>) {
        answer.hear(&mut self.stdout, &mut self.stderr).await
    }

    /// Hangs up: the guard ends what it must, and `ssh` ends, by force if it has to.
    pub(super) fn hang_up(self) {
        let Self { mut child, kin, stdin, stdout, stderr, .. } = self;
        drop((stdin, stdout, stderr));
        tokio::spawn(async move {
            let until = tokio::time::Instant::now() + PARTING;
            while matches!(child.try_wait(), Ok(None)) {
                if tokio::time::Instant::now() >= until {
                    let _ = child.kill();
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            kin.forget(&child);
        });
    }
}

/// An answer as it comes.
pub(super) struct Answer {
    out: Stream,
    err: Stream,
}

/// One stream of an answer.
struct Stream {
    marked: Marked,
    open: bool,
    buffer: Vec<u8>,
}

impl Stream {
    fn new(nonce: &str, room: usize) -> Self {
        Self { marked: Marked::new(nonce), open: true, buffer: Vec::with_capacity(room) }
    }

    /// Whether more of it may come.
    fn goes_on(&self) -> bool {
        self.open && self.marked.end.is_none()
    }

    /// What the command wrote of what was read into the buffer; of a stream that was closed, all that was held back.
    fn take(&mut self, read: io::Result<usize>) -> Vec<u8> {
        self.open = read.is_ok_and(|n| n > 0);
        let mut written = self.marked.take(&self.buffer);
        self.buffer.clear();
        if !self.open {
            written.extend(self.marked.rest());
        }
        written
    }
}

impl Answer {
    /// The answer to the order with this nonce.
    pub(super) fn new(nonce: &str) -> Self {
        Self { out: Stream::new(nonce, 64 * 1024), err: Stream::new(nonce, 8 * 1024) }
    }

    /// Whether all of it is there.
    pub(super) fn is_over(&self) -> bool {
        self.out.marked.end.is_some() && self.err.marked.end.is_some()
    }

    /// Whether nothing more can come.
    pub(super) fn is_cut_off(&self) -> bool {
        !self.is_over() && !self.out.open && !self.err.open
    }

    /// How it ended, in the guard's words.
    pub(super) fn end(&mut self) -> String {
        self.out.marked.end.take().unwrap_or_default()
    }

    /// What the guard said beside it.
    pub(super) fn notes(&self) -> &[String] {
        &self.out.marked.notes
    }

    async fn hear(&mut self, stdout: &mut Receiver, stderr: &mut Receiver) -> (Vec<u8>, Vec<u8>) {
        let Self { out, err } = self;
        tokio::select! {
            read = stdout.read_buf(&mut out.buffer), if out.goes_on() => {
                (out.take(read), Vec::new())
            }
            read = stderr.read_buf(&mut err.buffer), if err.goes_on() => {
                (Vec::new(), err.take(read))
            }
            else => {
                // One stream has its end, the other was closed before.
                (out.open, err.open) = (false, false);
                (Vec::new(), Vec::new())
            }
        }
    }
}

fn start(reach: &Reach, host: &Host, way: Way, paths: &Paths, kin: &Kin) -> io::Result<Line> {
    let words = connect::words(reach, host, way, &paths.socket, &paths.log, paths.known.as_deref());
    let mut words = words.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    // In a group of its own, for what is typed to end the run reaches the engine alone.
    command.process_group(0);
    // Its words are read by us. And it asks nobody, nor does a jump host's ssh: not at the terminal, for a program is
    // to be asked instead, and that one says no.
    command.env("LC_ALL", "C").env("SSH_ASKPASS", "false").env("SSH_ASKPASS_REQUIRE", "force");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = kin.start(&mut command)?;
    let closed = || io::Error::other("a pipe is missing");
    let stdin = OwnedFd::from(child.stdin.take().ok_or_else(closed)?);
    let stdout = OwnedFd::from(child.stdout.take().ok_or_else(closed)?);
    let stderr = OwnedFd::from(child.stderr.take().ok_or_else(closed)?);
    let hello = Hello { boot: String::new(), up: None, dir: String::new() };
    Ok(Line {
        child,
        kin: kin.clone(),
        stdin: Sender::from_owned_fd(stdin)?,
        stdout: Receiver::from_owned_fd(stdout)?,
        stderr: Receiver::from_owned_fd(stderr)?,
        hello,
    })
}

/// What nobody can guess, and no command writes by chance.
pub(super) fn nonce() -> io::Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(io::Error::other)?;
    Ok(format!("\u{1e}{}", crate::plan::hex(&bytes)))
}

/// The guard as it is sent: a line that reads the others, then its text without comments, then the nonce. A shell's
/// `read` takes one byte at a time, so the text is read at once where there is a `dd` that can.
fn guard(nonce: &str) -> Vec<u8> {
    let mut text = String::with_capacity(GUARD.len());
    for line in GUARD.lines().map(str::trim_start) {
        if !line.starts_with('#') && !line.is_empty() {
            text.push_str(line);
            text.push('\n');
        }
    }
    let bytes = text.len();
    format!(
        "N='{nonce}';F=1;g=$(dd iflag=fullblock bs={bytes} count=1 2>/dev/null)&&IFS= read -r l||{{ \
         F=;g=;n=$(printf '\\nx');n=${{n%x}};while IFS= read -r l&&[ \"$l\" != \"$N\" ];do g=$g$l$n;done;}};\
         [ \"$l\" = \"$N\" ]&&eval \"$g\"\n{text}{nonce}\n"
    )
    .into_bytes()
}

/// The guard's hello in what a host said, once it is whole.
fn heard(said: &[u8], nonce: &str) -> Option<Hello> {
    let said = String::from_utf8_lossy(said);
    let (line, _) = said.split_once(&format!("{nonce} hello "))?.1.split_once('\n')?;
    let mut words = line.splitn(3, ' ');
    let (boot, up, dir) = (words.next()?, words.next()?, words.next()?);
    let up = up.split('.').next().and_then(|s| s.parse().ok()).map(Duration::from_secs);
    Some(Hello { boot: boot.to_owned(), up, dir: dir.to_owned() })
}
