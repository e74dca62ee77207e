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
    /// Its height in lines.
    pub(super) height: usize,
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
        let height = size.map_or(24, |size| usize::from(size.ws_row));
        Self { colours: is_terminal && !dumb && !set("NO_COLOR"), is_terminal, width, height }
    }

    /// How many columns a line may take: as many as it needs, where nobody looks at it as it is written.
    pub(super) fn room(&self) -> Option<usize> {
        self.is_terminal.then_some(self.width)
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

/// Whether results and progress go to the same place, so that one stands below the other.
pub(super) fn same_place() -> bool {
    let place = |fd: std::os::fd::BorrowedFd<'_>| {
        rustix::fs::fstat(fd).ok().map(|s| (s.st_dev, s.st_ino, s.st_rdev))
    };
    let both = (place(rustix::stdio::stdout()), place(rustix::stdio::stderr()));
    both.0.is_some() && both.0 == both.1
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
