//! `cloudtop status`.

use clap::Args;

use crate::cli::CommandError;
use crate::domain::last_run::LastRun;
use crate::domain::names::EnvName;
use crate::ui::{shapes, tables};

use super::context::Context;
use super::{report, why};

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
    let mut report = report::look(context, &cloud, &identity, &environment).await?;
    let run = LastRun::of(&context.journal(&args.name).since_closed()?);
    if let Some(failed) = run.and_then(|run| run.failed).filter(|_| !why::is_met(&report)) {
        report.notes.extend(why::quota_hints(&cloud, &failed.call, &failed.failure).await);
    }
    if context.globals.json {
        return Ok(context.ui.json(&shapes::EnvironmentShape::from(&report))?);
    }
    context.ui.answer(&tables::status(&report, context.clock.now(), context.ui.table_width()))?;
    Ok(())
}
