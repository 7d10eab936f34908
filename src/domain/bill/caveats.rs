//! What is estimated more roughly than the rest of a bill.

use std::collections::BTreeSet;

use super::Kind;
use super::charge::HOUR;
use crate::domain::money;

/// What is estimated more roughly than the rest, or left out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caveats {
    /// Times that end before they begin, for a clock was wrong; they count for nothing.
    pub backwards: usize,
    /// Runs that EC2 ended in their first hour, which are free.
    pub taken_in_first_hour: usize,
    /// Runs whose end was seen only later; they are counted until the latest that it can have been.
    pub ends_assumed: usize,
    /// Seconds of which EC2 tells no price, counted at the price of the launch.
    pub launch_priced: i64,
    /// Seconds of which no price is known; they count for nothing.
    pub unpriced: i64,
    /// Seconds of spot instances whose on-demand price is not known.
    pub not_compared: i64,
    /// Regions whose own prices of disks are not known, so that those of us-east-1 stand in.
    pub stood_in: BTreeSet<String>,
    /// Whether there is a snapshot, whose price is the most that it can be.
    pub snapshots: bool,
}

impl Caveats {
    pub(super) fn note_region(&mut self, region: &str, kind: Kind) {
        self.snapshots |= kind == Kind::Snapshot;
        if money::gp3_per_month(region, 1).1 {
            self.stood_in.insert(region.to_owned());
        }
    }

    /// A sentence for each.
    #[must_use]
    pub fn in_words(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut tell = |number: usize, noun: &str, what: &str| {
            let plural = if number == 1 { "" } else { "s" };
            if number > 0 {
                all.push(format!("{number} {noun}{plural} {what}"));
            }
        };
        tell(self.backwards, "span", "of time counted for nothing, ending before it began: the clock was wrong then");
        tell(self.taken_in_first_hour, "run", "free of charge, interrupted by EC2 in the first hour");
        let latest = "ended while no command looked, counted until the latest that it can have been";
        tell(self.ends_assumed, "run", latest);
        tell(hours(self.launch_priced), "hour", "counted at the price of the launch: EC2 does not tell the price then");
        tell(hours(self.unpriced), "hour", "counted for nothing: nobody tells the price then");
        if !self.stood_in.is_empty() {
            let regions: Vec<&str> = self.stood_in.iter().map(String::as_str).collect();
            all.push(format!("disks in {} are counted at the prices of us-east-1", regions.join(", ")));
        }
        if self.snapshots {
            all.push(
                "snapshots are counted as if they held their whole volumes, the most that they can cost".to_owned(),
            );
        }
        all
    }
}

/// Whole hours, and one for a part of one.
fn hours(seconds: i64) -> usize {
    usize::try_from((seconds + HOUR / 2).div_euclid(HOUR).max(i64::from(seconds > 0))).unwrap_or_default()
}
