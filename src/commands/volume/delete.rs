//! `cloudtop volume delete` and `cloudtop volume delete-snapshot`.

use std::str::FromStr;

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::domain::intent::Goal;
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::snapshots::Purpose;
use crate::domain::stored::{Stored, StoredVolume};
use crate::domain::tags;
use crate::domain::volume_work::{self, Take};

use super::super::context::Context;
use super::super::ssh::{NodeName, NodeNameError};
use super::place::{self, Place, Task};

/// Delete a volume that nothing is attached to.
///
/// With --snapshot it is deleted only when a snapshot of it is completed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop volume delete vol-0123456789abcdef0\n  cloudtop volume delete dev --snapshot"
)]
pub struct DeleteArgs {
    /// The volume's id, or the name of an environment that was ended
    #[arg(value_name = "VOLUME-ID|NAME[/INDEX]")]
    pub volume: VolumeName,
    /// Make a snapshot first, and wait until it is completed
    #[arg(long)]
    pub snapshot: bool,
}

/// Delete a snapshot.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cloudtop volume delete-snapshot snap-0123456789abcdef0")]
pub struct DeleteSnapshotArgs {
    /// The snapshot
    #[arg(value_name = "ID")]
    pub id: String,
}

/// A volume as the user names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VolumeName {
    /// By its id.
    Id(String),
    /// By the node that it is of.
    Of(NodeName),
}

impl FromStr for VolumeName {
    type Err = NodeNameError;

    fn from_str(text: &str) -> Result<Self, NodeNameError> {
        if text.starts_with("vol-") { Ok(Self::Id(text.to_owned())) } else { text.parse().map(Self::Of) }
    }
}

/// Runs `cloudtop volume delete`.
pub async fn run(args: &DeleteArgs, context: &Context) -> Result<(), CommandError> {
    let (name, region) = match &args.volume {
        VolumeName::Of(node) => (node.env().clone(), None),
        VolumeName::Id(id) => match find(context, id).await? {
            Some((cloud, it)) => (it.identity.env, Some(cloud)),
            None => return Err(unknown(id)),
        },
    };
    let _lock = context.lock(&name).await?;
    let place = Place::of(context, &name).await?;
    let place = Place { cloud: region.unwrap_or_else(|| place.cloud.clone()), ..place };
    let stored = place.stored().await?;
    let volume = match &args.volume {
        VolumeName::Of(node) => place::of_node(&stored, node)?,
        VolumeName::Id(id) => stored.volume(id).ok_or_else(|| unknown(id))?,
    };
    must_be_free(&place, volume)?;
    confirm(args, context, volume)?;
    let deleted = delete(args, context, &place, volume).await?;
    let id = &volume.volume.id;
    match deleted {
        Some(snapshot) => context.ui.status(&format!(
            "{id} is gone; {snapshot} has what was on it, at most {} a month: `cloudtop volume create {name} --zone AZ --snapshot {snapshot}`",
            money::amount(money::snapshot_per_month(volume.volume.gib))
        )),
        None => context.ui.status(&format!("{id} is gone")),
    }
    forget(context, &place, &stored, id).await
}

fn unknown(id: &str) -> CommandError {
    let text = format!("there is no volume {id} with this installation's tags");
    CommandError::new(Exit::NotFound, text).hint("`cloudtop volume list` shows those that there are")
}

async fn find(context: &Context, id: &str) -> Result<Option<(Cloud, StoredVolume)>, CommandError> {
    let all = place::everywhere(context).await?;
    Ok(all.into_iter().find_map(|(cloud, stored)| Some((cloud, stored.volume(id)?.clone()))))
}

/// Refuses a volume that is in use, or that an environment which runs would look for.
fn must_be_free(place: &Place, volume: &StoredVolume) -> Result<(), CommandError> {
    let (id, name) = (&volume.volume.id, &place.identity.env);
    if let Some(attachment) = &volume.volume.attachment {
        let text = format!("{id} is attached to {}", attachment.instance_id);
        return Err(CommandError::usage(text).hint(format!("end the environment first: `cloudtop down {name}`")));
    }
    let lives = place.environment.as_ref().is_some_and(|it| !matches!(it.intent.goal, Goal::Gone { .. }));
    let used = place.environment.as_ref().is_some_and(|it| volume.node().is_some_and(|node| node < it.intent.nodes));
    if lives && used && volume.is_in_place() {
        let text = format!("{id} is the volume of a node of `{name}`, which is not ended");
        return Err(CommandError::usage(text).hint(format!("end the environment first: `cloudtop down {name}`")));
    }
    Ok(())
}

fn confirm(args: &DeleteArgs, context: &Context, volume: &StoredVolume) -> Result<(), CommandError> {
    let (id, gib, name) = (&volume.volume.id, volume.volume.gib, &volume.identity.env);
    let question = match args.snapshot {
        true => {
            let usd = money::amount(money::snapshot_per_month(gib));
            format!(
                "Delete {id} ({gib} GiB, of `{name}`) once a snapshot of it is completed, which costs at most {usd} a month?"
            )
        }
        false => format!("Delete {id} ({gib} GiB, of `{name}`), with all that is on it?"),
    };
    match context.ui.confirm(&question, "--yes (-y)")? {
        true => Ok(()),
        false => Err(CommandError::silent(1)),
    }
}

/// The snapshot's id, where one was asked for.
async fn delete(
    args: &DeleteArgs,
    context: &Context,
    place: &Place,
    volume: &StoredVolume,
) -> Result<Option<String>, CommandError> {
    let own_tags = place.own_tags(context)?;
    let take = Take {
        identity: &place.identity,
        volume: &volume.volume,
        purpose: Purpose::BeforeDeletion,
        description: "before its volume was deleted",
        own_tags: &own_tags,
        wait: true,
    };
    let take = args.snapshot.then_some(&take);
    let id = &volume.volume.id;
    let command = format!("volume delete {id}{}", if args.snapshot { " --snapshot" } else { "" });
    let made = place.work(context, Task::new(command), |at| volume_work::delete(id, take, at)).await?;
    Ok(made.map(|it| it.id))
}

/// An environment that was kept for its volumes is forgotten with the last of them.
async fn forget(context: &Context, place: &Place, stored: &Stored, deleted: &str) -> Result<(), CommandError> {
    let name: &EnvName = &place.identity.env;
    let in_its_region = place.environment.as_ref().is_some_and(|it| it.intent.region == place.cloud.region());
    if !in_its_region || stored.in_place().iter().any(|it| it.volume.id != deleted) {
        return Ok(());
    }
    context.forget_ended(name).await
}

/// Runs `cloudtop volume delete-snapshot`.
pub async fn snapshot(args: &DeleteSnapshotArgs, context: &Context) -> Result<(), CommandError> {
    let id = &args.id;
    let all = place::everywhere(context).await?;
    let found = all.iter().find_map(|(cloud, stored)| Some((cloud, stored.snapshots.iter().find(|it| it.id == *id)?)));
    let Some((cloud, found)) = found else {
        let text = format!("there is no snapshot {id} with this installation's tags");
        return Err(
            CommandError::new(Exit::NotFound, text).hint("`cloudtop volume snapshots` shows those that there are")
        );
    };
    let name: EnvName = found
        .tags
        .get(tags::ENV)
        .and_then(|name| name.parse().ok())
        .ok_or_else(|| CommandError::usage(format!("{id} has no tag of ours that names an environment")))?;
    let question = format!("Delete {id} ({} GiB, of {} of `{name}`)?", found.gib, found.volume_id);
    if !context.ui.confirm(&question, "--yes (-y)")? {
        return Err(CommandError::silent(1));
    }
    let _lock = context.lock(&name).await?;
    let place = Place { cloud: cloud.clone(), ..Place::of(context, &name).await? };
    let command = format!("volume delete-snapshot {id}");
    place.work(context, Task::new(command), |at| volume_work::delete_snapshot(id, at)).await?;
    context.ui.status(&format!("{id} is gone"));
    Ok(())
}
