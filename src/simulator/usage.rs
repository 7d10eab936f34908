//! What AWS would put on the bill for instances: it knows when each ran, and what its pool cost.
//!
//! From "Billing for Spot Instances" and "How it works" of the EC2 User Guide: seconds are charged, sixty at least; the
//! price is that in force when each hour of the instance begins; a spot instance that EC2 itself ends within its first hour
//! is not charged. On-demand instances have their list price. It counts from `running` to the order to stop or to end.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::catalog::find_type;
use super::objects::{Cause, Instance, Tags};
use super::world::World;
use super::{market, pools};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// The least that is charged.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// One time in which an instance ran.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Run {
    pub instance: String,
    pub region: String,
    pub zone: String,
    pub instance_type: String,
    /// The spot request; none on demand.
    pub request: Option<String>,
    pub tags: Tags,
    pub from: Timestamp,
    pub to: Timestamp,
    /// Whether EC2 ended it, and not its user.
    pub interrupted: bool,
}

/// One hour of an instance on the bill, or the part of it that was used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Hour {
    /// When it begins.
    pub at: Timestamp,
    /// What an hour costs, USD.
    pub price: f64,
    /// What is charged, USD.
    pub usd: f64,
}

/// Writes down that an instance runs no more.
pub(super) fn ended(world: &mut World, id: &str, cause: Cause, at: Timestamp) {
    let Some(instance) = world.instances.get(id) else { return };
    let Some(mut run) = run_until(world, id, instance, at) else { return };
    run.interrupted = matches!(cause, Cause::Price | Cause::Capacity);
    world.runs.put(&format!("{}/{id}", run.from), run);
}

/// All runs, those that go on as far as they have come.
pub(super) fn runs(world: &World, now: Timestamp) -> Vec<Run> {
    let going_on = world.instances.iter().filter_map(|(id, instance)| run_until(world, id, instance, now));
    world.runs.values().cloned().chain(going_on).collect()
}

fn run_until(world: &World, id: &str, instance: &Instance, to: Timestamp) -> Option<Run> {
    Some(Run {
        instance: id.to_owned(),
        region: instance.region.clone(),
        zone: instance.zone.clone(),
        instance_type: world.launches.get(&instance.launch)?.instance_type.clone(),
        request: instance.request.clone(),
        tags: instance.tags.clone(),
        from: instance.running_since?,
        to,
        interrupted: false,
    })
}

impl Run {
    /// Its hours on the bill.
    pub fn hours(&self, world: &World) -> Vec<Hour> {
        let free = self.interrupted && self.request.is_some() && self.from.duration_until(self.to) < HOUR;
        let to = self.to.max(self.from + MINUTE);
        let begins = std::iter::successors(Some(self.from), |at| Some(*at + HOUR)).take_while(|at| *at < to);
        begins
            .map(|at| {
                let price = self.price(world, at);
                let part = at.duration_until(to).min(HOUR).as_secs_f64() / HOUR.as_secs_f64();
                Hour { at, price, usd: if free { 0.0 } else { price * part } }
            })
            .collect()
    }

    fn price(&self, world: &World, at: Timestamp) -> f64 {
        let price = match self.request {
            Some(_) => pools::price(world, &self.region, &self.zone, &self.instance_type, at),
            None => find_type(&self.instance_type).map(market::on_demand),
        };
        price.unwrap_or_default()
    }

    /// The bill's word for it, for example `USE2-SpotUsage:m5.large`.
    pub fn usage_type(&self) -> String {
        let kind = if self.request.is_some() { "SpotUsage" } else { "BoxUsage" };
        // us-east-1 alone has no code before it.
        let region = match self.region.as_str() {
            "us-east-1" => String::new(),
            region => format!("{}-", region.to_uppercase().replace('-', "")),
        };
        format!("{region}{kind}:{}", self.instance_type)
    }
}
