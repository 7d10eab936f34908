//! What has our tags and no use any more: of environments that no state knows, and of those that are known.
//!
//! Something that is in doubt is listed and not ended unless it is named by its id; what holds data is never anything
//! else.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::environment::Environment;
use super::found::Found;
use super::intent::{Goal, Intent};
use super::lifecycle;
use super::money::{self, HOURS_PER_MONTH};
use super::names::Identity;
use super::nodes;
use super::observed::{Instance, InstanceState, Interface, RequestState, SpotRequest, Volume, VolumeState};
use super::tags;

/// One thing that has no use any more.
#[derive(Clone, Debug, PartialEq)]
pub struct Leftover {
    /// What it is.
    pub kind: Kind,
    /// Its id; an environment's and a key pair's is its name.
    pub id: String,
    /// The environment that it is of, and whose that is.
    pub of: Identity,
    /// The region.
    pub region: String,
    /// When it was made, where EC2 tells.
    pub made_at: Option<Timestamp>,
    /// What it costs while it is there.
    pub cost: Cost,
    /// Why it is listed, in words.
    pub why: String,
    /// How it may be ended.
    pub ending: Ending,
    /// The ids of what it consists of, where it is a whole environment; of an instance its live spot request.
    pub parts: Vec<String>,
}

/// What a leftover is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// All that computes for an environment, with its security group and key pair.
    Environment,
    /// An instance.
    Instance,
    /// A spot request.
    Request,
    /// A network interface.
    Interface,
    /// A security group.
    Group,
    /// A key pair.
    Key,
    /// A volume.
    Volume,
    /// A snapshot.
    Snapshot,
}

impl Kind {
    /// The word in tables and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Environment => "environment",
            Self::Instance => "instance",
            Self::Request => "spot request",
            Self::Interface => "interface",
            Self::Group => "security group",
            Self::Key => "key pair",
            Self::Volume => "volume",
            Self::Snapshot => "snapshot",
        }
    }

    /// Whether somebody's work may be on it.
    #[must_use]
    pub fn holds_data(self) -> bool {
        matches!(self, Self::Volume | Self::Snapshot)
    }
}

/// How a leftover may be ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With all others: nothing is lost by it.
    WithOthers,
    /// Only when it is named.
    ByName,
    /// Not at all: it is another installation's.
    NotOurs,
}

/// What a thing costs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cost {
    /// Pools (type, zone) of instances that run.
    pub pools: Vec<(String, String)>,
    /// GiB of volumes.
    pub gib: u64,
    /// GiB of the volumes that snapshots are of.
    pub snapshot_gib: u32,
}

impl Cost {
    /// USD a month, as far as prices of pools are known; `true` where one is not.
    #[must_use]
    pub fn per_month(&self, region: &str, prices: &BTreeMap<(String, String), f64>) -> (f64, bool) {
        let hourly = self.pools.iter().map(|pool| prices.get(pool));
        let unknown = hourly.clone().any(|price| price.is_none());
        let hourly: f64 = hourly.flatten().sum();
        let storage = money::gp3_per_month(region, self.gib).0 + money::snapshot_per_month(self.snapshot_gib);
        (hourly * HOURS_PER_MONTH + storage, unknown)
    }
}

/// The leftovers of one environment in one region. `known` is what the state says of it; `ours` whether it is this
/// installation's.
#[must_use]
pub fn leftovers(
    found: &Found,
    known: Option<&Environment>,
    ours: bool,
    region: &str,
    now: Timestamp,
) -> Vec<Leftover> {
    let mut sorter = Sorter { found, region, now, all: Vec::new() };
    let intent = known.map(|it| &it.intent).filter(|intent| intent.region == region);
    match intent.map(|it| (it.goal, it)) {
        None if ours => sorter.whole("no state knows it"),
        None => sorter.whole("it is another installation's"),
        Some((Goal::Gone { .. }, _)) => sorter.whole("its environment was ended"),
        Some((Goal::Running | Goal::Stopped, intent)) => sorter.of_living(intent),
    }
    if !ours {
        for leftover in &mut sorter.all {
            leftover.ending = Ending::NotOurs;
        }
    }
    sorter.all
}

struct Sorter<'a> {
    found: &'a Found,
    region: &'a str,
    now: Timestamp,
    all: Vec<Leftover>,
}

impl<'a> Sorter<'a> {
    /// An environment that should not be there: what computes in one line, what is kept apart.
    fn whole(&mut self, why: &str) {
        if self.found.is_alive() {
            let tagged = self.found.tag(tags::EXPIRES).and_then(|text| text.parse().ok());
            let why = match self.expired(tagged) {
                Some(since) => format!("{why}; {since}"),
                None => why.to_owned(),
            };
            self.environment(&why);
        } else {
            for group in &self.found.observed.groups {
                self.put(
                    Kind::Group,
                    &group.id,
                    Cost::default(),
                    &format!("{why}, and nothing is in it"),
                    Ending::WithOthers,
                );
            }
            for key in &self.found.observed.keys {
                self.put(
                    Kind::Key,
                    &key.name,
                    Cost::default(),
                    &format!("{why}, and nothing runs"),
                    Ending::WithOthers,
                );
            }
        }
        self.interfaces(|_| false);
        for volume in self.found.observed.volumes.iter().filter(|it| is_free(it)) {
            self.volume(volume, &format!("kept: {why}"));
        }
        self.roots();
        for snapshot in &self.found.spare.snapshots {
            let cost = Cost { snapshot_gib: snapshot.gib, ..Cost::default() };
            self.put(
                Kind::Snapshot,
                &snapshot.id,
                cost,
                &format!("kept: a snapshot of {}", snapshot.volume_id),
                Ending::ByName,
            );
        }
    }

    /// What is too much of an environment that should be there.
    fn of_living(&mut self, intent: &Intent) {
        if let Some(since) = self.expired(intent.expires_at).filter(|_| self.found.is_alive()) {
            self.environment(&since);
        } else {
            self.doubles(intent);
        }
        self.groups(intent);
        self.interfaces(|it| intent.fixed_addresses && it.keeps_address && of_a_node(it, intent.nodes));
        self.spare_volumes(intent.nodes);
        self.roots();
    }

    /// Free volumes of nodes that are no more, and of nodes that have another.
    fn spare_volumes(&mut self, nodes: u32) {
        let volumes = &self.found.observed.volumes;
        let node_of = |it: &Volume| it.node_tag.as_deref().and_then(|tag| tag.parse::<u32>().ok());
        for volume in volumes.iter().filter(|it| is_free(it)) {
            let Some(node) = node_of(volume) else { continue };
            let other = volumes.iter().find(|it| it.attachment.is_some() && node_of(it) == Some(node));
            if node >= nodes {
                self.volume(volume, "kept: its node is no more; it is used again when the environment grows");
            } else if let Some(other) = other {
                self.volume(volume, &format!("kept: node {node} has {}", other.id));
            }
        }
    }

    /// More than one instance or request of a node, nodes too many, and instances whose request is cancelled.
    fn doubles(&mut self, intent: &Intent) {
        let seen = &self.found.observed;
        let mut by_node: BTreeMap<u32, Vec<&Instance>> = BTreeMap::new();
        for instance in seen.instances.iter().filter(|it| it.state.is_live()) {
            if let Some(node) = self.node_of(instance) {
                by_node.entry(node).or_default().push(instance);
            }
        }
        for (node, instances) in by_node {
            let holder = |it: &Instance| {
                seen.volumes.iter().any(|volume| volume.attachment.as_ref().is_some_and(|at| at.instance_id == it.id))
            };
            let kept = instances.iter().min_by_key(|it| (!holder(it), it.launched_at, &it.id)).map(|it| &it.id);
            for instance in &instances {
                if node >= intent.nodes {
                    let why =
                        format!("it is node {node}, and the environment has {}: `up` was not finished", intent.nodes);
                    self.instance(instance, &why, Ending::WithOthers);
                } else if kept != Some(&instance.id) {
                    let first = kept.map_or("", String::as_str);
                    self.instance(instance, &format!("node {node} is {first} already"), Ending::WithOthers);
                } else if seen.requests.iter().any(|it| is_orphaned_by(instance, it)) {
                    let why = format!(
                        "node {node} of {}, but its spot request is cancelled: it runs on and bills, and will not come back once it is taken away",
                        self.found.identity.env
                    );
                    self.instance(instance, &why, Ending::ByName);
                }
            }
            let Some(kept) = kept else { continue };
            let idle = |it: &&SpotRequest| {
                it.state == RequestState::Open
                    && it.instance_id.as_ref().is_none_or(|id| !seen.instances.iter().any(|other| other.id == *id))
                    && it.node_tag.as_deref().and_then(|tag| tag.parse::<u32>().ok()) == Some(node)
                    && !instances.iter().any(|instance| instance.request_id.as_ref() == Some(&it.id))
            };
            for request in seen.requests.iter().filter(idle) {
                let why = format!("node {node} is {kept} already, and this would launch another");
                self.put(Kind::Request, &request.id, Cost::default(), &why, Ending::WithOthers);
            }
        }
    }

    fn node_of(&self, instance: &Instance) -> Option<u32> {
        let own = instance.node_tag.as_deref().and_then(|tag| nodes::at(tag, instance.launch_index));
        let of_request = || {
            let request = self.found.observed.requests.iter().find(|it| is_of(instance, it))?;
            request.node_tag.as_deref()?.parse().ok()
        };
        own.or_else(of_request)
    }

    /// Groups beside the one that the instances are in.
    fn groups(&mut self, intent: &Intent) {
        let (groups, in_use) = (&self.found.observed.groups, &self.found.terms.group_ids);
        let used = |id: &String| in_use.contains(id) || (in_use.is_empty() && intent.security_group.is_none());
        for group in groups.iter().filter(|it| !used(&it.id)) {
            self.put(Kind::Group, &group.id, Cost::default(), "no instance is in it", Ending::WithOthers);
        }
    }

    /// Interfaces that nothing has, but those that are kept.
    fn interfaces(&mut self, kept: impl Fn(&Interface) -> bool) {
        for interface in self.found.spare.interfaces.iter().filter(|it| !it.attached && !kept(it)) {
            self.put(Kind::Interface, &interface.id, Cost::default(), "nothing is attached to it", Ending::WithOthers);
        }
    }

    /// Root volumes go with their instances, unless somebody has changed that; what a restore put aside is kept.
    fn roots(&mut self) {
        for volume in self.found.spare.roots.iter().filter(|it| is_free(it)) {
            self.volume(volume, "kept: a root disk whose instance is gone");
        }
        for volume in self.found.spare.put_aside.iter().filter(|it| is_free(it)) {
            self.volume(volume, "kept: `volume restore` made it, or has put another in its place");
        }
    }

    fn environment(&mut self, why: &str) {
        let seen = &self.found.observed;
        let live: Vec<&Instance> = seen.instances.iter().filter(|it| it.state.is_live()).collect();
        let requests = seen.requests.iter().filter(|it| it.state.is_live());
        let parts: Vec<String> = live.iter().map(|it| it.id.clone()).chain(requests.map(|it| it.id.clone())).collect();
        let on_live = |volume: &&Volume| {
            volume.attachment.as_ref().is_some_and(|at| live.iter().any(|it| it.id == at.instance_id))
        };
        let cost = Cost {
            pools: live.iter().filter(|it| bills(it)).map(|it| (it.instance_type.clone(), it.zone.clone())).collect(),
            gib: self.found.spare.roots.iter().filter(on_live).map(|it| u64::from(it.gib)).sum(),
            ..Cost::default()
        };
        let made_at = parts.iter().filter_map(|id| self.found.made_at.get(id)).min().copied();
        let name = self.found.identity.env.to_string();
        self.put(Kind::Environment, &name, cost, why, Ending::WithOthers);
        if let Some(last) = self.all.last_mut() {
            (last.parts, last.made_at) = (parts, made_at);
        }
    }

    fn instance(&mut self, instance: &Instance, why: &str, ending: Ending) {
        let pool = (instance.instance_type.clone(), instance.zone.clone());
        let cost = Cost { pools: if bills(instance) { vec![pool] } else { Vec::new() }, ..Cost::default() };
        self.put(Kind::Instance, &instance.id, cost, why, ending);
        let live = self.found.observed.requests.iter().filter(|it| it.state.is_live());
        let requests: Vec<String> = live.filter(|it| is_of(instance, it)).map(|it| it.id.clone()).collect();
        if let Some(last) = self.all.last_mut() {
            last.parts = requests;
        }
    }

    fn volume(&mut self, volume: &Volume, why: &str) {
        let cost = Cost { gib: u64::from(volume.gib), ..Cost::default() };
        self.put(Kind::Volume, &volume.id, cost, why, Ending::ByName);
    }

    fn put(&mut self, kind: Kind, id: &str, cost: Cost, why: &str, ending: Ending) {
        self.all.push(Leftover {
            kind,
            id: id.to_owned(),
            of: self.found.identity.clone(),
            region: self.region.to_owned(),
            made_at: self.found.made_at.get(id).copied(),
            cost,
            why: why.to_owned(),
            ending,
            parts: Vec::new(),
        });
    }

    /// Since when its time is over, in words.
    fn expired(&self, at: Option<Timestamp>) -> Option<String> {
        let at = at.filter(|at| *at <= self.now)?;
        Some(format!("its time was over at {}", at.strftime("%F %R UTC")))
    }
}

fn is_of(instance: &Instance, request: &SpotRequest) -> bool {
    instance.request_id.as_deref() == Some(&request.id) || request.instance_id.as_deref() == Some(&instance.id)
}

fn is_orphaned_by(instance: &Instance, request: &SpotRequest) -> bool {
    is_of(instance, request) && lifecycle::leaves_instance(request)
}

/// Whether an interface is of one of the environment's nodes, of which there are so many.
fn of_a_node(interface: &Interface, nodes: u32) -> bool {
    interface.node_tag.as_deref().and_then(|tag| tag.parse::<u32>().ok()).is_some_and(|node| node < nodes)
}

/// Whether nothing has the volume.
fn is_free(volume: &Volume) -> bool {
    matches!(volume.state, VolumeState::Available | VolumeState::Error)
}

fn bills(instance: &Instance) -> bool {
    matches!(instance.state, InstanceState::Pending | InstanceState::Running | InstanceState::Stopping)
}
