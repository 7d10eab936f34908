//! `cloudtop start`.

use std::time::Duration;

use clap::Args;

use crate::cli::CommandError;
use crate::config;
use crate::domain::intent::Goal;
use crate::domain::names::EnvName;
use crate::domain::phase::Wait;

use super::context::Context;
use super::stop::Change;
use super::{budget, spending, up};

/// Start what was stopped.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cloudtop start dev")]
pub struct StartArgs {
    /// The environment's name
    pub name: EnvName,
    /// How far to wait
    #[arg(long, value_parser = up::parse_wait, value_name = "running|ssh|ready|none", default_value = "ready")]
    pub wait: Wait,
    /// How long to wait, for example 10m
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub timeout: Option<Duration>,
    /// Go on although a budget is spent (until the month is over)
    #[arg(long)]
    pub over_budget: bool,
}

/// Runs `cloudtop start`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &StartArgs, context: &Context) -> Result<(), CommandError> {
    budget::before_start(context, &args.name, args.over_budget).await?;
    let change =
        Change { name: &args.name, goal: Goal::Running, verb: "start", wait: args.wait, timeout: args.timeout };
    let report = change.carry_out(context).await?;
    spending::tell(context, &report);
    up::answer(context, &report)
}
