//! The bill: what environments have cost, what they cost now, and what the month will have been.
//!
//! An estimate: AWS sends the bill. It is made from what the journals remember and what EC2 shows ([`Usage`]), from
//! prices ([`Tariff`]), and by AWS's own rules, which stand in `charge.rs` with their sources. Days are those of UTC, by
//! which AWS bills. What was sent over the network is not in it.

mod caveats;
mod charge;
mod groups;
mod journal;
mod seen;
mod tariff;
mod usage;
mod usd;

use jiff::{Timestamp, civil};

pub use caveats::Caveats;
pub use groups::{By, Group};
pub use seen::Look;
pub use tariff::Tariff;
pub use usage::{Disk, Owner, Purchase, Run, Usage};
pub use usd::Usd;

use charge::HOUR;

/// What was spent since a time, and what is being spent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Bill {
    /// A line for each thing and day.
    pub lines: Vec<Line>,
    /// What all of it comes to.
    pub spent: Usd,
    /// What it costs now in an hour: instances at the price now, disks, snapshots and addresses.
    pub per_hour: Usd,
    /// What was spent since the first of this month.
    pub month_so_far: Usd,
    /// What the month will have cost if all stays as it is: what was spent in it, and `per_hour` for the rest of it.
    pub month_projected: Usd,
    /// By how much the same seconds would have cost more on demand; negative where less. `None` where no on-demand
    /// price is known.
    pub saved: Option<Usd>,
    /// What is estimated more roughly than the rest.
    pub caveats: Caveats,
}

/// One thing on a bill.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Whose it is.
    pub owner: Owner,
    /// The instance, disk or snapshot; the instance that has the address.
    pub id: String,
    /// What it is for.
    pub kind: Kind,
    /// The day, UTC.
    pub day: civil::Date,
    /// For how long, seconds.
    pub seconds: i64,
    /// What it came to.
    pub usd: Usd,
    /// What the same time would have cost on demand, for an instance whose on-demand price is known.
    pub on_demand: Option<Usd>,
}

/// What money is spent on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// An instance that runs.
    Instance,
    /// An EBS volume: root disks too, and those of stopped instances.
    Disk,
    /// A snapshot of a volume.
    Snapshot,
    /// A public IPv4 address.
    Address,
}

impl Kind {
    /// The word in tables and JSON.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Disk => "disk",
            Self::Snapshot => "snapshot",
            Self::Address => "address",
        }
    }
}

impl Bill {
    /// Makes the bill for what was used since `since`, as things stand at `now`.
    #[must_use]
    pub fn of(usage: &Usage, tariff: &Tariff, since: Timestamp, now: Timestamp) -> Self {
        let (first, next) = charge::month_around(now);
        let month = Timestamp::from_second(first).unwrap_or(now);
        let (lines, caveats) = charge::charge(usage, tariff, since, now);
        let total = |lines: &[Line]| lines.iter().map(|line| line.usd).sum::<Usd>();
        let month_so_far =
            if since == month { total(&lines) } else { total(&charge::charge(usage, tariff, month, now).0) };
        let per_hour = per_hour(usage, tariff, now);
        Self {
            spent: total(&lines),
            per_hour,
            month_so_far,
            month_projected: month_so_far + per_hour.share(next - now.as_second(), HOUR),
            saved: saved(&lines),
            lines,
            caveats,
        }
    }

    /// The first moment of the calendar month, UTC, that a time is in.
    #[must_use]
    pub fn month_of(at: Timestamp) -> Timestamp {
        Timestamp::from_second(charge::month_around(at).0).unwrap_or(at)
    }

    /// How long instances ran, all nodes together, hours.
    #[must_use]
    pub fn instance_hours(&self) -> f64 {
        let instances = self.lines.iter().filter(|line| line.kind == Kind::Instance);
        #[expect(clippy::cast_precision_loss, reason = "seconds of some years")]
        let seconds = instances.map(|line| line.seconds).sum::<i64>() as f64;
        seconds / 3600.0
    }
}

/// What is there now costs in an hour.
fn per_hour(usage: &Usage, tariff: &Tariff, now: Timestamp) -> Usd {
    let (first, next) = charge::month_around(now);
    let hours = |month: Usd| month.share(HOUR, next - first);
    let running = usage.runs.iter().filter(|run| run.to.is_none());
    let runs = running.map(|run| {
        let address = if run.public_address { tariff.address_hour() } else { Usd::ZERO };
        charge::hour_price(run, tariff, now).map_or(Usd::ZERO, |(usd, _)| usd) + address
    });
    let kept = |all: &[Disk], kind: Kind| -> Usd {
        let there = all.iter().filter(|disk| disk.to.is_none());
        there.map(|disk| hours(charge::month_price(disk, kind, tariff))).sum()
    };
    runs.sum::<Usd>() + kept(&usage.disks, Kind::Disk) + kept(&usage.snapshots, Kind::Snapshot)
}

/// What the lines whose on-demand price is known would have cost more with it.
fn saved(lines: &[Line]) -> Option<Usd> {
    let known: Vec<Usd> = lines.iter().filter_map(|line| Some(line.on_demand? - line.usd)).collect();
    (!known.is_empty()).then(|| known.into_iter().sum())
}

#[cfg(test)]
mod tests;
