//! Snapshots by schedule: when one is due, and which are more than are to be kept.
//!
//! What EC2 lists is all that is needed: a schedule that nobody has kept for a week makes one snapshot, and not seven, and
//! whoever keeps it next needs no memory of who kept it before.

use jiff::{SignedDuration, Timestamp};

use super::journal::{Entry, Event};
use super::observed::{Snapshot, SnapshotState};
use super::phase::Phase;
use super::plan::NodeView;
use super::record::Record;
use super::snapshots::{self, Purpose, Shot, Standing};

/// A snapshot that EC2 could not make is tried again after this, or when the next one is due, whichever is sooner.
const AFTER_FAILURE: SignedDuration = SignedDuration::from_hours(1);

/// How long after EC2 says that an instance was stopped it may still write: it says when the stop began, and forces what
/// has not ended by itself some minutes later.
const STOPS_WITHIN: SignedDuration = SignedDuration::from_mins(15);

/// How often snapshots are made, and how many of them are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// From the beginning of one to that of the next.
    pub every: SignedDuration,
    /// Of each volume, at least 1.
    pub keep: u32,
}

/// Whether anything writes to a volume now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Its node runs.
    InUse,
    /// Its node is just starting or stopping: in a moment it is one of the others.
    Changing,
    /// Nothing does, since a time that is at the latest this.
    AtRest {
        /// `None`: not known.
        since: Option<Timestamp>,
    },
}

/// Whether a snapshot of a volume is to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// Now.
    Now {
        /// Since when it is worked on: before now, where a call for it has no answer yet.
        since: Timestamp,
    },
    /// Not before this time.
    At(Timestamp),
    /// It is, and something must be over first; what.
    Waits(String),
    /// It would be, but nothing was written since this snapshot.
    Unchanged(String),
}

/// Whether a snapshot of a volume is to be made now. `seen` are snapshots of any volume.
#[must_use]
pub fn due(
    schedule: Schedule,
    volume_id: &str,
    usage: Usage,
    seen: &[Snapshot],
    record: &Record,
    now: Timestamp,
) -> Due {
    let scheduled = |it: &&Shot| it.volume_id == volume_id && it.purpose == Purpose::Scheduled;
    if let Some(shot) = record.shots.iter().rfind(scheduled) {
        match snapshots::standing_of(shot, record, seen, now) {
            Standing::Unanswered(_) => return Due::Now { since: shot.at },
            Standing::Unlisted(id) => return Due::Waits(format!("EC2 to list {id}")),
            _ => {}
        }
    }
    let of_it = || seen.iter().filter(|it| it.volume_id == volume_id);
    if let Some(pending) = of_it().find(|it| it.state == SnapshotState::Pending) {
        return Due::Waits(snapshots::in_words(pending));
    }
    if let Some(at) = next(schedule, volume_id, seen).filter(|at| *at > now) {
        return Due::At(at);
    }
    match usage {
        Usage::Changing => Due::Waits("its node to be started or stopped".to_owned()),
        Usage::AtRest { since: Some(since) } => {
            match newest_completed(of_it()).filter(|it| it.started_at >= Some(since)) {
                Some(covers) => Due::Unchanged(covers.id.clone()),
                None => Due::Now { since: now },
            }
        }
        Usage::AtRest { since: None } | Usage::InUse => Due::Now { since: now },
    }
}

/// When the next snapshot of a volume is due; `None` where none was made by schedule yet, so that it is due at once.
#[must_use]
pub fn next(schedule: Schedule, volume_id: &str, seen: &[Snapshot]) -> Option<Timestamp> {
    let scheduled = seen.iter().filter(|it| it.volume_id == volume_id && Purpose::Scheduled.is_of(it));
    let last = scheduled.max_by_key(|it| it.started_at)?;
    let wait = match last.state {
        SnapshotState::Error => schedule.every.min(AFTER_FAILURE),
        SnapshotState::Pending | SnapshotState::Completed => schedule.every,
    };
    Some(last.started_at?.checked_add(wait).unwrap_or(Timestamp::MAX))
}

/// The snapshots of a volume that are more than are to be kept, the oldest first: only what was made by schedule, and is
/// completed. What is not whole takes no whole one's place.
#[must_use]
pub fn surplus<'s>(schedule: Schedule, volume_id: &str, seen: &'s [Snapshot]) -> Vec<&'s Snapshot> {
    let whole = |it: &&Snapshot| {
        it.volume_id == volume_id && it.state == SnapshotState::Completed && Purpose::Scheduled.is_of(it)
    };
    let mut whole: Vec<&Snapshot> = seen.iter().filter(whole).collect();
    whole.sort_by_key(|it| (it.started_at, it.id.as_str()));
    let keep = usize::try_from(schedule.keep.max(1)).unwrap_or(usize::MAX);
    whole.truncate(whole.len().saturating_sub(keep));
    whole
}

fn newest_completed<'s>(seen: impl Iterator<Item = &'s Snapshot>) -> Option<&'s Snapshot> {
    seen.filter(|it| it.state == SnapshotState::Completed).max_by_key(|it| it.started_at)
}

/// How the volume of a node is used. EC2 says when an instance was last started, and mostly when it was stopped; of one
/// that is gone only the journal may know.
#[must_use]
pub fn usage(node: Option<&NodeView>, index: u32, entries: &[Entry]) -> Usage {
    let phase = node.map_or(Phase::Absent, |view| view.phase);
    match phase {
        Phase::Running | Phase::Attached | Phase::Reachable | Phase::Ready => return Usage::InUse,
        Phase::Ending | Phase::Stopping | Phase::Launching => return Usage::Changing,
        Phase::Gone | Phase::Absent | Phase::Requested | Phase::Interrupted | Phase::Stopped => {}
    }
    let stopped = node.and_then(|view| view.ended_at.filter(|at| Some(*at) >= view.launched_at));
    let by_ec2 = stopped.and_then(|at| at.checked_add(STOPS_WITHIN).ok());
    Usage::AtRest { since: by_ec2.or_else(|| last_alive(index, entries)) }
}

/// When the journal last heard of an instance of a node: it was at rest from then on at the latest, or has not lived.
fn last_alive(index: u32, entries: &[Entry]) -> Option<Timestamp> {
    let heard = |entry: &&Entry| matches!(&entry.event, Event::Node { node, phase, .. } if *node == index && (*phase >= Phase::Interrupted || *phase == Phase::Ending));
    entries.iter().rfind(heard).map(|entry| entry.at)
}

#[cfg(test)]
#[path = "snapshot_schedule/tests.rs"]
mod tests;
