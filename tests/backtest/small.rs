//! A history of a few pools, whose figures can be worked out by hand.

use std::fmt::Write;

use cloudtop::domain::advisor::Advisor;
use cloudtop::domain::demand::Arch;
use cloudtop::domain::intent::Intent;
use cloudtop::domain::market::{Image, Market, Published, SpotPrice, Subnet};
use cloudtop::domain::pools;
use cloudtop::domain::score::DEFAULT_MINUTES;

use super::history::History;
use super::holding::{self, Held, World};
use super::report;
use super::requests::{self, Request};
use super::support::cloudtop_intent;
use super::trace::Trace;
use super::{types, waiting};

const TYPES: &str =
    "instance_type,vcpus,mem_gib,archs,current_gen,bare_metal,burstable,usage_classes,instance_store_gb,disks
m5.xlarge,4,16,x86_64,True,False,False,on-demand|spot,0,
m5a.xlarge,4,16,x86_64,True,False,False,on-demand|spot,0,
m1.xlarge,4,16,x86_64,False,False,False,on-demand|spot,0,
";
const BANDS: &str = r#"{"spot_advisor": {"us-east-1": {"Linux": {"m5.xlarge": {"r": 0}, "m5a.xlarge": {"r": 4}}}}}"#;
const DAY: usize = 24;

/// Prices that change at these hours, ever after.
const CHANGES: &[(usize, &str, &str, f64)] = &[
    (0, "m5.xlarge", "us-east-1a", 0.100),
    (48, "m5.xlarge", "us-east-1a", 0.200),
    (0, "m5.xlarge", "us-east-1b", 0.120),
    (0, "m5a.xlarge", "us-east-1a", 0.0995),
    (0, "m1.xlarge", "us-east-1a", 0.010),
    (50, "m5a.xlarge", "us-east-1b", 0.050),
    // Two months: enough to hold something for 30 days.
    (60 * DAY, "m1.xlarge", "us-east-1a", 0.010),
];

fn text(changes: &[(usize, &str, &str, f64)]) -> String {
    let mut text = "timestamp,az,instance_type,spot_price\n".to_owned();
    let begins: jiff::Timestamp = "2021-03-02T00:30:00Z".parse().unwrap();
    for (hour, instance_type, zone, price) in changes {
        let at = begins + jiff::SignedDuration::from_hours(i64::try_from(*hour).unwrap());
        writeln!(text, "{at},{zone},{instance_type},{price}").unwrap();
    }
    text
}

fn world(changes: &[(usize, &str, &str, f64)]) -> World {
    World {
        history: History::read(&text(changes)).unwrap(),
        types: types::read(TYPES, None).unwrap(),
        advisor: Some(Advisor::parse(BANDS.as_bytes()).unwrap()),
    }
}

fn request() -> Request {
    requests::all().into_iter().find(|it| it.wanted.cpus == 4 && it.wanted.memory_gib == 16).unwrap()
}

/// What was chosen at hour 36, the first, and held for a day.
fn first(minutes: u32) -> Held {
    world(CHANGES).held(&[request()], DAY, DAY, minutes).remove(0)
}

#[track_caller]
fn assert_near(is: f64, should: f64) {
    assert!((is - should).abs() < 1e-9, "{is} is not {should}");
}

#[test]
fn what_was_held_is_compared_with_what_could_have_been() {
    // m5a.xlarge in a is the cheapest at hour 36 and costs 24 x 0.0995. In b it is seen at hour 50, and taken to have cost
    // 0.05 before: 1.20. The usual type is the cheapest in a, for twelve hours at 0.10 and twelve at 0.20: 3.60.
    let held = first(0);
    assert_eq!(held.instance_type, "m5a.xlarge", "and not m1, which nobody named");
    assert_near(held.paid, 2.388);
    assert_near(held.best_zone, 1.2);
    assert_near(held.any_zone, (2.388 + 1.2) / 2.0);
    assert_near(held.best_pool, 1.2);
    assert_near(held.zone_regret(), 0.99);
    assert_near(held.random_zone_regret(), 0.495);
    assert_near(held.saved().unwrap(), 1.0 - 2.388 / 3.6);
    assert_eq!((held.interrupted, held.usual_interrupted), (Some(0.25), Some(0.025)));
}

#[test]
fn who_counts_interruptions_pays_for_fewer() {
    // m5a is of the last band: half a thousandth of a USD does not make up for it. m5 in a, of which the price doubles.
    let held = first(DEFAULT_MINUTES);
    assert_eq!((held.instance_type.as_str(), held.interrupted), ("m5.xlarge", Some(0.025)));
    assert_near(held.paid, 3.6);
    assert_near(held.best_zone, 24.0 * 0.12);
    assert_near(held.zone_regret(), 0.25);
    assert_near(held.regret(), 2.0);
    assert_near(held.saved().unwrap(), 0.0);
}

/// The same hour as `up` finds it.
fn market(world: &World, hour: usize) -> Market {
    let at = jiff::Timestamp::UNIX_EPOCH;
    let pools = || world.history.pools.iter();
    let priced = pools().filter_map(|pool| {
        let (instance_type, zone) = (pool.instance_type.clone(), pool.zone.clone());
        Some(SpotPrice { instance_type, zone, usd_per_hour: pool.price(hour)?, since: at })
    });
    let subnet = |letter| Subnet {
        id: format!("subnet-{letter}"),
        zone: format!("us-east-1{letter}"),
        vpc_id: "vpc-1".to_owned(),
        free_addresses: 100,
        public_addresses: true,
    };
    let image = Image {
        id: "ami-1".to_owned(),
        name: "an image".to_owned(),
        arch: Arch::X86_64,
        root_device: "/dev/sda1".to_owned(),
        root_gib: 8,
    };
    let bands = world.types.keys().filter_map(|it| Some((it.clone(), world.advisor.as_ref()?.band("us-east-1", it)?)));
    Market {
        surveyed_at: at,
        types: world.types.values().cloned().collect(),
        offered: pools().map(|pool| (pool.instance_type.clone(), pool.zone.clone())).collect(),
        prices: priced.collect(),
        subnets: ["a", "b"].map(subnet).into(),
        images: [(Arch::X86_64, image)].into(),
        key_present: true,
        published: Published { bands: bands.collect(), ..Published::default() },
    }
}

#[test]
fn what_is_judged_is_what_up_chooses() {
    let world = world(CHANGES);
    let demand = request().demand();
    let (suitable, intent) = (world.suitable(&demand), Intent { demand, ..cloudtop_intent() });
    let mut taken = Vec::new();
    for hour in 0..72 {
        let ranking = pools::rank(&intent, &market(&world, hour), &[], None, 1, jiff::Timestamp::UNIX_EPOCH);
        let up = &ranking.choices[0].pool;
        let judged = holding::choose(&suitable, hour, DEFAULT_MINUTES).unwrap();
        assert_eq!((up.instance_type.as_str(), up.zone.as_str()), judged.name(), "at hour {hour}");
        taken.push(judged.name());
    }
    taken.dedup();
    // When m5 in a has doubled, m5a's interruptions (0.0107 an hour) make up for what m5 costs more in b.
    assert_eq!(taken, [("m5.xlarge", "us-east-1a"), ("m5a.xlarge", "us-east-1a"), ("m5a.xlarge", "us-east-1b")]);
}

#[test]
fn without_an_advisor_the_price_alone_decides() {
    let without = World { advisor: None, ..world(CHANGES) };
    let held = without.held(&[request()], DAY, DAY, DEFAULT_MINUTES).remove(0);
    assert_eq!((held.instance_type.as_str(), held.interrupted), ("m5a.xlarge", None));
}

#[test]
fn who_names_a_type_is_judged_by_its_zones_alone() {
    // Three days from hour 36: m5 in a is 12 x 0.10 + 60 x 0.20, in b 72 x 0.12. The other types have one zone at hour 36.
    let held = world(CHANGES).held_by_type(60 * DAY, 3 * DAY);
    let names: Vec<&str> = held.iter().map(|it| it.instance_type.as_str()).collect();
    assert_eq!(names, ["m5.xlarge", "m5a.xlarge"]);
    assert_near(held[0].zone_regret(), 13.2 / 8.64 - 1.0);
    assert_near(held[0].random_zone_regret(), (13.2 + 8.64) / 2.0 / 8.64 - 1.0);
    assert_near(held[0].best_pool, held[0].best_zone);
}

#[test]
fn no_choice_changes_with_what_comes_after_it() {
    let names = |world: &World, hours: &[usize]| -> Vec<String> {
        let suitable = world.suitable(&request().demand());
        let chosen = hours.iter().flat_map(|hour| [0, DEFAULT_MINUTES].map(|it| holding::choose(&suitable, *hour, it)));
        chosen.map(|it| it.map(|it| format!("{:?}", it.name())).unwrap_or_default()).collect()
    };
    let whole = world(CHANGES);
    for cut in [37, 47, 49, 100] {
        let mut other: Vec<_> = CHANGES.iter().copied().filter(|change| change.0 < cut).collect();
        let there: Vec<_> = other.clone();
        // All that was there costs something else afterwards, and something new is the cheapest of all.
        other.extend(there.iter().enumerate().map(|(index, it)| (cut, it.1, it.2, 0.3 / (index + 1) as f64)));
        other.extend([(cut, "m5.xlarge", "us-east-1c", 0.001), (60 * DAY, "m1.xlarge", "us-east-1a", 0.010)]);
        let other = world(&other);
        let before: Vec<usize> = (0..cut).collect();
        assert_eq!(names(&whole, &before), names(&other, &before), "before hour {cut}");
        assert_ne!(names(&whole, &[cut]), names(&other, &[cut]), "or the choice heeds nothing at all");
    }
}

#[test]
fn a_history_that_tells_each_price_every_day_is_judged_the_same() {
    let mut told = CHANGES.to_vec();
    let standing = |until: usize| (1..until.div_ceil(DAY)).map(|day| day * DAY);
    told.extend(standing(60 * DAY).map(|hour| (hour, "m5.xlarge", "us-east-1b", 0.120)));
    let figures = |world: &World| -> Vec<String> {
        let held = world.held(&[request()], 12, 7 * DAY, DEFAULT_MINUTES);
        held.iter().map(|it| format!("{} {:.9} {:.9}", it.instance_type, it.paid, it.best_pool)).collect()
    };
    let (changes_only, all) = (world(CHANGES), world(&told));
    assert!(all.history.records > changes_only.history.records);
    assert_eq!(figures(&changes_only), figures(&all));
}

#[test]
fn the_tables_say_what_was_chosen_and_what_was_not_there_to_choose() {
    let told = report::of(&world(CHANGES));
    let begins = "7 records of 5 pools in us-east-1, 60 days from 2021-03-02; types: 3. A choice every";
    assert!(told.starts_with(begins), "{told}");
    for line in ["| 1 d | price | ", "| 30 d | score, ", "| 4 vCPU, 16 GiB | m5.xlarge | ", "(default)"] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
    assert!(told.contains("| 4 vCPU, 16 GiB, arm64 | - | none will do |"), "{told}");
    let strange = [CHANGES, &[(0, "p9.odd", "us-east-1a", 1.0)]].concat();
    assert!(report::of(&world(&strange)).contains("types: 3, and 1 that the file of types does not have. A choice"));
}

/// Two zones, looked at every ten minutes for an hour and a half; `a` costs 1 USD an hour and `b` 2.
///
/// ```text
/// minute  0   10  20  30  40  50  60  70  80
/// a       up  up  -   -   -   -   up  up  -
/// b       -   up  up  up  up  -   -   up  up
/// ```
pub fn trace() -> Trace {
    let mut text = "timestamp,az,available,spot_price\n".to_owned();
    for (index, (a, b)) in "110000110".chars().zip("011110011".chars()).chain([('1', '1')]).enumerate() {
        let at = format!("2023-02-15T{:02}:{:02}:00Z", index / 6, index % 6 * 10);
        text += &format!("{at},us-east-1a,{a},1.0\n{at},us-east-1b,{b},2.0\n");
    }
    super::trace::read(&text).unwrap().remove("").unwrap()
}

#[test]
fn the_tables_of_a_trace_say_what_waiting_and_moving_come_to() {
    let told = waiting::of("", &trace(), 15);
    assert!(told.starts_with("one type: 2 zones, looked at 9 times in 0.1 days from 2023-02-15"), "{told}");
    for line in [
        // 20 + 20 minutes of 90, and 1 USD an hour; of b 40 + 20, and 2 USD.
        "| us-east-1a | 44.4 % | 973 | 10 min | 40 min | 40 min | $1.000 |",
        "| us-east-1b | 66.7 % | 487 | 20 min | 20 min | 20 min | $2.000 |",
        // Absences of 40, 10 and 20 minutes: of those, one is over in 15 minutes and all are in an hour.
        "| 0 min | 3 | 33.3 % | 100.0 % | 100.0 % | 20 min | 23 min |",
        "| 30 min | 1 | 100.0 % | 100.0 % | 100.0 % | 10 min | 10 min |",
        "| us-east-1 | stay | 55.6 % (44 to 67 %) | 730 | 0 | 40 min | $1.500 |",
        "| stay | 55.6 % | 55.6 % | 55.6 % | 55.6 % |",
        "| us-east-1 | the best possible | 88.9 % | 0 | 0 | 10 min | $1.500 |",
    ] {
        assert!(told.contains(line), "{line} is not in\n{told}");
    }
}
