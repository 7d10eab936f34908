//! What has no use any more, for people and for scripts.

use jiff::Timestamp;
use serde::Serialize;

use super::tables::grid::{Column, render};
use super::text::{one_line, some_of};
use super::time::short;
use crate::domain::leftovers::{Ending, Kind, Leftover};
use crate::domain::money;

/// A leftover with its price.
#[derive(Clone, Debug)]
pub struct Row {
    /// The thing.
    pub leftover: Leftover,
    /// USD a month, as far as it is known.
    pub usd_per_month: f64,
    /// Whether a part of the price is not known.
    pub unknown: bool,
    /// Whether it is this installation's.
    pub ours: bool,
}

const COLUMNS: [Column; 8] = [
    Column::new("WHAT"),
    Column::new("ID"),
    Column::new("OF"),
    Column::new("REGION"),
    Column::new("AGE").right(),
    Column::new("$/MONTH").right(),
    Column::new("OWNER").below(),
    Column::new("WHY").below(),
];

/// The table of `cloudtop gc`; nothing where there is nothing.
#[must_use]
pub fn table(rows: &[Row], now: Timestamp, width: Option<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| cells(row, now)).collect();
    render(&COLUMNS, &cells, width)
}

fn cells(row: &Row, now: Timestamp) -> Vec<String> {
    let it = &row.leftover;
    let whole = it.kind == Kind::Environment;
    vec![
        it.kind.as_str().to_owned(),
        it.id.clone(),
        if whole { String::new() } else { it.of.env.to_string() },
        it.region.clone(),
        it.made_at.map(|at| short(now.duration_since(at).unsigned_abs())).unwrap_or_default(),
        price(row),
        if row.ours { String::new() } else { it.of.owner.clone() },
        one_line(&why(it)),
    ]
}

/// What it costs: a free thing says so, and a price that is not known is no zero.
fn price(row: &Row) -> String {
    let at_most = if row.leftover.kind == Kind::Snapshot { "at most " } else { "" };
    let amount = money::amount(row.usd_per_month).replace('$', "");
    match (row.unknown, row.usd_per_month > 0.0) {
        (true, true) => format!("over {amount}"),
        (true, false) => "unknown".to_owned(),
        (false, true) => format!("{at_most}{amount}"),
        (false, false) => "free".to_owned(),
    }
}

fn why(it: &Leftover) -> String {
    let parts = if it.kind == Kind::Environment { format!("{}: ", some_of(&it.parts)) } else { String::new() };
    let only = match it.ending {
        Ending::ByName if !it.kind.holds_data() => "; ended only when it is named",
        _ => "",
    };
    format!("{parts}{}{only}", it.why)
}

/// A leftover in one line, for choosing it.
#[must_use]
pub fn line(row: &Row, now: Timestamp) -> String {
    let it = &row.leftover;
    let age =
        it.made_at.map(|at| format!(", {} old", short(now.duration_since(at).unsigned_abs()))).unwrap_or_default();
    let of = if it.kind == Kind::Environment { String::new() } else { format!(" of {}", it.of.env) };
    let price = match price(row).as_str() {
        "free" => "free".to_owned(),
        price => format!("{price} USD a month"),
    };
    format!("{} {}{of} in {}{age}, {price}: {}", it.kind.as_str(), it.id, it.region, one_line(&it.why))
}

/// The answer of `cloudtop gc --json`.
#[derive(Debug, Serialize)]
pub struct Shape<'a> {
    format_version: u32,
    leftovers: Vec<LeftoverShape<'a>>,
    /// What could not be looked at.
    left_out: Vec<LeftOutShape<'a>>,
    price_per_month: f64,
    /// Ids of what this run has ended.
    ended: &'a [String],
}

#[derive(Debug, Serialize)]
struct LeftoverShape<'a> {
    kind: &'static str,
    id: &'a str,
    environment: &'a str,
    owner: &'a str,
    ours: bool,
    region: &'a str,
    made_at: Option<Timestamp>,
    /// Null where it is not known.
    price_per_month: Option<f64>,
    why: &'a str,
    /// Whether `--end` ends it; what is false needs its name.
    ended_with_others: bool,
    parts: &'a [String],
}

#[derive(Debug, Serialize)]
struct LeftOutShape<'a> {
    region: &'a str,
    reason: &'a str,
}

impl<'a> Shape<'a> {
    /// The shape of what was found, with (region, reason) of what could not be looked at.
    #[must_use]
    pub fn new(rows: &'a [Row], left_out: &'a [(String, String)], ended: &'a [String]) -> Self {
        Self {
            format_version: 1,
            leftovers: rows.iter().map(LeftoverShape::from).collect(),
            left_out: left_out.iter().map(|(region, reason)| LeftOutShape { region, reason }).collect(),
            price_per_month: rows.iter().map(|row| row.usd_per_month).sum(),
            ended,
        }
    }
}

impl<'a> From<&'a Row> for LeftoverShape<'a> {
    fn from(row: &'a Row) -> Self {
        let it = &row.leftover;
        Self {
            kind: it.kind.as_str(),
            id: &it.id,
            environment: it.of.env.as_str(),
            owner: &it.of.owner,
            ours: row.ours,
            region: &it.region,
            made_at: it.made_at,
            price_per_month: Some(row.usd_per_month).filter(|_| !row.unknown),
            why: &it.why,
            ended_with_others: it.ending == Ending::WithOthers,
            parts: &it.parts,
        }
    }
}
