//! Journals, and what they say was used.

use super::*;
use crate::domain::call::Made;
use crate::domain::demand::Arch;
use crate::domain::intent::Interruption;
use crate::domain::market::Image;
use crate::domain::pools::Pool;
use crate::domain::snapshots::Purpose;

/// The launch of these nodes in us-east-1a, at a quarter of a dollar.
pub(in crate::domain::bill) fn launch(nodes: &[u32]) -> Launch {
    Launch {
        nodes: nodes.to_vec(),
        at_least: 1,
        pool: Pool { instance_type: "m5.large".to_owned(), zone: "us-east-1a".to_owned(), subnet: None },
        price: 0.25,
        image: Image {
            id: "ami-1".to_owned(),
            name: "debian".to_owned(),
            arch: Arch::X86_64,
            root_device: "/dev/xvda".to_owned(),
            root_gib: 8,
        },
        root_gib: 20,
        key_name: "key".to_owned(),
        group_id: "sg-1".to_owned(),
        interface_id: None,
        user_data: String::new(),
        on_interruption: Interruption::Stop,
        one_time: false,
        max_price: None,
        valid_until: None,
        ephemeral_disks: 0,
        shutdown_terminates: false,
        on_demand: false,
        instance_profile: None,
        tags: BTreeMap::from([("team".to_owned(), "web".to_owned())]),
    }
}

pub(in crate::domain::bill) fn at(minute: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
}

pub(in crate::domain::bill) fn entry(minute: i64, event: Event) -> Entry {
    Entry { at: at(minute), event }
}

/// A call and its answer.
pub(in crate::domain::bill) fn call(minute: i64, call: Call, made: Made) -> [Entry; 2] {
    let token = Uuid::from_u128(u128::try_from(minute).unwrap_or_default());
    let intended = Event::Intended { token, call: Box::new(call), reason: String::new() };
    [entry(minute, intended), entry(minute, Event::Done { token, made })]
}

pub(in crate::domain::bill) fn launched(minute: i64, nodes: &[u32], ids: &[&str]) -> [Entry; 2] {
    let instances = ids.iter().map(|id| (*id).to_owned()).collect();
    call(minute, Call::Launch(launch(nodes)), Made { instances, ..Made::default() })
}

/// A line about node 0, with the time that EC2 gives.
pub(in crate::domain::bill) fn node(
    minute: i64,
    phase: Phase,
    id: Option<&str>,
    status: &str,
    since: Option<i64>,
) -> Entry {
    entry(
        minute,
        Event::Node {
            node: 0,
            phase,
            text: String::new(),
            instance_id: id.map(str::to_owned),
            request_id: None,
            status: Some(status.to_owned()).filter(|status| !status.is_empty()),
            since: since.map(at),
        },
    )
}

fn read(entries: &[&[Entry]]) -> Usage {
    Usage::read("dev", &entries.concat())
}

/// From, to, whether EC2 took it, whether the end is assumed.
fn runs(usage: &Usage) -> Vec<(i64, Option<i64>, bool, bool)> {
    let minute = |at: Timestamp| at.as_second() / 60;
    usage.runs.iter().map(|run| (minute(run.from), run.to.map(minute), run.taken, run.end_assumed)).collect()
}

#[test]
fn an_instance_is_charged_from_running_to_the_stop_and_its_disk_until_the_end() {
    let terminate = Call::Terminate { ids: vec!["i-1".to_owned()] };
    let stop = Call::Stop { ids: vec!["i-1".to_owned()], hibernate: false };
    let usage = read(&[
        &launched(0, &[0], &["i-1"]),
        &[node(0, Phase::Launching, Some("i-1"), "fulfilled", Some(0))],
        &[node(1, Phase::Running, Some("i-1"), "fulfilled", Some(0))],
        &[node(2, Phase::Ready, Some("i-1"), "fulfilled", Some(0))],
        &call(60, stop, Made::default()),
        &[node(61, Phase::Stopped, Some("i-1"), "instance-stopped-by-user", Some(60))],
        &[node(90, Phase::Launching, Some("i-1"), "fulfilled", Some(90))],
        &[node(91, Phase::Running, Some("i-1"), "fulfilled", Some(90))],
        &call(120, terminate, Made::default()),
    ]);
    assert_eq!(runs(&usage), [(1, Some(60), false, false), (91, Some(120), false, false)]);
    let (run, root) = (&usage.runs[0], &usage.disks[0]);
    assert_eq!((run.owner.region.as_str(), run.launch_price, run.owner.node), ("us-east-1", Some(0.25), Some(0)));
    assert_eq!(run.owner.tags.get("team").map(String::as_str), Some("web"));
    assert_eq!((root.gib, root.from, root.to), (20, at(0), Some(at(120))));
}

#[test]
fn what_ec2_did_while_nobody_looked_is_taken_from_its_own_times() {
    // Taken at 300 by EC2, found so at 500; started again at 600, found so at 1000; ready since, and gone at 1500.
    let usage = read(&[
        &launched(0, &[0], &["i-1"]),
        &[node(1, Phase::Ready, Some("i-1"), "fulfilled", Some(0))],
        &[node(500, Phase::Interrupted, Some("i-1"), "instance-stopped-no-capacity", Some(300))],
        &[node(1000, Phase::Reachable, Some("i-1"), "fulfilled", Some(600))],
        &[node(1500, Phase::Stopped, Some("i-1"), "instance-stopped-by-user", None)],
    ]);
    assert_eq!(runs(&usage), [(0, Some(300), true, false), (600, Some(1500), false, true)]);
    assert_eq!(usage.disks[0].to, None, "a stopped instance keeps its disk");
}

#[test]
fn what_is_ended_after_a_stop_keeps_its_disk_until_then() {
    let usage = read(&[
        &launched(0, &[0], &["i-1"]),
        &[node(1, Phase::Ready, Some("i-1"), "fulfilled", Some(0))],
        &[node(50, Phase::Interrupted, Some("i-1"), "instance-stopped-no-capacity", Some(30))],
        &[node(60, Phase::Ending, Some("i-1"), "instance-stopped-no-capacity", Some(30))],
    ]);
    assert_eq!((runs(&usage), usage.disks[0].to), (vec![(0, Some(30), true, false)], Some(at(60))));
    let unseen = read(&[
        &launched(0, &[0], &["i-1"]),
        &[node(1, Phase::Ready, Some("i-1"), "fulfilled", Some(0))],
        &[node(60, Phase::Ending, Some("i-1"), "instance-stopped-no-capacity", Some(30))],
    ]);
    assert_eq!((runs(&unseen), unseen.disks[0].to), (vec![(0, Some(30), true, false)], Some(at(60))));
}

#[test]
fn a_start_that_was_not_seen_ends_the_run_before_it() {
    let usage = read(&[
        &launched(0, &[0], &["i-1"]),
        &[node(1, Phase::Ready, Some("i-1"), "fulfilled", Some(0))],
        &[node(800, Phase::Ready, Some("i-1"), "fulfilled", Some(700))],
    ]);
    assert_eq!(runs(&usage), [(0, Some(700), false, true), (700, None, false, false)]);
}

#[test]
fn an_instance_that_ec2_puts_in_the_place_of_another_ends_that_one() {
    let usage = read(&[
        &launched(0, &[0], &["i-1"]),
        &[node(1, Phase::Ready, Some("i-1"), "fulfilled", Some(0))],
        &[node(30, Phase::Interrupted, Some("i-1"), "instance-terminated-no-capacity", Some(28))],
        &[node(40, Phase::Running, Some("i-2"), "fulfilled", Some(39))],
        &[node(90, Phase::Running, Some("i-3"), "fulfilled", Some(80))],
    ]);
    let expected = [(0, Some(28), true, false), (39, Some(80), false, true), (80, None, false, false)];
    assert_eq!(runs(&usage), expected);
    let roots: Vec<Option<Timestamp>> = usage.disks.iter().map(|disk| disk.to).collect();
    assert_eq!(roots, [Some(at(28)), Some(at(80)), None]);
}

#[test]
fn what_was_launched_on_demand_is_charged_as_such() {
    let on_demand = Launch { on_demand: true, price: 0.096, ..launch(&[0]) };
    let made = Made { instances: vec!["i-1".to_owned()], ..Made::default() };
    let usage = read(&[&call(0, Call::Launch(on_demand), made), &[node(1, Phase::Ready, Some("i-1"), "", None)]]);
    assert_eq!((usage.runs[0].purchase, usage.runs[0].launch_price), (Purchase::OnDemand, Some(0.096)));
}

#[test]
fn while_the_memory_is_written_to_disk_a_hibernating_instance_is_charged() {
    let stop = Call::Stop { ids: vec!["i-1".to_owned()], hibernate: true };
    let usage = read(&[
        &launched(0, &[0], &["i-1"]),
        &[node(1, Phase::Ready, Some("i-1"), "", None)],
        &call(60, stop, Made::default()),
        &[node(61, Phase::Stopping, Some("i-1"), "", None)],
        &[node(63, Phase::Stopped, Some("i-1"), "", None)],
    ]);
    assert_eq!(runs(&usage), [(1, Some(63), false, false)]);
}

#[test]
fn what_is_stopped_or_ended_days_after_the_last_look_has_run_until_then() {
    for phase in [Phase::Stopping, Phase::Ending] {
        let usage = read(&[
            &launched(0, &[0], &["i-1"]),
            &[node(1, Phase::Ready, Some("i-1"), "fulfilled", None)],
            &[node(3000, phase, Some("i-1"), "fulfilled", None)],
        ]);
        assert_eq!(runs(&usage), [(1, Some(3000), false, false)]);
    }
}

fn create_volume(node: u32, gib: u32) -> Call {
    Call::CreateVolume { node, zone: "us-east-1a".to_owned(), gib, snapshot: None, tags: Tags::new() }
}

#[test]
fn a_volume_that_was_enlarged_is_two_disks_and_a_snapshot_is_there_until_it_is_deleted() {
    let made = Made { volume: Some("vol-a".to_owned()), ..Made::default() };
    let snapshot = Call::CreateSnapshot {
        volume_id: "vol-a".to_owned(),
        purpose: Purpose::Asked,
        description: String::new(),
        tags: Tags::new(),
    };
    let kept = Made { snapshot: Some("snap-1".to_owned()), ..Made::default() };
    let usage = read(&[
        &call(0, create_volume(0, 100), made),
        &call(10, Call::Enlarge { id: "vol-a".to_owned(), gib: 200 }, Made::default()),
        &call(20, snapshot, kept),
        &call(30, Call::DeleteSnapshot { id: "snap-1".to_owned() }, Made::default()),
        &call(40, Call::DeleteVolume { id: "vol-a".to_owned() }, Made::default()),
    ]);
    let times = |all: &[Disk]| all.iter().map(|it| (it.gib, it.from, it.to)).collect::<Vec<_>>();
    assert_eq!(times(&usage.disks), [(100, at(0), Some(at(10))), (200, at(10), Some(at(40)))]);
    assert_eq!(times(&usage.snapshots), [(200, at(20), Some(at(30)))]);
    assert_eq!(usage.snapshots[0].owner.region, "us-east-1");
}

#[test]
fn a_volume_outlives_its_environment_and_the_rest_does_not() {
    let volume = |node, gib| create_volume(node, gib);
    let made = |id: &str| Made { volume: Some(id.to_owned()), ..Made::default() };
    let usage = read(&[
        &call(0, volume(0, 100), made("vol-a")),
        &call(1, volume(1, 50), made("vol-b")),
        &launched(2, &[0, 1], &["i-1", "i-2"]),
        &[node(3, Phase::Ready, Some("i-1"), "", None)],
        &call(10, Call::DeleteVolume { id: "vol-b".to_owned() }, Made::default()),
        &[entry(20, Event::Closed { volumes: BTreeMap::from([(0, "vol-a".to_owned())]) })],
    ]);
    let ends: Vec<(&str, Option<Timestamp>)> = usage.disks.iter().map(|disk| (disk.id.as_str(), disk.to)).collect();
    assert_eq!(ends, [("vol-a", None), ("vol-b", Some(at(10))), ("i-1", Some(at(20))), ("i-2", Some(at(20)))]);
    assert_eq!(runs(&usage), [(3, Some(20), false, false)]);
}

#[test]
fn volumes_that_were_left_in_another_region_cost_until_they_are_deleted() {
    let made = |id: &str| Made { volume: Some(id.to_owned()), ..Made::default() };
    let there = Call::CreateVolume {
        node: 0,
        zone: "us-west-2a".to_owned(),
        gib: 100,
        snapshot: Some("snap-2".to_owned()),
        tags: Tags::new(),
    };
    let copy = Call::CopySnapshot {
        from: "us-east-1".to_owned(),
        to: "us-west-2".to_owned(),
        snapshot: "snap-1".to_owned(),
        gib: 100,
        purpose: Purpose::Move,
        description: String::new(),
        tags: Tags::new(),
    };
    let usage = read(&[
        &call(0, create_volume(0, 100), made("vol-old")),
        &call(5, copy, Made { snapshot: Some("snap-2".to_owned()), ..Made::default() }),
        &[entry(10, Event::Moved { region: "us-west-2".to_owned() })],
        &call(11, there, made("vol-new")),
        &[entry(20, Event::Closed { volumes: BTreeMap::new() })],
        &call(30, Call::DeleteVolume { id: "vol-old".to_owned() }, Made::default()),
    ]);
    let ends: Vec<(&str, Option<Timestamp>)> = usage.disks.iter().map(|disk| (disk.id.as_str(), disk.to)).collect();
    assert_eq!(ends, [("vol-old", Some(at(30))), ("vol-new", Some(at(20)))]);
    assert_eq!((usage.snapshots[0].owner.region.as_str(), usage.snapshots[0].to), ("us-west-2", None));
}

#[test]
fn a_journal_of_which_the_beginning_is_lost_tells_what_it_can() {
    let usage = read(&[&[node(3, Phase::Ready, Some("i-1"), "", None)], &[node(9, Phase::Absent, None, "", None)]]);
    assert_eq!(usage, Usage::default(), "nobody knows what was launched");
}

#[test]
fn the_region_is_told_by_the_zone() {
    assert_eq!(
        ["us-east-1a", "ap-southeast-2c", "us-west-2-lax-1a", "us-gov-west-1b"].map(region_of),
        ["us-east-1", "ap-southeast-2", "us-west-2", "us-gov-west-1"]
    );
}
