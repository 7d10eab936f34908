//! Spot prices in force.

use std::collections::BTreeMap;

use aws_sdk_ec2::types as sdk;
use jiff::Timestamp;
use tokio::task::JoinSet;

use super::{Cloud, convert, failure, filter};
use crate::domain::failure::Failure;
use crate::domain::market::SpotPrice;

/// How many types are asked for in one call. EC2 answers at most 1,000 rows a page, and a type has a row in each of up
/// to six zones: so most calls are one page, and the few hundred types that a requirement matches are a handful of
/// calls side by side, far below the hundred that EC2's bucket for describes holds.
const TYPES_A_CALL: usize = 100;
/// The largest page.
const PAGE: i32 = 1000;

impl Cloud {
    /// The prices of Linux on these types now, at most one a pool, sorted by type and zone; in these zones alone where
    /// any are named.
    ///
    /// # Errors
    /// The first failure of a call.
    pub async fn spot_prices(
        &self,
        types: &[String],
        zones: &[String],
        now: Timestamp,
    ) -> Result<Vec<SpotPrice>, Failure> {
        let mut calls = JoinSet::new();
        for chunk in types.chunks(TYPES_A_CALL) {
            // A window without length: the history then begins with the last change before it, the price in force.
            let call = self
                .ec2
                .describe_spot_price_history()
                .set_instance_types(Some(chunk.iter().map(|name| name.as_str().into()).collect()))
                .product_descriptions("Linux/UNIX")
                .product_descriptions("Linux/UNIX (Amazon VPC)")
                .set_filters((!zones.is_empty()).then(|| vec![filter("availability-zone", zones)]))
                .start_time(convert::to_sdk_time(now))
                .end_time(convert::to_sdk_time(now));
            let rows = call.into_paginator().page_size(PAGE).items().send();
            calls.spawn(rows.collect::<Result<Vec<_>, _>>());
        }
        let mut rows = Vec::new();
        while let Some(joined) = calls.join_next().await {
            let answer = joined.map_err(|error| failure::interrupted("DescribeSpotPriceHistory", &error))?;
            rows.extend(answer.map_err(|error| failure::of("DescribeSpotPriceHistory", &error))?);
        }
        Ok(newest(&rows))
    }
}

/// The newest price of each pool.
fn newest(rows: &[sdk::SpotPrice]) -> Vec<SpotPrice> {
    let mut pools: BTreeMap<(String, String), SpotPrice> = BTreeMap::new();
    for price in rows.iter().filter_map(convert::price) {
        let pool = (price.instance_type.clone(), price.zone.clone());
        match pools.get(&pool) {
            Some(other) if other.since >= price.since => {}
            _ => {
                pools.insert(pool, price);
            }
        }
    }
    pools.into_values().collect()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::primitives::DateTime;

    use super::*;

    #[test]
    fn the_newest_price_of_a_pool_stands_whatever_the_order() {
        let row = |usd: &str, at: i64| {
            sdk::SpotPrice::builder()
                .product_description(sdk::RiProductDescription::LinuxUnix)
                .instance_type(sdk::InstanceType::M5Large)
                .availability_zone("us-east-1a")
                .spot_price(usd)
                .timestamp(DateTime::from_secs(at))
                .build()
        };
        let prices = newest(&[row("0.1", 1), row("0.3", 3), row("0.2", 2)]);
        assert_eq!(prices.iter().map(|price| price.usd_per_hour.to_string()).collect::<Vec<_>>(), ["0.3"]);
    }
}
