//! How big a machine: sizes and types, each with what it costs now.

use std::collections::BTreeMap;

use crate::cli::CommandError;
use crate::config::EnvironmentSettings;
use crate::domain::demand::{Demand, Requirements};
use crate::domain::market::{Market, SpotPrice, TypeFacts};
use crate::domain::money::{self, HOURS_PER_MONTH};
use crate::domain::names::Identity;
use crate::domain::quota::Purchase;
use crate::domain::quote::Question;
use crate::domain::sizes::{self, Size};

use super::super::{preflight, published};
use super::questions::Asked;

/// A type of the quota that nearly everybody launches in.
const STANDARD_TYPE: &str = "m5.large";

/// Asks for a size or a type, unless flags have said it.
pub async fn choose(asked: &mut Asked<'_>) -> Result<(), CommandError> {
    let said = &asked.answers.settings;
    if said.types.is_some() || said.cpus.is_some() || said.memory.is_some() {
        return Ok(());
    }
    asked.context.ui.status("asking EC2 what machines cost now");
    let settings = said.clone().over(asked.written.clone());
    let default = Requirements::default();
    let like = Requirements {
        arch: settings.arch.unwrap_or(default.arch),
        local_ssd: settings.local_ssd.unwrap_or(default.local_ssd),
        gpu: settings.gpu.unwrap_or(default.gpu),
        ..default
    };
    let sizes = offered(asked, &settings, &like).await?;
    let quota = quota(asked).await;
    let mut lines: Vec<String> = sizes.iter().map(|size| line(size, quota)).collect();
    lines.push("an instance type that I name".to_owned());
    let now = as_it_is(&settings);
    lines.extend(now.iter().map(|what| format!("{what}, as it is now")));
    let proposed = if now.is_some() { lines.len() - 1 } else { usual(&sizes) };
    let flags = "--cpus N --memory GIB, or --type TYPE";
    let chosen = asked.context.ui.select("Size of the machine", &lines, proposed, flags)?;
    if let Some(size) = sizes.get(chosen) {
        asked.answers.settings.cpus = Some(size.requirements.cpus);
        asked.answers.settings.memory = Some(size.requirements.memory_gib);
    } else if chosen == sizes.len() {
        asked.answers.settings.types = Some(vec![by_name(asked).await?]);
    }
    Ok(())
}

/// Each size with the pool that `up` would take.
async fn offered(
    asked: &Asked<'_>,
    settings: &EnvironmentSettings,
    like: &Requirements,
) -> Result<Vec<Size>, CommandError> {
    let context = asked.context;
    let state = context.store.read().await?;
    let identity = Identity { env: asked.name.clone(), owner: state.owner };
    let mut settings = settings.clone();
    settings.types = None;
    let mut intent = preflight::make(context, &identity, &settings, None, asked.cloud).await?.intent;
    intent.demand = Demand::Requirements(sizes::smallest(like));
    let now = context.clock.now();
    let key_name = identity.resource_name();
    let (market, (published, _)) = tokio::join!(
        Box::pin(asked.cloud.survey(&intent, &key_name, now)),
        published::gather(context, asked.cloud, &intent)
    );
    let market = Market { published, ..market? };
    Ok(sizes::sizes(&intent, &market, like, now))
}

/// How many vCPUs the account may have as spot; `None` where that cannot be found out.
async fn quota(asked: &Asked<'_>) -> Option<u64> {
    asked.cloud.quota_use(STANDARD_TYPE, Purchase::Spot).await.ok()??.limit.vcpus()
}

fn line(size: &Size, quota: Option<u64>) -> String {
    let Requirements { cpus, memory_gib, .. } = size.requirements;
    let price = match &size.first {
        Some(first) => format!(
            "{:>8}/hour {:>9}/month  {}",
            money::hourly(first.price),
            money::amount(first.price * HOURS_PER_MONTH),
            first.pool
        ),
        None => "none to be had now".to_owned(),
    };
    let above = quota.filter(|limit| u64::from(cpus) > *limit);
    let above = above.map(|limit| format!(" (above your quota of {limit} vCPUs)")).unwrap_or_default();
    format!("{cpus:2} vCPUs, {memory_gib:3} GiB  {price}{above}")
}

/// What the file says of the machine, if it says anything.
fn as_it_is(settings: &EnvironmentSettings) -> Option<String> {
    if let Some(types) = &settings.types {
        return Some(types.join(", "));
    }
    let cpus = settings.cpus.map(|cpus| format!("{cpus} vCPUs"));
    let memory = settings.memory.map(|memory| format!("{memory} GiB"));
    let parts: Vec<String> = cpus.into_iter().chain(memory).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// The place of the size that `up` asks for when nobody says.
fn usual(sizes: &[Size]) -> usize {
    let cpus = Requirements::default().cpus;
    sizes.iter().position(|size| size.requirements.cpus >= cpus).unwrap_or(0)
}

/// Asks for a type out of all that are sold as spot.
async fn by_name(asked: &Asked<'_>) -> Result<String, CommandError> {
    let context = asked.context;
    let mut types = asked.cloud.types_asked_about(&Question::Names(vec!["*".to_owned()])).await?;
    types.sort_by(|a, b| a.name.cmp(&b.name));
    let names: Vec<String> = types.iter().map(|facts| facts.name.clone()).collect();
    let prices = asked.cloud.spot_prices(&names, &[], context.clock.now()).await?;
    let least = least(&prices);
    let lines: Vec<String> = types.iter().map(|facts| type_line(facts, least.get(facts.name.as_str()))).collect();
    let chosen = context.ui.search("Instance type (type to search)", &lines, 0, "--type TYPE")?;
    Ok(names[chosen].clone())
}

/// The lowest price of each type, USD per hour.
fn least(prices: &[SpotPrice]) -> BTreeMap<&str, f64> {
    let mut least: BTreeMap<&str, f64> = BTreeMap::new();
    for price in prices {
        let known = least.entry(&price.instance_type).or_insert(price.usd_per_hour);
        *known = known.min(price.usd_per_hour);
    }
    least
}

fn type_line(facts: &TypeFacts, price: Option<&f64>) -> String {
    let gib = facts.memory_mib / 1024;
    let price = price.map(|usd| format!("from {} an hour", money::hourly(*usd))).unwrap_or_default();
    let disks = if facts.local_disks > 0 { format!(", {} local disks", facts.local_disks) } else { String::new() };
    format!("{:18} {:3} vCPUs, {gib:4} GiB{disks}  {price}", facts.name, facts.vcpus)
}
