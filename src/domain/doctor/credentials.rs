//! Whose the credentials are, and how long they last.

use jiff::{SignedDuration, Timestamp};

use super::{Area, Check};
use crate::domain::failure::{Class, Failure};

/// The check's name.
pub const NAME: &str = "credentials";

/// What is left of them should outlast an `up`.
const SHORT: SignedDuration = SignedDuration::from_mins(15);
/// What gives credentials, or better ones.
pub const MEND: &str = "`aws configure`, `aws sso login`, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// The verdict on credentials that work: the caller's ARN (`arn`), and when they end as far as they say.
#[must_use]
pub fn check(arn: &str, expires_at: Option<Timestamp>, now: Timestamp) -> Check {
    let Some(at) = expires_at else {
        return Check::ok(NAME, format!("{arn}; they name no time at which they end"));
    };
    let left = at.duration_since(now);
    let until = at.strftime("%Y-%m-%dT%H:%M:%SZ");
    if left > SHORT {
        return Check::ok(NAME, format!("{arn}, until {until}"));
    }
    Check::warning(NAME, format!("{arn}, but they end at {until}"), "renew them first, for example by `aws sso login`")
}

/// The verdict where AWS did not say whose they are. `unreachable`: nothing answered at all.
#[must_use]
pub fn not_told(failure: &Failure, unreachable: bool) -> Check {
    if unreachable {
        let mend = "look at the network, HTTPS_PROXY and --endpoint-url";
        return Check::wrong(NAME, Area::Other, format!("AWS cannot be asked: {failure}"), mend);
    }
    if failure.class == Class::Credentials {
        return Check::wrong(NAME, Area::Access, failure.to_string(), format!("{MEND}; look at the clock, too"));
    }
    Check::warning(NAME, format!("whose they are could not be told: {failure}"), "run `aws sts get-caller-identity`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::doctor::Verdict;

    #[test]
    fn credentials_that_end_soon_are_a_warning() {
        let now = Timestamp::UNIX_EPOCH;
        let in_minutes = |minutes| check("arn:x", Some(now + SignedDuration::from_mins(minutes)), now);
        assert_eq!(in_minutes(60).verdict, Verdict::Ok);
        assert!(in_minutes(60).found.contains("until 1970-01-01T01:00:00Z"));
        assert_eq!(in_minutes(10).verdict, Verdict::Warning);
        assert_eq!(check("arn:x", None, now).verdict, Verdict::Ok);
    }

    #[test]
    fn bad_credentials_no_network_and_a_strange_server_are_told_apart() {
        let failed = |code: &str, class| Failure {
            action: "GetCallerIdentity".to_owned(),
            code: code.to_owned(),
            message: "words".to_owned(),
            class,
        };
        let bad = not_told(&failed("InvalidClientTokenId", Class::Credentials), false);
        assert_eq!(bad.verdict, Verdict::Wrong(Area::Access));
        assert_eq!(not_told(&failed("NoAnswer", Class::Ambiguous), true).verdict, Verdict::Wrong(Area::Other));
        assert_eq!(not_told(&failed("UnreadableAnswer", Class::Ambiguous), false).verdict, Verdict::Warning);
    }
}
