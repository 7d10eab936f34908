//! What can happen to a call, and the words for it.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::errors;
use crate::simulator::protocol::{Fault, Request};
use crate::simulator::world::World;
use crate::simulator::{SimulatorError, actions, parse_duration};

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// EC2 answers RequestLimitExceeded.
    Throttle,
    /// EC2 answers an error. Nothing was done.
    Error {
        /// The HTTP status.
        status: u16,
        /// EC2's code.
        code: String,
        /// EC2's message.
        message: String,
    },
    /// EC2 answers that the caller has no permission, as it does.
    Denied,
    /// EC2 answers that the credentials have expired.
    Expired,
    /// The connection is refused.
    Refuse,
    /// The connection breaks before the request was heard.
    ResetBefore,
    /// The connection breaks after the call was carried out: its answer is lost.
    ResetAfter,
    /// The request is never heard, and the connection stays.
    HangBefore,
    /// The call is carried out, its answer never comes, and the connection stays.
    HangAfter,
    /// The call is carried out, and answered after so long in the caller's own time: `speed` does not shorten it.
    Late(Duration),
    /// The call is carried out, and the second half of its answer is missing.
    Truncate,
}

/// The words that stand for themselves.
const PLAIN: [(&str, Trouble); 9] = [
    ("throttle", Trouble::Throttle),
    ("denied", Trouble::Denied),
    ("expired", Trouble::Expired),
    ("refuse", Trouble::Refuse),
    ("reset-before", Trouble::ResetBefore),
    ("reset-after", Trouble::ResetAfter),
    ("hang-before", Trouble::HangBefore),
    ("hang-after", Trouble::HangAfter),
    ("truncate", Trouble::Truncate),
];

const EXPECTED: &str = "throttle, error [STATUS] CODE [MESSAGE], denied, expired, refuse, reset-before, reset-after, \
                        hang-before, hang-after, late TIME or truncate";

impl Trouble {
    /// EC2's refusal, if that is what happens.
    pub(in crate::simulator) fn refusal(&self, world: &World, request: &Request, now: Timestamp) -> Option<Fault> {
        Some(match self {
            Self::Throttle => errors::throttled(),
            Self::Denied => super::denied(world, request, now),
            Self::Expired => errors::expired(actions::is_ec2(request.action())),
            Self::Error { status, code, message } => Fault::new(code.clone(), message.as_str()).with_status(*status),
            _ => return None,
        })
    }
}

impl FromStr for Trouble {
    type Err = SimulatorError;

    fn from_str(text: &str) -> Result<Self, SimulatorError> {
        let invalid =
            || SimulatorError::Setting { key: "fault".to_owned(), value: text.to_owned(), expected: EXPECTED };
        let words: Vec<&str> = text.split_whitespace().collect();
        match words.as_slice() {
            [word] => PLAIN.iter().find(|(name, _)| name == word).map(|(_, it)| it.clone()).ok_or_else(invalid),
            ["late", by] => parse_duration(by).map(Self::Late).ok_or_else(invalid),
            ["error", rest @ ..] => error(rest).ok_or_else(invalid),
            _ => Err(invalid()),
        }
    }
}

/// `[STATUS] CODE [MESSAGE]`; what is left out is EC2's own for the code.
fn error(words: &[&str]) -> Option<Trouble> {
    let (status, words) = match words.split_first()? {
        (first, rest) if first.parse::<u16>().is_ok_and(|status| (400..600).contains(&status)) => {
            (first.parse().ok(), rest)
        }
        _ => (None, words),
    };
    let (code, message) = words.split_first()?;
    if !code.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let (usual_status, usual_message) = errors::usual(code);
    let message = if message.is_empty() { usual_message.to_owned() } else { message.join(" ") };
    Some(Trouble::Error { status: status.unwrap_or(usual_status), code: (*code).to_owned(), message })
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error { status, code, message } => write!(f, "error {status} {code} {message}"),
            Self::Late(by) => write!(f, "late {}s", by.as_secs_f64()),
            plain => f.write_str(PLAIN.iter().find(|(_, it)| it == plain).map_or("", |(name, _)| name)),
        }
    }
}
