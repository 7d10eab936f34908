//! How soon the program knows that a node is ready, and what that costs in calls: the engine and the built-in EC2 in one
//! process, on a virtual clock; beside it what a waiter of 15-second steps would have made of the very same nodes.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]
#![allow(clippy::print_stdout, reason = "the figures are what one of the tests is for")]

mod support;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use cloudtop::clock::Clock;
use cloudtop::cloud::{self, Cloud};
use cloudtop::domain::call::Call;
use cloudtop::domain::demand::Demand;
use cloudtop::domain::intent::{Intent, Kind, VolumeWish};
use cloudtop::domain::market::Published;
use cloudtop::domain::names::Identity;
use cloudtop::domain::phase::{Phase, Wait};
use cloudtop::engine::imagined::Line;
use cloudtop::engine::probe::Way;
use cloudtop::engine::{Ending, Interrupt, Options, Progress, Reach, Reporter, Run};
use cloudtop::simulator::{InstanceSummary, Settings, Simulator};
use cloudtop::ssh::SshDir;
use cloudtop::state::{Journal, Paths};
use jiff::Timestamp;

use support::{REGION, cloudtop_intent};

/// What a command over ssh takes: about seven turns of a line of 100 ms.
const LOGIN: Duration = Duration::from_millis(700);
/// The step of the waiters of the AWS CLI, boto3 and the other SDKs for instances.
const STEP: f64 = 15.0;

/// How many nodes are spoken to over ssh at a time: as many as by the engine.
const LOGINS: u32 = 48;

/// Notes when each node was first told to be ready, and when EC2 had taken the launch.
struct Stopwatch {
    clock: Clock,
    told: Mutex<BTreeMap<String, Timestamp>>,
    launched: Mutex<Option<Timestamp>>,
}

impl Reporter for Stopwatch {
    fn report(&self, progress: &Progress<'_>) {
        let now = self.clock.now();
        match progress {
            Progress::Nodes(views) => {
                let mut told = self.told.lock().unwrap();
                let ready = views.iter().filter(|view| view.phase == Phase::Ready);
                for instance in ready.filter_map(|view| view.instance_id.as_ref()) {
                    told.entry(instance.clone()).or_insert(now);
                }
            }
            Progress::Succeeded { call: Call::Launch(_), .. } => {
                self.launched.lock().unwrap().get_or_insert(now);
            }
            _ => {}
        }
    }
}

/// What several runs came to, in seconds.
#[derive(Debug, Default)]
struct Figures {
    /// Of each node: from ready to told.
    nodes: Vec<f64>,
    /// Of each run: from the last node's ready to the end.
    runs: Vec<f64>,
    /// Calls of EC2 from the launch on, of each run.
    calls: Vec<f64>,
}

/// The value below which that share of all lies.
fn percentile(values: &[f64], share: f64) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values[rank.clamp(1, values.len()) - 1]
}

/// One `up` of n nodes, with delays like EC2's: added to what it and a waiter came to.
async fn up(nodes: u32, seed: u64, ours: &mut Figures, waiters: &mut Figures) {
    let clock = Clock::starting_at("2026-11-02T10:00:00Z".parse().unwrap());
    let settings = Settings {
        seed,
        pending: Duration::from_secs(20),
        boot: Duration::from_secs(15),
        cloud_init: Duration::from_secs(30),
        visibility_lag: Duration::from_secs(3),
        ..Settings::default()
    };
    let simulator = Simulator::in_memory(settings, clock);
    let account = cloud::Settings {
        region: Some(REGION.to_owned()),
        http_client: Some(simulator.http_client()),
        static_credentials: true,
        ..cloud::Settings::default()
    };
    let cloud = Cloud::connect(&account).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let identity = Identity { env: "dev".parse().unwrap(), owner: "0199f000-0000-7000-8000-000000000001".to_owned() };
    let intent = Intent {
        nodes,
        kind: if nodes == 1 { Kind::Cloudtop } else { Kind::Cluster },
        volume: VolumeWish::None,
        demand: Demand::Types(vec!["m5.large".to_owned()]),
        ..cloudtop_intent()
    };
    let watch = Stopwatch { clock, told: Mutex::default(), launched: Mutex::default() };
    let paths = Paths::resolve(Some(&directory.path().join("state.json"))).unwrap();
    let line = Line { simulator: simulator.clone(), login: LOGIN };
    let reach = Reach { ssh_dir: SshDir::new(&directory.path().join("ssh")).unwrap(), way: Way::Imagined(line) };
    let run = Run {
        cloud: &cloud,
        identity: &identity,
        intent: &intent,
        journal: &mut Journal::open(&paths, &identity.env),
        clock,
        reporter: &watch,
        reach: &reach,
        interrupt: Interrupt::by_hand().1,
        options: Options {
            wait: Wait::Ready,
            timeout: Some(Duration::from_secs(3600)),
            patient: false,
            command: "up".to_owned(),
            market: None,
        },
        published: Box::pin(std::future::ready(Published::default())),
        delivery: None,
        tags: intent.all_tags(),
    };
    let outcome = Box::pin(run.run()).await.unwrap();
    assert!(matches!(outcome.ending, Ending::Done), "{:?}", outcome.ending);

    let instances = simulator.show().unwrap().instances;
    let told = watch.told.into_inner().unwrap();
    ours.nodes.extend(instances.iter().map(|it| between(it.ready_at.unwrap(), told[&it.id])));
    let last = instances.iter().filter_map(|it| it.ready_at).max().unwrap();
    ours.runs.push(between(last, clock.now()));
    let looks = simulator.call_counts().unwrap().into_iter().filter(|(action, _)| {
        ["DescribeInstances", "DescribeSpotInstanceRequests", "DescribeVolumes", "DescribeSecurityGroups"]
            .contains(&action.as_str())
    });
    ours.calls.push(looks.map(|(_, count)| count as f64).sum());
    wait_in_steps(watch.launched.into_inner().unwrap().unwrap(), &instances, last, waiters);
}

/// What a script does with a waiter of an SDK: DescribeInstances at once and every 15 seconds until all run, then ssh at once
/// and every 15 seconds, to as many nodes at a time as cloudtop speaks to.
fn wait_in_steps(launched: Timestamp, instances: &[InstanceSummary], last: Timestamp, figures: &mut Figures) {
    let running = instances.iter().filter_map(|it| it.running_since).max().unwrap();
    let polls = (between(launched, running) / STEP).ceil() + 1.0;
    let mut waiting: Vec<f64> = instances.iter().map(|it| between(launched, it.ready_at.unwrap())).collect();
    let (mut round, mut end) = ((polls - 1.0) * STEP, 0.0);
    while !waiting.is_empty() {
        let mut asked = 0;
        waiting.retain(|ready| {
            let told = round + LOGIN.as_secs_f64() * f64::from(asked / LOGINS + 1);
            asked += 1;
            let answers_ready = told - LOGIN.as_secs_f64() / 2.0 >= *ready;
            if answers_ready {
                figures.nodes.push(told - ready);
                end = told;
            }
            !answers_ready
        });
        round += STEP.max(LOGIN.as_secs_f64() * f64::from(asked.div_ceil(LOGINS)));
    }
    figures.runs.push(end - between(launched, last));
    figures.calls.push(polls);
}

fn between(from: Timestamp, to: Timestamp) -> f64 {
    to.duration_since(from).as_secs_f64()
}

/// Runs with these seeds, each on a clock of its own.
fn measured(nodes: u32, seeds: std::ops::RangeInclusive<u64>) -> (Figures, Figures) {
    let (mut ours, mut waiters) = (Figures::default(), Figures::default());
    for seed in seeds {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(Box::pin(up(nodes, seed, &mut ours, &mut waiters)));
    }
    (ours, waiters)
}

#[test]
fn a_node_that_is_ready_is_known_to_be_sooner_than_by_a_waiter_of_fifteen_seconds() {
    let (ours, waiters) = measured(1, 1..=10);
    for share in [0.5, 0.99] {
        let (ours, theirs) = (percentile(&ours.nodes, share), percentile(&waiters.nodes, share));
        assert!(ours * 4.0 < theirs, "{ours} s, and {theirs} s by a waiter");
    }
}

#[test]
fn nodes_that_wait_for_their_turn_to_be_asked_get_it_and_cost_no_calls() {
    let (alone, _) = measured(1, 1..=1);
    let (many, waiters) = measured(150, 1..=1);
    let (ours, theirs) = (percentile(&many.nodes, 0.5), percentile(&waiters.nodes, 0.5));
    assert!(ours * 4.0 < theirs, "{ours} s, and {theirs} s by a waiter");
    let (many, alone) = (many.calls[0], alone.calls[0]);
    assert!(many < alone * 3.0, "{many} looks for 150 nodes, {alone} for one");
}

#[test]
#[ignore = "the figures of docs/lag.md: scripts/bench --only lag"]
fn figures() {
    let asked = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u32>().ok());
    let alone = asked("LAG_NODES").map(|nodes| (nodes, u64::from(asked("LAG_SEEDS").unwrap_or(1))));
    for (nodes, seeds) in alone.map_or_else(|| vec![(1, 200), (100, 10), (1000, 1)], |alone| vec![alone]) {
        let (ours, waiters) = measured(nodes, 1..=seeds);
        for (name, it) in [("cloudtop", &ours), ("waiter", &waiters)] {
            println!(
                "lag {nodes} {seeds} {name} {:.2} {:.2} {:.2} {:.1}",
                percentile(&it.nodes, 0.5),
                percentile(&it.nodes, 0.99),
                percentile(&it.runs, 0.5),
                percentile(&it.calls, 0.5)
            );
        }
    }
}
