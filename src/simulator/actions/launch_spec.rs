//! What a launch asks for, checked as EC2 checks it. RunInstances and RequestSpotInstances name it alike.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::interfaces::check_groups;
use super::{Call, groups, iam, images, keys, volumes};
use crate::simulator::catalog::{TypeInfo, find_type, offered};
use crate::simulator::images::Image;
use crate::simulator::network::{default_group_id, find_subnet};
use crate::simulator::objects::{Disk, Launch};
use crate::simulator::protocol::{Args, Fault};

/// Bytes of user data before base64.
const MOST_USER_DATA: usize = 16_384;

/// Reads a launch from RunInstances' parameters or those below LaunchSpecification.
pub(super) fn read(call: &Call<'_>, args: &Args<'_>) -> Result<Launch, Fault> {
    let image = images::launchable(call, args.need("ImageId")?)?;
    let type_info = instance_type(call, args, &image)?;
    let region = call.region_name();
    let key = args.get("KeyName").map(|name| keys::find(call.world, region, name)).transpose()?;
    let network = network(call, args)?;
    let metadata = args.under("MetadataOptions");
    let profile = args.under("IamInstanceProfile");
    let launch = Launch {
        region: region.to_owned(),
        image: image.id.clone(),
        architecture: image.architecture.clone(),
        instance_type: type_info.name.clone(),
        key: key.map(|(_, key)| key.name.clone()),
        public_key: key.map(|(_, key)| key.public_key.clone()),
        user_data: user_data(args)?,
        zone: network.zone,
        subnet: network.subnet,
        groups: network.groups,
        public: network.public,
        interface: network.interface,
        private_ip: network.private_ip,
        disks: disks(args, &image)?,
        tokens_required: metadata.get("HttpTokens") == Some("required"),
        hop_limit: metadata.number("HttpPutResponseHopLimit")?.unwrap_or(1),
        metadata_tags: metadata.get("InstanceMetadataTags") == Some("enabled"),
        shutdown_terminates: args.get("InstanceInitiatedShutdownBehavior") == Some("terminate"),
        hibernation: args.under("HibernationOptions").flag("Configured")?,
        profile: iam::profile_of_launch(call, &profile)?,
        ebs_optimized: args.flag("EbsOptimized")?,
    };
    if launch.hibernation {
        check_hibernation(&launch)?;
    }
    Ok(launch)
}

fn instance_type(call: &Call<'_>, args: &Args<'_>, image: &Image) -> Result<&'static TypeInfo, Fault> {
    let name = args.get("InstanceType").unwrap_or("m1.small");
    let found = find_type(name).ok_or_else(|| Fault::value(format!("Invalid value '{name}' for InstanceType.")))?;
    if !found.architectures.contains(&image.architecture) {
        let message = format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the specified AMI. \
             Specify an instance type and an AMI that have matching architectures, and try again. \
             You can use 'describe-instance-types' or 'describe-images' to discover the architecture of the instance type or AMI.",
            found.architectures.join(","),
            image.architecture
        );
        return Err(Fault::value(message));
    }
    if !call.region.zones.iter().any(|zone| offered(&call.region.name, &zone.name, name)) {
        let message = "The requested configuration is currently not supported. Please check the documentation for supported configurations.";
        return Err(Fault::new("Unsupported", message));
    }
    Ok(found)
}

fn user_data(args: &Args<'_>) -> Result<Option<String>, Fault> {
    let Some(text) = args.get("UserData") else { return Ok(None) };
    let decoded = STANDARD.decode(text).map_err(|_| Fault::value("Invalid BASE64 encoding of user data."))?;
    if decoded.len() > MOST_USER_DATA {
        return Err(Fault::value(format!("User data is limited to {MOST_USER_DATA} bytes")));
    }
    Ok(Some(text.to_owned()))
}

struct Network {
    zone: Option<String>,
    subnet: Option<String>,
    groups: Vec<String>,
    public: bool,
    interface: Option<String>,
    private_ip: Option<std::net::Ipv4Addr>,
}

fn network(call: &Call<'_>, args: &Args<'_>) -> Result<Network, Fault> {
    let interfaces = args.items("NetworkInterface");
    let (ids, names) = (args.list("SecurityGroupId"), args.list("SecurityGroup"));
    let Some(interface) = interfaces.first() else {
        let private_ip = args.number("PrivateIpAddress")?;
        return placed(call, args, args.get("SubnetId"), (true, None, private_ip), group_ids(call, &ids, &names)?);
    };
    if interfaces.len() > 1 {
        return Err(Fault::value("The simulator's instances have one network interface, the one with device index 0."));
    }
    if !ids.is_empty() || !names.is_empty() || args.get("SubnetId").is_some() {
        let message = "Network interfaces and an instance-level subnet ID or security groups may not be specified on the same request";
        return Err(Fault::combination(message));
    }
    if interface.number::<u32>("DeviceIndex")?.unwrap_or(0) != 0 {
        return Err(Fault::value("The first network interface must have device index 0."));
    }
    if let Some(id) = interface.get("NetworkInterfaceId") {
        let missing = || {
            Fault::new("InvalidNetworkInterfaceID.NotFound", format!("The networkInterface ID '{id}' does not exist"))
        };
        let existing = call.world.interfaces.get(id).filter(|it| it.region == call.region.name).ok_or_else(missing)?;
        if interface.get("SubnetId").is_some() || !interface.list("SecurityGroupId").is_empty() {
            return Err(Fault::combination("A network interface that exists has its own subnet and security groups."));
        }
        if interface.given("AssociatePublicIpAddress").is_some() || interface.flag("DeleteOnTermination")? {
            let message =
                "A public address and deletion on termination can be asked for with a new network interface only.";
            return Err(Fault::combination(message));
        }
        let extra = (existing.public, Some(id.to_owned()), None);
        return placed(call, args, Some(&existing.subnet), extra, existing.groups.clone());
    }
    let public = interface.maybe_flag("AssociatePublicIpAddress")?.unwrap_or(true);
    let groups = group_ids(call, &interface.list("SecurityGroupId"), &[])?;
    placed(call, args, interface.get("SubnetId"), (public, None, interface.number("PrivateIpAddress")?), groups)
}

fn placed(
    call: &Call<'_>,
    args: &Args<'_>,
    subnet: Option<&str>,
    (public, interface, private_ip): (bool, Option<String>, Option<std::net::Ipv4Addr>),
    groups: Vec<String>,
) -> Result<Network, Fault> {
    let zone = args.under("Placement").get("AvailabilityZone");
    if let Some(unknown) = zone.filter(|zone| !call.has_zone(zone)) {
        return Err(Fault::value(format!("Invalid availability zone: [{unknown}]")));
    }
    let subnet = subnet.map(|id| find_subnet(call.region_name(), id)).transpose()?;
    if let Some((zone, subnet)) = zone.zip(subnet.as_ref()).filter(|(zone, subnet)| *zone != subnet.zone) {
        let message = format!(
            "The availability zone '{zone}' does not match the availability zone '{}' of the subnet '{}'.",
            subnet.zone, subnet.id
        );
        return Err(Fault::value(message));
    }
    let zone = subnet.as_ref().map_or_else(|| zone.map(str::to_owned), |subnet| Some(subnet.zone.clone()));
    Ok(Network { zone, subnet: subnet.map(|subnet| subnet.id), groups, public, interface, private_ip })
}

/// The ids of the groups named by id and by name; the default group where none is.
pub(super) fn group_ids(call: &Call<'_>, ids: &[&str], names: &[&str]) -> Result<Vec<String>, Fault> {
    let region = call.region_name();
    check_groups(call.world, region, ids)?;
    let mut found: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
    for name in names {
        let missing = || {
            let message = format!("The security group '{name}' does not exist in default VPC");
            Fault::new("InvalidGroup.NotFound", message)
        };
        found.push(groups::by_name(call.world, region, name).ok_or_else(missing)?);
    }
    if found.is_empty() {
        found.push(default_group_id(region));
    }
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// The root disk first, whatever the order of the mappings.
fn disks(args: &Args<'_>, image: &Image) -> Result<Vec<Disk>, Fault> {
    let mut disks = vec![Disk {
        device: image.root_device_name.clone(),
        size: image.root_gib,
        kind: "gp3".to_owned(),
        iops: Some(3000),
        throughput: Some(125),
        encrypted: image.own.as_ref().is_some_and(|own| own.encrypted),
        snapshot: Some(image.root_snapshot_id.clone()),
        delete_on_termination: true,
    }];
    disks.extend(disks_beside_the_root(image)?);
    for mapping in args.items("BlockDeviceMapping") {
        let device = mapping.need("DeviceName")?;
        // Instance store is mapped, not made: the type has it or has not. NoDevice takes a mapping of the image's away.
        if mapping.get("VirtualName").is_some() || mapping.given("NoDevice").is_some() {
            disks.retain(|disk| disk.device == image.root_device_name || disk.device != device);
            continue;
        }
        let root = device == image.root_device_name;
        let disk = disk(&mapping.under("Ebs"), device, root.then_some(image))?;
        if let Some(slot) = disks.iter_mut().find(|other| other.device == device) {
            if !root {
                let message = format!("The device '{device}' is used in more than one block-device mapping");
                return Err(Fault::new("InvalidBlockDeviceMapping", message));
            }
            *slot = disk;
        } else {
            disks.push(disk);
        }
    }
    Ok(disks)
}

/// The disks that an image of the account's own brings beside the root's.
fn disks_beside_the_root(image: &Image) -> Result<Vec<Disk>, Fault> {
    let own = image.own.iter().flat_map(|own| &own.more);
    own.map(|(device, size, encrypted, snapshot)| {
        let (iops, throughput) = volumes::performance("gp3", *size, None, None)?;
        Ok(Disk {
            device: device.clone(),
            size: *size,
            kind: "gp3".to_owned(),
            iops,
            throughput,
            encrypted: *encrypted,
            snapshot: Some(snapshot.clone()),
            delete_on_termination: false,
        })
    })
    .collect()
}

fn disk(ebs: &Args<'_>, device: &str, image: Option<&Image>) -> Result<Disk, Fault> {
    if let Some(id) = ebs.get("SnapshotId").filter(|id| image.is_none_or(|image| image.root_snapshot_id != *id)) {
        return Err(Fault::new("InvalidSnapshot.NotFound", format!("The snapshot '{id}' does not exist.")));
    }
    let kind = ebs.get("VolumeType").unwrap_or(if image.is_some() { "gp3" } else { "gp2" });
    let needed = || Fault::missing("ebs.volumeSize or ebs.snapshotId");
    let size: u32 = ebs.number("VolumeSize")?.or(image.map(|image| image.root_gib)).ok_or_else(needed)?;
    if size == 0 {
        return Err(Fault::value("Value (0) for parameter volumeSize is invalid."));
    }
    if let Some(image) = image.filter(|image| size < image.root_gib) {
        let message = format!(
            "Volume of size {size}GB is smaller than snapshot '{}', expect size >= {}GB",
            image.root_snapshot_id, image.root_gib
        );
        return Err(Fault::new("InvalidBlockDeviceMapping", message));
    }
    let (iops, throughput) = volumes::performance(kind, size, ebs.number("Iops")?, ebs.number("Throughput")?)?;
    Ok(Disk {
        device: device.to_owned(),
        size,
        kind: kind.to_owned(),
        iops,
        throughput,
        encrypted: ebs.flag("Encrypted")?,
        snapshot: image.map(|image| image.root_snapshot_id.clone()),
        delete_on_termination: ebs.maybe_flag("DeleteOnTermination")?.unwrap_or(true),
    })
}

/// Hibernation wants a type that can, and an encrypted root disk that the memory fits on.
pub(super) fn check_hibernation(launch: &Launch) -> Result<(), Fault> {
    let refuse = |message: String| Err(Fault::new("UnsupportedHibernationConfiguration", message));
    let Some(type_info) = find_type(&launch.instance_type) else { return Ok(()) };
    if !type_info.hibernation {
        return refuse(format!("Hibernation is not supported for the instance type {}.", type_info.name));
    }
    let Some(root) = launch.disks.first() else { return Ok(()) };
    if !root.encrypted {
        return refuse("Hibernation requires an encrypted EBS root volume.".to_owned());
    }
    if u64::from(root.size) * 1024 < type_info.memory_mib {
        return refuse("The EBS root volume is too small to hold the memory of the instance.".to_owned());
    }
    Ok(())
}
