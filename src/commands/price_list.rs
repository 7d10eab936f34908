//! On-demand prices, for all commands that show, compare or bill them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::cloud::Cloud;
use crate::domain::failure::Failure;
use crate::state::Cache;

use super::context::Context;

/// How long AWS's price list is not asked for again.
const KEEPS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Where the price lists of regions are kept.
#[derive(Clone)]
pub struct PriceList {
    cache: Cache,
    /// The simulator's prices are those of a made-up world.
    place: String,
}

impl PriceList {
    /// The lists of the place that a command talks to.
    pub fn of(context: &Context) -> Self {
        let place = format!("{:?}", context.globals.endpoint_url);
        Self { cache: Cache::new(&context.paths, "on-demand", KEEPS), place }
    }

    /// What each type costs on demand in the region of `cloud`, USD per hour.
    ///
    /// # Errors
    /// The price list may not be asked, or cannot.
    pub async fn on_demand(&self, cloud: &Cloud, now: Timestamp) -> Result<BTreeMap<String, f64>, Failure> {
        let key = format!("{} at {}", cloud.region(), self.place);
        if let Some(kept) = self.cache.get(&key, now) {
            return Ok(kept.answer);
        }
        let listed = cloud.on_demand_prices().await?;
        if !listed.is_empty() {
            self.cache.put(&key, &listed, now);
        }
        Ok(listed)
    }
}
