use super::*;
use crate::domain::call::Made;
use crate::domain::failure::{Class, Failure};
use crate::domain::journal::{Entry, Event};
use crate::domain::record::Record;
use crate::domain::stored::Stored;
use uuid::Uuid;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn baking() -> Baking {
    Baking {
        image: "tools".parse().unwrap(),
        version: "20261121-090000".to_owned(),
        from: None,
        os: ImageFamily::Ubuntu,
        secrets: Vec::new(),
        keep: None,
        stage: Stage::Building,
    }
}

fn identity() -> Identity {
    Identity { env: "bake-tools".parse().unwrap(), owner: "01990000-0000-7000-8000-00001234abcd".to_owned() }
}

fn image(id: &str, version: &str, second: i64) -> OwnImage {
    let tags = [(tags::IMAGE, "tools"), (tags::BAKE, version), (tags::ROLE, tags::ROLE_IMAGE)];
    OwnImage {
        id: id.to_owned(),
        ami_name: format!("cloudtop/1234abcd/tools/{version}"),
        state: ImageState::Available,
        reason: None,
        created_at: Some(at(second)),
        arch: Some(Arch::X86_64),
        gib: 20,
        snapshots: vec![format!("snap-of-{id}")],
        tags: tags.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect(),
    }
}

/// What is done next, with these images shown and these lines in the journal, at this second; it is worked on since 0.
fn next(images: Vec<OwnImage>, events: Vec<(i64, Event)>, now: i64) -> Next<OwnImage> {
    let (baking, identity, tags) = (baking(), identity(), Tags::new());
    let entries: Vec<Entry> = events.into_iter().map(|(second, event)| Entry { at: at(second), event }).collect();
    let (record, seen) = (Record::read(&entries), Stored { images, ..Stored::default() });
    let without = ["/dev/xvdj".to_owned()];
    let make = Make {
        baking: &baking,
        identity: &identity,
        instance_id: "i-1",
        raw: false,
        without: &without,
        own_tags: &tags,
    };
    make.next(Moment { seen: &seen, record: &record, since: at(0), now: at(now) })
}

fn call_of(next: Next<OwnImage>) -> (Option<Uuid>, Call) {
    match next {
        Next::Act(step) => (step.token, step.call),
        other => panic!("no call: {other:?}"),
    }
}

fn intended(token: Uuid) -> Event {
    let (_, call) = call_of(next(Vec::new(), Vec::new(), 0));
    Event::Intended { token, call: Box::new(call), reason: String::new() }
}

fn lost() -> Failure {
    Failure { action: "CreateImage".into(), code: "NoAnswer".into(), message: String::new(), class: Class::Ambiguous }
}

#[test]
fn an_image_s_name_leaves_room_for_its_builder_s() {
    let longest = "a".repeat(MAX_NAME_LENGTH - BUILDER.len());
    let name: ImageName = longest.parse().unwrap();
    assert_eq!(name.builder().unwrap().as_str().len(), MAX_NAME_LENGTH);
    assert!(matches!(format!("{longest}a").parse::<ImageName>(), Err(NameError::TooLongForImage { most: 35, .. })));
    assert!("Tools".parse::<ImageName>().is_err());
}

#[test]
fn an_image_is_made_once_without_the_persistent_volume_and_has_no_end_of_its_time() {
    let (token, call) = call_of(next(Vec::new(), Vec::new(), 0));
    let Call::CreateImage { name, without, no_reboot, tags, .. } = call else { panic!("{call:?}") };
    assert_eq!((token, name.as_str()), (None, "cloudtop/1234abcd/tools/20261121-090000"));
    assert_eq!((without, no_reboot), (vec!["/dev/xvdj".to_owned()], true));
    assert!(!tags.contains_key(tags::EXPIRES) && tags[tags::ENV] == "bake-tools", "{tags:?}");
    let made = image("ami-1", "20261121-090000", 5);
    assert_eq!(next(vec![made.clone()], Vec::new(), 9), Next::Done(made));
}

#[test]
fn a_lost_answer_is_waited_for_and_then_asked_for_again_under_the_same_name_and_token() {
    let token = Uuid::from_u128(7);
    let events = || vec![(0, intended(token)), (1, Event::Lost { token, failure: lost() })];
    assert!(matches!(next(Vec::new(), events(), 30), Next::Wait(_)));
    let (again, call) = call_of(next(Vec::new(), events(), 90));
    assert_eq!(again, Some(token));
    assert!(matches!(call, Call::CreateImage { name, .. } if name.ends_with("/20261121-090000")));
    assert!(matches!(next(Vec::new(), events(), 900), Next::Settle(settled, _) if settled == token));
}

#[test]
fn what_ec2_says_it_made_is_waited_for_until_it_is_listed() {
    let token = Uuid::from_u128(7);
    let made = Made { image: Some("ami-1".to_owned()), ..Made::default() };
    let events = vec![(0, intended(token)), (1, Event::Done { token, made })];
    assert!(matches!(next(Vec::new(), events.clone(), 60), Next::Wait(_)));
    assert!(matches!(next(Vec::new(), events, 600), Next::Act(_)), "somebody has deleted it");
}

#[test]
fn one_that_failed_is_told_with_its_reason_and_the_next_run_makes_another() {
    let token = Uuid::from_u128(7);
    let reason = Some("no room".to_owned());
    let failed = OwnImage { state: ImageState::Failed, reason, ..image("ami-1", "20261121-090000", 0) };
    let made = |second: i64| vec![(second, intended(token)), (second, Event::Done { token, made: Made::default() })];
    assert!(matches!(next(vec![failed.clone()], made(1), 9), Next::Stop(why) if why.contains("no room")));
    let (_, call) = call_of(next(vec![failed], made(-60), 9));
    assert_eq!(call, Call::DeregisterImage { id: "ami-1".to_owned() });
}

#[test]
fn a_name_is_its_newest_version_and_a_copy_of_a_machine_is_never_launched_from() {
    let mut raw = image("ami-3", "20261121-100000", 300);
    raw.tags.insert(tags::ROLE.to_owned(), tags::ROLE_RAW_IMAGE.to_owned());
    let all = [image("ami-1", "20261121-080000", 100), image("ami-2", "20261121-090000", 200), raw];
    let ids = |word: &str| named(&all, word).iter().map(|it| it.id.as_str()).collect::<Vec<_>>().join(" ");
    assert_eq!(ids("tools"), "ami-3 ami-2 ami-1");
    assert_eq!(ids("tools@20261121-080000"), "ami-1");
    assert_eq!(ids("ami-2"), "ami-2");
    assert_eq!(ids("other"), "");
    assert_eq!(named(&all, "tools").iter().find(|it| it.is_usable()).unwrap().id, "ami-2");
}

#[test]
fn old_versions_go_by_count_but_none_that_is_in_use_and_never_the_last() {
    let all: Vec<OwnImage> =
        (1..=4).map(|number| image(&format!("ami-{number}"), &format!("v{number}"), number)).collect();
    let pruned = |keep: usize, used: &[&str]| {
        let used = used.iter().map(|id| (*id).to_owned()).collect();
        to_prune(&all, "tools", keep, &used).iter().map(|it| it.id.clone()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(pruned(2, &[]), "ami-2 ami-1");
    assert_eq!(pruned(2, &["ami-2"]), "ami-1");
    assert_eq!(pruned(0, &[]), "ami-3 ami-2 ami-1");
    assert_eq!(pruned(9, &[]), "");
}

#[test]
fn snapshots_that_an_image_has_left_are_deleted_one_by_one_after_it() {
    let snapshot = |id: &str, version: &str| Snapshot {
        id: id.to_owned(),
        volume_id: "vol-1".to_owned(),
        state: SnapshotState::Completed,
        progress: None,
        started_at: None,
        gib: 20,
        description: String::new(),
        tags: image("", version, 0).tags,
    };
    let gone = image("ami-1", "v1", 0);
    let snapshots = vec![snapshot("snap-of-ami-1", "v1"), snapshot("snap-of-ami-2", "v2")];
    let kept = [image("ami-2", "v2", 1)];
    assert_eq!(orphans(&kept, &snapshots).iter().map(|it| it.id.as_str()).collect::<Vec<_>>(), ["snap-of-ami-1"]);
    let ids = with_snapshots(&[&gone]);
    let record = Record::default();
    let ask = |seen: &Stored| remove(&ids, Moment { seen, record: &record, since: at(0), now: at(9) });
    let both = Stored { images: vec![gone.clone()], snapshots: snapshots.clone(), ..Stored::default() };
    let action = |next: Next<()>| match next {
        Next::Act(step) => step.call.to_string(),
        other => format!("{other:?}"),
    };
    assert_eq!(action(ask(&both)), "delete image ami-1 with its snapshots");
    assert_eq!(action(ask(&Stored { images: Vec::new(), ..both })), "delete snapshot snap-of-ami-1");
    assert_eq!(ask(&Stored::default()), Next::Done(()));
}
