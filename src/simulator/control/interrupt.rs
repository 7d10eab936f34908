//! EC2 takes instances away.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::nodes;
use crate::simulator::SimulatorError;
use crate::simulator::objects::{Cause, Instance, InstanceState, Tags};
use crate::simulator::spot;
use crate::simulator::world::World;

/// Why EC2 interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// The price rose above the limit.
    Price,
    /// EC2 needs the capacity.
    Capacity,
}

/// Which instances are meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// These instances, by their ids; where somebody meddles, things of any kind.
    Instances(Vec<String>),
    /// The nodes of an environment, or one of them, found by the tags `cloudtop:env` and `cloudtop:node` of the
    /// instance or of its request.
    Environment {
        /// The environment's name.
        name: String,
        /// The node's index; none: all nodes.
        node: Option<u32>,
    },
    /// All instances of a zone, whose environments they may be.
    Zone(String),
}

/// One interruption.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Interrupted {
    /// The instance.
    pub instance_id: String,
    /// Its request, if that still exists.
    pub spot_request_id: Option<String>,
    /// `stop`, `hibernate` or `terminate`.
    pub behaviour: &'static str,
}

/// Interrupts running spot instances, at once or after a notice; those that it interrupted.
pub(super) fn interrupt(
    world: &mut World,
    now: Timestamp,
    target: &Target,
    reason: Reason,
    notice: Duration,
) -> Result<Vec<Interrupted>, SimulatorError> {
    let runs = |it: &Instance| it.state == InstanceState::Running && it.request.is_some();
    let ids = targets(world, target, runs)?;
    let cause = match reason {
        Reason::Price => Cause::Price,
        Reason::Capacity => Cause::Capacity,
    };
    let mut interrupted = Vec::new();
    for id in ids {
        interrupted.push(described(world, &id));
        if notice.is_zero() {
            spot::interrupt(world, &id, cause, now);
        } else {
            spot::announce(world, &id, cause, now, world.after(now, notice));
        }
    }
    Ok(interrupted)
}

/// Recommends to move away from running spot instances; their ids. Nothing need come of it.
pub(super) fn recommend(world: &mut World, now: Timestamp, target: &Target) -> Result<Vec<String>, SimulatorError> {
    let ids = targets(world, target, |it| it.state == InstanceState::Running && it.request.is_some())?;
    for id in &ids {
        if let Some(instance) = world.instances.edit(id) {
            instance.rebalance = Some(now);
        }
    }
    Ok(ids)
}

/// The ids of the instances that are meant and that the test accepts.
pub(super) fn targets(
    world: &World,
    target: &Target,
    accepts: impl Fn(&Instance) -> bool,
) -> Result<Vec<String>, SimulatorError> {
    let chosen = |belongs: &dyn Fn(&Instance) -> bool| {
        let all = world.instances.iter().filter(|(_, it)| belongs(it));
        all.map(|(id, _)| id.clone()).collect()
    };
    let ids: Vec<String> = match target {
        Target::Instances(ids) => {
            if let Some(unknown) = ids.iter().find(|id| world.instances.get(id).is_none()) {
                return Err(SimulatorError::Unknown { kind: "instance", name: unknown.clone() });
            }
            ids.clone()
        }
        Target::Environment { name, node } => chosen(&|it| is_of(world, it, name, *node)),
        Target::Zone(zone) => chosen(&|it| it.zone == *zone),
    };
    Ok(ids.into_iter().filter(|id| world.instances.get(id).is_some_and(&accepts)).collect())
}

/// Whether an instance is of an environment, by its own tags or its request's. The nodes of a large launch have its whole
/// set of nodes as their tag.
fn is_of(world: &World, instance: &Instance, name: &str, node: Option<u32>) -> bool {
    let tagged = |tags: &Tags| nodes::at(tags.get("cloudtop:node")?, instance.index);
    let belongs = |tags: &Tags| {
        tags.get("cloudtop:env").is_some_and(|env| env == name) && (node.is_none() || tagged(tags) == node)
    };
    let request = instance.request.as_ref().and_then(|id| world.requests.get(id));
    belongs(&instance.tags) || request.is_some_and(|request| belongs(&request.tags))
}

/// What an interruption will do to an instance.
pub(super) fn described(world: &World, id: &str) -> Interrupted {
    let instance = world.instances.get(id);
    Interrupted {
        instance_id: id.to_owned(),
        behaviour: instance.map_or("terminate", |instance| spot::behaviour(world, instance)),
        spot_request_id: instance.and_then(|instance| instance.request.clone()),
    }
}
