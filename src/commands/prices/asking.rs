//! Asking for prices: from the cache, or of EC2, in all regions side by side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use super::super::context::Context;
use super::super::price_list::PriceList;
use super::PricesArgs;
use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::failure::Failure;
use crate::domain::market::TypeFacts;
use crate::domain::price_history::Span;
use crate::domain::quote::{Question, Quote};
use crate::state::Cache;

/// How long prices are shown again without asking: a pool changes its price twice a day (EC2's own history).
const PRICES_KEEP: SignedDuration = SignedDuration::from_mins(5);
/// Regions that are asked at the same time.
const REGIONS_AT_ONCE: usize = 4;
/// How often somebody who reads lines is told how far it is.
const TELL_EVERY: Duration = Duration::from_secs(10);

/// What was found out, as it is kept.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Answer {
    pub quotes: Vec<Quote>,
    pub regions: usize,
    /// What is missing, in words for the user.
    pub missing: Vec<String>,
    /// Types that were asked about and are not sold as spot.
    #[serde(default)]
    pub unsold: BTreeSet<String>,
}

/// The answer, from the cache where it is fresh, and when it was given.
pub(super) async fn find_out(
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
    let PricesArgs { regions, all_regions, days, scores, .. } = args;
    format!("{question:?} {place:?} {regions:?} all regions: {all_regions} days: {days} scores: {scores:?}")
}

/// Asks EC2, in all regions side by side.
async fn ask(
    args: &PricesArgs,
    context: &Context,
    question: &Question,
    now: Timestamp,
) -> Result<Answer, CommandError> {
    let first = match args.regions.first() {
        Some(region) => context.connect_to(region, None).await?,
        None => context.connect(None, None).await?,
    };
    let regions = regions(args, context, &first).await?;
    let span = Span { from: now - SignedDuration::from_hours(24 * i64::from(args.days)), to: now };
    let wher = match regions.as_slice() {
        [one] => one.clone(),
        all => format!("{} regions", all.len()),
    };
    context.ui.status(&format!("asking EC2 for the prices of {} in {wher}", super::days(args.days)));
    let asking = Asking {
        question: question.clone(),
        span,
        scores: args.scores,
        rows: Arc::default(),
        lists: PriceList::of(context),
    };
    let mut waiting = regions.iter();
    let mut tasks = JoinSet::new();
    let progress = Progress::new(context, &asking.rows, regions.len());
    let mut answer = Answer { regions: regions.len(), ..Answer::default() };
    let mut refused = None;
    loop {
        while tasks.len() < REGIONS_AT_ONCE
            && let Some(region) = waiting.next()
        {
            let place = Place { cloud: first.in_region(region), asking: asking.clone() };
            tasks.spawn(async move { (place.cloud.region().to_owned(), place.ask().await) });
        }
        if tasks.is_empty() {
            break;
        }
        let Some(joined) = progress.wait(tasks.join_next()).await else { break };
        // A task ends without an answer only when the whole program does.
        let Ok((region, there)) = joined else { continue };
        match there {
            Ok(there) => {
                progress.done(&region, there.rows);
                answer.take(there);
            }
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
    let mut named = args.regions.clone();
    named.sort_unstable();
    named.dedup();
    if named.is_empty() {
        named.push(first.region().to_owned());
    }
    if !args.regions.is_empty() || context.globals.region.is_some() {
        first.ensure_regions_exist(&named).await?;
    }
    Ok(named)
}

/// How far it is: drawn over itself on a terminal, told now and then elsewhere.
struct Progress<'a> {
    context: &'a Context,
    rows: Arc<AtomicUsize>,
    regions: usize,
    regions_done: Arc<AtomicUsize>,
    _picture: crate::ui::Picture,
}

impl<'a> Progress<'a> {
    fn new(context: &'a Context, rows: &Arc<AtomicUsize>, regions: usize) -> Self {
        let regions_done = Arc::new(AtomicUsize::new(0));
        let (seen, done) = (Arc::clone(rows), Arc::clone(&regions_done));
        let picture = context.ui.picture(move || so_far(&seen, &done, regions));
        Self { context, rows: Arc::clone(rows), regions, regions_done, _picture: picture }
    }

    async fn wait<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::pin!(work);
        loop {
            match tokio::time::timeout(TELL_EVERY, &mut work).await {
                Ok(done) => return done,
                Err(_) if self.context.ui.draws() => {}
                Err(_) => self.context.ui.status(&so_far(&self.rows, &self.regions_done, self.regions)),
            }
        }
    }

    fn done(&self, region: &str, rows: usize) {
        self.regions_done.fetch_add(1, Ordering::Relaxed);
        if self.regions > 1 {
            self.context.ui.status(&format!("{region}: {rows} rows"));
        }
    }
}

fn so_far(rows: &AtomicUsize, regions_done: &AtomicUsize, regions: usize) -> String {
    let rows = rows.load(Ordering::Relaxed);
    match regions {
        1 => format!("waiting for EC2: {rows} rows so far"),
        all => {
            let done = regions_done.load(Ordering::Relaxed);
            format!("waiting for EC2: {rows} rows so far, {done} of {all} regions are done")
        }
    }
}

/// What is asked in each region.
#[derive(Clone)]
struct Asking {
    question: Question,
    span: Span,
    /// For how many instances placement is scored; `None`: it is not.
    scores: Option<u32>,
    /// The rows that have come so far, from all regions.
    rows: Arc<AtomicUsize>,
    lists: PriceList,
}

/// One region.
struct Place {
    cloud: Cloud,
    asking: Asking,
}

/// What one region answered.
struct There {
    quotes: Vec<Quote>,
    rows: usize,
    /// What is not known, in words for the user.
    missing: Vec<String>,
    unsold: Vec<String>,
}

impl Place {
    async fn ask(&self) -> Result<There, CommandError> {
        let Asking { question, span, lists, .. } = &self.asking;
        let (types, listed) =
            tokio::join!(self.cloud.types_asked_about(question), lists.on_demand(&self.cloud, span.to));
        let (types, unsold): (Vec<TypeFacts>, Vec<TypeFacts>) = types?.into_iter().partition(|facts| facts.spot);
        let names: Vec<String> = types.iter().map(|facts| facts.name.clone()).collect();
        let mut missing = Vec::new();
        let (history, scores) =
            tokio::join!(self.cloud.price_history(&names, self.asking.span, &self.asking.rows), self.scores(&names));
        let (history, rows) = history?;
        let listed = listed.unwrap_or_else(|failure| {
            missing.push(format!(
                "on-demand prices are not known, so no savings are shown: {failure} (docs/prices.md says what they need)"
            ));
            BTreeMap::new()
        });
        let scores = scores.unwrap_or_else(|failure| {
            missing.push(format!("placement is not scored: {failure}"));
            BTreeMap::new()
        });
        let quotes = history.into_iter().filter_map(|history| {
            let facts = types.iter().find(|facts| facts.name == history.instance_type)?;
            let (on_demand, score) = (listed.get(&history.instance_type).copied(), scores.get(&history.zone).copied());
            Some(Quote { score, ..Quote::new(self.cloud.region(), facts, history, on_demand) })
        });
        let quotes = quotes.collect();
        tracing::debug!(region = self.cloud.region(), rows, "prices");
        Ok(There { quotes, rows, missing, unsold: unsold.into_iter().map(|facts| facts.name).collect() })
    }

    /// How likely a launch is to find room, by zone.
    async fn scores(&self, types: &[String]) -> Result<BTreeMap<String, u8>, Failure> {
        match self.asking.scores {
            Some(instances) if !types.is_empty() => self.cloud.placement_scores(types, instances).await,
            _ => Ok(BTreeMap::new()),
        }
    }
}

impl Answer {
    fn take(&mut self, there: There) {
        self.quotes.extend(there.quotes);
        self.unsold.extend(there.unsold);
        for text in there.missing {
            // In many regions it is the same reason.
            if !self.missing.contains(&text) {
                self.missing.push(text);
            }
        }
    }
}
