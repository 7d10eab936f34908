//! Describes that lag behind.

use std::time::Duration;

use super::{Lab, Node, RUNNING, STOPPED, ask};
use crate::simulator::{Settings, Simulator};

fn lagging() -> Lab {
    Lab::with(Settings { read_lag: Duration::from_secs(10), ..Settings::default() })
}

fn volume_state(lab: &Lab, id: &str) -> String {
    lab.ok("DescribeVolumes", &[("VolumeId.1", id)]).text("volumeSet/item/status")
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_shown_as_running_for_a_while_after_it_was_terminated() {
    let lab = lagging();
    let id = lab.run(&[]).remove(0);
    lab.pass(RUNNING + 10.0).await;
    assert_eq!(lab.state(&id), "running");
    lab.ok("TerminateInstances", &[("InstanceId.1", &id)]);
    assert_eq!(lab.state(&id), "running");
    lab.pass(4.9).await;
    assert_eq!(lab.state(&id), "running", "half the lag at the least");
    lab.pass(STOPPED + 5.2).await;
    assert_eq!(lab.state(&id), "terminated", "the whole lag at the most");
}

#[tokio::test(start_paused = true)]
async fn a_state_that_time_brought_is_late_by_the_lag_and_not_by_when_somebody_looks() {
    let lab = lagging();
    let id = lab.run(&[]).remove(0);
    assert_eq!(lab.code("DescribeInstances", &[("InstanceId.1", &id)]), "InvalidInstanceID.NotFound");
    lab.pass(60.0).await;
    assert_eq!(lab.state(&id), "running", "nobody looked for a minute");
}

#[tokio::test(start_paused = true)]
async fn tags_and_attachments_and_deletions_are_seen_late_while_calls_meet_things_as_they_are() {
    let lab = lagging();
    let id = lab.run(&[]).remove(0);
    let zone = lab.simulator.show().unwrap().instances[0].zone.clone();
    let volume = lab.ok("CreateVolume", &[("AvailabilityZone", &zone), ("Size", "8")]).text("volumeId");
    lab.pass(30.0).await;
    lab.ok("AttachVolume", &[("VolumeId", &volume), ("InstanceId", &id), ("Device", "/dev/xvdj")]);
    lab.ok("CreateTags", &[("ResourceId.1", &volume), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")]);
    assert_eq!(volume_state(&lab, &volume), "available");
    let again = [("VolumeId", &*volume), ("InstanceId", &id), ("Device", "/dev/xvdk")];
    assert_eq!(lab.code("AttachVolume", &again), "VolumeInUse", "whoever acts meets the truth");
    lab.pass(15.0).await;
    let shown = lab.ok("DescribeVolumes", &[("VolumeId.1", &volume)]).child("volumeSet/item");
    assert_eq!((shown.text("status"), shown.tag("a")), ("in-use".to_owned(), Some("b".to_owned())));
    lab.ok("DetachVolume", &[("VolumeId", &volume)]);
    lab.pass(1.0).await;
    assert_eq!(volume_state(&lab, &volume), "in-use");
    lab.ok("DeleteVolume", &[("VolumeId", &volume)]);
    assert_eq!(volume_state(&lab, &volume), "in-use", "even what is gone is shown");
    lab.pass(12.0).await;
    assert_eq!(lab.code("DescribeVolumes", &[("VolumeId.1", &volume)]), "InvalidVolume.NotFound");
}

#[tokio::test(start_paused = true)]
async fn another_process_sees_the_same_past() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world.jsonl");
    let open = || {
        let clock = crate::clock::Clock::starting_at("2026-11-21T12:00:00Z".parse().unwrap());
        Simulator::open(&path, clock).unwrap()
    };
    let (one, other) = (open(), open());
    one.set("read-lag", "10s").unwrap();
    let made = ask(&one, "CreateVolume", &[("AvailabilityZone", "us-west-2a"), ("Size", "8")]);
    let id = Node::parse(&made.body).text("volumeId");
    tokio::time::advance(Duration::from_secs(20)).await;
    ask(&one, "CreateTags", &[("ResourceId.1", &id), ("Tag.1.Key", "a"), ("Tag.1.Value", "b")]);
    let tagged = |simulator: &Simulator| ask(simulator, "DescribeVolumes", &[]).body.contains("<key>a</key>");
    assert_eq!((tagged(&one), tagged(&other)), (false, false));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!((tagged(&other), tagged(&one)), (true, true));
}
