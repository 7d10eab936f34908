//! Which nodes go into which pool.

use std::collections::BTreeMap;

use crate::domain::pools::{Choice, Ranking};

use super::Planner;
use super::world::{NodeFacts, World};

impl<'a> Planner<'a> {
    /// Lays the nodes out: in the zone of the best pool, or with `spread` over all zones, the emptiest first. Within a
    /// zone each goes where one more node costs least: nodes that share a pool are lost together, so that another type
    /// is taken where it costs less more than being told apart is worth.
    ///
    /// Zones are left to the user, for what nodes send each other across them is billed, and takes longer.
    ///
    /// Returns the nodes by the places of their pools in the ranking.
    pub(super) fn lay_out(&self, world: &World<'a>, nodes: &[u32], ranking: &Ranking) -> Vec<(usize, Vec<u32>)> {
        let mut zones = self.zones(world, ranking);
        let mut there = nodes_by_pool(world);
        let mut laid: BTreeMap<usize, Vec<u32>> = BTreeMap::new();
        for &node in nodes {
            // `min_by_key` takes the first of equals, and zones are in the order of their best pools.
            let Some((count, zone)) = zones.iter_mut().min_by_key(|(count, _)| *count) else { break };
            *count += 1;
            let Some((place, choice)) = self.cheapest(ranking, zone, &there) else { continue };
            *there.entry(key(choice)).or_default() += 1;
            laid.entry(place).or_default().push(node);
        }
        laid.into_iter().collect()
    }

    /// The zones that may be used, each with the number of nodes in it, the one with the best pool first.
    fn zones<'r>(&self, world: &World<'a>, ranking: &'r Ranking) -> Vec<(usize, &'r str)> {
        let mut zones: Vec<(usize, &str)> = Vec::new();
        for choice in &ranking.choices {
            let zone = choice.pool.zone.as_str();
            if !zones.iter().any(|(_, known)| *known == zone) {
                zones.push((nodes_in(world, zone), zone));
            }
        }
        if !self.intent().spread {
            zones.truncate(1);
        }
        zones
    }

    /// Where in a zone one more node costs least; the place in the ranking decides between equals.
    fn cheapest<'r>(
        &self,
        ranking: &'r Ranking,
        zone: &str,
        there: &BTreeMap<(&str, &str), u32>,
    ) -> Option<(usize, &'r Choice)> {
        let costs = |choice: &Choice| choice.beside(there.get(&key(choice)).copied().unwrap_or(0), self.intent().nodes);
        let of_zone = ranking.choices.iter().enumerate().filter(|(_, choice)| choice.pool.zone == zone);
        of_zone.min_by(|(_, a), (_, b)| {
            a.waits_for_price().cmp(&b.waits_for_price()).then_with(|| costs(a).total_cmp(&costs(b)))
        })
    }
}

fn key(choice: &Choice) -> (&str, &str) {
    (&choice.pool.instance_type, &choice.pool.zone)
}

fn nodes_by_pool<'w>(world: &World<'w>) -> BTreeMap<(&'w str, &'w str), u32> {
    let mut pools = BTreeMap::new();
    for instance in world.nodes.values().filter_map(NodeFacts::instance) {
        *pools.entry((instance.instance_type.as_str(), instance.zone.as_str())).or_default() += 1;
    }
    pools
}

fn nodes_in(world: &World<'_>, zone: &str) -> usize {
    let of_node = |facts: &NodeFacts<'_>| {
        facts.live.iter().any(|instance| instance.zone == zone) || facts.interface().is_some_and(|it| it.zone == zone)
    };
    world.nodes.values().filter(|facts| of_node(facts)).count()
}
