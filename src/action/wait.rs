//! Waiting: something is tried until it holds, or until there is no time left.

use std::time::{Duration, Instant};

use super::attempt::Doing;
use super::work::Part;
use crate::run::{Check, Outcome};
use crate::workflow::Millis;

/// How long one try may take to reach a port.
const CONNECT: Duration = Duration::from_secs(5);

/// Waiting until something holds.
#[derive(Debug, Clone)]
pub struct Wait {
    /// What is waited for.
    pub until: Until,
    /// The time between two tries.
    pub every: Duration,
    /// How long it must hold without a break.
    pub stays: Duration,
}

/// What is waited for.
#[derive(Debug, Clone)]
pub enum Until {
    /// A command exits with 0.
    Passes(Box<Part>),
    /// Somebody listens at a port.
    Answers {
        /// The machine.
        host: String,
        /// The port.
        port: u16,
    },
    /// A time is over.
    Over(Duration),
}

impl Wait {
    /// The commands of it.
    pub(super) fn parts(&mut self) -> &mut [Part] {
        match &mut self.until {
            Until::Passes(part) => std::slice::from_mut(&mut **part),
            Until::Answers { .. } | Until::Over(_) => &mut [],
        }
    }
}

/// How a try came out.
enum Tried {
    /// It holds.
    Holds,
    /// It does not hold yet.
    NotYet(String),
    /// There is nothing more to try.
    Ended(Outcome),
}

impl Doing<'_> {
    /// A step that waits.
    pub(super) async fn wait(&mut self, wait: &Wait) {
        // What a try of another engine came to is of no use any more; these have other numbers.
        let after = self.left.take().map_or(0, |age| u32::try_from(age.as_millis()).unwrap_or(0));
        let expected = expected(wait);
        let (tries, last, outcome) = match &wait.until {
            Until::Over(span) => {
                let ended = self.pause(*span).await;
                self.ending.passed = ended.is_none();
                self.ending.outcome = ended.unwrap_or(Outcome::Done);
                return;
            }
            _ => self.poll(wait, after).await,
        };
        let passed = matches!(outcome, Outcome::Done | Outcome::Exited { code: 0 });
        let times = if tries == 1 { "once".to_owned() } else { format!("{tries} times") };
        let observed = match last {
            Some(last) if !passed => format!("tried {times}, last {last}"),
            _ => format!("tried {times}"),
        };
        self.ending.checks.push(Check { what: "wait".to_owned(), expected, observed, passed });
        self.ending.passed &= passed;
        self.ending.outcome = outcome;
    }

    /// Tries until it holds: how often it was tried, how the last try that came to its end failed, and how it ended.
    async fn poll(&mut self, wait: &Wait, after: u32) -> (u32, Option<String>, Outcome) {
        let mut holds_since: Option<Instant> = None;
        let mut last = None;
        for tries in 1.. {
            let rest = match self.attempt_once(&wait.until, after.saturating_add(tries)).await {
                Tried::Ended(outcome) => return (tries, last, outcome),
                Tried::NotYet(why) => {
                    last = Some(why);
                    holds_since = None;
                    wait.every
                }
                Tried::Holds => {
                    let since = *holds_since.get_or_insert_with(Instant::now);
                    let rest = wait.stays.saturating_sub(since.elapsed());
                    if rest.is_zero() {
                        let passed = match wait.until {
                            Until::Passes(_) => Outcome::Exited { code: 0 },
                            _ => Outcome::Done,
                        };
                        return (tries, None, passed);
                    }
                    last = Some(format!("held for {}", shown(since.elapsed())));
                    wait.every.min(rest)
                }
            };
            if let Some(outcome) = self.pause(rest).await {
                return (tries, last, outcome);
            }
        }
        (u32::MAX, last, Outcome::Done)
    }

    async fn attempt_once(&mut self, until: &Until, nth: u32) -> Tried {
        match until {
            Until::Passes(part) => self.command(part, nth).await,
            Until::Answers { host, port } => {
                let connected = tokio::net::TcpStream::connect((host.as_str(), *port));
                match tokio::time::timeout(CONNECT, connected).await {
                    Ok(Ok(_)) => Tried::Holds,
                    Ok(Err(error)) => Tried::NotYet(plain(&error)),
                    Err(_) => Tried::NotYet("no answer".to_owned()),
                }
            }
            Until::Over(_) => Tried::Holds,
        }
    }

    /// Runs the command once. Only what its last try wrote is kept.
    async fn command(&mut self, part: &Part, nth: u32) -> Tried {
        self.forget();
        // A host takes what has one name for one command, which it runs once.
        let name = format!("{}.try{nth}", self.attempt.name);
        let mut report = self.run(part, &name).await;
        for (kept, _) in &mut self.inline {
            *kept = kept.replacen(&name, &self.attempt.name, 1);
        }
        self.ending.leaked.extend(std::mem::take(&mut report.leaked));
        self.show(&report);
        match &report.outcome {
            Outcome::Exited { code: 0 } => {
                self.hand_on(&report).await;
                Tried::Holds
            }
            Outcome::Exited { .. } | Outcome::Signaled { .. } | Outcome::NoConnection { .. } => {
                Tried::NotYet(report.outcome.to_string())
            }
            ended => Tried::Ended(ended.clone()),
        }
    }

    /// Lets go of what the last try wrote.
    fn forget(&mut self) {
        let kept = [&self.ending.stdout, &self.ending.stderr].map(|stream| stream.file.clone());
        for file in kept.into_iter().flatten() {
            let _ = std::fs::remove_file(self.pool.setting().dir.join(file));
        }
        let _ = std::fs::remove_file(&self.attempt.output_file);
        self.inline.clear();
        self.ending.bad_output = None;
        self.ending.passed = true;
    }

    /// Waits for a while, but not beyond the deadline, nor when the attempt shall end: then it says how it ended.
    async fn pause(&self, span: Duration) -> Option<Outcome> {
        tokio::select! {
            biased;
            outcome = self.cut_short() => Some(outcome),
            () = tokio::time::sleep(span) => None,
        }
    }
}

/// What is waited for, for the report.
fn expected(wait: &Wait) -> String {
    let what = match &wait.until {
        Until::Passes(part) => format!("`{}` exits with 0", part.name),
        Until::Answers { host, port } => format!("{host}:{port} answers"),
        Until::Over(span) => return shown(*span),
    };
    if wait.stays.is_zero() { what } else { format!("{what} for {}", shown(wait.stays)) }
}

fn shown(span: Duration) -> String {
    Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX)).to_string()
}

/// What the system says, without its number.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}
