//! `[snapshots]`: the schedule by which `watch` makes snapshots of persistent volumes.

use std::fmt;

use jiff::SignedDuration;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::values;
use crate::domain::snapshot_schedule::Schedule;

/// More often is a bill and no safety: each is pending for a while, and EC2 begins one of a volume in 15 seconds.
const LEAST_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How many are kept where nothing is said.
const USUAL_KEEP: u32 = 7;
/// The most that can be kept, which is also what Amazon Data Lifecycle Manager allows a schedule.
const MOST_KEPT: i64 = 1000;

/// What is said of snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotsSetting {
    /// `snapshots = false`: none, whatever holds for all environments.
    Without,
    /// A schedule.
    By(Schedule),
}

impl SnapshotsSetting {
    /// The schedule, where there is one.
    #[must_use]
    pub fn schedule(self) -> Option<Schedule> {
        match self {
            Self::Without => None,
            Self::By(schedule) => Some(schedule),
        }
    }
}

/// The table as it is written.
#[derive(Deserialize)]
struct Written {
    #[serde(deserialize_with = "every")]
    every: SignedDuration,
    #[serde(default = "usual_keep", deserialize_with = "keep")]
    keep: u32,
}

impl<'de> Deserialize<'de> for SnapshotsSetting {
    fn deserialize<D: Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        input.deserialize_any(TableOrFalse)
    }
}

/// Not serde's `untagged`, which would lose the line of what is wrong within the table.
struct TableOrFalse;

impl<'de> Visitor<'de> for TableOrFalse {
    type Value = SnapshotsSetting;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table such as { every = \"1d\", keep = 7 }, or false for none")
    }

    fn visit_bool<E: serde::de::Error>(self, switch: bool) -> Result<SnapshotsSetting, E> {
        match switch {
            false => Ok(SnapshotsSetting::Without),
            true => Err(E::invalid_value(serde::de::Unexpected::Bool(true), &self)),
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<SnapshotsSetting, A::Error> {
        let Written { every, keep } = Written::deserialize(MapAccessDeserializer::new(map))?;
        Ok(SnapshotsSetting::By(Schedule { every, keep }))
    }
}

fn usual_keep() -> u32 {
    USUAL_KEEP
}

fn every<'de, D: Deserializer<'de>>(input: D) -> Result<SignedDuration, D::Error> {
    let text = String::deserialize(input)?;
    let every = values::parse_duration(&text).map_err(D::Error::custom)?;
    match SignedDuration::try_from(every) {
        Ok(every) if every >= LEAST_EVERY => Ok(every),
        _ => Err(D::Error::custom("snapshots are made no more often than every hour: 1h, 6h, 1d, 7d")),
    }
}

fn keep<'de, D: Deserializer<'de>>(input: D) -> Result<u32, D::Error> {
    let keep = i64::deserialize(input)?;
    let within = u32::try_from(keep).ok().filter(|_| (1..=MOST_KEPT).contains(&keep));
    within.ok_or_else(|| D::Error::custom(format!("expected how many are kept, from 1 to {MOST_KEPT}")))
}
