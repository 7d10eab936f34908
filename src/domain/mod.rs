//! What the tool knows and decides, with no clock, no network and no EC2 types: time is an argument.
//!
//! `plan` turns (intent, observed, record, now) into steps with their reasons; everything else here is what those
//! four are made of.

#[cfg(feature = "actual")]
pub mod actual;
pub mod advice;
pub mod advisor;
pub mod bill;
pub mod budget;
pub mod call;
pub mod choosing;
#[cfg(feature = "actual")]
pub mod data_feed;
pub mod demand;
pub mod doctor;
pub mod environment;
pub mod failure;
pub mod forward;
pub mod found;
pub mod history;
pub mod intent;
pub mod journal;
pub mod kubeconfig;
pub mod last_run;
pub mod last_seen;
pub mod leftovers;
pub mod lifecycle;
pub mod market;
pub mod money;
pub mod names;
pub mod nodes;
pub mod observed;
pub mod permission;
pub mod phase;
pub mod places;
pub mod plan;
pub mod points;
pub mod pools;
pub mod price_history;
pub mod quota;
pub mod quote;
pub mod record;
pub mod refusals;
pub mod said;
pub mod score;
pub mod secrets;
pub mod self_attach;
pub mod sizes;
pub mod snapshots;
pub mod stored;
pub mod tags;
pub mod user_data;
pub mod volume_work;
