//! `cloudtop gc`.

use std::collections::{BTreeMap, BTreeSet};

use clap::Args;

use crate::cli::{CommandError, Exit};
use crate::domain::leftovers::{self, Ending, Kind};
use crate::domain::money;
use crate::ui::leftovers::{self as shown, Row};

use super::context::Context;
use super::everywhere::{self, FoundThere, Sight};
use super::gc_end;

/// Find what has our tags and no use any more, with what it costs.
///
/// Lists it. Ends what you choose: by name or id, or with --end. Volumes and snapshots are never ended unless you name
/// them, and what other installations made is never ended.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  cloudtop gc\n  cloudtop gc --end            choose from a list\n  cloudtop gc --end -y         all of it, but volumes and snapshots\n  cloudtop gc lost vol-0123456789abcdef0\n  cloudtop gc --all-owners --json"
)]
pub struct GcArgs {
    /// What to end: ids, or names of environments
    #[arg(value_name = "ID|NAME", conflicts_with = "end")]
    pub what: Vec<String>,
    /// End what you choose from the list; with --yes all of it
    #[arg(long)]
    pub end: bool,
    /// Let --end delete volumes and snapshots too, after a question that names each
    #[arg(long, requires = "end")]
    pub volumes: bool,
    /// List what other installations made, too
    #[arg(long)]
    pub all_owners: bool,
}

/// Something that has no use any more, and where it was found.
#[derive(Clone)]
pub struct Useless {
    /// The thing and its price.
    pub row: Row,
    /// The environment that it is of.
    pub there: FoundThere,
}

/// Runs `cloudtop gc`.
///
/// # Errors
/// What went wrong, with its exit code.
pub async fn run(args: &GcArgs, context: &Context) -> Result<(), CommandError> {
    let owner = context.store.read().await?.owner;
    let sight = everywhere::find(context, Some(&owner).filter(|_| !args.all_owners).map(String::as_str)).await?;
    let all = useless(context, &sight).await?;
    let rows: Vec<Row> = all.iter().map(|it| it.row.clone()).collect();
    let chosen = choose(args, context, &all)?;
    if !context.globals.json && args.what.is_empty() {
        tell(args, context, &rows)?;
    }
    super::image::tell_of_halves(context, &sight).await?;
    let chosen = match chosen {
        Choice::These(chosen) => chosen,
        Choice::Ask => ask(context, &all, args.volumes)?,
    };
    let confirmed = if chosen.is_empty() { false } else { confirm(args, context, &chosen)? };
    let mut ended = Vec::new();
    let result = if confirmed { gc_end::end(context, &chosen, &mut ended).await } else { Ok(()) };
    if context.globals.json {
        let out = |it: &everywhere::LeftOut| (it.region.clone(), it.failure.to_string());
        let left_out: Vec<(String, String)> = sight.left_out.iter().map(out).collect();
        context.ui.json(&shown::Shape::new(&rows, &left_out, &ended))?;
    }
    result
}

/// What has no use any more, with prices.
async fn useless(context: &Context, sight: &Sight) -> Result<Vec<Useless>, CommandError> {
    let state = context.store.read().await?;
    let now = context.clock.now();
    let mut all = Vec::new();
    for there in &sight.found {
        let identity = &there.found.identity;
        let ours = identity.owner == state.owner;
        let known = state.environments.get(&identity.env).filter(|_| ours);
        for leftover in leftovers::leftovers(&there.found, known, ours, &there.region, now) {
            let row = Row { leftover, usd_per_month: 0.0, unknown: false, ours };
            all.push(Useless { row, there: there.clone() });
        }
    }
    price(context, &mut all).await;
    Ok(all)
}

/// Asks each region once what its pools cost.
async fn price(context: &Context, all: &mut [Useless]) {
    let mut pools: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for it in all.iter() {
        let of_region = pools.entry(it.there.region.clone()).or_default();
        of_region.extend(it.row.leftover.cost.pools.iter().cloned());
    }
    let mut prices: BTreeMap<(String, String), f64> = BTreeMap::new();
    for (region, pools) in pools {
        let Some(one) = all.iter().find(|it| it.there.region == region) else { continue };
        let types: BTreeSet<String> = pools.iter().map(|(name, _)| name.clone()).collect();
        let zones: BTreeSet<String> = pools.into_iter().map(|(_, zone)| zone).collect();
        if types.is_empty() {
            continue;
        }
        let (types, zones): (Vec<_>, Vec<_>) = (types.into_iter().collect(), zones.into_iter().collect());
        match one.there.cloud.spot_prices(&types, &zones, context.clock.now()).await {
            Ok(found) => prices.extend(found.into_iter().map(|it| ((it.instance_type, it.zone), it.usd_per_hour))),
            Err(failure) => context.ui.warn(&format!("prices in {region} are not known: {failure}")),
        }
    }
    for it in all.iter_mut() {
        (it.row.usd_per_month, it.row.unknown) = it.row.leftover.cost.per_month(&it.there.region, &prices);
    }
}

fn tell(args: &GcArgs, context: &Context, rows: &[Row]) -> Result<(), CommandError> {
    if rows.is_empty() {
        context.ui.status("everything that has our tags is known and in use");
        return Ok(());
    }
    context.ui.answer(&shown::table(rows, context.clock.now(), context.ui.table_width()))?;
    let ours: f64 = rows.iter().filter(|row| row.ours).map(|row| row.usd_per_month).sum();
    context.ui.status(&format!("what is yours of it costs about {} a month", money::amount(ours)));
    if !args.end {
        context.ui.status(
            "end what you choose with `cloudtop gc ID`, or with `cloudtop gc --end`; take unknown environments back with `cloudtop recover`",
        );
    }
    Ok(())
}

/// What is to be ended.
enum Choice {
    These(Vec<Useless>),
    Ask,
}

fn choose(args: &GcArgs, context: &Context, all: &[Useless]) -> Result<Choice, CommandError> {
    if !args.what.is_empty() {
        let mut chosen: Vec<Useless> = Vec::new();
        for word in &args.what {
            let more = named(word, all)?;
            let is_new = |it: &Useless| chosen.iter().all(|other| other.row.leftover != it.row.leftover);
            chosen.extend(more.into_iter().filter(is_new).collect::<Vec<_>>());
        }
        return Ok(Choice::These(chosen));
    }
    if !args.end {
        return Ok(Choice::These(Vec::new()));
    }
    if !context.globals.yes {
        return Ok(Choice::Ask);
    }
    let safe = |it: &&Useless| it.row.leftover.ending == Ending::WithOthers || is_data(it, args.volumes);
    Ok(Choice::These(all.iter().filter(safe).cloned().collect()))
}

/// Whether it is a volume or a snapshot of ours, and those are wanted.
fn is_data(it: &Useless, wanted: bool) -> bool {
    wanted && it.row.leftover.kind.holds_data() && it.row.leftover.ending == Ending::ByName
}

/// What an id or the name of an environment stands for.
fn named(word: &str, all: &[Useless]) -> Result<Vec<Useless>, CommandError> {
    let by_id: Vec<&Useless> = all.iter().filter(|it| it.row.leftover.id == word).collect();
    let of_env: Vec<&Useless> = all.iter().filter(|it| it.row.leftover.of.env.as_str() == word).collect();
    let meant = if by_id.iter().any(|it| it.row.leftover.kind != Kind::Environment) { by_id } else { of_env.clone() };
    if meant.is_empty() {
        let text = format!("nothing called `{word}` is left over: it is in use, is not there, or has none of our tags");
        return Err(CommandError::new(Exit::NotFound, text).hint("`cloudtop gc` lists what is left over"));
    }
    if let Some(other) = meant.iter().find(|it| it.row.leftover.ending == Ending::NotOurs) {
        let text =
            format!("`{word}` belongs to installation {}, and is not ended from here", other.row.leftover.of.owner);
        let hint = format!("take it over first: `cloudtop recover {} --adopt`", other.row.leftover.of.env);
        return Err(CommandError::usage(text).hint(hint));
    }
    let is_whole = of_env.len() == meant.len()
        && meant.iter().any(|it| it.row.leftover.id != word || it.row.leftover.kind == Kind::Environment);
    if !is_whole {
        return Ok(meant.into_iter().cloned().collect());
    }
    let safe: Vec<Useless> =
        meant.iter().filter(|it| it.row.leftover.ending == Ending::WithOthers).map(|it| (*it).clone()).collect();
    if safe.is_empty() {
        let ids: Vec<&str> = meant.iter().map(|it| it.row.leftover.id.as_str()).collect();
        let text = format!("what is left of `{word}` is ended only by its id: {}", ids.join(", "));
        return Err(CommandError::usage(text));
    }
    Ok(safe)
}

/// Lets the user choose from a list.
fn ask(context: &Context, all: &[Useless], volumes: bool) -> Result<Vec<Useless>, CommandError> {
    let offered = |it: &&Useless| match it.row.leftover.ending {
        Ending::NotOurs => false,
        _ => volumes || !it.row.leftover.kind.holds_data(),
    };
    let offered: Vec<&Useless> = all.iter().filter(offered).collect();
    if offered.is_empty() {
        return Ok(Vec::new());
    }
    let now = context.clock.now();
    let lines: Vec<String> = offered.iter().map(|it| shown::line(&it.row, now)).collect();
    let question = "What shall be ended? (space marks, Enter ends what is marked)";
    let places = context.ui.choose(question, &lines, "--yes (-y) for all, or ids")?;
    Ok(places.into_iter().filter_map(|place| offered.get(place).map(|it| (*it).clone())).collect())
}

/// Asks once more, by name; for what holds data in a question of its own.
fn confirm(args: &GcArgs, context: &Context, chosen: &[Useless]) -> Result<bool, CommandError> {
    let name = |it: &Useless| format!("{} {}", it.row.leftover.kind.as_str(), it.row.leftover.id);
    let (data, rest): (Vec<&Useless>, Vec<&Useless>) = chosen.iter().partition(|it| it.row.leftover.kind.holds_data());
    // Who has marked things in the list has been asked.
    if !rest.is_empty() && !args.end {
        let names: Vec<String> = rest.iter().map(|it| name(it)).collect();
        if !context.ui.confirm(&format!("End {}?", names.join(", ")), "--yes (-y)")? {
            return Ok(false);
        }
    }
    if data.is_empty() {
        return Ok(true);
    }
    let names: Vec<String> = data.iter().map(|it| format!("{} (of {})", name(it), it.row.leftover.of.env)).collect();
    Ok(context.ui.confirm(&format!("Delete {}, with all that is on them?", names.join(", ")), "--yes (-y)")?)
}
