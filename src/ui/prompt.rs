//! Questions, where there is somebody to ask.

use dialoguer::Confirm;
use dialoguer::console::Term;

use super::Ui;

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
}

impl Ui {
    /// Asks for a yes. `--yes` gives it; an empty answer is a no. `flag` is how to say yes beforehand, for example
    /// `--yes (-y)`.
    ///
    /// # Errors
    /// Where nobody can be asked (no terminal, or `--no-input`), or the terminal gives no answer.
    pub fn confirm(&self, question: &str, flag: &str) -> Result<bool, PromptError> {
        if self.options.yes {
            return Ok(true);
        }
        let (question, flag) = (question.to_owned(), flag.to_owned());
        if !self.can_ask {
            return Err(PromptError::NeedsYes { question, flag });
        }
        let prompt = Confirm::new().with_prompt(question.clone()).default(false).wait_for_newline(true);
        self.bars.suspend(|| prompt.interact()).map_err(|source| {
            // A prompt that was broken off (Ctrl-C) has hidden the cursor and does not show it again.
            let _ = Term::stderr().show_cursor();
            PromptError::NoAnswer { question, flag, source }
        })
    }
}
