//! `cloudtop status`.

use clap::Args;

use crate::cli::CommandError;
use crate::domain::last_run::LastRun;
use crate::domain::names::EnvName;
use crate::ui::{shapes, tables};

use super::context::Context;
use super::{keeping, report, why};

/// What an environment is doing, and why.
///
/// Nodes that run are asked over ssh what they say of themselves: whether they are in use, how their volume stands, what
/// came of your tools. One that does not answer in a few seconds is no error.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop status dev\n  cloudtop status dev --json\n  cloudtop status core --no-ask"
)]
pub struct StatusArgs {
    /// The environment's name
    pub name: EnvName,
    /// Do not ask the nodes themselves what they are doing
    #[arg(long)]
    pub no_ask: bool,
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
    if environment.region_move.is_some() {
        report.notes.push(super::moving::region::standing(&args.name, &environment, context));
    }
    report.notes.extend(keeping::standing(context, &args.name).await?);
    if !args.no_ask {
        report::ask_nodes(context, &args.name, &environment.intent, &mut report).await?;
    }
    if context.globals.json {
        return Ok(context.ui.json(&shapes::EnvironmentShape::from(&report))?);
    }
    context.ui.answer(&tables::status(&report, context.clock.now(), context.ui.table_width()))?;
    Ok(())
}
