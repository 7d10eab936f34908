//! Where an environment could move: as a table, as lines to choose from and as JSON.

use serde::Serialize;

use super::shapes::rounded;
use super::tables::grid::{Column, render};
use super::time;
use crate::domain::advisor::Band;
use crate::domain::money;
use crate::domain::move_time::MoveTime;
use crate::domain::score::Score;

/// A pool to move to.
#[derive(Clone, Debug)]
pub struct Offer {
    /// The instance type.
    pub instance_type: String,
    /// The availability zone.
    pub zone: String,
    /// How many nodes move.
    pub nodes: u32,
    /// USD per node and hour.
    pub price_per_hour: f64,
    /// Against on-demand, as a part of one, where that is known.
    pub saving: Option<f64>,
    /// How often the type is interrupted, where that is known.
    pub band: Option<Band>,
    /// What a node is expected to cost there, its interruptions with it.
    pub score: Score,
    /// Whether it is on demand.
    pub on_demand: bool,
    /// How long the move would take.
    pub time: MoveTime,
}

const COLUMNS: [Column; 7] = [
    Column::new("TYPE"),
    Column::new("ZONE"),
    Column::new("$/HOUR").right(),
    Column::new("SAVING").right(),
    Column::new("INTERRUPTED"),
    Column::new("EXPECTED").right(),
    Column::new("TIME").right(),
];

/// The table of `cloudtop move --dry-run`, the best first.
#[must_use]
pub fn table(offers: &[Offer], width: Option<usize>) -> String {
    if offers.is_empty() {
        return "there is nowhere to move".to_owned();
    }
    let hourly = |usd: f64| money::hourly(usd).replace('$', "");
    let row = |offer: &Offer| {
        vec![
            offer.instance_type.clone(),
            offer.zone.clone(),
            hourly(offer.price_per_hour),
            offer.saving.map(per_cent).unwrap_or_default(),
            offer.band.map(Band::as_str).unwrap_or_default().to_owned(),
            hourly(offer.score.total()),
            time::short(offer.time.total()),
        ]
    };
    render(&COLUMNS, &offers.iter().map(row).collect::<Vec<_>>(), width)
}

/// One of them, to choose from.
#[must_use]
pub fn line(offer: &Offer) -> String {
    let mut words =
        format!("{} in {}: {} an hour", offer.instance_type, offer.zone, money::hourly(offer.price_per_hour));
    if offer.on_demand {
        words.push_str(", ON-DEMAND");
    }
    if let Some(saving) = offer.saving {
        words.push_str(&format!(", saves {}", per_cent(saving)));
    }
    if let Some(band) = offer.band {
        words.push_str(&format!(", interrupted {}", band.as_str()));
    }
    format!("{words}, about {}", time::short(offer.time.total()))
}

fn per_cent(part: f64) -> String {
    format!("{:.0}%", part * 100.0)
}

#[derive(Serialize)]
struct MoveShape<'a> {
    format_version: u32,
    name: &'a str,
    from: &'a str,
    price_per_hour: Option<f64>,
    /// The best first, by `score`.
    offers: Vec<OfferShape<'a>>,
}

#[derive(Serialize)]
struct OfferShape<'a> {
    instance_type: &'a str,
    zone: &'a str,
    /// `spot` or `on-demand`.
    market: &'static str,
    /// Of one node.
    price_per_hour: f64,
    saving: Option<f64>,
    interruption_band: Option<&'static str>,
    score: f64,
    estimated_seconds: u64,
}

/// The JSON of `cloudtop move --dry-run`.
#[must_use]
pub fn shape<'a>(name: &'a str, from: &'a str, price: Option<f64>, offers: &'a [Offer]) -> impl Serialize + use<'a> {
    let offer = |it: &'a Offer| OfferShape {
        instance_type: &it.instance_type,
        zone: &it.zone,
        market: if it.on_demand { "on-demand" } else { "spot" },
        price_per_hour: rounded(it.price_per_hour),
        saving: it.saving.map(rounded),
        interruption_band: it.band.map(Band::as_str),
        score: rounded(it.score.total()),
        estimated_seconds: it.time.total().as_secs(),
    };
    let offers = offers.iter().map(offer).collect();
    MoveShape { format_version: 1, name, from, price_per_hour: price.map(rounded), offers }
}
