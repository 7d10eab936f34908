//! `cloudtop cost --actual`: the estimate beside what AWS itself has counted.

use std::collections::{BTreeMap, BTreeSet};

use clap::{Args, ValueEnum};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use tokio::task::JoinSet;

use crate::cli::{CommandError, Exit};
use crate::cloud::{Bucket, Cloud, Fetched};
use crate::domain::actual::{self, Amount, Comparison};
use crate::domain::bill::{Bill, Kind, Usage};
use crate::domain::data_feed::{Feed, FeedFile, Place};
use crate::domain::failure::{Class, Failure};
use crate::domain::tags;
use crate::state::State;
use crate::ui::actual::{self as shown, Shown};

use super::bill::Billed;
use super::context::Context;

/// How long after an hour its file is taken to be on its way. EC2 promises no time; "typically once an hour" (EC2 User
/// Guide).
const LATEST_FILE: SignedDuration = SignedDuration::from_hours(24);
/// Files that are fetched at the same time.
const FILES_AT_ONCE: usize = 8;
/// How many days back Cost Explorer tells days (its user guide: 13 months, unless more is asked for).
const COSTS_REACH_DAYS: i64 = 395;
/// What each request to Cost Explorer costs ("AWS Cost Management pricing").
const REQUEST_USD: f64 = 0.01;
const SUBSCRIBE: &str =
    "a feed is made by `aws ec2 create-spot-datafeed-subscription --bucket BUCKET`; it tells of the hours after that";
const ACTIVATE: &str = "the tag must be activated in the Billing console, or by `aws ce update-cost-allocation-tags-status \
                        --cost-allocation-tags-status TagKey=cloudtop:env,Status=Active` in the account that pays; AWS takes \
                        up to a day to show it, and tells of the days after that";
const PERMISSIONS: &str = "what these credentials need for it is in docs/cost-actual.md";

/// What the estimate is laid beside.
#[derive(Debug, Args)]
#[command(next_help_heading = "What AWS has counted")]
pub struct ActualArgs {
    /// Lay the estimate beside what AWS has counted: by the spot data feed in S3, or where there is none by Cost Explorer,
    /// which costs $0.01 a request
    #[arg(long, value_enum, value_name = "SOURCE", num_args = 0..=1, require_equals = true, default_missing_value = "any")]
    pub actual: Option<Source>,
    /// Where the spot data feed is, if it is not the account's own: s3://BUCKET/PREFIX
    #[arg(long, value_name = "S3-URL", requires = "actual")]
    pub feed: Option<Place>,
}

/// Who is asked what AWS has counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Source {
    /// The data feed where there is one, else Cost Explorer.
    Any,
    /// The spot data feed: spot instances alone, by the hour, within hours.
    Feed,
    /// Cost Explorer: all that has the tag `cloudtop:env`, by the day, within days.
    CostExplorer,
}

/// What was estimated.
pub struct Estimate<'a> {
    /// The bill, with what it was made from.
    pub billed: &'a Billed,
    /// What environments there are.
    pub state: &'a State,
    /// Since when.
    pub since: Timestamp,
}

/// Runs `cloudtop cost --actual`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(
    source: Source,
    feed: Option<&Place>,
    context: &Context,
    estimate: &Estimate<'_>,
) -> Result<(), CommandError> {
    let cloud = &connect(context, estimate).await?;
    let place = match (source, feed) {
        (Source::CostExplorer, _) => None,
        (_, Some(place)) => Some(place.clone()),
        (Source::Feed, None) => {
            let found = cloud.data_feed().await.map_err(explained)?;
            Some(found.ok_or_else(no_feed)?)
        }
        (Source::Any, None) => own_feed(context, cloud).await,
    };
    let shown = match place {
        Some(place) => by_feed(context, cloud, estimate, place).await?,
        None => by_cost_explorer(context, cloud, estimate).await?,
    };
    if context.globals.json {
        return Ok(context.ui.json(&shown::Shape::new(&shown))?);
    }
    Ok(context.ui.answer(&shown::text(&shown, context.ui.table_width()))?)
}

/// The account of the environments. A feed and a bill are an account's and not a region's, so any region will do.
async fn connect(context: &Context, estimate: &Estimate<'_>) -> Result<Cloud, CommandError> {
    let envs = &estimate.state.environments;
    let run = estimate.billed.usage.runs.last().map(|run| &run.owner);
    let of_run = run.and_then(|owner| envs.iter().find(|(name, _)| name.as_str() == owner.env));
    let profile = of_run.and_then(|(_, environment)| environment.profile.as_deref());
    context.connect(run.map(|owner| owner.region.as_str()), profile).await
}

/// The account's feed; why there is none is said, for another source is asked then.
async fn own_feed(context: &Context, cloud: &Cloud) -> Option<Place> {
    match cloud.data_feed().await {
        Ok(Some(place)) => return Some(place),
        Ok(None) => {
            context.ui.note(&format!("the account has no spot data feed, so Cost Explorer is asked; {SUBSCRIBE}"))
        }
        Err(failure) => {
            context
                .ui
                .warn(&format!("whether there is a spot data feed is not known, so Cost Explorer is asked: {failure}"));
        }
    }
    None
}

fn no_feed() -> CommandError {
    let error = CommandError::new(Exit::NotFound, "the account has no spot data feed");
    error.hint(SUBSCRIBE).hint("`--actual=cost-explorer` asks Cost Explorer instead, for $0.01 a request")
}

/// A refusal with the place where the permissions stand: they are no part of what the tool needs else.
fn explained(failure: Failure) -> CommandError {
    let denied = failure.class == Class::Denied;
    let mut error = CommandError::from(failure);
    if denied {
        error.hints = vec![PERMISSIONS.to_owned()];
    }
    error
}

async fn by_feed(
    context: &Context,
    cloud: &Cloud,
    estimate: &Estimate<'_>,
    place: Place,
) -> Result<Shown, CommandError> {
    let now = context.clock.now();
    let named = place.to_string();
    let of_place = |failure: Failure| explained(failure).hint(format!("that was about the spot data feed in {named}"));
    let account = cloud.who().await?.account;
    let mut bucket = cloud.feed_bucket(place);
    let Some(first) = bucket.first_hour(&account).await.map_err(of_place)? else {
        let message = format!("{named} has no file of a spot data feed of account {account}");
        let late = "the first file comes some hours after the first hour of a spot instance";
        return Err(CommandError::new(Exit::NotFound, message).hint(late));
    };
    let from = estimate.since.max(first);
    if from > estimate.since {
        context.ui.note(&format!("the feed begins at {}: what was before is left out", from.strftime("%F %R UTC")));
    }
    let files = bucket.files(&account, from, now).await.map_err(of_place)?;
    let last = files.last().map_or(first, |file| file.hour) + SignedDuration::from_hours(1);
    let to = last.max(now - LATEST_FILE).min(now);
    if to <= from {
        return Err(CommandError::new(Exit::NotFound, "the spot data feed has no hour of that time yet")
            .hint("ask for more days (--days), or again in some hours"));
    }
    context.ui.status(&format!("reading {} files of the spot data feed in {named}", files.len()));
    let envs = envs_of(&estimate.billed.usage);
    let feed = read(context, &bucket, &files, envs.keys().cloned().collect()).await.map_err(of_place)?;
    let counted: Vec<Amount> = feed
        .charges(from, to)
        .into_iter()
        .filter_map(|charge| {
            let (env, day) = (envs.get(&charge.instance_id)?.clone(), day_of(charge.at));
            Some(Amount { env, day, kind: Some(Kind::Instance), usd: charge.usd })
        })
        .collect();
    let told = actual::told_by_feed(&estimate.billed.usage, from, to, now);
    let bill = Bill::of(&told, &estimate.billed.tariff, from, now);
    Ok(Shown {
        source: shown::Source::DataFeed { place: named, files: files.len(), other_lines: feed.others },
        from,
        to,
        comparison: Comparison::new(&actual::estimated(&bill.lines, Date::MAX), &counted),
    })
}

/// Reads the files, some at a time. What is damaged is named and left out.
async fn read(
    context: &Context,
    bucket: &Bucket,
    files: &[FeedFile],
    wanted: BTreeSet<String>,
) -> Result<Feed, Failure> {
    let mut feed = Feed::of(wanted);
    let mut waiting = files.iter();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < FILES_AT_ONCE
            && let Some(file) = waiting.next()
        {
            let (bucket, file) = (bucket.clone(), file.clone());
            tasks.spawn(async move { (bucket.text(&file).await, file) });
        }
        let Some(joined) = tasks.join_next().await else { break };
        // A task ends without an answer only when the whole program does.
        let Ok((fetched, file)) = joined else { continue };
        match fetched? {
            Fetched::Text(text) => feed.add(&file, &text),
            Fetched::Damaged(why) => context.ui.warn(&format!("{} is left out: {why}", file.key)),
        }
    }
    for (lines, what) in [(feed.unreadable, "cannot be read"), (feed.foreign, "are not in USD")] {
        if lines > 0 {
            context.ui.warn(&format!("{lines} lines of the spot data feed {what}, and are left out"));
        }
    }
    Ok(feed)
}

async fn by_cost_explorer(context: &Context, cloud: &Cloud, estimate: &Estimate<'_>) -> Result<Shown, CommandError> {
    let now = context.clock.now();
    let today = day_of(now);
    let oldest = today.saturating_sub(jiff::Span::new().days(COSTS_REACH_DAYS));
    let midnight = |day: Date| day.to_zoned(TimeZone::UTC).map_or(now, |zoned| zoned.timestamp());
    let since = midnight(day_of(estimate.since));
    let bill = Bill::of(&estimate.billed.usage, &estimate.billed.tariff, since, now);
    let used = bill.lines.iter().map(|line| line.day).min().unwrap_or(today);
    let from = day_of(estimate.since).max(used).max(oldest);
    if from >= today {
        return Err(CommandError::new(
            Exit::NotFound,
            "there is no whole day in that time of which Cost Explorer tells",
        )
        .hint("it tells whole days of UTC, some hours after their end: ask for more days (--days)"));
    }
    let envs: BTreeSet<String> = bill.lines.iter().map(|line| line.owner.env.clone()).collect();
    let envs: Vec<String> = envs.into_iter().collect();
    // Not a status: under --quiet, too, money is not spent without a word.
    context.ui.warn(&format!("asking Cost Explorer costs ${REQUEST_USD:.2} a request; mostly it is one"));
    let costs = cloud.costs(&envs, from, today).await.map_err(explained)?;
    if costs.amounts.is_empty() {
        let message = format!("Cost Explorer has nothing from {from} on that has the tag {}", tags::ENV);
        return Err(CommandError::new(Exit::NotFound, message).hint(ACTIVATE));
    }
    let estimated: Vec<Amount> =
        actual::estimated(&bill.lines, today).into_iter().filter(|it| it.day >= from).collect();
    let usd = f64::from(u32::try_from(costs.requests).unwrap_or(u32::MAX)) * REQUEST_USD;
    Ok(Shown {
        source: shown::Source::CostExplorer { unsettled: costs.unsettled, requests: costs.requests, usd },
        from: midnight(from),
        to: midnight(today),
        comparison: Comparison::new(&estimated, &costs.amounts),
    })
}

/// The environment of each instance.
fn envs_of(usage: &Usage) -> BTreeMap<String, String> {
    usage.runs.iter().map(|run| (run.instance_id.clone(), run.owner.env.clone())).collect()
}

fn day_of(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}
