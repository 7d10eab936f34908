//! Calls whose answers are lost: nothing is made twice, and nothing is left.

use std::time::Duration;

use cloudtop::domain::call::Call;
use cloudtop::domain::intent::{Goal, Interruption, VolumeWish};
use cloudtop::domain::journal::Event;
use cloudtop::domain::phase::Wait;
use cloudtop::engine::Ending;
use cloudtop::simulator::{FaultRule, Trouble};

use super::world::{GONE, World};

#[tokio::test(start_paused = true)]
async fn a_launch_whose_answer_was_lost_is_found_again() {
    let mut world = World::new().await;
    // A run that was killed after EC2 had launched and before it was told.
    world.done(Goal::Running).await;
    let entries = world.entries();
    let launch = entries
        .iter()
        .position(|entry| matches!(&entry.event, Event::Intended { call, .. } if matches!(**call, Call::Launch(_))));
    let kept = &entries[..=launch.unwrap()];
    std::fs::remove_file(world.paths().journal(&world.identity.env)).unwrap();
    world.journal().append_all(kept).unwrap();

    world.done(Goal::Running).await;
    assert_eq!(world.live_instances().len(), 1);
    assert_eq!(world.show().spot_requests.len(), 1);
    let volumes = world.show().volumes;
    assert_eq!(volumes.iter().filter(|it| !it.delete_on_termination).count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_lost_launch_is_repeated_to_the_letter_whatever_has_been_configured_since() {
    for behaviour in [Interruption::Stop, Interruption::Terminate] {
        let mut world = World::new().await;
        world.intent.on_interruption = behaviour;
        // EC2 shows nothing of what was launched for so long that only the same call again can tell of it.
        world.simulator.set("visibility-lag", "120s").unwrap();
        world.wait = Wait::None;
        world.done(Goal::Running).await;
        let entries = world.entries();
        let is_launch = |call: &Call| matches!(call, Call::Launch(_) | Call::RequestSpot(_));
        let launch =
            entries.iter().position(|it| matches!(&it.event, Event::Intended { call, .. } if is_launch(call))).unwrap();
        std::fs::remove_file(world.paths().journal(&world.identity.env)).unwrap();
        world.journal().append_all(&entries[..=launch]).unwrap();

        world.intent.tags.insert("team".to_owned(), "other".to_owned());
        world.intent.expires_at = Some("2026-11-03T10:00:00Z".parse().unwrap());
        world.intent.template = "another".to_owned();
        world.wait = Wait::Running;
        world.done(Goal::Running).await;
        let calls = world.simulator.call_counts().unwrap();
        assert_eq!(calls.get("RunInstances").or(calls.get("RequestSpotInstances")), Some(&2), "it was asked again");
        assert_eq!(world.live_instances().len(), 1, "{behaviour:?}");
        assert_eq!(world.show().spot_requests.len(), 1, "{behaviour:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_launch_that_was_written_down_and_never_sent_is_sent_with_its_token() {
    let mut world = World::new().await;
    world.done(Goal::Running).await;
    let entries = world.entries();
    let at = entries
        .iter()
        .position(|entry| matches!(&entry.event, Event::Intended { call, .. } if matches!(**call, Call::Launch(_))))
        .unwrap();
    let Event::Intended { token, .. } = entries[at].event else { panic!("a launch") };
    // The same journal over an account in which nothing was launched.
    let mut other = World::new().await;
    other.journal().append_all(&entries[..=at]).unwrap();
    (other.intent.goal, other.wait) = (Goal::Running, Wait::None);
    other.intent.volume = VolumeWish::None;
    let again = other.run().await;
    let sent = other
        .entries()
        .into_iter()
        .filter(|entry| matches!(&entry.event, Event::Intended { token: it, .. } if *it == token))
        .count();
    assert_eq!(sent, 2, "written down again, with the same token: {:?}", again.ending);
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_answer_was_lost_and_whose_repeats_were_throttled_is_not_made_a_second_time() {
    for action in ["RunInstances", "CreateVolume"] {
        let mut world = World::new().await;
        world.simulator.add_fault(FaultRule::new(action, Trouble::ResetAfter).nth(1)).unwrap();
        // The SDK sends a call four times, and tells of the last time.
        world.simulator.add_fault(FaultRule::new(action, Trouble::Throttle).first(4)).unwrap();
        world.done(Goal::Running).await;
        assert!(world.simulator.call_counts().unwrap()[action] > 2, "it was lost, and then throttled");
        let there = world.show();
        let persistent = there.volumes.iter().filter(|it| !it.delete_on_termination).count();
        assert_eq!((there.instances.len(), persistent), (1, 1), "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_was_made_by_a_lost_call_and_is_listed_late_is_not_left_behind_by_down() {
    let mut world = World::new().await;
    world.simulator.set("visibility-lag", "20s").unwrap();
    world.simulator.add_fault(FaultRule::new("CreateSecurityGroup", Trouble::ResetAfter).nth(1)).unwrap();
    world.intent.goal = Goal::Running;
    world.timeout = Duration::from_secs(2);
    let outcome = world.run().await;
    assert!(matches!(outcome.ending, Ending::TimedOut { .. }), "{:?}", outcome.ending);
    assert!(world.show().instances.is_empty() && outcome.observed.groups.is_empty(), "it is not listed yet");
    world.timeout = Duration::from_secs(1800);
    world.done(GONE).await;
    assert!(world.show().is_empty(), "{:?}", world.show().security_groups);
}
