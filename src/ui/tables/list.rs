//! All environments, one line each.

use jiff::Timestamp;

use super::super::report::{EnvironmentReport, distinct};
use super::super::text::counted;
use super::super::time::relative;
use super::grid::{Column, render};
use crate::domain::budget::Standing;
use crate::domain::money;
use crate::domain::phase::Phase;

const COLUMNS: [Column; 13] = [
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
    Column::new("SPENT").right().dropped(6),
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

/// The lines below the table: what all cost now and have cost this month (`spent`, USD, those that are not in the table
/// among them), and how budgets stand.
#[must_use]
pub fn list_sums(reports: &[EnvironmentReport], spent: Option<f64>, budgets: &[Standing]) -> String {
    let hour: f64 = reports.iter().map(EnvironmentReport::price_per_hour).sum();
    let mut sum = format!("in all: {} an hour now", money::hourly(hour));
    if let Some(spent) = spent {
        sum.push_str(&format!("; {} this month", money::spent(spent)));
        let others = spent - reports.iter().filter_map(|report| report.spent_this_month).sum::<f64>();
        // Less than a tenth of a cent is what rounding leaves.
        if others > 0.001 {
            sum.push_str(&format!(", {} of it for environments that are not listed", money::spent(others)));
        }
    }
    let budget = |standing: &Standing| match standing.scope.env() {
        Some(env) => format!("budget of {env}: {}", standing.in_words()),
        None => format!("budget: {}", standing.in_words()),
    };
    [sum].into_iter().chain(budgets.iter().map(budget)).collect::<Vec<_>>().join("\n")
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
        report.spent_this_month.map(|usd| money::amount(usd).replace('$', "")).unwrap_or_default(),
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
