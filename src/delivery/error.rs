//! Why something cannot be delivered. No message holds anything of what would have been.

use std::io;
use std::path::PathBuf;

use crate::pki::PkiError;
use crate::state::StateError;
use crate::templates::TemplateError;

/// Why something cannot be delivered.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// The file of a secret cannot be read.
    #[error("the secret {path} cannot be had: its file {} cannot be read", file.display())]
    File {
        /// Where it would lie on a node.
        path: String,
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The variable of a secret is not set.
    #[error("the secret {path} cannot be had: the environment variable {variable} is not set, or is empty")]
    Variable {
        /// Where it would lie on a node.
        path: String,
        /// The variable.
        variable: String,
    },
    /// The command of a secret cannot be run.
    #[error("the secret {path} cannot be had: its command cannot be started")]
    Start {
        /// Where it would lie on a node.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The command of a secret failed.
    #[error("the secret {path} cannot be had: its command {how}")]
    Command {
        /// Where it would lie on a node.
        path: String,
        /// How it ended.
        how: String,
    },
    /// A secret is larger than what is sent.
    #[error("the secret {path} is {size} bytes; files of at most {most} are delivered: put larger ones on the volume")]
    TooLarge {
        /// Where it would lie on a node.
        path: String,
        /// Its size, bytes.
        size: usize,
        /// The most, bytes.
        most: usize,
    },
    /// Two say what is to lie at one place.
    #[error("{path} is delivered by the template, and [secrets] delivers it too: keep one of them")]
    Twice {
        /// The place on a node.
        path: String,
    },
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random(#[source] io::Error),
    /// The template cannot be read or rendered.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A certificate cannot be made.
    #[error(transparent)]
    Pki(#[from] PkiError),
    /// What is kept on the user's machine cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
}

impl DeliveryError {
    /// What the user can do about it.
    #[must_use]
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::File { .. } | Self::Variable { .. } | Self::Start { .. } | Self::Command { .. } => {
                Some("mend it, or take it out of [secrets] in cloudtop.toml and run `cloudtop up`")
            }
            _ => None,
        }
    }
}
