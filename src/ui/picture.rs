//! One line of progress, drawn over itself on a terminal while something is waited for.

use super::Ui;
use super::canvas::{Drawing, Frame, Size};

/// A line that is cleared when this is dropped; nothing where nothing is drawn.
#[must_use]
pub struct Picture {
    _drawing: Option<Drawing>,
}

impl Ui {
    /// Draws a line, again and again as it is then.
    pub fn picture(&self, line: impl Fn() -> String + Send + Sync + 'static) -> Picture {
        let frame = move |_: Size| Frame { lines: vec![line()], sign: None };
        Picture { _drawing: self.draws().then(|| self.canvas.add(frame)) }
    }

    /// Whether progress is drawn over itself, so that lines about it say nothing new.
    #[must_use]
    pub fn draws(&self) -> bool {
        self.canvas.is_live()
    }
}
