//! Launching: RunInstances with spot market options, and RequestSpotInstances for what that cannot do.

use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types as sdk;
use uuid::Uuid;

use super::act::{count, tagged};
use super::{Cloud, convert, failure};
use crate::domain::call::{Launch, Made, Tags};
use crate::domain::failure::{Class, Failure, UNKNOWN_PROFILE};
use crate::domain::intent::Interruption;
use crate::domain::tags;

/// How far an answer of the metadata service travels: one hop more than the default, for containers on the node.
const METADATA_HOPS: i32 = 2;

impl Cloud {
    pub(super) async fn run_instances(&self, launch: &Launch, token: Uuid) -> Result<Made, Failure> {
        let answer = self.run_call(launch, token).send().await;
        let answer = answer.map_err(|error| about_profile(failure::of("RunInstances", &error)))?;
        Ok(made(answer.instances()))
    }

    /// The call that launches, not sent yet: a dry run sends the very same.
    pub(super) fn run_call(&self, launch: &Launch, token: Uuid) -> RunInstancesFluentBuilder {
        let node_tags = &launch.tags;
        let mut root_tags = node_tags.clone();
        root_tags.insert(tags::ROLE.to_owned(), tags::ROLE_ROOT.to_owned());
        let shutdown =
            if launch.shutdown_terminates { sdk::ShutdownBehavior::Terminate } else { sdk::ShutdownBehavior::Stop };
        let hibernates = launch.on_interruption == Interruption::Hibernate;
        let call = self
            .ec2
            .run_instances()
            .client_token(token.to_string())
            .min_count(count(launch.at_least))
            .max_count(wanted(launch))
            .image_id(&launch.image.id)
            .instance_type(launch.pool.instance_type.as_str().into())
            .key_name(&launch.key_name)
            .user_data(&launch.user_data)
            .placement(sdk::Placement::builder().availability_zone(&launch.pool.zone).build())
            .set_instance_market_options((!launch.on_demand).then(|| spot_market(launch)))
            .instance_initiated_shutdown_behavior(shutdown)
            .metadata_options(metadata(node_tags))
            .set_iam_instance_profile(profile(launch))
            .set_block_device_mappings(Some(disks(launch)))
            .set_hibernation_options(
                hibernates.then(|| sdk::HibernationOptionsRequest::builder().configured(true).build()),
            )
            .tag_specifications(tagged(sdk::ResourceType::Instance, node_tags))
            .tag_specifications(tagged(sdk::ResourceType::Volume, &root_tags));
        // A launch without a spot request has nothing that these tags could be for, and EC2 refuses them.
        let call = match launch.on_demand {
            false => call.tag_specifications(tagged(sdk::ResourceType::SpotInstancesRequest, node_tags)),
            true => call,
        };
        // One that is there already has its tags.
        let call = match launch.interface_id {
            None => call.tag_specifications(tagged(sdk::ResourceType::NetworkInterface, node_tags)),
            Some(_) => call,
        };
        match interface(launch) {
            Some(interface) => call.network_interfaces(interface),
            None => call.security_group_ids(&launch.group_id),
        }
    }

    pub(super) async fn request_spot(&self, launch: &Launch, token: Uuid) -> Result<Made, Failure> {
        let call = self
            .ec2
            .request_spot_instances()
            .client_token(token.to_string())
            .instance_count(wanted(launch))
            .r#type(lifetime(launch))
            .set_instance_interruption_behavior(behaviour(launch))
            .set_spot_price(launch.max_price.map(|usd| usd.to_string()))
            .set_valid_until(launch.valid_until.map(convert::to_sdk_time))
            .launch_specification(specification(launch))
            .tag_specifications(tagged(sdk::ResourceType::SpotInstancesRequest, &launch.tags));
        let answer = call.send().await.map_err(|error| about_profile(failure::of("RequestSpotInstances", &error)))?;
        let ids = answer.spot_instance_requests().iter().filter_map(|request| request.spot_instance_request_id());
        Ok(Made { requests: ids.map(str::to_owned).collect(), ..Made::default() })
    }
}

/// What a spot request takes of a launch: no IMDSv2, no hibernation options, no shutdown behaviour, and no tags on what
/// it launches.
fn specification(launch: &Launch) -> sdk::RequestSpotLaunchSpecification {
    let builder = sdk::RequestSpotLaunchSpecification::builder()
        .image_id(&launch.image.id)
        .instance_type(launch.pool.instance_type.as_str().into())
        .key_name(&launch.key_name)
        .user_data(&launch.user_data)
        .placement(sdk::SpotPlacement::builder().availability_zone(&launch.pool.zone).build())
        .set_iam_instance_profile(profile(launch))
        .set_block_device_mappings(Some(disks(launch)));
    match interface(launch) {
        Some(interface) => builder.network_interfaces(interface).build(),
        None => builder.security_group_ids(&launch.group_id).build(),
    }
}

fn profile(launch: &Launch) -> Option<sdk::IamInstanceProfileSpecification> {
    let name = launch.instance_profile.as_ref()?;
    Some(sdk::IamInstanceProfileSpecification::builder().name(name).build())
}

/// Tells an unknown instance profile from other values that EC2 does not take: one that was made a moment ago is known to
/// IAM before it is known to EC2, whose message alone says which value it is about.
fn about_profile(failure: Failure) -> Failure {
    let unknown = failure.code == "InvalidParameterValue" && failure.message.contains("Invalid IAM Instance Profile");
    match unknown {
        true => Failure { code: UNKNOWN_PROFILE.to_owned(), class: Class::NotYetVisible, ..failure },
        false => failure,
    }
}

fn wanted(launch: &Launch) -> i32 {
    i32::try_from(launch.nodes.len()).unwrap_or(i32::MAX)
}

fn lifetime(launch: &Launch) -> sdk::SpotInstanceType {
    if launch.one_time { sdk::SpotInstanceType::OneTime } else { sdk::SpotInstanceType::Persistent }
}

/// EC2 refuses any behaviour but terminate for one-time requests, and that is what it does unasked.
fn behaviour(launch: &Launch) -> Option<sdk::InstanceInterruptionBehavior> {
    (!launch.one_time).then(|| launch.on_interruption.as_str().into())
}

fn spot_market(launch: &Launch) -> sdk::InstanceMarketOptionsRequest {
    // ValidUntil is taken for persistent requests only (API reference, SpotMarketOptions).
    let valid_until = launch.valid_until.filter(|_| !launch.one_time);
    let options = sdk::SpotMarketOptions::builder()
        .spot_instance_type(lifetime(launch))
        .set_instance_interruption_behavior(behaviour(launch))
        .set_max_price(launch.max_price.map(|usd| usd.to_string()))
        .set_valid_until(valid_until.map(convert::to_sdk_time))
        .build();
    sdk::InstanceMarketOptionsRequest::builder().market_type(sdk::MarketType::Spot).spot_options(options).build()
}

/// IMDSv2 alone: a request that a node can be talked into relaying gets no credentials.
fn metadata(node_tags: &Tags) -> sdk::InstanceMetadataOptionsRequest {
    let tags = if node_tags.keys().all(|key| fits_metadata(key)) {
        sdk::InstanceMetadataTagsState::Enabled
    } else {
        sdk::InstanceMetadataTagsState::Disabled
    };
    sdk::InstanceMetadataOptionsRequest::builder()
        .http_endpoint(sdk::InstanceMetadataEndpointState::Enabled)
        .http_tokens(sdk::HttpTokensState::Required)
        .http_put_response_hop_limit(METADATA_HOPS)
        .instance_metadata_tags(tags)
        .build()
}

/// Whether a tag's key may be shown by the metadata service: it becomes part of a path, and EC2 refuses the launch
/// otherwise (EC2 user guide, "View tags for your EC2 instances using instance metadata").
fn fits_metadata(key: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "+-=.,_:@".contains(c);
    !matches!(key, "." | ".." | "_index") && key.chars().all(allowed)
}

/// The network interface, which alone can ask for a public address where the subnet does not give one. `None` where EC2
/// is left to take the default subnet.
fn interface(launch: &Launch) -> Option<sdk::InstanceNetworkInterfaceSpecification> {
    let builder = sdk::InstanceNetworkInterfaceSpecification::builder().device_index(0);
    if let Some(id) = &launch.interface_id {
        // It has its own subnet and group, and no launch can delete it or give it a public address.
        return Some(builder.network_interface_id(id).build());
    }
    let subnet = launch.pool.subnet.as_ref()?;
    let builder = builder
        .subnet_id(subnet)
        .groups(&launch.group_id)
        .associate_public_ip_address(true)
        .delete_on_termination(true);
    Some(builder.build())
}

fn disks(launch: &Launch) -> Vec<sdk::BlockDeviceMapping> {
    let root = sdk::EbsBlockDevice::builder()
        .volume_type(sdk::VolumeType::Gp3)
        .volume_size(count(launch.root_gib))
        .encrypted(true)
        .delete_on_termination(true)
        .build();
    let root = sdk::BlockDeviceMapping::builder().device_name(&launch.image.root_device).ebs(root).build();
    // Not sdj: that is where the persistent volume goes.
    let letters = ('b'..='z').filter(|letter| *letter != 'j');
    let ephemeral = letters.zip(0..launch.ephemeral_disks).map(|(letter, n)| {
        let builder = sdk::BlockDeviceMapping::builder().device_name(format!("/dev/sd{letter}"));
        builder.virtual_name(format!("ephemeral{n}")).build()
    });
    std::iter::once(root).chain(ephemeral).collect()
}

/// Instances in the order of the launch, which is how a node is told from another, and their requests in that order.
fn made(instances: &[sdk::Instance]) -> Made {
    let mut instances: Vec<_> = instances.iter().filter_map(convert::instance).collect();
    instances.sort_by_key(|instance| instance.launch_index);
    Made {
        requests: instances.iter().filter_map(|instance| instance.request_id.clone()).collect(),
        instances: instances.into_iter().map(|instance| instance.id).collect(),
        ..Made::default()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::domain::demand::Arch;
    use crate::domain::market::Image;
    use crate::domain::pools::Pool;

    fn launch() -> Launch {
        Launch {
            nodes: vec![0, 1, 2],
            at_least: 3,
            pool: Pool { instance_type: "m5.large".to_owned(), zone: "us-east-1a".to_owned(), subnet: None },
            price: 0.04,
            on_demand: false,
            image: Image {
                id: "ami-1".to_owned(),
                name: "name".to_owned(),
                arch: Arch::X86_64,
                root_device: "/dev/sda1".to_owned(),
                root_gib: 8,
            },
            root_gib: 20,
            key_name: "key".to_owned(),
            group_id: "sg-1".to_owned(),
            interface_id: None,
            user_data: String::new(),
            on_interruption: Interruption::Stop,
            one_time: false,
            max_price: Some(0.05),
            valid_until: Some(jiff::Timestamp::UNIX_EPOCH),
            ephemeral_disks: 0,
            shutdown_terminates: false,
            instance_profile: None,
            tags: Tags::new(),
        }
    }

    #[test]
    fn the_tenth_ephemeral_disk_leaves_sdj_to_the_persistent_volume() {
        let disks = disks(&Launch { ephemeral_disks: 24, ..launch() });
        let names: Vec<&str> = disks.iter().filter_map(|disk| disk.device_name()).collect();
        assert_eq!(names.len(), 25);
        assert_eq!((names[0], names[1], names[9]), ("/dev/sda1", "/dev/sdb", "/dev/sdk"));
        assert!(!names.contains(&"/dev/sdj"));
        assert_eq!(disks[1].virtual_name(), Some("ephemeral0"));
    }

    #[test]
    fn a_one_time_request_is_not_told_what_it_would_refuse() {
        let options = |launch: &Launch| spot_market(launch).spot_options().unwrap().clone();
        let once = options(&Launch { one_time: true, ..launch() });
        assert_eq!(once.instance_interruption_behavior(), None);
        assert_eq!(once.valid_until(), None);
        let always = options(&launch());
        assert_eq!(always.instance_interruption_behavior(), Some(&sdk::InstanceInterruptionBehavior::Stop));
        assert!(always.valid_until().is_some());
        assert_eq!(always.max_price(), Some("0.05"));
    }

    #[test]
    fn a_tag_with_a_blank_keeps_tags_out_of_the_metadata_rather_than_failing_the_launch() {
        let of = |key: &str| metadata(&Tags::from([(key.to_owned(), "any value".to_owned())]));
        assert_eq!(of("cloudtop:env").instance_metadata_tags(), Some(&sdk::InstanceMetadataTagsState::Enabled));
        assert_eq!(of("Cost Center").instance_metadata_tags(), Some(&sdk::InstanceMetadataTagsState::Disabled));
    }

    #[test]
    fn instances_come_in_the_order_of_the_launch() {
        let instance = |id: &str, place| {
            let builder = sdk::Instance::builder().instance_id(id).ami_launch_index(place);
            builder.spot_instance_request_id(format!("sir-{id}")).build()
        };
        let made = made(&[instance("b", 1), instance("c", 2), instance("a", 0)]);
        assert_eq!(made.instances, ["a", "b", "c"]);
        assert_eq!(made.requests, ["sir-a", "sir-b", "sir-c"]);
    }

    #[test]
    fn a_subnet_brings_an_interface_with_a_public_address() {
        assert!(interface(&launch()).is_none());
        let pool = Pool { subnet: Some("subnet-1".to_owned()), ..launch().pool };
        let interface = interface(&Launch { pool, ..launch() }).unwrap();
        assert_eq!(interface.associate_public_ip_address(), Some(true));
        assert_eq!(interface.groups(), ["sg-1"]);
    }

    #[test]
    fn an_interface_that_is_there_already_is_named_alone() {
        let pool = Pool { subnet: Some("subnet-1".to_owned()), ..launch().pool };
        let interface = interface(&Launch { pool, interface_id: Some("eni-1".to_owned()), ..launch() }).unwrap();
        assert_eq!((interface.network_interface_id(), interface.device_index()), (Some("eni-1"), Some(0)));
        let unsaid = interface.subnet_id().is_none() && interface.groups().is_empty();
        assert!(unsaid && interface.delete_on_termination().is_none());
        assert_eq!(interface.associate_public_ip_address(), None);
    }
}
