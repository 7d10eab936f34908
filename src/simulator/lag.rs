//! Reads that lag behind writes: describes show an object as it was a while ago.
//!
//! EC2 is eventually consistent in what it says of old objects too, not only of new ones: an instance can be `running`
//! for seconds after it was terminated. With `read-lag` set, every row that changes is kept as it was, and a describe is
//! answered from a world in which each object is turned back by its own lag.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::chance;
use super::lifecycle;
use super::objects::{Group, Instance, Interface, KeyPair, OwnImage, Snapshot, SpotRequest, Volume};
use super::table::Table;
use super::world::World;

/// A row as it was until an instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Past {
    until: Timestamp,
    was: Row,
}

/// A row of one of the tables that describes are about; `None`: it was not there.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Row {
    Instance(String, Option<Box<Instance>>),
    Request(String, Option<Box<SpotRequest>>),
    Volume(String, Option<Box<Volume>>),
    Snapshot(String, Option<Box<Snapshot>>),
    Image(String, Option<Box<OwnImage>>),
    Group(String, Option<Box<Group>>),
    Key(String, Option<Box<KeyPair>>),
    Interface(String, Option<Box<Interface>>),
}

impl Row {
    fn id(&self) -> &str {
        let (Self::Instance(id, _)
        | Self::Request(id, _)
        | Self::Volume(id, _)
        | Self::Snapshot(id, _)
        | Self::Image(id, _)
        | Self::Group(id, _)
        | Self::Key(id, _)
        | Self::Interface(id, _)) = self;
        id
    }

    /// Takes its place in the world; what was in it.
    fn take_place(self, world: &mut World) -> Self {
        fn swap<T: Clone>(
            table: &mut Table<T>,
            id: String,
            row: Option<Box<T>>,
            make: fn(String, Option<Box<T>>) -> Row,
        ) -> Row {
            let other = table.swap(&id, row.map(|row| *row));
            make(id, other.map(Box::new))
        }
        match self {
            Self::Instance(id, row) => swap(&mut world.instances, id, row, Self::Instance),
            Self::Request(id, row) => swap(&mut world.requests, id, row, Self::Request),
            Self::Volume(id, row) => swap(&mut world.volumes, id, row, Self::Volume),
            Self::Snapshot(id, row) => swap(&mut world.snapshots, id, row, Self::Snapshot),
            Self::Image(id, row) => swap(&mut world.images, id, row, Self::Image),
            Self::Group(id, row) => swap(&mut world.groups, id, row, Self::Group),
            Self::Key(id, row) => swap(&mut world.keys, id, row, Self::Key),
            Self::Interface(id, row) => swap(&mut world.interfaces, id, row, Self::Interface),
        }
    }
}

/// What changed since it was asked last, as it was then.
fn changed(world: &mut World) -> Vec<Row> {
    fn rows<T: Clone>(table: &mut Table<T>, make: fn(String, Option<Box<T>>) -> Row) -> impl Iterator<Item = Row> {
        table.take_before().into_iter().map(move |(id, row)| make(id, row.map(Box::new)))
    }
    let mut all: Vec<Row> = rows(&mut world.instances, Row::Instance).collect();
    all.extend(rows(&mut world.requests, Row::Request));
    all.extend(rows(&mut world.volumes, Row::Volume));
    all.extend(rows(&mut world.snapshots, Row::Snapshot));
    all.extend(rows(&mut world.images, Row::Image));
    // A region's default group comes with the first look at it, and was always there.
    let groups: Vec<Row> = rows(&mut world.groups, Row::Group).collect();
    let default = |row: &Row| world.groups.get(row.id()).is_some_and(|group| group.name == "default");
    all.extend(groups.into_iter().filter(|row| !default(row)));
    all.extend(rows(&mut world.keys, Row::Key));
    all.extend(rows(&mut world.interfaces, Row::Interface));
    all
}

/// The longest lag at the world's speed; none without one.
fn longest(world: &World) -> Option<SignedDuration> {
    let lag = world.settings().span(world.settings().read_lag);
    (!lag.is_zero()).then_some(lag)
}

/// Brings the world to `now`, step by step as far as its steps may be seen late.
pub(super) fn advance(world: &mut World, now: Timestamp) {
    if let Some(lag) = longest(world) {
        let seen_by_all = now.checked_sub(lag).unwrap_or(Timestamp::MIN);
        lifecycle::advance(world, seen_by_all);
        remember(world, seen_by_all);
        while let Some(due) = lifecycle::next_due(world).filter(|due| *due < now) {
            world.next_due = None;
            lifecycle::advance(world, due);
            remember(world, due);
        }
    }
    lifecycle::advance(world, now);
    remember(world, now);
}

/// Keeps what changed since it was asked last, as it was until `now`, and forgets what no describe can show any more.
pub(super) fn remember(world: &mut World, now: Timestamp) {
    let changed = changed(world);
    let Some(lag) = longest(world) else { return world.past.clear() };
    let oldest = now.checked_sub(lag).unwrap_or(Timestamp::MIN);
    let over: Vec<String> =
        world.past.iter().filter(|(_, past)| past.until <= oldest).map(|(id, _)| id.clone()).collect();
    for id in over {
        world.past.remove(&id);
    }
    for was in changed {
        let number = world.past.last_id().and_then(|id| id.parse::<u64>().ok()).unwrap_or(0) + 1;
        world.past.put(&format!("{number:012}"), Past { until: now, was });
    }
}

/// Turns every object back by its lag; answers what they were turned from, for [`turn_forth`].
pub(super) fn turn_back(world: &mut World, now: Timestamp) -> Vec<Row> {
    let Some(lag) = longest(world) else { return Vec::new() };
    let seed = world.seed();
    let mut turned = BTreeSet::new();
    let mut shown = Vec::new();
    for past in world.past.values() {
        let id = past.was.id();
        let share = 0.5 + 0.5 * chance::fraction(seed, &["lag", id]);
        let own = SignedDuration::try_from_secs_f64(lag.as_secs_f64() * share).unwrap_or(lag);
        // The first change after the moment that is shown tells how it was at that moment.
        if past.until.checked_add(own).is_ok_and(|seen| now < seen) && turned.insert(id.to_owned()) {
            shown.push(past.was.clone());
        }
    }
    shown.into_iter().map(|was| was.take_place(world)).collect()
}

/// Gives the objects back what they are.
pub(super) fn turn_forth(world: &mut World, turned: Vec<Row>) {
    for row in turned {
        row.take_place(world);
    }
}
