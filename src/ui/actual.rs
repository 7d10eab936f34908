//! The estimate beside what AWS has counted, for people and for scripts.

use jiff::Timestamp;
use jiff::civil::Date;
use serde::Serialize;

use super::tables::grid::{Column, render};
use super::text::{counted, one_line};
use crate::domain::actual::{Compared, Comparison};
use crate::domain::bill::Kind;

/// Who has counted.
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    /// The spot data feed.
    DataFeed {
        /// Where it is.
        place: String,
        /// How many files were read.
        files: usize,
        /// How many of their lines were of other instances.
        other_lines: usize,
    },
    /// Cost Explorer.
    CostExplorer {
        /// Days that AWS may change yet.
        unsettled: Vec<Date>,
        /// How many requests it took.
        requests: usize,
        /// What they cost, USD.
        usd: f64,
    },
}

/// What is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Who has counted.
    pub source: Source,
    /// Since when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
    /// The two beside each other.
    pub comparison: Comparison,
}

/// What there is no estimate of.
const NOT_ESTIMATED: &str = "other";

const DAYS: [Column; 6] = [
    Column::new("NAME"),
    Column::new("DAY"),
    Column::new("ESTIMATE").right(),
    Column::new("ACTUAL").right(),
    Column::new("OFF").right(),
    Column::new("OFF BY").right(),
];
const KINDS: [Column; 5] = [
    Column::new("KIND"),
    Column::new("ESTIMATE").right(),
    Column::new("ACTUAL").right(),
    Column::new("OFF").right(),
    Column::new("OFF BY").right(),
];

/// The answer of `cloudtop cost --actual`.
#[must_use]
pub fn text(shown: &Shown, width: Option<usize>) -> String {
    let all = &shown.comparison;
    let mut days: Vec<Vec<String>> = all
        .days
        .iter()
        .map(|((env, day), it)| [vec![one_line(env), marked(shown, *day)], cells(it)].concat())
        .collect();
    days.push([vec!["all".to_owned(), String::new()], cells(&all.total)].concat());
    let mut parts = vec![render(&DAYS, &days, width)];
    if matches!(shown.source, Source::CostExplorer { .. }) {
        let kinds: Vec<Vec<String>> =
            all.kinds.iter().map(|(kind, it)| [vec![word(*kind).to_owned()], cells(it)].concat()).collect();
        parts.push(render(&KINDS, &kinds, width));
    }
    parts.push(summary(shown).join("\n"));
    parts.join("\n\n")
}

fn summary(shown: &Shown) -> Vec<String> {
    let clock = |at: Timestamp| at.strftime("%F %R").to_string();
    let span = format!("from {} to {} UTC", clock(shown.from), clock(shown.to));
    let total = &shown.comparison.total;
    let verdict = match total.off_by() {
        Some(part) if part.abs() < 0.000_05 => "the estimate was right".to_owned(),
        Some(part) => {
            let side = if part > 0.0 { "high" } else { "low" };
            format!("the estimate was {:.2}% too {side}", part.abs() * 100.0)
        }
        None if total.estimate > 0.0 => "AWS has counted nothing".to_owned(),
        None => "there was nothing to pay".to_owned(),
    };
    let mut lines = vec![format!("{span}: {verdict}")];
    match &shown.source {
        Source::DataFeed { place, files, .. } => {
            lines
                .push(format!("spot instances alone, by {} of the spot data feed in {place}", counted(*files, "file")));
        }
        Source::CostExplorer { unsettled, requests, usd } => {
            lines.push(format!("by Cost Explorer, in {} for ${usd:.2}", counted(*requests, "request")));
            if !unsettled.is_empty() {
                lines.push("* AWS may change this day yet".to_owned());
            }
            if shown.comparison.kinds.contains_key(&None) {
                lines.push(format!("`{NOT_ESTIMATED}` is above all data transfer, of which no estimate is made"));
            }
        }
    }
    lines
}

fn marked(shown: &Shown, day: Date) -> String {
    let open = matches!(&shown.source, Source::CostExplorer { unsettled, .. } if unsettled.contains(&day));
    if open { format!("{day}*") } else { day.to_string() }
}

/// A tenth of a cent matters here: what is compared are small amounts.
fn cells(it: &Compared) -> Vec<String> {
    let off = if it.off().abs() < 0.000_05 { 0.0 } else { it.off() };
    let sign = if off < 0.0 { "-" } else { "+" };
    vec![
        format!("${:.4}", it.estimate),
        format!("${:.4}", it.actual),
        format!("{sign}${:.4}", off.abs()),
        it.off_by().map_or("-".to_owned(), |part| format!("{:+.2}%", if off == 0.0 { 0.0 } else { part * 100.0 })),
    ]
}

fn word(kind: Option<Kind>) -> &'static str {
    kind.map_or(NOT_ESTIMATED, Kind::as_str)
}

/// The same for scripts: amounts in USD, `off` is the estimate less what was counted, `off_by` the same as a part of it.
#[derive(Debug, Serialize)]
pub struct Shape {
    source: &'static str,
    from: Timestamp,
    to: Timestamp,
    days: Vec<DayShape>,
    kinds: Vec<KindShape>,
    total: ComparedShape,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    other_lines: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unsettled_days: Option<Vec<Date>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    requests_cost: Option<f64>,
}

#[derive(Debug, Serialize)]
struct DayShape {
    name: String,
    day: Date,
    #[serde(flatten)]
    compared: ComparedShape,
}

#[derive(Debug, Serialize)]
struct KindShape {
    kind: &'static str,
    #[serde(flatten)]
    compared: ComparedShape,
}

#[derive(Debug, Serialize)]
struct ComparedShape {
    estimate: f64,
    actual: f64,
    off: f64,
    off_by: Option<f64>,
}

impl From<&Compared> for ComparedShape {
    fn from(it: &Compared) -> Self {
        Self { estimate: it.estimate, actual: it.actual, off: it.off(), off_by: it.off_by() }
    }
}

impl Shape {
    /// The shape of what is shown.
    #[must_use]
    pub fn new(shown: &Shown) -> Self {
        let all = &shown.comparison;
        let day = |((env, day), it): ((&String, &Date), &Compared)| DayShape {
            name: env.clone(),
            day: *day,
            compared: it.into(),
        };
        let empty = Self {
            source: "",
            from: shown.from,
            to: shown.to,
            days: all.days.iter().map(|((env, at), it)| day(((env, at), it))).collect(),
            kinds: all.kinds.iter().map(|(kind, it)| KindShape { kind: word(*kind), compared: it.into() }).collect(),
            total: (&all.total).into(),
            place: None,
            files: None,
            other_lines: None,
            unsettled_days: None,
            requests: None,
            requests_cost: None,
        };
        match shown.source.clone() {
            Source::DataFeed { place, files, other_lines } => Self {
                source: "data-feed",
                place: Some(place),
                files: Some(files),
                other_lines: Some(other_lines),
                ..empty
            },
            Source::CostExplorer { unsettled, requests, usd } => Self {
                source: "cost-explorer",
                unsettled_days: Some(unsettled),
                requests: Some(requests),
                requests_cost: Some(usd),
                ..empty
            },
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;
    use crate::domain::actual::Amount;

    fn shown(source: Source) -> Shown {
        let amount = |kind, usd| Amount { env: "dev".to_owned(), day: Date::constant(2026, 11, 20), kind, usd };
        let estimated = [amount(Some(Kind::Instance), 1.05), amount(Some(Kind::Disk), 0.1)];
        let counted = [amount(Some(Kind::Instance), 1.0), amount(Some(Kind::Disk), 0.1), amount(None, 0.02)];
        let at = |text: &str| text.parse().unwrap();
        let (from, to) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
        Shown { source, from, to, comparison: Comparison::new(&estimated, &counted) }
    }

    fn by_cost_explorer() -> Shown {
        shown(Source::CostExplorer { unsettled: vec![Date::constant(2026, 11, 20)], requests: 1, usd: 0.01 })
    }

    #[test]
    fn a_person_is_told_how_far_the_estimate_was_off_and_what_was_not_estimated() {
        let text = text(&by_cost_explorer(), None);
        assert_eq!(
            text.lines().collect::<Vec<_>>(),
            [
                "NAME  DAY          ESTIMATE   ACTUAL       OFF  OFF BY",
                "dev   2026-11-20*   $1.1500  $1.1200  +$0.0300  +2.68%",
                "all                 $1.1500  $1.1200  +$0.0300  +2.68%",
                "",
                "KIND      ESTIMATE   ACTUAL       OFF    OFF BY",
                "other      $0.0000  $0.0200  -$0.0200  -100.00%",
                "instance   $1.0500  $1.0000  +$0.0500    +5.00%",
                "disk       $0.1000  $0.1000  +$0.0000    +0.00%",
                "",
                "from 2026-11-20 00:00 to 2026-11-21 00:00 UTC: the estimate was 2.68% too high",
                "by Cost Explorer, in 1 request for $0.01",
                "* AWS may change this day yet",
                "`other` is above all data transfer, of which no estimate is made",
            ],
            "{text}"
        );
    }

    #[test]
    fn a_script_is_told_the_same_in_numbers() {
        let shape = serde_json::to_value(Shape::new(&by_cost_explorer())).unwrap();
        assert_eq!((shape["source"].as_str(), shape["requests"].as_u64()), (Some("cost-explorer"), Some(1)));
        let day = &shape["days"][0];
        assert!((day["off"].as_f64().unwrap() - 0.03).abs() < 1e-9, "{shape}");
        assert_eq!((day["name"].as_str(), day["day"].as_str()), (Some("dev"), Some("2026-11-20")));
        let place = "s3://feeds/".to_owned();
        let shape = Shape::new(&shown(Source::DataFeed { place, files: 24, other_lines: 0 }));
        let shape = serde_json::to_value(shape).unwrap();
        assert_eq!((shape["files"].as_u64(), shape.get("requests")), (Some(24), None));
    }
}
