//! Cost Explorer: what instances cost by day, environment and usage type. Volumes and addresses are not on its bill.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::Call;
use crate::simulator::protocol::{Fault, Xml};
use crate::simulator::usage;
use crate::simulator::world::World;

/// How long a day's costs change after its end.
const SETTLES: SignedDuration = SignedDuration::from_hours(24);
/// How many days a page has.
const DAYS: usize = 31;

/// By day; then by the two groups, a tag's `KEY$VALUE` and the usage type: USD.
type Bill = BTreeMap<Date, BTreeMap<(String, String), f64>>;

/// GetCostAndUsage by day, grouped by one tag and the usage type, of what has that tag. While the tag is not activated
/// nothing has it.
pub(super) fn get_cost_and_usage(call: &mut Call<'_>) -> Result<Xml, Fault> {
    if call.region_name() != "us-east-1" {
        return Err(Fault::new("UnrecognizedClientException", "Cost Explorer is served in us-east-1."));
    }
    let (from, to) = period(call)?;
    if call.args.get("Granularity") != Some("DAILY") {
        return Err(Fault::new("ValidationException", "Granularity must be DAILY here."));
    }
    let tag = tag(call)?;
    let bill = if call.world.settings().cost_tags { bill(call.world, &tag, call.now) } else { Bill::new() };
    let from = match call.args.get("NextPageToken") {
        Some(token) => token.parse().map_err(|_| Fault::new("InvalidNextTokenException", "Invalid token."))?,
        None => from,
    };
    let days: Vec<Date> = from.series(jiff::Span::new().days(1)).take_while(|day| *day < to).collect();
    let results: Vec<Value> = days.iter().take(DAYS).map(|day| result(*day, bill.get(day), call.now)).collect();
    let mut answer = json!({ "ResultsByTime": results, "DimensionValueAttributes": [] });
    if let Some(next) = days.get(DAYS) {
        answer["NextPageToken"] = Value::from(next.to_string());
    }
    Ok(Xml::verbatim(answer.to_string()))
}

/// From the first day to the one after the last.
fn period(call: &Call<'_>) -> Result<(Date, Date), Fault> {
    let invalid = |_| Fault::new("ValidationException", "Start time or end time is not valid.");
    let period: Value = serde_json::from_str(call.args.need("TimePeriod")?).unwrap_or_default();
    let day = |name: &str| period[name].as_str().unwrap_or_default().parse::<Date>().map_err(invalid);
    let (from, to) = (day("Start")?, day("End")?);
    if from >= to {
        return Err(Fault::new("ValidationException", "Start date (and hour) should be before end date (and hour)"));
    }
    Ok((from, to))
}

/// The tag that is grouped by, first; the usage type must be the second.
fn tag(call: &Call<'_>) -> Result<String, Fault> {
    let groups: Value = serde_json::from_str(call.args.need("GroupBy")?).unwrap_or_default();
    match (&groups[0], &groups[1]) {
        (tag, usage) if tag["Type"] == "TAG" && usage["Key"] == "USAGE_TYPE" => {
            Ok(tag["Key"].as_str().unwrap_or_default().to_owned())
        }
        _ => Err(Fault::new("ValidationException", "Group by a tag and USAGE_TYPE here.")),
    }
}

fn bill(world: &World, tag: &str, now: Timestamp) -> Bill {
    let mut bill = Bill::new();
    for run in usage::runs(world, now) {
        let Some(value) = run.tags.get(tag) else { continue };
        for hour in run.hours(world) {
            let day = hour.at.to_zoned(TimeZone::UTC).date();
            *bill.entry(day).or_default().entry((format!("{tag}${value}"), run.usage_type())).or_default() += hour.usd;
        }
    }
    bill
}

fn result(day: Date, costs: Option<&BTreeMap<(String, String), f64>>, now: Timestamp) -> Value {
    let groups = costs.into_iter().flatten().map(|((tag, usage), usd)| {
        json!({ "Keys": [tag, usage], "Metrics": { "UnblendedCost": { "Amount": format!("{usd:.10}"), "Unit": "USD" } } })
    });
    let next = day.tomorrow().unwrap_or(day);
    let ends = next.to_zoned(TimeZone::UTC).map_or(Timestamp::MAX, |next| next.timestamp());
    json!({
        "TimePeriod": { "Start": day.to_string(), "End": next.to_string() },
        "Total": {},
        "Groups": groups.collect::<Vec<_>>(),
        "Estimated": ends.checked_add(SETTLES).is_ok_and(|settled| now < settled),
    })
}
