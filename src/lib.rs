//! cloudtop: a powerful development machine on EC2 spot, given back after every interruption with nothing lost.
//!
//! A map of the rooms; docs/architecture.md shows how they hang together.
//!
//! - [`cli`] — the command line, exit codes, what an error says
//! - [`commands`] — one verb, one file
//! - [`config`] — `cloudtop.toml`
//! - [`delivery`] — what nodes get over ssh and never in user data
//! - [`domain`] — what is known and decided; pure, with no clock and no network
//! - [`engine`] — carries an intent out: observe, plan, write down, act
//! - [`cloud`] — EC2, the only room that knows the AWS SDK
//! - [`pki`] — a cluster's own certificate authority
//! - [`state`] — the local state file and the journals
//! - [`templates`] — user data, rendered and prepared
//! - [`ssh`] — the system's OpenSSH
//! - [`ui`] — the only printer
//! - `simulator`: an EC2 in this binary, behind the feature of that name
//! - [`clock`] — the time

pub mod cli;
pub mod clock;
pub mod cloud;
pub mod commands;
pub mod config;
pub mod delivery;
pub mod domain;
pub mod engine;
pub mod pki;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod ssh;
pub mod state;
pub mod templates;
pub mod ui;

/// Damaged documents, shared with the tests of the outside.
#[cfg(test)]
#[path = "../tests/mutate/mod.rs"]
mod mutate;
