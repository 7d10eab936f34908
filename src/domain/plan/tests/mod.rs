//! The planner against examples, and against a small model of EC2 with everything going wrong.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod addresses;
mod choosing;
mod ec2;
pub(crate) mod fixture;
mod moving;
mod properties;
mod rules;
mod scene;
mod snapshots;
mod tool;
mod trouble;
