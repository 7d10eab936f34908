//! Working on one volume of an environment: look, decide, write down, act, until it is done.
//!
//! Decisions are [`crate::domain::volume_work`]'s. A run that was cut off is gone on with by the same command again.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::domain::failure::{Class, Failure};
use crate::domain::journal::Event;
use crate::domain::names::Identity;
use crate::domain::plan::Step;
use crate::domain::record::Record;
use crate::domain::stored::Stored;
use crate::domain::volume_work::{Moment, Next, cut_off_since};
use crate::state::Journal;

use super::act::Actor;
use super::ending::EngineError;
use super::interrupt::{Interrupt, Signal};
use super::report::{Progress, Reporter};
use super::schedule::{AFTER_TROUBLE, LOOKS, Pace};

/// How long a call is repeated that EC2 refuses in passing.
const PATIENCE_WITH_CALLS: Duration = Duration::from_secs(180);

/// One piece of work on a volume, and what it works with.
pub struct VolumeWork<'a> {
    /// EC2.
    pub cloud: &'a Cloud,
    /// Whose environment it is.
    pub identity: &'a Identity,
    /// What was and is done for the environment.
    pub journal: &'a mut Journal,
    /// The time.
    pub clock: Clock,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
    /// Whether the user wants to end.
    pub interrupt: Interrupt,
    /// The command as typed, for the journal. The same command goes on with what a run of it that was cut off has begun.
    pub command: String,
    /// The volume of which changes are asked for.
    pub changing: Option<&'a str>,
    /// Whether it is about images: then those are looked at, and no volumes.
    pub images: bool,
    /// Since when it is worked on, where another piece of work began it. `None`: since this run, or since the first run of
    /// the same command of those that were cut off.
    pub since: Option<Timestamp>,
    /// How long to wait for EC2. `None`: as long as it takes.
    pub patience: Option<Duration>,
}

/// How work on a volume ended.
#[derive(Debug)]
pub enum Worked<T> {
    /// It is done.
    Done(T),
    /// It cannot be done; why.
    Stopped(String),
    /// EC2 refused a call for good.
    Refused(Failure),
    /// It was not done in time; what was waited for last.
    TimedOut(String),
    /// The user asked for the end.
    Interrupted(Signal),
}

impl VolumeWork<'_> {
    /// Works until `decide` says that it is done, or cannot be.
    ///
    /// # Errors
    /// Where the journal cannot be written, or EC2 cannot be looked at.
    pub async fn run<T>(mut self, decide: impl Fn(Moment<'_>) -> Next<T>) -> Result<Worked<T>, EngineError> {
        let _held = self.interrupt.hold();
        let entries = self.journal.since_closed()?;
        let since = self.since.or_else(|| cut_off_since(&entries, &self.command)).unwrap_or_else(|| self.clock.now());
        let mut record = Record::read(&entries);
        let command = self.command.clone();
        self.actor(&mut record).write(vec![Event::Began { command }])?;
        let worked = self.work(&mut record, since, decide).await?;
        let outcome = match &worked {
            Worked::Done(_) => "done".to_owned(),
            Worked::Stopped(why) => why.clone(),
            Worked::Refused(failure) => failure.to_string(),
            Worked::TimedOut(what) => format!("not done in time; waited for {what}"),
            Worked::Interrupted(signal) => signal.as_str().to_owned(),
        };
        self.actor(&mut record).write(vec![Event::Ended { outcome }])?;
        Ok(worked)
    }

    async fn work<T>(
        &mut self,
        record: &mut Record,
        since: Timestamp,
        decide: impl Fn(Moment<'_>) -> Next<T>,
    ) -> Result<Worked<T>, EngineError> {
        let by = self.patience.map(|patience| Instant::now() + patience);
        let (mut looks, mut trouble) = (LOOKS.start(), AFTER_TROUBLE.start());
        let mut calls_by = Instant::now() + PATIENCE_WITH_CALLS;
        loop {
            let seen = match self.look(&mut trouble).await? {
                Ok(seen) => seen,
                Err(signal) => return Ok(Worked::Interrupted(signal)),
            };
            let now = self.clock.now();
            let (waiting_for, pause) = match decide(Moment { seen: &seen, record: &*record, since, now }) {
                Next::Done(it) => return Ok(Worked::Done(it)),
                Next::Stop(why) => return Ok(Worked::Stopped(why)),
                Next::Settle(token, how) => {
                    self.actor(record).write(vec![Event::Settled { token, how }])?;
                    continue;
                }
                Next::Wait(what) => (what, looks.next_wait()),
                Next::Act(step) => match self.send(record, *step).await? {
                    Sent::Done => {
                        looks.restart();
                        trouble.restart();
                        calls_by = Instant::now() + PATIENCE_WITH_CALLS;
                        continue;
                    }
                    Sent::Refused(failure) => return Ok(Worked::Refused(failure)),
                    Sent::NotYet(failure) if Instant::now() >= calls_by => return Ok(Worked::Refused(failure)),
                    Sent::NotYet(failure) => (failure.to_string(), trouble.next_wait()),
                    Sent::Interrupted(signal) => return Ok(Worked::Interrupted(signal)),
                },
            };
            if by.is_some_and(|by| Instant::now() >= by) {
                return Ok(Worked::TimedOut(waiting_for));
            }
            self.reporter.report(&Progress::Waiting(&[waiting_for]));
            if let Err(signal) = self.interrupt.unless(tokio::time::sleep(pause)).await {
                return Ok(Worked::Interrupted(signal));
            }
        }
    }

    async fn send(&mut self, record: &mut Record, step: Step) -> Result<Sent, EngineError> {
        let mut acted = self.actor(record).carry_out(vec![step]).await?;
        if let Some(signal) = self.interrupt.came() {
            return Ok(Sent::Interrupted(signal));
        }
        Ok(match (acted.fatal, acted.mendable.pop()) {
            (Some(failure), _) => Sent::Refused(failure),
            (None, Some(failure)) => Sent::NotYet(failure),
            (None, None) => Sent::Done,
        })
    }

    /// Looks at EC2, again and again while that fails in passing.
    async fn look(&mut self, trouble: &mut Pace) -> Result<Result<Stored, Signal>, EngineError> {
        let by = Instant::now() + PATIENCE_WITH_CALLS;
        loop {
            let failure = match self.interrupt.unless(look(self.cloud, self.identity, self.changing, self.images)).await
            {
                Err(signal) => return Ok(Err(signal)),
                Ok(Ok(seen)) => return Ok(Ok(seen)),
                Ok(Err(failure)) => failure,
            };
            let passing = matches!(failure.class, Class::Throttled | Class::Ambiguous);
            if !passing || Instant::now() >= by {
                return Err(EngineError::Look(failure));
            }
            self.reporter.report(&Progress::Note(&format!("cannot look at EC2 now, trying again: {failure}")));
            if let Err(signal) = self.interrupt.unless(tokio::time::sleep(trouble.next_wait())).await {
                return Ok(Err(signal));
            }
        }
    }

    fn actor<'b>(&'b mut self, record: &'b mut Record) -> Actor<'b> {
        // All calls that are made here bring their own tags.
        static NO_TAGS: BTreeMap<String, String> = BTreeMap::new();
        Actor {
            cloud: self.cloud,
            identity: self.identity,
            tags: &NO_TAGS,
            clock: self.clock,
            reporter: self.reporter,
            journal: self.journal,
            record,
            interrupt: self.interrupt.clone(),
        }
    }
}

/// What came of one call.
enum Sent {
    Done,
    Refused(Failure),
    NotYet(Failure),
    Interrupted(Signal),
}

async fn look(cloud: &Cloud, identity: &Identity, changing: Option<&str>, images: bool) -> Result<Stored, Failure> {
    if images {
        return cloud.own_images(&identity.owner, Some(identity)).await;
    }
    let (stored, modification) = tokio::join!(cloud.stored(&identity.owner, Some(identity)), async {
        match changing {
            Some(id) => cloud.modification(id).await,
            None => Ok(None),
        }
    });
    Ok(Stored { modification: modification?, ..stored? })
}
