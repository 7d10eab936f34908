//! Money: USD, and how it is written.

/// Hours in the month that AWS's calculators count with.
pub const HOURS_PER_MONTH: f64 = 730.0;

/// What gp3 storage costs, USD per GiB and month, where the region is not in [`GP3_LIST`].
const GP3_ELSEWHERE: f64 = 0.08;

/// List prices of gp3 storage by region, USD per GiB and month (the EBS pricing page).
const GP3_LIST: &[(&str, f64)] = &[
    ("us-east-1", 0.08),
    ("us-east-2", 0.08),
    ("us-west-1", 0.096),
    ("us-west-2", 0.08),
    ("ca-central-1", 0.088),
    ("eu-west-1", 0.088),
    ("eu-west-2", 0.0928),
    ("eu-west-3", 0.0928),
    ("eu-central-1", 0.0952),
    ("eu-north-1", 0.0836),
    ("ap-northeast-1", 0.096),
    ("ap-northeast-2", 0.0912),
    ("ap-south-1", 0.0912),
    ("ap-southeast-1", 0.096),
    ("ap-southeast-2", 0.096),
    ("sa-east-1", 0.152),
];

/// What the standard tier of snapshots costs, USD per GiB and month, in most regions.
const SNAPSHOT_ELSEWHERE: f64 = 0.05;

/// List prices of the standard tier of snapshots where they are others, USD per GiB and month (the EBS pricing page).
const SNAPSHOT_LIST: &[(&str, f64)] = &[("us-west-1", 0.055), ("eu-west-2", 0.053), ("eu-central-1", 0.054)];

/// What a public IPv4 address costs, USD per hour, in all regions and since 2024-02-01 (the VPC pricing page).
pub const PUBLIC_IPV4_PER_HOUR: f64 = 0.005;

/// What gp3 volumes of `gib` GiB in all cost in a month, USD, by AWS's list; `true` where the region's own price is
/// not known and that of us-east-1 stands in.
#[must_use]
pub fn gp3_per_month(region: &str, gib: u64) -> (f64, bool) {
    let listed = GP3_LIST.iter().find(|(name, _)| *name == region).map(|(_, usd)| *usd);
    #[expect(clippy::cast_precision_loss, reason = "volume sizes are far below 2^52 GiB")]
    let gib = gib as f64;
    (gib * listed.unwrap_or(GP3_ELSEWHERE), listed.is_none())
}

/// What the standard tier of snapshots costs in a region, USD per GiB and month, by AWS's list; in regions that are not
/// known here, what it costs in most.
#[must_use]
pub fn snapshot_list_price(region: &str) -> f64 {
    SNAPSHOT_LIST.iter().find(|(name, _)| *name == region).map_or(SNAPSHOT_ELSEWHERE, |(_, usd)| *usd)
}

/// What a snapshot of a volume of `gib` GiB costs in a month at most, USD: the list price of the standard tier in most
/// regions. It is less where the volume is not full, or where an older snapshot has the same blocks.
#[must_use]
pub fn snapshot_per_month(gib: u32) -> f64 {
    f64::from(gib) * SNAPSHOT_ELSEWHERE
}

/// A price per hour: `$0.0731`. Four decimals, and all six that EC2 gives where that would change a small price.
#[must_use]
pub fn hourly(usd: f64) -> String {
    let cut = (usd * 1e4).round() / 1e4;
    if usd < 0.01 && (usd - cut).abs() > 5e-7 { format!("${usd:.6}") } else { format!("${usd:.4}") }
}

/// An amount: `$12.34`.
#[must_use]
pub fn amount(usd: f64) -> String {
    format!("${usd:.2}")
}

/// What was spent: `$12.34`, with more decimals where two would show a small amount as nothing.
#[must_use]
pub fn spent(usd: f64) -> String {
    if usd > 0.0 && usd < 0.01 { hourly(usd) } else { amount(usd) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_price_is_not_shown_as_nothing() {
        assert_eq!(hourly(0.07311), "$0.0731");
        assert_eq!(hourly(0.000_123), "$0.000123");
        assert_eq!(hourly(0.001_56), "$0.001560");
        assert_eq!(hourly(0.0052), "$0.0052");
        assert_eq!(hourly(0.0), "$0.0000");
        assert_eq!([0.0, 0.000_8, 0.009, 0.01, 41.2].map(spent), ["$0.00", "$0.0008", "$0.0090", "$0.01", "$41.20"]);
    }

    #[test]
    fn storage_is_priced_by_region_and_says_when_it_guesses() {
        assert_eq!(gp3_per_month("us-east-1", 100), (8.0, false));
        assert!(gp3_per_month("xx-nowhere-1", 100).1);
    }
}
