//! The one error at the top: what happened, why, what to do next, and the exit code.

use std::error::Error;
use std::fmt;

use crate::cloud::{CloudError, SurveyError};
use crate::config::{BadValue, ConfigError};
use crate::delivery::DeliveryError;
use crate::domain::advice;
use crate::domain::failure::{Class, Failure};
use crate::engine::EngineError;
use crate::ssh::{KeyError, SshError};
use crate::state::StateError;
use crate::templates::TemplateError;
use crate::ui::{OutputError, PromptError};

use super::exit::Exit;

/// What a command ends with when it does not do what it was asked for.
#[derive(Debug)]
pub struct CommandError {
    /// The exit code.
    pub exit: Exit,
    /// What to do next.
    pub hints: Vec<String>,
    what: What,
}

/// What happened.
#[derive(Debug)]
enum What {
    /// Everything has been said already: a remote command's exit code.
    Said,
    Text(String),
    Error(Box<dyn Error + Send + Sync>),
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.what {
            What::Said => Ok(()),
            What::Text(text) => f.write_str(text),
            What::Error(error) => error.fmt(f),
        }
    }
}

impl Error for CommandError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.what {
            What::Error(error) => error.source(),
            What::Said | What::Text(_) => None,
        }
    }
}

impl CommandError {
    /// An error with a message.
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, what: What::Text(message.into()), hints: Vec::new() }
    }

    /// An exit code alone: the user has been told already.
    #[must_use]
    pub fn silent(code: u8) -> Self {
        Self { exit: Exit::Code(code), what: What::Said, hints: Vec::new() }
    }

    /// Whether the user has been told already.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        matches!(self.what, What::Said)
    }

    /// Wrong usage.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    /// The same with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// An error from a lower room.
    pub fn of(exit: Exit, error: impl Error + Send + Sync + 'static) -> Self {
        Self { exit, what: What::Error(Box::new(error)), hints: Vec::new() }
    }
}

/// The exit code that a refused call ends with.
#[must_use]
pub fn exit_of(class: Class) -> Exit {
    match class {
        Class::Capacity => Exit::NoCapacity,
        Class::Quota | Class::Denied | Class::Credentials => Exit::Denied,
        _ => Exit::Failed,
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        let error = Self::new(exit_of(failure.class), failure.to_string());
        Self { hints: advice::hints(&failure), ..error }
    }
}

impl From<StateError> for CommandError {
    fn from(error: StateError) -> Self {
        let exit = match &error {
            StateError::Locked { .. }
            | StateError::Newer { .. }
            | StateError::Damaged { .. }
            | StateError::DamagedJournal { .. } => Exit::State,
            StateError::NotAFile { .. } | StateError::NoHome => Exit::Usage,
            StateError::Io { .. } => Exit::Failed,
        };
        Self::of(exit, error)
    }
}

impl From<ConfigError> for CommandError {
    fn from(error: ConfigError) -> Self {
        Self::of(Exit::Usage, error)
    }
}

impl From<BadValue> for CommandError {
    fn from(error: BadValue) -> Self {
        Self::of(Exit::Usage, error)
    }
}

impl From<TemplateError> for CommandError {
    fn from(error: TemplateError) -> Self {
        let exit = if error.is_not_found() { Exit::NotFound } else { Exit::Usage };
        Self::of(exit, error)
    }
}

impl From<KeyError> for CommandError {
    fn from(error: KeyError) -> Self {
        Self::of(Exit::Usage, error)
    }
}

impl From<SshError> for CommandError {
    fn from(error: SshError) -> Self {
        let hint = error.hint();
        let top = Self::of(Exit::Failed, error);
        match hint {
            Some(hint) => top.hint(hint),
            None => top,
        }
    }
}

impl From<DeliveryError> for CommandError {
    fn from(error: DeliveryError) -> Self {
        let hint = error.hint();
        let top = match error {
            DeliveryError::Template(error) => error.into(),
            DeliveryError::State(error) => error.into(),
            DeliveryError::Random(_) | DeliveryError::Pki(_) => Self::of(Exit::Failed, error),
            wrong => Self::of(Exit::Usage, wrong),
        };
        match hint {
            Some(hint) => top.hint(hint),
            None => top,
        }
    }
}

impl From<OutputError> for CommandError {
    fn from(error: OutputError) -> Self {
        Self::of(Exit::Failed, error)
    }
}

impl From<PromptError> for CommandError {
    fn from(error: PromptError) -> Self {
        match error {
            PromptError::Interrupted => Self::new(Exit::Code(130), error.to_string()),
            PromptError::NeedsYes { .. } | PromptError::NeedsAnswer { .. } | PromptError::NoAnswer { .. } => {
                Self::of(Exit::Usage, error)
            }
        }
    }
}

impl From<CloudError> for CommandError {
    fn from(error: CloudError) -> Self {
        match error {
            CloudError::Call(failure) => failure.into(),
            CloudError::CredentialsMissing { .. } | CloudError::CredentialsUnusable { .. } => {
                Self::of(Exit::Denied, error)
            }
            wrong => Self::of(Exit::Usage, wrong),
        }
    }
}

#[cfg(feature = "simulator")]
impl From<crate::simulator::SimulatorError> for CommandError {
    fn from(error: crate::simulator::SimulatorError) -> Self {
        use crate::simulator::SimulatorError as E;
        let exit = match &error {
            E::Unknown { .. } | E::Setting { .. } => Exit::Usage,
            _ => Exit::Failed,
        };
        Self::of(exit, error)
    }
}

impl From<SurveyError> for CommandError {
    fn from(error: SurveyError) -> Self {
        match error {
            SurveyError::Call(failure) => failure.into(),
            wrong => Self::of(Exit::Usage, wrong),
        }
    }
}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        match error {
            // By then the state file is written, and something may exist already.
            EngineError::State(error) => Self::from(error).hint(
                "when that is mended, run the same command again with the same state file: \
                 another one would not know what exists already",
            ),
            EngineError::Survey(error) => error.into(),
            EngineError::Ssh(error) => error.into(),
            EngineError::Look(failure) => failure.into(),
        }
    }
}
