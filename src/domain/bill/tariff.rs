//! What things cost, and since when.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::usd::Usd;
use crate::domain::money;

/// The prices that a bill is made with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tariff {
    /// By instance type and zone: the spot prices that came into force, oldest first, each with its time.
    spot: BTreeMap<(String, String), Vec<(Timestamp, Usd)>>,
    /// By region and instance type.
    on_demand: BTreeMap<(String, String), Usd>,
}

impl Tariff {
    /// Takes in the spot prices of a pool, USD an hour, each with the time when it came into force, in any order.
    pub fn add_spot(&mut self, instance_type: &str, zone: &str, changes: impl IntoIterator<Item = (Timestamp, f64)>) {
        let pool = self.spot.entry((instance_type.to_owned(), zone.to_owned())).or_default();
        for (since, usd) in changes {
            let place = pool.partition_point(|(earlier, _)| *earlier <= since);
            pool.insert(place, (since, Usd::of(usd)));
        }
    }

    /// Takes in the on-demand prices of a region by instance type, USD an hour.
    pub fn add_on_demand(&mut self, region: &str, prices: &BTreeMap<String, f64>) {
        let prices = prices.iter().map(|(name, usd)| ((region.to_owned(), name.clone()), Usd::of(*usd)));
        self.on_demand.extend(prices);
    }

    /// The spot price per hour in force at a time. `None` before the first that is known.
    #[must_use]
    pub fn spot_at(&self, instance_type: &str, zone: &str, at: Timestamp) -> Option<Usd> {
        let pool = self.spot.get(&(instance_type.to_owned(), zone.to_owned()))?;
        let later = pool.partition_point(|(since, _)| *since <= at);
        Some(pool.get(later.checked_sub(1)?)?.1)
    }

    /// The on-demand price per hour of a type.
    #[must_use]
    pub fn on_demand(&self, region: &str, instance_type: &str) -> Option<Usd> {
        self.on_demand.get(&(region.to_owned(), instance_type.to_owned())).copied()
    }

    /// What a gp3 disk costs for a month.
    #[must_use]
    pub fn disk_month(&self, region: &str, gib: u32) -> Usd {
        Usd::of(money::gp3_per_month(region, 1).0).times(u64::from(gib))
    }

    /// What a snapshot costs for a month at most.
    #[must_use]
    pub fn snapshot_month(&self, region: &str, gib: u32) -> Usd {
        Usd::of(money::snapshot_list_price(region)).times(u64::from(gib))
    }

    /// What a public IPv4 address costs for an hour.
    #[must_use]
    pub fn address_hour(&self) -> Usd {
        Usd::of(money::PUBLIC_IPV4_PER_HOUR)
    }
}
