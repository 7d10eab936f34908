//! Which pools will do, and in what order.

use super::*;
use crate::domain::demand::Requirements;
use crate::domain::failure::Class;
use crate::domain::market::SpotPrice;
use crate::domain::money;
use crate::domain::plan::fixture::{self, TYPES, ZONES, at};

fn ranked(intent: &Intent, market: &Market, refusals: &[Refusal], pinned: Option<&Pin>, wanted: u32) -> Ranking {
    rank(intent, market, refusals, pinned, wanted, at(0))
}

fn volume_in(zone: &str) -> Pin {
    Pin { zone: zone.to_owned(), subnet: None, may_move: false }
}

fn why(ranking: &Ranking, what: &str) -> String {
    ranking.rejections.iter().find(|it| it.what == what).map(|it| it.why.clone()).unwrap_or_default()
}

fn refusal(zone: &str, seconds: i64, at_least: u32) -> Refusal {
    let pool = Pool { instance_type: TYPES[0].to_owned(), zone: zone.to_owned(), subnet: None };
    let failure = Failure {
        action: "RunInstances".to_owned(),
        code: "InsufficientInstanceCapacity".to_owned(),
        message: "none left".to_owned(),
        class: Class::Capacity,
    };
    Refusal { pool, at: at(seconds), at_least, failure, on_demand: false }
}

#[test]
fn the_cheapest_pool_comes_first_and_equal_prices_by_name() {
    let mut market = fixture::market(at(0));
    let pools = |market: &Market| -> Vec<String> {
        let ranking = ranked(&fixture::intent(), market, &[], None, 1);
        ranking.choices.iter().map(|it| it.pool.to_string()).collect()
    };
    assert_eq!(pools(&market)[..2], ["m5.xlarge in us-east-1a", "m5.xlarge in us-east-1b"]);
    market.prices.iter_mut().for_each(|it| it.usd_per_hour = 0.1);
    market.offered.reverse();
    assert_eq!(pools(&market)[..2], ["m5.xlarge in us-east-1a", "m5.xlarge in us-east-1b"]);
}

#[test]
fn each_pool_that_will_not_do_says_why() {
    let mut market = fixture::market(at(0));
    market.prices.retain(|it| it.zone != ZONES[0]);
    market.subnets.retain(|it| it.zone != ZONES[1]);
    market.offered.retain(|(name, _)| name != TYPES[1]);
    let ranking = ranked(&fixture::intent(), &market, &[], None, 1);
    assert_eq!(ranking.choices.len(), 1);
    assert!(why(&ranking, "m5.xlarge in us-east-1a").contains("no spot price"));
    assert!(why(&ranking, "m5.xlarge in us-east-1b").contains("no subnet"));
    assert!(why(&ranking, TYPES[1]).contains("no availability zone"));
    assert!(ranking.rejections.iter().all(|it| it.kind == RejectionKind::Unsuitable));
}

#[test]
fn a_zone_asked_for_or_pinned_by_a_volume_leaves_no_other() {
    let market = fixture::market(at(0));
    let intent = Intent { zone: Some(ZONES[1].to_owned()), ..fixture::intent() };
    assert_eq!(ranked(&intent, &market, &[], None, 1).choices.len(), 2);
    let pinned = ranked(&fixture::intent(), &market, &[], Some(&volume_in(ZONES[2])), 1);
    assert!(pinned.choices.iter().all(|it| it.pool.zone == ZONES[2]));
    assert!(why(&pinned, "m5.xlarge in us-east-1a").contains("the volume is in us-east-1c"));
    assert_eq!(ranked(&intent, &market, &[], Some(&volume_in(ZONES[2])), 1).choices, []);
}

#[test]
fn a_type_without_an_image_or_without_hibernation_is_turned_down() {
    let mut market = fixture::market(at(0));
    market.types[0].hibernation = false;
    let hibernate = Intent { on_interruption: Interruption::Hibernate, ..fixture::intent() };
    let ranking = ranked(&hibernate, &market, &[], None, 1);
    assert_eq!(why(&ranking, TYPES[0]), "it cannot hibernate");
    assert!(ranking.choices.iter().all(|it| it.facts.name == TYPES[1]));
    market.images.clear();
    assert!(why(&ranked(&fixture::intent(), &market, &[], None, 1), TYPES[0]).contains("no image"));
}

#[test]
fn a_type_that_was_not_named_is_not_taken_at_many_times_the_cheapest_price() {
    let mut market = fixture::market(at(0));
    let dear = |it: &&mut SpotPrice| it.instance_type == TYPES[1];
    market.prices.iter_mut().filter(dear).for_each(|it| it.usd_per_hour = 5.0);
    let any = Intent { demand: Demand::Requirements(Requirements::default()), ..fixture::intent() };
    let ranking = ranked(&any, &market, &[], None, 1);
    assert!(!ranking.choices.is_empty() && ranking.choices.iter().all(|it| it.facts.name == TYPES[0]));
    assert!(ranking.rejections.iter().any(|it| it.kind == RejectionKind::Price && it.why.contains("--max-price")));
    let named = ranked(&fixture::intent(), &market, &[], None, 1);
    assert!(named.choices.iter().any(|it| it.facts.name == TYPES[1]), "who names a type means it");
    let limited = ranked(&Intent { max_price: Some(6.0), ..any }, &market, &[], None, 1);
    assert!(limited.choices.iter().any(|it| it.facts.name == TYPES[1]), "so does who names a price");
}

#[test]
fn a_price_above_the_limit_is_no_reason_when_capacity_is_waited_for() {
    let market = fixture::market(at(0));
    let limited = Intent { max_price: Some(0.055), ..fixture::intent() };
    let ranking = ranked(&limited, &market, &[], None, 1);
    assert_eq!(ranking.choices.len(), 1);
    assert_eq!(why(&ranking, "m5.xlarge in us-east-1b"), "its price is above the limit of $0.0550");
    assert_eq!(ranking.least_dear.map(money::hourly).as_deref(), Some("$0.0600"), "for who raises the limit");
    let patient = Intent { wait_for_capacity: true, ..limited };
    assert_eq!(ranked(&patient, &market, &[], None, 1).choices.len(), 6);
}

#[test]
fn a_refusal_counts_for_three_minutes_and_one_of_many_leaves_a_part() {
    let market = fixture::market(at(0));
    let old = ranked(&fixture::intent(), &market, &[refusal(ZONES[0], -180, 1)], None, 1);
    assert_eq!((old.choices.len(), old.refusals.len()), (6, 0));
    let fresh = ranked(&fixture::intent(), &market, &[refusal(ZONES[0], -179, 1)], None, 1);
    assert_eq!(why(&fresh, "m5.xlarge in us-east-1a"), "RunInstances: none left (InsufficientInstanceCapacity)");
    let of_many = ranked(&fixture::intent(), &market, &[refusal(ZONES[0], -10, 5)], None, 5);
    assert!(of_many.choices[0].in_part && !of_many.choices[1].in_part);
    let of_one = ranked(&fixture::intent(), &market, &[refusal(ZONES[0], -10, 5)], None, 1);
    assert!(!of_one.choices[0].in_part, "fewer were not refused yet");
}

#[test]
fn the_subnet_with_the_most_free_addresses_is_taken() {
    let mut market = fixture::market(at(0));
    let roomy = Subnet { id: "subnet-roomy".to_owned(), free_addresses: 4_000, ..market.subnets[0].clone() };
    market.subnets.push(roomy);
    let ranking = ranked(&fixture::intent(), &market, &[], None, 1);
    assert_eq!(ranking.choices[0].pool.subnet.as_deref(), Some("subnet-roomy"));
}

#[test]
fn an_interface_leaves_its_own_zone_alone_and_its_own_subnet_even_when_that_is_full() {
    let mut market = fixture::market(at(0));
    market.subnets.iter_mut().for_each(|subnet| subnet.free_addresses = 0);
    let pin = Pin { subnet: Some("subnet-of-the-interface".to_owned()), ..volume_in(ZONES[1]) };
    let ranking = ranked(&fixture::intent(), &market, &[], Some(&pin), 1);
    assert!(!ranking.choices.is_empty());
    assert!(ranking.choices.iter().all(|it| it.pool.zone == ZONES[1] && it.pool.subnet == pin.subnet));
    assert!(why(&ranking, "m5.xlarge in us-east-1a").contains("the node's address is in us-east-1b"));
}
