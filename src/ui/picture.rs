//! One line of progress, drawn over itself on a terminal while something is waited for.

use std::fmt;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

use super::Ui;
use super::board::REDRAW;

/// A line that is cleared when this is dropped; nothing where nothing is drawn.
#[must_use]
pub struct Picture(Option<ProgressBar>);

impl Ui {
    /// Draws a line, again and again as it is then.
    pub fn picture(&self, line: impl Fn() -> String + Send + Sync + Clone + 'static) -> Picture {
        if !self.is_live() {
            return Picture(None);
        }
        let text = move |_: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = out.write_str(&line());
        };
        let style = ProgressStyle::default_spinner().template("{spinner} {line}");
        let style = style.unwrap_or_else(|_| ProgressStyle::default_spinner()).with_key("line", text);
        let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
        bar.enable_steady_tick(REDRAW);
        Picture(Some(bar))
    }

    /// Whether progress is drawn over itself, so that lines about it say nothing new.
    #[must_use]
    pub fn draws(&self) -> bool {
        self.is_live()
    }
}

impl Drop for Picture {
    fn drop(&mut self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}
