//! Spot price history.

use jiff::{SignedDuration, Timestamp};

use super::Call;
use crate::simulator::catalog::{TypeInfo, instance_types, offered};
use crate::simulator::objects::Tags;
use crate::simulator::pools;
use crate::simulator::protocol::page::{Page, token};
use crate::simulator::protocol::{Fault, Xml};

const LINUX: &str = "Linux/UNIX";
const WINDOWS: &str = "Windows";
/// What a Windows licence adds per vCPU and hour, in USD: the difference of EC2's published prices.
const WINDOWS_LICENCE_USD: f64 = 0.046;
/// How far back prices are known.
const DEPTH: SignedDuration = SignedDuration::from_hours(90 * 24);

struct Row<'a> {
    at: Timestamp,
    instance_type: &'a str,
    zone: &'a str,
    product: &'static str,
    price: f64,
}

/// DescribeSpotPriceHistory, newest first. Only changes are listed, and the last one before StartTime.
pub(super) fn describe(call: &mut Call<'_>) -> Result<Xml, Fault> {
    let known = ["availability-zone", "instance-type", "product-description", "spot-price", "timestamp"];
    let filters = call.args.filters(&known)?;
    let page = Page::read(&call.args, 1..=1000)?;
    let (start, end, from) = span(call, &page)?;
    let types = call.args.list("InstanceType");
    let products: Vec<&str> = call.args.list("ProductDescription");
    let zone = call.args.get("AvailabilityZone");
    if let Some(unknown) = zone.filter(|zone| !call.has_zone(zone)) {
        return Err(Fault::value(format!("Invalid availability zone: [{unknown}]")));
    }
    let region = call.region;
    let no_tags = Tags::new();
    let mut rows = Vec::new();
    for it in instance_types().iter().filter(|it| types.is_empty() || types.contains(&it.name.as_str())) {
        for place in region.zones.iter().filter(|place| zone.is_none_or(|zone| zone == place.name)) {
            let pool = filters.accept(&no_tags, |name, is| match name {
                "availability-zone" => is(&place.name),
                "instance-type" => is(&it.name),
                _ => true,
            });
            if !pool || !offered(&region.name, &place.name, &it.name) {
                continue;
            }
            for (at, price) in pools::history(call.world, &region.name, &place.name, &it.name, (start, end)) {
                let both = [(LINUX, price), (WINDOWS, price + WINDOWS_LICENCE_USD * f64::from(it.vcpus))];
                let sold = both.into_iter().filter(|(product, _)| *product == LINUX || runs_windows(it));
                rows.extend(sold.filter(|(product, _)| asked_for(&products, product)).map(|(product, price)| Row {
                    at,
                    instance_type: &it.name,
                    zone: &place.name,
                    product,
                    price,
                }));
            }
        }
    }
    rows.retain(|row| {
        filters.accept(&no_tags, |name, is| match name {
            "product-description" => is(row.product),
            "spot-price" => is(&format!("{:.6}", row.price)),
            "timestamp" => is(&row.at.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string()),
            _ => true,
        })
    });
    rows.sort_by(|a, b| {
        b.at.cmp(&a.at).then_with(|| (a.instance_type, a.zone, a.product).cmp(&(b.instance_type, b.zone, b.product)))
    });
    let (shown, next) = page.slice(&rows, from);
    let mut xml = Xml::new();
    xml.list("spotPriceHistorySet", shown, |xml, row| {
        xml.text("instanceType", row.instance_type);
        xml.text("productDescription", row.product);
        xml.text("spotPrice", &format!("{:.6}", row.price));
        xml.time("timestamp", row.at);
        xml.text("availabilityZone", row.zone);
    });
    // An empty token ends the pages here, as EC2 sends it.
    xml.text(
        "nextToken",
        &next
            .map(|next| token(&format!("{next}/{}/{}", start.as_millisecond(), end.as_millisecond())))
            .unwrap_or_default(),
    );
    Ok(xml)
}

/// The span asked for and the row to go on from. The token carries the span, so that "now" stays what it was on the first page.
fn span(call: &Call<'_>, page: &Page) -> Result<(Timestamp, Timestamp, usize), Fault> {
    if let Some(after) = page.after() {
        let parts: Vec<i64> = after.split('/').filter_map(|part| part.parse().ok()).collect();
        let invalid = || Fault::new("InvalidNextToken", "The specified NextToken is not valid.");
        let [from, start, end] = parts.as_slice() else { return Err(invalid()) };
        let instant = |millisecond: i64| Timestamp::from_millisecond(millisecond).map_err(|_| invalid());
        return Ok((instant(*start)?, instant(*end)?, usize::try_from(*from).map_err(|_| invalid())?));
    }
    let oldest = call.now.checked_sub(DEPTH).unwrap_or(Timestamp::MIN);
    let end = call.args.time("EndTime")?.unwrap_or(call.now).min(call.now);
    let start = call.args.time("StartTime")?.unwrap_or(oldest).max(oldest).min(call.now);
    if end < start {
        return Err(Fault::combination("The endTime must not be before the startTime."));
    }
    Ok((start, end, 0))
}

fn runs_windows(it: &TypeInfo) -> bool {
    it.architectures.iter().any(|architecture| architecture == "x86_64")
}

/// EC2 takes the name with the VPC too and answers with the one without.
fn asked_for(products: &[&str], product: &str) -> bool {
    products.is_empty() || products.iter().any(|asked| asked.strip_suffix(" (Amazon VPC)").unwrap_or(asked) == product)
}
