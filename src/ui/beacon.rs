//! Progress beside the picture: the window's title (OSC 2) and the bar in its tab or in the taskbar (OSC 9;4).
//!
//! OSC 9;4 is ConEmu's. Windows Terminal, Ghostty (1.2), `WezTerm`, iTerm2 (3.6.6) and Ptyxis (48) show it too; to older iTerm2
//! and some others `OSC 9` is a notice on the desktop. So it is sent to those alone that are known to take it well, which the
//! environment tells.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::sync::Once;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

/// Ghostty takes a bar away that nobody has renewed for 15 seconds.
const RENEWED_EVERY: Duration = Duration::from_secs(10);

const TITLE: u8 = 1;
const TASKBAR: u8 = 2;

/// What is shown now. The hook for panics and the thread that takes signals must know of it too.
static SHOWN: AtomicU8 = AtomicU8::new(0);

/// What is to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    /// The title, without control characters.
    pub title: String,
    /// The bar.
    pub bar: Bar,
}

/// A bar in the taskbar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bar {
    /// So many per cent.
    Percent(u8),
    /// So many per cent, and EC2 has refused something.
    Failing(u8),
    /// So many per cent, and it does not go on until EC2 has capacity.
    Held(u8),
    /// Nobody knows how much.
    Busy,
}

/// Shows both, where the terminal knows them.
#[derive(Debug)]
pub(super) struct Beacon {
    title: bool,
    taskbar: bool,
    shown: Option<Sign>,
    renewed: Option<Instant>,
}

impl Beacon {
    /// One that shows nothing.
    pub(super) fn dark() -> Self {
        Self { title: false, taskbar: false, shown: None, renewed: None }
    }

    /// As this process's environment says. Standard error is known to be a terminal.
    pub(super) fn of_environment() -> Self {
        let beacon = Self::of(|name| std::env::var(name).ok());
        if beacon.title || beacon.taskbar {
            put_out_on_panic();
        }
        beacon
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Self {
        let wanted = |name: &str, known: bool| match variable(name).as_deref() {
            Some("always") => true,
            Some("never") => false,
            _ => known && variable("CI").is_none(),
        };
        let (title, taskbar) = (has_title(&variable), has_taskbar(&variable));
        Self { title: wanted("CLOUDTOP_TITLE", title), taskbar: wanted("CLOUDTOP_TASKBAR", taskbar), ..Self::dark() }
    }

    /// What the terminal must be told to show this.
    pub(super) fn show(&mut self, sign: Option<&Sign>, now: Instant) -> String {
        let Some(sign) = sign else { return String::new() };
        let mut out = String::new();
        if self.title && self.shown.as_ref().is_none_or(|shown| shown.title != sign.title) {
            if SHOWN.fetch_or(TITLE, Ordering::SeqCst) & TITLE == 0 {
                // The title that is there is laid on the terminal's stack (XTWINOPS).
                out.push_str("\x1b[22;2t");
            }
            let _ = write!(out, "\x1b]2;{}\x07", sign.title);
        }
        let is_old = self.renewed.is_none_or(|renewed| now.saturating_duration_since(renewed) >= RENEWED_EVERY);
        if self.taskbar && (is_old || self.shown.as_ref().is_none_or(|shown| shown.bar != sign.bar)) {
            SHOWN.fetch_or(TASKBAR, Ordering::SeqCst);
            out.push_str(&bar(sign.bar));
            self.renewed = Some(now);
        }
        if self.title || self.taskbar {
            self.shown = Some(sign.clone());
        }
        out
    }

    /// What the terminal must be told to show nothing of it any more.
    pub(super) fn put_out(&mut self) -> String {
        if self.shown.take().is_none() {
            return String::new();
        }
        self.renewed = None;
        last_of(SHOWN.swap(0, Ordering::SeqCst))
    }
}

fn bar(bar: Bar) -> String {
    let (state, percent) = match bar {
        Bar::Percent(percent) => (1, percent),
        Bar::Failing(percent) => (2, percent),
        Bar::Busy => (3, 0),
        Bar::Held(percent) => (4, percent),
    };
    format!("\x1b]9;4;{state};{percent}\x07")
}

/// An empty title stays where the terminal has no stack: most shells write theirs with the next prompt.
fn last_of(shown: u8) -> String {
    let title = if shown & TITLE == 0 { "" } else { "\x1b]2;\x07\x1b[23;2t" };
    let taskbar = if shown & TASKBAR == 0 { "" } else { "\x1b]9;4;0;0\x07" };
    format!("{title}{taskbar}")
}

/// Terminals with a title that OSC 2 sets; the Linux console would print it.
fn has_title(variable: &impl Fn(&str) -> Option<String>) -> bool {
    const KNOWN: &[&str] = &[
        "xterm",
        "tmux",
        "screen",
        "rxvt",
        "alacritty",
        "foot",
        "kitty",
        "wezterm",
        "ghostty",
        "konsole",
        "vte",
        "gnome",
        "st-",
        "mintty",
        "contour",
        "putty",
        "iterm",
        "rio",
    ];
    variable("TERM").is_some_and(|term| KNOWN.iter().any(|name| term.starts_with(name)))
}

fn has_taskbar(variable: &impl Fn(&str) -> Option<String>) -> bool {
    // What the terminal outside has told its shell is still there in a multiplexer, which is another terminal.
    if variable("TMUX").is_some() || variable("STY").is_some() {
        return false;
    }
    let is = |name: &str, value: &str| variable(name).as_deref() == Some(value);
    let iterm = || variable("TERM_FEATURES").is_some_and(|features| has_feature(&features, 'P'));
    let ptyxis = || variable("PTYXIS_VERSION").and_then(|it| it.split('.').next()?.parse().ok()).unwrap_or(0) >= 48;
    variable("WT_SESSION").is_some()
        || is("ConEmuANSI", "ON")
        || is("TERM_PROGRAM", "WezTerm")
        || is("TERM_PROGRAM", "ghostty")
        || (is("TERM_PROGRAM", "iTerm.app") && iterm())
        || ptyxis()
}

/// Whether a feature is among those of `TERM_FEATURES` (iTerm2, "feature reporting"): each is a capital letter, some with small
/// letters and a number after it. `P` alone is progress.
fn has_feature(features: &str, wanted: char) -> bool {
    let mut letters = features.chars().peekable();
    while let Some(letter) = letters.next() {
        let is_alone = letters.peek().is_none_or(|next| !next.is_ascii_lowercase());
        if letter == wanted && is_alone {
            return true;
        }
    }
    false
}

/// Tells the terminal at once, from wherever the program ends.
pub(super) fn leave() {
    let last = last_of(SHOWN.swap(0, Ordering::SeqCst));
    if !last.is_empty() {
        let _ = io::stderr().write_all(last.as_bytes());
    }
}

/// A release build ends at the panic, without dropping anything.
fn put_out_on_panic() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            leave();
            tell(panic);
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> (bool, bool) {
        let beacon = Beacon::of(|name| variables.iter().find(|(key, _)| *key == name).map(|(_, it)| (*it).to_owned()));
        (beacon.title, beacon.taskbar)
    }

    #[test]
    fn only_terminals_that_are_known_to_show_them_are_told() {
        assert_eq!(of(&[]), (false, false));
        assert_eq!(of(&[("TERM", "linux")]), (false, false));
        assert_eq!(of(&[("TERM", "xterm-256color")]), (true, false));
        assert_eq!(of(&[("TERM", "tmux-256color"), ("TMUX", "/tmp/x"), ("WT_SESSION", "1")]), (true, false));
        assert_eq!(of(&[("TERM", "xterm-ghostty"), ("TERM_PROGRAM", "ghostty")]), (true, true));
        assert_eq!(of(&[("TERM", "xterm-256color"), ("WT_SESSION", "1")]), (true, true));
        let iterm = [("TERM", "xterm-256color"), ("TERM_PROGRAM", "iTerm.app")];
        assert_eq!(of(&iterm), (true, false));
        assert_eq!(of(&[&iterm[..], &[("TERM_FEATURES", "T3LrMSc7UUw9Ts3BFGsSyHNoSxF")]].concat()), (true, false));
        assert_eq!(of(&[&iterm[..], &[("TERM_FEATURES", "T3LrMSc7UUw9Ts3BFGsSyHNoSxFP")]].concat()), (true, true));
    }

    #[test]
    fn they_can_be_switched_off_and_on_and_are_off_in_ci() {
        let known = [("TERM", "xterm-ghostty"), ("TERM_PROGRAM", "ghostty")];
        assert_eq!(of(&[&known[..], &[("CI", "true")]].concat()), (false, false));
        assert_eq!(of(&[&known[..], &[("CLOUDTOP_TITLE", "never")]].concat()), (false, true));
        assert_eq!(of(&[&known[..], &[("CLOUDTOP_TASKBAR", "never")]].concat()), (true, false));
        assert_eq!(of(&[("TERM", "linux"), ("CLOUDTOP_TASKBAR", "always")]), (false, true));
    }

    #[test]
    fn what_is_shown_is_told_once_renewed_in_time_and_taken_back() {
        let mut beacon = Beacon { title: true, taskbar: true, ..Beacon::dark() };
        let start = Instant::now();
        let sign = |bar| Sign { title: "cloudtop: dev 0/1 ready".to_owned(), bar };
        let first = beacon.show(Some(&sign(Bar::Busy)), start);
        assert_eq!(first, "\x1b[22;2t\x1b]2;cloudtop: dev 0/1 ready\x07\x1b]9;4;3;0\x07");
        assert_eq!(beacon.show(Some(&sign(Bar::Busy)), start), "");
        assert_eq!(beacon.show(Some(&sign(Bar::Failing(40))), start), "\x1b]9;4;2;40\x07");
        assert_eq!(beacon.show(Some(&sign(Bar::Failing(40))), start + RENEWED_EVERY), "\x1b]9;4;2;40\x07");
        assert_eq!(beacon.put_out(), "\x1b]2;\x07\x1b[23;2t\x1b]9;4;0;0\x07");
        assert_eq!(beacon.put_out(), "");
        assert_eq!(Beacon::dark().show(Some(&sign(Bar::Percent(1))), start), "");
    }
}
