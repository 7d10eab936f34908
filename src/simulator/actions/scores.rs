//! GetSpotPlacementScores.

use super::Call;
use crate::simulator::catalog::{Region, Zone, find_region, find_type, offered};
use crate::simulator::chance::fraction;
use crate::simulator::pools;
use crate::simulator::protocol::{Fault, Xml};

/// The scores that are shown: of the best places alone.
const SHOWN: usize = 10;
/// With fewer types than this all scores are low.
const FEW: usize = 3;

/// A score for each zone, or each region, that was asked about.
pub(super) fn get(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let capacity = call.args.number::<u32>("TargetCapacity")?.ok_or_else(|| Fault::missing("TargetCapacity"))?;
    if !(1..=2_000_000_000).contains(&capacity) {
        return Err(Fault::value("The target capacity must be between 1 and 2000000000."));
    }
    let types = call.args.list("InstanceType");
    if types.is_empty() {
        return Err(Fault::missing("InstanceTypes"));
    }
    if let Some(unknown) = types.iter().find(|name| find_type(name).is_none()) {
        return Err(Fault::value(format!("The instance type '{unknown}' is invalid.")));
    }
    let names = call.args.list("RegionName");
    let named = |name: &&str| find_region(name).ok_or_else(|| Fault::value(format!("The region '{name}' is invalid.")));
    let regions =
        if names.is_empty() { vec![call.region] } else { names.iter().map(named).collect::<Result<_, _>>()? };
    let by_zone = call.args.flag("SingleAvailabilityZone")?;
    let mut rows: Vec<(&Region, Option<&Zone>, u32)> = Vec::new();
    for region in regions {
        let scored = region.zones.iter().filter_map(|zone| Some((zone, score(call, region, zone, &types)?)));
        if by_zone {
            rows.extend(scored.map(|(zone, score)| (region, Some(zone), score)));
        } else {
            rows.extend(scored.map(|(_, score)| score).max().map(|best| (region, None, best)));
        }
    }
    rows.sort_by_key(|(.., score)| std::cmp::Reverse(*score));
    let mut xml = Xml::new();
    xml.list("spotPlacementScoreSet", rows.iter().take(SHOWN), |xml, (region, zone, score)| {
        xml.text("region", &region.name);
        xml.some("availabilityZoneId", zone.map(|zone| zone.id.as_str()));
        xml.show("score", score);
    });
    Ok(xml)
}

/// From 1 to 10; none where a zone has none of the types. Luck, and 1 where nothing is to be had.
fn score(call: &Call<'_>, region: &Region, zone: &Zone, types: &[&str]) -> Option<u32> {
    let there: Vec<&&str> = types.iter().filter(|name| offered(&region.name, &zone.name, name)).collect();
    if there.is_empty() {
        return None;
    }
    if there.iter().all(|name| pools::room(call.world, &region.name, &zone.name, name, true) == 0) {
        return Some(1);
    }
    let most = if types.len() < FEW { 3.0 } else { 9.0 };
    let luck = fraction(call.world.seed(), &["placement", &region.name, &zone.id, there[0]]);
    // A fraction of at most 9 is no more than 9.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 9")]
    Some(1 + (luck * most).round() as u32)
}
