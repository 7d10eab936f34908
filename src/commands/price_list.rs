//! AWS's price list, asked for once a week.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use crate::cloud::Cloud;
use crate::domain::failure::Failure;
use crate::state::Cache;

use super::context::Context;

/// How long AWS's price list is not asked for again.
const KEEPS: SignedDuration = SignedDuration::from_hours(7 * 24);

/// The on-demand prices of a region by instance type, USD an hour.
///
/// # Errors
/// The price list may not be asked, or cannot.
pub async fn on_demand(context: &Context, cloud: &Cloud, now: Timestamp) -> Result<BTreeMap<String, f64>, Failure> {
    let cache = Cache::new(&context.paths, "on-demand", KEEPS);
    // The simulator's prices are those of a made-up world.
    let key = format!("{} at {:?}", cloud.region(), context.globals.endpoint_url);
    if let Some(kept) = cache.get(&key, now) {
        return Ok(kept.answer);
    }
    let listed = cloud.on_demand_prices().await?;
    if !listed.is_empty() {
        cache.put(&key, &listed, now);
    }
    Ok(listed)
}
