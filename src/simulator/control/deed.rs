//! What can be done to a world from outside, as data: said now, or written into a scenario for later.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::interrupt::{Interrupted, Reason, Target};
use super::meddle::Meddling;
use super::volume::VolumeFate;
use super::{interrupt, meddle, supply, timeline, volume};
use crate::simulator::SimulatorError;
use crate::simulator::faults::{self, FaultRule};
use crate::simulator::objects::Capacity;
use crate::simulator::world::World;

/// One thing that is done to a world.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Deed {
    /// A setting gets a value.
    Setting {
        /// Its name.
        name: String,
        /// Its value, as [`crate::simulator::Settings::set`] takes it.
        value: String,
    },
    /// A pool gets a price.
    Price {
        /// The region.
        region: String,
        /// The instance type.
        instance_type: String,
        /// The zone, or `*`.
        zone: String,
        /// USD per hour; `None`: the market's own again.
        price: Option<f64>,
    },
    /// A pool gets a capacity.
    Capacity {
        /// The region.
        region: String,
        /// The instance type, or `*`.
        instance_type: String,
        /// The zone, or `*`.
        zone: String,
        /// How much there is.
        capacity: Capacity,
        /// After how long there is as much as is asked for again; `None`: never. Divided by the world's `speed`.
        lasts: Option<Duration>,
    },
    /// Calls go wrong from now on.
    Fault(FaultRule),
    /// The rules about these actions are taken away; `*` stands for any text.
    NoFault(String),
    /// EC2 takes running spot instances away.
    Interrupt {
        /// Which.
        target: Target,
        /// Why.
        reason: Reason,
        /// How long before it happens the nodes are told; zero: not at all. Divided by the world's `speed`.
        notice: Duration,
    },
    /// EC2 recommends to move away from running spot instances: a rebalance recommendation.
    Rebalance(Target),
    /// Volumes do what no call can make them do.
    Volume {
        /// Which.
        target: Target,
        /// What becomes of them.
        fate: VolumeFate,
    },
    /// Somebody else uses the account.
    Meddle(Meddling),
}

/// Does it; a line for each thing that it did something to.
pub(super) fn carry_out(world: &mut World, now: Timestamp, deed: &Deed) -> Result<Vec<String>, SimulatorError> {
    match deed {
        Deed::Setting { name, value } => set(world, name, value).map(|()| Vec::new()),
        Deed::Price { region, instance_type, zone, price } => {
            supply::set_price(world, now, (region, instance_type, zone), *price).map(lines)
        }
        Deed::Capacity { region, instance_type, zone, capacity, lasts } => {
            supply::set_capacity(world, now, (region, instance_type, zone), *capacity)?;
            if let Some(lasts) = lasts {
                let again = Deed::Capacity {
                    region: region.clone(),
                    instance_type: instance_type.clone(),
                    zone: zone.clone(),
                    capacity: Capacity::Available,
                    lasts: None,
                };
                timeline::at(world, world.after(now, *lasts), again);
            }
            Ok(Vec::new())
        }
        Deed::Fault(rule) => {
            faults::arm(world, rule.clone(), now);
            Ok(Vec::new())
        }
        Deed::NoFault(actions) => {
            faults::disarm(world, actions);
            Ok(Vec::new())
        }
        Deed::Interrupt { target, reason, notice } => {
            interrupt::interrupt(world, now, target, *reason, *notice).map(lines)
        }
        Deed::Rebalance(target) => interrupt::recommend(world, now, target),
        Deed::Volume { target, fate } => volume::become_so(world, now, target, fate),
        Deed::Meddle(meddling) => meddle::meddle(world, now, meddling),
    }
}

/// Gives a setting a value.
pub(super) fn set(world: &mut World, name: &str, value: &str) -> Result<(), SimulatorError> {
    let mut settings = world.settings().clone();
    settings.set(name, value)?;
    *world.edit_settings() = settings;
    world.next_due = None;
    Ok(())
}

fn lines(interrupted: Vec<Interrupted>) -> Vec<String> {
    interrupted.iter().map(|one| format!("{}: {}", one.instance_id, one.behaviour)).collect()
}
