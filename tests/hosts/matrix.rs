//! Each end of the connection killed at each command of the guard: nothing runs twice, and no end is made up.

use std::path::{Path, PathBuf};
use std::time::Duration;

use ostler::action::{Done, Urge};
use ostler::run::{Interruption, Outcome};
use rustix::process::Signal;

use crate::lost::{marked, there};
use crate::sshd::{Engine, Sshd, With, below, block_on, children, kill, script};
use crate::support::wait_until;

/// A `sh` that runs the guard one command at a time, and waits before the one that is wanted until it may go on.
const STEPPED: &str = r#"case $2 in IFS=*) ;; *) exec /bin/sh "$@" ;; esac
exec bash --posix -c '
step() {
  read -r want 2>/dev/null <"$DIR/armed" || return
  local now=${BASH_COMMAND%%
*}
  [ -z "${want#list}" ] && printf "%s\n" "$now" >>"$DIR/seen"
  [ "$now" = "$want" ] && [ ! -e "$DIR/paused" ] && mkdir "$DIR/paused" 2>/dev/null || return
  until [ -e "$DIR/go" ]; do sleep 0.02; done
}
set -T
trap step DEBUG
eval "$1"' sh "$2"
"#;

/// What is killed.
#[derive(Debug, Clone, Copy)]
enum Killed {
    /// The engine: its end of the line is closed, and another engine asks.
    Engine,
    /// The `ssh` here.
    Client,
    /// The server's process for the connection.
    Server,
}

const KINDS: [Killed; 3] = [Killed::Engine, Killed::Client, Killed::Server];

struct Stepped {
    sshd: Sshd,
    dir: PathBuf,
}

impl Stepped {
    fn new() -> Self {
        let login = "PATH=${0%/*}/bin:$PATH DIR=${0%/*}/steps; export PATH DIR; exec /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"";
        let sshd = Sshd::with(&With { login, ..With::default() });
        for dir in ["bin", "steps"] {
            std::fs::create_dir(sshd.at(dir)).unwrap();
        }
        script(&sshd.at("bin/sh"), STEPPED);
        let dir = sshd.at("steps");
        Self { sshd, dir }
    }

    fn began(&self, id: &str) -> PathBuf {
        self.sshd.at(&format!("began.{id}"))
    }

    fn attempt(&self, engine: &Engine, id: &str, keep: bool) -> ostler::action::Attempt {
        let text = format!("echo x >>{}; exit 3", self.began(id).display());
        let mut attempt = engine.attempt(&self.sshd.host(), id, &["/bin/sh", "-c", &text]);
        attempt.on.as_mut().unwrap().keep = keep;
        attempt
    }

    /// The commands of the guard that one attempt takes.
    fn commands(&self) -> Vec<String> {
        let engine = self.sshd.engine();
        block_on(async {
            engine.run(&self.sshd.host(), "warm", &["true"]).await;
            std::fs::write(self.dir.join("armed"), "list\n").unwrap();
            let id = format!("matrix-list-{}", std::process::id());
            let done = engine.make(self.attempt(&engine, &id, false)).await;
            assert_eq!(done.ending.outcome, Outcome::Exited { code: 3 });
        });
        let seen = std::fs::read_to_string(self.dir.join("seen")).unwrap();
        let mut all: Vec<String> = Vec::new();
        for line in seen.lines().filter(|line| !line.is_empty() && !line.starts_with("sleep 3")) {
            if !all.iter().any(|known| known == line) {
                all.push(line.to_owned());
            }
        }
        all
    }

    /// Kills one end while the guard waits before a command, and gives what is then said of the attempt.
    fn play(&self, id: &str, command: &str, killed: Killed, keep: bool) -> Option<Done> {
        for file in ["armed", "go", "seen"] {
            let _ = std::fs::remove_file(self.dir.join(file));
        }
        let _ = std::fs::remove_dir(self.dir.join("paused"));
        let (engine, second) = (self.sshd.engine(), self.sshd.engine());
        let paused = self.dir.join("paused");
        let done = block_on(async {
            engine.run(&self.sshd.host(), &format!("{id}.warm"), &["true"]).await;
            let before = children(self.sshd.pid());
            std::fs::write(self.dir.join("armed"), format!("{command}\n")).unwrap();
            let attempt = self.attempt(&engine, id, keep);
            let done = match killed {
                Killed::Engine => {
                    let ended = tokio::select! {
                        done = engine.make(attempt) => Some(done),
                        () = there(&paused) => None,
                    };
                    engine.hosts.close(false).await;
                    match ended {
                        // What it had said it had said.
                        Some(done) => Some(done),
                        None => Some(self.recover(&second, id, keep).await),
                    }
                }
                Killed::Client | Killed::Server => {
                    let kill_one = async {
                        there(&paused).await;
                        if matches!(killed, Killed::Server) {
                            before.iter().for_each(|pid| kill(*pid, Signal::KILL));
                        } else {
                            clients(self.sshd.port())
                                .into_iter()
                                .for_each(|pid| kill(pid, Signal::KILL));
                        }
                        std::future::pending::<()>().await;
                    };
                    tokio::select! {
                        done = engine.make(attempt) => Some(done),
                        () = kill_one => None,
                    }
                }
            };
            std::fs::write(self.dir.join("go"), "").unwrap();
            engine.hosts.close(false).await;
            second.hosts.close(false).await;
            done
        });
        wait_until("the guards are gone", || below(self.sshd.pid()).is_empty() && !marked(id));
        done
    }

    async fn recover(&self, engine: &Engine, id: &str, keep: bool) -> Done {
        let (_urge, heard) = tokio::sync::watch::channel(Urge::None);
        let attempt = self.attempt(engine, id, keep);
        attempt.recover(&engine.pool, &engine.hosts, Duration::from_secs(1), heard).await
    }
}

/// The `ssh` processes of this test that connect to a port.
fn clients(port: u16) -> Vec<i32> {
    let me = i32::try_from(std::process::id()).unwrap();
    let port = format!("\0-p\0{port}\0");
    let is_it = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.windows(port.len()).any(|part| part == port.as_bytes())
    };
    children(me).into_iter().filter(is_it).collect()
}

fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// What must hold, whatever was killed when.
fn judge(stage: &str, outcome: &Outcome, times: usize) {
    let holds = match outcome {
        Outcome::Exited { code: 3 } => times == 1,
        Outcome::Interrupted { cause: Interruption::NeverStarted } => times == 0,
        Outcome::Interrupted { cause: Interruption::ConnectionLost } => times <= 1,
        _ => false,
    };
    assert!(holds, "{stage}: {outcome}, and it ran {times} times");
}

#[test]
fn whatever_is_killed_when_nothing_runs_twice_and_no_end_is_made_up() {
    let commands = Stepped::new().commands();
    assert!(commands.len() > 40, "{commands:#?}");
    let next = std::sync::atomic::AtomicUsize::new(0);
    let told = std::sync::Mutex::new(std::collections::BTreeMap::<String, usize>::new());
    // Every command with one of the ends, in turn; all of them with each where the environment asks for it.
    let all = std::env::var_os("OSTLER_ALL_KILLS").is_some();
    let stages: Vec<(usize, Killed)> = (0..commands.len())
        .flat_map(|nth| {
            KINDS
                .into_iter()
                .enumerate()
                .filter(move |(kind, _)| all || nth % 3 == *kind)
                .map(move |(_, kind)| (nth, kind))
        })
        .collect();
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let stepped = Stepped::new();
                while let Some((nth, kind)) =
                    stages.get(next.fetch_add(1, std::sync::atomic::Ordering::Relaxed))
                {
                    let command = &commands[*nth];
                    let id = format!("matrix-{}-{nth}-{kind:?}", std::process::id());
                    let stage = format!("{kind:?} killed before `{command}`");
                    let done = stepped.play(&id, command, *kind, false).unwrap();
                    judge(&stage, &done.ending.outcome, lines(&stepped.began(&id)));
                    assert!(!done.ending.passed, "{stage}");
                    *told.lock().unwrap().entry(done.ending.outcome.to_string()).or_default() += 1;
                }
            });
        }
    });
    println!("{} stages: {:?}", stages.len(), told.lock().unwrap());
}
