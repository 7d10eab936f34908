//! Trouble made on purpose: what `cloudtop sim` and a scenario do to the world.
//!
//! - `deed`: all of it as data
//! - `interrupt`, `supply`, `volume`, `meddle`: what EC2 and other users do
//! - `timeline`, `scenario`: what happens later

mod deed;
mod interrupt;
mod meddle;
mod scenario;
mod supply;
mod timeline;
mod volume;

use std::collections::BTreeMap;
use std::time::Duration;

use super::objects::Capacity;
use super::{FaultRule, Settings, Simulator, SimulatorError, faults};

pub use deed::Deed;
pub use interrupt::{Interrupted, Reason, Target};
pub use meddle::{Act, Meddling};
pub use scenario::{Scenario, ScenarioEvent};
pub use timeline::When;
pub(super) use timeline::{Event, called, pass};
pub use volume::VolumeFate;

impl Simulator {
    /// Does one thing to the world; a line for each thing in it that this was done to.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Setting`] and [`SimulatorError::Unknown`] for what there is not, [`SimulatorError::Refused`] for
    /// what EC2 lets nobody do.
    pub fn carry_out(&self, deed: &Deed) -> Result<Vec<String>, SimulatorError> {
        self.transact(|world, now| deed::carry_out(world, now, deed))?
    }

    /// Interrupts running spot instances, after a notice if one is given. Answers those it interrupted: none if none runs.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Unknown`] if an instance that is named does not exist.
    pub fn interrupt(
        &self,
        target: &Target,
        reason: Reason,
        notice: Duration,
    ) -> Result<Vec<Interrupted>, SimulatorError> {
        self.transact(|world, now| interrupt::interrupt(world, now, target, reason, notice))?
    }

    /// Sets the spot price of a type in a zone (`*`: in every zone of the region), in USD per hour; none: the market's own
    /// price again. Running instances whose limit is below the price are interrupted, and are answered.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Unknown`] if there is no such region, zone or type.
    pub fn set_price(
        &self,
        region: &str,
        instance_type: &str,
        zone: &str,
        price: Option<f64>,
    ) -> Result<Vec<Interrupted>, SimulatorError> {
        self.transact(|world, now| supply::set_price(world, now, (region, instance_type, zone), price))?
    }

    /// Sets how much of a type in a zone is to be had; `*` stands for every type or zone. What runs goes on running.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Unknown`] if there is no such region, zone or type.
    pub fn set_capacity(
        &self,
        region: &str,
        instance_type: &str,
        zone: &str,
        capacity: Capacity,
    ) -> Result<(), SimulatorError> {
        self.transact(|world, now| supply::set_capacity(world, now, (region, instance_type, zone), capacity))?
    }

    /// Sets one setting: see [`Settings::set`].
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Setting`] if there is no such setting or the value is not one of its kind.
    pub fn set(&self, name: &str, value: &str) -> Result<(), SimulatorError> {
        self.transact(|world, _| deed::set(world, name, value))?
    }

    /// Adds a rule of calls that go wrong. Where several strike, the oldest decides.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be written.
    pub fn add_fault(&self, rule: FaultRule) -> Result<(), SimulatorError> {
        self.transact(|world, now| faults::arm(world, rule, now))
    }

    /// Takes away the rules whose actions are these; `*` stands for any text.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be written.
    pub fn remove_faults(&self, actions: &str) -> Result<(), SimulatorError> {
        self.transact(|world, _| faults::disarm(world, actions))
    }

    /// The settings now.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be read.
    pub fn settings(&self) -> Result<Settings, SimulatorError> {
        self.transact(|world, _| world.settings().clone())
    }

    /// Empties the account: everything in it, what was set about pools, faults and events, the counts of calls and the
    /// settings.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be written.
    pub fn reset(&self) -> Result<(), SimulatorError> {
        self.transact(|world, _| world.clear())
    }

    /// How often each action was called since the account began.
    ///
    /// # Errors
    ///
    /// [`SimulatorError`] if the world cannot be read.
    pub fn call_counts(&self) -> Result<BTreeMap<String, u64>, SimulatorError> {
        self.transact(|world, _| world.calls.iter().map(|(action, count)| (action.clone(), *count)).collect())
    }
}
