//! A move of an environment into another region: nothing of a region can be used in another one but a copy of a snapshot.
//!
//! The old region's volumes are whole until their copies have been seen in use, so that the move can be cut off anywhere.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::call::{Call, Tags};
use super::names::Identity;
use super::observed::{Snapshot, SnapshotState, Volume, VolumeState};
use super::phase::Wait;
use super::plan::Step;
use super::snapshots::{self, Purpose, Standing};
use super::stored::{Stored, StoredVolume};
use super::tags;
use super::volume_work::{Moment, Next, aside_for, unanswered};

/// Clocks differ by seconds between here and EC2.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(30);

/// A move into another region, from its first call on until nothing of the old region is left.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionMove {
    /// When it was asked for.
    pub since: Timestamp,
    /// The region that it leaves.
    pub from: String,
    /// The region that it goes to.
    pub to: String,
    /// The availability zone there.
    pub zone: String,
    /// Whether the user named the zone: later nodes are launched there, too.
    #[serde(default)]
    pub zone_named: bool,
    /// How far a node must have come there before the old volumes go.
    pub until: Wait,
    /// Whether the old volumes are kept, and the snapshots.
    pub keep_old: bool,
}

/// A snapshot that is to be copied.
#[derive(Clone, Copy, Debug)]
pub struct CopyOver<'a> {
    /// The move.
    pub going: &'a RegionMove,
    /// Whose the volume is.
    pub identity: &'a Identity,
    /// The volume in the old region.
    pub volume: &'a Volume,
    /// The whole snapshot of it there.
    pub snapshot: &'a Snapshot,
    /// Tags of the user's own.
    pub own_tags: &'a Tags,
}

impl RegionMove {
    /// Whether the snapshot was made for this move.
    #[must_use]
    pub fn has_made(&self, snapshot: &Snapshot) -> bool {
        Purpose::Move.is_of(snapshot) && snapshot.started_at.is_some_and(|at| at >= self.since - CLOCKS_DIFFER)
    }

    /// The snapshot of a volume that this move has made already in the old region, if EC2 has not failed to.
    #[must_use]
    pub fn snapshot_of<'s>(&self, stored: &'s Stored, volume: &str) -> Option<&'s Snapshot> {
        let ours = |it: &&Snapshot| it.volume_id == volume && !it.tags.contains_key(tags::COPIED_FROM);
        self.newest(stored, ours)
    }

    /// The same of the copy in the new region.
    #[must_use]
    pub fn copy_of<'s>(&self, stored: &'s Stored, volume: &str) -> Option<&'s Snapshot> {
        self.newest(stored, |it| it.tags.get(tags::COPIED_FROM).is_some_and(|from| from == volume))
    }

    /// The volumes of the old region of which this move has made copies.
    pub fn copied<'s>(&self, new: &'s Stored) -> impl Iterator<Item = &'s str> {
        new.snapshots.iter().filter(|it| self.has_made(it)).filter_map(|it| copied_from(&it.tags))
    }

    fn newest<'s>(&self, stored: &'s Stored, ours: impl Fn(&&'s Snapshot) -> bool) -> Option<&'s Snapshot> {
        let usable = stored.snapshots.iter().filter(|it| self.has_made(it) && it.state != SnapshotState::Error);
        usable.filter(ours).max_by_key(|it| (it.started_at, &it.id))
    }
}

/// The volume that a volume or a snapshot in the new region is a copy of.
#[must_use]
pub fn copied_from(tags: &Tags) -> Option<&str> {
    tags.get(tags::COPIED_FROM).map(String::as_str)
}

/// The volume of the new region that a node uses, and which was made of a copy of this one.
#[must_use]
pub fn copy_in_use<'s>(new: &'s Stored, old: &str) -> Option<&'s StoredVolume> {
    let is_copy = |it: &&&StoredVolume| copied_from(&it.tags) == Some(old) && it.volume.state == VolumeState::InUse;
    new.volumes.iter().filter(|it| it.is_in_place()).collect::<Vec<_>>().iter().find(is_copy).copied()
}

/// The old volumes that may go: those of which a node uses a copy.
#[must_use]
pub fn outlived<'s>(old: &'s Stored, new: &Stored) -> Vec<&'s StoredVolume> {
    old.volumes.iter().filter(|it| copy_in_use(new, &it.volume.id).is_some()).collect()
}

/// The snapshots of this move, of either region, that nobody needs: the volume that they are of is there still, or a copy
/// of it is in use.
#[must_use]
pub fn spent_snapshots(going: &RegionMove, of: &Stored, old: &Stored, new: &Stored) -> Vec<String> {
    let mut all = Vec::new();
    for snapshot in of.snapshots.iter().filter(|it| going.has_made(it)) {
        let volume = copied_from(&snapshot.tags).unwrap_or(&snapshot.volume_id);
        if old.volume(volume).is_some() || copy_in_use(new, volume).is_some() {
            all.push(snapshot.id.clone());
        }
    }
    all
}

impl CopyOver<'_> {
    /// What is done next to have the copy begun.
    #[must_use]
    pub fn next(&self, at: Moment<'_>) -> Next<Snapshot> {
        if let Some(copy) = self.going.copy_of(at.seen, &self.volume.id) {
            return Next::Done(copy.clone());
        }
        let (id, purpose) = (&self.snapshot.id, Purpose::Move);
        match snapshots::standing(at.record, &at.seen.snapshots, id, purpose, at.now) {
            Standing::Pending(copy) | Standing::Completed(copy) => Next::Done(copy.clone()),
            Standing::Unanswered(pending) => unanswered(pending, at.now),
            Standing::Unlisted(copy) => Next::Wait(format!("EC2 to list {copy}, the copy of {id}")),
            Standing::Failed(copy) if copy.started_at >= Some(at.since) => Next::Stop(format!(
                "EC2 could not make {}, the copy of {id} in {}: is its key of KMS there for you?",
                copy.id, self.going.to
            )),
            Standing::Nothing | Standing::Failed(_) => {
                Next::Act(Box::new(Step { call: self.call(), token: None, reason: "its node moves there".to_owned() }))
            }
        }
    }

    fn call(&self) -> Call {
        let node = self.volume.node_tag.as_deref().unwrap_or("0");
        let mut tags = tags::of_nodes(self.identity, self.own_tags, node);
        tags.remove(tags::EXPIRES);
        tags.insert(tags::SNAPSHOT.to_owned(), Purpose::Move.as_str().to_owned());
        tags.insert(tags::COPIED_FROM.to_owned(), self.volume.id.clone());
        Call::CopySnapshot {
            from: self.going.from.clone(),
            to: self.going.to.clone(),
            snapshot: self.snapshot.id.clone(),
            gib: self.snapshot.gib,
            purpose: Purpose::Move,
            description: format!("cloudtop/{}/{node}: a move from {}", self.identity.env, self.going.from),
            tags,
        }
    }
}

/// What is done next until a snapshot is whole.
#[must_use]
pub fn whole(id: &str, at: Moment<'_>) -> Next<Snapshot> {
    match at.seen.snapshots.iter().find(|it| it.id == id) {
        None => Next::Wait(format!("EC2 to list {id}")),
        Some(it) if it.state == SnapshotState::Completed => Next::Done(it.clone()),
        Some(it) if it.state == SnapshotState::Error => Next::Stop(format!("EC2 could not make {id}")),
        Some(it) => {
            let progress = it.progress.map(|percent| format!(" ({percent} %)")).unwrap_or_default();
            Next::Wait(format!("{id} to be completed{progress}"))
        }
    }
}

/// What is done next so that a volume of the old region is nobody's: it is kept, and no later move takes it for its node's.
#[must_use]
pub fn set_aside(id: &str, copy: &str, at: Moment<'_>) -> Next<()> {
    let Some(volume) = at.seen.volume(id).filter(|it| it.is_in_place()) else { return Next::Done(()) };
    if at.record.just_answered("CreateTags", id, at.now) {
        return Next::Wait(format!("EC2 to show the tags of {id}"));
    }
    let call = Call::SetTags { id: volume.volume.id.clone(), tags: aside_for(copy) };
    Next::Act(Box::new(Step { call, token: None, reason: "its node is in another region: it is kept".to_owned() }))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::domain::observed::Attachment;
    use crate::domain::record::Record;

    fn going() -> RegionMove {
        RegionMove {
            since: "2026-11-21T09:00:00Z".parse().unwrap(),
            from: "us-east-1".to_owned(),
            to: "us-west-2".to_owned(),
            zone: "us-west-2b".to_owned(),
            zone_named: false,
            until: Wait::Ready,
            keep_old: false,
        }
    }

    fn identity() -> Identity {
        Identity { env: "dev".parse().unwrap(), owner: "me".to_owned() }
    }

    fn volume(id: &str, from: Option<&str>, in_use: bool) -> StoredVolume {
        let mut tags = Tags::from([(tags::ROLE.to_owned(), tags::ROLE_PERSISTENT.to_owned())]);
        tags.extend(from.map(|from| (tags::COPIED_FROM.to_owned(), from.to_owned())));
        let attachment =
            in_use.then(|| Attachment { instance_id: "i-1".to_owned(), device: "/dev/sdf".to_owned(), attached: true });
        let volume = Volume {
            id: id.to_owned(),
            node_tag: Some("0".to_owned()),
            gib: 20,
            zone: "us-west-2b".to_owned(),
            state: if in_use { VolumeState::InUse } else { VolumeState::Available },
            replaces: None,
            attachment,
        };
        StoredVolume { identity: identity(), volume, made_at: None, from_snapshot: None, tags }
    }

    fn snapshot(id: &str, of: &str, from: Option<&str>, state: SnapshotState) -> Snapshot {
        let mut tags = Tags::from([(tags::SNAPSHOT.to_owned(), Purpose::Move.as_str().to_owned())]);
        tags.extend(from.map(|from| (tags::COPIED_FROM.to_owned(), from.to_owned())));
        Snapshot {
            id: id.to_owned(),
            volume_id: of.to_owned(),
            gib: 20,
            state,
            progress: None,
            started_at: Some(going().since),
            description: String::new(),
            tags,
        }
    }

    fn stored(volumes: Vec<StoredVolume>, snapshots: Vec<Snapshot>) -> Stored {
        Stored { volumes, snapshots, ..Stored::default() }
    }

    #[test]
    fn an_old_volume_goes_only_when_a_node_uses_a_volume_that_was_made_of_it() {
        let old = stored(vec![volume("vol-old", None, false)], Vec::new());
        let gone = |new: StoredVolume| outlived(&old, &stored(vec![new], Vec::new())).len();
        assert_eq!(gone(volume("vol-new", Some("vol-old"), true)), 1);
        assert_eq!(gone(volume("vol-new", Some("vol-old"), false)), 0, "no node has it");
        assert_eq!(gone(volume("vol-new", Some("vol-other"), true)), 0, "it is of another");
        assert_eq!(gone(volume("vol-new", None, true)), 0, "nobody knows what is on it");
    }

    #[test]
    fn a_snapshot_that_is_the_only_copy_stays() {
        let made = snapshot("snap-1", "vol-old", None, SnapshotState::Completed);
        let copy = snapshot("snap-2", "vol-ffffffff", Some("vol-old"), SnapshotState::Completed);
        let asked = Snapshot { tags: Tags::new(), ..made.clone() };
        let of = stored(Vec::new(), vec![made, copy, asked]);
        let (nothing, old) = (Stored::default(), stored(vec![volume("vol-old", None, false)], Vec::new()));
        let new = stored(vec![volume("vol-new", Some("vol-old"), true)], Vec::new());
        assert!(spent_snapshots(&going(), &of, &nothing, &nothing).is_empty());
        assert_eq!(spent_snapshots(&going(), &of, &old, &nothing), ["snap-1", "snap-2"]);
        assert_eq!(spent_snapshots(&going(), &of, &nothing, &new), ["snap-1", "snap-2"]);
    }

    #[test]
    fn a_copy_that_is_there_is_not_asked_for_again_and_one_that_failed_is() {
        let (own_tags, record, going, identity) = (Tags::new(), Record::default(), going(), identity());
        let (old, source) =
            (volume("vol-old", None, false), snapshot("snap-1", "vol-old", None, SnapshotState::Completed));
        let copy = CopyOver {
            going: &going,
            identity: &identity,
            volume: &old.volume,
            snapshot: &source,
            own_tags: &own_tags,
        };
        let next = |state: Option<SnapshotState>| {
            let there = state.map(|state| snapshot("snap-2", "vol-ffffffff", Some("vol-old"), state));
            let seen = stored(Vec::new(), there.into_iter().collect());
            copy.next(Moment { seen: &seen, record: &record, since: going.since, now: going.since })
        };
        assert!(matches!(next(Some(SnapshotState::Pending)), Next::Done(it) if it.id == "snap-2"));
        for state in [None, Some(SnapshotState::Error)] {
            let Next::Act(step) = next(state) else { panic!("it is not asked for") };
            let Call::CopySnapshot { from, to, snapshot, tags, .. } = step.call else { panic!("another call") };
            assert_eq!((from.as_str(), to.as_str(), snapshot.as_str()), ("us-east-1", "us-west-2", "snap-1"));
            assert_eq!(tags.get(tags::COPIED_FROM).map(String::as_str), Some("vol-old"));
        }
    }
}
