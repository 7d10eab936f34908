//! A scenario: settings, faults and events that are laid upon a world together.

use super::deed::{Deed, set};
use super::timeline::{self, When};
use crate::simulator::faults::{self, FaultRule};
use crate::simulator::{Simulator, SimulatorError};

/// What a scenario file says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scenario {
    /// Settings with their values.
    pub settings: Vec<(String, String)>,
    /// Rules of calls that go wrong, the strongest first.
    pub faults: Vec<FaultRule>,
    /// What happens later.
    pub events: Vec<ScenarioEvent>,
}

/// One thing that happens later.
#[derive(Clone, Debug, PartialEq)]
pub struct ScenarioEvent {
    /// When.
    pub when: When,
    /// What.
    pub deed: Deed,
    /// How the file says it, for showing.
    pub words: String,
}

impl Simulator {
    /// Lays a scenario upon the world: its time begins now. What is there already stays.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::Setting`] if one of the settings is not one; nothing is done then.
    pub fn load(&self, scenario: &Scenario) -> Result<(), SimulatorError> {
        self.transact(|world, now| {
            let mut settings = world.settings().clone();
            scenario.settings.iter().try_for_each(|(name, value)| settings.set(name, value))?;
            for (name, value) in &scenario.settings {
                set(world, name, value)?;
            }
            for rule in &scenario.faults {
                faults::arm(world, rule.clone(), now);
            }
            for event in &scenario.events {
                timeline::plan(world, now, &event.when, event.deed.clone(), event.words.clone());
            }
            Ok(())
        })?
    }
}
