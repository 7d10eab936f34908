//! What went wrong with a call, in classes that decide what happens next.

use serde::{Deserialize, Serialize};

/// Why a call failed, as far as it matters for going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Too many calls: slow down, then again.
    Throttled,
    /// No capacity, or the price is above the limit, in this pool: another may do.
    Capacity,
    /// A quota of the region: another pool will not help.
    Quota,
    /// Not allowed to.
    Denied,
    /// No credentials, or bad or expired ones.
    Credentials,
    /// Made a moment ago and not shown yet: again.
    NotYetVisible,
    /// It is not there (any more).
    Gone,
    /// It exists already: what was to be made is there.
    Exists,
    /// Something else must happen first: again later.
    InUse,
    /// Wrong parameters: the same call will never succeed.
    BadRequest,
    /// It is not known whether it took effect: the answer was lost, late, or EC2 was ill.
    Ambiguous,
    /// A code that nobody has told us of.
    Unknown,
}

/// Our code for a launch with an instance profile that EC2 does not know: its own, `InvalidParameterValue`, tells it from
/// nothing.
pub const UNKNOWN_PROFILE: &str = "UnknownInstanceProfile";

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// EC2's action, for example `RunInstances`.
    pub action: String,
    /// EC2's code, for example `InsufficientInstanceCapacity`; a word of ours where no answer came.
    pub code: String,
    /// EC2's own sentence.
    pub message: String,
    /// What it means for going on.
    pub class: Class,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.action, self.message, self.code)
    }
}

impl std::error::Error for Failure {}
