//! All environments, one line each.

use jiff::Timestamp;

use super::super::report::{EnvironmentReport, distinct};
use super::super::text::counted;
use super::super::time::relative;
use super::grid::{Column, render};
use crate::domain::money;
use crate::domain::phase::Phase;

const COLUMNS: [Column; 12] = [
    Column::new("NAME"),
    Column::new("KIND").dropped(2),
    // The zone's name begins with the region's.
    Column::new("REGION").dropped(1),
    Column::new("ZONE"),
    Column::new("NODES").right(),
    Column::new("PHASE"),
    Column::new("TYPE").dropped(4),
    // Nothing where all is spot.
    Column::new("MARKET"),
    Column::new("$/HOUR").right(),
    Column::new("$/MONTH").right().dropped(5),
    Column::new("VOL GiB").right().dropped(3),
    Column::new("EXPIRES"),
];

/// The table of `cloudtop list`; nothing where there is no environment.
#[must_use]
pub fn list(reports: &[EnvironmentReport], now: Timestamp, width: Option<usize>) -> String {
    if reports.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = reports.iter().map(|report| row(report, now)).collect();
    render(&COLUMNS, &rows, width)
}

fn row(report: &EnvironmentReport, now: Timestamp) -> Vec<String> {
    let ready = report.nodes.iter().filter(|node| node.view.phase == Phase::Ready).count();
    let gib: u64 = report.volumes.iter().map(|volume| u64::from(volume.size_gib)).sum();
    let types = distinct(report.nodes.iter().filter_map(|node| node.view.instance_type.as_deref()));
    vec![
        report.name.clone(),
        report.kind.as_str().to_owned(),
        report.region.clone(),
        one_or_many(&report.zones(), "zone"),
        format!("{ready}/{}", report.nodes.len()),
        report.phase().as_str().to_owned(),
        one_or_many(&types, "type"),
        if report.nodes.iter().any(|node| node.view.on_demand) { "ON-DEMAND".to_owned() } else { String::new() },
        money::hourly(report.price_per_hour()).replace('$', ""),
        money::amount(report.price_per_month()).replace('$', ""),
        if gib == 0 { String::new() } else { gib.to_string() },
        report.expires_at.map(|then| relative(then, now)).unwrap_or_default(),
    ]
}

fn one_or_many(words: &[&str], noun: &str) -> String {
    match words {
        [] => String::new(),
        [one] => (*one).to_owned(),
        many => counted(many.len(), noun),
    }
}
