//! Placement scores: how likely EC2 takes a spot launch to find room, zone by zone.

use std::collections::BTreeMap;

use super::{Cloud, failure};
use crate::domain::failure::Failure;

/// The most types that GetSpotPlacementScores takes (its API reference).
const MOST_TYPES: usize = 1000;

impl Cloud {
    /// How likely it is, from 1 to 10, that a launch of so many instances of any of these types finds room in each zone
    /// of this region. A zone without a score is left out: EC2 scores the ten best places alone.
    ///
    /// The account may ask for few different things in a day (`MaxConfigLimitExceeded`), so it is never asked by the way.
    ///
    /// # Errors
    /// The failure of one of the two calls.
    pub async fn placement_scores(&self, types: &[String], instances: u32) -> Result<BTreeMap<String, u8>, Failure> {
        let capacity = i32::try_from(instances).unwrap_or(i32::MAX);
        let types = types.iter().take(MOST_TYPES).cloned().collect();
        let call = self.ec2.get_spot_placement_scores().set_instance_types(Some(types)).target_capacity(capacity);
        let call = call.single_availability_zone(true).region_names(&self.region);
        let answer = call.send().await.map_err(|error| failure::of("GetSpotPlacementScores", &error))?;
        let names = self.zone_names().await?;
        let scored = answer.spot_placement_scores().iter().filter_map(|it| {
            let name = names.get(it.availability_zone_id()?)?;
            Some((name.clone(), u8::try_from(it.score()?).ok()?))
        });
        Ok(scored.collect())
    }

    /// The account's own names of this region's zones, by the ids that are the same for everybody.
    async fn zone_names(&self) -> Result<BTreeMap<String, String>, Failure> {
        let answer = self.ec2.describe_availability_zones().send().await;
        let answer = answer.map_err(|error| failure::of("DescribeAvailabilityZones", &error))?;
        let zones = answer.availability_zones().iter();
        Ok(zones.filter_map(|zone| Some((zone.zone_id()?.to_owned(), zone.zone_name()?.to_owned()))).collect())
    }
}
