//! What the tests of this room work with.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use jiff::Timestamp;
use tempfile::TempDir;
use uuid::Uuid;

use super::paths::Paths;
use crate::domain::call::{Call, Made, Tags};
use crate::domain::demand::{Demand, Requirements};
use crate::domain::environment::Environment;
use crate::domain::failure::{Class, Failure};
use crate::domain::intent::{Goal, Intent};
use crate::domain::journal::{Entry, Event};
use crate::domain::names::EnvName;
use crate::domain::plan::fixture;

/// A directory of its own with a state file's place in it.
pub struct Place {
    /// Kept until the test is over.
    pub directory: TempDir,
    /// `state.json` in a directory that is not there yet.
    pub paths: Paths,
}

impl Place {
    /// An empty one.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let paths = Paths::resolve(Some(&directory.path().join("made/state.json"))).unwrap();
        Self { directory, paths }
    }
}

/// A name.
pub fn env(name: &str) -> EnvName {
    name.parse().unwrap()
}

/// Some moment.
fn moment() -> Timestamp {
    "2026-11-01T08:00:00Z".parse().unwrap()
}

/// An environment with little in it.
pub fn environment() -> Environment {
    let intent = Intent {
        goal: Goal::Gone { delete_volumes: false },
        demand: Demand::Requirements(Requirements::default()),
        max_price: Some(0.25),
        ..fixture::intent()
    };
    Environment { intent, profile: None, region_move: None, created_at: moment(), updated_at: moment() }
}

/// The beginning of a life, with characters that a careless writer breaks lines at.
pub fn entries() -> Vec<Entry> {
    let token = Uuid::from_u128(7);
    let failure = Failure {
        action: "CreateVolume".to_owned(),
        code: "RequestLimitExceeded".to_owned(),
        message: "two\nlines and \"quotes\", ü".to_owned(),
        class: Class::Throttled,
    };
    let call = Box::new(Call::CreateVolume {
        node: 0,
        zone: "us-east-1a".to_owned(),
        gib: 100,
        snapshot: None,
        tags: Tags::new(),
    });
    let events = [
        Event::Began { command: "up dev".to_owned() },
        Event::Intended { token, call, reason: "the node has none".to_owned() },
        Event::Refused { token, failure },
        Event::Done { token, made: Made { volume: Some("vol-1".to_owned()), ..Made::default() } },
        Event::Settled { token, how: "its tag is there".to_owned() },
        Event::Ended { outcome: "ready".to_owned() },
    ];
    events.map(|event| Entry { at: moment(), event }).to_vec()
}
