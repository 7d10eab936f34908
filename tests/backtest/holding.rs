//! What it costs to hold what the chooser chose, beside what else could have been held.

use std::collections::BTreeMap;

use cloudtop::domain::advisor::{Advisor, Band};
use cloudtop::domain::demand::Demand;
use cloudtop::domain::market::TypeFacts;
use cloudtop::domain::score::{self, Candidate, DEFAULT_MINUTES};

use super::history::{History, Pool};
use super::requests::Request;

/// Where the Advisor's bands have their middles; the last has no upper end.
const MIDDLES: [f64; 5] = [0.025, 0.075, 0.125, 0.175, 0.25];

/// Everything that is judged upon.
pub struct World {
    pub history: History,
    pub types: BTreeMap<String, TypeFacts>,
    /// `None`: the chooser is told of no interruptions.
    pub advisor: Option<Advisor>,
}

/// A pool that will do, and its type.
#[derive(Clone, Copy)]
pub struct Suitable<'a> {
    pool: &'a Pool,
    vcpus: u32,
    band: Option<Band>,
}

/// One choice, held for a time.
#[derive(Clone, Debug)]
pub struct Held {
    /// The place of the request in the list.
    pub request: usize,
    pub instance_type: String,
    /// USD for the whole time.
    pub paid: f64,
    /// The same type in its best zone, in hindsight.
    pub best_zone: f64,
    /// The same type in a zone drawn at random: the mean over its zones.
    pub any_zone: f64,
    /// The best of all pools that meet the request, in hindsight.
    pub best_pool: f64,
    /// The usual type in the zone that was its cheapest when the choice was made.
    pub usual: Option<f64>,
    /// The share of its instances that is interrupted in a month, by the Advisor's band alone.
    pub interrupted: Option<f64>,
    /// The same of the usual type.
    pub usual_interrupted: Option<f64>,
}

impl World {
    /// Of how many of the history's types it is known what they are, and of how many not.
    pub fn types_of_the_history(&self) -> (usize, usize) {
        let mut types: Vec<&str> = self.history.pools.iter().map(|pool| pool.instance_type.as_str()).collect();
        types.dedup();
        let known = types.iter().filter(|name| self.types.contains_key(**name)).count();
        (known, types.len() - known)
    }

    /// The pools that will do, whatever they cost: what `up` would let pass.
    pub fn suitable(&self, demand: &Demand) -> Vec<Suitable<'_>> {
        let pools = self.history.pools.iter().filter_map(|pool| {
            let facts = self.types.get(&pool.instance_type)?;
            demand.accepts(facts).ok()?;
            Some(Suitable { pool, vcpus: facts.vcpus, band: self.band(&pool.instance_type) })
        });
        pools.collect()
    }

    fn band(&self, instance_type: &str) -> Option<Band> {
        self.advisor.as_ref()?.band(&self.history.region, instance_type)
    }

    /// All choices for a request at these hours, each held for so many, by a chooser who counts an interruption as so many
    /// minutes lost.
    pub fn held(&self, requests: &[Request], step: usize, hours: usize, minutes: u32) -> Vec<Held> {
        let mut all = Vec::new();
        for (place, request) in requests.iter().enumerate() {
            let suitable = self.suitable(&request.demand());
            let usual: Vec<&Pool> = self.usual(request);
            let of_hour = |from| {
                judge(&suitable, &usual, from, hours, minutes).map(|held| Held {
                    request: place,
                    usual_interrupted: usual.first().and_then(|it| middle(self.band(&it.instance_type))),
                    ..held
                })
            };
            all.extend(self.history.starts(step, hours).filter_map(of_hour));
        }
        all
    }

    /// The same of who names one type, for each type that two zones have.
    pub fn held_by_type(&self, step: usize, hours: usize) -> Vec<Held> {
        let mut all = Vec::new();
        for of_type in self.history.pools.chunk_by(|a, b| a.instance_type == b.instance_type) {
            let suitable = self.suitable(&Demand::Types(vec![of_type[0].instance_type.clone()]));
            if suitable.len() > 1 {
                let of_hour = |from| judge(&suitable, &[], from, hours, DEFAULT_MINUTES);
                all.extend(self.history.starts(step, hours).filter_map(of_hour));
            }
        }
        all
    }

    /// The pools of the usual type for a request.
    pub fn usual(&self, request: &Request) -> Vec<&Pool> {
        let pools = &self.history.pools;
        let of = |name: &&str| pools.iter().filter(|pool| pool.instance_type == **name).collect::<Vec<_>>();
        request.usual.iter().map(of).find(|pools| !pools.is_empty()).unwrap_or_default()
    }
}

/// What the chooser takes at an hour. It is told nothing of any later one.
pub fn choose<'a>(suitable: &[Suitable<'a>], hour: usize, minutes: u32) -> Option<Suitable<'a>> {
    let candidates: Vec<Candidate<'a>> = suitable.iter().filter_map(|it| it.candidate(hour)).collect();
    let best = score::rank(&candidates, minutes).into_iter().next()?.0;
    let chosen = |it: &&Suitable<'_>| it.pool.instance_type == best.instance_type && it.pool.zone == best.zone;
    suitable.iter().find(chosen).copied()
}

impl<'a> Suitable<'a> {
    fn candidate(&self, hour: usize) -> Option<Candidate<'a>> {
        Some(Candidate {
            instance_type: &self.pool.instance_type,
            vcpus: self.vcpus,
            zone: &self.pool.zone,
            price: self.pool.price(hour)?,
            band: self.band,
        })
    }

    /// The pool's name.
    pub fn name(&self) -> (&'a str, &'a str) {
        (&self.pool.instance_type, &self.pool.zone)
    }
}

/// One choice with all that it is compared with; `None` where nothing could be chosen.
fn judge(suitable: &[Suitable<'_>], usual: &[&Pool], from: usize, hours: usize, minutes: u32) -> Option<Held> {
    let chosen = choose(suitable, from, minutes)?;
    let there = || suitable.iter().map(|it| it.pool).filter(|pool| pool.was_there(from));
    let same_type = there().filter(|pool| pool.instance_type == chosen.pool.instance_type);
    let zones: Vec<f64> = same_type.map(|pool| pool.cost(from, hours)).collect();
    Some(Held {
        request: 0,
        instance_type: chosen.pool.instance_type.clone(),
        paid: chosen.pool.cost(from, hours),
        best_zone: least(zones.iter().copied())?,
        any_zone: zones.iter().sum::<f64>() / zones.len() as f64,
        best_pool: least(there().map(|pool| pool.cost(from, hours)))?,
        usual: cheapest_now(usual, from).map(|pool| pool.cost(from, hours)),
        interrupted: middle(chosen.band),
        usual_interrupted: None,
    })
}

fn cheapest_now<'a>(pools: &[&'a Pool], hour: usize) -> Option<&'a Pool> {
    let priced = pools.iter().filter_map(|pool| Some((*pool, pool.price(hour)?)));
    priced.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(pool, _)| pool)
}

fn least(values: impl Iterator<Item = f64>) -> Option<f64> {
    values.min_by(f64::total_cmp)
}

fn middle(band: Option<Band>) -> Option<f64> {
    let place = Band::ALL.iter().position(|it| Some(*it) == band)?;
    Some(MIDDLES[place])
}

impl Held {
    /// How much dearer it was than the same type's best zone, as a share.
    pub fn zone_regret(&self) -> f64 {
        self.paid / self.best_zone - 1.0
    }

    /// How much dearer a zone drawn at random was than the best one.
    pub fn random_zone_regret(&self) -> f64 {
        self.any_zone / self.best_zone - 1.0
    }

    /// How much dearer it was than the best pool of all.
    pub fn regret(&self) -> f64 {
        self.paid / self.best_pool - 1.0
    }

    /// The share saved against the usual type.
    pub fn saved(&self) -> Option<f64> {
        Some(1.0 - self.paid / self.usual?)
    }
}
