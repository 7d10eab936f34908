//! `cloudtop volume restore`.

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::domain::intent::Goal;
use crate::domain::money;
use crate::domain::observed::{Snapshot, SnapshotState};
use crate::domain::stored::{Stored, StoredVolume};
use crate::domain::tags;
use crate::domain::volume_work::{Restore, Restored, cut_off_since};

use super::super::context::Context;
use super::super::ssh::NodeName;
use super::list::{self, ListArgs};
use super::place::{Place, Task};

/// Put a volume made from a snapshot in the place of the one that is there.
///
/// The environment must be ended (`cloudtop down`; its volumes stay). The volume that was there is kept, and nobody's
/// any more: `cloudtop volume delete` deletes it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop volume restore dev --snapshot latest\n  \
                  cloudtop volume restore core/2 --snapshot snap-0123456789abcdef0")]
pub struct RestoreArgs {
    /// The environment's name, with /INDEX for a node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
    /// The snapshot; `latest`: the node's newest one that is completed
    #[arg(long, value_name = "ID|latest")]
    pub snapshot: String,
    /// The availability zone, where there is no volume to take the place of
    #[arg(long, value_name = "AZ")]
    pub zone: Option<String>,
}

/// Runs `cloudtop volume restore`.
pub async fn run(args: &RestoreArgs, context: &Context) -> Result<(), CommandError> {
    let name = args.node.env();
    let node = args.node.index().unwrap_or(0);
    let _lock = context.lock(name).await?;
    let place = Place::of(context, name).await?;
    must_be_ended(&place)?;
    let stored = place.stored().await?;
    let command = format!("volume restore {name}/{node} --snapshot {}", args.snapshot);
    let since = cut_off_since(&context.journal(name).since_closed()?, &command);
    let snapshot = match args.snapshot.as_str() {
        "latest" => newest(&stored, &place, node)?,
        id => snapshot_named(&place, id).await?,
    };
    let restore = plan(args, &place, &stored, snapshot, since.is_some(), context)?;
    let (usd, _) = money::gp3_per_month(place.cloud.region(), u64::from(restore.gib));
    let (gib, usd) = (restore.gib, money::amount(usd));
    context.ui.status(&format!("a volume of {gib} GiB in {} costs about {usd} a month", restore.zone));
    let restored = place.work(context, Task::new(command), |at| restore.next(at)).await?;
    tell(context, &place, node, &restored).await
}

/// A node that is stopped holds its volume, and would start with it again: it must be ended.
fn must_be_ended(place: &Place) -> Result<(), CommandError> {
    let name = &place.identity.env;
    match place.environment.as_ref().map(|it| it.intent.goal) {
        Some(Goal::Running | Goal::Stopped) => {
            let text = format!("`{name}` is in use: its nodes hold their volumes, and start with them again");
            let hint = format!(
                "end it first, which keeps its volumes: `cloudtop down {name}`; then restore, then `cloudtop up {name}`"
            );
            Err(CommandError::usage(text).hint(hint))
        }
        _ => Ok(()),
    }
}

/// What is to be made, and in whose place.
fn plan(
    args: &RestoreArgs,
    place: &Place,
    stored: &Stored,
    snapshot: Snapshot,
    going_on: bool,
    context: &Context,
) -> Result<Restore, CommandError> {
    let node = args.node.index().unwrap_or(0);
    let in_place = stored.in_place().into_iter().find(|it| it.node() == Some(node));
    // Where an earlier run came as far as putting the new one in place, the old one is what that one says.
    let is_done = |it: &&StoredVolume| going_on && it.from_snapshot.as_ref() == Some(&snapshot.id);
    let old = match in_place {
        Some(new) if is_done(&new) => new.volume.replaces.as_deref().and_then(|id| stored.volume(id)),
        other => other,
    };
    let zone = match (old, &args.zone) {
        (Some(old), Some(other)) if old.volume.zone != *other => {
            let text = format!("the volume that is there is in {}, and its place is there", old.volume.zone);
            return Err(CommandError::usage(text).hint("leave --zone out"));
        }
        (Some(old), _) => old.volume.zone.clone(),
        (None, Some(zone)) => zone.clone(),
        (None, None) => {
            let text = format!("`{}` has no volume there: say in which availability zone (--zone)", args.node.env());
            return Err(CommandError::usage(text));
        }
    };
    let tags = match old {
        Some(old) => old.tags.clone(),
        None => tags::of_nodes(&place.identity, &place.own_tags(context)?, &node.to_string()),
    };
    let gib = snapshot.gib.max(old.map_or(0, |it| it.volume.gib));
    let replaces = old.map(|it| it.volume.id.clone());
    Ok(Restore { node, zone, gib, snapshot: Some(snapshot), replaces, tags })
}

fn newest(stored: &Stored, place: &Place, node: u32) -> Result<Snapshot, CommandError> {
    stored.newest_of_node(&place.identity, node).cloned().ok_or_else(|| {
        let text = format!("node {node} of `{}` has no snapshot that is completed", place.identity.env);
        CommandError::new(Exit::NotFound, text).hint("`cloudtop volume snapshots` shows those that there are")
    })
}

/// A snapshot of the account's by its id, whoever made it. It must be whole.
pub async fn snapshot_named(place: &Place, id: &str) -> Result<Snapshot, CommandError> {
    let Some(found) = place.cloud.snapshot(id).await? else {
        let text = format!("there is no snapshot {id} of this account in {}", place.cloud.region());
        return Err(CommandError::new(Exit::NotFound, text).hint("`cloudtop volume snapshots` shows cloudtop's own"));
    };
    match found.state {
        SnapshotState::Completed => Ok(found),
        SnapshotState::Error => Err(CommandError::new(Exit::Failed, format!("EC2 could not make {id}: use another"))),
        SnapshotState::Pending => {
            let progress = found.progress.map(|percent| format!(" ({percent} %)")).unwrap_or_default();
            let text = format!("{id} is not completed yet{progress}");
            Err(CommandError::new(Exit::NotReady, text).hint("run the same command again when it is"))
        }
    }
}

async fn tell(context: &Context, place: &Place, node: u32, restored: &Restored) -> Result<(), CommandError> {
    let name = &place.identity.env;
    if context.globals.json {
        return list::run(&ListArgs {}, context).await;
    }
    let id = &restored.volume.id;
    context.ui.answer(id)?;
    if let Some(old) = &restored.replaced {
        let text = format!("{id} is the volume of node {node} of {name} now; {old}, which was there, is kept");
        context.ui.status(&format!("{text}: `cloudtop volume delete {old}` deletes it"));
    }
    context.ui.status(&format!("`cloudtop up {name}` uses it"));
    Ok(())
}
