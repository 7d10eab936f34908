//! One environment: how it stands, and what its nodes are called.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::super::report::{EnvironmentReport, NodeReport, VolumeReport, goal_word, volume_word};
use super::super::text::{counted, one_line};
use super::super::time::relative;
use super::cell;
use super::grid::{Column, render};
use crate::domain::money;
use crate::domain::said::{Said, Tools};

/// More volumes than this are counted rather than listed.
const VOLUMES_LISTED: usize = 10;
/// Of more nodes than this only those are quoted that have trouble.
const NODES_QUOTED: usize = 10;

const STATUS: [Column; 11] = [
    Column::new("NODE").right(),
    Column::new("PHASE"),
    Column::new("SPOT REQUEST"),
    Column::new("INSTANCE"),
    Column::new("TYPE"),
    Column::new("ZONE"),
    Column::new("PUBLIC IP").below(),
    Column::new("PUBLIC DNS").below(),
    // Nothing where all is spot.
    Column::new("MARKET").below(),
    Column::new("$/HOUR").right().below(),
    Column::new("WAITS FOR").below(),
];

const NODES: [Column; 5] = [
    Column::new("NODE").right(),
    Column::new("SPOT REQUEST"),
    Column::new("INSTANCE"),
    Column::new("PUBLIC IP"),
    Column::new("PUBLIC DNS").below(),
];

/// The answer of `cloudtop status`: a head, then every node.
#[must_use]
pub fn status(report: &EnvironmentReport, now: Timestamp, width: Option<usize>) -> String {
    let mut text = head(report, now);
    if !report.nodes.is_empty() {
        let rows: Vec<Vec<String>> = report.nodes.iter().map(status_row).collect();
        text.push(String::new());
        text.push(render(&STATUS, &rows, width));
    }
    text.extend(said(&report.nodes));
    text.join("\n")
}

/// What nodes say of themselves; of many, those alone that have trouble.
fn said(nodes: &[NodeReport]) -> Vec<String> {
    let all = nodes.len() <= NODES_QUOTED;
    let quoted = nodes.iter().filter_map(|node| Some((node, node.said.as_ref()?)));
    quoted.filter(|(_, said)| all || has_trouble(said)).flat_map(|(node, said)| quote(node.view.index, said)).collect()
}

fn has_trouble(said: &Result<Said, String>) -> bool {
    said.as_ref().map_or(true, |said| {
        said.interruption.is_some() || said.tools.as_ref().is_some_and(|tools| !tools.failed.is_empty())
    })
}

fn quote(index: u32, said: &Result<Said, String>) -> Vec<String> {
    let lines = match said {
        Err(why) => return vec![String::new(), format!("node {index} does not answer: {}", one_line(why))],
        Ok(said) => [
            ("volume", said.volume.clone()),
            ("idle", said.idle.clone()),
            ("tools", said.tools.as_ref().map(Tools::in_words)),
            ("notice", said.interruption.clone()),
        ],
    };
    let lines: Vec<String> =
        lines.into_iter().filter_map(|(what, words)| Some(format!("  {what:7}{}", one_line(&words?)))).collect();
    if lines.is_empty() {
        return lines;
    }
    [vec![String::new(), format!("node {index} says:")], lines].concat()
}

/// The answer of `cloudtop up`: what a script or a person needs to reach each node.
#[must_use]
pub fn nodes(report: &EnvironmentReport, width: Option<usize>) -> String {
    let rows: Vec<Vec<String>> = report
        .nodes
        .iter()
        .map(|NodeReport { view, .. }| {
            vec![
                view.index.to_string(),
                cell(view.request_id.as_deref()),
                cell(view.instance_id.as_deref()),
                cell(view.public_ip.as_deref()),
                cell(view.public_dns.as_deref()),
            ]
        })
        .collect();
    if rows.is_empty() { String::new() } else { render(&NODES, &rows, width) }
}

fn head(report: &EnvironmentReport, now: Timestamp) -> Vec<String> {
    let mut lines = vec![
        format!("{}: {} in {}, {}", report.name, report.kind.as_str(), report.region, report.phase().as_str()),
        format!("goal     {}", goal_word(report.goal)),
        format!("price    {}", price(report)),
    ];
    if let Some(then) = report.expires_at {
        lines.push(format!("expires  {} ({then})", relative(then, now)));
    }
    lines.extend(volumes(&report.volumes));
    lines.extend(report.notes.iter().map(|note| format!("note     {}", one_line(note))));
    lines
}

fn price(report: &EnvironmentReport) -> String {
    let (hour, month) = (money::hourly(report.price_per_hour()), money::amount(report.price_per_month()));
    let volumes = report.volume_usd_per_month;
    let storage = if volumes > 0.0 { format!(", {} of it for volumes", money::amount(volumes)) } else { String::new() };
    format!("{hour} an hour, {month} a month{storage}")
}

fn volumes(volumes: &[VolumeReport]) -> Vec<String> {
    if volumes.len() <= VOLUMES_LISTED {
        return volumes.iter().map(|volume| format!("volume   {}", volume_line(volume))).collect();
    }
    let mut states: BTreeMap<&str, usize> = BTreeMap::new();
    for volume in volumes {
        *states.entry(volume_word(volume.state)).or_default() += 1;
    }
    let counts: Vec<String> = states.iter().map(|(state, count)| format!("{count} {state}")).collect();
    let gib: u64 = volumes.iter().map(|volume| u64::from(volume.size_gib)).sum();
    vec![format!("volumes  {}, {gib} GiB in all: {}", counted(volumes.len(), "volume"), counts.join(", "))]
}

fn volume_line(volume: &VolumeReport) -> String {
    let place = match (&volume.attached_to, &volume.device) {
        (Some(instance), Some(device)) => format!("{device} of {instance}"),
        (Some(instance), None) => instance.clone(),
        (None, _) => volume.zone.clone(),
    };
    format!("{}  {} GiB  {}  {place}", volume.volume_id, volume.size_gib, volume_word(volume.state))
}

fn status_row(node: &NodeReport) -> Vec<String> {
    let view = &node.view;
    vec![
        view.index.to_string(),
        view.phase.as_str().to_owned(),
        cell(view.request_id.as_deref()),
        cell(view.instance_id.as_deref()),
        cell(view.instance_type.as_deref()),
        cell(view.zone.as_deref()),
        cell(view.public_ip.as_deref()),
        cell(view.public_dns.as_deref()),
        if view.on_demand { "ON-DEMAND".to_owned() } else { String::new() },
        node.price_per_hour.map(|price| money::hourly(price).replace('$', "")).unwrap_or_default(),
        cell(view.waiting_for.as_deref()),
    ]
}
