//! An account, a machine that works on it, and one environment, through a scenario; with what must always hold.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_sdk_ec2::config::{BehaviorVersion, Credentials, Region, SharedHttpClient};
use cloudtop::clock::Clock;
use cloudtop::cloud::{self, Cloud};
use cloudtop::domain::demand::Demand;
use cloudtop::domain::intent::{Goal, Intent, Interruption, Kind, VolumeWish};
use cloudtop::domain::market::Published;
use cloudtop::domain::names::Identity;
use cloudtop::domain::nodes::to_tag;
use cloudtop::domain::phase::Wait;
use cloudtop::engine::probe::Way;
use cloudtop::engine::{Ending, Interrupt, Options, Outcome, Progress, Reach, Reporter, Run, Signal};
use cloudtop::simulator::{Capacity, Reason, Settings, Simulator, Summary, Target};
use cloudtop::ssh::SshDir;
use cloudtop::state::{Journal, Paths};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::network::{Network, Weather};
use super::scenario::{Command, Event, Meddling, Scenario, Step, Verb, Wish};
use super::support::{REGION, cloudtop_intent};

const TYPES: [&str; 2] = ["m5.xlarge", "m5a.xlarge"];
/// Long enough for anything, once all is calm.
const CALM_WITHIN: u64 = 7200;

/// The longest look at EC2 that succeeds: three tries that never end, and one that does.
const LOOK_TAKES: Duration = Duration::from_secs(90);

struct Silent;

impl Reporter for Silent {
    fn report(&self, progress: &Progress<'_>) {
        if std::env::var_os("SOAK_TELL").is_some() {
            match progress {
                Progress::Nodes(_) => {}
                other => eprintln!("      {other:?}"),
            }
        }
    }
}

/// What a scenario did.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    pub commands: u64,
    pub done: u64,
    pub killed: u64,
    pub requests: u64,
    pub faults: u64,
}

impl Figures {
    pub fn add(&mut self, more: Self) {
        self.commands += more.commands;
        self.done += more.done;
        self.killed += more.killed;
        self.requests += more.requests;
        self.faults += more.faults;
    }
}

/// How a command ended.
#[derive(Debug)]
pub enum End {
    Outcome(Box<Outcome>),
    Error(String),
    Killed,
    /// The program would have refused before anything was done.
    NotRun,
}

pub struct World {
    pub simulator: Simulator,
    network: Network,
    pub cloud: Cloud,
    /// The console of whoever meddles.
    console: aws_sdk_ec2::Client,
    clock: Clock,
    directory: tempfile::TempDir,
    identity: Identity,
    intent: Intent,
    /// Persistent volumes that were ever seen and that nobody gave their word for.
    kept: BTreeSet<String>,
    /// What is yet to happen, and when the last of it happened.
    later: JoinSet<()>,
    disturbed: Arc<Mutex<Option<Instant>>>,
    figures: Figures,
}

/// Goes through a scenario; `Err` says what did not hold.
pub async fn go_through(scenario: &Scenario) -> Result<Figures, String> {
    let mut world = World::new(scenario.seed, scenario.lag).await;
    for (place, step) in &scenario.steps {
        if std::env::var_os("SOAK_TELL").is_some() {
            eprintln!("{place}: {} {step:?}", world.clock.now());
        }
        world.step(step).await.map_err(|why| format!("step {place}: {why}"))?;
    }
    world.calm_down().await?;
    world.finally(&scenario.last).await.map_err(|why| format!("the last command, in calm: {why}"))?;
    let down = Verb::Down { delete_volumes: true };
    world.finally(&down).await.map_err(|why| format!("down --delete-volumes, in calm: {why}"))?;
    let left = world.show();
    if left.is_empty() { Ok(world.figures) } else { Err(format!("something is left: {}", in_short(&left))) }
}

impl World {
    /// An empty account whose lists lag up to so many seconds.
    pub async fn new(seed: u64, lag: u64) -> Self {
        let clock = Clock::starting_at("2026-11-02T10:00:00Z".parse().unwrap());
        let settings = Settings {
            seed,
            pending: Duration::from_secs(8),
            stop: Duration::from_secs(20),
            terminate: Duration::from_secs(15),
            attach: Duration::from_secs(2),
            volume_creation: Duration::from_secs(2),
            visibility_lag: Duration::from_secs(lag),
            evaluation: Duration::from_secs(3),
            capacity_return: Duration::from_secs(100),
            retry: Duration::from_secs(10),
            ..Settings::default()
        };
        let simulator = Simulator::in_memory(settings, clock);
        let network = Network::new(simulator.http_client());
        let settings = cloud::Settings {
            region: Some(REGION.to_owned()),
            http_client: Some(SharedHttpClient::new(network.clone())),
            static_credentials: true,
            ..cloud::Settings::default()
        };
        let console = aws_sdk_ec2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::for_tests())
            .http_client(simulator.http_client())
            .build();
        // On a disk in memory where there is one: each line of a journal is synced.
        let memory = std::path::Path::new("/dev/shm");
        let directory = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        Self {
            cloud: Cloud::connect(&settings).await.unwrap(),
            console: aws_sdk_ec2::Client::from_conf(console),
            simulator,
            network,
            clock,
            directory: directory.unwrap(),
            identity: Identity {
                env: "dev".parse().unwrap(),
                owner: "0199f000-0000-7000-8000-000000000001".to_owned(),
            },
            // Without a draw of its own, which would make every seed another scenario.
            intent: Intent { fixed_addresses: seed.is_multiple_of(4), ..nothing_yet() },
            kept: BTreeSet::new(),
            later: JoinSet::new(),
            disturbed: Arc::default(),
            figures: Figures::default(),
        }
    }

    pub fn show(&self) -> Summary {
        self.simulator.show().unwrap()
    }

    pub async fn step(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Command(command) => {
                let end = self.command(command).await?;
                self.always()?;
                // What happened since its last look at EC2, no command can know.
                let undisturbed = self.disturbed.lock().unwrap().is_none_or(|at| at.elapsed() > LOOK_TAKES);
                if let End::Outcome(outcome) = end
                    && matches!(outcome.ending, Ending::Done)
                    && undisturbed
                {
                    self.as_wanted()?;
                }
                return Ok(());
            }
            Step::Event(event) => happen(&self.simulator, &self.console, event).await,
            Step::Pass { seconds } => tokio::time::sleep(Duration::from_secs(*seconds)).await,
            Step::LoseState => self.lose_state().await?,
        }
        self.always()
    }

    /// Runs a command; `Err` where it hangs or asks EC2 without end.
    pub async fn command(&mut self, command: &Command) -> Result<End, String> {
        if !self.note(&command.verb) {
            return Ok(End::NotRun);
        }
        self.figures.commands += 1;
        self.network.set(&command.weather);
        let (send, interrupt) = Interrupt::by_hand();
        if let Some(after) = command.signal {
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_secs(after)).await;
                send.send_replace(Some(Signal::Interrupt));
            });
        }
        for (after, event) in command.meanwhile.clone() {
            let (simulator, console) = (self.simulator.clone(), self.console.clone());
            let disturbed = Arc::clone(&self.disturbed);
            self.later.spawn(async move {
                tokio::time::sleep(Duration::from_secs(after)).await;
                happen(&simulator, &console, &event).await;
                *disturbed.lock().unwrap() = Some(Instant::now());
            });
        }
        // An end by the user's clock and by that of the network: beyond both, it hangs.
        let hangs = Duration::from_secs(command.timeout + 3600);
        let end = tokio::select! {
            end = self.run(command.timeout, interrupt) => end,
            () = self.network.killed() => End::Killed,
            () = tokio::time::sleep(hangs) => return Err("it hangs: an hour after its timeout".to_owned()),
        };
        if self.network.ran_away() {
            return Err("it asks EC2 without end".to_owned());
        }
        self.figures.requests += u64::from(self.network.requests());
        self.figures.faults = self.network.faults();
        self.network.set(&Weather::CALM);
        match &end {
            End::Killed => self.figures.killed += 1,
            End::Outcome(outcome) if matches!(outcome.ending, Ending::Done) => self.figures.done += 1,
            _ => {}
        }
        if std::env::var_os("SOAK_TELL").is_some() {
            eprintln!("   => {}", end.in_short());
        }
        Ok(end)
    }

    /// Notes what is wanted, as the program does before it works. `false`: it would refuse.
    fn note(&mut self, verb: &Verb) -> bool {
        let over = matches!(self.intent.goal, Goal::Gone { .. });
        match verb {
            Verb::Up(wish) => {
                // Nothing but the configuration file can take `--one-time` back, and EC2 cannot change a request.
                let one_time = if over { wish.one_time } else { self.intent.one_time };
                take_wish(&mut self.intent, &Wish { one_time, ..wish.clone() });
                self.intent.goal = Goal::Running;
            }
            Verb::Scale(nodes) => (self.intent.nodes, self.intent.goal) = (*nodes, Goal::Running),
            Verb::Stop if over || self.intent.one_time => return false,
            Verb::Start if over => return false,
            Verb::Stop => self.intent.goal = Goal::Stopped,
            Verb::Start => self.intent.goal = Goal::Running,
            Verb::Down { delete_volumes } => {
                if *delete_volumes {
                    self.kept.clear();
                }
                self.intent.goal = Goal::Gone { delete_volumes: *delete_volumes };
            }
        }
        true
    }

    async fn run(&self, timeout: u64, interrupt: Interrupt) -> End {
        let paths = Paths::resolve(Some(&self.directory.path().join("state.json"))).unwrap();
        let reach = Reach { ssh_dir: SshDir::new(&self.directory.path().join("ssh")).unwrap(), way: Way::Direct };
        let run = Run {
            cloud: &self.cloud,
            identity: &self.identity,
            intent: &self.intent,
            journal: &mut Journal::open(&paths, &self.identity.env),
            clock: self.clock,
            reporter: &Silent,
            reach: &reach,
            interrupt,
            options: Options {
                wait: Wait::Running,
                timeout: Some(Duration::from_secs(timeout)),
                patient: false,
                command: "soak".to_owned(),
                market: None,
            },
            published: Box::pin(std::future::ready(Published::default())),
            delivery: None,
            tags: self.intent.all_tags(),
        };
        match run.run().await {
            Ok(outcome) => End::Outcome(Box::new(outcome)),
            Err(error) => End::Error(format!("{error}: {:?}", std::error::Error::source(&error))),
        }
    }

    /// The state file and the journal are lost. A minute later the user finds out, and recovers: what is there must all
    /// be found by its tags.
    async fn lose_state(&mut self) -> Result<(), String> {
        let paths = Paths::resolve(Some(&self.directory.path().join("state.json"))).unwrap();
        // It may never have been written.
        drop(std::fs::remove_file(paths.journal(&self.identity.env)));
        tokio::time::sleep(Duration::from_secs(90)).await;
        let found = self.cloud.observe_all(Some(&self.identity.owner)).await.map_err(|it| it.to_string())?;
        let ids: BTreeSet<&str> = found
            .iter()
            .flat_map(|it| {
                let seen = &it.observed;
                let instances = seen.instances.iter().map(|it| it.id.as_str());
                let requests = seen.requests.iter().map(|it| it.id.as_str());
                let volumes = seen.volumes.iter().map(|it| it.id.as_str());
                instances.chain(requests).chain(volumes).chain(seen.groups.iter().map(|it| it.id.as_str()))
            })
            .collect();
        let there = self.show();
        let instances = there.instances.iter().filter(|it| !it.gone).map(|it| &it.id);
        let requests = there.spot_requests.iter().filter(|it| !it.gone).map(|it| &it.id);
        let volumes = there.volumes.iter().filter(|it| !it.delete_on_termination).map(|it| &it.id);
        let groups = there.security_groups.iter().map(|it| &it.id);
        let lost: Vec<&String> =
            instances.chain(requests).chain(volumes).chain(groups).filter(|id| !ids.contains(id.as_str())).collect();
        if lost.is_empty() { Ok(()) } else { Err(format!("recover does not find {lost:?} in {}", in_short(&there))) }
    }

    /// What holds at any time, whatever happened.
    fn always(&mut self) -> Result<(), String> {
        let there = self.show();
        let volumes: Vec<_> = there.volumes.iter().filter(|it| is_persistent(&it.tags)).collect();
        let gone: Vec<&String> = self.kept.iter().filter(|id| volumes.iter().all(|it| it.id != **id)).collect();
        if !gone.is_empty() {
            return Err(format!("nobody gave their word for the deletion of {gone:?}"));
        }
        if !matches!(self.intent.goal, Goal::Gone { delete_volumes: true }) {
            self.kept.extend(volumes.iter().map(|it| it.id.clone()));
        }
        let mut of_nodes = BTreeMap::new();
        for volume in volumes {
            if let Some(other) = of_nodes.insert(volume.tags.get("cloudtop:node"), &volume.id) {
                return Err(format!("{other} and {} are volumes of one node: {}", volume.id, in_short(&there)));
            }
        }
        self.findable(&there)
    }

    /// Whatever costs money can be found by its tags, or by those of its request.
    fn findable(&self, there: &Summary) -> Result<(), String> {
        let named = |id: &str| {
            let request = there.spot_requests.iter().find(|it| it.instance_id.as_deref() == Some(id));
            request.is_some_and(|it| self.is_ours(&it.tags))
        };
        let alive = there.instances.iter().filter(|it| !it.gone && it.state != "shutting-down");
        let instances = alive.filter(|it| !self.is_ours(&it.tags) && !named(&it.id));
        let requests = there.spot_requests.iter().filter(|it| !it.gone && !self.is_ours(&it.tags));
        let volumes = there.volumes.iter().filter(|it| it.instance_id.is_none() && !self.is_ours(&it.tags));
        let groups = there.security_groups.iter().filter(|it| !self.is_ours(&it.tags));
        let keys = there.key_pairs.iter().filter(|it| !self.is_ours(&it.tags));
        let lost: Vec<&String> = instances
            .map(|it| &it.id)
            .chain(requests.map(|it| &it.id))
            .chain(volumes.map(|it| &it.id))
            .chain(groups.map(|it| &it.id))
            .chain(keys.map(|it| &it.id))
            .collect();
        if lost.is_empty() { Ok(()) } else { Err(format!("nobody can find {lost:?} by tags: {}", in_short(there))) }
    }

    fn is_ours(&self, tags: &BTreeMap<String, String>) -> bool {
        tags.get("cloudtop:env").map(String::as_str) == Some("dev")
            && tags.get("cloudtop:owner") == Some(&self.identity.owner)
    }

    /// What holds when a command says that it is done.
    pub fn as_wanted(&self) -> Result<(), String> {
        let there = self.show();
        let wrong = |what: &str| Err(format!("done, and {what}: {}", in_short(&there)));
        let alive = there.instances.iter().filter(|it| !it.gone && it.state != "shutting-down");
        let alive: Vec<_> = alive.collect();
        let running = alive.iter().filter(|it| matches!(it.state, "pending" | "running"));
        let running: Vec<_> = running.collect();
        let live: Vec<_> = there.spot_requests.iter().filter(|it| !it.gone).collect();
        let nodes = usize::try_from(self.intent.nodes).unwrap();
        match self.intent.goal {
            Goal::Running => {
                let tags: BTreeSet<_> = alive.iter().filter_map(|it| it.tags.get("cloudtop:node")).cloned().collect();
                // A large launch is tagged as one.
                let all: Vec<u32> = (0..self.intent.nodes).collect();
                let whole = nodes > 100 && tags == BTreeSet::from([to_tag(&all)]);
                let wanted: BTreeSet<_> = all.iter().map(u32::to_string).collect();
                if running.len() != nodes || alive.len() != nodes || (tags != wanted && !whole) {
                    return wrong("its instances are not the nodes wanted");
                }
                if live.len() > nodes
                    || live.iter().any(|it| alive.iter().all(|of| Some(&of.id) != it.instance_id.as_ref()))
                {
                    return wrong("there is a request for what is not wanted");
                }
                if matches!(self.intent.volume, VolumeWish::Managed { .. }) && !self.each_has_its_volume(&there) {
                    return wrong("a node is without its volume");
                }
            }
            Goal::Stopped => {
                if !running.is_empty()
                    || alive.len() > nodes
                    || live.iter().any(|it| it.state == "open" && it.launches == 0)
                {
                    return wrong("something runs or may be launched");
                }
            }
            Goal::Gone { delete_volumes } => {
                let rest = there.security_groups.len() + there.key_pairs.len() + there.network_interfaces.len();
                if !alive.is_empty() || !live.is_empty() || rest > 0 || (delete_volumes && !there.volumes.is_empty()) {
                    return wrong("something is left");
                }
            }
        }
        Ok(())
    }

    /// Whether an instance runs whose request somebody cancelled: EC2 cannot stop it any more.
    fn has_orphan(&self) -> bool {
        let there = self.show();
        let live = |id: &String| there.spot_requests.iter().any(|it| it.id == *id && !it.gone);
        let mut alive = there.instances.iter().filter(|it| !it.gone && it.state != "shutting-down");
        alive.any(|it| !it.spot_request_id.as_ref().is_some_and(live))
    }

    fn each_has_its_volume(&self, there: &Summary) -> bool {
        (0..self.intent.nodes).all(|node| {
            let node = Some(node.to_string());
            let is_of = |tags: &BTreeMap<String, String>| tags.get("cloudtop:node") == node.as_ref();
            let instance = there.instances.iter().find(|it| it.state == "running" && is_of(&it.tags));
            let volume = there.volumes.iter().find(|it| is_persistent(&it.tags) && is_of(&it.tags));
            instance.zip(volume).is_some_and(|(instance, volume)| volume.instance_id.as_ref() == Some(&instance.id))
        })
    }

    /// The market is as it was, EC2 is well, and what was under way has had its time.
    async fn calm_down(&mut self) -> Result<(), String> {
        self.later.abort_all();
        self.simulator.set_capacity(REGION, "*", "*", Capacity::Available).unwrap();
        for name in TYPES {
            self.simulator.set_price(REGION, name, "*", None).unwrap();
        }
        tokio::time::sleep(Duration::from_secs(300)).await;
        self.always()
    }

    /// A command in calm must reach its goal.
    pub async fn finally(&mut self, verb: &Verb) -> Result<(), String> {
        let command = Command {
            verb: verb.clone(),
            weather: Weather::CALM,
            timeout: CALM_WITHIN,
            signal: None,
            meanwhile: Vec::new(),
        };
        let end = self.command(&command).await?;
        self.always()?;
        match end {
            End::NotRun => Ok(()),
            End::Outcome(outcome) if matches!(outcome.ending, Ending::Done) => self.as_wanted(),
            // EC2 says so, and why; what somebody did to the request cannot be undone.
            End::Outcome(outcome)
                if matches!(&outcome.ending, Ending::Refused(failure) if failure.action == "StopInstances")
                    && self.has_orphan() =>
            {
                Ok(())
            }
            other => Err(format!("{}: {}", other.in_short(), in_short(&self.show()))),
        }
    }
}

impl End {
    pub fn in_short(&self) -> String {
        match self {
            Self::Outcome(outcome) => format!("{:?}", outcome.ending),
            Self::Error(why) => why.clone(),
            Self::Killed => "killed".to_owned(),
            Self::NotRun => "not run".to_owned(),
        }
    }
}

fn is_persistent(tags: &BTreeMap<String, String>) -> bool {
    tags.get("cloudtop:role").map(String::as_str) == Some("persistent")
}

fn in_short(there: &Summary) -> String {
    let node = |tags: &BTreeMap<String, String>| tags.get("cloudtop:node").cloned().unwrap_or_else(|| "?".to_owned());
    let mut words = Vec::new();
    for it in there.instances.iter().filter(|it| !it.gone) {
        words.push(format!("{} ({}, node {}, of {:?})", it.id, it.state, node(&it.tags), it.spot_request_id));
    }
    for it in there.spot_requests.iter().filter(|it| !it.gone || it.instance_id.is_some()) {
        words.push(format!("{} ({}, {}, node {}, {:?})", it.id, it.state, it.status, node(&it.tags), it.instance_id));
    }
    for it in there.volumes.iter().filter(|it| is_persistent(&it.tags) || it.instance_id.is_none()) {
        words.push(format!("{} ({}, node {}, {}, on {:?})", it.id, it.state, node(&it.tags), it.zone, it.instance_id));
    }
    for it in there.security_groups.iter().chain(&there.key_pairs) {
        words.push(format!("{} {}", it.id, it.name));
    }
    words.join("; ")
}

/// What others do, done.
async fn happen(simulator: &Simulator, console: &aws_sdk_ec2::Client, event: &Event) {
    match event {
        Event::Interrupt { node, price, notice } => {
            let target = Target::Environment { name: "dev".to_owned(), node: *node };
            let reason = if *price { Reason::Price } else { Reason::Capacity };
            simulator.interrupt(&target, reason, Duration::from_secs(*notice)).unwrap();
        }
        Event::Price { first, usd } => {
            simulator.set_price(REGION, TYPES[usize::from(!first)], "*", *usd).unwrap();
        }
        Event::Capacity { first, there } => {
            let name = first.map_or("*", |first| TYPES[usize::from(!first)]);
            let capacity = if *there { Capacity::Available } else { Capacity::None };
            simulator.set_capacity(REGION, name, "*", capacity).unwrap();
        }
        Event::Meddle { what, which } => meddle(simulator, console, *what, *which).await,
    }
}

/// What somebody does in the console; what EC2 refuses them is their affair.
async fn meddle(simulator: &Simulator, console: &aws_sdk_ec2::Client, what: Meddling, which: u64) {
    let there = simulator.show().unwrap();
    fn one<T>(of: Vec<T>, which: u64) -> Option<T> {
        let place = usize::try_from(which % u64::try_from(of.len().max(1)).unwrap()).unwrap();
        of.into_iter().nth(place)
    }
    let instance = one(there.instances.iter().filter(|it| !it.gone).map(|it| it.id.clone()).collect(), which);
    let request = one(there.spot_requests.iter().filter(|it| !it.gone).map(|it| it.id.clone()).collect(), which);
    let attached = there.volumes.iter().filter(|it| is_persistent(&it.tags) && it.instance_id.is_some());
    let attached = one(attached.map(|it| it.id.clone()).collect(), which);
    let group = there.security_groups.first().map(|it| it.id.clone());
    match what {
        Meddling::Terminate => {
            drop(console.terminate_instances().set_instance_ids(instance.map(|it| vec![it])).send().await)
        }
        Meddling::Stop => drop(console.stop_instances().set_instance_ids(instance.map(|it| vec![it])).send().await),
        Meddling::Start => drop(console.start_instances().set_instance_ids(instance.map(|it| vec![it])).send().await),
        Meddling::CancelRequest => {
            let ids = request.map(|it| vec![it]);
            drop(console.cancel_spot_instance_requests().set_spot_instance_request_ids(ids).send().await);
        }
        Meddling::DetachVolume => drop(console.detach_volume().set_volume_id(attached).send().await),
        Meddling::DeleteGroup => drop(console.delete_security_group().set_group_id(group).send().await),
        Meddling::DeleteKey => {
            let name = there.key_pairs.first().map(|it| it.name.clone());
            drop(console.delete_key_pair().set_key_name(name).send().await);
        }
        Meddling::CloseGroup => {
            let call = console.revoke_security_group_ingress().set_group_id(group).ip_protocol("tcp");
            drop(call.from_port(22).to_port(22).cidr_ip("203.0.113.7/32").send().await);
        }
        Meddling::RenameInstance => {
            let name = aws_sdk_ec2::types::Tag::builder().key("Name").value("mine").build();
            drop(console.create_tags().set_resources(instance.map(|it| vec![it])).tags(name).send().await);
        }
    }
}

fn take_wish(intent: &mut Intent, wish: &Wish) {
    intent.nodes = wish.nodes;
    intent.volume = if wish.volume { VolumeWish::Managed { gib: 10 } } else { VolumeWish::None };
    intent.kind = if wish.nodes == 1 && wish.volume { Kind::Cloudtop } else { Kind::Cluster };
    intent.on_interruption = if wish.one_time { Interruption::Terminate } else { wish.on_interruption };
    intent.one_time = wish.one_time;
    intent.wait_for_capacity = wish.wait_for_capacity;
    intent.max_price = wish.max_price;
}

fn nothing_yet() -> Intent {
    Intent {
        goal: Goal::Gone { delete_volumes: false },
        demand: Demand::Types(TYPES.map(str::to_owned).to_vec()),
        volume: VolumeWish::Managed { gib: 10 },
        ..cloudtop_intent()
    }
}
