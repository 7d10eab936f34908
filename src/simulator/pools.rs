//! Pools, each a type in a zone: what they cost and whether they have room.

use jiff::Timestamp;

use super::catalog::{TypeInfo, find_region, offered};
use super::market;
use super::objects::{Capacity, InstanceState, Pool};
use super::protocol::filter::matches;
use super::world::World;

/// A pool's key in the table.
pub(super) fn key(region: &str, instance_type: &str, zone: &str) -> String {
    format!("{region}/{instance_type}/{zone}")
}

impl Pool {
    fn covers(&self, region: &str, instance_type: &str, zone: &str) -> bool {
        self.region == region && matches(&self.instance_type, instance_type) && matches(&self.zone, zone)
    }
}

/// The spot price of a pool at an instant; none where there is no such pool.
pub(super) fn price(world: &World, region: &str, zone: &str, instance_type: &str, at: Timestamp) -> Option<f64> {
    let set = world.pools.get(&key(region, instance_type, zone));
    let by_hand = set.and_then(|pool| pool.prices.iter().rev().find(|(since, _)| *since <= at)).and_then(|(_, p)| *p);
    by_hand.or_else(|| market::spot_price(world.seed(), region, zone, instance_type, at))
}

/// The price changes of a pool, oldest first, from the last one before `from` on.
pub(super) fn history(
    world: &World,
    region: &str,
    zone: &str,
    instance_type: &str,
    (from, to): (Timestamp, Timestamp),
) -> Vec<(Timestamp, f64)> {
    let mut changes = market::history(world.seed(), region, zone, instance_type, from, to);
    let Some(pool) = world.pools.get(&key(region, instance_type, zone)).filter(|pool| !pool.prices.is_empty()) else {
        return changes;
    };
    let set_by_hand =
        |at: Timestamp| pool.prices.iter().rev().find(|(since, _)| *since <= at).is_some_and(|(_, p)| p.is_some());
    changes.retain(|(at, _)| !set_by_hand(*at));
    for (since, _) in pool.prices.iter().filter(|(since, _)| *since <= to) {
        changes.extend(price(world, region, zone, instance_type, *since).map(|price| (*since, price)));
    }
    changes.sort_by_key(|(at, _)| *at);
    let before = changes.iter().rposition(|(at, _)| *at <= from).unwrap_or(0);
    changes.split_off(before)
}

/// How many more instances a pool has room for, as spot or on demand.
pub(super) fn room(world: &World, region: &str, zone: &str, instance_type: &str, spot: bool) -> usize {
    let limit = world.pools.values().find_map(|pool| {
        pool.capacity.filter(|capacity| *capacity != Capacity::Available && pool.covers(region, instance_type, zone))
    });
    match limit {
        None | Some(Capacity::Available) => usize::MAX,
        Some(Capacity::NoSpot) if !spot => usize::MAX,
        Some(Capacity::None | Capacity::NoSpot) => 0,
        Some(Capacity::Count(most)) => {
            usize::try_from(most).unwrap_or(usize::MAX).saturating_sub(living(world, zone, instance_type))
        }
    }
}

fn living(world: &World, zone: &str, instance_type: &str) -> usize {
    let takes_room = |state| matches!(state, InstanceState::Pending | InstanceState::Running | InstanceState::Stopping);
    let of_type = |launch: &str| world.launches.get(launch).is_some_and(|launch| launch.instance_type == instance_type);
    world.instances.values().filter(|it| takes_room(it.state) && it.zone == zone && of_type(&it.launch)).count()
}

/// The zones of a region that offer a type, in the order in which EC2 happens to try them.
pub(super) fn zones_for(region: &str, type_info: &TypeInfo) -> Vec<String> {
    let zones = find_region(region).map(|region| region.zones.as_slice()).unwrap_or_default();
    let mut names: Vec<String> = zones.iter().map(|zone| zone.name.clone()).collect();
    names.retain(|zone| offered(region, zone, &type_info.name));
    names
}
