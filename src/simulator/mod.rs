//! An EC2 in the same binary: it speaks the real Query protocol, so that real clients are used unchanged.
//!
//! ```text
//! door/ (in-process connector, HTTP, ssh)  ->  dispatch  ->  actions/  ->  world  ->  log
//!                                                              |
//!                            lifecycle and spot: what time does; market, catalog, images: what there is
//! ```
//!
//! Every request passes through one function, `Simulator::dispatch`: it locks the world, brings it to the present, acts,
//! and writes down what changed before it answers. What is to go wrong with a request is decided there too (`faults`); the
//! doors carry it out. What is imitated and what is not is told in docs/simulator.md.

mod actions;
mod advisor;
mod catalog;
mod chance;
mod control;
mod door;
mod faults;
mod images;
mod lag;
mod launch;
mod lifecycle;
mod log;
mod market;
mod network;
mod objects;
mod pools;
mod protocol;
mod quota;
mod settings;
mod show;
mod spot;
pub mod sshd;
mod table;
mod throttle;
mod usage;
mod world;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use crate::clock::Clock;

pub use control::{Act, Deed, Interrupted, Meddling, Reason, Scenario, ScenarioEvent, Target, VolumeFate, When};
pub use door::http::serve;
pub use door::ssh::SshListener;
pub use faults::{FaultRule, Trouble};
pub use objects::Capacity;
pub use settings::{Settings, parse_duration};
pub use show::{InstanceSummary, RequestSummary, Summary, VolumeSummary};

use faults::Delivery;
use log::Log;
use protocol::{Fault, Request};
use world::World;

/// What can go wrong with a simulated EC2 itself, as against what it answers.
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The world's file cannot be read or written.
    #[error("cannot use the simulator's world in {}: check that its directory exists and is yours to write", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The world's file has a line that is not one of its own.
    #[error("the simulator's world in {} is damaged at byte {at}: move the file away, or delete it to begin with an empty account", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Where.
        at: u64,
    },
    /// The world's file is of another version.
    #[error("the simulator's world in {} has format {found}, which this version does not know: use a newer cloudtop, or another file", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A setting that does not exist, or not with such a value.
    #[error("cannot set {key} to `{value}`: expected {expected}")]
    Setting {
        /// The setting.
        key: String,
        /// The value.
        value: String,
        /// What it takes.
        expected: &'static str,
    },
    /// EC2 does not let anybody do that.
    #[error("EC2 refuses to do that to {thing}: {message} ({code})")]
    Refused {
        /// To what it was to be done.
        thing: String,
        /// EC2's code.
        code: String,
        /// EC2's message.
        message: String,
    },
    /// A region, zone or type that the simulator does not have.
    #[error("the simulator has no {kind} `{name}`: `cloudtop --sim plan NAME` lists pools that there are")]
    Unknown {
        /// `region`, `availability zone`, `instance type` and the like.
        kind: &'static str,
        /// What was named.
        name: String,
    },
}

/// A handle to a simulated EC2. Clones share one world.
#[derive(Clone, Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    clock: Clock,
}

#[derive(Debug)]
struct State {
    world: World,
    log: Option<Log>,
}

impl Simulator {
    /// An empty account that ends with the last handle.
    #[must_use]
    pub fn in_memory(settings: Settings, clock: Clock) -> Self {
        let state = State { world: World::new(settings), log: None };
        Self { shared: Arc::new(Shared { state: Mutex::new(state), clock }) }
    }

    /// The account kept in a file, which is made if it is not there. Any number of processes may have it open.
    ///
    /// # Errors
    ///
    /// [`SimulatorError::File`], [`SimulatorError::Damaged`] or [`SimulatorError::Format`].
    pub fn open(path: &Path, clock: Clock) -> Result<Self, SimulatorError> {
        let state = State { world: World::default(), log: Some(Log::new(path)) };
        let simulator = Self { shared: Arc::new(Shared { state: Mutex::new(state), clock }) };
        simulator.transact(|_, _| ())?;
        Ok(simulator)
    }

    /// The door for an SDK in the same process: no socket, so that it works under a paused clock.
    #[must_use]
    pub fn http_client(&self) -> aws_smithy_runtime_api::client::http::SharedHttpClient {
        door::connector::client(self.clone())
    }

    /// The time in the form of the Date header, which all of AWS's answers have.
    fn date_header(&self) -> String {
        self.shared.clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
    }

    /// Looks at or changes the world as it is now, and writes down what changed.
    fn transact<T>(&self, act: impl FnOnce(&mut World, Timestamp) -> T) -> Result<T, SimulatorError> {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { world, log } = &mut *state;
        let locked = log.as_mut().map(|log| log.lock(world)).transpose()?;
        let now = self.shared.clock.now();
        control::pass(world, now);
        let result = act(world, now);
        lag::remember(world, now);
        if world.has_live_changes() {
            world.next_due = None;
        }
        match (log, locked) {
            (Some(log), Some(mut locked)) => log.write(&mut locked, world)?,
            _ => log::forget_changes(world),
        }
        Ok(result)
    }

    /// Answers one request. Every request passes here, whichever door it came in by.
    fn dispatch(&self, request: &Request) -> Delivery {
        self.transact(|world, now| faults::deliver(world, request, now)).unwrap_or_else(|error| {
            let failed = Fault::new("InternalError", error.to_string()).with_status(500);
            Delivery::Answer(failed.ec2_answer("00000000-0000-0000-0000-000000000000"))
        })
    }
}
