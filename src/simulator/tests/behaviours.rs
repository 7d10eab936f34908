//! What EC2 does to whoever is unlucky: quotas, missing roles, launches that fail, volumes that stick.

use std::time::Duration;

use super::{Lab, REGION, RUNNING, STOPPED, TYPE, image, zones};
use crate::simulator::{Act, Capacity, Deed, Meddling, Reason, Scenario, ScenarioEvent, Target, VolumeFate, When};

fn pair(state: &str, code: &str) -> (String, String) {
    (state.to_owned(), code.to_owned())
}

fn one(id: &str) -> Target {
    Target::Instances(vec![id.to_owned()])
}

impl Lab {
    fn does(&self, deed: Deed) -> Vec<String> {
        self.simulator.carry_out(&deed).unwrap()
    }

    fn meddle(&self, act: Act, id: &str) -> Vec<String> {
        self.does(Deed::Meddle(Meddling { act, target: one(id) }))
    }
}

/// A RunInstances for a type, on demand or as spot.
fn launch(lab: &Lab, instance_type: &str, spot: bool) -> String {
    let image = image();
    let mut parameters =
        vec![("ImageId", image.as_str()), ("InstanceType", instance_type), ("MinCount", "1"), ("MaxCount", "1")];
    if spot {
        parameters.push(("InstanceMarketOptions.MarketType", "spot"));
    }
    let answer = lab.raw("RunInstances", &parameters);
    match answer.status {
        200 => String::new(),
        _ => super::Node::parse(&answer.body).text("Errors/Error/Code"),
    }
}

#[tokio::test(start_paused = true)]
async fn each_group_of_families_has_its_own_quota() {
    let lab = Lab::new();
    lab.simulator.set("group-vcpus", "spot-g-vt=0,spot-standard=8,on-demand-standard=4").unwrap();
    assert_eq!(launch(&lab, "g5.xlarge", true), "MaxSpotInstanceCountExceeded");
    assert_eq!(launch(&lab, "g5.xlarge", false), "", "the on-demand quota is another");
    assert_eq!([launch(&lab, TYPE, true), launch(&lab, TYPE, true)], ["", ""]);
    assert_eq!(launch(&lab, TYPE, true), "MaxSpotInstanceCountExceeded");
    assert_eq!([launch(&lab, TYPE, false), launch(&lab, TYPE, false)], ["", "VcpuLimitExceeded"]);
    assert!(lab.simulator.set("group-vcpus", "spot-large=1").is_err());
}

#[tokio::test(start_paused = true)]
async fn without_the_role_there_is_no_spot() {
    let lab = Lab::new();
    lab.simulator.set("spot-role", "missing").unwrap();
    assert_eq!(launch(&lab, TYPE, true), "AuthFailure.ServiceLinkedRoleCreationNotPermitted");
    assert_eq!(launch(&lab, TYPE, false), "");
}

#[tokio::test(start_paused = true)]
async fn a_launch_can_fail_after_it_was_answered_and_says_why() {
    let lab = Lab::new();
    for (failure, code, message, status) in [
        ("Client.InternalError", "Client.InternalError", "Client error on launch", "system-error"),
        ("Client.VolumeLimitExceeded", "Server.InternalError", "Volume limit exceeded", "limit-exceeded"),
    ] {
        lab.simulator.set("launch-failure", failure).unwrap();
        let (instance, request) = lab.run_spot("stop", &[]);
        lab.pass(0.3).await;
        assert_eq!(lab.state(&instance), "pending");
        lab.pass(RUNNING).await;
        let shown = lab.instance(&instance);
        assert_eq!(shown.text("instanceState/name"), "terminated");
        assert_eq!(shown.text("stateReason/code"), code);
        assert!(shown.text("stateReason/message").contains(message), "{failure}");
        assert_eq!(lab.status(&request), pair("closed", status));
    }
    lab.simulator.set("launch-failure", "none").unwrap();
    let id = lab.run(&[]).remove(0);
    lab.pass(RUNNING).await;
    assert_eq!(lab.state(&id), "running");
}

#[tokio::test(start_paused = true)]
async fn a_request_whose_group_was_deleted_while_it_waited_fails_for_its_parameters() {
    let lab = Lab::new();
    lab.simulator.set_capacity(REGION, TYPE, "*", Capacity::None).unwrap();
    let group = lab.ok("CreateSecurityGroup", &[("GroupName", "g"), ("GroupDescription", "d")]).text("groupId");
    let request = lab.request("persistent", &[("LaunchSpecification.SecurityGroupId.1", &group)]);
    lab.pass(1.0).await;
    assert_eq!(lab.status(&request), pair("open", "capacity-not-available"));
    lab.meddle(Act::DeleteGroup, &group);
    lab.simulator.set_capacity(REGION, TYPE, "*", Capacity::Available).unwrap();
    assert_eq!(lab.status(&request), pair("failed", "bad-parameters"));
    assert!(lab.spot_request(&request).text("status/message").contains(&group));
}

#[tokio::test(start_paused = true)]
async fn a_notice_of_termination_for_capacity_ends_the_request_before_the_instance() {
    let lab = Lab::new();
    let request = lab.request("persistent", &[]);
    lab.pass(RUNNING + 0.5).await;
    let instance = lab.spot_request(&request).text("instanceId");
    lab.simulator.interrupt(&one(&instance), Reason::Capacity, Duration::from_secs(120)).unwrap();
    assert_eq!(lab.status(&request), pair("open", "instance-terminated-no-capacity"));
    lab.pass(119.0).await;
    assert_eq!(lab.state(&instance), "running");
    lab.pass(1.0 + STOPPED).await;
    assert_eq!(lab.state(&instance), "terminated");
    lab.pass(5.0 + RUNNING).await;
    assert_eq!(lab.status(&request), pair("active", "fulfilled"));
    let by_price = lab.request("persistent", &[("SpotPrice", "1")]);
    lab.pass(RUNNING + 0.5).await;
    let instance = lab.spot_request(&by_price).text("instanceId");
    lab.simulator.interrupt(&one(&instance), Reason::Price, Duration::from_secs(120)).unwrap();
    assert_eq!(lab.status(&by_price), pair("active", "marked-for-termination"));
}

#[tokio::test(start_paused = true)]
async fn a_stuck_volume_stays_detaching_until_it_is_freed_or_forced() {
    let lab = Lab::new();
    let id = lab.run(&[]).remove(0);
    let zone = lab.simulator.show().unwrap().instances[0].zone.clone();
    let make = || lab.ok("CreateVolume", &[("AvailabilityZone", &zone), ("Size", "8")]).text("volumeId");
    let (volume, other) = (make(), make());
    lab.pass(RUNNING).await;
    lab.ok("AttachVolume", &[("VolumeId", &volume), ("InstanceId", &id), ("Device", "/dev/xvdj")]);
    lab.ok("AttachVolume", &[("VolumeId", &other), ("InstanceId", &id), ("Device", "/dev/xvdk")]);
    for volume in [&volume, &other] {
        lab.does(Deed::Volume { target: one(volume), fate: VolumeFate::Stuck });
        lab.ok("DetachVolume", &[("VolumeId", volume)]);
    }
    lab.pass(600.0).await;
    let status = |volume: &str| {
        let shown = lab.ok("DescribeVolumes", &[("VolumeId.1", volume)]).child("volumeSet/item");
        let attachment = shown.all("attachmentSet/item");
        (shown.text("status"), attachment.first().map(|it| it.text("status")).unwrap_or_default())
    };
    assert_eq!(status(&volume), pair("in-use", "detaching"));
    lab.does(Deed::Volume { target: one(&volume), fate: VolumeFate::Free });
    assert_eq!(status(&volume), pair("available", ""));
    lab.ok("DetachVolume", &[("VolumeId", &other), ("Force", "true")]);
    lab.pass(1.0).await;
    assert_eq!(status(&other), pair("available", ""));
}

#[tokio::test(start_paused = true)]
async fn a_volume_in_another_zone_is_not_attached() {
    let lab = Lab::new();
    let id = lab.run(&[]).remove(0);
    let zone = lab.simulator.show().unwrap().instances[0].zone.clone();
    let volume = lab.ok("CreateVolume", &[("AvailabilityZone", &zone), ("Size", "8")]).text("volumeId");
    lab.pass(RUNNING).await;
    let elsewhere = zones().into_iter().find(|other| *other != zone).unwrap();
    lab.does(Deed::Volume { target: one(&volume), fate: VolumeFate::Zone(elsewhere) });
    let attach = [("VolumeId", &*volume), ("InstanceId", &id), ("Device", "/dev/xvdj")];
    assert_eq!(lab.code("AttachVolume", &attach), "InvalidVolume.ZoneMismatch");
    let nowhere = Deed::Volume { target: one(&volume), fate: VolumeFate::Zone("mars-1a".to_owned()) };
    assert!(lab.simulator.carry_out(&nowhere).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_node_is_told_of_its_end_and_of_a_better_place() {
    let lab = Lab::new();
    let (instance, _) = lab.run_spot("stop", &[]);
    lab.pass(RUNNING + 1.2).await;
    let facts = || lab.simulator.node_facts(&instance).unwrap().unwrap();
    assert_eq!((facts().notice, facts().rebalance), (None, None));
    lab.does(Deed::Rebalance(one(&instance)));
    lab.simulator.interrupt(&one(&instance), Reason::Capacity, Duration::from_secs(120)).unwrap();
    let facts = facts();
    assert_eq!(facts.notice.map(|(action, _)| action), Some("stop"));
    assert!(facts.rebalance.is_some());
}

#[tokio::test(start_paused = true)]
async fn all_instances_of_a_zone_are_lost_together() {
    let lab = Lab::new();
    let zones = zones();
    let place = |zone: &str| lab.run_spot("stop", &[("Placement.AvailabilityZone", zone)]).0;
    let (one, two, three) = (place(&zones[0]), place(&zones[0]), place(&zones[1]));
    lab.pass(RUNNING).await;
    let target = Target::Zone(zones[0].clone());
    let lost = lab.simulator.interrupt(&target, Reason::Capacity, Duration::ZERO).unwrap();
    let mut lost: Vec<&str> = lost.iter().map(|it| it.instance_id.as_str()).collect();
    lost.sort_unstable();
    let mut expected = [one.as_str(), two.as_str()];
    expected.sort_unstable();
    assert_eq!(lost, expected);
    assert_eq!(lab.state(&three), "running");
}

#[tokio::test(start_paused = true)]
async fn somebody_else_acts_by_ec2s_rules_and_is_not_counted() {
    let lab = Lab::new();
    let (instance, request) = lab.run_spot("stop", &[]);
    lab.pass(RUNNING).await;
    let before = lab.simulator.call_counts().unwrap();
    lab.simulator.set("denied", "*").unwrap();
    lab.meddle(Act::Tag { key: "a".to_owned(), value: "b".to_owned() }, &instance);
    lab.meddle(Act::Cancel, &request);
    let stop = Deed::Meddle(Meddling { act: Act::Stop, target: one(&instance) });
    let refused = lab.simulator.carry_out(&stop).unwrap_err().to_string();
    assert!(refused.contains("UnsupportedOperation"), "{refused}");
    lab.meddle(Act::Terminate, &instance);
    assert_eq!(lab.simulator.call_counts().unwrap(), before);
    lab.simulator.set("denied", "").unwrap();
    lab.pass(STOPPED).await;
    assert_eq!((lab.state(&instance).as_str(), lab.instance(&instance).tag("a").as_deref()), ("terminated", Some("b")));
    assert_eq!(lab.status(&request).0, "cancelled");
}

#[tokio::test(start_paused = true)]
async fn events_come_at_their_time_and_after_their_call_and_capacity_returns() {
    let lab = Lab::new();
    lab.simulator.set("speed", "2").unwrap();
    let event = |when, words: &str, deed| ScenarioEvent { when, deed, words: words.to_owned() };
    let setting = |value: &str| Deed::Setting { name: "boot".to_owned(), value: value.to_owned() };
    let dry = Deed::Capacity {
        region: REGION.to_owned(),
        instance_type: "*".to_owned(),
        zone: "*".to_owned(),
        capacity: Capacity::None,
        lasts: Some(Duration::from_secs(20)),
    };
    let calls = When::AfterCall { actions: "DescribeVpcs".to_owned(), nth: 2 };
    let scenario = Scenario {
        settings: vec![("pending".to_owned(), "3s".to_owned())],
        faults: Vec::new(),
        events: vec![
            event(When::At(Duration::from_secs(10)), "dry", dry),
            event(calls, "boot", setting("9s")),
            event(When::At(Duration::from_secs(1)), "wrong", setting("soon")),
        ],
    };
    lab.simulator.load(&scenario).unwrap();
    let boot = || lab.simulator.settings().unwrap().boot;
    assert_eq!(lab.simulator.settings().unwrap().pending, Duration::from_secs(3));
    lab.ok("DescribeVpcs", &[]);
    assert_eq!(boot(), Duration::from_secs(1));
    lab.ok("DescribeVpcs", &[]);
    assert_eq!(boot(), Duration::from_secs(9));
    assert_eq!(launch(&lab, TYPE, true), "");
    lab.pass(5.1).await;
    assert_eq!(launch(&lab, TYPE, true), "InsufficientInstanceCapacity", "ten seconds at twice the speed");
    lab.pass(10.0).await;
    assert_eq!(launch(&lab, TYPE, true), "");
    let events = lab.simulator.show().unwrap().events;
    let outcomes: Vec<_> = events.iter().map(|it| it.outcome.as_deref().unwrap_or("")).collect();
    assert_eq!(outcomes[..2], ["done", "done"]);
    assert!(outcomes[2].starts_with("failed: cannot set boot"), "{outcomes:?}");
}
