//! Bills that were worked out by hand: the table of docs/cost.md, case by case.

use std::collections::BTreeMap;

use super::*;
use crate::domain::bill::charge::charge;

/// A type that costs a dollar an hour on demand, so that sums can be done in the head.
const TYPE: &str = "m5.large";
const ZONE: &str = "us-east-1a";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn owner(env: &str, node: u32) -> Owner {
    Owner { env: env.to_owned(), region: "us-east-1".to_owned(), node: Some(node), ..Owner::default() }
}

fn run(from: &str, to: Option<&str>) -> Run {
    Run {
        owner: owner("dev", 0),
        instance_id: "i-1".to_owned(),
        instance_type: TYPE.to_owned(),
        zone: ZONE.to_owned(),
        purchase: Purchase::Spot,
        from: at(from),
        to: to.map(at),
        taken: false,
        end_assumed: false,
        launch_price: None,
        public_address: false,
    }
}

fn disk(gib: u32, from: &str, to: Option<&str>) -> Disk {
    Disk { owner: owner("dev", 0), id: "vol-1".to_owned(), gib, from: at(from), to: to.map(at) }
}

/// $0.30 an hour until half past ten on the 10th of November, $0.40 from then on; on demand $1.
fn tariff() -> Tariff {
    let mut tariff = Tariff::default();
    tariff.add_spot(TYPE, ZONE, [(at("2026-11-10T10:30:00Z"), 0.4), (at("2026-09-01T00:00:00Z"), 0.3)]);
    tariff.add_on_demand("us-east-1", &BTreeMap::from([(TYPE.to_owned(), 1.0)]));
    tariff
}

/// All that was spent by the end of the 30th of November.
fn spent(usage: &Usage) -> Bill {
    Bill::of(usage, &tariff(), at("2026-01-01T00:00:00Z"), at("2026-11-30T23:59:59Z"))
}

fn of_runs(runs: &[Run]) -> Bill {
    spent(&Usage { runs: runs.to_vec(), ..Usage::default() })
}

fn of_disks(disks: &[Disk]) -> Bill {
    spent(&Usage { disks: disks.to_vec(), ..Usage::default() })
}

/// 1. From 10:00 to 13:00, the price changes at 10:30: the hour that has begun keeps its price.
///    0.30 + 0.40 + 0.40 = 1.10; on demand 3.00.
#[test]
fn a_price_that_changes_within_an_hour_is_felt_in_the_next() {
    let bill = of_runs(&[run("2026-11-10T10:00:00Z", Some("2026-11-10T13:00:00Z"))]);
    assert_eq!((bill.spent, bill.saved), (Usd::of(1.1), Some(Usd::of(1.9))));
    // An hour counts from the start of the run: from 9:45 the hours begin at 9:45 and 10:45.
    let bill = of_runs(&[run("2026-11-10T09:45:00Z", Some("2026-11-10T11:45:00Z"))]);
    assert_eq!(bill.spent, Usd::of(0.7));
}

/// 2. Thirty seconds: a minute is charged. 0.30 / 60 = 0.005.
#[test]
fn half_a_minute_is_charged_as_a_minute() {
    let bill = of_runs(&[run("2026-11-05T10:00:00Z", Some("2026-11-05T10:00:30Z"))]);
    assert_eq!((bill.spent, bill.lines[0].seconds), (Usd::of(0.005), 60));
}

/// 3. EC2 takes it after 45 minutes: free, but for its disk of 8 GiB (0.64 a month, 45 of 43,200 minutes) and its address
///    (0.005 an hour). Taken after 75 minutes it is charged: 0.30 x 75 / 60 = 0.375.
#[test]
fn what_ec2_interrupts_in_its_first_hour_is_free_but_for_disk_and_address() {
    let mut early = run("2026-11-05T10:00:00Z", Some("2026-11-05T10:45:00Z"));
    (early.taken, early.public_address) = (true, true);
    let root = disk(8, "2026-11-05T10:00:00Z", Some("2026-11-05T10:45:00Z"));
    let bill = spent(&Usage { runs: vec![early.clone()], disks: vec![root], ..Usage::default() });
    // 0.64 x 45 / 43,200 = 0.000666667 and 0.005 x 0.75 = 0.00375.
    assert_eq!(bill.spent, Usd::of(0.000_666_667) + Usd::of(0.003_75));
    assert_eq!((bill.saved, bill.caveats.taken_in_first_hour), (Some(Usd::of(0.75)), 1));
    let late = Run { to: Some(at("2026-11-05T11:15:00Z")), public_address: false, ..early.clone() };
    assert_eq!(of_runs(&[late]).spent, Usd::of(0.375));
    let by_the_user = Run { taken: false, public_address: false, ..early };
    assert_eq!(of_runs(&[by_the_user]).spent, Usd::of(0.225), "0.30 x 45 / 60");
}

/// 4. Stopped and started: 10:00-11:30, 14:00-14:00:20. Each start has its own hours and minute:
///    0.30 + 0.15 + 0.005 = 0.455. The disk goes on meanwhile.
#[test]
fn each_start_has_its_own_hours_and_its_own_minute() {
    let runs = [
        run("2026-11-05T10:00:00Z", Some("2026-11-05T11:30:00Z")),
        run("2026-11-05T14:00:00Z", Some("2026-11-05T14:00:20Z")),
    ];
    assert_eq!(of_runs(&runs).spent, Usd::of(0.455));
}

/// 5. On demand for two hours and a half: 2.50, and nothing saved.
#[test]
fn what_fell_back_on_demand_costs_as_much_and_saves_nothing() {
    let mut dear = run("2026-11-10T10:00:00Z", Some("2026-11-10T12:30:00Z"));
    dear.purchase = Purchase::OnDemand;
    let bill = of_runs(&[dear.clone()]);
    assert_eq!((bill.spent, bill.saved), (Usd::of(2.5), Some(Usd::ZERO)));
    // EC2's grace for interruptions is for spot alone.
    dear.taken = true;
    dear.to = Some(at("2026-11-10T10:30:00Z"));
    assert_eq!(of_runs(&[dear]).spent, Usd::of(0.5));
}

/// 6. A volume of 100 GiB for ten days, grown to 200 GiB for the next five of a month of 30:
///    8.00 x 10 / 30 + 16.00 x 5 / 30 = 2.6667 + 2.6667 = 5.33.
#[test]
fn a_volume_that_grew_costs_by_its_size_at_each_time() {
    let grown = [
        disk(100, "2026-11-01T00:00:00Z", Some("2026-11-11T00:00:00Z")),
        disk(200, "2026-11-11T00:00:00Z", Some("2026-11-16T00:00:00Z")),
    ];
    assert_eq!(of_disks(&grown).spent.to_string(), "$5.33");
    // AWS's own example, at 0.08: 2,000 GB for 12 hours of a month of 30 days.
    let example = disk(2000, "2026-11-01T00:00:00Z", Some("2026-11-01T12:00:00Z"));
    assert_eq!(of_disks(&[example]).spent.to_string(), "$2.67");
}

/// 7. 31 GiB from the 30th of October, 12:00, to the 2nd of November, 12:00: a day and a half of 31, and a day and a half
///    of 30. 2.48 x 1.5 / 31 + 2.48 x 1.5 / 30 = 0.12 + 0.124 = 0.244. A bill of November has the second half.
#[test]
fn a_month_is_as_long_as_the_calendar_says() {
    let usage = Usage {
        disks: vec![disk(31, "2026-10-30T12:00:00Z", Some("2026-11-02T12:00:00Z"))],
        runs: vec![run("2026-10-31T22:30:00Z", Some("2026-11-01T01:00:00Z"))],
        ..Usage::default()
    };
    let now = at("2026-11-20T00:00:00Z");
    let all = Bill::of(&usage, &tariff(), at("2026-01-01T00:00:00Z"), now);
    assert_eq!(all.spent, Usd::of(0.244) + Usd::of(0.75));
    let november = Bill::of(&usage, &tariff(), Bill::month_of(now), now);
    assert_eq!(november.spent, Usd::of(0.124) + Usd::of(0.3));
    assert_eq!((all.month_so_far, november.month_so_far), (november.spent, november.spent));
    let days: Vec<String> = all.groups(&By::Day).into_iter().map(|day| format!("{} {}", day.key, day.total)).collect();
    assert_eq!(days, ["2026-10-30 $0.04", "2026-10-31 $0.53", "2026-11-01 $0.38", "2026-11-02 $0.04"]);
}

/// 8. The nights when clocks change in Europe and America: UTC has 24 hours in each. 24 x 0.30 = 7.20. The 29th of
///    February, too: a month of 29 days, 29 GiB for a day cost 29 x 0.08 / 29 = 0.08.
#[test]
fn every_day_has_24_hours_and_february_its_own_length() {
    for day in ["2026-10-25", "2026-11-01"] {
        let bill = of_runs(&[run(
            &format!("{day}T00:00:00Z"),
            Some(&format!("{day}T24:00:00Z").replace("T24:00:00Z", "T23:59:59Z")),
        )]);
        assert_eq!((bill.spent.to_string(), bill.groups(&By::Day).len()), ("$7.20".to_owned(), 1), "{day}");
    }
    let leap = [disk(29, "2028-02-29T00:00:00Z", Some("2028-03-01T00:00:00Z"))];
    let bill = Bill::of(
        &Usage { disks: leap.to_vec(), ..Usage::default() },
        &tariff(),
        at("2028-01-01T00:00:00Z"),
        at("2028-03-02T00:00:00Z"),
    );
    assert_eq!(bill.spent, Usd::of(0.08));
}

/// 9. A cluster of three for two hours, of which node 2 lived for one, and another environment beside it:
///    (2 + 2 + 1) x 0.30 = 1.50, and 0.30.
#[test]
fn several_nodes_and_environments_add_up() {
    let node = |env: &str, node: u32, to: &str| Run {
        owner: owner(env, node),
        instance_id: format!("i-{env}-{node}"),
        ..run("2026-11-05T10:00:00Z", Some(to))
    };
    let (one, two) = ("2026-11-05T11:00:00Z", "2026-11-05T12:00:00Z");
    let bill = of_runs(&[node("core", 0, two), node("core", 1, two), node("core", 2, one), node("dev", 0, one)]);
    let groups = |by: By| -> Vec<String> {
        bill.groups(&by)
            .into_iter()
            .map(|group| format!("{} {} {}", group.key, group.total, group.instance_seconds / 3600))
            .collect()
    };
    assert_eq!(groups(By::Environment), ["core $1.50 5", "dev $0.30 1"]);
    assert_eq!(groups(By::Node), ["core/0 $0.60 2", "core/1 $0.60 2", "core/2 $0.30 1", "dev/0 $0.30 1"]);
    assert!((bill.instance_hours() - 6.0).abs() < 1e-9);
}

/// 10. A snapshot of 100 GiB, kept since noon of the 16th: 5.00 x 14.5 / 30 = 2.4167 at the most by the end of the month.
#[test]
fn a_snapshot_costs_at_most_what_its_whole_volume_would() {
    let snapshots = vec![disk(100, "2026-11-16T12:00:00Z", None)];
    let usage = Usage { snapshots, ..Usage::default() };
    let bill = Bill::of(&usage, &tariff(), at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    assert_eq!(bill.spent.to_string(), "$2.42");
    assert!(bill.caveats.in_words().iter().any(|words| words.contains("snapshots are counted")));
}

/// 11. Now and the month: an instance since 22:00 of the 10th with an address, a volume of 300 GiB since the 1st, at
///     midnight of the 11th, with 20 days to go. Spent: 2 x 0.40 + 2 x 0.005 + 24.00 x 10 / 30 = 8.81. An hour:
///     0.40 + 0.005 + 24.00 / 720 = 0.438333. The month: 8.81 + 480 x 0.438333 = 219.21.
#[test]
fn the_month_is_what_was_spent_and_what_this_hour_costs_for_the_rest() {
    let mut on = run("2026-11-10T22:00:00Z", None);
    on.public_address = true;
    let usage = Usage { runs: vec![on], disks: vec![disk(300, "2026-11-01T00:00:00Z", None)], ..Usage::default() };
    let now = at("2026-11-11T00:00:00Z");
    let bill = Bill::of(&usage, &tariff(), Bill::month_of(now), now);
    assert_eq!(bill.spent, Usd::of(8.81));
    assert_eq!(bill.per_hour, Usd::of(0.438_333_333));
    assert_eq!(bill.month_projected.to_string(), "$219.21");
}

#[test]
fn a_span_that_ends_before_it_begins_counts_for_nothing_and_is_told() {
    let bill = of_runs(&[run("2026-11-10T10:00:00Z", Some("2026-11-09T10:00:00Z"))]);
    assert_eq!((bill.spent, bill.caveats.backwards), (Usd::ZERO, 1));
    assert!(bill.caveats.in_words()[0].contains("the clock was wrong"));
    let from_the_future = of_runs(&[run("2027-11-10T10:00:00Z", None)]);
    assert_eq!((from_the_future.spent, from_the_future.caveats.backwards), (Usd::ZERO, 1));
}

#[test]
fn the_price_of_the_launch_stands_in_where_ec2_tells_none() {
    let mut old = run("2026-08-05T10:00:00Z", Some("2026-08-05T12:00:00Z"));
    let bill = of_runs(&[old.clone()]);
    assert_eq!((bill.spent, bill.saved, bill.caveats.unpriced), (Usd::ZERO, None, 7200));
    old.launch_price = Some(0.25);
    let bill = of_runs(&[old]);
    assert_eq!((bill.spent, bill.saved, bill.caveats.launch_priced), (Usd::of(0.5), Some(Usd::of(1.5)), 7200));
}

#[test]
fn nothing_is_said_to_be_saved_where_no_on_demand_price_is_known() {
    let usage = Usage { runs: vec![run("2026-11-05T10:00:00Z", Some("2026-11-05T11:00:00Z"))], ..Usage::default() };
    let mut tariff = Tariff::default();
    tariff.add_spot(TYPE, ZONE, [(at("2026-09-01T00:00:00Z"), 0.000_123)]);
    let bill = Bill::of(&usage, &tariff, at("2026-11-01T00:00:00Z"), at("2026-11-06T00:00:00Z"));
    assert_eq!((bill.spent, bill.saved, bill.caveats.not_compared), (Usd::of(0.000_123), None, 3600));
}

#[test]
fn tags_part_a_bill_and_what_has_none_is_together() {
    let mut tagged = run("2026-11-05T10:00:00Z", Some("2026-11-05T11:00:00Z"));
    tagged.owner.tags = BTreeMap::from([("team".to_owned(), "web".to_owned())]).into();
    let bill = of_runs(&[
        tagged,
        Run { instance_id: "i-2".to_owned(), ..run("2026-11-05T10:00:00Z", Some("2026-11-05T10:30:00Z")) },
    ]);
    let groups = bill.groups(&By::Tag("team".to_owned()));
    let told: Vec<(&str, Usd)> = groups.iter().map(|group| (group.key.as_str(), group.total)).collect();
    assert_eq!(told, [("web", Usd::of(0.3)), ("", Usd::of(0.15))]);
}

proptest::proptest! {
    /// Wherever a bill is cut in two, both parts together are the whole.
    #[test]
    fn a_bill_of_a_part_is_a_part_of_the_bill(start in 0_i64..2_000_000, length in 0_i64..400_000, cut in 0_i64..2_500_000) {
        let moment = |second: i64| Timestamp::from_second(1_793_000_000 + second).unwrap_or(Timestamp::UNIX_EPOCH);
        let usage = Usage {
            runs: vec![Run { from: moment(start), to: Some(moment(start + length)), public_address: true, ..run("2026-11-05T10:00:00Z", None) }],
            ..Usage::default()
        };
        let total = |since| charge(&usage, &tariff(), since, moment(3_000_000)).0.iter().map(|line| line.usd).sum::<Usd>();
        let (whole, part) = (total(Timestamp::UNIX_EPOCH), total(moment(cut)));
        proptest::prop_assert!(part <= whole);
        let (seconds, expected) = (length.max(60), whole.as_f64());
        // Between the lower and the higher price for the seconds, and the address.
        #[expect(clippy::cast_precision_loss, reason = "small")]
        let hours = seconds as f64 / 3600.0;
        proptest::prop_assert!(expected <= hours * 0.405 + 1e-6 && expected >= hours * 0.3 - 1e-6);
    }
}
