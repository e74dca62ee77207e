//! What runs now, on a terminal: redrawn by a thread of its own, so that the engine never waits for the terminal.

use std::collections::BTreeMap;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;
use crate::diagnostic::printable;
use crate::ids::Instance;
use crate::ops::Growing;
use crate::report::lines::{columns, cut};
use crate::report::{Paint, Tone};
use crate::workflow::Millis;

/// How often it is redrawn. What is over sooner is never drawn as running.
const TICK: Duration = Duration::from_millis(100);
/// How many running steps are shown at most, whatever the height.
const ROWS: usize = 12;
/// The least room in which a step's last line of output says something.
const LINE: usize = 12;

/// The view of a run that goes on.
pub(super) struct Live {
    view: Arc<Mutex<View>>,
    thread: Option<(Sender<()>, JoinHandle<()>)>,
}

/// What the view shows.
#[derive(Default)]
pub(super) struct View {
    /// Lines that stay, not printed yet.
    pub(super) lines: Vec<String>,
    /// What runs.
    pub(super) running: BTreeMap<Instance, Row>,
    /// How many steps have ended, of how many.
    pub(super) done: (usize, usize),
    /// How many waves there are.
    pub(super) waves: usize,
    /// The run's id.
    pub(super) run: String,
    /// Whether the terminal became narrower: what was printed may have been taken away with what was drawn.
    pub(super) disturbed: bool,
}

/// A running step.
pub(super) struct Row {
    pub(super) since: Instant,
    pub(super) wave: Option<usize>,
    pub(super) output: Growing,
}

impl Live {
    /// Begins to draw.
    pub(super) fn new() -> Self {
        let view = Arc::new(Mutex::new(View::default()));
        let (stop, stopped) = channel();
        let shared = view.clone();
        let work = move || {
            let mut canvas = Canvas::new();
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                canvas.draw(&mut lock(&shared));
            }
            canvas.end(&mut lock(&shared));
        };
        let thread = std::thread::Builder::new().name("live".to_owned()).spawn(work).ok();
        Self { view, thread: thread.map(|thread| (stop, thread)) }
    }

    /// What is shown, to be changed.
    pub(super) fn view(&self) -> MutexGuard<'_, View> {
        lock(&self.view)
    }

    /// Ends it: what runs is no longer shown, and all lines that stay are printed.
    pub(super) fn end(&mut self) {
        if let Some((stop, thread)) = self.thread.take() {
            drop(stop);
            let _ = thread.join();
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.end();
    }
}

/// A thread that panicked has left a view that can still be shown.
fn lock(view: &Mutex<View>) -> MutexGuard<'_, View> {
    view.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The lowest lines of the terminal.
struct Canvas {
    bar: ProgressBar,
    began: Instant,
    /// The width that was drawn for, and how many lines.
    drawn: (usize, usize),
}

impl Canvas {
    fn new() -> Self {
        Self { bar: fresh(), began: Instant::now(), drawn: (0, 0) }
    }

    fn draw(&mut self, view: &mut View) {
        let to = Terminal::stderr();
        view.disturbed |= self.after_resize(to.width);
        let lines = view.text(&to, self.began.elapsed());
        self.drawn = (to.width, lines.len());
        let text = lines.join("\n");
        if text != self.bar.message() {
            self.bar.set_message(text);
            self.bar.tick();
        }
        if !view.lines.is_empty() {
            let lines = std::mem::take(&mut view.lines).join("\n");
            self.bar.suspend(|| super::say(&lines));
        }
    }

    /// Most terminals wrap what stands on them when they become narrower: what was drawn is then higher than it was,
    /// and must be taken away by its new height. Where a terminal cuts instead, that takes lines above with it.
    fn after_resize(&mut self, width: usize) -> bool {
        let (before, lines) = self.drawn;
        let narrower = lines > 0 && width < before;
        if narrower {
            let rows = lines * before.div_ceil(width.max(1));
            super::write_err(&format!("\r\x1b[{}A\x1b[J", rows - 1));
            self.bar.set_draw_target(ProgressDrawTarget::hidden());
            self.bar = fresh();
        }
        narrower
    }

    fn end(&mut self, view: &mut View) {
        view.disturbed |= self.after_resize(Terminal::stderr().width);
        self.bar.finish_and_clear();
        if !view.lines.is_empty() {
            super::say(&std::mem::take(&mut view.lines).join("\n"));
        }
    }
}

fn fresh() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{msg}");
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
}

impl View {
    /// The lines to draw: what runs longest first, then how far the run is.
    fn text(&self, to: &Terminal, elapsed: Duration) -> Vec<String> {
        let mut rows: Vec<_> = self.running.iter().collect();
        rows.sort_by_key(|(_, row)| row.since);
        let room = ROWS.min(to.height.saturating_sub(3)).max(1);
        let width = rows.iter().take(room).map(|(id, _)| columns(&id.to_string())).max();
        let width = width.unwrap_or(0).min(to.width / 2);
        let mut lines: Vec<String> =
            rows.iter().take(room).map(|(id, row)| row.text(id, width, to)).collect();
        if rows.len() > room {
            let more = format!("  … and {} more", rows.len() - room);
            lines.push(to.paint(Tone::Faint, &more));
        }
        let (done, all) = self.done;
        let wave = rows.iter().filter_map(|(_, row)| row.wave).min();
        let wave = wave.map(|wave| format!("wave {} of {} · ", wave + 1, self.waves));
        let status = format!(
            "{}{done} of {all} done · {} · run {}",
            wave.unwrap_or_default(),
            seconds(elapsed),
            self.run
        );
        lines.push(to.paint(Tone::Faint, &cut(&format!("  {status}"), to.width - 1)));
        lines
    }
}

impl Row {
    /// A running step in a line: its name, for how long, and the last it wrote.
    fn text(&self, id: &Instance, width: usize, to: &Terminal) -> String {
        let id = cut(&id.to_string(), width);
        let gap = " ".repeat(width.saturating_sub(columns(&id)));
        let took = seconds(self.since.elapsed());
        let room = (to.width - 1).saturating_sub(width + columns(&took) + 6);
        let last = if room < LINE { String::new() } else { printable(&self.output.last_line()) };
        let last = to.paint(Tone::Faint, &cut(&last, room));
        format!("{} {id}{gap}  {took}  {last}", to.paint(Tone::Strong, "▸"))
    }
}

/// Whole seconds.
fn seconds(span: Duration) -> String {
    Millis(span.as_secs() * 1_000).to_string().replace("0ms", "0s")
}
