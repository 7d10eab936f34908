//! Pools (instance type x availability zone): which will do, in what order, and why the others will not.

#[cfg(test)]
mod choosing_tests;
mod on_demand;
#[cfg(test)]
mod tests;
mod words;

use std::collections::BTreeMap;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::advisor::Band;
use super::demand::Demand;
use super::failure::Failure;
use super::intent::{Intent, Interruption};
use super::market::{Image, Market, Subnet, TypeFacts};
use super::refusals;
use super::score::{self, Score};

pub use words::{beyond_price, explained};

/// How long a pool that refused is put aside.
pub const ASIDE: SignedDuration = SignedDuration::from_mins(3);
/// How many times the cheapest price a type that the user did not name may cost.
const DEAREST: u32 = 3;

/// One capacity pool, and the subnet through which it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pool {
    /// The instance type.
    pub instance_type: String,
    /// The availability zone.
    pub zone: String,
    /// The subnet; `None` where EC2 is left to take the zone's default subnet.
    pub subnet: Option<String>,
}

impl fmt::Display for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.instance_type, self.zone)
    }
}

/// Where a node must be launched, because of what it has there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// The availability zone.
    pub zone: String,
    /// The subnet in which its interface was made; `None` where a volume alone holds it there.
    pub subnet: Option<String>,
    /// Whether its interface may be given up for one in another zone: nothing has ever used its address.
    pub may_move: bool,
}

/// A pool's refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// The pool.
    pub pool: Pool,
    /// When.
    pub at: Timestamp,
    /// The fewest instances that would have done.
    pub at_least: u32,
    /// EC2's own reason.
    pub failure: Failure,
    /// Whether it was asked for on-demand instances, of which spot ones tell nothing.
    pub on_demand: bool,
}

impl Refusal {
    /// What refused.
    #[must_use]
    pub fn what(&self) -> String {
        let how = if self.on_demand { " on demand" } else { "" };
        format!("{}{how}", self.pool)
    }
}

/// A pool that will do.
#[derive(Clone, Debug, PartialEq)]
pub struct Choice {
    /// The pool.
    pub pool: Pool,
    /// USD per node and hour now.
    pub price: f64,
    /// The type.
    pub facts: TypeFacts,
    /// The image for its architecture.
    pub image: Image,
    /// Whether only a part of the nodes wanted may be had: it refused all at once a moment ago.
    pub in_part: bool,
    /// What a node is expected to cost here, its interruptions with it.
    pub score: Score,
    /// How often the type is interrupted, where that is known.
    pub band: Option<Band>,
    /// The most to pay here, USD per node and hour, where EC2 is told.
    pub max_price: Option<f64>,
    /// Whether it is on demand, for no spot pool will do.
    pub on_demand: bool,
}

impl Choice {
    /// What one more of `nodes` costs here, USD per hour, when `there` of them are here already: see [`Score::beside`].
    /// Where nobody knows how often the type is interrupted, nothing is paid for being told apart from it.
    #[must_use]
    pub fn beside(&self, there: u32, nodes: u32) -> f64 {
        if self.band.is_some() { self.score.beside(there, nodes) } else { self.score.total() }
    }

    /// Whether a request would wait here until the price is lower.
    #[must_use]
    pub fn waits_for_price(&self) -> bool {
        self.max_price.is_some_and(|most| self.price > most)
    }

    fn sorted_by(&self) -> (Score, &str, &str) {
        (self.score, &self.pool.instance_type, &self.pool.zone)
    }
}

/// What was turned down, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// A type, or a pool in words.
    pub what: String,
    /// The reason.
    pub why: String,
    /// What kind of reason it is.
    pub kind: RejectionKind,
}

/// Whether a pool could do at another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RejectionKind {
    /// It is not what was asked for.
    Unsuitable,
    /// It costs more than the limit now.
    Price,
    /// It refused a moment ago.
    Refused,
}

/// Pools that will do, the best first, and those turned down.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ranking {
    /// By their scores, see [`score`]; equal ones by name, so that two runs agree. All of them on demand or none.
    pub choices: Vec<Choice>,
    /// The others.
    pub rejections: Vec<Rejection>,
    /// The refusals still in force, each pool's own.
    pub refusals: Vec<Refusal>,
    /// The lowest price among the pools that are too dear, USD per node and hour.
    pub least_dear: Option<f64>,
    /// How many nodes go where: places among the choices, and numbers of nodes. Empty where nothing is to be launched.
    pub laid_out: Vec<(usize, u32)>,
}

impl Ranking {
    /// The pools that were turned down because they refused, each with its newest reason.
    #[must_use]
    pub fn refused(&self) -> Vec<Refusal> {
        let is_out = |name: &str| self.rejections.iter().any(|it| it.kind == RejectionKind::Refused && it.what == name);
        refusals::newest(&self.refusals).into_iter().filter(|refusal| is_out(&refusal.what())).collect()
    }

    /// Why there is no choice, in a clause: how many refused, are too dear, or will not do at all.
    #[must_use]
    pub fn in_short(&self) -> String {
        let count = |kind| self.rejections.iter().filter(|it| it.kind == kind).count();
        let mut parts = Vec::new();
        let refused = self.refused();
        if !refused.is_empty() {
            parts.push(refusals::in_short(&refused));
        }
        let told =
            [(RejectionKind::Price, "above the price limit"), (RejectionKind::Unsuitable, "not what is asked for")];
        let told = told.into_iter().map(|(kind, words)| (count(kind), words)).filter(|(count, _)| *count > 0);
        parts.extend(told.map(|(count, words)| format!("{count} {words}")));
        parts.join(", ")
    }

    /// How many nodes go where, with their choices.
    pub fn launches(&self) -> impl Iterator<Item = (&Choice, u32)> {
        self.laid_out.iter().filter_map(|(place, nodes)| Some((self.choices.get(*place)?, *nodes)))
    }

    /// Whether on-demand instances are launched.
    #[must_use]
    pub fn on_demand(&self) -> bool {
        self.choices.first().is_some_and(|best| best.on_demand)
    }

    fn turn_down(&mut self, what: &str, kind: RejectionKind, why: String) {
        self.rejections.push(Rejection { what: what.to_owned(), why, kind });
    }
}

/// Ranks the pools for launching `wanted` nodes.
///
/// `pinned` is where a volume or an interface exists: either can be attached in its own zone only.
#[must_use]
pub fn rank(
    intent: &Intent,
    market: &Market,
    refusals: &[Refusal],
    pinned: Option<&Pin>,
    wanted: u32,
    now: Timestamp,
) -> Ranking {
    let mut ranking = Ranking {
        refusals: refusals.iter().filter(|refusal| now.duration_since(refusal.at) < ASIDE).cloned().collect(),
        ..Ranking::default()
    };
    let mut offers = Offers::of(intent, market, pinned);
    offers.dearest = dearest(&offers);
    for facts in &market.types {
        match suitable_image(intent, market, facts) {
            Ok(image) => rank_type(&mut ranking, &offers, facts, image, wanted),
            Err(why) => ranking.turn_down(&facts.name, RejectionKind::Unsuitable, why),
        }
    }
    if ranking.choices.is_empty() {
        on_demand::fall_back(&mut ranking, &offers, wanted);
    }
    // A request that waits for its price waits less where the price is right already.
    let by_score = |a: &Choice, b: &Choice| score::order(a.sorted_by(), b.sorted_by());
    ranking.choices.sort_by(|a, b| a.waits_for_price().cmp(&b.waits_for_price()).then_with(|| by_score(a, b)));
    ranking
}

/// The on-demand instances that would be launched now if no spot pool did, where the user has asked for them.
#[must_use]
pub fn instead_of_spot(intent: &Intent, market: &Market, now: Timestamp) -> Option<Choice> {
    let without = Market { prices: Vec::new(), ..market.clone() };
    rank(intent, &without, &[], None, intent.nodes, now).choices.into_iter().next()
}

/// The image that a type would boot, or why it will not do at all.
fn suitable_image<'a>(intent: &Intent, market: &'a Market, facts: &TypeFacts) -> Result<&'a Image, String> {
    intent.demand.accepts(facts)?;
    if intent.on_interruption == Interruption::Hibernate && !facts.hibernation {
        return Err("it cannot hibernate".to_owned());
    }
    let image = facts.archs.iter().find_map(|arch| market.images.get(arch));
    image.ok_or_else(|| "there is no image for its architecture".to_owned())
}

/// What is wanted, and the market by type: a region offers thousands of pools, and prices for each.
struct Offers<'a> {
    intent: &'a Intent,
    market: &'a Market,
    pinned: Option<&'a Pin>,
    zones: BTreeMap<&'a str, Vec<&'a str>>,
    prices: BTreeMap<(&'a str, &'a str), f64>,
    /// The most to pay for a type that nobody named, USD per hour.
    dearest: Option<f64>,
}

impl<'a> Offers<'a> {
    fn of(intent: &'a Intent, market: &'a Market, pinned: Option<&'a Pin>) -> Self {
        let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, zone) in &market.offered {
            zones.entry(name).or_default().push(zone);
        }
        let prices = market.prices.iter();
        let prices = prices.map(|it| ((it.instance_type.as_str(), it.zone.as_str()), it.usd_per_hour)).collect();
        Self { intent, market, pinned, zones, prices, dearest: None }
    }

    fn price(&self, instance_type: &str, zone: &str) -> Option<f64> {
        self.prices.get(&(instance_type, zone)).copied()
    }

    fn zones_of(&self, facts: &TypeFacts) -> &[&'a str] {
        self.zones.get(facts.name.as_str()).map_or(&[], Vec::as_slice)
    }

    fn suitable(&self) -> impl Iterator<Item = &'a TypeFacts> {
        self.market.types.iter().filter(|facts| suitable_image(self.intent, self.market, facts).is_ok())
    }

    /// The pool of a type in a zone, or why that zone will not do.
    fn pool(&self, facts: &TypeFacts, zone: &str) -> Result<Pool, String> {
        if let Some(only) = self.intent.only_zone().filter(|only| *only != zone) {
            return Err(format!("only {only} is allowed"));
        }
        if let Some(Pin { zone, subnet, .. }) = self.pinned.filter(|pinned| pinned.zone != zone) {
            let what = if subnet.is_some() { "the node's address" } else { "the volume" };
            return Err(format!("{what} is in {zone}"));
        }
        // An interface has its address already, be the subnet full or not.
        let subnet = self.pinned.and_then(|pinned| pinned.subnet.clone());
        let subnet = subnet.or_else(|| subnet_in(self.market, zone).map(|subnet| subnet.id.clone()));
        let subnet = subnet.ok_or_else(|| "the VPC has no subnet there with a free address".to_owned())?;
        Ok(Pool { instance_type: facts.name.clone(), zone: zone.to_owned(), subnet: Some(subnet) })
    }

    /// The most to pay for a spot node of a type, USD per hour, and how to say so.
    fn limit(&self, name: &str) -> Result<Option<(f64, String)>, String> {
        let most = self.intent.max_price;
        let named = most.map(|most| (most, format!("its price is above the limit of ${most:.4}")));
        if self.intent.choosing.most_beside(0.0).is_none() {
            return Ok(named);
        }
        let Some(on_demand) = self.market.published.on_demand.get(name).copied() else {
            return Err("the price list has no on-demand price for it, so what it saves is not known".to_owned());
        };
        let saving = self.intent.choosing.most_beside(on_demand).map(|most| {
            let per_cent = self.intent.choosing.min_saving.unwrap_or_default();
            (most, format!("it saves less than {per_cent} % against on-demand"))
        });
        Ok(named.into_iter().chain(saving).min_by(|a, b| a.0.total_cmp(&b.0)))
    }
}

/// The most to pay for a type that was not named, where the user set no price: a multiple of the cheapest pool that will
/// do, so that a dry afternoon never ends on a machine with eight GPUs.
fn dearest(offers: &Offers<'_>) -> Option<f64> {
    if offers.intent.max_price.is_some() || matches!(offers.intent.demand, Demand::Types(_)) {
        return None;
    }
    let allowed = |zone: &str| {
        offers.intent.only_zone().is_none_or(|it| it == zone) && offers.pinned.is_none_or(|it| it.zone == zone)
    };
    let prices = offers.suitable().flat_map(|facts| {
        let zones = offers.zones_of(facts).iter();
        zones.filter(|zone| allowed(zone)).filter_map(|zone| offers.price(&facts.name, zone))
    });
    Some(prices.min_by(f64::total_cmp)? * f64::from(DEAREST))
}

fn too_dear() -> String {
    format!("it costs more than {DEAREST} times the cheapest: name it with --type, or set --max-price")
}

fn rank_type(ranking: &mut Ranking, offers: &Offers<'_>, facts: &TypeFacts, image: &Image, wanted: u32) {
    let zones = offers.zones_of(facts);
    if zones.is_empty() {
        let why = "no availability zone of the region offers it".to_owned();
        ranking.turn_down(&facts.name, RejectionKind::Unsuitable, why);
    }
    for &zone in zones {
        match rank_zone(&ranking.refusals, offers, facts, image, zone, wanted) {
            Ok(choice) => ranking.choices.push(choice),
            Err((kind, why)) => {
                if kind == RejectionKind::Price {
                    let price = offers.price(&facts.name, zone).into_iter();
                    ranking.least_dear = price.chain(ranking.least_dear).min_by(f64::total_cmp);
                }
                ranking.turn_down(&format!("{} in {zone}", facts.name), kind, why);
            }
        }
    }
}

/// The choice that a type is in a zone, or why it is none.
fn rank_zone(
    refusals: &[Refusal],
    offers: &Offers<'_>,
    facts: &TypeFacts,
    image: &Image,
    zone: &str,
    wanted: u32,
) -> Result<Choice, (RejectionKind, String)> {
    let unsuitable = |why: String| (RejectionKind::Unsuitable, why);
    let pool = offers.pool(facts, zone).map_err(unsuitable)?;
    let price = offers.price(&facts.name, zone);
    let price = price.ok_or_else(|| unsuitable("EC2 gives no spot price for it".to_owned()))?;
    let limit = offers.limit(&facts.name).map_err(unsuitable)?;
    // A request that may wait, waits for the price, too.
    let waits = offers.intent.wait_for_capacity;
    if let Some((_, words)) = limit.as_ref().filter(|(most, _)| price > *most && !waits) {
        return Err((RejectionKind::Price, words.clone()));
    }
    if offers.dearest.is_some_and(|most| price > most) {
        return Err((RejectionKind::Price, too_dear()));
    }
    let in_part = asked_before(refusals, &pool, false, wanted)?;
    let band = offers.market.published.bands.get(&facts.name).copied();
    let max_price = if waits { limit.map(|(most, _)| most) } else { offers.intent.max_price };
    let score = Score::spot(price, band, facts.vcpus, offers.intent.choosing.minutes());
    let (facts, image) = (facts.clone(), image.clone());
    Ok(Choice { pool, price, facts, image, in_part, score, band, max_price, on_demand: false })
}

/// Whether only a part of the nodes may be asked of a pool, or that it refuses.
fn asked_before(
    refusals: &[Refusal],
    pool: &Pool,
    on_demand: bool,
    wanted: u32,
) -> Result<bool, (RejectionKind, String)> {
    let same = |it: &Pool| it.instance_type == pool.instance_type && it.zone == pool.zone;
    let refused = |refusal: &&Refusal| same(&refusal.pool) && refusal.on_demand == on_demand;
    match refusals.iter().filter(refused).min_by_key(|refusal| refusal.at_least) {
        Some(refusal) if refusal.at_least <= 1 => Err((RejectionKind::Refused, refusal.failure.to_string())),
        refused => Ok(wanted > 1 && refused.is_some()),
    }
}

/// The subnet of a zone with the most free addresses.
fn subnet_in<'a>(market: &'a Market, zone: &str) -> Option<&'a Subnet> {
    market
        .subnets
        .iter()
        .filter(|subnet| subnet.zone == zone && subnet.free_addresses > 0)
        .max_by_key(|subnet| (subnet.free_addresses, std::cmp::Reverse(subnet.id.clone())))
}
