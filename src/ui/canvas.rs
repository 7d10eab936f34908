//! What is drawn over itself at the end of a terminal: painted by a thread of its own, put aside while something is said.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use dialoguer::console::{Term, is_dumb};

use super::beacon::{Beacon, Sign};
use super::text::{clipped, width};

/// How often it is drawn where nothing has happened: its spans count seconds.
const AT_LEAST: Duration = Duration::from_secs(1);
/// How often at the most, however much happens: nobody reads faster, and a thousand nodes must not keep a processor busy.
const AT_MOST: Duration = Duration::from_millis(100);
/// How often the size of the terminal is asked for.
const SIZED_EVERY: Duration = Duration::from_millis(250);

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
type Painter = Arc<dyn Fn(Size) -> Frame + Send + Sync>;

/// The place where things are drawn.
pub(super) struct Canvas {
    /// Whether anything is drawn at all.
    live: bool,
    /// Whether the terminal breaks lines anew when it becomes narrower.
    reflows: bool,
    size: fn() -> Size,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    out: Box<dyn Write + Send>,
    painters: BTreeMap<u64, Painter>,
    added: u64,
    /// Whether the thread that draws is there.
    ticking: bool,
    dirty: bool,
    drawn: Drawn,
    painted: Option<Instant>,
    beacon: Beacon,
}

/// What stands on the terminal.
#[derive(Default)]
struct Drawn {
    widths: Vec<usize>,
    text: String,
    size: Option<Size>,
    /// The widths of lines that have left the screen at its top when it became smaller: they come back when it grows.
    lost: Vec<usize>,
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
        let live = io::stderr().is_terminal() && !is_dumb();
        let size = || {
            let (rows, columns) = Term::stderr().size();
            Size { rows: rows.into(), columns: columns.into() }
        };
        let beacon = if live { Beacon::of_environment() } else { Beacon::dark() };
        Arc::new(Self::new(live, size, Box::new(io::stderr()), beacon))
    }

    /// One on which nothing is drawn.
    pub(super) fn none() -> Arc<Self> {
        Arc::new(Self::new(false, || Size { rows: 24, columns: 80 }, Box::new(io::sink()), Beacon::dark()))
    }

    fn new(live: bool, size: fn() -> Size, out: Box<dyn Write + Send>, beacon: Beacon) -> Self {
        let state = State {
            out,
            painters: BTreeMap::new(),
            added: 0,
            ticking: false,
            dirty: false,
            drawn: Drawn::default(),
            painted: None,
            beacon,
        };
        Self { live, reflows: reflows(), size, state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Whether anything is drawn.
    pub(super) fn is_live(&self) -> bool {
        self.live
    }

    /// Draws something from now on, below what is drawn already.
    pub(super) fn add(self: &Arc<Self>, painter: impl Fn(Size) -> Frame + Send + Sync + 'static) -> Drawing {
        let mut state = self.locked();
        state.added += 1;
        let place = state.added;
        state.painters.insert(place, Arc::new(painter));
        state.dirty = true;
        if self.live && !state.ticking {
            let canvas = Arc::clone(self);
            // Without the thread, what is said in between is drawn around all the same.
            state.ticking =
                std::thread::Builder::new().name("progress".to_owned()).spawn(move || canvas.tick()).is_ok();
        }
        Drawing { canvas: Arc::clone(self), place }
    }

    /// Does something that writes to the terminal or reads from it, with the picture out of its way.
    pub(super) fn suspend<T>(&self, doing: impl FnOnce() -> T) -> T {
        if !self.live {
            return doing();
        }
        let mut state = self.locked();
        self.erase(&mut state);
        let done = doing();
        if !state.painters.is_empty() {
            self.paint(&mut state);
        }
        done
    }

    /// Takes everything away for good: the program ends here and now. Another thread may hold the picture, which then stays.
    pub(super) fn abandon(&self) {
        if let (true, Ok(mut state)) = (self.live, self.state.try_lock()) {
            state.painters.clear();
            self.erase(&mut state);
        }
    }

    fn tick(&self) {
        let mut state = self.locked();
        while !state.painters.is_empty() {
            let since = state.painted.map_or(AT_LEAST, |painted| painted.elapsed());
            let resized = state.drawn.size.is_some_and(|size| size != (self.size)());
            if since >= AT_LEAST || (since >= AT_MOST && (state.dirty || resized)) {
                self.paint(&mut state);
            }
            let pause = if state.dirty { AT_MOST.saturating_sub(since) } else { SIZED_EVERY };
            let woken = self.changed.wait_timeout(state, pause.max(Duration::from_millis(1)));
            state = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
        state.ticking = false;
    }

    fn paint(&self, state: &mut State) {
        let size = (self.size)();
        let (mut lines, mut sign) = (Vec::new(), None);
        for painter in state.painters.values() {
            let frame = painter(size);
            lines.extend(frame.lines);
            sign = sign.or(frame.sign);
        }
        // The last row is the cursor's, and the last column stays free: some terminals begin a new line when it is written to.
        lines.truncate(size.rows.saturating_sub(1).max(1));
        let lines: Vec<String> = lines.iter().map(|line| clipped(line, size.columns.saturating_sub(1))).collect();
        let mut out = state.beacon.show(sign.as_ref(), Instant::now());
        let text = lines.join("\n");
        if text != state.drawn.text || state.drawn.size != Some(size) {
            out.push_str(&self.back_to_top(&mut state.drawn, size));
            for line in &lines {
                let _ = write!(out, "{line}\x1b[K\r\n");
            }
            out.push_str("\x1b[J");
            let (widths, lost) =
                (lines.iter().map(|line| width(line)).collect(), std::mem::take(&mut state.drawn.lost));
            state.drawn = Drawn { widths, text, size: Some(size), lost };
        }
        send(&mut state.out, &out);
        (state.dirty, state.painted) = (false, Some(Instant::now()));
    }

    /// Takes the picture away; what is said next stands in its place.
    fn erase(&self, state: &mut State) {
        let mut drawn = std::mem::take(&mut state.drawn);
        let mut out = if state.painters.is_empty() { state.beacon.put_out() } else { String::new() };
        if !drawn.widths.is_empty() {
            out.push_str(&self.back_to_top(&mut drawn, (self.size)()));
            out.push_str("\x1b[J");
        }
        send(&mut state.out, &out);
    }

    /// The way to the beginning of what is drawn, on a terminal that may have another size by now.
    fn back_to_top(&self, drawn: &mut Drawn, size: Size) -> String {
        let rows = |width: usize| if self.reflows { width.div_ceil(size.columns.max(1)).max(1) } else { 1 };
        let mut up: usize = drawn.widths.iter().map(|width| rows(*width)).sum();
        let mut grown = drawn.size.map_or(0, |old| size.rows.saturating_sub(old.rows));
        while let Some(back) = drawn.lost.last().map(|width| rows(*width)).filter(|back| *back <= grown) {
            drawn.lost.pop();
            (up, grown) = (up + back, grown - back);
        }
        let room = size.rows.saturating_sub(1);
        let mut above = up.saturating_sub(room);
        for width in &drawn.widths {
            let Some(left) = above.checked_sub(rows(*width)) else { break };
            above = left;
            drawn.lost.push(*width);
        }
        match up.min(room) {
            0 => "\r".to_owned(),
            up => format!("\r\x1b[{up}A"),
        }
    }

    fn locked(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drawing {
    /// Has it drawn anew soon: what it shows has changed.
    pub(super) fn touch(&self) {
        self.canvas.locked().dirty = true;
        self.canvas.changed.notify_one();
    }
}

impl Drop for Drawing {
    fn drop(&mut self) {
        let mut state = self.canvas.locked();
        if state.painters.remove(&self.place).is_some() && self.canvas.live {
            self.canvas.erase(&mut state);
            if !state.painters.is_empty() {
                self.canvas.paint(&mut state);
            }
        }
        self.canvas.changed.notify_one();
    }
}

/// Writes all at once, so that no half of a picture is seen. Where that fails there is nobody who looks.
fn send(out: &mut Box<dyn Write + Send>, text: &str) {
    if !text.is_empty() {
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
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
            let bytes = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
            String::from_utf8_lossy(&bytes).into_owned()
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn canvas(reflows: bool) -> (Canvas, Written) {
        let written = Written::default();
        let size = || Size { rows: 4, columns: 20 };
        let canvas = Canvas::new(true, size, Box::new(written.clone()), Beacon::dark());
        (Canvas { reflows, ..canvas }, written)
    }

    fn draws(canvas: &Canvas, lines: &'static [&'static str]) {
        let frame = move |_| Frame { lines: lines.iter().map(|line| (*line).to_owned()).collect(), sign: None };
        let mut state = canvas.locked();
        state.painters.insert(1, Arc::new(frame));
        canvas.paint(&mut state);
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
        let drawn = || Drawn { widths: vec![39, 5, 21], ..Drawn::default() };
        let narrow = Size { rows: 24, columns: 20 };
        assert_eq!(canvas(true).0.back_to_top(&mut drawn(), narrow), "\r\x1b[5A");
        assert_eq!(canvas(false).0.back_to_top(&mut drawn(), narrow), "\r\x1b[3A");
    }

    #[test]
    fn lines_that_a_smaller_terminal_has_pushed_out_are_taken_away_when_they_come_back() {
        let canvas = canvas(true).0;
        let large = Size { rows: 24, columns: 40 };
        let mut drawn = Drawn { widths: vec![39, 5, 21], size: Some(large), ..Drawn::default() };
        let small = Size { rows: 3, columns: 20 };
        assert_eq!(canvas.back_to_top(&mut drawn, small), "\r\x1b[2A");
        assert_eq!(drawn.lost, [39, 5], "their three rows are above the screen");
        let mut again = Drawn { widths: vec![19, 19], size: Some(small), lost: drawn.lost, ..Drawn::default() };
        assert_eq!(canvas.back_to_top(&mut again, large), "\r\x1b[4A");
        assert!(again.lost.is_empty());
    }

    #[test]
    fn nothing_is_left_of_what_is_dropped() {
        let (canvas, written) = canvas(true);
        let canvas = Arc::new(canvas);
        let line = |text: &str| Frame { lines: vec![text.to_owned()], sign: None };
        let one = canvas.add(move |_| line("one"));
        canvas.paint(&mut canvas.locked());
        written.take();
        drop(one);
        assert!(written.take().ends_with("\r\x1b[1A\x1b[J"));
    }
}
