//! Volumes that are attached to nothing.

use super::{Cloud, convert, filter};
use crate::domain::failure::Failure;
use crate::domain::names::Identity;
use crate::domain::tags;

/// A volume that is attached to nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FreeVolume {
    /// Its id.
    pub id: String,
    /// GiB.
    pub gib: u32,
    /// Its availability zone.
    pub zone: String,
    /// Its `Name` tag.
    pub name: Option<String>,
    /// Whose it is, where it has our tags.
    pub of: Option<Identity>,
}

impl Cloud {
    /// All volumes in the region that are attached to nothing, the largest first.
    ///
    /// # Errors
    /// The call failed.
    pub async fn free_volumes(&self) -> Result<Vec<FreeVolume>, Failure> {
        let found = self.volumes(vec![filter("status", ["available"])]).await?;
        let mut free: Vec<FreeVolume> = found
            .iter()
            .filter_map(|volume| {
                let tag = |key: &str| {
                    let found = volume.tags().iter().find(|tag| tag.key() == Some(key));
                    found.and_then(|tag| tag.value()).map(str::to_owned)
                };
                let known = convert::volume(volume)?;
                let of = tag(tags::ENV).zip(tag(tags::OWNER));
                let of = of.and_then(|(env, owner)| Some(Identity { env: env.parse().ok()?, owner }));
                Some(FreeVolume { id: known.id, gib: known.gib, zone: known.zone, name: tag("Name"), of })
            })
            .collect();
        free.sort_by(|a, b| b.gib.cmp(&a.gib).then_with(|| a.id.cmp(&b.id)));
        Ok(free)
    }
}
