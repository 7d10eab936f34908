//! Which calls a rule is about, and when it strikes.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Trouble;
use crate::simulator::chance;
use crate::simulator::protocol::filter::matches;

/// Calls that go wrong. Without a limit every call that it is about does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FaultRule {
    /// The actions, parted by commas: names, with `*` and `?` for any text and any letter, or `reads` or `writes`.
    pub actions: String,
    /// What happens to them.
    pub trouble: Trouble,
    /// Only this one of the calls, counted from 1 and from when the rule was made.
    pub nth: Option<u64>,
    /// Only the first so many of the calls.
    pub first: Option<u64>,
    /// The share of calls that it strikes, from 0 to 1; drawn from the world's seed.
    pub chance: Option<f64>,
    /// How long until it begins. Divided by the world's `speed`.
    pub after: Duration,
    /// How long it lasts from then on; `None`: for ever. Divided by the world's `speed`.
    pub lasts: Option<Duration>,
}

impl FaultRule {
    /// A rule about every call of some actions.
    #[must_use]
    pub fn new(actions: &str, trouble: Trouble) -> Self {
        Self {
            actions: actions.to_owned(),
            trouble,
            nth: None,
            first: None,
            chance: None,
            after: Duration::ZERO,
            lasts: None,
        }
    }

    /// The same about the nth call alone, counted from 1.
    #[must_use]
    pub fn nth(self, nth: u64) -> Self {
        Self { nth: Some(nth), ..self }
    }

    /// The same about the first calls alone.
    #[must_use]
    pub fn first(self, first: u64) -> Self {
        Self { first: Some(first), ..self }
    }

    /// The same about a share of the calls, from 0 to 1.
    #[must_use]
    pub fn chance(self, chance: f64) -> Self {
        Self { chance: Some(chance), ..self }
    }
}

/// A rule at work.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::simulator) struct Armed {
    pub rule: FaultRule,
    pub begins: Timestamp,
    pub ends: Option<Timestamp>,
    /// How many calls it was about so far.
    pub seen: u64,
    /// How many of them went wrong.
    pub struck: u64,
}

impl Armed {
    /// Whether it counts a call of an action now.
    pub fn is_about(&self, action: &str, now: Timestamp) -> bool {
        self.begins <= now && self.ends.is_none_or(|end| now < end) && covers(&self.rule.actions, action)
    }

    /// When it strikes, in words; empty: always.
    pub fn when(&self) -> String {
        let limits = [
            self.rule.nth.map(|nth| format!("call {nth}")),
            self.rule.first.map(|first| format!("the first {first}")),
            self.rule.chance.map(|share| format!("{} %", share * 100.0)),
            (!self.rule.after.is_zero()).then(|| format!("from {:.0}", self.begins)),
            self.ends.map(|end| format!("until {end:.0}")),
        ];
        limits.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Whether it strikes the call that it counted last.
    pub fn strikes(&self, seed: u64, id: &str) -> bool {
        let draw = || chance::fraction(seed, &["fault", id, &self.seen.to_string()]);
        self.rule.nth.is_none_or(|nth| self.seen == nth)
            && self.rule.first.is_none_or(|first| self.seen <= first)
            && self.rule.chance.is_none_or(|share| draw() < share)
    }
}

/// Whether a list of actions has this one.
pub(in crate::simulator) fn covers(actions: &str, action: &str) -> bool {
    actions.split(',').map(str::trim).any(|pattern| match pattern {
        "reads" => is_read(action),
        "writes" => !is_read(action),
        pattern => matches(pattern, action),
    })
}

/// Whether an action changes nothing. EC2 draws the same line, by the same names, in "Request throttling for the Amazon
/// EC2 API".
pub(in crate::simulator) fn is_read(action: &str) -> bool {
    ["Describe", "Get", "List", "Search"].iter().any(|word| action.starts_with(word))
}
