//! What the engine tells while it works. The engine defines it; only `ui` prints.

use crate::domain::call::{Call, Made};
use crate::domain::failure::Failure;
use crate::domain::plan::NodeView;
use crate::domain::pools::Ranking;

/// Something that a user who watches wants to know.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A pool was chosen: said before anything is launched, for it is money.
    Chosen {
        /// What was chosen from, and how many nodes go where.
        ranking: &'a Ranking,
        /// How many nodes are launched.
        nodes: usize,
    },
    /// A call is sent.
    Sent {
        /// The call.
        call: &'a Call,
        /// Why.
        reason: &'a str,
    },
    /// A call succeeded.
    Succeeded {
        /// The call.
        call: &'a Call,
        /// What it made.
        made: &'a Made,
    },
    /// A call was refused, or its answer was lost (see the failure's class).
    Failed {
        /// The call.
        call: &'a Call,
        /// Why.
        failure: &'a Failure,
    },
    /// How all nodes stand; sent at every look, changed or not.
    Nodes(&'a [NodeView]),
    /// What is waited for beyond single nodes.
    Waiting(&'a [String]),
    /// One sentence, for example of an interruption that was seen.
    Note(&'a str),
}

/// Someone who is told of progress.
pub trait Reporter {
    /// Takes one piece of news.
    fn report(&self, progress: &Progress<'_>);
}
