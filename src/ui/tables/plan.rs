//! What would be done, and why: the pools, those turned down, the steps.

use super::super::text::{counted, one_line, some_of};
use super::grid::{Column, render};
use crate::domain::money::{self, HOURS_PER_MONTH};
use crate::domain::plan::{Blocked, NodeView, Plan, Status, Step};
use crate::domain::pools::{Choice, Ranking, Rejection, RejectionKind};
use crate::domain::refusals;

/// How many of a long list are shown.
const SHOWN: usize = 10;

const POOLS: [Column; 7] = [
    Column::new("TYPE"),
    Column::new("ZONE"),
    Column::new("VCPUS").right(),
    Column::new("MEMORY GiB").right(),
    Column::new("$/HOUR").right(),
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
    let rows: Vec<Vec<String>> = choices.iter().take(SHOWN).map(pool_row).collect();
    let table = render(&POOLS, &rows, width);
    let more = choices.len().saturating_sub(SHOWN);
    let rest = match choices.last() {
        Some(dearest) if more > 0 => format!("\nand {more} more, up to {} an hour", money::hourly(dearest.price)),
        _ => String::new(),
    };
    format!("Pools that will do, cheapest first; prices are for one node:\n{table}{rest}")
}

fn pool_row(choice: &Choice) -> Vec<String> {
    let memory_gib = f64::from(u32::try_from(choice.facts.memory_mib).unwrap_or(u32::MAX)) / 1024.0;
    vec![
        choice.pool.instance_type.clone(),
        choice.pool.zone.clone(),
        choice.facts.vcpus.to_string(),
        memory_gib.to_string(),
        money::hourly(choice.price).replace('$', ""),
        money::amount(choice.price * HOURS_PER_MONTH).replace('$', ""),
        if choice.in_part { "refused all nodes at once: a part is tried".to_owned() } else { String::new() },
    ]
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
