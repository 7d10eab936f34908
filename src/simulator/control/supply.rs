//! What pools have, and what they cost.

use jiff::Timestamp;

use super::interrupt::{Interrupted, described};
use crate::simulator::SimulatorError;
use crate::simulator::catalog::{find_region, find_type, offered};
use crate::simulator::objects::{Capacity, Cause, InstanceState, Pool, RequestState};
use crate::simulator::pools::{self, key};
use crate::simulator::protocol::filter::matches;
use crate::simulator::spot;
use crate::simulator::world::World;

/// A region, a type and a zone; `*` stands for every type or every zone.
type Named<'a> = (&'a str, &'a str, &'a str);

/// Sets the price of a type in one zone or all; what that interrupts.
pub(super) fn set_price(
    world: &mut World,
    now: Timestamp,
    (region, instance_type, zone): Named<'_>,
    price: Option<f64>,
) -> Result<Vec<Interrupted>, SimulatorError> {
    check_pool((region, instance_type, zone))?;
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
    for name in zones(region, zone).into_iter().filter(|name| offered(region, name, instance_type)) {
        let mut pool = pool(world, (region, instance_type, &name));
        pool.prices.push((now, price));
        world.pools.put(&key(region, instance_type, &name), pool);
    }
    let outbid = outbid(world, region, instance_type, now);
    let interrupted = outbid.iter().map(|id| described(world, id)).collect();
    for id in outbid {
        spot::interrupt(world, &id, Cause::Price, now);
    }
    retry_waiting(world, region, now);
    Ok(interrupted)
}

/// Sets how much there is of a pool or of many. What runs goes on running.
pub(super) fn set_capacity(
    world: &mut World,
    now: Timestamp,
    (region, instance_type, zone): Named<'_>,
    capacity: Capacity,
) -> Result<(), SimulatorError> {
    check_pool((region, instance_type, zone))?;
    // What was set for narrower pools gives way to this.
    let covered =
        |pool: &Pool| pool.region == region && matches(instance_type, &pool.instance_type) && matches(zone, &pool.zone);
    let narrower: Vec<String> =
        world.pools.iter().filter(|(_, pool)| covered(pool)).map(|(id, _)| id.clone()).collect();
    for id in narrower {
        if let Some(pool) = world.pools.edit(&id) {
            pool.capacity = None;
        }
    }
    let mut pool = pool(world, (region, instance_type, zone));
    pool.capacity = Some(capacity);
    world.pools.put(&key(region, instance_type, zone), pool);
    retry_waiting(world, region, now);
    Ok(())
}

/// Whether there is such a region, type and zone.
pub(super) fn check_pool((region, instance_type, zone): Named<'_>) -> Result<(), SimulatorError> {
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

fn pool(world: &World, (region, instance_type, zone): Named<'_>) -> Pool {
    world.pools.get(&key(region, instance_type, zone)).cloned().unwrap_or_else(|| Pool {
        region: region.to_owned(),
        instance_type: instance_type.to_owned(),
        zone: zone.to_owned(),
        ..Pool::default()
    })
}

/// The running instances of a type whose limit is below the price now.
fn outbid(world: &World, region: &str, instance_type: &str, now: Timestamp) -> Vec<String> {
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
fn retry_waiting(world: &mut World, region: &str, now: Timestamp) {
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
