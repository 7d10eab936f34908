//! `cloudtop down`.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::config;
use crate::domain::bill::Usage;
use crate::domain::intent::{Goal, VolumeWish};
use crate::domain::money;
use crate::domain::names::EnvName;
use crate::domain::phase::Wait;
use crate::domain::stored::StoredVolume;
use crate::ui::report::EnvironmentReport;
use crate::ui::shapes;

use super::context::{Context, not_found};
use super::spending;
use super::stop::Change;

/// End an environment; its persistent volumes are kept unless you say otherwise.
///
/// Cancels the spot requests, terminates the instances, waits until they are gone, and deletes the security group and
/// the key pair. It ends whatever an interrupted `up` has left. Run again it does nothing.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop down dev\n  cloudtop down core --delete-volumes\n  cloudtop down dev --delete-volumes --snapshot"
)]
pub struct DownArgs {
    /// The environment's name
    pub name: EnvName,
    /// Delete the persistent volumes too, with all that is on them
    #[arg(long)]
    pub delete_volumes: bool,
    /// Make a snapshot of each volume first, and delete it only when that is completed
    #[arg(long, requires = "delete_volumes")]
    pub snapshot: bool,
    /// How long to wait, for example 10m
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub timeout: Option<Duration>,
}

/// Runs `cloudtop down`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &DownArgs, context: &Context) -> Result<(), CommandError> {
    let name = &args.name;
    let state = context.store.read().await?;
    let Some(environment) = state.environments.get(name) else {
        // It was here once, and is gone: what was asked for is so.
        if context.journal(name).read()?.is_empty() {
            return Err(not_found(name, &state));
        }
        return gone_already(context, args).await;
    };
    let own = matches!(environment.intent.volume, VolumeWish::Existing { .. });
    if args.delete_volumes && !own {
        let once =
            if args.snapshot { ", each once a snapshot of it is completed" } else { ", with all that is on them" };
        let question = format!("Delete the persistent volumes of `{name}`{once}?");
        if !context.ui.confirm(&question, "--yes (-y)")? {
            return Err(CommandError::silent(1));
        }
    }
    Box::pin(super::moving::region::give_up(context, name, args.delete_volumes, args.snapshot)).await?;
    let began = spending::life_began(context, name)?;
    let goal = Goal::Gone { delete_volumes: args.delete_volumes };
    let change = Change { name, goal, verb: "down", wait: Wait::None, timeout: args.timeout };
    let done = if args.snapshot { change.after_snapshots(context).await } else { change.carry_out(context).await };
    match done {
        // Another run ended it while this one waited for its turn.
        Err(error) if error.exit == Exit::NotFound && !context.store.read().await?.environments.contains_key(name) => {
            gone_already(context, args).await
        }
        ended => {
            let report = ended?;
            super::image::tell_of_a_bake_given_up(context, environment).await;
            spending::tell_sum(context, name, began);
            tell(context, name, &report)
        }
    }
}

/// What is said of an environment that the state does not know: `volume create` makes a volume without one.
async fn gone_already(context: &Context, args: &DownArgs) -> Result<(), CommandError> {
    let name = &args.name;
    let kept = stored(context, name).await?;
    for (region, it) in &kept {
        let (volume, usd) = (&it.volume, money::gp3_per_month(region, u64::from(it.volume.gib)).0);
        context.ui.status(&format!(
            "{name} is not up; its volume {} ({} GiB in {}) is there, at about {} a month",
            volume.id,
            volume.gib,
            volume.zone,
            money::amount(usd)
        ));
    }
    let Some((_, first)) = kept.first() else {
        context.ui.status(&format!("nothing is left of {name}"));
        return Ok(());
    };
    let next =
        format!("`cloudtop volume delete {}` deletes it, with --snapshot once one is completed", first.volume.id);
    if args.delete_volumes {
        let text = format!("`down` deletes volumes of what it ends, and {name} is not up: nothing was deleted");
        return Err(CommandError::new(Exit::Failed, text).hint(next));
    }
    context.ui.status(&format!("`cloudtop up {name}` uses it; {next}"));
    Ok(())
}

/// The volumes that EC2 shows of an environment, in the regions where its journal knows of one, each with its region.
async fn stored(context: &Context, name: &EnvName) -> Result<Vec<(String, StoredVolume)>, CommandError> {
    let usage = Usage::read(name.as_str(), &context.journal(name).read()?);
    let kept = usage.disks.into_iter().filter(|disk| disk.to.is_none());
    let regions: BTreeSet<String> = kept.map(|disk| disk.owner.region).collect();
    if regions.is_empty() {
        return Ok(Vec::new());
    }
    let identity = context.identity(&context.store.read().await?, name);
    let profile = context.config()?.environment(name.as_str()).profile;
    let mut all = Vec::new();
    for region in regions {
        let cloud = context.connect_to(&region, profile.as_deref()).await?;
        let there = cloud.stored(&identity.owner, Some(&identity)).await?;
        all.extend(there.volumes.into_iter().map(|it| (region.clone(), it)));
    }
    Ok(all)
}

fn tell(context: &Context, name: &EnvName, report: &EnvironmentReport) -> Result<(), CommandError> {
    if context.globals.json {
        return Ok(context.ui.json(&shapes::EnvironmentShape::from(report))?);
    }
    for snapshot in &report.snapshots {
        let text = format!("{} has what was on {} ({} GiB)", snapshot.id, snapshot.volume_id, snapshot.gib);
        let usd = money::amount(money::snapshot_per_month(snapshot.gib));
        context.ui.status(&format!("{text}, at most {usd} a month; `cloudtop volume create {name} --zone AZ --snapshot {}` makes a volume from it", snapshot.id));
    }
    if report.volumes.is_empty() {
        let left = if report.snapshots.is_empty() { "nothing of it is left" } else { "its snapshots alone are left" };
        context.ui.status(&format!("{name} is gone; {left}"));
        return Ok(());
    }
    for volume in &report.volumes {
        let (usd, _) = money::gp3_per_month(&report.region, u64::from(volume.size_gib));
        let text = format!(
            "{name} is gone; its volume {} ({} GiB in {}) is kept, at about {} a month",
            volume.volume_id,
            volume.size_gib,
            volume.zone,
            money::amount(usd)
        );
        context.ui.status(&text);
    }
    context
        .ui
        .status(&format!("`cloudtop up {name}` uses it again; `cloudtop down {name} --delete-volumes` deletes it"));
    Ok(())
}
