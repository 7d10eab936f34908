//! Snapshots of persistent volumes: what they are made for, and how one that was asked for stands.
//!
//! `CreateSnapshot` takes no client token. Each carries its call's token as a tag instead, so that one whose answer was
//! lost is found again, and none is made twice.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::call::Call;
use super::names::Identity;
use super::observed::{Snapshot, SnapshotState, Volume};
use super::record::{Pending, Record, SHOWN_WITHIN};
use super::tags;

/// Why a snapshot is made. It is a tag of the snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// The user asked for it. Only the user deletes it.
    Asked,
    /// Its volume is to be deleted. Only the user deletes it.
    BeforeDeletion,
    /// Its node moves, and gets a volume made from it. It is deleted when the move is over.
    Move,
    /// It was due by the environment's schedule. The schedule deletes it when there are enough newer ones.
    Scheduled,
}

impl Purpose {
    /// Whether a snapshot says by its tag that this is what it was made for.
    #[must_use]
    pub fn is_of(self, snapshot: &Snapshot) -> bool {
        snapshot.tags.get(tags::SNAPSHOT).is_some_and(|tag| tag == self.as_str())
    }

    /// The tag's value.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::BeforeDeletion => "before-deletion",
            Self::Move => "move",
            Self::Scheduled => "scheduled",
        }
    }
}

/// A snapshot that we asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shot {
    /// The token of the call, which is a tag of the snapshot.
    pub token: Uuid,
    /// The volume.
    pub volume_id: String,
    /// What for.
    pub purpose: Purpose,
    /// When it was asked for.
    pub at: Timestamp,
    /// The snapshot, where the answer came.
    pub id: Option<String>,
}

/// How the snapshot stands that was asked for last.
#[derive(Debug, PartialEq)]
pub enum Standing<'a> {
    /// None was asked for, or it came to nothing.
    Nothing,
    /// No answer came, and EC2 may list late what the call has made.
    Unanswered(&'a Pending),
    /// EC2 has said its id, and does not list it yet.
    Unlisted(&'a str),
    /// It is being written.
    Pending(&'a Snapshot),
    /// All of it is there.
    Completed(&'a Snapshot),
    /// EC2 could not make it.
    Failed(&'a Snapshot),
}

/// How the last snapshot stands that was asked for of a volume and for a purpose.
#[must_use]
pub fn standing<'a>(
    record: &'a Record,
    shown: &'a [Snapshot],
    volume_id: &str,
    purpose: Purpose,
    now: Timestamp,
) -> Standing<'a> {
    let asked = |it: &&Shot| it.volume_id == volume_id && it.purpose == purpose;
    match record.shots.iter().rfind(asked) {
        Some(shot) => standing_of(shot, record, shown, now),
        None => Standing::Nothing,
    }
}

/// How one that was asked for stands.
#[must_use]
pub fn standing_of<'a>(shot: &'a Shot, record: &'a Record, shown: &'a [Snapshot], now: Timestamp) -> Standing<'a> {
    let token = shot.token.to_string();
    if let Some(snapshot) = shown.iter().find(|it| it.tags.get(tags::TOKEN) == Some(&token)) {
        return match snapshot.state {
            SnapshotState::Pending => Standing::Pending(snapshot),
            SnapshotState::Completed => Standing::Completed(snapshot),
            SnapshotState::Error => Standing::Failed(snapshot),
        };
    }
    if let Some(pending) = record.pending.iter().find(|it| it.token == shot.token) {
        return Standing::Unanswered(pending);
    }
    match &shot.id {
        Some(id) if now.duration_since(shot.at) < SHOWN_WITHIN => Standing::Unlisted(id),
        // Somebody has deleted it.
        _ => Standing::Nothing,
    }
}

/// The call that makes a snapshot of an environment's volume. `own` are the tags that all things of the environment have
/// beside those that say whose it is.
#[must_use]
pub fn call(
    identity: &Identity,
    own: &BTreeMap<String, String>,
    volume: &Volume,
    purpose: Purpose,
    description: &str,
) -> Call {
    let node = volume.node_tag.as_deref().unwrap_or("0");
    let mut tags = tags::of_nodes(identity, own, node);
    // It outlives what the tag is about.
    tags.remove(tags::EXPIRES);
    tags.insert(tags::SNAPSHOT.to_owned(), purpose.as_str().to_owned());
    let description = format!("cloudtop/{}/{node}: {description}", identity.env);
    Call::CreateSnapshot { volume_id: volume.id.clone(), purpose, description, tags }
}

/// What is waited for while a snapshot is written.
#[must_use]
pub fn in_words(snapshot: &Snapshot) -> String {
    let progress = snapshot.progress.map(|percent| format!(" ({percent} %)")).unwrap_or_default();
    format!("{} of {} to be completed: it is {}{progress}", snapshot.id, snapshot.volume_id, snapshot.state.as_str())
}
