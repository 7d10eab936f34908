//! The system's OpenSSH (`ssh`, `ssh-keygen`, `ssh-add`) as this program uses it.
//!
//! There is no ssh library here: the user's own agent, keys and client do the work, so `cloudtop ssh dev` and a plain
//! `ssh cloudtop-dev` are the same connection. Everything kept for it lies in one [`SshDir`].

pub mod address;
pub mod command;
pub mod copy;
pub mod dialogue;
mod error;
mod files;
pub mod host_keys;
pub mod include;
pub mod keys;
pub mod managed_config;
mod paths;
pub mod public_key;
mod quote;
pub mod readiness;
pub mod run;
pub mod stream;
pub mod system;

pub use command::{SshOptions, Tty};
pub use error::SshError;
pub use keys::{Key, KeyError, KeySearch};
pub use managed_config::HostEntry;
pub use paths::SshDir;
pub use public_key::PublicKey;
