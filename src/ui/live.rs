//! Progress while the engine works: drawn over itself on a terminal, in lines elsewhere, in JSON for programs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::board::Board;
use super::canvas::{Drawing, Frame, Size};
use super::events::{self, Event};
use super::text::one_line;
use super::{ColorChoice, Ui, news};
use crate::domain::pace::Pace;
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::domain::pools::Ranking;
use crate::engine::report::{Progress, Reporter};

/// The progress of one environment. What is drawn over itself is cleared when this is dropped.
pub struct Live<'a> {
    ui: &'a Ui,
    name: String,
    board: Arc<Mutex<Board>>,
    /// The last piece of news: the same one again says nothing new.
    said: Mutex<String>,
    picture: Mutex<Option<Drawing>>,
    ended: Mutex<bool>,
}

impl<'a> Live<'a> {
    /// Begins to show the progress of work on the environment `name` that is about other things than its nodes.
    #[must_use]
    pub fn new(ui: &'a Ui, name: &str) -> Self {
        ui.emit(Event::Begin { environment: name, goal: None });
        Self::begin(ui, name, Pace::unknown(Phase::Ready))
    }

    /// Begins to show the progress of the nodes of the environment `name` to a phase.
    #[must_use]
    pub fn towards(ui: &'a Ui, name: &str, pace: Pace) -> Self {
        ui.emit(Event::Begin { environment: name, goal: Some(pace.target().as_str()) });
        Self::begin(ui, name, pace)
    }

    fn begin(ui: &'a Ui, name: &str, pace: Pace) -> Self {
        let board = Arc::new(Mutex::new(Board::new(name, pace)));
        let picture = ui.draws().then(|| draw(ui, &board));
        let said = Mutex::new(String::new());
        Self { ui, name: name.to_owned(), board, said, picture: Mutex::new(picture), ended: Mutex::new(false) }
    }

    /// Clears what is drawn; what was said in lines stays. The work has ended so: `done`, or a word for why not.
    pub fn finish(&self, outcome: &'static str) {
        if std::mem::replace(&mut *locked(&self.ended), true) {
            return;
        }
        let drawn = locked(&self.picture).take();
        if drawn.is_none() && !self.ui.is_json() {
            let last = locked(&self.board).kept_back(Instant::now());
            last.iter().for_each(|line| self.ui.status(line));
        }
        drop(drawn);
        self.ui.emit(Event::End { environment: &self.name, outcome });
    }

    fn say(&self, text: &str) {
        let mut said = locked(&self.said);
        if *said == text {
            return;
        }
        text.clone_into(&mut said);
        match self.ui.is_json() {
            true => self.ui.emit(Event::Note { environment: &self.name, text }),
            false => self.ui.status(&format!("{}: {text}", self.name)),
        }
    }

    fn say_if_verbose(&self, text: &str) {
        if self.ui.options.verbose > 0 {
            self.say(text);
        }
    }

    /// Says lines that the picture does not show already.
    fn say_unless_drawn(&self, lines: &[String]) {
        if !self.ui.draws() {
            for line in lines {
                self.ui.status(line);
            }
        }
    }

    fn look(&self, nodes: &[NodeView]) {
        let now = Instant::now();
        let look = locked(&self.board).look(nodes, now);
        if !self.ui.is_json() {
            return self.say_unless_drawn(&look.lines);
        }
        for view in nodes.iter().filter(|view| look.changed.binary_search(&view.index).is_ok()) {
            let left = locked(&self.board).left_of(view.index, now);
            self.ui.emit(events::node(&self.name, view, left));
        }
        if look.recounted {
            let board = locked(&self.board);
            let (at_goal, phases) = (board.there(), board.phases());
            let seconds_left = board.left(now).map(|left| left.as_secs());
            self.ui.emit(Event::Counts { environment: &self.name, nodes: nodes.len(), at_goal, phases, seconds_left });
        }
    }

    fn wait(&self, waiting: &[String]) {
        let Some(new) = locked(&self.board).wait(waiting) else { return };
        if self.ui.is_json() {
            let waiting_for = waiting.iter().map(|words| one_line(words)).collect();
            return self.ui.emit(Event::Waiting { environment: &self.name, waiting_for });
        }
        let lines: Vec<String> = new.iter().map(|words| format!("{}: waiting for {words}", self.name)).collect();
        self.say_unless_drawn(&lines);
    }

    fn failed(&self, progress: &Progress<'_>) {
        let Progress::Failed { call, failure } = progress else { return };
        if news::is_ordinary(failure.class) {
            return self.say_if_verbose(&news::failed(call, failure));
        }
        if !news::passes(failure.class) {
            locked(&self.board).refuse();
        }
        self.say(&news::failed(call, failure));
    }

    fn warn_of_full_price(&self, ranking: &Ranking, nodes: usize) {
        if let Some(text) = news::chosen(ranking, nodes).filter(|_| ranking.on_demand()) {
            self.ui.on_demand(&format!("{text}, no spot saving"));
        }
    }

    /// The same for a program: what is a sentence for people is told to it in fields.
    fn emit(&self, progress: &Progress<'_>) {
        // Under `--quiet` this is all that a program is told of it.
        if let Progress::Chosen { ranking, nodes } = progress {
            self.warn_of_full_price(ranking, *nodes);
        }
        let event = match progress {
            Progress::Chosen { ranking, nodes } => events::chosen(&self.name, ranking, *nodes),
            Progress::Sent { call, reason } => Some(events::sent(&self.name, call, reason)),
            Progress::Succeeded { call, made } => Some(events::succeeded(&self.name, call, made)),
            Progress::Failed { call, failure } => Some(events::failed(&self.name, call, failure)),
            Progress::Nodes(nodes) => return self.look(nodes),
            Progress::Waiting(waiting) => return self.wait(waiting),
            Progress::Note(text) => return self.say(&one_line(text)),
        };
        if let Some(event) = event {
            self.ui.emit(event);
        }
    }

    fn tell(&self, progress: &Progress<'_>) {
        match progress {
            Progress::Chosen { ranking, nodes } if ranking.on_demand() => self.warn_of_full_price(ranking, *nodes),
            Progress::Chosen { ranking, nodes } => {
                if let Some(text) = news::chosen(ranking, *nodes) {
                    self.say(&text);
                }
            }
            Progress::Sent { call, reason } => self.say_if_verbose(&news::sent(call, reason)),
            Progress::Succeeded { call, made } => {
                if let Some(text) = news::succeeded(call, made) {
                    self.say_if_verbose(&text);
                }
            }
            Progress::Failed { .. } => self.failed(progress),
            Progress::Nodes(nodes) => self.look(nodes),
            Progress::Waiting(waiting) => self.wait(waiting),
            Progress::Note(text) => self.say(&one_line(text)),
        }
    }
}

impl Reporter for Live<'_> {
    fn report(&self, progress: &Progress<'_>) {
        match self.ui.is_json() {
            true => self.emit(progress),
            false => self.tell(progress),
        }
    }
}

impl Drop for Live<'_> {
    fn drop(&mut self) {
        self.finish("broken-off");
    }
}

/// One drawing for all nodes, so that it is made once, however many there are.
fn draw(ui: &Ui, board: &Arc<Mutex<Board>>) -> Drawing {
    let (board, coloured) = (Arc::clone(board), ui.has_colours_on_stderr());
    ui.canvas.add(move |size: Size| {
        let board = locked(&board);
        Frame { lines: board.picture(Instant::now(), size, coloured), sign: Some(board.sign()) }
    })
}

impl Ui {
    /// Whether colours are used on standard error, where it is a terminal.
    fn has_colours_on_stderr(&self) -> bool {
        match self.options.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => anstream::AutoStream::choice(&std::io::stderr()) != anstream::ColorChoice::Never,
        }
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
