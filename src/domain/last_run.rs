//! What the last run on an environment came to, read from its journal: for telling whoever did not watch it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::call::Call;
use super::failure::{Class, Failure};
use super::journal::{Entry, Event};
use super::pools::Refusal;
use super::refusals;

/// The last run.
#[derive(Clone, Debug, PartialEq)]
pub struct LastRun {
    /// The command, without the program's name: `up dev`.
    pub command: String,
    /// When it began.
    pub began: Timestamp,
    /// When and how it ended; `None`: it is still at work, or was killed.
    pub ended: Option<(Timestamp, String)>,
    /// The pools that refused, each with its newest reason.
    pub refusals: Vec<Refusal>,
    /// The last call that failed for another reason and has not succeeded since.
    pub failed: Option<Failed>,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq)]
pub struct Failed {
    /// When.
    pub at: Timestamp,
    /// The call.
    pub call: Call,
    /// Why.
    pub failure: Failure,
}

impl LastRun {
    /// Reads it from the journal's entries; `None` where nothing was run yet.
    #[must_use]
    pub fn of(entries: &[Entry]) -> Option<Self> {
        let begin = entries.iter().rposition(|entry| matches!(entry.event, Event::Began { .. }))?;
        let (first, rest) = entries.get(begin..)?.split_first()?;
        let Event::Began { command } = &first.event else { return None };
        let mut run =
            Self { command: command.clone(), began: first.at, ended: None, refusals: Vec::new(), failed: None };
        let mut calls: BTreeMap<Uuid, &Call> = BTreeMap::new();
        // A call whose answer was lost in an earlier run keeps its token.
        for entry in entries {
            if let Event::Intended { token, call, .. } = &entry.event {
                calls.insert(*token, call);
            }
        }
        for entry in rest {
            run.take(entry, &calls);
        }
        run.refusals = refusals::newest(&run.refusals);
        Some(run)
    }

    /// Whether it came to its goal.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ended.as_ref().is_some_and(|(_, outcome)| outcome == "done")
    }

    fn take(&mut self, entry: &Entry, calls: &BTreeMap<Uuid, &Call>) {
        match &entry.event {
            Event::Refused { token, failure } | Event::Lost { token, failure } => {
                if let Some(call) = calls.get(token) {
                    self.fail(entry.at, call, failure);
                }
            }
            Event::Done { token, .. } => {
                let action = calls.get(token).map(|call| call.action());
                if self.failed.as_ref().is_some_and(|failed| Some(failed.call.action()) == action) {
                    self.failed = None;
                }
            }
            Event::Ended { outcome } => self.ended = Some((entry.at, outcome.clone())),
            _ => {}
        }
    }

    fn fail(&mut self, at: Timestamp, call: &Call, failure: &Failure) {
        match (call, failure.class) {
            (Call::Launch(launch) | Call::RequestSpot(launch), Class::Capacity) => self.refusals.push(Refusal {
                pool: launch.pool.clone(),
                at,
                at_least: launch.at_least,
                failure: failure.clone(),
                on_demand: launch.on_demand,
            }),
            // The ordinary course of things.
            (_, Class::NotYetVisible | Class::InUse | Class::Gone | Class::Exists) => {}
            _ => self.failed = Some(Failed { at, call: call.clone(), failure: failure.clone() }),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::domain::call::Made;

    fn entries(events: Vec<Event>) -> Vec<Entry> {
        let at = |second| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second);
        events.into_iter().zip(0..).map(|(event, second)| Entry { at: at(second), event }).collect()
    }

    fn began(command: &str) -> Event {
        Event::Began { command: command.to_owned() }
    }

    fn ended(outcome: &str) -> Event {
        Event::Ended { outcome: outcome.to_owned() }
    }

    fn token(n: u128) -> Uuid {
        Uuid::from_u128(n)
    }

    fn intended(n: u128, call: Call) -> Event {
        Event::Intended { token: token(n), call: Box::new(call), reason: String::new() }
    }

    fn refused(n: u128, class: Class) -> Event {
        let (action, code, message) = ("CreateSecurityGroup".to_owned(), "Code".to_owned(), "why".to_owned());
        Event::Refused { token: token(n), failure: Failure { action, code, message, class } }
    }

    fn group() -> Call {
        Call::CreateGroup { name: "g".to_owned(), vpc_id: "vpc-1".to_owned() }
    }

    #[test]
    fn a_failure_is_kept_with_its_call_until_such_a_call_succeeds() {
        let failing = vec![began("up dev"), intended(1, group()), refused(1, Class::Denied), ended("refused")];
        let run = LastRun::of(&entries(failing.clone())).unwrap();
        let failed = run.failed.clone().unwrap();
        assert_eq!((failed.call, failed.failure.class), (group(), Class::Denied));
        assert_eq!((run.command.as_str(), run.is_done()), ("up dev", false));
        let done = Event::Done { token: token(2), made: Made::default() };
        let mended = [failing, vec![intended(2, group()), done]].concat();
        assert_eq!(LastRun::of(&entries(mended)).unwrap().failed, None);
    }

    #[test]
    fn what_another_look_mends_is_no_failure() {
        for class in [Class::InUse, Class::NotYetVisible, Class::Gone, Class::Exists] {
            let run = LastRun::of(&entries(vec![began("up dev"), intended(1, group()), refused(1, class)])).unwrap();
            assert_eq!(run.failed, None, "{class:?}");
        }
    }

    #[test]
    fn only_the_last_run_counts() {
        let failing = vec![began("up dev"), intended(1, group()), refused(1, Class::Denied), ended("refused")];
        let run = LastRun::of(&entries([failing, vec![began("up dev"), ended("done")]].concat())).unwrap();
        assert_eq!((run.failed.is_none(), run.is_done()), (true, true));
        assert_eq!(LastRun::of(&[]), None);
    }
}
