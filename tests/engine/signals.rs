//! The user's signal, at any moment.

use std::time::Duration;

use cloudtop::domain::intent::{Goal, Interruption, VolumeWish};
use cloudtop::domain::journal::{Entry, Event};
use cloudtop::engine::{Ending, Interrupt, Outcome, Signal};

use super::world::{GONE, World};

#[tokio::test(start_paused = true)]
async fn the_users_signal_ends_a_run_and_the_next_one_goes_on() {
    let mut world = World::new().await;
    let (send, interrupt) = Interrupt::by_hand();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(12)).await;
        send.send_replace(Some(Signal::Interrupt));
    });
    let outcome = world.run_with(interrupt).await;
    assert!(matches!(outcome.ending, Ending::Interrupted(Signal::Interrupt)), "{:?}", outcome.ending);
    world.done(Goal::Running).await;
    assert_eq!(world.live_instances().len(), 1);
}

/// Runs until the user's signal after `seconds`; the outcome, and how long the user then had to wait.
async fn interrupted_after(world: &World, seconds: u64) -> (Outcome, Duration) {
    let (send, interrupt) = Interrupt::by_hand();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
        send.send_replace(Some(Signal::Interrupt));
        std::future::pending::<()>().await;
    });
    let started = tokio::time::Instant::now();
    let outcome = world.run_with(interrupt).await;
    assert!(matches!(outcome.ending, Ending::Interrupted(Signal::Interrupt)), "{:?}", outcome.ending);
    (outcome, started.elapsed().saturating_sub(Duration::from_secs(seconds)))
}

#[tokio::test(start_paused = true)]
async fn a_signal_before_the_first_look_sends_no_call() {
    let world = World::new().await;
    let (outcome, waited) = interrupted_after(&world, 0).await;
    assert!(waited < Duration::from_secs(1), "{waited:?}");
    assert!(world.show().is_empty() && outcome.seen);
}

#[tokio::test(start_paused = true)]
async fn a_look_that_hangs_does_not_hold_the_user() {
    let world = World::new().await;
    *world.hangs.lock().unwrap() = "DescribeInstances";
    let (outcome, waited) = interrupted_after(&world, 2).await;
    assert!(waited <= Duration::from_secs(4), "{waited:?}");
    assert!(!outcome.seen && world.show().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_survey_that_hangs_does_not_hold_the_user() {
    let world = World::new().await;
    *world.hangs.lock().unwrap() = "DescribeSpotPriceHistory";
    let (outcome, waited) = interrupted_after(&world, 8).await;
    assert!(waited <= Duration::from_secs(4), "{waited:?}");
    assert!(outcome.seen && world.show().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_is_abandoned_after_seconds_and_settled_by_the_next_run() {
    for action in ["ImportKeyPair", "CreateSecurityGroup", "RunInstances", "CreateVolume", "AttachVolume"] {
        let mut world = World::new().await;
        *world.hangs.lock().unwrap() = action;
        let after = if action.ends_with("Volume") { 50 } else { 15 };
        let (outcome, waited) = interrupted_after(&world, after).await;
        assert!(waited <= Duration::from_secs(9), "{action}: {waited:?}");
        let lost = |entry: &Entry| matches!(&entry.event, Event::Lost { failure, .. } if failure.code == "Abandoned");
        assert!(world.entries().iter().any(lost), "{action}: {:#?}", world.entries());
        if action == "RunInstances" {
            assert_eq!(world.live_instances().len(), 1, "the launch took effect");
            let listed = outcome.observed.instances.len() + outcome.observed.requests.len();
            assert!(listed > 0, "what exists is told, the answer lost or not: {:?}", outcome.observed);
        }
        *world.hangs.lock().unwrap() = "";
        world.done(Goal::Running).await;
        let shown = world.show();
        assert_eq!((world.live_instances().len(), shown.spot_requests.len()), (1, 1), "{action}");
        assert_eq!((shown.security_groups.len(), shown.key_pairs.len()), (1, 1), "{action}");
        assert_eq!(shown.volumes.iter().filter(|it| !it.delete_on_termination).count(), 1, "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_down_whose_calls_hang_is_abandoned_after_seconds_and_finished_by_the_next() {
    for action in ["CancelSpotInstanceRequests", "TerminateInstances", "DeleteSecurityGroup", "DeleteKeyPair"] {
        let mut world = World::new().await;
        world.done(Goal::Running).await;
        world.intent.goal = GONE;
        *world.hangs.lock().unwrap() = action;
        let after = if action.starts_with("Delete") { 70 } else { 5 };
        let (_, waited) = interrupted_after(&world, after).await;
        assert!(waited <= Duration::from_secs(9), "{action}: {waited:?}");
        *world.hangs.lock().unwrap() = "";
        world.done(Goal::Gone { delete_volumes: true }).await;
        assert!(world.show().is_empty(), "{action}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_written_down_and_not_sent_when_the_signal_came_is_known_not_to_have_been() {
    let mut world = World::new().await;
    // Each node has a request of its own, and no more than sixteen calls are under way at a time.
    (world.intent.nodes, world.intent.volume) = (40, VolumeWish::None);
    world.intent.on_interruption = Interruption::Terminate;
    *world.hangs.lock().unwrap() = "RequestSpotInstances";
    interrupted_after(&world, 15).await;
    let never = |entry: &&Entry| matches!(&entry.event, Event::Settled { how, .. } if how == "it was never sent");
    assert_eq!(world.entries().iter().filter(never).count(), 24);
    assert_eq!(world.show().spot_requests.len(), 16);
    *world.hangs.lock().unwrap() = "";
    world.done(Goal::Running).await;
    assert_eq!((world.live_instances().len(), world.show().spot_requests.len()), (40, 40));
}
