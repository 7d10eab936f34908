//! A node as the user sees it.

use jiff::Timestamp;

use crate::domain::lifecycle;
use crate::domain::observed::{Instance, SpotRequest};
use crate::domain::phase::Phase;

use super::world::NodeFacts;

/// A node as it is, and what it waits for.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeView {
    /// Its index.
    pub index: u32,
    /// Where it is.
    pub phase: Phase,
    /// What it waits for, in words. `None` where it waits for nothing.
    pub waiting_for: Option<String>,
    /// Its spot request.
    pub request_id: Option<String>,
    /// EC2's status code of the request.
    pub request_status: Option<String>,
    /// Its instance.
    pub instance_id: Option<String>,
    /// The instance's type.
    pub instance_type: Option<String>,
    /// The instance's or the request's availability zone.
    pub zone: Option<String>,
    /// The public address.
    pub public_ip: Option<String>,
    /// The address in the VPC. Where it is fixed, it is known before there is an instance.
    pub private_ip: Option<String>,
    /// The network interface that the node keeps its address by.
    pub interface_id: Option<String>,
    /// The public DNS name.
    pub public_dns: Option<String>,
    /// Whether the instance is on demand, at the full price.
    pub on_demand: bool,
    /// When the instance was last launched or started.
    pub launched_at: Option<Timestamp>,
    /// When its instance was stopped or ended, or EC2 took it away, where EC2 tells.
    pub ended_at: Option<Timestamp>,
}

impl NodeView {
    /// A view of a node, in a phase that the caller has found.
    pub(super) fn of(index: u32, facts: &NodeFacts<'_>, phase: Phase, waiting_for: Option<String>) -> Self {
        let shown: Option<&Instance> =
            facts.instance().or_else(|| facts.ending.iter().copied().max_by_key(|it| it.launched_at));
        // While it is on its way, what it leaves is all that there is of it.
        let shown = shown.or_else(|| facts.left.instances.first().copied());
        let request = facts.request().or_else(|| facts.left.requests.first().copied());
        let interface = facts.interface();
        let text = |get: fn(&Instance) -> &Option<String>| shown.and_then(|it| get(it).clone());
        Self {
            index,
            phase,
            waiting_for,
            request_id: request.map(|it| it.id.clone()).or_else(|| text(|it| &it.request_id)),
            request_status: request.map(|it| it.status.clone()),
            instance_id: shown.map(|it| it.id.clone()),
            instance_type: shown
                .map(|it| it.instance_type.clone())
                .or_else(|| request.map(|it| it.instance_type.clone())),
            zone: shown.map(|it| it.zone.clone()).or_else(|| request.and_then(|it| it.zone.clone())),
            public_ip: text(|it| &it.public_ip),
            private_ip: text(|it| &it.private_ip).or_else(|| interface.and_then(|it| it.private_ip.clone())),
            interface_id: interface.map(|it| it.id.clone()),
            public_dns: text(|it| &it.public_dns),
            on_demand: shown.is_some_and(|it| it.on_demand),
            launched_at: shown.and_then(|it| it.launched_at),
            ended_at: request.and_then(interrupted_at).or_else(|| shown.and_then(|it| it.ended_at)),
        }
    }
}

/// When EC2 took away what a request had, while it has not brought it back.
fn interrupted_at(request: &SpotRequest) -> Option<Timestamp> {
    request.updated_at.filter(|_| lifecycle::is_interrupted(request))
}
