//! Putting a bill together: what journals remember, what EC2 shows, and what it costs.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::domain::bill::{Bill, Look, Tariff, Usage};
use crate::domain::failure::Failure;
use crate::domain::found::Found;
use crate::domain::market::SpotPrice;
use crate::domain::names::EnvName;
use crate::domain::price_history::Span;
use crate::state::{Cache, State};

use super::context::Context;
use super::price_list::PriceList;

/// How long spot prices are not asked for again: an hour that has begun keeps its price.
const PRICES_KEEP: SignedDuration = SignedDuration::from_mins(5);
/// How far back EC2 tells spot prices.
const PRICES_REACH: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What the bill is to be of.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// One environment; `None`: all.
    pub only: Option<&'a EnvName>,
    /// Since when.
    pub since: Timestamp,
    /// Whether root disks and snapshots are asked for, too. Without, root disks are as large as they were asked for, and
    /// snapshots are left out.
    pub whole: bool,
    /// Whether prices are asked for again, however recently they were.
    pub fresh: bool,
}

/// A bill, and what could not be found out for it.
pub struct Billed {
    /// The bill.
    pub bill: Bill,
    /// In words for the user.
    pub missing: Vec<String>,
    /// Whether any trace was found of what was asked about.
    pub known: bool,
    /// What it is of.
    #[cfg(feature = "actual")]
    pub usage: Usage,
    /// The prices that it was made with.
    #[cfg(feature = "actual")]
    pub tariff: Tariff,
}

/// What one environment has used.
struct Account {
    name: EnvName,
    usage: Usage,
    last_word: Option<Timestamp>,
}

/// Makes the bill. What EC2 does not tell is missing, and is told; the journals alone make a bill of sorts.
///
/// # Errors
/// A journal cannot be read, or there is no way to connect to EC2 at all.
pub async fn make(
    context: &Context,
    connected: Option<&Cloud>,
    state: &State,
    question: Question<'_>,
) -> Result<Billed, CommandError> {
    let now = context.clock.now();
    let since = question.since.min(Bill::month_of(now));
    let mut accounts = accounts(context, state, question.only)?;
    let places = places(context, state, &accounts, since);
    let mut gathered = Gathered { context, question, now, since, missing: Vec::new(), tariff: Tariff::default() };
    for (region, profile) in &places {
        let cloud = match connected.filter(|cloud| cloud.region() == region) {
            Some(cloud) => cloud.clone(),
            None => context.connect_to(region, profile.as_deref()).await?,
        };
        gathered.region(&cloud, &state.owner, &mut accounts).await;
    }
    let known = !accounts.is_empty();
    let mut usage = Usage::default();
    for account in accounts {
        usage.append(account.usage);
    }
    if let Some(only) = &context.globals.region {
        usage.keep_region(only);
    }
    gathered.missing.sort();
    gathered.missing.dedup();
    let bill = Bill::of(&usage, &gathered.tariff, question.since, now);
    Ok(Billed {
        bill,
        missing: gathered.missing,
        known,
        #[cfg(feature = "actual")]
        usage,
        #[cfg(feature = "actual")]
        tariff: gathered.tariff,
    })
}

/// The environments that the state or a journal knows.
fn accounts(context: &Context, state: &State, only: Option<&EnvName>) -> Result<Vec<Account>, CommandError> {
    let names: BTreeSet<EnvName> =
        context.paths.journals()?.into_iter().chain(state.environments.keys().cloned()).collect();
    let mut all = Vec::new();
    for name in names.into_iter().filter(|name| only.is_none_or(|only| only == name)) {
        let entries = context.journal(&name).read()?;
        let usage = Usage::read(name.as_str(), &entries);
        all.push(Account { name, usage, last_word: entries.last().map(|entry| entry.at) });
    }
    Ok(all)
}

/// The regions to be asked, each with the credentials' profile: those of environments, and those in which something of an
/// ended one was since that time.
fn places(
    context: &Context,
    state: &State,
    accounts: &[Account],
    since: Timestamp,
) -> BTreeMap<String, Option<String>> {
    let mut places = BTreeMap::new();
    for account in accounts {
        if let Some(environment) = state.environments.get(&account.name) {
            places.insert(environment.intent.region.clone(), environment.profile.clone());
        }
    }
    for region in accounts.iter().flat_map(|account| account.usage.regions(since).into_keys()) {
        places.entry(region).or_insert(None);
    }
    places.retain(|region, _| context.globals.region.as_ref().is_none_or(|only| only == region));
    places
}

/// What is gathered, region by region.
struct Gathered<'a> {
    context: &'a Context,
    question: Question<'a>,
    now: Timestamp,
    /// Since when anything matters: for the bill, or for the month.
    since: Timestamp,
    missing: Vec<String>,
    tariff: Tariff,
}

impl Gathered<'_> {
    async fn region(&mut self, cloud: &Cloud, owner: &str, accounts: &mut Vec<Account>) {
        let region = cloud.region().to_owned();
        let missing = |what: &str, failure: &Failure| format!("{region}: {what}: {failure}");
        match self.look(cloud, owner).await {
            Ok(found) => self.see(&region, &found, accounts),
            Err(failure) => self.missing.push(missing("what is there is told by the journals alone", &failure)),
        }
        let mut types = BTreeSet::new();
        for account in accounts.iter() {
            types.extend(account.usage.regions(self.since).remove(&region).unwrap_or_default());
        }
        if types.is_empty() {
            return;
        }
        let first = accounts.iter().filter_map(|account| account.usage.first_run(self.since)).min().unwrap_or(self.now);
        let types: Vec<String> = types.into_iter().collect();
        let list = PriceList::of(self.context);
        let (spot, listed) = tokio::join!(self.spot_prices(cloud, &types, first), list.on_demand(cloud, self.now));
        match spot {
            Ok(changes) => {
                for Change(name, zone, since, usd) in changes {
                    self.tariff.add_spot(&name, &zone, [(since, usd)]);
                }
            }
            Err(failure) => {
                self.missing.push(missing("spot prices are not known, those of launches stand in", &failure))
            }
        }
        match listed {
            Ok(prices) => self.tariff.add_on_demand(&region, &prices),
            Err(failure) => {
                self.missing.push(missing("on-demand prices are not known, so no saving is shown", &failure))
            }
        }
    }

    async fn look(&mut self, cloud: &Cloud, owner: &str) -> Result<Vec<Found>, Failure> {
        let found = cloud.observe_all(Some(owner)).await?;
        if !self.question.whole {
            return Ok(found);
        }
        let (found, unseen) = cloud.observe_spare(found, Some(owner)).await;
        self.missing.extend(unseen.iter().map(|failure| format!("{}: not all is counted: {failure}", cloud.region())));
        Ok(found)
    }

    /// Brings what journals tell up to what EC2 shows, and adds environments of which there is no journal.
    fn see(&self, region: &str, found: &[Found], accounts: &mut Vec<Account>) {
        for it in found {
            let name = &it.identity.env;
            let wanted = self.question.only.is_none_or(|only| only == name);
            if wanted && !accounts.iter().any(|account| account.name == *name) {
                accounts.push(Account { name: name.clone(), usage: Usage::default(), last_word: None });
            }
        }
        for account in accounts {
            let found = found.iter().find(|it| it.identity.env == account.name);
            let (env, last_word, now) = (account.name.as_str(), account.last_word, self.now);
            account.usage.see(&Look { env, region, found, last_word, now });
        }
    }

    /// The spot prices of these types since the first run, kept for a while.
    async fn spot_prices(&self, cloud: &Cloud, types: &[String], first: Timestamp) -> Result<Vec<Change>, Failure> {
        let cache = Cache::new(&self.context.paths, "bill", PRICES_KEEP);
        let from = first.max(self.now - PRICES_REACH);
        let key = format!("{} {types:?} since {from} at {:?}", cloud.region(), self.context.globals.endpoint_url);
        if let Some(kept) = cache.get(&key, self.now).filter(|_| !self.question.fresh) {
            return Ok(kept.answer);
        }
        let span = Span { from, to: self.now };
        let changes: Vec<Change> = cloud.price_changes(types, span).await?.into_iter().map(Change::from).collect();
        cache.put(&key, &changes, self.now);
        Ok(changes)
    }
}

/// A spot price that came into force, as it is kept.
#[derive(Deserialize, Serialize)]
struct Change(String, String, Timestamp, f64);

impl From<SpotPrice> for Change {
    fn from(it: SpotPrice) -> Self {
        Self(it.instance_type, it.zone, it.since, it.usd_per_hour)
    }
}
