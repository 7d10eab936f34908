//! Spot prices, a pool a line.

use jiff::Timestamp;

use super::grid::{Column, render};
use crate::domain::advisor::Band;
use crate::domain::money;
use crate::domain::price_history::coarser;
use crate::domain::quote::Quote;

/// How many letters a trend has.
const TREND: usize = 12;
/// From the lowest to the highest.
const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/// Below this part of itself a price is not said to have moved: the picture of a flat line would be one of mountains.
const STILL: f64 = 0.01;

const COLUMNS: [Column; 15] = [
    Column::new("TYPE"),
    Column::new("VCPU").right().dropped(5),
    Column::new("GiB").right().dropped(5),
    Column::new("DISKS GB").right().dropped(3),
    Column::new("GPUS").right().dropped(5),
    Column::new("ZONE"),
    Column::new("$/HOUR").right(),
    Column::new("SAVING").right().dropped(8),
    Column::new("$/MONTH").right().dropped(6),
    Column::new("TREND").dropped(7),
    Column::new("MIN").right().dropped(1),
    Column::new("MEDIAN").right().dropped(4),
    Column::new("MAX").right().dropped(2),
    Column::new("INTERRUPTED").right().dropped(7),
    Column::new("SCORE").right().dropped(9),
];

/// The table of `cloudtop prices`; nothing where there is no pool.
#[must_use]
pub fn prices(quotes: &[Quote], width: Option<usize>) -> String {
    if quotes.is_empty() {
        return String::new();
    }
    let rows: Vec<Vec<String>> = quotes.iter().map(row).collect();
    render(&COLUMNS, &rows, width)
}

fn row(quote: &Quote) -> Vec<String> {
    let usd = |price: f64| money::hourly(price).replace('$', "");
    vec![
        quote.instance_type.clone(),
        quote.vcpus.to_string(),
        gib(quote.memory_mib),
        disks(quote),
        if quote.gpus > 0 { quote.gpus.to_string() } else { String::new() },
        quote.zone.clone(),
        usd(quote.now),
        quote.saving().map(|part| format!("{:.0}%", part * 100.0)).unwrap_or_default(),
        money::amount(quote.now * money::HOURS_PER_MONTH).replace('$', ""),
        trend(&quote.points.usd()),
        usd(quote.min),
        usd(quote.median),
        usd(quote.max),
        quote.band.map(Band::as_str).unwrap_or_default().to_owned(),
        quote.score.map(|score| score.to_string()).unwrap_or_default(),
    ]
}

/// Memory in GiB: whole where it is, as nearly all is.
fn gib(mib: u64) -> String {
    if mib.is_multiple_of(1024) {
        (mib / 1024).to_string()
    } else {
        format!("{}.{}", mib / 1024, mib % 1024 * 10 / 1024)
    }
}

fn disks(quote: &Quote) -> String {
    match quote.local_disks {
        0 => String::new(),
        1 => quote.local_disk_gb.to_string(),
        many => format!("{many}x{}", quote.local_disk_gb / u64::from(many)),
    }
}

/// How a price went, as a row of bars between its own lowest and highest.
fn trend(points: &[f64]) -> String {
    let points = coarser(points, TREND);
    let lowest = points.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = points.iter().copied().fold(0.0, f64::max);
    let range = highest - lowest;
    #[expect(clippy::cast_precision_loss, reason = "eight levels")]
    let top = (LEVELS.len() - 1) as f64;
    let level = |price: &f64| {
        if range <= highest * STILL {
            return LEVELS[LEVELS.len() / 2 - 1];
        }
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 7")]
        let at = ((price - lowest) / range * top).round() as usize;
        LEVELS[at.min(LEVELS.len() - 1)]
    };
    points.iter().map(level).collect()
}

/// The columns of [`csv`].
const HEADER: &str = "region,instance_type,vcpus,memory_mib,local_disks,local_disk_gb,zone,price_per_hour,\
on_demand_per_hour,saving,min,median,max,gpus,band,advisor_at,score";

/// The same as comma-separated values, prices in USD per hour as EC2 gives them. No field holds a comma or a quote.
/// `advisor_at` is when the data on interruptions were made.
#[must_use]
pub fn csv(quotes: &[Quote], advisor_at: Option<Timestamp>) -> String {
    let made = advisor_at.map(|at| at.to_string()).unwrap_or_default();
    let known = |value: Option<f64>| value.map(|value| format!("{value:.6}")).unwrap_or_default();
    let line = |it: &Quote| {
        format!(
            "{},{},{},{},{},{},{},{:.6},{},{},{:.6},{:.6},{:.6},{},{},{},{}",
            it.region,
            it.instance_type,
            it.vcpus,
            it.memory_mib,
            it.local_disks,
            it.local_disk_gb,
            it.zone,
            it.now,
            known(it.on_demand),
            known(it.saving()),
            it.min,
            it.median,
            it.max,
            it.gpus,
            it.band.map(Band::as_str).unwrap_or_default(),
            it.band.map(|_| made.as_str()).unwrap_or_default(),
            it.score.map(|score| score.to_string()).unwrap_or_default()
        )
    };
    let lines: Vec<String> = std::iter::once(HEADER.to_owned()).chain(quotes.iter().map(line)).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::demand::Arch;

    fn quote() -> Quote {
        Quote {
            region: "us-east-1".to_owned(),
            instance_type: "c5d.4xlarge".to_owned(),
            vcpus: 16,
            memory_mib: 32 * 1024,
            archs: vec![Arch::X86_64],
            local_disk_gb: 400,
            local_disks: 1,
            gpus: 0,
            zone: "us-east-1a".to_owned(),
            now: 0.25,
            min: 0.2,
            median: 0.22,
            max: 0.3,
            points: (0..60).map(|at| 0.2 + f64::from(at) / 600.0).collect(),
            on_demand: Some(0.768),
            band: Some(Band::To10),
            score: None,
        }
    }

    #[test]
    fn a_pool_is_a_line_with_its_saving_and_its_trend() {
        let text = prices(&[quote()], None);
        let words: Vec<&str> = text.lines().nth(1).unwrap_or_default().split_whitespace().collect();
        assert_eq!(
            words,
            [
                "c5d.4xlarge",
                "16",
                "32",
                "400",
                "us-east-1a",
                "0.2500",
                "67%",
                "182.50",
                "▁▂▂▃▄▄▅▅▆▇▇█",
                "0.2000",
                "0.2200",
                "0.3000",
                "5-10%"
            ]
        );
    }

    #[test]
    fn a_price_that_hardly_moves_is_shown_as_a_flat_line() {
        assert_eq!(trend(&[1.0, 1.001, 1.0]).chars().collect::<std::collections::BTreeSet<_>>().len(), 1);
        assert_eq!(trend(&[0.0, 0.0]), "▄".repeat(TREND));
        assert_eq!(trend(&[]), "");
    }

    #[test]
    fn odd_memory_and_several_disks_are_told_as_they_are() {
        assert_eq!([gib(512), gib(1024), gib(7808)], ["0.5", "1", "7.6"]);
        let many = Quote { local_disks: 4, local_disk_gb: 7600, ..quote() };
        assert_eq!(disks(&many), "4x1900");
        assert_eq!(disks(&Quote { local_disks: 0, local_disk_gb: 0, ..quote() }), "");
    }

    #[test]
    fn values_for_other_programs_have_all_six_decimals_and_leave_out_what_is_not_known() {
        let cheap = Quote { now: 0.000_123, on_demand: None, ..quote() };
        let text = csv(&[cheap], Some(Timestamp::UNIX_EPOCH));
        let line = text.lines().nth(1).unwrap_or_default();
        assert_eq!(
            line,
            "us-east-1,c5d.4xlarge,16,32768,1,400,us-east-1a,0.000123,,,0.200000,0.220000,0.300000,0,5-10%,1970-01-01T00:00:00Z,"
        );
        assert_eq!(text.lines().next().unwrap_or_default().split(',').count(), line.split(',').count());
    }
}
