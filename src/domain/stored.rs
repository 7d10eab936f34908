//! Volumes as things of their own, beside the environments that use them: those of ended environments, and those that a
//! restore has put aside.

use jiff::Timestamp;

use super::call::Tags;
use super::images::OwnImage;
use super::names::Identity;
use super::observed::{Snapshot, SnapshotState, Volume};
use super::tags;

/// A volume that outlives its instance.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredVolume {
    /// The environment that it is of, and whose that is.
    pub identity: Identity,
    /// The volume.
    pub volume: Volume,
    /// When it was made.
    pub made_at: Option<Timestamp>,
    /// The snapshot that it was made from.
    pub from_snapshot: Option<String>,
    /// Its tags.
    pub tags: Tags,
}

/// What volumes and snapshots there are.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stored {
    /// The volumes, those that were put aside too.
    pub volumes: Vec<StoredVolume>,
    /// The snapshots.
    pub snapshots: Vec<Snapshot>,
    /// Images, where they are asked for.
    pub images: Vec<OwnImage>,
    /// The last change of the volume that it was asked for of.
    pub modification: Option<Modification>,
}

/// A change of a volume that goes on beside its use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modification {
    /// How far it is.
    pub state: ModificationState,
    /// The size that the volume will have, GiB.
    pub target_gib: u32,
    /// How much of it is done, in percent.
    pub progress: Option<u8>,
    /// Why it failed, in EC2's words.
    pub message: String,
}

/// EC2's states of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModificationState {
    /// The volume is as it was.
    Modifying,
    /// The volume has its new size, and may be slow for hours; no other change is possible until that is over.
    Optimizing,
    /// All is done.
    Completed,
    /// The volume is as it was, and stays so.
    Failed,
}

impl StoredVolume {
    /// The node that it is of.
    #[must_use]
    pub fn node(&self) -> Option<u32> {
        self.volume.node_tag.as_deref()?.parse().ok()
    }

    /// Whether its node uses it, or would.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        self.has_role(tags::ROLE_PERSISTENT)
    }

    /// Whether it was made for this.
    #[must_use]
    pub fn has_role(&self, role: &str) -> bool {
        self.tags.get(tags::ROLE).is_some_and(|own| own == role)
    }
}

impl Stored {
    /// A volume by its id.
    #[must_use]
    pub fn volume(&self, id: &str) -> Option<&StoredVolume> {
        self.volumes.iter().find(|it| it.volume.id == id)
    }

    /// The volumes that nodes use, or would: where a restore was cut off between its last steps there are two of a node,
    /// and the restored one counts.
    #[must_use]
    pub fn in_place(&self) -> Vec<&StoredVolume> {
        let all = || self.volumes.iter().filter(|it| it.is_in_place());
        let replaced = |id: &str| all().any(|it| it.volume.replaces.as_deref() == Some(id));
        all().filter(|it| !replaced(&it.volume.id)).collect()
    }

    /// The snapshots of a volume, newest first.
    #[must_use]
    pub fn snapshots_of(&self, volume_id: &str) -> Vec<&Snapshot> {
        let mut all: Vec<&Snapshot> = self.snapshots.iter().filter(|it| it.volume_id == volume_id).collect();
        all.sort_by_key(|it| std::cmp::Reverse((it.started_at, &it.id)));
        all
    }

    /// The newest whole snapshot of an environment's node, whichever of its volumes it is of.
    #[must_use]
    pub fn newest_of_node(&self, identity: &Identity, node: u32) -> Option<&Snapshot> {
        let of_node = |it: &&Snapshot| {
            it.tags.get(tags::ENV).is_some_and(|env| env == identity.env.as_str())
                && it.tags.get(tags::NODE).is_some_and(|tag| *tag == node.to_string())
        };
        let whole = self.snapshots.iter().filter(of_node).filter(|it| it.state == SnapshotState::Completed);
        whole.max_by_key(|it| (it.started_at, &it.id))
    }
}
