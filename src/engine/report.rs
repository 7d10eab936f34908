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
    /// What is waited for beyond single nodes; nothing, where nothing is any more. Sent at every look, changed or not.
    Waiting(&'a [String]),
    /// One sentence, for example of an interruption that was seen.
    Note(&'a str),
}

/// Someone who is told of progress.
pub trait Reporter {
    /// Takes one piece of news.
    fn report(&self, progress: &Progress<'_>);
}

/// More notes than this at once are told by their number: an interruption may take a thousand nodes.
const NOTES: usize = 10;

/// As many notes as anybody reads, and how many more there are.
pub(super) fn few(mut notes: Vec<String>) -> Vec<String> {
    let more = notes.len().saturating_sub(NOTES);
    if more > 0 {
        notes.truncate(NOTES);
        notes.push(format!("and {more} more such {}", if more == 1 { "node" } else { "nodes" }));
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_notes_are_eleven_lines() {
        let notes = |count: usize| (0..count).map(|index| format!("node {index}: it is gone")).collect::<Vec<_>>();
        assert_eq!(few(notes(10)), notes(10));
        let many = few(notes(1000));
        assert_eq!((many.len(), many.last().map(String::as_str)), (11, Some("and 990 more such nodes")));
        assert_eq!(few(notes(11)).last().map(String::as_str), Some("and 1 more such node"));
    }
}
