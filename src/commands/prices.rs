//! `cloudtop prices`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::cli::{CommandError, Exit};
use crate::cloud::Cloud;
use crate::domain::demand::{Arch, Requirements};
use crate::domain::failure::Failure;
use crate::domain::price_history::Span;
use crate::domain::quote::{self, Column, Question, Quote};
use crate::state::Cache;
use crate::ui::price_chart::{self, Chart};
use crate::ui::{shapes, tables, time};

use super::advice::{self, Bands};
use super::context::Context;
use super::price_list::PriceList;
use super::wish;

/// How long prices are shown again without asking: a pool changes its price twice a day (EC2's own history).
const PRICES_KEEP: SignedDuration = SignedDuration::from_mins(5);
/// Regions that are asked at the same time.
const REGIONS_AT_ONCE: usize = 4;
/// How many pools a table shows unless more are asked for.
const SHOWN: usize = 20;

/// Spot prices: what they are and were, and what they save against on-demand.
///
/// Without types or requirements it shows what `cloudtop up` would choose from. Nothing is launched, and nothing costs
/// anything.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop prices c7i.4xlarge m7a.4xlarge\n  cloudtop prices 'c7*.4xlarge' --all-regions --top 10\n  cloudtop prices --cpus 16 --memory 60 --sort saving\n  cloudtop prices --chart m5.large --days 90 --svg m5.svg"
)]
pub struct PricesArgs {
    /// Instance types; * stands for any letters and ? for one (quote them)
    #[arg(value_name = "TYPE", conflicts_with_all = ["cpus", "memory", "arch", "local_ssd"])]
    pub types: Vec<String>,
    /// The least number of vCPUs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub cpus: Option<u32>,
    /// The least memory, GiB
    #[arg(long, value_name = "GIB", value_parser = clap::value_parser!(u32).range(1..))]
    pub memory: Option<u32>,
    /// Processor architecture
    #[arg(long, value_parser = wish::architecture, value_name = "x86_64|arm64")]
    pub arch: Option<Arch>,
    /// Only types with local disks
    #[arg(long)]
    pub local_ssd: bool,
    /// Only this availability zone
    #[arg(long, value_name = "AZ")]
    pub zone: Option<String>,
    /// In all regions that the account has enabled
    #[arg(long)]
    pub all_regions: bool,
    /// Over how many days: at most 90, for which EC2 keeps prices
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
    pub days: u32,
    /// What to sort by
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "price")]
    pub sort: SortBy,
    /// The other way round
    #[arg(long)]
    pub reverse: bool,
    /// How many pools to show; 0: all [default: 20 in a table, else all]
    #[arg(long, value_name = "N")]
    pub top: Option<usize>,
    /// Comma-separated values
    #[arg(long, conflicts_with_all = ["json", "chart"])]
    pub csv: bool,
    /// Draw how the price of one type went, by zone
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["types", "cpus", "memory", "arch", "local_ssd", "all_regions"])]
    pub chart: Option<String>,
    /// Write the chart there, as a picture for a document
    #[arg(long, value_name = "FILE", requires = "chart")]
    pub svg: Option<PathBuf>,
    /// Ask EC2 again, however recently it was asked
    #[arg(long)]
    pub fresh: bool,
}

/// What prices can be sorted by.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SortBy {
    /// The price now, lowest first.
    Price,
    /// The price now for each vCPU, lowest first.
    CpuPrice,
    /// The saving against on-demand, most first.
    Saving,
    /// How the price has changed over the days, what fell most first.
    Change,
    /// The instance type's name.
    Type,
    /// vCPUs, most first.
    Cpus,
    /// Memory, most first.
    Memory,
    /// Local disks, most first.
    Disks,
    /// The zone's name.
    Zone,
    /// How often instances are interrupted, least first.
    Interrupted,
    /// The lowest price.
    Min,
    /// The median price.
    Median,
    /// The highest price.
    Max,
}

impl From<SortBy> for Column {
    fn from(by: SortBy) -> Self {
        match by {
            SortBy::Price => Self::Price,
            SortBy::CpuPrice => Self::PricePerCpu,
            SortBy::Saving => Self::Saving,
            SortBy::Change => Self::Change,
            SortBy::Type => Self::Type,
            SortBy::Cpus => Self::Cpus,
            SortBy::Memory => Self::Memory,
            SortBy::Disks => Self::Disks,
            SortBy::Zone => Self::Zone,
            SortBy::Interrupted => Self::Band,
            SortBy::Min => Self::Min,
            SortBy::Median => Self::Median,
            SortBy::Max => Self::Max,
        }
    }
}

/// What was found out, as it is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Answer {
    quotes: Vec<Quote>,
    regions: usize,
    /// What is missing, in words for the user.
    missing: Vec<String>,
}

/// Runs `cloudtop prices`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &PricesArgs, context: &Context) -> Result<(), CommandError> {
    let question = question(args);
    let now = context.clock.now();
    let (found, bands) = tokio::join!(find_out(args, context, &question, now), advice::bands(context));
    let (answer, at) = found?;
    for missing in answer.missing.iter().chain(&bands.missing) {
        context.ui.warn(missing);
    }
    if now != at {
        let age = time::relative(at, now);
        context.ui.status(&format!("prices as they were {age} (--fresh asks again)"));
    }
    let mut quotes = answer.quotes;
    quotes.retain(|it| args.zone.as_ref().is_none_or(|zone| *zone == it.zone));
    for quote in &mut quotes {
        quote.band = bands.of(&quote.region, &quote.instance_type);
    }
    if quotes.is_empty() {
        return Err(nothing(args, answer.regions));
    }
    quote::sort(&mut quotes, args.sort.into(), args.reverse);
    match &args.chart {
        Some(name) => draw(args, context, name, &quotes, at, bands.at),
        None => show(args, context, quotes, at, &bands),
    }
}

fn question(args: &PricesArgs) -> Question {
    if let Some(name) = &args.chart {
        return Question::Names(vec![name.clone()]);
    }
    if !args.types.is_empty() {
        return Question::Names(args.types.clone());
    }
    let default = Requirements::default();
    let (cpus, memory_gib) = match (args.cpus, args.memory) {
        (None, None) => (default.cpus, default.memory_gib),
        (cpus, memory) => (cpus.unwrap_or(1), memory.unwrap_or(1)),
    };
    Question::Requirements(Requirements {
        cpus,
        memory_gib,
        arch: args.arch.unwrap_or(default.arch),
        local_ssd: args.local_ssd,
    })
}

/// The answer, from the cache where it is fresh, and when it was given.
async fn find_out(
    args: &PricesArgs,
    context: &Context,
    question: &Question,
    now: Timestamp,
) -> Result<(Answer, Timestamp), CommandError> {
    let cache = Cache::new(&context.paths, "prices", PRICES_KEEP);
    let key = key(args, context, question);
    if let Some(kept) = cache.get::<Answer>(&key, now).filter(|_| !args.fresh) {
        return Ok((kept.answer, kept.at));
    }
    let answer = ask(args, context, question, now).await?;
    // What is missing may be there the next time.
    if answer.missing.is_empty() && !answer.quotes.is_empty() {
        cache.put(&key, &answer, now);
    }
    Ok((answer, now))
}

/// What an answer depends on, but for the time. Whose credentials they are matters where prices do not: accounts know
/// zones by different names.
fn key(args: &PricesArgs, context: &Context, question: &Question) -> String {
    let globals = &context.globals;
    let around = ["AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"];
    let around = around.map(|name| std::env::var(name).unwrap_or_default());
    let place = (&globals.region, &globals.profile, &globals.endpoint_url, around);
    format!("{question:?} {place:?} all regions: {} days: {}", args.all_regions, args.days)
}

/// Asks EC2, in all regions side by side.
async fn ask(
    args: &PricesArgs,
    context: &Context,
    question: &Question,
    now: Timestamp,
) -> Result<Answer, CommandError> {
    let first = context.connect(None, None).await?;
    let regions = regions(args, context, &first).await?;
    let span = Span { from: now - SignedDuration::from_hours(24 * i64::from(args.days)), to: now };
    let asked = match regions.as_slice() {
        [one] => format!("asking EC2 for the prices of {} days in {one}", args.days),
        all => format!("asking EC2 for the prices of {} days in {} regions", args.days, all.len()),
    };
    context.ui.status(&asked);
    let lists = PriceList::of(context);
    let mut waiting = regions.iter();
    let mut tasks = JoinSet::new();
    let mut answer = Answer { regions: regions.len(), ..Answer::default() };
    let mut refused = None;
    loop {
        while tasks.len() < REGIONS_AT_ONCE
            && let Some(region) = waiting.next()
        {
            let place = Place { cloud: first.in_region(region), lists: lists.clone(), span };
            let question = question.clone();
            tasks.spawn(async move { (place.cloud.region().to_owned(), place.ask(&question).await) });
        }
        let Some(joined) = tasks.join_next().await else { break };
        // A task ends without an answer only when the whole program does.
        let Ok((region, there)) = joined else { continue };
        match there {
            Ok(there) => answer.take(there, context, &region),
            Err(error) if regions.len() == 1 => return Err(error),
            Err(error) => {
                answer.missing.push(format!("{region} is left out: {error}"));
                refused = Some(error);
            }
        }
    }
    answer.missing.sort();
    match refused {
        Some(error) if answer.missing.len() >= regions.len() && answer.quotes.is_empty() => Err(error),
        _ => Ok(answer),
    }
}

async fn regions(args: &PricesArgs, context: &Context, first: &Cloud) -> Result<Vec<String>, CommandError> {
    if args.all_regions {
        return first.regions().await.map_err(CommandError::from);
    }
    if context.globals.region.is_some() {
        first.ensure_region_exists().await?;
    }
    Ok(vec![first.region().to_owned()])
}

/// One region.
struct Place {
    cloud: Cloud,
    lists: PriceList,
    span: Span,
}

/// What one region answered.
struct There {
    quotes: Vec<Quote>,
    rows: usize,
    /// Why on-demand prices are not known.
    unlisted: Option<Failure>,
}

impl Place {
    async fn ask(&self, question: &Question) -> Result<There, CommandError> {
        let (types, listed) =
            tokio::join!(self.cloud.types_asked_about(question), self.lists.on_demand(&self.cloud, self.span.to));
        let types = types?;
        let names: Vec<String> = types.iter().map(|facts| facts.name.clone()).collect();
        let rows = AtomicUsize::new(0);
        let history = self.cloud.price_history(&names, self.span, &rows).await?;
        let (listed, unlisted) = match listed {
            Ok(listed) => (listed, None),
            Err(failure) => (BTreeMap::new(), Some(failure)),
        };
        let quotes = history.into_iter().filter_map(|history| {
            let facts = types.iter().find(|facts| facts.name == history.instance_type)?;
            let on_demand = listed.get(&history.instance_type).copied();
            Some(Quote::new(self.cloud.region(), facts, history, on_demand))
        });
        Ok(There { quotes: quotes.collect(), rows: rows.load(Ordering::Relaxed), unlisted })
    }
}

impl Answer {
    fn take(&mut self, there: There, context: &Context, region: &str) {
        tracing::debug!(region, rows = there.rows, pools = there.quotes.len(), "prices");
        self.quotes.extend(there.quotes);
        if let Some(failure) = there.unlisted {
            // In many regions it is the same reason.
            let text = format!(
                "on-demand prices are not known, so no savings are shown: {failure} (docs/prices.md says what they need)"
            );
            if !self.missing.contains(&text) {
                self.missing.push(text);
            }
        }
        if self.regions > 1 {
            context.ui.status(&format!("{region}: {} rows", there.rows));
        }
    }
}

/// Why there is nothing to show.
fn nothing(args: &PricesArgs, regions: usize) -> CommandError {
    let wher = if regions > 1 { format!("in {regions} regions") } else { "there".to_owned() };
    let what = match (&args.chart, args.types.as_slice()) {
        (Some(name), _) => name.clone(),
        (None, []) => "any type that meets the requirements".to_owned(),
        (None, names) => names.join(" or "),
    };
    let zone = args.zone.as_ref().map(|zone| format!(" in {zone}")).unwrap_or_default();
    let error = CommandError::new(Exit::NotFound, format!("EC2 has no spot price of {what}{zone} {wher}"));
    error.hint("it may not be sold as spot, or not in that place: look elsewhere with -r or --all-regions")
}

fn show(
    args: &PricesArgs,
    context: &Context,
    mut quotes: Vec<Quote>,
    at: Timestamp,
    bands: &Bands,
) -> Result<(), CommandError> {
    let all = quotes.len();
    let is_table = !args.csv && !context.globals.json;
    let most = args.top.or(is_table.then_some(SHOWN)).filter(|most| *most > 0);
    quotes.truncate(most.unwrap_or(all));
    if context.globals.json {
        return Ok(context.ui.json(&shapes::PricesShape::new(&quotes, args.days, at, bands.at))?);
    }
    if args.csv {
        return Ok(context.ui.answer(&tables::prices_csv(&quotes, bands.at))?);
    }
    context.ui.answer(&tables::prices(&quotes, context.ui.table_width()))?;
    if quotes.len() < all {
        context.ui.status(&format!("{} of {all} pools; --top 0 shows all", quotes.len()));
    }
    if let Some(made) = bands.at {
        let age = time::relative(made, context.clock.now());
        context.ui.status(&format!("INTERRUPTED: of 100 instances in a month, by the Spot Advisor's data of {age}"));
    }
    Ok(())
}

fn draw(
    args: &PricesArgs,
    context: &Context,
    name: &str,
    quotes: &[Quote],
    at: Timestamp,
    advisor_at: Option<Timestamp>,
) -> Result<(), CommandError> {
    let mut lines: Vec<(String, Vec<f64>)> = quotes.iter().map(|it| (it.zone.clone(), it.points.clone())).collect();
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    let chart = Chart {
        title: format!("{name}, {} days", args.days),
        lines,
        on_demand: quotes.iter().find_map(|it| it.on_demand),
        from: at - SignedDuration::from_hours(24 * i64::from(args.days)),
        to: at,
    };
    if let Some(file) = &args.svg {
        write_picture(file, &price_chart::svg(&chart))?;
        context.ui.status(&format!("written to {}", file.display()));
    }
    if context.globals.json {
        return Ok(context.ui.json(&shapes::PricesShape::new(quotes, args.days, at, advisor_at))?);
    }
    context.ui.answer(&price_chart::text(&chart, context.ui.table_width().unwrap_or(80)))?;
    Ok(())
}

fn write_picture(file: &Path, picture: &str) -> Result<(), CommandError> {
    std::fs::write(file, picture)
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot write {}: {error}", file.display())))
}
