//! Regions and availability zones.

use super::Call;
use crate::simulator::catalog::{find_region, regions};
use crate::simulator::objects::Tags;
use crate::simulator::protocol::{Fault, Xml};

/// DescribeRegions: those that the account can use, or with AllRegions all.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let filters = call.args.filters(&["endpoint", "opt-in-status", "region-name"])?;
    let all = call.args.flag("AllRegions")?;
    let names = call.args.list("RegionName");
    if let Some(unknown) = names.iter().find(|name| find_region(name).is_none()) {
        let message = format!("Invalid region provided: {unknown}");
        return Err(Fault::value(message));
    }
    let no_tags = Tags::new();
    let shown = regions().iter().filter(|region| {
        (if names.is_empty() {
            all || region.opt_in_status != "not-opted-in"
        } else {
            names.contains(&region.name.as_str())
        }) && filters.accept(&no_tags, |name, is| match name {
            "endpoint" => is(&region.endpoint),
            "opt-in-status" => is(&region.opt_in_status),
            _ => is(&region.name),
        })
    });
    let mut xml = Xml::new();
    xml.list("regionInfo", shown, |xml, region| {
        xml.text("regionName", &region.name);
        xml.text("regionEndpoint", &region.endpoint);
        xml.text("optInStatus", &region.opt_in_status);
    });
    Ok(xml)
}

/// DescribeAvailabilityZones of the region asked in.
pub(super) fn describe_zones(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let known = [
        "group-name",
        "message",
        "opt-in-status",
        "parent-zone-id",
        "parent-zone-name",
        "region-name",
        "state",
        "zone-id",
        "zone-name",
        "zone-type",
    ];
    let filters = call.args.filters(&known)?;
    let (names, ids) = (call.args.list("ZoneName"), call.args.list("ZoneId"));
    if let Some(unknown) = names.iter().find(|name| !call.has_zone(name)) {
        return Err(Fault::value(format!("Invalid availability zone: [{unknown}]")));
    }
    let region = call.region;
    let no_tags = Tags::new();
    let shown = region.zones.iter().filter(|zone| {
        (names.is_empty() || names.contains(&zone.name.as_str()))
            && (ids.is_empty() || ids.contains(&zone.id.as_str()))
            && filters.accept(&no_tags, |name, is| match name {
                "group-name" => is(&format!("{}-zg-1", region.name)),
                "opt-in-status" => is("opt-in-not-required"),
                "region-name" => is(&region.name),
                "state" => is("available"),
                "zone-id" => is(&zone.id),
                "zone-name" => is(&zone.name),
                "zone-type" => is("availability-zone"),
                _ => false,
            })
    });
    let mut xml = Xml::new();
    xml.list("availabilityZoneInfo", shown, |xml, zone| {
        xml.text("optInStatus", "opt-in-not-required");
        xml.empty("messageSet");
        xml.text("regionName", &region.name);
        xml.text("zoneName", &zone.name);
        xml.text("zoneId", &zone.id);
        xml.text("groupName", &format!("{}-zg-1", region.name));
        xml.text("networkBorderGroup", &region.name);
        xml.text("zoneType", "availability-zone");
        xml.text("zoneState", "available");
    });
    Ok(xml)
}
