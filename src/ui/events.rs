//! Progress for programs: one JSON object a line on standard error. Documented in docs/progress.md; fields are added, never
//! renamed, and are called what `status --json` calls them.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use super::text::one_line;
use crate::domain::call::{Call, Made};
use crate::domain::failure::Failure;
use crate::domain::money::HOURS_PER_MONTH;
use crate::domain::plan::NodeView;
use crate::domain::pools::Ranking;

/// A line.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    /// When, UTC, to the millisecond.
    time: Timestamp,
    #[serde(flatten)]
    event: Event<'a>,
}

/// What happened.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub(super) enum Event<'a> {
    /// Work on an environment begins.
    Begin {
        environment: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        goal: Option<&'static str>,
    },
    /// Pools were chosen.
    Chosen(Chosen<'a>),
    /// A call is sent, or was answered.
    Call(Called<'a>),
    /// A node is in another phase than before, or waits for something else.
    Node(Node<'a>),
    /// There are other numbers of nodes in the phases than before.
    Counts {
        environment: &'a str,
        nodes: usize,
        at_goal: usize,
        phases: BTreeMap<&'static str, usize>,
        seconds_left: Option<u64>,
    },
    /// What is waited for beyond single nodes; nothing: for nothing any more.
    Waiting { environment: &'a str, waiting_for: Vec<String> },
    /// A sentence about an environment.
    Note { environment: &'a str, text: &'a str },
    /// Work on an environment has ended.
    End { environment: &'a str, outcome: &'static str },
    /// A sentence about anything else.
    Message { level: Level, text: &'a str },
    /// The program ends with an error.
    Error { text: String, causes: Vec<String>, hints: &'a [String] },
}

/// How much a message matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Level {
    /// What is being done.
    Status,
    /// A warning.
    Warning,
    /// Something is paid for at the full price.
    OnDemand,
    /// What a node has written to its standard error.
    Relayed,
}

#[derive(Serialize)]
pub(super) struct Chosen<'a> {
    environment: &'a str,
    on_demand: bool,
    launches: Vec<Launch<'a>>,
    price_per_hour: f64,
    price_per_month: f64,
}

#[derive(Serialize)]
struct Launch<'a> {
    instance_type: &'a str,
    zone: &'a str,
    nodes: u32,
    /// USD, of one node.
    price_per_hour: f64,
}

#[derive(Serialize)]
pub(super) struct Called<'a> {
    environment: &'a str,
    action: &'a str,
    state: &'static str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ids: Vec<&'a str>,
}

#[derive(Serialize)]
pub(super) struct Node<'a> {
    environment: &'a str,
    node: u32,
    phase: &'static str,
    waiting_for: Option<String>,
    seconds_left: Option<u64>,
    spot_request_id: Option<&'a str>,
    spot_status: Option<&'a str>,
    instance_id: Option<&'a str>,
    instance_type: Option<&'a str>,
    zone: Option<&'a str>,
    public_ip: Option<&'a str>,
    private_ip: Option<&'a str>,
}

/// A line of JSON.
pub(super) fn line(now: Timestamp, event: Event<'_>) -> String {
    let time = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
    serde_json::to_string(&Line { time, event }).unwrap_or_default()
}

pub(super) fn chosen<'a>(environment: &'a str, ranking: &'a Ranking, nodes: usize) -> Option<Event<'a>> {
    let first = ranking.choices.first()?;
    let launches: Vec<_> = match ranking.laid_out.is_empty() {
        true => vec![(first, u32::try_from(nodes).unwrap_or(u32::MAX))],
        false => ranking.launches().collect(),
    };
    let price_per_hour = launches.iter().map(|(choice, nodes)| choice.price * f64::from(*nodes)).sum();
    let launches = launches.into_iter().map(|(choice, nodes)| Launch {
        instance_type: &choice.pool.instance_type,
        zone: &choice.pool.zone,
        nodes,
        price_per_hour: choice.price,
    });
    Some(Event::Chosen(Chosen {
        environment,
        on_demand: ranking.on_demand(),
        launches: launches.collect(),
        price_per_hour,
        price_per_month: price_per_hour * HOURS_PER_MONTH,
    }))
}

pub(super) fn sent<'a>(environment: &'a str, call: &'a Call, reason: &str) -> Event<'a> {
    Event::Call(Called { reason: Some(one_line(reason)), ..called(environment, call, "sent") })
}

pub(super) fn succeeded<'a>(environment: &'a str, call: &'a Call, made: &'a Made) -> Event<'a> {
    let many = made.requests.iter().chain(&made.instances);
    let ids = many.chain(&made.volume).chain(&made.snapshot).chain(&made.interface).chain(&made.group);
    Event::Call(Called { ids: ids.map(String::as_str).collect(), ..called(environment, call, "done") })
}

pub(super) fn failed<'a>(environment: &'a str, call: &'a Call, failure: &'a Failure) -> Event<'a> {
    let reason = Some(one_line(&failure.message));
    Event::Call(Called { reason, code: Some(&failure.code), ..called(environment, call, "failed") })
}

fn called<'a>(environment: &'a str, call: &Call, state: &'static str) -> Called<'a> {
    let (action, text) = (call.action(), one_line(&call.to_string()));
    Called { environment, action, state, text, reason: None, code: None, ids: Vec::new() }
}

pub(super) fn node<'a>(environment: &'a str, view: &'a NodeView, left: Option<Duration>) -> Event<'a> {
    Event::Node(Node {
        environment,
        node: view.index,
        phase: view.phase.as_str(),
        waiting_for: view.waiting_for.as_deref().map(one_line),
        seconds_left: left.map(|left| left.as_secs()),
        spot_request_id: view.request_id.as_deref(),
        spot_status: view.request_status.as_deref(),
        instance_id: view.instance_id.as_deref(),
        instance_type: view.instance_type.as_deref(),
        zone: view.zone.as_deref(),
        public_ip: view.public_ip.as_deref(),
        private_ip: view.private_ip.as_deref(),
    })
}
