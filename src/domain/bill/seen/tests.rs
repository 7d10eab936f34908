//! What EC2 shows beside what a journal tells.

use super::*;
use crate::domain::bill::journal::tests::{at, launched, node};
use crate::domain::names::Identity;
use crate::domain::observed::{Attachment, RequestState, Snapshot, SnapshotState};
use crate::domain::phase::Phase;

fn identity() -> Identity {
    Identity { env: crate::domain::names::EnvName::example(), owner: "me".to_owned() }
}

fn instance(id: &str, state: InstanceState, launched: i64) -> Instance {
    Instance {
        on_demand: false,
        id: id.to_owned(),
        node_tag: Some("0".to_owned()),
        launch_index: 0,
        state,
        state_reason: None,
        instance_type: "m5.large".to_owned(),
        zone: "us-east-1a".to_owned(),
        request_id: Some("sir-1".to_owned()),
        public_ip: Some("192.0.2.1".to_owned()),
        private_ip: None,
        public_dns: None,
        launched_at: Some(at(launched)),
        ended_at: None,
        volume_ids: Vec::new(),
    }
}

fn request(instance: &str, state: RequestState, status: &str, updated: i64) -> SpotRequest {
    SpotRequest {
        id: "sir-1".to_owned(),
        node_tag: None,
        state,
        status: status.to_owned(),
        message: String::new(),
        instance_id: Some(instance.to_owned()),
        instance_type: "m5.large".to_owned(),
        zone: None,
        persistent: true,
        created_at: None,
        updated_at: Some(at(updated)),
    }
}

fn found(instances: Vec<Instance>, requests: Vec<SpotRequest>) -> Found {
    let mut found = Found::new(identity());
    (found.observed.instances, found.observed.requests) = (instances, requests);
    found
}

/// What ran since minute 1 by the journal, which was last written to then.
fn seen(found: Option<&Found>, now: i64) -> Usage {
    let entries = [&launched(0, &[0], &["i-1"])[..], &[node(1, Phase::Ready, Some("i-1"), "fulfilled", Some(1))]];
    let mut usage = Usage::read("dev", &entries.concat());
    usage.see(&Look { env: "dev", region: "us-east-1", found, last_word: Some(at(1)), now: at(now) });
    usage
}

fn runs(usage: &Usage) -> Vec<(&str, i64, Option<i64>, bool, bool)> {
    let minute = |at: Timestamp| at.as_second() / 60;
    let told = |run: &'_ Run| (minute(run.from), run.to.map(minute), run.taken, run.end_assumed);
    let all = usage.runs.iter().map(|run| (run.instance_id.as_str(), told(run)));
    all.map(|(id, (from, to, taken, assumed))| (id, from, to, taken, assumed)).collect()
}

#[test]
fn what_runs_on_is_the_run_that_the_journal_knows() {
    let usage = seen(Some(&found(vec![instance("i-1", InstanceState::Running, 0)], vec![])), 600);
    assert_eq!(runs(&usage), [("i-1", 1, None, false, false)]);
    assert!(usage.runs[0].public_address && usage.disks[0].to.is_none());
}

#[test]
fn a_later_start_is_another_run() {
    let usage = seen(Some(&found(vec![instance("i-1", InstanceState::Running, 300)], vec![])), 600);
    assert_eq!(runs(&usage), [("i-1", 1, Some(300), false, true), ("i-1", 300, None, false, false)]);
}

#[test]
fn a_stop_is_when_ec2_says_and_by_whom_its_request_says() {
    let mut stopped = instance("i-1", InstanceState::Stopped, 0);
    stopped.ended_at = Some(at(90));
    let usage = seen(Some(&found(vec![stopped.clone()], vec![])), 600);
    assert_eq!(runs(&usage), [("i-1", 1, Some(90), false, false)]);
    let by_ec2 = request("i-1", RequestState::Disabled, "instance-stopped-no-capacity", 45);
    let usage = seen(Some(&found(vec![stopped.clone()], vec![by_ec2])), 600);
    assert_eq!(runs(&usage), [("i-1", 1, Some(45), true, false)]);
    assert_eq!(usage.disks[0].to, None);
    stopped.ended_at = None;
    let usage = seen(Some(&found(vec![stopped], vec![])), 600);
    assert_eq!(runs(&usage), [("i-1", 1, Some(600), false, true)], "at the latest now");
}

#[test]
fn what_is_shown_no_more_ended_an_hour_ago_at_the_latest() {
    let usage = seen(None, 600);
    assert_eq!((runs(&usage), usage.disks[0].to), (vec![("i-1", 1, Some(540), false, true)], Some(at(540))));
    let closed = request("i-1", RequestState::Closed, "instance-terminated-by-price", 200);
    let usage = seen(Some(&found(vec![], vec![closed])), 600);
    assert_eq!((runs(&usage), usage.disks[0].to), (vec![("i-1", 1, Some(200), true, false)], Some(at(200))));
    assert_eq!(runs(&seen(None, 3)), [("i-1", 1, None, false, false)], "a new one is shown late");
}

#[test]
fn what_the_journal_does_not_know_is_added() {
    let mut unknown = instance("i-9", InstanceState::Running, 30);
    unknown.on_demand = true;
    let mut found = found(vec![unknown], vec![]);
    let volume = |id: &str, gib, attached: Option<&str>| Volume {
        replaces: None,
        id: id.to_owned(),
        node_tag: Some("0".to_owned()),
        gib,
        zone: "us-east-1a".to_owned(),
        state: VolumeState::InUse,
        attachment: attached.map(|id| Attachment { instance_id: id.to_owned(), device: String::new(), attached: true }),
    };
    found.observed.volumes.push(volume("vol-1", 100, None));
    found.spare.roots.push(volume("vol-r", 12, Some("i-9")));
    found.spare.snapshots.push(Snapshot {
        id: "snap-1".to_owned(),
        volume_id: "vol-1".to_owned(),
        gib: 100,
        state: SnapshotState::Completed,
        progress: None,
        started_at: None,
        description: String::new(),
        tags: BTreeMap::new(),
    });
    for (id, minute) in [("vol-1", 5), ("vol-r", 30), ("snap-1", 50)] {
        found.made_at.insert(id.to_owned(), at(minute));
    }
    let mut usage = Usage::default();
    usage.see(&Look { env: "dev", region: "us-east-1", found: Some(&found), last_word: None, now: at(60) });
    assert_eq!((usage.runs[0].from, usage.runs[0].purchase), (at(30), Purchase::OnDemand));
    let disks: Vec<(&str, u32, Timestamp)> =
        usage.disks.iter().map(|disk| (disk.id.as_str(), disk.gib, disk.from)).collect();
    assert_eq!(disks, [("vol-1", 100, at(5)), ("vol-r", 12, at(30))]);
    assert_eq!((usage.snapshots[0].gib, usage.snapshots[0].from), (100, at(50)));
}

#[test]
fn a_root_disk_is_the_one_that_ec2_shows_on_the_instance() {
    let mut found = found(vec![instance("i-1", InstanceState::Running, 0)], vec![]);
    found.spare.roots.push(Volume {
        replaces: None,
        id: "vol-r".to_owned(),
        node_tag: None,
        gib: 30,
        zone: "us-east-1a".to_owned(),
        state: VolumeState::InUse,
        attachment: Some(Attachment { instance_id: "i-1".to_owned(), device: String::new(), attached: true }),
    });
    let usage = seen(Some(&found), 600);
    assert_eq!((usage.disks.len(), usage.disks[0].id.as_str(), usage.disks[0].gib), (1, "vol-r", 30));
}
