//! Instances, volumes and groups over time.

use super::{Lab, RUNNING, STOPPED, image, zones};

fn data_volume(lab: &Lab, zone: &str) -> String {
    lab.ok("CreateVolume", &[("AvailabilityZone", zone), ("Size", "8"), ("VolumeType", "gp3")]).text("volumeId")
}

fn volume_state(lab: &Lab, id: &str) -> String {
    lab.ok("DescribeVolumes", &[("VolumeId.1", id)]).text("volumeSet/item/status")
}

#[tokio::test(start_paused = true)]
async fn an_instance_goes_through_all_its_states_and_stays_listed_for_an_hour() {
    let lab = Lab::new();
    let id = lab.run(&[]).remove(0);
    lab.pass(0.3).await;
    assert_eq!(lab.state(&id), "pending");
    assert_eq!(lab.instance(&id).text("ipAddress"), "");
    lab.pass(RUNNING).await;
    let running = lab.instance(&id);
    assert_eq!(running.text("instanceState/code"), "16");
    let (public, private) = (running.text("ipAddress"), running.text("privateIpAddress"));
    assert!(private.starts_with("172.31.") && running.text("dnsName").contains(&public.replace('.', "-")));
    lab.ok("StopInstances", &[("InstanceId.1", &id)]);
    assert_eq!(lab.state(&id), "stopping");
    lab.pass(STOPPED).await;
    assert_eq!(lab.state(&id), "stopped");
    assert_eq!(lab.instance(&id).text("ipAddress"), "");
    lab.ok("StartInstances", &[("InstanceId.1", &id)]);
    lab.pass(RUNNING).await;
    let again = lab.instance(&id);
    assert_ne!(again.text("ipAddress"), public);
    assert_eq!(again.text("privateIpAddress"), private);
    let ended = lab.ok("TerminateInstances", &[("InstanceId.1", &id)]);
    assert_eq!(ended.text("instancesSet/item/currentState/name"), "shutting-down");
    lab.pass(STOPPED).await;
    assert_eq!(lab.state(&id), "terminated");
    assert_eq!(lab.instance(&id).text("stateReason/code"), "Client.UserInitiatedShutdown");
    assert_eq!(lab.code("StartInstances", &[("InstanceId.1", &id)]), "IncorrectInstanceState");
    lab.ok("TerminateInstances", &[("InstanceId.1", &id)]);
    assert!(lab.simulator.show().unwrap().is_empty(), "the root volume went with it");
    lab.pass(3600.0).await;
    assert_eq!(lab.code("DescribeInstances", &[("InstanceId.1", &id)]), "InvalidInstanceID.NotFound");
    assert!(lab.simulator.show().unwrap().instances.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_volume_attaches_only_to_a_running_instance_of_its_zone_on_a_free_device() {
    let lab = Lab::new();
    let zones = zones();
    let instance = lab.run(&[("Placement.AvailabilityZone", &zones[0])]).remove(0);
    let (near, far) = (data_volume(&lab, &zones[0]), data_volume(&lab, &zones[1]));
    let attach = |volume: &str, device: &str| {
        lab.raw("AttachVolume", &[("VolumeId", volume), ("InstanceId", &instance), ("Device", device)])
    };
    let code = |volume: &str, device: &str| super::Node::parse(&attach(volume, device).body).text("Errors/Error/Code");
    assert_eq!(code(&near, "/dev/xvdj"), "IncorrectState", "the volume is being created");
    lab.pass(0.5).await;
    assert_eq!(code(&near, "/dev/xvdj"), "IncorrectState", "the instance is pending");
    lab.pass(RUNNING).await;
    assert_eq!(code(&far, "/dev/xvdj"), "InvalidVolume.ZoneMismatch");
    assert_eq!(code(&near, "/dev/sda1"), "InvalidParameterValue", "the root disk is there");
    assert_eq!(super::Node::parse(&attach(&near, "/dev/xvdj").body).text("status"), "attaching");
    assert_eq!(code(&near, "/dev/xvdk"), "VolumeInUse");
    lab.pass(0.5).await;
    let attached = lab.ok("DescribeVolumes", &[("VolumeId.1", &near)]).child("volumeSet/item/attachmentSet/item");
    assert_eq!((attached.text("status"), attached.text("device")), ("attached".to_owned(), "/dev/xvdj".to_owned()));
    assert_eq!(lab.instance(&instance).all("blockDeviceMapping/item").len(), 2);
    assert_eq!(lab.code("DeleteVolume", &[("VolumeId", &near)]), "VolumeInUse");
    let detaching = lab.ok("DetachVolume", &[("VolumeId", &near)]);
    assert_eq!(detaching.text("status"), "detaching");
    assert_eq!(volume_state(&lab, &near), "in-use");
    lab.pass(0.5).await;
    assert_eq!(volume_state(&lab, &near), "available");
    assert_eq!(lab.code("DetachVolume", &[("VolumeId", &near)]), "IncorrectState");
    lab.ok("DeleteVolume", &[("VolumeId", &near)]);
    assert_eq!(lab.code("DescribeVolumes", &[("VolumeId.1", &near)]), "InvalidVolume.NotFound");
}

#[tokio::test(start_paused = true)]
async fn a_volume_is_available_only_when_its_instance_is_terminated() {
    let lab = Lab::new();
    let zone = zones().remove(0);
    let instance = lab.run(&[("Placement.AvailabilityZone", &zone)]).remove(0);
    let volume = data_volume(&lab, &zone);
    lab.pass(RUNNING).await;
    lab.ok("AttachVolume", &[("VolumeId", &volume), ("InstanceId", &instance), ("Device", "/dev/xvdj")]);
    lab.pass(0.5).await;
    lab.ok("TerminateInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(volume_state(&lab, &volume), "in-use");
    lab.pass(STOPPED).await;
    assert_eq!(volume_state(&lab, &volume), "available");
}

#[tokio::test(start_paused = true)]
async fn a_group_in_use_cannot_be_deleted_until_its_instance_is_terminated() {
    let lab = Lab::new();
    let group = lab.ok("CreateSecurityGroup", &[("GroupName", "g"), ("GroupDescription", "d")]).text("groupId");
    let rule = [
        ("GroupId", group.as_str()),
        ("IpPermissions.1.IpProtocol", "-1"),
        ("IpPermissions.1.Groups.1.GroupId", group.as_str()),
    ];
    lab.ok("AuthorizeSecurityGroupIngress", &rule);
    assert_eq!(lab.code("AuthorizeSecurityGroupIngress", &rule), "InvalidPermission.Duplicate");
    let instance = lab.run(&[("SecurityGroupId.1", &group)]).remove(0);
    lab.pass(RUNNING).await;
    let delete = [("GroupId", group.as_str())];
    assert_eq!(lab.code("DeleteSecurityGroup", &delete), "DependencyViolation");
    lab.ok("TerminateInstances", &[("InstanceId.1", &instance)]);
    assert_eq!(lab.code("DeleteSecurityGroup", &delete), "DependencyViolation", "it is still shutting down");
    lab.pass(STOPPED).await;
    lab.ok("DeleteSecurityGroup", &delete);
    assert_eq!(lab.code("DeleteSecurityGroup", &delete), "InvalidGroup.NotFound");
}

#[tokio::test(start_paused = true)]
async fn the_ssh_door_opens_when_the_node_has_booted_and_closes_when_it_stops() {
    let lab = Lab::new();
    let id = lab.run(&[("ImageId", &image())]).remove(0);
    lab.pass(RUNNING).await;
    let refused = lab.simulator.ssh_listener(&id).await.err().map(|error| error.kind());
    assert_eq!(refused, Some(std::io::ErrorKind::ConnectionRefused));
    lab.pass(1.0).await;
    let facts = lab.simulator.node_facts(&id).unwrap().unwrap();
    assert_eq!(facts.private_ip, lab.instance(&id).text("privateIpAddress"));
    assert_eq!(facts.cloud_init, crate::simulator::sshd::CloudInit::Running);
    lab.pass(0.8).await;
    let facts = lab.simulator.node_facts(&id).unwrap().unwrap();
    assert_eq!(facts.cloud_init, crate::simulator::sshd::CloudInit::Done);
    lab.ok("StopInstances", &[("InstanceId.1", &id)]);
    assert!(lab.simulator.node_facts(&id).unwrap().is_none());
}
