//! `cloudtop status`.

use clap::Args;

use crate::cli::CommandError;
use crate::domain::names::EnvName;
use crate::ui::{shapes, tables};

use super::context::Context;
use super::report;

/// What an environment is doing, and why.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  cloudtop status dev\n  cloudtop status dev --json")]
pub struct StatusArgs {
    /// The environment's name
    pub name: EnvName,
}

/// Runs `cloudtop status`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &StatusArgs, context: &Context) -> Result<(), CommandError> {
    let (state, environment) = context.environment(&args.name).await?;
    let cloud = context.connect(Some(&environment.intent.region), environment.profile.as_deref()).await?;
    let identity = context.identity(&state, &args.name);
    let report = report::look(context, &cloud, &identity, &environment).await?;
    if context.globals.json {
        return Ok(context.ui.json(&shapes::EnvironmentShape::from(&report))?);
    }
    context.ui.answer(&tables::status(&report, context.clock.now(), context.ui.table_width()))?;
    Ok(())
}
