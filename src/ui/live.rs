//! Progress while the engine works: drawn over itself on a terminal, in lines elsewhere.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use dialoguer::console::Term;
use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::board::{Board, REDRAW};
use super::text::one_line;
use super::{Ui, news};
use crate::engine::report::{Progress, Reporter};

/// The progress of one environment. What is drawn over itself is cleared when this is dropped.
pub struct Live<'a> {
    ui: &'a Ui,
    name: String,
    board: Arc<Mutex<Board>>,
    /// The last piece of news: the same one again says nothing new.
    said: Mutex<String>,
    picture: Option<ProgressBar>,
}

impl<'a> Live<'a> {
    /// Begins to show the progress of the environment `name`.
    #[must_use]
    pub fn new(ui: &'a Ui, name: &str) -> Self {
        let board = Arc::new(Mutex::new(Board::new(name)));
        let picture = ui.is_live().then(|| draw(ui, &board));
        Self { ui, name: name.to_owned(), board, said: Mutex::new(String::new()), picture }
    }

    /// Clears what is drawn; what was said in lines stays.
    pub fn finish(&self) {
        if let Some(picture) = &self.picture {
            picture.finish_and_clear();
        }
    }

    fn say(&self, text: &str) {
        let mut said = locked(&self.said);
        if *said != text {
            text.clone_into(&mut said);
            self.ui.status(&format!("{}: {text}", self.name));
        }
    }

    fn say_if_verbose(&self, text: &str) {
        if self.ui.options.verbose > 0 {
            self.say(text);
        }
    }

    /// Says lines that the picture does not show already.
    fn say_unless_drawn(&self, lines: &[String]) {
        if self.picture.is_none() {
            for line in lines {
                self.ui.status(line);
            }
        }
    }
}

impl Reporter for Live<'_> {
    fn report(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Chosen { ranking, nodes } => match news::chosen(ranking, *nodes) {
                Some(text) if ranking.on_demand() => self.ui.on_demand(&format!("{text}, no spot saving")),
                Some(text) => self.say(&text),
                None => {}
            },
            Progress::Sent { call, reason } => self.say_if_verbose(&news::sent(call, reason)),
            Progress::Succeeded { call, made } => {
                if let Some(text) = news::succeeded(call, made) {
                    self.say_if_verbose(&text);
                }
            }
            Progress::Failed { call, failure } if news::is_ordinary(failure.class) => {
                self.say_if_verbose(&news::failed(call, failure));
            }
            Progress::Failed { call, failure } => self.say(&news::failed(call, failure)),
            Progress::Nodes(nodes) => {
                let lines = locked(&self.board).look(nodes, Instant::now());
                self.say_unless_drawn(&lines);
            }
            Progress::Waiting(waiting) => {
                let lines = locked(&self.board).wait(waiting);
                self.say_unless_drawn(&lines);
            }
            Progress::Note(text) => self.say(&one_line(text)),
        }
        if let Some(picture) = &self.picture {
            picture.tick();
        }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.finish();
    }
}

/// One bar whose text is the whole picture, so that one thread redraws it, however many nodes there are.
fn draw(ui: &Ui, board: &Arc<Mutex<Board>>) -> ProgressBar {
    let board = Arc::clone(board);
    let picture = move |_: &ProgressState, out: &mut dyn fmt::Write| {
        let (rows, columns) = Term::stderr().size();
        // The last column stays free: some terminals begin a new line when it is written to.
        let columns = columns.saturating_sub(1);
        let _ = out.write_str(&locked(&board).picture(Instant::now(), rows.into(), columns.into()));
    };
    let style = ProgressStyle::default_spinner().template("{picture}");
    let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner()).with_key("picture", picture);
    let bar = ui.bars.add(ProgressBar::new_spinner().with_style(style));
    bar.enable_steady_tick(REDRAW);
    bar
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
