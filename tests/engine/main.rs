//! The engine against the built-in EC2, in process, with a virtual clock: minutes pass in no time.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[path = "../support/mod.rs"]
mod support;

mod lost;
mod signals;
mod world;

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use cloudtop::domain::call::Call;
use cloudtop::domain::intent::{Goal, Interruption, Kind, VolumeWish};
use cloudtop::domain::journal::Event;
use cloudtop::domain::market::Published;
use cloudtop::domain::phase::{Phase, Wait};
use cloudtop::domain::plan::Blocked;
use cloudtop::engine::probe::Way;
use cloudtop::engine::{Ending, Interrupt, Options, Reach, Run};
use cloudtop::simulator::{Capacity, Reason, Target};
use cloudtop::ssh::SshDir;

use support::REGION;

use world::{GONE, Silent, World};

#[tokio::test(start_paused = true)]
async fn a_cloudtop_goes_up_once_and_going_up_again_makes_nothing() {
    let mut world = World::new().await;
    let outcome = world.done(Goal::Running).await;
    assert_eq!(outcome.nodes[0].phase, Phase::Attached);
    let first = world.show();
    let calls = world.simulator.call_counts().unwrap();

    world.done(Goal::Running).await;
    let again = world.show();
    assert_eq!(
        (&first.instances, &first.volumes, &first.security_groups),
        (&again.instances, &again.volumes, &again.security_groups)
    );
    let changing = |calls: &BTreeMap<String, u64>| -> BTreeMap<String, u64> {
        calls.iter().filter(|(action, _)| !action.starts_with("Describe")).map(|(a, n)| (a.clone(), *n)).collect()
    };
    assert_eq!(changing(&calls), changing(&world.simulator.call_counts().unwrap()));

    let persistent: Vec<_> = again.volumes.iter().filter(|it| !it.delete_on_termination).collect();
    assert_eq!(persistent.len(), 1);
    assert_eq!(persistent[0].size_gib, 100);
    assert_eq!(persistent[0].instance_id.as_deref(), Some(again.instances[0].id.as_str()));
}

#[tokio::test(start_paused = true)]
async fn everything_that_is_made_carries_the_tags_of_its_owner_and_its_user() {
    for behaviour in [Interruption::Stop, Interruption::Terminate] {
        let mut world = World::new().await;
        world.intent.on_interruption = behaviour;
        world.done(Goal::Running).await;
        let shown = world.show();
        let mut all = Vec::new();
        all.extend(shown.instances.iter().map(|it| (&it.id, &it.tags)));
        all.extend(shown.spot_requests.iter().map(|it| (&it.id, &it.tags)));
        all.extend(shown.volumes.iter().map(|it| (&it.id, &it.tags)));
        all.extend(shown.security_groups.iter().map(|it| (&it.id, &it.tags)));
        all.extend(shown.key_pairs.iter().map(|it| (&it.id, &it.tags)));
        assert_eq!(all.len(), 6, "an instance, a request, two volumes, a group, a key pair");
        for (id, tags) in all {
            let tag = |key: &str| tags.get(key).map(String::as_str);
            assert_eq!(tag("cloudtop:env"), Some("dev"), "{id} {behaviour:?}");
            assert_eq!(tag("cloudtop:owner"), Some(world.identity.owner.as_str()), "{id} {behaviour:?}");
            assert!(
                tag("cloudtop:version").is_some() && tag("Name").is_some_and(|it| it.starts_with("cloudtop/dev")),
                "{id}"
            );
            assert_eq!(tag("team"), Some("compilers"), "{id} {behaviour:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_call_is_written_down_before_its_answer() {
    let mut world = World::new().await;
    world.done(Goal::Running).await;
    let mut open = Vec::new();
    let mut done = 0;
    for entry in world.entries() {
        match entry.event {
            Event::Intended { token, .. } => open.push(token),
            Event::Done { token, .. } => {
                let place = open.iter().position(|known| *known == token).expect("written down before");
                open.remove(place);
                done += 1;
            }
            _ => {}
        }
    }
    assert!(open.is_empty() && done >= 6, "{done} done, {} open", open.len());
}

#[tokio::test(start_paused = true)]
async fn stop_waits_until_the_request_is_disabled_and_start_brings_the_same_instance_back() {
    let mut world = World::new().await;
    world.done(Goal::Running).await;
    let before = world.live_instances();
    world.done(Goal::Stopped).await;
    assert_eq!(world.show().spot_requests[0].state, "disabled");
    let outcome = world.done(Goal::Running).await;
    assert_eq!((world.live_instances(), outcome.nodes[0].phase), (before, Phase::Attached));
}

#[tokio::test(start_paused = true)]
async fn what_ec2_stopped_is_waited_for_and_comes_back_with_its_volume() {
    let mut world = World::new().await;
    world.done(Goal::Running).await;
    let before = world.live_instances();
    let target = Target::Environment { name: "dev".to_owned(), node: None };
    world.simulator.interrupt(&target, Reason::Capacity, Duration::ZERO).unwrap();
    world.done(Goal::Running).await;
    assert_eq!(world.live_instances(), before);
    assert_eq!(world.simulator.call_counts().unwrap().get("StartInstances"), None, "only EC2 can start it again");
}

#[tokio::test(start_paused = true)]
async fn what_ec2_terminated_comes_back_as_a_new_instance_with_the_same_volume() {
    let mut world = World::new().await;
    world.intent.on_interruption = Interruption::Terminate;
    let first = world.done(Goal::Running).await;
    let target = Target::Environment { name: "dev".to_owned(), node: None };
    world.simulator.interrupt(&target, Reason::Capacity, Duration::ZERO).unwrap();
    let second = world.done(Goal::Running).await;
    assert_ne!(first.nodes[0].instance_id, second.nodes[0].instance_id);
    assert_eq!(first.observed.volumes[0].id, second.observed.volumes[0].id);
    let attachment = second.observed.volumes[0].attachment.as_ref().unwrap();
    assert_eq!(Some(&attachment.instance_id), second.nodes[0].instance_id.as_ref());
    assert_eq!(world.live_instances().len(), 1);
}

/// Has EC2 take a node away that it then launches again, and the node attach its volume as it does with a role.
async fn comes_back_and_attaches_itself(world: &World) -> String {
    let volume = world.show().volumes.into_iter().find(|it| !it.delete_on_termination).unwrap().id;
    let target = Target::Environment { name: "dev".to_owned(), node: None };
    world.simulator.interrupt(&target, Reason::Capacity, Duration::ZERO).unwrap();
    // Capacity is back after ten minutes.
    for _ in 0..900 {
        tokio::time::sleep(Duration::from_secs(1)).await;
        for instance_id in world.live_instances() {
            let device = "/dev/xvdj".to_owned();
            let attach = Call::Attach { volume_id: volume.clone(), instance_id: instance_id.clone(), device };
            let token = uuid::Uuid::now_v7();
            if world.cloud.perform(&world.identity, &BTreeMap::new(), &attach, token).await.is_ok() {
                return instance_id;
            }
        }
    }
    panic!("{volume} could not be attached: {:?}", world.show());
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_the_node_has_attached_by_itself_is_taken_as_it_is() {
    let mut world = World::new().await;
    world.cloud.make_self_attach(&world.identity.owner).await.unwrap();
    world.intent.on_interruption = Interruption::Terminate;
    world.intent.instance_profile = Some(cloudtop::domain::self_attach::name(&world.identity.owner));
    world.done(Goal::Running).await;
    let itself = comes_back_and_attaches_itself(&world).await;
    let attached = world.simulator.call_counts().unwrap()["AttachVolume"];
    let outcome = world.done(Goal::Running).await;
    assert_eq!(outcome.nodes[0].instance_id.as_deref(), Some(itself.as_str()));
    assert_eq!(outcome.nodes[0].phase, Phase::Attached);
    assert_eq!(world.simulator.call_counts().unwrap()["AttachVolume"], attached, "nothing was left to attach");
    assert_eq!(world.show().volumes.iter().filter(|it| !it.delete_on_termination).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_a_moment_quicker_to_attach_its_volume_is_no_failure() {
    let mut world = World::new().await;
    world.intent.on_interruption = Interruption::Terminate;
    world.done(Goal::Running).await;
    // The engine sees the volume free for a while after the node has taken it.
    world.simulator.set("read-lag", "10s").unwrap();
    let itself = comes_back_and_attaches_itself(&world).await;
    let outcome = world.done(Goal::Running).await;
    assert_eq!(outcome.nodes[0].instance_id.as_deref(), Some(itself.as_str()));
    assert_eq!(outcome.nodes[0].phase, Phase::Attached);
}

#[tokio::test(start_paused = true)]
async fn an_instance_profile_that_ec2_does_not_know_yet_is_waited_for() {
    let mut world = World::new().await;
    world.intent.instance_profile = Some(cloudtop::domain::self_attach::name(&world.identity.owner));
    let (cloud, owner) = (world.cloud.clone(), world.identity.owner.clone());
    let later = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(20)).await;
        cloud.make_self_attach(&owner).await.unwrap();
    });
    world.done(Goal::Running).await;
    later.await.unwrap();
    assert!(world.simulator.call_counts().unwrap()["RunInstances"] > 1);
    assert_eq!(world.live_instances().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_instance_profile_that_never_comes_ends_the_run_after_a_minute() {
    for behaviour in [Interruption::Stop, Interruption::Terminate] {
        let mut world = World::new().await;
        world.intent.on_interruption = behaviour;
        world.intent.instance_profile = Some("slip".to_owned());
        let began = world.clock.now();
        let Ending::Refused(failure) = world.run().await.ending else { panic!("it is refused") };
        assert_eq!(failure.code, "UnknownInstanceProfile");
        assert!(failure.message.contains("(slip)"), "{failure}");
        let took = world.clock.now().duration_since(began).as_secs();
        assert!((60..120).contains(&took), "{took} s");
    }
}

#[tokio::test(start_paused = true)]
async fn down_keeps_the_volume_and_deletes_it_only_when_told_to() {
    for behaviour in [Interruption::Stop, Interruption::Terminate] {
        let mut world = World::new().await;
        world.intent.on_interruption = behaviour;
        world.done(Goal::Running).await;
        world.done(GONE).await;
        let left = world.show();
        assert_eq!(left.volumes.len(), 1);
        assert!(
            left.instances.iter().all(|it| it.gone) && left.security_groups.is_empty() && left.key_pairs.is_empty()
        );
        world.done(GONE).await;
        world.done(Goal::Gone { delete_volumes: true }).await;
        assert!(world.show().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_volume_that_is_there_pins_the_zone() {
    let mut world = World::new().await;
    world.done(Goal::Running).await;
    let zone = world.show().instances[0].zone.clone();
    world.done(GONE).await;
    for other in ["a", "b", "c", "d", "e", "f"].map(|letter| format!("{REGION}{letter}")) {
        let price = if other == zone { Some(0.15) } else { Some(0.01) };
        // A zone that does not offer the type has no price to set.
        let _not_offered = world.simulator.set_price(REGION, "m5.xlarge", &other, price);
        let _not_offered = world.simulator.set_price(REGION, "m5a.xlarge", &other, price);
    }
    let outcome = world.done(Goal::Running).await;
    assert_eq!(outcome.nodes[0].zone.as_ref(), Some(&zone));
}

#[tokio::test(start_paused = true)]
async fn a_dry_pool_gives_way_to_the_next_and_all_dry_ends_with_every_reason() {
    let mut world = World::new().await;
    world.simulator.set_capacity(REGION, "m5a.xlarge", "*", Capacity::None).unwrap();
    let outcome = world.done(Goal::Running).await;
    assert_eq!(outcome.nodes[0].instance_type.as_deref(), Some("m5.xlarge"));

    let mut world = World::new().await;
    world.simulator.set_capacity(REGION, "*", "*", Capacity::None).unwrap();
    world.intent.goal = Goal::Running;
    let outcome = world.run().await;
    let Ending::Blocked(Blocked::NoPool(ranking)) = outcome.ending else { panic!("{:?}", outcome.ending) };
    let pools: std::collections::BTreeSet<String> = ranking.refusals.iter().map(|it| it.pool.to_string()).collect();
    assert!(pools.len() > 6, "{pools:?}");
    assert!(ranking.refusals.iter().all(|it| it.failure.code == "InsufficientInstanceCapacity"));
    assert!(world.live_instances().is_empty());
}

#[tokio::test(start_paused = true)]
async fn who_is_patient_waits_until_there_is_capacity_again() {
    let mut world = World::new().await;
    world.simulator.set_capacity(REGION, "*", "*", Capacity::None).unwrap();
    world.patient = true;
    let simulator = world.simulator.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(400)).await;
        simulator.set_capacity(REGION, "*", "*", Capacity::Available).unwrap();
    });
    world.done(Goal::Running).await;
    assert_eq!(world.live_instances().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_may_wait_is_left_open_and_its_time_out_says_why() {
    let mut world = World::new().await;
    world.simulator.set_capacity(REGION, "*", "*", Capacity::None).unwrap();
    world.intent.wait_for_capacity = true;
    world.timeout = Duration::from_secs(90);
    let outcome = world.run().await;
    let Ending::TimedOut { waiting_for, .. } = outcome.ending else { panic!("{:?}", outcome.ending) };
    assert!(waiting_for.iter().any(|it| it.contains("capacity-not-available")), "{waiting_for:?}");
    assert_eq!(world.show().spot_requests.iter().filter(|it| it.state == "open").count(), 1);

    world.simulator.set_capacity(REGION, "*", "*", Capacity::Available).unwrap();
    world.timeout = Duration::from_secs(1800);
    world.done(Goal::Running).await;
    assert_eq!((world.live_instances().len(), world.show().spot_requests.len()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn scaling_makes_and_ends_exactly_the_difference() {
    let mut world = World::new().await;
    (world.intent.nodes, world.intent.volume, world.intent.kind) = (3, VolumeWish::None, Kind::Cluster);
    world.done(Goal::Running).await;
    let three = world.live_instances();
    world.intent.nodes = 5;
    let five = world.done(Goal::Running).await;
    assert_eq!(five.nodes.iter().map(|node| node.index).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(three.iter().all(|id| world.live_instances().contains(id)));
    world.intent.nodes = 2;
    let two = world.done(Goal::Running).await;
    let kept: Vec<_> = five.nodes[..2].iter().map(|node| node.instance_id.clone()).collect();
    assert_eq!(two.nodes.iter().map(|node| node.instance_id.clone()).collect::<Vec<_>>(), kept);
    assert_eq!(world.live_instances().len(), 2);
    assert_eq!(world.simulator.call_counts().unwrap()["RunInstances"], 2, "one call for all that are launched at once");
}

#[tokio::test(start_paused = true)]
async fn a_look_at_ec2_takes_no_more_describes_for_more_nodes_but_for_pages() {
    for (nodes, most) in [(2, 4.0), (250, 6.0)] {
        let mut world = World::new().await;
        (world.intent.nodes, world.intent.volume) = (nodes, VolumeWish::None);
        world.done(Goal::Running).await;
        let describes = world.describes();
        // Groups are asked for once a look. Ids that EC2 does not show by their tags yet go 200 to a call.
        let looks = describes["DescribeSecurityGroups"];
        let asked = describes["DescribeInstances"] + describes["DescribeSpotInstanceRequests"];
        let a_look = f64::from(u32::try_from(asked).unwrap()) / f64::from(u32::try_from(looks).unwrap());
        assert!(a_look <= most, "{nodes} nodes: {a_look} describes of instances and requests a look");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_that_is_missing_ends_the_run_with_ec2s_own_words() {
    let mut world = World::new().await;
    world.simulator.set("denied", "CreateVolume").unwrap();
    world.intent.goal = Goal::Running;
    let outcome = world.run().await;
    let Ending::Refused(failure) = outcome.ending else { panic!("{:?}", outcome.ending) };
    assert_eq!((failure.action.as_str(), failure.code.as_str()), ("CreateVolume", "UnauthorizedOperation"));
    world.simulator.set("denied", "").unwrap();
    world.done(GONE).await;
    assert!(world.show().is_empty());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_planned_on_what_could_not_be_seen() {
    let mut world = World::new().await;
    world.done(Goal::Running).await;
    let before = world.live_instances();
    // A run that remembers nothing and cannot see anything at first: what is there must not be made again.
    std::fs::remove_file(world.paths().journal(&world.identity.env)).unwrap();
    world.drops.store(50, Ordering::Relaxed);
    world.done(Goal::Running).await;
    assert_eq!(world.live_instances(), before);
    assert_eq!(world.drops.load(Ordering::Relaxed), 0, "the network was bad all the while");
}

#[tokio::test(start_paused = true)]
async fn a_run_that_never_sees_anything_ends_and_changes_nothing() {
    let world = World::new().await;
    world.drops.store(u32::MAX, Ordering::Relaxed);
    let reach = Reach { ssh_dir: SshDir::new(&world.directory.path().join("ssh")).unwrap(), way: Way::Direct };
    let options =
        Options { wait: Wait::Running, timeout: None, patient: false, command: "test".to_owned(), market: None };
    let run = Run {
        cloud: &world.cloud,
        identity: &world.identity,
        intent: &world.intent,
        journal: &mut world.journal(),
        clock: world.clock,
        reporter: &Silent,
        reach: &reach,
        interrupt: Interrupt::by_hand().1,
        options,
        published: Box::pin(std::future::ready(Published::default())),
        delivery: None,
        tags: world.intent.all_tags(),
    };
    assert!(matches!(run.run().await, Err(cloudtop::engine::EngineError::Look(_))));
    assert!(world.show().is_empty());
}
