//! The network between the tool and the built-in EC2: it loses, delays, cuts and refuses.

use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tokio::sync::Notify;

use super::chance::Chance;

/// More requests than any honest command makes here.
const RUNAWAY: u32 = 30_000;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before EC2 has the request.
    LostBefore,
    /// EC2 acts, and its answer is lost.
    LostAfter,
    /// EC2 is ill and does nothing.
    Ill,
    /// EC2 is ill and acts all the same.
    IllAfter,
    /// One request too many.
    Throttled,
    /// EC2 acts, and its answer ends in the middle.
    Cut,
    /// EC2 acts, and never answers.
    Silent,
}

/// All of them, each as often.
pub const ANY: &[Fault] =
    &[Fault::LostBefore, Fault::LostAfter, Fault::Ill, Fault::IllAfter, Fault::Throttled, Fault::Cut, Fault::Silent];

/// How bad the network is while one command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weather {
    /// What the faults are drawn from.
    pub seed: u64,
    /// Of a thousand requests so many meet a fault.
    pub per_mille: u64,
    /// Which, drawn one as often as another.
    pub faults: &'static [Fault],
    /// The request at which the process is killed, and whether EC2 has acted on it by then.
    pub kill: Option<(u32, bool)>,
}

impl Weather {
    /// Nothing goes wrong.
    pub const CALM: Self = Self { seed: 0, per_mille: 0, faults: ANY, kill: None };
}

#[derive(Debug)]
struct Shared {
    weather: Weather,
    chance: Chance,
    requests: u32,
    faults: u64,
    runaway: bool,
    /// Told when the process is killed; another for each command.
    killed: Arc<Notify>,
}

/// A network whose weather can be set. Clones share it.
#[derive(Clone, Debug)]
pub struct Network {
    far_end: SharedHttpClient,
    connector: Option<SharedHttpConnector>,
    shared: Arc<Mutex<Shared>>,
}

impl Network {
    pub fn new(far_end: SharedHttpClient) -> Self {
        let shared = Shared {
            weather: Weather::CALM,
            chance: Chance::new(0),
            requests: 0,
            faults: 0,
            runaway: false,
            killed: Arc::default(),
        };
        Self { far_end, connector: None, shared: Arc::new(Mutex::new(shared)) }
    }

    /// Sets the weather for the next command.
    pub fn set(&self, weather: &Weather) {
        let mut shared = self.shared.lock().unwrap();
        shared.chance = Chance::new(weather.seed);
        shared.weather = weather.clone();
        shared.requests = 0;
        shared.killed = Arc::default();
    }

    /// Waits for the kill that was asked for.
    pub async fn killed(&self) {
        let killed = Arc::clone(&self.shared.lock().unwrap().killed);
        killed.notified().await;
    }

    /// Requests that the last command made.
    pub fn requests(&self) -> u32 {
        self.shared.lock().unwrap().requests
    }

    /// Faults in all.
    pub fn faults(&self) -> u64 {
        self.shared.lock().unwrap().faults
    }

    /// Whether a command asked without end.
    pub fn ran_away(&self) -> bool {
        self.shared.lock().unwrap().runaway
    }

    fn decide(&self) -> Decision {
        let mut shared = self.shared.lock().unwrap();
        shared.requests += 1;
        if shared.requests > RUNAWAY {
            shared.runaway = true;
            return Decision::Kill { after: false };
        }
        if let Some((at, after)) = shared.weather.kill.filter(|(at, _)| shared.requests >= *at) {
            return Decision::Kill { after: after && shared.requests == at };
        }
        let per_mille = shared.weather.per_mille;
        if shared.chance.below(1000) >= per_mille {
            return Decision::Pass;
        }
        shared.faults += 1;
        let faults = shared.weather.faults;
        Decision::Fault(shared.chance.pick(faults))
    }

    fn forward(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(connector) = &self.connector else { return reset() };
        connector.call(request)
    }
}

#[derive(Clone, Copy, Debug)]
enum Decision {
    Pass,
    Fault(Fault),
    Kill { after: bool },
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let connector = Some(self.far_end.http_connector(settings, parts));
        SharedHttpConnector::new(Self { connector, ..self.clone() })
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        match self.decide() {
            Decision::Pass => self.forward(request),
            Decision::Kill { after } => {
                let (acts, killed) =
                    (after.then(|| self.forward(request)), Arc::clone(&self.shared.lock().unwrap().killed));
                HttpConnectorFuture::new(async move {
                    if let Some(acts) = acts {
                        drop(acts.await);
                    }
                    killed.notify_one();
                    std::future::pending().await
                })
            }
            Decision::Fault(Fault::LostBefore) => reset(),
            Decision::Fault(Fault::Ill) => refuse("InternalError", 500),
            Decision::Fault(Fault::Throttled) => refuse("RequestLimitExceeded", 503),
            Decision::Fault(Fault::LostAfter) => instead(self.forward(request), reset()),
            Decision::Fault(Fault::IllAfter) => instead(self.forward(request), refuse("InternalError", 500)),
            Decision::Fault(Fault::Silent) => {
                instead(self.forward(request), HttpConnectorFuture::new(std::future::pending()))
            }
            Decision::Fault(Fault::Cut) => {
                let whole = self.forward(request);
                HttpConnectorFuture::new(async move {
                    let answer = whole.await?;
                    let body = answer.body().bytes().unwrap_or_default();
                    Ok(HttpResponse::new(answer.status(), SdkBody::from(body[..body.len() / 2].to_vec())))
                })
            }
        }
    }
}

/// EC2 acts, and something else than its answer comes back.
fn instead(acts: HttpConnectorFuture, answer: HttpConnectorFuture) -> HttpConnectorFuture {
    HttpConnectorFuture::new(async move {
        drop(acts.await);
        answer.await
    })
}

fn reset() -> HttpConnectorFuture {
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    HttpConnectorFuture::ready(Err(ConnectorError::io(reset.into())))
}

fn refuse(code: &str, status: u16) -> HttpConnectorFuture {
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code>\
         <Message>made up</Message></Error></Errors><RequestID>0</RequestID></Response>"
    );
    let status = status.try_into().expect("a status");
    HttpConnectorFuture::ready(Ok(HttpResponse::new(status, SdkBody::from(body))))
}
