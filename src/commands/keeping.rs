//! Keeping a schedule of snapshots between the looks of `watch`. What is due is [`snapshot_schedule`]'s to say.

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::cli::{CommandError, Exit};
use crate::cloud::{Known, Want};
use crate::config::{Config, SnapshotsSetting};
use crate::domain::environment::Environment;
use crate::domain::journal::Entry;
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::observed::{Snapshot, SnapshotState};
use crate::domain::plan::NodeView;
use crate::domain::record::Record;
use crate::domain::snapshot_schedule::{self, Due, Schedule, Usage};
use crate::domain::snapshots::Purpose;
use crate::domain::stored::{Stored, StoredVolume};
use crate::domain::volume_work::{self, Take};
use crate::ui::report::EnvironmentReport;
use crate::ui::time::{relative, short};

use super::context::{Context, load_config};
use super::report;
use super::volume::place::{Place, Task};
use super::volume::quiet::Quiet;

/// How soon it is looked again for what must be over first.
const SOON: SignedDuration = SignedDuration::from_mins(1);
/// How soon it is looked again at volumes that nobody writes to, and after something went wrong.
const LATER: SignedDuration = SignedDuration::from_mins(10);

/// Keeps the schedule of one environment.
pub struct Keeper {
    schedule: Option<Schedule>,
    /// When it is looked next; nothing before the first time.
    check_at: Option<Timestamp>,
    /// Whether what is kept was said.
    is_said: bool,
    /// What went wrong and was told, so that it is told once.
    told: BTreeSet<String>,
}

/// What a look at the volumes has come to.
struct Checked {
    /// When it is looked again.
    next: Timestamp,
    /// What went wrong.
    trouble: Vec<Trouble>,
}

/// Something that went wrong.
struct Trouble {
    /// What it is about: EC2's words for the same thing differ each time.
    about: String,
    /// In words.
    text: String,
}

impl Trouble {
    fn new(about: String, text: String) -> Self {
        Self { about, text }
    }
}

/// The volumes of an environment and what is known of them.
struct Seen<'a> {
    place: &'a Place,
    stored: Stored,
    views: Vec<NodeView>,
    entries: Vec<Entry>,
    record: Record,
}

impl Keeper {
    /// Keeps this schedule, or none.
    pub fn new(schedule: Option<Schedule>) -> Self {
        Self { schedule, check_at: None, is_said: false, told: BTreeSet::new() }
    }

    /// How long until it has something to do; nothing where there is no schedule.
    pub fn wait(&self, now: Timestamp) -> Option<Duration> {
        self.schedule?;
        let left = self.check_at.map_or(SignedDuration::ZERO, |at| at.duration_since(now));
        Some(Duration::try_from(left).unwrap_or_default())
    }

    /// Makes the snapshots that are due, and deletes those that are more than are to be kept. What goes wrong is said, and
    /// never ends the watch; the answer is what of it is news.
    ///
    /// # Errors
    /// The user's signal.
    pub async fn keep(&mut self, context: &Context, name: &EnvName) -> Result<Vec<String>, CommandError> {
        let Some(schedule) = self.schedule else { return Ok(Vec::new()) };
        let now = context.clock.now();
        if self.check_at.is_some_and(|at| at > now) {
            return Ok(Vec::new());
        }
        let trouble = match self.check(context, name, schedule).await {
            Ok(Checked { next, trouble }) => {
                self.check_at = Some(next);
                trouble
            }
            Err(error) if matches!(error.exit, Exit::Code(_)) => return Err(error),
            Err(error) => {
                self.check_at = Some(after(now, LATER));
                let text = format!("the schedule of snapshots of {name} cannot be kept now: {error}");
                vec![Trouble::new(name.to_string(), text)]
            }
        };
        if trouble.is_empty() {
            self.told.clear();
        }
        let news = trouble.into_iter().filter(|it| self.told.insert(it.about.clone()));
        let news: Vec<String> = news.map(|it| it.text).collect();
        news.iter().for_each(|it| context.ui.warn(it));
        Ok(news)
    }

    async fn check(&mut self, context: &Context, name: &EnvName, schedule: Schedule) -> Result<Checked, CommandError> {
        let _lock = context.lock(name).await?;
        let place = Place::of(context, name).await?;
        let now = context.clock.now();
        let environment = match &place.environment {
            Some(it) if !report::is_over(it.intent.goal) => it.clone(),
            _ => return Ok(Checked { next: after(now, SOON), trouble: Vec::new() }),
        };
        let seen = look(context, &place, &environment).await?;
        let volumes = of_nodes(&seen.stored, environment.intent.nodes);
        self.say(context, name, schedule, &volumes);
        let mut checked = Checked { next: after(now, LATER), trouble: Vec::new() };
        let mut soonest: Option<Timestamp> = None;
        for volume in &volumes {
            let next = keep_one(context, &seen, schedule, volume, &mut checked.trouble).await?;
            soonest = Some(soonest.map_or(next, |soonest| soonest.min(next)));
        }
        checked.next = soonest.unwrap_or(checked.next);
        Ok(checked)
    }

    /// Says once what is kept, and what that costs.
    fn say(&mut self, context: &Context, name: &EnvName, schedule: Schedule, volumes: &[&StoredVolume]) {
        if std::mem::replace(&mut self.is_said, true) {
            return;
        }
        if volumes.is_empty() {
            return context.ui.note(&format!(
                "{name} has no persistent volume of cloudtop's own yet: its schedule has nothing to keep"
            ));
        }
        let gib = volumes.iter().map(|it| it.volume.gib).sum();
        context.ui.status(&format!("snapshots of {name}: {}", in_words(schedule, gib)));
    }
}

/// A schedule and what it costs at most: `every 1d, 7 of each volume are kept, at most $17.50 a month: ...`.
pub fn in_words(schedule: Schedule, gib: u32) -> String {
    let usd = money::amount(money::snapshot_per_month(gib) * f64::from(schedule.keep));
    format!(
        "every {}, {} of each volume {} kept, at most {usd} a month: only what has changed counts",
        short(schedule.every.unsigned_abs()),
        schedule.keep,
        if schedule.keep == 1 { "is" } else { "are" },
    )
}

/// Says what a schedule costs where it begins to count, and who keeps it.
pub fn remind(context: &Context, name: &EnvName, setting: Option<SnapshotsSetting>, report: &EnvironmentReport) {
    let gib: u32 = report.volumes.iter().map(|it| it.size_gib).sum();
    if let Some(schedule) = setting.and_then(SnapshotsSetting::schedule).filter(|_| gib > 0) {
        let words = in_words(schedule, gib);
        context
            .ui
            .note(&format!("snapshots of {name}: {words}; `cloudtop watch {name}` makes them, or `watch --install`"));
    }
}

/// How the schedule of an environment stands, for its status; nothing where it has none.
///
/// # Errors
/// EC2 cannot be looked at.
pub async fn standing(context: &Context, name: &EnvName) -> Result<Option<String>, CommandError> {
    let setting = configured(context).environment(name.as_str()).snapshots;
    let Some(schedule) = setting.and_then(SnapshotsSetting::schedule) else { return Ok(None) };
    let place = Place::of(context, name).await?;
    let Some(environment) = place.environment.clone().filter(|it| !report::is_over(it.intent.goal)) else {
        return Ok(None);
    };
    let (seen, now) = (look(context, &place, &environment).await?, context.clock.now());
    let due =
        of_nodes(&seen.stored, environment.intent.nodes).into_iter().map(|volume| seen.due(schedule, volume, now).0);
    let words = match due.min_by_key(urgency) {
        None => return Ok(None),
        Some(Due::Now { .. }) => format!("one is due; `cloudtop watch {name}` makes it"),
        Some(Due::Waits(what)) => format!("one waits for {what}"),
        Some(Due::At(at)) => format!("the next is due {}; `cloudtop watch {name}` makes it", relative(at, now)),
        Some(Due::Unchanged(id)) => format!("none is due, for nothing was written since {id}"),
    };
    Ok(Some(format!("snapshots every {}: {words}", short(schedule.every.unsigned_abs()))))
}

/// The configuration, for commands that show things: those there are whatever is wrong with a file.
pub fn configured(context: &Context) -> Config {
    load_config(&context.globals).unwrap_or_else(|error| {
        context.ui.warn(&format!("when snapshots are due is not known: {error}"));
        Config::default()
    })
}

/// What is told of several volumes: what is nearest.
fn urgency(due: &Due) -> (u8, Option<Timestamp>) {
    match due {
        Due::Now { .. } => (0, None),
        Due::Waits(_) => (1, None),
        Due::At(at) => (2, Some(*at)),
        Due::Unchanged(_) => (3, None),
    }
}

impl Seen<'_> {
    /// Whether a snapshot of a volume is due, and how the volume is used.
    fn due(&self, schedule: Schedule, volume: &StoredVolume, now: Timestamp) -> (Due, Usage) {
        let node = volume.node().unwrap_or_default();
        let view = self.views.iter().find(|view| view.index == node);
        let usage = snapshot_schedule::usage(view, node, &self.entries);
        let (id, snapshots) = (&volume.volume.id, &self.stored.snapshots);
        (snapshot_schedule::due(schedule, id, usage, snapshots, &self.record, now), usage)
    }
}

fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait).unwrap_or(Timestamp::MAX)
}

/// The volumes that nodes use, by node. Those of nodes that were given up are not written to any more.
fn of_nodes(stored: &Stored, nodes: u32) -> Vec<&StoredVolume> {
    let is_used = |it: &&StoredVolume| it.node().is_some_and(|node| node < nodes);
    let mut volumes: Vec<&StoredVolume> = stored.in_place().into_iter().filter(is_used).collect();
    volumes.sort_by_key(|it| it.node());
    volumes
}

async fn look<'a>(context: &Context, place: &'a Place, environment: &Environment) -> Result<Seen<'a>, CommandError> {
    let intent = &environment.intent;
    let known = Known {
        request_ids: &[],
        instance_ids: &[],
        existing_volume: None,
        ssh_port: intent.access.port,
        want: Want::in_use(intent),
    };
    let (stored, observed) = tokio::join!(place.stored(), place.cloud.observe(&place.identity, &known));
    let entries = context.journal(&place.identity.env).since_closed()?;
    let views = report::views(context, &place.identity, intent, &observed?)?;
    Ok(Seen { place, stored: stored?, views, record: Record::read(&entries), entries })
}

/// Keeps the schedule of one volume; when it is to be looked at again.
async fn keep_one(
    context: &Context,
    seen: &Seen<'_>,
    schedule: Schedule,
    volume: &StoredVolume,
    trouble: &mut Vec<Trouble>,
) -> Result<Timestamp, CommandError> {
    let (id, node, now) = (&volume.volume.id, volume.node().unwrap_or_default(), context.clock.now());
    let of = format!("{}/{node}", seen.place.identity.env);
    trouble.extend(failed(&of, id, &seen.stored.snapshots));
    let (due, usage) = seen.due(schedule, volume, now);
    let next = match due {
        Due::At(at) => at,
        Due::Waits(_) => after(now, SOON),
        Due::Unchanged(_) => after(now, LATER),
        Due::Now { since } => match take(context, seen.place, volume, usage, since).await {
            Ok(snapshot) => {
                let every = short(schedule.every.unsigned_abs());
                context
                    .ui
                    .status(&format!("{of}: EC2 writes {}, the snapshot that was due (every {every})", snapshot.id));
                after(now, SOON)
            }
            Err(error) if matches!(error.exit, Exit::Code(_)) => return Err(error),
            Err(error) => {
                let text = format!("{of}: the snapshot that is due could not be made: {error}; it is tried again");
                trouble.push(Trouble::new(of.clone(), text));
                after(now, LATER)
            }
        },
    };
    match prune(context, seen, schedule, &of, id).await {
        Err(error) if matches!(error.exit, Exit::Code(_)) => Err(error),
        Err(error) => {
            let text = format!("{of}: an old snapshot could not be deleted: {error}; it is tried again");
            trouble.push(Trouble::new(format!("{of}, old ones"), text));
            Ok(next.max(after(now, LATER)))
        }
        Ok(()) => Ok(next),
    }
}

/// That EC2 could not make the last one, which it says only later.
fn failed(of: &str, volume_id: &str, snapshots: &[Snapshot]) -> Option<Trouble> {
    let scheduled = snapshots.iter().filter(|it| it.volume_id == volume_id && Purpose::Scheduled.is_of(it));
    let last = scheduled.max_by_key(|it| it.started_at).filter(|it| it.state == SnapshotState::Error)?;
    let text =
        format!("{of}: EC2 could not make {}, the snapshot that was due; another is made within the hour", last.id);
    Some(Trouble::new(last.id.clone(), text))
}

async fn take(
    context: &Context,
    place: &Place,
    volume: &StoredVolume,
    usage: Usage,
    since: Timestamp,
) -> Result<Snapshot, CommandError> {
    let own_tags = place.own_tags(context)?;
    let take = Take {
        identity: &place.identity,
        volume: &volume.volume,
        purpose: Purpose::Scheduled,
        description: "scheduled",
        own_tags: &own_tags,
        wait: false,
    };
    let task = Task { since: Some(since), ..Task::new(format!("watch {}", place.identity.env)) };
    let quiet = match usage {
        Usage::InUse => Quiet::begin(context, place, volume).await,
        Usage::Changing | Usage::AtRest { .. } => Quiet::not_needed(),
    };
    let taken = place.work(context, task, |at| take.next(at)).await;
    quiet.end(context).await;
    taken
}

/// Deletes what is more than is to be kept, the oldest first.
async fn prune(
    context: &Context,
    seen: &Seen<'_>,
    schedule: Schedule,
    of: &str,
    volume_id: &str,
) -> Result<(), CommandError> {
    for old in snapshot_schedule::surplus(schedule, volume_id, &seen.stored.snapshots) {
        let now = context.clock.now();
        let task = Task { since: Some(now), ..Task::new(format!("watch {}", seen.place.identity.env)) };
        seen.place.work(context, task, |at| volume_work::delete_snapshot(&old.id, at)).await?;
        context.ui.status(&format!("{of}: {} is deleted: {} newer ones are kept", old.id, schedule.keep));
    }
    Ok(())
}
