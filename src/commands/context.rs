//! What every command that talks to EC2 works with.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::{CommandError, Exit, Globals};
use crate::clock::Clock;
use crate::cloud::{self, Cloud};
use crate::config::Config;
use crate::domain::environment::Environment;
use crate::domain::intent::Goal;
use crate::domain::names::{EnvName, Identity};
#[cfg(feature = "simulator")]
use crate::engine::imagined::Line;
use crate::engine::probe::Way;
use crate::engine::{Cut, Interrupt, Reach, Signal};
#[cfg(feature = "simulator")]
use crate::simulator::Simulator;
use crate::ssh::SshDir;
use crate::state::{EnvLock, Journal, Paths, State, Store};
use crate::ui::Ui;

/// How long a command waits for another run that works on the same environment.
const PATIENCE: Duration = Duration::from_secs(600);
#[cfg(feature = "simulator")]
/// The simulator's region, where no other is named: a demonstration must not ask for one.
const SIMULATED_REGION: &str = "us-east-1";

/// What a command is run with beside what was typed.
pub struct Surroundings {
    /// Where it prints.
    pub ui: Arc<Ui>,
    /// The time.
    pub clock: Clock,
    /// Signals.
    pub interrupt: Interrupt,
    /// The simulated account, with `--sim`. `None`: the one in the file beside the state.
    #[cfg(feature = "simulator")]
    pub account: Option<Account>,
}

/// A simulated account and the way there.
#[cfg(feature = "simulator")]
#[derive(Clone)]
pub struct Account {
    /// The account.
    pub simulator: Simulator,
    /// What its calls go through: the simulator's own door, or a bad network before it.
    pub http_client: cloud::SharedHttpClient,
    /// The line on which its nodes are asked, where the clock is not the world's. `None`: ssh.
    pub line: Option<Line>,
}

impl Surroundings {
    /// Those of this process: its clock, its signals, and nothing at hand.
    ///
    /// # Errors
    /// When the system does not let us take signals.
    pub fn of_this_process(ui: Arc<Ui>) -> Result<Self, CommandError> {
        let teller = Arc::clone(&ui);
        let interrupt = Interrupt::listen(move |signal, cut| teller.last_words(&cut_off(signal, cut)))
            .map_err(|error| CommandError::new(Exit::Failed, format!("cannot take signals: {error}")))?;
        Ok(Self {
            ui,
            clock: Clock::system(),
            interrupt,
            #[cfg(feature = "simulator")]
            account: None,
        })
    }
}

/// The places, the state, the configuration, the clock and the signals of one run of the program.
pub struct Context {
    pub globals: Globals,
    pub ui: Arc<Ui>,
    pub paths: Paths,
    pub store: Store,
    pub clock: Clock,
    pub interrupt: Interrupt,
    #[cfg(feature = "simulator")]
    account: Option<Account>,
}

impl Context {
    pub fn new(globals: Globals, around: Surroundings) -> Result<Self, CommandError> {
        let Surroundings { ui, clock, interrupt, .. } = around;
        let file = globals.state.as_deref();
        let paths = if globals.simulated() { Paths::for_simulator(file) } else { Paths::resolve(file) }?;
        let announcer = Arc::clone(&ui);
        let store = Store::open(&paths, move |waiting| announcer.status(&format!("waiting: {waiting}")));
        Ok(Self {
            #[cfg(feature = "simulator")]
            account: match around.account.filter(|_| globals.simulated()) {
                Some(account) => Some(account),
                None => open_account(&globals, &paths, clock)?,
            },
            globals,
            ui,
            paths,
            store,
            clock,
            interrupt,
        })
    }

    /// The configuration files, with a warning for each key that they do not know.
    pub fn config(&self) -> Result<Config, CommandError> {
        let config = load_config(&self.globals)?;
        for unknown in &config.unknown {
            self.ui.warn(&unknown.to_string());
        }
        Ok(config)
    }

    /// Connects to EC2.
    pub async fn connect(&self, region: Option<&str>, profile: Option<&str>) -> Result<Cloud, CommandError> {
        let settings = self.cloud_settings(region, profile);
        Ok(Box::pin(Cloud::connect(&settings)).await?)
    }

    /// Connects to EC2 in a region, whatever the flags say.
    pub async fn connect_to(&self, region: &str, profile: Option<&str>) -> Result<Cloud, CommandError> {
        let settings = cloud::Settings { region: Some(region.to_owned()), ..self.cloud_settings(None, profile) };
        Ok(Box::pin(Cloud::connect(&settings)).await?)
    }

    fn cloud_settings(&self, region: Option<&str>, profile: Option<&str>) -> cloud::Settings {
        let region = self.globals.region.as_deref().or(region).map(str::to_owned);
        #[cfg(feature = "simulator")]
        if let Some(account) = &self.account {
            return cloud::Settings {
                region: region.or_else(|| Some(SIMULATED_REGION.to_owned())),
                http_client: Some(account.http_client.clone()),
                static_credentials: true,
                ..cloud::Settings::default()
            };
        }
        cloud::Settings {
            region,
            profile: self.globals.profile.as_deref().or(profile).map(str::to_owned),
            endpoint_url: self.globals.endpoint_url.clone(),
            ..cloud::Settings::default()
        }
    }

    /// The simulator, with `--sim`.
    #[cfg(feature = "simulator")]
    pub fn simulator(&self) -> Option<&Simulator> {
        self.account.as_ref().map(|account| &account.simulator)
    }

    /// The directory of our ssh files, made if need be.
    pub fn ssh_dir(&self) -> Result<SshDir, CommandError> {
        let path = self.paths.ssh_dir();
        self.paths.make_dir(&path)?;
        Ok(SshDir::new(&path)?)
    }

    /// How nodes are reached.
    pub fn reach(&self) -> Result<Reach, CommandError> {
        Ok(Reach { ssh_dir: self.ssh_dir()?, way: self.way()? })
    }

    fn way(&self) -> Result<Way, CommandError> {
        #[cfg(feature = "simulator")]
        if let Some(line) = self.account.as_ref().and_then(|account| account.line.clone()) {
            return Ok(Way::Imagined(line));
        }
        #[cfg(feature = "simulator")]
        if let Some(simulator) = self.simulator() {
            let program = std::env::current_exe().map_err(|error| {
                CommandError::new(Exit::Failed, format!("cannot find out where this program is: {error}"))
            })?;
            let (program, state) = (quoted(&program.to_string_lossy()), self.paths.state_file().to_string_lossy());
            let proxy_command = format!("{program} --sim --state {} sim connect {{}}", quoted(&state));
            return Ok(Way::Simulated { simulator: simulator.clone(), proxy_command });
        }
        Ok(Way::Direct)
    }

    /// Waits for the right to work on an environment, saying who has it.
    pub async fn lock(&self, env: &EnvName) -> Result<EnvLock, CommandError> {
        let announce = |waiting: &crate::state::Waiting| self.ui.status(&format!("waiting: {waiting}"));
        Ok(EnvLock::acquire(&self.paths, env, &announce, PATIENCE).await?)
    }

    /// The journal of an environment.
    pub fn journal(&self, env: &EnvName) -> Journal {
        Journal::open(&self.paths, env)
    }

    /// An environment that the state knows, or exit code 3 with the names that there are.
    pub async fn environment(&self, name: &EnvName) -> Result<(State, Environment), CommandError> {
        let state = self.store.read().await?;
        match state.environments.get(name).cloned() {
            Some(environment) => Ok((state, environment)),
            None => Err(not_found(name, &state)),
        }
    }

    /// Forgets an environment that was kept in the state for the sake of its volumes, and its secrets with it. One that has
    /// been made anew meanwhile stays.
    pub async fn forget_ended(&self, name: &EnvName) -> Result<(), CommandError> {
        let state = self
            .store
            .update(|state| {
                if state.environments.get(name).is_some_and(|it| matches!(it.intent.goal, Goal::Gone { .. })) {
                    state.environments.remove(name);
                }
            })
            .await?;
        if !state.environments.contains_key(name) {
            self.paths.remove_private(name)?;
        }
        Ok(())
    }

    /// Whose environments these are.
    pub fn identity(&self, state: &State, env: &EnvName) -> Identity {
        Identity { env: env.clone(), owner: state.owner.clone() }
    }
}

/// The error for an environment that the state does not know.
pub fn not_found(name: &EnvName, state: &State) -> CommandError {
    let names: Vec<&str> = state.environments.keys().map(EnvName::as_str).collect();
    let error = CommandError::new(Exit::NotFound, format!("there is no environment `{name}`"));
    if let Some(near) = crate::config::nearest(name.as_str(), names.iter().copied()) {
        return error.hint(format!("did you mean `{near}`?"));
    }
    match names.is_empty() {
        true => error.hint(format!("make it with `cloudtop up {name}`, or find lost ones with `cloudtop recover`")),
        false => error.hint(format!("there is {}", names.join(", "))),
    }
}

/// What is said when a signal ends the program at once.
fn cut_off(signal: Signal, cut: Cut) -> String {
    let word = signal.as_str();
    match cut {
        Cut::BeforeAnything => format!("{word}: nothing was changed"),
        Cut::BetweenWork => format!("{word}: `cloudtop list` shows what there is"),
        Cut::InWork => {
            format!("{word} again: ended at once; what was begun is in the journal, and the same command goes on")
        }
    }
}

/// The configuration files.
pub fn load_config(globals: &Globals) -> Result<Config, CommandError> {
    let cwd = current_dir()?;
    let (home, user) = (home_dir(), user_config_dir());
    Ok(Config::load(globals.config.as_deref(), &cwd, user.as_deref(), home.as_deref())?)
}

/// The current directory.
pub fn current_dir() -> Result<PathBuf, CommandError> {
    std::env::current_dir()
        .map_err(|error| CommandError::new(Exit::Failed, format!("cannot tell the current directory: {error}")))
}

/// The user's home directory.
pub fn home_dir() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

fn user_config_dir() -> Option<PathBuf> {
    use etcetera::BaseStrategy as _;
    etcetera::choose_base_strategy().ok().map(|strategy| strategy.config_dir())
}

/// A word for the user's shell, which runs ssh's ProxyCommand.
#[cfg(feature = "simulator")]
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(feature = "simulator")]
fn open_account(globals: &Globals, paths: &Paths, clock: Clock) -> Result<Option<Account>, CommandError> {
    if !globals.simulated() {
        return Ok(None);
    }
    let path = paths.simulator_world();
    if let Some(directory) = path.parent() {
        paths.make_dir(directory)?;
    }
    let simulator = Simulator::open(&path, clock).map_err(|error| {
        CommandError::new(Exit::Failed, error.to_string()).hint("start a new world with `cloudtop --sim sim reset`")
    })?;
    Ok(Some(Account { http_client: simulator.http_client(), simulator, line: None }))
}
