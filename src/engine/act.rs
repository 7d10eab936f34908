//! Sending the calls of a plan: written down before, written down after.

use std::collections::BTreeMap;

use tokio::task::JoinSet;
use uuid::Uuid;

use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::domain::call::{Call, Made};
use crate::domain::failure::{Class, Failure};
use crate::domain::journal::{Entry, Event};
use crate::domain::names::Identity;
use crate::domain::plan::Step;
use crate::domain::record::Record;
use crate::state::{Journal, StateError};

use super::report::{Progress, Reporter};

/// Calls under way at the same time. EC2 refills its buckets for changing calls at two to ten a second.
const AT_ONCE: usize = 16;

/// What came of a plan's calls.
#[derive(Debug, Default)]
pub(super) struct Acted {
    /// Whether any call succeeded: then look again at once.
    pub succeeded: bool,
    /// Whether EC2 was ill or asked for fewer calls: then slowly.
    pub trouble: bool,
    /// Whether a pool refused a launch: then the next one is tried at once, for nothing has changed in EC2.
    pub turned_away: bool,
    /// The first failure that going on cannot mend.
    pub fatal: Option<Failure>,
    /// Failures that another look, or time, may mend.
    pub mendable: Vec<Failure>,
}

/// What is needed to act.
pub(super) struct Actor<'a> {
    pub cloud: &'a Cloud,
    pub identity: &'a Identity,
    pub tags: &'a BTreeMap<String, String>,
    pub clock: Clock,
    pub reporter: &'a dyn Reporter,
    pub journal: &'a mut Journal,
    pub record: &'a mut Record,
}

/// A call with its token, and what came of it.
type Answer = (Uuid, Call, Result<Made, Failure>);

impl Actor<'_> {
    /// Writes the steps down, sends them side by side, and writes down what came of each.
    ///
    /// All that is begun is finished: a call that was sent is worth its answer, even when the user wants to end.
    pub(super) async fn carry_out(&mut self, steps: Vec<Step>) -> Result<Acted, StateError> {
        let intended: Vec<(Uuid, Step)> =
            steps.into_iter().map(|step| (step.token.unwrap_or_else(Uuid::now_v7), step)).collect();
        let events = intended.iter().map(|(token, step)| Event::Intended {
            token: *token,
            call: Box::new(step.call.clone()),
            reason: step.reason.clone(),
        });
        self.write(events.collect())?;

        let mut acted = Acted::default();
        let mut tasks = JoinSet::new();
        let mut waiting = intended.into_iter();
        loop {
            while tasks.len() < AT_ONCE
                && let Some((token, step)) = waiting.next()
            {
                self.reporter.report(&Progress::Sent { call: &step.call, reason: &step.reason });
                self.send(&mut tasks, token, step.call);
            }
            let Some(first) = tasks.join_next().await else { return Ok(acted) };
            let mut answers: Vec<Answer> = first.into_iter().collect();
            while let Some(Ok(more)) = tasks.try_join_next() {
                answers.push(more);
            }
            self.take(answers, &mut acted)?;
        }
    }

    fn send(&self, tasks: &mut JoinSet<Answer>, token: Uuid, call: Call) {
        let (cloud, identity, tags) = (self.cloud.clone(), self.identity.clone(), self.tags.clone());
        tasks.spawn(async move {
            let answer = cloud.perform(&identity, &tags, &call, token).await;
            (token, call, answer)
        });
    }

    /// Writes answers down, and only then tells of them: who is told that something was made may count on it.
    fn take(&mut self, answers: Vec<Answer>, acted: &mut Acted) -> Result<(), StateError> {
        let events = answers.iter().map(|(token, _, answer)| match answer {
            Ok(made) => Event::Done { token: *token, made: made.clone() },
            Err(failure) if may_have_acted(failure) => Event::Lost { token: *token, failure: failure.clone() },
            Err(failure) => Event::Refused { token: *token, failure: failure.clone() },
        });
        self.write(events.collect())?;
        for (_, call, answer) in &answers {
            match answer {
                Ok(made) => {
                    acted.succeeded = true;
                    self.reporter.report(&Progress::Succeeded { call, made });
                }
                Err(failure) => {
                    acted.sort(call, failure);
                    self.reporter.report(&Progress::Failed { call, failure });
                }
            }
        }
        Ok(())
    }

    /// Writes events into the journal and takes them into the record.
    pub(super) fn write(&mut self, events: Vec<Event>) -> Result<(), StateError> {
        if events.is_empty() {
            return Ok(());
        }
        let at = self.clock.now();
        let entries: Vec<Entry> = events.into_iter().map(|event| Entry { at, event }).collect();
        self.journal.append_all(&entries)?;
        for entry in &entries {
            self.record.apply(entry);
        }
        Ok(())
    }
}

/// Whether a call that failed may have taken effect. The SDK tells of the last of its tries alone: an earlier one may have
/// been heard and its answer lost, when the last was turned away unread.
fn may_have_acted(failure: &Failure) -> bool {
    matches!(failure.class, Class::Ambiguous | Class::Throttled | Class::Credentials)
}

impl Acted {
    fn sort(&mut self, call: &Call, failure: &Failure) {
        match failure.class {
            Class::Throttled | Class::Ambiguous => {
                self.trouble = true;
                self.mendable.push(failure.clone());
            }
            // A launch that was refused goes to another pool. A stopped instance has one pool only.
            Class::Capacity if matches!(call, Call::Launch(_) | Call::RequestSpot(_)) => {
                self.turned_away = true;
                self.mendable.push(failure.clone());
            }
            Class::NotYetVisible | Class::InUse | Class::Gone | Class::Exists => self.mendable.push(failure.clone()),
            Class::Capacity
            | Class::Quota
            | Class::Denied
            | Class::Credentials
            | Class::BadRequest
            | Class::Unknown => {
                self.fatal.get_or_insert_with(|| failure.clone());
            }
        }
    }
}
