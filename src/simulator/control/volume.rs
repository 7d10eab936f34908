//! Volumes that do what no call can make them do.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::interrupt::Target;
use crate::simulator::SimulatorError;
use crate::simulator::catalog::find_region;
use crate::simulator::objects::{AttachmentState, Volume};
use crate::simulator::world::World;

/// What becomes of a volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VolumeFate {
    /// When it is detached, it stays `detaching`.
    Stuck,
    /// It detaches as usual; one that is detaching is detached.
    Free,
    /// It is in this availability zone, if nothing has it attached.
    Zone(String),
}

/// Has it become so; the ids of the volumes. Of an environment these are the volumes with its tag.
pub(super) fn become_so(
    world: &mut World,
    now: Timestamp,
    target: &Target,
    fate: &VolumeFate,
) -> Result<Vec<String>, SimulatorError> {
    let ids = volumes(world, target)?;
    for id in &ids {
        let Some(volume) = world.volumes.get(id) else { continue };
        if let VolumeFate::Zone(zone) = fate {
            check_move(id, volume, zone)?;
        }
        let Some(volume) = world.volumes.edit(id) else { continue };
        match fate {
            VolumeFate::Zone(zone) => volume.zone.clone_from(zone),
            VolumeFate::Stuck => volume.stuck = true,
            VolumeFate::Free => volume.stuck = false,
        }
        let stuck = volume.stuck;
        if let Some(attachment) = volume.attachment.as_mut().filter(|it| it.state == AttachmentState::Detaching) {
            attachment.until = (!stuck).then_some(now);
        }
    }
    world.next_due = None;
    Ok(ids)
}

fn volumes(world: &World, target: &Target) -> Result<Vec<String>, SimulatorError> {
    let unknown = |id: &str| SimulatorError::Unknown { kind: "volume", name: id.to_owned() };
    let chosen = |belongs: &dyn Fn(&Volume) -> bool| {
        let all = world.volumes.iter().filter(|(_, it)| belongs(it));
        all.map(|(id, _)| id.clone()).collect()
    };
    match target {
        Target::Instances(ids) => match ids.iter().find(|id| world.volumes.get(id).is_none()) {
            Some(id) => Err(unknown(id)),
            None => Ok(ids.clone()),
        },
        // The disks that come and go with an instance are nobody's concern here.
        Target::Environment { name, .. } => Ok(chosen(&|it| {
            let own = it.attachment.as_ref().is_some_and(|attachment| attachment.delete_on_termination);
            !own && it.tags.get("cloudtop:env") == Some(name)
        })),
        Target::Zone(zone) => Ok(chosen(&|it| it.zone == *zone)),
    }
}

fn check_move(id: &str, volume: &Volume, zone: &str) -> Result<(), SimulatorError> {
    let region = find_region(&volume.region);
    if !region.is_some_and(|region| region.zones.iter().any(|known| known.name == zone)) {
        return Err(SimulatorError::Unknown { kind: "availability zone", name: zone.to_owned() });
    }
    match &volume.attachment {
        None => Ok(()),
        Some(attachment) => Err(SimulatorError::Refused {
            thing: id.to_owned(),
            code: "VolumeInUse".to_owned(),
            message: format!("it is attached to {}", attachment.instance),
        }),
    }
}
