//! The way to EC2, on which one call goes wrong.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use tokio::sync::Notify;

/// What happens to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fault {
    /// The program is killed before the call is sent.
    KilledBefore,
    /// The program is killed after the effect and before the answer.
    KilledAfter,
    /// The connection breaks after the effect; the SDK sends the call again.
    AnswerLost,
    /// The same to each of the SDK's attempts: the program never learns what came of it.
    EveryAnswerLost,
    /// EC2 answers once with HTTP 500, and does nothing.
    Error500,
    /// EC2 asks five times for fewer calls.
    Throttled,
    /// No attempt is answered within the time that it may take, and nothing is done.
    Hangs,
}

impl Fault {
    pub const ALL: [Self; 7] = [
        Self::KilledBefore,
        Self::KilledAfter,
        Self::AnswerLost,
        Self::EveryAnswerLost,
        Self::Error500,
        Self::Throttled,
        Self::Hangs,
    ];

    /// How many sends of the call go wrong. The SDK makes four of one call.
    fn times(self) -> u32 {
        match self {
            Self::EveryAnswerLost | Self::Hangs => 4,
            Self::Throttled => 5,
            _ => 1,
        }
    }

    /// Whether the program is there afterwards.
    pub fn kills(self) -> bool {
        matches!(self, Self::KilledBefore | Self::KilledAfter)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::KilledBefore => "killed before",
            Self::KilledAfter => "killed after",
            Self::AnswerLost => "answer lost",
            Self::EveryAnswerLost => "all answers lost",
            Self::Error500 => "500 once",
            Self::Throttled => "throttled x5",
            Self::Hangs => "hangs",
        })
    }
}

/// Which calls are counted, and can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Those that change something.
    Changing,
    /// All.
    All,
}

/// The network of one machine.
#[derive(Clone, Debug)]
pub struct Network {
    far_end: SharedHttpClient,
    connector: Option<SharedHttpConnector>,
    state: Arc<Mutex<State>>,
    killed: Arc<Notify>,
}

#[derive(Debug)]
struct State {
    counted: Calls,
    /// The actions that were counted.
    seen: Vec<String>,
    armed: Option<(usize, Fault)>,
    /// What goes on going wrong: the fault, the call, and how often still.
    rest: Option<(Fault, String, Vec<u8>, u32)>,
    /// The program is dead: nothing that is left of it reaches EC2.
    dead: bool,
    /// The ids of everything that was ever made.
    made: BTreeSet<String>,
}

impl Network {
    pub fn new(far_end: SharedHttpClient) -> Self {
        let state = State {
            counted: Calls::Changing,
            seen: Vec::new(),
            armed: None,
            rest: None,
            dead: false,
            made: BTreeSet::new(),
        };
        Self { far_end, connector: None, state: Arc::new(Mutex::new(state)), killed: Arc::new(Notify::new()) }
    }

    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.clone())
    }

    /// Counts calls from now on, from 0; the call of the number given goes wrong.
    pub fn arm(&self, counted: Calls, armed: Option<(usize, Fault)>) {
        let mut state = self.state.lock().unwrap();
        (state.counted, state.armed) = (counted, armed);
        state.seen.clear();
    }

    /// All is well again. The actions that were counted until now.
    pub fn mend(&self) -> Vec<String> {
        let mut state = self.state.lock().unwrap();
        (state.armed, state.rest, state.dead) = (None, None, false);
        std::mem::take(&mut state.seen)
    }

    /// Comes when the program is to die.
    pub async fn killed(&self) {
        self.killed.notified().await;
    }

    /// The ids of a kind that EC2 ever gave.
    pub fn ever_made(&self, prefix: &str) -> BTreeSet<String> {
        self.state.lock().unwrap().made.iter().filter(|id| id.starts_with(prefix)).cloned().collect()
    }

    /// What was made before.
    pub fn remember(&self, made: &BTreeSet<String>) {
        self.state.lock().unwrap().made.extend(made.iter().cloned());
    }

    /// The fault of this send, if it has one.
    fn fault(&self, action: &str, body: &[u8]) -> Option<Fault> {
        let mut state = self.state.lock().unwrap();
        if let Some((fault, same_action, same_body, left)) = &mut state.rest {
            // Throttled is the action; lost is the call, with all attempts.
            let same = *same_action == action && (*fault == Fault::Throttled || *same_body == body);
            if same && *left > 0 {
                *left -= 1;
                return Some(*fault);
            }
        }
        if state.counted == Calls::Changing && !is_changing(action) {
            return None;
        }
        state.seen.push(action.to_owned());
        let at = state.seen.len() - 1;
        let (_, fault) = state.armed.filter(|(number, _)| *number == at)?;
        state.rest = Some((fault, action.to_owned(), body.to_vec(), fault.times() - 1));
        state.dead = fault.kills();
        Some(fault)
    }

    fn is_dead(&self) -> bool {
        self.state.lock().unwrap().dead
    }

    /// Passes a call on. The effect is there when this returns, answered or not.
    fn pass_on(&self, request: HttpRequest, action: &str) -> HttpConnectorFuture {
        let Some(connector) = self.connector.clone() else { return broken() };
        let (state, id) = (Arc::clone(&self.state), id_of_made(action));
        HttpConnectorFuture::new(async move {
            let answer = connector.call(request).await;
            if let (Some(id), Ok(answer)) = (id, &answer) {
                let text = String::from_utf8_lossy(answer.body().bytes().unwrap_or_default()).into_owned();
                state.lock().unwrap().made.extend(texts(&text, id));
            }
            answer
        })
    }
}

impl HttpClient for Network {
    fn http_connector(&self, settings: &HttpConnectorSettings, parts: &RuntimeComponents) -> SharedHttpConnector {
        let connector = Some(self.far_end.http_connector(settings, parts));
        SharedHttpConnector::new(Self { connector, ..self.clone() })
    }
}

impl HttpConnector for Network {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let never = || HttpConnectorFuture::new(std::future::pending());
        if self.is_dead() {
            return never();
        }
        let body = request.body().bytes().unwrap_or_default().to_vec();
        let action = action(&body);
        match self.fault(&action, &body) {
            None => self.pass_on(request, &action),
            Some(Fault::KilledBefore) => {
                self.killed.notify_one();
                never()
            }
            Some(Fault::KilledAfter) => {
                let (effect, killed) = (self.pass_on(request, &action), Arc::clone(&self.killed));
                HttpConnectorFuture::new(async move {
                    let _ = effect.await;
                    killed.notify_one();
                    std::future::pending().await
                })
            }
            Some(Fault::AnswerLost | Fault::EveryAnswerLost) => {
                let effect = self.pass_on(request, &action);
                HttpConnectorFuture::new(async move {
                    let _ = effect.await;
                    broken().await
                })
            }
            Some(Fault::Error500) => answer(500, "InternalError", "An internal error has occurred"),
            Some(Fault::Throttled) => answer(503, "RequestLimitExceeded", "Request limit exceeded."),
            Some(Fault::Hangs) => never(),
        }
    }
}

fn broken() -> HttpConnectorFuture {
    let reset = std::io::Error::from(std::io::ErrorKind::ConnectionReset);
    HttpConnectorFuture::ready(Err(ConnectorError::io(reset.into())))
}

fn answer(status: u16, code: &str, message: &str) -> HttpConnectorFuture {
    let body = format!(
        "<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
         <RequestID>0</RequestID></Response>"
    );
    HttpConnectorFuture::ready(Ok(HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body))))
}

fn action(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    text.split('&').find_map(|part| part.strip_prefix("Action=")).unwrap_or_default().to_owned()
}

fn is_changing(action: &str) -> bool {
    // What names no action in its body speaks JSON: the price list and the quotas, which are only ever asked.
    !action.is_empty() && !action.starts_with("Describe") && !action.starts_with("Get")
}

/// The element that names what an action made.
fn id_of_made(action: &str) -> Option<&'static str> {
    match action {
        "RunInstances" => Some("instanceId"),
        "RequestSpotInstances" => Some("spotInstanceRequestId"),
        "CreateVolume" => Some("volumeId"),
        "CreateSnapshot" | "CopySnapshot" => Some("snapshotId"),
        "CreateNetworkInterface" => Some("networkInterfaceId"),
        _ => None,
    }
}

/// What all elements of a name say.
fn texts(answer: &str, name: &str) -> Vec<String> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let rest = answer.split(&open).skip(1);
    rest.filter_map(|rest| Some(rest.split_once(&close)?.0.to_owned())).collect()
}
