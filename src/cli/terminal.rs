//! Where text goes: whether it takes colours, and how wide it is.

use std::io::IsTerminal;

use crate::report::{Paint, Tone};

/// One of the standard streams.
pub(super) struct Terminal {
    colours: bool,
    /// Whether it is a terminal at all.
    pub(super) is_terminal: bool,
    /// Its width in columns.
    pub(super) width: usize,
}

impl Terminal {
    pub(super) fn stdout() -> Self {
        Self::new(std::io::stdout().is_terminal(), rustix::stdio::stdout())
    }

    pub(super) fn stderr() -> Self {
        Self::new(std::io::stderr().is_terminal(), rustix::stdio::stderr())
    }

    fn new(is_terminal: bool, fd: std::os::fd::BorrowedFd<'_>) -> Self {
        let set = |name: &str| std::env::var_os(name).is_some_and(|v| !v.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let size = rustix::termios::tcgetwinsize(fd).ok().filter(|_| is_terminal);
        let width = size.map_or(100, |size| usize::from(size.ws_col)).max(40);
        Self { colours: is_terminal && !dumb && !set("NO_COLOR"), is_terminal, width }
    }

    /// Whether it takes colours.
    pub(super) fn has_colours(&self) -> bool {
        self.colours
    }

    /// A text that says that something is wrong.
    pub(super) fn bad(&self, text: &str) -> String {
        self.paint(Tone::Bad, text)
    }
}

impl Paint for Terminal {
    fn paint(&self, tone: Tone, text: &str) -> String {
        if !self.colours || text.is_empty() {
            return text.to_owned();
        }
        let code = match tone {
            Tone::Good => "32",
            Tone::Bad => "1;31",
            Tone::Warn => "33",
            Tone::Faint => "2",
            Tone::Strong => "1",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}
