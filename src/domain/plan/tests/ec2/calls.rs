//! What the model does with each call.

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::call::{Call, Launch, Made};
use crate::domain::failure::Class;
use crate::domain::nodes;
use crate::domain::observed::{
    Attachment, InstanceState, RequestState, SecurityGroup, SpotRequest, Volume, VolumeState,
};

use super::{Answer, Ec2, OWN_GROUP, Thing, refused};

impl Ec2 {
    /// Performs a call.
    pub fn perform(&mut self, token: Uuid, call: &Call) -> Answer {
        if let Some((known, made)) = self.tokens.get(&token) {
            if known != call {
                self.violations.push(format!("token {token} for another call: {call}"));
            }
            return Ok(made.clone());
        }
        let answer = match call {
            Call::Launch(launch) => self.launch(launch),
            Call::RequestSpot(launch) => self.request_spot(launch),
            Call::CreateVolume { node, zone, gib, .. } => self.create_volume(*node, zone, *gib),
            Call::ImportKey { .. } if self.key => refused(Class::Exists, "InvalidKeyPair.Duplicate"),
            Call::ImportKey { .. } => {
                self.key = true;
                Ok(Made::default())
            }
            Call::DeleteKey { .. } => {
                self.key = false;
                Ok(Made::default())
            }
            Call::CreateGroup { vpc_id, .. } => self.create_group(vpc_id),
            Call::DeleteGroup { .. } => self.delete_group(),
            Call::AllowSsh { cidr, .. } => self.change_group(|group| group.ssh_from.push(cidr.clone())),
            Call::RevokeSsh { cidr, .. } => self.change_group(|group| group.ssh_from.retain(|it| it != cidr)),
            Call::AllowItself { .. } => self.change_group(|group| group.open_to_itself = true),
            Call::Tag { ids, node } => self.tag(ids, *node),
            Call::Attach { volume_id, instance_id, device } => self.attach(volume_id, instance_id, device),
            Call::CancelRequests { ids } => self.cancel(ids),
            Call::Terminate { ids } => self.terminate(ids),
            Call::Stop { ids, .. } => {
                ids.iter().map(|id| self.stop_instance(id)).fold(Ok(Made::default()), Result::and)
            }
            Call::Start { ids } => ids.iter().map(|id| self.start(id)).fold(Ok(Made::default()), Result::and),
            Call::DeleteVolume { id } => self.delete_volume(id),
            Call::CreateInterface { node, zone, subnet_id, .. } => self.create_interface(*node, zone, subnet_id),
            Call::MakePublic { id } => self.make_public(id),
            Call::DeleteInterface { id } => self.delete_interface(id),
            // The model knows no snapshots and images: they are played on the built-in EC2.
            Call::DeleteSnapshot { .. }
            | Call::CreateSnapshot { .. }
            | Call::CopySnapshot { .. }
            | Call::CreateImage { .. }
            | Call::DeregisterImage { .. }
            | Call::Enlarge { .. }
            | Call::SetTags { .. }
            | Call::Detach { .. } => Ok(Made::default()),
        };
        if let Ok(made) = &answer
            && call.takes_token()
        {
            self.tokens.insert(token, (call.clone(), made.clone()));
        }
        self.note();
        answer
    }

    /// Nothing may be launched for a node that is there or may come.
    fn check_launch(&mut self, node: u32) {
        let live = self.live(node).join(" ");
        let open = self.requests.values().filter(|it| it.node == node && it.it.state.is_live());
        let open: Vec<&str> = open.map(|it| it.it.id.as_str()).collect();
        if !live.is_empty() || !open.is_empty() {
            self.violations.push(format!("a second launch for node {node}, which has {live} {open:?}"));
        }
    }

    fn launch(&mut self, launch: &Launch) -> Answer {
        if (self.group.is_none() && launch.group_id != OWN_GROUP) || !self.key {
            return refused(Class::NotYetVisible, "InvalidGroup.NotFound");
        }
        let pool = (launch.pool.instance_type.clone(), launch.pool.zone.clone());
        let room = self.room.get(&pool).copied().unwrap_or(u32::MAX);
        if room < launch.at_least {
            return refused(Class::Capacity, "InsufficientInstanceCapacity");
        }
        if let Some(refusal) = self.check_interface(launch) {
            return refusal;
        }
        let mut made = Made::default();
        let tag = nodes::to_tag(&launch.nodes);
        for (index, &node) in (0..room).zip(&launch.nodes) {
            self.check_launch(node);
            let request = self.new_request(node, &tag, launch);
            let (kind, zone) = (&launch.pool.instance_type, &launch.pool.zone);
            let instance = self.new_instance(node, Some(tag.clone()), index, kind, zone, &request);
            let it = self.requests.get_mut(&request).unwrap();
            (it.it.state, it.it.instance_id, it.due) = (RequestState::Active, Some(instance.clone()), None);
            it.it.status = "fulfilled".to_owned();
            self.occupy(launch, &instance);
            made.instances.push(instance);
            made.requests.push(request);
        }
        Ok(made)
    }

    fn request_spot(&mut self, launch: &Launch) -> Answer {
        if (self.group.is_none() && launch.group_id != OWN_GROUP) || !self.key {
            return refused(Class::NotYetVisible, "InvalidGroup.NotFound");
        }
        let [node] = launch.nodes[..] else { return refused(Class::BadRequest, "one node a call") };
        if let Some(refusal) = self.check_interface(launch) {
            return refusal;
        }
        self.check_launch(node);
        let request = self.new_request(node, &node.to_string(), launch);
        Ok(Made { requests: vec![request], ..Made::default() })
    }

    fn new_request(&mut self, node: u32, tag: &str, launch: &Launch) -> String {
        let (id, shows_at) = self.new_id("sir");
        let request = SpotRequest {
            id: id.clone(),
            node_tag: Some(tag.to_owned()),
            state: RequestState::Open,
            status: "pending-evaluation".to_owned(),
            message: String::new(),
            instance_id: None,
            instance_type: launch.pool.instance_type.clone(),
            zone: Some(launch.pool.zone.clone()),
            persistent: !launch.one_time,
            created_at: Some(self.now),
            updated_at: None,
        };
        let mut thing = Thing::new(request, node, self.now, shows_at);
        thing.due = self.soon(2, 12);
        self.requests.insert(id.clone(), thing);
        self.launches.insert(id.clone(), launch.clone());
        id
    }

    fn create_volume(&mut self, node: u32, zone: &str, gib: u32) -> Answer {
        let ours = |it: &&Thing<Volume>| {
            it.node == node && !it.it.id.starts_with("vol-user") && it.it.state != VolumeState::Deleting
        };
        if let Some(there) = self.volumes.values().find(ours) {
            self.violations.push(format!("a second volume for node {node}, which has {}", there.it.id));
        }
        let (id, shows_at) = self.new_id("vol");
        let volume = Volume {
            id: id.clone(),
            node_tag: Some(node.to_string()),
            gib,
            zone: zone.to_owned(),
            state: VolumeState::Creating,
            replaces: None,
            attachment: None,
        };
        let mut thing = Thing::new(volume, node, self.now, shows_at);
        thing.due = self.soon(2, 10);
        self.volumes.insert(id.clone(), thing);
        Ok(Made { volume: Some(id), ..Made::default() })
    }

    fn create_group(&mut self, vpc_id: &str) -> Answer {
        if self.group.is_some() {
            return refused(Class::Exists, "InvalidGroup.Duplicate");
        }
        let (id, shows_at) = self.new_id("sg");
        let group =
            SecurityGroup { id: id.clone(), vpc_id: vpc_id.to_owned(), ssh_from: Vec::new(), open_to_itself: false };
        self.group = Some(Thing::new(group, 0, self.now, shows_at));
        Ok(Made { group: Some(id), ..Made::default() })
    }

    fn delete_group(&mut self) -> Answer {
        let instances = self.instances.values().any(|it| it.it.state != InstanceState::Terminated);
        if instances || !self.interfaces_left().is_empty() {
            return refused(Class::InUse, "DependencyViolation");
        }
        match self.group.take() {
            Some(_) => Ok(Made::default()),
            None => refused(Class::Gone, "InvalidGroup.NotFound"),
        }
    }

    fn change_group(&mut self, change: impl FnOnce(&mut SecurityGroup)) -> Answer {
        let Some(group) = &mut self.group else { return refused(Class::Gone, "InvalidGroup.NotFound") };
        let before = group.it.clone();
        change(&mut group.it);
        if before == group.it { refused(Class::Exists, "InvalidPermission.Duplicate") } else { Ok(Made::default()) }
    }

    fn tag(&mut self, ids: &[String], node: u32) -> Answer {
        let hidden = |shows_at: Option<Timestamp>| shows_at.is_some_and(|at| at > self.now);
        if ids.iter().any(|id| hidden(self.requests.get(id).map(|it| it.shows_at))) {
            return refused(Class::NotYetVisible, "InvalidSpotInstanceRequestID.NotFound");
        }
        for id in ids {
            if let Some(it) = self.instances.get_mut(id) {
                it.it.node_tag = Some(node.to_string());
                if it.node != node {
                    self.violations.push(format!("{id} is of node {}, and was tagged as {node}", it.node));
                }
            } else if let Some(it) = self.requests.get_mut(id) {
                it.it.node_tag = Some(node.to_string());
            }
        }
        Ok(Made::default())
    }

    fn attach(&mut self, volume: &str, instance: &str, device: &str) -> Answer {
        let due = self.soon(2, 6);
        let Some(instance) = self.instances.get(instance) else { return refused(Class::NotYetVisible, "NotFound") };
        let Some(volume) = self.volumes.get_mut(volume) else { return refused(Class::NotYetVisible, "NotFound") };
        if instance.it.state != InstanceState::Running || volume.it.state != VolumeState::Available {
            return refused(Class::InUse, "IncorrectState");
        }
        if instance.it.zone != volume.it.zone {
            return refused(Class::BadRequest, "InvalidVolume.ZoneMismatch");
        }
        let (instance_id, device) = (instance.it.id.clone(), device.to_owned());
        volume.it.state = VolumeState::InUse;
        volume.it.attachment = Some(Attachment { instance_id, device, attached: false });
        volume.due = due;
        Ok(Made::default())
    }

    fn cancel(&mut self, ids: &[String]) -> Answer {
        if ids.iter().any(|id| self.requests.get(id).is_none_or(|it| it.shows_at > self.now)) {
            return refused(Class::Gone, "InvalidSpotInstanceRequestID.NotFound");
        }
        for id in ids {
            self.cancel_one(id);
        }
        Ok(Made::default())
    }

    /// Cancels a request, at our word or the user's.
    pub fn cancel_one(&mut self, id: &str) {
        let request = self.requests.get_mut(id).unwrap();
        let before = request.it.state;
        if !before.is_live() {
            return;
        }
        (request.it.state, request.due) = (RequestState::Cancelled, None);
        let instance = request.it.instance_id.clone().unwrap_or_default();
        let alive = self.instances.get(&instance).is_some_and(|it| it.it.state.is_live());
        let status = if alive { "request-canceled-and-instance-running" } else { "canceled-before-fulfillment" };
        request.it.status = status.to_owned();
        if before == RequestState::Disabled && alive {
            self.set_instance(&instance, InstanceState::ShuttingDown);
        }
    }

    fn terminate(&mut self, ids: &[String]) -> Answer {
        if ids.iter().any(|id| self.instances.get(id).is_none_or(|it| it.shows_at > self.now)) {
            return refused(Class::Gone, "InvalidInstanceID.NotFound");
        }
        for id in ids {
            let request = self.requests.get(&self.request_of(id).unwrap_or_default());
            let live = self.instances[id].it.state.is_live();
            if live && request.is_some_and(|it| it.it.persistent && it.it.state.is_live()) {
                self.violations.push(format!("{id} is terminated while its request may launch again"));
            }
            self.end_instance(id, "instance-terminated-by-user");
        }
        Ok(Made::default())
    }

    fn start(&mut self, id: &str) -> Answer {
        let Some(instance) = self.instances.get(id) else { return refused(Class::NotYetVisible, "NotFound") };
        if instance.it.state != InstanceState::Stopped {
            return refused(Class::InUse, "IncorrectInstanceState");
        }
        let request = self.request_of(id).unwrap_or_default();
        let Some(request) = self.requests.get_mut(&request) else { return refused(Class::InUse, "no request") };
        if request.it.state != RequestState::Disabled || request.it.status != "instance-stopped-by-user" {
            return refused(Class::InUse, "IncorrectSpotRequestState");
        }
        (request.it.state, request.it.status) = (RequestState::Active, "fulfilled".to_owned());
        self.set_instance(id, InstanceState::Pending);
        self.instances.get_mut(id).unwrap().it.launched_at = Some(self.now);
        Ok(Made::default())
    }

    fn delete_volume(&mut self, id: &str) -> Answer {
        let due = self.soon(2, 8);
        let Some(volume) = self.volumes.get_mut(id) else { return refused(Class::Gone, "InvalidVolume.NotFound") };
        if volume.it.state == VolumeState::InUse {
            return refused(Class::InUse, "VolumeInUse");
        }
        if !self.may_delete_volumes || id.starts_with("vol-user") {
            self.violations.push(format!("{id} is deleted, and nobody asked for it"));
        }
        (volume.it.state, volume.due) = (VolumeState::Deleting, due);
        Ok(Made::default())
    }
}
