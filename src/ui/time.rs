//! Spans of time in words.

use std::time::Duration;

use jiff::Timestamp;

/// The two largest units of a span: `12s`, `3m 12s`, `2h 5m`, `3d 4h`.
#[must_use]
pub fn short(span: Duration) -> String {
    let seconds = span.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let (large, small) = match () {
        () if days > 0 => (format!("{days}d"), (hours % 24, "h")),
        () if hours > 0 => (format!("{hours}h"), (minutes % 60, "m")),
        () if minutes > 0 => (format!("{minutes}m"), (seconds % 60, "s")),
        () => return format!("{seconds}s"),
    };
    if small.0 == 0 { large } else { format!("{large} {}{}", small.0, small.1) }
}

/// A time as seen from `now`: `in 7h 58m`, `12m ago`.
#[must_use]
pub fn relative(then: Timestamp, now: Timestamp) -> String {
    let span = then.duration_since(now);
    let words = short(span.unsigned_abs());
    if span.is_negative() { format!("{words} ago") } else { format!("in {words}") }
}

/// A text with the time before each line, RFC 3339 in UTC and whole seconds.
#[must_use]
pub fn stamped(text: &str, now: Timestamp) -> String {
    let time = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    let lines: Vec<String> = text.lines().map(|line| format!("{time} {line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn a_span_shows_its_two_largest_units() {
        let cases = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (192, "3m 12s"),
            (3600, "1h"),
            (3659, "1h"),
            (7500, "2h 5m"),
            (86_399, "23h 59m"),
            (90_000, "1d 1h"),
            (8_640_000, "100d"),
        ];
        for (seconds, words) in cases {
            assert_eq!(short(Duration::from_secs(seconds)), words);
        }
    }

    #[test]
    fn a_time_is_told_from_now() {
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(relative(now + SignedDuration::from_mins(478), now), "in 7h 58m");
        assert_eq!(relative(now - SignedDuration::from_mins(12), now), "12m ago");
        assert_eq!(relative(now, now), "in 0s");
    }
}
