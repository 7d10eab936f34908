//! The planner's rules about fixed addresses, one example each.

use crate::domain::call::{Call, Made, Tags};
use crate::domain::failure::Class;
use crate::domain::intent::{Goal, Intent, VolumeWish};
use crate::domain::journal::{Entry, Event};
use crate::domain::observed::{InstanceState, Interface, RequestState};
use crate::domain::phase::Phase;

use super::fixture::{self, ZONES, at};
use super::scene::{Scene, instance};

fn cluster(nodes: u32) -> Intent {
    Intent { nodes, volume: VolumeWish::None, fixed_addresses: true, ..fixture::intent() }
}

fn interface(node: u32, on: Option<&str>) -> Interface {
    Interface {
        id: format!("eni-{node}"),
        node_tag: Some(node.to_string()),
        keeps_address: true,
        zone: ZONES[0].to_owned(),
        subnet_id: format!("subnet-{}", ZONES[0]),
        private_ip: Some(format!("172.31.0.1{node}")),
        attached: on.is_some(),
        instance_id: on.map(str::to_owned),
    }
}

/// We have made node 0's interface, and told EC2 that it is to be public.
fn made(scene: &mut Scene) {
    let subnet_id = format!("subnet-{}", ZONES[0]);
    let (zone, group_id) = (ZONES[0].to_owned(), "sg-1".to_owned());
    let create = Call::CreateInterface { node: 0, zone, subnet_id, group_id, tags: Tags::new() };
    scene.call(1, 900, &create, Some(Ok(Made { interface: Some("eni-0".to_owned()), ..Made::default() })));
}

fn made_public(scene: &mut Scene, seconds: i64) {
    scene.call(2, seconds, &Call::MakePublic { id: "eni-0".to_owned() }, Some(Ok(Made::default())));
}

/// Node 0 has run, and is gone.
fn has_run(scene: &mut Scene) {
    let (text, instance_id) = (String::new(), Some("i-0".to_owned()));
    let event =
        Event::Node { node: 0, phase: Phase::Absent, text, instance_id, request_id: None, status: None, since: None };
    scene.journal.push(Entry { at: at(950), event });
}

#[test]
fn each_node_gets_an_interface_then_that_gets_public_then_it_is_launched_with_it() {
    let mut scene = Scene::new(cluster(1));
    assert_eq!(scene.calls(), ["create a network interface for node 0 in us-east-1a"]);
    made(&mut scene);
    assert_eq!(scene.calls(), [""; 0]);
    assert!(scene.waits_for(0).contains("EC2 to list eni-0"), "{}", scene.waits_for(0));
    scene.observed.interfaces.push(interface(0, None));
    assert_eq!(scene.calls(), ["have eni-0 get a public address"]);
    made_public(&mut scene, 950);
    let plan = scene.plan();
    let [Call::Launch(launch)] = plan.steps.iter().map(|step| &step.call).collect::<Vec<_>>()[..] else {
        panic!("{:?}", plan.steps)
    };
    assert_eq!((launch.interface_id.as_deref(), launch.pool.zone.as_str()), (Some("eni-0"), ZONES[0]));
    let view = &plan.nodes[0];
    assert_eq!((view.interface_id.as_deref(), view.private_ip.as_deref()), (Some("eni-0"), Some("172.31.0.10")));
}

#[test]
fn each_node_is_launched_by_a_call_of_its_own() {
    let mut scene = Scene::new(Intent { subnet: Some("subnet-us-east-1a".to_owned()), ..cluster(3) });
    scene.observed.market.as_mut().unwrap().subnets.iter_mut().for_each(|it| it.public_addresses = false);
    scene.observed.interfaces = (0..3).map(|node| interface(node, None)).collect();
    let calls = scene.calls();
    assert_eq!(calls.len(), 3, "the user's own subnet gives no public addresses, and is left alone: {calls:?}");
    assert!(calls.iter().all(|call| call.starts_with("launch node ")), "{calls:?}");
}

#[test]
fn an_interface_on_an_instance_that_ends_is_waited_for_until_that_has_terminated() {
    let mut scene = Scene::new(cluster(1));
    scene.observed.interfaces.push(interface(0, Some("i-0")));
    scene.observed.instances.push(instance(0, InstanceState::ShuttingDown));
    made_public(&mut scene, 950);
    assert_eq!(scene.calls(), [""; 0]);
    assert!(scene.waits_for(0).starts_with("i-0 to let go of eni-0"), "{}", scene.waits_for(0));
    scene.observed.instances[0].state = InstanceState::Terminated;
    assert_eq!(scene.calls().len(), 1, "whatever the list of interfaces says still");
}

#[test]
fn an_address_that_nobody_has_used_moves_out_of_a_dry_zone_and_any_other_stays() {
    let dry = |known: bool| {
        let mut scene = Scene::new(cluster(1));
        made(&mut scene);
        made_public(&mut scene, 950);
        if known {
            has_run(&mut scene);
        }
        scene.observed.interfaces.push(interface(0, None));
        scene.refuse_all(990, Class::Capacity);
        scene
    };
    assert_eq!(dry(false).calls(), ["delete network interface eni-0"]);
    let stays = dry(true).calls();
    assert!(stays.len() == 1 && stays[0].starts_with("launch node 0 as m6i.xlarge in us-east-1a"), "{stays:?}");
    let mut with_data = dry(false).volume(0, ZONES[0], None);
    with_data.intent.volume = VolumeWish::Managed { gib: 100 };
    let stays = with_data.calls();
    assert!(stays.len() == 1 && stays[0].starts_with("launch node 0 as m6i.xlarge in us-east-1a"), "{stays:?}");
}

#[test]
fn an_interface_that_was_deleted_is_not_used_again_because_a_list_is_behind() {
    let mut scene = Scene::new(cluster(1));
    scene.observed.interfaces.push(interface(0, None));
    scene.call(3, 999, &Call::DeleteInterface { id: "eni-0".to_owned() }, Some(Ok(Made::default())));
    assert_eq!(scene.calls(), ["create a network interface for node 0 in us-east-1a"]);
}

#[test]
fn a_volume_in_another_zone_has_the_last_word() {
    let mut scene = Scene::new(Intent { volume: VolumeWish::Managed { gib: 100 }, ..cluster(1) });
    scene.observed.interfaces.push(interface(0, None));
    let scene = scene.volume(0, ZONES[2], None);
    assert_eq!(scene.calls(), ["delete network interface eni-0"]);
}

#[test]
fn a_node_that_runs_without_a_public_address_is_given_one_once_after_its_launch() {
    let mut scene = Scene::new(cluster(1)).running(0);
    scene.observed.interfaces.push(interface(0, Some("i-0")));
    assert_eq!(scene.calls(), [""; 0], "nobody has asked for one");
    scene.observed.instances[0].launched_at = Some(at(980));
    made_public(&mut scene, 950);
    assert_eq!(scene.calls(), ["have eni-0 get a public address"]);
    made_public(&mut scene, 985);
    assert_eq!(scene.calls(), [""; 0]);
}

#[test]
fn interfaces_are_deleted_when_the_instances_are_gone_and_before_the_group() {
    let mut scene = Scene::new(Intent { goal: Goal::Gone { delete_volumes: false }, ..cluster(1) });
    scene.observed.interfaces.push(interface(0, Some("i-0")));
    scene.observed.instances.push(instance(0, InstanceState::ShuttingDown));
    assert_eq!(scene.calls(), [""; 0]);
    scene.observed.instances[0].state = InstanceState::Terminated;
    assert_eq!(scene.calls(), ["delete network interface eni-0"]);
    scene.observed.interfaces.clear();
    assert_eq!(scene.calls().len(), 2, "the group and the key pair");
}

#[test]
fn a_node_too_many_takes_its_address_with_it() {
    let mut scene =
        Scene::new(cluster(1)).running(0).node(1, InstanceState::Running, RequestState::Active, "fulfilled");
    scene.observed.interfaces = vec![interface(0, Some("i-0")), interface(1, Some("i-1"))];
    assert_eq!(scene.calls(), ["cancel spot request sir-1"]);
    scene.observed.instances[1].state = InstanceState::Terminated;
    scene.observed.requests[1].state = RequestState::Cancelled;
    scene.observed.interfaces[1] = interface(1, None);
    assert_eq!(scene.calls(), ["delete network interface eni-1"]);
}

#[test]
fn of_two_interfaces_of_a_node_the_one_in_use_stays() {
    let mut scene = Scene::new(cluster(1)).running(0);
    let used = Interface { id: "eni-9".to_owned(), ..interface(0, Some("i-0")) };
    scene.observed.interfaces = vec![interface(0, None), used];
    assert_eq!(scene.calls(), ["delete network interface eni-0"]);
}
