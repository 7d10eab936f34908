//! Volumes that are deleted only after a snapshot.

use uuid::Uuid;

use crate::domain::call::{Call, Made};
use crate::domain::intent::{Goal, Intent};
use crate::domain::journal::{Entry, Event};
use crate::domain::observed::{Snapshot, SnapshotState};
use crate::domain::phase::Phase;
use crate::domain::plan::{Blocked, Status};
use crate::domain::tags;

use super::fixture::{self, ZONES, at};
use super::scene::Scene;

/// An environment that is to be gone with its volume, of which a snapshot is to be left.
fn ending() -> Scene {
    let goal = Goal::Gone { delete_volumes: true };
    let intent = Intent { goal, snapshot_first: true, ..fixture::intent() };
    Scene::new(intent).volume(0, ZONES[0], None)
}

fn the_call(scene: &Scene) -> Call {
    let steps = scene.plan().steps.into_iter().map(|step| step.call);
    steps.into_iter().find(|call| matches!(call, Call::CreateSnapshot { .. })).unwrap()
}

/// The snapshot of the call under a token, in a state.
fn shown(token: u64, state: SnapshotState) -> Snapshot {
    let token = Uuid::from_u64_pair(9, token).to_string();
    Snapshot {
        id: "snap-1".to_owned(),
        volume_id: "vol-0".to_owned(),
        gib: 100,
        state,
        progress: Some(42),
        started_at: Some(at(990)),
        description: String::new(),
        tags: [(tags::TOKEN.to_owned(), token)].into(),
    }
}

fn deletes(scene: &Scene) -> bool {
    scene.calls().iter().any(|call| call == "delete volume vol-0")
}

fn asks_for_a_snapshot(scene: &Scene) -> bool {
    scene.calls().iter().any(|call| call == "create a snapshot of vol-0")
}

#[test]
fn a_volume_is_deleted_only_when_its_snapshot_is_completed() {
    let mut scene = ending();
    assert!(asks_for_a_snapshot(&scene) && !deletes(&scene), "{:?}", scene.calls());
    let call = the_call(&scene);
    let made = Made { snapshot: Some("snap-1".to_owned()), ..Made::default() };
    scene.call(1, 990, &call, Some(Ok(made)));
    assert!(!asks_for_a_snapshot(&scene) && !deletes(&scene), "EC2 does not list it yet: {:?}", scene.calls());
    scene.observed.snapshots = vec![shown(1, SnapshotState::Pending)];
    assert!(!deletes(&scene), "{:?}", scene.calls());
    assert!(scene.plan().waiting_for.iter().any(|it| it.contains("pending (42 %)")), "{:?}", scene.plan().waiting_for);
    scene.observed.snapshots = vec![shown(1, SnapshotState::Completed)];
    assert!(deletes(&scene) && !asks_for_a_snapshot(&scene), "{:?}", scene.calls());
}

#[test]
fn a_snapshot_that_fails_keeps_the_volume_and_the_next_run_makes_another() {
    let mut scene = ending();
    let call = the_call(&scene);
    scene.journal.push(Entry { at: at(980), event: Event::Began { command: "down dev".to_owned() } });
    scene.call(1, 985, &call, Some(Ok(Made::default())));
    scene.observed.snapshots = vec![shown(1, SnapshotState::Error)];
    assert!(!deletes(&scene));
    let status = scene.plan().status;
    assert!(
        matches!(&status, Status::Blocked(Blocked::Volume { words, .. }) if words.contains("is kept")),
        "{status:?}"
    );
    scene.journal.push(Entry { at: at(995), event: Event::Began { command: "down dev".to_owned() } });
    assert!(asks_for_a_snapshot(&scene) && !deletes(&scene));
}

#[test]
fn a_snapshot_of_the_time_before_a_node_lived_again_does_not_count() {
    let mut scene = ending();
    let call = the_call(&scene);
    scene.call(1, 900, &call, Some(Ok(Made { snapshot: Some("snap-1".to_owned()), ..Made::default() })));
    scene.observed.snapshots = vec![shown(1, SnapshotState::Completed)];
    assert!(deletes(&scene));
    // It lived: which instance it had then is of no matter.
    let event = Event::Node {
        node: 0,
        phase: Phase::Ready,
        text: String::new(),
        instance_id: None,
        request_id: None,
        since: None,
        status: None,
    };
    scene.journal.push(Entry { at: at(950), event });
    scene.now = at(2_000);
    assert!(asks_for_a_snapshot(&scene) && !deletes(&scene), "{:?}", scene.calls());
}

#[test]
fn a_snapshot_without_an_answer_is_found_by_its_token_or_made_again_after_a_minute() {
    let mut scene = ending();
    let call = the_call(&scene);
    scene.call(1, 990, &call, None);
    assert!(!asks_for_a_snapshot(&scene) && !deletes(&scene), "{:?}", scene.calls());
    let mut found = ending();
    found.journal.clone_from(&scene.journal);
    found.observed.snapshots = vec![shown(1, SnapshotState::Completed)];
    assert!(deletes(&found), "{:?}", found.calls());
    scene.now = at(1_051);
    let settled = scene.plan().settled;
    assert_eq!(settled.len(), 1);
    scene.journal.push(Entry { at: at(1_051), event: Event::Settled { token: settled[0].0, how: String::new() } });
    assert!(asks_for_a_snapshot(&scene) && !deletes(&scene), "{:?}", scene.calls());
}

#[test]
fn of_two_volumes_of_a_node_the_one_counts_that_was_put_in_the_others_place() {
    let mut scene = Scene::new(fixture::intent()).running(0).volume(0, ZONES[0], None).volume(0, ZONES[0], None);
    scene.observed.volumes[1].id = "vol-9".to_owned();
    assert_eq!(scene.calls(), ["attach vol-0 to i-0 as /dev/xvdj"]);
    scene.observed.volumes[1].replaces = Some("vol-0".to_owned());
    assert_eq!(scene.calls(), ["attach vol-9 to i-0 as /dev/xvdj"]);
}

#[test]
fn what_a_restore_replaced_is_put_aside_before_volumes_are_deleted() {
    let intent = Intent { goal: Goal::Gone { delete_volumes: true }, ..fixture::intent() };
    let mut scene = Scene::new(intent).volume(0, ZONES[0], None).volume(0, ZONES[0], None);
    scene.observed.volumes[1].id = "vol-9".to_owned();
    scene.observed.volumes[1].replaces = Some("vol-0".to_owned());
    let deleted =
        |scene: &Scene| scene.calls().into_iter().filter(|it| it.starts_with("delete vol")).collect::<Vec<_>>();
    assert_eq!(deleted(&scene), [""; 0], "not before it is known to be put aside");
    assert!(scene.calls().iter().any(|it| it.contains("vol-0")), "{:?}", scene.calls());
    scene.observed.volumes.remove(0);
    assert_eq!(deleted(&scene).len(), 1);
}
