//! The state file: who we are, and what the user asked for.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::{self, StateError};
use super::files;
use super::lock::{Announce, Exclusive, Shared, Wanted};
use super::paths::Paths;
use crate::domain::budget::Memory;
use crate::domain::environment::Environment;
use crate::domain::names::EnvName;

/// The format that is written here. Whoever adds a field that an older version must not drop raises it.
const FORMAT: u64 = 1;
/// The version of the tool.
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// How long to wait for the state file's lock.
const PATIENCE: Duration = Duration::from_secs(10);
/// More links than this are a circle: Linux follows 40 too.
const MAX_LINKS: usize = 40;

/// What the state file says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    format_version: u64,
    /// The version of the tool that wrote it last.
    written_by: String,
    /// The id of this installation, a UUIDv7, with which all its resources are tagged.
    pub owner: String,
    /// The environments by name.
    pub environments: BTreeMap<EnvName, Environment>,
    /// What was told and allowed about budgets this month.
    #[serde(default, skip_serializing_if = "Memory::is_empty")]
    pub budgets: Memory,
}

/// The part of a state file that all formats have in common.
#[derive(Deserialize)]
struct Header {
    format_version: u64,
}

/// The state file. Each access takes its lock for some milliseconds only.
pub struct Store {
    paths: Paths,
    /// The file itself, not a link to it.
    file: PathBuf,
    lock: PathBuf,
    announce: Box<Announce<'static>>,
    /// The owner if there is no file yet: one, so that what this run tags and what it writes are the same.
    fresh_owner: String,
}

/// The file, locked against writers.
struct Reader<'a> {
    store: &'a Store,
    _lock: Option<Shared>,
}

/// The file, locked against everybody.
struct Writer<'a> {
    store: &'a Store,
    _lock: Exclusive,
}

impl Store {
    /// The state at these paths; nothing is read or made yet. `announce` is told when another run has the lock.
    #[must_use]
    pub fn open(paths: &Paths, announce: impl Fn(&super::Waiting) + Send + Sync + 'static) -> Self {
        // The lock is beside the file itself: who comes by a link and who does not must meet.
        let file = followed(paths.state_file());
        Self {
            lock: files::directory_of(&file).join("state.lock"),
            file,
            paths: paths.clone(),
            announce: Box::new(announce),
            fresh_owner: kept_owner(paths).unwrap_or_else(|| Uuid::now_v7().to_string()),
        }
    }

    /// What the file says; without a file, a state with no environments, which is not written.
    ///
    /// # Errors
    /// [`StateError::Damaged`], [`StateError::Newer`], [`StateError::Locked`], [`StateError::Io`].
    pub async fn read(&self) -> Result<State, StateError> {
        let reader = Reader { store: self, _lock: self.wanted().shared().await? };
        Ok(reader.load()?.map_or_else(|| self.fresh(), |(state, _)| state))
    }

    /// Changes the state and returns it as it is then. A change that changes nothing writes nothing.
    ///
    /// # Errors
    /// As [`Store::read`]; the file is then as it was.
    pub async fn update(&self, change: impl FnOnce(&mut State)) -> Result<State, StateError> {
        self.paths.make_dir(files::directory_of(&self.file))?;
        let writer = Writer { store: self, _lock: self.wanted().exclusive().await? };
        let (old, bytes) = writer.load()?.unzip();
        let old = old.unwrap_or_else(|| self.fresh());
        let mut state = old.clone();
        change(&mut state);
        if state == old {
            return Ok(old);
        }
        if let Some(bytes) = bytes.filter(|_| old.written_by != VERSION) {
            writer.keep(&bytes)?;
        }
        VERSION.clone_into(&mut state.written_by);
        // Before the state: what is tagged with an owner that only a lost file knew would be nobody's.
        self.keep_owner(&state.owner)?;
        writer.write(&state)?;
        Ok(state)
    }

    /// The id of this installation, on the disk when this returns: for what is tagged with it before there is an
    /// environment to write down.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub async fn settle_owner(&self) -> Result<String, StateError> {
        self.paths.make_dir(files::directory_of(&self.file))?;
        let writer = Writer { store: self, _lock: self.wanted().exclusive().await? };
        let owner = writer.load()?.map_or_else(|| self.fresh_owner.clone(), |(state, _)| state.owner);
        self.keep_owner(&owner)?;
        Ok(owner)
    }

    fn keep_owner(&self, owner: &str) -> Result<(), StateError> {
        let file = self.paths.owner_file();
        if kept_owner(&self.paths).as_deref() == Some(owner) {
            return Ok(());
        }
        self.paths.make_dir(files::directory_of(&file))?;
        files::replace(&file, owner.as_bytes())
    }

    fn wanted(&self) -> Wanted<'_> {
        Wanted { path: &self.lock, env: None, patience: PATIENCE, announce: &self.announce }
    }

    fn fresh(&self) -> State {
        State {
            format_version: FORMAT,
            written_by: VERSION.to_owned(),
            owner: self.fresh_owner.clone(),
            environments: BTreeMap::new(),
            budgets: Memory::default(),
        }
    }
}

/// The owner that was written down beside the state file.
fn kept_owner(paths: &Paths) -> Option<String> {
    let text = fs::read_to_string(paths.owner_file()).ok()?;
    Uuid::parse_str(text.trim()).ok().map(|id| id.to_string())
}

impl Reader<'_> {
    fn load(&self) -> Result<Option<(State, Vec<u8>)>, StateError> {
        load(&self.store.file)
    }
}

impl Writer<'_> {
    fn load(&self) -> Result<Option<(State, Vec<u8>)>, StateError> {
        load(&self.store.file)
    }

    /// Keeps what another version of the tool wrote, before it is written over for the first time: fields that
    /// this version does not know are in there alone.
    fn keep(&self, bytes: &[u8]) -> Result<(), StateError> {
        files::replace(&files::with_suffix(&self.store.file, ".bak"), bytes)
    }

    fn write(&self, state: &State) -> Result<(), StateError> {
        let file = &self.store.file;
        let mut bytes =
            serde_json::to_vec_pretty(state).map_err(|error| StateError::io("write", file)(error.into()))?;
        bytes.push(b'\n');
        files::replace(file, &bytes)
    }
}

/// What the state file says at this moment, without its lock: it is only ever replaced as a whole. `None`: there is none.
/// For answers that nothing is done upon.
///
/// # Errors
/// [`StateError::Damaged`], [`StateError::Newer`], [`StateError::Io`].
pub fn glance(paths: &Paths) -> Result<Option<State>, StateError> {
    Ok(load(&followed(paths.state_file()))?.map(|(state, _)| state))
}

/// The file's state and bytes, or `None` where there is none.
fn load(path: &Path) -> Result<Option<(State, Vec<u8>)>, StateError> {
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(StateError::io("read", path)(error)),
    };
    let damaged = |error: serde_json::Error| StateError::Damaged {
        path: path.to_owned(),
        line: error.line(),
        column: error.column(),
        detail: error::detail(&error),
    };
    // The format comes first: of a newer one nothing else need be understood.
    let found = serde_json::from_slice::<Header>(&bytes).map_err(damaged)?.format_version;
    if found > FORMAT {
        return Err(StateError::Newer { path: path.to_owned(), found, known: FORMAT });
    }
    if found < FORMAT {
        let detail = format!("there has never been a format {found}");
        return Err(StateError::Damaged { path: path.to_owned(), line: 0, column: 0, detail });
    }
    let state = serde_json::from_slice(&bytes).map_err(damaged)?;
    Ok(Some((state, bytes)))
}

/// Where a path leads when links are followed, whether or not there is a file at the end: a rename would replace the
/// link and leave the file that it leads to behind.
fn followed(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        // No link, or nothing there: reading will tell which.
        let Ok(target) = fs::read_link(&path) else { break };
        path = files::directory_of(&path).join(target);
    }
    path
}

#[cfg(test)]
mod tests;
