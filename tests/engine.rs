//! The engine against the built-in EC2, in process, with a virtual clock: minutes pass in no time.
#![cfg(feature = "simulator")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use cloudtop::clock::Clock;
use cloudtop::cloud::{self, Cloud};
use cloudtop::domain::call::Call;
use cloudtop::domain::intent::{Goal, Intent, Interruption, Kind, VolumeWish};
use cloudtop::domain::journal::{Entry, Event};
use cloudtop::domain::market::Published;
use cloudtop::domain::names::Identity;
use cloudtop::domain::phase::{Phase, Wait};
use cloudtop::domain::plan::Blocked;
use cloudtop::engine::probe::Way;
use cloudtop::engine::{Ending, Interrupt, Options, Outcome, Progress, Reach, Reporter, Run, Signal};
use cloudtop::simulator::{Capacity, FaultRule, Reason, Settings, Simulator, Summary, Target, Trouble};
use cloudtop::ssh::SshDir;
use cloudtop::state::{Journal, Paths};

use support::{REGION, cloudtop_intent};

struct Silent;

impl Reporter for Silent {
    fn report(&self, _: &Progress<'_>) {}
}

/// A network that drops the next requests before they get anywhere, and keeps the answers of one action for itself.
#[derive(Clone, Debug)]
struct Network {
    far_end: SharedHttpClient,
    connector: Option<SharedHttpConnector>,
    drops: Arc<AtomicU32>,
    hangs: Hangs,
}

/// The beginning of the action whose requests take effect and are never answered; empty: none.
type Hangs = Arc<Mutex<&'static str>>;

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let connector = Some(self.far_end.http_connector(settings, parts));
        SharedHttpConnector::new(Self { connector, ..self.clone() })
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let dropped = self.drops.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok();
        let hanging = *self.hangs.lock().unwrap();
        let hangs = !hanging.is_empty()
            && request.body().bytes().is_some_and(|body| body.starts_with(format!("Action={hanging}").as_bytes()));
        match &self.connector {
            Some(connector) if hangs => {
                let effect = connector.call(request);
                HttpConnectorFuture::new(async move {
                    let _lost = effect.await;
                    std::future::pending().await
                })
            }
            Some(connector) if !dropped => connector.call(request),
            _ => {
                let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
                HttpConnectorFuture::ready(Err(ConnectorError::io(reset.into())))
            }
        }
    }
}

/// An account, a machine that works on it, and one environment.
struct World {
    simulator: Simulator,
    cloud: Cloud,
    /// How many of the next requests are lost.
    drops: Arc<AtomicU32>,
    /// What EC2 does not answer.
    hangs: Hangs,
    clock: Clock,
    directory: tempfile::TempDir,
    identity: Identity,
    intent: Intent,
    wait: Wait,
    timeout: Duration,
    patient: bool,
}

impl World {
    /// With delays like EC2's own: half a minute to start, a minute to stop, seconds until a new thing is shown.
    async fn new() -> Self {
        let clock = Clock::starting_at("2026-11-02T10:00:00Z".parse().unwrap());
        let settings = Settings {
            pending: Duration::from_secs(25),
            stop: Duration::from_secs(60),
            terminate: Duration::from_secs(45),
            visibility_lag: Duration::from_secs(8),
            evaluation: Duration::from_secs(4),
            capacity_return: Duration::from_secs(600),
            ..Settings::default()
        };
        let simulator = Simulator::in_memory(settings, clock);
        let drops = Arc::new(AtomicU32::new(0));
        let hangs = Hangs::default();
        let network = Network {
            far_end: simulator.http_client(),
            connector: None,
            drops: Arc::clone(&drops),
            hangs: Arc::clone(&hangs),
        };
        let settings = cloud::Settings {
            region: Some(REGION.to_owned()),
            http_client: Some(SharedHttpClient::new(network)),
            static_credentials: true,
            ..cloud::Settings::default()
        };
        Self {
            cloud: Cloud::connect(&settings).await.unwrap(),
            simulator,
            drops,
            hangs,
            clock,
            directory: tempfile::tempdir().unwrap(),
            identity: Identity {
                env: "dev".parse().unwrap(),
                owner: "0199f000-0000-7000-8000-000000000001".to_owned(),
            },
            intent: Intent { tags: BTreeMap::from([("team".to_owned(), "compilers".to_owned())]), ..cloudtop_intent() },
            wait: Wait::Running,
            timeout: Duration::from_secs(1800),
            patient: false,
        }
    }

    fn paths(&self) -> Paths {
        Paths::resolve(Some(&self.directory.path().join("state.json"))).unwrap()
    }

    fn journal(&self) -> Journal {
        Journal::open(&self.paths(), &self.identity.env)
    }

    async fn run(&self) -> Outcome {
        self.run_with(Interrupt::by_hand().1).await
    }

    async fn run_with(&self, interrupt: Interrupt) -> Outcome {
        let reach = Reach { ssh_dir: SshDir::new(&self.directory.path().join("ssh")).unwrap(), way: Way::Direct };
        let run = Run {
            cloud: &self.cloud,
            identity: &self.identity,
            intent: &self.intent,
            journal: &mut self.journal(),
            clock: self.clock,
            reporter: &Silent,
            reach: &reach,
            interrupt,
            options: Options {
                wait: self.wait,
                timeout: Some(self.timeout),
                patient: self.patient,
                command: "test".to_owned(),
                market: None,
            },
            published: Box::pin(std::future::ready(Published::default())),
            delivery: None,
            tags: self.intent.all_tags(),
        };
        run.run().await.unwrap()
    }

    /// Runs, and insists that the goal was reached.
    async fn done(&mut self, goal: Goal) -> Outcome {
        self.intent.goal = goal;
        let outcome = self.run().await;
        assert!(matches!(outcome.ending, Ending::Done), "{:?}", outcome.ending);
        outcome
    }

    fn show(&self) -> Summary {
        self.simulator.show().unwrap()
    }

    fn live_instances(&self) -> Vec<String> {
        self.show().instances.into_iter().filter(|it| !it.gone).map(|it| it.id).collect()
    }

    fn describes(&self) -> BTreeMap<String, u64> {
        let calls = self.simulator.call_counts().unwrap();
        calls.into_iter().filter(|(action, _)| action.starts_with("Describe")).collect()
    }

    fn entries(&self) -> Vec<Entry> {
        self.journal().read().unwrap()
    }
}

const GONE: Goal = Goal::Gone { delete_volumes: false };

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
