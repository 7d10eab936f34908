//! `cloudtop prices`.

mod asking;
mod best;
#[cfg(all(test, feature = "simulator"))]
mod tests;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use jiff::{SignedDuration, Timestamp};

use crate::cli::{CommandError, Exit};
use crate::domain::demand::{Arch, Requirements};
use crate::domain::quote::{self, Column, Question, Quote};
use crate::domain::score;
use crate::ui::price_chart::{self, Chart};
use crate::ui::{shapes, tables, time};

use super::advice::{self, Bands};
use super::context::Context;
use super::wish;

/// How many pools a table shows unless more are asked for.
const SHOWN: usize = 20;

/// EC2 scores fewer types than this low, whatever there is ("Spot placement score" in the EC2 user guide).
const FEW_TYPES: usize = 3;

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
    #[arg(value_name = "TYPE", conflicts_with_all = ["cpus", "memory", "arch", "local_ssd", "gpu"])]
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
    /// Only types with a GPU
    #[arg(long)]
    pub gpu: bool,
    /// Only this availability zone
    #[arg(long, value_name = "AZ")]
    pub zone: Option<String>,
    /// In these regions
    #[arg(long, value_name = "REGION", value_delimiter = ',', conflicts_with_all = ["region", "all_regions"])]
    pub regions: Vec<String>,
    /// In all regions that the account has enabled
    #[arg(long)]
    pub all_regions: bool,
    /// Over how many days: at most 90, for which EC2 keeps prices
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=90))]
    pub days: u32,
    /// What to sort by
    #[arg(long, value_enum, value_name = "COLUMN", default_value = "price")]
    pub sort: SortBy,
    /// How likely a launch of N instances (1) finds room, by zone: an account may ask EC2 for few such scores in a day
    #[arg(long, value_name = "N", num_args = 0..=1, require_equals = true, default_missing_value = "1", value_parser = clap::value_parser!(u32).range(1..))]
    pub scores: Option<u32>,
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
    #[arg(long, value_name = "TYPE", conflicts_with_all = ["types", "cpus", "memory", "arch", "local_ssd", "gpu", "regions", "all_regions"])]
    pub chart: Option<String>,
    /// Write the chart there, as a picture for a document
    #[arg(long, value_name = "FILE", requires = "chart")]
    pub svg: Option<PathBuf>,
    /// In the order in which `cloudtop up` would take them, with what interruptions cost
    #[arg(long, conflicts_with_all = ["sort", "reverse", "csv", "chart"])]
    pub best: bool,
    /// Minutes that an interruption costs you [default: 30]; 0: by price alone
    #[arg(long, value_name = "N", requires = "best", value_parser = clap::value_parser!(u32).range(0..=i64::from(score::MOST_MINUTES)))]
    pub interruption_minutes: Option<u32>,
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
    /// GPUs, most first.
    Gpus,
    /// The zone's name.
    Zone,
    /// How often instances are interrupted, least first.
    Interrupted,
    /// How likely a launch finds room, most first; see --scores.
    Score,
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
            SortBy::Gpus => Self::Gpus,
            SortBy::Zone => Self::Zone,
            SortBy::Interrupted => Self::Band,
            SortBy::Score => Self::Score,
            SortBy::Min => Self::Min,
            SortBy::Median => Self::Median,
            SortBy::Max => Self::Max,
        }
    }
}

/// Runs `cloudtop prices`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &PricesArgs, context: &Context) -> Result<(), CommandError> {
    let question = question(args);
    let now = context.clock.now();
    let (found, bands) = tokio::join!(asking::find_out(args, context, &question, now), advice::bands(context));
    let (answer, at) = found?;
    for missing in answer.missing.iter().chain(&bands.missing) {
        context.ui.warn(missing);
    }
    if now != at {
        let age = time::relative(at, now);
        context.ui.status(&format!("prices as they were {age} (--fresh asks again)"));
    }
    if !answer.unsold.is_empty() {
        let text = format!("EC2 does not sell {} as spot", in_a_row(&answer.unsold));
        if answer.quotes.is_empty() {
            let error = CommandError::new(Exit::NotFound, text);
            return Err(error.hint("name other types, or what they must have: --cpus, --memory"));
        }
        context.ui.note(&text);
    }
    let mut quotes = answer.quotes;
    quotes.retain(|it| args.zone.as_ref().is_none_or(|zone| *zone == it.zone));
    for quote in &mut quotes {
        quote.band = bands.of(&quote.region, &quote.instance_type);
    }
    if quotes.is_empty() {
        return Err(nothing(args, answer.regions));
    }
    if args.best {
        return best::show(args, context, &quotes, at);
    }
    match &args.chart {
        Some(name) => {
            quote::sort(&mut quotes, args.sort.into(), args.reverse);
            draw(args, context, name, &quotes, at, bands.at)
        }
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
        gpu: args.gpu,
    })
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
    error.hint("nothing of the kind may be offered there: look elsewhere with -r, --regions or --all-regions")
}

fn in_a_row(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn show(
    args: &PricesArgs,
    context: &Context,
    quotes: Vec<Quote>,
    at: Timestamp,
    bands: &Bands,
) -> Result<(), CommandError> {
    let all = quotes.len();
    let is_table = !args.csv && !context.globals.json;
    let most = args.top.or(is_table.then_some(SHOWN)).filter(|most| *most > 0);
    let scored = quotes.iter().any(|it| it.score.is_some());
    let types = scored.then(|| quotes.iter().map(|it| &it.instance_type).collect::<BTreeSet<_>>().len());
    let quotes = quote::first(quotes, most.unwrap_or(all), args.sort.into(), args.reverse);
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
    if let Some((instances, types)) = args.scores.zip(types) {
        context.ui.status(&about_scores(instances, types));
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
    let mut lines: Vec<(String, Vec<f64>)> = quotes.iter().map(|it| (it.zone.clone(), it.points.usd())).collect();
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    let chart = Chart {
        title: format!("{name}, {}", days(args.days)),
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

fn about_scores(instances: u32, types: usize) -> String {
    let few = if types < FEW_TYPES { "; with fewer than three types EC2's scores are always low" } else { "" };
    format!("SCORE: how likely {instances} of these types, whichever, find room in the zone; 10 is the likeliest{few}")
}

fn days(count: u32) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

fn write_picture(file: &Path, picture: &str) -> Result<(), CommandError> {
    std::fs::write(file, picture)
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot write {}: {error}", file.display())))
}
