//! The planner's rules, one example each.

use std::collections::BTreeMap;

use crate::domain::call::{Call, Launch, Made, Tags};
use crate::domain::failure::Class;
use crate::domain::intent::{Goal, Intent, Interruption, VolumeWish};
use crate::domain::journal::{Entry, Event};
use crate::domain::observed::{InstanceState, RequestState, VolumeState};
use crate::domain::phase::Phase;
use crate::domain::plan::{Blocked, Status};
use crate::domain::pools::RejectionKind;

use super::fixture::{self, TYPES, ZONES, at};
use super::scene::{Scene, instance, request_of};

const GONE: Goal = Goal::Gone { delete_volumes: false };
const NO_VOLUME: VolumeWish = VolumeWish::None;

fn cluster(nodes: u32) -> Intent {
    Intent { nodes, volume: NO_VOLUME, ..fixture::intent() }
}

fn launches(scene: &Scene) -> Vec<Launch> {
    let of_step = |call: Call| match call {
        Call::Launch(launch) | Call::RequestSpot(launch) => Some(launch),
        _ => None,
    };
    scene.plan().steps.into_iter().filter_map(|step| of_step(step.call)).collect()
}

fn launch(scene: &Scene) -> Launch {
    let mut all = launches(scene);
    assert_eq!(all.len(), 1, "one launch is planned");
    all.remove(0)
}

#[test]
fn a_volume_is_attached_when_the_instance_runs_and_not_before() {
    let pending = Scene::new(fixture::intent()).node(0, InstanceState::Pending, RequestState::Active, "fulfilled");
    assert_eq!(pending.calls(), ["create a 100 GiB gp3 volume for node 0 in us-east-1a"]);
    let pending = pending.volume(0, ZONES[0], None);
    assert_eq!(pending.calls(), [""; 0]);
    let running = Scene::new(fixture::intent()).running(0).volume(0, ZONES[0], None);
    assert_eq!(running.calls(), ["attach vol-0 to i-0 as /dev/xvdj"]);
}

#[test]
fn a_volume_pins_the_zone() {
    let free = Scene::new(fixture::intent());
    assert_eq!(launch(&free).pool.zone, ZONES[0]);
    let pinned = free.volume(0, ZONES[2], None);
    assert_eq!(launch(&pinned).pool.zone, ZONES[2]);
}

#[test]
fn a_volume_that_is_not_listed_yet_holds_the_launch_back() {
    let mut scene = Scene::new(fixture::intent());
    let create = Call::CreateVolume { node: 0, zone: ZONES[2].to_owned(), gib: 100, snapshot: None, tags: Tags::new() };
    scene.call(1, 990, &create, Some(Ok(Made { volume: Some("vol-0".to_owned()), ..Made::default() })));
    assert_eq!(scene.calls(), [""; 0]);
    assert!(scene.waits_for(0).contains("vol-0"), "{}", scene.waits_for(0));
    scene.now = at(990 + 301);
    scene.observed.market = Some(fixture::market(scene.now));
    let mut record = scene.record();
    scene.now = at(990 + 312);
    record.absorb(&scene.observed, scene.now);
    assert!(!scene.plan_with(&record).steps.is_empty(), "what never showed is taken to be gone");
}

#[test]
fn a_volume_that_an_earlier_life_kept_holds_the_launch_back_while_a_list_leaves_it_out() {
    let mut scene = Scene::new(fixture::intent());
    let volumes = BTreeMap::from([(0, "vol-0".to_owned())]);
    scene.journal.push(Entry { at: at(10), event: Event::Closed { volumes } });
    assert_eq!(scene.calls(), [""; 0]);
    assert!(scene.waits_for(0).contains("vol-0"), "{}", scene.waits_for(0));
    let mut record = scene.record();
    scene.now = at(1_012);
    record.absorb(&scene.observed, scene.now);
    assert!(!scene.plan_with(&record).steps.is_empty(), "somebody has deleted it");
}

#[test]
fn a_volume_of_the_users_that_is_missing_blocks_before_anything_is_launched() {
    let volume = VolumeWish::Existing { id: "vol-9".to_owned() };
    let plan = Scene::new(Intent { volume, ..fixture::intent() }).plan();
    assert_eq!(plan.steps, []);
    assert!(matches!(plan.status, Status::Blocked(Blocked::Volume { node: 0, words }) if words.contains("vol-9")));
}

#[test]
fn a_dry_pool_is_put_aside_for_three_minutes_and_the_next_is_tried() {
    let mut scene = Scene::new(cluster(1));
    scene.refuse_all(1_000, Class::Capacity);
    assert_eq!(launch(&scene).pool.zone, ZONES[1]);
    scene.now = at(1_000 + 179);
    assert_eq!(launch(&scene).pool.zone, ZONES[1]);
    scene.now = at(1_000 + 180);
    assert_eq!(launch(&scene).pool.zone, ZONES[0]);
}

#[test]
fn when_all_pools_are_dry_each_says_its_own_reason() {
    let mut scene = Scene::new(cluster(1));
    for turn in 0..6 {
        scene.refuse_all(1_000 + turn, Class::Capacity);
    }
    let plan = scene.plan();
    assert_eq!(plan.steps, []);
    let Status::Blocked(Blocked::NoPool(ranking)) = plan.status else { panic!("{:?}", plan.status) };
    assert_eq!(ranking.refusals.len(), 6);
    assert!(ranking.rejections.iter().all(|it| it.kind == RejectionKind::Refused && it.why.contains("Capacity")));
    assert_eq!(ranking.refused().len(), 6);
    let words = scene.waits_for(0);
    assert!(words.starts_with("a pool that will do: 6 pools refused (") && words.contains("asked again"), "{words}");
}

#[test]
fn a_pool_that_refused_all_at_once_is_asked_for_a_part() {
    let mut scene = Scene::new(cluster(3));
    assert_eq!(launch(&scene).at_least, 3);
    scene.refuse_all(1_000, Class::Capacity);
    let part = launch(&scene);
    assert_eq!((part.at_least, part.pool.zone.as_str(), part.nodes), (1, ZONES[0], vec![0, 1, 2]));
    scene.refuse_all(1_001, Class::Capacity);
    assert_eq!(launch(&scene).pool.zone, ZONES[1]);
}

#[test]
fn a_lost_launch_is_asked_for_again_with_its_own_token() {
    let mut scene = Scene::new(cluster(2));
    let first = scene.plan().steps.remove(0);
    scene.call(5, 1_000, &first.call, None);
    scene.now = at(1_003);
    let plan = scene.plan();
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].call, first.call);
    assert_eq!(plan.steps[0].token, Some(uuid::Uuid::from_u64_pair(9, 5)));
    scene.now = at(1_000 + 601);
    scene.observed.market = Some(fixture::market(scene.now));
    assert_eq!(scene.plan().settled.len(), 1, "nothing of it showed in ten minutes");
}

#[test]
fn a_lost_launch_is_settled_when_all_of_it_shows() {
    let mut scene = Scene::new(cluster(2));
    let call = scene.plan().steps.remove(0).call;
    scene.call(5, 1_000, &call, None);
    scene.now = at(1_010);
    let of_launch = |node: u32| {
        let mut it = instance(node, InstanceState::Pending);
        (it.node_tag, it.launch_index, it.launched_at) = (Some("0-1".to_owned()), node, Some(at(1_001)));
        it
    };
    scene.observed.instances.push(of_launch(0));
    assert_eq!(scene.plan().settled, []);
    assert_eq!(scene.plan().steps.len(), 1, "the same call tells of all");
    scene.observed.instances.push(of_launch(1));
    assert_eq!(scene.plan().settled.len(), 1);
    assert_eq!(launches(&scene), []);
}

#[test]
fn what_a_lost_launch_made_is_waited_for_by_down_and_never_asked_for_again() {
    let mut scene = Scene::new(cluster(1));
    let call = scene.plan().steps.remove(0).call;
    scene.call(5, 1_000, &call, None);
    scene.intent.goal = GONE;
    scene.now = at(1_059);
    let plan = scene.plan();
    assert_eq!((plan.steps.len(), plan.status, plan.settled.len()), (0, Status::Working, 0));
    scene.now = at(1_061);
    let plan = scene.plan();
    assert_eq!((plan.steps.len(), plan.status, plan.settled.len()), (0, Status::Working, 1), "and another look");
}

#[test]
fn what_a_large_launch_made_is_told_apart_by_its_place_and_not_tagged_one_by_one() {
    for (nodes, tagged) in [(100, 100), (101, 0)] {
        let mut scene = Scene::new(cluster(nodes));
        for node in 0..nodes {
            scene = scene.running(node);
            let set = Some(format!("0-{}", nodes - 1));
            let of_launch = scene.observed.instances.last_mut().unwrap();
            (of_launch.node_tag, of_launch.launch_index) = (set.clone(), node);
            scene.observed.requests.last_mut().unwrap().node_tag = set;
        }
        let plan = scene.plan();
        assert_eq!(plan.steps.len(), tagged, "{:?}", plan.steps.first());
        assert!(plan.steps.iter().all(|step| matches!(step.call, Call::Tag { .. })));
        assert_eq!(plan.nodes[7].instance_id.as_deref(), Some("i-7"));
    }
}

#[test]
fn what_ec2_stopped_is_waited_for_with_its_reason_and_never_started() {
    let status = "instance-stopped-no-capacity";
    let scene = Scene::new(cluster(1)).node(0, InstanceState::Stopped, RequestState::Disabled, status);
    let plan = scene.plan();
    assert_eq!((plan.steps.len(), plan.status), (0, Status::Working));
    assert_eq!(plan.nodes[0].phase, Phase::Interrupted);
    assert!(scene.waits_for(0).contains("starts it again"), "{}", scene.waits_for(0));
    let notice = Scene::new(cluster(1)).node(0, InstanceState::Stopped, RequestState::Active, "marked-for-stop");
    assert_eq!(notice.calls(), [""; 0]);
}

#[test]
fn what_the_user_stopped_is_started() {
    let scene = Scene::new(cluster(1));
    let scene = scene.node(0, InstanceState::Stopped, RequestState::Disabled, "instance-stopped-by-user");
    assert_eq!(scene.calls(), ["start i-0"]);
}

#[test]
fn a_stopped_instance_whose_request_is_not_listed_is_not_started() {
    let mut scene = Scene::new(cluster(1));
    scene = scene.node(0, InstanceState::Stopped, RequestState::Disabled, "instance-stopped-no-capacity");
    let mut record = scene.record();
    scene.observed.requests.clear();
    scene.now = at(1_004);
    record.absorb(&scene.observed, scene.now);
    assert_eq!(scene.plan_with(&record).steps, []);
}

#[test]
fn scaling_down_ends_the_highest_indexes_alone_and_cancels_first() {
    let mut scene = Scene::new(cluster(2)).running(0).running(1).running(2).running(3);
    assert_eq!(scene.calls(), ["cancel spot request sir-2, sir-3"]);
    let cancel = Call::CancelRequests { ids: vec!["sir-2".to_owned(), "sir-3".to_owned()] };
    scene.call(1, 1_001, &cancel, Some(Ok(Made::default())));
    scene.now = at(1_002);
    assert_eq!(scene.calls(), ["terminate i-2, i-3"]);
}

#[test]
fn an_instance_whose_request_is_not_listed_is_not_terminated_yet() {
    let mut scene = Scene::new(Intent { goal: GONE, ..cluster(1) }).running(0);
    let mut record = scene.record();
    scene.observed.requests.clear();
    scene.now = at(1_003);
    record.absorb(&scene.observed, scene.now);
    assert_eq!(scene.plan_with(&record).steps, [], "a list may be behind");
    scene.now = at(1_014);
    record.absorb(&scene.observed, scene.now);
    assert_eq!(scene.plan_with(&record).steps.len(), 1, "a request that is gone launches nothing");
}

#[test]
fn nodes_are_spread_over_the_zones_and_the_emptiest_comes_first() {
    let spread = Intent { spread: true, ..cluster(4) };
    let laid_out = |scene: &Scene| -> Vec<(String, Vec<u32>)> {
        launches(scene).into_iter().map(|it| (it.pool.zone, it.nodes)).collect()
    };
    let all = laid_out(&Scene::new(spread.clone()));
    let expected = [(ZONES[0], vec![0, 3]), (ZONES[1], vec![1]), (ZONES[2], vec![2])];
    assert_eq!(all, expected.map(|(zone, nodes)| (zone.to_owned(), nodes)));
    let rest = laid_out(&Scene::new(Intent { nodes: 2, ..spread }).running(0));
    assert_eq!(rest, [(ZONES[1].to_owned(), vec![1])]);
}

#[test]
fn a_volume_on_a_foreign_instance_blocks() {
    let scene = Scene::new(fixture::intent()).running(0).volume(0, ZONES[0], Some("i-foreign"));
    let plan = scene.plan();
    assert_eq!(plan.steps, []);
    assert!(matches!(plan.status, Status::Blocked(Blocked::Volume { node: 0, words }) if words.contains("i-foreign")));
}

#[test]
fn a_volume_on_an_instance_of_ours_that_is_ending_is_waited_for() {
    let mut scene = Scene::new(fixture::intent()).running(0).volume(0, ZONES[0], Some("i-old"));
    let mut old = instance(0, InstanceState::ShuttingDown);
    old.id = "i-old".to_owned();
    scene.observed.instances.push(old);
    assert_eq!(scene.plan().status, Status::Working);
    let mut record = scene.record();
    scene.observed.instances.pop();
    record.absorb(&scene.observed, scene.now);
    assert_eq!(scene.plan_with(&record).status, Status::Working, "not even when a list leaves it out");
}

#[test]
fn the_rule_for_this_machine_follows_its_address_and_the_users_own_rules_stay() {
    let mut scene = Scene::new(cluster(1)).running(0);
    let allow = Call::AllowSsh { group_id: "sg-1".to_owned(), port: 22, cidr: fixture::HOME.to_owned() };
    scene.call(1, 10, &allow, Some(Ok(Made::default())));
    scene.observed.groups[0].ssh_from.push("203.0.113.0/24".to_owned());
    assert_eq!(scene.calls(), [""; 0]);
    scene.intent.ssh_from = vec!["198.51.100.7/32".to_owned()];
    let expected = ["open port 22 of sg-1 to 198.51.100.7/32", "close port 22 of sg-1 to 192.0.2.1/32"];
    assert_eq!(scene.calls(), expected);
    // It was opened by a call whose answer never came.
    scene.journal.truncate(1);
    assert_eq!(scene.calls(), expected[..1], "nobody knows yet whether it was");
    let Event::Intended { token, .. } = scene.journal[0].event else { panic!("the call") };
    scene.journal.push(Entry { at: at(20), event: Event::Settled { token, how: String::new() } });
    assert_eq!(scene.calls(), expected);
}

#[test]
fn a_new_group_that_is_not_listed_is_opened_by_its_id_after_the_launch_too() {
    let mut scene = Scene::new(cluster(1)).running(0);
    scene.observed.groups.clear();
    let create = Call::CreateGroup { name: fixture::identity().resource_name(), vpc_id: "vpc-1".to_owned() };
    scene.call(1, 990, &create, Some(Ok(Made { group: Some("sg-2".to_owned()), ..Made::default() })));
    assert_eq!(scene.calls(), ["open port 22 of sg-2 to 192.0.2.1/32", "open sg-2 to its own members"]);
}

#[test]
fn a_held_request_gives_way_to_another_pool_unless_capacity_is_waited_for() {
    let intent = Intent { on_interruption: Interruption::Terminate, ..cluster(1) };
    let mut scene = Scene::new(intent);
    let mut request = request_of(0, RequestState::Open, "capacity-not-available");
    request.created_at = Some(at(980));
    scene.observed.requests.push(request);
    assert_eq!(scene.calls(), [""; 0], "it has thirty seconds");
    scene.now = at(1_011);
    assert_eq!(scene.calls(), ["cancel spot request sir-0"]);
    scene.intent.wait_for_capacity = true;
    assert_eq!(scene.calls(), [""; 0]);
    scene.intent.wait_for_capacity = false;
    let request = &mut scene.observed.requests[0];
    (request.state, request.status) = (RequestState::Cancelled, "canceled-before-fulfillment".to_owned());
    assert_eq!(launch(&scene).pool.zone, ZONES[1], "the pool that held it is put aside");
}

#[test]
fn a_request_that_has_had_an_instance_is_left_to_ec2() {
    let mut scene = Scene::new(Intent { on_interruption: Interruption::Terminate, ..cluster(1) });
    scene.observed.requests.push(request_of(0, RequestState::Open, "capacity-not-available"));
    let event = Event::Node {
        node: 0,
        phase: Phase::Attached,
        text: String::new(),
        instance_id: Some("i-0".to_owned()),
        request_id: Some("sir-0".to_owned()),
        status: None,
        since: None,
    };
    scene.journal.push(Entry { at: at(10), event });
    assert_eq!(scene.calls(), [""; 0]);
}

#[test]
fn a_pool_above_the_price_limit_is_turned_down() {
    let scene = Scene::new(Intent { max_price: Some(0.055), ..cluster(1) });
    let plan = scene.plan();
    assert_eq!(launch(&scene).pool.zone, ZONES[0]);
    let turned_down = plan.ranking.unwrap().rejections;
    assert_eq!(turned_down.iter().filter(|it| it.kind == RejectionKind::Price).count(), 5);
    let status = Scene::new(Intent { max_price: Some(0.01), ..cluster(1) }).plan().status;
    assert!(matches!(status, Status::Blocked(Blocked::NoPool(ranking)) if ranking.rejections.len() == 6));
}

#[test]
fn a_request_that_failed_for_good_blocks_until_the_next_command() {
    let mut scene = Scene::new(cluster(1));
    let mut failed = request_of(0, RequestState::Failed, "bad-parameters");
    failed.created_at = Some(at(990));
    scene.observed.requests.push(failed);
    scene.journal.push(Entry { at: at(980), event: Event::Began { command: "up".to_owned() } });
    assert!(matches!(scene.plan().status, Status::Blocked(Blocked::RequestFailed { node: 0, .. })));
    scene.journal.push(Entry { at: at(995), event: Event::Began { command: "up".to_owned() } });
    assert_eq!(launch(&scene).nodes, [0]);
}

#[test]
fn a_second_instance_is_ended_its_request_first_and_the_volumes_holder_is_kept() {
    let mut scene = Scene::new(fixture::intent()).running(0).volume(0, ZONES[0], Some("i-late"));
    let mut late = instance(0, InstanceState::Running);
    (late.id, late.request_id, late.launched_at) = ("i-late".to_owned(), Some("sir-late".to_owned()), Some(at(50)));
    scene.observed.instances.push(late);
    assert_eq!(scene.calls(), ["cancel spot request sir-0"]);
    scene.intent.goal = Goal::Stopped;
    assert_eq!(scene.calls(), ["cancel spot request sir-0", "stop i-late"], "stopping one is not enough");
}

#[test]
fn an_instance_in_whose_place_ec2_put_another_is_no_double() {
    let mut scene = Scene::new(cluster(1)).running(0);
    let mut again = instance(0, InstanceState::Pending);
    (again.id, again.launched_at) = ("i-again".to_owned(), Some(at(900)));
    scene.observed.instances.push(again);
    let plan = scene.plan();
    assert_eq!(plan.steps, []);
    assert_eq!(plan.nodes[0].instance_id.as_deref(), Some("i-again"));
}

#[test]
fn an_instance_that_was_seen_ending_does_not_count_when_a_list_is_behind() {
    let mut scene = Scene::new(cluster(1)).node(0, InstanceState::ShuttingDown, RequestState::Closed, "whatever");
    let mut record = scene.record();
    scene.observed.instances[0].state = InstanceState::Running;
    record.absorb(&scene.observed, scene.now);
    assert_eq!(scene.plan_with(&record).nodes[0].phase, Phase::Absent);
}

#[test]
fn the_request_of_an_instance_that_is_not_listed_is_not_cancelled_by_stop() {
    let mut scene = Scene::new(Intent { goal: Goal::Stopped, ..cluster(1) });
    scene = scene.node(0, InstanceState::Stopped, RequestState::Disabled, "instance-stopped-by-user");
    scene.observed.instances.clear();
    assert_eq!(scene.calls(), [""; 0], "it would end the stopped instance");
    scene.observed.requests[0] = request_of(0, RequestState::Open, "pending-evaluation");
    assert_eq!(scene.calls(), ["cancel spot request sir-0"]);
}

#[test]
fn what_ec2_launched_just_when_its_request_was_cancelled_is_waited_for() {
    let mut scene = Scene::new(cluster(1)).node(
        0,
        InstanceState::Running,
        RequestState::Cancelled,
        "request-canceled-and-instance-running",
    );
    scene.observed.instances.clear();
    scene.call(1, 999, &Call::CancelRequests { ids: vec!["sir-0".to_owned()] }, Some(Ok(Made::default())));
    for goal in [Goal::Running, Goal::Stopped, GONE] {
        scene.intent.goal = goal;
        let plan = scene.plan();
        assert_eq!((plan.steps.len(), plan.status), (0, Status::Working), "{goal:?}");
        scene.observed.requests[0].instance_id = None;
        assert_eq!(scene.plan().steps, [], "{goal:?}");
        scene.observed.requests[0].instance_id = Some("i-0".to_owned());
    }
    let status = Scene { journal: Vec::new(), ..scene }.plan().steps;
    assert!(!status.is_empty(), "one that was cancelled long ago has no instance to wait for");
}

#[test]
fn an_up_after_a_down_that_was_broken_off_replaces_what_would_not_come_back() {
    let status = "request-canceled-and-instance-running";
    let mut scene = Scene::new(cluster(1)).node(0, InstanceState::Running, RequestState::Cancelled, status);
    assert_eq!(scene.calls(), [""; 0], "somebody else cancelled it: what runs on it is theirs");
    scene.call(1, 900, &Call::CancelRequests { ids: vec!["sir-0".to_owned()] }, Some(Ok(Made::default())));
    assert_eq!(scene.calls(), ["terminate i-0"]);
    scene.observed.instances[0].state = InstanceState::ShuttingDown;
    assert_eq!(launch(&scene).nodes, [0]);
}

#[test]
fn a_down_gives_a_group_whose_making_has_no_answer_a_minute_to_show() {
    let mut scene = Scene::new(Intent { goal: GONE, ..fixture::intent() });
    let group = scene.observed.groups.remove(0);
    let call = Call::CreateGroup { name: "cloudtop-dev".to_owned(), vpc_id: "vpc-1".to_owned() };
    scene.call(1, 990, &call, None);
    assert_eq!(scene.calls(), [""; 0], "what is not listed cannot be deleted");
    assert!(scene.plan().waiting_for.iter().any(|it| it.contains("was lost")), "{:?}", scene.plan().waiting_for);
    assert_ne!(scene.plan().status, Status::Done);
    scene.observed.groups.push(group);
    assert_eq!(scene.calls()[0], "delete security group sg-1");
    scene.observed.groups.clear();
    scene.now = at(1_051);
    let settled = scene.plan().settled;
    assert_eq!(settled.len(), 1, "it was never sent");
    scene.journal.push(Entry { at: at(1_051), event: Event::Settled { token: settled[0].0, how: String::new() } });
    assert!(scene.calls()[0].starts_with("delete key pair"), "{:?}", scene.calls());
}

#[test]
fn down_deletes_volumes_only_when_asked_and_never_the_users_own() {
    let mut scene = Scene::new(Intent { goal: GONE, ..fixture::intent() }).volume(0, ZONES[0], None);
    let deletes = |scene: &Scene| scene.calls().iter().any(|call| call.starts_with("delete volume"));
    assert!(!deletes(&scene));
    scene.intent.goal = Goal::Gone { delete_volumes: true };
    assert!(deletes(&scene));
    // It has the tags of the environment that once made it.
    scene.intent.volume = VolumeWish::Existing { id: "vol-0".to_owned() };
    assert!(!deletes(&scene));
}

#[test]
fn a_volume_that_somebody_deletes_pins_nothing() {
    let mut scene = Scene::new(fixture::intent()).volume(0, ZONES[2], None);
    scene.observed.volumes[0].state = VolumeState::Deleting;
    assert_eq!(launch(&scene).pool.zone, ZONES[0]);
}

#[test]
fn an_untagged_relaunch_of_a_request_with_its_launchs_tag_gets_the_index_that_is_free() {
    let mut scene = Scene::new(cluster(3)).running(0).running(1).running(2).volume(1, ZONES[0], None);
    scene.observed.instances[1].node_tag = None;
    scene.observed.requests[1].node_tag = Some("0-2".to_owned());
    let plan = scene.plan();
    assert_eq!(plan.nodes[1].instance_id.as_deref(), Some("i-1"));
    let tags: Vec<String> = plan.steps.iter().map(|step| step.call.to_string()).collect();
    assert_eq!(tags, ["tag i-1, sir-1 as node 1"]);
}

#[test]
fn nothing_is_launched_while_prices_are_unknown() {
    let mut scene = Scene::new(cluster(1));
    scene.observed.market = None;
    let plan = scene.plan();
    assert_eq!((plan.steps.len(), plan.status), (0, Status::NeedsSurvey));
}

#[test]
fn persistent_and_terminate_goes_one_request_a_node() {
    let scene = Scene::new(Intent { on_interruption: Interruption::Terminate, ..cluster(3) });
    let all = launches(&scene);
    assert_eq!(all.iter().map(|it| it.nodes.clone()).collect::<Vec<_>>(), [[0], [1], [2]]);
    assert!(all.iter().all(|it| it.pool.instance_type == TYPES[0] && it.valid_until.is_some()));
}
