//! Questions, where there is somebody to ask.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use dialoguer::console::Term;
use dialoguer::{Confirm, MultiSelect};

use super::Ui;

/// How long a question that a signal broke off takes to put the terminal back.
const PUT_BACK_WITHIN: Duration = Duration::from_millis(100);
/// How long the thread that takes signals has to end the program, with the signal's own exit code.
const ENDED_WITHIN: Duration = Duration::from_secs(1);

/// A question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Nobody can be asked: a usage error, and nothing was touched.
    #[error("\"{question}\" needs a yes: add {flag}")]
    NeedsYes {
        /// What would have been asked.
        question: String,
        /// The flag that says yes, as the user types it.
        flag: String,
    },
    /// The terminal gave no answer.
    #[error("\"{question}\" was not answered: answer y or n, or add {flag}")]
    NoAnswer {
        /// What was asked.
        question: String,
        /// The flag that says yes, as the user types it.
        flag: String,
        /// What the terminal said.
        source: dialoguer::Error,
    },
    /// The user broke the question off with Ctrl-C.
    #[error("interrupted: nothing was changed")]
    Interrupted,
}

impl Ui {
    /// Asks for a yes. `--yes` gives it; an empty answer is a no. `flag` is how to say yes beforehand, for example
    /// `--yes (-y)`.
    ///
    /// # Errors
    /// Where nobody can be asked (no terminal, or `--no-input`), the terminal gives no answer, or the user presses
    /// Ctrl-C.
    pub fn confirm(&self, question: &str, flag: &str) -> Result<bool, PromptError> {
        if self.options.yes {
            return Ok(true);
        }
        if !self.can_ask {
            return Err(PromptError::NeedsYes { question: question.to_owned(), flag: flag.to_owned() });
        }
        let prompt = Confirm::new().with_prompt(question).default(false).wait_for_newline(true);
        self.ask(question, flag, || prompt.interact())
    }

    /// Asks which of some lines are meant: the places of those that were marked. Nothing is marked beforehand. `flag`
    /// is how to choose without being asked.
    ///
    /// # Errors
    /// As [`Ui::confirm`].
    pub fn choose(&self, question: &str, lines: &[String], flag: &str) -> Result<Vec<usize>, PromptError> {
        if !self.can_ask {
            return Err(PromptError::NeedsYes { question: question.to_owned(), flag: flag.to_owned() });
        }
        let prompt = MultiSelect::new().with_prompt(question).items(lines);
        self.ask(question, flag, || prompt.interact())
    }

    fn ask<T>(
        &self,
        question: &str,
        flag: &str,
        prompt: impl FnOnce() -> Result<T, dialoguer::Error>,
    ) -> Result<T, PromptError> {
        self.asking.store(true, Ordering::SeqCst);
        let answer = self.bars.suspend(prompt).map_err(|source| {
            // A prompt that was broken off has hidden the cursor and does not show it again.
            let _ = Term::stderr().show_cursor();
            let dialoguer::Error::IO(error) = &source;
            if error.kind() == io::ErrorKind::Interrupted {
                std::thread::sleep(ENDED_WITHIN);
                return PromptError::Interrupted;
            }
            PromptError::NoAnswer { question: question.to_owned(), flag: flag.to_owned(), source }
        });
        self.asking.store(false, Ordering::SeqCst);
        answer
    }

    /// Lets a question put back the terminal, when a signal ends the program in the middle of it: while it waits for a
    /// key the cursor is hidden, and nothing that is typed is shown. The signal has woken it up.
    pub(super) fn give_terminal_back(&self) {
        std::thread::sleep(PUT_BACK_WITHIN);
        let _ = Term::stderr().show_cursor();
    }
}
