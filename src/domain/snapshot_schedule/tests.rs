#![allow(clippy::unwrap_used, reason = "a test may panic")]

use uuid::Uuid;

use super::*;
use crate::domain::call::{Call, Made, Tags};
use crate::domain::tags;

const VOLUME: &str = "vol-1";
const DAILY: Schedule = Schedule { every: SignedDuration::from_hours(24), keep: 2 };

fn at(hours: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + hours * 3600).unwrap()
}

fn snapshot(id: &str, hours: i64, state: SnapshotState, purpose: Purpose) -> Snapshot {
    Snapshot {
        id: id.to_owned(),
        volume_id: VOLUME.to_owned(),
        gib: 10,
        state,
        progress: None,
        started_at: Some(at(hours)),
        description: String::new(),
        tags: [(tags::SNAPSHOT.to_owned(), purpose.as_str().to_owned())].into(),
    }
}

fn whole(id: &str, hours: i64) -> Snapshot {
    snapshot(id, hours, SnapshotState::Completed, Purpose::Scheduled)
}

fn due_at(seen: &[Snapshot], usage: Usage, hours: i64) -> Due {
    due(DAILY, VOLUME, usage, seen, &Record::default(), at(hours))
}

fn surplus_ids(seen: &[Snapshot]) -> Vec<&str> {
    surplus(DAILY, VOLUME, seen).into_iter().map(|it| it.id.as_str()).collect()
}

#[test]
fn the_first_is_due_at_once_and_the_next_after_the_interval() {
    assert_eq!(due_at(&[], Usage::InUse, 0), Due::Now { since: at(0) });
    let one = [whole("snap-1", 0)];
    assert_eq!(due_at(&one, Usage::InUse, 23), Due::At(at(24)));
    assert_eq!(due_at(&one, Usage::InUse, 24), Due::Now { since: at(24) });
}

#[test]
fn a_schedule_that_nobody_kept_for_a_week_makes_one_and_then_waits_for_the_interval() {
    let mut seen = vec![whole("snap-1", 0)];
    assert_eq!(due_at(&seen, Usage::InUse, 170), Due::Now { since: at(170) });
    seen.push(whole("snap-2", 170));
    assert_eq!(due_at(&seen, Usage::InUse, 171), Due::At(at(194)));
}

#[test]
fn one_that_is_pending_is_waited_for_whoever_asked_for_it() {
    for purpose in [Purpose::Asked, Purpose::Scheduled] {
        let pending = [snapshot("snap-1", 0, SnapshotState::Pending, purpose)];
        assert!(matches!(due_at(&pending, Usage::InUse, 100), Due::Waits(_)));
    }
    let other =
        Snapshot { volume_id: "vol-2".to_owned(), ..snapshot("snap-1", 0, SnapshotState::Pending, Purpose::Asked) };
    assert_eq!(due_at(&[other], Usage::InUse, 100), Due::Now { since: at(100) });
}

#[test]
fn one_that_was_asked_for_is_none_of_the_schedules() {
    let seen = [whole("snap-1", 0), snapshot("snap-2", 20, SnapshotState::Completed, Purpose::Asked)];
    assert_eq!(due_at(&seen, Usage::InUse, 24), Due::Now { since: at(24) });
}

#[test]
fn one_that_ec2_could_not_make_is_tried_again_within_the_hour() {
    let seen = [whole("snap-1", 0), snapshot("snap-2", 24, SnapshotState::Error, Purpose::Scheduled)];
    assert_eq!(due_at(&seen, Usage::InUse, 24), Due::At(at(25)));
    assert_eq!(due_at(&seen, Usage::InUse, 25), Due::Now { since: at(25) });
}

#[test]
fn what_nobody_has_written_to_since_a_whole_snapshot_needs_no_other() {
    let rests = |hours| Usage::AtRest { since: Some(at(hours)) };
    let seen = [whole("snap-1", 0)];
    assert_eq!(due_at(&seen, rests(10), 30), Due::Now { since: at(30) }, "it was written to after that");
    let asked = [whole("snap-1", 0), snapshot("snap-2", 11, SnapshotState::Completed, Purpose::Asked)];
    assert_eq!(due_at(&asked, rests(10), 30), Due::Unchanged("snap-2".to_owned()), "whoever asked for it");
    let seen = [whole("snap-1", 0), whole("snap-2", 30)];
    assert_eq!(due_at(&seen, rests(10), 900), Due::Unchanged("snap-2".to_owned()));
    assert_eq!(due_at(&seen, Usage::AtRest { since: None }, 900), Due::Now { since: at(900) }, "nobody knows");
    assert!(matches!(due_at(&seen, Usage::Changing, 900), Due::Waits(_)));
    let failed = [snapshot("snap-1", 11, SnapshotState::Error, Purpose::Asked)];
    assert_eq!(due_at(&failed, rests(10), 30), Due::Now { since: at(30) });
}

#[test]
fn the_oldest_are_too_many_and_only_whole_ones_of_the_schedules_own_count() {
    let seen = [
        whole("snap-3", 48),
        whole("snap-1", 0),
        snapshot("snap-a", 1, SnapshotState::Completed, Purpose::Asked),
        snapshot("snap-d", 2, SnapshotState::Completed, Purpose::BeforeDeletion),
        whole("snap-2", 24),
        whole("snap-4", 72),
    ];
    assert_eq!(surplus_ids(&seen), ["snap-1", "snap-2"]);
    assert_eq!(surplus_ids(&seen[..4]), [""; 0], "two are whole and its own");
    // Until the new one is whole, the old ones are all that there is.
    let mut seen = vec![whole("snap-1", 0), whole("snap-2", 24)];
    seen.push(snapshot("snap-3", 48, SnapshotState::Pending, Purpose::Scheduled));
    seen.push(snapshot("snap-4", 49, SnapshotState::Error, Purpose::Scheduled));
    assert_eq!(surplus_ids(&seen), [""; 0]);
    let none = surplus(Schedule { keep: 0, ..DAILY }, VOLUME, &seen);
    assert_eq!(none.len(), 1, "the newest is never deleted");
}

#[test]
fn a_call_whose_answer_was_lost_is_gone_on_with_and_not_made_twice() {
    let token = Uuid::from_u64_pair(1, 2);
    let call = Call::CreateSnapshot {
        volume_id: VOLUME.to_owned(),
        purpose: Purpose::Scheduled,
        description: String::new(),
        tags: Tags::new(),
    };
    let intended = Entry { at: at(24), event: Event::Intended { token, call: Box::new(call), reason: String::new() } };
    let record = Record::read(std::slice::from_ref(&intended));
    let seen = [whole("snap-1", 0)];
    assert_eq!(due(DAILY, VOLUME, Usage::InUse, &seen, &record, at(48)), Due::Now { since: at(24) });

    let made = Made { snapshot: Some("snap-2".to_owned()), ..Made::default() };
    let done = Entry { at: at(24), event: Event::Done { token, made } };
    let record = Record::read(&[intended, done]);
    assert!(matches!(due(DAILY, VOLUME, Usage::InUse, &seen, &record, at(24)), Due::Waits(_)), "EC2 lists it late");
    assert_eq!(due(DAILY, VOLUME, Usage::InUse, &seen, &record, at(48)), Due::Now { since: at(48) }, "it was deleted");
}
