//! `cloudtop volume create`.

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::domain::money;
use crate::domain::tags;
use crate::domain::volume_work::{Restore, cut_off_since};

use super::super::context::Context;
use super::super::ssh::NodeName;
use super::super::wish::volume_gib;
use super::list::{self, ListArgs};
use super::place::{Place, Task};
use super::restore::snapshot_named;

/// Make an environment's volume before its first `up`.
///
/// `up` takes it, and launches in its zone. Without this, `up` makes the volume where it launches.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop volume create dev --size 200 --zone us-east-1a\n  \
                  cloudtop volume create dev --zone us-east-1b --snapshot snap-0123456789abcdef0")]
pub struct CreateArgs {
    /// The environment's name, with /INDEX for a node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
    /// GiB; with --snapshot its size, where nothing is said
    #[arg(long, value_name = "GIB", value_parser = volume_gib, required_unless_present = "snapshot")]
    pub size: Option<u32>,
    /// The availability zone
    #[arg(long, value_name = "AZ")]
    pub zone: String,
    /// The snapshot to make it from
    #[arg(long, value_name = "ID")]
    pub snapshot: Option<String>,
}

/// Runs `cloudtop volume create`.
pub async fn run(args: &CreateArgs, context: &Context) -> Result<(), CommandError> {
    let (name, node) = (args.node.env(), args.node.index().unwrap_or(0));
    let _lock = context.lock(name).await?;
    // It is a tag of the volume, and there may be no environment to write it down with.
    context.store.settle_owner().await?;
    let place = Place::of(context, name).await?;
    let region = place.cloud.region();
    if !args.zone.starts_with(region) || args.zone == region {
        let text = format!("{} is no availability zone of {region}", args.zone);
        return Err(CommandError::usage(text).hint(format!("use for example {region}a, or another --region")));
    }
    let command = command(args);
    let stored = place.stored().await?;
    let there = stored.in_place().into_iter().find(|it| it.node() == Some(node));
    let going_on = cut_off_since(&context.journal(name).since_closed()?, &command);
    if let Some(there) = there.filter(|_| going_on.is_none()) {
        let text = format!("node {node} of `{name}` has a volume: {}", there.volume.id);
        return Err(CommandError::new(Exit::Usage, text)
            .hint(format!("`cloudtop volume restore {name}/{node} --snapshot ID` puts another in its place")));
    }
    let snapshot = match &args.snapshot {
        Some(id) => Some(snapshot_named(&place, id).await?),
        None => None,
    };
    let least = snapshot.as_ref().map(|it| it.gib);
    let gib = args.size.or(least).unwrap_or_default();
    if let Some(least) = least.filter(|least| gib < *least) {
        return Err(CommandError::usage(format!("a volume from that snapshot cannot be smaller than {least} GiB")));
    }
    let (usd, _) = money::gp3_per_month(region, u64::from(gib));
    context.ui.status(&format!(
        "a gp3 volume of {gib} GiB in {} costs about {} a month",
        args.zone,
        money::amount(usd)
    ));
    let tags = tags::of_nodes(&place.identity, &place.own_tags(context)?, &node.to_string());
    let restore = Restore { node, zone: args.zone.clone(), gib, snapshot, replaces: None, tags };
    let made = place.work(context, Task::new(command), |at| restore.next(at)).await?;
    if context.globals.json {
        return list::run(&ListArgs {}, context).await;
    }
    context.ui.answer(&made.volume.id)?;
    context.ui.status(&format!("`cloudtop up {name}` uses it, and launches in {}", args.zone));
    Ok(())
}

fn command(args: &CreateArgs) -> String {
    let mut command = format!("volume create {}/{}", args.node.env(), args.node.index().unwrap_or(0));
    if let Some(gib) = args.size {
        command.push_str(&format!(" --size {gib}"));
    }
    command.push_str(&format!(" --zone {}", args.zone));
    if let Some(id) = &args.snapshot {
        command.push_str(&format!(" --snapshot {id}"));
    }
    command
}
