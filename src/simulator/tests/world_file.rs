//! The world's file, shared and broken.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use super::{Node, TYPE, ask, image, zones};
use crate::clock::Clock;
use crate::simulator::{Simulator, SimulatorError};

/// A file of its own for each test, in a directory that goes with it.
fn world() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("world.jsonl");
    (directory, path)
}

fn open(path: &Path) -> Simulator {
    Simulator::open(path, Clock::starting_at("2026-11-21T12:00:00Z".parse().unwrap())).unwrap()
}

fn make_volume(simulator: &Simulator) -> String {
    let answer = ask(simulator, "CreateVolume", &[("AvailabilityZone", &zones()[0]), ("Size", "8")]);
    Node::parse(&answer.body).text("volumeId")
}

fn volumes(simulator: &Simulator) -> Vec<String> {
    simulator.show().unwrap().volumes.into_iter().map(|volume| volume.id).collect()
}

#[tokio::test(start_paused = true)]
async fn two_handles_see_each_others_doings_and_never_give_one_id_twice() {
    let (_directory, path) = world();
    let (one, other) = (open(&path), open(&path));
    let mut made = vec![make_volume(&one), make_volume(&other), make_volume(&one)];
    made.sort();
    made.dedup();
    assert_eq!(made.len(), 3);
    assert_eq!(volumes(&one), made);
    assert_eq!(volumes(&other), made);
    ask(&other, "DeleteVolume", &[("VolumeId", &made[0])]);
    assert_eq!(volumes(&one), made[1..]);
    assert_eq!(one.call_counts().unwrap().get("CreateVolume"), Some(&3));
}

#[tokio::test(start_paused = true)]
async fn what_was_answered_is_there_for_the_next_process() {
    let (_directory, path) = world();
    let first = open(&path);
    first.set("boot", "7s").unwrap();
    let parameters =
        [("ImageId", &*image()), ("InstanceType", TYPE), ("MinCount", "2"), ("MaxCount", "2"), ("ClientToken", "t")];
    let answer = ask(&first, "RunInstances", &parameters);
    drop(first);
    let second = open(&path);
    let again = ask(&second, "RunInstances", &parameters);
    let ids = |body: &str| Node::parse(body).texts("instancesSet/item/instanceId");
    assert_eq!(ids(&answer.body), ids(&again.body));
    assert_eq!(second.settings().unwrap().boot, std::time::Duration::from_secs(7));
    tokio::time::advance(std::time::Duration::from_secs(2)).await;
    assert!(second.show().unwrap().instances.iter().all(|it| it.state == "running"));
}

#[tokio::test(start_paused = true)]
async fn a_line_that_a_kill_cut_off_is_left_out_and_written_over() {
    let (_directory, path) = world();
    let first = open(&path);
    let kept = make_volume(&first);
    let whole = std::fs::read(&path).unwrap();
    let lost = make_volume(&first);
    let longer = std::fs::read(&path).unwrap();
    drop(first);
    std::fs::write(&path, &longer[..whole.len() + (longer.len() - whole.len()) / 2]).unwrap();
    let second = open(&path);
    assert_eq!(volumes(&second), [kept.as_str()]);
    let next = make_volume(&second);
    assert_eq!(next, lost, "the number was not used up");
    assert_eq!(volumes(&open(&path)).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_damaged_file_and_one_of_another_format_are_told_apart_and_left_alone() {
    let (_directory, path) = world();
    make_volume(&open(&path));
    std::fs::OpenOptions::new().append(true).open(&path).unwrap().write_all(b"rubbish\n").unwrap();
    let damaged = std::fs::read(&path).unwrap();
    let clock = Clock::starting_at("2026-11-21T12:00:00Z".parse().unwrap());
    assert!(matches!(Simulator::open(&path, clock), Err(SimulatorError::Damaged { .. })));
    assert_eq!(std::fs::read(&path).unwrap(), damaged);
    let text = String::from_utf8(damaged).unwrap().replacen("\"cloudtop_world\":1", "\"cloudtop_world\":2", 1);
    std::fs::write(&path, text).unwrap();
    assert!(matches!(Simulator::open(&path, clock), Err(SimulatorError::Format { found: 2, .. })));
}

#[tokio::test(start_paused = true)]
async fn the_log_is_written_anew_when_it_has_grown_and_other_handles_follow() {
    let (_directory, path) = world();
    let (one, other) = (open(&path), open(&path));
    let volume = make_volume(&one);
    for value in 0..1500 {
        ask(&one, "CreateTags", &[("ResourceId.1", &volume), ("Tag.1.Key", "n"), ("Tag.1.Value", &value.to_string())]);
    }
    assert!(std::fs::metadata(&path).unwrap().len() < 1_000_000);
    let shown = other.show().unwrap();
    assert_eq!(shown.volumes[0].tags.get("n").map(String::as_str), Some("1499"));
    make_volume(&other);
    assert_eq!(volumes(&one).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_reset_empties_the_account_for_everybody() {
    let (_directory, path) = world();
    let (one, other) = (open(&path), open(&path));
    make_volume(&one);
    other.reset().unwrap();
    assert!(volumes(&one).is_empty());
    assert!(one.call_counts().unwrap().is_empty());
}
