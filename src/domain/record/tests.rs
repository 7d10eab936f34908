use super::*;
use crate::domain::call::Tags;
use crate::domain::observed::Volume;
use crate::domain::plan::fixture::at;

fn token(n: u64) -> Uuid {
    Uuid::from_u64_pair(1, n)
}

fn entry(seconds: i64, event: Event) -> Entry {
    Entry { at: at(seconds), event }
}

fn intended(n: u64, seconds: i64, call: &Call) -> Entry {
    entry(seconds, Event::Intended { token: token(n), call: Box::new(call.clone()), reason: String::new() })
}

fn done(n: u64, seconds: i64, made: Made) -> Entry {
    entry(seconds, Event::Done { token: token(n), made })
}

fn refused(n: u64, seconds: i64, class: Class) -> Entry {
    let failure = Failure { action: String::new(), code: String::new(), message: String::new(), class };
    entry(seconds, Event::Refused { token: token(n), failure })
}

fn create_volume() -> Call {
    Call::CreateVolume { node: 2, zone: "us-east-1a".to_owned(), gib: 10, snapshot: None, tags: Tags::new() }
}

fn volume() -> Volume {
    Volume {
        id: "vol-1".to_owned(),
        node_tag: Some("2".to_owned()),
        gib: 10,
        zone: "us-east-1a".to_owned(),
        state: VolumeState::Available,
        replaces: None,
        attachment: None,
    }
}

fn made_volume() -> Made {
    Made { volume: Some("vol-1".to_owned()), ..Made::default() }
}

#[test]
fn a_call_is_pending_until_its_answer_and_after_a_lost_one() {
    let call = create_volume();
    let mut record = Record::read(&[intended(1, 0, &call)]);
    assert_eq!(record.pending.len(), 1);
    let failure =
        Failure { action: String::new(), code: String::new(), message: String::new(), class: Class::Ambiguous };
    record.apply(&entry(9, Event::Lost { token: token(1), failure }));
    assert_eq!((record.pending[0].since, record.pending[0].at), (at(0), at(9)));
    record.apply(&intended(1, 20, &call));
    assert_eq!((record.pending.len(), record.pending[0].since, record.pending[0].at), (1, at(0), at(20)));
    record.apply(&done(1, 21, made_volume()));
    assert_eq!(record.pending, []);
    assert_eq!(record.known["vol-1"].node, Some(2));
    record.apply(&entry(30, Event::Closed { volumes: BTreeMap::new() }));
    assert_eq!(record, Record::default());
}

#[test]
fn a_new_thing_may_be_late_for_minutes_and_a_shown_one_missing_for_seconds() {
    let mut late = Record::read(&[intended(1, 0, &create_volume()), done(1, 0, made_volume())]);
    let mut shown = late.clone();
    for seconds in [5, 299] {
        late.absorb(&Observed::default(), at(seconds));
        assert!(late.known.contains_key("vol-1"), "after {seconds} s");
    }
    late.absorb(&Observed::default(), at(300));
    assert!(!late.known.contains_key("vol-1"));

    shown.absorb(&Observed { volumes: vec![volume()], ..Observed::default() }, at(5));
    shown.absorb(&Observed::default(), at(10));
    shown.absorb(&Observed::default(), at(19));
    assert!(shown.known.contains_key("vol-1"));
    shown.absorb(&Observed::default(), at(20));
    assert!(!shown.known.contains_key("vol-1"));
}

#[test]
fn what_is_shown_is_known_from_then_on_and_what_ended_never_again() {
    let mut record = Record::default();
    let shown = |state| Observed { volumes: vec![Volume { state, ..volume() }], ..Observed::default() };
    record.absorb(&shown(VolumeState::Available), at(0));
    assert_eq!(record.known["vol-1"].node, Some(2));
    record.absorb(&shown(VolumeState::Deleting), at(3));
    assert!(!record.known.contains_key("vol-1") && record.has_ended("vol-1"));
    record.absorb(&shown(VolumeState::Available), at(5));
    assert!(!record.known.contains_key("vol-1"), "the list is behind");
}

#[test]
fn a_refusal_for_want_of_capacity_alone_puts_no_pool_aside_but_the_launchs() {
    let call = Call::DeleteGroup { id: "sg-1".to_owned() };
    let record = Record::read(&[intended(1, 0, &call), refused(1, 1, Class::Capacity)]);
    assert_eq!((record.refusals.len(), record.pending.len()), (0, 0));
}

#[test]
fn what_is_there_already_or_gone_already_counts_as_answered() {
    let key = Call::ImportKey { name: "k".to_owned(), public_key: String::new() };
    let record = Record::read(&[intended(1, 0, &key), refused(1, 1, Class::Exists)]);
    assert_eq!(record.answered_at("ImportKeyPair", "k"), Some(at(1)));
    let group = Call::DeleteGroup { id: "sg-1".to_owned() };
    let record = Record::read(&[intended(1, 0, &group), refused(1, 1, Class::Gone)]);
    assert!(record.just_answered("DeleteSecurityGroup", "sg-1", at(10)));
    assert!(!record.just_answered("DeleteSecurityGroup", "sg-1", at(11)));
    let cancel = Call::CancelRequests { ids: vec!["sir-1".to_owned()] };
    let record = Record::read(&[intended(1, 0, &cancel), refused(1, 1, Class::Gone)]);
    assert!(!record.was_answered("CancelSpotInstanceRequests", "sir-1"), "it may not have been visible yet");
}

#[test]
fn only_a_request_whose_own_instance_was_seen_has_been_fulfilled() {
    let node = |phase| Event::Node {
        node: 0,
        phase,
        text: String::new(),
        instance_id: Some("i-1".to_owned()),
        request_id: Some("sir-2".to_owned()),
        status: None,
        since: None,
    };
    // The instance is the one before, which is ending; the request is new.
    let mut record = Record::read(&[entry(0, node(Phase::Requested))]);
    assert!(record.fulfilled.is_empty() && !record.known.contains_key("i-1"));
    record.apply(&entry(5, node(Phase::Ready)));
    assert!(record.fulfilled.contains("sir-2") && record.known.contains_key("i-1"));
    assert_eq!(record.ready["i-1"], at(5));
}

#[test]
fn what_was_ended_in_an_earlier_life_has_not_lived_in_this_one() {
    let node = |phase, instance: &str| Event::Node {
        node: 0,
        phase,
        text: String::new(),
        instance_id: Some(instance.to_owned()),
        request_id: None,
        status: None,
        since: None,
    };
    let mut record = Record::default();
    // EC2 lists for an hour what was ended before.
    record.apply(&entry(0, node(Phase::Absent, "i-of-the-life-before")));
    assert!(record.lived.is_empty());
    record.apply(&entry(1, node(Phase::Launching, "i-mine")));
    record.apply(&entry(2, node(Phase::Absent, "i-mine")));
    assert_eq!(Vec::from_iter(&record.lived), ["i-mine"]);
}
