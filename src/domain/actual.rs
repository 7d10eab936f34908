//! What AWS has counted beside what was estimated.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::bill::{Kind, Line, Purchase, Run, Usage};
use super::tags;

/// Seconds in an hour.
const HOUR: i64 = 3600;

/// What one environment cost on one day, UTC.
#[derive(Clone, Debug, PartialEq)]
pub struct Amount {
    /// The environment.
    pub env: String,
    /// The day.
    pub day: Date,
    /// What was paid for; none for what no estimate is made of.
    pub kind: Option<Kind>,
    /// USD.
    pub usd: f64,
}

/// What is told by a usage type of AWS's bill, such as `USE2-SpotUsage:c7a.medium`; none for what no estimate is made of,
/// above all data transfer. From the code tables of the EC2, EBS and VPC guides ("billing and usage reports").
#[must_use]
pub fn kind_of_usage(usage_type: &str) -> Option<Kind> {
    let is = |name: &str| usage_type.contains(name);
    if is("SpotUsage") || is("BoxUsage") {
        Some(Kind::Instance)
    } else if is("EBS:SnapshotUsage") {
        Some(Kind::Snapshot)
    } else if is("EBS:Volume") {
        Some(Kind::Disk)
    } else {
        is("PublicIPv4").then_some(Kind::Address)
    }
}

/// What bill lines of days before `until` come to.
#[must_use]
pub fn estimated(lines: &[Line], until: Date) -> Vec<Amount> {
    let over = lines.iter().filter(|line| line.day < until);
    over.map(|line| Amount {
        env: line.owner.env.clone(),
        day: line.day,
        kind: Some(line.kind),
        usd: line.usd.as_f64(),
    })
    .collect()
}

/// What the data feed tells of, of what was used: spot instances alone, in the hours of theirs that began from `from` to
/// `to`. An instance's hours count from its start, so those at the edges reach beyond, as the feed's charges do.
#[must_use]
pub fn told_by_feed(usage: &Usage, from: Timestamp, to: Timestamp, now: Timestamp) -> Usage {
    let spot = usage.runs.iter().filter(|run| run.purchase == Purchase::Spot);
    let runs = spot.filter_map(|run| {
        let (begins, ends) = (next_hour(run.from, from), next_hour(run.from, to));
        let end = run.to.unwrap_or(now);
        let within = begins < ends && begins < end;
        // Cut at an edge it is not the first hour any more, which is free where EC2 took the instance.
        let whole = begins == run.from && end <= ends;
        within.then(|| Run {
            from: begins,
            to: Some(end.min(ends)),
            taken: run.taken && whole,
            public_address: false,
            ..run.clone()
        })
    });
    Usage { runs: runs.collect(), ..Usage::default() }
}

/// The first beginning of an hour of an instance at or after a time.
fn next_hour(start: Timestamp, at: Timestamp) -> Timestamp {
    let late = at.as_second() - start.as_second();
    let hours = if late > 0 { (late + HOUR - 1) / HOUR } else { 0 };
    start.checked_add(SignedDuration::from_secs(hours * HOUR)).unwrap_or(start)
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
    /// By what was paid for; none for what no estimate is made of.
    pub kinds: BTreeMap<Option<Kind>, Compared>,
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

    fn amount(env: &str, day: i8, kind: Option<Kind>, usd: f64) -> Amount {
        Amount { env: env.to_owned(), day: Date::new(2026, 11, day).unwrap(), kind, usd }
    }

    const INSTANCE: Option<Kind> = Some(Kind::Instance);

    #[test]
    fn the_difference_is_in_dollars_and_a_part_of_what_was_paid() {
        let estimated = [amount("dev", 1, INSTANCE, 1.1), amount("dev", 2, INSTANCE, 1.0)];
        let counted = [amount("dev", 1, INSTANCE, 1.0), amount("dev", 2, INSTANCE, 2.0)];
        let all = Comparison::new(&estimated, &counted);
        let days: Vec<Compared> = all.days.values().copied().collect();
        assert!((days[0].off() - 0.1).abs() < 1e-9 && (days[0].off_by().unwrap() - 0.1).abs() < 1e-9);
        assert!((days[1].off() + 1.0).abs() < 1e-9 && (days[1].off_by().unwrap() + 0.5).abs() < 1e-9);
        assert!((all.total.off() + 0.9).abs() < 1e-9 && (all.total.off_by().unwrap() + 0.3).abs() < 1e-9);
    }

    #[test]
    fn what_one_side_alone_knows_is_shown_and_a_part_of_nothing_is_no_number() {
        let all = Comparison::new(&[amount("a", 1, Some(Kind::Disk), 1.0)], &[amount("b", 1, None, 2.0)]);
        let shown: Vec<(&str, f64, Option<f64>)> =
            all.days.iter().map(|((env, _), it)| (env.as_str(), it.off(), it.off_by())).collect();
        assert_eq!(shown, [("a", 1.0, None), ("b", -2.0, Some(-1.0))]);
    }

    #[test]
    fn several_amounts_of_one_day_are_one() {
        let two = [amount("a", 1, INSTANCE, 1.0), amount("a", 1, Some(Kind::Disk), 0.5)];
        let all = Comparison::new(&two, &two);
        assert_eq!((all.days.len(), all.kinds.len(), all.total.off_by()), (1, 2, Some(0.0)));
    }

    #[test]
    fn a_usage_type_tells_what_was_paid_for() {
        for (usage, kind) in [
            ("USE2-SpotUsage:c7a.medium", INSTANCE),
            ("BoxUsage:m5.large", INSTANCE),
            ("EUC1-EBS:VolumeUsage.gp3", Some(Kind::Disk)),
            ("EBS:VolumeP-IOPS.gp3", Some(Kind::Disk)),
            ("EBS:SnapshotUsage", Some(Kind::Snapshot)),
            ("USW2-PublicIPv4:InUseAddress", Some(Kind::Address)),
            ("DataTransfer-Out-Bytes", None),
            ("", None),
        ] {
            assert_eq!(kind_of_usage(usage), kind, "{usage}");
        }
    }

    fn run(from: &str, to: Option<&str>, taken: bool) -> Run {
        let at = |text: &str| format!("2026-11-20T{text}:00Z").parse::<Timestamp>().unwrap();
        Run {
            owner: crate::domain::bill::Owner::default(),
            instance_id: "i-1".to_owned(),
            instance_type: "m5.large".to_owned(),
            zone: "us-east-1a".to_owned(),
            purchase: Purchase::Spot,
            from: at(from),
            to: to.map(at),
            taken,
            end_assumed: false,
            launch_price: None,
            public_address: true,
        }
    }

    /// Each row: a run, and what of it lies between ten and noon by its own hours; the time is three o'clock.
    #[test]
    fn the_feeds_window_is_cut_at_the_hours_of_each_instance() {
        let window = |run: Run| {
            let at = |hour: i8| Date::constant(2026, 11, 20).at(hour, 0, 0, 0).in_tz("UTC").unwrap().timestamp();
            let usage = Usage { runs: vec![run], ..Usage::default() };
            let told = told_by_feed(&usage, at(10), at(12), at(15)).runs;
            told.first().map(|run| {
                let clock = |at: Timestamp| at.strftime("%H:%M").to_string();
                (clock(run.from), clock(run.to.unwrap()), run.taken)
            })
        };
        let some = |from: &str, to: &str, taken| Some((from.to_owned(), to.to_owned(), taken));
        assert_eq!(window(run("10:20", Some("11:50"), true)), some("10:20", "11:50", true));
        assert_eq!(window(run("09:20", None, false)), some("10:20", "12:20", false));
        assert_eq!(window(run("09:20", Some("10:40"), true)), some("10:20", "10:40", false));
        assert_eq!(window(run("11:59", Some("14:00"), true)), some("11:59", "12:59", false));
        for outside in
            [run("12:00", None, false), run("09:20", Some("10:10"), false), run("07:00", Some("08:00"), true)]
        {
            assert_eq!(window(outside), None);
        }
        assert_eq!(window(Run { purchase: Purchase::OnDemand, ..run("10:20", None, false) }), None);
    }

    #[test]
    fn a_group_names_its_environment_or_none() {
        assert_eq!(env_of_group("cloudtop:env$dev"), Some("dev"));
        assert_eq!(env_of_group("cloudtop:env$"), None);
        assert_eq!(env_of_group("other$dev"), None);
    }
}
