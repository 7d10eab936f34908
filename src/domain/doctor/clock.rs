//! Whether this machine's clock will do.

use jiff::{SignedDuration, Timestamp};

use super::{Area, Check};

/// AWS refuses a signature whose time is further than this from its own ("Troubleshoot Signature Version 4 signed
/// requests", IAM user guide: a signature expires five minutes after its time stamp).
const REFUSED: SignedDuration = SignedDuration::from_mins(5);
/// A clock that is set by NTP is within a second. The Date header has whole seconds, and answers take time.
const ODD: SignedDuration = SignedDuration::from_secs(30);
/// The check's name.
pub const NAME: &str = "clock";

const MEND: &str = "set the clock by NTP: `timedatectl set-ntp true`, on macOS `sudo sntp -sS time.apple.com`";

/// What this machine's time, taken when an answer came, is against the time in the answer's Date header.
#[must_use]
pub fn check(here: Timestamp, there: Option<Timestamp>) -> Check {
    let Some(there) = there else {
        return Check::warning(NAME, "the answer had no Date header to compare with", "look at `date -u` yourself");
    };
    let ahead = here.duration_since(there);
    let (by, way) = (words(ahead.abs()), if ahead.is_negative() { "behind" } else { "ahead of" });
    if ahead.abs() > REFUSED {
        let found = format!("this machine's clock is {by} {way} AWS's: signatures over 5 minutes off are refused");
        return Check::wrong(NAME, Area::Other, found, MEND);
    }
    if ahead.abs() > ODD {
        return Check::warning(NAME, format!("this machine's clock is {by} {way} AWS's; over 5 minutes breaks"), MEND);
    }
    Check::ok(NAME, format!("within {} s of AWS's (Date header)", ahead.abs().as_secs().max(1)))
}

fn words(span: SignedDuration) -> String {
    match span.as_secs() {
        seconds if seconds < 120 => format!("{seconds} s"),
        seconds if seconds < 2 * 3600 => format!("{} minutes", seconds / 60),
        seconds => format!("{} hours", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::doctor::Verdict;

    fn at(ahead: i64) -> Check {
        let there = Timestamp::UNIX_EPOCH;
        check(there + SignedDuration::from_secs(ahead), Some(there))
    }

    #[test]
    fn seconds_are_nothing_half_a_minute_is_odd_and_five_minutes_break_signatures() {
        for (ahead, verdict) in [
            (0, Verdict::Ok),
            (-30, Verdict::Ok),
            (31, Verdict::Warning),
            (-300, Verdict::Warning),
            (301, Verdict::Wrong(Area::Other)),
            (-86_400, Verdict::Wrong(Area::Other)),
        ] {
            assert_eq!(at(ahead).verdict, verdict, "{ahead}");
        }
        assert!(at(420).found.contains("7 minutes ahead of AWS's"), "{:?}", at(420));
        assert!(at(-86_400).found.contains("24 hours behind AWS's"), "{:?}", at(-86_400));
    }

    #[test]
    fn an_answer_without_a_date_is_no_verdict_on_the_clock() {
        assert_eq!(check(Timestamp::UNIX_EPOCH, None).verdict, Verdict::Warning);
    }
}
