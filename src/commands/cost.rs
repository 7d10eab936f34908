//! `cloudtop cost`.

use clap::Args;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::bill::{Bill, By};
use crate::domain::names::EnvName;
use crate::state::State;
use crate::ui::cost::{self as shown, Shown};

use super::bill::{self, Question};
use super::context::{Context, not_found};

/// What was spent, what it costs now per hour, and what the month will have been.
///
/// An estimate from the journals that this machine keeps, what EC2 shows, its spot prices hour by hour, and AWS's list
/// prices of disks, snapshots and addresses. Environments that are gone are counted, too. Data transfer and taxes are
/// not. Nothing is changed.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop cost\n  cloudtop cost dev --by day\n  cloudtop cost --since 2026-10-01 --by tag=team\n  cloudtop cost --days 7 --json"
)]
pub struct CostArgs {
    /// The environment's name [default: all]
    pub name: Option<EnvName>,
    /// What to put together: env, day, kind, node, or the value of a tag [default: env; of one environment kind]
    #[arg(long, value_name = "env|day|kind|node|tag=KEY", value_parser = by)]
    pub by: Option<By>,
    /// Since the beginning of that day, UTC [default: this month]
    #[arg(long, value_name = "DATE", conflicts_with_all = ["days", "all"])]
    pub since: Option<Date>,
    /// The last days, as many hours as they have
    #[arg(long, value_name = "N", conflicts_with = "all", value_parser = clap::value_parser!(u32).range(1..=3650))]
    pub days: Option<u32>,
    /// Since the journals began
    #[arg(long)]
    pub all: bool,
    /// Comma-separated values
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Ask EC2 for prices again, however recently it was asked
    #[arg(long)]
    pub fresh: bool,
    /// What AWS has counted.
    #[cfg(feature = "actual")]
    #[command(flatten)]
    pub counted: super::cost_actual::ActualArgs,
}

/// Reads what to put a bill together by.
fn by(text: &str) -> Result<By, String> {
    match text.split_once('=') {
        Some(("tag", key)) if !key.is_empty() => Ok(By::Tag(key.to_owned())),
        _ => match text {
            "env" => Ok(By::Environment),
            "day" => Ok(By::Day),
            "kind" => Ok(By::Kind),
            "node" => Ok(By::Node),
            _ => Err("use env, day, kind, node or tag=KEY, for example tag=team".to_owned()),
        },
    }
}

/// Runs `cloudtop cost`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &CostArgs, context: &Context) -> Result<(), CommandError> {
    let state = context.store.read().await?;
    let now = context.clock.now();
    let since = since(args, now);
    let question = Question { only: args.name.as_ref(), since, whole: true, fresh: args.fresh };
    let billed = bill::make(context, None, &state, question).await?;
    if let Some(name) = args.name.as_ref().filter(|_| !billed.known) {
        return Err(not_found(name, &state));
    }
    for missing in &billed.missing {
        context.ui.warn(missing);
    }
    #[cfg(feature = "actual")]
    if let Some(source) = args.counted.actual {
        let estimate = super::cost_actual::Estimate { billed: &billed, state: &state, since };
        return super::cost_actual::run(source, args.counted.feed.as_ref(), context, &estimate).await;
    }
    let one = if args.name.is_some() { By::Kind } else { By::Environment };
    let by = args.by.clone().unwrap_or(one);
    let shown = Shown { name: args.name.as_ref(), by, since: (!args.all).then_some(since), now, bill: &billed.bill };
    if context.globals.json {
        return Ok(context.ui.json(&shown::Shape::new(&shown))?);
    }
    if args.csv {
        return Ok(context.ui.answer(&shown::csv(&shown))?);
    }
    context.ui.answer(&shown::text(&shown, context.ui.table_width()))?;
    for words in billed.bill.caveats.in_words() {
        context.ui.note(&words);
    }
    context.ui.note("an estimate: data transfer, taxes and free tiers are left out; AWS sends the bill");
    Ok(())
}

fn since(args: &CostArgs, now: Timestamp) -> Timestamp {
    if args.all {
        return Timestamp::UNIX_EPOCH;
    }
    if let Some(days) = args.days {
        return now - SignedDuration::from_hours(24 * i64::from(days));
    }
    let of_day = |date: Date| date.to_zoned(TimeZone::UTC).map(|midnight| midnight.timestamp()).ok();
    args.since.and_then(of_day).unwrap_or_else(|| Bill::month_of(now))
}

/// What this month has cost so far, of one environment or of all; root disks as they were asked for, and without
/// snapshots. `cloud` is used for its own region, others are connected to. What cannot be found out is left out, with a
/// line in the log.
///
/// # Errors
/// A journal cannot be read, or there is no way to connect to EC2 at all.
pub async fn month_so_far(
    context: &Context,
    cloud: &Cloud,
    state: &State,
    only: Option<&EnvName>,
) -> Result<Bill, CommandError> {
    let since = Bill::month_of(context.clock.now());
    let question = Question { only, since, whole: false, fresh: false };
    let billed = bill::make(context, Some(cloud), state, question).await?;
    for missing in &billed.missing {
        tracing::debug!(missing, "a bill lacks something");
    }
    Ok(billed.bill)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_named_with_its_key() {
        assert_eq!(by("tag=team"), Ok(By::Tag("team".to_owned())));
        assert_eq!(by("day"), Ok(By::Day));
        for bad in ["tag", "tag=", "week", ""] {
            assert!(by(bad).is_err(), "{bad}");
        }
    }
}
