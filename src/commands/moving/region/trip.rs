//! The way of an environment into another region. Each step looks first at what is there, and does only what is missing.

use std::time::Duration;

use crate::cli::{CommandError, Exit};
use crate::domain::call::Tags;
use crate::domain::environment::Environment;
use crate::domain::intent::Goal;
use crate::domain::journal::{Entry, Event};
use crate::domain::names::{EnvName, Identity};
use crate::domain::observed::Snapshot;
use crate::domain::phase::Wait;
use crate::domain::region_move::{self, CopyOver, RegionMove};
use crate::domain::snapshots::Purpose;
use crate::domain::stored::StoredVolume;
use crate::domain::tags;
use crate::domain::volume_work::{self, Moment, Next, Restore, Take};
use crate::ui::report::EnvironmentReport;

use super::super::super::context::Context;
use super::super::super::deliver;
use super::super::super::volume::place::{Place, Task};
use super::super::super::work::{self, Work};

/// A move that is carried out.
pub struct Trip<'a> {
    pub(super) context: &'a Context,
    pub(super) name: &'a EnvName,
    pub(super) environment: Environment,
    pub(super) going: RegionMove,
    /// The region that is left.
    pub(super) old: Place,
    /// The region that it goes to.
    pub(super) new: Place,
    timeout: Duration,
}

impl<'a> Trip<'a> {
    /// The move that the environment has noted.
    pub async fn of(
        context: &'a Context,
        name: &'a EnvName,
        environment: Environment,
        timeout: Duration,
    ) -> Result<Self, CommandError> {
        let Some(going) = environment.region_move.clone() else {
            return Err(CommandError::usage(format!("`{name}` does not move")));
        };
        let identity = context.identity(&context.store.read().await?, name);
        let (old, new) = (
            place(context, &identity, &environment, &going.from).await?,
            place(context, &identity, &environment, &going.to).await?,
        );
        Ok(Self { context, name, environment, going, old, new, timeout })
    }

    /// All of it, as far as it is not done.
    pub async fn carry_out(&mut self, wait: Wait) -> Result<EnvironmentReport, CommandError> {
        if self.environment.intent.region != self.going.to {
            self.leave().await?;
            self.be_there().await?;
        }
        if self.environment.intent.goal != Goal::Running {
            // It was stopped on its way.
            self.environment.intent.goal = Goal::Running;
            super::super::note(self.context, self.name, &self.environment).await?;
        }
        let until = self.going.until.max(wait);
        let report = self.engine(true, until).await.map_err(|error| self.way_on(error))?;
        self.clear().await?;
        self.end().await?;
        self.tell_of_settings()?;
        Ok(report)
    }

    /// Ends the machines of the old region, and makes the volumes of the new one.
    async fn leave(&self) -> Result<(), CommandError> {
        if !self.has_left()? {
            let report = self.engine(false, Wait::None).await?;
            self.copy_all(&report).await?;
            // From here on the record of what was done is that of the new region.
            self.write(Event::Moved { region: self.going.to.clone() })?;
        }
        let (old, new) = (self.old.stored().await?, self.new.stored().await?);
        // A node whose volume a list leaves out would get an empty one there.
        if let Some(late) = self.going.copied(&new).find(|id| old.volume(id).is_none()) {
            return Err(self.unlisted(late));
        }
        for volume in old.in_place() {
            let id = &volume.volume.id;
            let Some(copy) = self.going.copy_of(&new, id).cloned() else {
                let text = format!("the copy of {id} in {} is not listed", self.going.to);
                return Err(CommandError::new(Exit::NotReady, text).hint(self.again()));
            };
            let mut tags = volume.tags.clone();
            tags.insert(tags::COPIED_FROM.to_owned(), id.clone());
            let node = volume.node().unwrap_or_default();
            let (zone, gib) = (self.going.zone.clone(), volume.volume.gib);
            let restore = Restore { node, zone, gib, snapshot: Some(copy), replaces: None, tags };
            self.work(&self.new, true, |at| restore.next(at)).await?;
        }
        Ok(())
    }

    /// Whether all volumes have been copied, and the journal is the new region's.
    fn has_left(&self) -> Result<bool, CommandError> {
        let entries = self.context.journal(self.name).since_closed()?;
        let first = entries.first().map(|entry| &entry.event);
        Ok(matches!(first, Some(Event::Moved { region }) if *region == self.going.to))
    }

    /// Snapshots of all volumes that were kept, and copies of those: all are begun before any is waited for.
    async fn copy_all(&self, report: &EnvironmentReport) -> Result<(), CommandError> {
        let stored = self.old.stored().await?;
        if let Some(late) = report.volumes.iter().find(|it| stored.volume(&it.volume_id).is_none()) {
            return Err(self.unlisted(&late.volume_id));
        }
        let (volumes, own_tags) = (stored.in_place(), self.environment.intent.all_tags());
        let mut begun = Vec::new();
        for volume in &volumes {
            begun.push(match self.going.snapshot_of(&stored, &volume.volume.id) {
                Some(there) => there.clone(),
                None => self.take(volume, &own_tags).await?,
            });
        }
        let mut copies = Vec::new();
        for (volume, snapshot) in volumes.iter().zip(&begun) {
            let snapshot = self.whole(&self.old, snapshot).await?;
            let volume = &volume.volume;
            let (going, identity) = (&self.going, &self.new.identity);
            let copy = CopyOver { going, identity, volume, snapshot: &snapshot, own_tags: &own_tags };
            copies.push(self.work(&self.new, false, |at| copy.next(at)).await?);
        }
        for copy in &copies {
            self.whole(&self.new, copy).await?;
        }
        Ok(())
    }

    async fn take(&self, volume: &StoredVolume, own_tags: &Tags) -> Result<Snapshot, CommandError> {
        let take = Take {
            identity: &self.old.identity,
            volume: &volume.volume,
            purpose: Purpose::Move,
            description: "a move to another region",
            own_tags,
            wait: false,
        };
        self.work(&self.old, false, |at| take.next(at)).await
    }

    async fn whole(&self, place: &Place, snapshot: &Snapshot) -> Result<Snapshot, CommandError> {
        self.work(place, false, |at| region_move::whole(&snapshot.id, at)).await
    }

    /// Notes that it is in the new region now: its volumes are there.
    async fn be_there(&mut self) -> Result<(), CommandError> {
        let intent = &mut self.environment.intent;
        if intent.zone.is_some() || self.going.zone_named {
            intent.zone = Some(self.going.zone.clone());
        }
        intent.region.clone_from(&self.going.to);
        intent.goal = Goal::Running;
        self.environment.updated_at = self.context.clock.now();
        super::super::note(self.context, self.name, &self.environment).await
    }

    /// What was left in the old region goes, now that nodes use what was made of it.
    async fn clear(&self) -> Result<(), CommandError> {
        let (old, new) = (self.old.stored().await?, self.new.stored().await?);
        let outlived: Vec<String> = region_move::outlived(&old, &new).iter().map(|it| it.volume.id.clone()).collect();
        if self.going.keep_old {
            return self.keep(&old.in_place()).await;
        }
        let (here, there) = (
            region_move::spent_snapshots(&self.going, &old, &old, &new),
            region_move::spent_snapshots(&self.going, &new, &old, &new),
        );
        for id in &outlived {
            self.work(&self.old, false, |at| volume_work::delete(id, None, at)).await?;
        }
        for (place, ids) in [(&self.old, here), (&self.new, there)] {
            for id in &ids {
                self.work(place, false, |at| volume_work::delete_snapshot(id, at)).await?;
            }
        }
        let others: Vec<&StoredVolume> =
            old.in_place().into_iter().filter(|it| !outlived.contains(&it.volume.id)).collect();
        self.keep(&others).await
    }

    /// Volumes of the old region stay, as nobody's.
    pub(super) async fn keep(&self, volumes: &[&StoredVolume]) -> Result<(), CommandError> {
        for volume in volumes {
            let (id, from) = (&volume.volume.id, &self.going.from);
            self.work(&self.old, false, |at| region_move::set_aside(id, "a copy in another region", at)).await?;
            let usd = crate::domain::money::gp3_per_month(from, u64::from(volume.volume.gib)).0;
            let usd = crate::domain::money::amount(usd);
            let text = format!("{id} is kept in {from}, at about {usd} a month");
            self.context.ui.status(&format!("{text}: `cloudtop volume delete {id} -r {from}` deletes it"));
        }
        Ok(())
    }

    /// The move is over.
    pub(super) async fn end(&mut self) -> Result<(), CommandError> {
        self.environment.region_move = None;
        super::super::note(self.context, self.name, &self.environment).await
    }

    pub(super) fn write(&self, event: Event) -> Result<(), CommandError> {
        let at = self.context.clock.now();
        Ok(self.context.journal(self.name).append(&Entry { at, event })?)
    }

    /// Brings the environment to its goal, in the new region or the old.
    async fn engine(&self, there: bool, wait: Wait) -> Result<EnvironmentReport, CommandError> {
        let place = if there { &self.new } else { &self.old };
        let delivery = deliver::gather(self.context, &place.identity, &self.environment.intent).await?;
        let work = Work {
            cloud: &place.cloud,
            identity: &place.identity,
            environment: &self.environment,
            verb: "move",
            wait,
            timeout: Some(self.timeout),
            patient: false,
            market: None,
            delivery,
        };
        work::carry_out(self.context, work).await
    }

    /// `whole`: since the move began, rather than since this run.
    pub(super) async fn work<T>(
        &self,
        place: &Place,
        whole: bool,
        decide: impl Fn(Moment<'_>) -> Next<T>,
    ) -> Result<T, CommandError> {
        let since = whole.then_some(self.going.since);
        let task = Task { since, ..Task::new(format!("move {}", self.name)) };
        place.work(self.context, task, decide).await
    }

    /// A later launch goes by the settings: they should say where it is now.
    fn tell_of_settings(&self) -> Result<(), CommandError> {
        let settings = self.context.config()?.environment(self.name.as_str());
        let (name, to) = (self.name, &self.going.to);
        if let Some(region) = settings.region.filter(|region| region != to) {
            let note = format!(
                "the configuration says region = \"{region}\" for {name}, which is in {to} now: change it there"
            );
            self.context.ui.note(&note);
        }
        if let Some(zone) = settings.zone.filter(|zone| !zone.starts_with(to.as_str())) {
            let note =
                format!("the configuration says zone = \"{zone}\" for {name}, which is in {to} now: change it there");
            self.context.ui.note(&note);
        }
        Ok(())
    }

    fn unlisted(&self, id: &str) -> CommandError {
        let text = format!("EC2 does not list {id}, which is copied to {}", self.going.to);
        CommandError::new(Exit::NotReady, text).hint(self.again())
    }

    fn again(&self) -> String {
        format!("nothing is lost: `cloudtop move {}` goes on", self.name)
    }

    fn way_on(&self, error: CommandError) -> CommandError {
        if error.exit != Exit::NoCapacity {
            return error;
        }
        let (name, to) = (self.name, &self.going.to);
        error.hint(format!("nothing is lost: `cloudtop move {name} --zone AZ` tries another zone of {to}"))
    }
}

async fn place(
    context: &Context,
    identity: &Identity,
    environment: &Environment,
    region: &str,
) -> Result<Place, CommandError> {
    let cloud = context.connect_to(region, environment.profile.as_deref()).await?;
    Ok(Place { cloud, identity: identity.clone(), environment: Some(environment.clone()) })
}
