//! The stages of a node, in the order in which a node passes them.

use serde::{Deserialize, Serialize};

/// Where a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Nothing of it is left.
    Gone,
    /// Its instance is being terminated.
    Ending,
    /// There is no instance and no request.
    Absent,
    /// Its spot request waits to be fulfilled.
    Requested,
    /// EC2 took it away and will bring it back.
    Interrupted,
    /// Stopped; only its disks bill.
    Stopped,
    /// On the way to stopped.
    Stopping,
    /// The instance is being launched or started.
    Launching,
    /// The instance runs, its volume is not attached yet.
    Running,
    /// The instance runs with its volume; sshd does not answer yet.
    Attached,
    /// sshd answers; the first boot is not finished.
    Reachable,
    /// Ready for work.
    Ready,
}

impl Phase {
    /// The word in tables and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gone => "gone",
            Self::Ending => "ending",
            Self::Absent => "absent",
            Self::Requested => "requested",
            Self::Interrupted => "interrupted",
            Self::Stopped => "stopped",
            Self::Stopping => "stopping",
            Self::Launching => "launching",
            Self::Running => "running",
            Self::Attached => "attached",
            Self::Reachable => "reachable",
            Self::Ready => "ready",
        }
    }

    /// Whether the instance bills by the second in this phase.
    #[must_use]
    pub fn bills(self) -> bool {
        self >= Self::Running || self == Self::Stopping
    }
}

/// How far `up` waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Wait {
    /// Until the requests are made.
    None,
    /// Until every instance runs, with its volume attached.
    Running,
    /// Until sshd answers.
    Ssh,
    /// Until the ready command succeeds.
    Ready,
}

impl Wait {
    /// Whether a node in `phase` has come that far.
    #[must_use]
    pub fn is_met_by(self, phase: Phase) -> bool {
        match self {
            Self::None => phase >= Phase::Requested,
            Self::Running => phase >= Phase::Attached,
            Self::Ssh => phase >= Phase::Reachable,
            Self::Ready => phase >= Phase::Ready,
        }
    }
}
