//! The rules by which AWS charges, applied to what was used.
//!
//! - An instance is charged by the second while it runs, each start for at least a minute ("Amazon EC2 On-Demand Pricing";
//!   StartInstances in the API reference).
//! - "You pay the Spot price that's in effect at the beginning of each instance-hour" (EC2 FAQ): the hours count from the
//!   start of the run, and a change of the price is felt in the next.
//! - A Linux instance that EC2 interrupts in its first hour is not charged; in any later hour the seconds are ("Billing for
//!   interrupted Spot Instances", EC2 user guide). What else it used is charged all the same. We read "first hour" as the
//!   first hour of a run, so that one that EC2 has started again begins another.
//! - A disk is charged by the second, for at least a minute; a GiB-month is as many seconds as the calendar month has
//!   (the example of the EBS pricing page: 86,400 seconds a day times a month of 30 days).
//! - A snapshot is charged for what it holds, as a disk is; what it holds is not told, so its whole volume stands in.
//! - A public IPv4 address is charged by the hour in use since February 2024 (VPC pricing page). For parts of an hour no
//!   rule is told; the seconds are counted. EC2 gives the address back when the instance stops.

use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};

use super::tariff::Tariff;
use super::usage::{Disk, Owner, Purchase, Run, Usage};
use super::usd::Usd;
use super::{Caveats, Kind, Line};

/// Seconds in an hour.
pub(super) const HOUR: i64 = 3600;
/// The least that a start of an instance, or a disk, is charged for, seconds.
const MINUTE: i64 = 60;
/// Seconds in a day of UTC, which has no summer time; leap seconds are not counted by computers' clocks.
const DAY: i64 = 86_400;

/// Makes the lines of a bill for what was used since `since`, until `now`.
pub(super) fn charge(usage: &Usage, tariff: &Tariff, since: Timestamp, now: Timestamp) -> (Vec<Line>, Caveats) {
    let mut charging =
        Charging { tariff, since: since.as_second(), now, lines: Vec::new(), caveats: Caveats::default() };
    for run in &usage.runs {
        charging.run(run);
    }
    for disk in &usage.disks {
        charging.kept(disk, Kind::Disk);
    }
    for snapshot in &usage.snapshots {
        charging.kept(snapshot, Kind::Snapshot);
    }
    (charging.lines, charging.caveats)
}

/// The price of an hour of a run that begins at a time, and whether it is EC2's own record of it.
pub(super) fn hour_price(run: &Run, tariff: &Tariff, at: Timestamp) -> Option<(Usd, bool)> {
    let told = match run.purchase {
        Purchase::Spot => tariff.spot_at(&run.instance_type, &run.zone, at),
        Purchase::OnDemand => tariff.on_demand(&run.owner.region, &run.instance_type),
    };
    let told = told.map(|usd| (usd, true));
    told.or_else(|| run.launch_price.map(|usd| (Usd::of(usd), false)))
}

/// What a disk or a snapshot costs in a month.
pub(super) fn month_price(disk: &Disk, kind: Kind, tariff: &Tariff) -> Usd {
    match kind {
        Kind::Snapshot => tariff.snapshot_month(&disk.owner.region, disk.gib),
        _ => tariff.disk_month(&disk.owner.region, disk.gib),
    }
}

/// The first second of the calendar month that a time is in, and of the next.
pub(super) fn month_around(at: Timestamp) -> (i64, i64) {
    let first = at.to_zoned(TimeZone::UTC).date().first_of_month();
    let next = first.last_of_month().tomorrow().unwrap_or(civil::Date::MAX);
    (second_of(first), second_of(next))
}

fn second_of(date: civil::Date) -> i64 {
    date.to_zoned(TimeZone::UTC).map_or(0, |midnight| midnight.timestamp().as_second())
}

struct Charging<'a> {
    tariff: &'a Tariff,
    /// Before this second nothing is on the bill.
    since: i64,
    now: Timestamp,
    lines: Vec<Line>,
    caveats: Caveats,
}

impl Charging<'_> {
    /// From the first second to the second after the last. A clock that was wrong may have an end before its beginning:
    /// such a time counts for nothing.
    fn span(&mut self, from: Timestamp, to: Option<Timestamp>) -> Option<(i64, i64)> {
        let (from, to) = (from.as_second(), to.unwrap_or(self.now).as_second());
        if to < from {
            self.caveats.backwards += 1;
            return None;
        }
        Some((from, to))
    }

    fn run(&mut self, run: &Run) {
        let Some((from, to)) = self.span(run.from, run.to) else { return };
        if to.max(from + MINUTE) <= self.since {
            return;
        }
        if run.end_assumed {
            self.caveats.ends_assumed += 1;
        }
        let is_free = run.taken && run.purchase == Purchase::Spot && to - from < HOUR;
        if is_free {
            self.caveats.taken_in_first_hour += 1;
        }
        let end = to.max(from + MINUTE);
        let mut hour = from;
        while hour < end {
            let next = (hour + HOUR).min(end);
            if next > self.since {
                self.hour(run, hour, next, is_free);
            }
            hour = next;
        }
        if run.public_address {
            let per_hour = self.tariff.address_hour();
            self.pieces(from, to, |charging, from, to| {
                let usd = per_hour.share(to - from, HOUR);
                charging.line(&run.owner, &run.instance_id, Kind::Address, (from, to), usd, None);
            });
        }
    }

    fn hour(&mut self, run: &Run, from: i64, to: i64, is_free: bool) {
        let at = Timestamp::from_second(from).unwrap_or(run.from);
        let price = hour_price(run, self.tariff, at);
        let on_demand = self.tariff.on_demand(&run.owner.region, &run.instance_type);
        self.pieces(from, to, |charging, from, to| {
            let seconds = to - from;
            let usd = match price {
                _ if is_free => Usd::ZERO,
                Some((usd, told)) => {
                    charging.caveats.launch_priced += if told { 0 } else { seconds };
                    usd.share(seconds, HOUR)
                }
                None => {
                    charging.caveats.unpriced += seconds;
                    Usd::ZERO
                }
            };
            if on_demand.is_none() && run.purchase == Purchase::Spot {
                charging.caveats.not_compared += seconds;
            }
            // What is counted for nothing because nobody knows its price has saved nothing.
            let compared = on_demand.filter(|_| price.is_some() || is_free).map(|usd| usd.share(seconds, HOUR));
            charging.line(&run.owner, &run.instance_id, Kind::Instance, (from, to), usd, compared);
        });
    }

    fn kept(&mut self, disk: &Disk, kind: Kind) {
        let Some((from, to)) = self.span(disk.from, disk.to) else { return };
        let end = if kind == Kind::Disk { to.max(from + MINUTE) } else { to };
        let price = month_price(disk, kind, self.tariff);
        self.caveats.note_region(&disk.owner.region, kind);
        self.pieces(from, end, |charging, from, to| {
            let (first, next) = month_around(Timestamp::from_second(from).unwrap_or(disk.from));
            charging.line(&disk.owner, &disk.id, kind, (from, to), price.share(to - from, next - first), None);
        });
    }

    /// Cuts a time at the beginning of the bill and at each midnight.
    fn pieces(&mut self, from: i64, to: i64, mut each: impl FnMut(&mut Self, i64, i64)) {
        let mut from = from.max(self.since);
        while from < to {
            let midnight = (from.div_euclid(DAY) + 1) * DAY;
            let end = to.min(midnight);
            each(self, from, end);
            from = end;
        }
    }

    /// Adds to the last line where that is of the same thing and day: a day of an instance is one line, not 24.
    fn line(&mut self, owner: &Owner, id: &str, kind: Kind, span: (i64, i64), usd: Usd, on_demand: Option<Usd>) {
        let (from, to) = span;
        let day = Timestamp::from_second(from).unwrap_or(self.now).to_zoned(TimeZone::UTC).date();
        let same = |line: &&mut Line| {
            (line.kind, line.day, line.id.as_str()) == (kind, day, id)
                && line.on_demand.is_some() == on_demand.is_some()
        };
        if let Some(line) = self.lines.last_mut().filter(same) {
            line.seconds += to - from;
            line.usd += usd;
            line.on_demand = line.on_demand.zip(on_demand).map(|(so_far, more)| so_far + more);
            return;
        }
        let id = id.to_owned();
        self.lines.push(Line { owner: owner.clone(), id, kind, day, seconds: to - from, usd, on_demand });
    }
}
