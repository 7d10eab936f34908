//! The Spot Advisor's data for the simulated market, in the form of AWS's own file.
//!
//! Shaped after the file of June 2025: about half of the rows are in the lowest band, larger sizes are interrupted more
//! often, and each region has its own luck with a type. Of Linux alone, and without savings.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::catalog::{self, Region, TypeInfo};
use super::chance::fraction;
use super::{Simulator, SimulatorError};

/// How many rows of a hundred are in one of the bands up to this one, for a small size.
const UP_TO: [f64; 4] = [0.55, 0.75, 0.86, 0.94];
/// How much luckier a type with twice the vCPUs has to be.
const WORSE_EACH_DOUBLING: f64 = 0.05;

impl Simulator {
    /// What AWS's Spot Advisor would publish of this market, and when it was made: at the beginning of the day.
    ///
    /// # Errors
    /// [`SimulatorError::File`] and the like: the world cannot be read.
    pub fn advisor_data(&self) -> Result<(Timestamp, Vec<u8>), SimulatorError> {
        self.transact(|world, now| {
            let day = SignedDuration::from_hours(24).as_secs();
            let midnight = Timestamp::from_second(now.as_second().div_euclid(day) * day).unwrap_or(now);
            (midnight, data(world.settings().seed).into_bytes())
        })
    }
}

fn data(seed: u64) -> String {
    let there = catalog::regions().iter().filter(|region| region.opt_in_status != "not-opted-in");
    let regions: Map<String, Value> =
        there.map(|region| (region.name.clone(), json!({ "Linux": rows(seed, region) }))).collect();
    json!({ "spot_advisor": regions }).to_string()
}

fn rows(seed: u64, region: &Region) -> Map<String, Value> {
    let sold = |it: &&TypeInfo| {
        it.usage_classes.iter().any(|class| class == "spot")
            && region.zones.iter().any(|zone| catalog::offered(&region.name, &zone.name, &it.name))
    };
    let row = |it: &TypeInfo| (it.name.clone(), json!({ "r": band(seed, &region.name, it) }));
    catalog::instance_types().iter().filter(sold).map(row).collect()
}

/// The number of a type's band in a region.
fn band(seed: u64, region: &str, it: &TypeInfo) -> usize {
    let luck = fraction(seed, &["advisor", region, &it.name]);
    let worse = WORSE_EACH_DOUBLING * f64::from(it.vcpus.max(1).ilog2());
    UP_TO.iter().filter(|most| luck > *most - worse).count()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::domain::advisor::{Advisor, Band};

    #[test]
    fn each_type_that_is_sold_as_spot_has_a_band_and_most_have_the_lowest() {
        let advisor = Advisor::parse(data(1).as_bytes()).unwrap();
        let all: Vec<Band> =
            catalog::instance_types().iter().filter_map(|it| advisor.band("us-east-1", &it.name)).collect();
        assert!(all.len() > 300);
        for band in Band::ALL {
            assert!(all.contains(&band), "{band:?}");
        }
        let lowest = all.iter().filter(|band| **band == Band::Under5).count();
        assert!((all.len() / 4..all.len() * 2 / 3).contains(&lowest), "{lowest} of {}", all.len());
        assert_eq!(advisor.band("mx-central-1", "m5.large"), None, "not opted in");
        assert_ne!(data(1), data(2));
        assert_eq!(data(1), data(1));
    }
}
