//! Questions, where there is somebody to ask.

use std::io;
use std::sync::PoisonError;
use std::time::Duration;

use dialoguer::console::Term;
use dialoguer::{Confirm, FuzzySelect, Input, MultiSelect, Select};
use rustix::termios::{self, OptionalActions};

use super::Ui;

/// How long a question that a signal has woken up takes to put the terminal back.
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
    /// Nobody can be asked what has no answer yet: a usage error, and nothing was touched.
    #[error("\"{question}\" needs an answer: add {flag}, or --yes (-y) for what is proposed")]
    NeedsAnswer {
        /// What would have been asked.
        question: String,
        /// The flag that answers it, as the user types it.
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

    /// Asks for one of some lines, the one at `proposed` being marked; `--yes` takes that. `flag` is how to answer without
    /// being asked.
    ///
    /// # Errors
    /// As [`Ui::confirm`].
    pub fn select(&self, question: &str, lines: &[String], proposed: usize, flag: &str) -> Result<usize, PromptError> {
        let prompt = || Select::new().with_prompt(question).items(lines).default(proposed).interact();
        self.proposing(question, flag, proposed, prompt)
    }

    /// As [`Ui::select`], for more lines than anybody reads: they are found by typing some of their letters.
    ///
    /// # Errors
    /// As [`Ui::confirm`].
    pub fn search(&self, question: &str, lines: &[String], proposed: usize, flag: &str) -> Result<usize, PromptError> {
        let prompt =
            || FuzzySelect::new().with_prompt(question).items(lines).default(proposed).max_length(12).interact();
        self.proposing(question, flag, proposed, prompt)
    }

    /// Asks for a text that passes `check`; `--yes` takes what is proposed. An answer that does not pass is asked for again,
    /// with what `check` says of it.
    ///
    /// # Errors
    /// As [`Ui::confirm`].
    pub fn input(
        &self,
        question: &str,
        proposed: &str,
        flag: &str,
        check: impl Fn(&str) -> Result<(), String>,
    ) -> Result<String, PromptError> {
        let prompt = || {
            let prompt = Input::<String>::new().with_prompt(question).default(proposed.to_owned());
            prompt.allow_empty(true).validate_with(|text: &String| check(text.trim())).interact_text()
        };
        self.proposing(question, flag, proposed.to_owned(), prompt).map(|text| text.trim().to_owned())
    }

    fn proposing<T>(
        &self,
        question: &str,
        flag: &str,
        proposed: T,
        prompt: impl FnOnce() -> Result<T, dialoguer::Error>,
    ) -> Result<T, PromptError> {
        if self.options.yes {
            return Ok(proposed);
        }
        if !self.can_ask {
            return Err(PromptError::NeedsAnswer { question: question.to_owned(), flag: flag.to_owned() });
        }
        self.ask(question, flag, prompt)
    }

    fn ask<T>(
        &self,
        question: &str,
        flag: &str,
        prompt: impl FnOnce() -> Result<T, dialoguer::Error>,
    ) -> Result<T, PromptError> {
        *self.before_question.lock().unwrap_or_else(PoisonError::into_inner) = termios::tcgetattr(io::stdin()).ok();
        let answer = self.canvas.suspend(prompt).map_err(|source| {
            // A prompt that was broken off has hidden the cursor and does not show it again.
            let _ = Term::stderr().show_cursor();
            let dialoguer::Error::IO(error) = &source;
            if error.kind() == io::ErrorKind::Interrupted {
                std::thread::sleep(ENDED_WITHIN);
                return PromptError::Interrupted;
            }
            PromptError::NoAnswer { question: question.to_owned(), flag: flag.to_owned(), source }
        });
        *self.before_question.lock().unwrap_or_else(PoisonError::into_inner) = None;
        answer
    }

    /// Puts back the terminal, when a signal ends the program in the middle of a question: the cursor is hidden then, and
    /// nothing that is typed is shown. A question that the signal has woken up does so itself; one that was just about to
    /// wait for a key does not wake up.
    pub(super) fn give_terminal_back(&self) {
        let before = self.before_question.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(before) = before else { return };
        std::thread::sleep(PUT_BACK_WITHIN);
        let _ = termios::tcsetattr(io::stdin(), OptionalActions::Now, &before);
        let _ = Term::stderr().show_cursor();
    }
}
