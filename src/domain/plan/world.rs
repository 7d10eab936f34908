//! What is shown and remembered, sorted by node.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::call::Call;
use crate::domain::moving::Moving;
use crate::domain::observed::{Instance, InstanceState, Interface, Observed, SpotRequest, Volume, VolumeState};
use crate::domain::places::Places;
use crate::domain::record::{Known, Pending, Record, Thing};

/// Everything there is of one node.
#[derive(Clone, Debug, Default)]
pub(super) struct NodeFacts<'a> {
    /// Instances that are there or may come back.
    pub live: Vec<&'a Instance>,
    /// Instances that are being terminated.
    pub ending: Vec<&'a Instance>,
    /// Requests that have or may launch an instance.
    pub requests: Vec<&'a SpotRequest>,
    /// Requests that ended, newest last.
    pub ended_requests: Vec<&'a SpotRequest>,
    /// Its persistent volume.
    pub volume: Option<&'a Volume>,
    /// What it leaves behind in a move that is under way.
    pub left: LeftFacts<'a>,
    /// The network interfaces that were made for its address.
    pub interfaces: Vec<&'a Interface>,
    /// What EC2 said it made and does not show yet.
    pub unseen: Vec<(&'a str, &'a Known)>,
    /// Calls without an answer that may have made something of it.
    pub pending: Vec<&'a Pending>,
}

/// What a node that moves leaves behind.
#[derive(Clone, Debug, Default)]
pub(super) struct LeftFacts<'a> {
    /// Instances that are not terminated.
    pub instances: Vec<&'a Instance>,
    /// Requests that have or may launch an instance.
    pub requests: Vec<&'a SpotRequest>,
    /// The volume that it gets a copy of.
    pub volume: Option<&'a Volume>,
}

/// All nodes, and what belongs to none.
#[derive(Clone, Debug, Default)]
pub(super) struct World<'a> {
    /// By index.
    pub nodes: BTreeMap<u32, NodeFacts<'a>>,
    /// Live requests whose node cannot be told yet.
    pub stray_requests: Vec<&'a SpotRequest>,
    /// Requests that ended and whose node cannot be told.
    pub stray_ended_requests: Vec<&'a SpotRequest>,
    /// Live instances whose node cannot be told yet.
    pub stray_instances: Vec<&'a Instance>,
}

impl<'a> World<'a> {
    /// Sorts what is shown and remembered by node, without the calls that are settled.
    pub fn of(
        observed: &'a Observed,
        record: &'a Record,
        places: &Places,
        existing: Option<&str>,
        settled: &BTreeSet<Uuid>,
        moving: Option<&'a Moving>,
    ) -> Self {
        let mut world = Self::default();
        let superseded = superseded(observed);
        for instance in &observed.instances {
            if let Some(node) = moving.and_then(|it| it.of_instance(instance)) {
                world.leave_instance(node, instance, record);
                continue;
            }
            let live = instance.state.is_live()
                && !record.has_ended(&instance.id)
                && !superseded.contains(instance.id.as_str());
            match (places.node_of(&instance.id), live) {
                (Some(node), true) => world.node(node).live.push(instance),
                (Some(node), false) => world.node(node).ending.push(instance),
                (None, true) => world.stray_instances.push(instance),
                (None, false) => {}
            }
        }
        for request in &observed.requests {
            if let Some(node) = moving.and_then(|it| it.of_request(request)) {
                if request.state.is_live() && !record.has_ended(&request.id) {
                    world.node(node).left.requests.push(request);
                }
                continue;
            }
            let live = request.state.is_live() && !record.has_ended(&request.id);
            match (places.node_of(&request.id), live) {
                (Some(node), true) => world.node(node).requests.push(request),
                (Some(node), false) => world.node(node).ended_requests.push(request),
                (None, true) => world.stray_requests.push(request),
                (None, false) => world.stray_ended_requests.push(request),
            }
        }
        let mut volumes: Vec<&Volume> = Vec::new();
        for volume in &observed.volumes {
            match moving.filter(|it| it.has_left(&volume.id)) {
                None => volumes.push(volume),
                Some(moving) => world.leave_volume(moving, volume),
            }
        }
        volumes.sort_by_key(|it| (existing != Some(&it.id), it.state == VolumeState::Deleting, &it.id));
        // While both are their node's, the one that was put in the other's place counts.
        let replaced: BTreeSet<&str> = volumes
            .iter()
            .filter(|it| it.state != VolumeState::Deleting)
            .filter_map(|it| it.replaces.as_deref())
            .collect();
        for volume in volumes.into_iter().filter(|it| !replaced.contains(it.id.as_str())) {
            if let Some(node) = places.node_of(&volume.id) {
                world.node(node).volume.get_or_insert(volume);
            }
        }
        for interface in observed.interfaces.iter().filter(|it| !record.has_ended(&it.id)) {
            if let Some(node) = places.node_of(&interface.id) {
                world.node(node).interfaces.push(interface);
            }
        }
        world.add_remembered(observed, record, settled, moving);
        world
    }

    fn leave_instance(&mut self, node: u32, instance: &'a Instance, record: &Record) {
        let gone =
            instance.state == InstanceState::Terminated || (instance.state.is_live() && record.has_ended(&instance.id));
        if !gone {
            self.node(node).left.instances.push(instance);
        }
    }

    fn leave_volume(&mut self, moving: &Moving, volume: &'a Volume) {
        let of = moving.left.iter().find(|(_, left)| left.volume.as_deref() == Some(&volume.id));
        if let Some((node, _)) = of.filter(|_| volume.state != VolumeState::Deleting) {
            self.node(*node).left.volume = Some(volume);
        }
    }

    fn add_remembered(
        &mut self,
        observed: &'a Observed,
        record: &'a Record,
        settled: &BTreeSet<Uuid>,
        moving: Option<&Moving>,
    ) {
        let shown: BTreeSet<&str> = observed
            .instances
            .iter()
            .map(|it| it.id.as_str())
            .chain(observed.requests.iter().map(|it| it.id.as_str()))
            .chain(observed.volumes.iter().map(|it| it.id.as_str()))
            .chain(observed.interfaces.iter().map(|it| it.id.as_str()))
            .collect();
        let is_left = |id: &str| moving.is_some_and(|it| it.has_left(id));
        for (id, known) in &record.known {
            if let Some(node) = known.node.filter(|_| !shown.contains(id.as_str()) && !is_left(id)) {
                self.node(node).unseen.push((id, known));
            }
        }
        for pending in record.pending.iter().filter(|it| !settled.contains(&it.token)) {
            match &pending.call {
                Call::Launch(launch) | Call::RequestSpot(launch) => {
                    for node in &launch.nodes {
                        self.node(*node).pending.push(pending);
                    }
                }
                Call::CreateVolume { node, .. } | Call::CreateInterface { node, .. } => {
                    self.node(*node).pending.push(pending);
                }
                _ => {}
            }
        }
    }

    fn node(&mut self, node: u32) -> &mut NodeFacts<'a> {
        self.nodes.entry(node).or_default()
    }
}

impl<'a> NodeFacts<'a> {
    /// The instance that counts: the one that has the volume, else the one that was there first.
    pub fn instance(&self) -> Option<&'a Instance> {
        let holder = self.volume.and_then(|volume| volume.attachment.as_ref()).map(|it| it.instance_id.as_str());
        self.live.iter().copied().min_by_key(|it| (holder != Some(it.id.as_str()), it.launched_at, it.id.clone()))
    }

    /// The interface that counts: the one that is in use, else the one with the lowest id.
    pub fn interface(&self) -> Option<&'a Interface> {
        self.interfaces.iter().copied().min_by_key(|it| (!it.attached, &it.id))
    }

    /// The live request of an instance, or any live one.
    pub fn request(&self) -> Option<&'a SpotRequest> {
        let own = self.instance().and_then(|instance| {
            self.requests.iter().copied().find(|it| {
                it.instance_id.as_deref() == Some(&instance.id) || instance.request_id.as_deref() == Some(&it.id)
            })
        });
        own.or_else(|| self.requests.first().copied())
    }

    /// A launch of it that has no answer.
    pub fn pending_launch(&self) -> Option<&'a Pending> {
        self.pending.iter().copied().find(|it| matches!(it.call, Call::Launch(_) | Call::RequestSpot(_)))
    }

    /// A creation of its volume that has no answer.
    pub fn pending_volume(&self) -> Option<&'a Pending> {
        self.pending.iter().copied().find(|it| matches!(it.call, Call::CreateVolume { .. }))
    }

    /// A creation of its interface that has no answer.
    pub fn pending_interface(&self) -> Option<&'a Pending> {
        self.pending.iter().copied().find(|it| matches!(it.call, Call::CreateInterface { .. }))
    }

    /// An instance or request that EC2 said it made and does not show yet.
    pub fn unseen_launch(&self) -> Option<(&'a str, &'a Known)> {
        self.unseen.iter().copied().find(|(_, known)| matches!(known.thing, Thing::Instance | Thing::Request))
    }

    /// A volume that EC2 said it made and does not show yet.
    pub fn unseen_volume(&self) -> Option<&'a str> {
        self.unseen.iter().find(|(_, known)| known.thing == Thing::Volume).map(|(id, _)| *id)
    }

    /// An interface that EC2 said it made and does not show yet.
    pub fn unseen_interface(&self) -> Option<&'a str> {
        self.unseen.iter().find(|(_, known)| known.thing == Thing::Interface).map(|(id, _)| *id)
    }
}

/// Instances in whose place EC2 has put another: it launches for a request again only when the last one is gone, so
/// a list that shows both alive is behind with the older.
fn superseded(observed: &Observed) -> BTreeSet<&str> {
    let mut newest: BTreeMap<&str, &Instance> = BTreeMap::new();
    let mut older = BTreeSet::new();
    for instance in observed.instances.iter().filter(|it| it.state.is_live()) {
        let Some(request) = instance.request_id.as_deref() else { continue };
        let Some(other) = newest.insert(request, instance) else { continue };
        if other.launched_at > instance.launched_at {
            newest.insert(request, other);
            older.insert(instance.id.as_str());
        } else {
            older.insert(other.id.as_str());
        }
    }
    older
}

/// How long ago, in words for the user.
pub(super) fn ago(at: Timestamp, now: Timestamp) -> SignedDuration {
    now.duration_since(at).max(SignedDuration::ZERO)
}
