//! A history of spot prices, hour by hour.
//!
//! EC2 charges each hour of an instance at the price in force when the hour begins. All that is judged begins at a whole
//! number of hours after the history does, so one row of prices a pool, and their sums so far, are all that is needed.

use std::collections::BTreeMap;

use super::rows;

const HOUR: i64 = 3_600;
/// For how many hours before its first record a pool is taken to have had that record's price. EC2 lists the changes
/// and, about once a day, a price that stands still: a pool may have been there for that long without being listed.
/// (In the history that this was first run on, the records of a pool are never more than 30.4 hours apart.)
pub const BACK_FILLED: usize = 36;

/// One pool's prices.
#[derive(Clone, Debug)]
pub struct Pool {
    pub instance_type: String,
    pub zone: String,
    /// The hour at which it has been recorded for the first time.
    known: usize,
    /// USD per hour at the beginning of each hour, the first record's before that.
    prices: Vec<f64>,
    /// What the hours before each hour cost in all.
    sums: Vec<f64>,
}

/// All pools of one region.
#[derive(Clone, Debug)]
pub struct History {
    pub region: String,
    /// Sorted by type, then by zone.
    pub pools: Vec<Pool>,
    /// How many hours it is long.
    pub hours: usize,
    /// When it begins, seconds since 1970.
    pub begins: i64,
    /// How many records it was made of.
    pub records: usize,
}

impl Pool {
    fn of(name: (String, String), records: &mut [(i64, f64)], begins: i64, hours: usize) -> Self {
        records.sort_by_key(|(at, _)| *at);
        let known = usize::try_from((records[0].0 - begins + HOUR - 1) / HOUR).unwrap_or(0);
        let (mut next, mut price) = (0, records[0].1);
        let (mut prices, mut sums) = (Vec::with_capacity(hours), vec![0.0]);
        for at in (begins..).step_by(HOUR as usize).take(hours) {
            while records.get(next).is_some_and(|record| record.0 <= at) {
                price = records[next].1;
                next += 1;
            }
            sums.push(sums[prices.len()] + price);
            prices.push(price);
        }
        Self { instance_type: name.0, zone: name.1, known, prices, sums }
    }

    /// The price in force at an hour, as who looked then would have read it: never a later record's.
    pub fn price(&self, hour: usize) -> Option<f64> {
        (self.known <= hour).then(|| self.prices[hour])
    }

    /// Whether it was there at an hour, as far as who looks back can tell.
    pub fn was_there(&self, hour: usize) -> bool {
        self.known <= hour + BACK_FILLED
    }

    /// What an instance costs that is held for so many hours, USD.
    pub fn cost(&self, from: usize, hours: usize) -> f64 {
        self.sums[from + hours] - self.sums[from]
    }
}

impl History {
    /// Reads `timestamp,az,instance_type,spot_price` in any order of lines; other columns are not looked at.
    pub fn read(text: &str) -> Result<Self, String> {
        let mut pools: BTreeMap<(String, String), Vec<(i64, f64)>> = BTreeMap::new();
        let mut records = 0;
        rows::each(text, ["timestamp", "az", "instance_type", "spot_price"], |[at, zone, instance_type, price]| {
            records += 1;
            let of_pool = pools.entry((instance_type.to_owned(), zone.to_owned())).or_default();
            of_pool.push((rows::seconds(at)?, rows::number(price)?));
            Ok(())
        })?;
        let times = || pools.values().flatten().map(|record| record.0);
        let (Some(begins), Some(ends)) = (times().min(), times().max()) else {
            return Err("there is no price in it".to_owned());
        };
        let mut regions: Vec<&str> = pools.keys().map(|(_, zone)| rows::region(zone)).collect();
        regions.sort_unstable();
        regions.dedup();
        let [region] = regions[..] else {
            return Err(format!("one region at a time, and these are {}", regions.join(", ")));
        };
        let region = region.to_owned();
        let hours = usize::try_from((ends - begins) / HOUR).unwrap_or(0) + 1;
        let pools = pools.into_iter().map(|(name, mut records)| Pool::of(name, &mut records, begins, hours)).collect();
        Ok(Self { region, pools, hours, begins, records })
    }

    /// The hours at which something is bought that can be held to the history's end: every `step` hours, from when
    /// all that stands still has been listed once.
    pub fn starts(&self, step: usize, held: usize) -> impl Iterator<Item = usize> + use<> {
        (BACK_FILLED..(self.hours + 1).saturating_sub(held)).step_by(step)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "they are the numbers that were put in")]
mod tests {
    use super::*;

    const TEXT: &str = "timestamp,az,instance_type,spot_price,available
2021-03-04T00:00:00Z,us-east-1a,m5.large,0.05,1
2021-03-02T00:00:00Z,us-east-1a,m5.large,0.03,1
2021-03-02T01:30:00Z,us-east-1a,m5.large,0.04,1
2021-03-02T02:00:01Z,us-east-1b,m5.large,0.02,1
2021-03-03T16:00:00Z,us-east-1c,m5.large,0.01,1
";

    #[test]
    fn an_hour_costs_what_was_in_force_when_it_began() {
        let history = History::read(TEXT).unwrap();
        assert_eq!((history.region.as_str(), history.hours, history.records), ("us-east-1", 49, 5));
        let pool = &history.pools[0];
        assert_eq!([0, 1, 2, 47, 48].map(|hour| pool.price(hour).unwrap()), [0.03, 0.03, 0.04, 0.04, 0.05]);
        assert!((pool.cost(0, 4) - 0.14).abs() < 1e-12);
        assert!((pool.cost(46, 3) - 0.13).abs() < 1e-12);
    }

    #[test]
    fn a_pool_has_its_first_price_before_it_was_recorded_but_nobody_could_read_it() {
        let history = History::read(TEXT).unwrap();
        let [_, late, later] = &history.pools[..] else { panic!("three pools") };
        assert_eq!((late.price(2), late.price(3)), (None, Some(0.02)));
        assert!(late.was_there(0) && (late.cost(0, 3) - 0.06).abs() < 1e-12);
        assert_eq!((later.was_there(3), later.was_there(4)), (false, true), "recorded at hour 40, and filled for 36");
    }

    #[test]
    fn a_price_that_is_told_again_changes_nothing() {
        let again = format!("{TEXT}2021-03-02T20:00:00Z,us-east-1a,m5.large,0.04,1\n");
        let (once, twice) = (History::read(TEXT).unwrap(), History::read(&again).unwrap());
        assert_eq!(once.pools[0].sums, twice.pools[0].sums);
    }

    #[test]
    fn what_is_bought_can_be_held_to_the_end() {
        let history = History::read(TEXT).unwrap();
        assert_eq!(history.starts(12, 1).collect::<Vec<_>>(), [36, 48]);
        assert_eq!(history.starts(1, 10).collect::<Vec<_>>(), [36, 37, 38, 39]);
        assert_eq!(history.starts(12, 100).count(), 0);
    }

    #[test]
    fn a_history_of_two_regions_or_of_none_is_refused() {
        let two = format!("{TEXT}2021-03-02T20:00:00Z,eu-west-1a,m5.large,0.04,1\n");
        assert_eq!(History::read(&two).unwrap_err(), "one region at a time, and these are eu-west-1, us-east-1");
        assert!(History::read("timestamp,az,instance_type,spot_price\n").is_err());
    }
}
