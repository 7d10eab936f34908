//! Many nodes through a bad network: right in the end, and few calls more than there must be.

use std::collections::BTreeMap;

use cloudtop::domain::intent::Interruption;
use cloudtop::engine::Ending;

use super::network::{Fault, Weather};
use super::scenario::{Command, Verb, Wish};
use super::world::{End, World};

const NODES: u32 = 200;
/// One in four meets a fault: of a hundred requests twenty are throttled, and the answers of five are lost.
const PER_MILLE: u64 = 250;
const FAULTS: &[Fault] = &[Fault::Throttled, Fault::Throttled, Fault::Throttled, Fault::Throttled, Fault::LostAfter];

/// What is needed at least: each call once.
const LEAST: [(&str, u64); 4] =
    [("ImportKeyPair", 1), ("CreateSecurityGroup", 1), ("AuthorizeSecurityGroupIngress", 2), ("RunInstances", 1)];
/// How often one call may be sent in all. Five in a row that all meet a fault are one in a thousand.
const SENT_FOR_ONE: u64 = 6;

fn up(nodes: u32, weather: Weather) -> Command {
    let wish = Wish {
        nodes,
        volume: false,
        on_interruption: Interruption::Stop,
        one_time: false,
        wait_for_capacity: false,
        max_price: None,
    };
    Command { verb: Verb::Up(wish), weather, timeout: 1800, signal: None, meanwhile: Vec::new() }
}

#[tokio::test(start_paused = true)]
async fn two_hundred_nodes_go_up_through_throttling_and_lost_answers_with_few_calls_too_many() {
    for seed in 1..=2 {
        let mut world = World::new(seed, 8).await;
        let weather = Weather { seed, per_mille: PER_MILLE, faults: FAULTS, kill: None };
        let end = world.command(&up(NODES, weather)).await.unwrap();
        assert!(matches!(&end, End::Outcome(it) if matches!(it.ending, Ending::Done)), "{}", end.in_short());
        world.as_wanted().unwrap();

        let sent: BTreeMap<String, u64> = world.cloud.call_counts();
        eprintln!("{NODES} nodes, seed {seed}: {sent:?}");
        let changing = |action: &&String| !action.starts_with("Describe");
        for action in sent.keys().filter(changing) {
            assert!(LEAST.iter().any(|(known, _)| known == action), "{action} is not needed: {sent:?}");
        }
        for (action, least) in LEAST {
            let sent = sent.get(action).copied().unwrap_or(0);
            assert!((least..=least * SENT_FOR_ONE).contains(&sent), "{action} was sent {sent} times for {least}");
        }
        world.finally(&Verb::Down { delete_volumes: true }).await.unwrap();
        assert!(world.show().is_empty());
    }
}
