//! Spot prices: a pure function of a seed, a pool (type and zone) and the time.
//!
//! Shaped after DescribeSpotPriceHistory for us-east-1 in spring 2021 (1,246 series of 90 days): about 1.85 changes a
//! day and series with a median step of 0.2 %, a quarter of the series standing still but for a record a day, and
//! a median of 13 % between the cheapest and the dearest zone. Nothing is simulated from a beginning, so that any moment
//! of any pool can be asked for at once.

use jiff::{SignedDuration, Timestamp};

use super::catalog::{self, TypeInfo};
use super::chance::draw;

const DAY_SECONDS: i64 = 86_400;

/// EC2 keeps the price history for this long.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

/// The spot price in USD per hour, or none if the zone does not offer the type or the type has no spot market.
#[must_use]
pub fn spot_price(seed: u64, region: &str, zone: &str, type_name: &str, at: Timestamp) -> Option<f64> {
    let series = Series::find(seed, region, zone, type_name)?;
    series.last_change(at.as_second()).map(|second| series.price(second))
}

/// Every change from `from` to `to`, oldest first, led by the one that was in force at `from`.
///
/// It reaches back 90 days from `to`, as EC2's does; it is empty for a pool that does not exist and if `to` is before `from`.
#[must_use]
pub fn history(
    seed: u64,
    region: &str,
    zone: &str,
    type_name: &str,
    from: Timestamp,
    to: Timestamp,
) -> Vec<(Timestamp, f64)> {
    let Some(series) = Series::find(seed, region, zone, type_name).filter(|_| from <= to) else { return Vec::new() };
    let from = to.checked_sub(HISTORY).map_or(from, |oldest| from.max(oldest)).as_second();
    let to = to.as_second();
    let first = series.last_change(from).unwrap_or(from);
    let days = first.div_euclid(DAY_SECONDS)..=to.div_euclid(DAY_SECONDS);
    days.flat_map(|day| series.changes(day))
        .filter(|second| (first..=to).contains(second))
        .filter_map(|second| Some((Timestamp::from_second(second).ok()?, series.price(second))))
        .collect()
}

/// The final mix of splitmix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The prices of one pool.
struct Series {
    hash: u64,
    /// The price about which it moves.
    centre: f64,
    /// A quarter of the series never move.
    still: bool,
}

impl Series {
    fn find(seed: u64, region: &str, zone: &str, type_name: &str) -> Option<Self> {
        let info = catalog::find_type(type_name)?;
        if !info.usage_classes.iter().any(|class| class == "spot") || !catalog::offered(region, zone, type_name) {
            return None;
        }
        let market = draw(seed, &["market", region, type_name]);
        let hash = draw(seed, &["pool", zone, type_name]);
        let centre = on_demand(info) * discounted(market, hash);
        Some(Self { hash, centre, still: portion(hash, 1) < 0.27 })
    }

    /// The second of the last change at or before that second.
    fn last_change(&self, second: i64) -> Option<i64> {
        let day = second.div_euclid(DAY_SECONDS);
        let before = |day| self.changes(day).filter(|change| *change <= second).last();
        // Every day has a change, so the day before always answers.
        before(day).or_else(|| before(day - 1))
    }

    /// The seconds of a day's changes, in order: one to four, each in its own part of the day; for a still series
    /// the one record a day that EC2 repeats.
    fn changes(&self, day: i64) -> impl Iterator<Item = i64> + use<> {
        let hash = mix(self.hash ^ day.cast_unsigned());
        let count = if self.still { 1 } else { 1 + (hash % 4).cast_signed() };
        let width = DAY_SECONDS / count;
        (0..count).map(move |part| {
            let within = mix(hash ^ part.cast_unsigned()) % width.cast_unsigned();
            day * DAY_SECONDS + part * width + within.cast_signed()
        })
    }

    /// The price that a change at that second sets.
    fn price(&self, second: i64) -> f64 {
        let moved = if self.still {
            1.0
        } else {
            let slow = wave(second, 31.0 + 12.0 * portion(self.hash, 2), portion(self.hash, 3));
            let quick = wave(second, 8.0 + 6.0 * portion(self.hash, 4), portion(self.hash, 5));
            let jitter = portion(self.hash, second.cast_unsigned()) - 0.5;
            1.0 + 0.045 * slow + 0.014 * quick + 0.0015 * jitter
        };
        rounded(self.centre * moved)
    }
}

/// The part of the on-demand price that a zone asks, between 0.27 and 0.56.
fn discounted(market: u64, pool: u64) -> f64 {
    const CEILING: f64 = 0.56;
    let cheapest = 0.27 + 0.15 * portion(market, 1);
    // The spread between zones is log-normal: 13 % in the middle, 66 % in one case of ten. The sum of three
    // uniform numbers stands in for the normal one.
    let normal = 2.0 * (portion(market, 2) + portion(market, 3) + portion(market, 4) - 1.5);
    let dearer = cheapest * 0.22 * (1.25 * normal).exp() * portion(pool, 6);
    let room = CEILING - cheapest;
    cheapest + room * (1.0 - (-dearer / room).exp())
}

/// The on-demand price in USD per hour: the published one, or one like those of its kind.
#[must_use]
pub fn on_demand(info: &TypeInfo) -> f64 {
    info.on_demand_usd.unwrap_or_else(|| {
        // What a vCPU and a GiB cost in c5 and r5, and a middling GPU.
        let gpus = info.gpus.as_ref().map_or(0, |gpus| gpus.count);
        0.0357 * f64::from(info.vcpus) + 0.0034 * gib(info.memory_mib) + 0.6 * f64::from(gpus)
    })
}

fn gib(mib: u64) -> f64 {
    f64::from(u32::try_from(mib / 1024).unwrap_or(u32::MAX))
}

/// A triangle wave between -1 and 1; unlike a sine it is the same to the last bit on every machine.
fn wave(second: i64, period_days: f64, phase: f64) -> f64 {
    #[allow(clippy::cast_precision_loss, reason = "seconds of any calendar date fit a double")]
    let turns = second as f64 / (period_days * 86_400.0) + phase;
    4.0 * (turns - turns.floor() - 0.5).abs() - 1.0
}

/// A number in [0, 1) that depends on the hash and on which of its numbers is wanted.
fn portion(hash: u64, which: u64) -> f64 {
    let bits = mix(hash ^ which.wrapping_mul(0x9e37_79b9_7f4a_7c15)) >> 32;
    f64::from(u32::try_from(bits).unwrap_or_default()) / 4_294_967_296.0
}

/// EC2 gives four decimals, and up to six for what costs cents.
fn rounded(price: f64) -> f64 {
    let scale = if price < 0.1 { 1e6 } else { 1e4 };
    (price * scale).round() / scale
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use std::time::Instant;

    use super::*;

    fn pools() -> Vec<(&'static str, &'static str, &'static str)> {
        let mut pools = Vec::new();
        for region in catalog::regions() {
            for zone in &region.zones {
                for info in catalog::instance_types() {
                    if spot_price(1, &region.name, &zone.name, &info.name, noon()).is_some() {
                        pools.push((region.name.as_str(), zone.name.as_str(), info.name.as_str()));
                    }
                }
            }
        }
        pools
    }

    fn noon() -> Timestamp {
        "2026-11-21T12:00:00Z".parse().unwrap()
    }

    fn days_before(at: Timestamp, days: i64) -> Timestamp {
        at.checked_sub(SignedDuration::from_hours(24 * days)).unwrap()
    }

    fn median(mut numbers: Vec<f64>) -> f64 {
        numbers.sort_by(f64::total_cmp);
        numbers[numbers.len() / 2]
    }

    #[test]
    fn the_price_at_any_time_is_the_last_one_of_the_history() {
        for seed in 0..40_u64 {
            for step in 0..60_u64 {
                let back = SignedDuration::from_secs((mix(seed ^ (step << 20)) % 40_000_000).cast_signed());
                let at = noon().checked_sub(back).unwrap();
                let (zone, name) = [("us-east-1a", "c7i.large"), ("us-east-1d", "m5.xlarge")][(step % 2) as usize];
                for reach in [0, 1, 3, 90] {
                    let listed = history(seed, "us-east-1", zone, name, days_before(at, reach), at);
                    let price = spot_price(seed, "us-east-1", zone, name, at);
                    assert_eq!(listed.last().map(|(_, price)| *price), price, "{seed} {at} {reach}");
                    assert!(listed.iter().all(|(time, _)| *time <= at));
                    assert!(listed.is_sorted_by(|one, other| one.0 < other.0));
                }
            }
        }
    }

    #[test]
    fn the_history_begins_with_the_change_in_force_at_its_start() {
        let from = days_before(noon(), 2);
        let listed = history(7, "us-west-2", "us-west-2b", "c7i.xlarge", from, noon());
        assert!(listed[0].0 <= from);
        assert!(listed[1].0 > from);
        assert_eq!(Some(listed[0].1), spot_price(7, "us-west-2", "us-west-2b", "c7i.xlarge", from));
    }

    #[test]
    fn a_history_overlaps_with_a_longer_one() {
        let long = history(7, "us-west-2", "us-west-2b", "c7i.xlarge", days_before(noon(), 30), noon());
        let short = history(7, "us-west-2", "us-west-2b", "c7i.xlarge", days_before(noon(), 3), noon());
        assert!(long.ends_with(&short) && short.len() < long.len());
    }

    #[test]
    fn the_history_ends_ninety_days_back_and_is_empty_backwards() {
        let far = history(7, "us-west-2", "us-west-2b", "c7i.xlarge", Timestamp::MIN, noon());
        assert!(far[0].0 >= days_before(noon(), 92));
        assert_eq!(history(7, "us-west-2", "us-west-2b", "c7i.xlarge", noon(), days_before(noon(), 1)), []);
        assert!(spot_price(7, "us-west-2", "us-west-2b", "c7i.xlarge", Timestamp::MIN).is_some());
        assert!(spot_price(7, "us-west-2", "us-west-2b", "c7i.xlarge", Timestamp::MAX).is_some());
    }

    #[test]
    fn there_is_no_price_where_there_is_no_offer() {
        assert_eq!(spot_price(7, "us-west-2", "us-west-2z", "c7i.xlarge", noon()), None);
        assert_eq!(spot_price(7, "mx-central-1", "mx-central-1a", "c7i.xlarge", noon()), None);
        assert_eq!(spot_price(7, "us-west-2", "us-west-2a", "no.such", noon()), None);
        let no_spot = catalog::instance_types().iter().find(|info| !info.usage_classes.contains(&"spot".to_owned()));
        assert_eq!(spot_price(7, "us-east-1", "us-east-1a", &no_spot.unwrap().name, noon()), None);
    }

    #[test]
    fn another_seed_is_another_market() {
        let price = |seed| spot_price(seed, "us-west-2", "us-west-2b", "c7i.xlarge", noon());
        assert_eq!(price(1), price(1));
        assert_ne!(price(1), price(2));
    }

    #[test]
    fn spot_costs_a_quarter_to_three_fifths_of_on_demand() {
        for (region, zone, name) in pools() {
            let full = on_demand(catalog::find_type(name).unwrap());
            let part = spot_price(1, region, zone, name, noon()).unwrap() / full;
            assert!((0.25..0.60).contains(&part), "{name} {zone} {part}");
        }
    }

    #[test]
    fn zones_differ_by_about_an_eighth() {
        let region = catalog::find_region("us-west-2").unwrap();
        let mut spreads = Vec::new();
        for info in catalog::instance_types() {
            let of = |zone: &catalog::Zone| spot_price(1, "us-west-2", &zone.name, &info.name, noon());
            let prices: Vec<f64> = region.zones.iter().filter_map(of).collect();
            if prices.len() > 1 {
                let (low, high) =
                    (prices.iter().copied().fold(f64::MAX, f64::min), prices.iter().copied().fold(0.0, f64::max));
                spreads.push(high / low - 1.0);
            }
        }
        let median = median(spreads);
        assert!((0.09..0.18).contains(&median), "{median}");
    }

    #[test]
    fn prices_move_as_often_and_as_far_as_real_ones() {
        let (mut steps, mut series) = (Vec::new(), 0.0);
        for (region, zone, name) in pools().into_iter().step_by(97) {
            series += 1.0;
            let listed = history(1, region, zone, name, days_before(noon(), 90), noon());
            steps.extend(listed.windows(2).map(|two| (two[1].1 / two[0].1 - 1.0).abs()).filter(|step| *step > 0.0));
        }
        let a_day = f64::from(u32::try_from(steps.len()).unwrap()) / series / 90.0;
        assert!((1.5..2.2).contains(&a_day), "{a_day} changes a day");
        let (largest, median) = (steps.iter().copied().fold(0.0, f64::max), median(steps));
        assert!((0.0012..0.003).contains(&median), "median step {median}");
        assert!(largest < 0.071, "largest step {largest}");
    }

    #[test]
    fn a_thousand_pools_are_priced_at_once() {
        let pools: Vec<_> = pools().into_iter().take(1000).collect();
        let begun = Instant::now();
        let sum: f64 = pools.iter().filter_map(|(region, zone, name)| spot_price(1, region, zone, name, noon())).sum();
        assert!(sum > 0.0);
        // Some milliseconds on an idle machine; the limit allows for a busy one.
        assert!(begun.elapsed().as_millis() < 500, "{:?}", begun.elapsed());
    }
}
