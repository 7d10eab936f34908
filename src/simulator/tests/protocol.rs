//! The dialect: envelopes, refusals, filters, pages, idempotency.

use super::{Lab, RUNNING, TYPE, question, zones};
use crate::simulator::protocol::Request;

#[tokio::test(start_paused = true)]
async fn errors_come_in_ec2s_envelope_with_its_statuses() {
    let lab = Lab::new();
    for (action, parameters, status, code) in [
        ("MakeCoffee", &[][..], 400, "InvalidAction"),
        (
            "DescribeInstances",
            &[("Filter.1.Name", "shoe-size"), ("Filter.1.Value.1", "44")],
            400,
            "InvalidParameterValue",
        ),
        ("DescribeInstances", &[("InstanceId.1", "i-0123456789abcdef0")], 400, "InvalidInstanceID.NotFound"),
        ("DescribeInstances", &[("InstanceId.1", "foobar")], 400, "InvalidInstanceID.Malformed"),
        ("DescribeVolumes", &[("VolumeId.1", "vol-0123456789abcdef0")], 400, "InvalidVolume.NotFound"),
        ("StopInstances", &[("DryRun", "true"), ("InstanceId.1", "i-1")], 412, "DryRunOperation"),
        ("DescribeImages", &[("ImageId.1", "ami-0123456789abcdef0")], 400, "InvalidAMIID.NotFound"),
        ("CreateTags", &[("Tag.1.Key", "a")], 400, "MissingParameter"),
    ] {
        let answer = lab.raw(action, parameters);
        let document = super::Node::parse(&answer.body);
        assert_eq!((answer.status, document.name.as_str()), (status, "Response"), "{action}");
        assert_eq!(document.text("Errors/Error/Code"), code, "{action}");
        assert!(!document.text("Errors/Error/Message").is_empty() && !document.text("RequestID").is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn unsigned_requests_and_regions_that_are_not_opted_in_are_refused() {
    let lab = Lab::new();
    let unsigned = super::answered(lab.simulator.dispatch(&Request::read("Action=DescribeVpcs", b"", None, None)));
    assert_eq!(unsigned.status, 403);
    assert!(unsigned.body.contains("MissingAuthenticationToken"));
    let regions = lab.ok("DescribeRegions", &[("AllRegions", "true")]);
    let closed =
        regions.all("regionInfo/item").into_iter().find(|it| it.text("optInStatus") == "not-opted-in").unwrap();
    let elsewhere = super::answered(lab.simulator.dispatch(&question("DescribeVpcs", &[], &closed.text("regionName"))));
    assert!(elsewhere.body.contains("AuthFailure"), "{}", elsewhere.body);
    let usable = lab.ok("DescribeRegions", &[]);
    assert!(!usable.texts("regionInfo/item/regionName").contains(&closed.text("regionName")));
}

#[tokio::test(start_paused = true)]
async fn a_denied_action_is_refused_even_as_a_dry_run() {
    let lab = Lab::new();
    lab.simulator.set("denied", "RunInstances,StopInstances").unwrap();
    let answer = lab.raw("RunInstances", &[("DryRun", "true")]);
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("UnauthorizedOperation"));
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_makes_nothing() {
    let lab = Lab::new();
    assert_eq!(lab.code("CreateSecurityGroup", &[("DryRun", "true"), ("GroupName", "g")]), "DryRunOperation");
    assert!(lab.simulator.show().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_token_makes_one_thing_and_other_parameters_are_a_mismatch() {
    let lab = Lab::new();
    let zone = zones().remove(0);
    let make = |size: &str| {
        lab.raw(
            "CreateVolume",
            &[("AvailabilityZone", &zone), ("Size", size), ("ClientToken", "one"), ("VolumeType", "gp3")],
        )
    };
    let (first, second) = (make("10"), make("10"));
    let id = |answer: &crate::simulator::protocol::Answer| super::Node::parse(&answer.body).text("volumeId");
    assert_eq!(id(&first), id(&second));
    assert!(make("11").body.contains("IdempotentParameterMismatch"));
    let instances = lab.run(&[("MinCount", "2"), ("MaxCount", "2"), ("ClientToken", "one")]);
    assert_eq!(instances, lab.run(&[("MinCount", "2"), ("MaxCount", "2"), ("ClientToken", "one")]));
    let request = lab.request("one-time", &[("ClientToken", "one")]);
    assert_eq!(request, lab.request("one-time", &[("ClientToken", "one")]));
    let shown = lab.simulator.show().unwrap();
    let data_volumes = shown.volumes.iter().filter(|volume| volume.instance_id.is_none()).count();
    assert_eq!((data_volumes, shown.instances.len(), shown.spot_requests.len()), (1, 2, 1));
}

#[tokio::test(start_paused = true)]
async fn describes_see_an_object_only_after_a_while_but_actions_by_id_work() {
    let lab = Lab::new();
    let zone = zones().remove(0);
    let volume = lab.ok("CreateVolume", &[("AvailabilityZone", &zone), ("Size", "1")]).text("volumeId");
    assert_eq!(lab.code("DescribeVolumes", &[("VolumeId.1", &volume)]), "InvalidVolume.NotFound");
    assert!(lab.ok("DescribeVolumes", &[]).all("volumeSet/item").is_empty());
    lab.ok("CreateTags", &[("ResourceId.1", &volume), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")]);
    lab.pass(0.3).await;
    let seen = lab.ok("DescribeVolumes", &[("VolumeId.1", &volume)]).child("volumeSet/item");
    assert_eq!(seen.tag("a").as_deref(), Some("b"));
}

#[tokio::test(start_paused = true)]
async fn pages_give_every_instance_once() {
    let lab = Lab::new();
    let mut made = lab.run(&[("MinCount", "23"), ("MaxCount", "23")]);
    lab.pass(RUNNING).await;
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = lab.ok("DescribeInstances", &[("MaxResults", "5"), ("NextToken", &token)]);
        let ids = page.texts("reservationSet/item/instancesSet/item/instanceId");
        assert!(ids.len() <= 5);
        found.extend(ids);
        token = page.text("nextToken");
        if token.is_empty() {
            break;
        }
    }
    made.sort();
    found.sort();
    assert_eq!(made, found);
    assert_eq!(lab.code("DescribeInstances", &[("MaxResults", "4")]), "InvalidParameterValue");
    assert_eq!(lab.code("DescribeInstances", &[("NextToken", "bogus")]), "InvalidNextToken");
}

#[tokio::test(start_paused = true)]
async fn filters_take_wildcards_and_all_of_them_must_hold() {
    let lab = Lab::new();
    let tagged = [
        ("TagSpecification.1.ResourceType", "instance"),
        ("TagSpecification.1.Tag.1.Key", "cloudtop:env"),
        ("TagSpecification.1.Tag.1.Value", "dev-1"),
    ];
    let wanted = lab.run(&tagged).remove(0);
    lab.run(&[]);
    lab.pass(RUNNING).await;
    let find = |filters: &[(&str, &str)]| {
        let names: Vec<(String, String)> = filters
            .iter()
            .zip(1..)
            .flat_map(|((name, value), n)| {
                [(format!("Filter.{n}.Name"), (*name).to_owned()), (format!("Filter.{n}.Value.1"), (*value).to_owned())]
            })
            .collect();
        let parameters: Vec<(&str, &str)> = names.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        lab.ok("DescribeInstances", &parameters).texts("reservationSet/item/instancesSet/item/instanceId")
    };
    assert_eq!(find(&[("tag:cloudtop:env", "dev-?")]), [wanted.as_str()]);
    assert_eq!(find(&[("tag-key", "cloudtop:*"), ("instance-type", "c7i.*")]), [wanted.as_str()]);
    assert_eq!(find(&[("instance-id", &wanted), ("instance-state-name", "running")]), [wanted.as_str()]);
    assert_eq!(find(&[("tag:cloudtop:env", "dev-?"), ("instance-state-name", "stopped")]), Vec::<String>::new());
    assert_eq!(find(&[("instance-type", TYPE)]).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn price_history_is_newest_first_and_its_pages_join_without_a_seam() {
    let lab = Lab::new();
    let rows = |answer: &super::Node| -> Vec<(String, String, String)> {
        let items = answer.all("spotPriceHistorySet/item");
        items.iter().map(|it| (it.text("timestamp"), it.text("availabilityZone"), it.text("spotPrice"))).collect()
    };
    let common = [
        ("InstanceType.1", TYPE),
        ("ProductDescription.1", "Linux/UNIX (Amazon VPC)"),
        ("StartTime", "2026-11-18T12:00:00Z"),
    ];
    let whole = rows(&lab.ok("DescribeSpotPriceHistory", &common));
    let (mut joined, mut token) = (Vec::new(), String::new());
    loop {
        let mut parameters = common.to_vec();
        parameters.extend([("MaxResults", "7"), ("NextToken", token.as_str())]);
        let page = lab.ok("DescribeSpotPriceHistory", &parameters);
        joined.extend(rows(&page));
        lab.pass(60.0).await;
        token = page.text("nextToken");
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(whole, joined);
    assert!(whole.len() > 7 && whole.is_sorted_by(|a, b| a.0 >= b.0));
    assert!(whole.iter().all(|(.., price)| price.split_once('.').is_some_and(|(_, digits)| digits.len() == 6)));
    // The last change before the start is there for every zone: the price at the start is always known.
    for zone in zones() {
        assert!(whole.iter().any(|(at, z, _)| *z == zone && at.as_str() <= "2026-11-18T12:00:00.000Z"), "{zone}");
    }
}

#[tokio::test(start_paused = true)]
async fn unknown_types_are_named_and_offerings_take_wildcards() {
    let lab = Lab::new();
    let parameters = [("InstanceType.1", TYPE), ("InstanceType.2", "c9.huge"), ("InstanceType.3", "c9.tiny")];
    let answer = lab.raw("DescribeInstanceTypes", &parameters);
    assert!(
        answer.body.contains("InvalidInstanceType") && answer.body.contains("[c9.huge, c9.tiny]"),
        "{}",
        answer.body
    );
    let offerings = lab.ok(
        "DescribeInstanceTypeOfferings",
        &[("LocationType", "availability-zone"), ("Filter.1.Name", "instance-type"), ("Filter.1.Value.1", "c7i.x*")],
    );
    assert_eq!(offerings.texts("instanceTypeOfferingSet/item/location"), zones());
}

#[tokio::test(start_paused = true)]
async fn sts_says_who_asks_in_its_own_dialect() {
    let lab = Lab::new();
    let answer = lab.ok("GetCallerIdentity", &[]);
    assert_eq!(answer.name, "GetCallerIdentityResponse");
    assert_eq!(answer.text("GetCallerIdentityResult/Account"), "123456789012");
}
