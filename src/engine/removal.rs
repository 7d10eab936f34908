//! Removing single things, in an order in which nothing comes back: requests first, then instances, and once those are
//! gone what they had.
//!
//! Every call is the same done once or twice, so a removal that was killed is finished by doing it again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::domain::call::Call;
use crate::domain::failure::{Class, Failure};
use crate::domain::journal::Event;
use crate::domain::leftovers::{Kind, Leftover};
use crate::domain::names::Identity;
use crate::domain::plan::Step;
use crate::domain::record::Record;
use crate::state::Journal;

use super::act::Actor;
use super::ending::EngineError;
use super::interrupt::{Interrupt, Signal};
use super::report::{Progress, Reporter};
use super::schedule::{AFTER_TROUBLE, LOOKS};

/// How long calls are repeated, and ends waited for. An instance may take minutes to shut down.
const PATIENCE: Duration = Duration::from_secs(600);
/// How long a delete is repeated that something stands in the way of: what we ended ourselves lets go within seconds.
const PATIENCE_TO_DELETE: Duration = Duration::from_secs(90);

/// Things of one environment that are to be removed.
pub struct Removal<'a> {
    /// EC2.
    pub cloud: &'a Cloud,
    /// Whose they are.
    pub identity: &'a Identity,
    /// What was and is done for the environment.
    pub journal: &'a mut Journal,
    /// The time.
    pub clock: Clock,
    /// Who is told.
    pub reporter: &'a dyn Reporter,
    /// Whether the user wants to end.
    pub interrupt: Interrupt,
    /// The command as typed, for the journal.
    pub command: String,
    /// The things. Whole environments are ended by a run of the engine instead.
    pub things: &'a [Leftover],
}

/// How a removal ended.
#[derive(Debug)]
pub enum Removed {
    /// Nothing of it is left.
    All,
    /// EC2 refused a call for good.
    Refused(Failure),
    /// It was not done in time; what was waited for last.
    TimedOut(String),
    /// The user asked for the end.
    Interrupted(Signal),
}

impl Removal<'_> {
    /// Removes the things.
    ///
    /// # Errors
    /// Where the journal cannot be written, or EC2 cannot be looked at.
    pub async fn run(mut self) -> Result<Removed, EngineError> {
        let _held = self.interrupt.hold();
        let mut record = Record::read(&self.journal.since_closed()?);
        let command = self.command.clone();
        self.actor(&mut record).write(vec![Event::Began { command }])?;
        let by = Instant::now() + PATIENCE;
        let removed = self.remove(&mut record, by).await?;
        let outcome = match &removed {
            Removed::All => "done".to_owned(),
            Removed::Refused(failure) => failure.to_string(),
            Removed::TimedOut(what) => format!("not done in time; waited for {what}"),
            Removed::Interrupted(signal) => signal.as_str().to_owned(),
        };
        self.actor(&mut record).write(vec![Event::Ended { outcome }])?;
        Ok(removed)
    }

    async fn remove(&mut self, record: &mut Record, by: Instant) -> Result<Removed, EngineError> {
        let instances: Vec<String> = self.of(Kind::Instance).map(|it| it.id.clone()).collect();
        let of_instances = self.of(Kind::Instance).flat_map(|it| it.parts.clone());
        let requests: Vec<String> = self.of(Kind::Request).map(|it| it.id.clone()).chain(of_instances).collect();
        let reason = "it has no use any more";
        let step = |call: Call| Step { call, token: None, reason: reason.to_owned() };
        let mut stages = Vec::new();
        if !requests.is_empty() {
            stages.push(vec![step(Call::CancelRequests { ids: requests })]);
        }
        if !instances.is_empty() {
            stages.push(vec![step(Call::Terminate { ids: instances.clone() })]);
        }
        for steps in stages {
            if let Some(ended) = self.settle(record, steps, by).await? {
                return Ok(ended);
            }
        }
        if let Some(ended) = self.wait_until_gone(&instances, by).await? {
            return Ok(ended);
        }
        let rest: Vec<Step> = self.things.iter().filter_map(delete_call).map(step).collect();
        let by = by.min(Instant::now() + PATIENCE_TO_DELETE);
        Ok(self.settle(record, rest, by).await?.unwrap_or(Removed::All))
    }

    fn of(&self, kind: Kind) -> impl Iterator<Item = &Leftover> {
        self.things.iter().filter(move |it| it.kind == kind)
    }

    /// Carries steps out until none is left that time may mend. `None`: all are done.
    async fn settle(
        &mut self,
        record: &mut Record,
        steps: Vec<Step>,
        by: Instant,
    ) -> Result<Option<Removed>, EngineError> {
        let mut pace = AFTER_TROUBLE.start();
        loop {
            let acted = self.actor(record).carry_out(steps.clone()).await?;
            if let Some(signal) = self.interrupt.came() {
                return Ok(Some(Removed::Interrupted(signal)));
            }
            if let Some(failure) = acted.fatal {
                return Ok(Some(Removed::Refused(failure)));
            }
            let Some(failure) = acted.mendable.first() else { return Ok(None) };
            if Instant::now() >= by {
                return Ok(Some(Removed::TimedOut(failure.to_string())));
            }
            self.reporter.report(&Progress::Note(&format!("not yet, trying again: {failure}")));
            if let Err(signal) = self.interrupt.unless(tokio::time::sleep(pace.next_wait())).await {
                return Ok(Some(Removed::Interrupted(signal)));
            }
        }
    }

    /// Waits until the instances are terminated: a group cannot be deleted while an instance is in it, and an interface
    /// or a volume not while it is attached.
    async fn wait_until_gone(&mut self, ids: &[String], by: Instant) -> Result<Option<Removed>, EngineError> {
        let mut pace = LOOKS.start();
        let mut left = ids.to_vec();
        while !left.is_empty() {
            if Instant::now() >= by {
                return Ok(Some(Removed::TimedOut(format!("{} to terminate", left.join(", ")))));
            }
            let looked = match self.interrupt.unless(self.cloud.instances_left(ids)).await {
                Ok(looked) => looked,
                Err(signal) => return Ok(Some(Removed::Interrupted(signal))),
            };
            match looked {
                Ok(still) => left = still,
                Err(failure) if matches!(failure.class, Class::Throttled | Class::Ambiguous) => {}
                Err(failure) => return Err(EngineError::Look(failure)),
            }
            if left.is_empty() {
                break;
            }
            self.reporter.report(&Progress::Waiting(&[format!("{} to terminate", left.join(", "))]));
            if let Err(signal) = self.interrupt.unless(tokio::time::sleep(pace.next_wait())).await {
                return Ok(Some(Removed::Interrupted(signal)));
            }
        }
        Ok(None)
    }

    fn actor<'b>(&'b mut self, record: &'b mut Record) -> Actor<'b> {
        // Nothing is made here that would need tags.
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

/// The call that deletes a thing, where it is not one that is ended before.
fn delete_call(thing: &Leftover) -> Option<Call> {
    let id = thing.id.clone();
    match thing.kind {
        Kind::Interface => Some(Call::DeleteInterface { id }),
        Kind::Group => Some(Call::DeleteGroup { id }),
        Kind::Key => Some(Call::DeleteKey { name: id }),
        Kind::Volume => Some(Call::DeleteVolume { id }),
        Kind::Snapshot => Some(Call::DeleteSnapshot { id }),
        Kind::Instance | Kind::Request | Kind::Environment => None,
    }
}
