//! `cloudtop history`.

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;

use crate::cli::CommandError;
use crate::config;
use crate::domain::history::History;
use crate::domain::names::EnvName;
use crate::ui::history::{self as shown, Shown};

use super::context::{Context, not_found};

/// What was run, what it did, what failed, and what it has cost.
///
/// Read from the journal that this machine keeps, of environments that are gone, too. EC2 is not asked.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop history dev\n  cloudtop history dev -n 3 -v     with the reason of each call\n  cloudtop history --since 2d --json"
)]
pub struct HistoryArgs {
    /// The environment's name [default: all]
    pub name: Option<EnvName>,
    /// Only runs of the last hours or days, for example 2d
    #[arg(long, value_name = "TIME", value_parser = config::parse_duration)]
    pub since: Option<Duration>,
    /// Only the last runs
    #[arg(short = 'n', long, value_name = "N")]
    pub last: Option<usize>,
}

/// Runs `cloudtop history`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &HistoryArgs, context: &Context) -> Result<(), CommandError> {
    let names = match &args.name {
        Some(name) => vec![name.clone()],
        None => context.paths.journals()?,
    };
    let now = context.clock.now();
    let since = args.since.and_then(|span| now.checked_sub(span).ok());
    let mut all = Vec::new();
    for name in &names {
        let entries = context.journal(name).read()?;
        if entries.is_empty() && args.name.is_some() {
            return unknown(context, name).await;
        }
        all.push(Shown::new(name.to_string(), &History::read(&entries), since, args.last, now));
    }
    // Of all environments, those of which there is something to tell.
    all.retain(|it| args.name.is_some() || !it.runs.is_empty());
    all.sort_by_key(|it| it.runs.last().map_or(Timestamp::MIN, |run| run.began));
    if context.globals.json {
        return Ok(context.ui.json(&shown::Shape::from(all.as_slice()))?);
    }
    if all.iter().all(|it| it.runs.is_empty()) {
        context.ui.status("nothing was run in that time");
    }
    let reasons = context.globals.verbose > 0;
    context.ui.answer(&shown::text(&all, reasons, context.ui.table_width()))?;
    Ok(())
}

/// There is no journal: nothing was ever run here, or it was run on another machine.
async fn unknown(context: &Context, name: &EnvName) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    if !state.environments.contains_key(name) {
        return Err(not_found(name, &state));
    }
    context.ui.status(&format!(
        "nothing was run for {name} on this machine yet; its tags tell what it is, not what was done"
    ));
    if context.globals.json {
        context.ui.json(&shown::Shape::from([].as_slice()))?;
    }
    Ok(())
}
