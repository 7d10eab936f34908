//! The tables of what was held.

use std::collections::BTreeMap;

use cloudtop::domain::score::DEFAULT_MINUTES;

use super::figures::{Figures, per_cent, table};
use super::holding::{Held, World};
use super::requests::{self, Request};

/// Something is chosen every so many hours.
const STEP: usize = 12;
const DAY: usize = 24;
/// How long it is held, in days.
const DAYS: [usize; 3] = [1, 7, 30];
/// The hours of the table of requests and of that of minutes.
const MONTH: usize = 30 * DAY;
/// Minutes lost to an interruption that a user might set; 0: the price alone.
const MINUTES: [u32; 8] = [0, 5, 15, DEFAULT_MINUTES, 60, 120, 240, 480];

/// All tables of a history.
pub fn of(world: &World) -> String {
    let requests = requests::all();
    let history = &world.history;
    let from = jiff::Timestamp::from_second(history.begins).map(|it| it.strftime("%F").to_string()).unwrap_or_default();
    let (known, unknown) = world.types_of_the_history();
    let unknown =
        if unknown == 0 { String::new() } else { format!(", and {unknown} that the file of types does not have") };
    [
        format!(
            "{} records of {} pools in {}, {} days from {from}; types: {known}{unknown}. A choice every {STEP} hours, {} requests.\n",
            history.records,
            history.pools.len(),
            history.region,
            history.hours / DAY,
            requests.len()
        ),
        "Three figures are mean / median / 90th percentile; of what was saved, mean / median / 10th percentile.\n".to_owned(),
        format!("### One type, in the zone that is chosen for it\n\n{}", of_types(world)),
        format!("### Held for a time, all requests\n\n{}", of_times(world, &requests)),
        format!("### Held for 30 days, by request\n\n{}", of_requests(world, &requests)),
        format!("### Held for 30 days, by the minutes that an interruption costs\n\n{}", of_minutes(world, &requests)),
    ]
    .join("\n")
}

fn of_types(world: &World) -> String {
    let rows = DAYS.map(|days| {
        let held = world.held_by_type(STEP, days * DAY);
        vec![
            format!("{days} d"),
            held.len().to_string(),
            Figures::of(held.iter().map(Held::zone_regret)).in_short(),
            Figures::of(held.iter().map(Held::random_zone_regret)).in_short(),
        ]
    });
    table(&["held", "choices", "dearer than its best zone", "a random zone dearer"], &rows)
}

fn of_times(world: &World, requests: &[Request]) -> String {
    let mut rows = Vec::new();
    for days in DAYS {
        for minutes in [0, DEFAULT_MINUTES] {
            let held = world.held(requests, STEP, days * DAY, minutes);
            rows.push(vec![
                format!("{days} d"),
                by(minutes),
                held.len().to_string(),
                Figures::of(held.iter().map(Held::zone_regret)).in_short(),
                Figures::of(held.iter().map(Held::random_zone_regret)).in_short(),
                Figures::of(held.iter().map(Held::regret)).in_short(),
                saved(held.iter()),
                mean(held.iter().filter_map(|it| it.interrupted)),
            ]);
        }
    }
    let header = [
        "held",
        "chosen by",
        "choices",
        "its zone dearer than the type's best",
        "a random zone of it dearer",
        "dearer than the best pool of all",
        "saved against the usual type",
        "interrupted a month",
    ];
    table(&header, &rows)
}

fn of_requests(world: &World, requests: &[Request]) -> String {
    let by_price = by_request(world.held(requests, STEP, MONTH, 0), requests.len());
    let by_score = by_request(world.held(requests, STEP, MONTH, DEFAULT_MINUTES), requests.len());
    let rows = requests.iter().zip(by_price.iter().zip(&by_score)).map(|(request, (price, score))| {
        let usual = world.usual(request);
        vec![
            request.to_string(),
            usual.first().map_or("-".to_owned(), |it| it.instance_type.clone()),
            types(score),
            mean(score.iter().map(Held::zone_regret)),
            mean(score.iter().map(Held::regret)),
            mean(price.iter().filter_map(Held::saved)),
            mean(score.iter().filter_map(Held::saved)),
            mean(score.iter().filter_map(|it| it.usual_interrupted)),
            mean(price.iter().filter_map(|it| it.interrupted)),
            mean(score.iter().filter_map(|it| it.interrupted)),
        ]
    });
    let header = [
        "request",
        "usual type",
        "chosen by score",
        "zone dearer",
        "dearer than the best",
        "price saves",
        "score saves",
        "usual interrupted",
        "price interrupted",
        "score interrupted",
    ];
    table(&header, &rows.collect::<Vec<_>>())
}

fn of_minutes(world: &World, requests: &[Request]) -> String {
    let by_price = world.held(requests, STEP, MONTH, 0);
    let rows = MINUTES.map(|minutes| {
        let held = world.held(requests, STEP, MONTH, minutes);
        let pairs = || held.iter().zip(&by_price);
        let more: f64 = pairs().map(|(held, cheap)| held.paid - cheap.paid).sum();
        let avoided: f64 = pairs().filter_map(|(held, cheap)| Some(cheap.interrupted? - held.interrupted?)).sum();
        vec![
            minutes.to_string() + if minutes == DEFAULT_MINUTES { " (default)" } else { "" },
            mean(pairs().map(|(held, cheap)| held.paid / cheap.paid - 1.0)),
            saved(held.iter()),
            mean(held.iter().filter_map(|it| it.interrupted)),
            if avoided > 0.0 { format!("${:.2}", more / avoided) } else { "-".to_owned() },
        ]
    });
    let header = [
        "minutes",
        "paid more than for the price alone",
        "saved against the usual type",
        "interrupted a month",
        "paid for each interruption avoided",
    ];
    table(&header, &rows)
}

fn by(minutes: u32) -> String {
    if minutes == 0 { "price".to_owned() } else { format!("score, {minutes} min") }
}

fn by_request(held: Vec<Held>, requests: usize) -> Vec<Vec<Held>> {
    let mut by_request = vec![Vec::new(); requests];
    for it in held {
        by_request[it.request].push(it);
    }
    by_request
}

fn mean(values: impl Iterator<Item = f64>) -> String {
    per_cent(Figures::of(values).mean())
}

/// Mean, median and, as the worst of the usual, the 10th percentile.
fn saved<'a>(held: impl Iterator<Item = &'a Held>) -> String {
    let figures = Figures::of(held.filter_map(Held::saved));
    [figures.mean(), figures.percentile(50), figures.percentile(10)].map(per_cent).join(" / ")
}

/// The types that were chosen most, with their shares.
fn types(held: &[Held]) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for it in held {
        *counts.entry(&it.instance_type).or_default() += 1;
    }
    let mut counts: Vec<(&str, usize)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let told =
        counts.iter().take(3).map(|(name, count)| format!("{name} {:.0} %", 100.0 * *count as f64 / held.len() as f64));
    let told: Vec<String> = told.collect();
    if told.is_empty() { "none will do".to_owned() } else { told.join(", ") }
}
