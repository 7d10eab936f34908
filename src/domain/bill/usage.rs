//! What was used: what ran, and what was kept on disks.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

/// What environments have used. The times are as well known as journal and EC2 tell them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Times in which instances ran, each from a launch or start to the next stop or end.
    pub runs: Vec<Run>,
    /// Times in which there were disks, in use or not.
    pub disks: Vec<Disk>,
    /// Times in which there were snapshots.
    pub snapshots: Vec<Disk>,
}

impl Usage {
    /// Whether anything of it was still there at a time, or later.
    #[must_use]
    pub fn reaches(&self, time: Timestamp) -> bool {
        let later = |to: Option<Timestamp>| to.is_none_or(|to| to >= time);
        self.runs.iter().any(|run| later(run.to)) || self.disks.iter().any(|disk| later(disk.to))
    }

    /// The regions that it was in since a time, with the types that ran there.
    #[must_use]
    pub fn regions(&self, since: Timestamp) -> BTreeMap<String, BTreeSet<String>> {
        let later = |to: Option<Timestamp>| to.is_none_or(|to| to >= since);
        let mut regions: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| later(run.to)) {
            regions.entry(run.owner.region.clone()).or_default().insert(run.instance_type.clone());
        }
        for disk in self.disks.iter().filter(|disk| later(disk.to)) {
            regions.entry(disk.owner.region.clone()).or_default();
        }
        regions
    }

    /// Leaves nothing but what is in a region.
    pub fn keep_region(&mut self, region: &str) {
        self.runs.retain(|run| run.owner.region == region);
        self.disks.retain(|disk| disk.owner.region == region);
        self.snapshots.retain(|disk| disk.owner.region == region);
    }

    /// When the first run began of those that went on after a time.
    #[must_use]
    pub fn first_run(&self, since: Timestamp) -> Option<Timestamp> {
        let later = self.runs.iter().filter(|run| run.to.is_none_or(|to| to >= since));
        later.map(|run| run.from).min()
    }

    /// Takes in what another has used.
    pub fn append(&mut self, mut other: Self) {
        self.runs.append(&mut other.runs);
        self.disks.append(&mut other.disks);
        self.snapshots.append(&mut other.snapshots);
    }
}

/// Whose something is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The environment's name.
    pub env: String,
    /// The region.
    pub region: String,
    /// The node, where it is of one.
    pub node: Option<u32>,
    /// The tags that it was made with.
    pub tags: Arc<BTreeMap<String, String>>,
}

/// How an instance was bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purchase {
    /// As spot.
    #[default]
    Spot,
    /// On demand.
    OnDemand,
}

/// A time in which an instance ran.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Whose it is.
    pub owner: Owner,
    /// The instance.
    pub instance_id: String,
    /// Its type.
    pub instance_type: String,
    /// Its availability zone.
    pub zone: String,
    /// How it was bought.
    pub purchase: Purchase,
    /// When it began to run.
    pub from: Timestamp,
    /// When it ran no more; `None`: it runs.
    pub to: Option<Timestamp>,
    /// Whether EC2 took it away.
    pub taken: bool,
    /// Whether the end was seen only later than it was, and `to` is the latest that it can have been.
    pub end_assumed: bool,
    /// USD an hour when it was launched, where that is known: for hours of which EC2 tells no price any more.
    pub launch_price: Option<f64>,
    /// Whether it has a public IPv4 address while it runs.
    pub public_address: bool,
}

/// A time in which there was a disk, or a snapshot of one, of one size. One that grew is several.
#[derive(Clone, Debug, PartialEq)]
pub struct Disk {
    /// Whose it is.
    pub owner: Owner,
    /// Its id; that of its instance, for a root disk of which no more is known.
    pub id: String,
    /// GiB.
    pub gib: u32,
    /// Since when.
    pub from: Timestamp,
    /// Until when; `None`: it is there.
    pub to: Option<Timestamp>,
}
