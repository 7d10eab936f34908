//! `cloudtop volume snapshot`.

use std::time::Duration;

use clap::Args;
use jiff::{SignedDuration, Timestamp};

use crate::cli::CommandError;
use crate::domain::money;
use crate::domain::observed::SnapshotState;
use crate::domain::snapshots::Purpose;
use crate::domain::stored::StoredVolume;
use crate::domain::volume_work::Take;
use crate::ssh::run::Ended;
use crate::ui::volumes::SnapshotRow;

use super::super::context::Context;
use super::super::ssh::{self, NodeName};
use super::list;
use super::place::{self, Place, Task};

/// Clocks differ by seconds between here and EC2.
const CLOCKS_DIFFER: SignedDuration = SignedDuration::from_secs(30);
/// How long a node has to write what it holds in memory.
const SYNC_WITHIN: Duration = Duration::from_secs(30);

/// Make a snapshot of an environment's volumes.
///
/// What is on the volume at the moment of the call is in it; the environment works on meanwhile. A node that runs is
/// asked to write what it holds in memory first.
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
    for volume in &volumes {
        sync(context, &place, volume).await;
    }
    let mut rows = Vec::new();
    let at_once = args.wait && volumes.len() == 1;
    for volume in &volumes {
        rows.push(take(args, context, &place, volume, at_once, None).await?);
    }
    // All are begun before any is waited for.
    if args.wait && !at_once {
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

/// Has a node that runs write what it holds in memory. Where it cannot be asked, the snapshot is what a power cut would
/// leave, and that is said.
async fn sync(context: &Context, place: &Place, volume: &StoredVolume) {
    if volume.volume.attachment.is_none() {
        return;
    }
    let (env, node) = (&place.identity.env, volume.node().unwrap_or_default());
    let why = match ask(context, place, node).await {
        Ok(()) => {
            let text = format!("node {node} of {env} has written what it held in memory");
            return context.ui.status(&format!("{text}; what is half written by then is as after a power cut"));
        }
        Err(error) => error.to_string(),
    };
    context.ui.note(&format!(
        "node {node} of {env} could not be asked to write what it holds in memory ({why}): the snapshot is what a power cut \
         would leave"
    ));
}

async fn ask(context: &Context, place: &Place, node: u32) -> Result<(), CommandError> {
    let name: NodeName = format!("{}/{node}", place.identity.env)
        .parse()
        .map_err(|error: ssh::NodeNameError| CommandError::usage(error.to_string()))?;
    let found = ssh::find(context, &name).await?;
    let output = found.capture("sync", SYNC_WITHIN).await?;
    match output.status {
        Ended::Exited(0) => Ok(()),
        _ => Err(CommandError::new(crate::cli::Exit::Failed, output.stderr.trim().to_owned())),
    }
}
