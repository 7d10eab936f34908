//! Somebody else who uses the same account, with the console.
//!
//! What they do goes by EC2's own rules, and is neither counted nor throttled nor made to fail.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::interrupt::{Target, targets};
use crate::simulator::SimulatorError;
use crate::simulator::actions;
use crate::simulator::network::default_group_id;
use crate::simulator::objects::{Instance, Tags};
use crate::simulator::protocol::Request;
use crate::simulator::world::World;

/// What somebody does, and to what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meddling {
    /// What they do.
    pub act: Act,
    /// What they do it to. Of an environment it is all that the act is about.
    pub target: Target,
}

/// What somebody does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Terminate instances.
    Terminate,
    /// Stop instances.
    Stop,
    /// Start instances.
    Start,
    /// Cancel spot requests.
    Cancel,
    /// Detach the volumes that did not come with the instance.
    Detach,
    /// Delete volumes.
    DeleteVolume,
    /// Take instances out of their security groups, and delete these.
    DeleteGroup,
    /// Delete key pairs.
    DeleteKey,
    /// Give a tag a value.
    Tag {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// Take a tag away, or all of them.
    Untag {
        /// Its key; none: all.
        key: Option<String>,
    },
}

/// One thing that is meddled with.
struct Thing {
    region: String,
    id: String,
}

/// Does it; the ids of what it was done to.
pub(super) fn meddle(world: &mut World, now: Timestamp, meddling: &Meddling) -> Result<Vec<String>, SimulatorError> {
    let things = things(world, meddling)?;
    for thing in &things {
        let parameters = match &meddling.act {
            Act::Terminate => vec![("Action", "TerminateInstances"), ("InstanceId.1", thing.id.as_str())],
            Act::Stop => vec![("Action", "StopInstances"), ("InstanceId.1", &thing.id)],
            Act::Start => vec![("Action", "StartInstances"), ("InstanceId.1", &thing.id)],
            Act::Cancel => vec![("Action", "CancelSpotInstanceRequests"), ("SpotInstanceRequestId.1", &thing.id)],
            Act::Detach => vec![("Action", "DetachVolume"), ("VolumeId", &thing.id)],
            Act::DeleteVolume => vec![("Action", "DeleteVolume"), ("VolumeId", &thing.id)],
            Act::DeleteGroup => {
                leave_group(world, thing);
                vec![("Action", "DeleteSecurityGroup"), ("GroupId", &thing.id)]
            }
            Act::DeleteKey => vec![("Action", "DeleteKeyPair"), ("KeyPairId", &thing.id)],
            Act::Tag { key, value } => {
                vec![("Action", "CreateTags"), ("ResourceId.1", &thing.id), ("Tag.1.Key", key), ("Tag.1.Value", value)]
            }
            Act::Untag { key: Some(key) } => {
                vec![("Action", "DeleteTags"), ("ResourceId.1", &thing.id), ("Tag.1.Key", key)]
            }
            Act::Untag { key: None } => vec![("Action", "DeleteTags"), ("ResourceId.1", &thing.id)],
        };
        let request = Request::of(&thing.region, &parameters);
        actions::perform(world, &request, now).map_err(|fault| SimulatorError::Refused {
            thing: thing.id.clone(),
            code: fault.code.into_owned(),
            message: fault.message,
        })?;
    }
    Ok(things.into_iter().map(|thing| thing.id).collect())
}

/// What an act is about, in the order of the ids.
fn things(world: &World, meddling: &Meddling) -> Result<Vec<Thing>, SimulatorError> {
    if let Target::Instances(ids) = &meddling.target {
        return ids.iter().map(|id| named(world, id)).collect();
    }
    let thing = |region: &str, id: &String| Thing { region: region.to_owned(), id: id.clone() };
    let instances: Vec<(&String, &Instance)> = targets(world, &meddling.target, |it| !it.state.is_ending())?
        .iter()
        .filter_map(|id| world.instances.rows_of(&[id]).pop())
        .collect();
    let ours = |tags: &Tags| match &meddling.target {
        Target::Environment { name, .. } => tags.get("cloudtop:env") == Some(name),
        _ => false,
    };
    Ok(match &meddling.act {
        Act::Terminate | Act::Stop | Act::Start | Act::Tag { .. } | Act::Untag { .. } => {
            instances.iter().map(|(id, it)| thing(&it.region, id)).collect()
        }
        Act::Cancel => {
            let requests = instances.iter().filter_map(|(_, it)| it.request.as_ref().map(|id| thing(&it.region, id)));
            requests.collect()
        }
        Act::Detach => {
            let own = |id: &String| {
                let attachment = world.volumes.get(id).and_then(|volume| volume.attachment.as_ref());
                attachment.is_some_and(|attachment| !attachment.delete_on_termination)
            };
            let volumes = instances.iter().flat_map(|(_, it)| it.volumes.iter().map(|id| (&it.region, id)));
            volumes.filter(|(_, id)| own(id)).map(|(region, id)| thing(region, id)).collect()
        }
        Act::DeleteVolume => {
            let volumes = world.volumes.iter().filter(|(_, it)| it.attachment.is_none() && ours(&it.tags));
            volumes.map(|(id, it)| thing(&it.region, id)).collect()
        }
        Act::DeleteGroup => {
            let groups = world.groups.iter().filter(|(_, it)| ours(&it.tags));
            groups.map(|(id, it)| thing(&it.region, id)).collect()
        }
        Act::DeleteKey => {
            let keys = world.keys.iter().filter(|(_, it)| ours(&it.tags));
            keys.map(|(id, it)| thing(&it.region, id)).collect()
        }
    })
}

/// A thing of any kind by its id.
fn named(world: &World, id: &str) -> Result<Thing, SimulatorError> {
    let region = match id.split('-').next() {
        Some("i") => world.instances.get(id).map(|it| &it.region),
        Some("sir") => world.requests.get(id).map(|it| &it.region),
        Some("vol") => world.volumes.get(id).map(|it| &it.region),
        Some("sg") => world.groups.get(id).map(|it| &it.region),
        Some("key") => world.keys.get(id).map(|it| &it.region),
        Some("eni") => world.interfaces.get(id).map(|it| &it.region),
        _ => None,
    };
    let unknown = || SimulatorError::Unknown { kind: "thing with the id", name: id.to_owned() };
    Ok(Thing { region: region.ok_or_else(unknown)?.clone(), id: id.to_owned() })
}

/// EC2 deletes no group that is in use: whoever deletes it has given its instances another one before.
fn leave_group(world: &mut World, group: &Thing) {
    let other = default_group_id(&group.region);
    let leave = |groups: &mut Vec<String>| {
        groups.retain(|id| *id != group.id);
        if groups.is_empty() {
            groups.push(other.clone());
        }
    };
    let inside = |groups: &[String]| groups.contains(&group.id);
    let instances: Vec<String> =
        world.instances.iter().filter(|(_, it)| inside(&it.groups)).map(|(id, _)| id.clone()).collect();
    let interfaces: Vec<String> =
        world.interfaces.iter().filter(|(_, it)| inside(&it.groups)).map(|(id, _)| id.clone()).collect();
    for id in instances {
        world.instances.edit(&id).into_iter().for_each(|it| leave(&mut it.groups));
    }
    for id in interfaces {
        world.interfaces.edit(&id).into_iter().for_each(|it| leave(&mut it.groups));
    }
}
