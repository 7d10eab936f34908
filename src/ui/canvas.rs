//! What is drawn over itself at the end of a terminal: by indicatif's thread, and put aside while something is said.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dialoguer::console::{Term, is_dumb};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::beacon::{Beacon, Sign};
use super::live::locked;
use super::text::{clipped, width};

/// How often is looked whether the picture or the terminal's size is another; nobody reads faster.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// A terminal's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub rows: usize,
    pub columns: usize,
}

/// What is to be seen now.
#[derive(Debug, Default)]
pub(super) struct Frame {
    /// The lines; they are cut where the terminal is narrower.
    pub lines: Vec<String>,
    /// What the window's title and the taskbar say.
    pub sign: Option<Sign>,
}

/// Gives what is to be seen on a terminal of a size.
type Painter = Box<dyn Fn(Size) -> Frame + Send>;

/// The place where things are drawn.
pub(super) struct Canvas {
    /// Whether anything is drawn at all.
    live: bool,
    screen: Screen,
    bar: ProgressBar,
    /// Held while something else has the terminal, which may be for as long as somebody thinks about a question.
    aside: Mutex<()>,
}

/// Something that is drawn until this is dropped.
#[must_use]
pub(super) struct Drawing {
    canvas: Arc<Canvas>,
    place: u64,
}

impl Canvas {
    /// The end of standard error, where that is a terminal that can move its cursor.
    pub(super) fn of_stderr() -> Arc<Self> {
        if !io::stderr().is_terminal() || is_dumb() {
            return Self::none();
        }
        let size = || {
            let (rows, columns) = Term::stderr().size();
            Size { rows: rows.into(), columns: columns.into() }
        };
        Arc::new(Self::new(true, Screen::new(size, reflows(), Box::new(io::stderr()), Beacon::of_environment())))
    }

    /// One on which nothing is drawn.
    pub(super) fn none() -> Arc<Self> {
        let size = || Size { rows: 24, columns: 80 };
        Arc::new(Self::new(false, Screen::new(size, false, Box::new(io::sink()), Beacon::dark())))
    }

    fn new(live: bool, screen: Screen) -> Self {
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let painters = screen.clone();
        let picture = move |_: &ProgressState, to: &mut dyn fmt::Write| {
            let _ = to.write_str(&painters.paint());
        };
        let style = ProgressStyle::with_template("{picture}").unwrap_or_else(|_| ProgressStyle::default_spinner());
        let bar = ProgressBar::with_draw_target(None, target).with_style(style.with_key("picture", picture));
        Self { live, screen, bar, aside: Mutex::new(()) }
    }

    /// Whether anything is drawn.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// Draws something from now on, below what is drawn already.
    pub(super) fn add(self: &Arc<Self>, painter: impl Fn(Size) -> Frame + Send + 'static) -> Drawing {
        let _aside = locked(&self.aside);
        let mut state = locked(&self.screen.state);
        let place = state.painters.last_key_value().map_or(0, |(last, _)| last + 1);
        state.painters.insert(place, Box::new(painter));
        drop(state);
        self.bar.enable_steady_tick(DRAWN_EVERY);
        Drawing { canvas: Arc::clone(self), place }
    }

    /// Does something that writes to the terminal or reads from it, with the picture out of its way.
    pub(super) fn suspend<T>(&self, doing: impl FnOnce() -> T) -> T {
        if !self.live {
            return doing();
        }
        let _aside = locked(&self.aside);
        self.bar.suspend(doing)
    }

    /// Takes everything away for good: the program ends here and now. Another thread may ask a question: nothing is drawn then.
    pub(super) fn abandon(&self) {
        if let Ok(_aside) = self.aside.try_lock() {
            locked(&self.screen.state).painters.clear();
            self.bar.force_draw();
        }
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        let canvas = &self.canvas;
        let _aside = locked(&canvas.aside);
        let mut state = locked(&canvas.screen.state);
        state.painters.remove(&self.place);
        let is_last = state.painters.is_empty();
        drop(state);
        if is_last {
            canvas.bar.disable_steady_tick();
        }
        canvas.bar.force_draw();
    }
}

/// The end of a terminal as indicatif draws on it, and what is there to be drawn.
///
/// indicatif 0.18 counts the rows of a picture when it draws it, and goes up as many the next time
/// (`DrawState::draw_to_term`): on a terminal that has become narrower in between, that is not the picture's beginning.
/// So its ways up and down are not gone here; the way is found from what stands there, and all is written at once.
#[derive(Clone)]
struct Screen {
    size: fn() -> Size,
    /// Whether the terminal breaks lines anew when it becomes narrower.
    reflows: bool,
    state: Arc<Mutex<State>>,
}

struct State {
    out: Box<dyn Write + Send>,
    painters: BTreeMap<u64, Painter>,
    sign: Option<Sign>,
    beacon: Beacon,
    /// What indicatif has written since it last sent it: each line, and after it the spaces up to the terminal's edge.
    written: Vec<String>,
    drawn: Drawn,
}

/// What stands on the terminal.
#[derive(Default)]
struct Drawn {
    lines: Vec<String>,
    size: Option<Size>,
    /// The widths of lines that have left the screen at its top when it became smaller: they come back when it grows.
    lost: Vec<usize>,
}

impl Screen {
    fn new(size: fn() -> Size, reflows: bool, out: Box<dyn Write + Send>, beacon: Beacon) -> Self {
        let state =
            State { out, painters: BTreeMap::new(), sign: None, beacon, written: Vec::new(), drawn: Drawn::default() };
        Self { size, reflows, state: Arc::new(Mutex::new(state)) }
    }

    fn paint(&self) -> String {
        let mut state = locked(&self.state);
        let size = (self.size)();
        let mut frames: Vec<Frame> = state.painters.values().map(|painter| painter(size)).collect();
        state.sign = frames.iter_mut().find_map(|frame| frame.sign.take());
        // The last column stays free: some terminals begin a new line when it is written to.
        let lines = frames.iter().flat_map(|frame| &frame.lines);
        lines.map(|line| clipped(line, size.columns.saturating_sub(1))).collect::<Vec<_>>().join("\n")
    }

    /// The way to the beginning of what is drawn, on a terminal that may have another size by now.
    fn back_to_top(&self, drawn: &mut Drawn, size: Size) -> String {
        let rows = |width: usize| if self.reflows { width.div_ceil(size.columns.max(1)).max(1) } else { 1 };
        let widths: Vec<usize> = drawn.lines.iter().map(|line| width(line)).collect();
        let mut up: usize = widths.iter().map(|width| rows(*width)).sum();
        let mut grown = drawn.size.map_or(0, |old| size.rows.saturating_sub(old.rows));
        while let Some(back) = drawn.lost.last().map(|width| rows(*width)).filter(|back| *back <= grown) {
            drawn.lost.pop();
            (up, grown) = (up + back, grown - back);
        }
        let room = size.rows.saturating_sub(1);
        let mut above = up.saturating_sub(room);
        for width in widths {
            let Some(left) = above.checked_sub(rows(width)) else { break };
            above = left;
            drawn.lost.push(width);
        }
        match up.min(room) {
            0 => "\r".to_owned(),
            up => format!("\r\x1b[{up}A"),
        }
    }
}

impl TermLike for Screen {
    /// Never so few that indicatif cannot count the spaces after a character of two columns.
    fn width(&self) -> u16 {
        u16::try_from((self.size)().columns).unwrap_or(u16::MAX).max(2)
    }

    /// The last row is the cursor's.
    fn height(&self) -> u16 {
        u16::try_from((self.size)().rows.saturating_sub(1)).unwrap_or(u16::MAX).max(1)
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text).and_then(|()| self.write_str(""))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        locked(&self.state).written.push(text.to_owned());
        Ok(())
    }

    /// Writes all at once, so that no half of a picture is seen. No lines: what is said next stands in their place.
    fn flush(&self) -> io::Result<()> {
        let mut state = locked(&self.state);
        let State { out, painters, sign, beacon, written, drawn } = &mut *state;
        // In place of the spaces, which a narrower terminal would break, the rest of the row is cleared.
        let lines: Vec<String> = std::mem::take(written).into_iter().step_by(2).collect();
        let size = (self.size)();
        let mut text = if painters.is_empty() { beacon.put_out() } else { beacon.show(sign.as_ref(), Instant::now()) };
        if lines != drawn.lines || (!lines.is_empty() && drawn.size != Some(size)) {
            text.push_str(&self.back_to_top(drawn, size));
            for line in &lines {
                let _ = write!(text, "{line}\x1b[K\r\n");
            }
            text.push_str("\x1b[J");
            let lost = if lines.is_empty() { Vec::new() } else { std::mem::take(&mut drawn.lost) };
            *drawn = Drawn { lines, size: Some(size), lost };
        }
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Screen")
    }
}

/// xterm, st and the Linux console cut lines that become too long; nearly all others break them anew. Where that is taken
/// for granted wrongly, lines above the picture are lost.
fn reflows() -> bool {
    let is_set = |name| std::env::var_os(name).is_some();
    let term = std::env::var("TERM").unwrap_or_default();
    is_set("TMUX") || !(is_set("XTERM_VERSION") || term == "linux" || term.starts_with("st-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A terminal's end that keeps what is written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl Written {
        fn take(&self) -> String {
            let bytes = std::mem::take(&mut *locked(&self.0));
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            locked(&self.0).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn canvas(reflows: bool) -> (Canvas, Written) {
        let written = Written::default();
        let size = || Size { rows: 4, columns: 20 };
        (Canvas::new(true, Screen::new(size, reflows, Box::new(written.clone()), Beacon::dark())), written)
    }

    /// One whose lines are as wide as that.
    fn drawn(widths: &[usize]) -> Drawn {
        Drawn { lines: widths.iter().map(|width| "x".repeat(*width)).collect(), ..Drawn::default() }
    }

    fn draws(canvas: &Canvas, lines: &'static [&'static str]) {
        let frame = move |_| Frame { lines: lines.iter().map(|line| (*line).to_owned()).collect(), sign: None };
        locked(&canvas.screen.state).painters.insert(1, Box::new(frame));
        canvas.bar.force_draw();
    }

    #[test]
    fn a_picture_is_drawn_over_itself_and_only_when_it_is_another() {
        let (canvas, written) = canvas(true);
        draws(&canvas, &["one", "two"]);
        assert_eq!(written.take(), "\rone\x1b[K\r\ntwo\x1b[K\r\n\x1b[J");
        draws(&canvas, &["one", "two"]);
        assert_eq!(written.take(), "");
        draws(&canvas, &["three"]);
        assert_eq!(written.take(), "\r\x1b[2Athree\x1b[K\r\n\x1b[J");
    }

    #[test]
    fn a_picture_never_outgrows_the_terminal() {
        let (canvas, written) = canvas(true);
        draws(&canvas, &["a line that is longer than the terminal", "2", "3", "4", "5"]);
        assert_eq!(written.take(), "\ra line that is l...\x1b[K\r\n2\x1b[K\r\n3\x1b[K\r\n\x1b[J");
    }

    #[test]
    fn what_is_said_stands_where_the_picture_was() {
        let (canvas, written) = canvas(true);
        draws(&canvas, &["one"]);
        written.take();
        let mut out = written.clone();
        assert!(canvas.suspend(|| out.write_all(b"said\n")).is_ok());
        assert_eq!(written.take(), "\r\x1b[1A\x1b[Jsaid\n\rone\x1b[K\r\n\x1b[J");
    }

    #[test]
    fn lines_that_a_narrower_terminal_has_broken_are_taken_away_whole() {
        let narrow = Size { rows: 24, columns: 20 };
        let back = |reflows| canvas(reflows).0.screen.back_to_top(&mut drawn(&[39, 5, 21]), narrow);
        assert_eq!(back(true), "\r\x1b[5A");
        assert_eq!(back(false), "\r\x1b[3A");
    }

    #[test]
    fn lines_that_a_smaller_terminal_has_pushed_out_are_taken_away_when_they_come_back() {
        let screen = canvas(true).0.screen;
        let large = Size { rows: 24, columns: 40 };
        let mut first = Drawn { size: Some(large), ..drawn(&[39, 5, 21]) };
        let small = Size { rows: 3, columns: 20 };
        assert_eq!(screen.back_to_top(&mut first, small), "\r\x1b[2A");
        assert_eq!(first.lost, [39, 5], "their three rows are above the screen");
        let mut again = Drawn { size: Some(small), lost: first.lost, ..drawn(&[19, 19]) };
        assert_eq!(screen.back_to_top(&mut again, large), "\r\x1b[4A");
        assert!(again.lost.is_empty());
    }

    #[test]
    fn nothing_is_left_of_what_is_dropped() {
        let (canvas, written) = canvas(true);
        let canvas = Arc::new(canvas);
        let line = |text: &str| Frame { lines: vec![text.to_owned()], sign: None };
        let one = canvas.add(move |_| line("one"));
        canvas.bar.force_draw();
        written.take();
        drop(one);
        assert!(written.take().ends_with("\r\x1b[1A\x1b[J"));
    }
}
