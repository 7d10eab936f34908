//! One account, one machine, and a network that can be bad.

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
use cloudtop::domain::intent::{Goal, Intent};
use cloudtop::domain::journal::Entry;
use cloudtop::domain::market::Published;
use cloudtop::domain::names::Identity;
use cloudtop::domain::phase::Wait;
use cloudtop::engine::probe::Way;
use cloudtop::engine::{Ending, Interrupt, Options, Outcome, Progress, Reach, Reporter, Run};
use cloudtop::simulator::{Settings, Simulator, Summary};
use cloudtop::ssh::SshDir;
use cloudtop::state::{Journal, Paths};

use super::support::{REGION, cloudtop_intent};

pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: &Progress<'_>) {}
}

/// A network that drops the next requests before they get anywhere, and keeps the answers of one action for itself.
#[derive(Clone, Debug)]
pub struct Network {
    far_end: SharedHttpClient,
    connector: Option<SharedHttpConnector>,
    drops: Arc<AtomicU32>,
    hangs: Hangs,
}

/// The beginning of the action whose requests take effect and are never answered; empty: none.
pub type Hangs = Arc<Mutex<&'static str>>;

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
pub struct World {
    pub simulator: Simulator,
    pub cloud: Cloud,
    /// How many of the next requests are lost.
    pub drops: Arc<AtomicU32>,
    /// What EC2 does not answer.
    pub hangs: Hangs,
    pub clock: Clock,
    pub directory: tempfile::TempDir,
    pub identity: Identity,
    pub intent: Intent,
    pub wait: Wait,
    pub timeout: Duration,
    pub patient: bool,
}

impl World {
    /// With delays like EC2's own: half a minute to start, a minute to stop, seconds until a new thing is shown.
    pub async fn new() -> Self {
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

    pub fn paths(&self) -> Paths {
        Paths::resolve(Some(&self.directory.path().join("state.json"))).unwrap()
    }

    pub fn journal(&self) -> Journal {
        Journal::open(&self.paths(), &self.identity.env)
    }

    pub async fn run(&self) -> Outcome {
        self.run_with(Interrupt::by_hand().1).await
    }

    pub async fn run_with(&self, interrupt: Interrupt) -> Outcome {
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
    pub async fn done(&mut self, goal: Goal) -> Outcome {
        self.intent.goal = goal;
        let outcome = self.run().await;
        assert!(matches!(outcome.ending, Ending::Done), "{:?}", outcome.ending);
        outcome
    }

    pub fn show(&self) -> Summary {
        self.simulator.show().unwrap()
    }

    pub fn live_instances(&self) -> Vec<String> {
        self.show().instances.into_iter().filter(|it| !it.gone).map(|it| it.id).collect()
    }

    pub fn describes(&self) -> BTreeMap<String, u64> {
        let calls = self.simulator.call_counts().unwrap();
        calls.into_iter().filter(|(action, _)| action.starts_with("Describe")).collect()
    }

    pub fn entries(&self) -> Vec<Entry> {
        self.journal().read().unwrap()
    }
}

pub const GONE: Goal = Goal::Gone { delete_volumes: false };
