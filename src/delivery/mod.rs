//! What nodes get over ssh once they are up, and never in user data: files of a template, certificates, secrets.
//!
//! - `secret`: bytes that nothing shows
//! - `parcel`: one file on its way
//! - `sources`: the user's own secrets, read on their machine
//! - `kept`: the environment's random secrets, made once
//! - `pack`: what a node gets, put together
//! - `wire`: what is said to a node; `node.sh` is what listens there

mod error;
mod kept;
mod pack;
mod parcel;
mod secret;
mod sources;
pub mod wire;

pub use error::DeliveryError;
pub use pack::{Delivery, Package, Unpacked};
pub use parcel::Parcel;
pub use secret::Secret;
