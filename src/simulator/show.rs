//! Everything that exists, in one summary.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::door::ssh::configured;
use super::network::default_group_id;
use super::objects::{Capacity, InstanceState, Tags};
use super::world::World;
use super::{Simulator, SimulatorError};

/// Everything in the account, all regions together.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Instances, terminated ones too.
    pub instances: Vec<InstanceSummary>,
    /// Spot requests, those that are over too.
    pub spot_requests: Vec<RequestSummary>,
    /// Volumes, root volumes too.
    pub volumes: Vec<VolumeSummary>,
    /// Snapshots.
    pub snapshots: Vec<SnapshotSummary>,
    /// Security groups, without the default one of each region.
    pub security_groups: Vec<NamedSummary>,
    /// Key pairs.
    pub key_pairs: Vec<NamedSummary>,
    /// Network interfaces, those of instances too.
    pub network_interfaces: Vec<NamedSummary>,
    /// What was set about pools.
    pub pools: Vec<PoolSummary>,
    /// The rules of calls that go wrong.
    pub faults: Vec<FaultSummary>,
    /// What is still to happen by itself, and what has happened.
    pub events: Vec<EventSummary>,
    /// The settings as `cloudtop sim set` takes them.
    pub settings: BTreeMap<String, String>,
    /// How often each action was called.
    pub calls: BTreeMap<String, u64>,
}

/// A rule of calls that go wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FaultSummary {
    /// The actions.
    pub actions: String,
    /// What happens to them, in the words of `cloudtop sim set fault`.
    pub fault: String,
    /// When, in words; empty: every time.
    pub when: String,
    /// How many calls it was about.
    pub seen: u64,
    /// How many of them went wrong.
    pub struck: u64,
}

/// What happens by itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EventSummary {
    /// When, in words.
    pub when: String,
    /// What, as the scenario says it.
    pub what: String,
    /// What came of it; none: it is still to come.
    pub outcome: Option<String>,
}

/// One instance.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstanceSummary {
    /// Its id.
    pub id: String,
    /// Its zone.
    pub zone: String,
    /// Its type.
    pub instance_type: String,
    /// EC2's word for its state.
    pub state: &'static str,
    /// Whether it is terminated, and only listed still.
    pub gone: bool,
    /// The request it came from.
    pub spot_request_id: Option<String>,
    /// Its public address now.
    pub public_ip: Option<String>,
    /// Its private address.
    pub private_ip: String,
    /// Since when it runs, if it does.
    pub running_since: Option<Timestamp>,
    /// When its first boot is done and its ssh server says so, be it in the time to come; of one that runs.
    pub ready_at: Option<Timestamp>,
    /// Its tags.
    pub tags: Tags,
}

/// One spot request.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RequestSummary {
    /// Its id.
    pub id: String,
    /// Its region.
    pub region: String,
    /// EC2's word for its state.
    pub state: &'static str,
    /// Its status code.
    pub status: String,
    /// Whether it is cancelled or closed, and only listed still.
    pub gone: bool,
    /// Its instance now.
    pub instance_id: Option<String>,
    /// `stop`, `hibernate` or `terminate`.
    pub behaviour: &'static str,
    /// Whether it launches again what was lost.
    pub persistent: bool,
    /// How many instances it has launched.
    pub launches: u32,
    /// Its tags.
    pub tags: Tags,
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VolumeSummary {
    /// Its id.
    pub id: String,
    /// Its zone.
    pub zone: String,
    /// Its size in GiB.
    pub size_gib: u32,
    /// EC2's word for its state.
    pub state: &'static str,
    /// The instance it is attached to.
    pub instance_id: Option<String>,
    /// Whether it goes with that instance.
    pub delete_on_termination: bool,
    /// Its tags.
    pub tags: Tags,
}

/// One snapshot.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SnapshotSummary {
    /// Its id.
    pub id: String,
    /// The volume that it is of.
    pub volume_id: String,
    /// The size of that volume in GiB.
    pub size_gib: u32,
    /// EC2's word for its state.
    pub state: &'static str,
    /// Its tags.
    pub tags: Tags,
}

/// Something with a name or an address.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NamedSummary {
    /// Its id.
    pub id: String,
    /// Its region.
    pub region: String,
    /// Its name; of an interface its private address.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
}

/// What was set about a pool.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PoolSummary {
    /// Its region.
    pub region: String,
    /// A type, or `*`.
    pub instance_type: String,
    /// A zone, or `*`.
    pub zone: String,
    /// What is to be had of it, if that was set.
    pub capacity: Option<Capacity>,
    /// The price set by hand, in USD per hour, if one is.
    pub price: Option<f64>,
}

impl Summary {
    /// Whether nothing is left that costs or that anybody made: what is only listed still does not count.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.instances.iter().all(|it| it.gone)
            && self.spot_requests.iter().all(|it| it.gone)
            && self.volumes.is_empty()
            && self.snapshots.is_empty()
            && self.security_groups.is_empty()
            && self.key_pairs.is_empty()
            && self.network_interfaces.is_empty()
    }
}

impl Simulator {
    /// Everything that exists now.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be read.
    pub fn show(&self) -> Result<Summary, SimulatorError> {
        self.transact(|world, now| summary(world, now))
    }
}

fn summary(world: &World, now: Timestamp) -> Summary {
    Summary {
        instances: instances(world),
        spot_requests: requests(world),
        volumes: volumes(world, now),
        snapshots: snapshots(world, now),
        security_groups: groups(world),
        key_pairs: named(world.keys.iter().map(|(id, it)| (id, &it.region, it.name.clone(), &it.tags))),
        network_interfaces: named(
            world.interfaces.iter().map(|(id, it)| (id, &it.region, it.private_ip.to_string(), &it.tags)),
        ),
        pools: pools(world),
        faults: faults(world),
        events: events(world, now),
        settings: world.settings().pairs().into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        calls: world.calls.iter().map(|(action, count)| (action.clone(), *count)).collect(),
    }
}

fn instances(world: &World) -> Vec<InstanceSummary> {
    let type_of =
        |launch: &str| world.launches.get(launch).map(|launch| launch.instance_type.clone()).unwrap_or_default();
    let all = world.instances.iter().map(|(id, it)| InstanceSummary {
        id: id.clone(),
        zone: it.zone.clone(),
        instance_type: type_of(&it.launch),
        state: it.state.name(),
        gone: it.state == InstanceState::Terminated,
        spot_request_id: it.request.clone(),
        public_ip: it.public_ip.map(|address| address.to_string()),
        private_ip: it.private_ip.to_string(),
        running_since: it.running_since,
        ready_at: it.running_since.map(|since| configured(world, since)),
        tags: it.tags.clone(),
    });
    all.collect()
}

fn requests(world: &World) -> Vec<RequestSummary> {
    let all = world.requests.iter().map(|(id, it)| RequestSummary {
        id: id.clone(),
        region: it.region.clone(),
        state: it.state.name(),
        status: it.status.clone(),
        gone: it.state.is_over(),
        instance_id: it.instance.clone(),
        behaviour: it.behaviour.name(),
        persistent: it.persistent,
        launches: it.launches,
        tags: it.tags.clone(),
    });
    all.collect()
}

fn volumes(world: &World, now: Timestamp) -> Vec<VolumeSummary> {
    let all = world.volumes.iter().map(|(id, it)| VolumeSummary {
        id: id.clone(),
        zone: it.zone.clone(),
        size_gib: it.size,
        state: it.state(now),
        instance_id: it.attachment.as_ref().map(|attachment| attachment.instance.clone()),
        delete_on_termination: it.attachment.as_ref().is_some_and(|attachment| attachment.delete_on_termination),
        tags: it.tags.clone(),
    });
    all.collect()
}

fn snapshots(world: &World, now: Timestamp) -> Vec<SnapshotSummary> {
    let all = world.snapshots.iter().map(|(id, it)| SnapshotSummary {
        id: id.clone(),
        volume_id: it.volume.clone(),
        size_gib: it.size,
        state: it.state(now),
        tags: it.tags.clone(),
    });
    all.collect()
}

fn groups(world: &World) -> Vec<NamedSummary> {
    let made = world.groups.iter().filter(|(id, it)| **id != default_group_id(&it.region));
    named(made.map(|(id, it)| (id, &it.region, it.name.clone(), &it.tags)))
}

fn pools(world: &World) -> Vec<PoolSummary> {
    let all = world.pools.values().map(|it| PoolSummary {
        region: it.region.clone(),
        instance_type: it.instance_type.clone(),
        zone: it.zone.clone(),
        capacity: it.capacity,
        price: it.prices.last().and_then(|(_, price)| *price),
    });
    all.collect()
}

fn faults(world: &World) -> Vec<FaultSummary> {
    let all = world.faults.values().map(|it| FaultSummary {
        actions: it.rule.actions.clone(),
        fault: it.rule.trouble.to_string(),
        when: it.when(),
        seen: it.seen,
        struck: it.struck,
    });
    all.collect()
}

fn events(world: &World, now: Timestamp) -> Vec<EventSummary> {
    let all = world.events.values().map(|it| EventSummary {
        when: it.when(now),
        what: it.words.clone(),
        outcome: it.outcome.clone(),
    });
    all.collect()
}

fn named<'w>(all: impl Iterator<Item = (&'w String, &'w String, String, &'w Tags)>) -> Vec<NamedSummary> {
    let all = all.map(|(id, region, name, tags)| NamedSummary {
        id: id.clone(),
        region: region.clone(),
        name,
        tags: tags.clone(),
    });
    all.collect()
}
