//! Our answers beside recorded ones of EC2: the same element names, nested alike. Ours may hold more, being newer.

use super::xml::Node;
use super::{Lab, RUNNING, STOPPED, image, zones};
use crate::simulator::Capacity;

/// Elements of the recordings that our answers lack, each for a reason: the action, and the end of the path to the element.
const LACKING: [(&str, &str); 15] = [
    // Kernels belong to paravirtual images, billing products to the marketplace, a platform to Windows: none is here.
    ("DescribeImages", "imagesSet/item/kernelId"),
    ("DescribeImages", "imagesSet/item/billingProducts"),
    ("DescribeImages", "imagesSet/item/blockDeviceMapping/item/virtualName"),
    ("DescribeInstances", "reservationSet/item/instancesSet/item/kernelId"),
    ("DescribeInstances", "reservationSet/item/instancesSet/item/platform"),
    ("RunInstances", "instancesSet/item/kernelId"),
    // EC2-Classic, which is gone, put a launch's groups on the reservation and named groups in rules.
    ("DescribeInstances", "reservationSet/item/groupSet/item"),
    ("RunInstances", "groupSet/item"),
    ("DescribeSecurityGroups", "securityGroupInfo/item/ipPermissions/item/groups/item/groupName"),
    // An edited recording; the API model has only the state there.
    ("RunInstances", "instancesSet/item/monitoring/enabled"),
    // The caller's own word, echoed; nobody here sends one.
    ("RequestSpotInstances", "spotInstanceRequestSet/item/availabilityZoneGroup"),
    // We answer a request's subnet and zone beside each other, also if they came in an interface; a profile only if one was given.
    ("DescribeSpotInstanceRequests", "spotInstanceRequestSet/item/launchSpecification/networkInterfaceSet"),
    ("DescribeSpotInstanceRequests", "spotInstanceRequestSet/item/launchSpecification/iamInstanceProfile"),
    // Nobody can tag a default subnet here.
    ("DescribeSubnets", "subnetSet/item/tagSet"),
    // A name of before 2009 for what every current client calls currentState.
    ("TerminateInstances", "instancesSet/item/shutdownState"),
];

fn is_excepted(action: &str, path: &str) -> bool {
    let below = |lacking: &str| path.strip_prefix(lacking).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    LACKING.iter().any(|(of, lacking)| *of == action && below(lacking))
}

/// Holds our answer against a recording of the same action.
fn compare(file: &str, recorded: &str, ours: &Node) {
    let recorded = Node::parse(recorded);
    assert_eq!(ours.name, recorded.name, "{file}");
    let action = recorded.name.trim_end_matches("Response").to_owned();
    let own = ours.paths();
    let lacking: Vec<String> =
        recorded.paths().into_iter().filter(|path| !own.contains(path) && !is_excepted(&action, path)).collect();
    assert!(lacking.is_empty(), "{file}: our answer lacks {lacking:#?}\nit has {own:#?}");
}

macro_rules! compare {
    ($file:literal, $ours:expr) => {
        compare($file, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/", $file)), &$ours)
    };
}

#[tokio::test(start_paused = true)]
async fn answers_about_places_prices_and_images_have_the_recorded_form() {
    let lab = Lab::new();
    compare!("botocore-describe-regions.xml", lab.ok("DescribeRegions", &[]));
    compare!("botocore-describe-availability-zones.xml", lab.ok("DescribeAvailabilityZones", &[]));
    compare!(
        "botocore-describe-spot-price-history.xml",
        lab.ok("DescribeSpotPriceHistory", &[("InstanceType.1", super::TYPE)])
    );
    compare!("libcloud-describe_images.xml", lab.ok("DescribeImages", &[]));
    compare!("botocore-describe-vpcs.xml", lab.ok("DescribeVpcs", &[]));
    compare!("botocore-describe-subnets.xml", lab.ok("DescribeSubnets", &[]));
    compare!("libcloud-describe_subnets.xml", lab.ok("DescribeSubnets", &[]));
}

#[tokio::test(start_paused = true)]
async fn answers_about_groups_and_keys_have_the_recorded_form() {
    let lab = Lab::new();
    let made = lab.ok("CreateSecurityGroup", &[("GroupName", "g"), ("GroupDescription", "d")]);
    let group = made.text("groupId");
    compare!("jclouds-created_securitygroup.xml", made);
    let rules = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "tcp"),
        ("IpPermissions.1.FromPort", "22"),
        ("IpPermissions.1.ToPort", "22"),
        ("IpPermissions.1.IpRanges.1.CidrIp", "203.0.113.9/32"),
        ("IpPermissions.1.Groups.1.GroupId", &group),
    ];
    lab.ok("AuthorizeSecurityGroupIngress", &rules);
    lab.ok("CreateTags", &[("ResourceId.1", &group), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")]);
    let key =
        "c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSU9NcXFua1Z6cm0wU2RHNlVPb3FLTHNhYmdINUM5b2tXaTBkaDJsOUdLSmw=";
    let imported = lab.ok("ImportKeyPair", &[("KeyName", "k"), ("PublicKeyMaterial", key)]);
    compare!("botocore-import-key-pair.xml", imported);
    lab.pass(1.0).await;
    compare!("botocore-describe-key-pairs.xml", lab.ok("DescribeKeyPairs", &[]));
    compare!("botocore-describe-security-groups.xml", lab.ok("DescribeSecurityGroups", &[]));
    compare!("libcloud-describe_security_groups.xml", lab.ok("DescribeSecurityGroups", &[]));
}

#[tokio::test(start_paused = true)]
async fn answers_about_instances_and_volumes_have_the_recorded_form() {
    let lab = Lab::new();
    let (zone, image) = (zones().remove(0), image());
    let launch = [("ImageId", &*image), ("InstanceType", super::TYPE), ("MinCount", "1"), ("MaxCount", "1")];
    let mut spot = launch.to_vec();
    let key =
        "c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSU9NcXFua1Z6cm0wU2RHNlVPb3FLTHNhYmdINUM5b2tXaTBkaDJsOUdLSmw=";
    lab.ok("ImportKeyPair", &[("KeyName", "k"), ("PublicKeyMaterial", key)]);
    spot.extend([
        ("InstanceMarketOptions.MarketType", "spot"),
        ("Placement.AvailabilityZone", &zone),
        ("KeyName", "k"),
    ]);
    compare!("botocore-run-instances.xml", lab.ok("RunInstances", &launch));
    let run = lab.ok("RunInstances", &spot);
    let instance = run.text("instancesSet/item/instanceId");
    compare!("libcloud-run_instances_spot.xml", run);
    let made = lab.ok("CreateVolume", &[("AvailabilityZone", &zone), ("Size", "80")]);
    let volume = made.text("volumeId");
    compare!("botocore-create-volume.xml", made);
    lab.pass(RUNNING).await;
    let tags = [("ResourceId.1", instance.as_str()), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")];
    compare!("libcloud-create_tags.xml", lab.ok("CreateTags", &tags));
    let attach = [("VolumeId", &*volume), ("InstanceId", &*instance), ("Device", "/dev/sdh")];
    compare!("botocore-attach-volume.xml", lab.ok("AttachVolume", &attach));
    compare!("botocore-describe-volumes.xml", lab.ok("DescribeVolumes", &[]));
    compare!("libcloud-describe_volumes.xml", lab.ok("DescribeVolumes", &[]));
    compare!("botocore-describe-tags.xml", lab.ok("DescribeTags", &[]));
    compare!("botocore-describe-instance-status.xml", lab.ok("DescribeInstanceStatus", &[]));
    compare!("botocore-describe-network-interfaces.xml", lab.ok("DescribeNetworkInterfaces", &[]));
    compare!("libcloud-get_console_output.xml", lab.ok("GetConsoleOutput", &[("InstanceId", &instance)]));
    compare!("botocore-detach-volume.xml", lab.ok("DetachVolume", &[("VolumeId", &volume)]));
    compare!("libcloud-delete_tags.xml", lab.ok("DeleteTags", &tags[..2]));
    lab.ok("CreateTags", &tags);
    let plain = lab.run(&[]).remove(0);
    lab.pass(RUNNING).await;
    compare!("botocore-stop-instances.xml", lab.ok("StopInstances", &[("InstanceId.1", &plain)]));
    lab.pass(STOPPED).await;
    compare!("botocore-describe-instances.xml", lab.ok("DescribeInstances", &[]));
    compare!("botocore-start-instances.xml", lab.ok("StartInstances", &[("InstanceId.1", &plain)]));
    compare!("libcloud-terminate_instances.xml", lab.ok("TerminateInstances", &[("InstanceId.1", &plain)]));
    compare!("libcloud-delete_volume.xml", lab.ok("DeleteVolume", &[("VolumeId", &volume)]));
}

#[tokio::test(start_paused = true)]
async fn answers_about_spot_requests_have_the_recorded_form() {
    let lab = Lab::new();
    let key =
        "c3NoLWVkMjU1MTkgQUFBQUMzTnphQzFsWkRJMU5URTVBQUFBSU9NcXFua1Z6cm0wU2RHNlVPb3FLTHNhYmdINUM5b2tXaTBkaDJsOUdLSmw=";
    lab.ok("ImportKeyPair", &[("KeyName", "k"), ("PublicKeyMaterial", key)]);
    let (zone, image) = (zones().remove(0), image());
    let specification = [
        ("LaunchSpecification.ImageId", &*image),
        ("LaunchSpecification.InstanceType", super::TYPE),
        ("LaunchSpecification.KeyName", "k"),
        ("LaunchSpecification.Placement.AvailabilityZone", &zone),
    ];
    let made = lab.ok("RequestSpotInstances", &specification);
    let request = made.text("spotInstanceRequestSet/item/spotInstanceRequestId");
    compare!("botocore-request-spot-instances.xml", made);
    lab.pass(RUNNING).await;
    compare!("botocore-describe-spot-instance-requests.xml", lab.ok("DescribeSpotInstanceRequests", &[]));
    let cancelled = lab.ok("CancelSpotInstanceRequests", &[("SpotInstanceRequestId.1", &request)]);
    compare!("botocore-cancel-spot-instance-requests.xml", cancelled);
    lab.simulator.set_capacity(super::REGION, "*", "*", Capacity::None).unwrap();
    lab.ok("RequestSpotInstances", &specification);
    lab.pass(RUNNING).await;
    compare!("til-describe-spot-instance-requests.xml", lab.ok("DescribeSpotInstanceRequests", &[]));
}

#[tokio::test(start_paused = true)]
async fn errors_have_the_recorded_form_and_words() {
    let lab = Lab::new();
    for (recorded, action, parameter) in [
        (
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/jclouds-dry_run.xml")),
            "RunInstances",
            ("DryRun", "true"),
        ),
        (
            include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/recorded/botocore-error-describe-instances.xml")),
            "DescribeInstances",
            ("InstanceId.1", "foobar"),
        ),
    ] {
        let (recorded, ours) = (Node::parse(recorded), Node::parse(&lab.raw(action, &[parameter]).body));
        assert_eq!(recorded.paths(), ours.paths());
        assert_eq!(recorded.text("Errors/Error/Code"), ours.text("Errors/Error/Code"));
        let start = recorded.text("Errors/Error/Message");
        assert!(ours.text("Errors/Error/Message").starts_with(&start), "{start}");
    }
}
