//! Budgets: what may be spent in a calendar month (UTC, as AWS bills), and what follows from what was spent.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use super::money::{self, HOURS_PER_MONTH};
use super::names::EnvName;

/// The part of a budget from which on it is spoken of.
const NEAR: f64 = 0.8;
/// The key of the budget of all environments in [`Memory`]: no environment can have this name.
const ALL: &str = "*";

/// What may be spent in a month.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
pub struct Budget {
    /// USD a month, above 0.
    #[serde(deserialize_with = "monthly")]
    pub monthly: f64,
    /// What follows when it is spent.
    #[serde(default)]
    pub action: Action,
}

/// What follows when a budget is spent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// It is said.
    #[default]
    Warn,
    /// Nothing more is launched or started, and `watch` stops what runs. Nothing is deleted.
    Stop,
}

impl Action {
    /// The word in the file and in JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Stop => "stop",
        }
    }
}

fn monthly<'de, D: Deserializer<'de>>(input: D) -> Result<f64, D::Error> {
    let usd = f64::deserialize(input)?;
    if usd.is_finite() && usd > 0.0 {
        return Ok(usd);
    }
    Err(D::Error::custom("expected an amount in USD above 0, for example 50"))
}

/// Whose spending a budget is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// All environments together, those that have ended this month among them.
    All,
    /// One environment.
    One(EnvName),
}

impl Scope {
    /// Whether the spending of an environment counts.
    #[must_use]
    pub fn covers(&self, env: &EnvName) -> bool {
        match self {
            Self::All => true,
            Self::One(name) => name == env,
        }
    }

    /// Its environment, where it is about one.
    #[must_use]
    pub fn env(&self) -> Option<&EnvName> {
        match self {
            Self::All => None,
            Self::One(name) => Some(name),
        }
    }

    /// In a sentence.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self {
            Self::All => "the budget of all environments".to_owned(),
            Self::One(name) => format!("the budget of {name}"),
        }
    }

    fn key(&self) -> &str {
        self.env().map_or(ALL, EnvName::as_str)
    }
}

/// How much of a budget is spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Less than four fifths.
    Within,
    /// Four fifths or more.
    Near,
    /// All of it, or more.
    Spent,
}

/// A budget and what was spent of it this month.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Whose.
    pub scope: Scope,
    /// The budget.
    pub budget: Budget,
    /// USD so far this month.
    pub spent: f64,
}

impl Standing {
    /// The part that is spent: 1 is all.
    #[must_use]
    pub fn share(&self) -> f64 {
        self.spent / self.budget.monthly
    }

    /// How much is spent.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.share() {
            share if share >= 1.0 => Level::Spent,
            share if share >= NEAR => Level::Near,
            _ => Level::Within,
        }
    }

    /// `$41.20 of $50.00 this month (82 %)`. Percent are rounded down: 100 are said when all is spent, and not before.
    #[must_use]
    pub fn in_words(&self) -> String {
        let percent = (self.share() * 100.0).floor();
        format!("{} of {} this month ({percent} %)", money::spent(self.spent), money::spent(self.budget.monthly))
    }
}

/// What is about to cost money beside what does already.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ahead {
    /// USD an hour, of what is launched or started.
    pub per_hour: f64,
    /// Hours that it will run this month, at most: see [`hours_to_run`].
    pub hours: f64,
    /// USD a month, of volumes that are made.
    pub storage_per_month: f64,
    /// Hours that are left of this month.
    pub hours_left: f64,
}

impl Ahead {
    /// USD until the month is over, with what costs `going` USD an hour already and goes on.
    #[must_use]
    pub fn usd(&self, going: f64) -> f64 {
        let kept = going + self.storage_per_month / HOURS_PER_MONTH;
        self.per_hour * self.hours + kept * self.hours_left
    }
}

/// Hours from now to the end of the calendar month (UTC).
#[must_use]
pub fn hours_left(now: Timestamp) -> f64 {
    let today = now.to_zoned(TimeZone::UTC);
    let end = today.last_of_month().and_then(|day| day.tomorrow()).and_then(|day| day.start_of_day());
    end.map_or(0.0, |end| hours(end.timestamp().duration_since(now)))
}

/// Hours from now to the end of the month, or to the end of a throwaway's time if that comes first.
#[must_use]
pub fn hours_to_run(now: Timestamp, expires_at: Option<Timestamp>) -> f64 {
    let left = hours_left(now);
    expires_at.map_or(left, |at| left.min(hours(at.duration_since(now)).max(0.0)))
}

fn hours(span: SignedDuration) -> f64 {
    span.as_secs_f64() / 3600.0
}

/// What a budget says to something that is about to run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Answer {
    /// Nothing.
    Fine,
    /// It would be spent before the month is over.
    TooMuch {
        /// USD at the end of the month.
        by_end: f64,
    },
    /// It is spent, which is to be said.
    Spent,
    /// It is spent, and nothing more may run.
    Refused,
}

/// What a budget says before something is launched or started that costs `more` USD until the month is over.
#[must_use]
pub fn before_launch(standing: &Standing, more: f64, over_budget: bool) -> Answer {
    let by_end = standing.spent + more;
    match (standing.level(), standing.budget.action) {
        (Level::Spent, Action::Stop) if !over_budget => Answer::Refused,
        (Level::Spent, _) => Answer::Spent,
        _ if by_end > standing.budget.monthly => Answer::TooMuch { by_end },
        _ => Answer::Fine,
    }
}

/// What watching does about a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Nothing.
    Nothing,
    /// Say, once, how much is spent.
    Tell(Level),
    /// Stop what runs.
    Stop,
}

/// What is known of an environment that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Watched {
    /// Whether it should run.
    pub runs: bool,
    /// Whether EC2 can stop it; a one-time request's node it can only end.
    pub can_stop: bool,
    /// Whether the user let it run in spite of the budget this month.
    pub allowed: bool,
}

/// What watching does about a budget. Nothing is ever ended: what cannot be stopped is told.
#[must_use]
pub fn on_watch(standing: &Standing, watched: Watched) -> Deed {
    let may_stop = watched.runs && watched.can_stop && !watched.allowed;
    match standing.level() {
        Level::Within => Deed::Nothing,
        Level::Spent if standing.budget.action == Action::Stop && may_stop => Deed::Stop,
        level => Deed::Tell(level),
    }
}

/// What was told and allowed about budgets this month, so that each thing is told once, by whichever run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The month: `2026-11`. What is kept of another one counts no more.
    month: String,
    told: BTreeMap<String, Told>,
    allowed: BTreeSet<EnvName>,
    /// Those that are being stopped: a watch that is killed meanwhile has not finished what it began.
    stopping: BTreeSet<EnvName>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Told {
    /// The budget that it was told of: another one is news.
    monthly: f64,
    level: Level,
}

impl Memory {
    /// Whether there is nothing in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.told.is_empty() && self.allowed.is_empty() && self.stopping.is_empty()
    }

    /// Notes that `level` of a budget is told now; whether it was not before, of this budget in this month.
    pub fn tell(&mut self, standing: &Standing, level: Level, now: Timestamp) -> bool {
        self.turn_to(now);
        let monthly = standing.budget.monthly;
        let key = standing.scope.key();
        #[expect(clippy::float_cmp, reason = "the same line of a file, or another")]
        let known = self.told.get(key).is_some_and(|told| told.monthly == monthly && told.level >= level);
        if !known {
            self.told.insert(key.to_owned(), Told { monthly, level });
        }
        !known
    }

    /// Notes whether an environment may run in spite of its budgets this month. What was being stopped is wanted again.
    pub fn allow(&mut self, env: &EnvName, allowed: bool, now: Timestamp) {
        self.stopping.remove(env);
        if allowed {
            self.turn_to(now);
            self.allowed.insert(env.clone());
        } else {
            self.allowed.remove(env);
        }
    }

    /// Whether an environment may run in spite of its budgets this month.
    #[must_use]
    pub fn is_allowed(&self, env: &EnvName, now: Timestamp) -> bool {
        self.month == month(now) && self.allowed.contains(env)
    }

    /// Notes that an environment is being stopped for a budget.
    pub fn begin_stop(&mut self, env: &EnvName, now: Timestamp) {
        self.turn_to(now);
        self.stopping.insert(env.clone());
    }

    /// Notes that an environment was stopped for a budget, which need then not be told as spent any more.
    pub fn end_stop(&mut self, env: &EnvName, standing: &Standing, now: Timestamp) {
        self.tell(standing, Level::Spent, now);
        self.stopping.remove(env);
    }

    /// Whether an environment is being stopped for a budget, for all that is known.
    #[must_use]
    pub fn is_stopping(&self, env: &EnvName, now: Timestamp) -> bool {
        self.month == month(now) && self.stopping.contains(env)
    }

    /// Forgets another month.
    fn turn_to(&mut self, now: Timestamp) {
        let month = month(now);
        if self.month != month {
            *self = Self { month, ..Self::default() };
        }
    }
}

fn month(now: Timestamp) -> String {
    now.strftime("%Y-%m").to_string()
}

#[cfg(test)]
#[path = "budget/tests.rs"]
mod tests;
