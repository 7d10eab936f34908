//! What was last seen of an environment, read from its journal: for telling what there is without asking EC2.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::journal::{Entry, Event};
use super::last_run::LastRun;
use super::phase::Phase;

/// What was last seen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LastSeen {
    /// The stage of the node that is furthest behind; `None`: no run has seen one.
    pub phase: Option<Phase>,
    /// When a node was last seen in another stage than before.
    pub at: Option<Timestamp>,
    /// The command that has begun and not ended: it was broken off, or is at work still.
    pub unfinished: Option<String>,
}

impl LastSeen {
    /// Reads it from the entries of the environment's present life. `nodes`: how many it has now.
    #[must_use]
    pub fn of(entries: &[Entry], nodes: u32) -> Self {
        let mut seen: BTreeMap<u32, (Phase, Timestamp)> = BTreeMap::new();
        for entry in entries {
            if let Event::Node { node, phase, .. } = &entry.event
                && *node < nodes
            {
                seen.insert(*node, (*phase, entry.at));
            }
        }
        let run = LastRun::of(entries).filter(|run| run.ended.is_none());
        Self {
            phase: seen.values().map(|(phase, _)| *phase).min(),
            at: seen.values().map(|(_, at)| *at).max(),
            unfinished: run.map(|run| run.command),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
    }

    fn node(second: i64, node: u32, phase: Phase) -> Entry {
        let event = Event::Node {
            node,
            phase,
            text: String::new(),
            instance_id: None,
            request_id: None,
            since: None,
            status: None,
        };
        Entry { at: at(second), event }
    }

    #[test]
    fn an_environment_is_where_its_last_node_is() {
        let entries = [
            node(1, 0, Phase::Launching),
            node(2, 1, Phase::Launching),
            node(3, 0, Phase::Ready),
            node(4, 7, Phase::Absent),
        ];
        let seen = LastSeen::of(&entries, 2);
        assert_eq!((seen.phase, seen.at, seen.unfinished), (Some(Phase::Launching), Some(at(3)), None));
        assert_eq!(LastSeen::of(&[], 1), LastSeen::default());
    }

    #[test]
    fn a_run_without_an_end_is_told() {
        let began = Entry { at: at(1), event: Event::Began { command: "up dev".to_owned() } };
        let ended = Entry { at: at(2), event: Event::Ended { outcome: "done".to_owned() } };
        let entries = [began, ended];
        assert_eq!(LastSeen::of(&entries[..1], 1).unfinished.as_deref(), Some("up dev"));
        assert_eq!(LastSeen::of(&entries, 1).unfinished, None);
    }
}
