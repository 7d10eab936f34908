//! `cloudtop move --region`: begun here, and gone on with wherever it was cut off.

mod begin;
mod give_up;
mod trip;

use crate::cli::CommandError;
use crate::domain::environment::Environment;
use crate::domain::names::EnvName;
use crate::domain::phase::Wait;
use crate::domain::region_move::RegionMove;
use crate::ui::time;

use super::super::context::Context;
use super::super::report::is_over;
use super::super::{spending, up};
use super::{MoveArgs, PATIENCE};
pub use give_up::give_up;
use trip::Trip;

/// Whether the command is about a move into another region, begun or to be begun.
pub fn is_meant(args: &MoveArgs, context: &Context, environment: &Environment) -> bool {
    let region = context.globals.region.as_deref();
    match &environment.region_move {
        // There, the move to another zone of the new region is a way on where it is dry.
        Some(going) if environment.intent.region == going.to => {
            region.is_some_and(|region| region != going.to) || (args.zone.is_none() && args.types.is_empty())
        }
        Some(_) => true,
        None => region.is_some_and(|region| region != environment.intent.region),
    }
}

/// Runs the command, with the environment locked.
pub async fn run(args: &MoveArgs, context: &Context, mut environment: Environment) -> Result<(), CommandError> {
    let (name, ended) = (&args.name, was_ended(&environment));
    match &mut environment.region_move {
        Some(going) => {
            if ended {
                let text = format!("`{name}` was ended in {}", going.to);
                return Err(
                    CommandError::usage(text).hint(format!("bring it back with `cloudtop up {name}`, then move"))
                );
            }
            must_be_the_same(args, context, name, going)?;
            if args.dry_run {
                context.ui.status(&standing(name, &environment, context));
                return Ok(());
            }
            context.ui.status(&format!("going on with the move of {name} to {}", going.to));
            going.keep_old |= args.keep_old;
        }
        None => match begin::begin(args, context, environment.clone()).await? {
            Some(begun) => environment = begun,
            None => return Ok(()),
        },
    }
    super::note(context, name, &environment).await?;
    let mut trip = Trip::of(context, name, environment, args.timeout.unwrap_or(PATIENCE)).await?;
    let report = trip.carry_out(args.wait).await?;
    spending::tell(context, &report);
    up::answer(context, &report)
}

/// Goes on with a move that was cut off, for `up`.
pub async fn go_on(context: &Context, name: &EnvName) -> Result<(), CommandError> {
    let _lock = context.lock(name).await?;
    let state = context.store.read().await?;
    let Some(environment) =
        state.environments.get(name).filter(|it| it.region_move.is_some() && !was_ended(it)).cloned()
    else {
        return Ok(());
    };
    context.ui.status(&standing(name, &environment, context));
    let mut trip = Trip::of(context, name, environment, PATIENCE).await?;
    trip.carry_out(Wait::Running).await.map(drop)
}

/// Says how far it is. Empty where there is none.
pub fn standing(name: &EnvName, environment: &Environment, context: &Context) -> String {
    let Some(going) = &environment.region_move else { return String::new() };
    let since = time::relative(going.since, context.clock.now());
    let left = match environment.intent.region == going.to {
        true => format!("its old volumes are in {} until it is ready", going.from),
        false => format!("its volumes are in {} still", going.from),
    };
    format!("{name} is on its way to {}, begun {since}; {left}: `cloudtop move {name}` goes on with it", going.to)
}

/// Whether it was ended in the new region meanwhile, by `gc` when its time was over: `up` begins anew there.
fn was_ended(environment: &Environment) -> bool {
    let there = environment.region_move.as_ref().is_some_and(|it| it.to == environment.intent.region);
    there && is_over(environment.intent.goal)
}

fn must_be_the_same(
    args: &MoveArgs,
    context: &Context,
    name: &EnvName,
    going: &RegionMove,
) -> Result<(), CommandError> {
    let region = context.globals.region.as_ref().is_none_or(|region| *region == going.to);
    if region && args.zone.as_ref().is_none_or(|zone| *zone == going.zone) && args.types.is_empty() {
        return Ok(());
    }
    let text = format!("`{name}` is on its way to {} in {}", going.zone, going.to);
    Err(CommandError::usage(text).hint(format!(
        "`cloudtop move {name}` goes on with that; `cloudtop down {name}` ends it, with the volumes kept where they were"
    )))
}
