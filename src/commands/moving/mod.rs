//! `cloudtop move`.

mod choices;
pub(super) mod offer;
pub(super) mod region;
mod target;

use std::time::Duration;

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::config;
use crate::domain::environment::Environment;
use crate::domain::intent::{Goal, Intent};
use crate::domain::money;
use crate::domain::moving::{self, Moving, Target};
use crate::domain::names::{EnvName, Identity};
use crate::domain::phase::Wait;
use crate::domain::tags;

use super::context::Context;
use super::work::{self, Work};
use super::{budget, deliver, spending, up};
use choices::{Choices, Scene};

/// How long a move waits where nobody says otherwise: a first snapshot of a large volume takes its time.
const PATIENCE: Duration = Duration::from_secs(60 * 60);

/// Move an environment to another availability zone, or onto machines of another type: the way out of a dry pool.
///
/// Without --zone and --type it shows where there is room and asks. Its nodes are stopped, a snapshot is made of each
/// volume, new machines are launched with volumes made from those, and only when every node is ready there the old ones
/// go. Cut off anywhere, the same command goes on; so does `up`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop move dev\n  cloudtop move dev --zone us-east-1b\n  cloudtop move dev --type m7a.xlarge,m6a.xlarge\n  cloudtop move dev --zone us-east-1b --keep-old"
)]
pub struct MoveArgs {
    /// The environment's name
    pub name: EnvName,
    /// The availability zone to move to
    #[arg(long, value_name = "AZ")]
    pub zone: Option<String>,
    /// The instance types to move to, comma-separated
    #[arg(short = 't', long = "type", value_name = "TYPE", value_delimiter = ',')]
    pub types: Vec<String>,
    /// Keep the old volumes, and the snapshots of them
    #[arg(long)]
    pub keep_old: bool,
    /// How far a node must have come in its new place before the old one goes
    #[arg(long, value_parser = parse_wait, value_name = "running|ssh|ready", default_value = "ready")]
    pub wait: Wait,
    /// How long to wait, for example 2h
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub timeout: Option<Duration>,
    /// Show what there is to choose from, do nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Go on although a budget is spent (until the month is over)
    #[arg(long)]
    pub over_budget: bool,
}

/// Nothing of the old place goes before the new one has been seen.
fn parse_wait(text: &str) -> Result<Wait, String> {
    match up::parse_wait(text) {
        Ok(Wait::None) | Err(_) => Err("use running, ssh or ready".to_owned()),
        other => other,
    }
}

/// Runs `cloudtop move`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &MoveArgs, context: &Context) -> Result<(), CommandError> {
    let name = &args.name;
    let _lock = if args.dry_run { None } else { Some(context.lock(name).await?) };
    let (state, mut environment) = context.environment(name).await?;
    if region::is_meant(args, context, &environment) {
        return Box::pin(region::run(args, context, environment)).await;
    }
    let identity = context.identity(&state, name);
    target::check(name, &environment.intent, args, context.globals.region.as_deref())?;
    let cloud = context.connect_to(&environment.intent.region, environment.profile.as_deref()).await?;
    let goes_on = target::goes_on(args, &environment.intent);
    if goes_on && !args.dry_run {
        context.ui.status(&format!("going on with the move of {name}"));
        budget::before_start(context, name, args.over_budget).await?;
        if args.keep_old
            && let Some(moving) = &mut environment.intent.moving
        {
            moving.keep_old = true;
            note(context, name, &environment).await?;
        }
        return carry_out(args, context, &cloud, &identity, &environment).await;
    }
    let scene = Scene::look(context, &cloud, &identity, &environment).await?;
    scene.must_be_settled(name)?;
    let choices = Choices::find(context, &cloud, &environment.intent, &scene, args).await?;
    if args.dry_run {
        return choices.tell(context, &scene);
    }
    let Some(target) = target::choose(args, context, &scene, &choices)? else { return Ok(()) };
    let moving = scene.moving(&environment, &target, args, context.clock.now());
    // The way back leaves nothing, and is a move all the same.
    if moving.is_nothing() && environment.intent.moving.is_none() {
        context.ui.status(&format!("{name} is there already: nothing is moved"));
        return Ok(());
    }
    target::announce(context, &scene, &choices, &target, &moving);
    if !context.ui.confirm(&target::question(name, args.keep_old), "--yes (-y)")? {
        return Err(CommandError::silent(1));
    }
    budget::before_start(context, name, args.over_budget).await?;
    let environment = begin(context, name, environment, &target, moving).await?;
    carry_out(args, context, &cloud, &identity, &environment).await
}

/// Writes down what is to be moved, before anything is.
async fn begin(
    context: &Context,
    name: &EnvName,
    mut environment: Environment,
    target: &Target,
    moving: Moving,
) -> Result<Environment, CommandError> {
    environment.intent.goal = Goal::Running;
    environment.intent.snapshot_first = false;
    environment.intent.demand = moving::demand(target, &environment.intent.demand);
    environment.intent.moving = Some(moving);
    environment.updated_at = context.clock.now();
    note(context, name, &environment).await?;
    Ok(environment)
}

async fn note(context: &Context, name: &EnvName, environment: &Environment) -> Result<(), CommandError> {
    let noted = environment.clone();
    context
        .store
        .update(|state| {
            state.environments.insert(name.clone(), noted);
        })
        .await?;
    Ok(())
}

async fn carry_out(
    args: &MoveArgs,
    context: &Context,
    cloud: &Cloud,
    identity: &Identity,
    environment: &Environment,
) -> Result<(), CommandError> {
    let name = &args.name;
    let delivery = deliver::gather(context, identity, &environment.intent).await?;
    let moving = environment.intent.moving.as_ref();
    let until = moving.map_or(args.wait, |it| it.until);
    let work = Work {
        cloud,
        identity,
        environment,
        verb: "move",
        wait: until.max(args.wait),
        timeout: Some(args.timeout.unwrap_or(PATIENCE)),
        patient: false,
        market: None,
        delivery,
    };
    let report = work::carry_out(context, work).await.map_err(|error| way_on(error, name))?;
    target::tell_of_settings(context, name, environment)?;
    if moving.is_some_and(|it| it.keep_old) {
        tell_of_the_rest(context, cloud, identity).await?;
    }
    spending::tell(context, &report);
    up::answer(context, &report)
}

/// Where nothing of the old place is left, or of the whole environment, the move is over. `waited` says how far the run went,
/// which has done all that it had to do. What cuts this off is made good by the next run, which finds nothing to do.
///
/// # Errors
/// Where the state cannot be written.
pub(super) async fn note_end(
    context: &Context,
    name: &EnvName,
    environment: &Environment,
    waited: Wait,
) -> Result<(), CommandError> {
    let Some(moving) = &environment.intent.moving else { return Ok(()) };
    let over = match environment.intent.goal {
        Goal::Running => waited >= moving.until,
        Goal::Stopped => false,
        Goal::Gone { .. } => true,
    };
    if !over {
        return Ok(());
    }
    let end = |intent: &mut Intent| {
        if intent.moving == environment.intent.moving {
            intent.end_move();
        }
    };
    context
        .store
        .update(|state| {
            if let Some(known) = state.environments.get_mut(name) {
                end(&mut known.intent);
            }
        })
        .await?;
    Ok(())
}

/// What can be done where the new place is dry, too.
fn way_on(error: CommandError, name: &EnvName) -> CommandError {
    if error.exit != Exit::NoCapacity {
        return error;
    }
    error.hint(format!(
        "nothing is lost: `cloudtop move {name} --zone AZ` tries another zone, or goes back to the old one"
    ))
}

/// What of the old place stays, and what it costs.
async fn tell_of_the_rest(context: &Context, cloud: &Cloud, identity: &Identity) -> Result<(), CommandError> {
    let stored = cloud.stored(&identity.owner, Some(identity)).await?;
    for kept in stored.volumes.iter().filter(|it| it.has_role(tags::ROLE_REPLACED)) {
        let (id, gib) = (&kept.volume.id, kept.volume.gib);
        let (usd, _) = money::gp3_per_month(cloud.region(), u64::from(gib));
        let usd = money::amount(usd);
        context.ui.status(&format!("{id} is kept, at about {usd} a month: `cloudtop volume delete {id}` deletes it"));
        for snapshot in stored.snapshots_of(id) {
            let (id, usd) = (&snapshot.id, money::amount(money::snapshot_per_month(snapshot.gib)));
            let words =
                format!("{id} is kept, at most {usd} a month: `cloudtop volume delete-snapshot {id}` deletes it");
            context.ui.status(&words);
        }
    }
    Ok(())
}
