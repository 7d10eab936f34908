//! Moves: what must be so before the next thing is done.

use std::collections::BTreeSet;

use uuid::Uuid;

use crate::domain::call::{Call, Made};
use crate::domain::intent::{Goal, Intent};
use crate::domain::moving::{Moving, Now, Target};
use crate::domain::observed::{InstanceState, RequestState, Snapshot, SnapshotState, Volume, VolumeState};
use crate::domain::phase::Wait;
use crate::domain::places::Places;
use crate::domain::plan::Status;
use crate::domain::tags;

use super::fixture::{self, TYPES, ZONES, at};
use super::scene::{Scene, instance};

const HERE: &str = ZONES[0];
const THERE: &str = ZONES[1];

/// A CloudTop that runs in one zone, with its volume.
fn running() -> Scene {
    Scene::new(fixture::intent()).running(0).volume(0, HERE, Some("i-0"))
}

/// The same when it is to move.
fn moving(mut scene: Scene, target: &Target) -> Scene {
    let (observed, record) = (&scene.observed, scene.record());
    let places = Places::of(observed, &record, None, scene.now);
    let before = scene.intent.moving.clone();
    let now = Now { observed, places: &places, before: before.as_ref(), attached: &record.attached };
    scene.intent.moving = Some(Moving::to(target, Wait::Running, false, at(900), now));
    scene
}

fn to_zone(zone: &str) -> Target {
    Target { zone: Some(zone.to_owned()), types: None }
}

fn set(scene: &mut Scene, state: InstanceState, request: RequestState, status: &str) {
    scene.observed.instances[0].state = state;
    (scene.observed.requests[0].state, scene.observed.requests[0].status) = (request, status.to_owned());
}

/// The same once what is left is at rest.
fn at_rest() -> Scene {
    let mut scene = moving(running(), &to_zone(THERE));
    set(&mut scene, InstanceState::Stopped, RequestState::Disabled, "instance-stopped-by-user");
    scene
}

/// The same with a snapshot in a state.
fn saved(state: SnapshotState) -> Scene {
    let mut scene = at_rest();
    let call = scene.plan().steps.remove(0).call;
    assert_eq!(call.to_string(), "create a snapshot of vol-0");
    scene.call(1, 950, &call, Some(Ok(Made { snapshot: Some("snap-1".to_owned()), ..Made::default() })));
    let Call::CreateSnapshot { mut tags, .. } = call else { unreachable!() };
    tags.insert(tags::TOKEN.to_owned(), Uuid::from_u64_pair(9, 1).to_string());
    scene.observed.snapshots.push(Snapshot {
        id: "snap-1".to_owned(),
        volume_id: "vol-0".to_owned(),
        gib: 100,
        state,
        progress: None,
        started_at: Some(at(950)),
        description: String::new(),
        tags,
    });
    scene
}

fn copy(on: Option<&str>) -> Volume {
    let mut scene = Scene::new(fixture::intent()).volume(7, THERE, on);
    let mut copy = scene.observed.volumes.remove(0);
    (copy.id, copy.node_tag, copy.replaces) = ("vol-new".to_owned(), Some("0".to_owned()), Some("vol-0".to_owned()));
    copy
}

/// The same with the new machine, which has its copy.
fn arrived() -> Scene {
    let mut scene = saved(SnapshotState::Completed);
    let mut new = instance(0, InstanceState::Running);
    (new.id, new.zone, new.request_id) = ("i-new".to_owned(), THERE.to_owned(), Some("sir-new".to_owned()));
    (new.launched_at, new.node_tag) = (Some(at(960)), Some("0".to_owned()));
    let mut request = super::scene::request_of(0, RequestState::Active, "fulfilled");
    (request.id, request.instance_id) = ("sir-new".to_owned(), Some("i-new".to_owned()));
    scene.observed.instances.push(new);
    scene.observed.requests.push(request);
    scene.observed.volumes.push(copy(Some("i-new")));
    scene
}

#[test]
fn nothing_is_copied_or_launched_before_what_is_left_is_at_rest() {
    let mut scene = moving(running(), &to_zone(THERE));
    assert_eq!(scene.calls(), ["stop i-0"]);
    set(&mut scene, InstanceState::Stopping, RequestState::Active, "marked-for-stop");
    assert_eq!(scene.calls(), [""; 0]);
    set(&mut scene, InstanceState::Stopped, RequestState::Active, "marked-for-stop");
    assert!(
        !scene.calls().iter().any(|call| call.contains("snapshot") || call.contains("launch")),
        "{:?}",
        scene.calls()
    );
    assert_eq!(at_rest().calls(), ["create a snapshot of vol-0"]);
}

#[test]
fn a_hibernating_node_is_stopped_and_not_hibernated_for_its_file_systems_must_be_whole() {
    let mut scene = running();
    scene.intent.on_interruption = crate::domain::intent::Interruption::Hibernate;
    assert_eq!(moving(scene, &to_zone(THERE)).calls(), ["stop i-0"]);
}

#[test]
fn what_ec2_alone_can_start_is_let_go_of_first() {
    let mut scene = moving(running(), &to_zone(THERE));
    set(&mut scene, InstanceState::Stopped, RequestState::Disabled, "instance-stopped-no-capacity");
    assert_eq!(scene.calls(), ["cancel spot request sir-0"]);
    // EC2 ends the instance of a disabled request that is cancelled; until it has, nothing else is done.
    set(&mut scene, InstanceState::ShuttingDown, RequestState::Cancelled, "canceled");
    assert_eq!(scene.calls(), [""; 0]);
    set(&mut scene, InstanceState::Terminated, RequestState::Cancelled, "canceled");
    scene.observed.volumes[0].attachment = None;
    scene.observed.volumes[0].state = VolumeState::Available;
    assert_eq!(scene.calls(), ["create a snapshot of vol-0"]);
}

#[test]
fn a_request_that_waits_for_an_instance_is_cancelled() {
    let mut scene = Scene::new(fixture::intent()).volume(0, HERE, None);
    let request = super::scene::request_of(0, RequestState::Open, "capacity-not-available");
    scene.observed.requests.push(request);
    let mut scene = moving(scene, &to_zone(THERE));
    assert_eq!(scene.calls(), ["cancel spot request sir-0"]);
    scene.observed.requests[0].state = RequestState::Cancelled;
    assert_eq!(scene.calls(), ["create a snapshot of vol-0"]);
}

#[test]
fn it_is_launched_in_the_new_place_only_when_the_snapshot_is_whole() {
    assert_eq!(saved(SnapshotState::Pending).calls(), [""; 0]);
    let failed = saved(SnapshotState::Error);
    assert!(!failed.calls().iter().any(|call| call.contains("launch")), "{:?}", failed.calls());
    let calls = saved(SnapshotState::Completed).calls();
    assert_eq!(calls, ["launch node 0 as m5.xlarge in us-east-1b with ami-1 by RunInstances"]);
}

#[test]
fn the_copy_is_made_of_the_snapshot_where_the_machine_is() {
    let mut scene = arrived();
    scene.observed.volumes.pop();
    assert_eq!(scene.calls(), ["create a 100 GiB gp3 volume for node 0 in us-east-1b from snap-1"]);
    // Without a whole snapshot none is made: a blank volume would be an empty disk.
    scene.observed.snapshots[0].state = SnapshotState::Pending;
    assert!(!scene.calls().iter().any(|call| call.contains("volume for node")), "{:?}", scene.calls());
}

#[test]
fn what_is_left_goes_only_when_the_node_has_arrived_and_the_volume_last() {
    let mut scene = arrived();
    scene.observed.volumes[1].attachment.as_mut().unwrap().attached = false;
    assert_eq!(scene.calls(), [""; 0], "its copy is not attached yet");
    let mut scene = arrived();
    assert_eq!(scene.calls(), ["cancel spot request sir-0"]);
    assert_eq!(scene.plan().status, Status::Working);
    (scene.observed.requests[0].state, scene.observed.instances[0].state) =
        (RequestState::Cancelled, InstanceState::Terminated);
    (scene.observed.volumes[0].attachment, scene.observed.volumes[0].state) = (None, VolumeState::Available);
    assert_eq!(scene.calls(), ["delete volume vol-0", "delete snapshot snap-1"]);
    scene.observed.volumes.remove(0);
    scene.observed.snapshots.clear();
    scene.call(5, 999, &Call::DeleteSnapshot { id: "snap-1".to_owned() }, Some(Ok(Made::default())));
    assert_eq!((scene.calls(), scene.plan().status), (Vec::new(), Status::Done));
}

#[test]
fn what_is_kept_is_put_aside() {
    let mut scene = arrived();
    scene.intent.moving.as_mut().unwrap().keep_old = true;
    (scene.observed.requests[0].state, scene.observed.instances[0].state) =
        (RequestState::Cancelled, InstanceState::Terminated);
    (scene.observed.volumes[0].attachment, scene.observed.volumes[0].state) = (None, VolumeState::Available);
    let calls = scene.calls();
    assert_eq!(calls[0], "tag vol-0 with cloudtop:replaced-by=vol-new, cloudtop:role=replaced");
    assert_eq!(calls[1..], ["tag snap-1 with cloudtop:snapshot=asked"]);
}

#[test]
fn another_type_keeps_its_volume_which_is_taken_off_first() {
    let target = Target { zone: None, types: Some(vec![TYPES[1].to_owned()]) };
    let mut scene = moving(running(), &target);
    assert_eq!(scene.intent.moving.as_ref().unwrap().left[&0].volume, None);
    set(&mut scene, InstanceState::Stopped, RequestState::Disabled, "instance-stopped-by-user");
    assert_eq!(scene.calls(), ["detach vol-0 from i-0"]);
    scene.observed.volumes[0].attachment = None;
    scene.observed.volumes[0].state = VolumeState::Available;
    let calls = scene.calls();
    assert!(calls.len() == 1 && calls[0].starts_with("launch node 0 as") && calls[0].contains(HERE), "{calls:?}");
}

#[test]
fn the_way_back_starts_what_was_stopped_and_deletes_a_copy_that_nobody_had() {
    let mut scene = saved(SnapshotState::Completed);
    scene.observed.volumes.push(copy(None));
    let mut scene = moving(scene, &to_zone(HERE));
    let way_back = scene.intent.moving.clone().unwrap();
    assert_eq!((way_back.left.len(), way_back.spare), (0, BTreeSet::from(["vol-new".to_owned()])));
    assert_eq!(scene.calls(), ["start i-0"]);
    set(&mut scene, InstanceState::Running, RequestState::Active, "fulfilled");
    let calls = scene.calls();
    assert_eq!(calls, ["delete volume vol-new", "delete snapshot snap-1"]);
}

#[test]
fn a_copy_that_a_node_has_had_is_its_volume_from_then_on() {
    let mut scene = arrived();
    let attach = Call::Attach {
        volume_id: "vol-new".to_owned(),
        instance_id: "i-new".to_owned(),
        device: "/dev/xvdj".to_owned(),
    };
    scene.call(6, 970, &attach, None);
    let scene = moving(scene, &to_zone(ZONES[2]));
    let left = &scene.intent.moving.as_ref().unwrap().left[&0];
    assert_eq!(left.volume.as_deref(), Some("vol-new"));
    assert_eq!(left.older, BTreeSet::from(["vol-0".to_owned()]));
    assert_eq!(left.instances, ["i-0", "i-new"].map(str::to_owned).into());
    assert_eq!(scene.calls(), ["stop i-new"]);
}

#[test]
fn a_stop_in_the_middle_stops_what_is_left_too_and_ends_nothing() {
    let mut scene = moving(running(), &to_zone(THERE));
    scene.intent.goal = Goal::Stopped;
    assert_eq!(scene.calls(), ["stop i-0"]);
    set(&mut scene, InstanceState::Stopped, RequestState::Disabled, "instance-stopped-by-user");
    assert_eq!((scene.calls(), scene.plan().status), (Vec::new(), Status::Done));
}

#[test]
fn down_in_the_middle_keeps_one_volume_or_two_where_both_were_used() {
    let ended = |attached: bool| {
        let mut scene = arrived();
        if attached {
            let (volume_id, instance_id) = ("vol-new".to_owned(), "i-new".to_owned());
            scene.call(6, 970, &Call::Attach { volume_id, instance_id, device: String::new() }, None);
        }
        scene.intent = Intent { goal: Goal::Gone { delete_volumes: false }, ..scene.intent };
        scene.observed.instances.iter_mut().for_each(|it| it.state = InstanceState::Terminated);
        scene.observed.requests.iter_mut().for_each(|it| it.state = RequestState::Cancelled);
        for volume in &mut scene.observed.volumes {
            (volume.attachment, volume.state) = (None, VolumeState::Available);
        }
        let calls = scene.calls();
        calls.into_iter().filter(|call| call.contains("vol-") || call.contains("snap-")).collect::<Vec<_>>()
    };
    assert_eq!(ended(false), ["delete volume vol-new", "delete snapshot snap-1"]);
    let aside = "tag vol-0 with cloudtop:replaced-by=vol-new, cloudtop:role=replaced";
    assert_eq!(ended(true), [aside, "delete snapshot snap-1"]);
}
