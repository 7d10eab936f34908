//! The volumes that an installation keeps, what they were made from, and how a change of one stands.

use aws_sdk_ec2::types as sdk;

use super::found::tagged_by;
use super::observe::tag;
use super::{Cloud, convert, failure, filter};
use crate::domain::failure::Failure;
use crate::domain::names::Identity;
use crate::domain::observed::Snapshot;
use crate::domain::stored::{Modification, ModificationState, Stored, StoredVolume};
use crate::domain::tags;

/// The largest page of DescribeVolumesModifications.
const PAGE: i32 = 500;

impl Cloud {
    /// The volumes that outlive instances, those that were put aside too, with the snapshots that carry the same tags: of
    /// an installation, or of one environment of it.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn stored(&self, owner: &str, env: Option<&Identity>) -> Result<Stored, Failure> {
        let mut ours = tagged_by(Some(owner));
        ours.extend(env.map(|identity| tag(tags::ENV, identity.env.as_str())));
        let roles = [tags::ROLE_PERSISTENT, tags::ROLE_RESTORED, tags::ROLE_REPLACED];
        let kept = filter(&format!("tag:{}", tags::ROLE), roles);
        let (volumes, snapshots) =
            tokio::join!(self.volumes([ours.as_slice(), &[kept]].concat()), self.snapshots(ours.clone()));
        Ok(Stored {
            volumes: volumes?.iter().filter_map(stored).collect(),
            snapshots: snapshots?.iter().filter_map(convert::snapshot).collect(),
            ..Stored::default()
        })
    }

    /// A snapshot of the account's by its id, whoever made it; `None` where there is none.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn snapshot(&self, id: &str) -> Result<Option<Snapshot>, Failure> {
        let found = self.snapshots(vec![filter("snapshot-id", [id])]).await?;
        Ok(found.iter().find_map(convert::snapshot))
    }

    /// The last change of a volume, if it was ever changed.
    ///
    /// # Errors
    /// The call's failure.
    pub async fn modification(&self, volume: &str) -> Result<Option<Modification>, Failure> {
        let call = self.ec2.describe_volumes_modifications().filters(filter("volume-id", [volume]));
        let pages = call.into_paginator().page_size(PAGE);
        let found: Result<Vec<_>, _> = pages.items().send().collect().await;
        let found = found.map_err(|error| failure::of("DescribeVolumesModifications", &error))?;
        Ok(found.iter().filter(|it| it.volume_id() == Some(volume)).find_map(modification))
    }
}

fn stored(from: &sdk::Volume) -> Option<StoredVolume> {
    let tags = convert::tags(from.tags());
    let env = tags.get(tags::ENV)?.parse().ok()?;
    Some(StoredVolume {
        identity: Identity { env, owner: tags.get(tags::OWNER)?.clone() },
        volume: convert::volume(from)?,
        made_at: from.create_time().and_then(convert::time),
        from_snapshot: from.snapshot_id().filter(|id| !id.is_empty()).map(str::to_owned),
        tags,
    })
}

fn modification(from: &sdk::VolumeModification) -> Option<Modification> {
    let state = match from.modification_state()? {
        sdk::VolumeModificationState::Optimizing => ModificationState::Optimizing,
        sdk::VolumeModificationState::Completed => ModificationState::Completed,
        sdk::VolumeModificationState::Failed => ModificationState::Failed,
        // A word from the future: not done, as far as is known.
        _ => ModificationState::Modifying,
    };
    Some(Modification {
        state,
        target_gib: from.target_size().and_then(|gib| gib.try_into().ok()).unwrap_or_default(),
        progress: from.progress().and_then(|percent| percent.try_into().ok()),
        message: from.status_message().unwrap_or_default().to_owned(),
    })
}
