//! What a launch is refused for, and what it makes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{Lab, RUNNING, TYPE, image, zones};
use crate::simulator::{Capacity, Settings};

fn refused(lab: &Lab, more: &[(&str, &str)]) -> String {
    let image = image();
    let mut parameters =
        vec![("ImageId", image.as_str()), ("InstanceType", TYPE), ("MinCount", "1"), ("MaxCount", "1")];
    parameters.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    parameters.extend(more);
    lab.code("RunInstances", &parameters)
}

#[tokio::test(start_paused = true)]
async fn bad_launches_are_refused_and_leave_nothing() {
    let lab = Lab::new();
    let large = STANDARD.encode(vec![b'x'; 16_385]);
    for (parameters, code) in [
        (&[("InstanceType", "c9.huge")][..], "InvalidParameterValue"),
        (&[("InstanceType", "c7g.xlarge")], "InvalidParameterValue"),
        (&[("MinCount", "0")], "InvalidParameterValue"),
        (&[("KeyName", "nobody's")], "InvalidKeyPair.NotFound"),
        (&[("SecurityGroupId.1", "sg-0123456789abcdef0")], "InvalidGroup.NotFound"),
        (&[("SubnetId", "subnet-0123456789abcdef0")], "InvalidSubnetID.NotFound"),
        (&[("UserData", &large)], "InvalidParameterValue"),
        (&[("UserData", "not base64!")], "InvalidParameterValue"),
        (&[("Placement.AvailabilityZone", "us-west-2z")], "InvalidParameterValue"),
        (
            &[("BlockDeviceMapping.1.DeviceName", "/dev/sda1"), ("BlockDeviceMapping.1.Ebs.VolumeSize", "1")],
            "InvalidBlockDeviceMapping",
        ),
        (&[("ClientToken", &large[..65])], "InvalidParameterValue"),
    ] {
        assert_eq!(refused(&lab, parameters), code, "{parameters:.60?}");
    }
    assert!(lab.simulator.show().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn kinds_and_behaviours_go_together_as_ec2_has_it() {
    let lab = Lab::new();
    let spot = |kind: &'static str, behaviour: &'static str| {
        let options = [
            ("InstanceMarketOptions.MarketType", "spot"),
            ("InstanceMarketOptions.SpotOptions.SpotInstanceType", kind),
            ("InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior", behaviour),
        ];
        refused(&lab, &options)
    };
    assert_eq!(spot("persistent", "terminate"), "InvalidParameterCombination");
    assert_eq!(spot("one-time", "stop"), "InvalidParameterCombination");
    assert_eq!(spot("one-time", "hibernate"), "InvalidParameterCombination");
    // Hibernation wants an encrypted root disk.
    assert_eq!(spot("persistent", "hibernate"), "UnsupportedHibernationConfiguration");
}

#[tokio::test(start_paused = true)]
async fn a_dry_pool_is_a_server_error_and_a_low_limit_a_client_error() {
    let lab = Lab::new();
    let zone = zones().remove(0);
    lab.simulator.set_capacity(super::REGION, TYPE, &zone, Capacity::None).unwrap();
    let image = image();
    let mut parameters = vec![
        ("ImageId", image.as_str()),
        ("InstanceType", TYPE),
        ("MinCount", "1"),
        ("MaxCount", "1"),
        ("InstanceMarketOptions.MarketType", "spot"),
        ("Placement.AvailabilityZone", &zone),
    ];
    let dry = lab.raw("RunInstances", &parameters);
    assert_eq!(dry.status, 500);
    assert!(dry.body.contains("<Code>InsufficientInstanceCapacity</Code>"));
    parameters.pop();
    let elsewhere = lab.ok("RunInstances", &parameters);
    assert_ne!(elsewhere.text("instancesSet/item/placement/availabilityZone"), zone);
    parameters.push(("InstanceMarketOptions.SpotOptions.MaxPrice", "0.001"));
    assert_eq!(lab.code("RunInstances", &parameters), "SpotMaxPriceTooLow");
    lab.simulator.set_capacity(super::REGION, TYPE, "*", Capacity::None).unwrap();
    let on_demand = lab.raw("RunInstances", &parameters[..4]).body;
    assert!(on_demand.contains("sufficient c7i.xlarge capacity in zones with support for"), "{on_demand}");
}

#[tokio::test(start_paused = true)]
async fn between_the_least_and_the_most_as_many_are_launched_as_there_is_room_for() {
    let lab = Lab::new();
    lab.simulator.set_capacity(super::REGION, "*", "*", Capacity::Count(3)).unwrap();
    assert_eq!(refused(&lab, &[("MinCount", "4"), ("MaxCount", "5")]), "InsufficientInstanceCapacity");
    assert_eq!(lab.run(&[("MinCount", "1"), ("MaxCount", "5")]).len(), 3);
    lab.simulator.set_capacity(super::REGION, TYPE, "*", Capacity::Available).unwrap();
    assert_eq!(
        refused(&lab, &[("MinCount", "4"), ("MaxCount", "5"), ("InstanceType", "m6i.large")]),
        "InsufficientInstanceCapacity"
    );
}

#[tokio::test(start_paused = true)]
async fn the_spot_quota_counts_vcpus_and_open_requests() {
    let lab = Lab::with(Settings { spot_vcpus: 8, ..Settings::default() });
    lab.simulator.set_capacity(super::REGION, "*", "*", Capacity::None).unwrap();
    lab.request("one-time", &[]);
    lab.simulator.set_capacity(super::REGION, "*", "*", Capacity::Available).unwrap();
    let spot = [("InstanceMarketOptions.MarketType", "spot"), ("MaxCount", "9")];
    assert_eq!(lab.run(&spot).len(), 1, "four of eight vCPUs wait in a request");
    assert_eq!(refused(&lab, &spot), "MaxSpotInstanceCountExceeded");
    assert_eq!(lab.run(&[]).len(), 1, "on demand has a quota of its own");
}

#[tokio::test(start_paused = true)]
async fn tags_go_where_the_specification_says_and_indexes_count_up() {
    let lab = Lab::new();
    let mut parameters = vec![("MinCount", "3".to_owned()), ("MaxCount", "3".to_owned())];
    let kinds = ["instance", "volume", "spot-instances-request", "network-interface"];
    let names: Vec<[String; 3]> = (1..=4)
        .map(|n| ["ResourceType", "Tag.1.Key", "Tag.1.Value"].map(|part| format!("TagSpecification.{n}.{part}")))
        .collect();
    for (kind, [kind_name, key, value]) in kinds.iter().zip(&names) {
        parameters.extend([
            (kind_name.as_str(), (*kind).to_owned()),
            (key, "for".to_owned()),
            (value, (*kind).to_owned()),
        ]);
    }
    let mut all: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
    all.push(("InstanceMarketOptions.MarketType", "spot"));
    lab.run(&all);
    lab.pass(RUNNING).await;
    let tags = lab.ok("DescribeTags", &[("Filter.1.Name", "key"), ("Filter.1.Value.1", "for")]);
    for tag in tags.all("tagSet/item") {
        assert_eq!(tag.text("resourceType"), tag.text("value"));
    }
    assert_eq!(tags.all("tagSet/item").len(), 12);
    let mut indexes = lab.ok("DescribeInstances", &[]).texts("reservationSet/item/instancesSet/item/amiLaunchIndex");
    indexes.sort();
    assert_eq!(indexes, ["0", "1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn an_interface_made_beforehand_gives_the_instance_its_address_and_outlives_it() {
    let lab = Lab::new();
    let subnet =
        lab.ok("DescribeSubnets", &[("Filter.1.Name", "availability-zone"), ("Filter.1.Value.1", &zones()[0])]);
    let made = lab.ok("CreateNetworkInterface", &[("SubnetId", &subnet.text("subnetSet/item/subnetId"))]);
    let interface = made.text("networkInterface/networkInterfaceId");
    let parameters =
        [("NetworkInterface.1.DeviceIndex", "0"), ("NetworkInterface.1.NetworkInterfaceId", interface.as_str())];
    let instance = lab.run(&parameters).remove(0);
    assert_eq!(refused(&lab, &parameters), "InvalidNetworkInterface.InUse");
    lab.pass(RUNNING).await;
    assert_eq!(lab.instance(&instance).text("privateIpAddress"), made.text("networkInterface/privateIpAddress"));
    lab.ok("TerminateInstances", &[("InstanceId.1", &instance)]);
    lab.pass(super::STOPPED).await;
    lab.ok("DeleteNetworkInterface", &[("NetworkInterfaceId", &interface)]);
    assert!(lab.simulator.show().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_interface_made_beforehand_is_public_when_it_was_made_so_before_the_launch_or_after() {
    let lab = Lab::new();
    let subnet =
        lab.ok("DescribeSubnets", &[("Filter.1.Name", "availability-zone"), ("Filter.1.Value.1", &zones()[0])]);
    let subnet = subnet.text("subnetSet/item/subnetId");
    let make = |token: &str| {
        let made = lab.ok("CreateNetworkInterface", &[("SubnetId", &subnet), ("ClientToken", token)]);
        made.text("networkInterface/networkInterfaceId")
    };
    let (one, other) = (make("one"), make("other"));
    assert_eq!(make("one"), one, "the same token makes nothing new");
    let public = |id: &str, yes: &str| {
        let given = [("NetworkInterfaceId", id), ("AssociatePublicIpAddress", yes)];
        lab.ok("ModifyNetworkInterfaceAttribute", &given);
    };
    public(&one, "true");
    let launch = |id: &str| {
        let given = [("NetworkInterface.1.DeviceIndex", "0"), ("NetworkInterface.1.NetworkInterfaceId", id)];
        lab.run(&given).remove(0)
    };
    let (shown, hidden) = (launch(&one), launch(&other));
    lab.pass(RUNNING).await;
    let address = |id: &str| lab.instance(id).text("ipAddress");
    assert!(!address(&shown).is_empty() && address(&hidden).is_empty());
    let at_first = address(&shown);
    public(&one, "true");
    assert_eq!(address(&shown), at_first, "it has one already");
    public(&other, "true");
    public(&one, "false");
    assert!(address(&shown).is_empty() && !address(&hidden).is_empty());
    let both = [("NetworkInterfaceId", one.as_str()), ("AssociatePublicIpAddress", "true"), ("Description.Value", "x")];
    assert_eq!(lab.code("ModifyNetworkInterfaceAttribute", &both), "InvalidParameterCombination");
    assert_eq!(lab.code("DeleteNetworkInterface", &both[..1]), "InvalidNetworkInterface.InUse");
}
