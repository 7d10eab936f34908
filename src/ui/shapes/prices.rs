//! The shape of `cloudtop prices --json`.

use jiff::Timestamp;
use serde::Serialize;

use super::FORMAT_VERSION;
use crate::domain::advisor::Band;
use crate::domain::quote::Quote;

/// Spot prices.
#[derive(Debug, Serialize)]
pub struct PricesShape<'a> {
    format_version: u32,
    /// When EC2 was asked.
    at: Timestamp,
    /// Over how many days minimum, median, maximum and points are.
    days: u32,
    /// When the data on interruptions were made.
    advisor_at: Option<Timestamp>,
    pools: Vec<PriceShape<'a>>,
}

#[derive(Debug, Serialize)]
struct PriceShape<'a> {
    region: &'a str,
    zone: &'a str,
    instance_type: &'a str,
    vcpus: u32,
    memory_mib: u64,
    local_disks: u32,
    local_disk_gb: u64,
    gpus: u32,
    price_per_hour: f64,
    on_demand_per_hour: Option<f64>,
    /// The part of the on-demand price that is saved: 0.7 is 70 %.
    saving: Option<f64>,
    min: f64,
    median: f64,
    max: f64,
    /// Mean prices of equal parts of the days, oldest first.
    points: Vec<f64>,
    /// How many of the type's instances were interrupted in a month, as the Spot Advisor says it.
    band: Option<&'static str>,
    /// How likely a launch of any of the types finds room in the zone, 1 to 10; `null` where nobody asked.
    score: Option<u8>,
}

impl<'a> PricesShape<'a> {
    /// The shape of these quotes.
    #[must_use]
    pub fn new(quotes: &'a [Quote], days: u32, at: Timestamp, advisor_at: Option<Timestamp>) -> Self {
        let pool = |it: &'a Quote| PriceShape {
            region: &it.region,
            zone: &it.zone,
            instance_type: &it.instance_type,
            vcpus: it.vcpus,
            memory_mib: it.memory_mib,
            local_disks: it.local_disks,
            local_disk_gb: it.local_disk_gb,
            gpus: it.gpus,
            price_per_hour: it.now,
            on_demand_per_hour: it.on_demand,
            saving: it.saving(),
            min: it.min,
            median: it.median,
            max: it.max,
            points: it.points.usd(),
            band: it.band.map(Band::as_str),
            score: it.score,
        };
        Self { format_version: FORMAT_VERSION, at, days, advisor_at, pools: quotes.iter().map(pool).collect() }
    }
}
