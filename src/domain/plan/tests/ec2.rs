//! A small EC2: lifecycles by the second, things that show late or go missing from a list for a moment, client
//! tokens, capacity. It keeps the truth, and notes each call that breaks a rule that no call may ever break.

mod calls;
mod interfaces;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::domain::call::{Call, Launch, Made};
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::Interruption;
use crate::domain::market::Market;
use crate::domain::observed::{
    Instance, InstanceState, Interface, Observed, Probe, RequestState, SecurityGroup, SpotRequest, Volume, VolumeState,
};

use super::fixture;

/// How late a new thing may show, seconds.
const SHOWS_LATE: i64 = 55;
/// How old what a list says of a thing may be, and for how long a list may omit a thing, seconds.
const STALE: i64 = 5;

/// A group that the user brings.
pub const OWN_GROUP: &str = "sg-own";

/// A seeded source of noise (splitmix64).
pub struct Noise(pub u64);

impl Noise {
    pub fn below(&mut self, end: i64) -> i64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % end.unsigned_abs()).cast_signed()
    }

    pub fn one_in(&mut self, n: i64) -> bool {
        self.below(n) == 0
    }
}

/// A thing of EC2's with its past: lists are behind the truth.
pub struct Thing<T> {
    pub it: T,
    pub node: u32,
    /// When it next goes on to another state by itself.
    pub due: Option<Timestamp>,
    shows_at: Timestamp,
    past: Vec<(Timestamp, T)>,
    omitted_until: Timestamp,
    was_listed: bool,
}

impl<T: Clone + PartialEq> Thing<T> {
    fn new(it: T, node: u32, now: Timestamp, shows_at: Timestamp) -> Self {
        Self { past: vec![(now, it.clone())], it, node, due: None, shows_at, omitted_until: now, was_listed: true }
    }

    /// Notes the state that it has now, for lists that are behind.
    fn note(&mut self, now: Timestamp) {
        if self.past.last().is_none_or(|(_, last)| *last != self.it) {
            self.past.push((now, self.it.clone()));
        }
    }

    /// What a list says of it.
    fn listed(&mut self, now: Timestamp, noise: &mut Noise) -> Option<T> {
        let (changed, _) = *self.past.last().map(|(at, it)| (at, it)).as_ref()?;
        // Only what changed lately is ever wrong, and nothing is left out again before it was listed again.
        let settled = now.duration_since(*changed) > secs(30);
        if !settled && self.was_listed && noise.one_in(8) {
            (self.omitted_until, self.was_listed) = (now + secs(noise.below(STALE)), false);
        }
        if now < self.shows_at || now < self.omitted_until {
            return None;
        }
        self.was_listed = true;
        let seen_at = now - secs(if noise.one_in(3) { noise.below(STALE) } else { 0 });
        let first = self.past.first().map(|(_, it)| it);
        self.past.iter().rev().find(|(at, _)| *at <= seen_at).map(|(_, it)| it).or(first).cloned()
    }
}

pub fn secs(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

/// The region.
pub struct Ec2 {
    pub now: Timestamp,
    pub noise: Noise,
    pub instances: BTreeMap<String, Thing<Instance>>,
    pub requests: BTreeMap<String, Thing<SpotRequest>>,
    pub volumes: BTreeMap<String, Thing<Volume>>,
    pub interfaces: BTreeMap<String, Thing<Interface>>,
    group: Option<Thing<SecurityGroup>>,
    key: bool,
    tokens: BTreeMap<Uuid, (Call, Made)>,
    launches: BTreeMap<String, Launch>,
    /// How many instances each pool still takes; a pool that is not here takes all.
    pub room: BTreeMap<(String, String), u32>,
    /// Nodes whose addresses others may know by now, for as long as the environment is to have these nodes.
    pub known_addresses: BTreeMap<u32, String>,
    /// Whether the user asked for the volumes' end.
    pub may_delete_volumes: bool,
    /// Whether calls have been made that must never be made.
    pub violations: Vec<String>,
    made: u32,
}

type Answer = Result<Made, Failure>;

impl Ec2 {
    pub fn new(seed: u64) -> Self {
        Self {
            now: fixture::at(0),
            noise: Noise(seed),
            instances: BTreeMap::new(),
            requests: BTreeMap::new(),
            volumes: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            group: None,
            key: false,
            tokens: BTreeMap::new(),
            launches: BTreeMap::new(),
            room: BTreeMap::new(),
            known_addresses: BTreeMap::new(),
            may_delete_volumes: false,
            violations: Vec::new(),
            made: 0,
        }
    }

    /// A volume that the user had before.
    pub fn bring_volume(&mut self, id: &str, node_tag: Option<&str>, zone: &str) {
        let volume = Volume {
            id: id.to_owned(),
            node_tag: node_tag.map(str::to_owned),
            gib: 10,
            zone: zone.to_owned(),
            state: VolumeState::Available,
            replaces: None,
            attachment: None,
        };
        self.volumes.insert(id.to_owned(), Thing::new(volume, 0, self.now, self.now));
    }

    pub fn market(&self) -> Market {
        Market { key_present: self.key, ..fixture::market(self.now) }
    }

    /// What the lists say.
    pub fn look(&mut self, existing: Option<&str>) -> Observed {
        let (now, noise) = (self.now, &mut self.noise);
        let requests: Vec<SpotRequest> = self.requests.values_mut().filter_map(|it| it.listed(now, noise)).collect();
        let instances: Vec<Instance> = self.instances.values_mut().filter_map(|it| it.listed(now, noise)).collect();
        let volumes = self.volumes.iter_mut().filter(|(id, _)| !id.starts_with("vol-user") || existing == Some(id));
        let volumes: Vec<Volume> = volumes.filter_map(|(_, it)| it.listed(now, noise)).collect();
        let interfaces = self.interfaces.values_mut().filter_map(|it| it.listed(now, noise)).collect();
        let groups: Vec<SecurityGroup> = self.group.iter_mut().filter_map(|it| it.listed(now, noise)).collect();
        let running = instances.iter().filter(|it| it.state == InstanceState::Running);
        let probes = running.map(|it| (it.id.clone(), Probe::Ready)).collect();
        Observed { instances, requests, volumes, interfaces, groups, probes, ..Observed::default() }
    }

    /// Lets time pass, second by second.
    pub fn pass(&mut self, seconds: i64) {
        for _ in 0..seconds {
            self.now += secs(1);
            let due: Vec<String> = self.requests.keys().cloned().collect();
            for id in due {
                self.request_goes_on(&id);
            }
            let due: Vec<String> = self.instances.keys().cloned().collect();
            for id in due {
                self.instance_goes_on(&id);
            }
            self.volumes_go_on();
            self.interfaces_go_on();
            self.note();
        }
    }

    fn note(&mut self) {
        let now = self.now;
        self.instances.values_mut().for_each(|it| it.note(now));
        self.requests.values_mut().for_each(|it| it.note(now));
        self.volumes.values_mut().for_each(|it| it.note(now));
        self.interfaces.values_mut().for_each(|it| it.note(now));
        self.group.iter_mut().for_each(|it| it.note(now));
        for node in 0..8 {
            let live = self.live(node);
            if live.len() > 1 {
                self.violations.push(format!("node {node} is alive more than once: {live:?}"));
            }
        }
    }

    /// The live instances of a node.
    pub fn live(&self, node: u32) -> Vec<&str> {
        let live = self.instances.values().filter(|it| it.node == node && it.it.state.is_live());
        live.map(|it| it.it.id.as_str()).collect()
    }

    fn is_due(due: Option<Timestamp>, now: Timestamp) -> bool {
        due.is_some_and(|due| due <= now)
    }

    fn soon(&mut self, from: i64, to: i64) -> Option<Timestamp> {
        Some(self.now + secs(from + self.noise.below(to - from)))
    }

    fn has_room(&self, request: &SpotRequest) -> bool {
        let pool = (request.instance_type.clone(), request.zone.clone().unwrap_or_default());
        self.room.get(&pool).is_none_or(|room| *room > 0)
    }

    fn request_goes_on(&mut self, id: &str) {
        let Some(request) = self.requests.get(id).filter(|it| Self::is_due(it.due, self.now)) else { return };
        let (state, instance, room) = (request.it.state, request.it.instance_id.clone(), self.has_room(&request.it));
        let marked = request.it.status == "marked-for-stop";
        let later = self.soon(5, 30);
        match state {
            // Before the first instance, and after one that ended.
            RequestState::Open if room && self.interface_is_free(id) => self.fulfil(id),
            RequestState::Open => {
                let request = self.requests.get_mut(id).unwrap();
                request.it.status = "capacity-not-available".to_owned();
                request.due = later;
            }
            // EC2 starts what it had stopped.
            RequestState::Disabled if room => {
                let pending = self.soon(5, 20);
                let instance = self.instances.get_mut(&instance.unwrap_or_default()).unwrap();
                instance.it.state = InstanceState::Pending;
                instance.it.launched_at = Some(self.now);
                instance.due = pending;
                let request = self.requests.get_mut(id).unwrap();
                (request.it.state, request.due) = (RequestState::Active, None);
                request.it.status = "fulfilled".to_owned();
            }
            // Its notice is over.
            RequestState::Active if marked => {
                self.requests.get_mut(id).unwrap().due = None;
                self.set_instance(&instance.unwrap_or_default(), InstanceState::Stopping);
            }
            _ => self.requests.get_mut(id).unwrap().due = later,
        }
    }

    fn fulfil(&mut self, id: &str) {
        let request = &self.requests[id];
        let (node, kind) = (request.node, request.it.instance_type.clone());
        let zone = request.it.zone.clone().unwrap_or_default();
        let instance = self.new_instance(node, None, 0, &kind, &zone, id);
        self.occupy(&self.launches[id].clone(), &instance);
        let request = self.requests.get_mut(id).unwrap();
        request.it.instance_id = Some(instance);
        (request.it.state, request.due) = (RequestState::Active, None);
        request.it.status = "fulfilled".to_owned();
    }

    fn new_instance(
        &mut self,
        node: u32,
        tag: Option<String>,
        index: u32,
        kind: &str,
        zone: &str,
        request: &str,
    ) -> String {
        let (id, shows_at) = self.new_id("i");
        let root = format!("{id}-root");
        let instance = Instance {
            id: id.clone(),
            node_tag: tag,
            launch_index: index,
            state: InstanceState::Pending,
            state_reason: None,
            instance_type: kind.to_owned(),
            zone: zone.to_owned(),
            request_id: Some(request.to_owned()),
            on_demand: false,
            public_ip: None,
            private_ip: None,
            public_dns: None,
            launched_at: Some(self.now),
            ended_at: None,
            volume_ids: vec![root],
        };
        let mut thing = Thing::new(instance, node, self.now, shows_at);
        thing.due = self.soon(5, 20);
        self.instances.insert(id.clone(), thing);
        id
    }

    fn new_id(&mut self, prefix: &str) -> (String, Timestamp) {
        self.made += 1;
        let late = if self.noise.one_in(3) { self.noise.below(SHOWS_LATE) } else { self.noise.below(3) };
        (format!("{prefix}-{:03}", self.made), self.now + secs(late))
    }

    /// Puts an instance into a state that leads on to another.
    fn set_instance(&mut self, id: &str, state: InstanceState) {
        let due = self.soon(5, 25);
        let instance = self.instances.get_mut(id).unwrap();
        (instance.it.state, instance.due) = (state, due);
    }

    fn instance_goes_on(&mut self, id: &str) {
        let lag = self.soon(1, 10);
        let Some(instance) = self.instances.get_mut(id).filter(|it| Self::is_due(it.due, self.now)) else { return };
        instance.due = None;
        match instance.it.state {
            InstanceState::Pending => instance.it.state = InstanceState::Running,
            InstanceState::Stopping => {
                instance.it.state = InstanceState::Stopped;
                // The request says so a moment later.
                instance.due = lag;
            }
            InstanceState::Stopped => self.disable_request_of(id),
            InstanceState::ShuttingDown => {
                instance.it.state = InstanceState::Terminated;
                for volume in self.volumes.values_mut().filter(|it| is_on(&it.it, id)) {
                    (volume.it.state, volume.it.attachment) = (VolumeState::Available, None);
                }
                self.let_go(id);
            }
            InstanceState::Running | InstanceState::Terminated => {}
        }
    }

    fn disable_request_of(&mut self, instance: &str) {
        let back = self.soon(10, 60);
        let request = self.requests.values_mut().find(|it| it.it.instance_id.as_deref() == Some(instance));
        let Some(request) = request.filter(|it| it.it.state == RequestState::Active) else { return };
        let by_ec2 = request.it.status == "marked-for-stop";
        request.it.state = RequestState::Disabled;
        let status = if by_ec2 { "instance-stopped-no-capacity" } else { "instance-stopped-by-user" };
        request.it.status = status.to_owned();
        request.due = back.filter(|_| by_ec2);
    }

    fn volumes_go_on(&mut self) {
        let now = self.now;
        for volume in self.volumes.values_mut().filter(|it| Self::is_due(it.due, now)) {
            volume.due = None;
            match (volume.it.state, &mut volume.it.attachment) {
                (VolumeState::Creating, _) => volume.it.state = VolumeState::Available,
                (VolumeState::InUse, Some(attachment)) => attachment.attached = true,
                _ => {}
            }
        }
        self.volumes.retain(|_, it| it.it.state != VolumeState::Deleting || it.due.is_some());
    }

    /// An instance ends: by a call, by the user, or by EC2.
    pub fn end_instance(&mut self, id: &str, status: &str) {
        if !self.instances.get(id).is_some_and(|it| it.it.state.is_live()) {
            return;
        }
        self.set_instance(id, InstanceState::ShuttingDown);
        let again = self.soon(5, 60);
        let request = self.requests.values_mut().find(|it| it.it.instance_id.as_deref() == Some(id));
        let Some(request) = request.filter(|it| it.it.state.is_live()) else { return };
        request.it.status = status.to_owned();
        if request.it.persistent {
            (request.it.state, request.due) = (RequestState::Open, again);
        } else {
            (request.it.state, request.due) = (RequestState::Closed, None);
        }
    }

    /// EC2 takes a node away.
    pub fn interrupt(&mut self, id: &str) {
        let Some(launch) = self.request_of(id).and_then(|request| self.launches.get(&request)) else { return };
        let running = self.instances.get(id).is_some_and(|it| it.it.state == InstanceState::Running);
        if launch.on_interruption != Interruption::Stop || launch.one_time {
            self.end_instance(id, "instance-terminated-no-capacity");
        } else if running {
            let (notice, request) = (self.soon(2, 30), self.request_of(id));
            let request = self.requests.get_mut(&request.unwrap_or_default()).unwrap();
            if request.it.state == RequestState::Active {
                request.it.status = "marked-for-stop".to_owned();
                request.due = notice;
            }
        }
    }

    fn request_of(&self, instance: &str) -> Option<String> {
        self.instances.get(instance)?.it.request_id.clone()
    }

    /// Stops an instance at a user's word.
    pub fn stop_instance(&mut self, id: &str) -> Answer {
        let Some(instance) = self.instances.get(id) else { return refused(Class::NotYetVisible, "NotFound") };
        match instance.it.state {
            InstanceState::Pending => return refused(Class::InUse, "IncorrectInstanceState"),
            InstanceState::Running => {}
            _ => return Ok(Made::default()),
        }
        let request = self.requests.get(&self.request_of(id).unwrap_or_default());
        if !request.is_some_and(|it| it.it.persistent && it.it.state == RequestState::Active) {
            return refused(Class::BadRequest, "UnsupportedOperation");
        }
        self.set_instance(id, InstanceState::Stopping);
        Ok(Made::default())
    }

    /// What is alive or bills, volumes apart.
    pub fn alive(&self) -> Vec<String> {
        let instances = self.instances.values().filter(|it| it.it.state.is_live()).map(|it| it.it.id.clone());
        let requests = self.requests.values().filter(|it| it.it.state.is_live()).map(|it| it.it.id.clone());
        instances.chain(requests).collect()
    }

    /// Interfaces that are there.
    pub fn interfaces_left(&self) -> Vec<&str> {
        self.interfaces.values().filter(|it| it.due.is_none()).map(|it| it.it.id.as_str()).collect()
    }

    /// Managed volumes that are there.
    pub fn managed_volumes(&self) -> Vec<&str> {
        let ours = self.volumes.values().filter(|it| !it.it.id.starts_with("vol-user"));
        ours.filter(|it| it.it.state != VolumeState::Deleting).map(|it| it.it.id.as_str()).collect()
    }
}

fn is_on(volume: &Volume, instance: &str) -> bool {
    volume.attachment.as_ref().is_some_and(|it| it.instance_id == instance)
}

fn refused(class: Class, code: &str) -> Answer {
    let (action, message) = ("a call".to_owned(), "the model refuses".to_owned());
    Err(Failure { action, code: code.to_owned(), message, class })
}
