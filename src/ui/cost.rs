//! What was spent, for people and for scripts.

use jiff::Timestamp;
use serde::Serialize;

use super::tables::grid::{Column, render};
use super::text::one_line;
use crate::domain::bill::{Bill, By, Group, Usd};
use crate::domain::money;
use crate::domain::names::EnvName;

/// What is shown.
#[derive(Clone, Debug)]
pub struct Shown<'a> {
    /// The one environment that it is about.
    pub name: Option<&'a EnvName>,
    /// By what it is put together.
    pub by: By,
    /// Since when; `None`: since the journals began.
    pub since: Option<Timestamp>,
    /// When it was found out.
    pub now: Timestamp,
    /// The bill.
    pub bill: &'a Bill,
}

impl Shown<'_> {
    fn groups(&self) -> Vec<Group> {
        self.bill.groups(&self.by)
    }

    /// The word for what groups have in common.
    fn title(&self) -> &'static str {
        match self.by {
            By::Environment => "NAME",
            By::Day => "DAY",
            By::Kind => "KIND",
            By::Node => "NODE",
            By::Tag(_) => "TAG",
        }
    }
}

/// The answer of `cloudtop cost`.
#[must_use]
pub fn text(shown: &Shown<'_>, width: Option<usize>) -> String {
    let groups = shown.groups();
    let mut lines = Vec::new();
    if !groups.is_empty() {
        lines.push(table(shown, &groups, width));
        lines.push(String::new());
    }
    lines.extend(summary(shown));
    lines.join("\n")
}

fn table(shown: &Shown<'_>, groups: &[Group], width: Option<usize>) -> String {
    // By kind a row has one kind of money alone: columns for each would say it twice.
    let by_kind = shown.by == By::Kind;
    let columns = [
        Column::new(shown.title()),
        Column::new("HOURS").right().dropped(5),
        Column::new("INSTANCES").right().dropped(4),
        Column::new("DISKS").right().dropped(3),
        Column::new("SNAPSHOTS").right().dropped(1),
        Column::new("ADDRESSES").right().dropped(2),
        Column::new("TOTAL").right(),
        Column::new("SAVED").right().dropped(6),
    ];
    let amount = |usd: Usd| if usd == Usd::ZERO || by_kind { String::new() } else { told(usd) };
    let row = |group: &Group| {
        vec![
            if group.key.is_empty() { "(none)".to_owned() } else { one_line(&group.key) },
            if group.instance_seconds == 0 { String::new() } else { hours(group.instance_seconds) },
            amount(group.instances),
            amount(group.disks),
            amount(group.snapshots),
            amount(group.addresses),
            told(group.total),
            group.saved.map(told).unwrap_or_default(),
        ]
    };
    let rows: Vec<Vec<String>> = groups.iter().map(row).collect();
    render(&columns, &rows, width)
}

/// An amount; one below half a cent is not shown as nothing.
fn told(usd: Usd) -> String {
    if usd > Usd::ZERO && usd.cents() == 0 { "<$0.01".to_owned() } else { usd.to_string() }
}

fn hours(seconds: i64) -> String {
    let tenths = (seconds + 180).div_euclid(360);
    format!("{}.{}", tenths / 10, tenths % 10)
}

fn summary(shown: &Shown<'_>) -> Vec<String> {
    let bill = shown.bill;
    let since = shown.since.map_or("in all".to_owned(), |since| format!("since {}", since.strftime("%F %R UTC")));
    let whose = shown.name.map(|name| format!(" for {name}")).unwrap_or_default();
    let mut lines = vec![format!("spent {since}{whose}: {}", told(bill.spent))];
    if let Some(saved) = bill.saved {
        lines.push(format!("saved against on-demand, for the same hours: {}{}", told(saved), part(bill)));
    }
    lines.push(format!("now: {} an hour", money::hourly(bill.per_hour.as_f64())));
    lines.push(format!(
        "this month: {} so far, {} by its end if all stays as it is now",
        told(bill.month_so_far),
        told(bill.month_projected)
    ));
    lines
}

/// The part of the on-demand price that was saved.
fn part(bill: &Bill) -> String {
    let full: f64 = bill.lines.iter().filter_map(|line| line.on_demand).sum::<Usd>().as_f64();
    match bill.saved {
        Some(saved) if full > 0.0 => format!(" ({:.0}%)", saved.as_f64() / full * 100.0),
        _ => String::new(),
    }
}

/// The groups as comma-separated values, in USD. Only keys may hold commas and quotes; they are quoted.
#[must_use]
pub fn csv(shown: &Shown<'_>) -> String {
    let head =
        format!("{},instance_hours,instances,disks,snapshots,addresses,total,saved", shown.title().to_lowercase());
    let line = |group: &Group| {
        let usd = |usd: Usd| format!("{:.6}", usd.as_f64());
        format!(
            "{},{:.4},{},{},{},{},{},{}",
            quoted(&group.key),
            group_hours(group),
            usd(group.instances),
            usd(group.disks),
            usd(group.snapshots),
            usd(group.addresses),
            usd(group.total),
            group.saved.map(usd).unwrap_or_default()
        )
    };
    let lines: Vec<String> = std::iter::once(head).chain(shown.groups().iter().map(line)).collect();
    lines.join("\n")
}

fn quoted(text: &str) -> String {
    let text = one_line(text);
    if text.contains([',', '"']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

fn group_hours(group: &Group) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "seconds of some years")]
    let seconds = group.instance_seconds as f64;
    seconds / 3600.0
}

/// The JSON that scripts rely on: fields are added, never renamed. Money in USD.
#[derive(Debug, Serialize)]
pub struct Shape {
    format_version: u32,
    name: Option<String>,
    /// Null: since the journals began.
    since: Option<Timestamp>,
    until: Timestamp,
    spent: f64,
    /// What the same hours would have cost more on demand; null where that is not known.
    saved: Option<f64>,
    instance_hours: f64,
    price_per_hour: f64,
    month_so_far: f64,
    /// What was spent this month, and `price_per_hour` for the rest of it.
    month_projected: f64,
    /// `env`, `day`, `kind`, `node` or `tag=KEY`.
    by: String,
    groups: Vec<GroupShape>,
    /// What is estimated more roughly than the rest.
    notes: Vec<String>,
}

#[derive(Debug, Serialize)]
struct GroupShape {
    /// Null: they lack the tag.
    key: Option<String>,
    instance_hours: f64,
    instances: f64,
    disks: f64,
    snapshots: f64,
    addresses: f64,
    total: f64,
    saved: Option<f64>,
}

impl Shape {
    /// The shape of a bill.
    #[must_use]
    pub fn new(shown: &Shown<'_>) -> Self {
        let bill = shown.bill;
        Self {
            format_version: 1,
            name: shown.name.map(ToString::to_string),
            since: shown.since,
            until: shown.now,
            spent: bill.spent.as_f64(),
            saved: bill.saved.map(Usd::as_f64),
            instance_hours: bill.instance_hours(),
            price_per_hour: bill.per_hour.as_f64(),
            month_so_far: bill.month_so_far.as_f64(),
            month_projected: bill.month_projected.as_f64(),
            by: match &shown.by {
                By::Environment => "env".to_owned(),
                By::Tag(key) => format!("tag={key}"),
                _ => shown.title().to_lowercase(),
            },
            groups: shown.groups().iter().map(GroupShape::from).collect(),
            notes: bill.caveats.in_words(),
        }
    }
}

impl From<&Group> for GroupShape {
    fn from(group: &Group) -> Self {
        Self {
            key: Some(group.key.clone()).filter(|key| !key.is_empty()),
            instance_hours: group_hours(group),
            instances: group.instances.as_f64(),
            disks: group.disks.as_f64(),
            snapshots: group.snapshots.as_f64(),
            addresses: group.addresses.as_f64(),
            total: group.total.as_f64(),
            saved: group.saved.map(Usd::as_f64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_told_to_the_tenth() {
        assert_eq!([hours(60), hours(360), hours(3600), hours(5_400)], ["0.0", "0.1", "1.0", "1.5"]);
    }

    #[test]
    fn what_is_less_than_a_cent_is_not_shown_as_nothing() {
        assert_eq!([0.0, 0.004, 0.005, 1.0].map(|usd| told(Usd::of(usd))), ["$0.00", "<$0.01", "$0.01", "$1.00"]);
    }

    #[test]
    fn a_tag_with_a_comma_stays_one_value() {
        assert_eq!(quoted("a,\"b\""), "\"a,\"\"b\"\"\"");
        assert_eq!(quoted("web"), "web");
    }

    #[test]
    fn nothing_spent_is_told_in_words() {
        let (bill, now) = (Bill::default(), Timestamp::UNIX_EPOCH);
        let shown = Shown { name: None, by: By::Environment, since: None, now, bill: &bill };
        let expected = "spent in all: $0.00\nnow: $0.0000 an hour\n\
                        this month: $0.00 so far, $0.00 by its end if all stays as it is now";
        assert_eq!(text(&shown, None), expected);
    }
}
