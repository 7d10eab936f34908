//! What is done next about one volume: pure functions of what EC2 shows, what is remembered, and the time.
//!
//! Each is asked again after every look and every call, so that work that was cut off anywhere is gone on with by asking
//! once more; none has a step that must not be done twice. Moving a node is made of the same pieces.

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::call::{Call, Tags};
use super::journal::{Entry, Event};
use super::names::Identity;
use super::observed::{Snapshot, SnapshotState, Volume, VolumeState};
use super::plan::Step;
use super::record::{LOST_SHOWS_WITHIN, Pending, REPEAT_LOST_FOR, Record, SHOWN_WITHIN, Thing};
use super::snapshots::{self, Purpose, Shot, Standing};
use super::stored::{ModificationState, Stored, StoredVolume};
use super::tags;

/// Clocks differ by seconds between here and EC2.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(30);
/// The tag of a volume in whose place another was put: that other one.
const REPLACED_BY: &str = "cloudtop:replaced-by";

/// What work is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Moment<'a> {
    /// What EC2 shows.
    pub seen: &'a Stored,
    /// What we remember.
    pub record: &'a Record,
    /// Since when it is worked on: what was made before is not of this work.
    pub since: Timestamp,
    /// The time.
    pub now: Timestamp,
}

/// What is done next.
#[derive(Debug, PartialEq)]
pub enum Next<T> {
    /// This call.
    Act(Box<Step>),
    /// A call without an answer is known to have done nothing; then it is decided anew.
    Settle(Uuid, String),
    /// Nothing, until EC2 has done something.
    Wait(String),
    /// It is done.
    Done(T),
    /// It cannot be done; why, and what to do.
    Stop(String),
}

/// A snapshot that is to be made.
#[derive(Clone, Copy, Debug)]
pub struct Take<'a> {
    /// Whose the volume is.
    pub identity: &'a Identity,
    /// The volume.
    pub volume: &'a Volume,
    /// What for.
    pub purpose: Purpose,
    /// What is written about it.
    pub description: &'a str,
    /// Tags of the user's own.
    pub own_tags: &'a Tags,
    /// Whether to wait until all of it is there.
    pub wait: bool,
}

/// A volume that is to be made of a snapshot, and put in its node's place.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The node.
    pub node: u32,
    /// The availability zone.
    pub zone: String,
    /// GiB.
    pub gib: u32,
    /// The snapshot, or none for a blank volume.
    pub snapshot: Option<Snapshot>,
    /// The volume in whose place it is put.
    pub replaces: Option<String>,
    /// All its tags but its role.
    pub tags: Tags,
}

/// What a restore has come to.
#[derive(Clone, Debug, PartialEq)]
pub struct Restored {
    /// The new volume.
    pub volume: Volume,
    /// The one in whose place it was put, and which is kept.
    pub replaced: Option<String>,
}

fn act<T>(call: Call, reason: &str) -> Next<T> {
    Next::Act(Box::new(Step { call, token: None, reason: reason.to_owned() }))
}

/// Since when the same command has been at work without coming to an end: the last runs of it were cut off.
#[must_use]
pub fn cut_off_since(entries: &[Entry], command: &str) -> Option<Timestamp> {
    let mut since = None;
    for entry in entries.iter().rev() {
        match &entry.event {
            Event::Began { command: other } if other == command => since = Some(entry.at),
            Event::Began { .. } | Event::Ended { .. } => break,
            _ => {}
        }
    }
    since
}

impl Take<'_> {
    /// What is done next for the snapshot.
    #[must_use]
    pub fn next(&self, at: Moment<'_>) -> Next<Snapshot> {
        let ours = |it: &&Shot| it.volume_id == self.volume.id && it.purpose == self.purpose && it.at >= at.since;
        let Some(shot) = at.record.shots.iter().rfind(ours) else { return self.begin() };
        match snapshots::standing_of(shot, at.record, &at.seen.snapshots, at.now) {
            Standing::Nothing => self.begin(),
            Standing::Unanswered(pending) => unanswered(pending, at.now),
            Standing::Unlisted(id) => Next::Wait(format!("EC2 to list {id}, the snapshot of {}", self.volume.id)),
            Standing::Pending(snapshot) if self.wait => Next::Wait(snapshots::in_words(snapshot)),
            Standing::Pending(snapshot) | Standing::Completed(snapshot) => Next::Done(snapshot.clone()),
            Standing::Failed(snapshot) => {
                Next::Stop(format!("EC2 could not make {}, the snapshot of {}", snapshot.id, self.volume.id))
            }
        }
    }

    fn begin(&self) -> Next<Snapshot> {
        let call = snapshots::call(self.identity, self.own_tags, self.volume, self.purpose, self.description);
        act(call, "a snapshot was asked for")
    }
}

/// A snapshot that may have been made is given a minute to show.
pub(super) fn unanswered<T>(pending: &Pending, now: Timestamp) -> Next<T> {
    let waited = now.duration_since(pending.at).max(SignedDuration::ZERO);
    if waited > LOST_SHOWS_WITHIN {
        return Next::Settle(pending.token, "nothing of it showed in a minute".to_owned());
    }
    let left = (LOST_SHOWS_WITHIN - waited).as_secs();
    Next::Wait(format!("the answer to `{}` was lost, and EC2 may list late what it made ({left} s left)", pending.call))
}

/// What is done next to delete a volume; with `take`, once there is a whole snapshot of it. It answers with that.
#[must_use]
pub fn delete(volume_id: &str, take: Option<&Take<'_>>, at: Moment<'_>) -> Next<Option<Snapshot>> {
    let before = Purpose::BeforeDeletion;
    let standing = snapshots::standing(at.record, &at.seen.snapshots, volume_id, before, at.now);
    let Some(stored) = at.seen.volume(volume_id) else {
        return Next::Done(match (take, standing) {
            (Some(_), Standing::Completed(snapshot)) => Some(snapshot.clone()),
            _ => None,
        });
    };
    if let Some(attachment) = &stored.volume.attachment {
        return Next::Stop(format!("{volume_id} is attached to {}", attachment.instance_id));
    }
    if stored.volume.state == VolumeState::Deleting || at.record.just_answered("DeleteVolume", volume_id, at.now) {
        return Next::Wait(format!("{volume_id} to be deleted"));
    }
    if let Some(take) = take {
        match standing {
            Standing::Completed(_) => {}
            Standing::Nothing if stored.volume.state == VolumeState::Error => {
                return Next::Stop(format!(
                    "EC2 calls {volume_id} broken, and of such a volume no snapshot can be made"
                ));
            }
            Standing::Nothing => return as_optional(take.begin()),
            Standing::Unanswered(pending) => return unanswered(pending, at.now),
            Standing::Unlisted(id) => {
                return Next::Wait(format!("EC2 to list {id}, the snapshot of {volume_id}"));
            }
            Standing::Pending(snapshot) => return Next::Wait(snapshots::in_words(snapshot)),
            // It failed an earlier run.
            Standing::Failed(snapshot) if snapshot.started_at < Some(at.since) => return as_optional(take.begin()),
            Standing::Failed(snapshot) => {
                let words = format!("EC2 could not make {}, the snapshot of {volume_id}", snapshot.id);
                return Next::Stop(format!("{words}: the volume is kept"));
            }
        }
    }
    act(Call::DeleteVolume { id: volume_id.to_owned() }, "its deletion was asked for")
}

fn as_optional<T>(next: Next<T>) -> Next<Option<T>> {
    match next {
        Next::Act(step) => Next::Act(step),
        Next::Settle(token, how) => Next::Settle(token, how),
        Next::Wait(what) => Next::Wait(what),
        Next::Done(it) => Next::Done(Some(it)),
        Next::Stop(why) => Next::Stop(why),
    }
}

/// What is done next to delete a snapshot.
#[must_use]
pub fn delete_snapshot(id: &str, at: Moment<'_>) -> Next<()> {
    match at.seen.snapshots.iter().any(|it| it.id == id) {
        false => Next::Done(()),
        true if at.record.just_answered("DeleteSnapshot", id, at.now) => Next::Wait(format!("{id} to be deleted")),
        true => act(Call::DeleteSnapshot { id: id.to_owned() }, "its deletion was asked for"),
    }
}

/// What is done next to make a volume larger.
#[must_use]
pub fn enlarge(volume_id: &str, gib: u32, at: Moment<'_>) -> Next<Volume> {
    let Some(stored) = at.seen.volume(volume_id) else {
        return Next::Stop(format!("{volume_id} is not there any more"));
    };
    let of_this = at.seen.modification.as_ref().filter(|it| it.target_gib == gib);
    match of_this.map(|it| (it.state, it)) {
        Some((ModificationState::Modifying, it)) => {
            let progress = it.progress.map(|percent| format!(" ({percent} %)")).unwrap_or_default();
            return Next::Wait(format!("{volume_id} to have its new size of {gib} GiB{progress}"));
        }
        Some((ModificationState::Failed, it)) if at.record.answered_at("ModifyVolume", volume_id) > Some(at.since) => {
            return Next::Stop(format!("EC2 could not make {volume_id} larger: {}", it.message));
        }
        _ => {}
    }
    if stored.volume.gib >= gib {
        return Next::Done(stored.volume.clone());
    }
    if at.record.just_answered("ModifyVolume", volume_id, at.now) {
        return Next::Wait(format!("EC2 to show the new size of {volume_id}"));
    }
    act(Call::Enlarge { id: volume_id.to_owned(), gib }, "it should be larger")
}

impl Restore {
    /// What is done next for the volume.
    ///
    /// It is made beside the one that is in place, and is its node's from the one call on that gives it its role: before
    /// that a node finds the old volume, after it the new one, and never none.
    #[must_use]
    pub fn next(&self, at: Moment<'_>) -> Next<Restored> {
        let Some(made) = at.seen.volumes.iter().find(|it| self.is_it(it, at.since)) else { return self.make(at) };
        let id = &made.volume.id;
        match made.volume.state {
            VolumeState::Creating => return Next::Wait(format!("EC2 to make {id}")),
            VolumeState::Error => return Next::Stop(format!("EC2 calls {id}, which it made, broken")),
            VolumeState::Deleting => return Next::Stop(format!("somebody deletes {id}, which was made")),
            VolumeState::Available | VolumeState::InUse => {}
        }
        if !made.is_in_place() {
            let role = Tags::from([(tags::ROLE.to_owned(), tags::ROLE_PERSISTENT.to_owned())]);
            return set_tags(id, role, "it takes the place of its node's volume", at);
        }
        let old = self.replaces.as_deref().and_then(|id| at.seen.volume(id));
        if let Some(old) = old.filter(|it| it.is_in_place()) {
            return set_tags(
                &old.volume.id,
                aside_for(id),
                "another volume is in its place: it is kept, and no node's",
                at,
            );
        }
        Next::Done(Restored { volume: made.volume.clone(), replaced: old.map(|it| it.volume.id.clone()) })
    }

    /// Whether a volume is the one that this work has made.
    fn is_it(&self, it: &StoredVolume, since: Timestamp) -> bool {
        it.node() == Some(self.node)
            && it.from_snapshot.as_ref() == self.snapshot.as_ref().map(|it| &it.id)
            && it.volume.replaces == self.replaces
            && it.made_at.is_some_and(|at| at >= since - CLOCKS_DIFFER)
            && !it.has_role(tags::ROLE_REPLACED)
    }

    fn make(&self, at: Moment<'_>) -> Next<Restored> {
        let ours = |it: &&Pending| match &it.call {
            Call::CreateVolume { node, snapshot, .. } => {
                *node == self.node && *snapshot == self.snapshot.as_ref().map(|it| it.id.clone())
            }
            _ => false,
        };
        if let Some(pending) = at.record.pending.iter().find(ours) {
            return repeat(pending, at.now);
        }
        let late = at.record.known.iter().find(|(id, known)| {
            known.thing == Thing::Volume
                && known.node == Some(self.node)
                && known.since >= at.since
                && !known.shown
                && at.now.duration_since(known.since) < SHOWN_WITHIN
                && at.seen.volume(id).is_none()
        });
        if let Some((id, _)) = late {
            return Next::Wait(format!("EC2 to list {id}, which it has made"));
        }
        if let Some(snapshot) = &self.snapshot {
            match snapshot.state {
                SnapshotState::Completed => {}
                SnapshotState::Pending => return Next::Stop(format!("{} is not completed yet", snapshot.id)),
                SnapshotState::Error => return Next::Stop(format!("EC2 could not make {}", snapshot.id)),
            }
        }
        let old = self.replaces.as_deref().and_then(|id| at.seen.volume(id));
        if let Some((old, attachment)) = old.and_then(|it| Some((it, it.volume.attachment.as_ref()?))) {
            return Next::Stop(format!("{} is attached to {}", old.volume.id, attachment.instance_id));
        }
        act(self.call(), if self.snapshot.is_some() { "a restore was asked for" } else { "a volume was asked for" })
    }

    fn call(&self) -> Call {
        let mut tags = self.tags.clone();
        let role = match &self.replaces {
            Some(id) => {
                tags.insert(tags::REPLACES.to_owned(), id.clone());
                tags::ROLE_RESTORED
            }
            None => {
                tags.remove(tags::REPLACES);
                tags::ROLE_PERSISTENT
            }
        };
        tags.insert(tags::ROLE.to_owned(), role.to_owned());
        tags.remove(tags::EXPIRES);
        Call::CreateVolume {
            node: self.node,
            zone: self.zone.clone(),
            gib: self.gib,
            snapshot: self.snapshot.as_ref().map(|it| it.id.clone()),
            tags,
        }
    }
}

/// The tags of a volume in whose place another was put: it is kept, and no node's.
pub(super) fn aside_for(id: &str) -> Tags {
    Tags::from([(tags::ROLE.to_owned(), tags::ROLE_REPLACED.to_owned()), (REPLACED_BY.to_owned(), id.to_owned())])
}

fn set_tags<T>(id: &str, tags: Tags, reason: &str, at: Moment<'_>) -> Next<T> {
    if at.record.just_answered("CreateTags", id, at.now) {
        return Next::Wait(format!("EC2 to show the tags of {id}"));
    }
    act(Call::SetTags { id: id.to_owned(), tags }, reason)
}

/// The same call with the same token: EC2 answers with what it made, or makes it now.
fn repeat<T>(pending: &Pending, now: Timestamp) -> Next<T> {
    if now.duration_since(pending.at) > REPEAT_LOST_FOR {
        return Next::Settle(pending.token, "nothing of it showed in ten minutes".to_owned());
    }
    let reason = "its answer was lost: asking again with the same client token, so that nothing is made twice";
    Next::Act(Box::new(Step { call: pending.call.clone(), token: Some(pending.token), reason: reason.to_owned() }))
}
