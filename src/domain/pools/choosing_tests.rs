//! Scores, savings and on-demand, in pools worked out by hand.

use super::*;
use crate::domain::choosing::{Choosing, Fallback};
use crate::domain::demand::Requirements;
use crate::domain::failure::Class;
use crate::domain::market::Published;
use crate::domain::plan::fixture::{self, TYPES, ZONES, at};

/// The fixture's market: $0.05, $0.06 and $0.07 by zone for the first type, ten cents more for the second. On demand they
/// cost $0.10 and $0.40.
fn market() -> Market {
    let on_demand = BTreeMap::from([(TYPES[0].to_owned(), 0.10), (TYPES[1].to_owned(), 0.40)]);
    Market { published: Published { on_demand, ..Published::default() }, ..fixture::market(at(0)) }
}

fn with_bands(first: Option<Band>, second: Option<Band>) -> Market {
    let mut market = market();
    let bands = TYPES.into_iter().zip([first, second]);
    market.published.bands = bands.filter_map(|(name, band)| Some((name.to_owned(), band?))).collect();
    market
}

/// The second type costs half a cent more than the first.
fn close(mut market: Market) -> Market {
    let second = |it: &&mut crate::domain::market::SpotPrice| it.instance_type == TYPES[1];
    market.prices.iter_mut().filter(second).for_each(|it| it.usd_per_hour -= 0.095);
    market
}

fn saving(per_cent: u32) -> Intent {
    Intent { choosing: Choosing { min_saving: Some(per_cent), ..Choosing::default() }, ..fixture::intent() }
}

fn falling_back() -> Intent {
    Intent { choosing: Choosing { fallback: Fallback::OnDemand, ..Choosing::default() }, ..fixture::intent() }
}

fn ranked(intent: &Intent, market: &Market) -> Ranking {
    rank(intent, market, &[], None, 1, at(0))
}

fn names(ranking: &Ranking) -> Vec<String> {
    ranking.choices.iter().map(|it| it.pool.to_string()).collect()
}

fn first(ranking: &Ranking) -> String {
    explained(&ranking.choices[0], ranking)
}

fn why(ranking: &Ranking, what: &str) -> String {
    ranking.rejections.iter().find(|it| it.what == what).map(|it| it.why.clone()).unwrap_or_default()
}

fn refusal(name: &str, zone: &str, on_demand: bool) -> Refusal {
    let pool = Pool { instance_type: name.to_owned(), zone: zone.to_owned(), subnet: None };
    let (action, code) = ("RunInstances".to_owned(), "InsufficientInstanceCapacity".to_owned());
    let failure = Failure { action, code, message: "none left".to_owned(), class: Class::Capacity };
    Refusal { pool, at: at(0), at_least: 1, failure, on_demand }
}

/// Every pool of both types has refused.
fn all_dry(on_demand: bool) -> Vec<Refusal> {
    let pools = TYPES.iter().flat_map(|name| ZONES.iter().map(move |zone| (name, zone)));
    pools.map(|(name, zone)| refusal(name, zone, on_demand)).collect()
}

#[test]
fn a_calmer_type_wins_where_its_price_is_higher_by_less_than_its_peace_is_worth() {
    // 4 vCPUs, half an hour: $0.0107 for more than 20 %, $0.0006 for less than 5 %, as in score.rs.
    let market = close(with_bands(Some(Band::Over20), Some(Band::Under5)));
    let ranking = ranked(&fixture::intent(), &market);
    assert_eq!(names(&ranking)[..2], ["m6i.xlarge in us-east-1a", "m5.xlarge in us-east-1a"]);
    assert_eq!(
        first(&ranking),
        "m6i.xlarge in us-east-1a: $0.0550 an hour + $0.000592 for interruptions (<5%); \
         m5.xlarge in us-east-1a is $0.0050 cheaper but interrupted more (>20%)"
    );
    let score = ranking.choices[0].score;
    assert_eq!(
        (format!("{:.6}", score.price), format!("{:.6}", score.total())),
        ("0.055000".into(), "0.055592".into())
    );
    let by_price =
        Intent { choosing: Choosing { interruption_minutes: Some(0), ..Choosing::default() }, ..fixture::intent() };
    assert_eq!(names(&ranked(&by_price, &market))[0], "m5.xlarge in us-east-1a");
}

#[test]
fn the_runner_up_is_told_by_what_is_against_it() {
    let say = |first: Option<Band>, second: Option<Band>| {
        let ranking = ranked(&fixture::intent(), &close(with_bands(first, second)));
        self::first(&ranking)
    };
    assert_eq!(
        say(None, None),
        "m5.xlarge in us-east-1a at $0.0500 an hour is cheapest; next is m6i.xlarge in us-east-1a at $0.0550"
    );
    assert!(
        say(Some(Band::Under5), Some(Band::To20))
            .ends_with("m5.xlarge in us-east-1b, $0.0100 dearer and interrupted as much (<5%)")
    );
    assert!(
        say(Some(Band::To15), Some(Band::To10))
            .ends_with("m6i.xlarge in us-east-1a, $0.0050 dearer but interrupted less (5-10%)")
    );
    assert!(say(Some(Band::Under5), None).contains("+ $0.000592 for interruptions (<5%)"));
    assert!(say(None, Some(Band::To20)).contains("for interruptions (how often is not known)"));
    let mut alone = market();
    alone.offered.truncate(1);
    let only = ranked(&fixture::intent(), &alone);
    assert_eq!(self::first(&only), "m5.xlarge in us-east-1a at $0.0500 an hour is the only pool that will do");
}

#[test]
fn what_saves_too_little_is_turned_down_for_its_price() {
    let ranking = ranked(&saving(50), &market());
    let kept =
        ["m5.xlarge in us-east-1a", "m6i.xlarge in us-east-1a", "m6i.xlarge in us-east-1b", "m6i.xlarge in us-east-1c"];
    assert_eq!(names(&ranking), kept, "exactly half is enough");
    assert_eq!(why(&ranking, "m5.xlarge in us-east-1b"), "it saves less than 50 % against on-demand");
    let none = ranked(&saving(99), &market());
    assert!(none.choices.is_empty() && none.rejections.iter().all(|it| it.kind == RejectionKind::Price));
    assert_eq!(none.least_dear, Some(0.05));
    assert_eq!(ranked(&saving(0), &market()).choices.len(), 6, "nothing was asked for");
    let both = Intent { max_price: Some(0.045), ..saving(50) };
    assert!(why(&ranked(&both, &market()), "m5.xlarge in us-east-1a").contains("above the limit of $0.0450"));
}

#[test]
fn a_saving_that_nobody_knows_is_none() {
    let mut market = market();
    market.published.on_demand.remove(TYPES[0]);
    let ranking = ranked(&saving(10), &market);
    assert!(ranking.choices.iter().all(|it| it.facts.name == TYPES[1]));
    assert!(why(&ranking, "m5.xlarge in us-east-1a").contains("no on-demand price"));
}

#[test]
fn a_request_that_waits_tells_ec2_the_price_of_the_saving() {
    let patient = Intent { wait_for_capacity: true, max_price: Some(0.17), ..saving(50) };
    let ranking = ranked(&patient, &market());
    assert_eq!(ranking.choices.len(), 6);
    assert!(
        ranking.choices[..4].iter().all(|it| !it.waits_for_price()),
        "where the price is right there is less to wait for"
    );
    let limits: Vec<_> = ranking.choices.iter().map(|it| (it.facts.name.as_str(), it.max_price)).collect();
    assert_eq!(limits[0], ("m5.xlarge", Some(0.05)));
    assert_eq!(limits[1], ("m6i.xlarge", Some(0.17)), "the lower of the two limits");
    assert!(ranked(&saving(50), &market()).choices.iter().all(|it| it.max_price.is_none()), "a price may rise later");
}

#[test]
fn on_demand_is_taken_only_when_asked_for_and_only_when_no_spot_pool_will_do() {
    let market = market();
    let dry = all_dry(false);
    let rank = |intent: &Intent, refusals: &[Refusal]| rank(intent, &market, refusals, None, 1, at(0));
    assert!(rank(&fixture::intent(), &dry).choices.is_empty());
    let one_left = rank(&falling_back(), &dry[1..]);
    assert_eq!((names(&one_left), one_left.on_demand()), (vec!["m5.xlarge in us-east-1a".to_owned()], false));
    let none_left = rank(&falling_back(), &dry);
    assert!(none_left.on_demand() && none_left.choices.iter().all(|it| it.on_demand && it.max_price.is_none()));
    assert_eq!(none_left.choices[0].price, 0.10);
    assert_eq!(
        first(&none_left),
        "ON-DEMAND: m5.xlarge in us-east-1a at $0.1000 an hour, no spot saving: no spot pool will do now"
    );
    let all = [dry, all_dry(true)].concat();
    let nothing = rank(&falling_back(), &all);
    assert!(nothing.choices.is_empty());
    assert!(why(&nothing, "m5.xlarge in us-east-1a on demand").contains("none left"));
    assert_eq!(nothing.refused().len(), 12);
}

#[test]
fn on_demand_is_taken_where_spot_saves_too_little_but_never_above_the_limit() {
    let intent = Intent { choosing: Choosing { min_saving: Some(99), ..falling_back().choosing }, ..fixture::intent() };
    assert!(ranked(&intent, &market()).on_demand());
    let limited = Intent { max_price: Some(0.04), ..falling_back() };
    let ranking = ranked(&limited, &market());
    assert!(ranking.choices.is_empty());
    assert_eq!(why(&ranking, "m5.xlarge on demand"), "it costs more than the limit of $0.0400");
    let any = Intent { demand: Demand::Requirements(Requirements::default()), ..intent };
    let ranking = ranked(&any, &market());
    assert!(ranking.choices.iter().all(|it| it.facts.name == TYPES[0]), "$0.40 is more than three times $0.10");
}

#[test]
fn what_on_demand_would_cost_is_known_before() {
    let instead = |intent: &Intent| instead_of_spot(intent, &market(), at(0)).map(|it| it.price);
    assert_eq!(instead(&falling_back()), Some(0.10));
    assert_eq!(instead(&fixture::intent()), None);
}
