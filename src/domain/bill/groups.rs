//! A bill's lines put together: by environment, day, kind, node, or the value of a tag.

use std::collections::BTreeMap;

use super::usd::Usd;
use super::{Bill, Kind, Line};

/// By what lines are put together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// The environment.
    Environment,
    /// The day, UTC.
    Day,
    /// What it is for.
    Kind,
    /// The environment and its node.
    Node,
    /// The value of a tag.
    Tag(String),
}

/// Lines that belong together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Group {
    /// What they have in common. Empty: they lack it.
    pub key: String,
    /// How long instances ran, seconds, all nodes together.
    pub instance_seconds: i64,
    /// What the instances came to.
    pub instances: Usd,
    /// What the disks came to.
    pub disks: Usd,
    /// What the snapshots came to.
    pub snapshots: Usd,
    /// What the public addresses came to.
    pub addresses: Usd,
    /// What all of it came to.
    pub total: Usd,
    /// By how much the instances whose on-demand price is known would have cost more with it.
    pub saved: Option<Usd>,
}

impl Bill {
    /// The groups: days in their order, all others dearest first, and by name where they cost the same.
    #[must_use]
    pub fn groups(&self, by: &By) -> Vec<Group> {
        let mut groups: BTreeMap<String, Group> = BTreeMap::new();
        for line in &self.lines {
            let key = key(line, by);
            groups.entry(key.clone()).or_insert_with(|| Group { key, ..Group::default() }).add(line);
        }
        let mut all: Vec<Group> = groups.into_values().collect();
        if *by != By::Day {
            all.sort_by(|a, b| b.total.cmp(&a.total).then_with(|| a.key.cmp(&b.key)));
        }
        all
    }
}

fn key(line: &Line, by: &By) -> String {
    match by {
        By::Environment => line.owner.env.clone(),
        By::Day => line.day.to_string(),
        By::Kind => line.kind.as_str().to_owned(),
        By::Node => match line.owner.node {
            Some(node) => format!("{}/{node}", line.owner.env),
            None => line.owner.env.clone(),
        },
        By::Tag(key) => line.owner.tags.get(key).cloned().unwrap_or_default(),
    }
}

impl Group {
    fn add(&mut self, line: &Line) {
        match line.kind {
            Kind::Instance => {
                self.instances += line.usd;
                self.instance_seconds += line.seconds;
            }
            Kind::Disk => self.disks += line.usd,
            Kind::Snapshot => self.snapshots += line.usd,
            Kind::Address => self.addresses += line.usd,
        }
        self.total += line.usd;
        if let Some(on_demand) = line.on_demand {
            self.saved = Some(self.saved.unwrap_or_default() + (on_demand - line.usd));
        }
    }
}
