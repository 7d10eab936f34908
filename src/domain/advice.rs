//! What an error code means for the user, and what to do next.
//!
//! A sentence for every code that the cloud tells apart, from the EC2 API reference ("Error codes for the Amazon EC2
//! API") in our own words, and a next step: the code's own, or that of its class.

mod table;

use super::failure::{Class, Failure};
use super::permission::Denial;

/// What a code means, and what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advice {
    /// What happened, in one plain sentence.
    pub sentence: &'static str,
    /// What to do next.
    pub next: &'static str,
}

impl std::fmt::Display for Advice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.sentence, self.next)
    }
}

/// The advice for a code of a class. A code that is not known is told by its class alone.
#[must_use]
pub fn of(class: Class, code: &str) -> Advice {
    let by_class = of_class(class);
    match table::ROWS.iter().find(|row| row.code == code) {
        Some(row) => Advice { sentence: row.sentence, next: row.next.unwrap_or(by_class.next) },
        None => by_class,
    }
}

/// What to tell with a failure: for a missing permission who misses which, and the statement to add; else the code's
/// sentence with the next step.
#[must_use]
pub fn hints(failure: &Failure) -> Vec<String> {
    match Denial::of(failure) {
        Some(denial) => denial.hints(),
        None => vec![of(failure.class, &failure.code).to_string()],
    }
}

/// The codes that have a sentence.
#[cfg(test)]
pub(crate) fn codes() -> impl Iterator<Item = &'static str> {
    table::ROWS.iter().map(|row| row.code)
}

/// Codes of ours for what is no answer of EC2's: (code, class).
#[cfg(test)]
pub(crate) const OURS: &[(&str, Class)] = &[
    ("NoAnswer", Class::Ambiguous),
    ("NoCredentials", Class::Credentials),
    ("Timeout", Class::Ambiguous),
    ("UnknownHost", Class::Ambiguous),
    ("UnknownInstanceProfile", Class::NotYetVisible),
    ("UnreadableAnswer", Class::Ambiguous),
];

fn of_class(class: Class) -> Advice {
    let (sentence, next) = match class {
        Class::Throttled => (
            "EC2 wants fewer calls a second from this account",
            "cloudtop slows down by itself; where it has given up, run the same command again in a minute",
        ),
        Class::Capacity => (
            "EC2 has none left of it there now",
            "try more types (-t a,b), another --zone or --region, or --wait-for-capacity",
        ),
        Class::Quota => (
            "a limit of the account in this region is reached",
            "end what is not needed (`cloudtop list`, `cloudtop gc`), or have the limit raised under Service Quotas",
        ),
        Class::Denied => (
            "these credentials may not do that",
            "what the tool needs is in docs/iam-policy.json; `cloudtop doctor` tells what is missing",
        ),
        Class::Credentials => {
            ("AWS does not take these credentials", "look at `aws sts get-caller-identity`; with SSO, `aws sso login`")
        }
        Class::NotYetVisible => (
            "EC2 does not show that thing, or not yet",
            "run the same command again: cloudtop goes on with what there is",
        ),
        Class::Gone => {
            ("that thing is not there any more", "run the same command again: it goes on with what there is")
        }
        Class::Exists => ("that thing is there already", "run the same command again: it goes on with what there is"),
        Class::InUse => (
            "something else must end first",
            "run the same command again in a minute; `cloudtop status` tells what is waited for",
        ),
        Class::BadRequest => (
            "EC2 does not take the call as it was made",
            "change what EC2's message names (flags, cloudtop.toml); if it names nothing of yours, it is a fault of \
             cloudtop: report it with the output of `-vv`",
        ),
        Class::Ambiguous => {
            ("nobody knows whether the call took effect", "nothing is made twice by running the same command again")
        }
        Class::Unknown => (
            "cloudtop does not know this code",
            "EC2's message says what is wrong; `cloudtop status` tells what exists, and `-vv` each call",
        ),
    };
    Advice { sentence, next }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_code_has_two_sentences_and_none_says_too_little() {
        let mut seen = BTreeSet::new();
        for row in table::ROWS {
            assert!(seen.insert(row.code), "{} stands there twice", row.code);
            assert!(row.sentence.split(' ').count() > 3, "{}: {}", row.code, row.sentence);
            assert!(!row.sentence.ends_with('.'), "{}: a hint goes on after its sentence", row.code);
            assert!(row.next.is_none_or(|next| next.split(' ').count() > 3), "{}: {:?}", row.code, row.next);
        }
    }

    #[test]
    fn a_code_without_a_step_of_its_own_has_that_of_its_class() {
        let own = of(Class::Capacity, "SpotMaxPriceTooLow");
        assert!(own.next.contains("--max-price"), "{own}");
        let by_class = of(Class::Capacity, "InsufficientInstanceCapacity");
        assert_eq!(by_class.next, of_class(Class::Capacity).next);
        assert_ne!(by_class.sentence, of_class(Class::Capacity).sentence);
    }

    #[test]
    fn a_code_from_the_future_is_told_by_its_class() {
        assert_eq!(of(Class::Unknown, "BrandNewCode"), of_class(Class::Unknown));
        let failure = Failure {
            action: "RunInstances".to_owned(),
            code: "BrandNewCode".to_owned(),
            message: "why".to_owned(),
            class: Class::Quota,
        };
        assert_eq!(hints(&failure), [of_class(Class::Quota).to_string()]);
    }
}
