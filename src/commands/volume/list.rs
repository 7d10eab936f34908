//! `cloudtop volume list` and `cloudtop volume snapshots`.

use clap::Args;
use jiff::Timestamp;

use crate::cli::CommandError;
use crate::config::Config;
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::observed::Snapshot;
use crate::domain::snapshot_schedule;
use crate::domain::stored::StoredVolume;
use crate::domain::tags;
use crate::state::State;
use crate::ui::volumes::{self as shown, SnapshotRow, VolumeRow};

use super::super::context::Context;
use super::super::{keeping, report};
use super::place;

/// The volumes that there are, those of ended environments too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop volume list\n  cloudtop volume list -r eu-west-1 --json")]
pub struct ListArgs {}

/// The snapshots that there are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop volume snapshots\n  cloudtop volume snapshots dev --json")]
pub struct SnapshotsArgs {
    /// Only those of this environment
    pub name: Option<EnvName>,
}

/// Runs `cloudtop volume list`.
pub async fn run(_: &ListArgs, context: &Context) -> Result<(), CommandError> {
    let mut rows = Vec::new();
    let mut orphans = 0;
    let (config, state) = (keeping::configured(context), context.store.read().await?);
    for (cloud, stored) in place::everywhere(context).await? {
        for volume in &stored.volumes {
            let snapshots: Vec<Snapshot> = stored.snapshots_of(&volume.volume.id).into_iter().cloned().collect();
            let (usd_per_month, _) = money::gp3_per_month(cloud.region(), u64::from(volume.volume.gib));
            let region = cloud.region().to_owned();
            let next_snapshot = next(context, &config, &state, volume, &snapshots);
            rows.push(VolumeRow { region, stored: volume.clone(), snapshots, next_snapshot, usd_per_month });
        }
        orphans += stored.snapshots.iter().filter(|it| stored.volume(&it.volume_id).is_none()).count();
    }
    let key = |row: &VolumeRow| (row.stored.identity.env.clone(), row.stored.node(), row.stored.volume.id.clone());
    rows.sort_by_key(key);
    if context.globals.json {
        return Ok(context.ui.json(&shown::VolumesShape::from(rows.as_slice()))?);
    }
    if rows.is_empty() {
        context.ui.status("there are no persistent volumes; `cloudtop up NAME` makes them");
    }
    context.ui.answer(&shown::volumes(&rows, context.clock.now(), context.ui.table_width()))?;
    if orphans > 0 {
        context
            .ui
            .status(&format!("{orphans} more snapshots are of volumes that are gone: `cloudtop volume snapshots`"));
    }
    Ok(())
}

/// When the next snapshot of a volume is due by the schedule of its environment. That of an ended one is not kept.
fn next(
    context: &Context,
    config: &Config,
    state: &State,
    volume: &StoredVolume,
    snapshots: &[Snapshot],
) -> Option<Timestamp> {
    let env = &volume.identity.env;
    let lives = state.environments.get(env).is_some_and(|it| !report::is_over(it.intent.goal));
    let schedule = config.environment(env.as_str()).snapshots?.schedule().filter(|_| lives && volume.is_in_place())?;
    Some(snapshot_schedule::next(schedule, &volume.volume.id, snapshots).unwrap_or_else(|| context.clock.now()))
}

/// Runs `cloudtop volume snapshots`.
pub async fn snapshots(args: &SnapshotsArgs, context: &Context) -> Result<(), CommandError> {
    let mut rows = Vec::new();
    for (cloud, stored) in place::everywhere(context).await? {
        let named = |it: &&Snapshot| {
            args.name.as_ref().is_none_or(|name| it.tags.get(tags::ENV).is_some_and(|tag| tag == name.as_str()))
        };
        let region = cloud.region().to_owned();
        let found = stored.snapshots.iter().filter(named);
        rows.extend(found.map(|it| SnapshotRow { region: region.clone(), snapshot: it.clone() }));
    }
    rows.sort_by_key(|row| (row.environment().to_owned(), std::cmp::Reverse(row.snapshot.started_at)));
    answer(context, &rows)
}

/// Snapshots, as a table or as JSON.
pub fn answer(context: &Context, rows: &[SnapshotRow]) -> Result<(), CommandError> {
    if context.globals.json {
        return Ok(context.ui.json(&shown::SnapshotsShape::from(rows))?);
    }
    if rows.is_empty() {
        context.ui.status("there are no snapshots; `cloudtop volume snapshot NAME` makes one");
    }
    context.ui.answer(&shown::snapshots(rows, context.clock.now(), context.ui.table_width()))?;
    Ok(())
}
