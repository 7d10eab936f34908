//! A move that is under way: of an environment into another availability zone, or onto machines of another type.
//!
//! It is part of the intent, and written down before the first call. What nodes leave behind is known by its ids: it is
//! brought to rest before anything is launched in the new place, and goes only when every node has been seen there.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::demand::Demand;
use super::observed::{Instance, Observed, SpotRequest, Volume, VolumeState};
use super::phase::Wait;
use super::places::Places;

/// A move, from its first call on until nothing of the old place is left.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moving {
    /// When it was asked for.
    pub since: Timestamp,
    /// The availability zone to which nodes go. `None`: each stays in its own.
    pub zone: Option<String>,
    /// How far a node must have come in the new place before the old one goes.
    pub until: Wait,
    /// Whether old volumes are kept, and the snapshots of them.
    pub keep_old: bool,
    /// What nodes leave behind.
    pub left: BTreeMap<u32, Left>,
    /// Copies of volumes that an earlier target of this move needed, and that no node has ever had: they only go.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub spare: BTreeSet<String>,
}

/// What a node leaves behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Left {
    /// Instances.
    pub instances: BTreeSet<String>,
    /// Their spot requests, and those that wait for an instance.
    pub requests: BTreeSet<String>,
    /// The volume that it cannot take along, of which it gets a copy.
    pub volume: Option<String>,
    /// Volumes that it had left before, in a move that found another target on the way.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub older: BTreeSet<String>,
}

/// Where a move goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The availability zone. `None`: each node stays in its own.
    pub zone: Option<String>,
    /// The instance types, where others are wanted.
    pub types: Option<Vec<String>>,
}

impl Target {
    /// Whether a machine of this type in this zone is there already.
    #[must_use]
    pub fn is_met_by(&self, instance_type: &str, zone: &str) -> bool {
        self.zone.as_deref().is_none_or(|it| it == zone)
            && self.types.as_ref().is_none_or(|types| types.iter().any(|it| it == instance_type))
    }
}

/// What a move is made from.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// What EC2 shows.
    pub observed: &'a Observed,
    /// Which node each thing is of.
    pub places: &'a Places,
    /// The move that is under way already, if any.
    pub before: Option<&'a Moving>,
    /// The volumes of which an attachment was ever asked for.
    pub attached: &'a BTreeSet<String>,
}

impl Moving {
    /// The move of all nodes that are not where they should be.
    ///
    /// One that is under way finds another target: what was launched for the first one is left, too. A copy that a node has
    /// had is its volume from then on, for it may have been written to; one that none has had is only deleted.
    #[must_use]
    pub fn to(target: &Target, until: Wait, keep_old: bool, since: Timestamp, now: Now<'_>) -> Self {
        let zone = target.zone.clone();
        let spare = now.before.map(|it| it.spare.clone()).unwrap_or_default();
        let mut moving = Self { since, zone, until, keep_old, left: BTreeMap::new(), spare };
        for instance in now.observed.instances.iter().filter(|it| it.state.is_live()) {
            let Some(node) = now.places.node_of(&instance.id) else { continue };
            if !target.is_met_by(&instance.instance_type, &instance.zone) {
                let left = moving.left.entry(node).or_default();
                left.instances.insert(instance.id.clone());
                left.requests.extend(instance.request_id.clone());
            }
        }
        moving.leave_requests(target, now);
        moving.leave_volumes(now);
        moving
    }

    /// A request goes with its instance. One that has none goes where it asks for another place.
    fn leave_requests(&mut self, target: &Target, now: Now<'_>) {
        for request in now.observed.requests.iter().filter(|it| it.state.is_live()) {
            let Some(node) = now.places.node_of(&request.id) else { continue };
            let own = |it: &&Instance| {
                request.instance_id.as_ref() == Some(&it.id) || it.request_id.as_ref() == Some(&request.id)
            };
            let is_left = match now.observed.instances.iter().filter(|it| it.state.is_live()).find(own) {
                Some(instance) => self.of_instance(instance).is_some(),
                None => !target.is_met_by(&request.instance_type, request.zone.as_deref().unwrap_or_default()),
            };
            if is_left {
                self.left.entry(node).or_default().requests.insert(request.id.clone());
            }
        }
    }

    fn leave_volumes(&mut self, now: Now<'_>) {
        let volumes = now.observed.volumes.iter().filter(|it| it.state != VolumeState::Deleting);
        let volumes: Vec<&Volume> = volumes.filter(|it| !self.spare.contains(&it.id)).collect();
        let mut nodes: BTreeMap<u32, Vec<&Volume>> = BTreeMap::new();
        for volume in &volumes {
            if let Some(node) = now.places.node_of(&volume.id) {
                nodes.entry(node).or_default().push(volume);
            }
        }
        for (node, all) in nodes {
            let before = now.before.and_then(|it| it.left.get(&node));
            let copy_of =
                |volume: &&Volume| before.is_some_and(|it| it.volume.is_some() && it.volume == volume.replaces);
            let copy = all.iter().copied().find(copy_of);
            let source =
                before.and_then(|it| all.iter().copied().find(|volume| it.volume.as_ref() == Some(&volume.id)));
            let mut left = Left { older: before.map(|it| it.older.clone()).unwrap_or_default(), ..Left::default() };
            let current = match (copy, source) {
                // A node has had it, and may have written to it: it counts, and its source is only old.
                (Some(copy), source) if now.attached.contains(&copy.id) => {
                    left.older.extend(source.map(|it| it.id.clone()));
                    Some(copy)
                }
                (Some(copy), Some(source)) => {
                    self.spare.insert(copy.id.clone());
                    Some(source)
                }
                (None, Some(source)) => Some(source),
                (Some(only), None) => Some(only),
                (None, None) => newest(&all, &left.older),
            };
            let elsewhere = |it: &&Volume| self.zone.as_ref().is_some_and(|zone| *zone != it.zone);
            left.volume = current.filter(elsewhere).map(|it| it.id.clone());
            if left != Left::default() {
                let entry = self.left.entry(node).or_default();
                (entry.volume, entry.older) = (left.volume, left.older);
            }
        }
    }

    /// Whether there is nothing to be moved.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.left.is_empty()
    }

    /// The node that has left an instance.
    #[must_use]
    pub fn of_instance(&self, instance: &Instance) -> Option<u32> {
        let of_request = |left: &Left| instance.request_id.as_ref().is_some_and(|id| left.requests.contains(id));
        self.node(|left| left.instances.contains(&instance.id) || of_request(left))
    }

    /// The node that has left a spot request.
    #[must_use]
    pub fn of_request(&self, request: &SpotRequest) -> Option<u32> {
        self.node(|left| left.requests.contains(&request.id))
    }

    /// Whether anything of the old place has this id: the planner sees only what is not left, or is left last.
    #[must_use]
    pub fn has_left(&self, id: &str) -> bool {
        self.is_old_volume(id)
            || self.spare.contains(id)
            || self.left.values().any(|left| left.instances.contains(id) || left.requests.contains(id))
    }

    /// Whether a volume is one that a node has left, with all that was on it.
    #[must_use]
    pub fn is_old_volume(&self, id: &str) -> bool {
        self.left.values().any(|left| left.volume.as_deref() == Some(id) || left.older.contains(id))
    }

    fn node(&self, has: impl Fn(&Left) -> bool) -> Option<u32> {
        self.left.iter().find(|(_, left)| has(left)).map(|(node, _)| *node)
    }
}

/// The volume of a node that counts: one that another was put in the place of does not.
fn newest<'a>(all: &[&'a Volume], older: &BTreeSet<String>) -> Option<&'a Volume> {
    let replaced = |id: &str| all.iter().any(|it| it.replaces.as_deref() == Some(id));
    all.iter().copied().find(|it| !replaced(&it.id) && !older.contains(&it.id))
}

/// The demand that a target makes of what was asked for before.
#[must_use]
pub fn demand(target: &Target, before: &Demand) -> Demand {
    match &target.types {
        Some(types) => Demand::Types(types.clone()),
        None => before.clone(),
    }
}
