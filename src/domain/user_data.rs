//! What a node is given to run at its first boot.

use serde::{Deserialize, Serialize};

/// User data as it is sent: base64 of at most 16 KiB, either one text for all nodes or one for each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UserData {
    /// All nodes get the same, so that one call can launch them all.
    Shared(String),
    /// Node `i` gets element `i`.
    PerNode(Vec<String>),
}

impl UserData {
    /// What a node gets, base64. `None` where nothing was rendered for that node.
    #[must_use]
    pub fn of(&self, node: u32) -> Option<&str> {
        match self {
            Self::Shared(text) => Some(text),
            Self::PerNode(texts) => texts.get(usize::try_from(node).ok()?).map(String::as_str),
        }
    }
}
