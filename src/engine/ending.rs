//! How a run ends, and what keeps it from working at all.

use std::time::Duration;

use crate::cloud::SurveyError;
use crate::domain::failure::Failure;
use crate::domain::observed::Observed;
use crate::domain::plan::{Blocked, NodeView};
use crate::ssh::SshError;
use crate::state::StateError;

use super::interrupt::Signal;

/// How a run ended, and what it left.
#[derive(Debug)]
pub struct Outcome {
    /// Why it ended.
    pub ending: Ending,
    /// Every node as it was last seen.
    pub nodes: Vec<NodeView>,
    /// What EC2 showed last.
    pub observed: Observed,
    /// Whether EC2 was looked at. If not, the run ended before it could be, and what is above says nothing.
    pub seen: bool,
}

/// Why a run ended.
#[derive(Debug)]
pub enum Ending {
    /// All is as it should be.
    Done,
    /// The time was over.
    TimedOut {
        /// After how long.
        after: Duration,
        /// What was waited for last.
        waiting_for: Vec<String>,
    },
    /// It cannot go on without the user.
    Blocked(Blocked),
    /// EC2 refused something for good.
    Refused(Failure),
    /// The user asked for the end.
    Interrupted(Signal),
}

/// What keeps a run from working at all.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The journal cannot be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// EC2 cannot be looked at.
    #[error("EC2 cannot be looked at")]
    Look(#[source] Failure),
    /// It cannot be found out what there is to choose from.
    #[error(transparent)]
    Survey(#[from] SurveyError),
    /// Our ssh files cannot be written.
    #[error(transparent)]
    Ssh(#[from] SshError),
}

impl Ending {
    /// For the journal.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Done => "done".to_owned(),
            Self::TimedOut { after, waiting_for } => {
                format!("not ready after {after:?}; waited for {}", waiting_for.join("; "))
            }
            Self::Blocked(Blocked::NoPool(_)) => "no pool would do".to_owned(),
            Self::Blocked(
                Blocked::RequestFailed { words, .. } | Blocked::Volume { words, .. } | Blocked::Node { words, .. },
            ) => words.clone(),
            Self::Refused(failure) => failure.to_string(),
            Self::Interrupted(signal) => signal.as_str().to_owned(),
        }
    }
}
