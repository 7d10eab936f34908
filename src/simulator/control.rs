//! Trouble made on purpose: what `cloudtop sim` does to the world.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::catalog::{find_region, find_type, offered};
use super::objects::{Capacity, Cause, InstanceState, Pool, RequestState};
use super::pools::{self, key};
use super::protocol::filter::matches;
use super::spot;
use super::world::World;
use super::{Settings, Simulator, SimulatorError};

/// Why EC2 interrupts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The price rose above the limit.
    Price,
    /// EC2 needs the capacity.
    Capacity,
}

/// Which running spot instances to interrupt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// These instances.
    Instances(Vec<String>),
    /// The nodes of an environment, or one of them, found by the tags `cloudtop:env` and `cloudtop:node` of the
    /// instance or of its request.
    Environment {
        /// The environment's name.
        name: String,
        /// The node's index; none: all nodes.
        node: Option<u32>,
    },
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

impl Simulator {
    /// Interrupts running spot instances, after a notice if one is given. Answers those it interrupted: none if none runs.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Unknown`] if an instance that is named does not exist.
    pub fn interrupt(
        &self,
        target: &Target,
        reason: Reason,
        notice: Duration,
    ) -> Result<Vec<Interrupted>, SimulatorError> {
        self.transact(|world, now| {
            let ids = targets(world, target)?;
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
                    let at = now.checked_add(world.settings().span(notice)).unwrap_or(now);
                    spot::announce(world, &id, cause, now, at);
                }
            }
            Ok(interrupted)
        })?
    }

    /// Sets the spot price of a type in a zone (`*`: in every zone of the region), in USD per hour; none: the market's own
    /// price again. Running instances whose limit is below the price are interrupted, and are answered.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Unknown`] if there is no such region, zone or type.
    pub fn set_price(
        &self,
        region: &str,
        instance_type: &str,
        zone: &str,
        price: Option<f64>,
    ) -> Result<Vec<Interrupted>, SimulatorError> {
        check_pool(region, instance_type, zone)?;
        if find_type(instance_type).is_none() {
            return Err(SimulatorError::Unknown { kind: "instance type", name: instance_type.to_owned() });
        }
        if let Some(price) = price.filter(|price| !(price.is_finite() && *price > 0.0)) {
            return Err(SimulatorError::Setting {
                key: "price".to_owned(),
                value: price.to_string(),
                expected: "USD per hour, above 0",
            });
        }
        self.transact(|world, now| {
            for name in zones(region, zone).into_iter().filter(|name| offered(region, name, instance_type)) {
                let mut pool = pool(world, region, instance_type, &name);
                pool.prices.push((now, price));
                world.pools.put(&key(region, instance_type, &name), pool);
            }
            let outbid = outbid(world, region, instance_type, now);
            let interrupted = outbid.iter().map(|id| described(world, id)).collect();
            for id in outbid {
                spot::interrupt(world, &id, Cause::Price, now);
            }
            retry_waiting(world, region, now);
            interrupted
        })
    }

    /// Sets how much of a type in a zone is to be had; `*` stands for every type or zone. What runs goes on running.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Unknown`] if there is no such region, zone or type.
    pub fn set_capacity(
        &self,
        region: &str,
        instance_type: &str,
        zone: &str,
        capacity: Capacity,
    ) -> Result<(), SimulatorError> {
        check_pool(region, instance_type, zone)?;
        self.transact(|world, now| {
            // What was set for narrower pools gives way to this.
            let narrower: Vec<String> = world
                .pools
                .iter()
                .filter(|(_, pool)| {
                    pool.region == region && matches(instance_type, &pool.instance_type) && matches(zone, &pool.zone)
                })
                .map(|(id, _)| id.clone())
                .collect();
            for id in narrower {
                if let Some(pool) = world.pools.edit(&id) {
                    pool.capacity = None;
                }
            }
            let mut pool = pool(world, region, instance_type, zone);
            pool.capacity = Some(capacity);
            world.pools.put(&key(region, instance_type, zone), pool);
            retry_waiting(world, region, now);
        })
    }

    /// Sets one setting: see [`Settings::set`].
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Setting`] if there is no such setting or the value is not one of its kind.
    pub fn set(&self, name: &str, value: &str) -> Result<(), SimulatorError> {
        self.transact(|world, _| {
            let mut settings = world.settings().clone();
            settings.set(name, value)?;
            *world.edit_settings() = settings;
            world.next_due = None;
            Ok(())
        })?
    }

    /// The settings now.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be read.
    pub fn settings(&self) -> Result<Settings, SimulatorError> {
        self.transact(|world, _| world.settings().clone())
    }

    /// Empties the account: everything in it, what was set about pools, the counts of calls and the settings.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be written.
    pub fn reset(&self) -> Result<(), SimulatorError> {
        self.transact(|world, _| world.clear())
    }

    /// How often each action was called since the account began.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be read.
    pub fn call_counts(&self) -> Result<BTreeMap<String, u64>, SimulatorError> {
        self.transact(|world, _| world.calls.iter().map(|(action, count)| (action.clone(), *count)).collect())
    }
}

fn targets(world: &World, target: &Target) -> Result<Vec<String>, SimulatorError> {
    let runs = |id: &String| {
        world.instances.get(id).is_some_and(|it| it.state == InstanceState::Running && it.request.is_some())
    };
    let ids: Vec<String> = match target {
        Target::Instances(ids) => {
            if let Some(unknown) = ids.iter().find(|id| world.instances.get(id).is_none()) {
                return Err(SimulatorError::Unknown { kind: "instance", name: unknown.clone() });
            }
            ids.clone()
        }
        Target::Environment { name, node } => {
            let node = node.map(|node| node.to_string());
            let belongs = |tags: &super::objects::Tags| {
                tags.get("cloudtop:env") == Some(name)
                    && node.as_ref().is_none_or(|node| tags.get("cloudtop:node") == Some(node))
            };
            let by_request = |id: &Option<String>| {
                id.as_ref().and_then(|id| world.requests.get(id)).is_some_and(|request| belongs(&request.tags))
            };
            let all = world.instances.iter();
            all.filter(|(_, it)| belongs(&it.tags) || by_request(&it.request)).map(|(id, _)| id.clone()).collect()
        }
    };
    Ok(ids.into_iter().filter(runs).collect())
}

fn described(world: &World, id: &str) -> Interrupted {
    let request_id = world.instances.get(id).and_then(|it| it.request.clone());
    let request =
        request_id.as_ref().and_then(|id| world.requests.get(id)).filter(|it| it.state == RequestState::Active);
    Interrupted {
        instance_id: id.to_owned(),
        behaviour: request.map_or("terminate", |request| request.behaviour.name()),
        spot_request_id: request_id,
    }
}

fn check_pool(region: &str, instance_type: &str, zone: &str) -> Result<(), SimulatorError> {
    let unknown = |kind, name: &str| Err(SimulatorError::Unknown { kind, name: name.to_owned() });
    let Some(found) = find_region(region) else { return unknown("region", region) };
    if zone != "*" && !found.zones.iter().any(|known| known.name == zone) {
        return unknown("availability zone", zone);
    }
    if instance_type != "*" && find_type(instance_type).is_none() {
        return unknown("instance type", instance_type);
    }
    Ok(())
}

fn zones(region: &str, zone: &str) -> Vec<String> {
    let all = find_region(region).map(|region| region.zones.as_slice()).unwrap_or_default();
    all.iter().map(|known| known.name.clone()).filter(|name| matches(zone, name)).collect()
}

fn pool(world: &World, region: &str, instance_type: &str, zone: &str) -> Pool {
    world.pools.get(&key(region, instance_type, zone)).cloned().unwrap_or_else(|| Pool {
        region: region.to_owned(),
        instance_type: instance_type.to_owned(),
        zone: zone.to_owned(),
        ..Pool::default()
    })
}

/// The running instances of a type whose limit is below the price now.
fn outbid(world: &World, region: &str, instance_type: &str, now: jiff::Timestamp) -> Vec<String> {
    let limit =
        |request: &Option<String>| request.as_ref().and_then(|id| world.requests.get(id)).and_then(|it| it.max_price);
    world
        .instances
        .iter()
        .filter(|(_, it)| it.region == region && it.state == InstanceState::Running)
        .filter(|(_, it)| world.launches.get(&it.launch).is_some_and(|launch| launch.instance_type == instance_type))
        .filter(|(_, it)| {
            let price = pools::price(world, region, &it.zone, instance_type, now);
            limit(&it.request).zip(price).is_some_and(|(limit, price)| limit < price)
        })
        .map(|(id, _)| id.clone())
        .collect()
}

/// Has EC2 look now at what waits: something about a pool changed.
fn retry_waiting(world: &mut World, region: &str, now: jiff::Timestamp) {
    let waiting: Vec<String> = world
        .requests
        .iter()
        .filter(|(_, it)| it.region == region && it.retry.is_some() && it.state == RequestState::Open)
        .map(|(id, _)| id.clone())
        .collect();
    for id in waiting {
        if let Some(request) = world.requests.edit(&id) {
            request.retry = Some(now);
        }
    }
}
