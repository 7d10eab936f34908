//! Clusters over pools, and nodes on demand.

use std::collections::BTreeMap;

use crate::domain::advisor::Band;
use crate::domain::call::{Call, Launch};
use crate::domain::choosing::{Choosing, Fallback};
use crate::domain::failure::Class;
use crate::domain::intent::{Goal, Intent, Interruption, VolumeWish};
use crate::domain::market::Market;
use crate::domain::observed::{Instance, InstanceState};
use crate::domain::phase::Phase;
use crate::domain::plan::Status;

use super::fixture::{self, TYPES, ZONES};
use super::scene::{Scene, instance};

fn cluster(nodes: u32) -> Intent {
    let choosing = Choosing { fallback: Fallback::OnDemand, ..Choosing::default() };
    Intent { nodes, volume: VolumeWish::None, choosing, ..fixture::intent() }
}

/// Both types are interrupted by this band, the second costs `more` than the first.
fn scene(intent: Intent, band: Option<Band>, more: f64) -> Scene {
    let mut scene = Scene::new(intent);
    let market = scene.observed.market.as_mut().unwrap();
    for price in market.prices.iter_mut().filter(|it| it.instance_type == TYPES[1]) {
        price.usd_per_hour += more - 0.1;
    }
    market.published.bands = TYPES.iter().filter_map(|name| Some(((*name).to_owned(), band?))).collect();
    market.published.on_demand = BTreeMap::from(TYPES.map(|name| (name.to_owned(), 0.2)));
    scene
}

/// Which nodes are launched as what.
fn launches(scene: &Scene) -> Vec<Launch> {
    let of_step = |call: Call| match call {
        Call::Launch(launch) => Some(launch),
        _ => None,
    };
    scene.plan().steps.into_iter().filter_map(|step| of_step(step.call)).collect()
}

fn laid_out(scene: &Scene) -> Vec<(String, Vec<u32>)> {
    launches(scene).into_iter().map(|it| (it.pool.to_string(), it.nodes)).collect()
}

fn on_demand(state: InstanceState) -> Instance {
    Instance { request_id: None, on_demand: true, ..instance(0, state) }
}

/// An environment of one node that is on demand.
fn lone(goal: Goal, state: InstanceState) -> Scene {
    let mut scene = Scene::new(Intent { goal, ..cluster(1) });
    scene.observed.instances.push(on_demand(state));
    scene
}

#[test]
fn nodes_are_told_apart_where_that_costs_less_than_to_lose_them_together() {
    // 4 vCPUs are 2/7 into the band of 15 to 20 %: 16.43 %. -ln(0.8357)/730 x 30.03 is $0.0074 an hour, by which the second
    // of three nodes in a pool costs more than the first.
    let first = |zone: &str| format!("m5.xlarge in {zone}");
    let split = scene(cluster(3), Some(Band::To20), 0.005);
    assert_eq!(laid_out(&split), [(first(ZONES[0]), vec![0, 2]), (format!("m6i.xlarge in {}", ZONES[0]), vec![1])]);
    let dear = scene(cluster(3), Some(Band::To20), 0.02);
    assert_eq!(laid_out(&dear), [(first(ZONES[0]), vec![0, 1, 2])]);
    let calm = scene(cluster(3), Some(Band::Under5), 0.005);
    assert_eq!(laid_out(&calm), [(first(ZONES[0]), vec![0, 1, 2])]);
    let unknown = scene(cluster(3), None, 0.000_001);
    assert_eq!(laid_out(&unknown), [(first(ZONES[0]), vec![0, 1, 2])], "nothing is paid for a guess");
}

#[test]
fn a_node_that_comes_back_keeps_away_from_those_that_are_there() {
    let scene = scene(cluster(3), Some(Band::To20), 0.005).running(0).running(1);
    assert_eq!(laid_out(&scene), [(format!("m6i.xlarge in {}", ZONES[0]), vec![2])]);
}

#[test]
fn over_zones_each_zone_has_its_own_best_pool() {
    let spread = scene(Intent { spread: true, ..cluster(4) }, Some(Band::To20), 0.004);
    let zones: Vec<(String, Vec<u32>)> = laid_out(&spread);
    assert_eq!(zones[0], (format!("m5.xlarge in {}", ZONES[0]), vec![0]));
    assert_eq!(zones[1], (format!("m6i.xlarge in {}", ZONES[0]), vec![3]), "the fourth is alone in its pool");
    assert_eq!(zones.len(), 4);
}

#[test]
fn the_plan_says_how_many_nodes_go_where_before_they_do() {
    let mut scene = scene(cluster(3), Some(Band::To20), 0.005);
    scene.observed.groups.clear();
    let plan = scene.plan();
    assert!(
        plan.waiting_for.concat().ends_with(
            "then 2 nodes will be launched as m5.xlarge in us-east-1a at $0.0500 an hour each, \
             1 node will be launched as m6i.xlarge in us-east-1a at $0.0550 an hour each"
        ),
        "{:?}",
        plan.waiting_for
    );
}

#[test]
fn when_every_spot_pool_has_refused_the_node_is_launched_on_demand() {
    let mut scene = scene(cluster(1), None, 0.1);
    for turn in 0..6 {
        assert!(!launches(&scene)[0].on_demand);
        scene.refuse_all(1_000 + turn, Class::Capacity);
    }
    let launch = launches(&scene).remove(0);
    assert_eq!((launch.on_demand, launch.price, launch.max_price), (true, 0.2, None));
    assert_eq!(
        Call::Launch(launch).to_string(),
        "launch node 0 as m5.xlarge in us-east-1a ON-DEMAND with ami-1 by RunInstances"
    );
    scene.refuse_all(1_010, Class::Capacity);
    let elsewhere = launches(&scene).remove(0);
    assert_eq!((elsewhere.on_demand, elsewhere.pool.zone.as_str()), (true, ZONES[1]));
}

#[test]
fn on_demand_nodes_are_launched_by_run_instances_whatever_their_interruption_would_be() {
    let mut scene = scene(Intent { on_interruption: Interruption::Terminate, ..cluster(2) }, None, 0.1);
    scene.observed.market.as_mut().unwrap().prices.clear();
    let launches = launches(&scene);
    assert_eq!(launches.len(), 1, "{:?}", scene.calls());
    assert!(launches[0].on_demand && launches[0].valid_until.is_none());
}

#[test]
fn a_node_on_demand_lives_as_any_other() {
    let running = lone(Goal::Running, InstanceState::Running);
    assert_eq!((running.calls(), running.plan().status), (vec![], Status::Done));
    assert_eq!(running.plan().nodes[0].phase, Phase::Attached);
    assert!(running.plan().nodes[0].on_demand);
    assert_eq!(lone(Goal::Stopped, InstanceState::Running).calls(), ["stop i-0"]);
    let stopped = lone(Goal::Stopped, InstanceState::Stopped);
    assert_eq!((stopped.calls(), stopped.plan().status), (vec![], Status::Done));
    assert_eq!(lone(Goal::Running, InstanceState::Stopped).calls(), ["start i-0"]);
    let gone = Goal::Gone { delete_volumes: false };
    assert_eq!(lone(gone, InstanceState::Running).calls(), ["terminate i-0"]);
}

#[test]
fn an_address_is_not_given_up_for_the_full_price_elsewhere() {
    let mut scene = Scene::new(Intent { fixed_addresses: true, ..cluster(1) });
    let market = scene.observed.market.as_mut().unwrap();
    let none_as_spot = Market { prices: Vec::new(), ..market.clone() };
    *market = none_as_spot;
    market.published.on_demand = BTreeMap::from(TYPES.map(|name| (name.to_owned(), 0.2)));
    assert_eq!(scene.calls(), ["create a network interface for node 0 in us-east-1a"]);
}
