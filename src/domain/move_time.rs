//! How long a move is likely to take: nobody can know, so each part is a plain rule, and all of them are told.

use std::time::Duration;

use super::journal::{Entry, Event};
use super::phase::Phase;

/// A machine stops within a minute or so; one that does not is cut off by EC2 after a few.
const STOP: Duration = Duration::from_secs(60);
/// The least that a snapshot takes, however little is in it.
const SNAPSHOT_AT_LEAST: Duration = Duration::from_secs(60);
/// A first snapshot holds the whole volume, at about 100 MiB a second. AWS gives no figure.
const SNAPSHOT_PER_GIB: Duration = Duration::from_secs(10);
/// One after another holds what has changed since: a tenth is assumed.
const CHANGED_SHARE: u32 = 10;
/// From the launch until a node is ready, where this environment's own last boot is not known.
const BOOT: Duration = Duration::from_secs(120);
/// A boot that took longer than this waited for something else.
const LONGEST_BOOT: Duration = Duration::from_secs(15 * 60);

/// A volume that is to be copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Copied {
    /// Its size, GiB.
    pub gib: u32,
    /// Whether there is a whole snapshot of it already: then only what has changed is written.
    pub has_snapshot: bool,
}

/// The parts of a move, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MoveTime {
    /// Until the old machine is at rest.
    pub stop: Duration,
    /// Until there is a whole snapshot of the volume; zero where none is needed.
    pub copy: Duration,
    /// Until the new machine is ready.
    pub boot: Duration,
}

impl MoveTime {
    /// Of nodes whose largest volume is `copied`, and which took `boot` to get ready the last time.
    #[must_use]
    pub fn of(copied: Option<Copied>, boot: Option<Duration>) -> Self {
        let copy = copied.map_or(Duration::ZERO, |it| {
            let whole = SNAPSHOT_PER_GIB * it.gib;
            SNAPSHOT_AT_LEAST.max(if it.has_snapshot { whole / CHANGED_SHARE } else { whole })
        });
        Self { stop: STOP, copy, boot: boot.unwrap_or(BOOT) }
    }

    /// All of it.
    #[must_use]
    pub fn total(&self) -> Duration {
        self.stop + self.copy + self.boot
    }
}

/// How long the last boot took, from the launch that EC2 tells until the node was seen ready.
#[must_use]
pub fn last_boot(entries: &[Entry]) -> Option<Duration> {
    let took = entries.iter().rev().find_map(|entry| match &entry.event {
        Event::Node { phase: Phase::Ready, since: Some(launched), .. } => Some(entry.at.duration_since(*launched)),
        _ => None,
    })?;
    Duration::try_from(took).ok().filter(|took| *took <= LONGEST_BOOT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_first_snapshot_takes_its_size_and_a_later_one_what_has_changed() {
        let copied = |gib, has_snapshot| MoveTime::of(Some(Copied { gib, has_snapshot }), None).copy.as_secs();
        assert_eq!([copied(100, false), copied(100, true), copied(1, false)], [1000, 100, 60]);
        let stays = MoveTime::of(None, Some(Duration::from_secs(45)));
        assert_eq!((stays.copy, stays.total().as_secs()), (Duration::ZERO, 105));
    }
}
