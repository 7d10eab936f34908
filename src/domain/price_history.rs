//! What capacity pools have cost over a span of days.
//!
//! EC2 lists changes only, the last one before the span too, and repeats a price that stands still once a day. The first
//! record of a pool may come late: what is not known before it is taken to have been the same.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::market::SpotPrice;

/// Into how many equal parts the span is cut for [`PriceHistory::points`].
pub const PARTS: usize = 60;

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// Its beginning.
    pub from: Timestamp,
    /// Its end, later than the beginning.
    pub to: Timestamp,
}

impl Span {
    /// Its length, seconds.
    fn seconds(self) -> f64 {
        self.to.duration_since(self.from).as_secs_f64()
    }
}

/// What one pool has cost over a span.
#[derive(Clone, Debug, PartialEq)]
pub struct PriceHistory {
    /// The instance type.
    pub instance_type: String,
    /// The availability zone.
    pub zone: String,
    /// The price in force at the end of the span, USD per hour.
    pub now: f64,
    /// Since when.
    pub since: Timestamp,
    /// The lowest price that was in force, USD per hour.
    pub min: f64,
    /// The price than which it was cheaper for half of the time, USD per hour.
    pub median: f64,
    /// The highest price that was in force, USD per hour.
    pub max: f64,
    /// The mean price of each of [`PARTS`] equal parts of the span, oldest first, USD per hour.
    pub points: Vec<f64>,
}

/// Changes as they come, page by page and in any order, until all are there.
#[derive(Debug, Default)]
pub struct Gathering {
    pools: BTreeMap<(String, String), Vec<(Timestamp, f64)>>,
}

impl Gathering {
    /// Takes in one change.
    pub fn add(&mut self, price: SpotPrice) {
        self.pools.entry((price.instance_type, price.zone)).or_default().push((price.since, price.usd_per_hour));
    }

    /// What each pool has cost over the span, ordered by type and zone. A pool whose prices all lie after it is left out.
    #[must_use]
    pub fn summed_up(self, span: Span) -> Vec<PriceHistory> {
        self.pools
            .into_iter()
            .filter_map(|((instance_type, zone), changes)| sum_up(instance_type, zone, changes, span))
            .collect()
    }
}

/// A price and for how long it was in force, seconds from the beginning of the span.
struct Stretch {
    from: f64,
    to: f64,
    price: f64,
}

fn sum_up(instance_type: String, zone: String, mut changes: Vec<(Timestamp, f64)>, span: Span) -> Option<PriceHistory> {
    changes.retain(|(at, _)| *at <= span.to);
    changes.sort_by_key(|(at, _)| *at);
    // A repeated price is no change.
    changes.dedup_by(|later, earlier| later.1.to_bits() == earlier.1.to_bits());
    let &(since, now) = changes.last()?;
    let stretches = stretches(&changes, span);
    let lowest = stretches.iter().map(|it| it.price).fold(now, f64::min);
    let highest = stretches.iter().map(|it| it.price).fold(now, f64::max);
    Some(PriceHistory {
        instance_type,
        zone,
        now,
        since,
        min: lowest,
        median: median(&stretches, now),
        max: highest,
        points: points(&stretches, span, now),
    })
}

/// The prices within the span, oldest first; the first reaches back to its beginning.
fn stretches(changes: &[(Timestamp, f64)], span: Span) -> Vec<Stretch> {
    let second = |at: Timestamp| at.duration_since(span.from).as_secs_f64().max(0.0);
    let ends = changes.iter().skip(1).map(|(at, _)| second(*at)).chain([span.seconds()]);
    let mut from = 0.0;
    let mut all = Vec::new();
    for ((_, price), to) in changes.iter().zip(ends) {
        if to > from {
            all.push(Stretch { from, to, price: *price });
            from = to;
        }
    }
    all
}

/// The weighted median: each price counts for as long as it was in force.
fn median(stretches: &[Stretch], otherwise: f64) -> f64 {
    let mut by_price: Vec<(f64, f64)> = stretches.iter().map(|it| (it.price, it.to - it.from)).collect();
    by_price.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = by_price.iter().map(|(_, seconds)| seconds).sum::<f64>() / 2.0;
    let mut passed = 0.0;
    for (price, seconds) in by_price {
        passed += seconds;
        if passed >= half {
            return price;
        }
    }
    otherwise
}

#[expect(clippy::cast_precision_loss, reason = "PARTS is small")]
fn points(stretches: &[Stretch], span: Span, otherwise: f64) -> Vec<f64> {
    let width = span.seconds() / PARTS as f64;
    let mean = |part: usize| {
        let (from, to) = (part as f64 * width, (part as f64 + 1.0) * width);
        let within = stretches.iter().map(|it| (it.price, it.to.min(to) - it.from.max(from)));
        let (cost, seconds) = within
            .filter(|(_, seconds)| *seconds > 0.0)
            .fold((0.0, 0.0), |(cost, all), (price, seconds)| (cost + price * seconds, all + seconds));
        // Prices have six decimals: more of them would be noise that is kept and sent.
        if seconds > 0.0 { (cost / seconds * 1e6).round() / 1e6 } else { otherwise }
    };
    (0..PARTS).map(mean).collect()
}

/// `parts` means over equal parts of `points`, for a picture with less room.
#[must_use]
pub fn coarser(points: &[f64], parts: usize) -> Vec<f64> {
    if points.is_empty() || parts == 0 {
        return Vec::new();
    }
    let bound = |part: usize| part * points.len() / parts;
    (0..parts)
        .map(|part| {
            let from = bound(part).min(points.len() - 1);
            let some = &points[from..bound(part + 1).max(from + 1)];
            #[expect(clippy::cast_precision_loss, reason = "a handful of points")]
            let count = some.len() as f64;
            some.iter().sum::<f64>() / count
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn hour(hour: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_hours(hour)
    }

    const SPAN: fn() -> Span = || Span { from: hour(100), to: hour(160) };

    fn summed_up(changes: &[(i64, f64)]) -> Option<PriceHistory> {
        let mut gathering = Gathering::default();
        for (at, price) in changes {
            gathering.add(SpotPrice {
                instance_type: "m5.large".to_owned(),
                zone: "us-east-1a".to_owned(),
                usd_per_hour: *price,
                since: hour(*at),
            });
        }
        gathering.summed_up(SPAN()).pop()
    }

    #[test]
    fn each_price_counts_for_as_long_as_it_was_in_force() {
        // 6 hours at 3, 36 hours at 1, 18 hours at 2; what came before the span only begins it.
        let it = summed_up(&[(142, 2.0), (20, 9.0), (90, 3.0), (106, 1.0)]).unwrap();
        assert_eq!((it.now, it.since), (2.0, hour(142)));
        assert_eq!((it.min, it.median, it.max), (1.0, 1.0, 3.0));
        assert_eq!(it.points.len(), PARTS);
        assert_eq!((it.points[5], it.points[6], it.points[41], it.points[42]), (3.0, 1.0, 1.0, 2.0));
    }

    #[test]
    fn a_price_that_is_repeated_each_day_has_stood_since_it_was_first_told() {
        let it = summed_up(&[(10, 0.5), (90, 0.5), (120, 0.5), (159, 0.5)]).unwrap();
        assert_eq!((it.now, it.since, it.min, it.max), (0.5, hour(10), 0.5, 0.5));
    }

    #[test]
    fn a_history_that_begins_late_is_taken_to_have_been_the_same_before() {
        let it = summed_up(&[(130, 0.25)]).unwrap();
        assert_eq!((it.points[0], it.median), (0.25, 0.25));
    }

    #[test]
    fn a_price_of_nothing_and_one_of_six_decimals_are_prices() {
        let it = summed_up(&[(90, 0.0), (150, 0.000_123)]).unwrap();
        assert_eq!((it.min, it.median, it.max, it.now), (0.0, 0.0, 0.000_123, 0.000_123));
    }

    #[test]
    fn what_is_only_known_after_the_span_is_not_known() {
        assert_eq!(summed_up(&[(161, 1.0)]), None);
        assert_eq!(summed_up(&[]), None);
    }

    #[test]
    fn a_coarser_picture_has_the_means_of_its_parts() {
        assert_eq!(coarser(&[1.0, 3.0, 5.0, 7.0], 2), [2.0, 6.0]);
        assert_eq!(coarser(&[1.0, 3.0], 4), [1.0, 1.0, 3.0, 3.0]);
        assert_eq!(coarser(&[], 4), [0.0; 0]);
    }

    proptest::proptest! {
        #[test]
        fn whatever_the_changes_the_median_and_the_means_lie_between_the_extremes(
            changes in proptest::collection::vec((0_i64..200, 0.0_f64..10.0), 0..40)
        ) {
            if let Some(it) = summed_up(&changes) {
                proptest::prop_assert!(it.min <= it.median && it.median <= it.max);
                proptest::prop_assert!(it.min <= it.now && it.now <= it.max);
                let slack = 5e-7;
                proptest::prop_assert!(it.points.iter().all(|at| it.min - slack <= *at && *at <= it.max + slack));
            }
        }
    }
}
