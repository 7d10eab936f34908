//! The world's file: an append-only log of changes, shared by every process that opened it.
//!
//! Each action is one line, so that it is there whole or not at all; a line without its end was cut off by a kill and is
//! left out. A line's bytes are in the kernel's hands before the action is answered, which outlives any kill of the process.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::SimulatorError;
use super::control::Event;
use super::faults::Armed;
use super::lag::Past;
use super::objects::{
    Group, Instance, Interface, KeyPair, Launch, OwnImage, Pool, Profile, Role, Snapshot, SpotRequest, Token, Volume,
};
use super::table::Table;
use super::throttle::Bucket;
use super::usage::Run;
use super::world::{Meta, World};

/// The first line: which format, and how many times the file was written anew. Its length never changes.
#[derive(Serialize, Deserialize)]
struct Header {
    cloudtop_world: u32,
    generation: String,
}

const FORMAT: u32 = 1;
/// Changes for each living object from which on the file is written anew.
const SLACK: usize = 4;
/// A log shorter than this is never written anew.
const SHORT: usize = 2000;

/// One changed object, whole; `None`: it is gone.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Change {
    Meta(Box<Meta>),
    Instance(String, Option<Box<Instance>>),
    Launch(String, Option<Box<Launch>>),
    Request(String, Option<Box<SpotRequest>>),
    Volume(String, Option<Box<Volume>>),
    Snapshot(String, Option<Box<Snapshot>>),
    Image(String, Option<Box<OwnImage>>),
    Group(String, Option<Box<Group>>),
    Key(String, Option<Box<KeyPair>>),
    Interface(String, Option<Box<Interface>>),
    Role(String, Option<Box<Role>>),
    Profile(String, Option<Profile>),
    Token(String, Option<Token>),
    Pool(String, Option<Pool>),
    Call(String, Option<u64>),
    Fault(String, Option<Box<Armed>>),
    Bucket(String, Option<Bucket>),
    Event(String, Option<Box<Event>>),
    Past(String, Option<Box<Past>>),
    Run(String, Option<Box<Run>>),
}

/// A world's file as this process knows it.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    /// Which writing of the file the world in memory comes from.
    generation: Option<u64>,
    /// How far it was read.
    offset: u64,
    changes: usize,
}

/// The file while no other process may touch it.
#[derive(Debug)]
pub(super) struct Locked {
    file: File,
    _lock: File,
}

impl Log {
    /// A file, which need not exist yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), generation: None, offset: 0, changes: 0 }
    }

    /// Takes the lock and brings the world up to date with what other processes wrote.
    pub fn lock(&mut self, world: &mut World) -> Result<Locked, SimulatorError> {
        let failed = |source| SimulatorError::File { path: self.path.clone(), source };
        // A file of its own, because the log is replaced when it is written anew; it is never deleted.
        let lock = File::options().create(true).append(true).open(beside(&self.path, ".lock")).map_err(failed)?;
        lock.lock().map_err(failed)?;
        let exists = self.path.exists();
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path).map_err(failed)?;
        if !exists || file.metadata().map_err(failed)?.len() == 0 {
            file.write_all(&header(1)).map_err(failed)?;
            file.seek(SeekFrom::Start(0)).map_err(failed)?;
        }
        self.catch_up(&mut file, world)?;
        Ok(Locked { file, _lock: lock })
    }

    fn catch_up(&mut self, file: &mut File, world: &mut World) -> Result<(), SimulatorError> {
        let failed = |source| SimulatorError::File { path: self.path.clone(), source };
        let length = header(0).len();
        let mut first = vec![0; length];
        file.read_exact(&mut first).map_err(|_| self.damaged(1))?;
        let header: Header = serde_json::from_slice(&first).map_err(|_| self.damaged(1))?;
        if header.cloudtop_world != FORMAT {
            return Err(SimulatorError::Format { path: self.path.clone(), found: header.cloudtop_world });
        }
        let generation: u64 = header.generation.parse().map_err(|_| self.damaged(1))?;
        if self.generation != Some(generation) {
            let settings = world.settings().clone();
            *world = World { meta: Meta { settings, counter: 0 }, ..World::default() };
            self.generation = Some(generation);
            self.offset = length as u64;
            self.changes = 0;
        }
        file.seek(SeekFrom::Start(self.offset)).map_err(failed)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        for line in text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n")) {
            let changes: Vec<Change> = serde_json::from_slice(line).map_err(|_| self.damaged(self.offset))?;
            self.offset += line.len() as u64;
            self.changes += changes.len();
            world.next_due = None;
            for change in changes {
                apply(world, change);
            }
        }
        Ok(())
    }

    /// Writes down what changed in the world. If that fails, the world in memory is ahead of the file: it is read anew next time.
    pub fn write(&mut self, locked: &mut Locked, world: &mut World) -> Result<(), SimulatorError> {
        let changes = take_changes(world);
        if changes.is_empty() {
            return Ok(());
        }
        let mut line = serde_json::to_vec(&changes).unwrap_or_default();
        line.push(b'\n');
        // What a killed process left half-written behind the last whole line goes.
        let written = locked
            .file
            .set_len(self.offset)
            .and_then(|()| locked.file.seek(SeekFrom::Start(self.offset)))
            .and_then(|_| locked.file.write_all(&line));
        if let Err(source) = written {
            self.generation = None;
            return Err(SimulatorError::File { path: self.path.clone(), source });
        }
        self.offset += line.len() as u64;
        self.changes += changes.len();
        if self.changes > SHORT + SLACK * size(world) {
            self.rewrite(locked, world)?;
        }
        Ok(())
    }

    /// Writes the file anew with nothing but what exists.
    pub fn rewrite(&mut self, locked: &mut Locked, world: &mut World) -> Result<(), SimulatorError> {
        let generation = self.generation.unwrap_or(0) + 1;
        let changes = everything(world);
        let mut text = header(generation);
        if let Ok(line) = serde_json::to_vec(&changes) {
            text.extend(line);
            text.push(b'\n');
        }
        let temporary = beside(&self.path, ".new");
        let replaced = File::create(&temporary)
            .and_then(|mut file| file.write_all(&text).and_then(|()| file.sync_all()).map(|()| file))
            .and_then(|file| fs::rename(&temporary, &self.path).map(|()| file))
            .and_then(|file| sync_directory(&self.path).map(|()| file));
        match replaced {
            Ok(_) => {
                locked.file = OpenOptions::new()
                    .read(true)
                    .write(true)
                    .open(&self.path)
                    .map_err(|source| SimulatorError::File { path: self.path.clone(), source })?;
                take_changes(world);
                self.generation = Some(generation);
                self.offset = text.len() as u64;
                self.changes = changes.len();
                Ok(())
            }
            Err(source) => {
                self.generation = None;
                Err(SimulatorError::File { path: self.path.clone(), source })
            }
        }
    }

    fn damaged(&self, at: u64) -> SimulatorError {
        SimulatorError::Damaged { path: self.path.clone(), at }
    }
}

fn header(generation: u64) -> Vec<u8> {
    format!("{{\"cloudtop_world\":{FORMAT},\"generation\":\"{generation:020}\"}}\n").into_bytes()
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// A rename is on the disk for certain only when its directory is.
fn sync_directory(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()
}

fn apply(world: &mut World, change: Change) {
    fn unbox<T>(row: Option<Box<T>>) -> Option<T> {
        row.map(|row| *row)
    }
    match change {
        Change::Meta(meta) => world.meta = *meta,
        Change::Instance(id, row) => world.instances.replay(id, unbox(row)),
        Change::Launch(id, row) => world.launches.replay(id, unbox(row)),
        Change::Request(id, row) => world.requests.replay(id, unbox(row)),
        Change::Volume(id, row) => world.volumes.replay(id, unbox(row)),
        Change::Snapshot(id, row) => world.snapshots.replay(id, unbox(row)),
        Change::Image(id, row) => world.images.replay(id, unbox(row)),
        Change::Group(id, row) => world.groups.replay(id, unbox(row)),
        Change::Key(id, row) => world.keys.replay(id, unbox(row)),
        Change::Interface(id, row) => world.interfaces.replay(id, unbox(row)),
        Change::Role(id, row) => world.roles.replay(id, unbox(row)),
        Change::Profile(id, row) => world.profiles.replay(id, row),
        Change::Token(id, row) => world.tokens.replay(id, row),
        Change::Pool(id, row) => world.pools.replay(id, row),
        Change::Call(id, row) => world.calls.replay(id, row),
        Change::Fault(id, row) => world.faults.replay(id, unbox(row)),
        Change::Bucket(id, row) => world.buckets.replay(id, row),
        Change::Event(id, row) => world.events.replay(id, unbox(row)),
        Change::Past(id, row) => world.past.replay(id, unbox(row)),
        Change::Run(id, row) => world.runs.replay(id, unbox(row)),
    }
}

fn changed<T: Clone>(table: &mut Table<T>, changes: &mut Vec<Change>, make: impl Fn(String, Option<T>) -> Change) {
    for id in table.take_changed() {
        let row = table.get(&id).cloned();
        changes.push(make(id, row));
    }
}

fn take_changes(world: &mut World) -> Vec<Change> {
    let mut changes = Vec::new();
    if std::mem::take(&mut world.meta_changed) {
        changes.push(Change::Meta(Box::new(world.meta.clone())));
    }
    changed(&mut world.launches, &mut changes, |id, row| Change::Launch(id, row.map(Box::new)));
    changed(&mut world.instances, &mut changes, |id, row| Change::Instance(id, row.map(Box::new)));
    changed(&mut world.requests, &mut changes, |id, row| Change::Request(id, row.map(Box::new)));
    changed(&mut world.volumes, &mut changes, |id, row| Change::Volume(id, row.map(Box::new)));
    changed(&mut world.snapshots, &mut changes, |id, row| Change::Snapshot(id, row.map(Box::new)));
    changed(&mut world.images, &mut changes, |id, row| Change::Image(id, row.map(Box::new)));
    changed(&mut world.groups, &mut changes, |id, row| Change::Group(id, row.map(Box::new)));
    changed(&mut world.keys, &mut changes, |id, row| Change::Key(id, row.map(Box::new)));
    changed(&mut world.interfaces, &mut changes, |id, row| Change::Interface(id, row.map(Box::new)));
    changed(&mut world.roles, &mut changes, |id, row| Change::Role(id, row.map(Box::new)));
    changed(&mut world.profiles, &mut changes, Change::Profile);
    changed(&mut world.tokens, &mut changes, Change::Token);
    changed(&mut world.pools, &mut changes, Change::Pool);
    changed(&mut world.calls, &mut changes, Change::Call);
    changed(&mut world.faults, &mut changes, |id, row| Change::Fault(id, row.map(Box::new)));
    changed(&mut world.buckets, &mut changes, Change::Bucket);
    changed(&mut world.events, &mut changes, |id, row| Change::Event(id, row.map(Box::new)));
    changed(&mut world.past, &mut changes, |id, row| Change::Past(id, row.map(Box::new)));
    changed(&mut world.runs, &mut changes, |id, row| Change::Run(id, row.map(Box::new)));
    changes
}

/// Forgets what changed, where nothing is written down.
pub(super) fn forget_changes(world: &mut World) {
    world.meta_changed = false;
    world.instances.take_changed();
    world.launches.take_changed();
    world.requests.take_changed();
    world.volumes.take_changed();
    world.snapshots.take_changed();
    world.images.take_changed();
    world.groups.take_changed();
    world.keys.take_changed();
    world.interfaces.take_changed();
    world.roles.take_changed();
    world.profiles.take_changed();
    world.tokens.take_changed();
    world.pools.take_changed();
    world.calls.take_changed();
    world.faults.take_changed();
    world.buckets.take_changed();
    world.events.take_changed();
    world.past.take_changed();
    world.runs.take_changed();
}

fn everything(world: &World) -> Vec<Change> {
    fn boxed<T: Clone>(row: &T) -> Option<Box<T>> {
        Some(Box::new(row.clone()))
    }
    let mut all = vec![Change::Meta(Box::new(world.meta.clone()))];
    all.extend(world.launches.iter().map(|(id, row)| Change::Launch(id.clone(), boxed(row))));
    all.extend(world.instances.iter().map(|(id, row)| Change::Instance(id.clone(), boxed(row))));
    all.extend(world.requests.iter().map(|(id, row)| Change::Request(id.clone(), boxed(row))));
    all.extend(world.volumes.iter().map(|(id, row)| Change::Volume(id.clone(), boxed(row))));
    all.extend(world.snapshots.iter().map(|(id, row)| Change::Snapshot(id.clone(), boxed(row))));
    all.extend(world.images.iter().map(|(id, row)| Change::Image(id.clone(), boxed(row))));
    all.extend(world.groups.iter().map(|(id, row)| Change::Group(id.clone(), boxed(row))));
    all.extend(world.keys.iter().map(|(id, row)| Change::Key(id.clone(), boxed(row))));
    all.extend(world.interfaces.iter().map(|(id, row)| Change::Interface(id.clone(), boxed(row))));
    all.extend(world.roles.iter().map(|(id, row)| Change::Role(id.clone(), boxed(row))));
    all.extend(world.profiles.iter().map(|(id, row)| Change::Profile(id.clone(), Some(row.clone()))));
    all.extend(world.tokens.iter().map(|(id, row)| Change::Token(id.clone(), Some(row.clone()))));
    all.extend(world.pools.iter().map(|(id, row)| Change::Pool(id.clone(), Some(row.clone()))));
    all.extend(world.calls.iter().map(|(id, row)| Change::Call(id.clone(), Some(*row))));
    all.extend(world.faults.iter().map(|(id, row)| Change::Fault(id.clone(), boxed(row))));
    all.extend(world.events.iter().map(|(id, row)| Change::Event(id.clone(), boxed(row))));
    all.extend(world.past.iter().map(|(id, row)| Change::Past(id.clone(), boxed(row))));
    all.extend(world.runs.iter().map(|(id, row)| Change::Run(id.clone(), boxed(row))));
    all.extend(world.buckets.iter().map(|(id, row)| Change::Bucket(id.clone(), Some(*row))));
    all
}

fn size(world: &World) -> usize {
    world.instances.len()
        + world.launches.len()
        + world.requests.len()
        + world.volumes.len()
        + world.snapshots.len()
        + world.images.len()
        + world.groups.len()
        + world.keys.len()
        + world.interfaces.len()
        + world.roles.len()
        + world.profiles.len()
        + world.tokens.len()
        + world.pools.len()
        + world.calls.len()
        + world.faults.len()
        + world.buckets.len()
        + world.events.len()
        + world.past.len()
        + world.runs.len()
}
