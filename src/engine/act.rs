//! Sending the calls of a plan: written down before, written down after.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
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

use super::interrupt::Interrupt;
use super::report::{Progress, Reporter};

/// How long answers are waited for when the user wants to end. Most come within a second; a launch may take a few. A
/// call that hangs must not hold the user: the journal has it, and the next run finds out what became of it.
const LAST_ANSWERS_WITHIN: Duration = Duration::from_secs(5);
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
    pub interrupt: Interrupt,
}

/// A step with its token.
struct Intended {
    token: Uuid,
    step: Step,
}

impl From<Step> for Intended {
    fn from(step: Step) -> Self {
        Self { token: step.token.unwrap_or_else(Uuid::now_v7), step }
    }
}

/// A call with its token, and what came of it.
type Answer = (Uuid, Call, Result<Made, Failure>);

impl Actor<'_> {
    /// Writes the steps down, sends them side by side, and writes down what came of each.
    ///
    /// When the user wants to end, nothing more is sent. What was sent is worth its answer, for a few seconds.
    pub(super) async fn carry_out(&mut self, steps: Vec<Step>) -> Result<Acted, StateError> {
        let intended: Vec<Intended> = steps.into_iter().map(Intended::from).collect();
        let events = intended.iter().map(|it| Event::Intended {
            token: it.token,
            call: Box::new(it.step.call.clone()),
            reason: it.step.reason.clone(),
        });
        self.write(events.collect())?;

        let mut acted = Acted::default();
        let mut tasks = JoinSet::new();
        let mut unsent = intended.into_iter();
        let mut under_way = BTreeMap::new();
        let mut last_answers_by: Option<Instant> = None;
        loop {
            if last_answers_by.is_none() && self.interrupt.came().is_some() {
                last_answers_by = Some(Instant::now() + LAST_ANSWERS_WITHIN);
            }
            while last_answers_by.is_none()
                && tasks.len() < AT_ONCE
                && let Some(Intended { token, step }) = unsent.next()
            {
                self.reporter.report(&Progress::Sent { call: &step.call, reason: &step.reason });
                under_way.insert(token, step.call.clone());
                self.send(&mut tasks, token, step.call);
            }
            let Some(first) = self.next_answer(&mut tasks, last_answers_by).await else { break };
            let mut answers: Vec<Answer> = first.into_iter().collect();
            while let Some(Ok(more)) = tasks.try_join_next() {
                answers.push(more);
            }
            under_way.retain(|token, _| !answers.iter().any(|(answered, ..)| answered == token));
            self.take(answers, &mut acted)?;
        }
        self.leave(&under_way, unsent)?;
        Ok(acted)
    }

    /// The next answer; nothing where a signal came first. `None`: there are no more, or they are waited for no longer.
    async fn next_answer(&mut self, tasks: &mut JoinSet<Answer>, by: Option<Instant>) -> Option<Option<Answer>> {
        let joined = match by {
            Some(by) => timeout_at(by, tasks.join_next()).await.ok()?,
            None => tokio::select! {
                biased;
                joined = tasks.join_next() => joined,
                _ = self.interrupt.wait() => return Some(None),
            },
        };
        Some(joined?.ok())
    }

    /// Writes down what is left when the user ends the run: calls that may have taken effect, and calls that were never
    /// sent. One that repeats an earlier call is left as it was: the earlier one may have taken effect.
    fn leave(
        &mut self,
        under_way: &BTreeMap<Uuid, Call>,
        unsent: impl Iterator<Item = Intended>,
    ) -> Result<(), StateError> {
        let lost = under_way.iter().map(|(token, call)| Event::Lost { token: *token, failure: abandoned(call) });
        let never = unsent.filter(|it| it.step.token.is_none());
        let never = never.map(|it| Event::Settled { token: it.token, how: "it was never sent".to_owned() });
        self.write(lost.chain(never).collect())
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
        let events = answers.iter().map(|(token, call, answer)| match answer {
            Ok(made) => Event::Done { token: *token, made: made.clone() },
            Err(failure) if may_have_acted(call, failure) => Event::Lost { token: *token, failure: failure.clone() },
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
fn may_have_acted(call: &Call, failure: &Failure) -> bool {
    let unheard = matches!(failure.class, Class::Ambiguous | Class::Throttled | Class::Credentials);
    // The SDK sends this one once: what was turned away did nothing.
    if matches!(call, Call::CreateSnapshot { .. } | Call::CopySnapshot { .. } | Call::CreateImage { .. }) {
        return failure.class == Class::Ambiguous;
    }
    // A security group of that name is there and not listed: an earlier try may have made it.
    unheard || (matches!(call, Call::CreateGroup { .. }) && failure.class == Class::NotYetVisible)
}

/// What a call that is not waited for any longer ends as.
fn abandoned(call: &Call) -> Failure {
    Failure {
        action: call.action().to_owned(),
        code: "Abandoned".to_owned(),
        message: "you ended the run before EC2 answered".to_owned(),
        class: Class::Ambiguous,
    }
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
