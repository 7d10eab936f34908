//! What is kept on this machine: the state file, a journal for each environment, and the locks around both.
//!
//! The state file holds what the user asked for, the journals what was done about it. Neither is the truth about
//! EC2: ownership is in EC2's tags, from which both can be rebuilt. So the rule here is to lose nothing, and to stop
//! with a clear word rather than to write over a file that is not understood.

pub mod cache;
pub mod env_lock;
pub mod error;
pub mod files;
pub mod journal;
mod lock;
pub mod paths;
pub mod store;

#[cfg(test)]
mod samples;

pub use cache::{Cache, Kept};
pub use env_lock::EnvLock;
pub use error::StateError;
pub use journal::Journal;
pub use lock::{Announce, Waiting};
pub use paths::Paths;
pub use store::{State, Store, glance};
