//! Values that a flag and the file spell alike.

use std::time::Duration;

use jiff::SignedDuration;
use serde::{Deserialize, Deserializer, de::Error as _};

/// The largest gp3 volume, GiB: 64 TiB since September 2025, 16 TiB before (Amazon EBS user guide, "volume types").
pub const MAX_VOLUME_GIB: u32 = 65_536;

/// The most that spot can be asked to save against on-demand, per cent.
const MOST_SAVING: u32 = 99;

/// A value that cannot be meant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// Not a duration, or not a positive one.
    #[error("`{0}` is not a duration: write a number with its unit, such as 45s, 10m, 8h, 1h30m or 7d")]
    Duration(String),
    /// Not a saving that can be had.
    #[error("`{0}` is not a saving: give a whole number of per cent from 0 to {MOST_SAVING}, such as 50 or 50%")]
    Saving(String),
    /// A volume size that EC2 would not make.
    #[error("a volume of {0} GiB cannot be made: give a whole number from 1 to {MAX_VOLUME_GIB}")]
    VolumeSize(i64),
}

/// Reads a duration: `45s`, `10m`, `8h`, `1h30m`, `7d` (24 hours each), or spelt out as in `2 hours 5 minutes`.
///
/// # Errors
/// Anything else, a bare number (which unit?), zero, and what lies in the past.
pub fn parse_duration(text: &str) -> Result<Duration, BadValue> {
    let bad = || BadValue::Duration(text.to_owned());
    let span: jiff::Span = text.trim().parse().map_err(|_| bad())?;
    let marker = jiff::SpanRelativeTo::days_are_24_hours();
    // Months and years have no length of their own; the conversion refuses them.
    let duration: SignedDuration = span.to_duration(marker).map_err(|_| bad())?;
    if !duration.is_positive() {
        return Err(bad());
    }
    Duration::try_from(duration).map_err(|_| bad())
}

/// Reads after how long without use a node stops itself: a duration, or nothing at all (`0m`), which is never.
///
/// # Errors
/// As [`parse_duration`], but for zero.
pub fn parse_idle(text: &str) -> Result<Duration, BadValue> {
    match text.trim() {
        "0s" | "0m" | "0h" => Ok(Duration::ZERO),
        other => parse_duration(other),
    }
}

/// Checks the size of a volume to be made, GiB.
///
/// # Errors
/// A size that is not within 1 to [`MAX_VOLUME_GIB`].
pub fn check_volume_gib(gib: i64) -> Result<u32, BadValue> {
    match u32::try_from(gib) {
        Ok(size @ 1..=MAX_VOLUME_GIB) => Ok(size),
        _ => Err(BadValue::VolumeSize(gib)),
    }
}

/// Reads a saving in per cent: `50` or `50%`.
///
/// # Errors
/// Anything else, and what is not within 0 to 99.
pub fn parse_saving(text: &str) -> Result<u32, BadValue> {
    let digits = text.trim().trim_end_matches('%').trim_end();
    let is_plain = digits.chars().all(|c| c.is_ascii_digit()) && text.matches('%').count() <= 1;
    let saving = digits.parse().ok().filter(|saving| is_plain && *saving <= MOST_SAVING);
    saving.ok_or_else(|| BadValue::Saving(text.to_owned()))
}

pub(super) fn saving<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a saving in per cent, such as 50 or \"50%\"")]
    enum Written {
        Number(i64),
        Text(String),
    }
    let text = match Written::deserialize(input)? {
        Written::Number(number) => number.to_string(),
        Written::Text(text) => text,
    };
    parse_saving(&text).map(Some).map_err(D::Error::custom)
}

pub(super) fn duration<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(input)?;
    parse_duration(&text).map(Some).map_err(D::Error::custom)
}

pub(super) fn idle<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(input)?;
    parse_idle(&text).map(Some).map_err(D::Error::custom)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, seconds) in
            [("45s", 45), ("10m", 600), ("8h", 28_800), ("1h30m", 5_400), ("7d", 604_800), ("2 hours 5 minutes", 7_500)]
        {
            assert_eq!(parse_duration(text).unwrap(), Duration::from_secs(seconds), "{text}");
        }
    }

    #[test]
    fn what_has_no_certain_length_is_no_duration() {
        for text in ["", "10", "0s", "-5m", "1 month", "soon", "5 m 3", "99999999999999999999h"] {
            assert_eq!(parse_duration(text), Err(BadValue::Duration(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn no_time_at_all_is_never_for_idle_nodes_and_no_duration_elsewhere() {
        assert_eq!(parse_idle(" 0m "), Ok(Duration::ZERO));
        assert_eq!(parse_idle("45m"), Ok(Duration::from_secs(2700)));
        assert!(parse_idle("0").is_err() && parse_idle("-5m").is_err() && parse_duration("0m").is_err());
    }

    #[test]
    fn a_saving_is_a_whole_number_of_per_cent() {
        for (text, saving) in [("50", 50), ("50%", 50), (" 50 % ", 50), ("0", 0), ("99%", 99)] {
            assert_eq!(parse_saving(text), Ok(saving), "{text}");
        }
        for text in ["", "%", "100", "-5", "+5", "0.5", "50%%", "half", "4294967296"] {
            assert_eq!(parse_saving(text), Err(BadValue::Saving(text.to_owned())), "{text}");
        }
    }

    #[test]
    fn volume_sizes_end_where_gp3_does() {
        assert_eq!(check_volume_gib(1), Ok(1));
        assert_eq!(check_volume_gib(65_536), Ok(65_536));
        for gib in [0, -1, 65_537, i64::MAX] {
            assert_eq!(check_volume_gib(gib), Err(BadValue::VolumeSize(gib)));
        }
    }
}
