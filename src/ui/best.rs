//! Pools in the order in which they would be taken, as a table and as JSON.

use jiff::Timestamp;
use serde::Serialize;

use super::shapes::rounded;
use super::tables::grid::{Column, render};
use crate::domain::advisor::Band;
use crate::domain::money;
use crate::domain::score::{Candidate, Score};

/// The best pools.
#[derive(Clone, Copy, Debug)]
pub struct Best<'a> {
    /// The best first.
    pub pools: &'a [(Candidate<'a>, Score)],
    /// What an interruption costs, minutes.
    pub minutes: u32,
    /// When the prices were asked for.
    pub at: Timestamp,
}

const COLUMNS: [Column; 7] = [
    Column::new("TYPE"),
    Column::new("ZONE"),
    Column::new("VCPUS").right(),
    Column::new("$/HOUR").right(),
    Column::new("INTERRUPTED"),
    Column::new("COST OF IT").right(),
    Column::new("EXPECTED").right(),
];

/// The table of `cloudtop prices --best`.
#[must_use]
pub fn table(best: &Best<'_>, width: Option<usize>) -> String {
    let hourly = |usd: f64| money::hourly(usd).replace('$', "");
    let row = |(pool, score): &(Candidate<'_>, Score)| {
        vec![
            pool.instance_type.to_owned(),
            pool.zone.to_owned(),
            pool.vcpus.to_string(),
            hourly(score.price),
            pool.band.map(Band::as_str).unwrap_or_default().to_owned(),
            hourly(score.interruptions),
            hourly(score.total()),
        ]
    };
    render(&COLUMNS, &best.pools.iter().map(row).collect::<Vec<_>>(), width)
}

#[derive(Serialize)]
struct BestShape<'a> {
    format_version: u32,
    at: Timestamp,
    interruption_minutes: u32,
    /// The best first.
    pools: Vec<PoolShape<'a>>,
}

#[derive(Serialize)]
struct PoolShape<'a> {
    instance_type: &'a str,
    zone: &'a str,
    vcpus: u32,
    price_per_hour: f64,
    interruption_band: Option<&'static str>,
    interruption_cost_per_hour: f64,
    score: f64,
}

/// The JSON of `cloudtop prices --best`.
#[must_use]
pub fn shape(best: &Best<'_>) -> impl Serialize {
    let pools = best.pools.iter().map(|(pool, score)| PoolShape::of(pool, *score)).collect();
    BestShape { format_version: 1, at: best.at, interruption_minutes: best.minutes, pools }
}

impl<'a> PoolShape<'a> {
    fn of(pool: &Candidate<'a>, score: Score) -> Self {
        Self {
            instance_type: pool.instance_type,
            zone: pool.zone,
            vcpus: pool.vcpus,
            price_per_hour: rounded(score.price),
            interruption_band: pool.band.map(Band::as_str),
            interruption_cost_per_hour: rounded(score.interruptions),
            score: rounded(score.total()),
        }
    }
}
