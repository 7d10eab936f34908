//! Volumes and snapshots, for people and for scripts.

use jiff::Timestamp;
use serde::Serialize;

use super::report::volume_word;
use super::tables::grid::{Column, render};
use super::text::one_line;
use super::time::{relative, short};
use crate::domain::money;
use crate::domain::observed::{Snapshot, SnapshotState};
use crate::domain::stored::StoredVolume;
use crate::domain::tags;

/// A volume with its snapshots and its price.
#[derive(Clone, Debug)]
pub struct VolumeRow {
    /// The region.
    pub region: String,
    /// The volume.
    pub stored: StoredVolume,
    /// Its snapshots, newest first.
    pub snapshots: Vec<Snapshot>,
    /// When the next snapshot by schedule is due; nothing where there is no schedule.
    pub next_snapshot: Option<Timestamp>,
    /// What it costs, USD a month, its snapshots not counted.
    pub usd_per_month: f64,
}

/// A snapshot.
#[derive(Clone, Debug)]
pub struct SnapshotRow {
    /// The region.
    pub region: String,
    /// The snapshot.
    pub snapshot: Snapshot,
}

impl SnapshotRow {
    /// The name of its environment, as its tags have it.
    #[must_use]
    pub fn environment(&self) -> &str {
        tag(&self.snapshot, tags::ENV)
    }
}

fn tag<'s>(snapshot: &'s Snapshot, key: &str) -> &'s str {
    snapshot.tags.get(key).map(String::as_str).unwrap_or_default()
}

fn node_of(env: &str, node: Option<&str>) -> String {
    node.map_or_else(|| env.to_owned(), |node| format!("{env}/{node}"))
}

const VOLUME_COLUMNS: [Column; 9] = [
    Column::new("VOLUME"),
    Column::new("OF"),
    Column::new("GiB").right(),
    Column::new("ZONE"),
    Column::new("STATE"),
    Column::new("ATTACHED TO").dropped(2),
    Column::new("AGE").right().dropped(1),
    Column::new("$/MONTH").right(),
    Column::new("NEWEST SNAPSHOT").below(),
];

/// The table of `cloudtop volume list`; nothing where there is none.
#[must_use]
pub fn volumes(rows: &[VolumeRow], now: Timestamp, width: Option<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells: Vec<Vec<String>> = rows.iter().map(|row| volume_cells(row, now)).collect();
    render(&VOLUME_COLUMNS, &cells, width)
}

fn volume_cells(row: &VolumeRow, now: Timestamp) -> Vec<String> {
    let (stored, volume) = (&row.stored, &row.stored.volume);
    let role = match stored.is_in_place() {
        true => String::new(),
        false => format!(", {}", role(stored)),
    };
    vec![
        volume.id.clone(),
        one_line(&node_of(stored.identity.env.as_str(), volume.node_tag.as_deref())),
        volume.gib.to_string(),
        volume.zone.clone(),
        format!("{}{role}", volume_word(volume.state)),
        volume.attachment.as_ref().map(|it| it.instance_id.clone()).unwrap_or_default(),
        stored.made_at.map(|at| age(at, now)).unwrap_or_default(),
        money::amount(row.usd_per_month).replace('$', ""),
        newest(row, now),
    ]
}

fn role(stored: &StoredVolume) -> &str {
    stored.tags.get(tags::ROLE).map(String::as_str).unwrap_or_default()
}

/// The newest snapshot with its age, what all of them cost, and when the next is due.
fn newest(row: &VolumeRow, now: Timestamp) -> String {
    let next = match row.next_snapshot {
        Some(at) if at > now => format!("; next {}", relative(at, now)),
        Some(_) => "; one is due".to_owned(),
        None => String::new(),
    };
    let Some(newest) = row.snapshots.first() else { return format!("none{next}") };
    let age = newest.started_at.map(|at| format!(", {} old", age(at, now))).unwrap_or_default();
    let state = if newest.state == SnapshotState::Completed { String::new() } else { format!(", {}", state(newest)) };
    let more = match row.snapshots.len() {
        1 => String::new(),
        count => format!("; {count} in all"),
    };
    format!("{}{age}{state}{more}, at most {} a month{next}", newest.id, money::amount(snapshots_usd(row)))
}

/// What a volume's snapshots cost at most, USD a month. Each holds only what changed since the one before, so that it
/// is less as a rule.
fn snapshots_usd(row: &VolumeRow) -> f64 {
    row.snapshots.iter().map(|it| money::snapshot_per_month(it.gib)).sum()
}

fn age(at: Timestamp, now: Timestamp) -> String {
    short(now.duration_since(at).unsigned_abs())
}

fn state(snapshot: &Snapshot) -> String {
    match (snapshot.state, snapshot.progress) {
        (SnapshotState::Pending, Some(percent)) => format!("pending {percent} %"),
        (state, _) => state.as_str().to_owned(),
    }
}

const SNAPSHOT_COLUMNS: [Column; 9] = [
    Column::new("SNAPSHOT"),
    Column::new("OF"),
    Column::new("VOLUME"),
    Column::new("GiB").right(),
    Column::new("STATE"),
    Column::new("AGE").right(),
    Column::new("$/MONTH").right(),
    Column::new("WHY").dropped(1),
    Column::new("DESCRIPTION").below(),
];

/// The table of `cloudtop volume snapshots`; nothing where there is none.
#[must_use]
pub fn snapshots(rows: &[SnapshotRow], now: Timestamp, width: Option<usize>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let cells = rows.iter().map(|row| {
        let it = &row.snapshot;
        vec![
            it.id.clone(),
            one_line(&node_of(row.environment(), it.tags.get(tags::NODE).map(String::as_str))),
            it.volume_id.clone(),
            it.gib.to_string(),
            state(it),
            it.started_at.map(|at| age(at, now)).unwrap_or_default(),
            format!("at most {}", money::amount(money::snapshot_per_month(it.gib)).replace('$', "")),
            one_line(tag(it, tags::SNAPSHOT)),
            one_line(&it.description),
        ]
    });
    render(&SNAPSHOT_COLUMNS, &cells.collect::<Vec<_>>(), width)
}

/// The answer of `cloudtop volume list --json`.
#[derive(Debug, Serialize)]
pub struct VolumesShape<'a> {
    format_version: u32,
    volumes: Vec<VolumeShape<'a>>,
    /// Volumes alone.
    price_per_month: f64,
    snapshot_price_per_month_at_most: f64,
}

#[derive(Debug, Serialize)]
struct VolumeShape<'a> {
    volume_id: &'a str,
    environment: &'a str,
    node: Option<u32>,
    /// `persistent`, or `restored` and `replaced` of what no node uses.
    role: &'a str,
    size_gib: u32,
    region: &'a str,
    zone: &'a str,
    state: &'static str,
    attached_to: Option<&'a str>,
    made_at: Option<Timestamp>,
    from_snapshot: Option<&'a str>,
    /// Newest first.
    snapshots: Vec<SnapshotShape<'a>>,
    /// By the environment's schedule.
    next_snapshot_at: Option<Timestamp>,
    price_per_month: f64,
    snapshot_price_per_month_at_most: f64,
}

/// The answer of `cloudtop volume snapshots --json` and of `cloudtop volume snapshot --json`.
#[derive(Debug, Serialize)]
pub struct SnapshotsShape<'a> {
    format_version: u32,
    snapshots: Vec<SnapshotShape<'a>>,
}

/// One snapshot.
#[derive(Debug, Serialize)]
pub(super) struct SnapshotShape<'a> {
    snapshot_id: &'a str,
    volume_id: &'a str,
    environment: &'a str,
    node: Option<u32>,
    region: &'a str,
    /// `asked`, `scheduled` or `before-deletion`; empty where another tool made it.
    purpose: &'a str,
    size_gib: u32,
    state: &'static str,
    progress_percent: Option<u8>,
    started_at: Option<Timestamp>,
    description: &'a str,
    price_per_month_at_most: f64,
}

impl<'a> From<&'a [VolumeRow]> for VolumesShape<'a> {
    fn from(rows: &'a [VolumeRow]) -> Self {
        Self {
            format_version: 1,
            volumes: rows.iter().map(VolumeShape::from).collect(),
            price_per_month: rows.iter().map(|row| row.usd_per_month).sum(),
            snapshot_price_per_month_at_most: rows.iter().map(snapshots_usd).sum(),
        }
    }
}

impl<'a> From<&'a VolumeRow> for VolumeShape<'a> {
    fn from(row: &'a VolumeRow) -> Self {
        let (stored, volume) = (&row.stored, &row.stored.volume);
        Self {
            volume_id: &volume.id,
            environment: stored.identity.env.as_str(),
            node: stored.node(),
            role: role(stored),
            size_gib: volume.gib,
            region: &row.region,
            zone: &volume.zone,
            state: volume_word(volume.state),
            attached_to: volume.attachment.as_ref().map(|it| it.instance_id.as_str()),
            made_at: stored.made_at,
            from_snapshot: stored.from_snapshot.as_deref(),
            snapshots: row.snapshots.iter().map(|it| SnapshotShape::of(&row.region, it)).collect(),
            next_snapshot_at: row.next_snapshot,
            price_per_month: row.usd_per_month,
            snapshot_price_per_month_at_most: snapshots_usd(row),
        }
    }
}

impl<'a> From<&'a [SnapshotRow]> for SnapshotsShape<'a> {
    fn from(rows: &'a [SnapshotRow]) -> Self {
        let snapshots = rows.iter().map(|row| SnapshotShape::of(&row.region, &row.snapshot)).collect();
        Self { format_version: 1, snapshots }
    }
}

impl<'a> SnapshotShape<'a> {
    pub(super) fn of(region: &'a str, it: &'a Snapshot) -> Self {
        Self {
            snapshot_id: &it.id,
            volume_id: &it.volume_id,
            environment: tag(it, tags::ENV),
            node: tag(it, tags::NODE).parse().ok(),
            region,
            purpose: tag(it, tags::SNAPSHOT),
            size_gib: it.gib,
            state: it.state.as_str(),
            progress_percent: it.progress,
            started_at: it.started_at,
            description: &it.description,
            price_per_month_at_most: money::snapshot_per_month(it.gib),
        }
    }
}
