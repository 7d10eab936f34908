//! An environment as it is told to the user; commands put it together, `tables` and `shapes` write it down.

use jiff::Timestamp;

use crate::domain::intent::{Goal, Kind};
use crate::domain::money::HOURS_PER_MONTH;
use crate::domain::observed::{Snapshot, VolumeState};
use crate::domain::phase::Phase;
use crate::domain::plan::NodeView;
use crate::domain::said::Said;

/// An environment as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct EnvironmentReport {
    /// Its name.
    pub name: String,
    /// A CloudTop or a cluster.
    pub kind: Kind,
    /// Its region.
    pub region: String,
    /// What state it should be in.
    pub goal: Goal,
    /// Its nodes, by index.
    pub nodes: Vec<NodeReport>,
    /// Its persistent volumes.
    pub volumes: Vec<VolumeReport>,
    /// Snapshots that were made before a volume was deleted; looked for only where such are made.
    pub snapshots: Vec<Snapshot>,
    /// What the volumes cost, USD a month, running or not.
    pub volume_usd_per_month: f64,
    /// What it has cost since the month began (UTC), USD; `None` where that is not known.
    pub spent_this_month: Option<f64>,
    /// When a throwaway environment has had its time.
    pub expires_at: Option<Timestamp>,
    /// Sentences that the user should know, for example what EC2 did meanwhile.
    pub notes: Vec<String>,
}

/// A node and its price.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeReport {
    /// The node.
    pub view: NodeView,
    /// USD per hour now, billing or not; `None` where it is not known.
    pub price_per_hour: Option<f64>,
    /// What it says of itself, or why it did not answer; `None` where it was not asked.
    pub said: Option<Result<Said, String>>,
}

/// A persistent volume.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeReport {
    /// Its id.
    pub volume_id: String,
    /// GiB.
    pub size_gib: u32,
    /// Its availability zone; nodes that use it can be in no other.
    pub zone: String,
    /// The device name that it is attached as.
    pub device: Option<String>,
    /// Its state.
    pub state: VolumeState,
    /// The instance that it is attached to.
    pub attached_to: Option<String>,
}

impl EnvironmentReport {
    /// Where the environment is as a whole.
    #[must_use]
    pub fn phase(&self) -> Phase {
        overall_phase(self.goal, self.nodes.iter().map(|node| node.view.phase))
    }

    /// What its instances cost now, USD an hour: of those alone that bill.
    #[must_use]
    pub fn price_per_hour(&self) -> f64 {
        let billing = self.nodes.iter().filter(|node| node.view.phase.bills());
        billing.filter_map(|node| node.price_per_hour).fold(0.0, |sum, price| sum + price)
    }

    /// What a month like this hour would cost, USD, the volumes with it.
    #[must_use]
    pub fn price_per_month(&self) -> f64 {
        self.price_per_hour() * HOURS_PER_MONTH + self.volume_usd_per_month
    }

    /// The availability zone, where all of it is in one.
    #[must_use]
    pub fn zone(&self) -> Option<&str> {
        match self.zones()[..] {
            [zone] => Some(zone),
            _ => None,
        }
    }

    /// The availability zones that it is in: its nodes', or its volumes' while there is no node.
    pub(super) fn zones(&self) -> Vec<&str> {
        let of_nodes = distinct(self.nodes.iter().filter_map(|node| node.view.zone.as_deref()));
        if of_nodes.is_empty() { distinct(self.volumes.iter().map(|volume| volume.zone.as_str())) } else { of_nodes }
    }
}

/// Where nodes are as a whole: where the one is that is furthest from the goal. Nodes that are gone do not count while
/// others are there: a cluster that became smaller is ready without them.
#[must_use]
pub fn overall_phase(goal: Goal, phases: impl Iterator<Item = Phase>) -> Phase {
    match goal {
        Goal::Running => phases.filter(|phase| *phase != Phase::Gone).min().unwrap_or(Phase::Absent),
        Goal::Stopped => {
            let at_rest = [Phase::Gone, Phase::Absent, Phase::Interrupted, Phase::Stopped];
            phases.max_by_key(|phase| (!at_rest.contains(phase), *phase)).unwrap_or(Phase::Absent)
        }
        Goal::Gone { .. } => phases.filter(|phase| *phase != Phase::Absent).max().unwrap_or(Phase::Gone),
    }
}

/// The goal in one word.
pub(super) fn goal_word(goal: Goal) -> &'static str {
    match goal {
        Goal::Running => "running",
        Goal::Stopped => "stopped",
        Goal::Gone { .. } => "gone",
    }
}

/// EC2's own word for a volume's state.
pub(super) fn volume_word(state: VolumeState) -> &'static str {
    match state {
        VolumeState::Creating => "creating",
        VolumeState::Available => "available",
        VolumeState::InUse => "in-use",
        VolumeState::Deleting => "deleting",
        VolumeState::Error => "error",
    }
}

/// Each word once, sorted.
pub(super) fn distinct<'a>(words: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut words: Vec<&str> = words.collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;

    fn overall(goal: Goal, phases: &[Phase]) -> Phase {
        overall_phase(goal, phases.iter().copied())
    }

    #[test]
    fn the_node_furthest_from_the_goal_speaks_for_all() {
        use Phase::{Absent, Ending, Gone, Interrupted, Ready, Requested, Stopped, Stopping};
        let gone = Goal::Gone { delete_volumes: false };
        assert_eq!(overall(Goal::Running, &[Ready, Requested, Ready]), Requested);
        assert_eq!(overall(Goal::Running, &[Ready, Gone]), Ready);
        assert_eq!(overall(Goal::Running, &[]), Absent);
        assert_eq!(overall(Goal::Stopped, &[Stopped, Stopping]), Stopping);
        assert_eq!(overall(Goal::Stopped, &[Stopped, Interrupted, Absent]), Stopped);
        assert_eq!(overall(Goal::Stopped, &[Stopped, Requested]), Requested);
        assert_eq!(overall(gone, &[Gone, Ending, Absent]), Ending);
        assert_eq!(overall(gone, &[Gone, Ready]), Ready);
        assert_eq!(overall(gone, &[Absent]), Gone);
        assert_eq!(overall(gone, &[]), Gone);
    }

    #[test]
    fn only_what_bills_is_in_the_price() {
        let mut report = samples::cluster();
        assert!((report.price_per_hour() - 0.15).abs() < 1e-9, "{}", report.price_per_hour());
        for node in &mut report.nodes {
            node.view.phase = Phase::Stopped;
        }
        assert!(report.price_per_hour().abs() < 1e-9);
        assert!((samples::cloudtop().price_per_month() - (0.0731 * 730.0 + 8.0)).abs() < 1e-9);
    }

    #[test]
    fn a_volume_tells_the_zone_while_there_is_no_node() {
        let mut report = samples::cloudtop();
        report.nodes.clear();
        assert_eq!(report.zone(), Some("us-east-1c"));
        assert_eq!(samples::cluster().zone(), None);
    }
}
