//! Amounts of money that add up: whole billionths of a dollar, and no fractions of those.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

/// Billionths in a dollar. AWS lists prices with at most ten decimals, of which the tenth is never used.
const BILLIONTHS: f64 = 1e9;
/// Billionths in a cent.
const CENT: i64 = 10_000_000;

/// An amount, or a price per hour or month, in USD.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Usd(i64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The amount that a price list's number stands for. What is no number is nothing.
    #[must_use]
    pub fn of(usd: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "a cast of a float saturates, and NaN becomes 0")]
        let billionths = (usd * BILLIONTHS).round() as i64;
        Self(billionths)
    }

    /// The amount as a number, for JSON and for people.
    #[must_use]
    pub fn as_f64(self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "exact below nine million dollars")]
        let billionths = self.0 as f64;
        billionths / BILLIONTHS
    }

    /// The `part` of `whole` equal parts, to the nearest billionth; nothing where there is no whole.
    #[must_use]
    pub fn share(self, part: i64, whole: i64) -> Self {
        if whole <= 0 {
            return Self::ZERO;
        }
        let (part, whole) = (i128::from(part), i128::from(whole));
        let billionths = (i128::from(self.0) * part * 2 + whole).div_euclid(whole * 2);
        Self(i64::try_from(billionths).unwrap_or(i64::MAX))
    }

    /// So many of it.
    #[must_use]
    pub fn times(self, count: u64) -> Self {
        Self(self.0.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX)))
    }

    /// The amount in whole cents, half a cent rounded up.
    #[must_use]
    pub fn cents(self) -> i64 {
        (self.0 + CENT / 2).div_euclid(CENT)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cents = self.cents();
        let sign = if cents < 0 { "-" } else { "" };
        write!(f, "{sign}${}.{:02}", cents.abs() / 100, cents.abs() % 100)
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::ZERO, Add::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_of_six_decimals_is_kept_to_the_last() {
        assert_eq!(Usd::of(0.000_123), Usd(123_000));
        assert_eq!(Usd::of(0.1) + Usd::of(0.2), Usd::of(0.3));
        assert_eq!([f64::NAN, 0.0, -0.0].map(Usd::of), [Usd::ZERO; 3]);
    }

    #[test]
    fn a_share_is_rounded_to_the_nearest_billionth() {
        assert_eq!([Usd(10).share(1, 3), Usd(20).share(1, 3), Usd(3).share(1, 2)], [Usd(3), Usd(7), Usd(2)]);
        assert_eq!(Usd(10).share(1, 0), Usd::ZERO);
    }

    #[test]
    fn cents_are_rounded_once_and_a_debt_keeps_its_sign() {
        assert_eq!(Usd::of(0.004_999_999).to_string(), "$0.00");
        assert_eq!(Usd::of(0.005).to_string(), "$0.01");
        assert_eq!(Usd::of(1234.5).to_string(), "$1234.50");
        assert_eq!(Usd::of(-0.25).to_string(), "-$0.25");
    }
}
