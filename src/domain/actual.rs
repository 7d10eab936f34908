//! What AWS has counted beside what was estimated.

use std::collections::BTreeMap;

use jiff::civil::Date;

use super::tags;

/// What one environment cost on one day, UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    /// The environment.
    pub env: String,
    /// The day.
    pub day: Date,
    /// What was paid for.
    pub kind: Kind,
    /// USD.
    pub usd: f64,
}

/// What can be paid for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Instances, spot and on-demand.
    Instances,
    /// EBS volumes.
    Volumes,
    /// Snapshots of volumes.
    Snapshots,
    /// Public IPv4 addresses.
    Addresses,
    /// All else, above all data transfer.
    Other,
}

impl Kind {
    /// What is told by a usage type of AWS's bill, such as `USE2-SpotUsage:c7a.medium`. From the code tables of the EC2
    /// and EBS user guides ("Understanding billing and usage reports").
    #[must_use]
    pub fn of_usage(usage_type: &str) -> Self {
        let is = |name: &str| usage_type.contains(name);
        if is("SpotUsage") || is("BoxUsage") {
            Self::Instances
        } else if is("EBS:SnapshotUsage") {
            Self::Snapshots
        } else if is("EBS:Volume") {
            Self::Volumes
        } else if is("PublicIPv4") {
            Self::Addresses
        } else {
            Self::Other
        }
    }

    /// The word in tables and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instances => "instances",
            Self::Volumes => "volumes",
            Self::Snapshots => "snapshots",
            Self::Addresses => "addresses",
            Self::Other => "other",
        }
    }
}

/// The environment in a group of Cost Explorer's, `cloudtop:env$NAME`; none for what has no such tag.
#[must_use]
pub fn env_of_group(key: &str) -> Option<&str> {
    key.strip_prefix(tags::ENV)?.strip_prefix('$').filter(|name| !name.is_empty())
}

/// An estimate and what it came to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Compared {
    /// USD, as estimated.
    pub estimate: f64,
    /// USD, as AWS has counted.
    pub actual: f64,
}

impl Compared {
    /// By how much the estimate was too high, USD; below 0 where it was too low.
    #[must_use]
    pub fn off(&self) -> f64 {
        self.estimate - self.actual
    }

    /// The same as a part of what was paid; none where nothing was.
    #[must_use]
    pub fn off_by(&self) -> Option<f64> {
        (self.actual > 0.0).then(|| self.off() / self.actual)
    }
}

/// Estimates beside what they came to, by environment and day and by kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Comparison {
    /// By environment and day, in their order.
    pub days: BTreeMap<(String, Date), Compared>,
    /// By what was paid for.
    pub kinds: BTreeMap<Kind, Compared>,
    /// Of all.
    pub total: Compared,
}

impl Comparison {
    /// Lays amounts beside each other. A day that only one side knows is nothing on the other.
    #[must_use]
    pub fn new(estimated: &[Amount], counted: &[Amount]) -> Self {
        let mut all = Self::default();
        for amount in estimated {
            all.add(amount, |into, usd| into.estimate += usd);
        }
        for amount in counted {
            all.add(amount, |into, usd| into.actual += usd);
        }
        all
    }

    fn add(&mut self, amount: &Amount, add: fn(&mut Compared, f64)) {
        let day = self.days.entry((amount.env.clone(), amount.day)).or_default();
        add(day, amount.usd);
        add(self.kinds.entry(amount.kind).or_default(), amount.usd);
        add(&mut self.total, amount.usd);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may panic")]
mod tests {
    use super::*;

    fn amount(env: &str, day: i8, kind: Kind, usd: f64) -> Amount {
        Amount { env: env.to_owned(), day: Date::new(2026, 11, day).unwrap(), kind, usd }
    }

    #[test]
    fn the_difference_is_in_dollars_and_a_part_of_what_was_paid() {
        let estimated = [amount("dev", 1, Kind::Instances, 1.1), amount("dev", 2, Kind::Instances, 1.0)];
        let counted = [amount("dev", 1, Kind::Instances, 1.0), amount("dev", 2, Kind::Instances, 2.0)];
        let all = Comparison::new(&estimated, &counted);
        let days: Vec<Compared> = all.days.values().copied().collect();
        assert!((days[0].off() - 0.1).abs() < 1e-9 && (days[0].off_by().unwrap() - 0.1).abs() < 1e-9);
        assert!((days[1].off() + 1.0).abs() < 1e-9 && (days[1].off_by().unwrap() + 0.5).abs() < 1e-9);
        assert!((all.total.off() + 0.9).abs() < 1e-9 && (all.total.off_by().unwrap() + 0.3).abs() < 1e-9);
    }

    #[test]
    fn what_one_side_alone_knows_is_shown_and_a_part_of_nothing_is_no_number() {
        let all = Comparison::new(&[amount("a", 1, Kind::Volumes, 1.0)], &[amount("b", 1, Kind::Other, 2.0)]);
        let shown: Vec<(&str, f64, Option<f64>)> =
            all.days.iter().map(|((env, _), it)| (env.as_str(), it.off(), it.off_by())).collect();
        assert_eq!(shown, [("a", 1.0, None), ("b", -2.0, Some(-1.0))]);
    }

    #[test]
    fn several_amounts_of_one_day_are_one() {
        let two = [amount("a", 1, Kind::Instances, 1.0), amount("a", 1, Kind::Volumes, 0.5)];
        let all = Comparison::new(&two, &two);
        assert_eq!((all.days.len(), all.kinds.len(), all.total.off_by()), (1, 2, Some(0.0)));
    }

    #[test]
    fn a_usage_type_tells_what_was_paid_for() {
        for (usage, kind) in [
            ("USE2-SpotUsage:c7a.medium", Kind::Instances),
            ("BoxUsage:m5.large", Kind::Instances),
            ("EUC1-EBS:VolumeUsage.gp3", Kind::Volumes),
            ("EBS:VolumeP-IOPS.gp3", Kind::Volumes),
            ("EBS:SnapshotUsage", Kind::Snapshots),
            ("USW2-PublicIPv4:InUseAddress", Kind::Addresses),
            ("DataTransfer-Out-Bytes", Kind::Other),
            ("", Kind::Other),
        ] {
            assert_eq!(Kind::of_usage(usage), kind, "{usage}");
        }
    }

    #[test]
    fn a_group_names_its_environment_or_none() {
        assert_eq!(env_of_group("cloudtop:env$dev"), Some("dev"));
        assert_eq!(env_of_group("cloudtop:env$"), None);
        assert_eq!(env_of_group("other$dev"), None);
    }
}
