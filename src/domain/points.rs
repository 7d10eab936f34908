//! How a price went, as short text: tens of thousands of pools are kept, and few of them are looked at.

use serde::{Deserialize, Serialize};

/// EC2's prices have six decimals.
const PARTS_OF_A_USD: f64 = 1e6;

/// Mean prices of equal parts of a span, oldest first. Inside they are millionths of a USD, each as the difference from the
/// one before: a quarter of what they take as numbers, and read only when they are shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Points(String);

impl Points {
    /// The prices, USD per hour.
    #[must_use]
    pub fn usd(&self) -> Vec<f64> {
        let sum = |sum: &mut i64, step: i64| {
            *sum += step;
            Some(usd(*sum))
        };
        self.steps().scan(0, sum).collect()
    }

    /// The oldest price, USD per hour.
    #[must_use]
    pub fn first(&self) -> Option<f64> {
        self.steps().next().map(usd)
    }

    fn steps(&self) -> impl Iterator<Item = i64> {
        self.0.split(' ').filter_map(|step| step.parse().ok())
    }
}

impl FromIterator<f64> for Points {
    fn from_iter<I: IntoIterator<Item = f64>>(prices: I) -> Self {
        let mut last = 0;
        let step = |price: f64| {
            #[expect(clippy::cast_possible_truncation, reason = "no price comes near 2^63 millionths")]
            let millionths = (price * PARTS_OF_A_USD).round() as i64;
            (millionths - std::mem::replace(&mut last, millionths)).to_string()
        };
        Self(prices.into_iter().map(step).collect::<Vec<_>>().join(" "))
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 millionths, nine thousand million USD")]
fn usd(millionths: i64) -> f64 {
    millionths as f64 / PARTS_OF_A_USD
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_of_six_decimals_come_back_as_they_were() {
        let prices = [0.0425, 0.042_501, 0.0425, 98.321_987, 0.0, 0.001_246];
        let points: Points = prices.into_iter().collect();
        assert_eq!(points.usd(), prices);
        assert_eq!(points.first(), Some(0.0425));
        assert_eq!(points.0, "42500 1 -1 98279487 -98321987 1246");
        assert_eq!((Points::default().usd(), Points::default().first()), (Vec::new(), None));
    }
}
