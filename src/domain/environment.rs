//! What the state file keeps of one environment.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::intent::Intent;
use super::region_move::RegionMove;

/// An environment as the local state knows it. What was done for it is in its journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Environment {
    /// What the user asked for last.
    pub intent: Intent,
    /// The credentials profile that it was made with; `None`: the default chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The move into another region that is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region_move: Option<RegionMove>,
    /// When it was first asked for.
    pub created_at: Timestamp,
    /// When the intent last changed.
    pub updated_at: Timestamp,
}
