//! The whole of a simulated account: its tables and settings.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::chance;
use super::control::Event;
use super::faults::Armed;
use super::lag::Past;
use super::objects::{
    Group, Instance, Interface, KeyPair, Launch, OwnImage, Pool, Profile, Role, Snapshot, SpotRequest, Token, Volume,
};
use super::settings::Settings;
use super::table::Table;
use super::throttle::Bucket;
use super::usage::Run;

/// The account that owns everything: the one that AWS's own documentation uses for examples.
pub(super) const ACCOUNT: &str = "123456789012";

/// One account in all regions.
#[derive(Clone, Debug, Default)]
pub(super) struct World {
    pub meta: Meta,
    pub meta_changed: bool,
    pub instances: Table<Instance>,
    pub launches: Table<Launch>,
    pub requests: Table<SpotRequest>,
    pub volumes: Table<Volume>,
    pub snapshots: Table<Snapshot>,
    pub images: Table<OwnImage>,
    pub groups: Table<Group>,
    pub keys: Table<KeyPair>,
    pub interfaces: Table<Interface>,
    pub roles: Table<Role>,
    pub profiles: Table<Profile>,
    pub tokens: Table<Token>,
    pub pools: Table<Pool>,
    pub calls: Table<u64>,
    pub faults: Table<Armed>,
    pub buckets: Table<Bucket>,
    /// Rows as they were before they changed, for describes that lag.
    pub past: Table<Past>,
    /// What a scenario has still to do, and what it did.
    pub events: Table<Event>,
    /// When instances ran that run no more, for the bill.
    pub runs: Table<Run>,
    /// The earliest instant at which time alone changes something; unknown after a change.
    pub next_due: Option<Timestamp>,
}

/// What there is one of.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Meta {
    pub settings: Settings,
    pub counter: u64,
}

impl World {
    /// A new account with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { meta: Meta { settings, counter: 0 }, meta_changed: true, ..Self::default() }
    }

    /// The settings.
    pub fn settings(&self) -> &Settings {
        &self.meta.settings
    }

    /// The settings, to change.
    pub fn edit_settings(&mut self) -> &mut Settings {
        self.meta_changed = true;
        &mut self.meta.settings
    }

    /// The seed that everything is drawn from.
    pub fn seed(&self) -> u64 {
        self.meta.settings.seed
    }

    /// A number that was not given out before.
    pub fn next_number(&mut self) -> u64 {
        self.meta_changed = true;
        self.meta.counter += 1;
        self.meta.counter
    }

    /// The instant one of the timed steps ends that an object begins at `at`: between 0.8 and 1.2 times what is set, so that a
    /// thousand nodes do not move as one.
    pub fn step_end(&self, at: Timestamp, step: Duration, id: &str) -> Timestamp {
        let share = 0.8 + 0.4 * chance::fraction(self.seed(), &["step", id]);
        later(at, self.settings().span(step), share)
    }

    /// The instant a time after another, as it is at this world's speed.
    pub fn after(&self, at: Timestamp, time: Duration) -> Timestamp {
        later(at, self.settings().span(time), 1.0)
    }

    /// A new id such as `vol-0123456789abcdef0`.
    pub fn next_id(&mut self, prefix: &str) -> String {
        let number = self.next_number().to_string();
        chance::id(prefix, self.seed(), &[&number])
    }

    /// A new spot request's id.
    pub fn next_request_id(&mut self) -> String {
        let number = self.next_number().to_string();
        chance::request_id(self.seed(), &[&number])
    }

    /// From when on describes see an object that is made now. EC2's describes lag behind its creates by a while that
    /// differs from object to object.
    pub fn visible_from(&self, id: &str, now: Timestamp) -> Timestamp {
        let share = 0.5 + 0.5 * chance::fraction(self.seed(), &["visible", id]);
        later(now, self.settings().span(self.settings().visibility_lag), share)
    }

    /// Notes that an action was called.
    pub fn count_call(&mut self, action: &str) {
        let so_far = self.calls.get(action).copied().unwrap_or(0);
        self.calls.put(action, so_far + 1);
    }

    /// Takes everything away. Every row counts as changed, so that its end is written down.
    pub fn clear(&mut self) {
        *self.edit_settings() = Settings::default();
        self.next_due = None;
        self.instances.clear();
        self.launches.clear();
        self.requests.clear();
        self.volumes.clear();
        self.snapshots.clear();
        self.images.clear();
        self.groups.clear();
        self.keys.clear();
        self.interfaces.clear();
        self.roles.clear();
        self.profiles.clear();
        self.tokens.clear();
        self.pools.clear();
        self.calls.clear();
        self.faults.clear();
        self.buckets.clear();
        self.events.clear();
        self.past.clear();
        self.runs.clear();
    }

    /// Whether anything that time works on changed since it was last looked at.
    pub fn has_live_changes(&self) -> bool {
        self.instances.is_changed() || self.requests.is_changed() || self.volumes.is_changed()
    }
}

/// An instant and a share of a span after it.
fn later(at: Timestamp, span: SignedDuration, share: f64) -> Timestamp {
    let share = SignedDuration::try_from_secs_f64(span.as_secs_f64() * share).unwrap_or(span);
    at.checked_add(share).unwrap_or(Timestamp::MAX)
}
