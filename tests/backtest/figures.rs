//! Means, medians, and tables of them.

use std::fmt::Write;

/// Values in order.
pub struct Figures(Vec<f64>);

impl Figures {
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// `None` of no values.
    pub fn mean(&self) -> Option<f64> {
        (!self.0.is_empty()).then(|| self.0.iter().sum::<f64>() / self.0.len() as f64)
    }

    /// The least value that so many per cent of them do not exceed (the nearest rank).
    pub fn percentile(&self, per_cent: usize) -> Option<f64> {
        let rank = (self.0.len() * per_cent).div_ceil(100).max(1);
        self.0.get(rank - 1).copied()
    }

    pub fn most(&self) -> Option<f64> {
        self.0.last().copied()
    }

    pub fn least(&self) -> Option<f64> {
        self.0.first().copied()
    }

    /// Mean, median and 90th percentile of shares, in per cent.
    pub fn in_short(&self) -> String {
        let three = [self.mean(), self.percentile(50), self.percentile(90)];
        three.map(per_cent).join(" / ")
    }
}

/// A share in per cent, with one decimal.
pub fn per_cent(share: Option<f64>) -> String {
    // A share that is rounded to nothing has no sign.
    share.map_or("-".to_owned(), |share| format!("{:.1} %", (share * 1_000.0).round() / 10.0 + 0.0))
}

/// A Markdown table.
pub fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = String::new();
    let line = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
    text.push_str(&line(header));
    let _ = writeln!(text, "|{}", "---|".repeat(header.len()));
    for row in rows {
        text.push_str(&line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
    }
    text
}

#[test]
fn a_percentile_is_one_of_the_values() {
    let figures = Figures::of([4.0, 1.0, 3.0, 2.0]);
    assert_eq!([25, 50, 90, 100].map(|it| figures.percentile(it).unwrap()), [1.0, 2.0, 4.0, 4.0]);
    assert_eq!((figures.mean(), figures.most(), figures.least()), (Some(2.5), Some(4.0), Some(1.0)));
    assert_eq!(Figures::of([]).in_short(), "- / - / -");
    assert_eq!(Figures::of([0.123_4, -0.000_01]).in_short(), "6.2 % / 0.0 % / 12.3 %");
}
