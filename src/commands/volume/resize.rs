//! `cloudtop volume resize`.

use std::time::Duration;

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::domain::money;
use crate::domain::stored::StoredVolume;
use crate::domain::volume_work;
use crate::ssh::run::Ended;

use super::super::context::Context;
use super::super::ssh::{self, NodeName};
use super::super::wish::volume_gib;
use super::list::{self, ListArgs};
use super::place::{self, Place, Task};

/// What mounts a node's volume, and lets the file system on it grow where it is mounted already.
const GROW: &str = "sudo bash /opt/cloudtop/volume";
/// How long a node has to let its file system grow.
const GROW_WITHIN: Duration = Duration::from_secs(60);

/// Make a volume larger, in use or not.
///
/// It can never be made smaller again. The file system grows at once on a node that runs, else when the volume is mounted
/// next. EC2 changes a volume a few times a day only, and may be slow with it for hours afterwards.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop volume resize dev --size 200\n  cloudtop volume resize core/2 --size 80 -y"
)]
pub struct ResizeArgs {
    /// The environment's name, with /INDEX for one node of several
    #[arg(value_name = "NAME[/INDEX]")]
    pub node: NodeName,
    /// The new size, GiB
    #[arg(long, value_name = "GIB", value_parser = volume_gib)]
    pub size: u32,
}

/// Runs `cloudtop volume resize`.
pub async fn run(args: &ResizeArgs, context: &Context) -> Result<(), CommandError> {
    let name = args.node.env();
    let _lock = context.lock(name).await?;
    let place = Place::of(context, name).await?;
    let stored = place.stored().await?;
    let volume = place::of_node(&stored, &args.node)?;
    let (id, gib) = (&volume.volume.id, volume.volume.gib);
    if args.size < gib {
        let text = format!("{id} has {gib} GiB, and EC2 makes no volume smaller");
        let hint = "make a smaller one beside it and copy what is on it: `cloudtop volume create` under another name";
        return Err(CommandError::usage(text).hint(hint));
    }
    if args.size > gib {
        confirm(args, context, &place, volume)?;
    }
    let command = format!("volume resize {name}/{} --size {}", volume.node().unwrap_or_default(), args.size);
    let task = Task { changing: Some(id), ..Task::new(command) };
    place.work(context, task, |at| volume_work::enlarge(id, args.size, at)).await?;
    context.ui.status(&format!("{id} has {} GiB", args.size));
    if volume.volume.attachment.is_some() {
        grow(context, &place, volume).await;
    } else {
        context.ui.status("its file system grows when it is mounted next");
    }
    if context.globals.json { list::run(&ListArgs {}, context).await } else { Ok(()) }
}

fn confirm(args: &ResizeArgs, context: &Context, place: &Place, volume: &StoredVolume) -> Result<(), CommandError> {
    let monthly = |gib: u32| money::amount(money::gp3_per_month(place.cloud.region(), u64::from(gib)).0);
    let (id, gib) = (&volume.volume.id, volume.volume.gib);
    let question = format!(
        "Make {id} of `{}` larger, from {gib} to {} GiB ({} to {} a month)? It can never be made smaller again.",
        args.node.env(),
        args.size,
        monthly(gib),
        monthly(args.size)
    );
    match context.ui.confirm(&question, "--yes (-y)")? {
        true => Ok(()),
        false => Err(CommandError::silent(1)),
    }
}

/// Lets the file system grow on a node that runs. That it cannot be asked is no error: it grows when it is mounted next.
async fn grow(context: &Context, place: &Place, volume: &StoredVolume) {
    let (env, node) = (&place.identity.env, volume.node().unwrap_or_default());
    match ask(context, place, node).await {
        Ok(()) => context.ui.status(&format!("its file system has grown on node {node} of {env}")),
        Err(error) => context.ui.note(&format!(
            "node {node} of {env} could not be asked to let the file system grow ({error}): it grows when it is mounted next, \
             or with `{GROW}` there"
        )),
    }
}

async fn ask(context: &Context, place: &Place, node: u32) -> Result<(), CommandError> {
    let name: NodeName = format!("{}/{node}", place.identity.env)
        .parse()
        .map_err(|error: ssh::NodeNameError| CommandError::usage(error.to_string()))?;
    let output = ssh::find(context, &name).await?.capture(GROW, GROW_WITHIN).await?;
    match output.status {
        Ended::Exited(0) => Ok(()),
        _ => Err(CommandError::new(Exit::Failed, output.stderr.trim().to_owned())),
    }
}
