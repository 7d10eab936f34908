//! How prices went, as a picture: in letters for a terminal, as SVG for a document.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::domain::money;
use crate::domain::price_history::coarser;

/// How many lines of letters high.
const HEIGHT: usize = 16;
/// The widest that a picture in letters gets: there are no more points.
const WIDEST: usize = 60;
/// What stands where several lines meet.
const SEVERAL: char = '*';

/// What is drawn.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What it shows, for example the instance type.
    pub title: String,
    /// The lines: a zone and its prices, USD per hour, oldest first, evenly spread over the span.
    pub lines: Vec<(String, Vec<f64>)>,
    /// The on-demand price, USD per hour, where it is known.
    pub on_demand: Option<f64>,
    /// When the span begins.
    pub from: Timestamp,
    /// When it ends.
    pub to: Timestamp,
}

/// From the lowest to the highest price that is drawn.
struct Scale {
    lowest: f64,
    highest: f64,
}

impl Scale {
    /// Spot prices alone: on-demand, at three times as much, would press them into one line.
    fn of(chart: &Chart) -> Self {
        let all = || chart.lines.iter().flat_map(|(_, points)| points).copied();
        let lowest = all().fold(f64::INFINITY, f64::min);
        let highest = all().fold(0.0, f64::max);
        // A line that stands still lies in the middle.
        if highest > lowest {
            Self { lowest, highest }
        } else {
            Self { lowest: lowest.min(highest) * 0.9, highest: highest * 1.1 + f64::MIN_POSITIVE }
        }
    }

    /// How far up a price lies: 0 the lowest, 1 the highest.
    fn height(&self, price: f64) -> f64 {
        (price - self.lowest) / (self.highest - self.lowest)
    }

    /// The on-demand price, where it lies above all that is drawn.
    fn beyond(&self, chart: &Chart) -> Option<f64> {
        chart.on_demand.filter(|usd| *usd > self.highest)
    }

    fn price(&self, height: f64) -> f64 {
        self.lowest + height * (self.highest - self.lowest)
    }
}

/// The chart in letters, for `columns` of them.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a few dozen rows and columns")]
pub fn text(chart: &Chart, columns: usize) -> String {
    let scale = Scale::of(chart);
    let label = |row: usize| money::hourly(scale.price(1.0 - row as f64 / (HEIGHT - 1) as f64));
    let beyond = scale.beyond(chart).map(money::hourly);
    let margin = (0..HEIGHT).map(|row| label(row).len()).chain(beyond.iter().map(String::len)).max().unwrap_or(0);
    let wide = columns.saturating_sub(margin + 3).clamp(10, WIDEST);
    let grid = drawn(chart, &scale, wide);
    let mut picture = format!("{}, $ an hour\n\n", chart.title);
    if let Some(label) = beyond {
        // The axis is broken where nothing is.
        let _ = writeln!(picture, "{label:>margin$} | {}\n{:margin$} ~", "-".repeat(wide), "");
    }
    for (row, cells) in grid.iter().enumerate() {
        let label = if row % 3 == 0 { label(row) } else { String::new() };
        let cells: String = cells.iter().collect();
        let _ = writeln!(picture, "{}", format!("{label:>margin$} | {cells}").trim_end());
    }
    let _ = writeln!(picture, "{:margin$} +-{}", "", "-".repeat(wide));
    let (from, to) = (day(chart.from), day(chart.to));
    let gap = wide.saturating_sub(from.len() + to.len());
    let _ = writeln!(picture, "{:margin$}   {from}{}{to}\n", "", " ".repeat(gap));
    picture.push_str(&legend(chart));
    picture
}

fn drawn(chart: &Chart, scale: &Scale, wide: usize) -> Vec<Vec<char>> {
    let mut grid = vec![vec![' '; wide]; HEIGHT];
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "between 0 and the height"
    )]
    let row = |price: f64| ((1.0 - scale.height(price)) * (HEIGHT - 1) as f64).round() as usize;
    if let Some(usd) = chart.on_demand.filter(|usd| (scale.lowest..=scale.highest).contains(usd)) {
        grid[row(usd).min(HEIGHT - 1)].fill('-');
    }
    for (place, (_, points)) in chart.lines.iter().enumerate() {
        for (column, price) in coarser(points, wide).into_iter().enumerate() {
            let cell = &mut grid[row(price).min(HEIGHT - 1)][column];
            *cell = if matches!(cell, ' ' | '-') { letter(place) } else { SEVERAL };
        }
    }
    grid
}

/// The letter of a line.
fn letter(place: usize) -> char {
    u8::try_from(place).ok().filter(|place| *place < 26).map_or('?', |place| char::from(b'a' + place))
}

fn legend(chart: &Chart) -> String {
    let mut lines: Vec<String> = chart
        .lines
        .iter()
        .enumerate()
        .map(|(place, (zone, points))| {
            let now = points.last().copied().map(money::hourly).unwrap_or_default();
            format!("  {} {zone} {now}", letter(place))
        })
        .collect();
    if chart.lines.len() > 1 {
        lines.push(format!("  {SEVERAL} several"));
    }
    if let Some(usd) = chart.on_demand {
        lines.push(format!("  - on demand {}", money::hourly(usd)));
    }
    lines.join("\n")
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

/// Okabe and Ito's colours, which people who see fewer of them can tell apart too.
const COLOURS: [&str; 7] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000"];

/// The chart as an SVG document of 800 by 400.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a few dozen points")]
pub fn svg(chart: &Chart) -> String {
    const LEFT: f64 = 80.0;
    const TOP: f64 = 40.0;
    const WIDE: f64 = 580.0;
    const HIGH: f64 = 300.0;
    let scale = Scale::of(chart);
    let y = |price: f64| TOP + (1.0 - scale.height(price)) * HIGH;
    let mut out = String::from(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 800 400\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"800\" height=\"400\" fill=\"#ffffff\"/>\n",
    );
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"24\" font-size=\"16\">{}, USD an hour</text>", escaped(&chart.title));
    for step in 0..5 {
        let price = scale.price(f64::from(step) / 4.0);
        let at = y(price);
        let _ = writeln!(out, "<path d=\"M{LEFT} {at:.1}h{WIDE}\" stroke=\"#dddddd\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            at + 4.0,
            money::hourly(price)
        );
    }
    for (place, (zone, points)) in chart.lines.iter().enumerate() {
        let colour = COLOURS[place % COLOURS.len()];
        let step = WIDE / points.len().saturating_sub(1).max(1) as f64;
        let path: Vec<String> = points
            .iter()
            .enumerate()
            .map(|(at, usd)| format!("{:.1},{:.1}", LEFT + at as f64 * step, y(*usd)))
            .collect();
        let _ = writeln!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\" points=\"{}\"/>",
            path.join(" ")
        );
        let at = TOP + 14.0 + place as f64 * 18.0;
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{at:.1}\" fill=\"{colour}\">{}</text>",
            LEFT + WIDE + 12.0,
            escaped(zone)
        );
    }
    if let Some(usd) = chart.on_demand.filter(|usd| *usd >= scale.lowest) {
        let (at, label) = match scale.beyond(chart) {
            Some(usd) => (TOP - 10.0, format!("on demand {} (not to scale)", money::hourly(usd))),
            None => (y(usd), "on demand".to_owned()),
        };
        let _ = writeln!(out, "<path d=\"M{LEFT} {at:.1}h{WIDE}\" stroke=\"#666666\" stroke-dasharray=\"6 4\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" fill=\"#666666\">{label}</text>",
            LEFT + WIDE,
            at - 4.0
        );
    }
    let below = TOP + HIGH + 20.0;
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"{below}\">{}</text>", day(chart.from));
    let _ = writeln!(out, "<text x=\"{}\" y=\"{below}\" text-anchor=\"end\">{}</text>", LEFT + WIDE, day(chart.to));
    out.push_str("</svg>");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn chart() -> Chart {
        let from = Timestamp::UNIX_EPOCH;
        Chart {
            title: "m5.large, 30 days".to_owned(),
            lines: vec![
                ("us-east-1a".to_owned(), (0..60).map(|at| 0.03 + f64::from(at) * 0.0005).collect()),
                ("us-east-1b".to_owned(), vec![0.045; 60]),
            ],
            on_demand: Some(0.096),
            from,
            to: from + SignedDuration::from_hours(30 * 24),
        }
    }

    #[test]
    fn a_chart_has_axes_dates_a_legend_and_the_on_demand_line() {
        let text = text(&chart(), 80);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "m5.large, 30 days, $ an hour");
        assert!(lines[2].starts_with("$0.0960 | ----------") && lines[3].ends_with(" ~"), "{text}");
        assert!(lines[4].starts_with("$0.0595 | ") && lines[4].ends_with('a'), "{text}");
        assert!(lines[4 + HEIGHT - 1].starts_with("$0.0300 | aa"), "{text}");
        assert!(text.contains("1970-01-01") && text.contains("1970-01-31"), "{text}");
        assert!(
            text.ends_with("  a us-east-1a $0.0595\n  b us-east-1b $0.0450\n  * several\n  - on demand $0.0960"),
            "{text}"
        );
        assert!(text.matches(SEVERAL).count() > 1, "the lines cross: {text}");
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn an_on_demand_price_among_the_others_is_a_line_among_them() {
        let text = text(&Chart { on_demand: Some(0.045), ..chart() }, 80);
        assert!(!text.contains(" ~\n") && text.contains("--"), "{text}");
    }

    #[test]
    fn a_price_that_stands_still_and_one_of_nothing_are_drawn() {
        for price in [0.05, 0.0] {
            let still = Chart { lines: vec![("a".to_owned(), vec![price; 60])], on_demand: None, ..chart() };
            let picture = text(&still, 40);
            assert!(picture.lines().any(|line| line.contains("| aaaaaaaa")), "{picture}");
            assert!(!svg(&still).contains("NaN"), "{}", svg(&still));
        }
    }

    #[test]
    fn a_picture_is_one_whole_document_whatever_the_title() {
        let picture = svg(&Chart { title: "a<b>&c".to_owned(), ..chart() });
        assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>"));
        assert!(picture.contains("a&lt;b&gt;&amp;c"));
        assert_eq!(picture.matches("<polyline").count(), 2);
        assert!(picture.contains("stroke-dasharray") && picture.contains(">on demand $0.0960 (not to scale)<"));
    }
}
