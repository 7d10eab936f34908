//! The only printer of the program: stdout is the answer, stderr is what happens on the way to it.

#[cfg(feature = "actual")]
pub mod actual;
mod beacon;
pub mod best;
mod board;
mod canvas;
pub mod checks;
pub mod cost;
mod events;
pub mod exits;
mod fold;
pub mod history;
pub mod images;
pub mod leftovers;
mod live;
pub mod moving;
mod news;
pub mod overview;
mod picture;
pub mod price_chart;
mod prompt;
pub mod report;
#[cfg(test)]
mod samples;
pub mod shapes;
pub mod tables;
#[cfg(test)]
mod tests;
mod text;
pub mod time;
pub mod top;
pub mod volumes;

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, IsTerminal, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use anstream::AutoStream;
use anstyle::{AnsiColor, Style};
use dialoguer::console::Term;
use rustix::termios::Termios;
use serde::Serialize;

use crate::clock::Clock;
use canvas::Canvas;
use events::{Event, Level};
pub use live::Live;
pub use picture::Picture;
pub use prompt::PromptError;

/// Whether colours are used. They never carry a meaning that the words do not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` or the like says otherwise.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// How progress is told on standard error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProgressStyle {
    /// Drawn over itself on a terminal that a person looks at, in lines elsewhere.
    #[default]
    Auto,
    /// A line a change: for screen readers, and for logs.
    Plain,
    /// A JSON object a line: for programs.
    Json,
}

/// How the user wants to be spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UiOptions {
    /// The answer as one JSON document.
    pub json: bool,
    /// No status, notes and progress; warnings and errors only.
    pub quiet: bool,
    /// How many times `-v` was given; from 1 on, every step is told.
    pub verbose: u8,
    /// Colours.
    pub color: ColorChoice,
    /// Progress.
    pub progress: ProgressStyle,
    /// Ask nothing.
    pub no_input: bool,
    /// Every question is answered with yes.
    pub yes: bool,
}

/// The answer could not be written; a reader that has closed its end is not such an error.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Standard output takes nothing, for example on a full disk.
    #[error("the answer could not be written to standard output")]
    Write(#[source] io::Error),
    /// A value has no JSON form.
    #[error("the answer could not be put into JSON")]
    Json(#[source] serde_json::Error),
}

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const HINT: Style = AnsiColor::Cyan.on_default().bold();

type Stream = Mutex<Box<dyn Write + Send>>;

/// The printer.
pub struct Ui {
    options: UiOptions,
    out: Stream,
    err: Stream,
    canvas: Arc<Canvas>,
    clock: Clock,
    out_is_terminal: bool,
    can_ask: bool,
    /// How the terminal was before the question that is being asked now: while it waits for a key, nothing that is typed is
    /// shown.
    before_question: Mutex<Option<Termios>>,
    /// What was said while a screen is drawn, which it would spoil.
    kept: Mutex<Option<Vec<String>>>,
    /// The clock of which the time stands before each line, where that is wanted.
    times: OnceLock<Clock>,
}

impl Ui {
    /// A printer for this process's own streams.
    #[must_use]
    pub fn new(options: UiOptions) -> Self {
        let choice = match options.color {
            ColorChoice::Auto => anstream::ColorChoice::Auto,
            ColorChoice::Always => anstream::ColorChoice::Always,
            ColorChoice::Never => anstream::ColorChoice::Never,
        };
        // Who reads the log of a CI job reads lines, also where the job has a terminal.
        let drawn = options.progress == ProgressStyle::Auto && !options.quiet && std::env::var_os("CI").is_none();
        Self {
            options,
            out: Mutex::new(Box::new(AutoStream::new(io::stdout(), choice))),
            err: Mutex::new(Box::new(AutoStream::new(io::stderr(), choice))),
            canvas: if drawn { Canvas::of_stderr() } else { Canvas::none() },
            clock: Clock::system(),
            out_is_terminal: io::stdout().is_terminal(),
            can_ask: !options.no_input && io::stdin().is_terminal() && io::stderr().is_terminal(),
            before_question: Mutex::new(None),
            kept: Mutex::new(None),
            times: OnceLock::new(),
        }
    }

    /// A printer for two streams that are no terminals. Nobody can be asked there.
    #[must_use]
    pub fn over(options: UiOptions, out: impl Write + Send + 'static, err: impl Write + Send + 'static) -> Self {
        Self {
            options,
            out: Mutex::new(Box::new(out)),
            err: Mutex::new(Box::new(err)),
            canvas: Canvas::none(),
            clock: Clock::system(),
            out_is_terminal: false,
            can_ask: false,
            before_question: Mutex::new(None),
            kept: Mutex::new(None),
            times: OnceLock::new(),
        }
    }

    /// What the user asked for.
    #[must_use]
    pub fn options(&self) -> &UiOptions {
        &self.options
    }

    /// Whether the user is there to be asked.
    #[must_use]
    pub fn can_ask(&self) -> bool {
        self.can_ask
    }

    /// The width that tables should fit into, in columns. `None` where stdout is no terminal: nothing is folded then.
    #[must_use]
    pub fn table_width(&self) -> Option<usize> {
        self.out_is_terminal.then(|| columns_of(&Term::stdout()))
    }

    /// Prints the answer and a line end. Prints nothing for an empty one.
    ///
    /// # Errors
    /// Where stdout cannot be written to. A pipe that the reader has closed is none: they have seen enough.
    pub fn answer(&self, text: &str) -> Result<(), OutputError> {
        if text.is_empty() {
            return Ok(());
        }
        let written = self.canvas.suspend(|| write(&self.out, text));
        match written {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(OutputError::Write(error)),
            _ => Ok(()),
        }
    }

    /// Prints the answer as one JSON document.
    ///
    /// # Errors
    /// As [`Ui::answer`], or where the value has no JSON form.
    pub fn json(&self, value: &impl Serialize) -> Result<(), OutputError> {
        self.answer(&serde_json::to_string_pretty(value).map_err(OutputError::Json)?)
    }

    /// Says what is being done. Silent under `--quiet`.
    pub fn status(&self, text: &str) {
        if !self.options.quiet {
            self.tell(Level::Status, text, text);
        }
    }

    /// Says something worth knowing. Silent under `--quiet`.
    pub fn note(&self, text: &str) {
        self.status(&format!("note: {text}"));
    }

    /// Warns; under `--quiet` too.
    pub fn warn(&self, text: &str) {
        self.tell(Level::Warning, text, &format!("{WARNING}warning:{WARNING:#} {text}"));
    }

    /// Hands on a line that a node has written to its standard error; under `--quiet` too.
    pub fn relay(&self, line: &str) {
        self.tell(Level::Relayed, line, line);
    }

    /// Says that something is paid for at the full price; under `--quiet` too, for nobody may overlook it.
    pub fn on_demand(&self, text: &str) {
        self.tell(Level::OnDemand, text, &format!("{ERROR}ON-DEMAND:{ERROR:#} {text}"));
    }

    /// Says an error, what caused it, and what to do about it.
    pub fn error(&self, error: &dyn Error, hints: &[String]) {
        let mut causes = Vec::new();
        let mut source = error.source();
        while let Some(cause) = source {
            causes.push(cause.to_string());
            source = cause.source();
        }
        if self.is_json() {
            let event = Event::Error { text: error.to_string(), causes, hints };
            return self.say(&events::line(self.clock.now(), event));
        }
        let mut lines = vec![format!("{ERROR}error:{ERROR:#} {error}")];
        lines.extend(causes.iter().map(|cause| format!("  caused by: {cause}")));
        lines.extend(hints.iter().map(|hint| format!("{HINT}hint:{HINT:#} {hint}")));
        self.say(&lines.join("\n"));
    }

    /// Says why the program ends here and now, and gives the terminal back as it was.
    ///
    /// For the thread that takes signals: another one may be in the middle of a question, and holds the picture then.
    pub fn last_words(&self, text: &str) {
        top::leave();
        self.canvas.abandon();
        beacon::leave();
        self.give_terminal_back();
        let line = match self.is_json() {
            true => events::line(self.clock.now(), Event::Message { level: Level::Status, text }),
            false => self.stamped(text).into_owned(),
        };
        let _ = write(&self.err, &line);
    }

    /// Whether progress, notes and errors are told to a program.
    fn is_json(&self) -> bool {
        self.options.progress == ProgressStyle::Json
    }

    /// Tells a program of progress; people are told otherwise.
    fn emit(&self, event: Event<'_>) {
        if self.is_json() && !self.options.quiet {
            self.say(&events::line(self.clock.now(), event));
        }
    }

    /// Says a text as it is for programs or for people.
    fn tell(&self, level: Level, text: &str, for_people: &str) {
        match self.is_json() {
            true => self.say(&events::line(self.clock.now(), Event::Message { level, text })),
            false => self.say(for_people),
        }
    }

    /// Keeps what is said from now on, or says it again.
    fn keep_words(&self, keep: bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = keep.then(|| kept.take().unwrap_or_default());
    }

    /// What was said since the last time this was asked, while a screen is drawn.
    #[must_use]
    pub fn kept(&self) -> Vec<String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Writes to stderr. Where that fails there is nobody left to tell.
    fn say(&self, text: &str) {
        if let Some(kept) = self.kept.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            kept.push(anstream::adapter::strip_str(text).to_string());
            return;
        }
        let _ = self.canvas.suspend(|| write(&self.err, &self.stamped(text)));
    }

    /// With the time before each line, where that is wanted. What programs are told has its time as a field.
    fn stamped<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.times.get() {
            Some(clock) if !self.is_json() => time::stamped(text, clock.now()).into(),
            _ => text.into(),
        }
    }

    /// Puts the time before each line that is said from now on, for a log that does not do so itself.
    pub fn tell_times(&self, clock: Clock) {
        let _ = self.times.set(clock);
    }
}

/// Writes a text and a line end at once, so that two writers of one terminal do not mix within a line.
fn write(stream: &Stream, text: &str) -> io::Result<()> {
    let mut stream = stream.lock().unwrap_or_else(PoisonError::into_inner);
    stream.write_all(format!("{text}\n").as_bytes())?;
    stream.flush()
}

/// The width of a terminal: `COLUMNS` where it is set to a number, else what the terminal says.
fn columns_of(terminal: &Term) -> usize {
    let wanted = std::env::var("COLUMNS").ok().and_then(|text| text.parse().ok()).filter(|columns| *columns > 0);
    wanted.unwrap_or_else(|| usize::from(terminal.size().1))
}
