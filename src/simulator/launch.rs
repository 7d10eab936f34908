//! Bringing instances into being, with their disks and interfaces.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use jiff::Timestamp;

use super::network::{self, Subnet};
use super::objects::{Attachment, AttachmentState, Instance, InstanceState, Interface, Launch, Tags, Volume};
use super::protocol::Fault;
use super::sshd::deliver::Delivered;
use super::world::World;

/// The tags that a launch puts on what it makes. Those launched later by a spot request carry none: EC2 puts the tags
/// of a spot request on the request alone.
#[derive(Clone, Debug, Default)]
pub(super) struct LaunchTags {
    pub instance: Tags,
    pub volume: Tags,
    pub interface: Tags,
    pub request: Tags,
}

/// Why an instance may end before it runs, with the code and the message of its StateReason. They are those that AWS's
/// user guide ("Instance terminates immediately") and public logs show; a volume limit comes as an internal error.
pub(super) const FAILURES: [(&str, &str, &str); 5] = [
    ("Client.InternalError", "Client.InternalError", "Client.InternalError: Client error on launch"),
    (
        "Client.InvalidSnapshot.NotFound",
        "Client.InvalidSnapshot.NotFound",
        "Client.InvalidSnapshot.NotFound: The specified snapshot was not found.",
    ),
    ("Client.VolumeLimitExceeded", "Server.InternalError", "Client.VolumeLimitExceeded: Volume limit exceeded"),
    (
        "Server.InsufficientInstanceCapacity",
        "Server.InsufficientInstanceCapacity",
        "Server.InsufficientInstanceCapacity: There was insufficient instance capacity to satisfy the launch request.",
    ),
    ("Server.InternalError", "Server.InternalError", "Server.InternalError: Internal error on launch"),
];

/// Where and as part of what an instance is launched.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub launch_id: String,
    pub subnet: Subnet,
    pub reservation: String,
    pub token: Option<String>,
}

/// Makes one instance; `taken` are the addresses of the subnet that are in use.
pub(super) fn make_instance(
    world: &mut World,
    launch: &Launch,
    place: &Place,
    (index, request, tags): (u32, Option<&str>, &LaunchTags),
    taken: &mut BTreeSet<Ipv4Addr>,
    at: Timestamp,
) -> Result<String, Fault> {
    let id = world.next_id("i");
    let interface = match &launch.interface {
        Some(interface) => adopt_interface(world, interface, &id, at)?,
        None => make_interface(world, launch, place, &id, &tags.interface, taken, at)?,
    };
    let (private_ip, groups, public) = match world.interfaces.get(&interface) {
        Some(made) => (made.private_ip, made.groups.clone(), made.public),
        None => (Ipv4Addr::UNSPECIFIED, launch.groups.clone(), launch.public),
    };
    let volumes = make_disks(world, launch, place, &id, &tags.volume, at);
    let instance = Instance {
        region: launch.region.clone(),
        zone: place.subnet.zone.clone(),
        reservation: place.reservation.clone(),
        launch: place.launch_id.clone(),
        index,
        token: place.token.clone(),
        request: request.map(str::to_owned),
        state: InstanceState::Pending,
        until: Some(world.step_end(at, world.settings().pending, &id)),
        changed: at,
        cause: None,
        notice: None,
        rebalance: None,
        failure: world.settings().launch_failure.clone(),
        created: at,
        visible: world.visible_from(&id, at),
        launched: at,
        running_since: None,
        private_ip,
        public_ip: None,
        public,
        subnet: place.subnet.id.clone(),
        groups,
        interfaces: vec![interface],
        volumes,
        delivered: Delivered::default(),
        tags: tags.instance.clone(),
    };
    world.instances.put(&id, instance);
    Ok(id)
}

fn adopt_interface(world: &mut World, interface_id: &str, instance_id: &str, at: Timestamp) -> Result<String, Fault> {
    let missing = || {
        Fault::new(
            "InvalidNetworkInterfaceID.NotFound",
            format!("The networkInterface ID '{interface_id}' does not exist"),
        )
    };
    let interface = world.interfaces.edit(interface_id).ok_or_else(missing)?;
    if interface.instance.is_some() {
        return Err(Fault::new("InvalidNetworkInterface.InUse", format!("Interface: [{interface_id}] in use.")));
    }
    interface.instance = Some(instance_id.to_owned());
    interface.attached = Some(at);
    Ok(interface_id.to_owned())
}

fn make_interface(
    world: &mut World,
    launch: &Launch,
    place: &Place,
    instance_id: &str,
    tags: &Tags,
    taken: &mut BTreeSet<Ipv4Addr>,
    at: Timestamp,
) -> Result<String, Fault> {
    let id = world.next_id("eni");
    let private_ip = match launch.private_ip {
        Some(address) => network::take_address(&place.subnet, taken, address).map(|()| address)?,
        None => network::free_address(&place.subnet, taken, &id)?,
    };
    let interface = Interface {
        region: launch.region.clone(),
        subnet: place.subnet.id.clone(),
        private_ip,
        groups: launch.groups.clone(),
        description: String::new(),
        instance: Some(instance_id.to_owned()),
        attached: Some(at),
        delete_on_termination: true,
        public: launch.public,
        created: at,
        visible: world.visible_from(&id, at),
        tags: tags.clone(),
    };
    world.interfaces.put(&id, interface);
    Ok(id)
}

fn make_disks(
    world: &mut World,
    launch: &Launch,
    place: &Place,
    instance_id: &str,
    tags: &Tags,
    at: Timestamp,
) -> Vec<String> {
    let mut volumes = Vec::with_capacity(launch.disks.len());
    for disk in &launch.disks {
        let id = world.next_id("vol");
        let attachment = Attachment {
            instance: instance_id.to_owned(),
            device: disk.device.clone(),
            state: AttachmentState::Attached,
            until: None,
            at,
            delete_on_termination: disk.delete_on_termination,
        };
        let volume = Volume {
            region: launch.region.clone(),
            zone: place.subnet.zone.clone(),
            size: disk.size,
            kind: disk.kind.clone(),
            iops: disk.iops,
            throughput: disk.throughput,
            encrypted: disk.encrypted,
            snapshot: disk.snapshot.clone(),
            created: at,
            visible: world.visible_from(&id, at),
            ready: at,
            attachment: Some(attachment),
            stuck: false,
            modification: None,
            modified: Vec::new(),
            tags: tags.clone(),
        };
        world.volumes.put(&id, volume);
        volumes.push(id);
    }
    volumes
}
