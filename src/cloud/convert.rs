//! SDK shapes to our own, once. What EC2 leaves out or adds tomorrow is dealt with here and nowhere else.

use aws_sdk_ec2::primitives::DateTime;
use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;

use crate::domain::call::Tags;
use crate::domain::demand::Arch;
use crate::domain::market::{Image, SpotPrice, Subnet, TypeFacts};
use crate::domain::observed::{
    Attachment, Instance, InstanceState, Interface, KeyPair, RequestState, SecurityGroup, Snapshot, SnapshotState,
    SpotRequest, Volume, VolumeState,
};
use crate::domain::tags;

/// A point in time.
pub(super) fn time(at: &DateTime) -> Option<Timestamp> {
    Timestamp::new(at.secs(), i32::try_from(at.subsec_nanos()).ok()?).ok()
}

/// A point in time for EC2, which takes whole seconds.
pub(super) fn to_sdk_time(at: Timestamp) -> DateTime {
    DateTime::from_secs(at.as_second())
}

/// All tags of a resource.
pub(super) fn tags(tags: &[sdk::Tag]) -> Tags {
    tags.iter().filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned()))).collect()
}

fn node_tag(list: &[sdk::Tag]) -> Option<String> {
    tag_value(list, tags::NODE)
}

fn tag_value(list: &[sdk::Tag], key: &str) -> Option<String> {
    let tag = list.iter().find(|tag| tag.key() == Some(key))?;
    tag.value().map(str::to_owned)
}

/// A text that is there and says something: EC2 sends empty elements for what an instance has not.
fn text(value: Option<&str>) -> Option<String> {
    value.filter(|text| !text.is_empty()).map(str::to_owned)
}

/// A count or size, which EC2 never sends negative.
fn number<T>(value: Option<impl TryInto<T>>) -> T
where
    T: Default,
{
    value.and_then(|value| value.try_into().ok()).unwrap_or_default()
}

/// An instance; `None` where EC2 sent no id.
pub(super) fn instance(from: &sdk::Instance) -> Option<Instance> {
    Some(Instance {
        id: text(from.instance_id())?,
        node_tag: node_tag(from.tags()),
        launch_index: number(from.ami_launch_index()),
        state: instance_state(from.state()),
        state_reason: text(from.state_reason().and_then(sdk::StateReason::message))
            .or_else(|| text(from.state_transition_reason())),
        instance_type: from.instance_type().map(|name| name.as_str().to_owned()).unwrap_or_default(),
        zone: text(from.placement().and_then(sdk::Placement::availability_zone)).unwrap_or_default(),
        request_id: text(from.spot_instance_request_id()),
        on_demand: from.instance_lifecycle().is_none() && text(from.spot_instance_request_id()).is_none(),
        public_ip: text(from.public_ip_address()),
        private_ip: text(from.private_ip_address()),
        public_dns: text(from.public_dns_name()),
        launched_at: from.launch_time().and_then(time),
        ended_at: from.state_transition_reason().and_then(time_in_words),
        volume_ids: from
            .block_device_mappings()
            .iter()
            .filter_map(|disk| text(disk.ebs().and_then(sdk::EbsInstanceBlockDevice::volume_id)))
            .collect(),
    })
}

/// The time in EC2's words about a change of state: `User initiated (2026-11-21 09:30:00 GMT)`.
fn time_in_words(text: &str) -> Option<Timestamp> {
    let (_, rest) = text.rsplit_once('(')?;
    let (date, clock) = rest.strip_suffix(" GMT)")?.split_once(' ')?;
    format!("{date}T{clock}Z").parse().ok()
}

fn instance_state(from: Option<&sdk::InstanceState>) -> InstanceState {
    match from.and_then(sdk::InstanceState::name) {
        Some(sdk::InstanceStateName::Pending) => InstanceState::Pending,
        Some(sdk::InstanceStateName::Running) => InstanceState::Running,
        Some(sdk::InstanceStateName::Stopping) => InstanceState::Stopping,
        Some(sdk::InstanceStateName::Stopped) => InstanceState::Stopped,
        Some(sdk::InstanceStateName::ShuttingDown) => InstanceState::ShuttingDown,
        Some(sdk::InstanceStateName::Terminated) => InstanceState::Terminated,
        // A word that is not known must neither lead to a second instance nor to an attach: wait for another.
        other => {
            tracing::debug!(?other, "unknown instance state, taken for pending");
            InstanceState::Pending
        }
    }
}

/// A spot request; `None` where EC2 sent no id.
pub(super) fn request(from: &sdk::SpotInstanceRequest) -> Option<SpotRequest> {
    let spec = from.launch_specification();
    let asked_zone = spec.and_then(sdk::LaunchSpecification::placement).and_then(sdk::SpotPlacement::availability_zone);
    Some(SpotRequest {
        id: text(from.spot_instance_request_id())?,
        node_tag: node_tag(from.tags()),
        state: request_state(from.state()),
        status: text(from.status().and_then(sdk::SpotInstanceStatus::code)).unwrap_or_default(),
        message: text(from.status().and_then(sdk::SpotInstanceStatus::message)).unwrap_or_default(),
        instance_id: text(from.instance_id()),
        instance_type: spec
            .and_then(sdk::LaunchSpecification::instance_type)
            .map(|name| name.as_str().to_owned())
            .unwrap_or_default(),
        zone: text(from.launched_availability_zone()).or_else(|| text(asked_zone)),
        persistent: from.r#type() == Some(&sdk::SpotInstanceType::Persistent),
        created_at: from.create_time().and_then(time),
        updated_at: from.status().and_then(sdk::SpotInstanceStatus::update_time).and_then(time),
    })
}

fn request_state(from: Option<&sdk::SpotInstanceState>) -> RequestState {
    match from {
        Some(sdk::SpotInstanceState::Open) => RequestState::Open,
        Some(sdk::SpotInstanceState::Active) => RequestState::Active,
        Some(sdk::SpotInstanceState::Disabled) => RequestState::Disabled,
        Some(sdk::SpotInstanceState::Closed) => RequestState::Closed,
        Some(sdk::SpotInstanceState::Cancelled) => RequestState::Cancelled,
        Some(sdk::SpotInstanceState::Failed) => RequestState::Failed,
        // Live until known otherwise: it may launch an instance that bills.
        other => {
            tracing::debug!(?other, "unknown spot request state, taken for open");
            RequestState::Open
        }
    }
}

/// A volume; `None` where EC2 sent no id, or the volume is deleted already.
pub(super) fn volume(from: &sdk::Volume) -> Option<Volume> {
    let state = match from.state() {
        Some(sdk::VolumeState::Available) => VolumeState::Available,
        Some(sdk::VolumeState::InUse) => VolumeState::InUse,
        Some(sdk::VolumeState::Deleting) => VolumeState::Deleting,
        Some(sdk::VolumeState::Error) => VolumeState::Error,
        Some(sdk::VolumeState::Deleted) => return None,
        // Neither free nor lost until EC2 says a word that is known.
        _ => VolumeState::Creating,
    };
    Some(Volume {
        id: text(from.volume_id())?,
        node_tag: node_tag(from.tags()),
        gib: number(from.size()),
        zone: text(from.availability_zone()).unwrap_or_default(),
        state,
        replaces: tag_value(from.tags(), tags::REPLACES),
        attachment: from.attachments().iter().find_map(attachment),
    })
}

fn attachment(from: &sdk::VolumeAttachment) -> Option<Attachment> {
    if from.state() == Some(&sdk::VolumeAttachmentState::Detached) {
        return None;
    }
    Some(Attachment {
        instance_id: text(from.instance_id())?,
        device: text(from.device()).unwrap_or_default(),
        attached: from.state() == Some(&sdk::VolumeAttachmentState::Attached),
    })
}

/// A security group; `ssh_port` is the port whose rules are ours, or any single port where it is not known. `None`
/// where EC2 sent no id.
pub(super) fn group(from: &sdk::SecurityGroup, ssh_port: Option<u16>) -> Option<SecurityGroup> {
    let id = text(from.group_id())?;
    let mut ssh_from = Vec::new();
    let mut open_to_itself = false;
    for rule in from.ip_permissions() {
        let one_port = rule.from_port().filter(|port| rule.to_port() == Some(*port));
        let is_ours = |port: i32| ssh_port.is_none_or(|ours| port == i32::from(ours));
        if rule.ip_protocol() == Some("tcp") && one_port.is_some_and(is_ours) {
            ssh_from.extend(rule.ip_ranges().iter().filter_map(|range| text(range.cidr_ip())));
            ssh_from.extend(rule.ipv6_ranges().iter().filter_map(|range| text(range.cidr_ipv6())));
        }
        let names_itself = rule.user_id_group_pairs().iter().any(|pair| pair.group_id() == Some(&id));
        open_to_itself |= rule.ip_protocol() == Some("-1") && names_itself;
    }
    Some(SecurityGroup { id, vpc_id: text(from.vpc_id()).unwrap_or_default(), ssh_from, open_to_itself })
}

/// A key pair; `None` where EC2 sent no name.
pub(super) fn key(from: &sdk::KeyPairInfo) -> Option<KeyPair> {
    Some(KeyPair {
        id: text(from.key_pair_id()).unwrap_or_default(),
        name: text(from.key_name())?,
        public_key: text(from.public_key().map(str::trim_end)),
    })
}

/// A network interface; `None` where EC2 sent no id.
pub(super) fn interface(from: &sdk::NetworkInterface) -> Option<Interface> {
    Some(Interface {
        id: text(from.network_interface_id())?,
        node_tag: node_tag(from.tag_set()),
        keeps_address: keeps_address(from.tag_set()),
        zone: text(from.availability_zone()).unwrap_or_default(),
        subnet_id: text(from.subnet_id()).unwrap_or_default(),
        private_ip: text(from.private_ip_address()),
        // Any other state than this one is one in which something has it.
        attached: from.status() != Some(&sdk::NetworkInterfaceStatus::Available),
        instance_id: text(from.attachment().and_then(sdk::NetworkInterfaceAttachment::instance_id)),
    })
}

fn keeps_address(list: &[sdk::Tag]) -> bool {
    list.iter().any(|tag| tag.key() == Some(tags::ROLE) && tag.value() == Some(tags::ROLE_ADDRESS))
}

/// A snapshot; `None` where EC2 sent no id.
pub(super) fn snapshot(from: &sdk::Snapshot) -> Option<Snapshot> {
    Some(Snapshot {
        id: text(from.snapshot_id())?,
        volume_id: text(from.volume_id()).unwrap_or_default(),
        gib: number(from.volume_size()),
        state: match from.state() {
            Some(sdk::SnapshotState::Completed) => SnapshotState::Completed,
            Some(sdk::SnapshotState::Error) => SnapshotState::Error,
            _ => SnapshotState::Pending,
        },
        progress: from.progress().and_then(|text| text.trim_end_matches('%').parse().ok()),
        started_at: from.start_time().and_then(time),
        description: text(from.description()).unwrap_or_default(),
        tags: tags(from.tags()),
    })
}

/// An instance type; `None` where EC2 sent no name.
pub(super) fn type_facts(from: &sdk::InstanceTypeInfo) -> Option<TypeFacts> {
    let archs = from.processor_info().map(sdk::ProcessorInfo::supported_architectures).unwrap_or_default();
    let store = from.instance_storage_info();
    let disks = store.map(sdk::InstanceStorageInfo::disks).unwrap_or_default();
    let nvme = store.and_then(sdk::InstanceStorageInfo::nvme_support);
    Some(TypeFacts {
        name: from.instance_type()?.as_str().to_owned(),
        vcpus: number(from.v_cpu_info().and_then(sdk::VCpuInfo::default_v_cpus)),
        memory_mib: number(from.memory_info().and_then(sdk::MemoryInfo::size_in_mib)),
        archs: archs.iter().filter_map(|name| arch(name.as_str())).collect(),
        spot: from.supported_usage_classes().contains(&sdk::UsageClassType::Spot),
        current_generation: from.current_generation().unwrap_or_default(),
        burstable: from.burstable_performance_supported().unwrap_or_default(),
        bare_metal: from.bare_metal().unwrap_or_default(),
        local_disk_gb: number(store.and_then(sdk::InstanceStorageInfo::total_size_in_gb)),
        local_disks: disks.iter().map(|disk| number::<u32>(disk.count())).sum(),
        local_nvme: matches!(nvme, Some(sdk::EphemeralNvmeSupport::Required | sdk::EphemeralNvmeSupport::Supported)),
        hibernation: from.hibernation_supported().unwrap_or_default(),
        gpus: gpus(from),
    })
}

/// Types that have a part of a GPU may be told of with none.
fn gpus(from: &sdk::InstanceTypeInfo) -> u32 {
    let devices = from.gpu_info().map(sdk::GpuInfo::gpus).unwrap_or_default();
    devices.iter().map(|device| number::<u32>(device.count()).max(1)).sum()
}

/// An architecture that we know; `None` for i386, the Mac ones and those to come.
pub(super) fn arch(name: &str) -> Option<Arch> {
    [Arch::X86_64, Arch::Arm64].into_iter().find(|arch| arch.as_str() == name)
}

/// A price of Linux; `None` for another product or a price that is no number.
pub(super) fn price(from: &sdk::SpotPrice) -> Option<SpotPrice> {
    // Accounts that are older than the default VPC are told of the second product, and so is nobody else.
    let product = from.product_description()?.as_str();
    if !matches!(product, "Linux/UNIX" | "Linux/UNIX (Amazon VPC)") {
        return None;
    }
    Some(SpotPrice {
        instance_type: from.instance_type()?.as_str().to_owned(),
        zone: text(from.availability_zone())?,
        usd_per_hour: from.spot_price()?.parse().ok().filter(|usd: &f64| usd.is_finite() && *usd >= 0.0)?,
        since: from.timestamp().and_then(time)?,
    })
}

/// A subnet; `None` where EC2 sent no id, zone or VPC.
pub(super) fn subnet(from: &sdk::Subnet) -> Option<Subnet> {
    Some(Subnet {
        id: text(from.subnet_id())?,
        zone: text(from.availability_zone())?,
        vpc_id: text(from.vpc_id())?,
        free_addresses: number(from.available_ip_address_count()),
        public_addresses: from.map_public_ip_on_launch().unwrap_or_default(),
    })
}

/// An image; `None` where it has an architecture or a root disk that cannot be used here.
pub(super) fn image(from: &sdk::Image) -> Option<Image> {
    let root_device = text(from.root_device_name())?;
    let root = from.block_device_mappings().iter().find(|disk| disk.device_name() == Some(&root_device));
    Some(Image {
        id: text(from.image_id())?,
        name: text(from.name()).unwrap_or_default(),
        arch: arch(from.architecture()?.as_str())?,
        root_gib: number(root.and_then(sdk::BlockDeviceMapping::ebs).and_then(sdk::EbsBlockDevice::volume_size)),
        root_device,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn an_instance_in_a_state_from_the_future_is_waited_for() {
        let state = sdk::InstanceState::builder().name(sdk::InstanceStateName::from("hovering")).build();
        let from = sdk::Instance::builder().instance_id("i-1").state(state).public_dns_name("").build();
        let instance = instance(&from).unwrap();
        assert_eq!(instance.state, InstanceState::Pending);
        assert_eq!(instance.public_dns, None);
        assert_eq!(instance.zone, "");
    }

    #[test]
    fn the_time_of_a_stop_is_read_out_of_its_reason() {
        let stopped: Timestamp = "2026-11-21T09:30:00Z".parse().unwrap();
        assert_eq!(time_in_words("User initiated (2026-11-21 09:30:00 GMT)"), Some(stopped));
        for other in ["", "Server.SpotInstanceTermination", "Odd (GMT)", "(2026-11-21 GMT)"] {
            assert_eq!(time_in_words(other), None, "{other}");
        }
    }

    #[test]
    fn an_instance_without_an_id_is_nothing() {
        assert_eq!(instance(&sdk::Instance::builder().build()), None);
    }

    #[test]
    fn a_request_that_says_little_is_still_live() {
        let request = request(&sdk::SpotInstanceRequest::builder().spot_instance_request_id("sir-1").build()).unwrap();
        assert_eq!(request.state, RequestState::Open);
        assert!(!request.persistent);
    }

    #[test]
    fn a_deleted_volume_is_not_there() {
        let from = |state| sdk::Volume::builder().volume_id("vol-1").state(state).size(8).build();
        assert_eq!(volume(&from(sdk::VolumeState::Deleted)), None);
        assert_eq!(volume(&from(sdk::VolumeState::Deleting)).unwrap().state, VolumeState::Deleting);
        assert_eq!(volume(&from(sdk::VolumeState::from("odd"))).unwrap().state, VolumeState::Creating);
    }

    #[test]
    fn a_volume_on_its_way_off_is_not_attached() {
        let on_its_way = sdk::VolumeAttachment::builder()
            .instance_id("i-1")
            .device("/dev/xvdj")
            .state(sdk::VolumeAttachmentState::Detaching)
            .build();
        let attachment = attachment(&on_its_way).unwrap();
        assert!(!attachment.attached);
    }

    #[test]
    fn only_rules_of_the_ssh_port_are_ours() {
        let rule = |protocol: &str, from: i32, to: i32, cidr: &str| {
            let range = sdk::IpRange::builder().cidr_ip(cidr).build();
            sdk::IpPermission::builder().ip_protocol(protocol).from_port(from).to_port(to).ip_ranges(range).build()
        };
        let itself = sdk::UserIdGroupPair::builder().group_id("sg-1").build();
        let from = sdk::SecurityGroup::builder()
            .group_id("sg-1")
            .ip_permissions(rule("tcp", 22, 22, "192.0.2.1/32"))
            .ip_permissions(rule("tcp", 443, 443, "0.0.0.0/0"))
            .ip_permissions(rule("tcp", 0, 65535, "10.0.0.0/8"))
            .ip_permissions(sdk::IpPermission::builder().ip_protocol("-1").user_id_group_pairs(itself).build())
            .build();
        let group = group(&from, Some(22)).unwrap();
        assert_eq!(group.ssh_from, ["192.0.2.1/32"]);
        assert!(group.open_to_itself);
    }

    #[test]
    fn prices_of_other_systems_are_left_out() {
        let from = |product: &str| {
            sdk::SpotPrice::builder()
                .product_description(product.into())
                .instance_type(sdk::InstanceType::M5Large)
                .availability_zone("us-east-1a")
                .spot_price("0.0301")
                .timestamp(DateTime::from_secs(0))
                .build()
        };
        assert_eq!(price(&from("Linux/UNIX (Amazon VPC)")).unwrap().usd_per_hour.to_string(), "0.0301");
        assert_eq!(price(&from("Windows")), None);
    }

    #[test]
    fn old_instance_store_is_not_nvme() {
        let disks = sdk::DiskInfo::builder().count(2).build();
        let store = sdk::InstanceStorageInfo::builder()
            .total_size_in_gb(80)
            .disks(disks)
            .nvme_support(sdk::EphemeralNvmeSupport::Unsupported)
            .build();
        let from = sdk::InstanceTypeInfo::builder()
            .instance_type(sdk::InstanceType::M3Xlarge)
            .instance_storage_info(store)
            .build();
        let facts = type_facts(&from).unwrap();
        assert_eq!((facts.local_disks, facts.local_disk_gb, facts.local_nvme), (2, 80, false));
    }
}
