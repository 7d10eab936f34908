//! What the doctor is asked about: an environment that there is, or what `up` would make by the configuration.

use crate::cli::CommandError;
use crate::cloud::Cloud;
use crate::config::{Config, EnvironmentSettings};
use crate::domain::environment::Environment;
use crate::domain::intent::Intent;
use crate::domain::names::{EnvName, Identity};
use crate::state::{State, StateError};

use super::super::context::{Context, load_config};
use super::super::wish::{self, Makings};
use super::in_words;

/// The region that templates are rendered for where none is known; nothing is asked there.
const ANY_REGION: &str = "us-east-1";

/// What is looked at. What could not be read is kept as the error that says so.
pub struct Subject {
    /// The environment's name; a made-up one where none was named.
    pub name: EnvName,
    /// The configuration files.
    pub config: Result<Config, CommandError>,
    /// The state.
    pub state: Result<State, StateError>,
    /// The settings that count for the environment.
    pub settings: EnvironmentSettings,
    /// The environment, where the state knows it.
    pub known: Option<Environment>,
    /// The connection to AWS.
    pub cloud: Result<Cloud, CommandError>,
    /// What `up` would make, or why it would not.
    pub intent: Result<Intent, String>,
}

impl Subject {
    /// Reads the configuration and the state and connects. Sends nothing to AWS yet.
    pub async fn find(context: &Context, name: Option<&EnvName>) -> Self {
        let config = load_config(&context.globals);
        let state = context.store.read().await;
        let known = name.and_then(|name| state.as_ref().ok()?.environments.get(name).cloned());
        let any = name.map_or("", EnvName::as_str);
        let settings = config.as_ref().map(|config| config.environment(any)).unwrap_or_default();
        let region = known.as_ref().map(|it| it.intent.region.as_str()).or(settings.region.as_deref());
        let profile = settings.profile.as_deref().or_else(|| known.as_ref()?.profile.as_deref());
        let cloud = context.connect(region, profile).await;
        let region = cloud.as_ref().map(Cloud::region).ok().or(region).unwrap_or(ANY_REGION);
        let name = name.cloned().unwrap_or_else(EnvName::example);
        let owner = state.as_ref().map(|state| state.owner.as_str()).unwrap_or_default();
        let intent = intent(context, (&name, owner), &settings, known.as_ref(), region);
        Self { intent, name, config, state, settings, known, cloud }
    }

    /// Whose things it would be. With a state that cannot be read, nobody's.
    pub fn identity(&self) -> Identity {
        let owner = self.state.as_ref().map(|state| state.owner.clone()).unwrap_or_default();
        Identity { env: self.name.clone(), owner }
    }
}

fn intent(
    context: &Context,
    (name, installation): (&EnvName, &str),
    settings: &EnvironmentSettings,
    known: Option<&Environment>,
    region: &str,
) -> Result<Intent, String> {
    let makings = Makings {
        name,
        installation,
        region,
        previous: known.map(|it| &it.intent),
        public_key: String::new(),
        identity_file: None,
        ssh_from: Vec::new(),
        now: context.clock.now(),
    };
    wish::make(settings, makings).map(|made| made.intent).map_err(|error| in_words(&error))
}
