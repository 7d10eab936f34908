//! `cloudtop volume snapshot`.

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::cli::CommandError;
use crate::domain::money;
use crate::domain::observed::SnapshotState;
use crate::domain::snapshots::Purpose;
use crate::domain::stored::StoredVolume;
use crate::domain::volume_work::Take;
use crate::ui::volumes::SnapshotRow;

use super::super::context::Context;
use super::super::ssh::NodeName;
use super::list;
use super::place::{self, Place, Task};
use super::quiet::Quiet;

/// Clocks differ by seconds between here and EC2.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(30);

/// Make a snapshot of an environment's volumes.
///
/// What is on the volume at the moment of the call is in it; the environment works on meanwhile. A node that runs
/// holds its writes to the volume for that moment, where it can.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop volume snapshot dev\n  cloudtop volume snapshot core/2 --wait\n  \
                  cloudtop volume snapshot dev --wait --description 'before the upgrade'")]
pub struct SnapshotArgs {
    /// The environment's name, with /INDEX for one node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
    /// Wait until all of it is written
    #[arg(long)]
    pub wait: bool,
    /// What to write about it
    #[arg(long, value_name = "TEXT", default_value = "asked for")]
    pub description: String,
}

/// Runs `cloudtop volume snapshot`.
pub async fn run(args: &SnapshotArgs, context: &Context) -> Result<(), CommandError> {
    let name = args.node.env();
    let _lock = context.lock(name).await?;
    let place = Place::of(context, name).await?;
    let stored = place.stored().await?;
    let volumes = place::of_nodes(&stored, &args.node)?;
    let gib: u32 = volumes.iter().map(|it| it.volume.gib).sum();
    let usd = money::amount(money::snapshot_per_month(gib));
    context.ui.status(&format!("a snapshot of {gib} GiB costs at most {usd} a month: only what is written counts"));
    let mut rows = Vec::new();
    for volume in &volumes {
        let quiet = Quiet::begin(context, &place, volume).await;
        let taken = take(args, context, &place, volume, false, None).await;
        quiet.end(context).await;
        rows.push(taken?);
    }
    // All are begun before any is waited for: no node holds its writes for that.
    if args.wait {
        for (volume, row) in volumes.iter().zip(&mut rows) {
            let since = row.snapshot.started_at.map(|at| at - CLOCKS_DIFFER);
            *row = take(args, context, &place, volume, true, since).await?;
        }
    }
    for row in rows.iter().filter(|row| row.snapshot.state == SnapshotState::Pending) {
        let id = &row.snapshot.id;
        context.ui.status(&format!("EC2 writes {id}; `cloudtop volume snapshots {name}` shows when it is completed"));
    }
    list::answer(context, &rows)
}

async fn take(
    args: &SnapshotArgs,
    context: &Context,
    place: &Place,
    volume: &StoredVolume,
    wait: bool,
    since: Option<Timestamp>,
) -> Result<SnapshotRow, CommandError> {
    let own_tags = place.own_tags(context)?;
    let take = Take {
        identity: &place.identity,
        volume: &volume.volume,
        purpose: Purpose::Asked,
        description: &args.description,
        own_tags: &own_tags,
        wait,
    };
    let node = volume.node().unwrap_or_default();
    let mut command = format!("volume snapshot {}/{node}", place.identity.env);
    if args.wait {
        command.push_str(" --wait");
    }
    let snapshot = place.work(context, Task { since, ..Task::new(command) }, |at| take.next(at)).await?;
    Ok(SnapshotRow { region: place.cloud.region().to_owned(), snapshot })
}
