//! A trace of where a spot launch would have succeeded, and how often and for how long a zone is lost.

use std::collections::BTreeMap;

use super::rows;

/// What was seen of a zone at a tick.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Seen {
    /// Whether a launch would have succeeded; a node that runs is taken to run on for as long as one would.
    pub available: bool,
    /// USD per hour.
    pub price: f64,
}

/// A time at which all zones were looked at.
#[derive(Clone, Debug)]
pub struct Tick {
    /// Seconds since 1970.
    pub at: i64,
    /// Seconds to the next.
    pub lasts: i64,
    /// By zone.
    pub seen: Vec<Seen>,
}

/// One type's trace.
#[derive(Clone, Debug)]
pub struct Trace {
    pub zones: Vec<String>,
    pub ticks: Vec<Tick>,
}

type Rows = BTreeMap<i64, Vec<(String, Seen)>>;

/// Reads `timestamp,az,available,spot_price[,instance_type]`, one trace a type.
pub fn read(text: &str) -> Result<BTreeMap<String, Trace>, String> {
    let mut types: BTreeMap<String, Rows> = BTreeMap::new();
    rows::each(
        text,
        ["timestamp", "az", "available", "spot_price", "instance_type?"],
        |[at, zone, available, price, name]| {
            let available = match available {
                "1" => true,
                "0" => false,
                _ => return Err(format!("\"{available}\" is neither 0 nor 1")),
            };
            let seen = Seen { available, price: rows::number(price)? };
            let of_type = types.entry(name.to_owned()).or_default();
            of_type.entry(rows::seconds(at)?).or_default().push((zone.to_owned(), seen));
            Ok(())
        },
    )?;
    Ok(types.into_iter().map(|(name, rows)| (name, Trace::of(rows))).collect())
}

impl Trace {
    /// What was seen of a zone holds until it is looked at again. The last tick is left out, for nothing says how long it
    /// lasts; so are those before each zone has been looked at once.
    fn of(rows: Rows) -> Self {
        let mut zones: Vec<String> = rows.values().flatten().map(|(zone, _)| zone.clone()).collect();
        zones.sort();
        zones.dedup();
        let ends = rows.keys().skip(1).copied().collect::<Vec<_>>();
        let mut now: Vec<Option<Seen>> = vec![None; zones.len()];
        let mut ticks = Vec::new();
        for ((at, seen), end) in rows.into_iter().zip(ends) {
            for (zone, seen) in seen {
                let place = zones.binary_search(&zone).unwrap_or_default();
                now[place] = Some(seen);
            }
            if let Some(seen) = now.iter().copied().collect() {
                ticks.push(Tick { at, lasts: end - at, seen });
            }
        }
        Self { zones, ticks }
    }

    /// Seconds in all.
    pub fn seconds(&self) -> i64 {
        self.ticks.iter().map(|tick| tick.lasts).sum()
    }

    /// The same of these zones only.
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let places: Vec<usize> = (0..self.zones.len()).filter(|place| wanted(&self.zones[*place])).collect();
        let ticks =
            self.ticks.iter().map(|tick| Tick { seen: places.iter().map(|it| tick.seen[*it]).collect(), ..*tick });
        Self { zones: places.iter().map(|it| self.zones[*it].clone()).collect(), ticks: ticks.collect() }
    }

    /// For each time that a zone was lost: seconds until a launch works again. One that does not come back within the
    /// trace counts for as long as it was seen to be away, which is less than it was.
    pub fn absences(&self, zone: usize) -> Vec<i64> {
        let mut all = Vec::new();
        let mut lost: Option<i64> = None;
        let mut was_up = false;
        for tick in &self.ticks {
            let up = tick.seen[zone].available;
            match lost {
                Some(seconds) if up => {
                    all.push(seconds);
                    lost = None;
                }
                Some(seconds) => lost = Some(seconds + tick.lasts),
                None if was_up && !up => lost = Some(tick.lasts),
                None => {}
            }
            was_up = up;
        }
        all.extend(lost);
        all
    }
}
