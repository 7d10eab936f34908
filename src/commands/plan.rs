//! `cloudtop plan`.

use clap::Args;

use crate::cli::CommandError;
use crate::domain::names::EnvName;
use crate::ui::{shapes, tables};

use super::context::Context;
use super::preflight;
use super::wish::WishArgs;

/// What `up` would do, with reasons; nothing is done.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cloudtop plan dev --cpus 8 --memory 32")]
pub struct PlanArgs {
    /// The environment's name
    pub name: EnvName,
    /// What it should be.
    #[command(flatten)]
    pub wish: WishArgs,
}

/// Runs `cloudtop plan`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &PlanArgs, context: &Context) -> Result<(), CommandError> {
    show(context, &args.name, &args.wish).await
}

/// Prints the plan.
pub async fn show(context: &Context, name: &EnvName, wish: &WishArgs) -> Result<(), CommandError> {
    let fit = preflight::check(context, name, wish).await?;
    if context.globals.json {
        return Ok(context.ui.json(&shapes::PlanShape::new(name.as_str(), &fit.plan))?);
    }
    context.ui.answer(&tables::plan(name.as_str(), &fit.plan, context.ui.table_width()))?;
    Ok(())
}
