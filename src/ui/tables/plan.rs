//! What would be done, and why: the pools, those turned down, the steps.

use super::super::text::{counted, one_line, some_of};
use super::grid::{Column, render};
use crate::domain::advisor::Band;
use crate::domain::money::{self, HOURS_PER_MONTH};
use crate::domain::plan::{Blocked, NodeView, Plan, Status, Step};
use crate::domain::pools::{Choice, Ranking, Rejection, RejectionKind, explained};
use crate::domain::refusals;

/// How many of a long list are shown.
const SHOWN: usize = 10;

const POOLS: [Column; 9] = [
    Column::new("TYPE"),
    Column::new("ZONE"),
    Column::new("VCPUS").right(),
    Column::new("MEMORY GiB").right(),
    Column::new("$/HOUR").right(),
    Column::new("INTERRUPTED"),
    Column::new("EXPECTED").right(),
    Column::new("$/MONTH").right(),
    Column::new("NOTE").below(),
];

/// The pools that a plan was made from, also where none of them will do.
pub(in crate::ui) fn ranking_of(plan: &Plan) -> Option<&Ranking> {
    match &plan.status {
        Status::Blocked(Blocked::NoPool(ranking)) => Some(ranking),
        _ => plan.ranking.as_ref(),
    }
}

/// The answer of `cloudtop plan`.
#[must_use]
pub fn plan(name: &str, plan: &Plan, width: Option<usize>) -> String {
    let mut parts = Vec::new();
    if let Some(ranking) = ranking_of(plan) {
        if !ranking.choices.is_empty() {
            parts.push(pools(&ranking.choices, width));
        }
        if let Some(first) = ranking.choices.first() {
            parts.push(format!("{}.", explained(first, ranking)));
        }
        if !ranking.rejections.is_empty() {
            parts.push(section("Turned down:", &turned_down(ranking)));
        }
    }
    parts.push(match plan.steps.is_empty() {
        true => format!("{name}: nothing is to be done now."),
        false => section(&format!("{name}: what is to be done now:"), &plan.steps.iter().map(step).collect::<Vec<_>>()),
    });
    let waiting = waiting_for(plan);
    if !waiting.is_empty() {
        parts.push(section("Waited for:", &waiting));
    }
    if let Some(words) = blocked(&plan.status) {
        parts.push(words);
    }
    parts.join("\n\n")
}

/// Those turned down, told by reason: what refused by code and each by name, what is too dear by name, the rest by
/// name where they are few.
#[must_use]
pub fn turned_down(ranking: &Ranking) -> Vec<String> {
    let mut groups: Vec<(&Rejection, Vec<String>)> = Vec::new();
    for rejection in ranking.rejections.iter().filter(|it| it.kind != RejectionKind::Refused) {
        match groups.iter_mut().find(|(first, _)| first.kind == rejection.kind && first.why == rejection.why) {
            Some((_, names)) => names.push(rejection.what.clone()),
            None => groups.push((rejection, vec![rejection.what.clone()])),
        }
    }
    let mut lines: Vec<String> = refusals::in_words(&ranking.refused()).iter().map(|line| one_line(line)).collect();
    for kind in [RejectionKind::Price, RejectionKind::Unsuitable] {
        let mut group: Vec<_> = groups.iter().filter(|(first, _)| first.kind == kind).collect();
        group.sort_by_key(|(_, names)| std::cmp::Reverse(names.len()));
        lines.extend(group.iter().map(|(first, names)| reason_line(first, names)));
    }
    lines
}

fn reason_line(first: &Rejection, names: &[String]) -> String {
    let who = match first.kind {
        RejectionKind::Unsuitable if names.len() > 3 => {
            // A pool is told as "type in zone", a type by its name alone.
            let pools = names.iter().filter(|name| name.contains(' ')).count();
            let types = names.len() - pools;
            let counts = [(types, "type"), (pools, "pool")];
            let counts = counts.iter().filter(|(count, _)| *count > 0);
            counts.map(|(count, noun)| counted(*count, noun)).collect::<Vec<_>>().join(" and ")
        }
        RejectionKind::Price if names.len() > SHOWN => some_of(names),
        _ => names.join(", "),
    };
    format!("{who}: {}", one_line(&first.why))
}

fn pools(choices: &[Choice], width: Option<usize>) -> String {
    // Without bands the order is that of the prices, and a score is a price and a guess.
    let weighed = choices.iter().any(|choice| choice.band.is_some());
    let rows: Vec<Vec<String>> = choices.iter().take(SHOWN).map(|choice| pool_row(choice, weighed)).collect();
    let table = render(&POOLS, &rows, width);
    let more = choices.len().saturating_sub(SHOWN);
    let dearest = choices.iter().map(|choice| choice.price).max_by(f64::total_cmp);
    let rest = match dearest {
        Some(dearest) if more > 0 => format!("\nand {more} more, up to {} an hour", money::hourly(dearest)),
        _ => String::new(),
    };
    let order = match weighed {
        true => "the best first; prices are for one node, and EXPECTED adds what interruptions cost",
        false => "cheapest first; prices are for one node",
    };
    format!("Pools that will do, {order}:\n{table}{rest}")
}

fn pool_row(choice: &Choice, weighed: bool) -> Vec<String> {
    let memory_gib = f64::from(u32::try_from(choice.facts.memory_mib).unwrap_or(u32::MAX)) / 1024.0;
    vec![
        choice.pool.instance_type.clone(),
        choice.pool.zone.clone(),
        choice.facts.vcpus.to_string(),
        memory_gib.to_string(),
        money::hourly(choice.price).replace('$', ""),
        choice.band.map(Band::as_str).unwrap_or_default().to_owned(),
        if weighed { money::hourly(choice.score.total()).replace('$', "") } else { String::new() },
        money::amount(choice.price * HOURS_PER_MONTH).replace('$', ""),
        note(choice).to_owned(),
    ]
}

fn note(choice: &Choice) -> &'static str {
    match (choice.on_demand, choice.in_part) {
        (true, _) => "ON-DEMAND: no spot saving",
        (false, true) => "refused all nodes at once: a part is tried",
        (false, false) => "",
    }
}

fn step(step: &Step) -> String {
    format!("{}\n    because {}", step.call, one_line(&step.reason))
}

fn waiting_for(plan: &Plan) -> Vec<String> {
    let mut lines: Vec<String> = plan.waiting_for.iter().map(|words| one_line(words)).collect();
    let waiting: Vec<&NodeView> = plan.nodes.iter().filter(|node| node.waiting_for.is_some()).collect();
    lines.extend(waiting.iter().take(SHOWN).filter_map(|node| {
        let words = node.waiting_for.as_deref()?;
        Some(format!("node {} ({}): {}", node.index, node.phase.as_str(), one_line(words)))
    }));
    if waiting.len() > SHOWN {
        lines.push(format!("and {} more", counted(waiting.len() - SHOWN, "node")));
    }
    lines
}

/// Why a plan cannot go on, in a sentence.
pub(in crate::ui) fn blocked(status: &Status) -> Option<String> {
    match status {
        Status::Blocked(Blocked::NoPool(_)) => Some("It cannot go on: no pool will do.".to_owned()),
        Status::Blocked(
            Blocked::RequestFailed { node, words } | Blocked::Volume { node, words } | Blocked::Node { node, words },
        ) => Some(format!("It cannot go on because of node {node}: {}", one_line(words))),
        Status::NeedsSurvey | Status::Working | Status::Done => None,
    }
}

fn section(title: &str, lines: &[String]) -> String {
    let lines: Vec<String> = lines.iter().map(|line| format!("  {line}")).collect();
    format!("{title}\n{}", lines.join("\n"))
}
